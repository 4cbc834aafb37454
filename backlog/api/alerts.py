"""Alerts over REST: channels, a trial, and what was sent."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import AlertChannel, AlertMessage, Product
from backlog.queries.alerts import find_channel
from backlog.serializers.alerts import (
    AlertChannelSerializer,
    AlertMessageSerializer,
    ChannelWantedSerializer,
)
from backlog.services.alerts import create_channel, delete_channel, test_channel, update_channel


class AlertScope(ProductViewSet):
    """What the views of channels share."""

    def of_product(self, key: str) -> Product:
        """The product, if the action may be done in it."""
        product = self.find_product(key)
        self.require(product)
        return product


@extend_schema(tags=["alerts"])
class AlertChannelsView(AlertScope):
    permissions = {"list": "alert.edit", "create": "alert.edit"}
    queryset = AlertChannel.objects.all()
    serializer_class = AlertChannelSerializer
    orderings = {"id": ("id",), "-id": ("-id",)}

    def list(self, request: Request, key: str) -> Response:
        """The channels of a product, without their addresses."""
        channels = self.of_product(key).alert_channels.prefetch_related("rules__owner")
        page = self.paginate_queryset(channels)
        return self.get_paginated_response(AlertChannelSerializer(page, many=True).data)

    @extend_schema(
        request=ChannelWantedSerializer,
        responses={201: AlertChannelSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Add a channel."""
        product = self.of_product(key)
        wanted = ChannelWantedSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            channel = create_channel(product, wanted.draft(), actor=self.actor)
            shown = AlertChannelSerializer(find_channel(product, channel.pk)).data
            location = request.build_absolute_uri(f"{channel.pk}/")
            return Response(shown, status=201, headers={"Location": location})

        return once(request, self.actor, make)


@extend_schema(tags=["alerts"])
class AlertChannelView(AlertScope):
    permissions = {
        "retrieve": "alert.edit",
        "partial_update": "alert.edit",
        "destroy": "alert.edit",
        "test": "alert.edit",
    }
    queryset = AlertChannel.objects.all()
    serializer_class = AlertChannelSerializer

    def retrieve(self, request: Request, key: str, id: int) -> Response:
        """A channel, without its address."""
        return self._answer(find_channel(self.of_product(key), id))

    @extend_schema(request=ChannelWantedSerializer, responses=AlertChannelSerializer)
    def partial_update(self, request: Request, key: str, id: int) -> Response:
        """Change a channel; `rules` takes the place of all it had, `address` of the present one."""
        product = self.of_product(key)
        channel = find_channel(product, id)
        wanted = ChannelWantedSerializer(
            data=request.data, partial=True, context={"product": product}
        )
        wanted.is_valid(raise_exception=True)
        update_channel(channel, wanted.draft(channel), actor=self.actor)
        return self._answer(find_channel(product, id))

    def destroy(self, request: Request, key: str, id: int) -> Response:
        """Take it away, with its log."""
        delete_channel(find_channel(self.of_product(key), id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=None, responses={202: AlertMessageSerializer})
    def test(self, request: Request, key: str, id: int) -> Response:
        """Send a trial message; its state is in the log."""
        message = test_channel(find_channel(self.of_product(key), id), actor=self.actor)
        return Response(AlertMessageSerializer(message).data, status=202)

    def _answer(self, channel: AlertChannel) -> Response:
        return Response(AlertChannelSerializer(channel).data)


@extend_schema(tags=["alerts"])
class AlertMessagesView(AlertScope):
    permissions = {"list": "alert.edit"}
    queryset = AlertMessage.objects.all()
    serializer_class = AlertMessageSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str) -> Response:
        """What was sent in the last 30 days, or waits to be."""
        sent = AlertMessage.objects.filter(channel__product=self.of_product(key))
        page = self.paginate_queryset(sent)
        return self.get_paginated_response(AlertMessageSerializer(page, many=True).data)
