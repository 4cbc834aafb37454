"""Where data is: the one interface between the engine and those who know datasets and connections.

    source = Source("path", "/…/trips.parquet", schema, {"format": "parquet"})
    results = running.run_suite(
        source, suite, key_columns=["id"],
        batch={"by": "month", "column": "pickup", "value": "2019-03"},
        limits=Limits(time_s=600), progress=lease.progress_of_checks, cancelled=lease.is_cancelled)

What each kind holds:

- `upload | path | url | s3`: `location` is a file on this machine; whoever calls has copied or
  downloaded it, within its own limits, and removes it afterwards. Options: `format` (csv, parquet,
  jsonl), and `files`, further Parquet files of the same batch (a partition of several).
- `sql`: `location` is a SQLAlchemy URL with its password. Options: one of `table` (and `schema`
  for its namespace) and `query` (one SELECT); `connect_timeout_s` (10), `statement_timeout_s`
  (600), `connect_args` for the driver (certificates).
- `spark`: `location` is a Spark Connect URL (`sc://…`) or a master such as `local[2]`. Options:
  `table` and `schema`.

`schema` is `[{"name", "type", "null_words"}]` as a dataset stores it; it is what files are read by,
and says of a database what kind a column is of. It may be empty for `inspect` alone.

A batch is `{"by": "month" | "day", "column", "value": "2019-03" | "2019-03-14"}` or `{"by":
"value", "column", "value": text, number, true, false or null}`; without one, all rows are meant.

What others call:

- `running.run_suite(source, suite, …) -> list[CheckResult]`, in the order of the suite, the guard
  last; each says by `engine` what carried it (duckdb, postgresql, sqlite, mysql, spark,
  pandas).
- `sources.inspect(source) -> Inspected` for a new dataset, `sources.measure(source)` for a further
  version: columns with types, and the number of rows.
- `sources.seen_batches(source, by=, column=) -> list[BatchSeen]`: those there are, oldest first.
- `sources.newest(source, column) -> datetime | None`: how fresh the data is, cheaply.
- `sources.table(source, columns=, batch=, rows=) -> Table`: rows in memory.
- `sources.counted(source)`: a context that gives `Figures`, for profiles and references.
- `sql.try_out(url, options) -> str` (the server's name and version), `sql.browse(url, options) ->
  list[TableSeen]`.
- `choosing.engine_for(expectation, schema, kind) -> Choice`, before any run, for the editor.

All of them raise DomainError with a code, and a message that says what to do and holds neither
values of the data nor passwords: what `reading` says of files, and of databases `cannot_connect`,
`wrong_password`, `no_driver`, `no_such_table`, `not_one_select`, `writes`, `timed_out`,
`connection_lost`, `out_of_memory`. A check that can't be computed is a result of its own, errored,
with `error_code`, and ends no run. `progress(done, total)` is told between chunks of checks;
whatever it raises ends the run. `cancelled()` is asked at the same moments, in the same thread;
once true, `Stopped` is raised. Limits of time and memory (`limits`) also end a statement that is
under way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from django.conf import settings

from dataquality.engine import batches, reading
from dataquality.engine.figures import Figures
from dataquality.engine.limits import Limits, watched
from dataquality.engine.reading import Inspected
from dataquality.engine.rows import Data, FrameData, Rows
from mlscrum.lib.errors import DomainError

FILE_KINDS = frozenset({"upload", "path", "url", "s3"})
KINDS = FILE_KINDS | {"sql", "spark"}


class Stopped(Exception):  # noqa: N818  asked for, so no error
    """The run was cancelled between two checks."""


@dataclass(frozen=True)
class Source:
    """Data that can be checked; see above. Its text never holds the address of a database."""

    kind: str
    location: str = field(repr=False)
    schema: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no source of kind {self.kind}.")

    @property
    def is_file(self) -> bool:
        return self.kind in FILE_KINDS

    @property
    def format(self) -> str:
        return str(self.options.get("format", ""))

    @property
    def paths(self) -> list[Path]:
        return [Path(self.location), *map(Path, self.options.get("files", ()))]


@dataclass(frozen=True)
class BatchSeen:
    """A batch that a source holds: its value as `batch` takes it, and its rows."""

    value: Any
    rows: int


@dataclass(frozen=True)
class TableSeen:
    """A table or view of a database."""

    schema: str
    name: str
    kind: str  # table | view


@contextmanager
def opened(source: Source, limits: Limits) -> Iterator[Data]:
    """The source, open for one run."""
    with ExitStack() as stack:
        yield _within(stack, source, limits)


def inspect(source: Source) -> Inspected:
    """The columns of a new dataset with the types that all their values have, and its rows."""
    return _looked_at(source, ())


def measure(source: Source) -> Inspected:
    """The columns of a further version: those of the schema as it says, others as they look.

    Whether the values fit is found by the next run, which says so in a finding.
    """
    return _looked_at(source, source.schema)


def require_fit(source: Source) -> None:
    """Raise DomainError where the data can't be read by its schema."""
    with opened(source, Limits()):
        pass


def table(
    source: Source,
    columns: Sequence[str] | None = None,
    *,
    batch: Mapping[str, Any] | None = None,
    rows: int | None = None,
) -> reading.Table:
    """Rows in memory, of these columns, or of all; the first ones, where a number is given.

    Without a number, raises DomainError `needs_pandas` for more rows than memory may take.
    """
    with opened(source, Limits()) as data:
        held = data.rows(batches.condition_of(batch))
        if held.refusal:
            raise held.refusal
        wanted = list(held.names if columns is None else columns)
        return held.table(wanted, rows)


@contextmanager
def counted(source: Source) -> Iterator[Figures]:
    """What can be counted of all rows, where they are and within the limits of a run; see
    `figures`."""
    with watched(), opened(source, Limits()) as data:
        yield data.rows(None).figures


def seen_batches(source: Source, *, by: str, column: str) -> list[BatchSeen]:
    """The batches that the source holds by month, day or value of a column, oldest first."""
    if by not in batches.BY:
        raise DomainError("bad_batch", f"Choose one of {', '.join(batches.BY)}.")
    with opened(source, Limits()) as data:
        held = data.rows(None)
        _require_column(held, column, times=by != "value")
        found = held.batches(column, by)
    return [BatchSeen(value, rows) for value, rows in sorted(found, key=lambda one: _order(one[0]))]


def _order(value: Any) -> tuple[int, float, str]:
    """Nulls, then numbers by their size, also where they are written as text, then words."""
    if value is None:
        return 0, 0.0, ""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    return (2, 0.0, str(value)) if math.isnan(number) else (1, number, str(value))


def newest(source: Source, column: str) -> datetime | None:
    """The latest time of a column, in UTC without saying so: how fresh the data is."""
    with opened(source, Limits()) as data:
        held = data.rows(None)
        _require_column(held, column, times=True)
        found: datetime | None = held.newest(column)
        return found


def _require_column(rows: Rows, column: str, *, times: bool) -> None:
    if column not in rows.names:
        raise DomainError("missing_column", f"There is no column {column}.")
    if times and rows.kind_of(column) not in {"date", "datetime"}:
        raise DomainError("not_a_time", f"The column {column} holds no dates or times.")


def _within(stack: ExitStack, source: Source, limits: Limits) -> Data:
    if source.kind == "sql":
        from dataquality.engine import sql  # noqa: PLC0415  web processes do without

        return stack.enter_context(
            sql.opened(
                source.location, source.options, source.schema, pandas_rows=limits.pandas_rows
            )
        )
    if source.kind == "spark":
        from dataquality.engine import spark  # noqa: PLC0415  web processes do without

        return stack.enter_context(
            spark.opened(
                source.location, source.options, source.schema, pandas_rows=limits.pandas_rows
            )
        )
    if _is_for_duck(source):
        from dataquality.engine import duck, files  # noqa: PLC0415  web processes do without

        try:
            return stack.enter_context(
                duck.opened(
                    source.paths,
                    source.format,
                    source.schema,
                    memory_mb=limits.memory_mb,
                    pandas_rows=limits.pandas_rows,
                )
            )
        except files.NotForDuckError:
            pass
    tables = [reading.read(path, source.format, source.schema) for path in source.paths]
    whole = pd.concat([table.frame for table in tables], ignore_index=True)
    return FrameData(reading.Table(whole if len(tables) > 1 else tables[0].frame, tables[0].schema))


def _looked_at(source: Source, schema: Sequence[Mapping[str, Any]]) -> Inspected:
    if source.kind == "sql":
        from dataquality.engine import sql  # noqa: PLC0415  web processes do without

        return sql.inspect(source.location, source.options, schema)
    if source.kind == "spark":
        from dataquality.engine import spark  # noqa: PLC0415  web processes do without

        return spark.inspect(source.location, source.options, schema)
    if _is_for_duck(source):
        from dataquality.engine import duck, files  # noqa: PLC0415  web processes do without

        try:
            return duck.inspect(source.paths, source.format, schema)
        except files.NotForDuckError:
            pass
    seen = [reading.measure(path, source.format, schema) for path in source.paths]
    return Inspected(seen[0].columns, sum(one.rows for one in seen))


def _is_for_duck(source: Source) -> bool:
    return settings.FILE_ENGINE == "duckdb" and source.format in {"csv", "parquet"}
