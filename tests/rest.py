"""What tests of the REST API share."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from mlscrum.web.pagination import mark_of

V1 = "/api/v1"


def queries(client: Any, path: str) -> int:
    """How many queries a GET takes, once the token has been noted as used."""
    assert client.get(path).status_code == 200
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    return len(seen)


def walk(client: Any, path: str, *, backwards: bool = False) -> list[list[Any]]:
    """The pages of a list, from this one to its end."""
    pages, url = [], path
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        page = answer.json()
        pages.append(page["results"])
        url = page["previous" if backwards else "next"]
        assert len(pages) < 1000
    return pages


def cursor_of(path: str, *plain: Any) -> str:
    """A cursor of the list at this path: an ordering, 0 or 1 for backwards, and values."""
    said = json.dumps([mark_of(path), *plain])
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def pointers(answer: Any) -> list[str]:
    """The fields that a problem names."""
    return [error.get("pointer") for error in answer.json()["errors"]]
