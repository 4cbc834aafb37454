"""Deeds on runs: ask for one, carry it out, cancel it, decide what a first run files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Finding, Job, Kind, Measurement, StoredReport
from backlog.rules.evidence import Observation, is_tracked
from backlog.rules.evidence import Outcome as Verdict
from backlog.rules.severity import Severity
from backlog.services import findings, jobs
from backlog.services.deeds import deed
from backlog.services.findings import EvidenceReport
from dataquality import engine
from dataquality.models import (
    Dataset,
    DatasetVersion,
    Outcome,
    Result,
    Run,
    RunState,
    Trigger,
)
from dataquality.services.files import local_copy
from mlscrum.lib.errors import Conflict, DomainError

JOB_KIND = "run"
SOURCE = "gx"
CHOICES = ("file", "accept", "watch")


def request_run(
    dataset: Dataset,
    *,
    actor: Actor,
    trigger: str = Trigger.MANUAL,
    version: DatasetVersion | None = None,
    context: Mapping[str, Any] | None = None,
) -> Run:
    """Ask for a run of the present suite on a version, by default the current one.

    Writes a run and its job; a worker does the rest. Raises DomainError where there is nothing to
    run or nothing to run it on.
    """
    version = version or dataset.current_version
    suite = dataset.current_suite
    if suite is None:
        raise DomainError("no_suite", f"{dataset.name} has no suite yet; add its first check.")
    if version is None or not version.file:
        raise DomainError("no_version", f"{dataset.name} has no such content to read any more.")
    product = dataset.product
    whole = {**version.context, **(context or {})}
    with deed(product, actor, "run.requested", subject=dataset.subject) as done:
        run = Run.objects.create(
            dataset=dataset,
            version=version,
            suite_version=suite,
            engine=engine.NAME,
            trigger=trigger,
            context=whole,
            tracked=is_tracked(whole, product.tracked_environments, product.tracked_branches),
            requested_by=actor.user,
        )
        run.job = jobs.enqueue(product, JOB_KIND, {"run": run.pk})
        run.save(update_fields=["job"])
        done.data.update(run=run.pk, version=version.number)
    return run


def cancel_run(run: Run, *, actor: Actor) -> Run:
    """Cancel a run: at once while it waits, soon while it runs. Raises Conflict once it ended."""
    if run.job is None or run.is_finished:
        raise Conflict("run_ended", f"Run {run.pk} has ended; there is nothing to cancel.")
    with deed(run.dataset.product, actor, "run.cancelled", subject=run.dataset.subject) as done:
        jobs.request_cancel(run.job)
        done.data["run"] = run.pk
    run.refresh_from_db()
    return run


def retry_run(run: Run, *, actor: Actor, trigger: str = Trigger.MANUAL) -> Run:
    """A new run on the same version and with the same context, by the present suite.

    Raises Conflict while the old one is under way.
    """
    if not run.is_finished:
        raise Conflict("run_under_way", f"Run {run.pk} is still under way.")
    return request_run(
        run.dataset, actor=actor, trigger=trigger, version=run.version, context=run.context
    )


def file_awaiting(
    run: Run, *, actor: Actor, choice: str = "file", checks: Collection[int] | None = None
) -> Run:
    """Decide on the findings of a first run that wait for a yes.

    `file` makes items of them, `accept` mutes them at today's level, `watch` only counts them.
    `checks` names results by position; without it all are meant.
    """
    if choice not in CHOICES:
        raise DomainError("bad_choice", "Choose file, accept or watch.")
    with deed(run.dataset.product, actor, "run.decided", subject=run.dataset.subject) as done:
        locked = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        waiting = awaiting_findings(run, checks)
        if not waiting:
            done.nothing_happened()
            return run
        if choice == "file":
            findings.file_findings(waiting, actor=actor)
        elif choice == "accept":
            findings.accept_level(waiting, actor=actor)
        else:
            findings.watch_only(waiting, actor=actor)
        locked.awaiting = len(awaiting_findings(run))
        locked.save(update_fields=["awaiting"])
        done.data.update(run=run.pk, choice=choice, findings=len(waiting))
        run.awaiting = locked.awaiting
    return run
