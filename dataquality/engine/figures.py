"""Figures of columns, counted where the rows are: what profiles, drift and representation are made
of. In a database each is one query, so no more than the answer comes into memory.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from dataquality.engine import conditions, dialect
from dataquality.engine.reading import DECIMAL

if TYPE_CHECKING:
    from dataquality.engine.rows import FrameRows
    from dataquality.engine.tables import TableRows

NUMERIC = frozenset({"integer", "number"})
TIMES = frozenset({"date", "datetime"})
ORDERED = NUMERIC | TIMES
# `reading.DECIMAL` between blanks, in words that every database takes.
NUMBER_IN_SQL = (
    r"^[ ]*[+-]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?[ ]*$"
)  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """A column in short: how many values it has and how many different ones; of numbers and times
    the smallest and largest, of numbers their mean. None where there is no value."""

    values: int
    distinct: int
    low: Any = None
    high: Any = None
    mean: float | None = None


class Figures(ABC):
    """What can be counted of some rows; missing values are in no figure but `missing_together`."""

    kinds: Mapping[str, str]

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def summary(self, name: str) -> Summary: ...

    @abstractmethod
    def quantiles(self, name: str, shares: Sequence[float]) -> list[float]:
        """Quantiles of a column of numbers, between two values by interpolation; none of none."""

    @abstractmethod
    def most_common(self, name: str, most: int) -> list[tuple[Any, int]]:
        """The values that stand most often and how often, those as often in their order."""

    @abstractmethod
    def up_to(self, name: str, edges: Sequence[float]) -> list[int]:
        """Of a column of numbers how many are at most each edge."""

    @abstractmethod
    def words_for_missing(self, name: str, words: Collection[str]) -> dict[str, int]:
        """Texts that are one of these words but for case and blanks, and how often each stands."""

    @abstractmethod
    def numbers(self, name: str) -> int:
        """How many of a column's texts are numbers."""

    @abstractmethod
    def standing(self, name: str, values: Sequence[str]) -> dict[str, int]:
        """How often each of these texts, or of true and false, stands."""

    @abstractmethod
    def repeated(self, name: str) -> int:
        """How many rows have a value that another row has too."""

    @abstractmethod
    def months(self, name: str) -> list[tuple[str, int]]:
        """The months of a column of times, oldest first."""

    @abstractmethod
    def missing_together(
        self, names: Sequence[str], most: int
    ) -> list[tuple[tuple[str, ...], int]]:
        """The sets of these columns that miss a value in the same rows, and in how many; the most
        frequent ones, rows that miss nothing left out."""

    def beyond(self, name: str, low: float, high: float) -> tuple[int, int]:
        """How many numbers are below `low`, and how many above `high`."""
        # What is at most the largest number below `low` is below it.
        below, inside = self.up_to(name, [math.nextafter(low, -math.inf), high])
        return below, self.summary(name).values - inside


class FrameFigures(Figures):
    """Figures of rows in memory."""

    def __init__(self, frame: pd.DataFrame, kinds: Mapping[str, str]) -> None:
        self.frame = frame
        self.kinds = {str(name): kinds.get(str(name), "text") for name in frame.columns}
        self._present: dict[str, pd.Series[Any]] = {}

    @classmethod
    def of(cls, rows: FrameRows) -> FrameFigures:
        return cls(rows.frame, {str(name): rows.kind_of(name) for name in rows.names})

    @property
    def rows(self) -> int:
        return len(self.frame)

    def summary(self, name: str) -> Summary:
        present = self._values(name)
        kind, distinct = self.kinds[name], int(present.nunique())
        if present.empty or kind not in ORDERED:
            return Summary(len(present), distinct)
        with np.errstate(invalid="ignore"):  # of infinities there is no mean
            mean = float(present.astype("float64").mean()) if kind in NUMERIC else None
        low, high = _of_kind(present.min(), kind), _of_kind(present.max(), kind)
        return Summary(len(present), distinct, low, high, mean)

    def quantiles(self, name: str, shares: Sequence[float]) -> list[float]:
        present = self._values(name)
        if present.empty:
            return []
        with np.errstate(invalid="ignore"):  # nor anything between them
            return [_short(one) for one in present.astype("float64").quantile(list(shares))]

    def most_common(self, name: str, most: int) -> list[tuple[Any, int]]:
        counts = self._values(name).value_counts()
        if counts.empty:
            return []
        least = counts.iloc[min(most, len(counts)) - 1]
        found = [(_of_kind(v, self.kinds[name]), int(n)) for v, n in counts.items() if n >= least]
        return sorted(found, key=lambda one: (-one[1], one[0]))[:most]

    def up_to(self, name: str, edges: Sequence[float]) -> list[int]:
        ordered = self._values(name).astype("float64").sort_values()
        return [int(place) for place in ordered.searchsorted(list(edges), side="right")]

    def words_for_missing(self, name: str, words: Collection[str]) -> dict[str, int]:
        counts = self._values(name).value_counts()
        return {
            str(word): int(count)
            for word, count in counts.items()
            if str(word).strip().lower() in words
        }

    def numbers(self, name: str) -> int:
        texts = self._values(name).astype("str").str.strip()
        return int(texts.str.fullmatch(DECIMAL).sum())

    def standing(self, name: str, values: Sequence[str]) -> dict[str, int]:
        wanted = _wanted(values, self.kinds[name])
        counts = self._values(name).value_counts()
        return {text: int(counts.get(value, 0)) for text, value in wanted.items()}

    def repeated(self, name: str) -> int:
        return int(self._values(name).duplicated(keep=False).sum())

    def months(self, name: str) -> list[tuple[str, int]]:
        months = self._values(name).dt.strftime("%Y-%m").value_counts().sort_index()
        return [(str(month), int(count)) for month, count in months.items()]

    def missing_together(
        self, names: Sequence[str], most: int
    ) -> list[tuple[tuple[str, ...], int]]:
        if not names:
            return []
        is_missing = self.frame[list(names)].isna()
        counts: Mapping[Any, int] = is_missing[is_missing.any(axis=1)].value_counts().to_dict()
        found = [
            (
                tuple(name for name, gone in zip(names, pattern, strict=True) if gone),
                int(rows),
            )
            for pattern, rows in counts.items()
        ]
        return _most_frequent(found, most)

    def _values(self, name: str) -> pd.Series[Any]:
        if name not in self._present:
            present: pd.Series[Any] = self.frame[name].dropna()
            # Beside missing ones whole numbers are held as floats.
            is_whole = self.kinds[name] == "integer"
            self._present[name] = present.astype("int64") if is_whole else present
        return self._present[name]


class TableFigures(Figures):
    """Figures of rows of a database, or of a file that DuckDB reads."""

    def __init__(self, rows: TableRows) -> None:
        self._of, self.engine = rows, rows.engine
        self.kinds = {name: rows.kind_of(name) for name in rows.names}
        self._summaries: dict[str, Summary] = {}
        self._common: dict[str, tuple[int, list[tuple[Any, int]]]] = {}

    @cached_property
    def rows(self) -> int:
        return int(self._one(sa.func.count())[0])

    def summary(self, name: str) -> Summary:
        if name not in self._summaries:
            self._summaries[name] = self._summary(name)
        return self._summaries[name]

    def quantiles(self, name: str, shares: Sequence[float]) -> list[float]:
        if not self.summary(name).values:
            return []
        if self.engine == dialect.NAME:
            listed = ", ".join(repr(float(share)) for share in shares)
            (found,) = self._one(
                sa.func.quantile_cont(self._column(name), sa.literal_column(f"[{listed}]"))
            )
            return [_short(one) for one in found]
        if self.engine == "postgresql":
            listed = ", ".join(repr(float(share)) for share in shares)
            wanted = sa.func.percentile_cont(sa.literal_column(f"ARRAY[{listed}]"))
            ordered: Any = sa.cast(self._column(name), sa.Double())
            (found,) = self._one(wanted.within_group(ordered))
            return [_short(one) for one in found]
        return self._by_place(name, shares)

    def most_common(self, name: str, most: int) -> list[tuple[Any, int]]:
        asked, found = self._common.get(name, (0, []))
        if asked < most:
            found = self._most_common(name, most)
            self._common[name] = most, found
        return found[:most]

    def _most_common(self, name: str, most: int) -> list[tuple[Any, int]]:
        column, often = self._column(name), sa.func.count().label("often")
        query = (
            sa.select(column, often)
            .where(column.is_not(None))
            .group_by(column)
            .order_by(often.desc(), column)
            .limit(most)
        )
        return [(_of_kind(value, self.kinds[name]), int(n)) for value, n in self._fetched(query)]

    def up_to(self, name: str, edges: Sequence[float]) -> list[int]:
        column = self._column(name)
        counts = [sa.func.sum(sa.case((column <= edge, 1), else_=0)) for edge in edges]
        return [int(count or 0) for count in self._one(*counts)] if edges else []

    def words_for_missing(self, name: str, words: Collection[str]) -> dict[str, int]:
        column = self._column(name)
        is_such = sa.func.lower(sa.func.trim(column)).in_(sorted(words))
        query = sa.select(column, sa.func.count()).where(is_such).group_by(column)
        return {str(word): int(count) for word, count in self._fetched(query)}

    def numbers(self, name: str) -> int:
        is_number = self._column(name).regexp_match(NUMBER_IN_SQL)
        return int(self._one(sa.func.sum(sa.case((is_number, 1), else_=0)))[0] or 0)

    def standing(self, name: str, values: Sequence[str]) -> dict[str, int]:
        column, wanted = self._column(name), _wanted(values, self.kinds[name])
        counts = [sa.func.sum(sa.case((column == value, 1), else_=0)) for value in wanted.values()]
        return {text: int(n or 0) for text, n in zip(wanted, self._one(*counts), strict=True)}

    def repeated(self, name: str) -> int:
        column, often = self._column(name), sa.func.count().label("often")
        twice = (
            sa.select(often)
            .where(column.is_not(None))
            .group_by(column)
            .having(sa.func.count() > 1)
            .subquery("twice")
        )
        ((found,),) = self._fetched(sa.select(sa.func.sum(twice.c.often)))
        return int(found or 0)

    def months(self, name: str) -> list[tuple[str, int]]:
        return sorted((str(month), rows) for month, rows in self._of.batches(name, "month"))

    def missing_together(
        self, names: Sequence[str], most: int
    ) -> list[tuple[tuple[str, ...], int]]:
        if not names:
            return []
        columns = [self._column(name) for name in names]
        flags = [
            sa.case((column.is_(None), 1), else_=0).label(f"missing_{place}")
            for place, column in enumerate(columns)
        ]
        flagged = (
            sa.select(*flags)
            .where(sa.or_(*(column.is_(None) for column in columns)))
            .subquery("flagged")
        )
        wanted: list[Any] = list(flagged.c)
        often = sa.func.count()
        query = sa.select(*wanted, often).group_by(*wanted).order_by(often.desc()).limit(most)
        found = [
            (tuple(name for name, gone in zip(names, row[:-1], strict=True) if gone), int(row[-1]))
            for row in self._fetched(query)
        ]
        return _most_frequent(found, most)

    def _summary(self, name: str) -> Summary:
        column, kind = self._column(name), self.kinds[name]
        wanted: list[Any] = [sa.func.count(column), sa.func.count(column.distinct())]
        if kind in ORDERED:
            wanted += [sa.func.min(column), sa.func.max(column)]
        if kind in NUMERIC:
            wanted.append(sa.func.avg(column))
        values, distinct, *more = self._one(*wanted)
        if not values:
            return Summary(0, 0)
        mean = float(more[2]) if kind in NUMERIC else None
        bounds = [_of_kind(one, kind) for one in more[:2]] or [None, None]
        return Summary(int(values), int(distinct), bounds[0], bounds[1], mean)

    def _by_place(self, name: str, shares: Sequence[float]) -> list[float]:
        """Quantiles where a database has no word for them: by the place of values in order."""
        column, last = self._column(name), self.summary(name).values - 1
        wanted = [last * share for share in shares]
        places = sorted({int(place) + more for place in wanted for more in (1, 2)})
        ordered = (
            sa.select(column.label("value"), sa.func.row_number().over(order_by=column).label("at"))
            .where(column.is_not(None))
            .subquery("ordered")
        )
        query = sa.select(ordered.c["at"], ordered.c.value).where(ordered.c["at"].in_(places))
        found = {int(at): float(value) for at, value in self._fetched(query)}
        answers = []
        for place in wanted:
            low = found[int(place) + 1]
            high = found.get(int(place) + 2, low)
            answers.append(_short(low + (high - low) * (place - int(place))))
        return answers

    @cached_property
    def _within(self) -> sa.Subquery:
        return self._of.chosen.subquery("within")

    def _column(self, name: str) -> sa.ColumnElement[Any]:
        return self._within.c[name]

    def _one(self, *figures: Any) -> Any:
        (row,) = self._fetched(sa.select(*figures).select_from(self._within))
        return row

    def _fetched(self, query: sa.Select[Any]) -> list[Any]:
        return self._of.fetched(query)


def _of_kind(value: Any, kind: str) -> Any:
    """A value as Python has its kind, whatever a driver made of it."""
    if kind in TIMES:
        return conditions.moment(value)
    convert = {"integer": int, "number": float, "boolean": bool}.get(kind, str)
    return convert(value)


def _wanted(values: Sequence[str], kind: str) -> dict[str, Any]:
    """Texts with what stands for them in a column of this kind."""
    if kind == "boolean":
        return {text: text.lower() == "true" for text in values}
    return {text: text for text in values}


def _short(number: Any) -> float:
    """A quantile without the last digits, in which engines differ."""
    return float(f"{float(number):.12g}")


def _most_frequent(
    found: list[tuple[tuple[str, ...], int]], most: int
) -> list[tuple[tuple[str, ...], int]]:
    return sorted(found, key=lambda one: (-one[1], one[0]))[:most]
