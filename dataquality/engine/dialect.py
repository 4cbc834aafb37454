"""DuckDB as Great Expectations can use it: a small SQLAlchemy dialect on duckdb-engine.

Great Expectations knows no DuckDB, so the dialect goes by the name of PostgreSQL, whose SQL DuckDB
speaks but for a few words. It also hands a connection back before it fetches, and the rollback
that SQLAlchemy does then would drop DuckDB's rows; here nothing is ever written, so rollback,
commit and begin do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import duckdb_engine
import sqlalchemy as sa
from sqlalchemy import pool, types
from sqlalchemy.dialects.postgresql.base import PGCompiler

from mlscrum.lib.errors import DomainError

NAME = "duckdb"
TYPES: dict[str, type[types.TypeEngine[Any]]] = {
    "BIGINT": types.BIGINT,
    "BOOLEAN": types.BOOLEAN,
    "DATE": types.DATE,
    "DOUBLE": types.DOUBLE,
    "TIMESTAMP": types.TIMESTAMP,
    "VARCHAR": types.VARCHAR,
}


class Compiler(PGCompiler):
    """PostgreSQL's SQL with DuckDB's word for a regular expression that is found somewhere.

    DuckDB has `~` too, but there the whole text must match.
    """

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        if operator.opstring in {"~", "!~"}:
            left, right = (self.process(side, **kw) for side in (element.left, element.right))
            found = f"regexp_matches({left}, {right})"
            return found if operator.opstring == "~" else f"NOT {found}"
        return str(super().visit_custom_op_binary(element, operator, **kw))  # type: ignore[no-untyped-call]

    def visit_sum_func(self, fn: Any, **kw: Any) -> str:
        """Ones and noughts are counted, which is cheaper than to add them up."""
        (summed,) = fn.clauses
        if isinstance(summed, sa.Case) and len(summed.whens) == 1:
            condition, one = summed.whens[0]
            numbers = [getattr(side, "value", None) for side in (one, summed.else_)]
            if numbers == [1, 0]:
                return f"count_if({self.process(condition, **kw)})"
        return f"sum({self.process(summed, **kw)})"

    def visit_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        left, right = (self.process(side, **kw) for side in (binary.left, binary.right))
        return f"regexp_matches({left}, {right})"

    def visit_not_regexp_match_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        return f"NOT {self.visit_regexp_match_op_binary(binary, operator, **kw)}"


class Preparer(duckdb_engine.DuckDBIdentifierPreparer):
    """Quotes every name: more words are reserved in some places than DuckDB lists."""

    def _requires_quotes(self, value: str) -> bool:
        return True


class Dialect(duckdb_engine.Dialect):
    """Reads one DuckDB database; see above."""

    name = "postgresql"
    driver = "duckdb"
    statement_compiler = Compiler
    preparer = Preparer
    supports_statement_cache = False
    max_identifier_length = 10_000  # a column may be called anything; PostgreSQL cuts at 63

    def do_begin(self, connection: Any) -> None:
        pass

    def do_rollback(self, connection: Any) -> None:
        pass

    def do_commit(self, connection: Any) -> None:
        pass

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        quoted = self.identifier_preparer.quote_identifier(table_name)
        rows = connection.exec_driver_sql(f"DESCRIBE {quoted}").fetchall()
        return [
            {
                "name": row[0],
                "type": TYPES.get(row[1], types.NullType)(),
                "nullable": True,
                "default": None,
            }
            for row in rows
        ]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return {"constrained_columns": [], "name": None}


def engine_of(connection: duckdb.DuckDBPyConnection) -> sa.Engine:
    """A SQLAlchemy engine on this one connection."""
    sa.dialects.registry.register("mlscrum_duckdb", __name__, "Dialect")
    return sa.create_engine(
        "mlscrum_duckdb://",
        creator=lambda: duckdb_engine.ConnectionWrapper(connection),
        poolclass=pool.StaticPool,
    )


def watch(
    engine: sa.Engine, trouble: list[DomainError], out_of_memory: Callable[[], DomainError]
) -> None:
    """Write down what ends a whole run, for Great Expectations makes it one of each check."""

    @sa.event.listens_for(engine, "handle_error")
    def note(context: Any) -> None:
        if isinstance(context.original_exception, duckdb.OutOfMemoryException):
            trouble.append(out_of_memory())
