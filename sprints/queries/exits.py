"""How a sprint stands against its gates and, if it assesses data, against its exit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from backlog.models import Finding, Measurement
from backlog.queries.gates import GateReason, reasons_against
from sprints.models import Sprint, SprintSubject
from sprints.rules.exits import Batch, Exit, exit_reasons


@dataclass(frozen=True)
class Standing:
    """What stands against a sprint now: gates may be overridden with a reason, exits may not."""

    gate_reasons: Sequence[GateReason]
    exit_reasons: Sequence[str]
    has_exit: bool

    @property
    def gate_passed(self) -> bool:
        return not self.gate_reasons

    @property
    def exit_met(self) -> bool:
        return not self.exit_reasons


def chosen_of(sprint: Sprint) -> list[SprintSubject]:
    """What the sprint is about; not asked where the query that found it said `about` nothing."""
    return [] if getattr(sprint, "about", "unknown") is None else list(sprint.subjects.all())


def standing_of(sprint: Sprint) -> Standing:
    """The gates of all subjects of the sprint, and the exit of a data-assessment sprint."""
    chosen = chosen_of(sprint)
    gates = reasons_against([row.subject for row in chosen])
    has_exit = sprint.kind == Sprint.Kind.DATA_ASSESSMENT
    reasons = (
        [reason for row in chosen for reason in exit_reasons(_exit_of(sprint, row))]
        if has_exit
        else []
    )
    if has_exit and not chosen:
        reasons = ["Choose the datasets that this sprint assesses."]
    return Standing(gates, reasons, has_exit)


def _exit_of(sprint: Sprint, row: SprintSubject) -> Exit:
    """The newest measurement of each of the newest batches, and the urgent findings."""
    measured = Measurement.objects.filter(subject=row.subject)
    newest = (
        measured.order_by()
        .values("batch_key")
        .annotate(at=Max("batch_at"))
        .order_by("-at", "batch_key")[: row.green_batches]
    )
    batches: dict[str, Any] = {batch["batch_key"]: None for batch in newest}
    for one in measured.filter(batch_key__in=batches).order_by("measured_at", "pk"):
        batches[one.batch_key] = one  # the last word on each
    still_open = Finding.objects.filter(subject=row.subject, state=Finding.State.OPEN)
    urgent = still_open.filter(priority__in=["P1", "P2"])
    return Exit(
        name=row.subject.name,
        target=sprint.target_health,
        green_batches=row.green_batches,
        batches=tuple(
            Batch(measured.health, measured.open_critical_errors) for measured in batches.values()
        ),
        urgent=urgent.count(),
        could_not_run=still_open.filter(is_execution=True).count(),
    )
