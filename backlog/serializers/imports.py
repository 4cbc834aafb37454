"""Imports: as they are asked for, as they are read, and what became of each row."""

from __future__ import annotations

from io import BytesIO
from typing import Any, TypedDict

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException

from backlog.importers.formats import FORMATS
from backlog.models import Import, ImportLine
from backlog.queries.imports import ImportRow
from backlog.serializers.links import page
from mlscrum.lib.errors import DomainError
from mlscrum.web.parsers import StrictJSONParser
from mlscrum.web.serializers import StrictSerializer


class ImportFault(TypedDict):
    code: str
    detail: str


class MappingField(serializers.DictField):
    """Choices that change the proposed mapping; in a multipart form as JSON text."""

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            try:
                data = StrictJSONParser().parse(BytesIO(data.encode(errors="surrogatepass")))
            except (APIException, DomainError):
                raise serializers.ValidationError("Send JSON.", code="bad_json") from None
        return super().to_internal_value(data)


class NewImportSerializer(StrictSerializer[Import]):
    """A file to import. Without a mapping the proposed one is taken."""

    file = serializers.FileField(allow_empty_file=True)
    format = serializers.ChoiceField(choices=list(FORMATS), required=False)
    mapping = MappingField(required=False)
    dry_run = serializers.BooleanField(required=False, default=False)


class ImportCountsSerializer(serializers.Serializer[Any]):
    """How many rows become, or became, what; errors and warnings count rows that have some."""

    new = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    skipped = serializers.IntegerField()
    errors = serializers.IntegerField()
    warnings = serializers.IntegerField()


class DroppedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    reason = serializers.CharField()


class RevertedSerializer(serializers.Serializer[Any]):
    """What a revert did, in items and in `sprints` that it took away; `said` are the first
    sentences about what was left alone, and so many `more` stand in the rows."""

    deleted = serializers.IntegerField()
    given_back = serializers.IntegerField()
    kept = serializers.IntegerField()
    sprints = serializers.IntegerField()
    said = serializers.ListField(child=serializers.CharField())
    more = serializers.IntegerField()


class ImportSerializer(serializers.Serializer[ImportRow]):
    """A file on its way into the backlog; `progress` is 0 to 1, `job` what to cancel."""

    id = serializers.IntegerField(source="imported.pk")
    filename = serializers.CharField(source="imported.filename")
    format = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=Import.State.choices, source="imported.state")
    progress = serializers.SerializerMethodField()
    message = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField()
    rows = serializers.IntegerField(source="imported.rows")
    counts = ImportCountsSerializer()
    sprints = serializers.SerializerMethodField()
    mapping = serializers.DictField(source="imported.mapping")
    dropped = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="imported.created_at")
    finished_at = serializers.DateTimeField(source="imported.finished_at", allow_null=True)
    reverted_at = serializers.DateTimeField(source="imported.reverted_at", allow_null=True)
    reverted = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_format(self, row: ImportRow) -> str:
        return str(row.imported.mapping["format"])

    def get_progress(self, row: ImportRow) -> float:
        job = row.imported.present_job
        return float(job.progress) if job else 0.0

    def get_message(self, row: ImportRow) -> str:
        job = row.imported.present_job
        return job.message if job else ""

    def get_error(self, row: ImportRow) -> ImportFault | None:
        job = row.imported.failed_revert or row.imported.present_job
        if job is None or not job.error_code:
            return None
        return {"code": job.error_code, "detail": job.message}

    def get_job(self, row: ImportRow) -> int | None:
        job = row.imported.present_job
        return job.pk if job else None

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_sprints(self, row: ImportRow) -> list[str]:
        """The names of the sprints that come along as history, or came."""
        return list(row.imported.found.get("sprints", []))

    def get_dropped(self, row: ImportRow) -> list[dict[str, str]]:
        return list(row.imported.found.get("dropped", []))

    @extend_schema_field(RevertedSerializer(allow_null=True))
    def get_reverted(self, row: ImportRow) -> dict[str, Any] | None:
        return {"sprints": 0, **row.imported.reverted} if row.imported.reverted else None

    def get_url(self, row: ImportRow) -> str:
        return page("backlog:import", row.imported.product.key, row.imported.pk)


class RowProblemSerializer(serializers.Serializer[Any]):
    """What to know of a row; an error keeps it out, a warning says what was changed or left out."""

    level = serializers.ChoiceField(choices=ImportLine.Level.choices)
    column = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ImportLineSerializer(serializers.Serializer[ImportLine]):
    """A row of the file, numbered as spreadsheets do; row 0 is the file as a whole."""

    row = serializers.IntegerField()
    external_id = serializers.CharField()
    title = serializers.CharField()
    outcome = serializers.ChoiceField(choices=ImportLine.Outcome.choices, allow_blank=True)
    ref = serializers.CharField(source="item.ref", default=None, allow_null=True)
    problems = RowProblemSerializer(many=True)
