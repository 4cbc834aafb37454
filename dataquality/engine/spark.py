"""Tables of Spark, for data that one machine does not hold: Great Expectations asks Spark itself,
through Spark Connect or a session of the worker's own.

pyspark is an extra that a worker may have; nothing else here imports it.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from dataquality.engine import choosing, clauses, conditions, suites
from dataquality.engine.answers import (
    SAMPLE_ROWS,
    Answer,
    plain,
    refused,
    shown,
    with_failing_rows,
)
from dataquality.engine.columns import Found
from dataquality.engine.conditions import TRUE_OF_NOTHING
from dataquality.engine.figures import FrameFigures
from dataquality.engine.frames import frame_of_rows
from dataquality.engine.limits import interruptible
from dataquality.engine.reading import Column, Inspected, Table, check_names, columns_of
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
    from dataquality.engine.gx import SparkValidator

SPARK = choosing.SPARK
CONNECT_PORT = 15002
CONNECT_TIMEOUT_S = 10
MOST_RETRIES = 5  # which are over after about twenty seconds
MOST_BATCHES = 10_000
WHOLE_NUMBERS = frozenset({"tinyint", "smallint", "int", "bigint"})
FRACTIONS = frozenset({"float", "double"})
TIMES = frozenset({"timestamp", "timestamp_ntz"})
# What stands in an error of Spark, and what is said of it.
TROUBLES = (
    ("TABLE_OR_VIEW_NOT_FOUND", "no_such_table"),
    ("SCHEMA_NOT_FOUND", "no_such_table"),
    ("PERMISSION", "not_allowed"),
    ("JAVA_GATEWAY_EXITED", "no_driver"),
    ("OutOfMemory", "out_of_memory"),
    ("CANCEL", "timed_out"),
    ("cancelled", "timed_out"),
    ("UNAVAILABLE", "cannot_connect"),
    ("refused", "cannot_connect"),
)
MESSAGES = {
    "no_such_table": "Spark has no such table; it was dropped or renamed, or is hidden from this "
    "session.",
    "not_allowed": "Spark does not let this session read that; grant SELECT.",
    "no_driver": "Spark does not start on the workers; it needs Java there, or SPARK_URL must name "
    "a Spark Connect server.",
    "out_of_memory": "Spark had not enough memory; check a batch, or give it more.",
    "timed_out": "Spark was stopped before it had answered; check a batch, or raise the limit.",
    "cannot_connect": "Spark can't be reached; see that it runs and that SPARK_URL is right.",
    "failed": "Spark could not answer.",
}


@contextmanager
def opened(
    location: str,
    options: Mapping[str, Any],
    schema: Sequence[Mapping[str, Any]],
    *,
    pandas_rows: int | None = None,
) -> Iterator[SparkData]:
    """The table, open for one run. Raises DomainError for what can't be reached or read, and for
    columns of another type than the schema says."""
    with _session(location) as session:
        with _explained():
            frame, columns = _table(session, options, schema)
        limit = settings.PANDAS_ROWS if pandas_rows is None else pandas_rows
        yield SparkData(session, frame, columns, limit)


def inspect(
    location: str, options: Mapping[str, Any], schema: Sequence[Mapping[str, Any]]
) -> Inspected:
    """Columns and rows of a table."""
    with _session(location) as session, _explained():
        frame, columns = _table(session, options, schema)
        return Inspected(list(columns.values()), int(frame.count()))


@contextmanager
def _session(location: str) -> Iterator[Any]:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415  an extra, and slow
    except ImportError:
        raise DomainError(
            "no_driver",
            "pyspark is not installed on the workers; tables of Spark can't be read without it.",
        ) from None
    is_remote = location.startswith("sc://")
    builder = SparkSession.builder
    with _explained():
        if is_remote:
            session = _remote(builder, location)
        else:  # one for the life of the worker: to start it takes many seconds
            quiet = builder.master(location).appName("ML Scrum").config("spark.ui.enabled", "false")
            session = quiet.getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        # Else a table `x` of a database called text or parquet would be the file x.
        session.conf.set("spark.sql.runSQLOnFiles", "false")
    try:
        with interruptible(partial(_interrupt, session)):
            yield session
    finally:
        if is_remote:
            session.stop()


def _interrupt(session: Any) -> None:
    context = getattr(session, "_sc", None)  # a remote session has none
    if context is None:
        session.interruptAll()
    else:
        context.cancelAllJobs()


def _remote(builder: Any, location: str) -> Any:
    """A session of a Spark Connect server. By itself it would try for ten minutes to reach one that
    is down."""
    from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415

    parts = urlsplit(location)
    try:
        address = (parts.hostname or "", parts.port or CONNECT_PORT)
        socket.create_connection(address, CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError):
        raise DomainError("cannot_connect", MESSAGES["cannot_connect"]) from None
    session = builder.remote(location).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=MOST_RETRIES)])
    return session


@contextmanager
def _explained() -> Iterator[None]:
    """What goes wrong within, in words of ours: no text of Spark is repeated, for it may hold
    values."""
    from py4j.protocol import Py4JError  # noqa: PLC0415  comes with pyspark
    from pyspark.errors import PySparkException  # noqa: PLC0415

    try:
        yield
    except (PySparkException, Py4JError, OSError) as error:
        text = f"{type(error).__name__} {error}"
        code = next((code for words, code in TROUBLES if words in text), "failed")
        raise DomainError(code, MESSAGES[code]) from None


def _table(
    session: Any, options: Mapping[str, Any], schema: Sequence[Mapping[str, Any]]
) -> tuple[Any, dict[str, Column]]:
    """The table with its values as they compare everywhere else, and its columns."""
    name = ".".join(_quoted(str(options[part])) for part in ("schema", "table"))
    table = session.table(name)
    kinds = dict(table.dtypes)
    check_names(list(kinds))
    known = columns_of(schema)
    columns = {name: _found(name, kind).read_by(known.get(name), SPARK) for name, kind in
               kinds.items()}  # fmt: skip
    chosen = [_expression(kinds[name], column).alias(name) for name, column in columns.items()]
    return table.select(*chosen), columns


def _found(name: str, kind: str) -> Found:
    import sqlalchemy as sa  # noqa: PLC0415

    named = {"boolean": "boolean", "date": "date"}.get(kind, "text")
    if kind in WHOLE_NUMBERS:
        named = "integer"
    elif kind in FRACTIONS or kind.startswith("decimal"):
        named = "number"
    elif kind in TIMES:
        named = "datetime"
    return Found(name, named, sa.types.NullType())


def _expression(kind: str, read: Column) -> Any:
    """Days as times, decimals as numbers, no number as nothing, whatever else there is as text."""
    from pyspark.sql import functions as F  # noqa: N812, PLC0415  as everybody calls it

    column = _column(read.name)
    if read.type == "text":
        texts = column if kind == "string" else column.cast("string")
        if not read.null_words:
            return texts
        return F.when(~F.trim(texts).isin(list(read.null_words)), texts)
    if read.type == "number":
        number = column.cast("double")
        return F.when(~F.isnan(number), number)
    if read.type == "integer":
        return column.cast("bigint")
    return column.cast("timestamp_ntz") if read.type in clauses.TIMES else column


def _column(name: str) -> Any:
    from pyspark.sql import functions as F  # noqa: N812, PLC0415

    return F.col(_quoted(name))


def _quoted(name: str) -> str:
    escaped = name.replace("`", "``")
    return f"`{escaped}`"


class SparkData(Data):
    """A table of Spark."""

    engine = SPARK

    def __init__(
        self, session: Any, frame: Any, columns: Mapping[str, Column], pandas_rows: int
    ) -> None:
        self.session, self.frame, self.columns = session, frame, columns
        self.pandas_rows = pandas_rows
        self.trouble: DomainError | None = None

    def rows(self, condition: Any) -> SparkRows:
        return SparkRows(self, condition)

    def look(self) -> None:
        """Note whether the table can still be read; Great Expectations makes what ends a run an
        error of each check."""
        try:
            with _explained():
                self.frame.limit(1).collect()
        except DomainError as error:
            self.trouble = error

    def raise_trouble(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    @property
    def kinds(self) -> dict[str, str]:
        return {name: column.type for name, column in self.columns.items()}


@dataclass(frozen=True)
class _Where:
    """Structured conditions as a column of Spark, as `clauses` has them for databases."""

    kinds: Mapping[str, str]

    def of(self, condition: Mapping[str, Any]) -> Any:
        kind = condition["type"]
        if kind in {"and", "or"}:
            first, *others = [self.of(part) for part in condition["conditions"]]
            for other in others:
                first = first & other if kind == "and" else first | other
            return first
        name = condition["column"]["name"]
        if name not in self.kinds:
            raise DomainError("missing_column", f"There is no column {name}.")
        column = _column(name)
        if kind == "nullity":
            return column.isNull() if condition["is_null"] else column.isNotNull()
        sign = condition["operator"]
        found = self._compared(column, self.kinds[name], sign, condition["parameter"])
        if sign in TRUE_OF_NOTHING:
            return column.isNull() | found
        return column.isNotNull() & found

    def _compared(self, column: Any, kind: str, sign: str, parameter: Any) -> Any:
        from pyspark.sql import functions as F  # noqa: N812, PLC0415

        if sign in {"IN", "NOT_IN"}:
            values = [clauses.value_of(kind, value) for value in parameter]
            fitting = [value for value in values if value is not None]
            found = column.isin(fitting) if fitting else F.lit(value=False)
            return ~found if sign == "NOT_IN" else found
        value = clauses.value_of(kind, parameter)
        if value is None:
            if sign in clauses.ORDER:
                raise TypeError(sign)
            return F.lit(sign == "!=")
        return conditions.COMPARISONS[sign](column, F.lit(value))


class SparkRows(Rows):
    """Rows of a table of Spark, by a condition."""

    engine = SPARK

    def __init__(self, data: SparkData, condition: Any) -> None:
        self.data, self.frame = data, data.frame
        if condition is None:
            return
        try:
            self.frame = data.frame.where(_Where(data.kinds).of(condition))
        except DomainError as error:
            self.refusal = error
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            self.refusal = conditions.not_judged()

    @property
    def names(self) -> Collection[str]:
        return self.data.columns.keys()

    def kind_of(self, column: str) -> str:
        return self.data.columns[column].type

    def is_empty(self) -> bool:
        return self._counts[""] == 0

    def holds_values(self, column: str) -> bool:
        return self._counts[column] > 0

    def carries(self, check: Check) -> bool:
        found = choosing.engine_for(check, self.data.kinds, SPARK)
        if found.engine != SPARK or not found.unless_missing:
            return found.engine == SPARK
        counts = self._counts
        return all(counts[name] == counts[""] for name in suites.columns_of(check["kwargs"]))

    def in_memory(self, checks: Sequence[Check], key_columns: Sequence[str]) -> FrameRows:
        wanted = {
            name for check in checks for name in sample_columns(check, key_columns, self.names)
        }
        held = self.table([name for name in self.names if name in wanted], None)
        return FrameRows(held, held.frame, numbered=False)

    def batches(self, column: str, by: str) -> list[tuple[Any, int]]:
        from pyspark.sql import functions as F  # noqa: N812, PLC0415

        part = _column(column)
        if by != "value":
            part = F.date_format(part, "yyyy-MM" if by == "month" else "yyyy-MM-dd")
        found = self.frame.groupBy(part.alias("part")).count()
        if by != "value":
            found = found.where(F.col("part").isNotNull())
        with _explained():
            return [(plain(row[0]), int(row[1])) for row in found.limit(MOST_BATCHES).collect()]

    def newest(self, column: str) -> Any:
        from pyspark.sql import functions as F  # noqa: N812, PLC0415

        with _explained():
            return self.frame.agg(F.max(_column(column))).collect()[0][0]

    @cached_property
    def figures(self) -> FrameFigures:
        held = self.table(list(self.names), None)
        return FrameFigures(held.frame, self.data.kinds)

    def table(self, columns: Sequence[str], rows: int | None) -> Table:
        count = self._counts[""]
        if rows is None and count > self.data.pandas_rows:
            raise choosing.too_many_rows(count, self.data.pandas_rows)
        wanted = self.frame.select(*map(_column, columns))
        schema = {name: self.data.columns[name] for name in columns}
        with _explained():
            found = (wanted if rows is None else wanted.limit(rows)).collect()
        return Table(frame_of_rows(found, list(schema.values())), schema)

    def ask(self, checks: Sequence[Check], key_columns: Sequence[str]) -> list[Answer]:
        ready, answers = self._ready(checks)
        said = self._validator.validate([check for _, check in ready])
        answers |= {position: one for (position, _), one in zip(ready, said, strict=True)}
        found = [Answer(answers[position]) for position in range(len(checks))]
        if any(answer.raised for answer in found):
            self.data.look()
        return self._with_samples(checks, found, key_columns)

    def _with_samples(
        self, checks: Sequence[Check], found: Sequence[Answer], key_columns: Sequence[str]
    ) -> list[Answer]:
        """Failing rows are fetched where a check of rows has failed, and nowhere else."""
        failed = with_failing_rows(found)
        if not failed:
            return list(found)
        keys = [name for name in key_columns if name in self.names]
        ready = self._ready([checks[position] for position in failed])[0]
        told = self._validator.samples([one for _, one in ready], keys)
        answers = list(found)
        for position, said in zip(failed, told, strict=True):
            columns = sample_columns(checks[position], key_columns, self.names)
            places = Answer(said).figures.get("partial_unexpected_index_list") or []
            sample = [
                {name: shown(place.get(name)) for name in columns} for place in places[:SAMPLE_ROWS]
            ]
            answers[position] = Answer(found[position].said, sample)
        return answers

    def _ready(
        self, checks: Sequence[Check]
    ) -> tuple[list[tuple[int, dict[str, Any]]], dict[int, dict[str, Any]]]:
        """The checks as Spark can answer them, and answers to those that it can't."""
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
        column = self.data.columns.get(str(kwargs.get("column")))
        if column is not None and column.type in clauses.TIMES:
            for name in ("min_value", "max_value"):
                if isinstance(kwargs.get(name), str):
                    kwargs[name] = conditions.moment(kwargs[name]).isoformat()
            if isinstance(kwargs.get("value_set"), list):
                kwargs["value_set"] = [
                    conditions.moment(value).to_pydatetime() for value in kwargs["value_set"]
                ]
        return kwargs

    @cached_property
    def _counts(self) -> dict[str, int]:
        """How many values each column has, by one scan, and under "" how many rows there are."""
        from pyspark.sql import functions as F  # noqa: N812, PLC0415

        names = ["", *self.names]
        figures = [F.count(F.lit(1) if not name else _column(name)) for name in names]
        with _explained():
            row = self.frame.agg(*figures).collect()[0]
        return {name: int(figure) for name, figure in zip(names, row, strict=True)}

    @cached_property
    def _validator(self) -> SparkValidator:
        from dataquality.engine import gx  # noqa: PLC0415  seconds, and workers alone have them

        return gx.SparkValidator(self.data.session, self.frame)
