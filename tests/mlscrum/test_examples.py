"""Every body of the OpenAPI document has an example, and each example is what its schema allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from mlscrum.web.example_words import MEDIA, PATHS, WHOLE, WORDS

Body = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def bodies(document: dict[str, Any]) -> Iterator[Body]:
    """Where, of which media type, and what the document says of it."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method.upper()} {path}"
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{where} request", media, content
            for status, answer in operation["responses"].items():
                if status != "default":
                    for media, content in answer.get("content", {}).items():
                        yield f"{where} {status}", media, content


def test_every_body_has_an_example_that_its_schema_allows(document: dict[str, Any]) -> None:
    wrong, count = [], 0
    for where, media, content in bodies(document):
        examples = content.get("examples", {})
        if not examples:
            wrong.append(f"{where} {media}: no example")
        whole = {**content["schema"], "components": document["components"]}
        judge = Draft202012Validator(whole, format_checker=FormatChecker())
        for example in examples.values():
            count += 1
            wrong += [
                f"{where} {media}: {'/'.join(map(str, fault.absolute_path))}: {fault.message}"
                for fault in judge.iter_errors(example["value"])
            ]
    assert wrong == []
    assert count > 200


def test_every_operation_answers_something_that_is_shown(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            good = [status for status in operation["responses"] if status.startswith("2")]
            assert good, (method, path)
            empty = [s for s in good if "content" not in operation["responses"][s]]
            assert set(empty) <= {"204"}, (method, path)


def test_every_argument_of_a_path_has_an_example(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    assert parameter["example"], (path, parameter["name"])


def test_no_word_is_kept_that_no_body_has(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    fields = {name for schema in schemas.values() for name in schema.get("properties", {})} | {
        f"{each}.{name}"
        for each, schema in schemas.items()
        for name in schema.get("properties", {})
    }
    assert sorted(set(WORDS) - fields) == []
    assert sorted(set(WHOLE) - set(schemas)) == []
    names = {
        parameter["name"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
    }
    assert {name.rpartition(".")[2] for name in PATHS} <= names
    assert set(MEDIA) <= {media for _, media, _ in bodies(document)}
