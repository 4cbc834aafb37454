"""Experiments, builds and pull requests on an item, over REST."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductView, ProductViewSet
from backlog.models import Item, ItemEvidence
from backlog.queries.item_evidence import find_evidence
from backlog.serializers.item_evidence import EvidenceWantedSerializer, ItemEvidenceSerializer
from backlog.services.item_evidence import put_evidence, remove_evidence


@extend_schema(tags=["items"])
class ItemEvidencesView(ProductViewSet):
    permissions = {"list": "item.view"}
    queryset = ItemEvidence.objects.all()
    serializer_class = ItemEvidenceSerializer
    orderings = {"-updated_at": ("-updated_at", "-id"), "updated_at": ("updated_at", "id")}

    def list(self, request: Request, ref: str) -> Response:
        """What tools said of the work on an item, the newest first."""
        item = self.find_item(ref, deleted=True)
        self.require(item.product)
        page = self.paginate_queryset(item.evidence.all())
        return self.get_paginated_response(ItemEvidenceSerializer(page, many=True).data)


@extend_schema(tags=["items"])
class ItemEvidenceView(ProductView):
    permissions: ClassVar[dict[str, str]] = {
        "get": "item.view",
        "put": "item.report",
        "delete": "item.edit",
    }

    @extend_schema(operation_id="items_evidence_retrieve", responses=ItemEvidenceSerializer)
    def get(self, request: Request, ref: str, tool: str, run_id: str) -> Response:
        """What a tool said last of one of its runs."""
        found = find_evidence(self._item(ref), tool, run_id)
        return Response(ItemEvidenceSerializer(found).data)

    @extend_schema(
        operation_id="items_evidence_put",
        request=EvidenceWantedSerializer,
        responses={200: ItemEvidenceSerializer, 201: ItemEvidenceSerializer},
    )
    def put(self, request: Request, ref: str, tool: str, run_id: str) -> Response:
        """Say how a run of a tool stands, in the place of what was said before; safe to send
        again. `tool` is a name such as mlflow, `run_id` the tool's own id of the run."""
        item = self._item(ref)
        wanted = EvidenceWantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        evidence, is_new = put_evidence(item, tool, run_id, wanted.draft(), actor=self.actor)
        return Response(ItemEvidenceSerializer(evidence).data, status=201 if is_new else 200)

    @extend_schema(operation_id="items_evidence_destroy", responses={204: None})
    def delete(self, request: Request, ref: str, tool: str, run_id: str) -> Response:
        """Take away what a tool said of a run."""
        remove_evidence(find_evidence(self._item(ref), tool, run_id), actor=self.actor)
        return Response(status=204)

    def _item(self, ref: str) -> Item:
        item = self.find_item(ref)
        self.require(item.product)
        return item
