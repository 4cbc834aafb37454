"""Results of checks that ran elsewhere: as they are posted, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.rules.severity import Severity
from backlog.serializers.links import page
from dataquality.ingest.formats import Format
from dataquality.models import Run
from dataquality.serializers.datasets import ContextField, TextOrJson
from dataquality.serializers.runs import GateSerializer, ReasonSerializer
from dataquality.services.ingest import FILED, USUAL_SOURCE, Posted, Taken
from mlscrum.web.parsers import LIMIT, TooLarge
from mlscrum.web.serializers import StrictSerializer

FORMATS = [(form.value, form.value) for form in Format]


class DocumentField(TextOrJson, serializers.JSONField):
    """A document within JSON; in a multipart form, a file or JSON text."""


class ResultsSerializer(StrictSerializer[Posted]):
    """Results to take: `payload` within JSON, called `result` as well, or `file` in a form."""

    format = serializers.ChoiceField(choices=FORMATS)
    result = serializers.JSONField(required=False, help_text="As `payload`.")
    payload = serializers.JSONField(
        required=False,
        help_text="gx: validation_result.to_json_dict(), a list of them, or what "
        "CheckpointResult.describe() says; dbt: run_results.json; junit: the XML as a text; "
        'generic: {"checks": [{"fingerprint", "title", "outcome", "severity"}]}.',
    )
    file = serializers.FileField(required=False, allow_empty_file=True)
    manifest = serializers.JSONField(
        required=False, help_text="dbt: manifest.json, or the nodes of it that are needed."
    )
    dataset = serializers.SlugField(
        max_length=80,
        required=False,
        help_text="All of it is about this one; else results are matched by asset, by dbt id or "
        "by relation name.",
    )
    create_missing = serializers.BooleanField(
        required=False, default=False, help_text="Make datasets for names that nobody knows yet."
    )
    source = serializers.RegexField(
        r"^[a-z0-9][a-z0-9_.-]*$",
        max_length=60,
        required=False,
        default=USUAL_SOURCE,
        error_messages={"invalid": "A source is lower case letters, digits, and . _ - between."},
        help_text="Who speaks; a source resolves only its own findings.",
    )
    severity = serializers.ChoiceField(
        choices=[(s.value, s.value) for s in Severity],
        required=False,
        default=Severity.CRITICAL.value,
        help_text="junit: of all test cases, which have none.",
    )
    context = ContextField(required=False)
    external_id = serializers.CharField(
        max_length=100,
        required=False,
        help_text="Names this report, as a CI job does: the same again changes nothing.",
    )
    batch = serializers.CharField(
        max_length=120, required=False, help_text="Which part of the data was looked at."
    )
    as_of = serializers.DateTimeField(
        required=False, help_text="When the data was so; else when it was checked, as it says."
    )

    def to_internal_value(self, data: Any) -> Any:
        kept = data.get("manifest") if hasattr(data, "get") else None
        if not isinstance(kept, UploadedFile):
            return super().to_internal_value(data)
        rest = data.copy()
        rest.pop("manifest")
        return super().to_internal_value(rest) | {"manifest": kept}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"file", "result", "payload"} & set(attrs)) != 1:
            raise serializers.ValidationError(
                {"payload": "Send the results as payload within JSON, or as file in a form."}
            )
        sizes = [file.size or 0 for file in attrs.values() if isinstance(file, UploadedFile)]
        if sum(sizes) > LIMIT:
            raise TooLarge(
                "Results and manifest hold up to 5 MB together; of a manifest, send the nodes that "
                "were tested."
            )
        return attrs


class ResultsFormSerializer(ResultsSerializer):
    """Results to take as a file, in a multipart form."""

    file = serializers.FileField(allow_empty_file=True)
    result = None
    payload = None


class PostedReasonSerializer(ReasonSerializer):
    """Why a gate is shut, and whose gate it is."""

    dataset = serializers.CharField(allow_null=True)


class PostedGateSerializer(serializers.Serializer[Posted]):
    """The gates of all that was posted as one: passed where each is."""

    passed = serializers.BooleanField()
    state = serializers.CharField()
    reasons = PostedReasonSerializer(many=True)
    run = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    commit = serializers.CharField(allow_null=True)
    checked_at = serializers.DateTimeField()
    age_s = serializers.FloatField(allow_null=True)
    health = serializers.FloatField(allow_null=True)
    url = serializers.CharField()


class TakenSerializer(serializers.Serializer[Taken]):
    """What became of the results about one dataset, or about none."""

    dataset = serializers.SerializerMethodField()
    run = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    gate = serializers.SerializerMethodField()
    already_taken = serializers.SerializerMethodField()

    def get_dataset(self, taken: Taken) -> str | None:
        return taken.dataset.slug if taken.dataset else None

    def get_run(self, taken: Taken) -> int | None:
        return taken.run.pk if taken.run else None

    def get_state(self, taken: Taken) -> str | None:
        return taken.run.state if taken.run else None

    def get_url(self, taken: Taken) -> str | None:
        return _page_of(taken.run) if taken.run else None

    @extend_schema_field(GateSerializer(allow_null=True))
    def get_gate(self, taken: Taken) -> Any:
        if taken.dataset is None:
            return None
        return GateSerializer(taken.gate, context={"dataset": taken.dataset}).data

    def get_already_taken(self, taken: Taken) -> bool:
        return not taken.is_new


class UnmatchedSerializer(serializers.Serializer[Any]):
    """A name that no dataset here is known by."""

    name = serializers.CharField()
    results = serializers.IntegerField()


class PostedSerializer(serializers.Serializer[Posted]):
    """What was done: refs of items; of a dry run, the titles of those that would be new.

    `run` is null where there are several, or none: see `runs`.
    """

    run = serializers.IntegerField(allow_null=True)
    gate = PostedGateSerializer()
    tracked = serializers.BooleanField()
    created = serializers.ListField(child=serializers.CharField())
    updated = serializers.ListField(child=serializers.CharField())
    reopened = serializers.ListField(child=serializers.CharField())
    resolved = serializers.ListField(child=serializers.CharField())
    errored = serializers.ListField(child=serializers.CharField())
    awaiting = serializers.IntegerField()
    runs = TakenSerializer(many=True)
    unmatched = UnmatchedSerializer(many=True)
    datasets_created = serializers.ListField(child=serializers.CharField())
    dry_run = serializers.BooleanField()


def answer_of(product_key: str, posted: Posted, *, dry_run: bool, now: datetime) -> dict[str, Any]:
    """What is answered to a posting."""
    shown = {
        "run": posted.run.pk if posted.run else None,
        "gate": _gate(product_key, posted, now),
        "tracked": posted.tracked,
        **{name: posted.refs(name) for name in FILED},
        "awaiting": posted.awaiting,
        "runs": posted.taken,
        "unmatched": [{"name": name, "results": n} for name, n in posted.unmatched],
        "datasets_created": posted.made,
        "dry_run": dry_run,
    }
    return dict(PostedSerializer(shown).data)


def _gate(product_key: str, posted: Posted, now: datetime) -> dict[str, Any]:
    only = posted.taken[0] if len(posted.taken) == 1 else None
    gate = only.gate if only else None
    return {
        "passed": posted.state == "passed",
        "state": posted.state,
        "reasons": [
            {
                "code": reason.code,
                "detail": reason.detail,
                "finding": reason.finding,
                "item": reason.item,
                "dataset": taken.dataset.slug if taken.dataset else None,
            }
            for taken in posted.taken
            for reason in taken.gate.reasons
        ],
        "run": posted.run.pk if posted.run else None,
        "version": None,
        "commit": next((taken.gate.commit for taken in posted.taken if taken.gate.commit), None),
        "checked_at": gate.checked_at if gate else now,
        "age_s": gate.age_s if gate else None,
        "health": gate.health if gate else None,
        "url": page("dataquality:dataset", product_key, only.dataset.slug)
        if only and only.dataset
        else page("dataquality:datasets", product_key),
    }


def _page_of(run: Run) -> str:
    return page("dataquality:run", run.dataset.product.key, run.pk)
