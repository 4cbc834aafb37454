"""What the rest of the house shows of data: the room's badge, and an item's failing rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min
from django.urls import reverse

from backlog.models import Finding, Item, Product, Subject
from backlog.rules.severity import Priority
from dataquality.models import SOURCE_OF_RUNS, Dataset, Result
from dataquality.queries.overviews import ResultLine, result_line
from mlscrum.web.rooms import Badge

INTO = "expectation"  # what an insight becomes here


@dataclass(frozen=True)
class ItemEvidence:
    """The newest result of one finding of an item; without the permission its rows stay hidden."""

    dataset: Dataset
    line: ResultLine
    hides_rows: bool


def urgent_findings_badge(product: Product) -> Badge | None:
    """Open findings about data of priority P1 or P2, for the navigation; a P1 is urgent."""
    found = Finding.objects.filter(
        product=product,
        state=Finding.State.OPEN,
        priority__in=[Priority.P1, Priority.P2],
        subject__dataset__isnull=False,
    ).aggregate(n=Count("pk"), first=Min("priority"))
    n = found["n"]
    if not n:
        return None
    meaning = f"{n} open {'finding' if n == 1 else 'findings'} of priority P1 or P2"
    return Badge(n, meaning, is_urgent=found["first"] == Priority.P1)


def dataset_page(subject: Subject) -> str:
    """Where a dataset's page stands."""
    return reverse("dataquality:dataset", args=[subject.product.key, subject.slug])


def health_targets_of(subjects: Sequence[Subject]) -> dict[int, float]:
    """The health that each of these datasets should reach, 0 to 100, by the subjects' ids."""
    found = Dataset.objects.filter(subject__in=subjects)
    return dict(found.values_list("subject_id", "health_target"))


def columns_of(subjects: Sequence[Subject]) -> dict[int, Sequence[str]]:
    """The columns of each of these datasets in their order, by the subjects' ids."""
    found = Dataset.objects.filter(subject__in=subjects)
    return {
        pk: [str(column["name"]) for column in schema]
        for pk, schema in found.values_list("subject_id", "schema")
    }


def expected_hours_of(subjects: Sequence[Subject]) -> dict[int, float]:
    """Within how many hours each of these datasets is to be looked at again, by the subjects' ids,
    without those that may rest."""
    found = Dataset.objects.filter(subject__in=subjects, freshness_limit_h__isnull=False)
    return {
        pk: float(hours or 0) for pk, hours in found.values_list("subject", "freshness_limit_h")
    }


def rule_page(finding: Finding) -> str:
    """Where the check behind a finding of a run is edited; of others' evidence there is none."""
    if finding.source != SOURCE_OF_RUNS or finding.is_execution or finding.subject is None:
        return ""
    return suite_page(finding.subject)


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


def suite_page(subject: Subject) -> str:
    """Where a check is added to the suite of a dataset."""
    return reverse("dataquality:suite", args=[subject.product.key, subject.slug])
