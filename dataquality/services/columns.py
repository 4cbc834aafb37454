"""Columns that come and go: a finding where something names one that is gone, and the newest
columns taken over."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse

from backlog.models import Actor, Finding
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services import findings
from backlog.services.deeds import deed
from backlog.services.findings import EvidenceReport
from dataquality.models import Dataset, DatasetVersion
from dataquality.queries.lineage import ColumnChanges, GoneColumn, column_changes, column_uses
from dataquality.services.profiles import request_profile
from mlscrum.lib.errors import DomainError

logger = logging.getLogger(__name__)
SOURCE = "schema"
CHECK = "column_in_use"
WHOLLY_GONE = 100.0  # the excess of a schema check, in percentage points (EVIDENCE.md 0)
AT_ONCE = 20  # the dispatcher sends no job meanwhile


def report_columns(now: datetime) -> int:
    """Say of each dataset, of which a version or a suite is new, which columns in use are gone and
    which are back; how many were looked at. Each pair of version and suite is looked at once, but
    for `look_again`; so is one that can't be judged, which is logged."""
    found = list(
        Dataset.objects.filter(current_version__isnull=False)
        .annotate(suite_now=Coalesce("current_suite", 0))
        .filter(~Q(judged_version=F("current_version")) | ~Q(judged_suite=F("suite_now")))
        .order_by("pk")
        .values_list("pk", "current_version", "suite_now")[:AT_ONCE]
    )
    for pk, version, suite in found:
        try:
            _judge(pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # the others must still be looked at, and this one not for ever
            logger.exception("The columns of dataset %d could not be looked at", pk)
            Dataset.objects.filter(pk=pk).update(judged_version=version, judged_suite=suite)
    return len(found)


def say_back(dataset: Dataset, *, coming: DatasetVersion | None = None) -> None:
    """Say of columns that were gone that they are there again, before the gate of a run is asked;
    what is gone the run tells of itself, by the checks that it could not carry out. `coming` is a
    reading that is about to be the current version. What can't be judged is logged and left to
    `report_columns`."""
    try:
        _say_back(dataset.pk, coming)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # the run has its own answer
        logger.exception("The columns of dataset %d could not be looked at", dataset.pk)


def look_again(datasets: Collection[int]) -> None:
    """Let the columns of these, by their ids, be looked at once more: what names them has
    changed."""
    found = Dataset.objects.filter(pk__in=datasets).order_by("pk")
    list(found.select_for_update(no_key=True).values_list("pk"))  # each deed locks them in order
    found.update(judged_version=0)


def accept_columns(dataset: Dataset, *, actor: Actor) -> ColumnChanges:
    """Read the dataset by the columns of its newest version: new ones are known from now on, and
    gone ones that nothing names are forgotten; what is named stays until that is changed.

    Gives what differed. Raises DomainError where that would change nothing.
    """
    with deed(dataset.product, actor, "dataset.schema_changed", subject=dataset.subject) as done:
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        present: Dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
        changes = column_changes(present, column_uses(present))
        if not changes.can_be_accepted:
            raise DomainError(
                "no_new_columns",
                "Every column that is gone is named by something; change that first."
                if changes.gone
                else "The newest version has the columns that are known.",
            )
        unused = {column.name for column in changes.unused}
        kept = [column for column in present.schema if column["name"] not in unused]
        present.schema = [*kept, *({**column, "null_words": []} for column in changes.new)]
        present.judged_version = 0
        present.save(update_fields=["schema", "judged_version"])
        if present.current_version is not None and present.current_version.can_be_read:
            request_profile(present, actor=actor)
        done.data["columns"] = sorted({*unused, *(column["name"] for column in changes.new)})
    dataset.schema = present.schema
    return changes


def _judge(pk: int) -> None:
    dataset = _found(pk)
    version = dataset.current_version if dataset is not None else None
    if dataset is None or version is None:
        return
    with deed(
        dataset.product, Actor.system(), "evidence.reported", subject=dataset.subject
    ) as done:
        judged = {"judged_version": version.pk, "judged_suite": dataset.current_suite_id or 0}
        changed = Dataset.objects.filter(
            pk=pk, judged_version=dataset.judged_version, judged_suite=dataset.judged_suite
        ).update(**judged)
        seen = _observations(dataset, version) if changed else []
        if not seen:
            done.nothing_happened()
            return
        _report(dataset, version, seen, done.at)


def _say_back(pk: int, coming: DatasetVersion | None) -> None:
    dataset = _found(pk)
    if dataset is None:
        return
    version = dataset.current_version = coming or dataset.current_version
    if version is None:
        return
    said = Finding.objects.filter(subject=dataset.subject, source=SOURCE, state=Finding.State.OPEN)
    waiting = {
        str(found.fingerprint_inputs[-1]["column"])
        for found in said
        if version.batch_key not in found.green_batch_keys  # of which this run says nothing new
    }
    back = [
        seen
        for seen in (_observations(dataset, version) if waiting else [])
        if seen.outcome == Outcome.PASSED and seen.identity["column"] in waiting
    ]
    if not back:
        return
    with deed(
        dataset.product, Actor.system(), "evidence.reported", subject=dataset.subject
    ) as done:
        _report(dataset, version, back, done.at)


def _found(pk: int) -> Dataset | None:
    found: Dataset | None = (
        Dataset.objects.select_related("subject__product", "current_version", "current_suite")
        .select_related("schedule")
        .filter(pk=pk)
        .first()
    )
    return found


def _report(
    dataset: Dataset, version: DatasetVersion, seen: Sequence[Observation], at: datetime
) -> None:
    findings.report(
        EvidenceReport(
            product=dataset.product,
            source=SOURCE,
            key=f"{dataset.pk}:{at.isoformat()}",
            subject=dataset.subject,
            batch_key=version.batch_key,
            batch_at=version.as_of or version.seen_at,
            context=version.context,
            observations=seen,
            is_whole=False,
        ),
        actor=Actor.system(),
    )


def _observations(dataset: Dataset, version: DatasetVersion) -> list[Observation]:
    """What is gone and in use, and what was said to be and is not any more."""
    broken = column_changes(dataset, column_uses(dataset)).broken
    gone = {column.name for column in broken}
    said = Finding.objects.filter(
        subject=dataset.subject,
        source=SOURCE,
        state__in=[Finding.State.OPEN, Finding.State.MUTED],
    ).values_list("fingerprint_inputs", flat=True)
    names = {str(identity["column"]) for *_, identity in said}
    return [
        *(_gone(dataset, version, column) for column in broken),
        *(_back(dataset, name) for name in sorted(names - gone)),
    ]


def _gone(dataset: Dataset, version: DatasetVersion, column: GoneColumn) -> Observation:
    return Observation(
        check=CHECK,
        identity={"column": column.name},
        title=f"{dataset.name}: the column {column.name} is gone, and in use",
        outcome=Outcome.FAILED,
        severity=Severity.CRITICAL,
        excess=WHOLLY_GONE,
        evidence={
            "url": reverse("dataquality:dataset", args=[dataset.product.key, dataset.slug]),
            "dataset": dataset.slug,
            "version": version.number,
            "column": column.name,
            "used_by": list(column.used_by),
        },
    )


def _back(dataset: Dataset, name: str) -> Observation:
    return Observation(
        check=CHECK,
        identity={"column": name},
        title=f"{dataset.name}: the column {name} is gone, and in use",
        outcome=Outcome.PASSED,
        severity=Severity.CRITICAL,
    )
