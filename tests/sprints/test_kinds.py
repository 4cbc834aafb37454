"""Kinds of items in a running sprint, whose figures count the middle level only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Actor, Item, Kind, Product
from backlog.services.items import (
    ItemDraft,
    create_item,
    edit_items,
    move_items,
    product_backlog,
    update_item,
)
from backlog.services.ranks import Spot
from backlog.services.undo import undo_last
from sprints.models import Sprint
from sprints.queries.overviews import sprint_view
from sprints.services.sprints import start_sprint
from tests.conftest import Cast
from tests.sprints.conftest import fresh

Travel = Callable[[str], datetime]


def test_an_item_that_a_running_sprint_counts_keeps_counting(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, travel: Travel,
    api: Any, client: Any,
) -> None:  # fmt: skip
    travel("2026-03-27 10:00+00:00")
    home = product_backlog(product)
    move_items(product, [fresh(items[1])], actor=olga, spot=Spot.top(), to=home)
    draft = ItemDraft("Ask", kind=Kind.TASK, parent=items[0])
    task = create_item(product, draft, actor=olga)
    travel("2026-03-28 10:00+00:00")
    before = sprint_view(running).figures
    # One that lies in it, one that was taken out, and a task there.
    words = "It has been in Sprint 1 since that started"
    for item, kind in ((items[2], Kind.TASK), (items[1], Kind.EPIC), (task, Kind.BUG)):
        with pytest.raises(ValidationError, match=words):
            update_item(fresh(item), actor=olga, kind=kind)
        with pytest.raises(ValidationError, match=f"{item.ref}: {words}"):
            edit_items(product, [fresh(items[3]), fresh(item)], actor=olga, kind=kind)
    sent = api(cast.olga).patch("/api/v1/items/MED-3/", {"kind": "task"}, format="json")
    assert (sent.status_code == 400, words in str(sent.json())) == (True, True)
    client.force_login(cast.olga)
    changed = {"kind": "task", "version": fresh(items[2]).version}
    cell = client.post("/p/MED/items/MED-3/set/", changed)
    assert words in cell.content.decode()
    assert sprint_view(running).figures == before
    # Of one level it may change, and one that is in no running sprint as well.
    assert update_item(fresh(items[2]), actor=olga, kind=Kind.BUG).kind == Kind.BUG
    assert update_item(fresh(items[3]), actor=olga, kind=Kind.TASK).kind == Kind.TASK


def test_undo_leaves_a_kind_by_which_a_running_sprint_counts(
    planned: Sprint, product: Product, olga: Actor, cast: Cast, travel: Travel
) -> None:
    travel("2026-03-24 10:00+00:00")
    item = create_item(product, ItemDraft("Ask", kind=Kind.TASK), actor=olga)
    move_items(product, [item], actor=olga, spot=Spot.top(), to=planned.backlog)
    update_item(fresh(item), actor=olga, kind=Kind.STORY)
    start_sprint(planned, actor=Actor.person(cast.sina))
    travel("2026-03-24 10:00:30+00:00")
    undone = undo_last(product, actor=olga)
    assert "keeps its kind: It has been in Sprint 1 since that started" in str(undone)
    assert fresh(item).kind == Kind.STORY
