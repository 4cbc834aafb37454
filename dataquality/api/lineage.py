"""What depends on a dataset, its own product's and that of one that reads of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.models import Item, Product
from backlog.queries.items import find_item
from dataquality.api.scope import DataView
from dataquality.api.shared_data import OWNER
from dataquality.models import Dataset
from dataquality.queries.lineage import dataset_lineage, lineage_in
from dataquality.queries.shared_data import find_shared
from dataquality.serializers.lineage import (
    ColumnChangesSerializer,
    LineageSerializer,
    NewDependentSerializer,
)
from dataquality.services.columns import accept_columns
from dataquality.services.lineage import depend_no_more, depend_on


@extend_schema(tags=["datasets"])
class LineageView(DataView):
    permissions = {"retrieve": "item.view", "create": "item.edit", "destroy": "item.edit"}
    queryset = Dataset.objects.all()
    serializer_class = LineageSerializer

    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """What depends on it: items, sprints, checks, words, settings and other products."""
        return Response(LineageSerializer(dataset_lineage(self.dataset(key, slug))).data)

    @extend_schema(request=NewDependentSerializer, responses={200: LineageSerializer})
    def create(self, request: Request, key: str, slug: str) -> Response:
        """Say that an item depends on it; said again it changes nothing."""
        dataset = self.dataset(key, slug)
        depend_on(_item_sent(request, dataset.product), dataset, actor=self.actor)
        return Response(LineageSerializer(dataset_lineage(dataset)).data)

    def destroy(self, request: Request, key: str, slug: str, ref: str) -> Response:
        """Take that back."""
        dataset = self.dataset(key, slug)
        depend_no_more(find_item(dataset.product, ref), dataset, actor=self.actor)
        return Response(status=204)


@extend_schema(tags=["datasets"], parameters=[OWNER])
class SharedLineageView(DataView):
    permissions = {"retrieve": "item.view", "create": "item.edit", "destroy": "item.edit"}
    queryset = Dataset.objects.all()
    serializer_class = LineageSerializer

    def retrieve(self, request: Request, key: str, owner: str, slug: str) -> Response:
        """What of this product depends on a dataset that another one shares."""
        product, dataset = self._found(key, owner, slug)
        return Response(LineageSerializer(lineage_in(dataset, product)).data)

    @extend_schema(request=NewDependentSerializer, responses={200: LineageSerializer})
    def create(self, request: Request, key: str, owner: str, slug: str) -> Response:
        """Say that an item of this product depends on it; said again it changes nothing."""
        product, dataset = self._found(key, owner, slug)
        depend_on(_item_sent(request, product), dataset, actor=self.actor)
        return Response(LineageSerializer(lineage_in(dataset, product)).data)

    def destroy(self, request: Request, key: str, owner: str, slug: str, ref: str) -> Response:
        """Take that back."""
        product, dataset = self._found(key, owner, slug)
        depend_no_more(find_item(product, ref), dataset, actor=self.actor)
        return Response(status=204)

    def _found(self, key: str, owner: str, slug: str) -> tuple[Product, Dataset]:
        product = self.find_product(key)
        self.require(product)
        return product, find_shared(product, owner, slug)


@extend_schema(tags=["datasets"])
class AcceptColumnsView(DataView):
    permissions = {"accept": "dataset.edit"}
    queryset = Dataset.objects.all()
    serializer_class = ColumnChangesSerializer

    @extend_schema(request=None, responses=ColumnChangesSerializer)
    def accept(self, request: Request, key: str, slug: str) -> Response:
        """Read it by the columns of its newest version: new ones are known, and gone ones that
        nothing names are forgotten. Answers what differed."""
        found = accept_columns(self.dataset(key, slug), actor=self.actor)
        return Response(ColumnChangesSerializer(found).data)


def _item_sent(request: Request, product: Product) -> Item:
    wanted = NewDependentSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    sent: dict[str, Any] = wanted.validated_data
    try:
        return find_item(product, sent["item"])
    except Http404:
        raise ValidationError({"item": f"Name an item of {product.key}."}) from None
