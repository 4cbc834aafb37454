"""Archives of products as REST shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.models import ProductExport, ProductImport
from backlog.serializers.jobs import JobError
from backlog.serializers.links import page
from mlscrum.web.serializers import StrictSerializer

STATES = ("queued", "running", "done", "failed", "cancelled")


class ProductExportSerializer(serializers.Serializer[ProductExport]):
    """A whole product as one archive; `file` is where it is downloaded once it is done."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=[(state, state) for state in STATES])
    progress = serializers.SerializerMethodField()
    job = serializers.IntegerField(source="job_id", allow_null=True)
    bytes = serializers.IntegerField()
    rows = serializers.IntegerField()
    files = serializers.IntegerField()
    requested_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    file = serializers.SerializerMethodField()

    def get_progress(self, export: ProductExport) -> float:
        if export.finished_at is not None:
            return 1.0
        return export.job.progress if export.job else 0.0

    def get_file(self, export: ProductExport) -> str | None:
        if not export.file:
            return None
        return page("api-product-export-file", export.product.key, export.pk)


class ArchiveSerializer(serializers.Serializer[Any]):
    """What an archive says of the product in it, of what made it and when."""

    key = serializers.CharField()
    name = serializers.CharField()
    items = serializers.IntegerField()
    version = serializers.CharField()
    made_at = serializers.DateTimeField()


class ProductImportSerializer(serializers.Serializer[ProductImport]):
    """An archive that becomes a product under this `key` and `name`: `new` until it is started.
    `product` is the key of what it became."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=[(state, state) for state in ("new", *STATES)])
    progress = serializers.SerializerMethodField()
    key = serializers.CharField()
    name = serializers.CharField()
    archive = ArchiveSerializer(source="said")
    filename = serializers.CharField()
    bytes = serializers.IntegerField()
    by = serializers.EmailField(source="user.email")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    product = serializers.CharField(source="product.key", default=None, allow_null=True)
    error = serializers.SerializerMethodField()

    def get_progress(self, arriving: ProductImport) -> float:
        if arriving.finished_at is not None:
            return 1.0
        return arriving.job.progress if arriving.job else 0.0

    def get_error(self, arriving: ProductImport) -> JobError | None:
        job = arriving.job
        if job is None or not job.error_code:
            return None
        return {"code": job.error_code, "detail": job.message}


class ArrivingPersonSerializer(serializers.Serializer[Any]):
    """Somebody whom the archive names; `meant` is the address of who here was chosen for them."""

    email = serializers.CharField()
    name = serializers.CharField()
    meant = serializers.CharField(allow_null=True)


class ProductImportDetailSerializer(ProductImportSerializer):
    """The same with the people of the archive."""

    people = serializers.SerializerMethodField()

    @extend_schema_field(ArrivingPersonSerializer(many=True))
    def get_people(self, arriving: ProductImport) -> list[dict[str, str | None]]:
        meant = {there.lower(): here for there, here in arriving.people.items()}
        return [
            {"email": email, "name": name, "meant": meant.get(email.lower()) or None}
            for email, name in arriving.said["people"]
        ]


class NewProductImportSerializer(StrictSerializer[ProductImport]):
    """An archive that a product owner made, here or elsewhere."""

    file = serializers.FileField(allow_empty_file=True)


class StartProductImportSerializer(StrictSerializer[ProductImport]):
    """What an archive becomes: by default its own name, under its own key or a free one like it.
    `people` says by addresses in the archive who here is meant; others are whoever has the same
    address."""

    key = serializers.CharField(max_length=10, required=False)
    name = serializers.CharField(max_length=120, required=False)
    people = serializers.DictField(child=serializers.EmailField(), required=False)
