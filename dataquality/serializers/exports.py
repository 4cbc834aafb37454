"""The list of runs as a file: what REST shows of them in lists, which is never a value of a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from backlog.models import Product
from dataquality.models import Run
from dataquality.serializers.runs import RunSerializer
from mlscrum.web.tables import READ_AT_ONCE, Row, Table, in_parts

RUN_COLUMNS = (
    "id", "dataset", "version", "suite_version", "state", "tracked", "trigger", "engine", "source",
    "external_id", "requested_at", "started_at", "finished_at", "statistics.health",
    "statistics.total", "statistics.passed", "statistics.failed", "statistics.errored",
    "statistics.vacuous", "awaiting", "context.environment", "context.branch", "context.commit",
    "context.pull_request", "error.code", "error.detail", "url",
)  # fmt: skip


def run_table(product: Product, runs: QuerySet[Run]) -> Table:
    """These runs, of `queries.runs.runs_of`, in their order."""
    rows = in_parts(runs.iterator(chunk_size=READ_AT_ONCE), _shown)
    return Table(f"{product.key}-runs", RUN_COLUMNS, rows)


def _shown(runs: list[Run]) -> Iterable[Row]:
    shown: Any = RunSerializer(runs, many=True).data
    return list(shown)
