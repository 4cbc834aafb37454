"""The room that data takes: files of versions, runs and failing rows."""

from __future__ import annotations

from django.conf import settings

from backlog.queries.storage import Kept, rooms_of
from backlog.rules.keeping import in_words
from dataquality.models import DatasetVersion, Result, Run


def versions() -> Kept:
    files = DatasetVersion.objects.exclude(file="")
    most = settings.VERSIONS_KEPT
    kept_for = f"the newest {most} of each dataset" if most else "until they are purged"
    rooms = rooms_of(files, "dataset__subject__product_id", size="bytes")
    return Kept("Versions of datasets", True, kept_for, rooms)


def runs() -> Kept:
    most, days = settings.RUNS_KEPT, settings.UNTRACKED_RUNS_KEPT_DAYS
    counting = f"the newest {most} of each dataset" if most else "for ever"
    kept_for = f"{counting}; of branches {in_words(days)}"
    return Kept(
        "Runs", False, kept_for, rooms_of(Run.objects.all(), "dataset__subject__product_id")
    )


def failing_rows() -> Kept:
    found = Result.objects.exclude(sample=[])
    rooms = rooms_of(found, "run__dataset__subject__product_id")
    days = settings.SAMPLES_KEPT_DAYS
    kept_for = in_words(days) if days else "as long as the run"
    return Kept("Results with failing rows", False, kept_for, rooms)
