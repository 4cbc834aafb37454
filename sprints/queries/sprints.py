"""Sprints of a product, and the facts that their figures are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from backlog.models import Backlog, Kind, Product, Stay, Team
from mlscrum.lib import clock
from mlscrum.lib.numbers import whole_number
from sprints.models import Sprint
from sprints.queries.calendars import calendar_of
from sprints.rules.days import day_of
from sprints.rules.figures import Amounts, Figures, Span, StayFact, TransitionFact, amounts, figures

SIDE_KINDS = (Kind.EPIC, Kind.TASK)  # every figure counts the level between them


def sprints_of(
    product: Product, *, state: str = "", team: Team | None = None
) -> QuerySet[Sprint, Sprint]:
    """The sprints of a product, the newest first; of a report, which holds every item, only the
    figures and the exit, as `kept_figures` and `kept_exit`."""
    found = (
        Sprint.objects.select_related("backlog__team", "backlog__product")
        .prefetch_related("subjects__subject")
        .defer("report")
        .annotate(kept_figures=F("report__figures"), kept_exit=F("report__exit"))
        .filter(backlog__product=product)
    )
    if state:
        found = found.filter(backlog__state=state)
    if team is not None:
        found = found.filter(backlog__team=team)
    return found.order_by("-backlog__starts_on", "-pk")


def active_sprints(product: Product) -> list[Sprint]:
    """Those that run now, one for each team at most, in the order of the teams."""
    found = sprints_of(product, state=Backlog.State.ACTIVE)
    return list(found.order_by("backlog__team_id"))


def find_sprint(product: Product, wanted: str) -> Sprint | None:
    """The sprint of this id, or the one that runs where `active` is wanted and one alone does."""
    if wanted == "active":
        running = active_sprints(product)
        return running[0] if len(running) == 1 else None
    number = whole_number(wanted, digits=12)
    return None if number is None else sprints_of(product).filter(pk=number).first()


@dataclass(frozen=True)
class Facts:
    """What the figures of a sprint rest on: its span, and stays and transitions of its items."""

    span: Span
    stays: Sequence[StayFact]
    transitions: Sequence[TransitionFact]


def span_of(sprint: Sprint, *, closed_at: datetime | None = None) -> Span:
    """The time box of a sprint that has started; `closed_at` closes it for the figures alone."""
    backlog = sprint.backlog
    assert backlog.started_at is not None, "a planned sprint has no figures"
    assert backlog.starts_on is not None, "_check asks for both days"
    assert backlog.ends_on is not None, "_check asks for both days"
    assert backlog.team is not None, "a constraint gives every sprint a team"
    working = calendar_of(backlog.team)
    over = day_of(closed_at or backlog.closed_at or clock.now(), sprint.zone)
    last = max(backlog.ends_on, over)  # the days of one that runs late are drawn as well
    first = min(backlog.starts_on, day_of(backlog.started_at, sprint.zone))  # or started early
    return Span(
        started_at=backlog.started_at,
        closed_at=closed_at or backlog.closed_at,
        starts_on=backlog.starts_on,
        ends_on=backlog.ends_on,
        calendar=replace(working.between(first, last), zone=sprint.zone),
    )


def facts_of(sprint: Sprint, *, closed_at: datetime | None = None) -> Facts:
    """The facts of a sprint that has started, in one statement; `closed_at` closes it for the
    figures alone."""
    found = Stay.objects.filter(backlog=sprint.backlog).exclude(item__kind__in=SIDE_KINDS)
    # Each stay comes with each transition of its item: what was there twice brings them twice.
    rows = found.order_by().values_list(
        "pk",
        "item_id",
        "entered_at",
        "left_at",
        *(f"item__transitions__{name}" for name in ("pk", "at", "category", "points")),
    )
    stays, transitions = {}, {}
    for stay, item, entered, left, transition, at, category, points in rows:
        stays[stay] = StayFact(item, entered, left)
        if transition is not None:
            transitions[transition] = TransitionFact(item, at, category, points)
    span = span_of(sprint, closed_at=closed_at)
    return Facts(span, _in_order(stays), _in_order(transitions))


def _in_order(rows: dict[int, Any]) -> list[Any]:
    """By their ids: as they were written, those of one moment too."""
    return [rows[pk] for pk in sorted(rows)]


def figures_of(sprint: Sprint, *, closed_at: datetime | None = None) -> Figures:
    """The figures of a sprint that has started, as of now or of its closing."""
    facts = facts_of(sprint, closed_at=closed_at)
    return figures(facts.span, facts.stays, facts.transitions, now=closed_at or clock.now())


def amounts_of(sprint: Sprint, *, closed_at: datetime | None = None) -> Amounts:
    """What a sprint that has started amounts to, as of now or of its closing."""
    facts = facts_of(sprint, closed_at=closed_at)
    return amounts(facts.span, facts.stays, facts.transitions, now=closed_at or clock.now())
