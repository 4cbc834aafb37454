"""What the pages of one dataset and one run show, gathered in a number of queries that is fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, Subquery

from backlog.models import Finding, Item
from dataquality.engine import suites
from dataquality.engine.redact import COUNTING
from dataquality.models import (
    Dataset,
    DatasetVersion,
    Outcome,
    Profile,
    Result,
    Run,
    SamplePolicy,
)
from dataquality.queries.datasets import (
    CURVE_LENGTH,
    OpenFindings,
    median_to_resolve,
    open_findings,
    runs_that_count,
)
from dataquality.queries.pictures import Sparkline, sparkline
from dataquality.queries.runs import (
    Effects,
    Point,
    check_words,
    effects_of,
    histories,
    last_run,
    results_of,
    runs_of,
)

RUNS_ON_A_PAGE = VERSIONS_ON_A_PAGE = 30
COUNTS_ROWS = "expect_table_row_count"
LONGEST_TEXT = 60
LONGEST_TOLD = 400
NAMES_SHOWN = 6
WORST_FIRST = (Outcome.FAILED, Outcome.ERRORED, Outcome.VACUOUS, Outcome.PASSED)
# The kwarg that says which columns a table should have.
COLUMNS_WANTED = {
    "expect_table_columns_to_match_set": "column_set",
    "expect_table_columns_to_match_ordered_list": "column_list",
}


@dataclass(frozen=True)
class ResultLine:
    """One expectation of a run as a row of a table; `shows_values` says whether failing rows, or a
    figure that is or comes from values, are in it."""

    result: Result
    words: str
    observed: str
    curve: Sparkline
    points: Sequence[Point]
    sample: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    shows_values: bool

    @property
    def finding(self) -> Finding | None:
        return self.result.finding

    @property
    def item(self) -> Item | None:
        return self.finding.item if self.finding else None

    @property
    def error(self) -> str:
        """Why the check could not run; what a tool elsewhere said may quote values, and is shown
        to those who may see them."""
        result = self.result
        if result.run.is_from_elsewhere:
            return self.told[:LONGEST_TOLD]
        return result.message if result.outcome == Outcome.ERRORED else ""

    @property
    def explanation(self) -> str:
        """What a check of ours says of its figure, in words."""
        result = self.result
        is_ours = not result.run.is_from_elsewhere and result.outcome != Outcome.ERRORED
        return result.message if is_ours else ""

    @property
    def told(self) -> str:
        """The message of a result, as far as this reader may see it."""
        if self.result.run.is_from_elsewhere and not self.shows_values:
            return ""
        return self.result.message

    @property
    def cells(self) -> list[list[Any]]:
        """The failing rows as a table under `columns`."""
        return [[row.get(column) for column in self.columns] for row in self.sample]


@dataclass(frozen=True)
class RunDetails:
    """A run with all its checks; `counts` are those of its statistics, `shows_values` says whether
    raw values are on the page."""

    run: Run
    lines: Sequence[ResultLine]
    counts: Mapping[str, Any]
    shows_values: bool

    @property
    def worst_first(self) -> list[ResultLine]:
        """What failed, could not run, had nothing to check, and passed, each as in the suite."""
        return sorted(self.lines, key=lambda line: WORST_FIRST.index(line.result.outcome))

    @property
    def is_on_old_version(self) -> bool:
        """Whether another content of the dataset is the current one."""
        if self.run.version_id is None or self.run.dataset.is_live:
            return False
        return self.run.version_id != self.run.dataset.current_version_id

    @property
    def open_findings(self) -> set[int]:
        """The ids of the findings of this run that are still open."""
        found = (line.finding for line in self.lines)
        return {f.pk for f in found if f is not None and f.state == Finding.State.OPEN}

    @property
    def failing(self) -> list[ResultLine]:
        """The checks that failed and have rows to show."""
        return [
            line for line in self.lines if line.result.outcome == Outcome.FAILED and line.sample
        ]

    @property
    def keeps_no_rows(self) -> bool:
        """Whether failing rows are missing because the dataset's policy keeps none, or only keys
        that it has not named."""
        dataset = self.run.dataset
        keeps_some = dataset.sample_policy == SamplePolicy.VALUES or (
            dataset.sample_policy == SamplePolicy.KEYS and dataset.key_columns
        )
        return not keeps_some and any(
            line.result.outcome == Outcome.FAILED and line.result.unexpected_count
            for line in self.lines
        )


@dataclass(frozen=True)
class Overview:
    """The front page of a dataset. `last` is the newest run of the current version, or the newest
    that counts where that was never checked; `counted` the last run that counts for its health."""

    last: RunDetails | None
    effects: Effects | None
    counted: Run | None
    health_curve: Sparkline
    rows_curve: Sparkline
    rows_change: float | None
    previous: DatasetVersion | None
    covered: int
    findings: OpenFindings
    to_resolve: timedelta | None
    open: Sequence[Finding]

    @property
    def health(self) -> float | None:
        """0 to 100, or None before the first run that counts, or where it could judge nothing."""
        return self.counted.health if self.counted else None

    @property
    def ran(self) -> int:
        """How many checks of the last run that counts could say passed or failed."""
        counts = self.counted.statistics if self.counted else {}
        return int(counts.get("passed", 0)) + int(counts.get("failed", 0))

    @property
    def hides_rows(self) -> bool:
        """Whether failing rows are kept that this reader may not see."""
        lines = self.last.lines if self.last else []
        return self.failing is None and any(line.result.sample for line in lines)

    @property
    def failing(self) -> ResultLine | None:
        """The first check of the last run with failing rows to show."""
        return self.last.failing[0] if self.last and self.last.failing else None


@dataclass(frozen=True)
class VersionRow:
    """A version in the list of its dataset, with the last run on it, and whether values of its rows
    are left in a profile or a sample although its file is gone."""

    version: DatasetVersion
    run: Run | None
    leaves_values: bool


def overview_of(dataset: Dataset, *, with_values: bool) -> Overview:
    """The front page of a dataset; without the permission for values it holds counts alone."""
    counting = runs_that_count(dataset)
    counted = counting[-1] if counting else None
    run = last_run(dataset) or counted
    tracked = dataset.versions.filter(tracked=True).order_by("-number")
    versions = list(tracked[:CURVE_LENGTH])[::-1]
    current = dataset.current_version
    previous = tracked.filter(number__lt=current.number).first() if current else None
    return Overview(
        last=run_details(run, with_values=with_values) if run else None,
        effects=effects_of(run) if run else None,
        counted=counted,
        health_curve=sparkline(
            [run.health for run in counting], "Health of the last runs", low=0, high=100
        ),
        rows_curve=sparkline([float(v.rows) for v in versions], "Rows of the last versions"),
        rows_change=_change(current, previous),
        previous=previous,
        covered=len(_covered_columns(dataset)),
        findings=open_findings(dataset),
        to_resolve=median_to_resolve(dataset),
        open=list(
            Finding.objects.filter(subject=dataset.subject, state=Finding.State.OPEN)
            .select_related("item__product", "item__status")
            .order_by("priority", "-last_seen")[:20]
        ),
    )


def run_details(run: Run, *, with_values: bool) -> RunDetails:
    """A run with its checks in the order of the suite, and how each went before."""
    results = results_of(run)
    past = histories(results)
    lines = [
        result_line(result, past.get(result.pk, []), with_values=with_values) for result in results
    ]
    counts: dict[str, Any] = {outcome.value: 0 for outcome in Outcome}
    for result in results:
        if result.guard:
            counts["guard"] = result.outcome
        else:
            counts[result.outcome] += 1
    return RunDetails(
        run=run,
        lines=lines,
        counts=counts,
        shows_values=any(line.shows_values for line in lines),
    )


def run_rows(dataset: Dataset, page: str | None) -> Page[Run]:
    """One page of a dataset's runs, newest first; a page that is none is the first or last."""
    return Paginator(runs_of(dataset.product, dataset=dataset), RUNS_ON_A_PAGE).get_page(page)


def version_page(dataset: Dataset, number: str | None) -> Page[Any]:
    """One page of a dataset's versions, newest first, each with `last_run`, the id of its last
    run; a page that is none is the first or last."""
    newest = Run.objects.filter(version=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    versions = dataset.versions.select_related("created_by").annotate(last_run=Subquery(newest))
    return Paginator(versions, VERSIONS_ON_A_PAGE).get_page(number)


def version_rows(versions: Sequence[Any]) -> list[VersionRow]:
    """The versions of a `version_page`, each with its last run."""
    last = [version.last_run for version in versions if version.last_run]
    runs = {run.pk: run for run in Run.objects.filter(pk__in=last)}
    gone = [version.pk for version in versions if version.purged_at]
    left: set[int] = set()
    if gone:
        sampled = Result.objects.filter(run__version__in=gone).exclude(sample=[])
        left |= set(Profile.objects.filter(version__in=gone).values_list("version", flat=True))
        left |= set(sampled.order_by().values_list("run__version", flat=True))
    return [
        VersionRow(version, runs.get(version.last_run), version.pk in left) for version in versions
    ]


def result_line(result: Result, points: Sequence[Point], *, with_values: bool) -> ResultLine:
    """A result as people read it; without the permission for values it holds counts alone."""
    sample = list(result.sample) if with_values else []
    columns: list[str] = []
    for row in sample:
        columns.extend(name for name in row if name not in columns)
    return ResultLine(
        result=result,
        words=check_words(result),
        observed=_observed(result, with_values=with_values),
        curve=_curve(points),
        points=points,
        sample=sample,
        columns=columns,
        shows_values=with_values and _holds_values(result),
    )


def _holds_values(result: Result) -> bool:
    is_figure = result.observed_value is not None and not COUNTING.search(result.type)
    quotes = bool(result.message) and result.run.is_from_elsewhere
    return bool(result.sample) or is_figure or quotes


def _observed(result: Result, *, with_values: bool) -> str:
    """What was seen, in a few words."""
    if result.outcome == Outcome.ERRORED:
        return "could not run"
    if result.outcome == Outcome.VACUOUS:
        return "nothing to check"
    if result.unexpected_count is not None and result.element_count is not None:
        present = values_present(result)
        left_out = " values" if present < result.element_count else ""
        return f"{result.unexpected_count:,} of {present:,}{left_out}"
    if result.unexpected_count is not None:
        return f"{result.unexpected_count:,} failed" if result.unexpected_count else "none failed"
    wanted = result.kwargs.get(COLUMNS_WANTED.get(result.type, ""))
    if isinstance(wanted, list) and result.run.version is not None:
        return _columns_seen([str(name) for name in wanted], result.run.version)
    value = result.observed_value
    if value is None:
        return "—"
    if not with_values and not result.type.startswith(COUNTS_ROWS):
        return "hidden"
    text = _value_words(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def values_present(result: Result) -> int:
    """What the percentage is of: GX leaves missing values out, but not of the count of all."""
    unexpected, percent = result.unexpected_count, result.unexpected_percent
    return (
        round(100 * unexpected / percent) if unexpected and percent else result.element_count or 0
    )


def _columns_seen(wanted: Sequence[str], version: DatasetVersion) -> str:
    """How the columns of a version differ from those that are wanted."""
    present = [str(column["name"]) for column in version.columns]
    missing = [name for name in wanted if name not in present]
    extra = [name for name in present if name not in wanted]
    differences = [
        f"{what}: {_named(names)}"
        for what, names in (("missing", missing), ("extra", extra))
        if names
    ]
    return "; ".join(differences) or f"{len(present)} of {len(wanted)} columns"


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _value_words(value: Any) -> str:
    """An observed value as people write it: lists with commas, numbers with four digits."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_value_words, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_value_words(inner)}" for name, inner in value.items())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "null" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _curve(points: Sequence[Point]) -> Sparkline:
    """Percent unexpected over the runs; where a check has no percent, whether it failed."""
    if any(point.percent is not None for point in points):
        values = [point.percent for point in points]
        return sparkline(values, "% unexpected", low=0, high=max(max(v or 0 for v in values), 0.1))
    failed = [
        None if point.outcome in {Outcome.ERRORED, Outcome.VACUOUS}
        else float(point.outcome == Outcome.FAILED)
        for point in points
    ]  # fmt: skip
    return sparkline(failed, "failed or passed", low=0, high=1)


def _change(now: DatasetVersion | None, before: DatasetVersion | None) -> float | None:
    if now is None or before is None or not before.rows:
        return None
    return 100 * (now.rows - before.rows) / before.rows


def _covered_columns(dataset: Dataset) -> set[str]:
    """Columns of the dataset's data that some expectation speaks of."""
    if dataset.current_suite is None:
        return set()
    named: set[str] = set()
    for expectation in dataset.current_suite.expectations:
        named.update(suites.columns_of(expectation["kwargs"]))
    return named & set(dataset.column_names)
