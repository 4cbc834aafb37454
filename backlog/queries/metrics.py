"""What Prometheus reads of jobs, signs of life, findings and webhooks."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Max, Min
from django.utils import timezone

from backlog.models import Delivery, Finding, Heartbeat, Job
from backlog.queries.jobs import WAITING
from mlscrum.web.metrics import Figure


def figures() -> Iterator[Figure]:
    """The figures of this floor, in five queries."""
    now = timezone.now()
    under_way = Job.objects.filter(state__in=WAITING).order_by()
    jobs = under_way.values("queue", "state").annotate(count=Count("pk"))
    yield Figure(
        "jobs",
        "Jobs that wait or run, by queue.",
        [({"queue": row["queue"], "state": row["state"]}, row["count"]) for row in jobs],
    )
    due = under_way.filter(state=Job.State.QUEUED, run_after__lte=now)
    oldest = due.values("queue").annotate(since=Min("run_after"))
    yield Figure(
        "job_wait_seconds",
        "Seconds that the oldest job which is due has waited, by queue.",
        [({"queue": row["queue"]}, (now - row["since"]).total_seconds()) for row in oldest],
    )
    beats = Heartbeat.objects.order_by().values("kind").annotate(at=Max("beat_at"))
    yield Figure(
        "silence_seconds",
        "Seconds since the last sign of life of any process of a kind.",
        [({"kind": row["kind"]}, (now - row["at"]).total_seconds()) for row in beats],
    )
    findings = (
        Finding.objects.filter(state=Finding.State.OPEN)
        .order_by()
        .values("priority")
        .annotate(count=Count("pk"))
    )
    yield Figure(
        "open_findings",
        "Open findings, by priority.",
        [({"priority": row["priority"]}, row["count"]) for row in findings],
    )
    deliveries = Delivery.objects.order_by().values("state").annotate(count=Count("pk"))
    yield Figure(
        "webhook_messages",
        "Messages to webhooks of the last 30 days, by state.",
        [({"state": row["state"]}, row["count"]) for row in deliveries],
    )
