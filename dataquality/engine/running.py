"""Run a suite on a table with pandas: outcomes, counts, excess and failing rows (EVIDENCE 0)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from backlog.rules.evidence import Outcome, fingerprint
from backlog.rules.severity import Severity
from dataquality.engine import suites
from dataquality.engine.reading import Table

NAME = "pandas"
CHUNK = 8  # checks of one chunk share what was computed; between chunks there is progress
SAMPLE_ROWS = 20
GUARD: dict[str, Any] = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": Severity.CRITICAL.value,
    "meta": {},
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
    fingerprint: str
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
    from dataquality.engine import gx  # noqa: PLC0415  seconds, and workers alone have them

    checks = [*suites.tidy(expectations), GUARD]
    validator = gx.Validator(table.frame)
    answers: dict[int, dict[str, Any]] = {}
    asked = [position for position, check in enumerate(checks) if _can_ask(table, check)]
    for start in range(0, len(asked), CHUNK):
        chunk = asked[start : start + CHUNK]
        ready = [_prepared(table, checks[position]) for position in chunk]
        answers.update(zip(chunk, validator.validate(ready), strict=True))
        progress(min(start + CHUNK, len(asked)), len(asked))
    last = len(checks) - 1
    return [
        _Judged(table, check, position, key_columns, guard=position == last).by(
            answers.get(position)
        )
        for position, check in enumerate(checks)
    ]


def _can_ask(table: Table, check: Mapping[str, Any]) -> bool:
    return not _missing(table, check) and not _finds_nothing(table, check)


def _columns(kwargs: Mapping[str, Any]) -> list[str]:
    named = [kwargs[name] for name in ("column", "column_A", "column_B") if kwargs.get(name)]
    return [str(name) for name in [*named, *(kwargs.get("column_list") or [])]]


def _is_about_the_table(check: Mapping[str, Any]) -> bool:
    kind = str(check["type"])
    return kind.startswith("expect_table") or kind == "expect_column_to_exist"


def _missing(table: Table, check: Mapping[str, Any]) -> list[str]:
    """Columns that the check needs and the data lacks."""
    if _is_about_the_table(check):
        return []
    return [name for name in _columns(check["kwargs"]) if name not in table.frame.columns]


def _finds_nothing(table: Table, check: Mapping[str, Any]) -> bool:
    return not _is_about_the_table(check) and table.frame.empty


def _prepared(table: Table, check: Mapping[str, Any]) -> dict[str, Any]:
    """The check as pandas can run it: bounds of dates as full times, which GX insists on."""
    kwargs = dict(check["kwargs"])
    column = kwargs.get("column")
    if column in table.frame.columns and pd.api.types.is_datetime64_any_dtype(
        table.frame[column].dtype
    ):
        for name in ("min_value", "max_value"):
            if isinstance(kwargs.get(name), str):
                bound = pd.Timestamp(kwargs[name])
                naive = bound.tz_convert("UTC").tz_localize(None) if bound.tz else bound
                kwargs[name] = naive.isoformat()
        if isinstance(kwargs.get("value_set"), list):
            kwargs["value_set"] = [pd.Timestamp(value) for value in kwargs["value_set"]]
    return {"type": check["type"], "kwargs": kwargs}


class _Judged:
    """One answer of GX on its way to a result."""

    def __init__(
        self,
        table: Table,
        check: Mapping[str, Any],
        position: int,
        key_columns: Sequence[str],
        *,
        guard: bool,
    ) -> None:
        self.table, self.check, self.position = table, check, position
        self.key_columns, self.guard = key_columns, guard
        self.kwargs: dict[str, Any] = check["kwargs"]

    def by(self, answer: Mapping[str, Any] | None) -> CheckResult:
        """The result; without an answer the check had nothing to look at, or no column."""
        if answer is None:
            missing = _missing(self.table, self.check)
            if missing:
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
        """Whether the column holds no value at all, so that a figure of it says nothing."""
        column = self.kwargs.get("column")
        if _is_about_the_table(self.check) or column not in self.table.frame.columns:
            return False
        kind = self.check["type"]
        if "null" in kind:
            return False
        return bool(self.table.frame[column].isna().all())

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
        columns += [name for name in _columns(self.kwargs) if name not in columns]
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
        own = str(meta.get("fingerprint") or "")
        return CheckResult(
            position=self.position,
            type=self.check["type"],
            column=str(self.kwargs.get("column") or ", ".join(_columns(self.kwargs)))[:250],
            kwargs=self.kwargs,
            meta=meta,
            severity=self.check["severity"],
            outcome=outcome.value,
            check=check,
            identity=identity,
            title=self._title(outcome, found),
            fingerprint=own[:64] or fingerprint(["v1", check, identity]),
            guard=self.guard,
            **found,
        )

    def _title(self, outcome: Outcome, found: Mapping[str, Any]) -> str:
        """The check as an item's title: names, limits and counts, never a value of the data."""
        name = ", ".join(_columns(self.kwargs))
        text = suites.words(self.check)
        text = f"{name}: {text[:1].lower()}{text[1:]}" if name else text
        count, total = found.get("unexpected_count"), found.get("element_count")
        if outcome == Outcome.FAILED and count is not None and total is not None:
            text += f" ({count:,} of {total:,} are not)"
        return text[:200]


def plain(value: Any) -> Any:
    """A value as JSON holds it: times as texts, NaN and infinities as nothing."""
    if value is None or isinstance(value, str | bool | int):
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
