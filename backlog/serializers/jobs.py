"""Jobs as they are read."""

from __future__ import annotations

from typing import TypedDict

from rest_framework import serializers

from backlog.models import Job


class JobError(TypedDict):
    code: str
    detail: str


class JobSerializer(serializers.Serializer[Job]):
    """A piece of long work; `progress` is 0 to 1."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    product = serializers.CharField(source="product.key", default=None, allow_null=True)
    state = serializers.ChoiceField(choices=Job.State.choices)
    progress = serializers.FloatField()
    message = serializers.CharField()
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_error(self, job: Job) -> JobError | None:
        if not job.error_code:
            return None
        return {"code": job.error_code, "detail": job.message}
