"""Two people in one ceremony at the same moment."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from backlog.models import Activity, Actor, Item
from backlog.services.members import add_member
from backlog.services.products import create_product
from mlscrum.lib.errors import Conflict
from sprints.models import Block, Ceremony, Outcome
from sprints.services import ceremonies, outcomes
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.notes import Stale, hold_block, write_block
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.sprints.test_sprints_at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


@pytest.fixture
def olga(transactional_db: None, cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def review(olga: Actor, cast: Cast) -> Ceremony:
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    for name in ("max", "dora"):
        add_member(product, cast[name], "developer", actor=olga)
    made = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    return ceremonies.open_ceremony(made, actor=olga)


def kinds(raised: list[Any]) -> list[type | None]:
    return sorted((type(one) if one else None for one in raised), key=str)


def test_of_two_who_close_one_closes_and_the_other_sees_it(review: Ceremony, olga: Actor) -> None:
    raised = at_once(*[lambda: ceremonies.close(review, actor=olga)] * 2)
    assert kinds(raised) == [Conflict, None]
    assert Activity.objects.filter(kind="ceremony.closed").count() == 1


def test_of_two_who_convert_one_makes_the_item(review: Ceremony, olga: Actor, cast: Cast) -> None:
    seat = take_seat(review, cast.dora)
    said = add_outcome(review, OutcomeDraft("insight", "Once", "data"), actor=olga, seat=seat)
    raised = at_once(*[lambda: outcomes.convert_to_item(said, actor=olga)] * 2)
    assert kinds(raised) == [Conflict, None]
    assert Item.objects.count() == 1
    assert Outcome.objects.get().item is not None


def test_of_two_who_begin_to_write_one_holds_the_block(
    review: Ceremony, olga: Actor, cast: Cast
) -> None:
    block = review.blocks.all()[0]
    seats = [take_seat(review, cast[name]) for name in ("max", "dora")]
    raised = at_once(*[lambda seat=seat: hold_block(block, seat, actor=olga) for seat in seats])
    assert sum(one is None for one in raised) == 1


def test_of_two_who_save_one_saves_and_the_other_keeps_the_text(
    review: Ceremony, olga: Actor, cast: Cast
) -> None:
    block = review.blocks.all()[0]
    seats = [take_seat(review, cast[name]) for name in ("max", "dora")]
    raised = at_once(
        *[
            lambda seat=seat: write_block(block, seat.name, seat=seat, actor=olga, base_version=1)
            for seat in seats
        ]
    )
    [refused] = [one for one in raised if one is not None]
    assert isinstance(refused, Stale)
    assert {refused.extra["theirs"], refused.extra["yours"]} == {seat.name for seat in seats}
    assert Block.objects.get(pk=block.pk).text == refused.extra["theirs"]
