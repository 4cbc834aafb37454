"""Columns of a database: which there are, of which kind, and how a value is selected so that it
compares as it does everywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.dialects import postgresql

from dataquality.engine import statements
from dataquality.engine.reading import NOUNS, Column
from mlscrum.lib.errors import DomainError

MYSQL = frozenset({"mysql", "mariadb"})
TIMES = frozenset({"date", "datetime"})
Type = types.TypeEngine[Any]
# By number of PostgreSQL's type.
OF_POSTGRESQL: Mapping[int, tuple[str, Type]] = {
    16: ("boolean", sa.BOOLEAN()),
    20: ("integer", sa.BIGINT()),
    21: ("integer", sa.SMALLINT()),
    23: ("integer", sa.INTEGER()),
    700: ("number", sa.REAL()),
    701: ("number", postgresql.DOUBLE_PRECISION()),
    1700: ("number", sa.NUMERIC()),
    25: ("text", sa.TEXT()),
    1042: ("text", sa.CHAR()),
    1043: ("text", sa.VARCHAR()),
    1082: ("date", sa.DATE()),
    1114: ("datetime", postgresql.TIMESTAMP()),
    1184: ("datetime", postgresql.TIMESTAMP(timezone=True)),
}
# By number of MySQL's type, as its protocol has it.
OF_MYSQL: Mapping[int, tuple[str, Type]] = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), ("integer", sa.INTEGER())),
    **dict.fromkeys((4, 5), ("number", sa.FLOAT())),
    **dict.fromkeys((0, 246), ("number", sa.NUMERIC())),
    **dict.fromkeys((10, 14), ("date", sa.DATE())),
    **dict.fromkeys((7, 12), ("datetime", sa.DATETIME())),
    **dict.fromkeys((15, 252, 253, 254), ("text", sa.VARCHAR(250))),
}
# By a word within the declared type of SQLite.
OF_SQLITE: Sequence[tuple[str, str, Type]] = (
    ("BOOL", "boolean", sa.BOOLEAN()),
    ("DATETIME", "datetime", sa.DATETIME()),
    ("TIMESTAMP", "datetime", sa.TIMESTAMP()),
    ("DATE", "date", sa.DATE()),
    ("INT", "integer", sa.INTEGER()),
    ("CHAR", "text", sa.VARCHAR()),
    ("TEXT", "text", sa.TEXT()),
    ("CLOB", "text", sa.TEXT()),
    ("REAL", "number", sa.REAL()),
    ("FLOA", "number", sa.FLOAT()),
    ("DOUB", "number", sa.FLOAT()),
    ("DEC", "number", sa.NUMERIC()),
    ("NUM", "number", sa.NUMERIC()),
)
# What SQLite calls the values that a column of a kind may hold.
HELD_BY_SQLITE = {
    "integer": ("integer",),
    "number": ("integer", "real"),
    "boolean": ("integer",),
}


@dataclass(frozen=True)
class Wanted:
    """A table or a query."""

    table: str = ""
    schema: str | None = None
    query: str = ""


@dataclass(frozen=True)
class Found:
    """A column of a database."""

    name: str
    kind: str
    type: Type
    is_plain: bool = True  # whether its values are texts, numbers or times as they are

    def read_by(self, known: Column | None, dialect: str) -> Column:
        """The column as the schema says; raises DomainError where it has become another."""
        if known is None:
            return Column(self.name, self.kind)
        fits = (
            known.type in {"text", self.kind}
            or (known.type, self.kind) == ("number", "integer")
            or {known.type, self.kind} <= TIMES
            or (dialect == "sqlite" and self.kind == "text" and known.type in TIMES)
        )
        if not fits:
            raise DomainError(
                "does_not_fit",
                f"The column {self.name} now holds {NOUNS[self.kind]}, and the schema says "
                f"{NOUNS[known.type]}; change the schema, or the table.",
            )
        return known

    def expression(
        self, column: sa.ColumnElement[Any], read: Column, engine: sa.Engine
    ) -> sa.ColumnElement[Any]:
        """The column's value as it compares everywhere else: texts sign by sign, days as times,
        no number as nothing."""
        name = engine.dialect.name
        if name == "postgresql":
            return self._of_postgresql(column, read)
        if name in MYSQL:
            return self._of_mysql(column, read, engine)
        if read.type == "text" and self.kind != "text":
            column = sa.cast(column, sa.TEXT())
        return _without(column.collate("BINARY"), read) if read.type == "text" else column

    def _of_postgresql(self, column: sa.ColumnElement[Any], read: Column) -> sa.ColumnElement[Any]:
        if read.type == "text":
            if isinstance(self.type, postgresql.TIMESTAMP) and self.type.timezone:
                column = sa.func.timezone("UTC", column)
            is_text = isinstance(self.type, sa.TEXT | sa.VARCHAR) and self.is_plain
            texts = column if is_text else sa.cast(column, sa.TEXT())
            return _without(sa.collate(texts, "C"), read)
        if read.type == "number" and self.kind == "number":
            return sa.func.nullif(column, sa.cast(sa.literal_column("'NaN'"), self.type))
        if self.kind == "date":
            return sa.cast(column, postgresql.TIMESTAMP())
        if isinstance(self.type, postgresql.TIMESTAMP) and self.type.timezone:
            return sa.func.timezone("UTC", column)
        return column

    def _of_mysql(
        self, column: sa.ColumnElement[Any], read: Column, engine: sa.Engine
    ) -> sa.ColumnElement[Any]:
        if read.type == "text":
            is_mariadb = bool(getattr(engine.dialect, "is_mariadb", False))
            # Neither case nor blanks at the end make two texts one.
            collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
            texts = sa.func.convert(column.op("USING")(sa.text("utf8mb4")))
            return _without(sa.collate(texts, collation), read)
        return sa.cast(column, sa.DATETIME()) if self.kind == "date" else column


def of(
    connection: sa.Connection, dialect: str, wanted: Wanted
) -> tuple[sa.FromClause, list[Found]]:
    """What to select from, and its columns in order."""
    if wanted.query:
        text: Any = sa.text(f"({statements.as_bound_text(wanted.query)}) AS wanted")
    else:
        text = sa.table(wanted.table, schema=wanted.schema)
    head = connection.execute(sa.select(sa.text("*")).select_from(text).limit(0))
    names = list(head.keys())
    if dialect == "sqlite":
        found = _of_sqlite(connection, wanted, text, names)
    else:
        numbers = [part[1] for part in head.cursor.description or ()]
        known: Mapping[Any, tuple[str, Type]] = (
            OF_POSTGRESQL if dialect == "postgresql" else OF_MYSQL if dialect in MYSQL else {}
        )
        found = [
            Found(name, *known.get(number, ("text", sa.TEXT())), is_plain=number in known)
            for name, number in zip(names, numbers, strict=True)
        ]
    selected: list[Any] = [sa.column(name) for name in names]
    if wanted.query:
        inner = sa.text(statements.as_bound_text(wanted.query)).columns(*selected)
        return inner.subquery("wanted"), found
    return sa.table(wanted.table, *selected, schema=wanted.schema), found


def _of_sqlite(
    connection: sa.Connection, wanted: Wanted, source: Any, names: Sequence[str]
) -> list[Found]:
    """SQLite declares types and holds what it likes; what a query gives has no type at all."""
    declared = {}
    if wanted.table:
        quoted = connection.dialect.identifier_preparer.quote_identifier(wanted.table)
        rows = connection.exec_driver_sql(f"PRAGMA table_info({quoted})")
        declared = {str(row[1]): str(row[2]).upper() for row in rows}
    held = _held(connection, source, names)
    return [_found(name, declared.get(name, ""), held[name]) for name in names]


def _found(name: str, declared: str, held: set[str]) -> Found:
    kind: str
    found: Type
    kind, found = next(
        ((kind, one) for word, kind, one in OF_SQLITE if word in declared),
        ("", types.NullType()),
    )
    if not declared:
        kind = next(
            (k for k, those in HELD_BY_SQLITE.items() if held and held <= set(those)), "text"
        )
        guessed: Mapping[str, Type] = {"integer": sa.INTEGER(), "number": sa.FLOAT()}
        found = guessed.get(kind, sa.TEXT())
    allowed = HELD_BY_SQLITE.get(kind)
    if allowed and not held <= set(allowed):
        kind = "text"  # then it does not fit a schema that says numbers
    return Found(name, kind or "text", found, is_plain="blob" not in held)


def _held(connection: sa.Connection, source: Any, names: Sequence[str]) -> dict[str, set[str]]:
    """The types of the values that each column holds, nothing left out."""
    kinds = ("integer", "real", "text", "blob")
    figures: list[Any] = [
        sa.func.max(sa.case((sa.func.typeof(sa.column(name)) == kind, 1), else_=0))
        for name in names
        for kind in kinds
    ]
    answers = iter(connection.execute(sa.select(*figures).select_from(source)).one())
    return {name: {kind for kind in kinds if next(answers)} for name in names}


def _without(column: sa.ColumnElement[Any], read: Column) -> sa.ColumnElement[Any]:
    """The column without what the schema reads as missing."""
    if not read.null_words:
        return column
    return sa.case((sa.func.trim(column).in_(read.null_words), None), else_=column)
