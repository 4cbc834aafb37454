"""docs/rest.md is the promise to scripts: its paths, methods and commands are those there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class
from django.core.management.base import CommandParser
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "rest.md"
V1 = "/api/v1"
VERBS = {"get", "post", "put", "patch", "delete"}
ABOUT_ITSELF = {"/schema/", "/docs/"}  # the page names them in its first lines
ROW = re.compile(r"^\| `(/[^`]*)` \| ([A-Z, ]+) \|", re.MULTILINE)
MADE = re.compile(r"^\| `make (\S+)` \|", re.MULTILINE)
COMMAND = re.compile(r"^\| `python manage.py (\S+)([^`]*)` \|", re.MULTILINE)
APPS = {"registerdatasets": "dataquality"}  # the others are the ground floor's

Routes = dict[str, set[str]]


def _nameless(path: str) -> str:
    """The path with nothing but places for its arguments."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path)


def documented() -> Routes:
    found: Routes = {}
    for path, methods in ROW.findall(PAGE.read_text()):
        name = _nameless(path)
        assert name not in found, f"docs/rest.md has two rows for {path}"
        found[name] = {method.strip().lower() for method in methods.split(",")}
    return found


@cache
def in_schema() -> Routes:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return {
        _nameless(path.removeprefix(V1)): set(operations) & VERBS
        for path, operations in made["paths"].items()
    }


def answered() -> Routes:
    """What the resolver leads to, by the methods that the views take."""
    found: Routes = {}
    for path, view in _views(get_resolver(), "/"):
        if not path.startswith(f"{V1}/"):
            continue
        short = _nameless(path.removeprefix(V1))
        if short not in ABOUT_ITSELF:
            cls = getattr(view, "cls", None) or view.view_class
            actions = getattr(view, "actions", None)
            found[short] = (
                set(actions) & VERBS if actions else {verb for verb in VERBS if hasattr(cls, verb)}
            )
    return found


def _views(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry.callback
        else:
            yield from _views(entry, path)


def _apart(one: Routes, other: Routes) -> list[str]:
    """What one has and the other lacks, as `GET /path/`."""
    return sorted(
        f"{method.upper()} {path}"
        for path, methods in one.items()
        for method in methods - other.get(path, set())
    )


def test_every_route_stands_on_the_page() -> None:
    assert _apart(in_schema(), documented()) == []


def test_every_route_of_the_page_is_there() -> None:
    assert _apart(documented(), in_schema()) == []


def test_the_schema_and_the_server_know_the_same_routes() -> None:
    schema, server = in_schema(), answered()
    assert _apart(server, schema) == []
    assert _apart(schema, server) == []
    assert len(server) > 100


def test_the_scopes_of_the_page_are_those_there_are() -> None:
    from backlog.models import Scope

    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    assert set(rows) == set(Scope)


@pytest.mark.parametrize("target", MADE.findall(PAGE.read_text()))
def test_every_make_target_of_the_page_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("name", "words"), COMMAND.findall(PAGE.read_text()))
def test_every_command_of_the_page_takes_what_it_says(name: str, words: str) -> None:
    command = load_command_class(APPS.get(name, "backlog"), name)
    parser: CommandParser = command.create_parser("manage.py", name)
    known = {
        *(option for action in parser._actions for option in action.option_strings),
        *(action.dest.upper() for action in parser._actions if not action.option_strings),
    }
    assert set(words.split()) <= known
