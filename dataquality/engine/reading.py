"""Files as tables: read by a schema, refused with one clear sentence where they can't be.

Text stays text: a column is a number only where the schema says so, for the cleaned file of a
column that once held `?` would else turn into numbers and fail every check on text.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlscrum.lib.errors import DomainError

DELIMITERS = ",;\t|"
MAX_COLUMNS = 2000
# A table is read into memory whole, and a small file can hold a large one: repeated values are
# written once in Parquet, and JSON lines can each bring a new column.
MAX_CELLS = 50_000_000
MAX_BYTES = 1024**3
BATCH_ROWS = 65_536
LONGEST_NAME = 250
WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
# No leading zeros: 007 is a code, not a number.
DECIMAL = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")
# Beyond this a float no longer holds each whole number.
LARGEST_EXACT = 2**53
LONG = re.compile(r"[+-]?\d{16,}")
# What no column is called: a number or a date. Then the first line is data.
NO_NAME = re.compile(rf"[+-]?\d+([.,]\d+)?|{DECIMAL.pattern}|{DATE.pattern}|{DATETIME.pattern}")
DIGIT = re.compile(r"\d")
EARLIEST, LATEST = pd.Timestamp.min, pd.Timestamp.max  # what nanoseconds can hold
TRUE, FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
PATTERNS = {
    "boolean": re.compile(r"true|false", re.IGNORECASE),
    "integer": WHOLE,
    "number": DECIMAL,
    "date": DATE,
    "datetime": DATETIME,
}
NOUNS = {
    "text": "texts",
    "boolean": "true or false",
    "integer": "whole numbers",
    "number": "numbers",
    "date": "dates such as 2024-01-31",
    "datetime": "times such as 2024-01-31T12:00",
}
TYPES = tuple(NOUNS)


@dataclass(frozen=True)
class Column:
    """A column as the schema of a dataset keeps it; `null_words` are read as missing."""

    name: str
    type: str = "text"
    null_words: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "null_words": list(self.null_words)}


@dataclass(frozen=True)
class Inspected:
    """What a file holds: its columns in order, and how many rows."""

    columns: list[Column]
    rows: int


@dataclass(frozen=True)
class Table:
    """A version in memory, its columns of the types of the schema, indexed from 0."""

    frame: pd.DataFrame
    schema: Mapping[str, Column] = field(default_factory=dict)


def inspect(path: Path, file_format: str) -> Inspected:
    """The columns of a new file with the types that all their values have.

    Raises DomainError for a file that can't be read: empty, no_header, ragged, wrong encoding,
    not what its name promises, duplicate or unnamed columns.
    """
    frame = _raw(path, file_format)
    if file_format == "csv":
        check_header(frame)
    columns = [Column(str(name), _type_of(frame[name])) for name in frame.columns]
    return Inspected(columns, len(frame))


def measure(path: Path, file_format: str, schema: Sequence[Mapping[str, Any]]) -> Inspected:
    """The columns of a further file: those of the schema as it says, others as they look.

    Whether the values fit is found by the next run, which says so in a finding.
    """
    frame = _raw(path, file_format)
    known = columns_of(schema)
    if file_format == "csv":
        check_header(frame.drop(columns=list(known), errors="ignore"))
    columns = [
        known.get(str(name)) or Column(str(name), _type_of(frame[name])) for name in frame.columns
    ]
    return Inspected(columns, len(frame))


def read(path: Path, file_format: str, schema: Sequence[Mapping[str, Any]]) -> Table:
    """The file as a table, each column as the schema says; columns it doesn't know stay as they
    are. Raises DomainError `does_not_fit` naming column, count and first row, never the value.
    """
    frame = _raw(path, file_format)
    known = columns_of(schema)
    cast = {
        name: _cast(frame[name], known.get(str(name)) or Column(str(name), _type_of(frame[name])))
        for name in frame.columns
    }
    table = pd.DataFrame(cast, index=frame.index) if cast else frame
    return Table(table, known)


def columns_of(schema: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """The stored schema by column name."""
    return {
        column["name"]: Column(column["name"], column["type"], tuple(column.get("null_words", ())))
        for column in schema
    }


def _raw(path: Path, file_format: str) -> pd.DataFrame:
    """The file with texts as they stand in it; typed columns only where the format has types."""
    refuse_empty(path)
    readers = {"csv": _read_csv, "parquet": _read_parquet, "jsonl": _read_json_lines}
    frame = readers[file_format](path)
    check_names([str(name) for name in frame.columns])
    frame.columns = pd.Index([str(name) for name in frame.columns])
    return frame


def refuse_empty(path: Path) -> None:
    """Raise DomainError for a file without a single byte."""
    if path.stat().st_size == 0:
        raise DomainError("empty_file", "The file is empty; upload one with a header and rows.")


def check_names(names: Sequence[str]) -> None:
    """Refuse column names that can't be told apart, shown or stored."""
    if len(names) > MAX_COLUMNS:
        raise DomainError(
            "too_many_columns", f"The file has {len(names):,} columns; {MAX_COLUMNS:,} is the most."
        )
    if any(not name.strip() for name in names):
        position = next(i for i, name in enumerate(names, start=1) if not name.strip())
        raise DomainError(
            "no_header", f"Column {position} has no name; the first line must name each column."
        )
    if long := next((name for name in names if len(name) > LONGEST_NAME), None):
        raise DomainError("long_name", f"The column name {long[:40]}… is too long.")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for name in names for letter in name):
        raise DomainError(
            "bad_name", "A column's name holds a character that can't be shown; rename the column."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DomainError(
            "duplicate_columns",
            f"The column {twice[0]} stands in the header twice; give each column its own name.",
        )
    firsts: dict[str, str] = {}
    for name in names:
        # Great Expectations and DuckDB take them for one, and answer for the first.
        if (first := firsts.setdefault(name.casefold(), name)) != name:
            raise DomainError(
                "duplicate_columns",
                f"The columns {first} and {name} differ in upper and lower case alone; give each "
                "column its own name.",
            )


def check_header(frame: pd.DataFrame) -> None:
    """Refuse a first line that is data: a number or date as a name, or a name such as P001 over
    values that differ from it in their digits alone."""
    for position, name in enumerate(frame.columns, start=1):
        if NO_NAME.fullmatch(name.strip()) or _is_one_of_its_values(
            name, frame.iloc[:, position - 1]
        ):
            raise DomainError(
                "no_header",
                f"The first line looks like data, not like a header (field {position}); put a line "
                "above it that names each column, each name with a letter first.",
            )


def _is_one_of_its_values(name: str, series: pd.Series[Any]) -> bool:
    shape = DIGIT.sub("9", name)
    shapes = series.head(100).astype("str").str.replace(DIGIT, "9", regex=True)
    return bool(DIGIT.search(name)) and not shapes.empty and bool((shapes == shape).all())


def _read_csv(path: Path) -> pd.DataFrame:
    delimiter, names = _measured_csv(path, in_memory=True)
    try:
        frame = pd.read_csv(
            path,
            sep=delimiter,
            header=0,
            names=range(len(names)),
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            encoding="utf-8-sig",
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DomainError("not_csv", "The file can't be read as CSV; check its quotes.") from error
    frame.columns = pd.Index(names)
    return frame


def header_of(path: Path) -> tuple[str, list[str]]:
    """Delimiter and column names of a CSV file."""
    with _csv_errors(), path.open(encoding="utf-8-sig", newline="") as file:
        delimiter, names, _ = _begun(file)
        return delimiter, names


def require_even_lines(path: Path) -> None:
    """Refuse a CSV file with a line that has not as many fields as the header.

    The parser of pandas fills short lines with nothing and says nothing, so this counts itself.
    """
    _measured_csv(path, in_memory=False)


def _measured_csv(path: Path, *, in_memory: bool) -> tuple[str, list[str]]:
    """Delimiter and header, once the fields of every line have been counted."""
    with _csv_errors(), path.open(encoding="utf-8-sig", newline="") as file:
        delimiter, names, reader = _begun(file)
        for count, row in enumerate(reader, start=1):
            if in_memory:
                _refuse_large(count, len(names))
            if row and len(row) != len(names):
                raise DomainError(
                    "ragged",
                    f"Line {reader.line_num} has {len(row)} field{'s' if len(row) > 1 else ''} "
                    f"and the header has {len(names)}; mend that line.",
                )
    return delimiter, names


def _begun(file: TextIO) -> tuple[str, list[str], Any]:
    """Delimiter, header, and the reader of what follows."""
    first = file.readline()
    delimiter = max(DELIMITERS, key=first.count)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    names = next(reader, [])
    if not any(name.strip() for name in names):
        raise DomainError("no_header", "The first line is empty; it must name the columns.")
    check_names(names)
    return delimiter, names, reader


@contextmanager
def _csv_errors() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise DomainError(
            "encoding", "The file is not UTF-8; save it as UTF-8 and upload it again."
        ) from None
    except csv.Error as error:
        raise DomainError("not_csv", f"The file can't be read as CSV: {error}.") from error


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        schema = pq.read_schema(path)
        check_names(list(schema.names))
        frame: pd.DataFrame = _parquet_table(path, schema).to_pandas(
            ignore_metadata=True,
            integer_object_nulls=True,  # as floats, long ones would be rounded
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        raise not_parquet() from None
    return frame


def not_parquet() -> DomainError:
    return DomainError("not_parquet", "The file is no Parquet file, or it is broken.")


def _parquet_table(path: Path, schema: pa.Schema) -> pa.Table:
    """The file piece by piece, measured before repeated texts are written out."""
    texts = [field.name for field in schema if _is_text(field.type)]
    batches, size = [], 0
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        _refuse_large(file.metadata.num_rows, len(schema))
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            size += sum(map(_bytes_of, batch.columns))
            if size > MAX_BYTES:
                raise _too_large(f"more than {MAX_BYTES // 1024**2:,} MB of values")
            batches.append(batch)
        table = pa.Table.from_batches(batches, schema=batches[0].schema if batches else schema)
    for place, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
            plain = table.column(place).cast(column.type.value_type)
            table = table.set_column(place, column.name, plain)
    return table


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _bytes_of(column: pa.Array) -> int:
    """What a column takes once its repeated texts are written out."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not _is_text(column.type.value_type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(pc.sum(lengths).as_py() or 0) + 4 * len(column)


def _refuse_large(rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise _too_large(f"{rows:,} rows of {columns:,} columns")


def _too_large(what: str) -> DomainError:
    return DomainError(
        "too_large",
        f"The file holds {what}; a table has up to {MAX_CELLS:,} cells. Check a part of it.",
        status=413,
    )


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                row = json.loads(line, parse_constant=lambda _: None)
                if not isinstance(row, dict):
                    raise DomainError(
                        "not_jsonl", f"Line {number} is no JSON object; each line must be one."
                    )
                if "\\ud" in line.lower():
                    json.dumps(row, ensure_ascii=False).encode()  # half a character is no text
                names.update(dict.fromkeys(row))
                if len(names) > MAX_COLUMNS:
                    check_names(list(names))
                _refuse_large(len(rows) + 1, len(names))
                rows.append(
                    {
                        name: json.dumps(v) if isinstance(v, list | dict) else v
                        for name, v in row.items()
                    }
                )
    except UnicodeEncodeError:
        raise DomainError(
            "not_jsonl", f"Line {number} holds a character that is no text; mend that line."
        ) from None
    except UnicodeDecodeError:
        raise DomainError(
            "encoding", "The file is not UTF-8; save it as UTF-8 and upload it again."
        ) from None
    except json.JSONDecodeError as error:
        raise DomainError(
            "not_jsonl", f"Line {number} is no JSON: {error.msg} at character {error.colno}."
        ) from None
    except (RecursionError, ValueError):
        raise DomainError(
            "not_jsonl",
            f"Line {number} is nested too deeply, or holds a number of too many digits.",
        ) from None
    if not rows:
        raise DomainError("empty_file", "The file holds no line with data.")
    return pd.DataFrame(rows, dtype=object)


def _type_of(series: pd.Series[Any]) -> str:
    """The type that all present values have, `text` where they differ."""
    if pd.api.types.is_bool_dtype(series.dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(series.dtype):
        return "integer"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "datetime" if _is_in_reach(series) else "text"
    texts = _texts(series, ()).dropna()
    return type_of_texts(texts)


def type_of_texts(texts: pd.Series[Any]) -> str:
    """The type that all of these texts can be read as."""
    if texts.empty:
        return "text"
    sample = texts.head(1000)
    for kind, pattern in PATTERNS.items():
        if sample.str.fullmatch(pattern).all() and texts.str.fullmatch(pattern).all():
            return kind if _can_be_held(texts, kind) else "text"
    return "text"


def kinds_of_texts(column: pd.Series[Any]) -> list[str]:
    """The types that all of these texts look like, blank ones left aside: all where there is no
    other."""
    texts = _texts(column, ()).dropna()
    return [kind for kind, pattern in PATTERNS.items() if texts.str.fullmatch(pattern).all()]


def _can_be_held(texts: pd.Series[Any], kind: str) -> bool:
    """Whether texts that look like this type keep what they say: all days exist, within reach of
    nanoseconds, and no number is so long that a float would round it."""
    if kind in {"date", "datetime"}:
        return bool(_times(texts).notna().all())
    return kind != "number" or not texts.str.fullmatch(LONG).any()


def _times(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Texts as times in UTC; those that are none, or out of reach, as missing."""
    times = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    return times.where(times.between(EARLIEST, LATEST)).astype("datetime64[ns]")


def times_of(texts: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """Texts as the times of a column; raises DomainError `does_not_fit`."""
    times = _times(texts)
    if (bad := texts.notna() & times.isna()).any():
        raise _does_not_fit(column, bad)
    return times


def _is_in_reach(series: pd.Series[Any]) -> bool:
    present = series.dropna()
    if series.dt.tz:
        present = present.dt.tz_convert("UTC").dt.tz_localize(None)
    return bool(present.between(EARLIEST, LATEST).all())


def _texts(series: pd.Series[Any], null_words: Iterable[str]) -> pd.Series[Any]:
    """Values as texts; nothing, and the column's null words, are missing."""
    if series.dtype == object:
        series = series.map(_as_text, na_action="ignore")
    texts = series.astype("str").str.strip()
    return texts.mask(series.isna() | texts.isin(["", *null_words]))


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict | np.ndarray):
        return json.dumps(value, default=_inner, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _inner(value: Any) -> Any:
    """What stands within a nested value and is no JSON."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _cast(series: pd.Series[Any], column: Column) -> pd.Series[Any]:
    kind = column.type
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if not _is_textual(series):
        if kind != "text" and kind == _type_of(series) and not column.null_words:
            return _cast_typed(series, kind)
        series = series.map(_as_text, na_action="ignore")
    if kind == "text":
        texts = _texts(series, column.null_words)
        if series.dtype == object:
            series = series.map(_as_text, na_action="ignore")
        kept = series.astype("str")
        return kept.mask(texts.isna())  # blanks around a text are part of it
    texts = _texts(series, column.null_words)
    bad = texts.notna() & ~texts.str.fullmatch(PATTERNS[kind]).fillna(value=False).astype(bool)
    if kind == "number" and bad.any():
        bad &= ~texts.str.fullmatch(WHOLE).fillna(value=False).astype(bool)
    if kind == "boolean":
        bad = texts.notna() & ~texts.str.lower().isin(TRUE | FALSE)
    if kind in {"date", "datetime"}:
        return times_of(texts.mask(bad, "none"), column)
    if bad.any():
        raise _does_not_fit(column, bad)
    return _as_type(texts, column)


def _is_textual(series: pd.Series[Any]) -> bool:
    return series.dtype == object or isinstance(series.dtype, pd.StringDtype)


def _cast_typed(series: pd.Series[Any], kind: str) -> pd.Series[Any]:
    if kind == "datetime":
        # On datetime64[us] the bounds check of Great Expectations goes row by row.
        return series.astype("datetime64[ns]")
    return series.astype("float64") if kind == "number" else series


def _as_type(texts: pd.Series[Any], column: Column) -> pd.Series[Any]:
    if column.type == "boolean":
        truths = texts.str.lower().isin(TRUE).astype(object).mask(texts.isna(), None)
        return truths if texts.isna().any() else truths.astype(bool)
    if column.type == "integer":
        whole = texts.dropna().astype("int64")
        if len(whole) == len(texts):
            return whole
        # Some checks of two columns can't compute with Int64, so it is for long numbers alone.
        is_long = not whole.empty and whole.abs().max() > LARGEST_EXACT
        return whole.astype("Int64" if is_long else "float64").reindex(texts.index)
    return pd.to_numeric(texts).astype("float64")


def _does_not_fit(column: Column, bad: pd.Series[Any]) -> DomainError:
    return does_not_fit(column, int(bad.sum()), int(bad.to_numpy().argmax()) + 1)


def does_not_fit(column: Column, count: int, first: int) -> DomainError:
    """The refusal of a file whose values are of another type than the schema says."""
    return DomainError(
        "does_not_fit",
        f"{count:,} values of {column.name} are no {NOUNS[column.type]}, the first in "
        f"row {first:,}; mend the file, or read the column as text.",
    )
