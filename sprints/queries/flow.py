"""What flows through a product: its items by day and state, and how long each took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models import Window as Over
from django.db.models.functions import Lead

from backlog.models import Backlog, Category, Product, Status, Stay, Team, Transition
from backlog.queries.charts import Chart, Mark, Series
from mlscrum.lib import clock
from sprints.queries.calendars import calendar_of
from sprints.queries.charts import day_label
from sprints.queries.sprints import SIDE_KINDS
from sprints.rules.days import ONE_DAY, all_days, day_of, end_of_day
from sprints.rules.figures import ZERO, StayFact, TransitionFact
from sprints.rules.flow import (
    CycleTimes,
    FlowDay,
    Step,
    Still,
    cumulative_flow,
    cycle_times,
    percentile,
)

SPANS = (30, 90, 365)
CATEGORY_HUES = {"todo": "grey", "doing": "blue", "done": "green"}
SHARES = ((0.5, "50 %", "green"), (0.85, "85 %", "amber"), (0.95, "95 %", "red"))


@dataclass(frozen=True)
class Window:
    """The last days up to today, where the team is."""

    days: Sequence[date]
    zone: str

    @classmethod
    def last(cls, number: int, team: Team) -> Window:
        working = calendar_of(team)
        today = clock.now().astimezone(working.tzinfo).date()
        return cls(all_days(today - timedelta(days=number - 1), today), working.zone)


def flow_of(
    product: Product, window: Window, *, team: Team | None = None, by: str = "category"
) -> list[FlowDay]:
    """The items of the product backlog and its sprints by category, or by status: its id, else the
    category. Of a team only what came into its sprints. In three statements: what does not change
    in these days is counted by the database, and only what does is read."""
    since = end_of_day(window.days[0] - ONE_DAY, window.zone)
    stays = _stays(product, team)
    changing = _changing(product, stays, since)
    return cumulative_flow(
        _stay_facts(stays, changing, since),
        _steps(stays, changing, since, by),
        days=window.days,
        zone=window.zone,
        still=_still(stays, changing, since, by),
    )


def flow_charts(
    product: Product, window: Window, *, team: Team | None = None, by: str = "category"
) -> list[Chart]:
    """Cumulative flow and the burn-up of the product, of one reading; none where there never was
    an item, and no burn-up where nothing was ever estimated."""
    found = flow_of(product, window, team=team, by=by)
    statuses = list(product.statuses.all()) if by == "status" else []
    charts = [_flow_chart(found, statuses, by)] if any(day.items for day in found) else []
    if any(sum(day.points.values()) for day in found):
        charts.append(_burnup_chart(found, _keys(statuses, Category.DONE)))
    return charts


def cycle_chart(product: Product, window: Window, *, team: Team | None = None) -> Chart | None:
    """Each item that was done in these days by how long it took, with percentiles; in one
    statement. None where there is none."""
    found, names = _cycle_times(product, window, team)
    if not found.times:
        return None
    days = [round(time.days, 1) for time in found.times]
    marks = [Mark(name, percentile(days, share) or 0.0, hue) for share, name, hue in SHARES]
    unstarted = len(found.unstarted)
    ends = [day_of(time.done_at, window.zone).isoformat() for time in found.times]
    return Chart(
        name="cycle-time",
        title=f"85 % of {_items(len(days))} were done within {marks[1].value:,g} days",
        unit="days",
        look="scatter",
        label="Item",
        labels=[names[time.item][0] for time in found.times],
        keys=[names[time.item][0] for time in found.times],
        places=ends,
        marks=marks,
        texts=[("Title", [names[time.item][1] for time in found.times]), ("Done", ends)],
        note="From the first moment in progress to the last time done, in days of 24 hours."
        + (f" {_items(unstarted)} went to done without being in progress." if unstarted else ""),
        series=[Series("Days", days, "accent", "dots")],
    )


# ------------------------------------------------------------------------------------------------


def _cycle_times(
    product: Product, window: Window, team: Team | None
) -> tuple[CycleTimes, dict[int, tuple[str, str]]]:
    """How long those items took that were done in these days, with their refs and titles."""
    since = end_of_day(window.days[0] - ONE_DAY, window.zone)
    lately = Transition.objects.filter(item=OuterRef("item"), category=Category.DONE, at__gte=since)
    rows = Transition.objects.filter(
        Exists(lately), item__product=product, item__deleted_at__isnull=True
    ).exclude(item__kind__in=SIDE_KINDS)
    if team is not None:
        rows = rows.filter(Exists(_stays(product, team).filter(item=OuterRef("item"))))
    facts, names, ends = [], {}, {}
    for item, at, category, points, number, title in rows.order_by("at", "pk").values_list(
        "item_id", "at", "category", "points", "item__number", "item__title"
    ):
        facts.append(TransitionFact(item, at, category, points))
        names[item] = (f"{product.key}-{number}", title)
        ends[item] = at
    found = cycle_times(facts)
    return (
        CycleTimes(
            tuple(time for time in found.times if time.done_at >= since),
            tuple(item for item in found.unstarted if ends[item] >= since),
        ),
        names,
    )


def _stays(product: Product, team: Team | None) -> QuerySet[Stay, Stay]:
    """In the product backlog and the sprints, or in the sprints of one team."""
    found = Stay.objects.filter(backlog__product=product).exclude(item__kind__in=SIDE_KINDS)
    if team is not None:
        return found.filter(backlog__team=team)
    return found.exclude(backlog__kind=Backlog.Kind.INBOX)


def _changing(product: Product, stays: QuerySet[Stay, Stay], since: datetime) -> Q:
    """Whether anything happened since to the item of a row."""
    stepped = Transition.objects.filter(at__gte=since, item__product=product)
    went = stays.filter(Q(entered_at__gte=since) | Q(left_at__gte=since))
    came = Stay.objects.filter(backlog__product=product, entered_at__gte=since)
    return (
        Q(item__in=stepped.values("item"))
        | Q(item__in=went.values("item"))
        | Q(item__in=came.values("item"))
        | Q(item__deleted_at__gte=since)
    )


def _last_before(stays: QuerySet[Stay, Stay], since: datetime) -> Q:
    """Whether a stay is the last of its item that began before the moment."""
    later = Q(entered_at__gt=OuterRef("entered_at")) | Q(
        entered_at=OuterRef("entered_at"), pk__gt=OuterRef("pk")
    )
    others = stays.filter(later, item=OuterRef("item"), entered_at__lt=since)
    return Q(entered_at__lt=since) & ~Q(Exists(others))


def _stay_facts(stays: QuerySet[Stay, Stay], changing: Q, since: datetime) -> Iterable[StayFact]:
    """Where what changes was at the moment, and where it came and left since."""
    rows = stays.filter(changing, Q(entered_at__gte=since) | _last_before(stays, since))
    following = _later_stays().order_by("entered_at", "pk").values("entered_at")[:1]
    for item, entered, left, outcome, deleted, taken_up in rows.annotate(
        taken_up=Subquery(following)
    ).values_list("item_id", "entered_at", "left_at", "outcome", "item__deleted_at", "taken_up"):
        # What was done in a sprint that closed lies there for good, or until it is thrown away or
        # taken up again, wherever that is.
        ends = [moment for moment in (deleted, taken_up) if moment is not None]
        is_done = outcome == Stay.Outcome.DONE
        yield StayFact(item, entered, min(ends, default=None) if is_done else left)


def _later_stays() -> QuerySet[Stay, Stay]:
    """The stays that the item of a row began after that one, in any backlog."""
    later = Q(entered_at__gt=OuterRef("entered_at")) | Q(
        entered_at=OuterRef("entered_at"), pk__gt=OuterRef("pk")
    )
    return Stay.objects.filter(later, item=OuterRef("item"))


def _steps(stays: QuerySet[Stay, Stay], changing: Q, since: datetime, by: str) -> Iterable[Step]:
    """In which state what changes was at the moment, and each one since, in their order."""
    # A window reads each item's rows once; to ask of every row whether a later one is there took
    # PostgreSQL half of the whole report.
    following = Over(Lead("at"), partition_by="item_id", order_by=["at", "pk"])
    rows = (
        Transition.objects.filter(changing, item__in=stays.values("item"))
        .annotate(next_at=following)
        .filter(Q(next_at__gte=since) | Q(next_at__isnull=True))
    )
    for item, at, category, status, points in rows.order_by("at", "pk").values_list(
        "item_id", "at", "category", "status_id", "points"
    ):
        yield Step(item, at, _state(category, status, by), points)


def _still(stays: QuerySet[Stay, Stay], changing: Q, since: datetime, by: str) -> Iterable[Still]:
    """What was there at the moment and has not changed since, so that it is what it was then."""
    done = Q(outcome=Stay.Outcome.DONE, item__deleted_at__isnull=True)
    there = Q(left_at__isnull=True) | (done & ~Q(Exists(_later_stays())))
    rows = stays.filter(there & ~changing & _last_before(stays, since))
    states = ["item__status__category", *(["item__status"] if by == "status" else [])]
    for category, *status, items, points in (
        rows.order_by().values_list(*states).annotate(Count("item"), Sum("item__points"))
    ):
        yield Still(_state(category, status[0] if status else None, by), items, points or ZERO)


def _state(category: str, status: int | None, by: str) -> str:
    return str(status or category) if by == "status" else category


def _flow_chart(found: Sequence[FlowDay], statuses: Sequence[Status], by: str) -> Chart:
    """Done at the bottom, what waits on top, and between them what is in progress."""
    doing = _keys(statuses, Category.DOING)
    then, now = (sum(day.items.get(key, 0) for key in doing) for day in (found[0], found[-1]))
    more = "more" if now > then else "fewer"
    grown = "as many as" if now == then else f"{abs(now - then):,} {more} than"
    return Chart(
        name="flow",
        title=f"{_items(now)} in progress now, {grown} {len(found)} days ago",
        unit="items",
        look="area",
        label="Day",
        labels=[day_label(day.day) for day in found],
        keys=[day.day.isoformat() for day in found],
        note="As each day ended. A band that widens is where work gathers.",
        series=[
            Series(name, [day.items.get(state, 0) for day in found], hue, "area")
            for state, name, hue in _states(found, statuses, by)
        ],
    )


def _burnup_chart(found: Sequence[FlowDay], done_keys: set[str]) -> Chart:
    """All estimated work and what of it is done: whether the end comes nearer or moves away."""
    done = [float(sum(day.points.get(key, ZERO) for key in done_keys)) for day in found]
    scope = [float(sum(day.points.values(), ZERO)) for day in found]
    return Chart(
        name="product-burn-up",
        title=f"{done[-1] - done[0]:+,g} points done, {scope[-1] - scope[0]:+,g} points of scope"
        f" in {len(found)} days",
        unit="points",
        label="Day",
        labels=[day_label(day.day) for day in found],
        keys=[day.day.isoformat() for day in found],
        note="The gap between the lines is what is estimated and not done.",
        series=[Series("Done", done, "green", "area"), Series("Scope", scope, "grey", "step")],
    )


def _keys(statuses: Sequence[Status], category: str) -> set[str]:
    """The states of a category: itself, and the statuses in it."""
    return {category, *(str(status.pk) for status in statuses if status.category == category)}


def _states(
    found: Sequence[FlowDay], statuses: Sequence[Status], by: str
) -> list[tuple[str, str, str]]:
    """Key, name and hue of each state, done first; of statuses that are gone, their category."""
    categories = [(key, word, CATEGORY_HUES[key]) for key, word in reversed(Category.choices)]
    if by != "status":
        return categories
    ordered = sorted(
        statuses,
        key=lambda status: (Category.values.index(status.category), status.position),
        reverse=True,
    )
    known = [(str(status.pk), status.name, str(status.hue)) for status in ordered]
    seen = {state for day in found for state in day.items}
    return known + [
        (key, f"{word} (status gone)", hue) for key, word, hue in categories if key in seen
    ]


def _items(count: int) -> str:
    return f"{count:,} item" if count == 1 else f"{count:,} items"
