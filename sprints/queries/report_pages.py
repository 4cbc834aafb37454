"""A report as its page shows it: drawn from the report alone, so that it stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from backlog.queries.charts import Chart
from sprints.models import Sprint
from sprints.queries.charts import sprint_charts
from sprints.queries.reports import kept_figures
from sprints.rules.splits import title_of_rest

FATES = {"backlog": "back to the backlog", "next": "on to the next sprint"}
MARKS = {"yes": ("good", "circle-check", "Goal met"), "partly": ("warn", "circle-half-2",
         "Goal partly met"), "no": ("bad", "circle-x", "Goal not met")}  # fmt: skip
CANCELLED = ("warn", "ban", "Cancelled")
ITEM_COLUMNS = ("Item", "Title", "Kind", "Points", "Part of", "Assignees", "Came in", "Outcome")


@dataclass(frozen=True)
class Line:
    """An item of the report, and what became of it."""

    ref: str
    title: str
    kind: str
    points: float | None
    parent: str
    people: Sequence[str]
    came: str
    outcome: str
    rest: str


@dataclass(frozen=True)
class Tile:
    """An amount of the sprint; `sign` says whether it came or went."""

    name: str
    points: float
    note: str
    sign: str = ""


@dataclass(frozen=True)
class ReportPage:
    """What the page shows of one report; `is_over` tells whether it is written for good, and
    `is_cancelled` whether the sprint ended before its time."""

    report: dict[str, Any]
    is_over: bool
    is_cancelled: bool = False

    @property
    def verdict(self) -> tuple[str, str, str] | None:
        return CANCELLED if self.is_cancelled else MARKS.get(self.report["goal_met"])

    @property
    def kind(self) -> str:
        return Sprint.Kind(self.report["kind"]).label

    @property
    def days(self) -> str:
        first, last = (date.fromisoformat(self.report[name]) for name in ("starts_on", "ends_on"))
        return f"{first.day} {first:%b} – {last.day} {last:%b %Y}"

    @property
    def started(self) -> str:
        return self._moment("started_at")

    @property
    def closed(self) -> str:
        return self._moment("closed_at")

    @property
    def tiles(self) -> list[Tile]:
        figures = self.report["figures"]
        return [
            _tile("Committed", figures["committed"]),
            _tile("Added", figures["added"], sign="+"),
            _tile("Removed", figures["removed"], sign="−"),
            _tile("Done", figures["completed"]),
            _tile("Carried over" if self.is_over else "Not done yet", self._left),
        ]

    @property
    def _left(self) -> dict[str, Any]:
        """What was not done, in items as they were or split off them."""
        figures = kept_figures(self.report["figures"])
        remaining, split_off = figures["remaining"], figures["split_off"]
        return {name: remaining[name] + split_off[name] for name in remaining}

    @property
    def tells_splits(self) -> bool:
        """Whether the report says how much was split off."""
        return "split_off" in self.report["figures"]

    @property
    def reestimated(self) -> float:
        """What estimates changed, without what was split off."""
        figures = kept_figures(self.report["figures"])
        return float(figures["reestimated"] + figures["split_off"]["points"])

    @property
    def done_share(self) -> float:
        """Done points of all that were in, in per cent."""
        done, left = self.report["figures"]["completed"]["points"], self._left["points"]
        return 100 * done / (done + left) if done + left else 0.0

    @property
    def groups(self) -> list[tuple[str, list[Line]]]:
        """Done, not done, and removed, each in the order of numbers."""
        items = self.report["items"]
        left = "Not done" if self.is_over else "Not done yet"
        rests = [self._rest_line(item) for item in items if _has_rest(item)]
        found = [
            ("Done", self._lines([item for item in items if item["done"]])),
            (left, [*self._lines([item for item in items if _is_left(item)]), *rests]),
            ("Removed before the end", self._lines([item for item in items if _has_gone(item)])),
        ]
        return [(name, lines) for name, lines in found if lines]

    @property
    def item_lines(self) -> list[list[Any]]:
        """For a download: the head, and a line for each item, those split off behind what they were
        split off."""
        lines = [line for item in self.report["items"] for line in self._lines_with_rest(item)]
        rows = [
            [e.ref, e.title, e.kind, e.points, e.parent, ", ".join(e.people), e.came, e.outcome]
            for e in lines
        ]
        return [list(ITEM_COLUMNS), *rows]

    @property
    def charts(self) -> list[Chart]:
        return sprint_charts(self.report)

    def _lines(self, items: Sequence[dict[str, Any]]) -> list[Line]:
        return [self._line(item) for item in items]

    def _lines_with_rest(self, item: dict[str, Any]) -> list[Line]:
        rest = [self._rest_line(item)] if _has_rest(item) else []
        return [self._line(item), *rest]

    def _line(self, item: dict[str, Any]) -> Line:
        return Line(
            ref=item["ref"],
            title=item["title"],
            kind=item["kind"],
            points=item["points"],
            parent=item["parent"],
            people=item["assignees"],
            came="added" if item["added"] else "committed",
            outcome=self._outcome(item),
            rest=item["rest"],
        )

    def _rest_line(self, item: dict[str, Any]) -> Line:
        """What a split left over, which went on as an item of its own."""
        return replace(
            self._line(item),
            ref=item["rest"],
            title=title_of_rest(item["title"]),
            points=item["rest_points"],
            outcome=f"rest of {item['ref']}, {FATES['backlog']}",
            rest="",
        )

    def _outcome(self, item: dict[str, Any]) -> str:
        if item["rest"]:
            return f"split, the rest is {item['rest']}"
        if item["done"]:
            return "done"
        if _has_gone(item):
            return "removed"
        return FATES.get(item["fate"], "not done yet" if not self.is_over else "not done")

    def _moment(self, name: str) -> str:
        """In the zone of the sprint and in full: a page that stays the same knows no `today`."""
        text = self.report[name]
        if not text:
            return ""
        at = datetime.fromisoformat(text).astimezone(ZoneInfo(self.report["zone"]))
        return f"{at:%a} {at.day} {at:%b %Y, %H:%M} {at.tzname()}"


def day_lines(report: dict[str, Any]) -> list[list[Any]]:
    """The days of a report for a download: as each ended, in points."""
    names = ["day", "is_working", "scope", "done", "remaining", "ideal"]
    days = [{**report["opening"], "day": "start"}, *report["days"]]
    if report["opening"].get("findings_open") is not None:  # a data assessment
        names += ["findings_open", "findings_score"]
    return [names, *([day[name] for name in names] for day in days)]


def _has_rest(item: dict[str, Any]) -> bool:
    return item.get("rest_points") is not None


def _is_left(item: dict[str, Any]) -> bool:
    return not item["done"] and not item["removed"]


def _has_gone(item: dict[str, Any]) -> bool:
    return item["removed"] and not item["done"]


def _tile(name: str, amount: dict[str, Any], *, sign: str = "") -> Tile:
    items = amount["items"]
    note = f"{items} item" if items == 1 else f"{items} items"
    if amount["unestimated"]:
        note += f", {amount['unestimated']} unestimated"
    return Tile(name, amount["points"], note, sign if amount["points"] else "")
