"""Datasets that other products share: how they stand, read from the product that may."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dataquality.api.scope import DataView
from dataquality.models import Dataset
from dataquality.queries.shared_data import find_shared, rows_of
from dataquality.serializers.shared_data import SharedDatasetSerializer, SharedGateSerializer

OWNER = OpenApiParameter("owner", str, "path", description="The key of the product that shares it.")


@extend_schema(tags=["datasets"])
class SharedDatasetsView(DataView):
    permissions = {"list": "dataset.view"}
    queryset = Dataset.objects.all()
    serializer_class = SharedDatasetSerializer
    orderings = {"id": ("subject_id",), "-id": ("-subject_id",)}

    def list(self, request: Request, key: str) -> Response:
        """The datasets that other products share with this one."""
        product = self.find_product(key)
        self.require(product)
        found = self.paginate_queryset(Dataset.objects.shared_with(product))
        shown = SharedDatasetSerializer(rows_of(found), many=True, context={"product": product})
        return self.get_paginated_response(shown.data)


@extend_schema(tags=["datasets"], parameters=[OWNER])
class SharedDatasetView(DataView):
    permissions = {"retrieve": "dataset.view", "gate": "dataset.view"}
    queryset = Dataset.objects.all()
    serializer_class = SharedDatasetSerializer

    def retrieve(self, request: Request, key: str, owner: str, slug: str) -> Response:
        """A dataset of another product: health, gate, last run and columns."""
        product = self.find_product(key)
        self.require(product)
        row = rows_of([find_shared(product, owner, slug)])[0]
        return Response(SharedDatasetSerializer(row, context={"product": product}).data)

    @extend_schema(responses=SharedGateSerializer)
    def gate(self, request: Request, key: str, owner: str, slug: str) -> Response:
        """Whether it is good enough now: one yes or no, with its reasons counted."""
        product = self.find_product(key)
        self.require(product)
        row = rows_of([find_shared(product, owner, slug)])[0]
        return Response(SharedGateSerializer(row).data)
