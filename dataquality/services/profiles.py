"""Deeds on profiles: ask for one, make it."""

from __future__ import annotations

from django.utils import timezone

from backlog.models import Actor, Job
from backlog.services import jobs
from backlog.services.deeds import deed
from dataquality.engine import profiling, reading, redact
from dataquality.models import Dataset, DatasetVersion, Profile
from dataquality.services.files import local_copy
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
    if version is None or not version.file:
        raise DomainError("no_version", f"{dataset.name} has no such content to read any more.")
    with deed(dataset.product, actor, "profile.requested", subject=dataset.subject) as done:
        profile, _ = Profile.objects.select_for_update(no_key=True).get_or_create(version=version)
        # The old job is not cancelled: its worker locks job, dataset, profile, in this order.
        profile.job = jobs.enqueue(dataset.product, JOB_KIND, {"profile": profile.pk})
        profile.error_code = profile.error_detail = ""
        profile.save(update_fields=["job", "error_code", "error_detail", "requested_at"])
        done.data["version"] = version.number
    return profile


def make_profile(lease: jobs.Lease) -> None:
    """Carry out a profile job: read the version by the stored schema, describe, redact, keep."""
    profile = (
        Profile.objects.select_related("version__dataset__subject__product")
        .filter(pk=lease.job.args["profile"], job=lease.job)
        .first()
    )
    if profile is None:  # a stricter sample policy has removed it, or a newer job makes it
        return
    version = profile.version
    dataset = version.dataset
    lease.progress(0.05, "Reading the data")
    with local_copy(version) as path:
        table = reading.read(path, dataset.format, dataset.schema)
    lease.progress(0.3, "Looking at each column")
    found = profiling.profile(table, dataset.schema)
    with lease.finish():
        # The sample policy may have become stricter while this was under way.
        present = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        safe = redact.profile(found, policy_of(present))
        Profile.objects.filter(pk=profile.pk, job=lease.job).update(
            data=safe.data, suggestions=safe.suggestions, finished_at=timezone.now()
        )


def profile_failed(job: Job, code: str, message: str) -> None:
    """A profile job ended badly: say so where the profile is looked for."""
    Profile.objects.filter(job=job).update(error_code=code, error_detail=message)
