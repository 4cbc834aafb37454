"""What happens in a product: as a stream of events, or as a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from backlog.access.api import ProductViewSet
from backlog.access.streams import reader_name, still_may
from backlog.models import Activity
from backlog.queries.events import events_of, payloads_of
from backlog.serializers.events import EventSerializer
from mlscrum.lib.numbers import whole_number
from mlscrum.web.problems import BadParameters
from mlscrum.web.streams import CONTENT_TYPE, Reader, event_stream, last_seen


class AsAsked(BaseContentNegotiation):
    """The `format` decides, not `Accept`: EventSource and curl ask for different things."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type or ""


@extend_schema(tags=["events"])
class EventsView(ProductViewSet):
    permissions = {"list": "product.view"}
    query_parameters = {"list": ("format", "after")}
    queryset = Activity.objects.all()
    serializer_class = EventSerializer
    content_negotiation_class = AsAsked
    orderings = {"seq": ("seq",)}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "format", str, enum=["json"], description="`json` answers a list that ends."
            ),
            OpenApiParameter("after", int, description="Events after this `seq`."),
            OpenApiParameter(
                "Last-Event-ID", int, OpenApiParameter.HEADER, description="As `after`."
            ),
        ],
        responses={
            (200, "application/json"): EventSerializer(many=True),
            (200, CONTENT_TYPE): OpenApiResponse(
                OpenApiTypes.STR,
                "Server-Sent Events: `id` is the `seq`, `data` an event as in the list.",
            ),
        },
    )
    def list(self, request: Request, key: str) -> HttpResponseBase:
        """What is done in the product, as Server-Sent Events from now on, or after the event that
        `Last-Event-ID` or `after` names; with `format=json` as a list from the first."""
        product = self.find_product(key)
        self.require(product)
        as_list = self._wants_list(request)
        if "after" in request.query_params and whole_number(request.query_params["after"]) is None:
            raise BadParameters({"after": ("invalid", "after is the seq of an event.")})
        if not as_list:
            reader = Reader(reader_name(request), still_may(request, "product.view", product))
            return event_stream(product.pk, reader, after=last_seen(request))
        after = last_seen(request) or 0
        page = self.paginate_queryset(events_of(product).filter(seq__gt=after))
        return self.get_paginated_response(EventSerializer(payloads_of(page or []), many=True).data)

    def _wants_list(self, request: Request) -> bool:
        asked = request.query_params.get("format")
        if asked not in {None, "json"}:
            raise BadParameters({"format": ("invalid", "format is json, or left out.")})
        return asked == "json"
