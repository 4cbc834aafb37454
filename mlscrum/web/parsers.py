"""JSON bodies, read strictly: what could mean two things, or nothing, is refused by its path."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any, NoReturn

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from mlscrum.lib.errors import DomainError, FieldError

LIMIT_MB = 5
LIMIT = LIMIT_MB * 1024 * 1024
DEEPEST = 100
MOST_FAULTS = 20


class TooLarge(APIException):
    """The body is larger than we read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = f"A JSON body holds up to {LIMIT_MB} MB; send less at once."


class StrictJSONParser(BaseParser):
    """An object or a list in UTF-8, without NaN, Infinity, names given twice or broken text."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(LIMIT + 1)
        if len(raw) > LIMIT:
            raise TooLarge
        return strict_json(raw)


def strict_json(raw: bytes) -> Any:
    """The object or list in a JSON text. Raises ParseError where it is none, and DomainError with
    the path of each value that could not be given back as it came."""
    document = _loaded(raw)
    if not isinstance(document, dict | list):
        raise ParseError('Send a JSON object, such as {"name": "…"}.')
    faults = [fault for _, fault in zip(range(MOST_FAULTS), _faults(document), strict=False)]
    if faults:
        raise DomainError("bad_json", faults[0].detail, errors=faults, status=400)
    return document


class _Twice(dict[str, Any]):
    """An object that gives a name twice."""

    name = ""


def pointer(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901): pointer("items", 0, "title") is /items/0/title."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(), object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ParseError(
            f"The body is no JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        ) from None
    except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
        _refuse_depth()


def _refuse_depth() -> NoReturn:
    raise ParseError("The body is nested too deeply, or holds a number of too many digits.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    twice = _Twice(found)
    twice.name = next(name for name in names if names.count(name) > 1)
    return twice


def _faults(document: Any) -> Iterator[FieldError]:
    """Everything in the document that JSON, or a database, could not give back as it came."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEEPEST:
            _refuse_depth()
        where = pointer(*path)
        if isinstance(value, dict):
            if isinstance(value, _Twice):
                yield FieldError(where, "twice", f"The name {value.name!r} stands here twice.")
            for name in value:
                yield from _text_faults(where, name)
            waiting += [((*path, name), inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*path, i), value[i]) for i in reversed(range(len(value)))]
        elif isinstance(value, str):
            yield from _text_faults(where, value)
        elif isinstance(value, float) and not math.isfinite(value):
            yield FieldError(
                where, "not_finite", f"{where or 'The body'} is not a finite number; send null."
            )


def _text_faults(where: str, text: str) -> Iterator[FieldError]:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        yield FieldError(where, "bad_text", f"{where} holds a character that is no text.")
