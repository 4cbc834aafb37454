"""What is kept of runs for a while only: failing rows, and runs that count for nothing. Health,
counts and figures of runs that count are the history, and stay for ever unless a setting says how
many of them are enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from backlog.models import Actor, Backlog, Finding
from backlog.services import stored_files
from backlog.services.deeds import deed
from dataquality.models import FINISHED, Dataset, Profile, Result, Run, RunState
from dataquality.queries.runs import last_run
from dataquality.services.references import references_of
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


def forget_old_runs(now: datetime) -> int:
    """Delete runs that count beyond the newest RUNS_KEPT of each dataset, with their results; how
    many. Stay: what its gate is judged by, what open and muted findings refer to, and the last run
    before each sprint was closed, for what was decided then was decided by it."""
    if not settings.RUNS_KEPT:
        return 0
    counting = Q(runs__tracked=True, runs__state__in=FINISHED)
    full: Any = Dataset.objects.annotate(counted=Count("runs", filter=counting))
    gone = 0
    for dataset in full.filter(counted__gt=settings.RUNS_KEPT).select_related("subject__product"):
        if gone >= AT_ONCE:
            break
        old = _beyond(dataset, settings.RUNS_KEPT).exclude(pk__in=_referred_to(dataset))
        runs = list(old.values_list("pk", flat=True)[: AT_ONCE - gone])
        Run.objects.filter(pk__in=runs).delete()
        gone += len(runs)
    return gone


def let_files_go(now: datetime) -> int:
    """Delete the files of versions beyond the newest VERSIONS_KEPT of each dataset; how many. What
    is current, what a run or a profile is about to read and what checks of drift are held against
    stays; of the others profiles, results and checksums do."""
    if not settings.VERSIONS_KEPT:
        return 0
    with_file = Q(versions__purged_at__isnull=True) & ~Q(versions__file="")
    full: Any = Dataset.objects.annotate(files=Count("versions", filter=with_file))
    gone = 0
    for dataset in full.filter(files__gt=settings.VERSIONS_KEPT).select_related("subject__product"):
        if gone >= AT_ONCE:
            break
        gone += _let_files_go(dataset, AT_ONCE - gone)
    return gone


def _let_files_go(dataset: Dataset, most: int) -> int:
    with deed(dataset.product, Actor.system(), "dataset.versions_let_go",
              subject=dataset.subject) as done:  # fmt: skip
        # Whoever brings a known content again waits for this, or made it current before.
        present = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        files = dataset.versions.exclude(file="")
        newest = files.order_by("-number").values_list("pk", flat=True)[: settings.VERSIONS_KEPT]
        unfinished = Run.objects.filter(dataset=dataset, version__isnull=False)
        wanted = {*newest, present.current_version_id, *references_of(present)}
        profiled = Profile.objects.filter(version__dataset=dataset, finished_at=None, error_code="")
        wanted |= set(profiled.values_list("version", flat=True))
        wanted |= set(unfinished.exclude(state__in=FINISHED).values_list("version", flat=True))
        old = [one for one in files.order_by("number") if one.pk not in wanted][:most]
        if not old:
            done.nothing_happened()
        keys = [version.file for version in old]
        dataset.versions.filter(pk__in=[version.pk for version in old]).update(
            file="", purged_at=done.at
        )
        done.data["versions"] = [version.number for version in old]
        transaction.on_commit(lambda: _delete(keys))
    return len(old)


def _delete(keys: Sequence[str]) -> None:
    for key in keys:
        stored_files.remove(key)


def _beyond(dataset: Dataset, kept: int) -> QuerySet[Run]:
    """The runs of a dataset that count, without so many of the newest; the oldest first."""
    counted = Run.objects.filter(dataset=dataset, tracked=True, state__in=FINISHED)
    newest = counted.order_by("-pk").values_list("pk", flat=True)[:kept]
    return counted.filter(pk__lt=min(newest)).order_by("pk")


def _referred_to(dataset: Dataset) -> set[int]:
    judged = last_run(dataset)
    evidence = Finding.objects.filter(
        subject=dataset.subject, state__in=[Finding.State.OPEN, Finding.State.MUTED]
    ).values_list("evidence__run", flat=True)
    last_before = (
        Run.objects.filter(dataset=dataset, tracked=True, finished_at__lte=OuterRef("closed_at"))
        .exclude(state=RunState.CANCELLED)
        .order_by("-finished_at")
        .values("pk")[:1]
    )
    decided_by = Backlog.objects.filter(
        product=dataset.product, kind=Backlog.Kind.SPRINT, closed_at__isnull=False
    ).values_list(Subquery(last_before), flat=True)
    named = [judged.pk if judged else None, *evidence, *decided_by]
    return {pk for pk in named if isinstance(pk, int)}
