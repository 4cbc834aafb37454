"""Deeds on runs: ask for one, carry it out, cancel it, decide what a first run files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Job, Measurement, StoredReport
from backlog.rules.evidence import (
    Observation,
    fingerprint,
    fingerprint_inputs,
    is_tracked,
)
from backlog.rules.evidence import Outcome as Verdict
from backlog.rules.jobs import LARGE, SMALL
from backlog.rules.severity import Severity
from backlog.services import findings, jobs
from backlog.services.deeds import Deed, deed
from backlog.services.findings import EvidenceReport, Filed
from dataquality.engine import redact, running, sources, suites
from dataquality.engine.limits import watched
from dataquality.engine.reading import Inspected
from dataquality.engine.running import CheckResult
from dataquality.engine.sources import Source
from dataquality.models import (
    SOURCE_OF_RUNS,
    Dataset,
    DatasetVersion,
    Result,
    Run,
    RunState,
    SuiteVersion,
    Trigger,
)
from dataquality.queries.runs import awaiting_findings
from dataquality.rules import health
from dataquality.rules.batches import NEWEST, complete_at, value_fault
from dataquality.rules.weights import is_large
from dataquality.services.columns import say_back
from dataquality.services.origins import readable
from dataquality.services.references import references_for
from dataquality.services.troubles import (
    has_answered,
    is_of_connection,
    report_reached,
    report_unreached,
)
from dataquality.services.values import policy_of
from dataquality.services.versions import columns_in, new_reading, note_read
from mlscrum.lib.errors import Conflict, DomainError

JOB_KIND = "run"
CARRIED_OUT = "run"  # the check that every run makes of itself
CHOICES = ("file", "accept", "watch")


def request_run(
    dataset: Dataset,
    *,
    actor: Actor,
    trigger: str = Trigger.MANUAL,
    version: DatasetVersion | None = None,
    context: Mapping[str, Any] | None = None,
    batch: Any = NEWEST,
) -> Run:
    """Ask for a run of the present suite on a version, by default the current one.

    A database is read anew, whatever the version. Where the dataset is divided into batches, one
    of them is looked at: the newest, or the one of this value. Writes a run and its job; a worker
    does the rest. Raises DomainError where there is nothing to run or nothing to run it on.
    """
    version = version or dataset.current_version
    suite = require_suite(dataset)
    wanted = _batch(dataset, batch)
    if version is None or not version.can_be_read:
        raise DomainError("no_version", f"{dataset.name} has no such content to read any more.")
    product = dataset.product
    whole = {**({} if dataset.is_live else version.context), **(context or {})}
    with deed(product, actor, "run.requested", subject=dataset.subject) as done:
        if dataset.is_live:
            version = new_reading(dataset, as_of=None, context=context or {}, actor=actor)
        run = Run.objects.create(
            dataset=dataset,
            version=version,
            batch=wanted,
            suite_version=suite,
            engine=settings.FILE_ENGINE,
            trigger=trigger,
            context=whole,
            tracked=is_tracked(whole, product.tracked_environments, product.tracked_branches),
            requested_by=actor.user,
        )
        queue = LARGE if is_large(version.rows, version.bytes) else SMALL
        run.job = jobs.enqueue(product, JOB_KIND, {"run": run.pk}, queue=queue)
        run.save(update_fields=["job"])
        done.data.update(run=run.pk, version=version.number)
    return run


def require_suite(dataset: Dataset) -> SuiteVersion:
    """The suite in force; raises DomainError where there is none."""
    if dataset.current_suite is None:
        raise DomainError("no_suite", f"{dataset.name} has no suite yet; add its first check.")
    return dataset.current_suite


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
    if run.is_from_elsewhere:
        raise Conflict("made_elsewhere", f"Run {run.pk} was made elsewhere; run it again there.")
    return request_run(
        run.dataset,
        actor=actor,
        trigger=trigger,
        version=run.version,
        context=run.context,
        batch=run.batch["value"] if run.batch else NEWEST,
    )


def file_awaiting(
    run: Run, *, actor: Actor, choice: str = "file", checks: Collection[int] | None = None
) -> int:
    """Decide on the findings of a first run that wait for a yes; how many those were.

    `file` makes items of them, `accept` mutes them at today's level, `watch` only counts them.
    `checks` names results by position; without it all are meant.
    """
    if choice not in CHOICES:
        raise DomainError("bad_choice", "Choose file, accept or watch.")
    with deed(run.dataset.product, actor, "run.decided", subject=run.dataset.subject) as done:
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        waiting = awaiting_findings(run, checks)
        if not waiting:
            done.nothing_happened()
            return 0
        if choice == "file":
            findings.file_findings(waiting, actor=actor)
        elif choice == "accept":
            findings.accept_level(waiting, actor=actor)
        else:
            findings.watch_only(waiting, actor=actor)
        done.data.update(run=run.pk, choice=choice, findings=len(waiting))
    return len(waiting)


def execute_run(lease: jobs.Lease) -> None:
    """Carry out a run's job: read the version by the stored schema, check it, report what was
    found, all effects in the one transaction that ends the job.

    Data that can't be read, or not within the limits, ends the run as errored, with one execution
    finding.
    """
    run = _begun(lease.job)
    dataset = run.dataset
    lease.progress(0.02, "Reading the data")
    try:
        with watched():
            seen, found = _looked(run, lease)
    except DomainError as error:
        if has_answered(dataset, error.code):
            _say_reached(run)
        with lease.finish(_reporting(run)):
            _conclude_errored(run, error.code, error.message)
        return
    if dataset.is_live:
        _say_reached(run)
    _say_back(run, seen)
    with lease.finish(_reporting(run)):
        # The sample policy may have become stricter while this was under way.
        present = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        if seen is not None:
            note_read(_content(run), seen, at=run.started_at or timezone.now())
        _conclude(run, redact.results(found, policy_of(present)))


def _say_reached(run: Run) -> None:
    at = run.started_at or timezone.now()
    report_reached(run.dataset, key=_report_key(run), at=at, context=run.context)


def _say_back(run: Run, seen: Inspected | None) -> None:
    """Let the gate of the run, once it is asked, know which columns are there again."""
    reading = _content(run)
    if seen is None:
        say_back(run.dataset)
    elif reading.tracked:
        reading.columns = columns_in(seen)
        say_back(run.dataset, coming=reading)


def _looked(run: Run, lease: jobs.Lease) -> tuple[Inspected | None, list[CheckResult]]:
    """What a database held when it was read, and what each check says."""
    dataset = run.dataset
    references = references_for(_content(run), _suite(run).expectations)
    with readable(_content(run)) as source:
        seen = sources.measure(source) if dataset.is_live else None
        run.batch = _settled(run.batch, source)
        if run.batch is not None:
            run.batch_at = complete_at(run.batch, run.started_at or timezone.now())
        found = running.run_suite(
            source,
            _suite(run).expectations,
            key_columns=dataset.key_columns,
            batch=run.batch,
            references=references,
            progress=lambda done, total: lease.progress(
                0.1 + 0.85 * done / total, f"{done} of {total} checks"
            ),
        )
    return seen, found


def run_failed(job: Job, code: str, message: str) -> None:
    """A run's job ended badly: the run is errored, and its owner gets a task."""
    run = Run.objects.with_row().filter(job=job).first()
    if run is not None and not run.is_finished:
        with _reporting(run):
            _conclude_errored(run, code, message)


def run_cancelled(job: Job) -> None:
    """A run's job was cancelled, and so is the run."""
    Run.objects.filter(job=job, state__in=[RunState.QUEUED, RunState.RUNNING]).update(
        state=RunState.CANCELLED, finished_at=timezone.now()
    )


def _reporting(run: Run) -> AbstractContextManager[Deed]:
    """The one deed that the end of a run is, with its results, report and measurement."""
    dataset = run.dataset
    return deed(dataset.product, Actor.system(), "evidence.reported", subject=dataset.subject)


def _begun(job: Job) -> Run:
    run: Run = Run.objects.with_row().get(pk=job.args["run"])
    now = timezone.now()
    Run.objects.filter(pk=run.pk, state__in=[RunState.QUEUED, RunState.RUNNING]).update(
        state=RunState.RUNNING, started_at=Coalesce("started_at", now)
    )
    run.started_at = run.started_at or now
    version = _content(run)
    version.dataset = run.dataset
    if version.is_unread:
        version.seen_at = run.started_at
    return run


def _batch(dataset: Dataset, value: Any) -> dict[str, Any] | None:
    """The batch that is asked for: its value is still `newest` where no other one was named."""
    if dataset.batch is None:
        if value != NEWEST:
            raise DomainError(
                "no_batches", f"{dataset.name} is not divided; say in its settings by what."
            )
        return None
    if value != NEWEST and (fault := value_fault(dataset.batch["by"], value)):
        raise DomainError("bad_batch", f"There is no such batch. {fault}")
    return {**dataset.batch, "value": value}


def _settled(batch: dict[str, Any] | None, source: Source) -> dict[str, Any] | None:
    """The batch with its value, once the newest one is known."""
    if batch is None or batch["value"] != NEWEST:
        return batch
    found = sources.seen_batches(source, by=batch["by"], column=batch["column"])
    if not found or (found[-1].value is None and batch["by"] != "value"):
        raise DomainError(
            "no_batches", f"No row has a {batch['by']} in {batch['column']}, so there is no batch."
        )
    return {**batch, "value": found[-1].value}


def _conclude(run: Run, found: Sequence[CheckResult]) -> None:
    """Write what the checks said, report it, and tie each result to its finding."""
    observations = [_observation(run, result) for result in found]
    was_carried_out = Observation(
        check=CARRIED_OUT,
        identity={},
        title=f"{run.dataset.name}: the data could be read",
        outcome=Verdict.PASSED,
    )
    filed = _report(run, [*observations, was_carried_out])
    counted = [result for result in found if not result.guard]
    statistics = health.statistics([(r.outcome, r.severity) for r in counted])
    Result.objects.bulk_create(
        _row(run, result, _fingerprint(run, seen), finding if filed.tracked else None)
        for result, seen, finding in zip(found, observations, filed.findings[:-1], strict=True)
    )
    # A passed guard says that there are rows, and nothing of them.
    state = health.run_state(
        [r.outcome for r in found if not r.guard or r.outcome != Verdict.PASSED]
    )
    _end(
        run,
        state,
        statistics=statistics.as_dict() | {"guard": found[-1].outcome},
        health=statistics.health,
        engine=" + ".join(dict.fromkeys(result.engine for result in found)),
        error_code="nothing_judged" if state == RunState.ERRORED else "",
        error_detail="No check could say anything." if state == RunState.ERRORED else "",
    )
    if run.tracked:
        Measurement.objects.create(
            subject=run.dataset.subject,
            batch_key=run.data_key,
            batch_at=_batch_at(run),
            measured_at=run.finished_at or timezone.now(),
            health=statistics.health,
            executed=statistics.passed + statistics.failed,
            total=statistics.total,
            open_critical_errors=sum(
                r.outcome == Verdict.ERRORED and r.severity == Severity.CRITICAL for r in counted
            ),
        )


def _conclude_errored(run: Run, code: str, message: str) -> None:
    """End a run that could not be carried out: one execution finding per code and connection, or
    per dataset where it is its own trouble."""
    safe = redact.text(message)
    if is_of_connection(run.dataset, code):
        report_unreached(
            run.dataset,
            code,
            safe,
            key=_report_key(run),
            trigger=run.trigger,
            context=run.context,
        )
        _end(run, RunState.ERRORED, error_code=code, error_detail=safe)
        return
    evidence = {**_whereabouts(run), "error_code": code, "message": safe}
    could_not_run = Observation(
        check=CARRIED_OUT,
        identity={},
        title=f"{run.dataset.name}: {safe}",
        outcome=Verdict.ERRORED,
        evidence=evidence,
    )
    _report(run, [could_not_run])
    _end(run, RunState.ERRORED, error_code=code, error_detail=safe)


def _end(run: Run, state: str, **fields: Any) -> None:
    fields |= {
        "state": state,
        "finished_at": timezone.now(),
        "report": _stored_report(run),
        "batch": run.batch,
        "batch_at": run.batch_at,
    }
    for name, value in fields.items():
        setattr(run, name, value)
    run.save(update_fields=list(fields))


def _report(run: Run, observations: Sequence[Observation]) -> Filed:
    return findings.report(
        EvidenceReport(
            product=run.dataset.product,
            source=SOURCE_OF_RUNS,
            key=_report_key(run),
            subject=run.dataset.subject,
            batch_key=run.data_key,
            batch_at=_batch_at(run),
            trigger=run.trigger,
            context=run.context,
            observations=observations,
        ),
        actor=Actor.system(),
    )


def _stored_report(run: Run) -> StoredReport | None:
    return StoredReport.objects.filter(
        product=run.dataset.product, source=SOURCE_OF_RUNS, key=_report_key(run)
    ).first()


def _report_key(run: Run) -> str:
    return f"run:{run.pk}"


def _observation(run: Run, result: CheckResult) -> Observation:
    evidence = {
        **_whereabouts(run),
        "column": result.column,
        "check": result.type,
        "element_count": result.element_count,
        "unexpected_count": result.unexpected_count,
        "unexpected_percent": result.unexpected_percent,
    }
    if result.outcome == Verdict.ERRORED:
        evidence |= {"error_code": result.error_code, "message": result.message}
    return Observation(
        check=result.check,
        identity=result.identity,
        title=f"{run.dataset.name}: {result.title}",
        outcome=Verdict(result.outcome),
        severity=Severity(result.severity),
        excess=result.excess,
        evidence=evidence,
        fingerprint=suites.given_name({"meta": result.meta}),
    )


def _fingerprint(run: Run, observation: Observation) -> str:
    """That of the finding which the check makes where it fails."""
    subject = run.dataset.subject
    inputs = fingerprint_inputs(subject.kind, subject.slug, observation)
    return fingerprint(inputs)


def _row(run: Run, result: CheckResult, fingerprint: str, finding: int | None) -> Result:
    copied = (
        "position", "type", "column", "kwargs", "meta", "severity", "outcome", "guard",
        "observed_value", "element_count", "unexpected_count",
        "unexpected_percent", "excess", "sample", "message",
    )  # fmt: skip
    copies = {name: getattr(result, name) for name in copied}
    return Result(run=run, finding_id=finding, fingerprint=fingerprint, **copies)


def _whereabouts(run: Run) -> dict[str, Any]:
    """Where the evidence came from; names and numbers only, never values."""
    return {
        "url": reverse("dataquality:run", args=[run.dataset.product.key, run.pk]),
        "run": run.pk,
        "dataset": run.dataset.slug,
        "version": _content(run).number,
    }


def _content(run: Run) -> DatasetVersion:
    """What a run of ours looked at."""
    if run.version is None:
        raise ValueError(f"Run {run.pk} was made elsewhere.")
    return run.version


def _suite(run: Run) -> SuiteVersion:
    if run.suite_version is None:
        raise ValueError(f"Run {run.pk} was made elsewhere.")
    return run.suite_version


def _batch_at(run: Run) -> datetime:
    version = _content(run)
    return run.batch_at or version.as_of or version.seen_at
