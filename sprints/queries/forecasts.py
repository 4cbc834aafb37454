"""Forecasts for a product: when so much is done, and how much by a day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from statistics import median
from typing import Any

from django.db.models import Count, Q, Sum

from backlog.models import Backlog, Category, Item, Kind, Product, Team
from backlog.queries.resources import items_by_ref
from mlscrum.lib import clock
from mlscrum.lib.errors import DomainError, FieldError, Invalid
from sprints.queries.calendars import calendar_of
from sprints.queries.overviews import past_sprints
from sprints.queries.sprints import SIDE_KINDS, amounts_of, sprints_of
from sprints.rules.days import day_of
from sprints.rules.forecast import (
    done_within,
    ended_by,
    expected_range,
    finish_dates,
    sprints_until,
)
from sprints.rules.velocity import Past

SEED = 1
MOST_REFS = 500
MOST_RECKONED = 24
CHANCES = ("p50", "p85", "p95")


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know: when `points` are done, or how many are by the day `until`.

    `is_done` where nothing of what is asked about is left to do.
    """

    points: Decimal | None = None
    until: date | None = None
    is_done: bool = False

    @classmethod
    def read(cls, product: Product, given: Mapping[str, str]) -> Asked:
        """From the parameters of an address: one of `points`, `refs` and `until`. Raises
        DomainError (400) for another number of them and for what can't be read."""
        named = [name for name in ("points", "refs", "until") if given.get(name)]
        if len(named) != 1:
            raise _bad("points", "Ask with one of points, refs and until.")
        text = given[named[0]]
        if named == ["refs"]:
            return cls._of_items(_left_of(product, text.split(",")))
        if named == ["points"]:
            points = _number(text)
            return cls(points=points, is_done=not points)
        try:
            return cls(until=date.fromisoformat(text))
        except ValueError:
            raise _bad("until", "Write the day as 2026-12-31.") from None

    @classmethod
    def _of_items(cls, left: Sequence[Item]) -> Asked:
        """About items that are not done; one without an estimate counts as the median of the
        others."""
        known = [item.points for item in left if item.points is not None]
        if left and not known:
            raise _bad("refs", "None of these items has an estimate; estimate some of them.")
        usual = median(known) if known else Decimal(0)
        points = sum((usual if item.points is None else item.points for item in left), Decimal(0))
        return cls(points=points, is_done=not left)


@dataclass(frozen=True)
class _Ahead:
    """The ends of the sprint that comes to its end next and of those that are planned after it, and
    how many days each later one takes.

    `done` are the points that the first has completed already, since its day `since`: today where
    none runs.
    """

    ends: Sequence[date]
    days: int
    today: date
    since: date
    done: Decimal = Decimal(0)


def forecast_of(
    product: Product,
    asked: Asked,
    *,
    team: Team,
    past: Sequence[Past] | None = None,
) -> dict[str, Any]:
    """What the past sprints of a team say, for those of two are no sequence of one: days for
    `points`, points for `until`, each with 50, 85 and 95 per cent; no days where it `is_done`.
    Points for a day count from `since` on, the start of the running sprint, so that `done` of them
    are done already; both are None for days. `past` are the sprints, for who has read them already.

    Raises DomainError: 409 where the past is too short to say anything, 400 for a day that is
    over."""
    past = past_sprints(product, team=team) if past is None else past
    done = [sprint.completed for sprint in past]
    said = {"seed": SEED, "based_on": [sprint.id for sprint in past], "since": None, "done": None}
    if asked.is_done:
        return {**dict.fromkeys(CHANCES), "is_done": True, **said}
    ahead = _ahead(product, team)
    found: Any
    if asked.points is not None:
        # What is estimated at nothing and not done takes the sprint that it is done in.
        goal = max(asked.points, Decimal("0.1"))
        counts = sprints_until(goal, done, done=ahead.done, seed=SEED)
        dates = counts and finish_dates(counts, ends=ahead.ends, length_days=ahead.days)
        found = dates and {
            name: day.isoformat() if (day := getattr(dates, name)) else None for name in CHANCES
        }
    else:
        assert asked.until is not None, "Asked.read sets one of both"
        if asked.until < ahead.today:
            raise _bad("until", "This day is over; ask for today or a later one.")
        within = ended_by(asked.until, ends=ahead.ends, length_days=ahead.days)
        amounts = done_within(within, done, done=ahead.done, seed=SEED)
        found = amounts and {name: float(getattr(amounts, name)) for name in CHANCES}
        said |= {"since": ahead.since.isoformat(), "done": float(ahead.done)}
    if found is None:
        why = (
            f"A forecast needs at least three closed sprints with finished points; here are"
            f" {len(past)}. Close some, then ask again."
        )
        raise DomainError("too_little_past", why, status=409)
    return {**found, "is_done": False, **said}


@dataclass(frozen=True)
class Answer:
    """A forecast as people read it: of points the days by which they are done, of a day the
    points that are done by it, counted from the day `since` on, `done` of them already; the chance
    in per cent beside each. Neither where nothing is left to do."""

    asked: Asked
    days: Sequence[tuple[int, date | None]]
    amounts: Sequence[tuple[int, float]]
    based_on: int
    since: date | None = None
    done: float | None = None


def answer_of(product: Product, asked: Asked, *, team: Team, past: Sequence[Past]) -> Answer:
    """As `forecast_of`, for pages."""
    found = forecast_of(product, asked, team=team, past=past)
    if asked.is_done:
        return Answer(asked, [], [], len(found["based_on"]))
    each = [(int(name.removeprefix("p")), found[name]) for name in CHANCES]
    if asked.until is not None:
        since = date.fromisoformat(found["since"])
        return Answer(asked, [], each, len(found["based_on"]), since, found["done"])
    days = [(chance, date.fromisoformat(day) if day else None) for chance, day in each]
    return Answer(asked, days, [], len(found["based_on"]))


@dataclass(frozen=True)
class Reckoned:
    """What the sprints before one said of it, the middle 80 %, and what came."""

    name: str
    low: Decimal
    high: Decimal
    completed: Decimal

    @property
    def has_held(self) -> bool:
        return self.low <= self.completed <= self.high


def past_forecasts(past: Sequence[Past]) -> list[Reckoned]:
    """The forecast of each of the last closed sprints of a team, from those before it alone,
    against what it completed; the oldest have too little past for one."""
    done = [sprint.completed for sprint in past]
    found = []
    for place in range(max(0, len(past) - MOST_RECKONED), len(past)):
        expected = expected_range(1, done[:place], seed=SEED)
        if expected is not None:
            sprint = past[place]
            found.append(Reckoned(sprint.name, expected.low, expected.high, sprint.completed))
    return found


def unfinished_points(product: Product, *, team: Team) -> tuple[Decimal, int]:
    """What is estimated and not done in the product backlog and the team's sprints, and how many
    items there lack an estimate."""
    left = (
        Item.objects.alive()
        .filter(Q(backlog__kind=Backlog.Kind.PRODUCT) | Q(backlog__team=team), product=product)
        .exclude(backlog__state=Backlog.State.CLOSED)
        .exclude(status__category=Category.DONE)
        .exclude(kind__in=SIDE_KINDS)
    )
    sums = left.aggregate(sum=Sum("points"), unknown=Count("pk", filter=Q(points__isnull=True)))
    return sums["sum"] or Decimal(0), sums["unknown"]


def _ahead(product: Product, team: Team) -> _Ahead:
    """From the sprint that runs, which ends today where it runs late, and those planned after it;
    from those planned alone where none runs, else from a sprint that would begin today."""
    calendar = calendar_of(team)
    length = calendar.sprint_days
    today = clock.now().astimezone(calendar.tzinfo).date()
    coming = Backlog.objects.filter(
        team=team, kind=Backlog.Kind.SPRINT, state=Backlog.State.PLANNED, ends_on__gte=today
    )
    planned = [day for day in coming.order_by("ends_on").values_list("ends_on", flat=True) if day]
    running = sprints_of(product, state=Backlog.State.ACTIVE, team=team).first()
    if running is not None:
        backlog = running.backlog
        assert backlog.ends_on is not None, "_check asks for both days"
        assert backlog.started_at is not None, "what runs has started"
        since = day_of(backlog.started_at, running.zone)
        done = amounts_of(running).completed.points
        end = max(backlog.ends_on, today)
        later = [day for day in planned if day > end]
        return _Ahead([end, *later], length, today, since, done)
    return _Ahead(planned or [today + timedelta(days=length - 1)], length, today, today)


def _left_of(product: Product, refs: Sequence[str]) -> list[Item]:
    """What is not done of these items and of those under epics among them."""
    wanted = list(dict.fromkeys(ref.strip().upper() for ref in refs if ref.strip()))
    if len(wanted) > MOST_REFS:
        raise _bad("refs", f"Ask for at most {MOST_REFS} items at once.")
    found = items_by_ref(product, wanted)
    missing = [ref for ref in wanted if ref not in found]
    if missing:
        raise _bad("refs", f"There is no item {missing[0]} here.")
    epics = [item.pk for item in found.values() if item.kind == Kind.EPIC]
    under = Item.objects.alive().filter(product=product, parent__in=epics).select_related("status")
    wholes = {item.pk: item for item in (*found.values(), *under)}
    waiting = [item for item in wholes.values() if item.status.category != Category.DONE]
    left = [item for item in waiting if item.kind not in SIDE_KINDS]
    full = {item.parent_id for item in wholes.values()}
    for item in waiting:
        if not left and item.pk not in full:  # a task, or an epic with nothing in it
            other = "the item it is part of" if item.kind == Kind.TASK else "items within it"
            raise _bad("refs", f"{item.ref} has no points of its own; ask for {other}.")
    return left


def _number(text: str) -> Decimal:
    try:
        points = Decimal(text) if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", text) else None
    except InvalidOperation:
        points = None
    if points is None:
        raise _bad("points", "Write the points as a number such as 40.")
    return points


def _bad(name: str, why: str) -> Invalid:
    return Invalid(FieldError(f"?{name}", "invalid", why))
