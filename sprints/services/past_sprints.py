"""Sprints that an import brings along as history, with all that their reports are drawn from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from backlog.importers.parsed import ImportedItem, ImportedSprint
from backlog.models import Backlog, Category, Item, Kind, Product, Stay, Team, Transition
from backlog.services.deeds import Deed, deed
from backlog.services.items import about, enter, product_backlog
from backlog.services.past_sprints import (
    BROUGHT,
    Bringing,
    Keeper,
    Outlook,
    Refusal,
    TakenAway,
    Told,
)
from backlog.services.ranks import (
    ABOVE,
    Spot,
    keys_for,
    lock_all_backlogs,
    note_places,
    place_of,
)
from backlog.services.rows import PLACE, write_items
from mlscrum.lib import clock
from sprints.models import Sprint
from sprints.queries.calendars import calendar_of
from sprints.queries.exits import standing_of
from sprints.queries.reports import report_of
from sprints.rules.days import day_of
from sprints.rules.past_sprints import (
    FIRST_DAY,
    LONGEST_DAYS,
    Days,
    Fault,
    Path,
    Span,
    fault_of,
    overlapping,
    path_of,
    span_of,
)
from sprints.services.sprints import lock_team

LONGEST_NAME = Backlog._meta.get_field("name").max_length or 0
LONGEST_ID = Backlog._meta.get_field("external_id").max_length or 0
AT_ONCE = 500
NAMED = 3  # items that a sentence names
STAYS = "it stays a word in the field Former sprint"
# Many sprints share one of these sentences, which follows their names.
WHY = {
    Fault.UNDATED: "without a first and last day in the file, so kept only as words in the field "
    "Former sprint.",
    Fault.OPEN: "not closed in the file, so not started here: all of it comes into the product "
    "backlog. Plan a sprint of it.",
    Fault.TURNED: f"it ends before it starts, so {STAYS}: mend its days there, and export again.",
    Fault.TOO_OLD: f"it starts before {FIRST_DAY}, so {STAYS}: look at the year.",
    Fault.TOO_LONG: f"it lasts longer than the {LONGEST_DAYS} days of a sprint, so {STAYS}.",
    Fault.AHEAD: f"its end is still to come, so {STAYS}: import the file again afterwards.",
}
SHARED = {Fault.UNDATED, Fault.OPEN}


def look_ahead(product: Product, source: str, told: Sequence[Told]) -> Outlook:
    """Which of these sprints can come along now, in this order, and why others can't; writes
    nothing. They come to the product's first team."""
    team = _team_of(product)
    zone, now = calendar_of(team).zone, clock.now()
    ids = [_id_of(each.sprint) for each in told]
    there = Backlog.objects.filter(product=product, external_source=source, external_id__in=ids)
    known = set(there.values_list("external_id", flat=True))
    others = _days_of(team, zone)
    coming: list[str] = []
    refused: list[Refusal] = []
    for each in told:
        if _id_of(each.sprint) in known:
            continue
        why_not = _refusal(each, zone=zone, now=now, others=others)
        if why_not is not None:
            refused.append(why_not)
            continue
        coming.append(each.sprint.name)
        others.append(_days(each.sprint))
    return Outlook(coming, refused)


def bring(bringing: Bringing, told: Told) -> Sequence[Refusal]:
    """Make a closed sprint of what a file tells, if that is still possible: with the stays of its
    items, with what they did at the moments that the file knows, and with its report, which is
    that of a sprint that ran here.

    What was done in it lies in it from now on; all else was carried over to where it is.
    """
    product = bringing.imported.product
    with deed(product, bringing.actor, BROUGHT) as done:
        bringing.fence()
        team = _team_of(product)
        lock_team(team)
        lock_all_backlogs(product)
        items = _locked(told.here.values())
        ahead = look_ahead(product, bringing.source, [told])
        if not ahead.coming or not items:
            done.nothing_happened()
            return ahead.refused
        sprint = _made(team, told.sprint, bringing.source)
        by_number = {each.row: each for each in told.rows}
        rows = {item.pk: by_number[row] for row, item in told.here.items()}
        past = _Past(sprint, span_of(told.sprint, zone=sprint.zone), done)
        past.tell(items, rows)
        carried = [item for item in items if not past.paths[item.pk].is_done]
        sprint.report = report_of(
            sprint,
            standing=standing_of(sprint),
            fates={item.ref: "backlog" for item in carried},
            rests={},
        )
        sprint.save(update_fields=["report"])
        about(done, items)
        done.data |= {
            "import": bringing.imported.pk,
            "sprint": sprint.pk,
            "name": sprint.backlog.name,
        }
    return []


def take_away(product: Product, ids: Collection[int], done: Deed) -> TakenAway:
    """Remove sprints that an import brought, and the stays in them; what lies in them still goes to
    the top of the product backlog. The caller has locked all backlogs.

    A sprint stays where a ceremony is about it or a daily has notes of it.
    """
    count, said = 0, []
    found = Sprint.objects.filter(pk__in=list(ids)).select_related("backlog__product")
    for sprint in found.order_by("pk"):
        if sprint.ceremonies.exists() or sprint.daily_notes.exists():
            said.append(f"{sprint} stays: people have written in it since.")
            continue
        _remove(sprint, product_backlog(product), done)
        count += 1
    return TakenAway(count, said)


KEEPER = Keeper(look_ahead, bring, take_away)


# What speaks against it --------------------------------------------------------------------------


def _refusal(told: Told, *, zone: str, now: datetime, others: Sequence[Days]) -> Refusal | None:
    name = _name(told)
    if told.times > 1:
        why = f"{told.times} sprints of the file have this name, so {STAYS}: rename them there."
        return Refusal(name, "sprint_twice", why)
    fault = fault_of(told.sprint, zone=zone, now=now)
    if fault is not None:
        return Refusal(name, fault.value, WHY[fault], fault in SHARED)
    other = overlapping(_days(told.sprint), others)
    if other is not None:
        why = (
            f"{other.name} has some of its days ({other.first} to {other.last}), and a team has"
            f" one sprint at a time, so {STAYS}."
        )
        return Refusal(name, "sprint_overlaps", why)
    refs = _in_others(told)
    if refs:
        more = f" and {len(refs) - NAMED:,} more" if len(refs) > NAMED else ""
        why = f"{', '.join(refs[:NAMED])}{more} went into a sprint here, so {STAYS}."
        return Refusal(name, "sprint_of_others", why)
    return None


def _in_others(told: Told) -> list[str]:
    """The refs of items that are or ever were in a sprint here: what was written of that sprint
    is not written anew."""
    ids = [item.pk for item in told.here.values()]
    if not ids:
        return []
    stays = Stay.objects.filter(item__in=ids, backlog__kind=Backlog.Kind.SPRINT)
    lying = Q(backlog__kind=Backlog.Kind.SPRINT) | Q(pk__in=stays.values("item"))
    found = Item.objects.filter(lying, pk__in=ids).select_related("product").order_by("number")
    return [item.ref for item in found]


# The sprint itself -------------------------------------------------------------------------------


def _made(team: Team, told: ImportedSprint, source: str) -> Sprint:
    zone = calendar_of(team).zone
    span = span_of(told, zone=zone)
    backlog = Backlog.objects.create(
        product=team.product,
        kind=Backlog.Kind.SPRINT,
        team=team,
        name=told.name[:LONGEST_NAME],
        state=Backlog.State.CLOSED,
        starts_on=told.starts_on,
        ends_on=told.ends_on,
        started_at=span.started_at,
        closed_at=span.closed_at,
        external_source=source,
        external_id=_id_of(told),
    )
    return Sprint.objects.create(backlog=backlog, zone=zone)


def _remove(sprint: Sprint, home: Backlog, done: Deed) -> None:
    backlog = sprint.backlog
    lying = Item.objects.alive().filter(backlog=backlog).order_by("rank")
    items = list(lying.select_related("product", "backlog").annotate(above=ABOVE))
    if items:
        before = {item.pk: place_of(item) for item in items}
        enter(home, items, done)
        for item, key in zip(items, keys_for(home, Spot.top(), len(items)), strict=True):
            item.rank = key
        write_items(items, PLACE)
        note_places(items, before)
    Item.objects.filter(backlog=backlog).update(backlog=home)  # what lies in the trash
    backlog.stays.all().delete()
    sprint.delete()
    backlog.delete()


# What its items did ------------------------------------------------------------------------------


class _Past:
    """The past of one sprint as it is written down."""

    def __init__(self, sprint: Sprint, span: Span, done: Deed) -> None:
        self.sprint, self.span, self.done = sprint, span, done
        self.paths: dict[int, Path] = {}

    def tell(self, items: Sequence[Item], rows: Mapping[int, ImportedItem]) -> None:
        """Write transitions and stays of these locked items, and let what was done lie here."""
        steps: dict[int, list[Transition]] = {item.pk: [] for item in items}
        for step in Transition.objects.filter(item__in=steps).order_by("at", "pk"):
            steps[step.item_id].append(step)
        undated = []
        for item in items:
            since = _done_since(steps[item.pk])
            came_done = rows[item.pk].done_at is None and len(steps[item.pk]) == 1
            path = path_of(
                self.span,
                zone=self.sprint.zone,
                created_at=rows[item.pk].created_at,
                is_done=since is not None,
                done_at=None if came_done else since,
            )
            self.paths[item.pk] = path
            if came_done and path.is_done:
                undated.append(item)
        self._date(undated, steps)
        self._plan(items, steps)
        self._stay(items)
        self._lay([item for item in items if self.paths[item.pk].is_done])

    def _date(self, items: Sequence[Item], steps: Mapping[int, Sequence[Transition]]) -> None:
        """What came along as done, nobody says when, was done as the sprint ended."""
        moved = []
        for item in items:
            (step,) = steps[item.pk]
            step.at = self.span.closed_at
            item.done_at = self.span.closed_at
            moved.append(step)
        Transition.objects.bulk_update(moved, ["at"], batch_size=AT_ONCE)
        Item.objects.bulk_update(items, ["done_at"], batch_size=AT_ONCE)

    def _plan(self, items: Sequence[Item], steps: Mapping[int, Sequence[Transition]]) -> None:
        """Items were to do as they came in, with the points that the file gives them."""
        product = self.sprint.backlog.product
        first = product.statuses.filter(category=Category.TODO).order_by("position").first()
        Transition.objects.bulk_create(
            [
                Transition(
                    item=item,
                    at=self.paths[item.pk].planned_at,
                    status=first,
                    category=Category.TODO,
                    points=item.points,
                )
                for item in items
                if all(step.at > self.paths[item.pk].planned_at for step in steps[item.pk])
            ],
            batch_size=AT_ONCE,
        )

    def _stay(self, items: Sequence[Item]) -> None:
        """Each was in the sprint and nowhere else meanwhile; what was done stays in it for good."""
        stays: dict[int, list[Stay]] = {item.pk: [] for item in items}
        for stay in Stay.objects.filter(item__in=stays).order_by("entered_at", "pk"):
            stays[stay.item_id].append(stay)
        new: list[Stay] = []
        changed: list[Stay] = []
        gone: list[int] = []
        for item in items:
            path, closed_at = self.paths[item.pk], self.span.closed_at
            before = [stay for stay in stays[item.pk] if stay.entered_at < closed_at]
            after = [stay for stay in stays[item.pk] if stay.entered_at >= closed_at]
            reached = [stay for stay in before if _reaches(stay, path.entered_at)]
            was_open = [stay for stay in reached if stay.left_at is None]
            for stay in reached:
                if stay.entered_at >= path.entered_at:
                    gone.append(stay.pk)  # it began when the item was in the sprint already
                    continue
                stay.left_at = path.entered_at
                stay.outcome = Stay.Outcome.MOVED
                changed.append(stay)
            if path.is_done:
                gone += [stay.pk for stay in after]
            elif was_open:
                home = was_open[0].backlog_id
                new.append(Stay(item=item, backlog_id=home, entered_at=closed_at))
            elif len(after) == 1 and not before:
                after[0].entered_at = closed_at  # it came here by the import, out of the sprint
                changed += after
            outcome = Stay.Outcome.DONE if path.is_done else Stay.Outcome.CARRIED
            new.append(
                Stay(
                    item=item,
                    backlog=self.sprint.backlog,
                    entered_at=path.entered_at,
                    left_at=closed_at,
                    outcome=outcome,
                )
            )
        Stay.objects.filter(pk__in=gone).delete()
        names = ["entered_at", "left_at", "outcome"]
        Stay.objects.bulk_update(changed, names, batch_size=AT_ONCE)
        Stay.objects.bulk_create(new, batch_size=AT_ONCE)

    def _lay(self, items: Sequence[Item]) -> None:
        """What was done lies in the sprint, as it does where one was closed here."""
        home = self.sprint.backlog
        before = {item.pk: place_of(item) for item in items}
        for item, key in zip(items, keys_for(home, Spot.bottom(), len(items)), strict=True):
            was, item.backlog, item.rank = item.backlog.name, home, key
            item.version += 1
            item.updated_at = self.done.at
            self.done.change(item, "backlog", was, home.name)
        write_items(items, PLACE)
        note_places(items, before)


def _reaches(stay: Stay, moment: datetime) -> bool:
    """Whether it lasts beyond a moment."""
    return stay.left_at is None or stay.left_at > moment


def _done_since(steps: Sequence[Transition]) -> datetime | None:
    """When an item became done for good, by its steps in order; None where it is not done."""
    since = None
    for step in steps:
        if step.category != Category.DONE:
            since = None
        elif since is None:
            since = step.at
    return since


# ------------------------------------------------------------------------------------------------


def _team_of(product: Product) -> Team:
    team = product.teams.order_by("pk").first()
    assert team is not None, "a product keeps a team"
    return team


def _locked(items: Iterable[Item]) -> list[Item]:
    """The living ones among these items that a sprint can hold, in the order of their lists."""
    found = (
        Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "backlog", "status")
        .annotate(above=ABOVE)
        .filter(pk__in=[item.pk for item in items], deleted_at__isnull=True)
        .exclude(kind=Kind.EPIC)
        .order_by("pk")
    )
    return sorted(found, key=lambda item: item.rank or "")


def _days_of(team: Team, zone: str) -> list[Days]:
    """The sprints that the team has, with the days that they took or will take."""
    found = Backlog.objects.filter(team=team, kind=Backlog.Kind.SPRINT, cancelled=False)
    return [
        Days(name, first, min(last, day_of(closed, zone)) if closed and first <= last else last)
        for name, first, last, closed in found.values_list(
            "name", "starts_on", "ends_on", "closed_at"
        )
        if first is not None and last is not None
    ]


def _days(told: ImportedSprint) -> Days:
    assert told.starts_on is not None, "fault_of asks for both days"
    assert told.ends_on is not None, "fault_of asks for both days"
    return Days(told.name, told.starts_on, told.ends_on)


def _id_of(told: ImportedSprint) -> str:
    """What the sprint is known by among those of its source."""
    return (told.external_id or told.name)[:LONGEST_ID]


def _name(told: Told) -> str:
    return told.sprint.name[:LONGEST_NAME]
