"""Jobs: asked for once, tried until it works or plainly can't, their effects written once.

A door calls `enqueue`, which writes a row and talks to nobody. The dispatcher sends the row's id
to the workers as often as it takes; `run` claims the row by one conditional update and calls the
function that is registered for its kind.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from backlog.models import Job, Product
from backlog.queries.jobs import claimable
from backlog.rules.jobs import DEFAULT, LARGE, SMALL, retry_wait_s
from backlog.services.leases import MESSAGE_LENGTH, Cancelled, Lease, LeaseLost
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.origins import begun_by
from mlscrum.lib.processes import process_name

__all__ = [
    "Cancelled",
    "Kind",
    "Lease",
    "LeaseLost",
    "Retry",
    "claim",
    "enqueue",
    "queues",
    "queues_served",
    "register",
    "request_cancel",
    "run",
]
logger = logging.getLogger(__name__)

Work = Callable[[Lease], None]
OnFailure = Callable[[Job, str, str], None]
OnCancel = Callable[[Job], None]


class Retry(DomainError):
    """The job can't be done now, but may be later: try again after `after_s`, or with back-off.

    Once the attempts are used up, the job fails with this code and message.
    """

    def __init__(
        self,
        message: str = "Something that this needs is out of reach.",
        *,
        after_s: float | None = None,
        code: str = "unavailable",
    ) -> None:
        super().__init__(code, message)
        self.after_s = after_s


@dataclass(frozen=True)
class Kind:
    """What is registered for one kind of job."""

    name: str
    function: Work
    queue: str
    max_attempts: int
    on_failure: OnFailure | None
    on_cancel: OnCancel | None


_kinds: dict[str, Kind] = {}


def register(
    kind: str,
    function: Work,
    queue: str = DEFAULT,
    *,
    max_attempts: int = 5,
    on_failure: OnFailure | None = None,
    on_cancel: OnCancel | None = None,
) -> None:
    """Say what carries out this kind of job; called in AppConfig.ready().

    `function(lease)` reads `lease.job.args`, tells its progress and writes its effects within
    `lease.finish()`; returning without it finishes a job that has none. It may be called again
    after it was killed anywhere before that. `on_failure(job, code, message)` and
    `on_cancel(job)` are called in the transaction that ends the job so.
    """
    if kind in _kinds and _kinds[kind].function is not function:
        raise ImproperlyConfigured(f"Two functions are registered for jobs of kind {kind!r}.")
    _kinds[kind] = Kind(kind, function, queue, max_attempts, on_failure, on_cancel)


def queues() -> list[str]:
    """The queues there are."""
    return sorted({DEFAULT, SMALL, LARGE, *(kind.queue for kind in _kinds.values())})


def queues_served() -> list[str]:
    """The queues that a worker of these settings listens to; raises DomainError for others than
    there are."""
    for name in settings.WORKER_QUEUES:
        if name not in queues():
            raise DomainError(
                "no_such_queue",
                f"WORKER_QUEUES names {name!r}; the queues are {', '.join(queues())}.",
            )
    return list(settings.WORKER_QUEUES) or queues()


def enqueue(
    product: Product | None,
    kind: str,
    args: dict[str, Any] | None = None,
    *,
    queue: str = "",
    run_after: datetime | None = None,
) -> Job:
    """Ask for a job: one row, in the caller's transaction. It starts as soon as that commits.

    `queue` is that of its kind, unless this one weighs more or less.
    """
    return Job.objects.create(
        product=product,
        kind=kind,
        args=args or {},
        queue=queue or _kinds[kind].queue,
        run_after=run_after or timezone.now(),
    )


def claim(job_id: int, owner: str) -> Job | None:
    """Take the job for this owner until its lease runs out, or None where it isn't to be had.

    Of any number of callers one gets it. A job that was cancelled, or that has used up its
    attempts, is ended here instead.
    """
    now = timezone.now()
    job = Job.objects.filter(claimable(now), pk=job_id).first()
    if job is None or _ended_instead(job, now):
        return None
    taken = Job.objects.filter(
        claimable(now), pk=job_id, attempts=job.attempts, cancel_requested=False
    ).update(
        state=Job.State.RUNNING,
        attempts=F("attempts") + 1,
        lease_owner=owner,
        lease_until=now + timedelta(seconds=settings.JOB_LEASE_S),
        started_at=Coalesce("started_at", now),
        progress=0,
        message="",
    )
    if not taken:
        return None
    return Job.objects.select_related("product").filter(pk=job_id, lease_owner=owner).first()


def run(job_id: int, owner: str | None = None) -> None:
    """Carry out the job if it is to be had; safe to call any number of times, from anywhere."""
    job = claim(job_id, owner or f"{process_name()}:{secrets.token_hex(4)}")
    if job is None:
        return
    lease = Lease(job)
    with begun_by(job_id=str(job.pk), job_kind=job.kind):
        try:
            with lease.kept():
                _kinds[job.kind].function(lease)
                if not lease.is_finished:
                    with lease.finish():
                        pass
        except Exception as error:  # noqa: BLE001  whatever it was, it must not end in silence
            _settle(lease, error)


def request_cancel(job: Job) -> Job:
    """Cancel a job: at once if it waits, at its next sign of progress if it runs.

    Raises Conflict for one that has ended.
    """
    with transaction.atomic():
        held = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if held.is_finished:
            raise Conflict("job_ended", f"This has already ended: {held.state}.")
        held.cancel_requested = True
        if held.state == Job.State.QUEUED:
            _close(held, Job.State.CANCELLED, "cancelled", "Cancelled before it began.")
        else:
            held.save(update_fields=["cancel_requested"])
    return held


def _ended_instead(job: Job, now: datetime) -> bool:
    """End a claimable job that must not be tried (again); whether that was so."""
    kind = _kinds.get(job.kind)
    still = Q(claimable(now), pk=job.pk, attempts=job.attempts)
    if job.cancel_requested:
        _end(still, Job.State.CANCELLED, "cancelled", "Cancelled.")
    elif kind is None:
        _end(still, Job.State.FAILED, "unknown_kind", "No worker knows how to do this.")
    elif job.attempts >= kind.max_attempts:
        times = "once" if job.attempts == 1 else f"{job.attempts} times"
        _end(
            still,
            Job.State.FAILED,
            "gave_up",
            f"Tried {times}, and each time the worker ended in the middle; "
            "it may need more memory than there is.",
        )
    else:
        return False
    return True


def _settle(lease: Lease, error: Exception) -> None:
    """Write down how a job ended that did not end well."""
    job = lease.job
    ours = Q(pk=job.pk, state=Job.State.RUNNING, lease_owner=lease.owner)
    match error:
        case LeaseLost():
            logger.info("Job %s (%s) went to another worker", job.pk, job.kind)
        case _ if lease.is_finished:
            logger.error(
                "Job %s (%s) failed after it was done: %s", job.pk, job.kind, _trace(error)
            )
        case Cancelled():
            _end(ours, Job.State.CANCELLED, "cancelled", "Cancelled.")
        case Retry():
            _try_later(job, ours, error)
        case OperationalError() | InterfaceError():
            logger.warning("Job %s (%s): %s", job.pk, job.kind, error)
            _try_later(job, ours, Retry("The database was out of reach.", code="database"))
        case SoftTimeLimitExceeded():
            limit = settings.JOB_TIME_LIMIT_S
            _end(ours, Job.State.FAILED, "too_long", f"Stopped: it took longer than {limit} s.")
        case DomainError():
            _end(ours, Job.State.FAILED, error.code, error.message)
        case _:
            logger.error("Job %s (%s) failed: %s", job.pk, job.kind, _trace(error))
            _end(
                ours,
                Job.State.FAILED,
                "internal",
                f"Something went wrong on our side; the worker's log has more under job {job.pk}.",
            )


def _try_later(job: Job, ours: Q, why: Retry) -> None:
    if job.attempts >= _kinds[job.kind].max_attempts:
        _end(ours, Job.State.FAILED, why.code, why.message)
        return
    wait_s = why.after_s if why.after_s is not None else retry_wait_s(job.attempts)
    Job.objects.filter(ours).update(
        state=Job.State.QUEUED,
        run_after=timezone.now() + timedelta(seconds=wait_s),
        published_at=None,
        lease_until=None,
        lease_owner="",
        progress=0,
        message=f"Will be tried again: {why.message}"[:MESSAGE_LENGTH],
    )


def _end(which: Q, state: Job.State, code: str, message: str) -> None:
    """End the job if it is still as `which` says."""
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).filter(which).first()
        if job is not None:
            _close(job, state, code, message)


def _close(job: Job, state: Job.State, code: str, message: str) -> None:
    job.state, job.error_code, job.message = state, code, message[:MESSAGE_LENGTH]
    job.finished_at, job.lease_until, job.lease_owner = timezone.now(), None, ""
    job.save(
        update_fields=[
            "state", "error_code", "message", "finished_at", "lease_until", "lease_owner",
            "cancel_requested",
        ]
    )  # fmt: skip
    kind = _kinds.get(job.kind)
    if kind is None:
        return
    try:
        with transaction.atomic():
            if state == Job.State.CANCELLED and kind.on_cancel:
                kind.on_cancel(job)
            elif state == Job.State.FAILED and kind.on_failure:
                kind.on_failure(job, code, job.message)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001  the job must still end, or be tried for ever
        logger.error(
            "Job %s (%s): what should follow its end failed: %s", job.pk, job.kind, _trace(error)
        )


def _trace(error: BaseException) -> str:
    """Types and places of an error and of what caused it, without their texts: those of libraries
    that read data hold values of it."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        kind = type(cause)
        frames = "".join(traceback.format_tb(cause.__traceback__))
        parts.append(f"{kind.__module__}.{kind.__qualname__}\n{frames}")
        cause = cause.__cause__ or cause.__context__
    return "caused by ".join(parts)
