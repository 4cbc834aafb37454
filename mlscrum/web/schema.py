"""What every operation of the OpenAPI document has in common."""

from __future__ import annotations

from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A refusal (RFC 9457). Some carry more, such as `conflicts` or `neighbours`.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "The reason, for machines."},
        "detail": {"type": "string", "description": "The reason, and what to do about it."},
        "errors": {
            "type": "array",
            "description": "Each wrong field by its JSON pointer, or parameter by its name.",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "parameter": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "additionalProperties": True,
}
TOLD = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
REFUSAL = {"description": "A problem", "content": TOLD}


def with_anything(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Let null be a kind of anything: drf-spectacular says one *or* the other, and null is both."""
    waiting: list[Any] = [result]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if {} in part.get("oneOf", ()) and {"type": "null"} in part["oneOf"]:
                del part["oneOf"]
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return result


def with_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Let every operation say how it refuses, beside what it answers with the same status."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    answer["content"] = {**answer.get("content", {}), **TOLD}
            operation["responses"].setdefault("default", REFUSAL)
    return result
