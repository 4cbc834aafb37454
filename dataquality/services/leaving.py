"""What of data stays where it is as a product leaves, and how its runs and sources arrive."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q
from django.utils import timezone

from backlog.models import Product, StoredReport
from backlog.services.product_scope import (
    Ids,
    fix,
    keep_texts,
    leave_out,
    name_ids,
    name_paths,
    on_arrival,
    share,
)
from dataquality.engine import suites as rules
from dataquality.models import (
    Connection,
    Dataset,
    DatasetVersion,
    Profile,
    Registration,
    Result,
    Run,
    RunState,
    Schedule,
    ShareLink,
    Slot,
    SlotState,
    SuiteTemplate,
    SuiteVersion,
)
from mlscrum.lib.errors import DomainError

CODE = frozenset({"type", "json_schema", "unexpected_rows_query"})  # parts of a check
KEY_OF_REPORT = re.compile(r"^(run|slot):(\d{1,18})$|^(\d{1,18}):")
MOVED = "It was under way as the product moved here; ask for it again."


def register() -> None:
    """Name what is special about the tables of this floor."""
    leave_out(ShareLink)  # ways in
    leave_out(Registration)
    leave_out(Dataset.shared_with.through, Connection.shared_with.through)
    share(Connection, "datasets__subject__product")
    keep_texts(
        Connection, Dataset, DatasetVersion, Profile, Result, Run, Schedule, Slot, SuiteTemplate,
        SuiteVersion,
    )  # fmt: skip
    name_ids(Run, "run")
    name_paths(Run, "runs")
    fix(StoredReport, _key_of_report)
    fix(Dataset, _judged)
    fix(Connection, _without_credentials)
    on_arrival(_refuse_code)
    on_arrival(_end_what_was_under_way)


def _key_of_report(row: dict[str, Any], ids: Ids) -> None:
    """Reports of our own are known by the number of their run, time or dataset."""
    found = KEY_OF_REPORT.match(row["key"])
    if found is None:
        return
    noun, old, subject = found.groups()
    if noun:
        new = ids(f"dataquality.{noun}", int(old))
        row["key"] = f"{noun}:{old if new is None else new}"
    elif (new := ids("backlog.subject", int(subject))) is not None:
        row["key"] = f"{new}:{row['key'].partition(':')[2]}"


def _judged(row: dict[str, Any], ids: Ids) -> None:
    row["judged_version"] = ids("dataquality.datasetversion", row["judged_version"]) or 0
    row["judged_suite"] = ids("dataquality.suiteversion", row["judged_suite"]) or 0


def _without_credentials(row: dict[str, Any], ids: Ids) -> None:
    """What another server has itself is none of this one's."""
    row["ambient"] = False


def _refuse_code(product: Product) -> None:
    """What a check could run or fetch is refused here too, for nobody saved these suites here: a
    condition in words, a schema that refers elsewhere, a type that we don't know (decision 1 of
    the design). A check of a column that is there no more is no such thing."""
    suites = SuiteVersion.objects.filter(dataset__subject__product=product)
    for suite in suites.select_related("dataset__subject").iterator(chunk_size=100):
        checks = suite.expectations if isinstance(suite.expectations, list) else [None]
        if not all(_has_plain_condition(check) for check in checks) or _runs_code(suite, checks):
            raise DomainError(
                "bad_suite",
                f"Suite {suite.number} of {suite.dataset} holds a check that nobody can have "
                "saved here. Nothing of the archive was imported.",
            )


def _has_plain_condition(check: Any) -> bool:
    kwargs = check.get("kwargs") if isinstance(check, dict) else None
    condition = kwargs.get("row_condition") if isinstance(kwargs, dict) else ""
    return condition is None or isinstance(condition, dict)


def _runs_code(suite: SuiteVersion, checks: list[Any]) -> bool:
    found = rules.problems(checks, suite.dataset.schema, on_sql=True) if checks else ()
    return any(problem.pointer.rpartition("/")[2] in CODE for problem in found)


def _end_what_was_under_way(product: Product) -> None:
    """Runs, times and profiles whose jobs stayed behind end; schedules wait for somebody who says
    that their sources can be reached from here."""
    now = timezone.now()
    runs = Run.objects.filter(dataset__subject__product=product)
    runs.filter(state__in=[RunState.QUEUED, RunState.RUNNING]).update(
        state=RunState.CANCELLED, finished_at=now, error_detail=MOVED
    )
    slots = Slot.objects.filter(schedule__dataset__subject__product=product)
    slots.filter(state=SlotState.WAITING).update(
        state=SlotState.SKIPPED, detail=MOVED, decided_at=now
    )
    profiles = Profile.objects.filter(version__dataset__subject__product=product)
    profiles.filter(Q(waiting_since__isnull=False) | Q(finished_at=None, error_code="")).update(
        waiting_since=None, error_code="moved", error_detail=MOVED
    )
    Schedule.objects.filter(dataset__subject__product=product, paused_at=None).update(
        paused_at=now, next_at=None
    )
