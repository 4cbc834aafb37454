"""Deeds on schedules: set one, pause it, see that each time comes once, and carry that out."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from backlog.models import Actor, Job, Product
from backlog.rules.evidence import Observation, Outcome
from backlog.services import findings, jobs
from backlog.services.deeds import deed
from backlog.services.findings import EvidenceReport
from dataquality.engine import redact
from dataquality.models import (
    SOURCE_OF_RUNS,
    Dataset,
    Run,
    RunState,
    Schedule,
    Slot,
    SlotState,
    SourceKind,
    Trigger,
)
from dataquality.rules.schedules import (
    cron_fault,
    last_due,
    next_time,
    plain,
    shortest_gap,
)
from dataquality.services.columns import look_again
from dataquality.services.novelty import state_of
from dataquality.services.profiles import request_profile
from dataquality.services.runs import CARRIED_OUT, request_run
from dataquality.services.troubles import (
    has_answered,
    is_of_connection,
    report_reached,
    report_unreached,
)
from dataquality.services.versions import read_again
from mlscrum.lib.errors import DomainError

JOB_KIND = "scheduled_run"
AT_ONCE = 200
LONGEST_CRON = 100
RUNS_LOOKED_AT = 5
JUDGED = (RunState.PASSED, RunState.FAILED)
# What people say of a schedule; the rest is noted as its times come.
SAID_OF_IT = (
    "cron", "zone", "only_new", "watch_column", "paused_at", "next_at", "set_by", "set_at"
)  # fmt: skip


@dataclass(frozen=True)
class ScheduleDraft:
    """A schedule as somebody wants it: cron in five fields or a shorthand, and an IANA zone."""

    cron: str
    zone: str = "UTC"
    only_new: bool = True
    watch_column: str = ""
    paused: bool = False


def set_schedule(dataset: Dataset, draft: ScheduleDraft, *, actor: Actor) -> Schedule:
    """Let a dataset be checked by itself from now on, or at other times than before.

    Times that went by while it was paused are not made up for. Raises ValidationError by field:
    for what is no cron, times that never come, and times closer together than runs take.
    """
    wanted = _checked(dataset, draft)
    with deed(dataset.product, actor, "schedule.set", subject=dataset.subject) as done:
        Dataset.objects.select_for_update(no_key=True, of=("self",)).get(pk=dataset.pk)
        # A dispatcher moves it on, and a worker notes what it saw.
        held = Schedule.objects.select_for_update(no_key=True, of=("self",))
        present = held.filter(dataset=dataset).first()
        schedule = present or Schedule(dataset=dataset)
        before = _said(schedule) if present else None
        is_moved = before is None or before[:2] != (wanted.cron, wanted.zone)
        fields = [*SAID_OF_IT]
        if schedule.watch_column != wanted.watch_column:
            schedule.seen = ""
            fields.append("seen")
            look_again([dataset.pk])
        schedule.cron, schedule.zone = wanted.cron, wanted.zone
        schedule.only_new, schedule.watch_column = wanted.only_new, wanted.watch_column
        was_paused = schedule.is_paused
        if wanted.paused:
            schedule.paused_at, schedule.next_at = schedule.paused_at or done.at, None
        elif is_moved or was_paused:
            schedule.paused_at = None
            schedule.next_at = next_time(wanted.cron, wanted.zone, done.at)
        if _said(schedule) == before:
            done.nothing_happened()
            return schedule
        schedule.set_by = actor.user
        schedule.save(update_fields=fields if present else None)
        done.data.update(cron=schedule.cron, zone=schedule.zone, paused=schedule.is_paused)
    dataset.schedule = schedule
    return schedule


def is_as_wanted(schedule: Schedule | None, wanted: ScheduleDraft | None) -> bool:
    """Whether a schedule, or its absence, is what somebody wants, however they write its times."""
    if schedule is None or wanted is None:
        return schedule is None and wanted is None
    return ScheduleDraft(*_said(schedule)) == replace(wanted, cron=plain(wanted.cron))


def remove_schedule(dataset: Dataset, *, actor: Actor) -> None:
    """Let a dataset be checked by hand and by CI alone; what its times have run stays."""
    with deed(dataset.product, actor, "schedule.removed", subject=dataset.subject) as done:
        look_again([dataset.pk])  # its times may have named a column
        if not Schedule.objects.filter(dataset=dataset).delete()[0]:
            done.nothing_happened()


def check_times(cron: str, zone: str) -> None:
    """Raise ValidationError, naming `cron` or `zone`, for times that never come."""
    errors: dict[str, str] = {}
    if fault := "That is too long." if len(cron) > LONGEST_CRON else cron_fault(cron):
        errors["cron"] = fault
    if zone not in zoneinfo.available_timezones():
        errors["zone"] = "Choose a time zone by its IANA name, such as Europe/Berlin."
    if errors:
        raise ValidationError(errors)


def ask_for_due(now: datetime) -> int:
    """Ask for a run at each time that has come; how many. Any number of dispatchers may do so at
    once: a time is a row that only one of them can write. Of times that nobody was there to see
    only the last is run, and one that comes while another is still under way is left out.
    """
    due = Schedule.objects.filter(next_at__lte=now).order_by("next_at")
    return sum(_ask(pk, now) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


def carry_out_slot(lease: jobs.Lease) -> None:
    """See whether the source of a scheduled dataset has anything new, read it, and ask for a run.

    What can't be reached or read files one execution finding, as a run that fails does.
    """
    slot = (
        Slot.objects.select_related("schedule")
        .filter(pk=lease.job.args["slot"], state=SlotState.WAITING)
        .first()
    )
    if slot is None:
        return  # an earlier worker came so far, or the schedule was removed
    dataset = _dataset_of(slot)
    carrying = _Carrying(lease, slot, dataset)
    try:
        carrying.carry_out()
    except DomainError as error:
        if has_answered(dataset, error.code):
            carrying.say_reached()
        with lease.finish(deed(dataset.product, Actor.system(), "evidence.reported",
                               subject=dataset.subject)):  # fmt: skip
            _settle(slot, SlotState.REFUSED, redact.text(error.message))
            if error.code != "no_suite":
                _report_unread(slot, dataset, error)


def slot_failed(job: Job, code: str, message: str) -> None:
    """The job of a time ended badly: the time says why."""
    slot = Slot.objects.filter(job=job, state=SlotState.WAITING).first()
    if slot is not None:
        _settle(slot, SlotState.REFUSED, message)


def slot_cancelled(job: Job) -> None:
    """Somebody cancelled the job of a time."""
    slot_failed(job, "cancelled", "It was cancelled.")


class _Carrying:
    """One time of a schedule on its way to a run, or to the reason why there is none."""

    def __init__(self, lease: jobs.Lease, slot: Slot, dataset: Dataset) -> None:
        self.lease, self.slot, self.dataset = lease, slot, dataset
        self.schedule = slot.schedule
        self.began_at = timezone.now()

    def carry_out(self) -> None:
        dataset, schedule = self.dataset, self.schedule
        if schedule.is_paused:
            self._end(SlotState.SKIPPED, "The schedule was paused before it began.")
            return
        if dataset.current_suite is None:
            raise DomainError("no_suite", "There is no suite yet; add a first check.")
        under_way = _under_way(dataset)
        if under_way is not None:
            self._end(SlotState.SKIPPED, f"Run {under_way.pk} was still under way.")
            return
        self.lease.progress(0.1, "Looking for new data")
        state = state_of(dataset, schedule.watch_column)
        is_as_seen = bool(state) and state == schedule.seen
        if schedule.only_new and is_as_seen and _is_checked(dataset, schedule):
            self.say_reached()
            self._end(SlotState.UNCHANGED, "The source is as it was.", state)
            return
        version = dataset.current_version
        if not dataset.is_live and dataset.source_kind != SourceKind.UPLOAD:
            self.lease.progress(0.2, "Reading the source")
            before = dataset.current_version_id
            version = read_again(dataset, actor=Actor.system()).version
            self.say_reached()
            dataset = _dataset_of(self.slot)
            if schedule.only_new and version.pk == before and _is_checked(dataset, schedule):
                self._end(SlotState.UNCHANGED, "Its content is the same as before.", state)
                return
        with self.lease.finish(deed(dataset.product, Actor.system(), "run.requested",
                                    subject=dataset.subject)):  # fmt: skip
            self.slot.run = request_run(
                dataset, actor=Actor.system(), trigger=Trigger.SCHEDULE, version=version
            )
            _settle(self.slot, SlotState.RAN, "")
            if dataset.is_live and not is_as_seen:  # a file is profiled when it comes
                request_profile(dataset, actor=Actor.system(), version=self.slot.run.version)
            _note_state(schedule, state)

    def say_reached(self) -> None:
        """The connection let through what was to be read. Where it was only asked whether there is
        anything new, the run has yet to get through."""
        report_reached(self.dataset, key=_report_key(self.slot), at=self.began_at)

    def _end(self, state: SlotState, detail: str, seen: str = "") -> None:
        with self.lease.finish():
            _settle(self.slot, state, detail)
            if seen:
                _note_state(self.schedule, seen)


def _ask(pk: int, now: datetime) -> int:
    with transaction.atomic():
        schedule = (
            Schedule.objects.select_for_update(no_key=True, of=("self",))
            .select_related("dataset__subject__product")
            .filter(pk=pk, next_at__lte=now)
            .first()
        )
        if schedule is None or schedule.next_at is None:
            return 0  # another dispatcher was faster
        due, missed = last_due(schedule.cron, schedule.zone, schedule.next_at, now)
        is_free = not _is_under_way(schedule)
        slot, is_new = Slot.objects.get_or_create(
            schedule=schedule, due_at=due, defaults={"missed": missed}
        )
        if is_new and not is_free:
            _settle(slot, SlotState.SKIPPED, "The time before it was still under way.")
        elif is_new:
            slot.job = jobs.enqueue(schedule.dataset.product, JOB_KIND, {"slot": slot.pk})
            slot.save(update_fields=["job"])
        schedule.next_at = next_time(schedule.cron, schedule.zone, now)
        schedule.save(update_fields=["next_at"])
    return int(is_new and is_free)


def _is_under_way(schedule: Schedule) -> bool:
    """Whether a time that came before waits for a worker, or has one."""
    at_work = [Job.State.QUEUED, Job.State.RUNNING]
    return schedule.slots.filter(state=SlotState.WAITING, job__state__in=at_work).exists()


def _settle(slot: Slot, state: SlotState, detail: str) -> None:
    slot.state, slot.detail, slot.decided_at = state, detail[:1000], timezone.now()
    slot.save(update_fields=["state", "detail", "decided_at", "run"])


def _note_state(schedule: Schedule, state: str) -> None:
    now = timezone.now()
    changed = {"changed_at": now} if state != schedule.seen or not state else {}
    Schedule.objects.filter(pk=schedule.pk).update(seen=state, looked_at=now, **changed)


def _dataset_of(slot: Slot) -> Dataset:
    product = Product.objects.get(subjects__dataset=slot.schedule_id)
    found: Dataset = Dataset.objects.of(product).get(pk=slot.schedule_id)
    return found


def _under_way(dataset: Dataset) -> Run | None:
    return Run.objects.filter(
        dataset=dataset, trigger=Trigger.SCHEDULE, state__in=[RunState.QUEUED, RunState.RUNNING]
    ).first()


def _is_checked(dataset: Dataset, schedule: Schedule) -> bool:
    """Whether the present suite has judged the current content; of a database, whether it has
    since that was last seen to change."""
    runs = Run.objects.filter(
        dataset=dataset, suite_version=dataset.current_suite, tracked=True, state__in=JUDGED
    )
    if not dataset.is_live:
        return runs.filter(version=dataset.current_version).exists()
    since = schedule.changed_at
    return since is not None and runs.filter(started_at__gte=since).exists()


def _report_unread(slot: Slot, dataset: Dataset, error: DomainError) -> None:
    safe = redact.text(error.message)
    if is_of_connection(dataset, error.code):
        report_unreached(dataset, error.code, safe, key=_report_key(slot), trigger=Trigger.SCHEDULE)
        return
    version = dataset.current_version
    findings.report(
        EvidenceReport(
            product=dataset.product,
            source=SOURCE_OF_RUNS,
            key=_report_key(slot),
            subject=dataset.subject,
            batch_key=f"{dataset.slug}:{slot.due_at:%Y-%m-%dT%H:%M:%SZ}",
            batch_at=timezone.now(),
            trigger=Trigger.SCHEDULE,
            observations=[
                Observation(
                    check=CARRIED_OUT,
                    identity={},
                    title=f"{dataset.name}: {safe}",
                    outcome=Outcome.ERRORED,
                    evidence={
                        "dataset": dataset.slug,
                        "version": version.number if version else None,
                        "error_code": error.code,
                        "message": safe,
                    },
                )
            ],
        ),
        actor=Actor.system(),
    )


def _report_key(slot: Slot) -> str:
    return f"slot:{slot.pk}"


def _checked(dataset: Dataset, draft: ScheduleDraft) -> ScheduleDraft:
    cron = plain(draft.cron)
    check_times(cron, draft.zone)
    errors: dict[str, str] = {}
    kinds = {str(column["name"]): str(column["type"]) for column in dataset.schema}
    if draft.watch_column and not dataset.is_live:
        errors["watch_column"] = "Only a table or a query is watched by a column."
    elif draft.watch_column and kinds.get(draft.watch_column) not in {"date", "datetime"}:
        errors["watch_column"] = f"There is no column of times called {draft.watch_column}."
    if fault := _too_close(dataset, cron, draft.zone):
        errors["cron"] = fault
    if errors:
        raise ValidationError(errors)
    return ScheduleDraft(cron, draft.zone, draft.only_new, draft.watch_column, draft.paused)


def _too_close(dataset: Dataset, cron: str, zone: str) -> str:
    """Why runs can't keep these times, in words: they take longer than from one to the next."""
    gap = shortest_gap(cron, zone, timezone.now())
    usual = _usual_length(dataset)
    if gap is None or usual is None or usual <= gap:
        return ""
    return (
        f"Runs of {dataset.name} take about {_in_words(usual)}, and two of these times are only "
        f"{_in_words(gap)} apart; leave more time between them."
    )


def _usual_length(dataset: Dataset) -> timedelta | None:
    last = Run.objects.filter(dataset=dataset, state__in=JUDGED, started_at__isnull=False)
    lengths = [
        run.duration_s or 0.0 for run in last.exclude(trigger=Trigger.INGEST)[:RUNS_LOOKED_AT]
    ]
    return timedelta(seconds=median(lengths)) if lengths else None


def _in_words(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return "1 minute" if minutes <= 1 else f"{minutes} minutes"


def _said(schedule: Schedule) -> tuple[str, str, bool, str, bool]:
    return (
        schedule.cron, schedule.zone, schedule.only_new, schedule.watch_column, schedule.is_paused
    )  # fmt: skip
