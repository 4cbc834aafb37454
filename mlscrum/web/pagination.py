"""Pages of lists by keyset: the cursor names the last row seen, so that new rows shift nothing.

REST framework's CursorPagination compares the first column of an ordering alone and bridges ties
by an offset, which drops or repeats rows that share a value while others come in (one deed gives
hundreds of items the same `updated_at`). So all columns of the ordering are compared here, the
last of which is unique.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.exceptions import APIException
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.parsers import StrictJSONParser
from mlscrum.web.problems import BadParameters

if TYPE_CHECKING:
    from rest_framework.views import APIView

M = TypeVar("M", bound=Model)
Ordering = tuple[str, ...]
DEFAULT_LIMIT = 50
MOST = 200


@dataclass(frozen=True)
class Cursor:
    """Rows after (or, `backwards`, before) the one with these values, in the named ordering of the
    list with this mark."""

    mark: int
    ordering: str
    values: tuple[Any, ...]
    backwards: bool = False

    def __str__(self) -> str:
        plain = [self.mark, self.ordering, int(self.backwards), *self.values]
        return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


class KeysetPagination(BasePagination):
    """`{"results", "next", "previous"}`; the view names its `orderings`, the first is the default.

    `orderings` maps what stands in `?ordering=` to columns that are never null, the last unique.
    `?fields=` leaves out all other fields of the view's serializer.
    """

    parameters = ("limit", "cursor", "ordering", "fields")

    def paginate_queryset(
        self, queryset: QuerySet[M], request: Request, view: APIView | None = None
    ) -> list[M]:
        orderings = _orderings(view)
        name = _ordering(request, orderings)
        columns, limit = orderings[name], _limit(request)
        self._fields = _fields(request, view)
        cursor = _cursor(request, name, columns, queryset.model)
        backwards = cursor is not None and cursor.backwards
        ordered = queryset.order_by(*(map(_turned, columns) if backwards else columns))
        if cursor is not None:
            ordered = ordered.filter(_beyond(columns, cursor))
        found = list(ordered[: limit + 1])
        more, page = len(found) > limit, found[:limit]
        if backwards:
            page.reverse()
        self._url, self._mark = request.build_absolute_uri(), mark_of(request.path)
        self._name, self._columns = name, columns
        self._next = page[-1] if page and (more or backwards) else None
        self._previous = page[0] if page and (more if backwards else cursor) else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        wanted = self._fields
        return Response(
            {
                "results": data if wanted is None else [_only(wanted, row) for row in data],
                "next": self._link(self._next),
                "previous": self._link(self._previous, backwards=True),
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        names = list(_orderings(view))
        described: list[tuple[str, str, dict[str, Any]]] = [
            (
                "limit",
                "How many results a page holds.",
                {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
            ),
            ("cursor", "Where to go on; follow `next` and `previous`.", {"type": "string"}),
            (
                "fields",
                "Names of fields, with commas between: results hold these alone.",
                {"type": "string"},
            ),
        ]
        if len(names) > 1:
            orders = {"type": "string", "enum": names, "default": names[0]}
            described.append(("ordering", "The order of the results.", orders))
        return [
            {"name": name, "in": "query", "required": False, "description": words, "schema": kind}
            for name, words, kind in described
        ]

    def _link(self, row: Model | None, *, backwards: bool = False) -> str | None:
        if row is None:
            return None
        values = tuple(_plain(_value(row, column)) for column in self._columns)
        cursor = Cursor(self._mark, self._name, values, backwards)
        return replace_query_param(self._url, "cursor", str(cursor))


def mark_of(path: str) -> int:
    """What tells the cursors of one list from those of others."""
    return zlib.crc32(path.encode())


def _orderings(view: APIView | None) -> Mapping[str, Ordering]:
    return getattr(view, "orderings", None) or {"-id": ("-id",)}


def _ordering(request: Request, orderings: Mapping[str, Ordering]) -> str:
    name = request.query_params.get("ordering", next(iter(orderings)))
    if name not in orderings:
        raise BadParameters({"ordering": ("invalid", f"ordering is {_either(orderings)}.")})
    return name


def _either(names: Mapping[str, Ordering]) -> str:
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"


def _limit(request: Request) -> int:
    limit = whole_number(request.query_params.get("limit", str(DEFAULT_LIMIT)))
    if limit is None or not 1 <= limit <= MOST:
        raise BadParameters({"limit": ("invalid", f"limit is a number from 1 to {MOST}.")})
    return limit


def _fields(request: Request, view: APIView | None) -> frozenset[str] | None:
    """The fields that are asked for; None for all."""
    text = request.query_params.get("fields")
    if text is None:
        return None
    known = getattr(getattr(view, "serializer_class", None), "_declared_fields", {})
    wanted = frozenset(name.strip() for name in text.split(","))
    if unknown := sorted(wanted - set(known)):
        why = f"There is no field {unknown[0]!r} here; there are {', '.join(known)}."
        raise BadParameters({"fields": ("unknown_field", why)})
    return wanted


def _only(wanted: frozenset[str], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in wanted}


def _cursor(request: Request, name: str, columns: Ordering, model: type[Model]) -> Cursor | None:
    """What the cursor says, its values as the columns hold them."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        plain = StrictJSONParser().parse(BytesIO(base64.urlsafe_b64decode(padded)))
        mark, ordering, backwards, *values = plain
        if [mark, ordering] != [mark_of(request.path), name] or backwards not in (0, 1):
            raise ValueError
        held = tuple(
            _held(_field(model, column), value)
            for column, value in zip(columns, values, strict=True)
        )
    except (ValueError, TypeError, OverflowError, ValidationError, APIException, DomainError):
        raise BadParameters(
            {"cursor": ("invalid", "cursor is none of this list; take it from next or previous.")}
        ) from None
    return Cursor(mark, name, held, bool(backwards))


def _held(field: Field[Any, Any], value: Any) -> Any:
    """The value as the column holds it. Raises ValueError, or OverflowError, for what it can't."""
    held = field.to_python(value)
    if isinstance(held, datetime):
        return held.astimezone(UTC)
    if held is None or (isinstance(held, int) and whole_number(str(held)) is None):
        raise ValueError
    return held


def _beyond(columns: Ordering, cursor: Cursor) -> Q:
    """The rows that stand beyond the cursor's, comparing column after column."""
    beyond, same, bound = Q(), Q(), Q()
    for column, value in zip(columns, cursor.values, strict=True):
        path = column.lstrip("-")
        side = "gt" if column.startswith("-") == cursor.backwards else "lt"
        beyond |= same & Q(**{f"{path}__{side}": value})
        same &= Q(**{path: value})
        bound = bound or Q(**{f"{path}__{side}e": value})  # what an index can begin at
    return bound & beyond


def _turned(column: str) -> str:
    return column[1:] if column.startswith("-") else f"-{column}"


def _field(model: type[Model], column: str) -> Field[Any, Any]:
    *relations, last = column.lstrip("-").split("__")
    for relation in relations:
        model = model._meta.get_field(relation).related_model  # type: ignore[assignment]
    found = model._meta.pk if last == "pk" else model._meta.get_field(last)
    while getattr(found, "target_field", None) is not None:  # a foreign key holds another's key
        found = found.target_field  # type: ignore[union-attr]
    return found  # type: ignore[return-value]


def _value(row: Model, column: str) -> Any:
    value: Any = row
    for step in column.lstrip("-").split("__"):
        value = getattr(value, step)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)
