"""Databases of others: a table or a query on a SQLAlchemy URL, in a session that only reads."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pandas as pd
import sqlalchemy as sa
from django.conf import settings
from sqlalchemy import pool
from sqlalchemy.dialects.mysql.base import MySQLCompiler

from dataquality.engine import columns as described
from dataquality.engine import statements, troubles
from dataquality.engine.frames import frame_of_rows
from dataquality.engine.limits import interruptible, left_s
from dataquality.engine.reading import Column, Inspected, check_names, columns_of
from dataquality.engine.sources import TableSeen
from dataquality.engine.tables import Opened, TableData
from mlscrum.lib.errors import DomainError

CONNECT_TIMEOUT_S = 10
DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite+pysqlite",
}
# What an address may say beside host and database: nothing that reads files of ours, leads to
# another host than the one that was looked at, or runs statements.
PARAMETERS = {
    "postgresql": frozenset({"sslmode", "application_name", "target_session_attrs"}),
    "mysql": frozenset({"charset"}),
    "mariadb": frozenset({"charset"}),
    "sqlite": frozenset(),
}
OF_MYSQL = frozenset({"mysql", "mariadb"})
# A PostgreSQL that is cut off without a word is given up within about a minute: libpq would wait
# for its packets for ever, where nothing hears of the limit of a run.
UNLESS_SILENT = {
    "keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}  # fmt: skip
OURS = frozenset({"information_schema", "pg_catalog", "mysql", "performance_schema", "sys"})


@contextmanager
def opened(
    location: str,
    options: Mapping[str, Any],
    schema: Sequence[Mapping[str, Any]],
    *,
    pandas_rows: int | None = None,
) -> Iterator[TableData]:
    """The table or query, open for one run. Raises DomainError for what can't be reached or read,
    and for columns of another type than the schema says."""
    with _Session.of(location, options) as session:
        table = session.table(schema)
        table.pandas_rows = settings.PANDAS_ROWS if pandas_rows is None else pandas_rows
        yield TableData(table)


def inspect(
    location: str, options: Mapping[str, Any], schema: Sequence[Mapping[str, Any]]
) -> Inspected:
    """Columns and rows of a table or query."""
    with _Session.of(location, options) as session:
        table = session.table(schema)
        with session.engine.connect() as connection, session.explained():
            rows = connection.execute(
                sa.select(sa.func.count()).select_from(table.rows.subquery())
            ).scalar_one()
        return Inspected(list(table.columns.values()), int(rows))


def try_out(location: str, options: Mapping[str, Any] | None = None) -> str:
    """Connect and read nothing: name and version of the server."""
    with _Session.of(location, options or {}) as session:
        version = session.engine.dialect.server_version_info or ()
        name = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB",
                "sqlite": "SQLite"}.get(session.dialect, session.dialect)  # fmt: skip
        return f"{name} {'.'.join(str(part) for part in version)}".strip()


def browse(location: str, options: Mapping[str, Any] | None = None) -> list[TableSeen]:
    """Tables and views that the login can see, those of the database itself left out."""
    with _Session.of(location, options or {}) as session, session.explained():
        inspector = sa.inspect(session.engine)
        names = [name for name in inspector.get_schema_names() if name.lower() not in OURS]
        return [
            TableSeen(schema, name, kind)
            for schema in names
            for kind, found in (
                ("table", inspector.get_table_names(schema)),
                ("view", inspector.get_view_names(schema)),
            )
            for name in sorted(found)
        ]


class _Plainly(MySQLCompiler):
    """MySQL's SQL with what functions mean elsewhere: its `length` counts bytes, and of whole
    numbers its deviation has four digits."""

    def visit_length_func(self, fn: Any, **kw: Any) -> str:
        return f"char_length{self.function_argspec(fn, **kw)}"

    def visit_stddev_samp_func(self, fn: Any, **kw: Any) -> str:
        return f"stddev_samp({self.function_argspec(fn, **kw)} * 1e0)"


class _Session:
    """A connection that only reads, and what went wrong in it."""

    def __init__(self, url: sa.URL, options: Mapping[str, Any]) -> None:
        self.url, self.options = url, options
        self.trouble: list[DomainError] = []
        self.raw: list[Any] = []  # connections of the driver, for `interrupt`
        self.dialect = url.get_backend_name()
        self.connect_s = int(options.get("connect_timeout_s") or CONNECT_TIMEOUT_S)
        self.statement_s = float(options.get("statement_timeout_s") or settings.STATEMENT_TIMEOUT_S)
        self.until = float("inf")
        if self.dialect in OF_MYSQL:
            self.statement_s = min(self.statement_s, left_s())

    @classmethod
    @contextmanager
    def of(cls, location: str, options: Mapping[str, Any]) -> Iterator[_Session]:
        session = cls(_url(location), options)
        session.engine = session.made()
        try:
            with session.explained():
                session.engine.connect().close()
            session.dialect = "mariadb" if _is_mariadb(session.engine) else session.dialect
            with interruptible(session.interrupt):
                yield session
        finally:
            session.engine.dispose()

    engine: sa.Engine

    def made(self) -> sa.Engine:
        try:
            engine = sa.create_engine(self.url, **self._arguments())
        except (ImportError, sa.exc.ArgumentError, TypeError):
            raise DomainError(
                "no_driver",
                f"The driver for {self.url.drivername} is not installed on the workers.",
            ) from None
        # Which words are reserved is nowhere known in full.
        setattr(engine.dialect.identifier_preparer, "_requires_quotes", lambda value: True)  # noqa: B010
        if self.dialect in OF_MYSQL:
            setattr(engine.dialect, "statement_compiler", _Plainly)  # noqa: B010
        sa.event.listen(engine, "connect", self._connected)
        sa.event.listen(engine, "handle_error", self._noted)
        if self.dialect == "sqlite":
            sa.event.listen(engine, "before_cursor_execute", self._begun)
        return engine

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What goes wrong within, in words of ours."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise troubles.explained(error, self.url, self.statement_s) from None

    def interrupt(self) -> None:
        for connection in self.raw:
            for name in ("cancel", "interrupt"):
                if hasattr(connection, name):
                    getattr(connection, name)()

    def table(self, schema: Sequence[Mapping[str, Any]]) -> Opened:
        with self.explained(), self.engine.connect() as connection:
            source, found = described.of(connection, self.dialect, self._source())
        check_names([one.name for one in found])
        known = columns_of(schema)
        columns = {one.name: one.read_by(known.get(one.name), self.dialect) for one in found}
        chosen: list[Any] = [
            one.expression(source.c[one.name], columns[one.name], self.engine).label(one.name)
            for one in found
        ]
        return Opened(
            engine=self.engine,
            dialect=self.dialect,
            rows=sa.select(*chosen).select_from(source),
            columns=columns,
            types={one.name: one.type for one in found},
            frame=lambda rows, names: self._frame(rows, [columns[name] for name in names]),
            trouble=self.trouble,
            schema=self.options.get("schema") or None,
        )

    def _source(self) -> described.Wanted:
        table, query = self.options.get("table"), self.options.get("query")
        if bool(table) == bool(query):
            raise DomainError("no_source", "Name a table, or give a query.")
        if query:
            return described.Wanted(query=statements.one_select(str(query)))
        return described.Wanted(table=str(table), schema=self.options.get("schema") or None)

    def _frame(self, rows: sa.Select[Any], columns: Sequence[Column]) -> pd.DataFrame:
        wanted: list[Any] = [sa.column(column.name) for column in columns]
        query = sa.select(*wanted).select_from(rows.subquery())
        with self.explained(), self.engine.connect() as connection:
            return frame_of_rows(connection.execute(query).fetchall(), columns)

    def _arguments(self) -> dict[str, Any]:
        own = dict(self.options.get("connect_args") or {})
        common: dict[str, Any] = {"pool_size": 1, "max_overflow": 1}
        if self.dialect == "postgresql":
            limit = f"-c statement_timeout={int(self.statement_s * 1000)} -c lock_timeout=10000"
            own |= {"connect_timeout": self.connect_s, "options": limit, **UNLESS_SILENT}
        elif self.dialect in OF_MYSQL:
            own |= {"connect_timeout": self.connect_s, "local_infile": False,
                    "read_timeout": self.statement_s + 5}  # fmt: skip
        elif self.dialect == "sqlite":
            return {"creator": self._open_sqlite, "poolclass": pool.StaticPool}
        return {**common, "connect_args": own}

    def _open_sqlite(self) -> sqlite3.Connection:
        address = f"file:{quote(self.url.database or '')}?mode=ro"
        connection = sqlite3.connect(
            address, uri=True, timeout=self.connect_s, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = true")
        connection.set_progress_handler(lambda: time.monotonic() > self.until, 10_000)
        return connection

    def _connected(self, connection: Any, record: Any) -> None:
        self.raw.append(connection)
        if self.dialect == "postgresql":
            # Said at the beginning of each transaction, so that no query can take it back.
            connection.set_session(readonly=True)
        elif self.dialect in OF_MYSQL:
            cursor = connection.cursor()
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            is_mariadb = "mariadb" in str(connection.get_server_info()).lower()
            limit = (
                f"max_statement_time = {self.statement_s}"
                if is_mariadb
                else f"max_execution_time = {int(self.statement_s * 1000)}"
            )
            cursor.execute(f"SET SESSION {limit}")
            cursor.close()

    def _begun(self, *_: Any) -> None:
        self.until = time.monotonic() + self.statement_s

    def _noted(self, context: Any) -> None:
        """Great Expectations makes what ends a run an error of each check; it is kept here."""
        error = context.sqlalchemy_exception or context.original_exception
        if troubles.ends_a_run(context.original_exception, is_lost=context.is_disconnect):
            self.trouble.append(troubles.explained(error, self.url, self.statement_s))


def _url(location: str) -> sa.URL:
    try:
        url = sa.make_url(location)
    except (sa.exc.ArgumentError, ValueError):
        raise DomainError(
            "bad_url", "Give an address such as postgresql://user:password@host/database."
        ) from None
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    backend = url.get_backend_name()
    extra = sorted(set(url.query) - PARAMETERS.get(backend, frozenset(url.query)))
    if extra:
        raise DomainError("bad_url", f"The address may not hold {extra[0]}; leave it out.")
    if backend == "sqlite" and url.database in {None, "", ":memory:"}:
        raise DomainError("bad_url", "Name the file of the SQLite database.")
    return url


def _is_mariadb(engine: sa.Engine) -> bool:
    return bool(getattr(engine.dialect, "is_mariadb", False))
