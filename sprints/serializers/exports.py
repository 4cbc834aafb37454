"""The list of sprints as a file: the rows that REST shows, and which of them are columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from backlog.models import Product
from mlscrum.web.tables import Row, Table, in_parts
from sprints.models import Sprint
from sprints.queries.overviews import sprint_views
from sprints.serializers.sprints import SprintSerializer

AT_ONCE = 50
AMOUNTS = ("committed", "completed", "added", "removed", "remaining", "split_off")
SPRINT_COLUMNS = (
    "id", "name", "goal", "kind", "state", "cancelled", "start_date", "end_date", "started_at",
    "closed_at", "zone", "team", "capacity_points", "capacity_gpu_hours", "goal_met", "goal_reason",
    *(f"{name}.{unit}" for name in AMOUNTS for unit in ("points", "items")),
    "datasets", "target_health", "exit.met", "url",
)  # fmt: skip


def sprint_table(product: Product, sprints: QuerySet[Sprint]) -> Table:
    """These sprints, of `queries.sprints.sprints_of`, in their order."""
    rows = in_parts(sprints.iterator(chunk_size=AT_ONCE), _shown, AT_ONCE)
    return Table(f"{product.key}-sprints", SPRINT_COLUMNS, rows)


def _shown(sprints: list[Sprint]) -> Iterable[Row]:
    shown: Any = SprintSerializer(sprint_views(sprints), many=True).data
    return list(shown)
