"""Planning poker: hidden until the reveal, for everybody and through every door."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Change, Item, Product
from backlog.queries.agendas import Reader, part_of, parts_for
from backlog.services.items import ItemDraft, create_items
from mlscrum.lib.errors import Conflict, DomainError, Refused
from sprints.models import Ceremony, Participant, PokerVote, Round
from sprints.queries.poker import found_for, poker_of, scale_of, suggestions, words
from sprints.rules.poker import (
    USUAL_SCALE,
    BadScaleError,
    importance_of,
    label_of,
    points_of,
    read_scale,
    spread_of,
    written,
)
from sprints.services.poker import (
    accept,
    pick_items,
    reveal,
    set_aside,
    set_scale,
    start_round,
    unpick_item,
    vote,
    weigh,
)
from sprints.services.seats import (
    GONE_AFTER,
    be_present,
    come_as_guest,
    make_guest_link,
    see_off,
    stay,
    take_seat,
)
from tests.conftest import Cast

SECRET_CARD = "13"

# Rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "cards"),
    [
        ("1 2 3", ["1", "2", "3"]),
        ("3, 1; 2", ["1", "2", "3"]),
        ("0 ½ 1", ["0", "0.5", "1"]),
        ("1½ 2", ["1.5", "2"]),
        ("1 1 1.0 2", ["1", "2"]),
        ("1 2 ? coffee", ["1", "2"]),
        ("40 100", ["40", "100"]),
    ],
)
def test_a_scale_is_read_as_people_write_it(typed: str, cards: list[str]) -> None:
    assert read_scale(typed) == cards


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "2 to 20"),
        ("5", "2 to 20"),
        ("? coffee", "2 to 20"),
        (" ".join(str(n) for n in range(21)), "2 to 20"),
        ("1 many", "no number"),
        ("1 NaN", "not between"),
        ("1 Infinity", "not between"),
        ("-1 1", "not between"),
        ("1 10000", "not between"),
        ("1 0.25", "one decimal"),
        ("1 ½½", "no number"),
    ],
)
def test_a_scale_that_nobody_can_vote_with_is_refused(typed: str, why: str) -> None:
    with pytest.raises(BadScaleError, match=why):
        read_scale(typed)


def test_cards_say_what_they_stand_for() -> None:
    assert [label_of(card) for card in ("0.5", "1", "?")] == ["½", "1", "?"]
    assert [points_of(card) for card in ("0.5", "?", "coffee")] == [Decimal("0.5"), None, None]
    assert [written(Decimal(text)) for text in ("40.0", "0.50", "0")] == ["40", "0.5", "0"]


@pytest.mark.parametrize(
    ("cards", "low", "high", "median", "suggested"),
    [
        (["3"], 3, 3, 3, 3),
        (["3", "5"], 3, 5, 4, 5),
        (["3", "5", "8"], 3, 8, 5, 5),
        (["1", "2", "3", "40"], 1, 40, 2.5, 3),
        (["5", "?", "coffee"], 5, 5, 5, 5),
    ],
)
def test_the_spread_of_a_round(
    cards: list[str], low: float, high: float, median: float, suggested: float
) -> None:
    found = spread_of(dict(enumerate(cards)))
    assert (found.low, found.high, found.median, found.suggested) == (low, high, median, suggested)
    assert found.votes == len(cards)


def test_lowest_and_highest_speak_first_and_nobody_where_all_agree() -> None:
    apart = spread_of({1: "3", 2: "8", 3: "3", 4: "5", 5: "?"})
    assert (list(apart.lowest), list(apart.highest), list(apart.unsure)) == ([1, 3], [2], [5])
    assert not apart.is_agreed
    same = spread_of({1: "5", 2: "5", 3: "coffee"})
    assert (list(same.lowest), list(same.highest), same.is_agreed) == ([], [], True)
    assert not spread_of({1: "5"}).is_agreed


def test_a_round_without_an_estimate_has_no_median() -> None:
    found = spread_of({1: "?", 2: "coffee"})
    assert (found.votes, found.estimates, found.low, found.median, found.suggested) == (
        2, 0, None, None, None,
    )  # fmt: skip
    assert spread_of({}).votes == 0


@pytest.mark.parametrize(
    ("votes", "disagreement", "talk_first"),
    [
        ([], None, False),
        ([("Developer", 1)], None, False),
        ([("Developer", 1), ("Developer", 5)], None, False),
        ([("Developer", 3), ("Stakeholder", 4)], 1, False),
        ([("Developer", 2), ("Stakeholder", 4)], 2, True),
        ([("Developer", 1), ("Developer", 2), ("Planner", 5)], 3.5, True),
        ([("A", 1), ("B", 3), ("C", 5)], 4, True),
    ],
)
def test_disagreement_is_the_range_of_the_means_of_the_roles(
    votes: list[tuple[str, int]], disagreement: float | None, talk_first: bool
) -> None:
    found = importance_of(votes)
    assert (found.disagreement, found.talk_first) == (disagreement, talk_first)


def test_each_role_counts_the_same() -> None:
    found = importance_of([("Developer", 1)] * 9 + [("Planner", 5)])
    assert found.means == {"Developer": 1, "Planner": 5}
    assert found.overall == 3


# Services ----------------------------------------------------------------------------------------


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def items(product: Product, olga: Actor) -> list[Item]:
    drafts = [ItemDraft("Known", points=Decimal(3)), ItemDraft("New"), ItemDraft("Newer")]
    return create_items(product, drafts, actor=olga)


@pytest.fixture
def refinement(product: Product, items: list[Item]) -> Ceremony:
    return Ceremony.objects.create(
        product=product,
        kind=Ceremony.Kind.REFINEMENT,
        title="Refinement",
        starts_at=timezone.now(),
        minutes=60,
    )


@pytest.fixture
def seats(refinement: Ceremony, cast: Cast) -> dict[str, Participant]:
    return {name: take_seat(refinement, cast[name]) for name in ("olga", "max", "dora")}


@pytest.fixture
def voting(refinement: Ceremony, items: list[Item], olga: Actor) -> Round:
    return start_round(refinement, items[1], actor=olga)


def url(ceremony: Ceremony, door: str = "") -> str:
    return f"/p/MED/ceremonies/{ceremony.pk}/poker/{door}{'/' if door else ''}"


def over(ceremony: Ceremony) -> None:
    Ceremony.objects.filter(pk=ceremony.pk).update(
        state="over", closed_at=timezone.now(), secret=""
    )
    ceremony.refresh_from_db()


def guest_of(ceremony: Ceremony, olga: Actor, **about: Any) -> tuple[Participant, Client]:
    link, _ = make_guest_link(ceremony, actor=olga, **about)
    seat, browser = come_as_guest(link, "Pia Planner"), Client()
    session = browser.session
    session["seats"] = {str(ceremony.pk): seat.pk}
    session.save()
    return seat, browser


def test_voting_starts_with_picking_and_there_is_one_vote_at_a_time(
    refinement: Ceremony, items: list[Item], olga: Actor
) -> None:
    first = start_round(refinement, items[1], actor=olga)
    assert start_round(refinement, items[1], actor=olga) == first
    assert [pick.item for pick in refinement.picks.all()] == [items[1]]
    with pytest.raises(Conflict, match="MED-2 is voted on now"):
        start_round(refinement, items[0], actor=olga)
    kinds = Activity.objects.filter(kind__startswith="poker.").values_list("kind", "data")
    assert [(kind, data["ceremony"]) for kind, data in kinds] == [
        ("poker.round_started", refinement.pk)
    ]


def test_a_vote_is_changed_until_the_reveal_and_too_late_after_it(
    voting: Round, seats: dict[str, Participant], cast: Cast
) -> None:
    acts = Actor.person(cast.max)
    vote(voting, seats["max"], "3", actor=acts)
    vote(voting, seats["max"], "5", actor=acts)
    vote(voting, seats["max"], "5", actor=acts)
    assert [held.card for held in voting.votes.all()] == ["5"]
    assert Activity.objects.filter(kind="poker.voted").count() == 2
    reveal(voting, actor=acts)
    with pytest.raises(Conflict, match="your vote came too late"):
        vote(voting, seats["max"], "8", actor=acts)
    assert [held.card for held in voting.votes.all()] == ["5"]


@pytest.mark.parametrize("card", ["", "4", "½", "0.50", "999", "coffee "])
def test_only_cards_of_the_scale_are_held_up(
    voting: Round, seats: dict[str, Participant], olga: Actor, card: str
) -> None:
    with pytest.raises(DomainError, match="one of the cards"):
        vote(voting, seats["max"], card, actor=olga)
    assert not voting.votes.exists()


def test_observers_and_people_of_other_ceremonies_do_not_vote(
    voting: Round, seats: dict[str, Participant], olga: Actor, cast: Cast
) -> None:
    seats["max"].is_observer = True
    seats["max"].save()
    with pytest.raises(Refused, match="Observers look"):
        vote(voting, seats["max"], "5", actor=Actor.person(cast.max))
    other = Ceremony.objects.get(pk=voting.ceremony_id)
    other.pk = None
    other.save()
    with pytest.raises(Refused, match="another ceremony"):
        vote(voting, take_seat(other, cast.dora), "5", actor=Actor.person(cast.dora))


def test_a_reveal_happens_once_and_takes_a_vote(
    voting: Round, seats: dict[str, Participant], olga: Actor
) -> None:
    with pytest.raises(DomainError, match="Nobody has voted"):
        reveal(voting, actor=olga)
    vote(voting, seats["max"], "5", actor=olga)
    assert reveal(voting, actor=olga).state == Round.State.REVEALED
    assert reveal(voting, actor=olga).state == Round.State.REVEALED
    assert Activity.objects.filter(kind="poker.revealed").count() == 1
    with pytest.raises(Conflict, match="can't be set aside"):
        set_aside(voting, actor=olga)


def test_an_accepted_estimate_is_the_actors_own_change_of_the_item(
    voting: Round, seats: dict[str, Participant], olga: Actor, cast: Cast, items: list[Item]
) -> None:
    with pytest.raises(Conflict, match="Reveal the votes"):
        accept(voting, Decimal(5), actor=olga)
    vote(voting, seats["max"], "5", actor=olga)
    reveal(voting, actor=olga)
    with pytest.raises(DomainError, match="one of the cards"):
        accept(voting, Decimal(4), actor=olga)
    for word in ("sNaN", "NaN", "Infinity"):
        with pytest.raises(DomainError, match="one of the cards"):
            accept(voting, Decimal(word), actor=olga)
    done = accept(voting, Decimal(5), actor=Actor.person(cast.max))
    assert (done.state, done.points, done.accepted_by) == (Round.State.ACCEPTED, 5, cast.max)
    assert Item.objects.get(pk=items[1].pk).points == 5
    change = Change.objects.get(item=items[1], field="points")
    assert (change.activity.kind, change.activity.user) == ("poker.accepted", cast.max)
    assert change.activity.data == {
        "ceremony": voting.ceremony_id, "round": voting.pk, "points": 5.0,
    }  # fmt: skip
    with pytest.raises(Conflict, match="estimated at 5 meanwhile"):
        accept(voting, Decimal(8), actor=olga)


def test_voting_anew_is_a_round_of_its_own_and_ends_the_one_before(
    voting: Round, seats: dict[str, Participant], olga: Actor, items: list[Item]
) -> None:
    vote(voting, seats["max"], "3", actor=olga)
    reveal(voting, actor=olga)
    second = start_round(voting.ceremony, items[1], actor=olga)
    assert (second.number, second.votes.count()) == (2, 0)
    with pytest.raises(Conflict, match="newer round"):
        accept(voting, Decimal(3), actor=olga)


def test_a_vote_set_aside_is_gone(
    voting: Round, seats: dict[str, Participant], olga: Actor
) -> None:
    vote(voting, seats["max"], "3", actor=olga)
    set_aside(voting, actor=olga)
    assert not PokerVote.objects.exists()
    with pytest.raises(Conflict, match="set aside meanwhile"):
        vote(voting, seats["max"], "5", actor=olga)


def test_nothing_is_done_in_a_ceremony_that_is_over(
    voting: Round, seats: dict[str, Participant], olga: Actor, items: list[Item]
) -> None:
    over(voting.ceremony)
    deeds: list[Callable[[], Any]] = [
        lambda: vote(voting, seats["max"], "5", actor=olga),
        lambda: reveal(voting, actor=olga),
        lambda: pick_items(voting.ceremony, items, actor=olga),
        lambda: weigh(voting.ceremony, items[1], seats["max"], 3, actor=olga),
    ]
    for do in deeds:
        with pytest.raises(Conflict, match="is over"):
            do()


def test_epics_tasks_and_trash_are_not_estimated(
    refinement: Ceremony, product: Product, items: list[Item], olga: Actor
) -> None:
    (epic,) = create_items(product, [ItemDraft("All of it", kind="epic")], actor=olga)
    with pytest.raises(DomainError, match="is an epic"):
        pick_items(refinement, [items[0], epic], actor=olga)
    assert not refinement.picks.exists()
    items[0].deleted_at = timezone.now()
    with pytest.raises(Conflict, match="in the trash"):
        pick_items(refinement, [items[0]], actor=olga)


def test_what_was_voted_on_stays_picked(voting: Round, items: list[Item], olga: Actor) -> None:
    ceremony = voting.ceremony
    pick_items(ceremony, items, actor=olga)
    unpick_item(ceremony, items[2], actor=olga)
    assert [pick.item for pick in ceremony.picks.all()] == [items[1], items[0]]
    with pytest.raises(Conflict, match="was voted on"):
        unpick_item(ceremony, items[1], actor=olga)


def test_a_product_has_a_scale_of_its_own(product: Product, olga: Actor) -> None:
    assert scale_of(product) == list(USUAL_SCALE)
    set_scale(product, "1 2 4 8", actor=olga)
    assert scale_of(product) == ["1", "2", "4", "8"]
    with pytest.raises(ValidationError, match="no number"):
        set_scale(product, "S M L", actor=olga)
    assert scale_of(product) == ["1", "2", "4", "8"]


def test_nobody_waits_for_the_vote_of_who_has_gone(
    voting: Round, seats: dict[str, Participant], olga: Actor
) -> None:
    def waited_for() -> list[str]:
        talk = poker_of(voting.ceremony, Reader(seats["olga"], lambda permission: True)).talk
        assert talk is not None
        return [held.seat.name for held in talk.held]

    for name in ("olga", "max"):
        be_present(seats[name], actor=olga)
        stay(seats[name], actor=olga)
    assert waited_for() == ["Max Berger", "Olga Kuznetsova"]
    long_ago = timezone.now() - 2 * GONE_AFTER
    Participant.objects.filter(pk=seats["max"].pk).update(seen_at=long_ago)
    see_off(voting.ceremony)
    assert waited_for() == ["Olga Kuznetsova"]


def test_importance_is_said_once_each_and_replaced(
    refinement: Ceremony, seats: dict[str, Participant], items: list[Item], olga: Actor
) -> None:
    with pytest.raises(Conflict, match="not talked about"):
        weigh(refinement, items[0], seats["max"], 3, actor=olga)
    pick_items(refinement, items[:1], actor=olga)
    weigh(refinement, items[0], seats["max"], 3, actor=olga)
    weigh(refinement, items[0], seats["max"], 5, actor=olga)
    assert [held.value for held in refinement.importance_votes.all()] == [5]
    for wrong in (0, 6, -1):
        with pytest.raises(DomainError, match="from 1 to 5"):
            weigh(refinement, items[0], seats["max"], wrong, actor=olga)


# What is shown -----------------------------------------------------------------------------------


def test_until_the_reveal_nobody_sees_a_card_through_any_door(
    voting: Round, seats: dict[str, Participant], cast: Cast, as_person: Any, olga: Actor, api: Any
) -> None:
    browser = as_person(cast.dora)

    def seen(headers: dict[str, str]) -> str:
        """All but the tokens of forms, which are random, and how much has happened."""
        page = browser.get(url(voting.ceremony), headers=headers).content.decode()
        return re.sub(r'value="\w{64}"|"X-CSRFToken": "\w+"|data-seq="\d+"', "", page)

    ways: list[dict[str, str]] = [{}, {"HX-Request": "true"}]
    told = {}
    for card in (SECRET_CARD, "?", "1"):
        vote(voting, seats["max"], card, actor=Actor.person(cast.max))
        told[card] = [seen(headers) for headers in ways]
    assert "Max Berger" in told["1"][1]
    assert "has voted" in told["1"][1]
    assert told[SECRET_CARD] == told["?"] == told["1"]
    vote(voting, seats["max"], SECRET_CARD, actor=Actor.person(cast.max))
    for activity in Activity.objects.filter(kind="poker.voted"):
        assert activity.data == {"ceremony": voting.ceremony_id, "round": voting.pk,
                    "participant": seats["max"].pk}  # fmt: skip
    events = api(cast.dora).get("/api/v1/items/MED-2/activity/")
    assert events.status_code == 200
    assert "poker.voted" not in events.content.decode()
    view = poker_of(voting.ceremony, Reader(seats["dora"], lambda permission: True))
    assert view.talk is not None
    assert [held.card for held in view.talk.held] == [None]
    assert words(voting.ceremony) == ""


def test_only_those_who_voted_see_their_own_card(
    voting: Round, seats: dict[str, Participant], cast: Cast, as_person: Any
) -> None:
    vote(voting, seats["max"], "8", actor=Actor.person(cast.max))

    def part(user: Any) -> str:
        found = as_person(user).get(url(voting.ceremony), headers={"HX-Request": "true"})
        return str(found.content.decode())

    assert 'aria-pressed="true"' in part(cast.max)
    assert 'aria-pressed="true"' not in part(cast.olga)


def test_after_the_reveal_all_see_who_held_up_what_and_who_speaks_first(
    voting: Round, seats: dict[str, Participant], olga: Actor, cast: Cast, as_person: Any
) -> None:
    for name, card in (("olga", "3"), ("max", "8"), ("dora", "coffee")):
        vote(voting, seats[name], card, actor=olga)
    reveal(voting, actor=olga)
    view = poker_of(voting.ceremony, Reader(None, lambda permission: False))
    assert view.talk is not None
    shown = [(held.seat.name, held.card.value) for held in view.talk.held if held.card]
    assert shown == [("Olga Kuznetsova", "3"), ("Max Berger", "8"), ("Dora Anyango", "coffee")]
    page = as_person(cast.vera).get(url(voting.ceremony)).content.decode()
    assert "First <b>Olga Kuznetsova</b> (3) and <b>Max Berger</b> (8) say why." in page
    assert "<dt>Median</dt><dd>5.5</dd>" in page.replace("\n", "").replace("  ", "")
    assert 'name="points"' not in page  # a stakeholder accepts no estimate
    as_sina = as_person(cast.sina).get(url(voting.ceremony)).content.decode()
    assert '<option value="8" selected>' in as_sina


def test_importance_of_others_shows_once_one_has_said_the_own(
    refinement: Ceremony, seats: dict[str, Participant], items: list[Item], olga: Actor
) -> None:
    pick_items(refinement, items[:2], actor=olga)
    for name, values in (("max", (1, 4)), ("dora", (5, 4))):
        for item, value in zip(items[:2], values, strict=True):
            weigh(refinement, item, seats[name], value, actor=olga)
    unsaid = poker_of(refinement, Reader(seats["olga"], lambda permission: True))
    assert [row.importance for row in unsaid.weights] == [None, None]
    assert [row.weighed for row in unsaid.weights] == [2, 2]
    weigh(refinement, items[0], seats["olga"], 3, actor=olga)
    weigh(refinement, items[1], seats["olga"], 4, actor=olga)
    said = poker_of(refinement, Reader(seats["olga"], lambda permission: True))
    assert [row.item for row in said.weights] == [items[0], items[1]]
    assert list(said.roles) == ["Developer", "Domain expert", "Product owner"]
    first = said.weights[0].importance
    assert first is not None
    assert (first.disagreement, first.talk_first) == (4, True)
    assert [float(mean) for _, mean in said.weights[0].by_role if mean] == [1, 5, 3]


def test_items_without_an_estimate_are_suggested_first_and_found_by_words(
    refinement: Ceremony, product: Product, items: list[Item], olga: Actor
) -> None:
    create_items(product, [ItemDraft("An epic", kind="epic")], actor=olga)
    assert [item.ref for item in suggestions(refinement)] == ["MED-2", "MED-3", "MED-1"]
    pick_items(refinement, [items[1]], actor=olga)
    assert [item.ref for item in suggestions(refinement)] == ["MED-3", "MED-1"]
    assert [item.ref for item in found_for(refinement, "new")] == ["MED-3"]
    assert [item.ref for item in found_for(refinement, "MED-1")] == ["MED-1"]
    assert found_for(refinement, "epic") == []


def test_the_minutes_say_what_was_estimated_and_what_matters(
    voting: Round, seats: dict[str, Participant], olga: Actor, items: list[Item]
) -> None:
    for name, card in (("olga", "3"), ("max", "8")):
        vote(voting, seats[name], card, actor=olga)
    reveal(voting, actor=olga)
    accept(voting, Decimal(5), actor=olga)
    weigh(voting.ceremony, items[1], seats["max"], 1, actor=olga)
    weigh(voting.ceremony, items[1], seats["dora"], 5, actor=olga)
    found = "- MED-2 New: 3 to 8, median 5.5 in round 1, accepted **5**"
    assert words(voting.ceremony) == found  # who still votes does not read what others gave
    voting.ceremony.state = Ceremony.State.OVER
    assert words(voting.ceremony).splitlines() == [
        found,
        "- Importance of MED-2 New: Developer 1.0, Domain expert 5.0, talk first",
    ]


def test_a_round_that_was_never_revealed_says_so_once_it_is_over(
    voting: Round, seats: dict[str, Participant], olga: Actor, as_person: Any, cast: Cast
) -> None:
    vote(voting, seats["max"], "8", actor=olga)
    over(voting.ceremony)
    ceremony = Ceremony.objects.get(pk=voting.ceremony_id)
    assert words(ceremony) == "- MED-2 New: round 1 was never revealed"
    page = as_person(cast.dora).get(url(ceremony)).content.decode()
    assert "The round was never revealed" in page


def test_the_part_is_registered_for_refinement_and_planning() -> None:
    part = part_of("poker")
    assert part is not None
    assert part in parts_for("refinement")
    assert part in parts_for("planning")
    assert part not in parts_for("daily")


# Doors -------------------------------------------------------------------------------------------


def test_a_whole_vote_through_the_pages(
    refinement: Ceremony, cast: Cast, as_person: Any, items: list[Item]
) -> None:
    olga, max_ = as_person(cast.olga), as_person(cast.max)
    answer = olga.post(url(refinement, "start"), {"item": "MED-2", "next": url(refinement)})
    assert (answer.status_code, answer["Location"]) == (302, url(refinement))
    found = refinement.rounds.get()
    htmx = {"HX-Request": "true"}
    answer = max_.post(url(refinement, "vote"), {"round": found.pk, "card": "5"}, headers=htmx)
    assert answer.status_code == 200
    assert 'aria-pressed="true"' in answer.content.decode()
    assert "(you)" in answer.content.decode()
    assert (
        olga.post(url(refinement, "reveal"), {"round": found.pk}, headers=htmx).status_code == 200
    )
    late = max_.post(url(refinement, "vote"), {"round": found.pk, "card": "8"}, headers=htmx)
    assert late.status_code == 409
    assert "your vote came too late" in late.content.decode()
    bad = olga.post(url(refinement, "accept"), {"round": found.pk, "points": "x"}, headers=htmx)
    assert bad.status_code == 422
    olga.post(url(refinement, "accept"), {"round": found.pk, "points": "5"}, headers=htmx)
    assert Item.objects.get(pk=items[1].pk).points == 5


def test_a_guest_votes_and_an_observer_looks(voting: Round, olga: Actor, cast: Cast) -> None:
    seat, browser = guest_of(voting.ceremony, olga, trade="Urban planner")
    page = browser.get(url(voting.ceremony)).content.decode()
    assert "Hold up a card" in page
    assert "/p/MED/items/" not in page  # a guest has no page of items
    answer = browser.post(url(voting.ceremony, "vote"), {"round": voting.pk, "card": "5"})
    assert answer.status_code == 302
    assert voting.votes.get().participant == seat
    told = Activity.objects.get(kind="poker.voted")
    assert (told.actor_kind, told.user, told.data["participant"]) == ("guest", None, seat.pk)
    for door in ("reveal", "pick", "start", "aside", "accept"):
        refused = browser.post(url(voting.ceremony, door), {"round": voting.pk})
        assert refused.status_code in {302, 403}
        assert "/sign-in/" in refused.get("Location", "/sign-in/")
    _, looking = guest_of(voting.ceremony, olga, is_observer=True)
    page = looking.get(url(voting.ceremony)).content.decode()
    assert "Hold up a card" not in page
    sent = looking.post(url(voting.ceremony, "vote"), {"round": voting.pk, "card": "5"})
    assert sent.status_code == 403
    assert voting.votes.count() == 1


def test_a_round_of_another_ceremony_is_not_there(
    voting: Round, product: Product, cast: Cast, as_person: Any
) -> None:
    other = Ceremony.objects.create(
        product=product, kind="planning", title="Other", starts_at=timezone.now(), minutes=60
    )
    answer = as_person(cast.olga).post(
        url(other, "vote"), {"round": voting.pk, "card": "5"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 404
    daily = Ceremony.objects.create(
        product=product, kind="daily", title="Daily", starts_at=timezone.now(), minutes=15
    )
    assert as_person(cast.olga).get(url(daily)).status_code == 404


def test_items_are_found_through_the_door(refinement: Ceremony, cast: Cast, as_person: Any) -> None:
    olga = as_person(cast.olga)
    part = olga.get(url(refinement, "find") + "?q=new", headers={"HX-Request": "true"})
    assert "MED-2" in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "<html" in olga.get(url(refinement, "find")).content.decode()
    none = olga.get(url(refinement, "find") + "?q=%3Cb%3Enothing").content.decode()
    assert "&lt;b&gt;nothing" in none
    assert as_person(cast.vera).get(url(refinement, "find")).status_code == 403


def test_html_in_titles_and_names_is_shown_as_it_is(
    refinement: Ceremony, product: Product, olga: Actor, cast: Cast, as_person: Any
) -> None:
    (item,) = create_items(product, [ItemDraft("<script>alert(1)</script>")], actor=olga)
    found = start_round(refinement, item, actor=olga)
    link, _ = make_guest_link(refinement, actor=olga)
    vote(found, come_as_guest(link, "<b>Pia</b>"), "3", actor=Actor.guest())
    reveal(found, actor=olga)
    page = as_person(cast.max).get(url(refinement)).content.decode()
    assert "<script>alert" not in page
    assert "<b>Pia</b>" not in page
    assert "\\<script\\>" in words(refinement)


def test_the_scale_is_set_by_product_owners_on_the_settings(
    product: Product, cast: Cast, as_person: Any
) -> None:
    olga = as_person(cast.olga)
    assert "0 ½ 1 2 3 5 8 13 20 40" in olga.get("/p/MED/estimation/").content.decode()
    assert olga.post("/p/MED/estimation/", {"cards": "1 two"}).status_code == 422
    assert olga.post("/p/MED/estimation/", {"cards": "1 2 4"}).status_code == 302
    assert scale_of(product) == ["1", "2", "4"]
    assert as_person(cast.max).get("/p/MED/estimation/").status_code == 200
    assert as_person(cast.max).post("/p/MED/estimation/", {"cards": "1 2"}).status_code == 403


def test_more_items_and_votes_take_no_more_statements(
    refinement: Ceremony, product: Product, items: list[Item], olga: Actor, cast: Cast
) -> None:
    seats = [take_seat(refinement, cast[name]) for name in ("olga", "max", "dora", "vera")]

    def statements() -> int:
        reader = Reader(seats[0], lambda permission: True)
        ceremony = Ceremony.objects.select_related("product").get(pk=refinement.pk)
        with CaptureQueriesContext(
            connection,
        ) as taken:
            view = poker_of(ceremony, reader)
            assert view.talk
            assert [item.status.name for item in view.suggestions if item.ref]
            words(ceremony)
        return len(taken)

    def round_of(item: Item, voters: list[Participant]) -> None:
        found = start_round(refinement, item, actor=olga)
        for seat in voters:
            vote(found, seat, "5", actor=olga)
            weigh(refinement, item, seat, 3, actor=olga)
        reveal(found, actor=olga)

    create_items(product, [ItemDraft(f"More {n}") for n in range(12)], actor=olga)
    round_of(items[1], seats[:1])
    few = statements()
    for item in items:
        round_of(item, seats)
    round_of(items[1], seats)
    assert statements() == few
