"""What the agenda of a review shows of a sprint: evidence, not slides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Subquery

from backlog.models import (
    Backlog,
    Finding,
    FindingTransition,
    Item,
    Measurement,
    Stay,
    Subject,
)
from backlog.queries.agendas import AgendaPart, Facts, Reader
from backlog.queries.findings import EvidenceBadge, evidence_badge
from backlog.queries.item_evidence import EvidenceRow, newest_of
from mlscrum.lib import clock
from sprints.models import Ceremony, Outcome, Sprint
from sprints.queries import dialogue
from sprints.queries.minutes import became, plain, whose
from sprints.queries.outcomes import last_actions, waiting_insights
from sprints.queries.sprints import SIDE_KINDS, amounts_of

MOST_SHOWN = 200
RUNS_SHOWN = 5  # of an item


def has_guest(reader: Reader) -> bool:
    """Whether a guest looks, who gets no ways out of the ceremony."""
    return bool(reader.participant is not None and reader.participant.is_guest)


def started(ceremony: Ceremony) -> Sprint | None:
    """The sprint that a ceremony is about, once it has begun; none that began after its end."""
    sprint = ceremony.sprint
    began = sprint.backlog.started_at if sprint is not None else None
    if began is None or (ceremony.closed_at is not None and ceremony.closed_at < began):
        return None
    return sprint


def end_of(sprint: Sprint, ended_at: datetime | None = None) -> datetime | None:
    """When the sprint closed, or a ceremony of it ended before; None while both go on."""
    ends = [at for at in (sprint.backlog.closed_at, ended_at) if at is not None]
    return min(ends, default=None)


def span(sprint: Sprint, ended_at: datetime | None = None) -> tuple[datetime, datetime]:
    """From when to when evidence counts as that of the sprint, in a ceremony that ended then."""
    began = sprint.backlog.started_at
    assert began is not None, "asked of a sprint that has begun"
    return began, end_of(sprint, ended_at) or clock.now()


# The goal ---------------------------------------------------------------------------------------


def goal_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    sprint = ceremony.sprint
    if sprint is None:
        return None
    is_closed = sprint.backlog.state == Backlog.State.CLOSED
    facts: dict[str, Any] = {"sprint": sprint, "is_closed": is_closed}
    if started(ceremony) is not None:
        found = amounts_of(sprint, closed_at=end_of(sprint, ceremony.closed_at))
        facts["figures"] = found
    return facts


def goal_words(ceremony: Ceremony) -> str:
    sprint = ceremony.sprint
    if sprint is None or not sprint.goal:
        return ""
    met = f" — {sprint.get_goal_met_display()}" if sprint.goal_met else ""
    reason = f": {plain(sprint.goal_reason)}" if sprint.goal_reason else ""
    return f"Sprint goal: {plain(sprint.goal)}{met}{reason}"


# What was finished ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ItemLine:
    """An item of the sprint with what evidence says of it now."""

    item: Item
    badge: EvidenceBadge | None


def done_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    sprint = started(ceremony)
    if sprint is None:
        return None
    done, open_ = finished(sprint, ceremony.closed_at)
    return {
        "groups": [("Done", done), ("Not done", open_)],
        "is_guest": has_guest(reader),
    }


def done_words(ceremony: Ceremony) -> str:
    sprint = started(ceremony)
    if sprint is None:
        return ""
    done, open_ = finished(sprint, ceremony.closed_at)
    return _listed(
        ("Done", [f"{line.item.ref} {plain(line.item.title)}" for line in done]),
        ("Not done", [f"{line.item.ref} {plain(line.item.title)}" for line in open_]),
    )


def finished(
    sprint: Sprint, ended_at: datetime | None = None
) -> tuple[list[ItemLine], list[ItemLine]]:
    """The items that were done as the sprint stands or closed, or as a ceremony of it ended, and
    those that were not."""
    found = amounts_of(sprint, closed_at=end_of(sprint, ended_at))
    wanted = [*found.done_items, *found.open_items][:MOST_SHOWN]
    items = {
        item.pk: item
        for item in Item.objects.filter(pk__in=wanted)
        .select_related("product", "status")
        .prefetch_related("findings", "assignees")
    }

    def lines(numbers: Sequence[int]) -> list[ItemLine]:
        chosen = sorted((items[pk] for pk in numbers if pk in items), key=lambda item: item.number)
        return [ItemLine(item, evidence_badge(item.findings.all())) for item in chosen]

    return lines(list(found.done_items)), lines(list(found.open_items))


# What experiments and builds say ----------------------------------------------------------------


@dataclass(frozen=True)
class RunsLine:
    """An item of the sprint and the newest runs that tools told of for it."""

    item: Item
    rows: Sequence[EvidenceRow]


def runs_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    sprint = started(ceremony)
    lines = runs_of(sprint, ceremony.closed_at) if sprint is not None else []
    return {"lines": lines, "is_guest": has_guest(reader)} if lines else None


def runs_words(ceremony: Ceremony) -> str:
    sprint = started(ceremony)
    lines = runs_of(sprint, ceremony.closed_at) if sprint is not None else []
    told = [f"{line.item.ref}: {plain(_run(row))}" for line in lines for row in line.rows]
    return _listed(("Experiments and builds", told))


def runs_of(sprint: Sprint, ended_at: datetime | None = None) -> list[RunsLine]:
    """What tools told of the items of the sprint, the done ones first."""
    done, open_ = finished(sprint, ended_at)
    items = [line.item for line in (*done, *open_)]
    rows = newest_of(items, most=RUNS_SHOWN)
    return [RunsLine(item, rows[item.pk]) for item in items if item.pk in rows]


def _run(row: EvidenceRow) -> str:
    one = row.evidence
    figures = [f"{name} {value:,.4g}" for name, value in one.metrics.items()]
    return ", ".join([f"{one.tool} {one.run_id} {one.status}", *figures])


# Findings ---------------------------------------------------------------------------------------


def findings_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    sprint = started(ceremony)
    if sprint is None:
        return None
    opened, closed = findings_moved_in(sprint, ceremony.closed_at)
    return {
        "groups": [("Opened in the sprint", opened), ("Closed in the sprint", closed)],
        "is_guest": has_guest(reader),
    }


def findings_words(ceremony: Ceremony) -> str:
    sprint = started(ceremony)
    if sprint is None:
        return ""
    opened, closed = findings_moved_in(sprint, ceremony.closed_at)
    return _listed(
        ("Findings opened", [f"{f.priority} {plain(f.title)}" for f in opened]),
        ("Findings closed", [f"{f.priority} {plain(f.title)}" for f in closed]),
    )


def findings_moved_in(
    sprint: Sprint, ended_at: datetime | None = None
) -> tuple[list[Finding], list[Finding]]:
    """The findings that came to be open while the sprint ran, and those that were open and are so
    no more at its end; one that came and went is in both. Of its datasets, or of the whole product
    where it names none, as its report counts them."""
    since, until = span(sprint, ended_at)
    findings = Finding.objects.filter(product=sprint.backlog.product)
    subjects = list(sprint.subjects.values_list("subject", flat=True))
    if subjects:
        findings = findings.filter(subject__in=subjects)
    moved = FindingTransition.objects.filter(finding__in=findings, at__gt=since, at__lte=until)
    rows = FindingTransition.objects.filter(
        finding__in=moved.values("finding"), at__lte=until
    ).order_by("pk")
    stood: dict[int, bool] = {}
    opened: dict[int, None] = {}
    closed: dict[int, None] = {}
    for pk, at, state in rows.values_list("finding", "at", "state"):
        is_open = state == Finding.State.OPEN
        if at > since and is_open and not stood.get(pk, False):
            opened[pk] = None
        if at > since and not is_open and stood.get(pk, False):
            closed[pk] = None
        if is_open:
            closed.pop(pk, None)
        stood[pk] = is_open
    known = {
        finding.pk: finding
        for finding in Finding.objects.filter(pk__in={*opened, *closed}).select_related(
            "subject", "item__product", "item__status"
        )
    }

    def shown(numbers: dict[int, None]) -> list[Finding]:
        found = [known[pk] for pk in numbers if pk in known]
        return sorted(found, key=lambda finding: (finding.priority, finding.pk))[:MOST_SHOWN]

    return shown(opened), shown(closed)


# Datasets ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HealthStep:
    """The health of a dataset as the sprint began and as it stands or ended; None where nothing was
    measured until then."""

    subject: Subject
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def health_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    sprint = started(ceremony)
    steps = health_steps(sprint, ceremony.closed_at) if sprint is not None else []
    if not steps:
        return None
    return {"steps": steps, "is_guest": has_guest(reader)}


def health_words(ceremony: Ceremony) -> str:
    sprint = started(ceremony)
    if sprint is None:
        return ""
    lines = [
        f"{plain(step.subject.name)}: {_health(step.before)} → {_health(step.after)}"
        for step in health_steps(sprint, ceremony.closed_at)
    ]
    return _listed(("Dataset health", lines))


def health_steps(sprint: Sprint, ended_at: datetime | None = None) -> list[HealthStep]:
    """Of the datasets of the sprint first, then of the others of the product that were measured;
    in two queries."""
    since, until = span(sprint, ended_at)
    own = set(sprint.subjects.values_list("subject", flat=True))
    known = Measurement.objects.filter(subject=OuterRef("pk"))
    newest = known.order_by("-batch_at", "-measured_at", "-pk").values("health")
    measured = Subject.objects.filter(
        Exists(known.filter(measured_at__lte=until)),
        product=sprint.backlog.product,
        kind=Subject.Kind.DATASET,
    ).annotate(
        health_before=Subquery(newest.filter(measured_at__lte=since)[:1]),
        health_after=Subquery(newest.filter(measured_at__lte=until)[:1]),
    )
    order = sorted(measured, key=lambda s: (s.pk not in own, s.name))
    return [HealthStep(each, each.health_before, each.health_after) for each in order]


def _health(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


# Scope ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScopeChange:
    """An item that came into the running sprint, or left it before its end."""

    item: Item
    at: datetime
    came: bool


def scope_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    sprint = started(ceremony)
    if sprint is None:
        return None
    changes = scope_changes(sprint, ceremony.closed_at)
    return {"changes": changes, "is_guest": has_guest(reader)} if changes else None


def scope_words(ceremony: Ceremony) -> str:
    sprint = started(ceremony)
    changes = scope_changes(sprint, ceremony.closed_at) if sprint is not None else []
    lines = [
        f"{'added' if c.came else 'removed'}: {c.item.ref} {plain(c.item.title)}" for c in changes
    ]
    return _listed(("Scope changes", lines))


def scope_changes(sprint: Sprint, ended_at: datetime | None = None) -> list[ScopeChange]:
    """In the order in which they happened."""
    since, until = span(sprint, ended_at)
    stays = (
        Stay.objects.filter(backlog=sprint.backlog)
        .exclude(item__kind__in=SIDE_KINDS)
        .select_related("item__product", "item__status")
    )
    changes = []
    for stay in stays:
        if since < stay.entered_at <= until:
            changes.append(ScopeChange(stay.item, stay.entered_at, True))
        if stay.outcome not in {Stay.Outcome.MOVED, Stay.Outcome.DELETED}:
            continue
        left = stay.left_at
        # What leaves as the sprint closes was in it until its end.
        if left is not None and since < left <= until and left != sprint.backlog.closed_at:
            changes.append(ScopeChange(stay.item, left, False))
    return sorted(changes, key=lambda change: change.at)[:MOST_SHOWN]


# What was said last time ------------------------------------------------------------------------


def insights_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    found = waiting_insights(ceremony.product, before=ceremony)
    return {"insights": found, "is_guest": has_guest(reader)} if found else None


def insights_words(ceremony: Ceremony) -> str:
    found = waiting_insights(ceremony.product, before=ceremony)
    return "\n".join(_outcome(each) for each in found)


def actions_facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    found = last_actions(ceremony.product, before=ceremony)
    return {"actions": found, "is_guest": has_guest(reader)} if found else None


def actions_words(ceremony: Ceremony) -> str:
    found = last_actions(ceremony.product, before=ceremony)
    return "\n".join(_outcome(each) for each in found)


def _outcome(outcome: Outcome) -> str:
    """One of an earlier ceremony, with whose it is and how it stands."""
    notes = [*whose(outcome), _stand(outcome)]
    return f"- {plain(outcome.text)} ({'; '.join(notes)})"


def _stand(outcome: Outcome) -> str:
    if outcome.state != Outcome.State.CONVERTED:
        return "accepted" if outcome.state == Outcome.State.ACCEPTED else "waits"
    item = outcome.item
    return became(outcome) + (f", {plain(item.status.name)}" if item else "")


def _listed(*groups: tuple[str, Sequence[str]]) -> str:
    return "\n\n".join(_group(name, lines) for name, lines in groups if lines)


def _group(name: str, lines: Sequence[str]) -> str:
    return "\n".join(_lines(name, lines))


def _lines(name: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"**{name}**"
    yield ""
    for line in lines:
        yield f"- {line}"


def _part(
    slot: str,
    title: str,
    kinds: tuple[str, ...],
    order: int,
    minutes: int | None = None,
    *,
    follows: str = "",
) -> AgendaPart:
    facts, words = _HOW[slot]
    return AgendaPart(
        slot=slot,
        title=title,
        kinds=kinds,
        order=order,
        template=f"sprints/agenda/_{slot.replace('-', '_')}.html",
        facts=facts,
        words=words,
        minutes=minutes,
        follows=follows,
    )


_HOW = {
    "review-goal": (goal_facts, goal_words),
    "review-done": (done_facts, done_words),
    "review-runs": (runs_facts, runs_words),
    "review-findings": (findings_facts, findings_words),
    "review-health": (health_facts, health_words),
    "review-scope": (scope_facts, scope_words),
    "review-dialogue": (dialogue.facts, dialogue.words),
    "last-insights": (insights_facts, insights_words),
    "last-actions": (actions_facts, actions_words),
}
PARTS = (
    _part("review-goal", "The sprint goal", ("review",), 10, 5),
    _part("review-done", "What was finished", ("review",), 20, 20),
    _part("review-runs", "What experiments and builds say", ("review",), 25, 5),
    _part("review-findings", "Findings that came and went", ("review",), 30, 10),
    _part("review-health", "Health of the data", ("review",), 40, 10),
    _part("review-scope", "What came in and went out", ("review",), 50, 5),
    _part(
        "review-dialogue",
        "Who was heard, and what became of it",
        ("review",),
        95,
        follows="ceremony.outcome ceremony.note_written",
    ),
    _part("last-insights", "Insights of the last review", ("planning",), 5, 10),
    _part("last-actions", "Actions of last time", ("retrospective", "planning"), 8, 5),
)
