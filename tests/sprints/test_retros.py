"""Retrospectives: hidden cards and votes, and nobody to be told from what is kept."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Product, User
from backlog.queries.agendas import Reader, part_of, parts_for
from mlscrum.lib.errors import Conflict, DomainError, NotFound, Refused
from sprints.models import Ceremony, Outcome, Participant, Retro, RetroCard, RetroVote
from sprints.queries.retros import (
    retro_of,
    words,
)
from sprints.rules.plain_words import in_line
from sprints.rules.retros import (
    FORMATS,
    PHASES,
    BadColumnsError,
    columns_of,
    free_slots,
    mark_of,
    may_follow,
    typed_columns,
)
from sprints.services.outcomes import OutcomeDraft, add_outcome, convert_to_item
from sprints.services.retros import (
    cast_vote,
    change_card,
    delete_card,
    go_to,
    group_card,
    name_group,
    set_up,
    take_back_vote,
    ungroup_card,
    write_card,
)
from sprints.services.seats import come_as_guest, make_guest_link, take_seat
from tests.conftest import Cast

HTMX = {"HX-Request": "true"}

# Rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(FORMATS))
def test_a_format_has_its_columns_and_no_others(form: str) -> None:
    assert columns_of(form) == columns_of(form, FORMATS[form]) == FORMATS[form]
    with pytest.raises(BadColumnsError, match="choose own"):
        columns_of(form, ["Mine", "Yours"])


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        ("One", ["One"]),
        ("One\r\nTwo", ["One", "Two"]),
        ("  Much   space \n\n Two ", ["Much space", "Two"]),
        ("Same\nSame\nOther", ["Same", "Other"]),
    ],
)
def test_own_columns_are_typed_one_a_line(lines: str, columns: list[str]) -> None:
    assert columns_of("own", typed_columns(lines)) == columns


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ([], "1 to 6"),
        ([*"abcdefg"], "1 to 6"),
        (["x" * 41], "40 letters"),
        (["a", " "], "a name of one line"),
        (["a\nb"], "a name of one line"),
        (["a", " a"], "another name"),
    ],
)
def test_own_columns_that_can_not_be_are_refused(own: list[str], why: str) -> None:
    with pytest.raises(BadColumnsError, match=why):
        columns_of("own", own)


def test_a_mark_needs_the_secret_and_the_key_and_says_nothing_of_another_card() -> None:
    mark = mark_of("secret", "key", "card", 1, "a")
    assert re.fullmatch(r"[0-9a-f]{64}", mark)
    others = [
        mark_of("other", "key", "card", 1, "a"),
        mark_of("secret", "other", "card", 1, "a"),
        mark_of("secret", "key", "vote", 1, "a"),
        mark_of("secret", "key", "card", 2, "a"),
        mark_of("secret", "key", "card", 1, "b"),
        mark_of("secret", "key", "card", "1a"),
    ]
    assert len({mark, *others}) == 7
    assert mark_of("secret", "key", "card", 1, "a") == mark
    with pytest.raises(ValueError, match="dropped"):
        mark_of("", "key", "card", 1, "a")


def test_free_slots_are_those_not_taken() -> None:
    assert free_slots([True, False, True, False]) == [1, 3]
    assert free_slots([True]) == free_slots([]) == []


def test_phases_go_a_step_forth_or_back() -> None:
    fine = {(a, b) for a in PHASES for b in PHASES if may_follow(a, b)}
    assert fine == {
        ("write", "group"), ("group", "vote"), ("vote", "talk"),
        ("group", "write"), ("vote", "group"), ("talk", "vote"),
    }  # fmt: skip
    assert not may_follow("write", "party")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\n lines", "two lines"),
        ("*bold* <b>", r"\*bold\* \<b\>"),
        ("![x](y)", r"\!\[x\](y)"),
        ("a | b # c", r"a \| b \# c"),
    ],
)
def test_words_in_minutes_show_just_what_was_written(text: str, shown: str) -> None:
    assert in_line(text) == shown


# Services ----------------------------------------------------------------------------------------


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def retro(product: Product) -> Ceremony:
    return Ceremony.objects.create(
        product=product,
        kind=Ceremony.Kind.RETROSPECTIVE,
        title="Retrospective 1",
        starts_at=timezone.now(),
        minutes=90,
    )


@pytest.fixture
def seats(retro: Ceremony, cast: Cast) -> dict[str, Participant]:
    return {name: take_seat(retro, cast[name]) for name in ("olga", "max", "sina", "dora")}


@pytest.fixture
def cards(retro: Ceremony, seats: dict[str, Participant]) -> dict[str, RetroCard]:
    """Three of Max's, one of Dora's, in two columns."""
    return {
        "slow": write_card(retro, seats["max"], 0, "Slow tests"),
        "late": write_card(retro, seats["max"], 0, "Late labels"),
        "good": write_card(retro, seats["max"], 2, "Pairing"),
        "flaky": write_card(retro, seats["dora"], 0, "Tests that flake"),
    }


@pytest.fixture
def to(retro: Ceremony, olga: Actor) -> Callable[[str], None]:
    """Go on, or back, to a phase."""

    def go(phase: str) -> None:
        now = Retro.objects.filter(ceremony=retro).values_list("phase", flat=True).first()
        here, there = PHASES.index(now or "write"), PHASES.index(phase)
        step = 1 if there > here else -1
        for place in range(here, there, step):
            go_to(retro, PHASES[place + step], actor=olga, seen=PHASES[place])

    return go


def over(ceremony: Ceremony) -> None:
    """As closing it does: the secret is dropped."""
    Ceremony.objects.filter(pk=ceremony.pk).update(
        state="over", closed_at=timezone.now(), secret=""
    )
    ceremony.refresh_from_db()


def seen_by(ceremony: Ceremony, seat: Participant | None, *, may: bool = True) -> Any:
    return retro_of(Ceremony.objects.get(pk=ceremony.pk), Reader(seat, lambda permission: may))


def action_of(ceremony: Ceremony, text: str, by: Actor, owner: User | None = None) -> Outcome:
    draft = OutcomeDraft("action", text, owner=owner)
    return add_outcome(ceremony, draft, actor=by, seat=None)


def url(ceremony: Ceremony, door: str = "") -> str:
    return f"/p/MED/ceremonies/{ceremony.pk}/retro/{door}{'/' if door else ''}"


def guest_of(ceremony: Ceremony, olga: Actor, **about: Any) -> tuple[Participant, Client]:
    link, _ = make_guest_link(ceremony, actor=olga, **about)
    seat, browser = come_as_guest(link, "Pia Planner"), Client()
    session = browser.session
    session["seats"] = {str(ceremony.pk): seat.pk}
    session.save()
    return seat, browser


def test_the_format_is_chosen_until_the_first_card(
    retro: Ceremony, seats: dict[str, Participant], olga: Actor
) -> None:
    assert set_up(retro, "four_ls", actor=olga, votes_each=3).columns == FORMATS["four_ls"]
    own = set_up(retro, "own", actor=olga, own=["Keep", "Drop"], votes_each=5)
    assert (own.columns, own.votes_each) == (["Keep", "Drop"], 5)
    write_card(retro, seats["max"], 1, "Meetings")
    with pytest.raises(Conflict, match="cards already"):
        set_up(retro, "moods", actor=olga, votes_each=5)
    assert set_up(retro, "own", actor=olga, own=["Keep", "Drop"], votes_each=4).votes_each == 4
    for wrong in ({"votes_each": 0}, {"votes_each": 11}):
        with pytest.raises(ValidationError, match="1 to 10 votes"):
            set_up(retro, "own", actor=olga, own=["Keep", "Drop"], **wrong)
    with pytest.raises(ValidationError, match="one of the formats"):
        set_up(retro, "astrology", actor=olga, votes_each=3)
    with pytest.raises(ValidationError, match="1 to 6"):
        set_up(retro, "own", actor=olga, votes_each=3)


def test_the_phase_goes_on_once_where_two_press_at_once(retro: Ceremony, olga: Actor) -> None:
    go_to(retro, "group", actor=olga, seen="write")
    go_to(retro, "group", actor=olga, seen="write")
    assert Activity.objects.filter(kind="retro.phase").count() == 1
    go_to(retro, "vote", actor=olga, seen="group")
    with pytest.raises(Conflict, match="went on to “Vote”"):
        go_to(retro, "write", actor=olga, seen="group")
    with pytest.raises(DomainError, match="one phase on"):
        go_to(retro, "write", actor=olga, seen="vote")
    with pytest.raises(DomainError, match="one phase on"):
        go_to(retro, "party", actor=olga, seen="vote")


@pytest.mark.parametrize("text", ["", "   ", "\0", "\r\n"])
def test_a_card_has_words(retro: Ceremony, seats: dict[str, Participant], text: str) -> None:
    with pytest.raises(DomainError, match="a word or two"):
        write_card(retro, seats["max"], 0, text)


def test_a_card_is_short_and_in_a_column(retro: Ceremony, seats: dict[str, Participant]) -> None:
    with pytest.raises(DomainError, match="at most 500"):
        write_card(retro, seats["max"], 0, "x" * 501)
    with pytest.raises(DomainError, match="one of the columns"):
        write_card(retro, seats["max"], 3, "x")
    assert write_card(retro, seats["max"], 2, "a\r\nb").text == "a\nb"


def test_cards_are_written_before_the_reveal_only(
    retro: Ceremony, seats: dict[str, Participant], cards: Any, to: Callable[[str], None]
) -> None:
    to("group")
    with pytest.raises(Conflict, match="first phase only"):
        write_card(retro, seats["dora"], 0, "Late")


def test_authors_alone_change_and_delete_their_cards_while_it_runs(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    to("vote")
    change_card(retro, seats["max"], cards["slow"].pk, "Slow tests again")
    assert RetroCard.objects.get(pk=cards["slow"].pk).text == "Slow tests again"
    for do in (
        lambda: change_card(retro, seats["dora"], cards["slow"].pk, "Mine now"),
        lambda: delete_card(retro, seats["dora"], cards["slow"].pk),
        lambda: delete_card(retro, seats["dora"], uuid.uuid4()),
    ):
        with pytest.raises(NotFound):
            do()
    delete_card(retro, seats["max"], cards["slow"].pk)
    assert RetroCard.objects.count() == 3
    over(retro)
    with pytest.raises(Conflict, match="is over"):
        delete_card(retro, seats["max"], cards["late"].pk)


def test_observers_write_and_vote_nothing(
    retro: Ceremony, seats: dict[str, Participant], cards: Any, to: Callable[[str], None]
) -> None:
    seats["dora"].is_observer = True
    seats["dora"].save()
    with pytest.raises(Refused):
        write_card(retro, seats["dora"], 0, "x")
    to("vote")
    with pytest.raises(Refused):
        cast_vote(retro, seats["dora"], cards["slow"].pk)


def test_grouping_puts_cards_under_one_and_its_title_stays(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    with pytest.raises(Conflict, match="between writing and voting"):
        group_card(retro, seats["sina"], cards["slow"].pk, cards["flaky"].pk)
    to("group")
    group_card(retro, seats["sina"], cards["slow"].pk, cards["flaky"].pk)
    name_group(retro, seats["sina"], cards["slow"].pk, " Tests   hurt ")
    # onto a card within a group, and a whole group onto a card
    group_card(retro, seats["sina"], cards["late"].pk, cards["slow"].pk)
    group_card(retro, seats["sina"], cards["flaky"].pk, cards["good"].pk)

    def under(name: str) -> RetroCard | None:
        return RetroCard.objects.select_related("under").get(pk=cards[name].pk).under

    assert [under(name) for name in ("slow", "late", "flaky")] == [cards["good"]] * 3
    head = RetroCard.objects.get(pk=cards["good"].pk)
    assert (head.under, head.title) == (None, "Tests hurt")
    # within one group nothing happens, nor onto itself
    before = Activity.objects.count()
    group_card(retro, seats["sina"], cards["slow"].pk, cards["late"].pk)
    group_card(retro, seats["sina"], cards["good"].pk, cards["slow"].pk)
    group_card(retro, seats["sina"], cards["good"].pk, cards["good"].pk)
    assert Activity.objects.count() == before
    # out of it again: the others stay together
    ungroup_card(retro, seats["sina"], cards["good"].pk)
    found = seen_by(retro, seats["max"])
    assert sorted(len(group.cards) for group in found.groups) == [1, 3]
    assert {group.title for group in found.groups} == {"", "Tests hurt"}


def test_a_group_outlives_its_first_card_with_its_votes(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    to("group")
    group_card(retro, seats["sina"], cards["slow"].pk, cards["flaky"].pk)
    name_group(retro, seats["sina"], cards["flaky"].pk, "Tests")
    to("vote")
    cast_vote(retro, seats["sina"], cards["slow"].pk)
    delete_card(retro, seats["dora"], cards["flaky"].pk)
    to("talk")
    found = next(group for group in seen_by(retro, None).groups if group.title == "Tests")
    assert (found.head.card, found.votes) == (cards["slow"], 1)


def test_everybody_has_so_many_votes_and_may_give_several_to_one_card(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    with pytest.raises(Conflict, match="Nobody votes"):
        cast_vote(retro, seats["max"], cards["slow"].pk)
    to("vote")
    for _ in range(2):
        cast_vote(retro, seats["max"], cards["slow"].pk)
    cast_vote(retro, seats["max"], cards["good"].pk)
    with pytest.raises(Conflict, match="All your votes are given"):
        cast_vote(retro, seats["max"], cards["good"].pk)
    take_back_vote(retro, seats["dora"], cards["slow"].pk)  # she has none there
    assert RetroVote.objects.count() == 3
    take_back_vote(retro, seats["max"], cards["slow"].pk)
    cast_vote(retro, seats["max"], cards["late"].pk)
    found = seen_by(retro, seats["max"])
    mine = {group.head.card.text: group.mine for group in found.groups}
    assert mine == {"Slow tests": 1, "Late labels": 1, "Pairing": 1, "Tests that flake": 0}
    assert (found.votes_left, found.votes_given) == (0, 3)
    assert seen_by(retro, seats["dora"]).votes_left == 3


# Hidden and nameless -----------------------------------------------------------------------------


def test_until_the_reveal_everybody_sees_the_own_cards_and_how_many_others_there_are(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    as_person: Any,
    cast: Cast,
) -> None:
    found = seen_by(retro, seats["dora"])
    assert [group.head.card.text for group in found.groups] == ["Tests that flake"]
    assert [column.hidden for column in found.columns] == [2, 0, 1]
    for user, sees, sees_not in (
        (cast.dora, ["Tests that flake"], ["Slow tests", "Late labels", "Pairing"]),
        (cast.olga, [], ["Tests that flake", "Slow tests", "Late labels", "Pairing"]),
    ):
        for headers in ({}, HTMX):
            page = as_person(user).get(url(retro), headers=headers).content.decode()
            assert all(text in page for text in sees)
            assert not any(text in page for text in sees_not)
            others = [card for card in cards.values() if card.text in sees_not]
            assert not any(str(card.pk) in page for card in others)
    assert words(retro) == ""


def test_after_the_reveal_all_see_all_and_nobody_whose_it_is(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
    as_person: Any,
    cast: Cast,
) -> None:
    to("group")
    page = as_person(cast.dora).get(url(retro), headers=HTMX).content.decode()
    assert all(card.text in page for card in cards.values())
    assert page.count("is-mine") == 1
    assert not any(card.mark in page for card in cards.values())
    assert "Max Berger" not in page
    onlooker = as_person(cast.vera).get(url(retro), headers=HTMX).content.decode()
    assert "is-mine" not in onlooker


def test_going_back_to_writing_hides_the_cards_of_others_again(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    to("group")
    group_card(retro, seats["max"], cards["flaky"].pk, cards["slow"].pk)
    to("write")
    found = seen_by(retro, seats["dora"])
    assert [group.head.card.text for group in found.groups] == ["Tests that flake"]


@pytest.mark.parametrize("phase", ["write", "group", "vote"])
def test_closed_before_the_talk_it_shows_all_cards_and_votes(
    phase: str,
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
    as_person: Any,
    cast: Cast,
) -> None:
    to(phase)
    votes = int(phase == "vote")
    if votes:
        cast_vote(retro, seats["max"], cards["good"].pk)
    over(retro)
    found = seen_by(retro, seats["dora"])
    assert {group.head.card.pk for group in found.ranked} == {card.pk for card in cards.values()}
    assert sum(group.votes or 0 for group in found.groups) == votes
    page = as_person(cast.dora).get(url(retro), headers=HTMX).content.decode()
    assert all(card.text in page and card.text in words(retro) for card in cards.values())
    assert "closed before the vote was over" in page
    assert ("(1 vote)" in words(retro)) == bool(votes)
    assert "<textarea" not in page


def test_totals_of_votes_show_when_the_vote_ends(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
    as_person: Any,
    cast: Cast,
) -> None:
    to("vote")

    def seen() -> str:
        page = as_person(cast.dora).get(url(retro), headers=HTMX).content.decode()
        return re.sub(r'value="\w{64}"', "", page)

    before = seen()
    for name in ("max", "sina"):
        cast_vote(retro, seats[name], cards["good"].pk)
    assert seen() == before
    assert all(group.votes is None for group in seen_by(retro, seats["dora"]).groups)
    assert "vote" not in words(retro)
    to("talk")
    ranked = seen_by(retro, seats["dora"]).ranked
    assert (ranked[0].head.card.text, ranked[0].votes) == ("Pairing", 2)
    assert '<b class="num">2</b> votes' in seen()


def test_deeds_on_cards_and_votes_have_no_actor_no_text_and_no_card(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    change_card(retro, seats["max"], cards["late"].pk, "Late labels, twice")
    to("group")
    group_card(retro, seats["max"], cards["slow"].pk, cards["flaky"].pk)
    name_group(retro, seats["max"], cards["flaky"].pk, "Tests")
    to("vote")
    cast_vote(retro, seats["max"], cards["good"].pk)
    take_back_vote(retro, seats["max"], cards["good"].pk)
    delete_card(retro, seats["max"], cards["good"].pk)
    told = Activity.objects.filter(kind__startswith="retro.").exclude(kind="retro.phase")
    assert {activity.kind for activity in told} == {
        "retro.card_written", "retro.card_changed", "retro.card_deleted", "retro.grouped",
        "retro.voted",
    }  # fmt: skip
    for activity in told:
        assert (activity.actor_kind, activity.user, activity.token) == ("system", None, None)
        assert activity.data == {"ceremony": retro.pk}


def test_once_the_secret_is_dropped_no_author_can_be_told_from_the_rows(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    secret = retro.secret
    to("vote")
    cast_vote(retro, seats["max"], cards["good"].pk)
    cast_vote(retro, seats["max"], cards["good"].pk)

    def told_apart(with_secret: str) -> set[str]:
        """Whose each card and vote is, by trying everybody with all that is known."""
        found = set()
        for name, seat in seats.items():
            for card in RetroCard.objects.all():
                if card.mark == mark_of(with_secret, settings.SECRET_KEY, "card", seat.pk, card.pk):
                    found.add(f"{name}: {card.text}")
            for number in range(10):
                mark = mark_of(with_secret, settings.SECRET_KEY, "vote", seat.pk, number)
                if RetroVote.objects.filter(mark=mark).exists():
                    found.add(f"{name}: vote {number}")
        return found

    # With the secret it works, so the trial is a real one.
    assert len(told_apart(secret)) == 6
    over(retro)
    assert retro.secret == ""
    with pytest.raises(ValueError, match="dropped"):
        told_apart(retro.secret)
    assert told_apart(f"{retro.pk}") == set()
    # No two marks are alike, so cards of one person can't be put together either.
    marks = [card.mark for card in RetroCard.objects.all()]
    marks += [vote.mark for vote in RetroVote.objects.all()]
    assert len(set(marks)) == len(marks) == 6
    # No row says who or when, and nothing counts up.
    rows = json.loads(
        serializers.serialize("json", [*RetroCard.objects.all(), *RetroVote.objects.all()])
    )
    assert {name for row in rows for name in row["fields"]} == {
        "retro", "column", "text", "mark", "under", "title", "card",
    }  # fmt: skip
    assert all(isinstance(row["pk"], str) and len(row["pk"]) >= 36 for row in rows)
    # Even their authors know them no more.
    assert not any(
        each.is_mine for group in seen_by(retro, seats["max"]).groups for each in group.cards
    )


def test_the_order_of_cards_is_not_that_of_writing(
    retro: Ceremony, seats: dict[str, Participant], to: Callable[[str], None]
) -> None:
    written = [write_card(retro, seats["max"], 0, f"Card {n}").pk for n in range(12)]
    to("group")
    shown = [group.head.card.pk for group in seen_by(retro, seats["dora"]).columns[0].groups]
    assert sorted(shown) == shown
    assert shown != written
    assert set(shown) == set(written)


# Doors -------------------------------------------------------------------------------------------


def test_a_whole_retrospective_through_the_pages(
    retro: Ceremony, cast: Cast, as_person: Any
) -> None:
    sina, vera = as_person(cast.sina), as_person(cast.vera)
    sent = {"format": "moods", "votes_each": "2", "columns": ""}
    assert "Sad" in sina.post(url(retro, "set-up"), sent, headers=HTMX).content.decode()
    answer = vera.post(
        url(retro, "write"), {"column": "1", "text": "Nobody asked us", "next": url(retro)}
    )
    assert (answer.status_code, answer["Location"]) == (302, url(retro))
    mine = vera.post(url(retro, "write"), {"column": "1", "text": "Late"}, headers=HTMX)
    assert mine.content.decode().count("is-mine") == 2
    assert vera.post(url(retro, "phase"), {"phase": "group"}).status_code == 403
    assert vera.post(url(retro, "set-up"), sent).status_code == 403
    assert vera.post(url(retro, "action"), {"text": "x"}).status_code == 403
    for phase, seen in (("group", "write"), ("vote", "group")):
        sina.post(url(retro, "phase"), {"phase": phase, "seen": seen}, headers=HTMX)
    card = RetroCard.objects.get(text="Late")
    for _ in range(2):
        vera.post(url(retro, "vote"), {"card": card.pk}, headers=HTMX)
    spent = vera.post(url(retro, "vote"), {"card": card.pk}, headers=HTMX)
    assert (spent.status_code, "All your votes" in spent.content.decode()) == (409, True)
    vera.post(url(retro, "vote"), {"card": card.pk, "back": "1"}, headers=HTMX)
    sina.post(url(retro, "phase"), {"phase": "talk", "seen": "vote"}, headers=HTMX)
    agreed = sina.post(
        url(retro, "action"), {"text": "Ask Vera", "owner": cast.max.pk}, headers=HTMX
    ).content.decode()
    assert "Ask Vera" in agreed
    action = Outcome.objects.get()
    assert action.owner == cast.max
    assert vera.post(url(retro, "action/item"), {"action": action.pk}).status_code == 403
    made = sina.post(url(retro, "action/item"), {"action": action.pk}, headers=HTMX)
    assert "MED-1" in made.content.decode()
    again = sina.post(url(retro, "action/item"), {"action": action.pk}, headers=HTMX)
    assert again.status_code == 409
    action.refresh_from_db()
    assert action.item is not None
    assert list(action.item.assignees.all()) == [cast.max]


def test_the_deed_on_a_card_does_not_name_the_page_that_others_know_by_a_name(
    retro: Ceremony, cast: Cast, as_person: Any
) -> None:
    sina, tab = as_person(cast.sina), {**HTMX, "X-Tab": "0123456789abcdef"}
    sina.post(url(retro, "set-up"), {"format": "moods", "votes_each": "2"}, headers=tab)
    sina.post(url(retro, "write"), {"column": "1", "text": "Late"}, headers=tab)
    told = dict(Activity.objects.filter(kind__startswith="retro.").values_list("kind", "data"))
    assert told["retro.set_up"]["tab"] == "0123456789abcdef"
    assert told["retro.card_written"] == {"ceremony": retro.pk}


def test_what_is_no_card_or_owner_is_said(
    retro: Ceremony, cast: Cast, as_person: Any, other_product: Product
) -> None:
    sina = as_person(cast.sina)
    for door in ("change", "group", "title", "vote"):
        assert sina.post(url(retro, door), {"card": "1; DROP"}, headers=HTMX).status_code == 404
    strange = sina.post(url(retro, "action"), {"text": "x", "owner": cast.sam.pk}, headers=HTMX)
    assert (strange.status_code, "Choose a member" in strange.content.decode()) == (422, True)
    wrong = sina.post(url(retro, "set-up"), {"format": "own", "votes_each": "3"}, headers=HTMX)
    assert (wrong.status_code, "1 to 6 columns" in wrong.content.decode()) == (422, True)
    plain = sina.post(url(retro, "set-up"), {"format": "own", "votes_each": "3"}, follow=True)
    assert plain.status_code == 200
    theirs = Ceremony.objects.create(
        product=other_product,
        kind="retrospective",
        title="Theirs",
        starts_at=timezone.now(),
        minutes=60,
    )
    elsewhere = action_of(theirs, "Theirs", Actor.person(cast.sam))
    sent = sina.post(url(retro, "action/item"), {"action": elsewhere.pk}, headers=HTMX)
    assert sent.status_code == 404


def test_guests_write_and_vote_as_everybody_and_observers_look(
    retro: Ceremony, olga: Actor, cast: Cast, to: Callable[[str], None]
) -> None:
    seat, browser = guest_of(retro, olga, trade="Urban planner")
    browser.post(url(retro, "write"), {"column": "0", "text": "The lamps"}, headers=HTMX)
    assert [group.head.is_mine for group in seen_by(retro, seat).groups] == [True]
    told = Activity.objects.get(kind="retro.card_written")
    assert (told.actor_kind, told.data) == ("system", {"ceremony": retro.pk})
    assert browser.post(url(retro, "phase"), {"phase": "group"}).status_code in {302, 403}
    _, looking = guest_of(retro, olga, is_observer=True)
    refused = looking.post(url(retro, "write"), {"column": "0", "text": "x"}, headers=HTMX)
    assert refused.status_code == 403
    assert "The lamps" not in looking.get(url(retro)).content.decode()
    to("vote")
    card = RetroCard.objects.get()
    browser.post(url(retro, "vote"), {"card": card.pk}, headers=HTMX)
    assert card.votes.count() == 1


def test_html_on_cards_is_shown_as_it_is(
    retro: Ceremony,
    seats: dict[str, Participant],
    to: Callable[[str], None],
    as_person: Any,
    cast: Cast,
) -> None:
    write_card(retro, seats["max"], 0, "<img src=x onerror=alert(1)>")
    to("talk")
    assert "<img src=x" not in as_person(cast.dora).get(url(retro)).content.decode()
    assert r"\<img src=x onerror=alert(1)\>" in words(retro)


def test_the_minutes_hold_cards_by_group_with_votes(
    retro: Ceremony,
    seats: dict[str, Participant],
    cards: dict[str, RetroCard],
    to: Callable[[str], None],
) -> None:
    to("group")
    group_card(retro, seats["sina"], cards["slow"].pk, cards["flaky"].pk)
    name_group(retro, seats["sina"], cards["flaky"].pk, "Tests")
    to("vote")
    cast_vote(retro, seats["sina"], cards["flaky"].pk)
    to("talk")
    assert words(retro).splitlines() == [
        "**Start**",
        "",
        "- Tests (1 vote)",
        "  - Tests that flake",
        "  - Slow tests",
        "- Late labels (0 votes)",
        "",
        "**Continue**",
        "",
        "- Pairing (0 votes)",
    ]


def test_the_part_is_registered_for_retrospectives() -> None:
    assert part_of("retro") in parts_for("retrospective")
    assert part_of("retro") not in parts_for("planning")


def test_more_cards_votes_and_actions_take_no_more_statements(
    retro: Ceremony,
    seats: dict[str, Participant],
    olga: Actor,
    cast: Cast,
    to: Callable[[str], None],
) -> None:
    def statements() -> int:
        ceremony = Ceremony.objects.select_related("product", "sprint").get(pk=retro.pk)
        reader = Reader(seats["olga"], lambda permission: True)
        with CaptureQueriesContext(connection) as taken:
            found = retro_of(ceremony, reader)
            for action in found.actions:
                assert str(action.owner)
                assert action.item is None or action.item.status.name
            words(ceremony)
        return len(taken)

    def grow(count: int) -> None:
        for n in range(count):
            for seat in seats.values():
                write_card(retro, seat, n % 3, f"Card {n}")
        to("group")
        found = list(RetroCard.objects.all())
        for one, other in zip(found[::2], found[1::2], strict=False):
            group_card(retro, seats["max"], one.pk, other.pk)
        to("vote")
        for seat in seats.values():
            take_back_vote(retro, seat, found[0].pk)
            cast_vote(retro, seat, found[0].pk)
        to("talk")
        for n in range(count):
            convert_to_item(action_of(retro, f"Act {n}", olga, cast.max), actor=olga)

    grow(1)
    few = statements()
    to("write")
    grow(6)
    assert statements() == few
