"""A file as a table of DuckDB, open for one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import sqlalchemy as sa
from django.conf import settings

from dataquality.engine import casts, dialect
from dataquality.engine.files import File, database, out_of_memory
from dataquality.engine.frames import frame_of_arrow
from dataquality.engine.limits import interruptible
from dataquality.engine.reading import Column, Inspected
from dataquality.engine.tables import Opened, TableData

SQL_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "text": sa.VARCHAR(),
    "boolean": sa.BOOLEAN(),
    "integer": sa.BIGINT(),
    "number": sa.DOUBLE(),
    "date": sa.TIMESTAMP(),
    "datetime": sa.TIMESTAMP(),
}


@contextmanager
def opened(
    paths: Sequence[Path],
    file_format: str,
    schema: Sequence[Mapping[str, Any]],
    *,
    memory_mb: int | None = None,
    pandas_rows: int | None = None,
) -> Iterator[TableData]:
    """The file, or several Parquet files, as one table that is read by the schema.

    Raises DomainError for what can't be read or does not fit, and NotForDuckError.
    """
    with database(paths, memory_mb=memory_mb) as connection:
        file = File.of(connection, paths, file_format)
        columns = file.columns(schema)
        file.load(columns)
        opening = _Opening(connection, file, columns)
        table = opening.table()
        table.pandas_rows = settings.PANDAS_ROWS if pandas_rows is None else pandas_rows
        with (
            interruptible(opening.cursor.interrupt),
            interruptible(opening.frames.interrupt),
        ):
            try:
                yield TableData(table)
            finally:
                table.engine.dispose()
                opening.frames.close()


def inspect(
    paths: Sequence[Path], file_format: str, schema: Sequence[Mapping[str, Any]]
) -> Inspected:
    """Columns and rows of a file; columns of the schema as it says, others as they look."""
    with database(paths) as connection:
        file = File.of(connection, paths, file_format)
        rows = file.require_whole()
        return Inspected(file.columns(schema), rows)


class _Opening:
    """A loaded file on its way to an open table."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, file: File, columns: Sequence[Column]
    ) -> None:
        self.connection, self.columns = connection, columns
        self.number = file.number
        self.odd = frozenset(raw.name for raw in file.raws if casts.is_odd(raw.type))
        self.cursor = connection.cursor()
        # A cursor that still holds a result, as Great Expectations may for a while, runs nothing.
        self.frames = connection.cursor()
        self.engine = dialect.engine_of(self.cursor)

    def table(self) -> Opened:
        views = "SELECT view_name FROM duckdb_views() WHERE view_name = 'numbered'"
        has_numbers = self.connection.execute(views).fetchone() is not None
        table = Opened(
            engine=self.engine,
            dialect=dialect.NAME,
            rows=self._selected("data"),
            numbered=self._selected("numbered", self.number) if has_numbers else None,
            number=self.number,
            columns={column.name: column for column in self.columns},
            types={column.name: SQL_TYPES[column.type] for column in self.columns},
            odd=self.odd,
            frame=self._frame,
        )
        dialect.watch(self.engine, table.trouble, out_of_memory)
        return table

    def _selected(self, view: str, *more: str) -> sa.Select[Any]:
        names = [*more, *(column.name for column in self.columns)]
        return _columns(names).select_from(sa.table(view))

    def _frame(self, rows: sa.Select[Any], names: Sequence[str]) -> pd.DataFrame:
        query = _columns(names).select_from(rows.subquery())
        text = str(query.compile(self.engine, compile_kwargs={"literal_binds": True}))
        found = self.frames.sql(text).to_arrow_table()
        columns = [column for column in self.columns if column.name in names]
        return frame_of_arrow(found, columns, self.number)


def _columns(names: Sequence[str]) -> sa.Select[Any]:
    columns: list[Any] = [sa.column(name) for name in names]
    return sa.select(*columns)
