"""Charts as data: what is drawn, what its table says, and what its download holds are one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backlog.queries.charts import Chart, Mark, Series
from sprints.queries.forecasts import Reckoned
from sprints.queries.reports import kept_figures
from sprints.rules.velocity import Past, Range, carry_over_share, scope_change_share

MOST_SPRINTS = 24  # of one chart: of more the bars are too thin to tell apart


def day_label(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _of_days(
    days: _Days, *, name: str, title: str, note: str, series: Sequence[Series], unit: str = "points"
) -> Chart:
    """A chart over the days of one sprint, those off marked."""
    return Chart(
        name=name,
        title=title,
        unit=unit,
        label="Day",
        labels=days.labels,
        keys=days.keys,
        off=days.off,
        texts=[("Works", days.works)],
        note=note,
        series=series,
    )


def burndown_chart(shown: dict[str, Any], *, name: str = "burndown") -> Chart:
    """The points that remain, from what `burndown_of` gives or a report holds: with scope, the
    ideal line, and the days off marked."""
    days, points = _days(shown)
    return _of_days(
        days,
        name=name,
        title=_burndown_title(shown),
        note="As each day ended where the team is. Grey days are off." + _left_the_lines(shown),
        series=[
            Series("Remaining", [p["remaining"] for p in points], "accent"),
            Series("Scope", [p["scope"] for p in points], "grey", "step"),
            Series("Ideal", [p["ideal"] for p in points], "muted", "dashed"),
        ],
    )


def burnup_chart(shown: dict[str, Any], *, name: str = "burn-up") -> Chart:
    """The same days upwards: the points done, the scope that they climb to, and the ideal line."""
    days, points = _days(shown)
    committed = shown["opening"]["ideal"]
    done, scope = _last(points, "done"), _last(points, "scope") + _split_off(shown)
    return _of_days(
        days,
        name=name,
        title=f"{done:,g} of {scope:,g} points {'were' if shown.get('closed_at') else 'are'} done"
        if scope
        else "Nothing in the sprint has points",
        note="Where the grey line steps up, the scope grew." + _left_the_lines(shown),
        series=[
            Series("Done", [p["done"] for p in points], "green"),
            Series("Scope", [p["scope"] for p in points], "grey", "step"),
            Series("Ideal", [round(committed - p["ideal"], 2) for p in points], "muted", "dashed"),
        ],
    )


def findings_of_days(shown: dict[str, Any]) -> tuple[list[int | None], list[int | None]]:
    """How many findings were open at the start and as each day ended, and their scores; of other
    sprints than data assessments, and of reports that are older than these figures, None."""
    points = [shown["opening"], *shown["days"]]
    return (
        [point.get("findings_open") for point in points],
        [point.get("findings_score") for point in points],
    )


def findings_chart(shown: dict[str, Any], *, name: str = "findings") -> Chart | None:
    """The open findings of a data assessment, weighted by severity; None of other sprints."""
    counts, scores = findings_of_days(shown)
    known = [score for score in scores if score is not None]
    if not known:
        return None
    days, _ = _days(shown)
    open_now = [count for count in counts if count is not None][-1]
    many = "finding" if open_now == 1 else "findings"
    return _of_days(
        days,
        name=name,
        title=f"{open_now} open {many} with a score of {known[-1]}, {known[0]} at the start",
        unit="score",
        note="The score sums impact times severity, 1 to 12 for each; muted findings are left out.",
        series=[
            Series("Score", scores, "red"),
            Series("Open findings", counts, "grey", "step"),
        ],
    )


def sprint_charts(shown: dict[str, Any], *, suffix: str = "") -> list[Chart]:
    """All that a sprint is drawn by: points down and up and, of a data assessment, its findings."""
    found = [
        findings_chart(shown, name=f"findings{suffix}"),
        burndown_chart(shown, name=f"burndown{suffix}"),
        burnup_chart(shown, name=f"burn-up{suffix}"),
    ]
    return [chart for chart in found if chart is not None]


def velocity_chart(past: Sequence[Past], found: Range | None, *, most: int | None = None) -> Chart:
    """What each closed sprint, or each of the last `most`, committed and completed, with the range
    of the last six."""
    past, left_out = _latest(past, most)
    marks = []
    if found:
        marks = [
            Mark("best", float(found.high), "muted"),
            Mark("middle", float(found.median), "accent"),
            Mark("worst", float(found.low), "muted"),
        ]
        title = (
            f"Between {_points(found.low)} and {_points(found.high)} points a sprint,"
            f" {_points(found.median)} in the middle"
        )
    else:
        title = "One sprint is closed; the range begins with the second"
    return Chart(
        name="velocity",
        title=title,
        unit="points",
        look="bar",
        label="Sprint",
        labels=[sprint.name for sprint in past],
        keys=[sprint.name for sprint in past],
        marks=marks,
        note="The lines are the worst, the middle and the best of the last six sprints." + left_out,
        series=[
            Series("Committed", [float(sprint.committed) for sprint in past], "grey", "bar"),
            Series("Completed", [float(sprint.completed) for sprint in past], "accent", "bar"),
        ],
    )


def scope_chart(past: Sequence[Past], *, most: int | None = None) -> Chart:
    """What came into each closed sprint, or each of the last `most`, after its start, what left
    it, and what was carried on."""
    past, left_out = _latest(past, most)
    changed = [share for sprint in past if (share := scope_change_share(sprint)) is not None]
    carried = [share for sprint in past if (share := carry_over_share(sprint)) is not None]
    title = (
        f"{_share(_mean(changed))} of the committed points changed after the start,"
        f" {_share(_mean(carried))} of the scope was not done"
        if changed and carried
        else "What came, what left and what was not done"
    )
    return Chart(
        name="scope",
        title=title,
        unit="points",
        look="bar",
        label="Sprint",
        labels=[sprint.name for sprint in past],
        keys=[sprint.name for sprint in past],
        texts=[
            ("Scope changed", [_share(scope_change_share(sprint)) for sprint in past]),
            ("Not done", [_share(carry_over_share(sprint)) for sprint in past]),
        ],
        note="Means over these sprints. What changed is added and removed over committed."
        + left_out,
        series=[
            Series("Added", [float(sprint.added) for sprint in past], "blue", "bar"),
            Series("Removed", [float(sprint.removed) for sprint in past], "orange", "bar"),
            Series(
                "Carried over",
                [float(sprint.carried_over) for sprint in past],
                "grey",
                "bar",
            ),
        ],
    )


def forecasts_chart(reckoned: Sequence[Reckoned]) -> Chart | None:
    """Past forecasts against what came; None where the past was always too short for one."""
    if not reckoned:
        return None
    held = sum(each.has_held for each in reckoned)
    return Chart(
        name="forecasts",
        title=f"{held} of {len(reckoned)} sprint{'' if len(reckoned) == 1 else 's'} came within"
        " what was forecast",
        unit="points",
        look="bar",
        label="Sprint",
        labels=[each.name for each in reckoned],
        keys=[each.name for each in reckoned],
        texts=[("Within", ["yes" if each.has_held else "no" for each in reckoned])],
        note="The bar is the middle 80 % of what the sprints before each one said: about 8 of 10"
        " should come within it.",
        series=[
            Series("At least", [float(each.low) for each in reckoned], "grey", "low"),
            Series("At most", [float(each.high) for each in reckoned], "grey", "span"),
            Series("Completed", [float(each.completed) for each in reckoned], "accent", "mark"),
        ],
    )


# ------------------------------------------------------------------------------------------------


def _latest(past: Sequence[Past], most: int | None) -> tuple[Sequence[Past], str]:
    """The last of them, and what a note says of those that are left out."""
    if most is None or len(past) <= most:
        return past, ""
    return past[-most:], f" Drawn are the last {most} of {len(past)} sprints; the CSV holds all."


@dataclass(frozen=True)
class _Days:
    labels: list[str]
    keys: list[str]
    off: list[int]
    works: list[str]


def _days(shown: dict[str, Any]) -> tuple[_Days, list[dict[str, Any]]]:
    """The moment of the start, then each day as it ended."""
    points = [shown["opening"], *shown["days"]]
    dates = [date.fromisoformat(point["day"]) for point in points]
    return (
        _Days(
            labels=["Start", *(day_label(day) for day in dates[1:])],
            keys=["start", *(day.isoformat() for day in dates[1:])],
            off=[n for n, point in enumerate(points) if n and not point["is_working"]],
            works=["", *("yes" if point["is_working"] else "no" for point in points[1:])],
        ),
        points,
    )


def _burndown_title(shown: dict[str, Any]) -> str:
    _, points = _days(shown)
    split_off = _split_off(shown)
    left, scope = _last(points, "remaining") + split_off, _last(points, "scope") + split_off
    known = [point for point in points if point["remaining"] is not None]
    away = left - known[-1]["ideal"]
    said = f"{left:,g} of {scope:,g} points remain"
    if not scope:
        return "Nothing in the sprint has points"
    if shown.get("closed_at"):
        if not left:
            return "All points were burned down"
        return f"{left:,g} of {scope:,g} points were left"
    if abs(away) < 1:
        return f"{said}, on the ideal line"
    return f"{said}, {abs(away):,.0f} {'above' if away > 0 else 'below'} the ideal line"


def _left_the_lines(shown: dict[str, Any]) -> str:
    """Why the lines of a closed sprint end lower than the titles say."""
    points = _split_off(shown)
    if not points:
        return ""
    return f" As it closed, {points:,g} point{'' if points == 1 else 's'} left it in new items."


def _split_off(shown: dict[str, Any]) -> float:
    """The points that went on as new items at the closing: the days count them as done away."""
    return float(kept_figures(shown["figures"])["split_off"]["points"])


def _last(points: Sequence[dict[str, Any]], name: str) -> float:
    return next((float(p[name]) for p in reversed(points) if p[name] is not None), 0.0)


def _points(value: Any) -> str:
    return f"{float(value):,g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}".replace("%", " %")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
