"""Labels and fields of a product, links of items, and many items at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductView, ProductViewSet
from backlog.api.idempotency import once
from backlog.api.items import read_again, with_labels
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import ExtraField, Item, Label, Link, Product
from backlog.queries.links import LinkEnd, links_of
from backlog.queries.resources import items_by_ref
from backlog.rules import paste
from backlog.serializers.grooming import (
    BulkAnswerSerializer,
    BulkSerializer,
    ExternalItemSerializer,
    ExtraFieldEditSerializer,
    ExtraFieldSerializer,
    LabelSerializer,
    LinkSerializer,
    NewExtraFieldSerializer,
    NewLabelSerializer,
    NewLinkSerializer,
)
from backlog.serializers.items import ItemSerializer, NewItemSerializer
from backlog.services.extra_fields import create_field, delete_field, update_field
from backlog.services.items import (
    ItemDraft,
    create_item,
    create_items,
    edit_items,
    restore_item,
    update_item,
)
from backlog.services.labels import create_label, delete_label, labels_named, update_label
from backlog.services.links import add_link, remove_link
from backlog.services.paste import paste_items
from mlscrum.lib.errors import DomainError, FieldError
from mlscrum.web.problems import faults_of

ITEM = OpenApiParameter("ref", str, OpenApiParameter.PATH)


@extend_schema(tags=["products"])
class LabelsView(ProductViewSet):
    permissions = {
        "list": "product.view",
        "create": "item.edit",
        "partial_update": "item.edit",
        "destroy": "item.edit",
    }
    queryset = Label.objects.all()
    serializer_class = LabelSerializer
    orderings = {"name": ("name", "id")}

    def list(self, request: Request, key: str) -> Response:
        """The labels of a product."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(product.labels.all())
        return self.get_paginated_response(LabelSerializer(page, many=True).data)

    @extend_schema(
        request=NewLabelSerializer, responses={201: LabelSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request, key: str) -> Response:
        """Make a label."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewLabelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            label = create_label(product, actor=self.actor, **wanted.validated_data)
            return Response(LabelSerializer(label).data, status=201)

        return once(request, self.actor, make)

    @extend_schema(request=NewLabelSerializer, responses=LabelSerializer)
    def partial_update(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """Call or colour a label anew, on all its items."""
        label = self._label(key, id)
        wanted = NewLabelSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        changed = update_label(label, actor=self.actor, **wanted.validated_data)
        return Response(LabelSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """Take a label away from the product and from all its items."""
        delete_label(self._label(key, id), actor=self.actor)
        return Response(status=204)

    def _label(self, key: str, pk: int) -> Label:
        product = self.find_product(key)
        self.require(product)
        label = product.labels.filter(pk=pk).first()
        if label is None:
            raise Http404("There is no such label.")
        return label


@extend_schema(tags=["products"])
class FieldsView(ProductViewSet):
    permissions = {
        "list": "product.view",
        "create": "product.edit",
        "partial_update": "product.edit",
        "destroy": "product.edit",
    }
    queryset = ExtraField.objects.all()
    serializer_class = ExtraFieldSerializer
    orderings = {"position": ("position", "id")}

    def list(self, request: Request, key: str) -> Response:
        """The fields that a product adds to its items."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(product.extra_fields.all())
        return self.get_paginated_response(ExtraFieldSerializer(page, many=True).data)

    @extend_schema(
        request=NewExtraFieldSerializer,
        responses={201: ExtraFieldSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Add a field to the items of a product."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewExtraFieldSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            field = create_field(product, actor=self.actor, **wanted.validated_data)
            return Response(ExtraFieldSerializer(field).data, status=201)

        return once(request, self.actor, make)

    @extend_schema(request=ExtraFieldEditSerializer, responses=ExtraFieldSerializer)
    def partial_update(self, request: Request, key: str, slug: str) -> Response:
        """Call a field anew, or give it other choices."""
        field = self._field(key, slug)
        wanted = ExtraFieldEditSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        changed = update_field(field, actor=self.actor, **wanted.validated_data)
        return Response(ExtraFieldSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, slug: str) -> Response:
        """Take a field away, with what items hold in it."""
        delete_field(self._field(key, slug), actor=self.actor)
        return Response(status=204)

    def _field(self, key: str, slug: str) -> ExtraField:
        product = self.find_product(key)
        self.require(product)
        field = product.extra_fields.filter(slug=slug).first()
        if field is None:
            raise Http404(f"There is no field {slug}.")
        return field


@extend_schema(tags=["items"], parameters=[ITEM])
class LinksView(ProductViewSet):
    permissions = {"list": "item.view", "create": "item.edit", "destroy": "item.edit"}
    queryset = Link.objects.all()
    serializer_class = LinkSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=LinkSerializer(many=True))
    def list(self, request: Request, ref: str) -> Response:
        """What the item is to others, and they to it."""
        item = self.find_item(ref, deleted=True)
        self.require(item.product)
        return Response(LinkSerializer(_ends(item), many=True).data)

    @extend_schema(
        request=NewLinkSerializer, responses={201: LinkSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request, ref: str) -> Response:
        """Link the item to another: `blocks`, `relates`, `duplicates`, `needs_data`.

        409 where a circle would close, with the way back.
        """
        item = self.find_item(ref)
        self.require(item.product)
        wanted = NewLinkSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        other = _named(item.product, wanted.validated_data["ref"])

        def make() -> Response:
            link = add_link(item, wanted.validated_data["type"], other, actor=self.actor)
            end = next(end for end in _ends(item) if end.link == link)
            return Response(LinkSerializer(end).data, status=201)

        return once(request, self.actor, make)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, ref: str, id: int) -> Response:  # noqa: A002
        """Take a link away, from either side."""
        item = self.find_item(ref, deleted=True)
        self.require(item.product)
        end = next((end for end in _ends(item) if end.link.pk == id), None)
        if end is None:
            raise Http404("There is no such link.")
        remove_link(end.link, actor=self.actor)
        return Response(status=204)


class BulkView(ProductView):
    permissions = {"post": "item.edit"}

    @extend_schema(
        operation_id="items_bulk",
        request=BulkSerializer,
        responses={200: BulkAnswerSerializer, 201: BulkAnswerSerializer, 207: BulkAnswerSerializer},
        parameters=[IDEMPOTENCY_KEY],
        tags=["items"],
    )
    def post(self, request: Request, key: str) -> Response:
        """Create up to 500 items, or edit as many alike, all or none.

        With `atomic: false` each row stands alone, and 207 says what became of it.
        """
        product = self.find_product(key)
        self.require(product)
        wanted = BulkSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        return once(request, self.actor, lambda: self._done(product, fields))

    def _done(self, product: Product, fields: Mapping[str, Any]) -> Response:
        if "refs" in fields:
            return self._edit(product, fields)
        if "text" in fields:
            lines = paste.parse(fields["text"])
            items = paste_items(product, lines, actor=self.actor)
            return Response({"refs": [item.ref for item in items]}, status=201)
        return self._create(product, fields["items"], atomic=fields["atomic"])

    def _create(
        self, product: Product, rows: Sequence[Mapping[str, Any]], *, atomic: bool
    ) -> Response:
        if not atomic:
            return _row_by_row(
                rows,
                lambda row: create_item(product, self._draft(product, row), actor=self.actor),
            )
        sent = NewItemSerializer(data=list(rows), many=True, context={"product": product})
        sent.is_valid(raise_exception=True)
        with transaction.atomic():
            drafts = [
                ItemDraft(**with_labels(product, row, self.actor)) for row in sent.validated_data
            ]
            items = create_items(product, drafts, actor=self.actor)
        return Response({"refs": [item.ref for item in items]}, status=201)

    def _draft(self, product: Product, row: Mapping[str, Any]) -> ItemDraft:
        sent = NewItemSerializer(data=row, context={"product": product})
        sent.is_valid(raise_exception=True)
        return ItemDraft(**with_labels(product, sent.validated_data, self.actor))

    def _edit(self, product: Product, fields: Mapping[str, Any]) -> Response:
        refs = list(dict.fromkeys(ref.strip().upper() for ref in fields["refs"]))
        found = items_by_ref(product, refs)
        missing = [
            FieldError(f"/refs/{place}", "no_item", f"There is no item {ref} here.")
            for place, ref in enumerate(refs)
            if ref not in found
        ]

        def change(items: Sequence[Item]) -> None:
            edit_items(
                product,
                items,
                actor=self.actor,
                add_labels=labels_named(product, fields.get("add_labels", ()), actor=self.actor),
                remove_labels=_present(product, fields.get("remove_labels", ())),
                **with_labels(product, fields.get("set", {}), self.actor),
            )

        if not fields["atomic"]:
            return _row_by_row(refs, lambda ref: _changed(_named(product, ref), change))
        if missing:
            raise DomainError("invalid", missing[0].detail, errors=missing, status=400)
        with transaction.atomic():
            change([found[ref] for ref in refs])
        return Response({"refs": refs})


class ExternalItemView(ProductView):
    permissions = {"put": "item.edit"}

    @extend_schema(
        operation_id="items_external",
        request=ExternalItemSerializer,
        responses={200: ItemSerializer, 201: ItemSerializer},
        tags=["items"],
    )
    def put(self, request: Request, key: str, source: str, external_id: str) -> Response:
        """Create the item of an id in another system, or change it; safe to run again.

        One that lies in the trash comes back, and `restored` says so.
        """
        product = self.find_product(key)
        self.require(product)
        present = product.items.filter(external_source=source, external_id=external_id).first()
        sent = ExternalItemSerializer(
            data=request.data, partial=present is not None, context={"product": product}
        )
        sent.is_valid(raise_exception=True)
        with transaction.atomic():
            fields = with_labels(product, sent.validated_data, self.actor)
            if present is None:
                outside = {"external_source": source, "external_id": external_id}
                item = create_item(product, ItemDraft(**fields, **outside), actor=self.actor)
                return Response(ItemSerializer(read_again(item)).data, status=201)
            restored = present.deleted_at is not None
            if restored:
                restore_item(present, actor=self.actor)
            item = update_item(present, actor=self.actor, **fields)
        return Response({**ItemSerializer(read_again(item)).data, "restored": restored})


def _ends(item: Item) -> list[LinkEnd]:
    return links_of([item]).get(item.pk, [])


def _named(product: Product, ref: str) -> Item:
    wanted = ref.strip().upper()
    found = items_by_ref(product, [wanted])
    if wanted not in found:
        error = FieldError("/ref", "no_item", f"There is no item {ref} in {product.key}.")
        raise DomainError("invalid", error.detail, errors=[error], status=400)
    return found[wanted]


def _present(product: Product, names: Sequence[str]) -> list[Label]:
    wanted = {name.strip().casefold() for name in names}
    return [label for label in product.labels.all() if label.name.casefold() in wanted]


def _changed(item: Item, change: Callable[[Sequence[Item]], None]) -> Item:
    change([item])
    return item


def _row_by_row(rows: Sequence[Any], deed: Callable[[Any], Item]) -> Response:
    """Do each row by itself; 207 with what became of each."""
    said: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        try:
            with transaction.atomic():
                said.append({"row": place, "ref": deed(row).ref, "status": 200})
        except (DomainError, ValidationError, serializers.ValidationError) as error:
            status, faults = faults_of(error)
            said.append({"row": place, "ref": None, "status": status, "errors": faults})
    done = [line["ref"] for line in said if line["ref"]]
    return Response({"refs": done, "rows": said}, status=207)
