"""Rows of a database, and what Great Expectations says of them by the database's own means.

DuckDB reads files this way too (`duck`); `sql` opens the databases of others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from dataquality.engine import choosing, clauses, conditions, suites
from dataquality.engine.answers import SAMPLE_ROWS, Answer, plain, refused
from dataquality.engine.reading import Column, Table
from dataquality.engine.rows import (
    Check,
    Data,
    FrameRows,
    Rows,
    sample_columns,
    without_condition,
)
from mlscrum.lib.errors import DomainError

if TYPE_CHECKING:
    from dataquality.engine.gx import SqlValidator

Frame = Callable[[sa.Select[Any], Sequence[str]], pd.DataFrame]


@dataclass
class Opened:
    """A table that is open: `rows` selects its columns, `numbered` also the number of each row
    under the name `number`, where rows have one. `odd` columns are compared by pandas alone."""

    engine: sa.Engine
    dialect: str
    rows: sa.Select[Any]
    columns: Mapping[str, Column]
    types: Mapping[str, Any]
    frame: Frame
    odd: Collection[str] = frozenset()
    numbered: sa.Select[Any] | None = None
    number: str = ""
    pandas_rows: int = 0
    trouble: list[DomainError] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, str]:
        return {name: column.type for name, column in self.columns.items()}


class TableData(Data):
    """A table of a database, or a file that DuckDB reads."""

    def __init__(self, opened: Opened, interrupt: Callable[[], None]) -> None:
        self.opened, self.engine = opened, opened.dialect
        self._interrupt = interrupt

    def rows(self, condition: Any) -> TableRows:
        return TableRows(self.opened, condition)

    def carries(self, check: Check) -> bool:
        found = choosing.engine_for(check, self.opened.kinds, self.engine, odd=self.opened.odd)
        return found.engine == self.engine

    def raise_trouble(self) -> None:
        if self.opened.trouble:
            raise self.opened.trouble[0]

    def interrupt(self) -> None:
        self._interrupt()


class TableRows(Rows):
    """Rows of a table, by a condition."""

    def __init__(self, opened: Opened, condition: Any) -> None:
        self.opened, self.engine = opened, opened.dialect
        self._where: clauses.Clause | None = None
        self._asked: set[str] = set()
        try:
            self._where = clauses.where(condition, opened.kinds, opened.dialect)
        except DomainError as error:
            self.refusal = error

    @property
    def names(self) -> Collection[str]:
        return self.opened.columns.keys()

    def is_empty(self) -> bool:
        return self._count == 0

    def holds_values(self, column: str) -> bool:
        if column not in self._asked:
            self._asked.add(column)
            self.__dict__.pop("_values", None)
        return self._values[column] > 0

    def in_memory(self, checks: Sequence[Check], key_columns: Sequence[str]) -> FrameRows:
        if self._count > self.opened.pandas_rows:
            raise choosing.too_many_rows(self._count, self.opened.pandas_rows)
        wanted = {
            name for check in checks for name in sample_columns(check, key_columns, self.names)
        }
        names = [name for name in self.names if name in wanted]
        known = {name: self.opened.columns[name] for name in names}
        if self.opened.numbered is None:
            frame = self.opened.frame(self._chosen(self.opened.rows), names)
            return FrameRows(Table(frame, known), frame, numbered=False)
        numbered = [self.opened.number, *names]
        frame = self.opened.frame(self._chosen(self.opened.numbered), numbered)
        return FrameRows(Table(frame, known), frame)

    def ask(self, checks: Sequence[Check], key_columns: Sequence[str]) -> list[Answer]:
        for check in checks:
            self._asked |= set(suites.columns_of(check["kwargs"]))
        ready, answers = self._ready(checks)
        said = self._validator.validate([check for _, check in ready])
        answers |= {position: one for (position, _), one in zip(ready, said, strict=True)}
        found = [Answer(answers[position]) for position in range(len(checks))]
        return self._with_samples(checks, found, key_columns)

    def _with_samples(
        self, checks: Sequence[Check], found: Sequence[Answer], key_columns: Sequence[str]
    ) -> list[Answer]:
        """Failing rows are fetched where a check of rows has failed, and nowhere else."""
        failed = [
            position
            for position, answer in enumerate(found)
            if answer.has_failed and answer.figures.get("unexpected_count")
        ]
        answers = list(found)
        for position in failed:
            check = checks[position]
            columns = sample_columns(check, key_columns, self.names)
            number = [self.opened.number] if self.opened.numbered is not None else []
            ready = self._ready([check])[0]
            (said,) = self._sampler.samples([one for _, one in ready], [*number, *columns])
            places = Answer(said).figures.get("partial_unexpected_index_list") or []
            sample = [self._row(place, columns) for place in places[:SAMPLE_ROWS]]
            answers[position] = Answer(found[position].said, sample)
        return answers

    def _row(self, place: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
        number = {"row": int(place[self.opened.number])} if self.opened.numbered is not None else {}
        return number | {name: plain(place.get(name)) for name in columns}

    def _ready(
        self, checks: Sequence[Check]
    ) -> tuple[list[tuple[int, dict[str, Any]]], dict[int, dict[str, Any]]]:
        """The checks as the database can answer them, and answers to those that it can't."""
        ready: list[tuple[int, dict[str, Any]]] = []
        answers: dict[int, dict[str, Any]] = {}
        for position, check in enumerate(checks):
            try:
                ready.append((position, {"type": check["type"], "kwargs": self._kwargs(check)}))
            except (TypeError, ValueError, OverflowError) as error:  # a bound that is no date
                answers[position] = refused(error)
        return ready, answers

    def _kwargs(self, check: Check) -> dict[str, Any]:
        """Bounds and sets of times as times."""
        kwargs = without_condition(check)
        column = self.opened.columns.get(str(kwargs.get("column")))
        if column is not None and column.type in clauses.TIMES:
            for name in ("min_value", "max_value"):
                if isinstance(kwargs.get(name), str):
                    kwargs[name] = conditions.moment(kwargs[name]).isoformat()
            if isinstance(kwargs.get("value_set"), list):
                kwargs["value_set"] = [
                    conditions.moment(value).to_pydatetime() for value in kwargs["value_set"]
                ]
        return kwargs

    def _chosen(self, source: sa.Select[Any]) -> sa.Select[Any]:
        return (
            source
            if self._where is None
            else sa.select(sa.text("*")).select_from(source.subquery()).where(self._where)
        )

    @cached_property
    def _count(self) -> int:
        return self._counted([sa.func.count()])[0]

    @cached_property
    def _values(self) -> dict[str, int]:
        """How many values each column that checks asked for has, by one scan."""
        names = [name for name in self.names if name in self._asked]
        counts = self._counted([sa.func.count(sa.column(name)) for name in names])
        return dict(zip(names, counts, strict=True))

    def _counted(self, figures: Sequence[sa.ColumnElement[int]]) -> list[int]:
        asked = sa.select(*figures).select_from(self._chosen(self.opened.rows).subquery())
        with self.opened.engine.connect() as connection:
            return [int(figure) for figure in connection.execute(asked).one()]

    @cached_property
    def _validator(self) -> SqlValidator:
        return self._validator_of(self._chosen(self.opened.rows), self.opened.types)

    @cached_property
    def _sampler(self) -> SqlValidator:
        if self.opened.numbered is None:
            return self._validator
        types = {**self.opened.types, self.opened.number: sa.BIGINT()}
        return self._validator_of(self._chosen(self.opened.numbered), types)

    def _validator_of(self, rows: sa.Select[Any], types: Mapping[str, Any]) -> SqlValidator:
        from dataquality.engine import gx  # noqa: PLC0415  seconds, and workers alone have them

        return gx.SqlValidator(self.opened.engine, rows, types)
