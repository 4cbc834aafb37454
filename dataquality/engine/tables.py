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

from dataquality.engine import choosing, clauses, conditions, regexes, statements, suites
from dataquality.engine.answers import (
    SAMPLE_ROWS,
    Answer,
    plain,
    refused,
    shown,
    with_failing_rows,
)
from dataquality.engine.figures import TableFigures
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

MOST_BATCHES = 10_000
WITHOUT_A_CAST = frozenset({"sqlite", "mysql", "mariadb"})
COMPOUND = "expect_compound_columns_to_be_unique"
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
    schema: str | None = None
    trouble: list[DomainError] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, str]:
        return {name: column.type for name, column in self.columns.items()}


class TableData(Data):
    """A table of a database, or a file that DuckDB reads."""

    def __init__(self, opened: Opened) -> None:
        self.opened, self.engine = opened, opened.dialect

    def rows(self, condition: Any) -> TableRows:
        return TableRows(self.opened, condition)

    def raise_trouble(self) -> None:
        if self.opened.trouble:
            raise self.opened.trouble[0]


class TableRows(Rows):
    """Rows of a table, by a condition."""

    def __init__(self, opened: Opened, condition: Any) -> None:
        self.opened, self.engine = opened, opened.dialect
        self._where: clauses.Clause | None = None
        self._asked: set[str] = set()
        self._known: dict[Any, Any] = {}
        try:
            self._where = clauses.where(condition, opened.kinds, opened.dialect)
        except DomainError as error:
            self.refusal = error

    @property
    def names(self) -> Collection[str]:
        return self.opened.columns.keys()

    def kind_of(self, column: str) -> str:
        return self.opened.columns[column].type

    def is_empty(self) -> bool:
        return self._count == 0

    def holds_values(self, column: str) -> bool:
        self._asked.add(column)
        if column not in self._values:
            del self._values
        return self._values[column] > 0

    def carries(self, check: Check) -> bool:
        found = choosing.engine_for(
            check, self.opened.kinds, self.opened.dialect, odd=self.opened.odd
        )
        if found.engine != self.engine or not found.unless_missing:
            return found.engine == self.engine
        return all(self._misses_nothing(name) for name in suites.columns_of(check["kwargs"]))

    def _misses_nothing(self, column: str) -> bool:
        return self.holds_values(column) and self._values[column] == self._count

    def in_memory(self, checks: Sequence[Check], key_columns: Sequence[str]) -> FrameRows:
        wanted = {
            name for check in checks for name in sample_columns(check, key_columns, self.names)
        }
        held = self.table([name for name in self.names if name in wanted], None)
        return FrameRows(held, held.frame, numbered=self.opened.numbered is not None)

    def batches(self, column: str, by: str) -> list[tuple[Any, int]]:
        inner = self._chosen(self.opened.rows).subquery()
        parts: list[Any] = [inner.c[column]]
        if by != "value":
            moment: Any = inner.c[column]
            if self.engine not in WITHOUT_A_CAST:
                moment = sa.cast(moment, sa.TIMESTAMP())
            names = ("year", "month", "day")[: 2 if by == "month" else 3]
            parts = [sa.extract(name, moment) for name in names]
        wanted: list[Any] = [*parts, sa.func.count()]
        query = sa.select(*wanted).group_by(*parts)
        if by != "value":
            query = query.where(inner.c[column].is_not(None))
        found = self.fetched(query.limit(MOST_BATCHES))
        if by == "value":
            return [(plain(value), int(rows)) for value, rows in found]
        return [(_day_of(row[:-1]), int(row[-1])) for row in found]

    def newest(self, column: str) -> Any:
        inner = self._chosen(self.opened.rows).subquery()
        ((latest,),) = self.fetched(sa.select(sa.func.max(inner.c[column])))
        return conditions.moment(latest).to_pydatetime() if latest is not None else None

    def table(self, columns: Sequence[str], rows: int | None) -> Table:
        if rows is None and self._count > self.opened.pandas_rows:
            raise choosing.too_many_rows(self._count, self.opened.pandas_rows)
        source = self.opened.rows if self.opened.numbered is None else self.opened.numbered
        number = [] if self.opened.numbered is None else [self.opened.number]
        chosen = self._chosen(source)
        frame = self.opened.frame(chosen.limit(rows) if rows else chosen, [*number, *columns])
        return Table(frame, {name: self.opened.columns[name] for name in columns})

    @cached_property
    def figures(self) -> TableFigures:
        return TableFigures(self)

    @property
    def chosen(self) -> sa.Select[Any]:
        """What selects these rows."""
        return self._chosen(self.opened.rows)

    def ask(self, checks: Sequence[Check], key_columns: Sequence[str]) -> list[Answer]:
        ready, answers = self._ready(checks)
        said = self._validator.validate([check for _, check in ready])
        answers |= {position: one for (position, _), one in zip(ready, said, strict=True)}
        found = [Answer(answers[position]) for position in range(len(checks))]
        for check, answer in zip(checks, found, strict=True):
            is_figure = "missing_count" not in answer.figures and "null" not in check["type"]
            if is_figure:  # which may be one of nothing
                self._asked |= set(suites.columns_of(check["kwargs"]))
        return self._with_samples(checks, found, key_columns)

    def _with_samples(
        self, checks: Sequence[Check], found: Sequence[Answer], key_columns: Sequence[str]
    ) -> list[Answer]:
        """Failing rows are fetched where a check of rows has failed, and nowhere else."""
        failed = with_failing_rows(found)
        if not failed:
            return list(found)
        number = [self.opened.number] if self.opened.numbered is not None else []
        keys = [*number, *(name for name in key_columns if name in self.names)]
        ready = self._ready([checks[position] for position in failed])[0]
        # All at once, so that one scan serves them all.
        told = self._sampler.samples([one for _, one in ready], keys)
        answers = list(found)
        for position, said in zip(failed, told, strict=True):
            check = checks[position]
            columns = sample_columns(check, key_columns, self.names)
            places = Answer(said).figures.get("partial_unexpected_index_list") or []
            if not places and check["type"] == COMPOUND:
                places = self._repeated(check["kwargs"]["column_list"], [*number, *columns])
            sample = [self._row(place, columns) for place in places[:SAMPLE_ROWS]]
            answers[position] = Answer(found[position].said, sample)
        return answers

    def _repeated(self, names: Sequence[str], wanted: Sequence[str]) -> list[dict[str, Any]]:
        """Rows that share the values of these columns, which Great Expectations counts only."""
        numbered = self.opened.numbered
        rows = self._chosen(self.opened.rows if numbered is None else numbered).subquery("found")
        every = self._chosen(self.opened.rows).subquery("every")
        shared: list[Any] = [every.c[name] for name in names]
        twice = sa.select(*shared).group_by(*shared).having(sa.func.count() > 1).subquery("twice")
        found: list[Any] = [rows.c[name] for name in wanted]
        same = sa.and_(*(rows.c[name] == twice.c[name] for name in names))
        query = sa.select(*found).select_from(rows.join(twice, same)).limit(SAMPLE_ROWS)
        if numbered is not None:
            query = query.order_by(rows.c[self.opened.number])
        return [dict(row._mapping) for row in self.fetched(query)]

    def _row(self, place: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
        number = {"row": int(place[self.opened.number])} if self.opened.numbered is not None else {}
        return number | {name: shown(place.get(name)) for name in columns}

    def _ready(
        self, checks: Sequence[Check]
    ) -> tuple[list[tuple[int, dict[str, Any]]], dict[int, dict[str, Any]]]:
        """The checks as the database can answer them, and answers to those that it can't."""
        ready: list[tuple[int, dict[str, Any]]] = []
        answers: dict[int, dict[str, Any]] = {}
        for position, check in enumerate(checks):
            try:
                ready.append((position, {"type": check["type"], "kwargs": self._kwargs(check)}))
            except (TypeError, ValueError, OverflowError, DomainError) as error:
                answers[position] = refused(error)
        return ready, answers

    def _kwargs(self, check: Check) -> dict[str, Any]:
        """Bounds and sets of times as times."""
        kwargs = regexes.within(without_condition(check), self.engine)
        column = self.opened.columns.get(str(kwargs.get("column")))
        if column is not None and column.type in clauses.TIMES:
            for name in ("min_value", "max_value"):
                if isinstance(kwargs.get(name), str):
                    kwargs[name] = conditions.moment(kwargs[name]).isoformat()
            if isinstance(kwargs.get("value_set"), list):
                kwargs["value_set"] = [
                    conditions.moment(value).to_pydatetime() for value in kwargs["value_set"]
                ]
        if query := kwargs.get("unexpected_rows_query"):
            kwargs["unexpected_rows_query"] = self._query(str(query))
        return kwargs

    def _query(self, query: str) -> str:
        """A query of people over these rows, with the rows in place of `{batch}`."""
        statements.one_select(query.replace("{batch}", "batch"))
        rows = self._chosen(self.opened.rows)
        text = str(rows.compile(self.opened.engine, compile_kwargs={"literal_binds": True}))
        if self.opened.engine.dialect.paramstyle in {"format", "pyformat"}:
            text = text.replace("%%", "%")
        has_alias = statements.JOIN.search(query) is not None
        whole = query.replace("{batch}", f"({text})" if has_alias else f"({text}) AS batch")
        # What Great Expectations formats, and SQLAlchemy binds, is to stand as it is.
        return statements.as_bound_text(whole.replace("{", "{{").replace("}", "}}"))

    def _chosen(self, source: sa.Select[Any]) -> sa.Select[Any]:
        if self._where is None:
            return source
        inner = source.subquery()
        columns: list[Any] = list(inner.c)
        return sa.select(*columns).where(self._where)

    @cached_property
    def _count(self) -> int:
        return self._counted([sa.func.count()])[0]

    @cached_property
    def _values(self) -> dict[str, int]:
        """How many values each column that checks asked for has, by one scan."""
        names = [name for name in self.names if name in self._asked]
        counts = self._counted([sa.func.count(sa.column(name)) for name in names])
        return dict(zip(names, counts, strict=True))

    def fetched(self, query: sa.Select[Any]) -> list[Any]:
        """The rows of a query of ours; the text of what goes wrong may hold values."""
        try:
            with self.opened.engine.connect() as connection:
                return list(connection.execute(query).fetchall())
        except sa.exc.SQLAlchemyError:
            if self.opened.trouble:
                raise self.opened.trouble[0] from None
            raise DomainError(
                "unreadable", "The data could not be read to its end; look at its values."
            ) from None

    def _counted(self, figures: Sequence[sa.ColumnElement[int]]) -> list[int]:
        wanted: list[Any] = list(figures)
        asked = sa.select(*wanted).select_from(self._chosen(self.opened.rows).subquery())
        (row,) = self.fetched(asked)
        return [int(figure) for figure in row]

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

        return gx.SqlValidator(self.opened.engine, rows, types, self._known)


def _day_of(parts: Sequence[Any]) -> str:
    """Year, month and perhaps day, as people write them."""
    year, *rest = (int(part) for part in parts)
    return "-".join([f"{year:04}", *(f"{part:02}" for part in rest)])
