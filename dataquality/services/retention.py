"""What is kept of runs for a while only: failing rows, and runs that count for nothing. Health,
counts and figures of runs that count stay for ever, for they are the history."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from dataquality.models import FINISHED, Result, Run
from dataquality.services.values import QUOTES_ROWS, forget_rows

AT_ONCE = 500


def forget_samples(now: datetime) -> int:
    """Remove the failing rows of runs that ended longer ago than SAMPLES_KEPT_DAYS, and the words
    of tools elsewhere, which may quote them; of how many runs. Each run says when."""
    if not settings.SAMPLES_KEPT_DAYS:
        return 0
    until = now - timedelta(days=settings.SAMPLES_KEPT_DAYS)
    kept = Result.objects.filter(QUOTES_ROWS, run__finished_at__lt=until)
    runs = list(kept.order_by().values_list("run", flat=True).distinct()[:AT_ONCE])
    with transaction.atomic():
        forget_rows(Result.objects.filter(run__in=runs))
        Run.objects.filter(pk__in=runs).update(samples_removed_at=now)
    return len(runs)


def forget_untracked_runs(now: datetime) -> int:
    """Delete runs of pull requests and other branches that ended longer ago than
    UNTRACKED_RUNS_KEPT_DAYS, with their results; how many."""
    if not settings.UNTRACKED_RUNS_KEPT_DAYS:
        return 0
    until = now - timedelta(days=settings.UNTRACKED_RUNS_KEPT_DAYS)
    old = Run.objects.filter(tracked=False, state__in=FINISHED, finished_at__lt=until)
    runs = list(old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    Run.objects.filter(pk__in=runs).delete()
    return len(runs)
