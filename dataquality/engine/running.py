"""Run a suite on a table with pandas: outcomes, counts, excess and failing rows (EVIDENCE 0)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from backlog.rules.evidence import Outcome, canonical
from backlog.rules.severity import Severity
from dataquality.engine import conditions, suites, titles
from dataquality.engine.reading import Table
from mlscrum.lib.errors import DomainError

if TYPE_CHECKING:
    from dataquality.engine.gx import Validator

NAME = "pandas"
CHUNK = 8  # checks of one chunk share what was computed; between chunks there is progress
SAMPLE_ROWS = 20
OF_CONDITION = frozenset({"row_condition", "condition_parser"})
GUARD: dict[str, Any] = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": Severity.CRITICAL.value,
    # Else it would share one finding with a check of the suite that counts rows.
    "meta": {"check_key": "guard"},
}
LAST_LINE = re.compile(r"^([A-Za-z_][\w.]*?(?:Error|Exception))\b", re.MULTILINE)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CheckResult:
    """One check of a run, as raw as the table: nothing of it is stored before `redact`.

    `sample` is up to 20 rows, each by column name with `row`, its number from 1. `excess` is in
    points beyond what is allowed. `check` and `identity` make the fingerprint of its finding.
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
    observed_value: Any = None
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    excess: float | None = None
    sample: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""
    error_code: str = ""


def run_suite(
    table: Table,
    expectations: Sequence[Mapping[str, Any]],
    *,
    key_columns: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
) -> list[CheckResult]:
    """What each check says of the table, in the order of the suite, the guard last."""
    checks = [*suites.tidy(expectations), GUARD]
    judged: dict[int, CheckResult] = {}
    for positions in _by_condition(checks):
        batch = _Batch(table, checks[positions[0]]["kwargs"].get("row_condition"))
        asked = [position for position in positions if batch.can_ask(checks[position])]
        answers: dict[int, dict[str, Any]] = {}
        for start in range(0, len(asked), CHUNK):
            chunk = asked[start : start + CHUNK]
            said = batch.ask([checks[position] for position in chunk])
            answers.update(zip(chunk, said, strict=True))
            progress(len(judged) + start + len(chunk), len(checks))
        for position in positions:
            judged[position] = _Judged(
                batch,
                checks[position],
                position,
                key_columns,
                guard=position == len(checks) - 1,
            ).by(answers.get(position))
        progress(len(judged), len(checks))
    return [judged[position] for position in range(len(checks))]


def _by_condition(checks: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Positions of the checks that look at the same rows."""
    groups: dict[str, list[int]] = {}
    for position, check in enumerate(checks):
        condition = canonical(check["kwargs"].get("row_condition"))
        groups.setdefault(condition, []).append(position)
    return list(groups.values())


def _is_about_the_table(check: Mapping[str, Any]) -> bool:
    kind = str(check["type"])
    return kind.startswith("expect_table") or kind == "expect_column_to_exist"


class _Batch:
    """The rows that some checks look at: those of their condition, or all."""

    def __init__(self, table: Table, condition: Any) -> None:
        self.table = table
        self.refusal: DomainError | None = None
        try:
            self.rows = conditions.rows(table.frame, condition)
        except DomainError as error:
            self.rows, self.refusal = table.frame.iloc[:0], error

    @cached_property
    def validator(self) -> Validator:
        from dataquality.engine import gx  # noqa: PLC0415  seconds, and workers alone have them

        return gx.Validator(self.rows)

    def missing(self, check: Mapping[str, Any]) -> list[str]:
        """Columns that the check needs and the data lacks."""
        if _is_about_the_table(check):
            return []
        return [
            name for name in suites.columns_of(check["kwargs"]) if name not in self.rows.columns
        ]

    def can_ask(self, check: Mapping[str, Any]) -> bool:
        """Whether there is anything that the check could look at."""
        if self.refusal or self.missing(check):
            return False
        return _is_about_the_table(check) or not self.rows.empty

    def ask(self, checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What Great Expectations says of each."""
        ready: list[dict[str, Any]] = []
        answers: dict[int, dict[str, Any]] = {}
        for position, check in enumerate(checks):
            try:
                ready.append({"position": position, **self._prepared(check)})
            except (TypeError, ValueError, OverflowError) as error:  # a bound that is no date
                answers[position] = refused(error)
        said = self.validator.validate(
            [{"type": check["type"], "kwargs": check["kwargs"]} for check in ready]
        )
        answers |= {check["position"]: one for check, one in zip(ready, said, strict=True)}
        return [answers[position] for position in range(len(checks))]

    def _prepared(self, check: Mapping[str, Any]) -> dict[str, Any]:
        """The check as pandas can run it: its rows chosen already, and bounds of dates as full
        times, which GX insists on."""
        kwargs = {
            name: value for name, value in check["kwargs"].items() if name not in OF_CONDITION
        }
        column = kwargs.get("column")
        if column in self.rows.columns and pd.api.types.is_datetime64_any_dtype(
            self.rows[column].dtype
        ):
            for name in ("min_value", "max_value"):
                if isinstance(kwargs.get(name), str):
                    kwargs[name] = conditions.moment(kwargs[name]).isoformat()
            if isinstance(kwargs.get("value_set"), list):
                kwargs["value_set"] = [conditions.moment(value) for value in kwargs["value_set"]]
        return {"type": check["type"], "kwargs": kwargs}


class _Judged:
    """One answer of GX on its way to a result."""

    def __init__(
        self,
        batch: _Batch,
        check: Mapping[str, Any],
        position: int,
        key_columns: Sequence[str],
        *,
        guard: bool,
    ) -> None:
        self.batch, self.check, self.position = batch, check, position
        self.table = batch.table
        self.key_columns, self.guard = key_columns, guard
        self.kwargs: dict[str, Any] = check["kwargs"]

    def by(self, answer: Mapping[str, Any] | None) -> CheckResult:
        """The result; without an answer the check had nothing to look at, or no column."""
        if answer is None:
            if self.batch.refusal is not None:
                return self._errored(self.batch.refusal.code, self.batch.refusal.message)
            if missing := self.batch.missing(self.check):
                return self._errored("missing_column", f"There is no column {missing[0]}.")
            return self._result(Outcome.VACUOUS, element_count=0)
        raised = _exception(answer.get("exception_info") or {})
        said = answer.get("result") or {}
        if raised is not None:
            return self._vacuous_or(self._errored(*_explained(raised)))
        counts = self._counts(said)
        if answer["success"]:
            return self._vacuous_or(self._result(Outcome.PASSED, **counts), said)
        if self._saw_nothing():
            return self._result(Outcome.VACUOUS, **counts)
        return self._result(
            Outcome.FAILED,
            excess=self._excess(counts),
            sample=self._sample(said),
            **counts,
        )

    def _vacuous_or(
        self, result: CheckResult, said: Mapping[str, Any] | None = None
    ) -> CheckResult:
        elements = (said or {}).get("element_count")
        nothing = elements == 0 or (
            elements is not None and elements == (said or {}).get("missing_count")
        )
        if nothing or self._saw_nothing():
            return self._result(Outcome.VACUOUS, element_count=result.element_count)
        return result

    def _saw_nothing(self) -> bool:
        """Whether the column holds no value in these rows, so that a figure of it says nothing."""
        column = self.kwargs.get("column")
        if _is_about_the_table(self.check) or column not in self.batch.rows.columns:
            return False
        kind = self.check["type"]
        if "null" in kind:
            return False
        return bool(self.batch.rows[column].isna().all())

    def _counts(self, said: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "observed_value": plain(said.get("observed_value")),
            "element_count": said.get("element_count"),
            "unexpected_count": said.get("unexpected_count"),
            "unexpected_percent": plain(said.get("unexpected_percent")),
        }

    def _excess(self, counts: Mapping[str, Any]) -> float:
        """Points beyond what is allowed (EVIDENCE 0); 100 where nothing can be measured."""
        percent = counts["unexpected_percent"]
        if percent is not None:
            return max(0.0, float(percent) - 100 * (1 - float(self.kwargs.get("mostly", 1))))
        observed = counts["observed_value"]
        bounds: list[Any] = [self.kwargs.get(name) for name in ("min_value", "max_value")]
        numbers: list[float] = [bound for bound in bounds if _is_number(bound)]
        if _is_about_the_table(self.check) or not _is_number(observed) or not numbers:
            return 100.0
        nearest = min(numbers, key=lambda bound: abs(observed - bound))
        span = abs(numbers[-1] - numbers[0]) if len(numbers) == 2 else 0.0
        scale = max(abs(nearest), span)
        return 100.0 if scale == 0 else float(100.0 * abs(observed - nearest) / scale)

    def _sample(self, said: Mapping[str, Any]) -> list[dict[str, Any]]:
        frame = self.table.frame
        columns = [name for name in self.key_columns if name in frame.columns]
        columns += [name for name in suites.columns_of(self.kwargs) if name not in columns]
        places = list(said.get("partial_unexpected_index_list") or [])[:SAMPLE_ROWS]
        return [
            {"row": int(place) + 1, **{name: self._value(place, name) for name in columns}}
            for place in places
            if place in frame.index
        ]

    def _value(self, place: Any, name: str) -> Any:
        """A value as in the file: whole numbers beside missing ones are held as floats."""
        value = plain(self.table.frame.at[place, name])
        column = self.table.schema.get(name)
        is_whole = column is not None and column.type == "integer" and isinstance(value, float)
        return int(value) if is_whole else value

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
            **found,
        )

    def _title(self, outcome: Outcome, found: Mapping[str, Any]) -> str:
        if outcome == Outcome.FAILED:
            return titles.of_failure(self.check, found)
        return titles.of_check(self.check, {})


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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _exception(info: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The exception of a check, flat or under the id of a metric, as 1.24.1 nests it."""
    if info.get("raised_exception") is True:
        return info
    for inner in info.values():
        if isinstance(inner, Mapping) and inner.get("raised_exception") is True:
            return inner
    return None


def _explained(raised: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message; the text of an exception may hold values of the data and stays out."""
    names = LAST_LINE.findall(str(raised.get("exception_traceback") or ""))
    name = next((n.rpartition(".")[2] for n in reversed(names) if "Metric" not in n), "Error")
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    hint = "its bounds or values may not suit the column's type"
    return code, f"The check could not be computed ({name}); {hint}."


def refused(error: Exception) -> dict[str, Any]:
    """The answer to a check that could not even be asked, as Great Expectations words it."""
    raised = {"raised_exception": True, "exception_traceback": type(error).__name__}
    return {"success": False, "result": {}, "exception_info": raised}
