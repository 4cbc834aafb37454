"""Ranks: whatever is moved wherever, the backlog is ordered as a plain list would be."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

import pytest
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backlog.models import Activity, Actor, Item, Product
from backlog.services.items import ItemDraft, create_items, move_items, product_backlog
from backlog.services.ranks import Spot, rebalance
from mlscrum.lib import ranks
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast

WHERES = ("top", "bottom", "before", "after")


@given(count=st.integers(1, 200), inserts=st.lists(st.integers(0, 200), max_size=60))
def test_keys_stay_ordered_and_unique_wherever_they_are_inserted(
    count: int, inserts: list[int]
) -> None:
    keys = ranks.between(None, None, count)
    for place in inserts:
        place = min(place, len(keys))
        before = keys[place - 1] if place else None
        after = keys[place] if place < len(keys) else None
        keys[place:place] = ranks.between(before, after)
    assert keys == sorted(set(keys))


@given(count=st.integers(0, 300), used=st.integers(1, 300))
def test_fresh_keys_are_short_and_above_all_that_are_in_use(count: int, used: int) -> None:
    old = ranks.between(None, None, used)
    new = ranks.fresh(old[-1], count)
    assert len(new) == count
    assert new == sorted(set(new))
    assert all(key > old[-1] and len(key) <= 5 for key in new)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(
            st.lists(st.integers(0, 7), min_size=1, max_size=3, unique=True),
            st.sampled_from(WHERES),
            st.integers(0, 7),
        ),
        max_size=12,
    )
)
def test_moves_order_the_backlog_as_they_would_a_list(
    product: Product,
    cast: Cast,
    moves: list[tuple[list[int], str, int]],
) -> None:
    actor = Actor.person(cast.olga)
    Item.objects.filter(product=product).delete()
    items = create_items(product, [ItemDraft(str(n)) for n in range(8)], actor=actor)
    model = list(range(8))
    for moving, where, anchor in moves:
        spot = spot_at(items, where, anchor)
        if spot.anchor is not None and anchor in moving:
            continue
        move_items(product, [items[n] for n in moving], actor=actor, spot=spot)
        rest = [n for n in model if n not in moving]
        at = {"top": 0, "bottom": len(rest)}.get(where)
        if at is None:
            at = rest.index(anchor) + (where == "after")
        model = rest[:at] + moving + rest[at:]
    assert order(product) == [str(n) for n in model]


def test_a_rebalance_keeps_the_order_and_touches_no_version(product: Product, cast: Cast) -> None:
    actor = Actor.person(cast.olga)
    items = create_items(product, [ItemDraft(str(n)) for n in range(50)], actor=actor)
    before = list(Item.objects.order_by("rank").values_list("pk", "version", "updated_at"))
    rebalance(product_backlog(product))
    after = list(Item.objects.order_by("rank").values_list("pk", "version", "updated_at"))
    assert after == before
    assert {item.rank for item in items}.isdisjoint(Item.objects.values_list("rank", flat=True))


@pytest.mark.django_db(transaction=True)
def test_twenty_movers_at_once_lose_nothing_and_leave_no_gap_in_the_activity(
    product: Product, cast: Cast
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time; this is about PostgreSQL's locks")
    actor = Actor.person(cast.olga)
    items = create_items(product, [ItemDraft(str(n)) for n in range(40)], actor=actor)
    failures: list[Exception] = []
    start = threading.Barrier(20)

    def mover(seed: int) -> None:
        chance = random.Random(seed)
        start.wait()
        try:
            for _ in range(10):
                moving, anchor = chance.sample(range(40), 2)
                spot = spot_at(items, chance.choice(WHERES), anchor)
                move_items(product, [items[moving]], actor=actor, spot=spot)
        except Exception as error:  # noqa: BLE001 - any failure of a thread must reach the test
            failures.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=mover, args=(seed,)) for seed in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(order(product), key=int) == [str(n) for n in range(40)]
    seqs = list(Activity.objects.filter(product=product).values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    deeds = Activity.objects.filter(kind="item.moved")
    moves = deeds.select_related("item__product").order_by("seq")
    assert moves.count() == 200
    assert order(product) == replayed([item.ref for item in items], moves)


def test_a_mover_whose_anchor_moved_away_is_told(product: Product, cast: Cast) -> None:
    actor = Actor.person(cast.olga)
    a, b = create_items(product, [ItemDraft("a"), ItemDraft("b")], actor=actor)
    inbox = product.backlogs.get(kind="inbox")
    move_items(product, [b], actor=actor, spot=Spot.top(), to=inbox)
    with pytest.raises(Conflict, match="no longer in Product backlog"):
        move_items(product, [a], actor=actor, spot=Spot.after(b))


def spot_at(items: list[Item], where: str, anchor: int) -> Spot:
    if where in {"top", "bottom"}:
        return Spot.top() if where == "top" else Spot.bottom()
    return Spot.before(items[anchor]) if where == "before" else Spot.after(items[anchor])


def replayed(refs: list[str], moves: Iterable[Activity]) -> list[str]:
    """The titles in the order that these moves make one after the other, as the deeds tell them."""
    titles = {ref: str(number) for number, ref in enumerate(refs)}
    row = list(refs)
    for move in moves:
        assert move.item is not None
        row.remove(move.item.ref)
        where, anchor = move.data["place"], move.data.get("anchor")
        at = {"top": 0, "bottom": len(row)}.get(where)
        if at is None:
            at = row.index(anchor) + (where == "after")
        row.insert(at, move.item.ref)
    return [titles[ref] for ref in row]


def order(product: Product) -> list[str]:
    backlog = product_backlog(product)
    return list(backlog.items.alive().order_by("rank").values_list("title", flat=True))
