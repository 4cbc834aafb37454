"""Archives of products as REST shows them."""

from __future__ import annotations

from rest_framework import serializers

from backlog.models import ProductExport
from backlog.serializers.links import page

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
