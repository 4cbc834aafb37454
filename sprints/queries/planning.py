"""Planned and running sprints as planning shows them: their items, and what fits whom."""

from __future__ import annotations

from calendar import day_abbr
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from backlog.models import Backlog, Category, Item, Kind, Product, Team, User
from backlog.queries.backlogs import Span
from backlog.queries.definitions import chosen_checks, missing_for
from backlog.queries.items import MIDDLE, OPEN, ItemRow, rows_of, with_all_of_a_row
from backlog.queries.links import linked_refs
from backlog.queries.resources import teams_of
from backlog.rules.definitions import NOT_ESTIMATED
from mlscrum.lib import clock
from sprints.models import Share, Sprint
from sprints.queries.calendars import WorkingTime, calendar_of, calendars_of
from sprints.queries.sprints import sprints_of
from sprints.rules.capacity import Load, available, load_of, parts_of
from sprints.rules.days import day_of, working_days
from sprints.rules.velocity import LAST_SPRINTS, Range, velocity_range

ZERO = Decimal(0)
BESIDE = 12  # sprints that stand beside the backlog at once
NEEDS = ("needs_data",)


@dataclass(frozen=True)
class Bar:
    """So much of a capacity is used; `load` is None where nobody said what the capacity is."""

    used: Decimal
    capacity: Decimal | None

    @property
    def load(self) -> Load | None:
        return load_of(self.used, self.capacity)

    @property
    def over(self) -> Decimal:
        """How much more than there is."""
        return max(ZERO, self.used - (self.capacity or ZERO)) if self.capacity is not None else ZERO

    @property
    def percent(self) -> int | None:
        """How much of it is used, in whole per cent; None without a capacity above 0."""
        return round(self.used / self.capacity * 100) if self.capacity else None

    @property
    def end(self) -> Decimal:
        """Where a picture of it ends: at the capacity, or at what is used where that is more."""
        return max(self.used, self.capacity or ZERO) or Decimal(1)


@dataclass(frozen=True)
class PersonLoad:
    """What falls to one person of a sprint, against what that person can give."""

    person: User
    points: Bar
    gpu_hours: Bar
    days_off: int


@dataclass(frozen=True)
class PlanRow:
    """An item of a sprint. `waits_for_data` are refs of data needs that nobody validated yet;
    `lacks` says what the definition of ready misses, of items that are still to do."""

    row: ItemRow
    tasks: int
    waits_for_data: Sequence[str]
    lacks: Sequence[str]

    @property
    def is_unestimated(self) -> bool:
        item = self.row.item
        return item.points is None and not self.row.is_done and item.kind != Kind.TASK

    @property
    def is_unvalidated(self) -> bool:
        """Whether it is, or needs, data that nobody has validated."""
        is_need = self.row.item.kind == Kind.DATA_NEED and not self.row.is_done
        return is_need or bool(self.waits_for_data)

    @property
    def is_marked(self) -> bool:
        return bool(self.row.blocked or self.is_unestimated or self.is_unvalidated or self.lacks)


@dataclass(frozen=True)
class Plan:
    """A sprint as planning shows it. `nobodys` are the points that are assigned to nobody, and
    `suggested` what velocity makes of the team's last sprints."""

    sprint: Sprint
    rows: Sequence[PlanRow]
    points: Bar
    gpu_hours: Bar
    people: Sequence[PersonLoad]
    nobodys: Decimal
    done_points: Decimal
    working_days: int
    days_left: int
    suggested: Range | None

    @property
    def blocked(self) -> Sequence[PlanRow]:
        return [row for row in self.rows if row.row.blocked and not row.row.is_done]

    @property
    def unestimated(self) -> Sequence[PlanRow]:
        return [row for row in self.rows if row.is_unestimated]

    @property
    def unvalidated(self) -> Sequence[PlanRow]:
        return [row for row in self.rows if row.is_unvalidated]

    @property
    def named_unvalidated(self) -> Sequence[PlanRow]:
        """The same without the needs that another one of them names."""
        named = {ref for row in self.unvalidated for ref in row.waits_for_data}
        return [row for row in self.unvalidated if row.waits_for_data or row.row.ref not in named]

    @property
    def unready(self) -> Sequence[PlanRow]:
        return [row for row in self.rows if row.lacks]

    @property
    def unready_by(self) -> Mapping[str, Sequence[str]]:
        """The refs of what is not ready by what they lack; but for estimates, the lack of which is
        told by `unestimated`."""
        found: dict[str, list[str]] = defaultdict(list)
        for row in self.unready:
            for lack in row.lacks:
                if lack != NOT_ESTIMATED:
                    found[lack].append(row.row.ref)
        return dict(found)  # a template would ask a defaultdict for its "items"

    @property
    def first_day_to_come(self) -> date | None:
        """The first day planned, where that is still to come."""
        first = self.sprint.backlog.starts_on
        return first if first and first > day_of(clock.now(), self.sprint.zone) else None

    @property
    def overloaded(self) -> Sequence[PersonLoad]:
        return [
            load for load in self.people if Load.OVER in {load.points.load, load.gpu_hours.load}
        ]

    @property
    def fits_velocity(self) -> str:
        """`below`, `within` or `above` the range of the last sprints; empty without one."""
        if self.suggested is None:
            return ""
        if self.points.used > self.suggested.high:
            return "above"
        return "below" if self.points.used < self.suggested.low else "within"


def plan_of(sprint: Sprint) -> Plan:
    """The plan of one sprint, in a number of statements that no number of items changes."""
    return plans_of([sprint])[0]


def plans_beside(product: Product) -> list[Plan]:
    """The plans of the sprints that run or are planned, the next one first."""
    found = sprints_of(product).exclude(backlog__state=Backlog.State.CLOSED)
    wanted = found.order_by("backlog__starts_on", "pk")[:BESIDE]
    return plans_of(sorted(wanted, key=lambda sprint: sprint.backlog.state != "active"))


def plans_of(sprints: Sequence[Sprint]) -> list[Plan]:
    """The plans of sprints of one product, in a number of statements that grows with neither the
    sprints nor their items."""
    if not sprints:
        return []
    ids = [sprint.pk for sprint in sprints]
    product = sprints[0].backlog.product
    rows = _rows(product, ids)
    shares: dict[int, list[Share]] = defaultdict(list)
    members = Share.objects.filter(
        sprint__in=ids, user__memberships__product=product
    ).select_related("user")
    for share in members:
        shares[share.sprint_id].append(share)
    teams = {sprint.backlog.team for sprint in sprints if sprint.backlog.team is not None}
    calendars = calendars_of(teams)
    completed = completed_of(teams)
    return [
        _plan(
            sprint,
            rows[sprint.pk],
            shares[sprint.pk],
            calendars[sprint.backlog.team_id or 0],
            velocity_range(completed[sprint.backlog.team_id or 0]),
        )
        for sprint in sprints
    ]


def completed_of(teams: Iterable[Team]) -> dict[int, list[Decimal]]:
    """The points that each team completed in its last closed sprints, the oldest first, by the
    teams' ids; in one statement, however many teams and sprints there are."""
    found: dict[int, list[Decimal]] = {team.pk: [] for team in teams}
    newest_first = [F("backlog__closed_at").desc(), F("pk").desc()]
    past = (
        Sprint.objects.filter(
            backlog__team__in=list(found), backlog__state=Backlog.State.CLOSED,
            backlog__cancelled=False, report__isnull=False,
        )
        .annotate(place=Window(RowNumber(), "backlog__team", newest_first))
        .filter(place__lte=LAST_SPRINTS)
        .order_by("-place")
    )  # fmt: skip
    for team, points in past.values_list("backlog__team", "report__figures__completed__points"):
        found[team].append(Decimal(str(points)))
    return found


def pace_of(product: Product) -> Span | None:
    """What a sprint of the product's only team holds; None for several teams, which would each
    have a line of their own."""
    teams = list(product.teams.all()[:2])
    if len(teams) != 1:
        return None
    [points] = completed_of(teams).values()
    found = velocity_range(points)
    return Span(found.low, found.high, f"the last {len(points)} sprints") if found else None


def _rows(product: Product, sprints: Sequence[int]) -> dict[int, list[PlanRow]]:
    """The items of each sprint in its order; tasks are counted at their items, where these are in
    the sprint too."""
    lying = Item.objects.alive().filter(backlog__in=sprints)
    shown = lying.exclude(kind=Kind.TASK, parent__isnull=False)
    rows = rows_of(product, with_all_of_a_row(shown).order_by("backlog", "rank"))
    items = [row.item for row in rows]
    tasks = dict(
        lying.filter(kind=Kind.TASK, parent__isnull=False)
        .order_by()
        .values_list("parent_id")
        .annotate(n=Count("pk"))
    )
    links = linked_refs([item.pk for item in items])
    lacks = _unready(product, items)
    found: dict[int, list[PlanRow]] = defaultdict(list)
    for row in rows:
        data = [
            link.ref
            for link in links.get(row.item.pk, ())
            if link.holds_back and link.kind in NEEDS and not row.is_done
        ]
        found[row.item.backlog_id].append(
            PlanRow(row, tasks.get(row.item.pk, 0), data, lacks.get(row.item.pk, ()))
        )
    return found


def _unready(product: Product, items: Sequence[Item]) -> dict[int, list[str]]:
    """What those that are still to do lack by the definition of ready."""
    waiting = [item.pk for item in items if item.status.category == Category.TODO]
    if not waiting or not chosen_checks(product, Category.DOING):
        return {}
    # With their descriptions, which rows of lists are read without.
    whole = Item.objects.filter(pk__in=waiting).select_related("product", "parent")
    return missing_for(whole, Category.DOING)


def _plan(
    sprint: Sprint,
    rows: Sequence[PlanRow],
    shares: Sequence[Share],
    calendar: WorkingTime,
    suggested: Range | None,
) -> Plan:
    days = _days_of(sprint, calendar)
    today = _today(sprint)
    counted = [row for row in rows if row.row.item.kind not in {Kind.TASK, Kind.EPIC}]
    loads = _loads(counted, shares, days)
    given_points = [load.points.capacity for load in loads if load.points.capacity is not None]
    given_hours = [load.gpu_hours.capacity for load in loads if load.gpu_hours.capacity is not None]
    return Plan(
        sprint=sprint,
        rows=rows,
        points=Bar(
            sum((row.row.item.points or ZERO for row in counted), ZERO),
            _capacity(sprint.capacity_points, given_points),
        ),
        gpu_hours=Bar(
            sum((row.row.item.gpu_hours or ZERO for row in counted), ZERO),
            _capacity(sprint.capacity_gpu_hours, given_hours),
        ),
        people=loads,
        nobodys=sum(
            (row.row.item.points or ZERO for row in counted if not row.row.item.assignees.all()),
            ZERO,
        ),
        done_points=sum((row.row.item.points or ZERO for row in counted if row.row.is_done), ZERO),
        working_days=len(days),
        days_left=sum(1 for day in days if day >= today),
        suggested=suggested,
    )


def _capacity(said: Decimal | None, given: Sequence[Decimal]) -> Decimal | None:
    """What was said of the whole sprint holds; else it is what its people give together."""
    if said is not None:
        return said
    return sum(given, ZERO) if given else None


def _loads(
    rows: Iterable[PlanRow], shares: Sequence[Share], days: Sequence[date]
) -> list[PersonLoad]:
    """What falls to whom: those who gave a share by name, then those who only have items."""
    points: dict[int, Decimal] = defaultdict(Decimal)
    hours: dict[int, Decimal] = defaultdict(Decimal)
    people: dict[int, User] = {share.user_id: share.user for share in shares}
    for row in rows:
        assigned = list(row.row.item.assignees.all())
        for person in assigned:
            people.setdefault(person.pk, person)
            points[person.pk] += parts_of(row.row.item.points or ZERO, len(assigned))
            hours[person.pk] += parts_of(row.row.item.gpu_hours or ZERO, len(assigned))
    by_user: Mapping[int, Share] = {share.user_id: share for share in shares}
    ordered = sorted(people.values(), key=lambda person: (person.pk not in by_user, str(person)))
    return [_load(person, by_user.get(person.pk), points, hours, days) for person in ordered]


def _load(
    person: User,
    share: Share | None,
    points: Mapping[int, Decimal],
    hours: Mapping[int, Decimal],
    days: Sequence[date],
) -> PersonLoad:
    away = {date.fromisoformat(day) for day in share.days_off} if share else set()
    return PersonLoad(
        person,
        Bar(points.get(person.pk, ZERO), available(share.points, days, away) if share else None),
        Bar(hours.get(person.pk, ZERO), available(share.gpu_hours, days, away) if share else None),
        sum(1 for day in days if day in away),
    )


# The list of sprints ----------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenSprint:
    """A sprint that runs or is planned, as the list shows it."""

    sprint: Sprint
    points: Decimal
    done_points: Decimal
    items: int
    unestimated: int
    days_left: int
    working_days: int

    @property
    def is_running(self) -> bool:
        return bool(self.sprint.backlog.state == Backlog.State.ACTIVE)

    @property
    def is_late(self) -> bool:
        """Whether its last day is over and nobody has closed it."""
        ends_on = self.sprint.backlog.ends_on
        return self.is_running and ends_on is not None and ends_on < _today(self.sprint)


def open_sprints(product: Product) -> list[OpenSprint]:
    """The sprints that run, then those planned, the next one first, with their points; in a number
    of statements that neither grows with their items nor with what is over."""
    found = sprints_of(product).exclude(backlog__state=Backlog.State.CLOSED)
    sprints = list(found.order_by("backlog__starts_on", "pk"))
    sums = {
        row["backlog"]: row
        for row in Item.objects.alive()
        .filter(MIDDLE, backlog__in=[sprint.pk for sprint in sprints])
        .order_by()
        .values("backlog")
        .annotate(
            n=Count("pk"),
            all_points=Sum("points"),
            done=Sum("points", filter=~OPEN),
            unknown=Count("pk", filter=OPEN & Q(points__isnull=True)),
        )
    }
    calendars = calendars_of({s.backlog.team for s in sprints if s.backlog.team is not None})
    shown = [
        _open_sprint(sprint, sums.get(sprint.pk, {}), calendars[sprint.backlog.team_id or 0])
        for sprint in sprints
    ]
    return sorted(shown, key=lambda one: not one.is_running)


def _open_sprint(sprint: Sprint, sums: Mapping[str, Any], calendar: WorkingTime) -> OpenSprint:
    days = _days_of(sprint, calendar)
    today = _today(sprint)
    return OpenSprint(
        sprint=sprint,
        points=sums.get("all_points") or ZERO,
        done_points=sums.get("done") or ZERO,
        items=sums.get("n", 0),
        unestimated=sums.get("unknown", 0),
        days_left=sum(1 for day in days if day >= today),
        working_days=len(days),
    )


def working_days_of(sprint: Sprint) -> list[date]:
    """The days of a sprint on which its team works."""
    assert sprint.backlog.team is not None, "a constraint gives every sprint a team"
    return _days_of(sprint, calendar_of(sprint.backlog.team))


def _days_of(sprint: Sprint, calendar: WorkingTime) -> list[date]:
    first, last = sprint.backlog.starts_on, sprint.backlog.ends_on
    assert first is not None, "a sprint has both days"
    assert last is not None, "a sprint has both days"
    return working_days(first, last, calendar.between(first, last))


def _today(sprint: Sprint) -> date:
    return day_of(timezone.now(), sprint.zone)


# Teams ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TeamRow:
    """A team with its people, and when it works."""

    team: Team
    people: Sequence[User]
    working: WorkingTime

    @property
    def weekdays(self) -> str:
        """The days of the week on which it works, as short words."""
        days = sorted(self.working.weekdays)
        names = [day_abbr[day] for day in days]
        is_span = len(days) > 2 and days == list(range(days[0], days[-1] + 1))
        return f"{names[0]} to {names[-1]}" if is_span else ", ".join(names)


def team_rows(product: Product) -> list[TeamRow]:
    """The teams of a product in the order in which they were made."""
    teams = list(teams_of(product).order_by("pk"))
    calendars = calendars_of(teams)
    return [
        TeamRow(
            team,
            sorted((member.user for member in team.members.all()), key=str),
            calendars[team.pk],
        )
        for team in teams
    ]
