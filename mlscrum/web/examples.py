"""An example of every body in the OpenAPI document, made of its schemas and the words below.

A field's example is found by the name of its component and its own, then by its own name alone,
then made of its schema. Where fields depend on one another the whole component stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from mlscrum.web.example_words import MEDIA, PATHS, WHOLE, WORDS

Schema = Mapping[str, Any]
NAME = "example"
BY_FORMAT: dict[str, Any] = {
    "date-time": "2026-03-14T12:00:00Z",
    "date": "2026-03-14",
    "time": "08:00",
    "email": "olga@example.org",
    "uri": "https://scrum.example.org/p/MED/",
    "uuid": "0b7c2f7e-5a51-4a5e-9d0b-6f2b0c9a1d11",
    "binary": "id,age\n1,42\n",
}
BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True}


def with_examples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Give an example to every request body, every answer and every argument of a path."""
    make = Examples(result["components"]["schemas"])
    for path, operation in _operations(result):
        bodies = [operation.get("requestBody", {})]
        bodies += [
            answer for status, answer in operation["responses"].items() if status != "default"
        ]
        for body in bodies:
            for media, content in body.get("content", {}).items():
                content["examples"] = {NAME: {"value": make.of_body(media, content["schema"])}}
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter["example"] = _argument(path, parameter["name"])
    return result


def _operations(result: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in result["paths"].items():
        for operation in operations.values():
            yield path, operation


def _argument(path: str, name: str) -> Any:
    """What stands in a path: an id is of what stands before it."""
    before = path.partition(f"/{{{name}}}")[0].rpartition("/")[2]
    return PATHS.get(f"{before}.{name}", PATHS.get(name, 1))


class Examples:
    """Makes examples of schemas that name one another."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas

    def of_body(self, media: str, schema: Schema) -> Any:
        """The example of a body of this media type."""
        return MEDIA[media] if media in MEDIA else self.of(schema)

    def of(self, schema: Schema, name: str = "", component: str = "") -> Any:
        """An example of the schema, where it stands as the field `name` of a component."""
        if "$ref" in schema:
            component = schema["$ref"].rpartition("/")[2]
            if component in WHOLE:
                return WHOLE[component]
            return self.of(self.schemas[component], name, component)
        for word in _words(component, name):
            if self._fits(word, schema):
                return word
        return self._made(schema, name, component)

    def _made(self, schema: Schema, name: str, component: str) -> Any:
        for one_of in ("allOf", "oneOf", "anyOf"):
            if one_of in schema:
                return self.of(schema[one_of][0], name, component)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        kind = next(each for each in kind if each != "null") if isinstance(kind, list) else kind
        if kind == "object":
            return self._object(schema, component)
        if kind == "array":
            return [self.of(schema["items"], name, component)]
        return BY_FORMAT.get(schema.get("format", ""), BY_TYPE[kind])

    def _object(self, schema: Schema, component: str) -> dict[str, Any]:
        """Every field; requests have components of their own, without what can only be read."""
        return {
            name: self.of(inner, name, component)
            for name, inner in schema.get("properties", {}).items()
        }

    def _fits(self, word: Any, schema: Schema) -> bool:
        whole = {**schema, "components": {"schemas": self.schemas}}
        return Draft202012Validator(whole, format_checker=FormatChecker()).is_valid(word)


def _words(component: str, name: str) -> Iterator[Any]:
    """What may stand in a field, the most particular first."""
    for key in (f"{component}.{name}", name):
        words = WORDS.get(key, ())
        yield from words if isinstance(words, tuple) else (words,)
