"""The daily: what each says, which item waits by it, and what the board knows already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Change, Finding, Item, Product, User
from backlog.queries.agendas import Reader, part_of, parts_for
from backlog.services.items import ItemDraft, create_items, move_items, update_item
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, DailyNote, Sprint
from sprints.queries.dailies import Daily, daily_of, day_of_daily, facts, words
from sprints.services.dailies import Said, clear_block, write_note
from sprints.services.seats import come_as_guest, make_guest_link, take_seat
from tests.backlog.evidence import see
from tests.conftest import Cast
from tests.sprints.conftest import fresh, status_of

HTMX = {"HX-Request": "true"}
TUESDAY, WEDNESDAY = date(2026, 3, 31), date(2026, 4, 1)


@pytest.fixture
def daily(product: Product, running: Sprint) -> Ceremony:
    """On the second Tuesday of the sprint, at nine in London."""
    return daily_on(running, datetime(2026, 3, 31, 8, tzinfo=UTC))


def daily_on(sprint: Sprint, moment: datetime) -> Ceremony:
    return Ceremony.objects.create(
        product=sprint.backlog.product,
        sprint=sprint,
        kind=Ceremony.Kind.DAILY,
        title="Daily",
        starts_at=moment,
        minutes=15,
    )


def say(ceremony: Ceremony, user: User, *, marks: bool = True, **said: Any) -> DailyNote:
    assert ceremony.sprint is not None
    day = day_of_daily(ceremony, ceremony.sprint)
    if "item" in said:
        said["item"] = fresh(said["item"])
    return write_note(ceremony, day, user, Said(**said), actor=Actor.person(user), marks=marks)


def seen_by(ceremony: Ceremony, user: User | None, *, may: bool = True) -> Daily:
    seat = take_seat(ceremony, user) if user else None
    return daily_of(ceremony, Reader(seat, lambda permission: may))


def url(ceremony: Ceremony, door: str = "") -> str:
    return f"/p/MED/ceremonies/{ceremony.pk}/daily/{door}{'/' if door else ''}"


def reason_of(item: Item) -> str:
    return fresh(item).blocked_reason


# Deeds -------------------------------------------------------------------------------------------


def test_a_person_says_one_thing_a_day_and_may_say_it_anew(daily: Ceremony, cast: Cast) -> None:
    say(daily, cast.max, done="Read", next="Write")
    say(daily, cast.max, done="Read\r\nall", next="Write")
    note = DailyNote.objects.get()
    assert (note.day, note.done, note.next, note.user) == (TUESDAY, "Read\nall", "Write", cast.max)
    told = Activity.objects.filter(kind="daily.noted")
    assert [activity.data for activity in told] == [
        {"ceremony": daily.pk, "day": "2026-03-31", "person": cast.max.pk}
    ] * 2


def test_the_day_is_that_of_the_zone_of_the_sprint(running: Sprint) -> None:
    Sprint.objects.filter(pk=running.pk).update(zone="Pacific/Auckland")
    running.refresh_from_db()
    late = daily_on(running, datetime(2026, 3, 31, 20, tzinfo=UTC))
    assert day_of_daily(late, running) == WEDNESDAY


def test_what_blocks_marks_the_item_and_clearing_it_unmarks(
    daily: Ceremony, cast: Cast, items: list[Item]
) -> None:
    say(daily, cast.max, blocked="Waits for\nthe labels", item=items[0])
    assert reason_of(items[0]) == "Waits for the labels"
    change = Change.objects.get(item=items[0], field="blocked_reason")
    assert (change.activity.kind, change.activity.user) == ("daily.noted", cast.max)
    say(daily, cast.max, blocked="Still waits", item=items[0])
    assert reason_of(items[0]) == "Still waits"
    say(daily, cast.max, blocked="")
    assert reason_of(items[0]) == ""
    assert DailyNote.objects.get().marked == ""


def test_another_item_named_frees_the_one_before(
    daily: Ceremony, cast: Cast, items: list[Item]
) -> None:
    say(daily, cast.max, blocked="Labels", item=items[0])
    say(daily, cast.max, blocked="Labels", item=items[1])
    assert [reason_of(item) for item in items[:2]] == ["", "Labels"]


def test_a_block_goes_on_the_next_day_and_ends_when_it_is_not_said_again(
    daily: Ceremony, cast: Cast, items: list[Item], running: Sprint
) -> None:
    say(daily, cast.max, blocked="Labels", item=items[0])
    next_day = daily_on(running, daily.starts_at + timedelta(days=1))
    own = seen_by(next_day, cast.max).own
    assert own is not None
    assert (own.blocked, own.waits, own.is_suggested) == ("Labels", "MED-1", True)
    say(next_day, cast.max, blocked="Labels, day two", item=items[0])
    assert reason_of(items[0]) == "Labels, day two"
    third = daily_on(running, daily.starts_at + timedelta(days=2))
    say(third, cast.max, done="Got them")
    assert reason_of(items[0]) == ""
    assert not DailyNote.objects.exclude(marked="").exists()


def test_the_reason_of_somebody_else_is_left_alone(
    daily: Ceremony, cast: Cast, items: list[Item], olga: Actor
) -> None:
    say(daily, cast.max, blocked="Labels", item=items[0])
    update_item(fresh(items[0]), actor=olga, blocked_reason="Legal")
    say(daily, cast.max, done="Free")
    assert reason_of(items[0]) == "Legal"
    with pytest.raises(Conflict, match="MED-1 waits already: Legal"):
        say(daily, cast.max, blocked="Labels", item=items[0])
    assert DailyNote.objects.get().done == "Free"  # all or nothing


def test_an_item_waits_with_a_reason_and_in_the_sprint_only(
    daily: Ceremony, cast: Cast, items: list[Item]
) -> None:
    with pytest.raises(DomainError, match="Say what MED-1 waits for"):
        say(daily, cast.max, item=items[0])
    with pytest.raises(Conflict, match="MED-4 is not in Sprint 1"):
        say(daily, cast.max, blocked="x", item=items[3])
    assert not DailyNote.objects.exists()


def test_who_may_not_edit_items_says_it_and_marks_nothing(
    daily: Ceremony, cast: Cast, items: list[Item]
) -> None:
    note = say(daily, cast.dora, marks=False, blocked="The guideline", item=items[0])
    assert (note.blocked, note.blocked_item, reason_of(items[0])) == ("The guideline", None, "")


def test_somebody_else_may_clear_a_block(
    daily: Ceremony, cast: Cast, items: list[Item], olga: Actor
) -> None:
    note = say(daily, cast.max, blocked="Labels", item=items[0])
    note = DailyNote.objects.select_related("blocked_item__product").get(pk=note.pk)
    clear_block(daily, note, actor=olga)
    clear_block(daily, note, actor=olga)
    assert reason_of(items[0]) == ""
    assert DailyNote.objects.get().blocked == "Labels"  # what was said stays
    assert Activity.objects.filter(kind="daily.unblocked").count() == 1


def test_a_note_has_an_end(daily: Ceremony, cast: Cast) -> None:
    with pytest.raises(DomainError, match="at most 2000 letters; this has 2001"):
        say(daily, cast.max, done="x" * 2001)


def test_nothing_is_said_in_a_daily_that_is_over(daily: Ceremony, cast: Cast) -> None:
    Ceremony.objects.filter(pk=daily.pk).update(state="over", closed_at=timezone.now())
    with pytest.raises(Conflict, match="is over"):
        say(daily, cast.max, done="Late")


# What is shown -----------------------------------------------------------------------------------


def test_the_form_suggests_what_the_person_moved_since_the_last_daily(
    daily: Ceremony,
    cast: Cast,
    items: list[Item],
    product: Product,
    travel: Callable[[str], datetime],
) -> None:
    acts = Actor.person(cast.max)
    doing = status_of(product, "doing")
    travel("2026-03-30 09:00+00:00")
    update_item(fresh(items[0]), actor=acts, status=doing, assignees=[cast.max])
    update_item(fresh(items[1]), actor=Actor.person(cast.sina), status=doing)
    travel("2026-03-30 15:00+00:00")
    update_item(fresh(items[2]), actor=acts, status=doing)
    update_item(fresh(items[2]), actor=acts, status=status_of(product, "done"))
    own = seen_by(daily, cast.max).own
    assert own is not None
    assert own.done.splitlines() == ["MED-1 Story 8: In progress", "MED-3 Story 3: Done"]
    assert (own.next, own.is_said, own.is_suggested) == ("MED-1 Story 8", False, True)
    say(daily, cast.max, done="Mine", next="")
    own = seen_by(daily, cast.max).own
    assert own is not None
    assert (own.done, own.next, own.is_said) == ("Mine", "", True)
    silent = seen_by(daily, cast.olga).own
    assert silent is not None
    assert (silent.done, silent.next, silent.is_suggested) == ("", "", False)


def test_it_lists_who_waits_what_ages_and_what_needs_a_yes(
    daily: Ceremony,
    cast: Cast,
    items: list[Item],
    product: Product,
    olga: Actor,
    travel: Callable[[str], datetime],
) -> None:
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "doing"))
    update_item(fresh(items[1]), actor=olga, blocked_reason="Legal")
    update_item(
        fresh(items[2]), actor=olga, status=status_of(product, "doing"), blocked_reason="Labels"
    )
    travel("2026-03-31 09:00+00:00")
    found = seen_by(daily, cast.max)
    assert [card.ref for card in found.ageing] == ["MED-1"]
    waiting = [("MED-2", False), ("MED-3", True)]
    assert [(card.ref, card.is_old) for card in found.waiting] == waiting
    assert found.recovered == []
    assert found.board is not None
    assert found.board.progress is not None
    assert found.board.progress.scope == 16


@pytest.fixture
def recovered(daily: Ceremony, product: Product, olga: Actor) -> Item:
    """An item in the sprint whose evidence has recovered, and whose team asks for a yes."""
    product.on_green = "ask"
    product.save()
    see(product, "age")
    item = Item.objects.get(findings__isnull=False)
    assert daily.sprint is not None
    move_items(product, [item], actor=olga, spot=Spot.bottom(), to=daily.sprint.backlog)
    see(product, "age", outcome="passed")
    assert Finding.objects.get().recovered
    return fresh(item)


def test_recovered_items_are_confirmed_with_the_button_of_the_board(
    daily: Ceremony, recovered: Item, cast: Cast, as_person: Any
) -> None:
    max_, dora = as_person(cast.max), as_person(cast.dora)
    asked = f"Confirm that {recovered.ref} is done"
    assert asked in max_.get(url(daily)).content.decode()
    seen = dora.get(url(daily)).content.decode()
    assert recovered.ref in seen
    assert asked not in seen
    assert dora.post(url(daily, "confirm"), {"item": recovered.ref}).status_code == 403
    answer = max_.post(url(daily, "confirm"), {"item": recovered.ref}, headers=HTMX)
    assert asked not in answer.content.decode()
    assert fresh(recovered).status.category == "done"
    told = Activity.objects.get(kind="daily.confirmed")
    assert (told.item, told.data["ceremony"]) == (recovered, daily.pk)
    again = max_.post(url(daily, "confirm"), {"item": recovered.ref}, headers=HTMX)
    assert again.status_code == 422


def test_the_team_is_asked_and_whoever_spoke_is_heard(
    daily: Ceremony, cast: Cast, product: Product
) -> None:
    say(daily, cast.dora, marks=False, done="Read the guideline")
    people = [(str(word.user), word.note is not None) for word in seen_by(daily, None).people]
    assert people == [
        ("Max Berger", False), ("Olga Kuznetsova", False), ("Sina Rahimi", False),
        ("Dora Anyango", True),
    ]  # fmt: skip
    product.teams.get().members.set(product.members.filter(user=cast.max))
    people = [(str(word.user), word.note is not None) for word in seen_by(daily, None).people]
    assert people == [("Max Berger", False), ("Dora Anyango", True)]


def test_a_daily_of_no_sprint_shows_nothing_and_one_before_the_start_no_board(
    product: Product, planned: Sprint, cast: Cast, as_person: Any
) -> None:
    alone = Ceremony.objects.create(
        product=product, kind="daily", title="Daily", starts_at=timezone.now(), minutes=15
    )
    assert facts(alone, Reader(None, lambda permission: True)) is None
    assert words(alone) == ""
    page = as_person(cast.max).get(url(alone))
    assert (page.status_code, "nothing to show" in page.content.decode()) == (200, True)
    assert as_person(cast.max).get(url(alone), headers=HTMX).content == b""
    assert as_person(cast.max).post(url(alone, "note"), {"done": "x"}).status_code == 404
    early = daily_on(planned, datetime(2026, 3, 24, 8, tzinfo=UTC))
    assert seen_by(early, cast.max).board is None
    assert as_person(cast.max).get(url(early)).status_code == 200


def test_the_minutes_hold_who_said_what(daily: Ceremony, cast: Cast, items: list[Item]) -> None:
    say(daily, cast.max, done="Read\n*all*", next="Write", blocked="Labels", item=items[0])
    say(daily, cast.olga, next="<b>Order</b>")
    assert words(daily).splitlines() == [
        "- **Max Berger**",
        "  - Done:",
        "    - Read",
        r"    - \*all\*",
        "  - Next: Write",
        "  - Blocked (MED-1): Labels",
        "- **Olga Kuznetsova**",
        r"  - Next: \<b\>Order\</b\>",
    ]


def test_the_part_is_registered_for_dailies() -> None:
    assert part_of("daily") in parts_for("daily")
    assert part_of("daily") not in parts_for("planning")


# Doors -------------------------------------------------------------------------------------------


def test_a_daily_through_the_pages(
    daily: Ceremony, cast: Cast, as_person: Any, items: list[Item]
) -> None:
    max_ = as_person(cast.max)
    assert "Take part" in max_.get(url(daily)).content.decode()
    assert not daily.participants.exists()  # looking changes nothing
    joined = max_.post(url(daily, "join"), headers=HTMX).content.decode()
    assert "What you say" in joined
    sent = {"done": "Read", "next": "Write", "blocked": "Labels", "item": "MED-1"}
    answer = max_.post(url(daily, "note"), {**sent, "next": "Write"}, headers=HTMX)
    assert "Blocked no more" in answer.content.decode()
    assert reason_of(items[0]) == "Labels"
    note = DailyNote.objects.get()
    dora = as_person(cast.dora)
    assert "Blocked no more" not in dora.get(url(daily)).content.decode()
    assert dora.post(url(daily, "clear"), {"note": note.pk}).status_code == 403
    cleared = as_person(cast.sina).post(url(daily, "clear"), {"note": note.pk}, headers=HTMX)
    assert cleared.status_code == 200
    assert reason_of(items[0]) == ""
    refused = max_.post(url(daily, "note"), {"item": "MED-1"}, headers=HTMX)
    assert (refused.status_code, "waits for" in refused.content.decode()) == (422, True)
    assert max_.post(url(daily, "note"), {"blocked": "x", "item": "NO-1"}).status_code == 404
    assert max_.post(url(daily, "clear"), {"note": "none"}, headers=HTMX).status_code == 404


def test_a_guest_looks_at_a_daily_only(
    daily: Ceremony, cast: Cast, olga: Actor, items: list[Item], travel: Callable[..., datetime]
) -> None:
    say(daily, cast.max, done="<i>Read</i>")
    link, _ = make_guest_link(daily, actor=olga)
    seat, browser = come_as_guest(link, "Pia"), Client()
    session = browser.session
    session["seats"] = {str(daily.pk): seat.pk}
    session.save()
    page = browser.get(url(daily)).content.decode()
    assert "&lt;i&gt;Read" in page
    assert "What you say" not in page
    assert "Take part" not in page
    assert "/p/MED/items/" not in page
    sent = browser.post(url(daily, "note"), {"done": "x"})
    assert sent["Location"].startswith("/sign-in/")
    assert DailyNote.objects.count() == 1


def test_more_people_and_items_take_no_more_statements(
    daily: Ceremony, cast: Cast, product: Product, olga: Actor, items: list[Item]
) -> None:
    seat = take_seat(daily, cast.max)
    assert daily.sprint is not None
    sprint = daily.sprint

    def statements() -> int:
        ceremony = Ceremony.objects.select_related(
            "product", "sprint__backlog__team__calendar", "sprint__backlog__product"
        ).get(pk=daily.pk)
        with CaptureQueriesContext(connection) as taken:
            found = daily_of(ceremony, Reader(seat, lambda permission: True))
            assert found.own
            assert [word.waits for word in found.people]
            words(ceremony)
        return len(taken)

    say(daily, cast.olga, done="One", blocked="Labels", item=items[0])
    update_item(fresh(items[1]), actor=Actor.person(cast.max), status=status_of(product, "doing"))
    few = statements()
    more = create_items(
        product, [ItemDraft(f"More {n}", points=Decimal(1)) for n in range(8)], actor=olga
    )
    move_items(product, more, actor=olga, spot=Spot.bottom(), to=sprint.backlog)
    for item in more:
        update_item(
            fresh(item), actor=Actor.person(cast.max), status=status_of(product, "doing"),
            assignees=[cast.max],
        )  # fmt: skip
    say(daily, cast.sina, blocked="Servers", item=more[0])
    say(daily, cast.dora, marks=False, done="Two")
    assert statements() == few
