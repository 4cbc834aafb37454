"""The OpenAPI document, the page to try it, and what operations share in it."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import PUBLIC
from mlscrum.web.filters import StrictRequest

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body within 24 hours answers the first answer again; "
    "the same key with another body is 422.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the version that the change was made for; a stale one is 412.",
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description="The item's version."
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document calls our tokens."""

    target_class = "backlog.access.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token such as mls_…"}


@cache
def document() -> dict[str, Any]:
    """The document: most of a second to make, and the same as long as the process lives."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class SchemaView(StrictRequest, SpectacularAPIView):
    permissions = {"get": PUBLIC}

    def _get_schema_response(self, request: Request) -> Response:
        return Response(document())

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)


class DocsView(StrictRequest, SpectacularSwaggerSplitView):
    """The page in two parts, page and script, as the content security policy wants them."""

    permissions = {"get": PUBLIC}
    query_parameters = {"get": ("script",)}
    url_name = "api-schema"
    template_name = "backlog/api_docs.html"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)
