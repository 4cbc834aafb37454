"""A product with a sprint under way, and the time that tests travel in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Actor, Backlog, Item, Product, Status, Team
from backlog.services.items import ItemDraft, create_items, move_items, update_item
from backlog.services.ranks import Spot
from sprints.models import Sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.conftest import Cast

FIRST, LAST = date(2026, 3, 25), date(2026, 4, 7)


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], datetime]:
    """Let all deeds from now on happen at a moment, such as `2026-03-26 09:00+00:00`."""

    def to(text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        monkeypatch.setattr(timezone, "now", lambda: moment)
        return moment

    return to


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def team(product: Product) -> Team:
    found = product.teams.first()
    assert found is not None
    return found


@pytest.fixture
def items(product: Product, olga: Actor, travel: Callable[[str], datetime]) -> list[Item]:
    """MED-1 to MED-4, of 8, 5, 3 and 2 points, made before the sprint."""
    travel("2026-03-20 08:00+00:00")
    drafts = [ItemDraft(f"Story {n}", points=Decimal(n)) for n in (8, 5, 3, 2)]
    return create_items(product, drafts, actor=olga)


@pytest.fixture
def planned(team: Team, items: list[Item], olga: Actor) -> Sprint:
    """A sprint of two weeks, with the first three items in it."""
    sprint = create_sprint(team, actor=olga, starts_on=FIRST, ends_on=LAST, goal="Doctors see why.")
    move_items(sprint.backlog.product, items[:3], actor=olga, spot=Spot.bottom(),
               to=sprint.backlog)  # fmt: skip
    return sprint


@pytest.fixture
def running(planned: Sprint, olga: Actor, travel: Callable[[str], datetime]) -> Sprint:
    """The same, started on its first day at nine in London."""
    travel("2026-03-25 09:00+00:00")
    return start_sprint(planned, actor=olga)


@pytest.fixture
def finish(product: Product, olga: Actor) -> Callable[[Item], Item]:
    """Set an item to done."""

    def done(item: Item) -> Item:
        return update_item(item, actor=olga, status=status_of(product, "done"))

    return done


def status_of(product: Product, category: str) -> Status:
    found = product.statuses.filter(category=category).first()
    assert found is not None
    return found


def fresh(item: Item) -> Item:
    """The item as it is now."""
    found: Item = Item.objects.select_related("product", "status", "backlog").get(pk=item.pk)
    return found


def home_of(item: Item) -> Backlog:
    found: Any = Item.objects.select_related("backlog").get(pk=item.pk).backlog
    assert isinstance(found, Backlog)
    return found


def in_order(backlog: Backlog) -> list[int]:
    """The numbers of what is in a backlog, in its order."""
    rows = Item.objects.alive().filter(backlog=backlog).order_by("rank")
    return list(rows.values_list("number", flat=True))
