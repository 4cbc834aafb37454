"""Runs, their results, and how each check went over the last runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat
from django.http import Http404

from backlog.models import Finding, Item, Product
from dataquality.engine import suites
from dataquality.models import FINISHED, LIVE_KINDS, Dataset, Result, Run, RunState, Trigger
from dataquality.rules.batches import NEWEST

HISTORY_LENGTH = 30
MOST_BATCHES = 60
# What says how a dataset stands: runs on its present version, or of a database any run of ours, for
# each looks at newer rows; or, as long as it has no suite here, what was checked elsewhere, the
# newest batch first in whatever order it was posted.
ON_THE_NEWEST = (
    Q(version=F("dataset__current_version"))
    | Q(dataset__source_kind__in=LIVE_KINDS, version__isnull=False)
    | Q(trigger=Trigger.INGEST, dataset__current_suite=None)
)
POSTED_AT = Case(When(trigger=Trigger.INGEST, then=F("batch_at")))
# Of a dataset that is divided by time the newest batch speaks, whenever it was run: months and days
# sort as text as they do in time, and one that is to be found yet ("newest") comes before them.
# Values of a column have no such order; there the last run speaks.
BATCH = Case(
    When(batch__by="value", then=None),
    default=Cast(KeyTextTransform("value", "batch"), TextField()),
    output_field=TextField(),
)
NEWEST_FIRST = (
    POSTED_AT.desc(nulls_last=True),
    BATCH.desc(nulls_last=True),
    F("pk").desc(),
)


def _division(field: str) -> Concat:
    """By what and which column rows are divided, as one text."""
    text = TextField()
    by, column = (
        Coalesce(Cast(KeyTextTransform(name, field), text), Value(""), output_field=text)
        for name in ("by", "column")
    )
    return Concat(by, Value(" "), column, output_field=text)


def that_judge(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Those of the runs that say how their dataset stands, the first to say it first: tracked, on
    the newest version, and divided as the dataset is now. A run that ended before it knew its batch
    says so until a later one has judged a batch."""
    divided_alike = Q(division=F("division_now")) | Q(trigger=Trigger.INGEST)
    later = Run.objects.filter(
        dataset=OuterRef("dataset"),
        pk__gt=OuterRef("pk"),
        tracked=True,
        batch__isnull=False,
        state__in=[RunState.PASSED, RunState.FAILED],
    )
    is_over = Q(batch__value=NEWEST, state__in=FINISHED)
    return (
        runs.alias(division=_division("batch"), division_now=_division("dataset__batch"))
        .filter(ON_THE_NEWEST, divided_alike, tracked=True)
        .exclude(state=RunState.CANCELLED)
        .exclude(is_over, Exists(later))
        .order_by(*NEWEST_FIRST)
    )


@dataclass(frozen=True)
class Point:
    """One check in one run: `percent` is of unexpected values, None where there is no percent."""

    run: int
    at: datetime | None
    outcome: str
    percent: float | None
    observed: Any


@dataclass(frozen=True)
class Effects:
    """What a run did to the backlog: items that it filed, reopened and closed, and how many
    findings it resolved."""

    filed: Sequence[Item] = ()
    reopened: Sequence[Item] = ()
    closed: Sequence[Item] = ()
    resolved: int = 0


def find_run(product: Product, run_id: int) -> Run:
    """The run of this product with all that its page shows, or 404."""
    run: Run | None = (
        Run.objects.with_row()
        .select_related("dataset__subject__owner", "report")
        .filter(dataset__subject__product=product, pk=run_id)
        .first()
    )
    if run is None:
        raise Http404(f"There is no run {run_id}.")
    return run


def runs_of(
    product: Product,
    *,
    dataset: Dataset | None = None,
    state: str | None = None,
    commit: str | None = None,
) -> QuerySet[Run]:
    """The runs of a product, newest first, narrowed by whatever is given."""
    runs: QuerySet[Run] = Run.objects.with_row().filter(dataset__subject__product=product)
    if dataset is not None:
        runs = runs.filter(dataset=dataset)
    if state:
        runs = runs.filter(state=state)
    if commit:
        runs = runs.filter(context__commit=commit)
    return runs


def results_of(*runs: Run) -> list[Result]:
    """What each check of the runs said, in the order of the suite, with finding and item."""
    return list(
        Result.objects.filter(run__in=runs)
        .select_related("run__version", "finding__item__product", "finding__item__status")
        .order_by("run", "position")
    )


def check_words(result: Result, *, with_values: bool = True) -> str:
    """What a check checks: in the words of whoever posted it, else as suites put it."""
    told = result.meta.get("words")
    if told:
        return str(told)
    return suites.words(
        {"type": result.type, "kwargs": result.kwargs, "severity": result.severity},
        with_values=with_values,
    )


def last_run(dataset: Dataset) -> Run | None:
    """The newest run that says how a dataset stands, or will once it is finished."""
    return that_judge(runs_of(dataset.product, dataset=dataset)).first()


def effects_of(run: Run) -> Effects | None:
    """What a run did to the backlog; None where it did nothing, or counts for nothing."""
    report = run.report
    if report is None or not report.tracked:
        return None
    filed: Mapping[str, Sequence[str]] = report.filed
    refs = {name: filed.get(name, ()) for name in ("created", "errored", "reopened", "resolved")}
    product = run.dataset.product
    numbers = {int(ref.rpartition("-")[2]) for named in refs.values() for ref in named}
    items = {
        item.ref: item
        for item in Item.objects.filter(product=product, number__in=numbers).select_related(
            "product", "status"
        )
    }
    found = {name: [items[ref] for ref in named if ref in items] for name, named in refs.items()}
    resolved = Finding.objects.filter(
        resolved_reason=Finding.Reason.GREEN,
        resolved_at=report.reported_at,
        occurrences__report=report,
    ).count()
    effects = Effects(
        filed=[*found["created"], *found["errored"]],
        reopened=found["reopened"],
        closed=found["resolved"],
        resolved=resolved,
    )
    did_something = bool(effects.filed or effects.reopened or effects.closed or effects.resolved)
    return effects if did_something else None


def histories(results: Sequence[Result]) -> dict[int, list[Point]]:
    """By result id: how its check went in the last 30 tracked runs up to it, oldest first.

    A check is known by fingerprint and severity, so that it keeps its history when its threshold
    moves and twins stay apart.
    """
    if not results:
        return {}
    run = results[0].run
    earlier = (
        Run.objects.filter(dataset=run.dataset_id, pk__lte=run.pk, state__in=FINISHED)
        .exclude(state=RunState.CANCELLED)
        .filter(tracked=True, source=run.source)
        .order_by("-pk")
        .values_list("pk", flat=True)[:HISTORY_LENGTH]
    )
    runs = {*earlier, run.pk}
    points: dict[tuple[str, str], list[Point]] = {}
    rows = (
        Result.objects.filter(
            run__in=runs, fingerprint__in={result.fingerprint for result in results}
        )
        .order_by("run_id", "position")
        .values_list(
            "fingerprint", "severity", "run_id", "run__finished_at", "outcome",
            "unexpected_percent", "observed_value",
        )
    )  # fmt: skip
    for print_, severity, run_id, at, outcome, percent, observed in rows:
        points.setdefault((print_, severity), []).append(
            Point(run_id, at, outcome, percent, observed)
        )
    return {result.pk: points.get((result.fingerprint, result.severity), []) for result in results}


def runs_with_values(dataset: Dataset) -> int:
    """How many runs of a dataset have kept something of its failing rows."""
    kept = Result.objects.filter(run__dataset=dataset).exclude(sample=[])
    return kept.values("run").distinct().count()


def awaiting_findings(run: Run, checks: Collection[int] | None = None) -> list[Finding]:
    """The findings of a first run that wait for a yes, those of the given positions or all."""
    results = run.results.filter(finding__awaiting_decision=True)
    if checks is not None:
        results = results.filter(position__in=checks)
    return list(
        Finding.objects.select_related("product")
        .filter(pk__in=results.values("finding"))
        .order_by("priority", "-score", "pk")
    )


def batches_seen(dataset: Dataset) -> list[str]:
    """The batches that runs of the dataset have looked at, newest first."""
    runs = Run.objects.filter(dataset=dataset, batch__isnull=False, state__in=FINISHED)
    found: dict[str, None] = {}
    for batch in runs.order_by("-batch_at", "-pk").values_list("batch", flat=True)[:200]:
        if batch and batch.get("value") not in {None, NEWEST}:
            found[str(batch["value"])] = None
    return list(found)[:MOST_BATCHES]
