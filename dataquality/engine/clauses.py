"""Structured conditions as SQL: which rows of a table they speak of, as `conditions` says it of a
table in memory. Values are bound, never written into the text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dataquality.engine import conditions
from dataquality.engine.conditions import TRUE_OF_NOTHING
from mlscrum.lib.errors import DomainError

ORDER = frozenset({"<", ">", "<=", ">="})
NUMERIC = frozenset({"integer", "number"})
TIMES = frozenset({"date", "datetime"})
SIGNS = {"==": "=", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
Clause = sa.ColumnElement[bool]


def where(condition: Any, kinds: Mapping[str, str], dialect: str) -> Clause | None:
    """The clause for a condition on columns of these kinds; None for no condition.

    Raises DomainError for a column that is not there, and for what can't be compared.
    """
    if condition is None:
        return None
    try:
        return _Clauses(kinds, dialect).of(condition)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        raise conditions.not_judged() from None


class _Clauses:
    def __init__(self, kinds: Mapping[str, str], dialect: str) -> None:
        self.kinds, self.dialect = kinds, dialect

    def of(self, condition: Mapping[str, Any]) -> Clause:
        kind = condition["type"]
        if kind in {"and", "or"}:
            parts = [self.of(part) for part in condition["conditions"]]
            return sa.and_(*parts) if kind == "and" else sa.or_(*parts)
        name = condition["column"]["name"]
        if name not in self.kinds:
            raise DomainError("missing_column", f"There is no column {name}.")
        column: sa.ColumnElement[Any] = sa.column(name)
        if kind == "nullity":
            return column.is_(None) if condition["is_null"] else column.is_not(None)
        found = self._compared(
            column, self.kinds[name], condition["operator"], condition["parameter"]
        )
        if condition["operator"] in TRUE_OF_NOTHING:
            return sa.or_(column.is_(None), found)
        return sa.and_(column.is_not(None), found)

    def _compared(
        self, column: sa.ColumnElement[Any], kind: str, sign: str, parameter: Any
    ) -> Clause:
        if sign in {"IN", "NOT_IN"}:
            values = [value_of(kind, value) for value in parameter]
            fitting = [self._bound(kind, value) for value in values if value is not None]
            found = self._side(column, kind).in_(fitting) if fitting else sa.false()
            return sa.not_(found) if sign == "NOT_IN" else found
        value = value_of(kind, parameter)
        if value is None:
            if sign in ORDER:
                raise TypeError(sign)
            return sa.true() if sign == "!=" else sa.false()
        return self._side(column, kind).op(SIGNS[sign], is_comparison=True)(
            self._bound(kind, value)
        )

    def _side(self, column: sa.ColumnElement[Any], kind: str) -> sa.ColumnElement[Any]:
        """The column as it is compared: SQLite has no times, only texts in several forms."""
        if kind in TIMES and self.dialect == "sqlite":
            return sa.func.strftime("%Y-%m-%d %H:%M:%f", column)
        return column

    def _bound(self, kind: str, value: Any) -> Any:
        if isinstance(value, datetime):
            if self.dialect == "sqlite":
                return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}"
            return sa.bindparam(None, value, type_=sa.TIMESTAMP(), unique=True)
        return value


def value_of(kind: str, parameter: Any) -> Any:
    """The parameter as a column of this kind is compared with it; None where it never equals."""
    if kind in TIMES:
        return conditions.moment(parameter).to_pydatetime()
    if kind == "boolean":
        return bool(parameter) if parameter in (0, 1) else None
    if kind in NUMERIC:
        is_number = isinstance(parameter, int | float) and math.isfinite(parameter)
        return (int(parameter) if isinstance(parameter, bool) else parameter) if is_number else None
    return parameter if isinstance(parameter, str) else None
