"""How a dataset and each of its checks went over time, with the sprints behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils import timezone

from backlog.models import Backlog
from backlog.queries.charts import Band, Chart, Mark, Number, Series
from dataquality.engine.redact import COUNTING
from dataquality.models import Dataset, Result, Run
from dataquality.queries.datasets import runs_that_count
from dataquality.queries.runs import Point, check_words

RUNS_SHOWN = 100
OF_A_CHECK = "check"  # the chart of one check
FAILED_FIRST = ("failed", "errored", "vacuous", "passed")


@dataclass(frozen=True)
class Moment:
    """One run in the history; `at` is the time of its data, `sprint` the name of the one that was
    active then, `rows` None where its data lies elsewhere."""

    run: Run
    at: datetime
    rows: int | None
    sprint: str


@dataclass(frozen=True)
class CheckHistory:
    """One check over the runs that had it, oldest first. `observed` is left out for who may not
    see values, unless it only counts."""

    fingerprint: str
    type: str
    column: str
    severity: str
    words: str
    points: Sequence[Point]

    @property
    def key(self) -> str:
        """What tells it from the other checks of its dataset."""
        return f"{self.fingerprint}:{self.severity}"

    @property
    def holds_values(self) -> bool:
        """Whether it shows more than counts."""
        seen = any(point.observed is not None for point in self.points)
        return seen and not COUNTING.search(self.type)

    @property
    def name(self) -> str:
        return f"{self.column}: {self.words}" if self.column else self.words


@dataclass(frozen=True)
class History:
    """The last runs that count, oldest first, and the checks of the newest, the failing first."""

    dataset: Dataset
    moments: Sequence[Moment]
    checks: Sequence[CheckHistory]


def history_of(dataset: Dataset, *, with_values: bool, runs: int = RUNS_SHOWN) -> History:
    """The last runs that count, by default a hundred; in a number of queries that is fixed."""
    counted = runs_that_count(dataset, runs)
    sprints = _sprints(dataset)
    moments = []
    for run in counted:
        at: datetime = run.of  # type: ignore[attr-defined]  # annotated
        rows = run.version.rows if run.version and not run.version.is_unread else None
        moments.append(Moment(run, at, rows, _sprint_at(sprints, run.finished_at or at)))
    return History(dataset, moments, _checks(counted, with_values=with_values))


def charts_of(history: History, check: CheckHistory | None) -> list[Chart]:
    """Health, rows and one check, as pages draw them."""
    if not history.moments:
        return []
    charts = [_health_chart(history)]
    if check is not None:
        charts.append(_check_chart(history, check))
    if any(moment.rows is not None for moment in history.moments):
        charts.append(_rows_chart(history))
    return charts


def _checks(runs: Sequence[Run], *, with_values: bool) -> list[CheckHistory]:
    if not runs:
        return []
    order = {run.pk: place for place, run in enumerate(runs)}
    told = Result.objects.filter(run__in=runs, guard=False).defer("sample", "message", "meta")
    results = list(told.order_by("position"))
    results.sort(key=lambda result: order[result.run_id])
    found: dict[tuple[str, str], dict[int, Result]] = {}
    for result in results:
        # Of twins the first speaks.
        found.setdefault((result.fingerprint, result.severity), {}).setdefault(
            result.run_id, result
        )
    if not results:
        return []
    last_run = results[-1].run_id  # the newest that could be carried out
    newest = [past[last_run] for past in found.values() if last_run in past]
    newest.sort(key=lambda result: FAILED_FIRST.index(result.outcome))
    times: dict[int, datetime] = {run.pk: run.of for run in runs}  # type: ignore[attr-defined]
    return [
        CheckHistory(
            fingerprint=last.fingerprint,
            type=last.type,
            column=last.column,
            severity=last.severity,
            words=check_words(last),
            points=[
                Point(
                    result.run_id,
                    times[result.run_id],
                    result.outcome,
                    result.unexpected_percent,
                    result.observed_value if with_values or COUNTING.search(result.type) else None,
                )
                for result in found[(last.fingerprint, last.severity)].values()
            ],
        )
        for last in newest
    ]


def _health_chart(history: History) -> Chart:
    values = [moment.run.health for moment in history.moments]
    target = history.dataset.health_target
    return _chart(
        history,
        name="health",
        title=_title("Health", values, " of 100"),
        unit="of 100",
        series=[Series("Health", _rounded(values), "accent")],
        marks=[Mark("Target", target, "green")],
        highest=100,
    )


def _rows_chart(history: History) -> Chart:
    values: list[Number] = [moment.rows for moment in history.moments]
    return _chart(
        history,
        name="rows",
        title=_title("Rows", values, ""),
        unit="rows",
        series=[Series("Rows", values, "blue")],
    )


def _check_chart(history: History, check: CheckHistory) -> Chart:
    by_run = {point.run: point for point in check.points}
    points = [by_run.get(moment.run.pk) for moment in history.moments]
    outcomes = [point.outcome if point else "not in the suite" for point in points]
    percents = [point.percent if point else None for point in points]
    figures = [_figure(point.observed) if point else None for point in points]
    if any(percent is not None for percent in percents):
        name, unit, values, hue = "Unexpected", "% of values", percents, "red"
    elif any(figure is not None for figure in figures):
        name, unit, values, hue = "Observed", "as observed", figures, "blue"
    else:
        name, unit, hue = "Failed", "1: it failed, 0: it passed", "red"
        values = [_failed(point) for point in points]
    return _chart(
        history,
        name=OF_A_CHECK,
        title=check.name,
        unit=unit,
        series=[Series(name, _rounded(values), hue)],
        texts=[("Outcome", outcomes)],
    )


def _chart(
    history: History,
    *,
    name: str,
    title: str,
    unit: str,
    series: Sequence[Series],
    marks: Sequence[Mark] = (),
    texts: Sequence[tuple[str, Sequence[str]]] = (),
    highest: float | None = None,
) -> Chart:
    moments = history.moments
    own = [("Run", [str(moment.run.pk) for moment in moments])]
    sprints = [("Sprint", [moment.sprint or "–" for moment in moments])]
    return Chart(
        name=name,
        title=title,
        unit=unit,
        label="Data of",
        labels=[_label(moment.at) for moment in moments],
        keys=[moment.at.astimezone(UTC).isoformat(timespec="seconds") for moment in moments],
        series=series,
        marks=marks,
        texts=[*own, *texts, *sprints],
        bands=_bands(moments),
        highest=highest,
    )


def _title(what: str, values: Sequence[Number], unit: str) -> str:
    """What is to be seen: where it stands, and where it came from."""
    known = [value for value in values if value is not None]
    if not known:
        return f"{what}: nothing was judged yet"
    first, last = _whole(known[0]), _whole(known[-1])
    if len(known) == 1 or first == last:
        return f"{what}: {last}{unit}"
    return f"{what}: {last}{unit}, from {first}"


def _whole(value: Number) -> str:
    """Rounded as the pages round: 62.5 is 63."""
    return f"{Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP):,}"


def _label(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %H:%M}"


def _bands(moments: Sequence[Moment]) -> list[Band]:
    found: list[Band] = []
    for place, moment in enumerate(moments):
        if not moment.sprint:
            continue
        if found and found[-1].name == moment.sprint and found[-1].last == place - 1:
            found[-1] = Band(moment.sprint, found[-1].first, place)
        else:
            found.append(Band(moment.sprint, place, place))
    return found


def _sprints(dataset: Dataset) -> list[Backlog]:
    """The sprints of the product that have begun, the newest first."""
    return list(
        Backlog.objects.filter(
            product=dataset.product, kind=Backlog.Kind.SPRINT, started_at__isnull=False
        ).order_by("-started_at")
    )


def _sprint_at(sprints: Sequence[Backlog], at: datetime) -> str:
    for sprint in sprints:
        has_begun = sprint.started_at is not None and sprint.started_at <= at
        if has_begun and (sprint.closed_at is None or at <= sprint.closed_at):
            return sprint.name
    return ""


def _figure(observed: Any) -> Number:
    is_number = isinstance(observed, int | float) and not isinstance(observed, bool)
    return float(observed) if is_number else None


def _failed(point: Point | None) -> Number:
    if point is None or point.outcome not in {"passed", "failed"}:
        return None
    return float(point.outcome == "failed")


def _rounded(values: Sequence[Number]) -> list[Number]:
    return [None if value is None else float(f"{value:.4g}") for value in values]
