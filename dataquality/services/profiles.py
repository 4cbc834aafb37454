"""Deeds on profiles: ask for one, make it."""

from __future__ import annotations

from django.utils import timezone

from backlog.models import Actor, Job, Product
from backlog.rules.jobs import LARGE, SMALL
from backlog.services import jobs
from backlog.services.deeds import deed
from dataquality.engine import profiling, redact, sources
from dataquality.models import Connection, Dataset, DatasetVersion, Profile
from dataquality.rules.weights import is_large
from dataquality.services.drift_suggestions import with_drift
from dataquality.services.origins import readable
from dataquality.services.values import policy_of
from mlscrum.lib.errors import DomainError

JOB_KIND = "profile"


def request_profile(
    dataset: Dataset, *, actor: Actor, version: DatasetVersion | None = None
) -> Profile:
    """Ask for the profile of a version, by default the current one; an old one stays until then.

    Asked again while one is being made, makes another: the first may have been begun with an
    older schema, and what it finds is dropped.
    """
    version = version or dataset.current_version
    if version is None or not version.can_be_read:
        raise DomainError("no_version", f"{dataset.name} has no such content to read any more.")
    with deed(dataset.product, actor, "profile.requested", subject=dataset.subject) as done:
        _hold(dataset.connection_id)
        profile, _ = Profile.objects.select_for_update(no_key=True).get_or_create(version=version)
        profile.error_code = profile.error_detail = ""
        profile.waiting_since, profile.job = done.at, None
        profile.save(
            update_fields=["job", "waiting_since", "error_code", "error_detail", "requested_at"]
        )
        if dataset.connection_id is None:
            _enqueue(profile, dataset.product)
        else:
            start_waiting(dataset.connection_id)
        profile.refresh_from_db()
        done.data["version"] = version.number
    return profile


def make_profile(lease: jobs.Lease) -> None:
    """Carry out a profile job: read the version by the stored schema, describe, redact, keep."""
    profile = (
        Profile.objects.select_related(
            "version__dataset__subject__product", "version__dataset__connection__product"
        )
        .filter(pk=lease.job.args["profile"], job=lease.job)
        .first()
    )
    if profile is None:  # a stricter sample policy has removed it, or a newer job makes it
        with lease.finish() as job:
            _next(job)
        return
    version = profile.version
    dataset = version.dataset
    lease.progress(0.05, "Reading the data")
    with readable(version) as source, sources.counted(source) as figures:
        lease.progress(0.3, "Looking at each column")
        found = with_drift(profiling.profile(figures, dataset.schema), version)
    with lease.finish() as job:
        # The sample policy may have become stricter while this was under way.
        present = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        _hold(lease.job.args.get("connection"))
        safe = redact.profile(found, policy_of(present))
        Profile.objects.filter(pk=profile.pk, job=lease.job).update(
            data=safe.data, suggestions=safe.suggestions, finished_at=timezone.now()
        )
        _next(job)


def profile_failed(job: Job, code: str, message: str) -> None:
    """A profile job ended badly: say so where the profile is looked for."""
    _hold(job.args.get("connection"))
    Profile.objects.filter(job=job).update(error_code=code, error_detail=message)
    _next(job)


def profile_cancelled(job: Job) -> None:
    """A profile job was cancelled, so that the next one of its connection may begin."""
    _next(job)


def start_waiting(connection_id: int, *, ending: Job | None = None) -> None:
    """Begin profiles that wait for their connection, as many as it takes at once; within the
    caller's transaction. `ending` is a job that is as good as over."""
    connection = _hold(connection_id)
    if connection is None:
        return
    of_connection = Profile.objects.filter(version__dataset__connection=connection_id)
    under_way = of_connection.filter(job__state__in=[Job.State.QUEUED, Job.State.RUNNING])
    if ending is not None:
        under_way = under_way.exclude(job=ending)
    free = connection.profile_cap - under_way.count()
    waiting = of_connection.filter(waiting_since__isnull=False).order_by("waiting_since", "pk")
    for profile in waiting.select_related("version__dataset__subject__product")[: max(free, 0)]:
        _enqueue(profile, profile.version.dataset.product, connection_id)


def _enqueue(profile: Profile, product: Product, connection_id: int | None = None) -> None:
    # The old job is not cancelled: its worker locks job, dataset, connection, profile, in order.
    args = {"profile": profile.pk} | ({"connection": connection_id} if connection_id else {})
    version = profile.version
    queue = LARGE if is_large(version.rows, version.bytes) else SMALL
    profile.job = jobs.enqueue(product, JOB_KIND, args, queue=queue)
    profile.waiting_since = None
    profile.save(update_fields=["job", "waiting_since"])


def _next(job: Job) -> None:
    if connection_id := job.args.get("connection"):
        start_waiting(connection_id, ending=job)


def _hold(connection_id: int | None) -> Connection | None:
    """Lock a connection, so that nobody else begins profiles of it meanwhile."""
    if connection_id is None:
        return None
    found: Connection | None = (
        Connection.objects.select_for_update(no_key=True).filter(pk=connection_id).first()
    )
    return found
