"""Sprints, their figures, velocity and forecast: as they are read and asked for."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.models import Subject
from backlog.serializers.links import page
from backlog.serializers.people import members_by_email
from mlscrum.lib.numbers import LARGEST
from mlscrum.web.serializers import StrictSerializer
from sprints.models import Sprint
from sprints.queries.overviews import SprintView
from sprints.services.sprints import LONGEST_DAYS, ShareLine

FATES = (("backlog", "backlog"), ("next", "next"))

IN_SERVICES = {"start_date": "starts_on", "end_date": "ends_on", "datasets": "subjects"}


class AmountSerializer(serializers.Serializer[dict[str, Any]]):
    """So many points in so many items, `unestimated` of which have none."""

    points = serializers.FloatField()
    items = serializers.IntegerField()
    unestimated = serializers.IntegerField()


@extend_schema_field(AmountSerializer)
class AmountField(serializers.Field[Any, Any, Any, Any]):
    """An amount that is read alone, as `shown_figures` makes it: JSON as it is."""

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


class ExitSerializer(serializers.Serializer[Any]):
    """Whether a data-assessment sprint may call its goal met."""

    met = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())


class SprintSerializer(serializers.Serializer[SprintView]):
    """A sprint. Amounts are null until it starts, and as of its closing once it is closed; carried
    over is what is `remaining` and what was `split_off` at the closing. `exit` is null where a
    sprint has none."""

    id = serializers.IntegerField(source="sprint.pk")
    name = serializers.CharField(source="sprint.backlog.name")
    goal = serializers.CharField(source="sprint.goal")
    kind = serializers.ChoiceField(choices=Sprint.Kind.choices, source="sprint.kind")
    team = serializers.IntegerField(source="sprint.backlog.team_id")
    start_date = serializers.DateField(source="sprint.backlog.starts_on")
    end_date = serializers.DateField(source="sprint.backlog.ends_on")
    zone = serializers.CharField(source="sprint.zone")
    state = serializers.CharField(source="sprint.backlog.state")
    cancelled = serializers.BooleanField(source="sprint.backlog.cancelled")
    started_at = serializers.DateTimeField(source="sprint.backlog.started_at", allow_null=True)
    closed_at = serializers.DateTimeField(source="sprint.backlog.closed_at", allow_null=True)
    capacity_points = serializers.FloatField(source="sprint.capacity_points", allow_null=True)
    capacity_gpu_hours = serializers.FloatField(source="sprint.capacity_gpu_hours", allow_null=True)
    goal_met = serializers.CharField(source="sprint.goal_met")
    goal_reason = serializers.CharField(source="sprint.goal_reason")
    committed = AmountField(allow_null=True)
    completed = AmountField(allow_null=True)
    added = AmountField(allow_null=True)
    removed = AmountField(allow_null=True)
    remaining = AmountField(allow_null=True)
    split_off = AmountField(allow_null=True)
    datasets = serializers.ListField(child=serializers.CharField())
    target_health = serializers.FloatField(source="sprint.target_health", allow_null=True)
    exit = ExitSerializer(allow_null=True)
    url = serializers.SerializerMethodField()

    def get_url(self, shown: SprintView) -> str:
        return page("api-sprint", shown.sprint.pk)


class SprintEditSerializer(StrictSerializer[Any]):
    """What can be set of a sprint: its datasets by their slugs."""

    name = serializers.CharField(required=False, max_length=120, allow_blank=True)
    goal = serializers.CharField(required=False, max_length=1000, allow_blank=True)
    kind = serializers.ChoiceField(choices=Sprint.Kind.choices, required=False)
    start_date = serializers.DateField(required=False)
    end_date = serializers.DateField(required=False)
    capacity_points = serializers.DecimalField(
        max_digits=7, decimal_places=1, min_value=0, required=False, allow_null=True
    )
    capacity_gpu_hours = serializers.DecimalField(
        max_digits=9, decimal_places=1, min_value=0, required=False, allow_null=True
    )
    target_health = serializers.FloatField(
        min_value=0, max_value=100, required=False, allow_null=True
    )
    datasets = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=50
    )

    def validate_datasets(self, slugs: list[str]) -> list[Subject]:
        product = self.context["product"]
        found = {
            subject.slug: subject
            for subject in product.subjects.filter(kind=Subject.Kind.DATASET, slug__in=slugs)
        }
        missing = [slug for slug in slugs if slug not in found]
        if missing:
            raise serializers.ValidationError(f"There is no dataset {missing[0]} here.")
        return [found[slug] for slug in dict.fromkeys(slugs)]

    def service_fields(self) -> dict[str, Any]:
        """The fields under the names that the services know."""
        return {IN_SERVICES.get(name, name): value for name, value in self.validated_data.items()}


class ShareSerializer(StrictSerializer[Any]):
    """What one member can give, and the days on which that member is away."""

    member = serializers.EmailField()
    points = serializers.DecimalField(
        max_digits=6, decimal_places=1, min_value=0, required=False, allow_null=True
    )
    gpu_hours = serializers.DecimalField(
        max_digits=8, decimal_places=1, min_value=0, required=False, allow_null=True
    )
    days_off = serializers.ListField(
        child=serializers.DateField(), required=False, max_length=LONGEST_DAYS
    )


class SharesSerializer(StrictSerializer[Any]):
    """What everybody can give to a sprint; who is not named gives nothing."""

    shares = ShareSerializer(many=True)

    def lines(self) -> list[ShareLine]:
        """The shares as the service takes them; raises a field error for who is no member."""
        rows = self.validated_data["shares"]
        users = members_by_email(self.context["product"], [row["member"] for row in rows])
        known = {user.email: user for user in users}
        return [
            ShareLine(
                known[row["member"].strip().lower()],
                row.get("points"),
                row.get("gpu_hours"),
                row.get("days_off", ()),
            )
            for row in rows
        ]


class CalendarSerializer(StrictSerializer[Any]):
    """When a team works; `weekdays` counts from Monday, 0, and codes are those of ISO 3166."""

    zone = serializers.CharField(max_length=64)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True)
    subdivision = serializers.CharField(max_length=10, required=False, allow_blank=True)
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), required=False, max_length=7
    )
    sprint_days = serializers.IntegerField(min_value=1, max_value=60, required=False)


class NewSprintSerializer(SprintEditSerializer):
    """A new sprint; without a team it is the product's first, without days the next free ones."""

    team = serializers.IntegerField(required=False, max_value=LARGEST)


class CloseSerializer(StrictSerializer[Any]):
    """How a sprint is to be closed.

    `unfinished` is one fate for all, or a fate by ref: `backlog`, `next`, or
    `{"split": {"done_points": 2}}`; refs that are not named go to the backlog.
    """

    goal_met = serializers.ChoiceField(choices=Sprint.GoalMet.choices)
    goal_reason = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    unfinished = serializers.JSONField(required=False)
    next_sprint = serializers.IntegerField(required=False, allow_null=True, max_value=LARGEST)
    override = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    dry_run = serializers.BooleanField(required=False, default=False)


class CancelSerializer(StrictSerializer[Any]):
    """Why the sprint has become pointless."""

    reason = serializers.CharField(max_length=2000)


class FateSerializer(serializers.Serializer[Any]):
    """What becomes of an item that is not done."""

    ref = serializers.CharField()
    title = serializers.CharField()
    points = serializers.FloatField(allow_null=True)
    fate = serializers.CharField()


class OutlookSerializer(serializers.Serializer[Any]):
    """What closing would do; nothing has been written."""

    may_close = serializers.BooleanField()
    problems = serializers.ListField(child=serializers.DictField())
    done = serializers.ListField(child=serializers.CharField())
    unfinished = FateSerializer(many=True)
    gates = serializers.ListField(child=serializers.CharField())
    exit = ExitSerializer(allow_null=True)


class SprintGateSerializer(serializers.Serializer[Any]):
    """The gates of all datasets of a sprint, as one yes or no."""

    passed = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.DictField())
    exit = ExitSerializer(allow_null=True)


class BurndownDaySerializer(serializers.Serializer[Any]):
    """Points as a day ended in the team's zone, null for days that are still to come. Of a data
    assessment also how many findings of its datasets were open, and the sum of their severity
    scores; null for other kinds."""

    day = serializers.DateField()
    is_working = serializers.BooleanField()
    scope = serializers.FloatField(allow_null=True)
    done = serializers.FloatField(allow_null=True)
    remaining = serializers.FloatField(allow_null=True)
    ideal = serializers.FloatField()
    findings_open = serializers.IntegerField(allow_null=True)
    findings_score = serializers.IntegerField(allow_null=True)


class BurndownSerializer(serializers.Serializer[Any]):
    """The start of a sprint and its days, as its burndown draws them."""

    sprint = serializers.IntegerField()
    zone = serializers.CharField()
    opening = BurndownDaySerializer(allow_null=True)
    days = BurndownDaySerializer(many=True)
    figures = serializers.DictField()


class VelocitySerializer(serializers.Serializer[Any]):
    """The closed sprints, oldest first, and the range of points of the last six of them."""

    sprints = serializers.ListField(child=serializers.DictField())
    range = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class ForecastSerializer(serializers.Serializer[Any]):
    """The days by which it is done, or the points by a day, with 50, 85 and 95 per cent.

    A day is null where it is not in sight, and where `is_done`: nothing is left to do. Points by a
    day count from the day `since` on, the start of the running sprint or else today; so many of
    them are `done` already. Both are null for days.
    """

    p50 = serializers.JSONField(allow_null=True)
    p85 = serializers.JSONField(allow_null=True)
    p95 = serializers.JSONField(allow_null=True)
    is_done = serializers.BooleanField()
    since = serializers.DateField(allow_null=True)
    done = serializers.FloatField(allow_null=True)
    seed = serializers.IntegerField()
    based_on = serializers.ListField(child=serializers.IntegerField())
