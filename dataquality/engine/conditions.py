"""Row conditions as data: which rows of a table a condition speaks of.

Great Expectations would build a text of it for pandas to evaluate; here it is compared value by
value, and nothing is ever run.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlscrum.lib.errors import DomainError

COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
# What these say of a missing value is true, as in pandas.
TRUE_OF_NOTHING = frozenset({"!=", "NOT_IN"})


def rows(frame: pd.DataFrame, condition: Any) -> pd.DataFrame:
    """The rows for which the condition holds, under their old index.

    Raises DomainError for a column that the frame lacks, and for what can't be compared.
    """
    if condition is None:
        return frame
    try:
        return frame[_mask(frame, condition)]
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        raise not_judged() from None


def not_judged() -> DomainError:
    """The refusal of a condition; the text of what went wrong may hold values of the data."""
    return DomainError(
        "bad_condition",
        "Its condition can't be judged; compare the column with values of its own type.",
    )


def moment(text: Any) -> pd.Timestamp:
    """A time as date columns hold it: in UTC, without saying so."""
    found = pd.Timestamp(text)
    return found.tz_convert("UTC").tz_localize(None) if found.tz else found


def _mask(frame: pd.DataFrame, condition: Mapping[str, Any]) -> pd.Series[bool]:
    kind = condition["type"]
    if kind in {"and", "or"}:
        masks = [_mask(frame, part) for part in condition["conditions"]]
        whole = pd.concat(masks, axis=1)
        found: pd.Series[bool] = whole.all(axis=1) if kind == "and" else whole.any(axis=1)
        return found
    name = condition["column"]["name"]
    if name not in frame.columns:
        raise DomainError("missing_column", f"There is no column {name}.")
    series = frame[name]
    if kind == "nullity":
        nothing: pd.Series[bool] = series.isna()
        return nothing if condition["is_null"] else ~nothing
    return _compared(series, condition["operator"], condition["parameter"])


def _compared(series: pd.Series[Any], sign: str, parameter: Any) -> pd.Series[bool]:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        parameter = (
            [moment(value) for value in parameter]
            if isinstance(parameter, list)
            else moment(parameter)
        )
    if sign in {"IN", "NOT_IN"}:
        found = series.isin(list(parameter))
        return ~found if sign == "NOT_IN" else found
    present = series.dropna()
    compared: pd.Series[bool] = COMPARISONS[sign](present, parameter).astype(bool)
    return compared.reindex(series.index, fill_value=sign in TRUE_OF_NOTHING)
