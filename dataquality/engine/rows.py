"""Rows that checks look at, and what pandas says of them; `tables` has those of a database."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from dataquality.engine import conditions, regexes, suites
from dataquality.engine.answers import (
    OF_CONDITION,
    SAMPLE_ROWS,
    Answer,
    is_about_the_table,
    plain,
    refused,
    shown,
)
from dataquality.engine.figures import Figures, FrameFigures
from dataquality.engine.reading import Column, Table
from mlscrum.lib.errors import DomainError

if TYPE_CHECKING:
    from dataquality.engine.gx import FrameValidator

PANDAS = "pandas"
NO_FRACTION = re.compile(r"\.0+$")
Check = Mapping[str, Any]


class Rows(ABC):
    """The rows that some checks look at: those of their condition within the batch, or all."""

    engine: str
    refusal: DomainError | None = None

    @property
    @abstractmethod
    def names(self) -> Collection[str]:
        """The columns, in order."""

    @abstractmethod
    def kind_of(self, column: str) -> str:
        """The type of a column, as schemas call it."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there are none."""

    @abstractmethod
    def holds_values(self, column: str) -> bool:
        """Whether the column is not missing everywhere."""

    def carries(self, check: Check) -> bool:
        """Whether the engine itself answers the check; else pandas does."""
        return True

    @abstractmethod
    def ask(self, checks: Sequence[Check], key_columns: Sequence[str]) -> list[Answer]:
        """What Great Expectations says of each, with failing rows by key columns and its own."""

    @abstractmethod
    def in_memory(self, checks: Sequence[Check], key_columns: Sequence[str]) -> FrameRows:
        """The same rows for pandas, at least with the columns that these checks need.

        Raises DomainError `needs_pandas` where there are too many.
        """

    @abstractmethod
    def batches(self, column: str, by: str) -> list[tuple[Any, int]]:
        """The batches there are, as month, day or value of a column, with their rows."""

    @abstractmethod
    def newest(self, column: str) -> Any:
        """The latest time of a column, or None."""

    @property
    @abstractmethod
    def figures(self) -> Figures:
        """What can be counted of them."""

    @abstractmethod
    def table(self, columns: Sequence[str], rows: int | None) -> Table:
        """These columns in memory, of the first rows or, for None, of all."""

    def missing(self, check: Check) -> list[str]:
        """Columns that the check needs and the data lacks."""
        if is_about_the_table(check):
            return []
        return [name for name in suites.columns_of(check["kwargs"]) if name not in self.names]

    def can_ask(self, check: Check) -> bool:
        """Whether there is anything that the check could look at."""
        if self.refusal or self.missing(check):
            return False
        return is_about_the_table(check) or not self.is_empty()


class Data(ABC):
    """Data that is open for one run."""

    engine: str

    @abstractmethod
    def rows(self, condition: Any) -> Rows:
        """The rows for which a structured condition holds, all for None."""

    @abstractmethod
    def raise_trouble(self) -> None:
        """Raise what has befallen the data as a whole since it was opened, if anything has."""


class FrameData(Data):
    """A table in memory."""

    engine = PANDAS

    def __init__(self, table: Table) -> None:
        self.table = table

    def rows(self, condition: Any) -> FrameRows:
        try:
            return FrameRows(self.table, conditions.rows(self.table.frame, condition))
        except DomainError as error:
            return FrameRows(self.table, self.table.frame.iloc[:0], refusal=error)

    def raise_trouble(self) -> None:
        pass  # what goes wrong in memory goes wrong for one check


class FrameRows(Rows):
    """Rows in memory; their index counts from 0 where they are `numbered`."""

    engine = PANDAS

    def __init__(
        self,
        table: Table,
        frame: pd.DataFrame,
        *,
        refusal: DomainError | None = None,
        numbered: bool = True,
    ) -> None:
        self.given, self.frame = table, frame
        self.refusal, self.numbered = refusal, numbered

    @property
    def table_schema(self) -> Mapping[str, Column]:
        return self.given.schema

    @property
    def names(self) -> Collection[str]:
        return list(self.frame.columns)

    def kind_of(self, column: str) -> str:
        known = self.table_schema.get(column)
        if known is not None:
            return known.type
        return "datetime" if self._holds_times(column) else "text"

    def is_empty(self) -> bool:
        return self.frame.empty

    def holds_values(self, column: str) -> bool:
        return bool(self.frame[column].notna().any())

    def in_memory(self, checks: Sequence[Check], key_columns: Sequence[str]) -> FrameRows:
        return self

    def batches(self, column: str, by: str) -> list[tuple[Any, int]]:
        series = self.frame[column]
        if by != "value":
            series = series.dt.strftime("%Y-%m" if by == "month" else "%Y-%m-%d")
        counts = series.value_counts(dropna=by != "value")
        return [(plain(value), int(rows)) for value, rows in counts.items()]

    def newest(self, column: str) -> Any:
        latest = self.frame[column].max()
        return None if pd.isna(latest) else latest.to_pydatetime()

    @cached_property
    def figures(self) -> FrameFigures:
        return FrameFigures.of(self)

    def table(self, columns: Sequence[str], rows: int | None) -> Table:
        chosen = self.frame[list(columns)]
        return Table(chosen if rows is None else chosen.head(rows), self.table_schema)

    def ask(self, checks: Sequence[Check], key_columns: Sequence[str]) -> list[Answer]:
        ready: list[dict[str, Any]] = []
        answers: dict[int, dict[str, Any]] = {}
        for position, check in enumerate(checks):
            try:
                ready.append({"position": position, **self._prepared(check)})
            except (TypeError, ValueError, OverflowError) as error:  # a bound that is no date
                answers[position] = refused(error)
        said = self._validator.validate(
            [{"type": check["type"], "kwargs": check["kwargs"]} for check in ready]
        )
        answers |= {
            check["position"]: self._without_nanoseconds(check, one)
            for check, one in zip(ready, said, strict=True)
        }
        return [
            Answer(answers[position], self._sample(check, answers[position], key_columns))
            for position, check in enumerate(checks)
        ]

    @cached_property
    def _validator(self) -> FrameValidator:
        from dataquality.engine import gx  # noqa: PLC0415  seconds, and workers alone have them

        return gx.FrameValidator(self.frame)

    def _prepared(self, check: Check) -> dict[str, Any]:
        """The check as pandas can run it: its rows chosen already, and bounds of dates as full
        times, which GX insists on."""
        kwargs = regexes.within(without_condition(check), PANDAS)
        column = kwargs.get("column")
        if self._holds_times(column):
            for name in ("min_value", "max_value"):
                if isinstance(kwargs.get(name), str):
                    kwargs[name] = conditions.moment(kwargs[name]).isoformat()
            if isinstance(kwargs.get("value_set"), list):
                kwargs["value_set"] = [conditions.moment(value) for value in kwargs["value_set"]]
        return {"type": check["type"], "kwargs": kwargs}

    def _without_nanoseconds(self, check: Check, said: dict[str, Any]) -> dict[str, Any]:
        """Times that were observed, as every other engine writes them."""
        observed = (said.get("result") or {}).get("observed_value")
        column = check["kwargs"].get("column")
        if isinstance(observed, list) and self._holds_times(column):
            times = [NO_FRACTION.sub("", str(one)) for one in observed]
            said["result"]["observed_value"] = times
        return said

    def _holds_times(self, column: Any) -> bool:
        return column in self.frame.columns and bool(
            pd.api.types.is_datetime64_any_dtype(self.frame[column].dtype)
        )

    def _sample(
        self, check: Check, said: Mapping[str, Any], key_columns: Sequence[str]
    ) -> list[dict[str, Any]]:
        columns = sample_columns(check, key_columns, self.frame.columns)
        found = said.get("result") or {}
        places = list(found.get("partial_unexpected_index_list") or [])[:SAMPLE_ROWS]
        return [
            ({"row": int(place) + 1} if self.numbered else {})
            | {name: self._value(place, name) for name in columns}
            for place in places
            if place in self.frame.index
        ]

    def _value(self, place: Any, name: str) -> Any:
        """A value as in the file: whole numbers beside missing ones are held as floats."""
        value = shown(self.frame.at[place, name])
        column = self.table_schema.get(name)
        is_whole = column is not None and column.type == "integer" and isinstance(value, float)
        return int(value) if is_whole else value


def sample_columns(check: Check, key_columns: Sequence[str], names: Collection[str]) -> list[str]:
    """The columns that a failing row is shown by: its keys, then those of the check."""
    wanted = dict.fromkeys([*key_columns, *suites.columns_of(check["kwargs"])])
    return [name for name in wanted if name in names]


def without_condition(check: Check) -> dict[str, Any]:
    """The kwargs of a check whose rows are chosen already."""
    return {name: value for name, value in check["kwargs"].items() if name not in OF_CONDITION}
