"""What a REST view declares of its access, and the refusal of what declares nothing.

Apart from the base classes, since REST framework loads this while it loads its own views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from backlog.access.tokens import actor_of

if TYPE_CHECKING:
    from rest_framework.views import APIView

PUBLIC = "public"
ANYONE_KNOWN = "anyone-known"


class DeclaredPermission(BasePermission):
    """Refuses an action that declares no permission, and whoever is nobody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        declared = declared_by(view, request)
        if declared == PUBLIC:
            return True
        if actor_of(request) is None:
            raise NotAuthenticated("Sign in, or send 'Authorization: Bearer <token>'.")
        return declared is not None


def declared_by(view: APIView, request: Request) -> str | None:
    """The permission that the action, or the method of a plain view, declares."""
    permissions: dict[str, str] = getattr(view, "permissions", {})
    action = getattr(view, "action", None) or (request.method or "").lower()
    if action in {"options", "metadata", None}:
        return ANYONE_KNOWN
    if action == "head":
        action = "get"
    return permissions.get(action)
