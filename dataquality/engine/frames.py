"""Rows of a database as a table in memory, with the types that `reading` gives its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataquality.engine.reading import LARGEST_EXACT, Column, times_of


def frame_of_arrow(table: pa.Table, columns: Sequence[Column], number: str = "") -> pd.DataFrame:
    """The table's columns; `number` names one that holds the number of each row from 1."""
    has_number = number in table.column_names
    index = pd.Index(table.column(number).to_numpy() - 1) if has_number else None
    series = {column.name: _series(table.column(column.name), column.type) for column in columns}
    frame = pd.DataFrame(series) if series else pd.DataFrame(index=range(table.num_rows))
    return frame if index is None else frame.set_index(index)


def frame_of_rows(rows: Sequence[Any], columns: Sequence[Column]) -> pd.DataFrame:
    """Rows as a driver gives them, each with these columns in order."""
    if not columns:
        return pd.DataFrame(index=range(len(rows)))
    by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pd.DataFrame({
        column.name: _of_values(list(values), column)
        for column, values in zip(columns, by_column, strict=True)
    })  # fmt: skip


def _of_values(values: list[Any], column: Column) -> pd.Series[Any]:
    kind = column.type
    if kind in {"date", "datetime"}:
        series = pd.Series(values, dtype=object)
        return times_of(series.map(str, na_action="ignore"), column)
    if kind == "text":
        return pd.Series([None if v is None else str(v) for v in values], dtype="str")
    convert = {"boolean": bool, "integer": int, "number": float}[kind]
    plain = [None if value is None else convert(value) for value in values]
    arrow = {"boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64()}[kind]
    return _series(pa.chunked_array([pa.array(plain, arrow)]), kind)


def _series(values: pa.ChunkedArray, kind: str) -> pd.Series[Any]:
    if kind in {"date", "datetime"}:
        values = values.cast(pa.timestamp("ns"))
    elif kind == "number":
        values = values.cast(pa.float64())
    elif kind == "integer" and values.null_count:
        return _whole_beside_nothing(values)
    series: pd.Series[Any] = values.to_pandas()
    if kind == "text":
        return series.astype("str")
    if kind == "boolean" and values.null_count:
        return series.astype(object).where(series.notna(), None)
    return series


def _whole_beside_nothing(values: pa.ChunkedArray) -> pd.Series[Any]:
    """Some checks of two columns can't compute with Int64, so it is for long numbers alone."""
    largest = pc.max(pc.abs(values)).as_py()
    is_long = largest is not None and largest > LARGEST_EXACT
    series: pd.Series[Any] = values.to_pandas(integer_object_nulls=is_long)
    return series.astype("Int64" if is_long else "float64")
