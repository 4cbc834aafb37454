"""A product of its own with a running sprint of two hundred cards, and closed ones behind it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from backlog.models import Actor, Backlog, Item, Kind, Product, User
from backlog.services.items import ItemDraft, create_items, move_items, update_item
from backlog.services.products import create_product
from backlog.services.ranks import Spot
from sprints.models import Sprint
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.bench.deeds import SPRINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

CARDS = 200


def plant(owner: User, people: Sequence[User]) -> Sprint:
    """The running sprint: a third of its cards done, a fifth with an assignee and so on."""
    acts = Actor.person(owner)
    product = create_product(key=SPRINTS, name="Sprints", owner=owner, actor=acts)
    for user in people:
        product.members.create(user=user, role="developer")
    drafts = [
        ItemDraft(
            f"Card {number}",
            kind=Kind.BUG if number % 5 == 0 else Kind.STORY,
            points=Decimal(number % 8),
            assignees=[people[number % len(people)]] if number % 5 else [],
        )
        for number in range(CARDS)
    ]
    items = create_items(product, drafts, actor=acts)
    sprint = create_sprint(product.teams.get(), actor=acts, goal="Measured.")
    move_items(product, items, actor=acts, spot=Spot.top(), to=sprint.backlog)
    started = start_sprint(sprint, actor=acts)
    done = product.statuses.get(slug="done")
    for item in items[::3]:
        update_item(item, actor=acts, status=done)
    return started


def close_many(product: Product, owner: User, count: int) -> None:
    """Bring the closed sprints of a second team to this number: one by the services, the others
    as copies of it."""
    acts = Actor.person(owner)
    team, _ = product.teams.get_or_create(name="Team of the past")
    present = Sprint.objects.filter(backlog__team=team)
    if not present.exists():
        sprint = start_sprint(create_sprint(team, actor=acts, goal="Past."), actor=acts)
        close_sprint(sprint, Closing("yes"), actor=acts)
    first = present.select_related("backlog").earliest("pk")
    for number in range(present.count(), count):
        backlog = Backlog.objects.create(
            product=product,
            kind=Backlog.Kind.SPRINT,
            team=team,
            name=f"Past {number}",
            state=Backlog.State.CLOSED,
            starts_on=first.backlog.starts_on,
            ends_on=first.backlog.ends_on,
            started_at=first.backlog.started_at,
            closed_at=timezone.now() - timedelta(days=number),
        )
        Sprint.objects.create(
            backlog=backlog, goal="Past.", zone=first.zone, goal_met="yes", report=first.report
        )


def start_another(product: Product, owner: User) -> Sprint:
    """A running sprint of a third team, with two hundred items that none of the others has."""
    acts = Actor.person(owner)
    team, is_new = product.teams.get_or_create(name="Team that closes")
    if is_new:
        drafts = [
            ItemDraft(f"To close {number}", points=Decimal(number % 8)) for number in range(CARDS)
        ]
        create_items(product, drafts, actor=acts)
    lying = Item.objects.alive().filter(product=product, title__startswith="To close ")
    items = list(lying.select_related("product", "status", "backlog").order_by("number"))
    sprint = create_sprint(team, actor=acts, goal="Closed.")
    move_items(product, items, actor=acts, spot=Spot.top(), to=sprint.backlog)
    return start_sprint(sprint, actor=acts)
