"""Rows as lines of text, and lines as rows again: the same text on either database."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, models

from mlscrum.lib.errors import DomainError

OURS = frozenset({"backlog", "sprints", "dataquality"})
READ_AT_ONCE = 2000
WRITTEN_AT_ONCE = 500
NUL = "\x00"
# What a value of another kind than its column's raises.
UNFIT = (ValidationError, ValueError, TypeError, ArithmeticError, AttributeError, LookupError)

Row = dict[str, Any]
Rewrite = Callable[[Row], Row | None]


def models_of(registry: Apps) -> list[type[models.Model]]:
    """The tables of the product, those between many and many included, in an order of their own."""
    found = [
        model
        for model in registry.get_models(include_auto_created=True)
        if model._meta.app_label in OURS and model._meta.managed and not model._meta.proxy
    ]
    return sorted(found, key=lambda model: model._meta.label_lower)


def columns_of(model: type[models.Model]) -> list[str]:
    """What a line of this model holds, in this order."""
    return [field.attname for field in model._meta.local_concrete_fields]


def lines_of(rows: models.QuerySet[Any], rewrite: Rewrite | None = None) -> Iterator[str]:
    """The rows in the order of their keys, each a JSON list; those that `rewrite` gives None for
    are left out. Read in parts, so that any number takes the same memory."""
    names = columns_of(rows.model)
    for values in rows.order_by("pk").values_list(*names).iterator(chunk_size=READ_AT_ONCE):
        row: Row | None = dict(zip(names, values, strict=True))
        if rewrite is not None and row is not None:
            row = rewrite(row)
        if row is not None:
            yield as_line([row[name] for name in names])


def as_line(values: Sequence[Any]) -> str:
    # PostgreSQL has an order of its own for the keys of an object, so they are sorted.
    return json.dumps(values, default=_as_text, sort_keys=True, separators=(",", ":"))


def write_lines(
    model: type[models.Model],
    columns: Sequence[str],
    lines: Iterable[Any],
    rewrite: Rewrite | None = None,
    *,
    from_elsewhere: bool = False,
) -> int:
    """Insert the rows as they are, keys and times included; how many.

    Called within a transaction whose end checks what refers to what. Raises DomainError for lines
    that are no rows of this model; of rows `from_elsewhere` choices and lengths are looked at as
    well, which not every database does.
    """
    fields = _fields(model, columns)
    statement = _insertion(model, fields)
    rows = _rows(model, fields, columns, lines, rewrite, is_checked=from_elsewhere)
    size = min(WRITTEN_AT_ONCE, connection.ops.bulk_batch_size(fields, [None] * WRITTEN_AT_ONCE))
    count = 0
    while part := list(itertools.islice(rows, max(1, size))):
        places = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * len(part))
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"{statement} {places}", [value for row in part for value in row])
        except (IntegrityError, DataError, OverflowError, UnicodeError) as error:
            raise _no_rows(model) from error
        count += len(part)
    return count


def clear(tables: Iterable[type[models.Model]]) -> None:
    """Delete all rows; called within a transaction, at whose end the keys must fit again."""
    with connection.cursor() as cursor:
        for model in tables:
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608  the name of a table of ours


def go_on_counting(tables: Sequence[type[models.Model]]) -> None:
    """Let the next keys come after those that were written; SQLite sees to that by itself."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(tables)):
            cursor.execute(statement)


def _fields(model: type[models.Model], columns: Sequence[str]) -> list[Any]:
    by_column = {field.attname: field for field in model._meta.local_concrete_fields}
    if set(columns) != set(by_column):
        raise _no_rows(model)
    return [by_column[name] for name in columns]


def _insertion(model: type[models.Model], fields: Sequence[Any]) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({names}) VALUES"  # noqa: S608  names of ours


def _rows(
    model: type[models.Model],
    fields: Sequence[Any],
    columns: Sequence[str],
    lines: Iterable[Any],
    rewrite: Rewrite | None,
    *,
    is_checked: bool,
) -> Iterator[list[Any]]:
    for values in lines:
        if not isinstance(values, list) or len(values) != len(columns):
            raise _no_rows(model)
        came: Row = dict(zip(columns, values, strict=True))
        try:
            if is_checked:
                _refuse_what_no_form_takes(fields, came)
            row = rewrite(came) if rewrite is not None else came
            if row is None:
                continue
            ready = [_prepared(field, row[field.attname]) for field in fields]
        except UNFIT:
            raise _no_rows(model) from None
        yield ready


def _prepared(field: Any, value: Any) -> Any:
    kind = field.target_field if field.is_relation else field
    while kind.is_relation:
        kind = kind.target_field
    value = kind.to_python(_storable(value))
    return field.get_db_prep_save(value, connection)


def _refuse_what_no_form_takes(fields: Sequence[Any], row: Row) -> None:
    """Choices and lengths, which not every database looks at."""
    for field in fields:
        value = row[field.attname]
        if value in (None, ""):
            continue
        if field.choices and value not in dict(field.flatchoices):
            raise ValueError(f"{value!r} is no {field.name}")
        if isinstance(field, models.CharField) and len(value) > (field.max_length or len(value)):
            raise ValueError(f"{field.name} is too long")


def _storable(value: Any) -> Any:
    """Without the sign NUL where the database knows none: SQLite keeps it, PostgreSQL doesn't."""
    if connection.vendor != "postgresql":
        return value
    if isinstance(value, str):
        return value.replace(NUL, "\ufffd") if NUL in value else value
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, Mapping):
        return {_storable(name): _storable(each) for name, each in value.items()}
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no text")


def _no_rows(model: type[models.Model]) -> DomainError:
    return DomainError(
        "archive_does_not_fit",
        f"The archive holds rows of {model._meta.verbose_name} that are none of this release. "
        "Nothing of it was used.",
    )
