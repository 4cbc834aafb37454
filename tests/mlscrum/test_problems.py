"""Refusals of the REST API are problems, whatever raised them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from django.test import RequestFactory
from rest_framework.exceptions import (
    MethodNotAllowed,
    NotAuthenticated,
    ParseError,
    Throttled,
    ValidationError,
)

from mlscrum.lib.errors import Conflict, DomainError, FieldError
from mlscrum.web import problems
from mlscrum.web.problems import BadParameters, problem_response


def told(error: Exception) -> tuple[int, dict[str, Any]]:
    answer = problem_response(error, {})
    assert answer is not None
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, json.loads(answer.content)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("bad", "No."), 422, "bad"),
        (Conflict("moved", "Look again."), 409, "moved"),
        (DjangoValidationError("No."), 400, "invalid"),
        (ValidationError({"a": "No."}), 400, "invalid"),
        (Http404("There is no item MED-1."), 404, "not_found"),
        (PermissionDenied("No."), 403, "permission_denied"),
        (NotAuthenticated(), 401, "not_authenticated"),
        (ParseError("No."), 400, "parse_error"),
        (MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (RequestDataTooBig(), 413, "too_large"),
        (Throttled(wait=2.2), 429, "throttled"),
    ],
)
def test_every_refusal_has_type_title_status_and_detail(
    error: Exception, status: int, code: str
) -> None:
    answered, problem = told(error)
    assert (answered, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == "about:blank"
    assert problem["title"] and problem["detail"]


def test_errors_of_serializers_carry_json_pointers() -> None:
    nested = ValidationError(
        {"items": [{}, {"points": ["Too many."]}], "non_field_errors": ["Say one."], "a/b": ["?"]}
    )
    _, problem = told(nested)
    assert [(e["pointer"], e["detail"]) for e in problem["errors"]] == [
        ("/items/1/points", "Too many."),
        ("", "Say one."),
        ("/a~1b", "?"),
    ]
    assert problem["detail"] == "3 fields are wrong; see errors."


def test_errors_of_services_carry_json_pointers_too() -> None:
    _, problem = told(DjangoValidationError({"points": ["Too many."], "__all__": ["No."]}))
    assert [(e["pointer"], e["detail"]) for e in problem["errors"]] == [
        ("/points", "Too many."),
        ("", "No."),
    ]
    _, problem = told(DomainError("bad", "No.", errors=[FieldError("/a/0", "bad", "No.")]))
    assert problem["errors"] == [{"pointer": "/a/0", "code": "bad", "detail": "No."}]


def test_one_wrong_field_is_said_in_the_detail() -> None:
    _, problem = told(ValidationError({"points": ["Too many."]}))
    assert problem["detail"] == "points: Too many."


def test_what_a_domain_error_carries_is_told() -> None:
    _, problem = told(Conflict("edit_conflict", "Choose.", conflicts=[{"field": "title"}]))
    assert problem["conflicts"] == [{"field": "title"}]


def test_parameters_are_named() -> None:
    _, problem = told(BadParameters({"colour": ("unknown_parameter", "There is none.")}))
    assert problem["errors"] == [
        {"parameter": "colour", "code": "unknown_parameter", "detail": "There is none."}
    ]


def test_waits_and_challenges_are_headers() -> None:
    throttled = problem_response(Throttled(wait=2.2), {})
    assert throttled is not None and throttled["Retry-After"] == "3"
    under_way = problem_response(Conflict("under_way", "Wait.", retry_after_s=2), {})
    assert under_way is not None and under_way["Retry-After"] == "2"
    assert b"retry_after" not in under_way.content
    nobody = NotAuthenticated()
    nobody.auth_header = "Bearer"
    answer = problem_response(nobody, {})
    assert answer is not None and answer["WWW-Authenticate"] == "Bearer"


def test_a_fault_of_ours_is_left_to_django() -> None:
    assert problem_response(KeyError("secret"), {}) is None


def test_faults_and_lost_paths_answer_problems_under_api_and_pages_elsewhere(
    rf: RequestFactory, db: None
) -> None:
    for path, kind in (("/api/v1/x/", "application/problem+json"), ("/x/", "text/html")):
        request = rf.get(path)
        for answer in (
            problems.page_not_found(request, Http404()),
            problems.server_error(request),
            problems.permission_denied(request, PermissionDenied()),
            problems.bad_request(request, Exception()),
        ):
            assert str(answer["Content-Type"]).startswith(kind)
