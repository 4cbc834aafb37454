"""Labels and fields of a product, links of items, and many items at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from backlog.access.api import ProductView, ProductViewSet
from backlog.api.idempotency import once
from backlog.api.items import read_again, rows_with_labels, with_labels
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
from backlog.services.ranks import lock_all_backlogs
from mlscrum.lib.errors import DomainError, FieldError
from mlscrum.web.problems import faults_of

ViewSet = TypeVar("ViewSet", bound="PartsView")
ITEM = OpenApiParameter("ref", str, OpenApiParameter.PATH)


def of_parts(
    read: type[BaseSerializer[Any]],
    new: type[BaseSerializer[Any]],
    edit: type[BaseSerializer[Any]],
    **said: str,
) -> Callable[[type[ViewSet]], type[ViewSet]]:
    """The serializers of a PartsView, and what its schema says of each of its actions."""

    def named(view: type[ViewSet]) -> type[ViewSet]:
        view.serializer_class = read
        view.new_serializer, view.edit_serializer = new, edit
        schema: dict[str, dict[str, Any]] = {
            "list": {},
            "create": {
                "request": new,
                "responses": {201: read},
                "parameters": [IDEMPOTENCY_KEY],
            },
            "partial_update": {"request": edit, "responses": read},
            "destroy": {"responses": {204: None}},
        }
        described = {
            action: extend_schema(tags=["products"], description=said[action], **details)
            for action, details in schema.items()
        }
        decorated: type[ViewSet] = extend_schema_view(**described)(view)
        return decorated

    return named


class PartsView(ProductViewSet, ABC):
    """Small things of a product, all listed, made, changed and taken away in the same manner."""

    new_serializer: ClassVar[type[BaseSerializer[Any]]]
    edit_serializer: ClassVar[type[BaseSerializer[Any]]]
    noun: ClassVar[str]

    @abstractmethod
    def parts(self, product: Product) -> QuerySet[Any]:
        """Those of a product."""

    @abstractmethod
    def make(self, product: Product, fields: Mapping[str, Any]) -> Any:
        """A new one."""

    @abstractmethod
    def change(self, part: Any, fields: Mapping[str, Any]) -> Any:
        """The part as these fields make it."""

    @abstractmethod
    def take_away(self, part: Any) -> None:
        """Without it from now on."""

    def list(self, request: Request, key: str) -> Response:
        page = self.paginate_queryset(self.parts(self._permitted(key)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def create(self, request: Request, key: str) -> Response:
        product = self._permitted(key)
        wanted = self.new_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            part = self.make(product, wanted.validated_data)
            return Response(self.get_serializer(part).data, status=201)

        return once(request, self.actor, make)

    def partial_update(self, request: Request, key: str, **which: Any) -> Response:
        part = self._part(key, which)
        wanted = self.edit_serializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        return Response(self.get_serializer(self.change(part, wanted.validated_data)).data)

    def destroy(self, request: Request, key: str, **which: Any) -> Response:
        self.take_away(self._part(key, which))
        return Response(status=204)

    def _permitted(self, key: str) -> Product:
        product = self.find_product(key)
        self.require(product)
        return product

    def _part(self, key: str, which: Mapping[str, Any]) -> Any:
        part = self.parts(self._permitted(key)).filter(**which).first()
        if part is None:
            raise Http404(f"There is no such {self.noun}.")
        return part


@of_parts(
    LabelSerializer,
    NewLabelSerializer,
    NewLabelSerializer,
    list="The labels of a product.",
    create="Make a label.",
    partial_update="Call or colour a label anew, on all its items.",
    destroy="Take a label away from the product and from all its items.",
)
class LabelsView(PartsView):
    permissions = {
        "list": "product.view",
        "create": "item.edit",
        "partial_update": "item.edit",
        "destroy": "item.edit",
    }
    queryset = Label.objects.all()
    orderings = {"name": ("name", "id")}
    noun = "label"

    def parts(self, product: Product) -> QuerySet[Label]:
        return product.labels.all()

    def make(self, product: Product, fields: Mapping[str, Any]) -> Label:
        return create_label(product, actor=self.actor, **fields)

    def change(self, part: Label, fields: Mapping[str, Any]) -> Label:
        return update_label(part, actor=self.actor, **fields)

    def take_away(self, part: Label) -> None:
        delete_label(part, actor=self.actor)


@of_parts(
    ExtraFieldSerializer,
    NewExtraFieldSerializer,
    ExtraFieldEditSerializer,
    list="The fields that a product adds to its items.",
    create="Add a field to the items of a product.",
    partial_update="Call a field anew, or give it other choices.",
    destroy="Take a field away, with what items hold in it.",
)
class FieldsView(PartsView):
    permissions = {
        "list": "product.view",
        "create": "product.edit",
        "partial_update": "product.edit",
        "destroy": "product.edit",
    }
    queryset = ExtraField.objects.all()
    orderings = {"position": ("position", "id")}
    noun = "field"

    def parts(self, product: Product) -> QuerySet[ExtraField]:
        return product.extra_fields.all()

    def make(self, product: Product, fields: Mapping[str, Any]) -> ExtraField:
        return create_field(product, actor=self.actor, **fields)

    def change(self, part: ExtraField, fields: Mapping[str, Any]) -> ExtraField:
        return update_field(part, actor=self.actor, **fields)

    def take_away(self, part: ExtraField) -> None:
        delete_field(part, actor=self.actor)


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
        remove_link(end.link, side=item, actor=self.actor)
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
            with transaction.atomic():
                lock_all_backlogs(product)
                items = paste_items(product, lines, actor=self.actor)
            return Response({"refs": [item.ref for item in items]}, status=201)
        return self._create(product, fields["items"], atomic=fields["atomic"])

    def _create(
        self, product: Product, rows: Sequence[Mapping[str, Any]], *, atomic: bool
    ) -> Response:
        if not atomic:
            return _row_by_row(
                product,
                rows,
                lambda row: create_item(product, self._draft(product, row), actor=self.actor),
            )
        sent = NewItemSerializer(data=list(rows), many=True, context={"product": product})
        sent.is_valid(raise_exception=True)
        with transaction.atomic():
            wanted = rows_with_labels(product, sent.validated_data, self.actor)
            drafts = [ItemDraft(**row) for row in wanted]
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
            return _row_by_row(product, refs, lambda ref: _changed(_named(product, ref), change))
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
            present, data=request.data, partial=present is not None, context={"product": product}
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


def _row_by_row(product: Product, rows: Sequence[Any], deed: Callable[[Any], Item]) -> Response:
    """Do each row by itself; 207 with what became of each.

    With an Idempotency-Key all of them share one transaction, and the first holds the sequence
    number until its end: whatever a later one locks has to be locked before it.
    """
    said: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        try:
            with transaction.atomic():
                lock_all_backlogs(product)
                said.append({"row": place, "ref": deed(row).ref, "status": 200})
        except (DomainError, ValidationError, serializers.ValidationError) as error:
            status, faults = faults_of(error)
            said.append({"row": place, "ref": None, "status": status, "errors": faults})
    done = [line["ref"] for line in said if line["ref"]]
    return Response({"refs": done, "rows": said}, status=207)
