"""JSON bodies are read strictly, and what is wrong is said by its path."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from rest_framework.exceptions import ParseError

from mlscrum.lib.errors import DomainError
from mlscrum.web.parsers import LIMIT, StrictJSONParser, TooLarge, pointer


def read(body: bytes) -> Any:
    return StrictJSONParser().parse(BytesIO(body))


def test_plain_json_comes_through() -> None:
    assert read(b'{"a": [1, 2.5, null, "\xc3\xa9"]}') == {"a": [1, 2.5, None, "é"]}


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_what_is_no_finite_number_is_named_by_its_path(number: bytes) -> None:
    with pytest.raises(DomainError) as refused:
        read(b'{"results": [{"x/y": ' + number + b"}]}")
    assert refused.value.status == 400
    assert [error.pointer for error in refused.value.errors] == ["/results/0/x~1y"]


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(DomainError, match="'points' stands here twice") as refused:
        read(b'{"items": [{"points": 1, "points": 2}]}')
    assert refused.value.errors[0].pointer == "/items/0"


@pytest.mark.parametrize("text", [rb'"\u0000"', rb'"\ud800"'])
def test_what_no_database_holds_as_text_is_refused(text: bytes) -> None:
    for body in (b'{"a": ' + text + b"}", b"{" + text + b": 1}"):
        with pytest.raises(DomainError, match="no text"):
            read(body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "no JSON"),
        (b"", "no JSON"),
        (b'{"a": 1,}', "line 1, column"),
        (b"3", "Send a JSON object"),
        (b'"text"', "Send a JSON object"),
        (b"null", "Send a JSON object"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "too deeply"),
        (b"[" * 200 + b"]" * 200, "too deeply"),
        (b"[" + b"9" * 5000 + b"]", "too many digits"),
    ],
)
def test_what_is_no_document_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        read(body)


def test_a_body_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        read(b" " * (LIMIT + 1))


def test_pointers_are_escaped() -> None:
    assert pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
    assert pointer() == ""
