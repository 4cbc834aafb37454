"""How a sprint stands against its gates and, if it assesses data, against its exit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Max, Q, Window
from django.db.models.functions import RowNumber

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
    return standings_of([sprint])[sprint.pk]


def standings_of(sprints: Sequence[Sprint]) -> dict[int, Standing]:
    """The same of several sprints, by their ids, in as many statements as for one."""
    chosen = {sprint.pk: chosen_of(sprint) for sprint in sprints}
    subjects = {row.subject_id: row.subject for rows in chosen.values() for row in rows}
    against: dict[int, list[GateReason]] = {pk: [] for pk in subjects}
    for reason in reasons_against(list(subjects.values())):
        against[reason.subject.pk].append(reason)
    assessing = [sprint for sprint in sprints if sprint.kind == Sprint.Kind.DATA_ASSESSMENT]
    stands = _stands_of([row for sprint in assessing for row in chosen[sprint.pk]])
    return {sprint.pk: _standing(sprint, chosen[sprint.pk], against, stands) for sprint in sprints}


def _standing(
    sprint: Sprint,
    chosen: Sequence[SprintSubject],
    against: Mapping[int, list[GateReason]],
    stands: _Stands,
) -> Standing:
    gates = [reason for row in chosen for reason in against[row.subject_id]]
    if sprint.kind != Sprint.Kind.DATA_ASSESSMENT:
        return Standing(gates, [], has_exit=False)
    if not chosen:
        return Standing(gates, ["Choose the datasets that this sprint assesses."], has_exit=True)
    exits = [stands.exit_of(sprint, row) for row in chosen]
    return Standing(gates, [why for each in exits for why in exit_reasons(each)], has_exit=True)


@dataclass(frozen=True)
class _Stands:
    """How subjects stand, by their ids: the newest measurement of each of the newest batches, the
    newest first, and how many findings are urgent, or say that a check could not run."""

    batches: Mapping[int, Sequence[Batch]]
    findings: Mapping[int, tuple[int, int]]

    def exit_of(self, sprint: Sprint, row: SprintSubject) -> Exit:
        urgent, could_not_run = self.findings.get(row.subject_id, (0, 0))
        return Exit(
            name=row.subject.name,
            target=sprint.target_health,
            green_batches=row.green_batches,
            batches=self.batches.get(row.subject_id, ())[: row.green_batches],
            urgent=urgent,
            could_not_run=could_not_run,
        )


def _stands_of(rows: Sequence[SprintSubject]) -> _Stands:
    if not rows:
        return _Stands({}, {})
    subjects = {row.subject_id for row in rows}
    still_open = Finding.objects.filter(subject__in=subjects, state=Finding.State.OPEN)
    counted = still_open.order_by().values_list("subject").annotate(
        urgent=Count("pk", filter=Q(priority__in=["P1", "P2"])),
        could_not_run=Count("pk", filter=Q(is_execution=True)),
    )  # fmt: skip
    return _Stands(
        batches=_batches_of(subjects, most=max(row.green_batches for row in rows)),
        findings={pk: (urgent, could_not_run) for pk, urgent, could_not_run in counted},
    )


def _batches_of(subjects: set[int], *, most: int) -> dict[int, list[Batch]]:
    measured = Measurement.objects.filter(subject__in=subjects).order_by()
    ended = measured.values_list("subject", "batch_key").annotate(at=Max("batch_at"))
    placed = ended.annotate(
        place=Window(RowNumber(), "subject", [F("at").desc(), F("batch_key").asc()])
    )
    newest = placed.filter(place__lte=most).order_by("subject", "place")
    batches: dict[tuple[int, str], Batch | None] = {(row[0], row[1]): None for row in newest}
    keys = {key for _, key in batches}
    for one in measured.filter(batch_key__in=keys).order_by("measured_at", "pk"):
        if (one.subject_id, one.batch_key) in batches:  # the last word on each
            batches[one.subject_id, one.batch_key] = Batch(one.health, one.open_critical_errors)
    found: dict[int, list[Batch]] = {}
    for (subject, _), batch in batches.items():
        if batch is not None:
            found.setdefault(subject, []).append(batch)
    return found
