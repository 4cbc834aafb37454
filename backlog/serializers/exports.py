"""Lists of the ground floor as files: the rows that REST shows, and which of them are columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from backlog.models import Finding, Product
from backlog.models.items import ItemQuerySet
from backlog.queries.resources import rows_of, with_row
from backlog.serializers.findings import FindingSerializer
from backlog.serializers.items import shown_items
from mlscrum.web.tables import READ_AT_ONCE, Row, Table, in_parts

ITEM_COLUMNS = (
    "ref", "kind", "title", "status", "category", "points", "assignees", "labels", "parent",
    "sprint", "blocked", "blocked_reason", "due_date", "gpu_hours", "severity", "source", "links",
    "criteria", "description", "external_source", "external_id", "external_url", "created_at",
    "updated_at", "done_at", "url",
)  # fmt: skip
FINDING_COLUMNS = (
    "id", "title", "severity", "priority", "state", "marks", "source", "dataset", "item",
    "occurrences", "first_seen", "last_seen", "muted_until", "resolution.reason", "resolution.by",
    "resolution.at", "resolution.note", "run", "merged_into", "fingerprint", "url",
)  # fmt: skip


def item_table(product: Product, items: ItemQuerySet, *ordering: str) -> Table:
    """These items of the product with all that REST shows of them, its own fields among the
    columns."""
    own = [f"fields.{slug}" for slug in product.extra_fields.values_list("slug", flat=True)]
    found = rows_of(with_row(items).order_by(*ordering))
    rows = in_parts(found.iterator(chunk_size=READ_AT_ONCE), shown_items)
    return Table(f"{product.key}-items", (*ITEM_COLUMNS, *own), rows)


def finding_table(product: Product, findings: QuerySet[Finding]) -> Table:
    """These findings, of `queries.resources.findings_in`, in their order."""
    rows = in_parts(findings.iterator(chunk_size=READ_AT_ONCE), _shown_findings)
    return Table(f"{product.key}-findings", FINDING_COLUMNS, rows)


def _shown_findings(findings: list[Finding]) -> Iterable[Row]:
    shown: Any = FindingSerializer(findings, many=True).data
    return list(shown)
