"""Items: list, create, read, edit, delete, bring back; comments and activity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import ETAG, IDEMPOTENCY_KEY, IF_MATCH
from backlog.forms.filters import ItemFilters
from backlog.models import Activity, Actor, Comment, Item, Label, Product
from backlog.queries.resources import activity_of, comments_of, items_of, rows_of, with_row
from backlog.serializers.items import (
    ActivitySerializer,
    CommentSerializer,
    ItemEditSerializer,
    ItemSerializer,
    NewCommentSerializer,
    NewItemSerializer,
)
from backlog.services.findings import delete_item
from backlog.services.items import ItemDraft, comment, create_item, restore_item, update_item
from backlog.services.labels import labels_named
from mlscrum.web.etags import etag_of, matched_version
from mlscrum.web.serializers import StrictSerializer


class FateSerializer(StrictSerializer[Item]):
    """What becomes of the findings of an item that is deleted."""

    findings = serializers.ChoiceField(
        choices=["keep", "mute", "resolve"],
        required=False,
        help_text="`keep`: the next red brings the item back.",
    )
    until = serializers.DateTimeField(required=False, help_text="How long they are muted.")
    reason = serializers.CharField(
        required=False, max_length=20, help_text="Why they are resolved."
    )


@extend_schema(tags=["items"])
class ItemsView(ProductViewSet):
    permissions = {"list": "item.view", "create": "item.edit"}
    queryset = Item.objects.all()
    serializer_class = ItemSerializer
    filterset_class = ItemFilters
    open_parameters = ("fields.",)
    orderings = {
        # A rank is unique within its backlog: the product backlog, the inbox, then each sprint.
        "rank": ("backlog_id", "rank"),
        "-updated_at": ("-updated_at", "-id"),
        "updated_at": ("updated_at", "id"),
        "number": ("number",),
        "-number": ("-number",),
    }

    def list(self, request: Request, key: str) -> Response:
        """The items of a product, in the order of its backlogs.

        The product's own fields filter as `fields.<slug>=value`, or `fields.<slug>__not=value`:
        several times for any of several values, `none` for items without one.
        """
        product = self.find_product(key)
        self.require(product)
        self.filter_arguments = {"product": product}
        page = self.paginate_queryset(rows_of(self.filter_queryset(items_of(product))))
        return self.get_paginated_response(ItemSerializer(page, many=True).data)

    @extend_schema(
        request=NewItemSerializer,
        responses={201: ItemSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Add an item to the bottom of the product backlog."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewItemSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)

        def add() -> Response:
            draft = ItemDraft(**with_labels(product, wanted.validated_data, self.actor))
            item = create_item(product, draft, actor=self.actor)
            answer = _answer(read_again(item), status=201)
            answer["Location"] = request.build_absolute_uri(f"/api/v1/items/{item.ref}/")
            return answer

        return once(request, self.actor, add)


@extend_schema(tags=["items"])
class ItemView(ProductViewSet):
    permissions = {
        "retrieve": "item.view",
        "partial_update": "item.edit",
        "destroy": "item.edit",
        "restore": "item.edit",
    }
    query_parameters = {"destroy": ("findings", "until", "reason")}
    queryset = Item.objects.all()
    serializer_class = ItemSerializer
    lookup_field = "ref"

    @extend_schema(responses=ItemSerializer, parameters=[ETAG])
    def retrieve(self, request: Request, ref: str) -> Response:
        """An item; one from the trash has `deleted_at`."""
        product, items = self.sought(ref, deleted=True)
        item = with_row(items).first()
        if item is None:  # a ref of before it moved to another product means it still
            return _answer(read_again(self._item(ref, deleted=True)))
        self.require(product)
        return _answer(item)

    @extend_schema(
        request=ItemEditSerializer, responses=ItemSerializer, parameters=[IF_MATCH, ETAG]
    )
    def partial_update(self, request: Request, ref: str) -> Response:
        """Change fields of an item.

        With `If-Match`, 412 where anything has changed since. With `version` in the body, changes
        of other fields by others stay, and 409 lists the `conflicts` where the same field changed.
        """
        item = self._item(ref, deleted=True)
        wanted = ItemEditSerializer(
            item, data=request.data, partial=True, context={"product": item.product}
        )
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        # New labels come with the change or not at all.
        with transaction.atomic() if "labels" in fields else nullcontext():
            changed = update_item(
                item,
                actor=self.actor,
                base_version=fields.pop("version", None),
                exact_version=matched_version(request, item.version),
                **with_labels(item.product, fields, self.actor),
            )
        return _answer(read_again(changed))

    @extend_schema(
        responses={204: None},
        parameters=[IF_MATCH, FateSerializer],
    )
    def destroy(self, request: Request, ref: str) -> Response:
        """Put an item into the trash, from where it can come back for 30 days."""
        item = self._item(ref)
        fate = FateSerializer(data=request.query_params.dict())
        fate.is_valid(raise_exception=True)
        delete_item(
            item,
            actor=self.actor,
            exact_version=matched_version(request, item.version),
            **fate.validated_data,
        )
        return Response(status=204)

    @extend_schema(request=None, responses=ItemSerializer)
    def restore(self, request: Request, ref: str) -> Response:
        """Bring an item back from the trash, to the top of the product backlog."""
        item = restore_item(self._item(ref, deleted=True), actor=self.actor)
        return _answer(read_again(item))

    def _item(self, ref: str, *, deleted: bool = False) -> Item:
        item = self.find_item(ref, deleted=deleted)
        self.require(item.product)
        return item


@extend_schema(tags=["items"], parameters=[OpenApiParameter("ref", str, OpenApiParameter.PATH)])
class CommentsView(ProductViewSet):
    permissions = {"list": "item.view", "create": "item.comment"}
    queryset = Comment.objects.all()
    serializer_class = CommentSerializer
    orderings = {"id": ("id",), "-id": ("-id",)}

    def list(self, request: Request, ref: str) -> Response:
        """What people and the evidence said on an item, oldest first."""
        item = self.find_item(ref, deleted=True)
        self.require(item.product)
        page = self.paginate_queryset(comments_of(item))
        return self.get_paginated_response(CommentSerializer(page, many=True).data)

    @extend_schema(
        request=NewCommentSerializer,
        responses={201: CommentSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, ref: str) -> Response:
        """Say something on an item, in Markdown."""
        item = self.find_item(ref)
        self.require(item.product)
        wanted = NewCommentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def say() -> Response:
            said = comment(item, wanted.validated_data["text"], actor=self.actor)
            return Response(CommentSerializer(said).data, status=201)

        return once(request, self.actor, say)


@extend_schema(tags=["items"], parameters=[OpenApiParameter("ref", str, OpenApiParameter.PATH)])
class ItemActivityView(ProductViewSet):
    permissions = {"list": "item.view"}
    queryset = Activity.objects.all()
    serializer_class = ActivitySerializer
    orderings = {"-seq": ("-seq",), "seq": ("seq",)}

    def list(self, request: Request, ref: str) -> Response:
        """What was done to an item, newest first."""
        item = self.find_item(ref, deleted=True)
        self.require(item.product)
        page = self.paginate_queryset(activity_of(item))
        return self.get_paginated_response(ActivitySerializer(page, many=True).data)


def with_labels(product: Product, fields: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """The fields with labels for their names; those that the product lacks are made."""
    return rows_with_labels(product, [fields], actor)[0]


def rows_with_labels(
    product: Product, rows: Sequence[Mapping[str, Any]], actor: Actor
) -> list[dict[str, Any]]:
    """As `with_labels`, with one look at the product's labels for all rows."""
    names = [name for row in rows for name in row.get("labels", ())]
    known = {label.name.casefold(): label for label in labels_named(product, names, actor=actor)}
    return [
        {**row, "labels": list(dict.fromkeys(_named(known, row["labels"])))}
        if "labels" in row
        else dict(row)
        for row in rows
    ]


def _named(known: Mapping[str, Label], names: Sequence[str]) -> Iterator[Label]:
    for name in names:
        if plain := " ".join(name.split()):
            yield known[plain.casefold()]


def read_again(item: Item) -> Item:
    """The item with all that its resource shows."""
    found: Item = with_row(Item.objects.filter(pk=item.pk)).get()
    return found


def _answer(item: Item, *, status: int = 200) -> Response:
    shown: Any = ItemSerializer(item).data
    return Response(shown, status=status, headers={"ETag": etag_of(item.version)})
