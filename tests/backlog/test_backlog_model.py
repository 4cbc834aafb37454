"""The backlog against a plain list: moves, filters, deletions and undos in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backlog.models import Actor, Item, Product
from backlog.services.deeds import deed
from backlog.services.items import (
    ItemDraft,
    create_items,
    edit_items,
    move_items,
    product_backlog,
    restore_items,
    trash_items,
)
from backlog.services.ranks import Spot, rebalance
from backlog.services.undo import undo_last
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast

COUNT = 8
PLACES = ("top", "bottom", "before", "after")
NUMBERS = st.integers(0, COUNT - 1)
SOME = st.lists(NUMBERS, min_size=1, max_size=4, unique=True)
STEPS = st.one_of(
    st.tuples(st.just("move"), SOME, st.sampled_from(PLACES), NUMBERS),
    # Somebody looks at the items of some points only, and drops some of them beside one of them.
    st.tuples(st.just("move filtered"), SOME, st.sampled_from(PLACES[2:]), NUMBERS),
    st.tuples(st.just("estimate"), SOME, st.integers(0, 2)),
    st.tuples(st.just("delete"), SOME),
    st.tuples(st.just("restore"), SOME),
    st.tuples(st.just("rebalance")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("undo")),
)


@dataclass
class Model:
    """The backlog as a list would be: what stands in it, what each is worth, and the states before,
    one for each deed that can be undone."""

    row: list[int]
    points: list[int]
    before: list[tuple[list[int], list[int]]]

    def remember(self) -> None:
        self.before.append((list(self.row), list(self.points)))

    def undo(self) -> bool:
        if not self.before:
            return False
        self.row, self.points = self.before.pop()
        return True

    def move(self, moving: list[int], where: str, anchor: int) -> None:
        rest = [n for n in self.row if n not in moving]
        at = {"top": 0, "bottom": len(rest)}.get(where)
        if at is None:
            at = rest.index(anchor) + (where == "after")
        self.row = rest[:at] + moving + rest[at:]


class Hands:
    """Does each step in the product as a person would, and in the model; both must agree."""

    def __init__(self, product: Product, actor: Actor) -> None:
        self.product, self.actor = product, actor
        self.items = create_items(
            product, [ItemDraft(str(n)) for n in range(COUNT)], actor=Actor.system()
        )
        self.model = Model(list(range(COUNT)), [0] * COUNT, [])

    def do(self, step: tuple[Any, ...]) -> None:
        deeds: dict[str, Callable[..., None]] = {
            "move": self.move,
            "move filtered": self.move_filtered,
            "estimate": self.estimate,
            "delete": self.delete,
            "restore": self.restore,
            "rebalance": self.rebalance,
            "undo": self.undo,
        }
        deeds[step[0]](*step[1:])

    def move(self, some: list[int], where: str, anchor: int) -> None:
        moving = [n for n in some if n in self.model.row]
        if not moving or anchor in moving or anchor not in self.model.row:
            return
        self.model.remember()
        self.model.move(moving, where, anchor)
        spot = {
            "top": Spot.top(),
            "bottom": Spot.bottom(),
            "before": Spot.before(self.items[anchor]),
            "after": Spot.after(self.items[anchor]),
        }[where]
        move_items(self.product, [self.items[n] for n in moving], actor=self.actor, spot=spot)

    def move_filtered(self, some: list[int], where: str, place: int) -> None:
        """The anchor is a neighbour that the filter shows; what it hides keeps its order."""
        points = self.model.points[some[0]]
        seen = Item.objects.filter(backlog=product_backlog(self.product), rank__isnull=False)
        shown = (
            [
                int(title)
                for title in seen.filter(points=points or None)
                .order_by("rank")
                .values_list("title", flat=True)
            ]
            if points
            else list(self.model.row)
        )
        assert shown == [n for n in self.model.row if not points or self.model.points[n] == points]
        moving = [n for n in some if n in shown]
        anchors = [n for n in shown if n not in moving]
        if moving and anchors:
            hidden = [n for n in self.model.row if n not in shown]
            self.move(moving, where, anchors[place % len(anchors)])
            assert [n for n in self.model.row if n not in shown] == hidden

    def estimate(self, some: list[int], points: int) -> None:
        there = [n for n in some if n in self.model.row]
        if all(self.model.points[n] == points for n in there):
            return
        self.model.remember()
        for n in there:
            self.model.points[n] = points
        edit_items(
            self.product, [self.items[n] for n in there], actor=self.actor, points=points or None
        )

    def delete(self, some: list[int]) -> None:
        there = [n for n in some if n in self.model.row]
        if there:
            self.model.remember()
            self.model.row = [n for n in self.model.row if n not in there]
            trash_items(self.product, [self.items[n] for n in there], actor=self.actor)

    def restore(self, some: list[int]) -> None:
        gone = [n for n in some if n not in self.model.row]
        if gone:
            self.model.remember()
            self.model.row = gone + self.model.row
            restore_items(self.product, [self.items[n] for n in gone], actor=self.actor)

    def rebalance(self) -> None:
        with deed(self.product, Actor.system(), "backlog.tidied"):
            rebalance(product_backlog(self.product))

    def undo(self) -> None:
        if self.model.undo():
            undo_last(self.product, actor=self.actor)
        else:
            with pytest.raises(Conflict, match="nothing of yours"):
                undo_last(self.product, actor=self.actor)

    def agree(self) -> None:
        rows = Item.objects.filter(product=self.product)
        there = rows.filter(rank__isnull=False).order_by("rank")
        assert [int(item.title) for item in there] == self.model.row
        assert {int(item.title): int(item.points or 0) for item in rows} == dict(
            enumerate(self.model.points)
        )
        assert set(there) == set(Item.objects.alive().filter(stays__left_at=None))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
@example(steps=[("move", [2, 3, 6], "top", 0), ("rebalance",), ("undo",)])
@example(steps=[("delete", [0, 4, 5]), ("rebalance",), ("move", [7], "top", 0), *[("undo",)] * 3])
def test_moves_filters_deletions_and_undos_equal_a_plain_list(
    product: Product, cast: Cast, steps: list[tuple[Any, ...]]
) -> None:
    product.activities.all().delete()
    Item.objects.filter(product=product).delete()
    hands = Hands(product, Actor.person(cast.olga))
    for step in steps:
        hands.do(step)
        hands.agree()


@pytest.mark.parametrize("moves", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_moves_into_one_gap_keep_the_order_and_short_keys(
    product: Product, cast: Cast, moves: int
) -> None:
    actor = Actor.person(cast.olga)
    items = create_items(product, [ItemDraft(str(n)) for n in range(10)], actor=actor)
    first = items[0]
    model = list(range(10))
    for number in range(moves):
        n = 1 + number % 9
        move_items(product, [items[n]], actor=actor, spot=Spot.after(first))
        model.remove(n)
        model.insert(1, n)
    rows = product_backlog(product).items.order_by("rank")
    assert [int(item.title) for item in rows] == model
    assert max(len(item.rank or "") for item in rows) <= 60
