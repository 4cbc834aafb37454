"""Several people in the same moment of a ceremony: one deed holds, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from backlog.models import Activity, Actor, Change
from backlog.services.items import ItemDraft, create_item
from backlog.services.members import add_member
from backlog.services.products import create_product
from mlscrum.lib.errors import Conflict
from sprints.models import Ceremony, Participant, PokerVote, Retro, RetroVote, Round
from sprints.services.poker import accept, reveal, start_round, vote
from sprints.services.retros import cast_vote, go_to, write_card
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.sprints.test_sprints_at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def ceremony(transactional_db: None, cast: Cast, olga: Actor) -> Callable[[str], Ceremony]:
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    add_member(product, cast.max, "developer", actor=olga)

    def make(kind: str) -> Ceremony:
        return Ceremony.objects.create(
            product=product, kind=kind, title=kind.title(), starts_at=timezone.now(), minutes=60
        )

    return make


@pytest.fixture
def refinement(ceremony: Callable[[str], Ceremony]) -> Ceremony:
    return ceremony("refinement")


@pytest.fixture
def seats(refinement: Ceremony, cast: Cast) -> list[Participant]:
    return [take_seat(refinement, user) for user in (cast.olga, cast.max)]


@pytest.fixture
def voting(refinement: Ceremony, olga: Actor, seats: list[Participant]) -> Round:
    item = create_item(refinement.product, ItemDraft("Second reading"), actor=olga)
    found = start_round(refinement, item, actor=olga)
    vote(found, seats[0], "5", actor=olga)
    return found


def mine(found: Round) -> Round:
    """The round as another request has it."""
    return Round.objects.select_related("ceremony__product", "item__product", "item__backlog").get(
        pk=found.pk
    )


def test_of_two_reveals_one_reveals_and_the_other_sees_it(voting: Round, olga: Actor) -> None:
    seen: list[str] = []
    show = lambda: seen.append(reveal(mine(voting), actor=olga).state)  # noqa: E731
    assert at_once(show, show, show) == [None] * 3
    assert seen == ["revealed"] * 3
    assert Activity.objects.filter(kind="poker.revealed").count() == 1


def test_a_vote_beside_the_reveal_counts_or_is_told_that_it_came_too_late(
    voting: Round, seats: list[Participant], olga: Actor, cast: Cast
) -> None:
    raised = at_once(
        lambda: reveal(mine(voting), actor=olga),
        lambda: vote(mine(voting), seats[1], "8", actor=Actor.person(cast.max)),
    )
    assert raised[0] is None
    counted = PokerVote.objects.filter(round=voting).count()
    if raised[1] is None:
        order = list(
            Activity.objects.filter(kind__in=["poker.voted", "poker.revealed"])
            .order_by("seq")
            .values_list("kind", flat=True)
        )
        assert (counted, order[-1]) == (2, "poker.revealed")
    else:
        assert isinstance(raised[1], Conflict)
        assert (counted, "too late" in str(raised[1])) == (1, True)


def test_one_person_in_two_windows_has_one_vote(
    voting: Round, seats: list[Participant], cast: Cast
) -> None:
    acts = Actor.person(cast.max)
    votes: list[Callable[[], Any]] = [
        lambda card=card: vote(mine(voting), seats[1], card, actor=acts)  # type: ignore[misc]
        for card in ("1", "2", "3", "5")
    ]
    assert at_once(*votes) == [None] * 4
    assert PokerVote.objects.filter(round=voting, participant=seats[1]).count() == 1


def test_of_two_estimates_one_is_accepted(voting: Round, olga: Actor) -> None:
    reveal(voting, actor=olga)
    raised = at_once(
        lambda: accept(mine(voting), Decimal(5), actor=olga),
        lambda: accept(mine(voting), Decimal(8), actor=olga),
    )
    refused = [error for error in raised if error]
    assert len(refused) == 1
    assert isinstance(refused[0], Conflict)
    assert Change.objects.filter(item=voting.item, field="points").count() == 1


def test_two_who_call_a_vote_call_one(refinement: Ceremony, olga: Actor) -> None:
    one, other = (
        create_item(refinement.product, ItemDraft(f"Item {n}"), actor=olga) for n in range(2)
    )
    raised = at_once(
        lambda: start_round(refinement, one, actor=olga),
        lambda: start_round(refinement, other, actor=olga),
    )
    refused = [error for error in raised if error]
    assert len(refused) == 1
    assert isinstance(refused[0], Conflict)
    assert Round.objects.filter(state="voting").count() == 1


def test_two_first_cards_make_one_retrospective_and_nobody_votes_too_often(
    ceremony: Callable[[str], Ceremony], cast: Cast, olga: Actor
) -> None:
    retro = ceremony("retrospective")
    seats = [take_seat(retro, user) for user in (cast.olga, cast.max)]
    raised = at_once(
        lambda: write_card(retro, seats[0], 0, "One"), lambda: write_card(retro, seats[1], 1, "Two")
    )
    assert raised == [None, None]
    card = Retro.objects.get().cards.first()
    assert card is not None
    on = lambda: go_to(retro, "group", actor=olga, seen="write")  # noqa: E731
    assert at_once(on, on) == [None, None]
    assert Activity.objects.filter(kind="retro.phase").count() == 1
    go_to(retro, "vote", actor=olga, seen="group")
    raised = at_once(*[lambda: cast_vote(retro, seats[0], card.pk)] * 5)
    refused = [error for error in raised if error]
    assert len(refused) == 2
    assert all(isinstance(error, Conflict) for error in refused)
    assert RetroVote.objects.count() == 3
