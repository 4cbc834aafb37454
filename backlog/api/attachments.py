"""Files and comments of an item, one by one."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Attachment, Comment
from backlog.queries.item_pages import attachments_of, find_attachment, find_comment
from backlog.serializers.grooming import AttachmentSerializer, NewAttachmentSerializer
from backlog.serializers.items import CommentSerializer, NewCommentSerializer
from backlog.services.attachments import Incoming, add_attachment, opened, remove_attachment
from backlog.services.comments import delete_comment, edit_comment
from mlscrum.web.files import file_answer

ITEM = OpenApiParameter("ref", str, OpenApiParameter.PATH)


@extend_schema(tags=["items"], parameters=[ITEM])
class AttachmentsView(ProductViewSet):
    permissions = {"list": "item.view", "create": "item.edit"}
    parser_classes = [MultiPartParser]
    queryset = Attachment.objects.all()
    serializer_class = AttachmentSerializer
    orderings = {"id": ("id",), "-id": ("-id",)}

    def list(self, request: Request, ref: str) -> Response:
        """The files of an item, oldest first."""
        item = self.find_item(ref, deleted=True)
        self.require(item.product)
        page = self.paginate_queryset(attachments_of(item))
        return self.get_paginated_response(AttachmentSerializer(page, many=True).data)

    @extend_schema(
        request={"multipart/form-data": NewAttachmentSerializer},
        responses={201: AttachmentSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, ref: str) -> Response:
        """Keep a file on an item. What it is is read from its content, never from its name."""
        item = self.find_item(ref)
        self.require(item.product)
        wanted = NewAttachmentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        file = wanted.validated_data["file"]

        def keep() -> Response:
            incoming = Incoming(file.name or "", file.chunks())
            attachment = add_attachment(item, incoming, actor=self.actor)
            answer = Response(AttachmentSerializer(attachment).data, status=201)
            answer["Location"] = request.build_absolute_uri(
                f"/api/v1/items/{item.ref}/attachments/{attachment.pk}/"
            )
            return answer

        return once(request, self.actor, keep)


@extend_schema(tags=["items"], parameters=[ITEM])
class AttachmentView(ProductViewSet):
    permissions = {"retrieve": "item.view", "destroy": "item.edit", "file": "item.view"}
    queryset = Attachment.objects.all()
    serializer_class = AttachmentSerializer

    def retrieve(self, request: Request, ref: str, id: int) -> Response:  # noqa: A002
        """A file of an item: its name, type and size; `file/` has its content."""
        return Response(AttachmentSerializer(self._attachment(ref, id)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, ref: str, id: int) -> Response:  # noqa: A002
        """Take a file off its item, for good."""
        remove_attachment(self._attachment(ref, id, deleted=False), actor=self.actor)
        return Response(status=204)

    @extend_schema(
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)}
    )
    def file(self, request: Request, ref: str, id: int) -> HttpResponseBase:  # noqa: A002
        """The content of a file, as a download."""
        attachment = self._attachment(ref, id)
        return file_answer(opened(attachment), attachment.name)

    def _attachment(self, ref: str, pk: int, *, deleted: bool = True) -> Attachment:
        item = self.find_item(ref, deleted=deleted)
        self.require(item.product)
        return find_attachment(item, pk)


@extend_schema(tags=["items"], parameters=[ITEM])
class CommentView(ProductViewSet):
    permissions = {"partial_update": "item.comment", "destroy": "item.comment"}
    queryset = Comment.objects.all()
    serializer_class = CommentSerializer

    @extend_schema(request=NewCommentSerializer, responses=CommentSerializer)
    def partial_update(self, request: Request, ref: str, id: int) -> Response:  # noqa: A002
        """Say differently what one has said oneself; 403 for the words of others."""
        comment = self._comment(ref, id)
        wanted = NewCommentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changed = edit_comment(comment, wanted.validated_data["text"], actor=self.actor)
        shown: Any = CommentSerializer(changed).data
        return Response(shown)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, ref: str, id: int) -> Response:  # noqa: A002
        """Take back what one has said oneself; the history keeps that it was there."""
        delete_comment(self._comment(ref, id), actor=self.actor)
        return Response(status=204)

    def _comment(self, ref: str, pk: int) -> Comment:
        item = self.find_item(ref)
        self.require(item.product)
        return find_comment(item, pk)
