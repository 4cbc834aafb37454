"""The OpenAPI document is complete, valid, and open to all; so is the page to try it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import get_resolver
from openapi_spec_validator import validate

V1 = "/api/v1"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", "--fail-on-warn", stdout=out)
    found: dict[str, Any] = yaml.safe_load(out.getvalue())
    return found


def test_the_document_is_valid_and_made_without_a_warning(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1")
    validate(schema)


def test_every_operation_says_how_it_refuses_and_what_it_does(schema: dict[str, Any]) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert "default" in operation["responses"], (path, method)
            assert operation.get("description"), (path, method)
            assert operation["tags"] != ["api"], (path, method)


def test_every_path_of_the_api_is_in_the_document(schema: dict[str, Any]) -> None:
    names = {
        name
        for name in get_resolver().reverse_dict
        if isinstance(name, str) and name.startswith("api-")
    } - {"api-schema", "api-docs"}
    assert len(schema["paths"]) == len(names)


def test_lists_document_their_pages_and_filters(schema: dict[str, Any]) -> None:
    listing = schema["paths"][f"{V1}/products/{{key}}/items/"]["get"]
    names = {parameter["name"] for parameter in listing["parameters"]}
    assert {"limit", "cursor", "ordering", "kind", "severity", "updated_since"} <= names


def test_document_and_page_are_open_to_all(client: Any, db: None) -> None:
    answer = client.get(f"{V1}/schema/")
    assert answer.status_code == 200
    assert "openapi" in answer["Content-Type"]
    page = client.get(f"{V1}/docs/")
    assert page.status_code == 200
    assert "swagger-ui-bundle" in page.content.decode()
    assert "<style" not in page.content.decode()
    script = client.get(f"{V1}/docs/?script")
    assert script["Content-Type"] == "application/javascript"
    assert client.get(f"{V1}/docs/?colour=red").status_code == 400
