"""Runs, results, suites, profiles and gates: as they are read and asked for."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from backlog.rules.severity import Severity
from backlog.serializers.context import ContextSerializer
from backlog.serializers.links import page
from dataquality.models import Run, RunState, SuiteVersion
from dataquality.queries.gates import Gate
from dataquality.queries.overviews import ResultLine
from mlscrum.web.serializers import StrictSerializer

LONGEST_WAIT_S = 60
SEVERITIES = [(severity.value, severity.value) for severity in Severity]


class RunSerializer(serializers.Serializer[Run]):
    """A run as lists show it; `progress` is 0 to 1."""

    id = serializers.IntegerField()
    dataset = serializers.CharField(source="dataset.slug")
    version = serializers.IntegerField(source="version.number", default=None, allow_null=True)
    batch = serializers.CharField(source="data_key")
    suite_version = serializers.IntegerField(
        source="suite_version.number", default=None, allow_null=True
    )
    engine = serializers.CharField(help_text="What carried it out; of results posted, its format.")
    source = serializers.CharField(help_text="gx: our own runs; else whoever posted it.")
    external_id = serializers.CharField(allow_blank=True)
    trigger = serializers.CharField()
    context = serializers.JSONField()
    tracked = serializers.BooleanField()
    state = serializers.ChoiceField(choices=RunState.choices)
    progress = serializers.FloatField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    statistics = serializers.JSONField()
    awaiting = serializers.IntegerField()
    samples_removed_at = serializers.DateTimeField(
        allow_null=True, help_text="When its failing rows were removed, as their time was up."
    )
    error = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_error(self, run: Run) -> dict[str, str] | None:
        return {"code": run.error_code, "detail": run.error_detail} if run.error_code else None

    def get_url(self, run: Run) -> str:
        return page("dataquality:run", run.dataset.product.key, run.pk)


class ResultSerializer(serializers.Serializer[ResultLine]):
    """What one check said; values stand in it only for who may see them."""

    position = serializers.IntegerField(source="result.position")
    type = serializers.CharField(source="result.type")
    column = serializers.CharField(source="result.column")
    kwargs = serializers.JSONField(source="result.kwargs")
    severity = serializers.CharField(source="result.severity")
    guard = serializers.BooleanField(source="result.guard")
    outcome = serializers.CharField(source="result.outcome")
    observed_value = serializers.SerializerMethodField()
    element_count = serializers.IntegerField(source="result.element_count", allow_null=True)
    unexpected_count = serializers.IntegerField(source="result.unexpected_count", allow_null=True)
    unexpected_percent = serializers.FloatField(source="result.unexpected_percent", allow_null=True)
    sample = serializers.JSONField()
    message = serializers.CharField(source="told")
    finding = serializers.IntegerField(source="result.finding_id", allow_null=True)
    item = serializers.CharField(source="item.ref", default=None, allow_null=True)

    def get_observed_value(self, line: ResultLine) -> Any:
        shows = self.context.get("shows_values") or line.result.guard
        return line.result.observed_value if shows else None


class ComparedSerializer(serializers.Serializer[Any]):
    """What one check said in one of two runs."""

    position = serializers.IntegerField(source="result.position")
    outcome = serializers.CharField(source="result.outcome")
    observed_value = serializers.SerializerMethodField()
    unexpected_count = serializers.IntegerField(source="result.unexpected_count", allow_null=True)
    unexpected_percent = serializers.FloatField(source="result.unexpected_percent", allow_null=True)

    def get_observed_value(self, line: ResultLine) -> Any:
        shows = self.context.get("shows_values") or line.result.guard
        return line.result.observed_value if shows else None


class PairSerializer(serializers.Serializer[Any]):
    """One check in two runs; null where a run does not have it."""

    type = serializers.CharField(source="line.result.type")
    column = serializers.CharField(source="line.result.column")
    severity = serializers.CharField(source="line.result.severity")
    words = serializers.CharField(source="line.words")
    finding = serializers.IntegerField(source="line.result.finding_id", allow_null=True)
    item = serializers.CharField(source="line.item.ref", default=None, allow_null=True)
    before = ComparedSerializer(allow_null=True)
    now = ComparedSerializer(allow_null=True)


class ComparisonSerializer(serializers.Serializer[Any]):
    """Two runs side by side; what could not run in the later one fails nowhere."""

    before = serializers.IntegerField(source="before.pk")
    now = serializers.IntegerField(source="now.pk")
    health_change = serializers.FloatField(allow_null=True, help_text="Percentage points.")
    new_failures = PairSerializer(many=True)
    fixed = PairSerializer(many=True)
    still_failing = PairSerializer(many=True)
    could_not_run = PairSerializer(many=True)
    changed = PairSerializer(many=True, help_text="Fails in neither, but with other figures.")
    only_now = PairSerializer(many=True)
    only_before = PairSerializer(many=True)
    same = serializers.SerializerMethodField(help_text="How many checks said the same.")

    def get_same(self, comparison: Any) -> int:
        return len(comparison.same)


class HistoryPointSerializer(serializers.Serializer[Any]):
    """One check in one run."""

    run = serializers.IntegerField()
    outcome = serializers.CharField()
    unexpected_percent = serializers.FloatField(source="percent", allow_null=True)
    observed_value = serializers.JSONField(
        source="observed", help_text="null for who may not see values."
    )


class CheckHistorySerializer(serializers.Serializer[Any]):
    """One check of the newest run over time."""

    fingerprint = serializers.CharField()
    type = serializers.CharField()
    column = serializers.CharField()
    severity = serializers.CharField()
    words = serializers.CharField()
    points = HistoryPointSerializer(many=True)


class MomentSerializer(serializers.Serializer[Any]):
    """One run in the history of its dataset."""

    run = serializers.IntegerField(source="run.pk")
    at = serializers.DateTimeField(help_text="The time of its data.")
    state = serializers.CharField(source="run.state")
    health = serializers.FloatField(source="run.health", allow_null=True)
    rows = serializers.IntegerField(allow_null=True)
    sprint = serializers.CharField(help_text="The active one; empty where there was none.")


class HistorySerializer(serializers.Serializer[Any]):
    """The last runs that count, oldest first, and each check of the newest over them."""

    runs = MomentSerializer(many=True, source="moments")
    checks = CheckHistorySerializer(many=True)


class AskRunSerializer(StrictSerializer[Run]):
    """A run to start: `wait` in seconds answers the finished run."""

    version = serializers.IntegerField(min_value=1, required=False)
    batch = serializers.CharField(
        max_length=200,
        required=False,
        help_text="Of a dataset that is divided: 2024-03, 2024-03-14, a value, or newest, which "
        "it is without. Of others, instead of version: the batch of a run.",
    )
    wait = serializers.FloatField(min_value=0, max_value=LONGEST_WAIT_S, required=False, default=0)
    fail_on = serializers.ChoiceField(choices=SEVERITIES, required=False)
    context = ContextSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        divided = bool(self.context["dataset"].batch)
        if "batch" in attrs and "version" in attrs and not divided:
            raise serializers.ValidationError({"batch": "Name a version or a batch, not both."})
        return attrs


class FileSerializer(StrictSerializer[Run]):
    """Which findings of a first run are filed: positions of checks, or all of them."""

    checks = serializers.ListField(child=serializers.IntegerField(min_value=0), required=False)
    all = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("checks")) == attrs["all"]:
            raise serializers.ValidationError({"checks": "Name checks, or send all: true."})
        return attrs


class SuiteSerializer(serializers.Serializer[SuiteVersion]):
    """The suite in force; `orphaned` are the ids of findings whose checks it holds no more."""

    version = serializers.IntegerField()
    expectations = serializers.JSONField()
    orphaned = serializers.ListField(child=serializers.IntegerField())


class SuiteVersionSerializer(serializers.Serializer[SuiteVersion]):
    """A suite as it was saved; the newest is in force."""

    version = serializers.IntegerField(source="number")
    expectations = serializers.JSONField()
    saved_at = serializers.DateTimeField()
    saved_by = serializers.EmailField(source="saved_by.email", default=None, allow_null=True)
    approved_at = serializers.DateTimeField(allow_null=True)
    approved_by = serializers.EmailField(source="approved_by.email", default=None, allow_null=True)


class CopyChecksSerializer(StrictSerializer[SuiteVersion]):
    """`to` is the slug of another dataset of the product; `checks` are positions from 0, all of
    them where left out."""

    to = serializers.SlugField()
    checks = serializers.ListField(
        child=serializers.IntegerField(min_value=0), required=False, allow_empty=False
    )


class UnfitCheckSerializer(serializers.Serializer[Any]):
    """A check that was not copied."""

    check = serializers.CharField()
    detail = serializers.CharField()


class CopiedSerializer(serializers.Serializer[Any]):
    """What became of the checks, in words; `known` stood there already."""

    version = serializers.IntegerField()
    copied = serializers.ListField(child=serializers.CharField())
    known = serializers.ListField(child=serializers.CharField())
    unfit = UnfitCheckSerializer(many=True)


class SuitePutSerializer(StrictSerializer[SuiteVersion]):
    """A suite as Great Expectations writes it; `version` refuses to overwrite a newer one."""

    expectations = serializers.JSONField()
    version = serializers.IntegerField(min_value=0, required=False)


class ReasonSerializer(serializers.Serializer[Any]):
    """Why a gate is shut."""

    code = serializers.CharField()
    detail = serializers.CharField()
    finding = serializers.IntegerField(allow_null=True)
    item = serializers.CharField(allow_null=True)


class GateSerializer(serializers.Serializer[Gate]):
    """Whether a dataset is good enough now; unknown is not passed."""

    passed = serializers.BooleanField()
    state = serializers.CharField()
    reasons = ReasonSerializer(many=True)
    run = serializers.IntegerField(source="run.pk", default=None, allow_null=True)
    version = serializers.IntegerField(source="version.number", default=None, allow_null=True)
    commit = serializers.CharField(allow_null=True)
    checked_at = serializers.DateTimeField()
    age_s = serializers.FloatField(allow_null=True)
    health = serializers.FloatField(allow_null=True)
    url = serializers.SerializerMethodField()

    def get_url(self, gate: Gate) -> str:
        dataset = self.context["dataset"]
        return page("dataquality:dataset", dataset.product.key, dataset.slug)


class RunDetailSerializer(RunSerializer):
    """A run with its results and the gate of its dataset."""

    results = ResultSerializer(many=True)
    findings = serializers.ListField(child=serializers.IntegerField())
    gate = GateSerializer()


class ProfileSerializer(serializers.Serializer[Any]):
    """A profile: counts for everybody, values for who may see them."""

    state = serializers.CharField()
    progress = serializers.FloatField()
    version = serializers.IntegerField()
    rows = serializers.IntegerField(allow_null=True)
    columns = serializers.JSONField()
    missing_together = serializers.JSONField(
        help_text="Which columns miss a value in the same rows, and in how many."
    )
    suggested_expectations = serializers.JSONField()
    error = serializers.JSONField(allow_null=True)


class FigurePairSerializer(serializers.Serializer[Any]):
    """A figure in both versions; null where there is none, or for who may not see values."""

    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ColumnPairSerializer(serializers.Serializer[Any]):
    """A column in both versions."""

    name = serializers.CharField()
    change = serializers.ChoiceField(choices=("same", "added", "removed", "retyped"))
    type = FigurePairSerializer()
    nulls = FigurePairSerializer()
    distinct = FigurePairSerializer()
    mean = FigurePairSerializer()
    quantiles = FigurePairSerializer()
    psi = serializers.FloatField(allow_null=True)
    ks = serializers.FloatField(source="distance", allow_null=True, help_text="Of numbers: D.")
    cramers_v = serializers.FloatField(source="effect", allow_null=True, help_text="Of categories.")
    verdict = serializers.CharField(help_text="steady, look or moved by the PSI; empty: untold.")
    untold = serializers.CharField(help_text="Why it can't be told.")


class VersionComparisonSerializer(serializers.Serializer[Any]):
    """Two versions; `missing` names those without a profile, and then there are no columns."""

    before = serializers.IntegerField(source="before.number")
    after = serializers.IntegerField(source="after.number")
    rows = FigurePairSerializer()
    missing = serializers.ListField(child=serializers.IntegerField())
    columns = ColumnPairSerializer(many=True)


class ThresholdSerializer(serializers.Serializer[Any]):
    """Limits that the past of a check suggests: 19 of 20 next batches lie from `low` to `high`."""

    position = serializers.IntegerField(help_text="Of the check in the suite, from 0.")
    kwargs = serializers.JSONField()
    reason = serializers.CharField()
    batches = serializers.IntegerField(help_text="That passed, and are counted once each.")
    low = serializers.FloatField()
    high = serializers.FloatField()


class ThresholdsSerializer(serializers.Serializer[Any]):
    """Of each check of the suite in force that has passed on five batches or more."""

    suite_version = serializers.IntegerField()
    thresholds = ThresholdSerializer(many=True)
