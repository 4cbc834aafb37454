"""What the page that closes a sprint shows beside what the service looks ahead to."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import Case, IntegerField, QuerySet, Value, When, prefetch_related_objects

from backlog.models import Backlog, Item, Kind
from sprints.models import Sprint
from sprints.queries.sprints import sprints_of


def tasks_by_parent(sprint: Sprint) -> dict[int, list[Item]]:
    """The tasks that lie in the sprint, by the item that they belong to."""
    tasks = (
        Item.objects.alive()
        .filter(backlog=sprint.backlog, kind=Kind.TASK, parent__isnull=False)
        .select_related("product", "status")
        .order_by("status__category", "rank")
    )
    found: dict[int, list[Item]] = defaultdict(list)
    for task in tasks:
        assert task.parent_id is not None, "the filter asks for one"
        found[task.parent_id].append(task)
    return dict(found)


def with_faces(items: list[Item]) -> list[Item]:
    """The same items, with those who work on them."""
    prefetch_related_objects(items, "assignees")
    return items


def following_sprints(sprint: Sprint) -> QuerySet[Sprint, Sprint]:
    """Where what is not done can go on: the planned sprints of the product, the own team's first,
    the earliest first."""
    own = Case(
        When(backlog__team=sprint.backlog.team_id, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    planned = sprints_of(sprint.backlog.product, state=Backlog.State.PLANNED).exclude(pk=sprint.pk)
    return planned.order_by(own, "backlog__starts_on", "pk")
