"""Findings: as they are read, reported by other tools, and decided by people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypedDict

from django.utils import timezone
from rest_framework import serializers

from backlog.models import Finding, Product, Subject, User
from backlog.queries.finding_figures import DAYS, FiguresOf
from backlog.queries.resources import find_subject, findings_in
from backlog.rules import posted
from backlog.rules.evidence import OUR_SOURCES, Outcome, given_name
from backlog.rules.severity import Priority, Severity
from backlog.serializers.context import ContextSerializer
from backlog.serializers.links import page
from backlog.services.findings import CHOICES
from mlscrum.web.serializers import StrictSerializer

CLOCKS_DIFFER_BY = timedelta(minutes=5)
MARKS = (
    "regressed", "awaiting_evidence", "awaiting_decision", "recovered", "flapping", "stale",
    "obsolete_proposed",
)  # fmt: skip


class Resolution(TypedDict):
    reason: str
    by: str | None
    at: str | None
    note: str


class FindingSerializer(serializers.Serializer[Finding]):
    """A finding as it is read. Its evidence holds counts, names and links, never values."""

    id = serializers.IntegerField()
    source = serializers.CharField()
    fingerprint = serializers.SerializerMethodField(
        help_text="As its reporter named the trouble, else as its check makes it."
    )
    title = serializers.CharField()
    severity = serializers.ChoiceField(choices=[(s, s) for s in Severity])
    priority = serializers.ChoiceField(choices=[(p, p) for p in Priority])
    state = serializers.ChoiceField(choices=Finding.State.choices)
    marks = serializers.SerializerMethodField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    occurrences = serializers.IntegerField(source="times_seen")
    evidence = serializers.JSONField()
    dataset = serializers.SerializerMethodField()
    run = serializers.SerializerMethodField()
    item = serializers.SerializerMethodField()
    resolution = serializers.SerializerMethodField()
    muted_until = serializers.DateTimeField(allow_null=True)
    muted_cap = serializers.FloatField(
        allow_null=True, help_text="Percentage points beyond what is allowed; worse ends the mute."
    )
    merged_into = serializers.IntegerField(
        source="merged_into_id", allow_null=True, help_text="The finding that speaks for it."
    )
    aliases = serializers.SerializerMethodField(help_text="The findings merged into it.")
    url = serializers.SerializerMethodField()

    def get_fingerprint(self, finding: Finding) -> str:
        return given_name(finding.fingerprint_inputs) or finding.fingerprint

    def get_marks(self, finding: Finding) -> list[str]:
        return [mark for mark in MARKS if getattr(finding, mark)]

    def get_dataset(self, finding: Finding) -> str | None:
        subject = finding.subject
        return subject.slug if subject and subject.kind == Subject.Kind.DATASET else None

    def get_run(self, finding: Finding) -> int | None:
        run = finding.evidence.get("run")
        return run if finding.source in OUR_SOURCES and isinstance(run, int) else None

    def get_aliases(self, finding: Finding) -> list[int]:
        return sorted(alias.pk for alias in finding.aliases.all())

    def get_item(self, finding: Finding) -> str | None:
        return finding.item.ref if finding.item else None

    def get_resolution(self, finding: Finding) -> Resolution | None:
        if finding.state != Finding.State.RESOLVED:
            return None
        at = serializers.DateTimeField().to_representation(finding.resolved_at)
        return {
            "reason": finding.resolved_reason,
            "by": finding.resolved_by.email if finding.resolved_by else None,
            "at": at,
            "note": finding.resolved_note,
        }

    def get_url(self, finding: Finding) -> str:
        return page("backlog:finding", finding.product.key, finding.pk)


class SeenSerializer(StrictSerializer[Finding]):
    """What a tool saw; the state of the finding is computed here. Needs the `product` in its
    context."""

    source = serializers.RegexField(
        r"^[a-z0-9][a-z0-9_.-]*$",
        max_length=60,
        error_messages={"invalid": "A source is lower case letters, digits, and . _ - between."},
        help_text="Your tool. A person's source is theirs alone; all tokens of the product share "
        "theirs, and take over what a person began.",
    )
    fingerprint = serializers.CharField(
        max_length=64, help_text="Names the trouble: the same again is the same finding."
    )
    title = serializers.CharField(max_length=250)
    severity = serializers.ChoiceField(choices=[(s, s) for s in Severity], default=Severity.WARNING)
    outcome = serializers.ChoiceField(choices=[(o, o) for o in Outcome])
    excess = serializers.FloatField(
        min_value=0,
        max_value=1e9,
        required=False,
        allow_null=True,
        help_text="Percentage points beyond what is allowed, where it can be measured.",
    )
    evidence = serializers.DictField(
        required=False, help_text=f"What was counted: {posted.ALLOWED}. Never values of rows."
    )
    context = ContextSerializer(required=False)
    dataset = serializers.SlugField(max_length=80, required=False, allow_null=True)
    as_of = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When what was seen was true; default: now."
    )
    external_id = serializers.CharField(
        max_length=150,
        required=False,
        help_text="Names what was looked at, such as a CI job: exactly the same report of it "
        "again changes nothing.",
    )

    def validate_source(self, value: str) -> str:
        if value in OUR_SOURCES:
            raise serializers.ValidationError(
                f"{value} is the source of our own runs; choose a name of your own.",
                code="our_source",
            )
        return value

    def validate_evidence(self, value: dict[str, Any]) -> dict[str, Any]:
        if wrong := posted.problems(value):
            raise serializers.ValidationError(wrong.get("") or wrong, code="not_evidence")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = posted.without_credentials(attrs)
        return kept

    def validate_dataset(self, value: str | None) -> Subject | None:
        if value is None:
            return None
        found = find_subject(self.context["product"], Subject.Kind.DATASET, value)
        if found is None:
            raise serializers.ValidationError(f"There is no dataset {value}.", code="no_dataset")
        return found

    def validate_as_of(self, value: datetime | None) -> datetime | None:
        if value is not None and value > timezone.now() + CLOCKS_DIFFER_BY:
            raise serializers.ValidationError("as_of lies in the future.", code="future")
        return value


class ToldSerializer(serializers.Serializer[Any]):
    """What a report did: refs of items, and the finding; null where there is none."""

    tracked = serializers.BooleanField()
    created = serializers.ListField(child=serializers.CharField())
    updated = serializers.ListField(child=serializers.CharField())
    reopened = serializers.ListField(child=serializers.CharField())
    resolved = serializers.ListField(child=serializers.CharField())
    errored = serializers.ListField(child=serializers.CharField())
    awaiting = serializers.IntegerField()
    finding = FindingSerializer(allow_null=True)


class MuteSerializer(StrictSerializer[Finding]):
    """Until a time, until it gets worse than `cap` percentage points, or without an end."""

    until = serializers.DateTimeField(required=False, allow_null=True)
    cap = serializers.FloatField(min_value=0, max_value=1e9, required=False, allow_null=True)


class ResolveSerializer(StrictSerializer[Finding]):
    """Why the finding is no more. Needs the `product` in its context."""

    reason = serializers.CharField(
        max_length=20, help_text="fixed, false_positive, accepted, duplicate or upstream."
    )
    note = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="For `accepted`, which is a mute with an end."
    )
    duplicate_of = serializers.IntegerField(
        required=False, allow_null=True, help_text="For `duplicate`: merges it into that finding."
    )

    def validate_duplicate_of(self, value: int | None) -> Finding | None:
        return None if value is None else _finding_in(self.context["product"], value)


class MergeSerializer(StrictSerializer[Finding]):
    """Into which finding. Needs the `product` in its context."""

    into = serializers.IntegerField()

    def validate_into(self, value: int) -> Finding:
        return _finding_in(self.context["product"], value)


class SplitSerializer(StrictSerializer[Finding]):
    """Which alias is split off; itself where it is one. Needs the `finding` in its context."""

    alias = serializers.IntegerField(required=False)

    def validate_alias(self, value: int) -> Finding:
        return _finding_in(self.context["finding"].product, value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        finding: Finding = self.context["finding"]
        alias = attrs.get("alias")
        aliases = list(finding.aliases.all())
        if alias is None and finding.merged_into_id is None and len(aliases) == 1:
            return {"alias": _finding_in(finding.product, aliases[0].pk)}
        if alias is None and aliases:
            raise serializers.ValidationError(
                {"alias": "Several are merged into it; say which is split off."}, code="which"
            )
        if alias is not None and alias.pk not in {finding.pk, *(a.pk for a in aliases)}:
            raise serializers.ValidationError(
                {"alias": f"{alias.pk} is not merged into it."}, code="no_alias"
            )
        return {"alias": alias or finding}


class SeverityHoursSerializer(serializers.Serializer[Any]):
    critical = serializers.FloatField(allow_null=True)
    warning = serializers.FloatField(allow_null=True)
    info = serializers.FloatField(allow_null=True)


class FindingFiguresSerializer(serializers.Serializer[FiguresOf]):
    """How findings were dealt with in the last days; `dataset` is null for all of the product."""

    dataset = serializers.SerializerMethodField()
    subject = serializers.SerializerMethodField(help_text="Its name; null for all.")
    open = serializers.IntegerField()
    resolved = serializers.IntegerField(source="figures.resolved")
    reopened = serializers.IntegerField(source="figures.reopened")
    reopen_rate = serializers.FloatField(source="figures.reopen_rate", allow_null=True)
    median_hours = serializers.FloatField(source="figures.median_hours", allow_null=True)
    median_hours_by_severity = SeverityHoursSerializer(source="figures.by_severity")
    flips = serializers.IntegerField(source="figures.flips")

    def get_dataset(self, found: FiguresOf) -> str | None:
        subject = found.subject
        return subject.slug if subject and subject.kind == Subject.Kind.DATASET else None

    def get_subject(self, found: FiguresOf) -> str | None:
        return found.subject.name if found.subject else None


class FiguresQuerySerializer(StrictSerializer[Any]):
    """Of which time, and of which dataset alone. Needs the `product` in its context."""

    days = serializers.IntegerField(min_value=1, max_value=3650, default=DAYS)
    dataset = serializers.SlugField(max_length=80, required=False)

    def validate_dataset(self, value: str) -> Subject:
        found = find_subject(self.context["product"], Subject.Kind.DATASET, value)
        if found is None:
            raise serializers.ValidationError(f"There is no dataset {value}.", code="no_dataset")
        return found


class DecideSerializer(StrictSerializer[Any]):
    """What becomes of several findings at once. Needs the `product` in its context."""

    findings = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=200)
    choice = serializers.ChoiceField(choices=[(name, name) for name in CHOICES])
    until = serializers.DateTimeField(required=False, allow_null=True)
    cap = serializers.FloatField(min_value=0, max_value=1e9, required=False, allow_null=True)
    reason = serializers.CharField(max_length=20, required=False)
    note = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    into = serializers.IntegerField(required=False, allow_null=True)
    person = serializers.EmailField(required=False, allow_null=True)
    priority = serializers.ChoiceField(choices=[(p, p) for p in Priority], required=False)

    def validate_findings(self, value: list[int]) -> list[Finding]:
        found = findings_in([self.context["product"]]).filter(pk__in=value)
        rows = {finding.pk: finding for finding in found}
        if missing := [pk for pk in value if pk not in rows]:
            raise serializers.ValidationError(
                f"There is no finding {missing[0]} in this product.", code="no_finding"
            )
        return [rows[pk] for pk in dict.fromkeys(value)]

    def validate_into(self, value: int | None) -> Finding | None:
        return None if value is None else _finding_in(self.context["product"], value)

    def validate_person(self, value: str | None) -> User | None:
        if value is None:
            return None
        found = User.objects.filter(
            email__iexact=value, memberships__product=self.context["product"]
        ).first()
        if found is None:
            raise serializers.ValidationError(f"{value} is no member here.", code="no_member")
        return found


def _finding_in(product: Product, pk: int) -> Finding:
    found = findings_in([product]).filter(pk=pk).first()
    if found is None:
        raise serializers.ValidationError(
            f"There is no finding {pk} in this product.", code="no_finding"
        )
    return found
