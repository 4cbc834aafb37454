"""What Prometheus reads of jobs, signs of life, findings and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.db.models import Count, Max, Min
from django.utils import timezone

from backlog.models import Delivery, Finding, Heartbeat, Job
from backlog.queries.jobs import WAITING
from backlog.rules.severity import Priority
from mlscrum.web.metrics import Figure

UNSENT = (Delivery.State.WAITING, Delivery.State.FAILED)


def figures(queues: Callable[[], Iterable[str]]) -> Iterator[Figure]:
    """The figures of this floor, in five queries."""
    now = timezone.now()
    under_way = Job.objects.filter(state__in=WAITING).order_by()
    jobs = {
        (row["queue"], row["state"]): row["count"]
        for row in under_way.values("queue", "state").annotate(count=Count("pk"))
    }
    every = {(queue, state.value) for queue in queues() for state in WAITING}
    yield Figure(
        "jobs",
        "Jobs that wait or run, by queue.",
        [({"queue": q, "state": s}, jobs.get((q, s), 0)) for q, s in sorted(every | set(jobs))],
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
    open_ones = Finding.objects.filter(state=Finding.State.OPEN).order_by()
    findings = dict(open_ones.values_list("priority").annotate(Count("pk")))
    yield Figure(
        "open_findings",
        "Open findings, by priority.",
        [({"priority": p.value}, findings.get(p.value, 0)) for p in Priority],
    )
    unsent = Delivery.objects.filter(state__in=UNSENT).order_by()
    deliveries = dict(unsent.values_list("state").annotate(Count("pk")))
    yield Figure(
        "webhook_messages",
        "Messages to webhooks that wait, and those of the last 30 days that were not received.",
        [({"state": state.value}, deliveries.get(state.value, 0)) for state in UNSENT],
    )
