"""Refusals of the REST API as problems (RFC 9457); pages keep their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError

from mlscrum.lib.errors import DomainError, FieldError
from mlscrum.web.parsers import pointer

MEDIA_TYPE = "application/problem+json"
API = "/api/"
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # RFC 9110 renamed them
WHOLE = frozenset({"non_field_errors", "__all__"})


class BadParameters(APIException):
    """Query parameters that are unknown or wrong, by name."""

    status_code = 400
    default_code = "bad_parameter"

    def __init__(self, wrong: Mapping[str, tuple[str, str]]) -> None:
        """`wrong` maps each parameter to a code and a sentence."""
        super().__init__(" ".join(sentence for _, sentence in wrong.values()))
        self.wrong = dict(wrong)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Iterable[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    **extra: object,
) -> HttpResponse:
    """A problem as JSON; `errors` is left out where there is none."""
    listed = list(errors)
    body = {
        "type": "about:blank",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **({"errors": listed} if listed else {}),
        **extra,
    }
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE, headers=dict(headers or {}))


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The problem that a REST view answers with; None leaves a fault of ours to Django."""
    match error:
        case DomainError():
            return _of_domain_error(error)
        case DjangoValidationError():
            return _invalid(list(_django_errors(error)))
        case Http404():
            return problem(404, "not_found", _said(error) or "There is no such thing.")
        case DjangoPermissionDenied():
            return problem(403, "permission_denied", _said(error) or "You may not do this.")
        case RequestDataTooBig():
            return problem(413, "too_large", "The body is too large; send less at once.")
        case TooManyFieldsSent() | TooManyFilesSent():
            return problem(400, "too_many_fields", "The form has too many fields.")
        case ValidationError():
            return _invalid(list(_field_errors(error.detail)))
        case BadParameters():
            errors = [
                {"parameter": name, "code": code, "detail": sentence}
                for name, (code, sentence) in error.wrong.items()
            ]
            return problem(400, "bad_parameter", str(error.detail), errors=errors)
        case APIException():
            return problem(
                error.status_code, _code(error), str(error.detail), headers=_headers(error)
            )
    return None


def faults_of(error: Exception) -> tuple[int, list[dict[str, str]]]:
    """Status and errors of a refusal, for an answer that holds several."""
    match error:
        case DomainError():
            listed = error.errors or [FieldError("", error.code, error.message)]
            status = error.status
        case DjangoValidationError():
            listed, status = list(_django_errors(error)), 400
        case ValidationError():
            listed, status = list(_field_errors(error.detail)), 400
        case _:
            raise error
    return status, [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in listed]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's refusal before any view was asked."""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    return problem_response(exception, {}) or problem(
        400, "bad_request", "The request can't be read."
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.permission_denied(request, exception)
    return problem(403, "permission_denied", "You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return problem(404, "not_found", "There is nothing at this path; see /api/v1/docs/.")


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.server_error(request)
    return problem(500, "internal", "Something went wrong on our side; the log has more.")


def _of_domain_error(error: DomainError) -> HttpResponse:
    errors = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors]
    extra = {name: value for name, value in error.extra.items() if name != "retry_after_s"}
    wait = error.extra.get("retry_after_s")
    headers = {"Retry-After": str(wait)} if wait is not None else None
    return problem(error.status, error.code, error.message, errors=errors, headers=headers, **extra)


def _invalid(errors: list[FieldError]) -> HttpResponse:
    listed = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in errors]
    if len(errors) == 1:
        name = errors[0].pointer.lstrip("/")
        detail = f"{name}: {errors[0].detail}" if name else errors[0].detail
    else:
        detail = f"{len(errors)} fields are wrong; see errors."
    return problem(400, "invalid", detail, errors=listed)


def _field_errors(detail: Any, path: tuple[str | int, ...] = ()) -> Iterator[FieldError]:
    """REST framework's nested errors, each with its pointer."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _field_errors(inner, path if name in WHOLE else (*path, name))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            is_nested = isinstance(inner, Mapping | list)
            yield from _field_errors(inner, (*path, position) if is_nested else path)
    else:
        code = detail.code if isinstance(detail, ErrorDetail) else "invalid"
        yield FieldError(pointer(*path), code or "invalid", str(detail))


def _django_errors(error: DjangoValidationError) -> Iterator[FieldError]:
    if not hasattr(error, "error_dict"):
        for each in error.error_list:
            yield FieldError("", each.code or "invalid", " ".join(each.messages))
        return
    for name, errors in error.error_dict.items():
        for each in errors:
            where = "" if name in WHOLE else pointer(name)
            yield FieldError(where, each.code or "invalid", " ".join(each.messages))


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said if isinstance(said, str) else ""


def _code(error: APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _headers(error: APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    return headers
