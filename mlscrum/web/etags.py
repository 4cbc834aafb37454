"""Versions of things as entity tags: a change may name the version that it was made for."""

from __future__ import annotations

from django.utils.http import parse_etags
from rest_framework.request import Request

from mlscrum.lib.errors import DomainError


def etag_of(version: int) -> str:
    """The strong entity tag of a version."""
    return f'"{version}"'


def matched_version(request: Request, present: int) -> int | None:
    """The version that If-Match insists on, or None where it insists on none.

    Raises a DomainError of status 412 where the present version is not among those named.
    """
    header = request.headers.get("If-Match")
    if header is None:
        return None
    tags = parse_etags(header)
    if "*" in tags:
        return None
    if etag_of(present) in tags:
        return present
    raise DomainError(
        "stale", f"This is at version {present} now; read it again.", status=412, version=present
    )
