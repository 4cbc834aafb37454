"""Personal data: the log of who opened values, and keys that are to be forgotten."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dataquality.api.scope import DataView
from dataquality.models import ValuesOpened
from dataquality.queries.personal import openings_of
from dataquality.serializers.personal import (
    ForgetKeySerializer,
    ForgottenSerializer,
    ValuesOpenedSerializer,
)
from dataquality.services.forgetting import forget_key


@extend_schema(tags=["datasets"])
class ValuesOpenedView(DataView):
    permissions = {"list": "dataset.purge"}
    queryset = ValuesOpened.objects.all()
    serializer_class = ValuesOpenedSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str, slug: str) -> Response:
        """Who opened failing rows, profiles or files of the dataset."""
        found = self.paginate_queryset(openings_of(self.dataset(key, slug)))
        return self.get_paginated_response(ValuesOpenedSerializer(found, many=True).data)


@extend_schema(tags=["datasets"])
class ForgetKeyView(DataView):
    permissions = {"forget": "dataset.purge"}
    queryset = ValuesOpened.objects.all()
    serializer_class = ForgottenSerializer

    @extend_schema(request=ForgetKeySerializer, responses=ForgottenSerializer)
    def forget(self, request: Request, key: str, slug: str) -> Response:
        """Remove what runs and profiles have kept of the rows whose column has this value.

        Counts and findings stay; files of versions are purged one by one.
        """
        dataset = self.dataset(key, slug)
        wanted = ForgetKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        gone = forget_key(dataset, **wanted.validated_data, actor=self.actor)
        return Response(ForgottenSerializer(gone).data)
