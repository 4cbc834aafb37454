"""What the rest of the house shows of data: the room's badge, and an item's failing rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from backlog.models import Finding, Item, Product
from backlog.rules.severity import Severity
from dataquality.models import Dataset, Result
from dataquality.queries.overviews import ResultLine, result_line


@dataclass(frozen=True)
class ItemEvidence:
    """The newest result of one finding of an item; without the permission its rows stay hidden."""

    dataset: Dataset
    line: ResultLine
    hides_rows: bool


def open_critical_count(product: Product) -> int | None:
    """How many critical findings about data are open, None for none."""
    return (
        Finding.objects.filter(
            product=product,
            state=Finding.State.OPEN,
            severity=Severity.CRITICAL,
            subject__dataset__isnull=False,
        ).count()
        or None
    )


def newest_results(item: Item) -> Sequence[Result]:
    """For each finding of the item that a run has made, what the newest run said."""
    newest = (
        Result.objects.filter(finding__item=item)
        .values("finding")
        .annotate(newest=Max("pk"))
        .values_list("newest", flat=True)
    )
    return list(
        Result.objects.filter(pk__in=list(newest))
        .select_related(
            "run__version",
            "run__dataset__subject__product",
            "run__dataset__subject__owner",
            "run__dataset__subject__steward",
            "finding__item__product",
        )
        .order_by("finding__priority", "pk")
    )


def evidence_of(results: Sequence[Result], sees: Mapping[int, bool]) -> list[ItemEvidence]:
    """The results as the item page shows them; `sees` says by dataset who may see values."""
    return [_evidence(result, sees[result.run.dataset_id]) for result in results]


def _evidence(result: Result, with_values: Any) -> ItemEvidence:
    return ItemEvidence(
        dataset=result.run.dataset,
        line=result_line(result, [], with_values=bool(with_values)),
        hides_rows=bool(result.sample) and not with_values,
    )
