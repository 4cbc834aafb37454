"""Who is calling."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ANYONE_KNOWN, ProductView
from backlog.models import Scope
from backlog.serializers.me import MeSerializer


class MeView(ProductView):
    permissions = {"get": ANYONE_KNOWN}

    @extend_schema(operation_id="me", responses=MeSerializer, tags=["me"])
    def get(self, request: Request) -> Response:
        """Who the token is, what it may do, and the server's version and time."""
        user, token = self.actor.user, self.actor.token
        me = {
            "kind": "user" if user else "service",
            "email": user.email if user else None,
            "name": user.name if user else token.name if token else "",
            "product": token.product.key if token and token.product else None,
            "scopes": token.scopes if token else sorted(Scope),
            "expires_at": token.expires_at if token else None,
            "version": settings.VERSION,
            "time": timezone.now(),
        }
        return Response(MeSerializer(me).data)
