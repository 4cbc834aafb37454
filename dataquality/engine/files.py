"""Files within DuckDB: Parquet in place, CSV loaded once, both by the schema of the dataset.

What a file's values become, and what does not fit, is what `reading` says; a test holds this
against it. Where the two might part, `NotForDuckError` leaves the file to `reading`.
"""

from __future__ import annotations

import mmap
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from dataquality.engine import casts, reading
from dataquality.engine.casts import literal, quoted
from dataquality.engine.limits import interruptible
from dataquality.engine.reading import Column
from mlscrum.lib.errors import DomainError

FORMATS = frozenset({"csv", "parquet"})
LONGEST_LINE = 10_000_000
LOOK_LENGTH = 100  # signs of a value that the first look takes; all rows are asked for whole ones
LOOKED_AT = 1000  # rows that tell which types a column may have, before all are asked
NO_TEXT = "\x01"
# Quotes beside blanks: DuckDB drops these blanks, and Python's reader keeps them.
LONE_RETURN = re.compile(rb"\r(?!\n)")
BLANK_AND_QUOTE = re.compile(rb'(?:^|[,;\t|\r\n])[ ]+"|"[ ]+(?:[,;\t|\r\n]|$)')


class NotForDuckError(Exception):
    """A file that DuckDB might read in another way than `reading` does."""


@contextmanager
def database(
    paths: Sequence[Path], *, memory_mb: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that can read these files, write only into a folder of its own for
    what memory does not hold, and never change that again."""
    home = Path(settings.FILE_UPLOAD_TEMP_DIR)
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="rows-", dir=home) as spill:
        connection = duckdb.connect(":memory:")
        try:
            wanted: dict[str, bool | int | str | list[str]] = {
                "memory_limit": f"{memory_mb or settings.DUCKDB_MEMORY_MB}MB",
                "threads": settings.DUCKDB_THREADS,
                "temp_directory": spill,
                "TimeZone": "UTC",
                "python_enable_replacements": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allowed_paths": [str(path) for path in paths],
                "enable_external_access": False,
                "lock_configuration": True,
            }
            for name, value in wanted.items():
                connection.execute(f"SET {name} = {literal(value)}")
            with interruptible(connection.interrupt):
                yield connection
        except duckdb.OutOfMemoryException:
            raise out_of_memory() from None
        finally:
            connection.close()


def out_of_memory() -> DomainError:
    return DomainError(
        "out_of_memory",
        "The checks need more memory than they may take; check a batch, or raise DUCKDB_MEMORY_MB.",
    )


@dataclass(frozen=True)
class Raw:
    """A column as the file holds it; `place` is what it is called in SQL."""

    name: str
    type: str
    place: str


class File(ABC):
    """A file of one format within a database; `source` is what stands behind FROM."""

    source: str
    raws: Sequence[Raw]

    def __init__(self, connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
        self.connection, self.paths = connection, paths

    @staticmethod
    def of(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], file_format: str) -> File:
        """Raises DomainError for a file without rows or columns, and NotForDuckError."""
        for path in paths:
            reading.refuse_empty(path)
        return _Csv(connection, paths) if file_format == "csv" else _Parquet(connection, paths)

    def columns(self, schema: Sequence[Mapping[str, Any]]) -> list[Column]:
        """The columns in their order: those of the schema as it says, others as they look."""
        known = reading.columns_of(schema)
        looks = self.types([raw for raw in self.raws if raw.name not in known])
        return [known.get(raw.name) or Column(raw.name, looks[raw.name]) for raw in self.raws]

    def types(self, raws: Sequence[Raw]) -> dict[str, str]:
        """The type that all values of each column have, as `reading` finds it."""
        if not raws:
            return {}
        try:
            self._check_header(raws)
            return _Looks(self, raws).types()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            self.refuse_unreadable()

    @abstractmethod
    def load(self, columns: Sequence[Column]) -> None:
        """Make `data`, of these columns, and where rows are numbered `numbered`, with the number.

        Raises DomainError for values that do not fit.
        """

    @abstractmethod
    def require_whole(self) -> int:
        """How many rows there are, once all have been read."""

    @abstractmethod
    def refuse_unreadable(self) -> NoReturn:
        """Say why the file can't be read, or leave it to `reading`."""

    @property
    def number(self) -> str:
        """A name for the number of a row that no column has."""
        taken = {raw.name.casefold() for raw in self.raws}
        name = "row number"
        while name in taken:
            name += "_"
        return name

    def one(self, query: str) -> tuple[Any, ...]:
        """The one row of a query."""
        row: tuple[Any, ...] | None = self.connection.execute(query).fetchone()
        return row or ()

    @abstractmethod
    def _check_header(self, raws: Sequence[Raw]) -> None:
        """Refuse a first line that is data, where a format has such a line."""

    def _refuse_misfits(self, columns: Sequence[Column]) -> None:
        """Say of the first column with values of another type how many, and where the first is."""
        for raw, column in zip(self.raws, columns, strict=True):
            _, bad = casts.read(raw.place, raw.type, column)
            if not bad:
                continue
            numbered = f"SELECT row_number() OVER () AS place, {bad} AS bad FROM {self.source}"
            count, first = self.one(f"SELECT count(*), min(place) FROM ({numbered}) WHERE bad")
            if count:
                raise reading.does_not_fit(column, count, first)


class _Csv(File):
    def __init__(self, connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
        super().__init__(connection, paths)
        delimiter, names = reading.header_of(paths[0])
        _require_plain_bytes(paths[0])
        self.raws = [Raw(name, "VARCHAR", f"c{place}") for place, name in enumerate(names)]
        fields = ", ".join(f"{raw.place}: 'VARCHAR'" for raw in self.raws)
        # No text is null here: what is missing is said by the schema.
        self.source = (
            f"read_csv({literal(str(paths[0]))}, columns = {{{fields}}}, auto_detect = false, "
            f"header = true, delim = {literal(delimiter)}, quote = '\"', escape = '\"', "
            f"nullstr = '{NO_TEXT}', strict_mode = true, max_line_size = {LONGEST_LINE}, "
            "store_rejects = true, rejects_limit = 1)"
        )

    def load(self, columns: Sequence[Column]) -> None:
        read = [
            (quoted(column.name), *casts.read(raw.place, raw.type, column))
            for raw, column in zip(self.raws, columns, strict=True)
        ]
        values = ", ".join(f"{value} AS {name}" for name, value, _ in read)
        bad = " OR ".join(misfit for *_, misfit in read if misfit) or "false"
        flag, number = quoted(f"{self.number}?"), quoted(self.number)
        self._once(f"CREATE TABLE loaded AS SELECT {values}, {bad} AS {flag} FROM {self.source}")
        if self.one(f"SELECT bool_or({flag}) FROM loaded")[0]:
            self._refuse_misfits(columns)
        self._require_no_blank_lines()
        names = ", ".join(name for name, *_ in read)
        self.connection.execute(f"CREATE VIEW data AS SELECT {names} FROM loaded")
        self.connection.execute(
            f"CREATE VIEW numbered AS SELECT rowid + 1 AS {number}, {names} FROM loaded"
        )

    def require_whole(self) -> int:
        self._once(f"CREATE TABLE counted AS SELECT count(*) FROM {self.source}")
        self._require_no_blank_lines()
        return int(self.one("FROM counted")[0])

    def _once(self, query: str) -> None:
        """Run what reads the file; a line that does not fit its header is named as `reading`
        names it."""
        try:
            self.connection.execute(query)
            is_uneven = bool(self.one("SELECT count(*) FROM reject_errors")[0])
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            is_uneven = True
        if is_uneven:
            self.refuse_unreadable()

    def refuse_unreadable(self) -> NoReturn:
        reading.require_even_lines(self.paths[0])
        raise NotForDuckError

    def _require_no_blank_lines(self) -> None:
        """In a file of one column `reading` takes a line of blanks for no line."""
        if len(self.raws) == 1:
            text = self.raws[0].place
            blank = f"{text} != '' AND {casts.stripped(text)} = ''"
            if self.one(f"SELECT bool_or({blank}) FROM {self.source}")[0]:
                raise NotForDuckError

    def _check_header(self, raws: Sequence[Raw]) -> None:
        places = ", ".join(f"{raw.place} AS {quoted(raw.name)}" for raw in raws)
        head = self.connection.execute(f"SELECT {places} FROM {self.source} LIMIT 100")
        reading.check_header(head.df())


class _Parquet(File):
    def __init__(self, connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
        super().__init__(connection, paths)
        reading.check_names(_names_of(paths))
        self._files = f"read_parquet([{', '.join(literal(str(path)) for path in paths)}]"
        self.source = f"{self._files}, union_by_name = {literal(len(paths) > 1)})"
        described = self._tried(f"DESCRIBE SELECT * FROM {self.source}").fetchall()
        self.raws = [Raw(row[0], row[1], quoted(row[0])) for row in described]

    def load(self, columns: Sequence[Column]) -> None:
        read = [
            (quoted(column.name), *casts.read(raw.place, raw.type, column))
            for raw, column in zip(self.raws, columns, strict=True)
        ]
        misfits = ", ".join(f"bool_or({bad})" for *_, bad in read if bad)
        if misfits and any(self._tried(f"SELECT {misfits} FROM {self.source}").fetchone() or ()):
            self._refuse_misfits(columns)
        values = ", ".join(f"{value} AS {name}" for name, value, _ in read)
        self.connection.execute(f"CREATE VIEW data AS SELECT {values} FROM {self.source}")
        if len(self.paths) == 1 and "file_row_number" not in {raw.name for raw in self.raws}:
            self.connection.execute(
                f"CREATE VIEW numbered AS SELECT file_row_number + 1 AS {quoted(self.number)}, "
                f"{values} FROM {self._files}, file_row_number = true)"
            )

    def require_whole(self) -> int:
        return int((self._tried(f"SELECT count(*) FROM {self.source}").fetchone() or (0,))[0])

    def _check_header(self, raws: Sequence[Raw]) -> None:
        pass  # the format itself says what is a name

    def _tried(self, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(query)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            self.refuse_unreadable()

    def refuse_unreadable(self) -> NoReturn:
        raise reading.not_parquet() from None


class _Looks:
    """What types the values of columns have."""

    def __init__(self, file: File, raws: Sequence[Raw]) -> None:
        self.file, self.raws = file, raws

    def types(self) -> dict[str, str]:
        """By two queries: the first rows tell what may be, all rows what is."""
        may_be = {raw.name: self._candidates(raw) for raw in self.raws}
        may_be |= self._by_first_rows([raw for raw in self.raws if len(may_be[raw.name]) > 1])
        kinds = self._by_all_rows(may_be)
        return {name: found[0] if found else "text" for name, found in kinds.items()}

    def _candidates(self, raw: Raw) -> list[str]:
        for kind, types in (
            ("boolean", {"BOOLEAN"}),
            ("integer", casts.WHOLE_NUMBERS),
            ("number", casts.FRACTIONS),
            ("datetime", casts.TIMESTAMPS),
        ):
            if raw.type in types:
                return [kind]
        return [] if casts.is_odd(raw.type) else list(reading.PATTERNS)

    def _by_first_rows(self, raws: Sequence[Raw]) -> dict[str, list[str]]:
        """What all of the first values of these columns look like. Asked outside of SQL, where a
        statement of all patterns for hundreds of columns takes longer to plan than to answer."""
        if not raws:
            return {}
        texts = ", ".join(
            f"left({casts.as_text(raw.place, raw.type)}, {LOOK_LENGTH}) AS {raw.place}"
            for raw in raws
        )
        query = f"SELECT {texts} FROM {self.file.source} LIMIT {LOOKED_AT}"
        rows = self.file.connection.execute(query).df()
        return {
            raw.name: reading.kinds_of_texts(rows.iloc[:, place]) for place, raw in enumerate(raws)
        }

    def _by_all_rows(self, kinds: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """The kinds that all values are of, where there is one at all."""
        asked = [(raw, kind) for raw in self.raws for kind in kinds[raw.name]]
        if not asked:
            return dict(kinds)
        values = ", ".join(f"{self._bare(raw)} AS {raw.place}" for raw in dict(asked))
        figures = ", ".join(self._is_such(raw, kind) for raw, kind in asked)
        answers = self.file.one(f"SELECT {figures} FROM (SELECT {values} FROM {self.file.source})")
        left: dict[str, list[str]] = {raw.name: [] for raw in self.raws}
        for (raw, kind), is_such in zip(asked, answers, strict=True):
            if is_such:
                left[raw.name].append(kind)
        return left

    def _bare(self, raw: Raw) -> str:
        """A value as it is where its type says all, else as a text without blanks around it."""
        is_text = len(self._candidates(raw)) > 1
        return casts.stripped(casts.as_text(raw.place, raw.type)) if is_text else raw.place

    def _is_such(self, raw: Raw, kind: str) -> str:
        value = raw.place
        if raw.type in casts.TIMESTAMPS:
            _, bad = casts.read(value, raw.type, Column(raw.name, kind))
            return f"NOT coalesce(bool_or({bad}), false)"
        if len(self._candidates(raw)) == 1:
            return "count(*) >= 0"  # true, and a figure: one row comes of a file without rows too
        if kind == "boolean":  # yes and 1 are truths where somebody says so, else words and numbers
            is_such = f"lower({value}) IN ('true', 'false')"
        else:
            is_such = f"{casts.fits(value, kind)} AND {casts.value_of(value, kind)} IS NOT NULL"
        if kind == "number":
            is_such += f" AND NOT regexp_full_match({value}, {literal(reading.LONG.pattern)})"
        return f"bool_and({is_such}) FILTER ({value} != '') IS true"


def _names_of(paths: Sequence[Path]) -> list[str]:
    names: dict[str, None] = {}
    for path in paths:
        try:
            found = list(pq.read_schema(path).names)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
            raise reading.not_parquet() from None
        reading.check_names(found)
        names.update(dict.fromkeys(found))
    return list(names)


def _require_plain_bytes(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"\0") >= 0 or content.find(NO_TEXT.encode()) >= 0:
            raise NotForDuckError
        if content.find(b"\r") >= 0 and LONE_RETURN.search(content):
            raise NotForDuckError
        is_beside = content.find(b' "') >= 0 or content.find(b'" ') >= 0
        if is_beside and BLANK_AND_QUOTE.search(content):
            raise NotForDuckError
