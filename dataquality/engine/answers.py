"""What a check says: an answer of Great Expectations, judged as outcome, counts, excess and failing
rows (EVIDENCE 0)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from backlog.rules.evidence import Outcome
from dataquality.engine import suites, titles
from dataquality.rules.excess import excess
from mlscrum.lib.errors import DomainError

if TYPE_CHECKING:
    from dataquality.engine.rows import Rows

SAMPLE_ROWS = 20
OF_CONDITION = frozenset({"row_condition", "condition_parser"})
# Figures of a column that are there, and not 0, only where it holds values.
TELLING = frozenset({
    f"expect_column_{name}_to_be_between"
    for name in ("mean", "median", "min", "max", "sum", "stdev", "unique_value_count")
})  # fmt: skip
NO_FINITE_NUMBER = "What comes out is no finite number, so none is shown."
LAST_LINE = re.compile(r"^([A-Za-z_][\w.]*?(?:Error|Exception))\b", re.MULTILINE)


@dataclass(frozen=True)
class CheckResult:
    """One check of a run, as raw as the table: nothing of it is stored before `redact`.

    `sample` is up to 20 rows, each by column name with `row`, its number from 1. `excess` is in
    points beyond what is allowed. `check` and `identity` make the fingerprint of its finding.
    `engine` is what carried the check. Rows of a database have no number.
    """

    position: int
    type: str
    column: str
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any]
    severity: str
    outcome: str
    check: str
    identity: Mapping[str, Any]
    title: str
    guard: bool = False
    engine: str = ""
    observed_value: Any = None
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    excess: float | None = None
    sample: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""
    error_code: str = ""


def is_about_the_table(check: Mapping[str, Any]) -> bool:
    kind = str(check["type"])
    return kind.startswith("expect_table") or kind == "expect_column_to_exist"


@dataclass(frozen=True)
class Answer:
    """What Great Expectations said of one check, and up to 20 rows that fail it."""

    said: Mapping[str, Any]
    sample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def figures(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.said.get("result") or {}
        return found

    @property
    def raised(self) -> Mapping[str, Any] | None:
        """The exception of the check, flat or under the id of a metric, as 1.24.1 nests it."""
        info: Mapping[str, Any] = self.said.get("exception_info") or {}
        if info.get("raised_exception") is True:
            return info
        for inner in info.values():
            if isinstance(inner, Mapping) and inner.get("raised_exception") is True:
                return inner
        return None

    @property
    def has_failed(self) -> bool:
        return self.raised is None and not self.said["success"]


@dataclass(frozen=True)
class Told:
    """What a check of ours says: its outcome, and words that hold no value of a row. `bounds` are
    the limits that its excess is measured by."""

    outcome: Outcome
    observed: float | None = None
    element_count: int | None = None
    unexpected_count: int | None = None
    message: str = ""
    bounds: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unexpected_percent(self) -> float | None:
        if self.unexpected_count is None or not self.element_count:
            return None
        return 100 * self.unexpected_count / self.element_count


class Judged:
    """One check on its way to a result."""

    def __init__(
        self, rows: Rows, check: Mapping[str, Any], position: int, *, guard: bool, engine: str
    ) -> None:
        self.rows, self.check, self.position = rows, check, position
        self.guard, self.engine = guard, engine
        self.kwargs: dict[str, Any] = check["kwargs"]

    def by(self, answer: Answer | Told | DomainError | None) -> CheckResult:
        """The result; without an answer the check had nothing to look at, or no column."""
        if isinstance(answer, DomainError):
            return self._errored(answer.code, answer.message)
        if answer is None:
            if self.rows.refusal is not None:
                return self._errored(self.rows.refusal.code, self.rows.refusal.message)
            if missing := self.rows.missing(self.check):
                return self._errored("missing_column", f"There is no column {missing[0]}.")
            return self._result(Outcome.VACUOUS, element_count=0)
        if isinstance(answer, Told):
            return self._told(answer)
        if answer.raised is not None:
            return self._vacuous_or(self._errored(*_explained(answer.raised)))
        counts = self._counts(answer.figures)
        if not answer.has_failed:
            passed = self._result(Outcome.PASSED, **counts, message=self._note(answer.figures))
            return self._vacuous_or(passed, answer.figures)
        if self._saw_nothing(answer.figures):
            return self._result(Outcome.VACUOUS, **counts)
        return self._result(
            Outcome.FAILED,
            excess=self._excess(counts),
            sample=answer.sample,
            message=self._note(answer.figures),
            **counts,
        )

    def _told(self, said: Told) -> CheckResult:
        found: dict[str, Any] = {
            "observed_value": said.observed,
            "element_count": said.element_count,
            "unexpected_count": said.unexpected_count,
            "unexpected_percent": said.unexpected_percent,
            "message": said.message,
        }
        if said.outcome == Outcome.FAILED:
            found["excess"] = excess(
                said.bounds, percent=said.unexpected_percent, observed=said.observed
            )
        return self._result(said.outcome, **found)

    def _vacuous_or(
        self, result: CheckResult, said: Mapping[str, Any] | None = None
    ) -> CheckResult:
        if self._saw_nothing(said or {}):
            return self._result(Outcome.VACUOUS, element_count=result.element_count)
        return result

    def _saw_nothing(self, said: Mapping[str, Any]) -> bool:
        """Whether the column holds no value in these rows, so that a figure of it says nothing."""
        elements, missing = said.get("element_count"), said.get("missing_count")
        if elements is not None and missing is not None:
            return bool(elements == missing)
        if elements == 0:
            return True
        column = self.kwargs.get("column")
        if is_about_the_table(self.check) or column not in self.rows.names:
            return False
        if "null" in self.check["type"]:
            return False
        if self.check["type"] in TELLING and plain(said.get("observed_value")):
            return False
        return not self.rows.holds_values(str(column))

    def _counts(self, said: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "observed_value": plain(said.get("observed_value")),
            "element_count": said.get("element_count"),
            "unexpected_count": said.get("unexpected_count"),
            "unexpected_percent": plain(said.get("unexpected_percent")),
        }

    def _excess(self, counts: Mapping[str, Any]) -> float:
        return excess(
            self.kwargs,
            percent=counts["unexpected_percent"],
            observed=counts["observed_value"],
            is_of_table=is_about_the_table(self.check),
        )

    def _note(self, said: Mapping[str, Any]) -> str:
        """Why there is no observed figure although there are values to have one of."""
        observed = said.get("observed_value")
        is_figure = self.check["type"] in TELLING and not isinstance(observed, str)
        return NO_FINITE_NUMBER if is_figure and plain(observed) is None else ""

    def _errored(self, code: str, message: str) -> CheckResult:
        return self._result(Outcome.ERRORED, error_code=code, message=message)

    def _result(self, outcome: Outcome, **found: Any) -> CheckResult:
        check, identity = suites.check_of(self.check)
        meta = self.check["meta"]
        return CheckResult(
            position=self.position,
            type=self.check["type"],
            column=str(self.kwargs.get("column") or ", ".join(suites.columns_of(self.kwargs)))[
                :250
            ],
            kwargs=self.kwargs,
            meta=meta,
            severity=self.check["severity"],
            outcome=outcome.value,
            check=check,
            identity=identity,
            title=self._title(outcome, found),
            guard=self.guard,
            engine=self.engine,
            **found,
        )

    def _title(self, outcome: Outcome, found: Mapping[str, Any]) -> str:
        if outcome == Outcome.FAILED:
            return titles.of_failure(self.check, found)
        return titles.of_check(self.check, {})


def shown(value: Any) -> Any:
    """A value of a failing row: as `plain` gives it, and infinities by name."""
    if isinstance(value, float | Decimal) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return plain(value)


def plain(value: Any) -> Any:
    """A value as JSON holds it: times as texts, NaN, infinities and NUL as nothing."""
    if isinstance(value, str):
        return value.replace("\0", "")  # which no database keeps in JSON
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def _explained(raised: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message; the text of an exception may hold values of the data and stays out."""
    names = LAST_LINE.findall(str(raised.get("exception_traceback") or ""))
    name = next((n.rpartition(".")[2] for n in reversed(names) if "Metric" not in n), "Error")
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    hint = "its bounds or values may not suit the column's type"
    return code, f"The check could not be computed ({name}); {hint}."


def with_failing_rows(found: Sequence[Answer]) -> list[int]:
    """The positions of answers that say that rows fail: where a sample is worth fetching."""
    return [
        position
        for position, answer in enumerate(found)
        if answer.has_failed and answer.figures.get("unexpected_count")
    ]


def refused(error: Exception) -> dict[str, Any]:
    """The answer to a check that could not even be asked, as Great Expectations words it."""
    raised = {"raised_exception": True, "exception_traceback": type(error).__name__}
    return {"success": False, "result": {}, "exception_info": raised}
