"""What Prometheus reads of runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max
from django.utils import timezone

from dataquality.models import Run
from mlscrum.web.metrics import Figure

SPAN = timedelta(hours=24)


def figures() -> Iterator[Figure]:
    """The figures of this floor, in one query."""
    recent = Run.objects.filter(requested_at__gte=timezone.now() - SPAN).order_by()
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    rows = list(
        recent.values("state").annotate(count=Count("pk"), mean=Avg(took), longest=Max(took))
    )
    yield Figure(
        "runs_last_day",
        "Runs asked for in the last 24 hours, by state.",
        [({"state": row["state"]}, row["count"]) for row in rows],
    )
    yield Figure(
        "run_seconds_last_day",
        "Seconds that runs of the last 24 hours took, by state: the mean and the longest.",
        [
            ({"state": row["state"], "of": name}, row[name].total_seconds())
            for row in rows
            for name in ("mean", "longest")
            if row[name] is not None
        ],
    )
