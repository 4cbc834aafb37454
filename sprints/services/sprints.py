"""Deeds on sprints before they close: plan, change, start, cancel, throw away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from backlog.models import (
    Actor,
    Backlog,
    Category,
    Item,
    Kind,
    Product,
    Stay,
    Subject,
    Team,
    Transition,
    User,
)
from backlog.models.items import ItemQuerySet
from backlog.services.deeds import Deed, deed
from backlog.services.items import close_stays, enter, move_items, product_backlog
from backlog.services.ranks import (
    Spot,
    keys_for,
    lock_all_backlogs,
    lock_backlogs,
    note_places,
    place_of,
)
from backlog.services.rows import PLACE, write_items
from mlscrum.lib import clock
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, Share, Sprint, SprintSubject
from sprints.queries.calendars import calendar_of
from sprints.queries.ceremonies import ceremonies_gone_with
from sprints.queries.exits import standing_of
from sprints.queries.reports import report_of
from sprints.rules.days import day_of, working_days
from sprints.services.ceremony_locks import lock_ceremonies_of

LONGEST_DAYS = 60
# A year that is mistyped is none to reckon with: days near the ends of the calendar overflow.
FIRST_DAY, MOST_DAYS_AHEAD = date(2000, 1, 1), 5 * 365
OF_CLOSING = ["backlog", "closed_by", "report"]
OF_BACKLOG = {"name": "name", "starts_on": "starts_on", "ends_on": "ends_on"}
OF_DAYS = ("starts_on", "ends_on")
OF_SPRINT = ("goal", "kind", "capacity_points", "capacity_gpu_hours", "target_health")


@dataclass(frozen=True)
class ShareLine:
    """What a person can give to a sprint, and the days on which that person is away."""

    user: User
    points: Decimal | None = None
    gpu_hours: Decimal | None = None
    days_off: Sequence[date] = ()

    @property
    def gives(self) -> tuple[Decimal | None, Decimal | None, list[str]]:
        """Points, GPU-hours, and the days off as they are kept."""
        return self.points, self.gpu_hours, sorted({day.isoformat() for day in self.days_off})


def create_sprint(
    team: Team,
    *,
    actor: Actor,
    starts_on: date | None = None,
    ends_on: date | None = None,
    name: str = "",
    subjects: Iterable[Subject] = (),
    **fields: Any,
) -> Sprint:
    """A planned sprint of a team: by default the next of its cadence, and numbered on.

    `fields` are the goal, the kind, the capacities and the target health. Raises ValidationError
    for bad fields and DomainError where the days overlap another sprint of the team.
    """
    product = team.product
    with deed(product, actor, "sprint.created") as done:
        lock_team(team)
        _refuse_far_days(team, starts_on=starts_on, ends_on=ends_on)
        first, last = next_days(team)
        if starts_on is not None:
            first, last = starts_on, starts_on + (last - first)
        backlog = Backlog(
            product=product,
            kind=Backlog.Kind.SPRINT,
            team=team,
            name=" ".join(name.split()) or next_name(team),
            state=Backlog.State.PLANNED,
            starts_on=first,
            ends_on=ends_on or last,
        )
        sprint = Sprint(backlog=backlog, zone=calendar_of(team).zone)
        _put(sprint, fields)
        _check(sprint)
        _refuse_overlap(backlog)
        backlog.save()
        sprint.backlog = backlog
        sprint.save(force_insert=True)
        _set_subjects(sprint, subjects)
        done.data |= {"sprint": sprint.pk, "name": backlog.name}
    return sprint


def update_sprint(
    sprint: Sprint,
    *,
    actor: Actor,
    shares: Sequence[ShareLine] | None = None,
    share_edits: Sequence[tuple[ShareLine, ShareLine]] | None = None,
    subjects: Iterable[Subject] | None = None,
    seen: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Sprint:
    """Change a sprint that is not closed: its name, days, goal, kind, capacity, shares, subjects.

    `shares` are those of all members, `share_edits` of some: what was seen, and what each gives
    now. `seen` holds the fields as the actor saw them, as the activity keeps them: what the actor
    left so stays as it is by now; of `subjects` only what the actor put in or took out, where
    `seen` has their ids. Raises ValidationError for bad fields, as a first day after the day of the
    start, DomainError where the days overlap another sprint of the team, and Conflict for a closed
    sprint or, with `conflicts`, where somebody changed meanwhile what the actor saw and changed.
    """
    with deed(sprint.backlog.product, actor, "sprint.updated") as done:
        lock_team(_team(sprint))
        fresh = locked_sprint(sprint)
        _refuse_closed(fresh)
        if seen is not None:
            fields = _changed_since(fresh, fields, seen)
            if subjects is not None and "subjects" in seen:
                subjects = _merged_subjects(fresh, subjects, seen["subjects"])
        days = {name: fields[name] for name in OF_DAYS if name in fields}
        changed_days = {name: day for name, day in days.items() if day != _value(fresh, name)}
        _refuse_far_days(_team(fresh), **changed_days)
        _refuse_frozen(fresh, fields, subjects)
        _refuse_late_first_day(fresh, fields)
        before = {name: _plain(_value(fresh, name)) for name in fields}
        gave, was_about = _shares_of(fresh), _subjects_of(fresh)
        for name, column in OF_BACKLOG.items():
            if name in fields:
                setattr(fresh.backlog, column, fields[name])
        _put(fresh, {name: value for name, value in fields.items() if name not in OF_BACKLOG})
        _check(fresh)
        if fresh.backlog.state == Backlog.State.ACTIVE and not fresh.goal.strip():
            raise ValidationError({"goal": "A sprint that runs keeps a goal; say what it is for."})
        _refuse_overlap(fresh.backlog)
        fresh.backlog.save(update_fields=list(OF_BACKLOG.values()))
        fresh.save(update_fields=OF_SPRINT)
        if shares is not None:
            _set_shares(fresh, shares)
        if share_edits is not None:
            _edit_shares(fresh, share_edits)
        if subjects is not None and fresh.backlog.state == Backlog.State.PLANNED:
            _set_subjects(fresh, subjects)
        changed = {
            name: [before[name], now]
            for name in fields
            if before[name] != (now := _plain(_value(fresh, name)))
        }
        changed |= _change("shares", gave, _shares_of(fresh))
        changed |= _change("subjects", was_about, _subjects_of(fresh))
        if not changed:
            done.nothing_happened()
        done.data |= {"sprint": fresh.pk, "name": fresh.backlog.name, "changed": changed}
    return fresh


def start_sprint(sprint: Sprint, *, actor: Actor, goal: str | None = None) -> Sprint:
    """Let a planned sprint run from now on, with the goal if one is given; what is in it now is
    what the team commits to.

    Raises DomainError without a goal, ValidationError for one that is too long, and Conflict where
    it was started already or another sprint of its team runs.
    """
    product = sprint.backlog.product
    with deed(product, actor, "sprint.started") as done:
        lock_team(_team(sprint))
        lock_all_backlogs(product)
        fresh = locked_sprint(sprint)
        backlog = fresh.backlog
        if backlog.state != Backlog.State.PLANNED:
            raise Conflict("not_planned", f"{backlog.name} is {backlog.state} by now; look again.")
        before = fresh.goal
        _put(fresh, {} if goal is None else {"goal": goal})
        _check(fresh)
        if not fresh.goal.strip():
            raise DomainError(
                "no_goal", "A sprint starts with a goal: say in a sentence what it is for."
            )
        if fresh.kind == Sprint.Kind.DATA_ASSESSMENT and (
            fresh.target_health is None or not fresh.subjects.exists()
        ):
            why = "A data assessment starts with its datasets and the health that they must reach."
            raise DomainError("no_exit", why)
        running = Backlog.objects.filter(team=backlog.team, state=Backlog.State.ACTIVE)
        for other in running.filter(kind=Backlog.Kind.SPRINT):
            why = f"{other.name} of {backlog.team} still runs; close it first."
            raise Conflict("another_runs", why)
        wait_for_the_last(backlog, done)
        backlog.state, backlog.started_at = Backlog.State.ACTIVE, done.at
        backlog.save(update_fields=["state", "started_at"])
        fresh.save(update_fields=["goal"])
        _copy_green_batches(fresh)
        if fresh.goal != before:
            done.data["changed"] = {"goal": [before, fresh.goal]}
        done.data |= {"sprint": fresh.pk, "name": backlog.name, "goal": fresh.goal}
    return fresh


def cancel_sprint(sprint: Sprint, *, actor: Actor, reason: str) -> Sprint:
    """End a sprint whose goal has become pointless: what is not done goes back to the top of the
    product backlog, and the sprint stays in the past as cancelled.

    Raises ValidationError without a reason, and Conflict for a closed sprint.
    """
    product = sprint.backlog.product
    if not reason.strip():
        raise ValidationError({"reason": "Say why it is cancelled; the next planning will ask."})
    with deed(product, actor, "sprint.cancelled") as done:
        lock_all_backlogs(product)
        fresh = locked_sprint(sprint)
        _refuse_closed(fresh)
        backlog = fresh.backlog
        has_started = backlog.started_at is not None
        wait_for_the_last(backlog, done)
        fresh.goal_reason, fresh.closed_by = reason.strip(), actor.user
        fresh.goal_met = Sprint.GoalMet.NO
        fresh.full_clean(exclude=OF_CLOSING, validate_constraints=False)
        backlog.closed_at, backlog.cancelled = done.at, True
        if has_started:
            fates = {item.ref: "backlog" for item in unfinished_of(fresh)}
            fresh.report = report_of(fresh, standing=standing_of(fresh), fates=fates, rests={})
        give_back(fresh, actor=actor)
        let_done_stay(fresh, done)
        backlog.state = Backlog.State.CLOSED
        backlog.save(update_fields=["state", "closed_at", "cancelled"])
        fresh.save(update_fields=["goal_reason", "goal_met", "closed_by", "report"])
        done.data |= {"sprint": fresh.pk, "name": backlog.name, "reason": fresh.goal_reason}
    return fresh


def delete_sprint(sprint: Sprint, *, actor: Actor) -> list[Ceremony]:
    """Throw a planned sprint away, with its planned ceremonies; its items go back to the top of the
    product backlog.

    Returns the ceremonies that stay, of no sprint from now on: those that were held, and those in
    which something is written. Raises Conflict for a sprint that has started, whose history stays,
    and for one in which people wrote for the daily: those notes are of its days.
    """
    product = sprint.backlog.product
    with deed(product, actor, "sprint.deleted") as done:
        lock_team(_team(sprint))
        lock_ceremonies_of(sprint)  # before backlogs, as every deed within a ceremony does
        lock_all_backlogs(product)
        fresh = locked_sprint(sprint)
        backlog = fresh.backlog
        if backlog.state != Backlog.State.PLANNED:
            why = f"{backlog.name} has started and stays in the history; close or cancel it."
            raise Conflict("has_started", why)
        if fresh.daily_notes.exists():
            why = (
                f"People wrote for the daily of {backlog.name} already. A product owner can cancel"
                " it instead: it stays in the past then, with what they wrote."
            )
            raise Conflict("has_notes", why)
        home = product_backlog(product)
        planned = Item.objects.alive().filter(backlog=backlog).order_by("rank")
        items = list(planned.select_related("product", "backlog", "status"))
        moving = [item for item in items if item.kind != Kind.TASK or item.parent_id is None]
        if moving:
            move_items(product, moving, actor=actor, spot=Spot.top(), to=home)
        _bring_left_tasks(home, backlog, done)
        # What lies in the trash, and the stays of a plan that came to nothing.
        Item.objects.filter(backlog=backlog).update(backlog=home)
        backlog.stays.all().delete()
        done.data |= {"sprint": fresh.pk, "name": backlog.name}
        going = ceremonies_gone_with(fresh)
        stay = list(fresh.ceremonies.exclude(pk__in=going.values("pk")).order_by("starts_at"))
        done.data["ceremonies_stay"] = [ceremony.pk for ceremony in stay]
        going.delete()
        fresh.delete()
        backlog.delete()
    return stay


def _bring_left_tasks(home: Backlog, backlog: Backlog, done: Deed) -> None:
    """Done tasks stay behind where their item goes; a backlog that goes away keeps none."""
    left = list(Item.objects.alive().select_related("product", "backlog").filter(backlog=backlog))
    if not left:
        return
    before = {item.pk: place_of(item) for item in left}
    enter(home, left, done)
    for item, key in zip(left, keys_for(home, Spot.bottom(), len(left)), strict=True):
        item.rank = key
    Item.objects.bulk_update(left, ["backlog", "rank", "version", "updated_at"])
    note_places(left, before)


def wait_for_the_last(backlog: Backlog, done: Deed) -> None:
    """Let the deed happen after all that was done to the items of a locked backlog, in one moment.

    A deed takes its moment as it begins, and may have waited for its locks while others that
    began later came first.
    """
    stays = backlog.stays.aggregate(entered=Max("entered_at"), left=Max("left_at"))
    last = Transition.objects.filter(item__backlog=backlog).aggregate(last=Max("at"))
    moments = [moment for moment in (*stays.values(), *last.values()) if moment is not None]
    done.happen_at(max([clock.now(), *moments]))


def give_back(sprint: Sprint, *, actor: Actor) -> list[Item]:
    """Bring what is not done of a sprint to the top of the product backlog, in its order."""
    product = sprint.backlog.product
    items = unfinished_of(sprint)
    if items:
        move_items(product, items, actor=actor, spot=Spot.top(), to=product_backlog(product))
    return items


def let_done_stay(sprint: Sprint, done: Deed) -> None:
    """What is done lies in the closed sprint from now on, and its stay there ends with it; tasks
    that are not done leave it, whatever became of their items."""
    _send_on(sprint, loose_tasks_of(sprint), done)
    items = list(Item.objects.alive().filter(backlog=sprint.backlog))
    close_stays(items, done.at, Stay.Outcome.DONE)
    carried = Stay.objects.filter(
        backlog=sprint.backlog, left_at__gte=done.at, outcome=Stay.Outcome.MOVED
    )
    carried.update(outcome=Stay.Outcome.CARRIED)


def unfinished_of(sprint: Sprint) -> list[Item]:
    """The living items of a sprint that are not done, in its order. Tasks go with their items; one
    without an item, or with one in the trash, counts for itself."""
    return list(_open_in(sprint).exclude(kind=Kind.TASK, parent__deleted_at__isnull=True,
                                         parent__isnull=False))  # fmt: skip


def loose_tasks_of(sprint: Sprint) -> list[Item]:
    """The tasks of a sprint that are not done although their item is done or lives elsewhere: the
    sprint can't end with them, and no choice for an item takes them along."""
    left_alone = Q(parent__status__category=Category.DONE) | ~Q(parent__backlog=sprint.backlog)
    tasks = _open_in(sprint).filter(kind=Kind.TASK, parent__deleted_at__isnull=True)
    return list(tasks.filter(left_alone, parent__isnull=False).select_related("parent__backlog"))


def next_days(team: Team) -> tuple[date, date]:
    """The first and last day of the team's next sprint: from the first working day after its last
    one on, or from today, as long as its cadence says. One that was closed early left its later
    days free."""
    calendar = calendar_of(team)
    ran = Backlog.objects.filter(team=team, kind=Backlog.Kind.SPRINT, cancelled=False)
    latest = ran.exclude(state=Backlog.State.CLOSED).aggregate(last=Max("ends_on"))["last"]
    today = clock.now().astimezone(calendar.tzinfo).date()
    over = ran.filter(state=Backlog.State.CLOSED, ends_on__gte=today)
    ends = [
        min(end, at.astimezone(calendar.tzinfo).date())
        for end, at in over.values_list("ends_on", "closed_at")
        if end and at
    ]
    last = max([*ends, *([latest] if latest else [])], default=None)
    first = today
    if last and last >= today:
        after = working_days(
            last + timedelta(days=1),
            last + timedelta(days=LONGEST_DAYS),
            calendar.between(last, last + timedelta(days=LONGEST_DAYS)),
        )
        first = after[0] if after else last + timedelta(days=1)
    return first, first + timedelta(days=calendar.sprint_days - 1)


def locked_sprint(sprint: Sprint) -> Sprint:
    """The sprint as it is now, with its backlog, both locked until the transaction ends."""
    lock_backlogs(sprint.backlog)  # first, as every deed on items does
    found = (
        Sprint.objects.select_for_update(no_key=True, of=("self",))
        .select_related("backlog__team", "backlog__product")
        .filter(pk=sprint.pk)
        .first()
    )
    if found is None:
        raise Conflict("gone", "This sprint was deleted meanwhile; look at the list of sprints.")
    return found


def lock_team(team: Team) -> None:
    """Let nobody else plan for the team meanwhile: overlap is looked for under this lock."""
    if not Team.objects.select_for_update(no_key=True).filter(pk=team.pk).first():
        raise Conflict("gone", "This team was let go meanwhile; choose another.")


# ------------------------------------------------------------------------------------------------


def _open_in(sprint: Sprint) -> ItemQuerySet:
    return (
        Item.objects.alive()
        .select_related("product", "backlog", "status", "parent")
        .filter(backlog=sprint.backlog)
        .exclude(status__category=Category.DONE)
        .order_by("rank")
    )


def _send_on(sprint: Sprint, tasks: Sequence[Item], done: Deed) -> None:
    """Bring tasks out of a sprint that ends: below what is where their items live, and to the top
    of the product backlog where those stay behind."""
    if not tasks:
        return
    top = product_backlog(sprint.backlog.product)
    before = {task.pk: place_of(task) for task in tasks}
    homes = {task.pk: _home_beyond(sprint, task) or top for task in tasks}
    for home in dict.fromkeys(homes.values()):
        coming = [task for task in tasks if homes[task.pk] == home]
        enter(home, coming, done)
        spot = Spot.top() if home == top else Spot.bottom()
        for task, key in zip(coming, keys_for(home, spot, len(coming)), strict=True):
            task.rank = key
    write_items(tasks, PLACE)
    note_places(tasks, before)


def _home_beyond(sprint: Sprint, task: Item) -> Backlog | None:
    assert task.parent is not None, "a loose task has an item"
    home = task.parent.backlog
    return None if home == sprint.backlog or home.state == Backlog.State.CLOSED else home


def _team(sprint: Sprint) -> Team:
    team = sprint.backlog.team
    assert team is not None, "a constraint gives every sprint a team"
    return team


def next_name(team: Team) -> str:
    """The first free number after all sprints that the team ever had."""
    taken = set(
        Backlog.objects.filter(team=team, kind=Backlog.Kind.SPRINT).values_list("name", flat=True)
    )
    number = len(taken) + 1
    while f"Sprint {number}" in taken:
        number += 1
    return f"Sprint {number}"


def _put(sprint: Sprint, fields: Mapping[str, Any]) -> None:
    unknown = set(fields) - set(OF_SPRINT)
    if unknown:
        raise TypeError(f"no fields of a sprint: {', '.join(sorted(unknown))}")
    for name, value in fields.items():
        setattr(sprint, name, _text(value) if isinstance(value, str) else value)


def _value(sprint: Sprint, name: str) -> Any:
    return (
        getattr(sprint.backlog, OF_BACKLOG[name]) if name in OF_BACKLOG else getattr(sprint, name)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return _text(value)
    return float(value) if isinstance(value, Decimal) else value


def _text(value: str) -> str:
    """As it is kept: browsers send CRLF, and a text that nobody touched must not count as new."""
    return value.replace("\r\n", "\n").strip()


def seen_fields(sprint: Sprint) -> dict[str, Any]:
    """The fields of a sprint as they are now, for `seen` of who is shown them."""
    return {name: _plain(_value(sprint, name)) for name in (*OF_BACKLOG, *OF_SPRINT)}


def _changed_since(
    sprint: Sprint, fields: Mapping[str, Any], seen: Mapping[str, Any]
) -> dict[str, Any]:
    """Those of the fields that the actor changed; Conflict where another did so too, otherwise."""
    wanted = {
        name: value
        for name, value in fields.items()
        if name not in seen or _plain(value) != seen[name]
    }
    conflicts = [
        {"field": name, "base": seen[name], "theirs": theirs, "yours": _plain(value)}
        for name, value in wanted.items()
        if name in seen
        and (theirs := _plain(_value(sprint, name))) not in (seen[name], _plain(value))
    ]
    if conflicts:
        why = "Somebody changed the same meanwhile. Both values are below; save the one that holds."
        raise Conflict("edit_conflict", why, conflicts=conflicts)
    return wanted


def _change(name: str, before: Any, now: Any) -> dict[str, Any]:
    return {name: [before, now]} if before != now else {}


def _shares_of(sprint: Sprint) -> dict[str, Any]:
    """What each gives, by the id of the user, as the activity keeps it."""
    return {
        str(share.user_id): {
            "points": _plain(share.points),
            "gpu_hours": _plain(share.gpu_hours),
            "days_off": share.days_off,
        }
        for share in sprint.shares.order_by("user")
    }


def _subjects_of(sprint: Sprint) -> list[str]:
    return list(sprint.subjects.order_by("subject__slug").values_list("subject__slug", flat=True))


def _check(sprint: Sprint) -> None:
    backlog = sprint.backlog
    if backlog.starts_on is None or backlog.ends_on is None:
        raise ValidationError({"ends_on": "A sprint has a first and a last day."})
    if backlog.ends_on < backlog.starts_on:
        raise ValidationError({"ends_on": "A sprint ends on the day it starts or later."})
    if (backlog.ends_on - backlog.starts_on).days >= LONGEST_DAYS:
        why = f"A sprint lasts at most {LONGEST_DAYS} days; a month or less is usual."
        raise ValidationError({"ends_on": why})
    backlog.name = " ".join(backlog.name.split())
    if not backlog.name:
        raise ValidationError({"name": "Give the sprint a name."})
    past = ["product", "team", "started_at", "closed_at"]
    backlog.full_clean(exclude=past, validate_constraints=False)
    sprint.full_clean(exclude=OF_CLOSING, validate_constraints=False)


def _refuse_far_days(team: Team, **days: date | None) -> None:
    """Raise ValidationError for days that are before 2000 or more than five years ahead."""
    today = clock.now().astimezone(calendar_of(team).tzinfo).date()
    last = today + timedelta(days=MOST_DAYS_AHEAD)
    far = [name for name, day in days.items() if day and not FIRST_DAY <= day <= last]
    if far:
        why = f"Choose a day from {FIRST_DAY} to {last}, five years ahead; look at the year."
        raise ValidationError(dict.fromkeys(far, why))


def _refuse_overlap(backlog: Backlog) -> None:
    others = Backlog.objects.filter(
        team=backlog.team,
        kind=Backlog.Kind.SPRINT,
        starts_on__lte=backlog.ends_on,
        ends_on__gte=backlog.starts_on,
    ).exclude(state=Backlog.State.CLOSED)
    for other in others.exclude(pk=backlog.pk):
        why = (
            f"{other.name} of {backlog.team} has some of these days"
            f" ({other.starts_on} to {other.ends_on}); choose others, or change that sprint."
        )
        raise DomainError("sprints_overlap", why)


def _refuse_closed(sprint: Sprint) -> None:
    if sprint.backlog.state == Backlog.State.CLOSED:
        raise Conflict(
            "sprint_closed", f"{sprint.backlog.name} is closed; its past stays as it is."
        )


def _refuse_frozen(
    sprint: Sprint, fields: Mapping[str, Any], subjects: Iterable[Subject] | None
) -> None:
    """What decides whether the goal was met holds from the start on."""
    if sprint.backlog.state != Backlog.State.ACTIVE:
        return
    changed = [
        words
        for name, words in (("kind", "kind"), ("target_health", "target health"))
        if name in fields and fields[name] != getattr(sprint, name)
    ]
    if subjects is not None and {s.pk for s in subjects} != set(
        sprint.subjects.values_list("subject", flat=True)
    ):
        changed.append("datasets")
    if changed:
        why = f"The {' and '.join(changed)} of a sprint stay as they were at its start."
        raise Conflict("runs", f"{why} Close or cancel it, and plan another.")


def _refuse_late_first_day(sprint: Sprint, fields: Mapping[str, Any]) -> None:
    """A sprint that runs has days from its start on at the latest, else its figures had none."""
    first, started_at = fields.get("starts_on"), sprint.backlog.started_at
    if first is None or started_at is None or first == sprint.backlog.starts_on:
        return
    started = day_of(started_at, sprint.zone)
    if first > started:
        why = f"{sprint} was started on {started}; its first day is that day or an earlier one."
        raise ValidationError({"starts_on": why})


def _set_shares(sprint: Sprint, lines: Sequence[ShareLine]) -> None:
    """Write what each can give; who is not named any more gives nothing."""
    _check_lines(sprint, lines)
    sprint.shares.all().delete()
    try:
        with transaction.atomic():
            Share.objects.bulk_create(
                Share(
                    sprint=sprint,
                    user=line.user,
                    points=line.points,
                    gpu_hours=line.gpu_hours,
                    days_off=line.gives[2],
                )
                for line in lines
            )
    except IntegrityError:
        raise ValidationError("Name each person once.") from None


def _edit_shares(sprint: Sprint, edits: Sequence[tuple[ShareLine, ShareLine]]) -> None:
    """Write the lines of some and leave all others; Conflict where one of these is no more what was
    seen."""
    _check_lines(sprint, [wanted for _, wanted in edits])
    present = {share.user_id: share for share in sprint.shares.all()}
    now = {
        pk: ShareLine(
            share.user,
            share.points,
            share.gpu_hours,
            [date.fromisoformat(day) for day in share.days_off],
        )
        for pk, share in present.items()
    }
    conflicts = []
    for seen, wanted in edits:
        theirs = now.get(wanted.user.pk, ShareLine(wanted.user))
        if theirs.gives not in (seen.gives, wanted.gives):
            conflicts.append({"base": seen, "theirs": theirs, "yours": wanted})
    if conflicts:
        why = "Somebody changed the same meanwhile. Both values are below; save the one that holds."
        raise Conflict("edit_conflict", why, conflicts=conflicts)
    for _, wanted in edits:
        points, hours, days = wanted.gives
        if points is None and hours is None and not days:
            sprint.shares.filter(user=wanted.user).delete()
        else:
            given = {"points": points, "gpu_hours": hours, "days_off": days}
            sprint.shares.update_or_create(user=wanted.user, defaults=given)


def _check_lines(sprint: Sprint, lines: Sequence[ShareLine]) -> None:
    members = set(_product(sprint).members.values_list("user_id", flat=True))
    for line in lines:
        if line.user.pk not in members:
            raise ValidationError(f"{line.user} is not a member of this product.")
        share = Share(sprint=sprint, user=line.user, points=line.points, gpu_hours=line.gpu_hours)
        share.full_clean(exclude=["sprint", "user"], validate_constraints=False)
        _check_days_off(sprint, line)


def _check_days_off(sprint: Sprint, line: ShareLine) -> None:
    first, last = sprint.backlog.starts_on, sprint.backlog.ends_on
    assert first is not None, "_check asks for both days"
    assert last is not None, "_check asks for both days"
    outside = [day for day in line.days_off if not first <= day <= last]
    if outside:
        why = f"{outside[0]} is no day of this sprint, which lasts from {first} to {last}."
        raise ValidationError({"days_off": why})


def _set_subjects(sprint: Sprint, subjects: Iterable[Subject]) -> None:
    wanted = list(dict.fromkeys(subjects))
    for subject in wanted:
        if subject.product_id != sprint.backlog.product_id:
            raise ValidationError(f"{subject} belongs to another product.")
    sprint.subjects.all().delete()
    SprintSubject.objects.bulk_create(
        SprintSubject(sprint=sprint, subject=subject, green_batches=subject.green_batches)
        for subject in wanted
    )


def _merged_subjects(
    sprint: Sprint, subjects: Iterable[Subject], seen: Iterable[int]
) -> list[Subject]:
    """What the sprint is about by now, with what the actor added, without what the actor took out
    of what was seen. Each is there or not, so two who choose at once never contradict."""
    wanted, shown = list(subjects), set(seen)
    out = shown - {subject.pk for subject in wanted}
    present = [row.subject for row in sprint.subjects.select_related("subject").order_by("pk")]
    added = [subject for subject in wanted if subject.pk not in shown]
    return [subject for subject in dict.fromkeys([*present, *added]) if subject.pk not in out]


def _copy_green_batches(sprint: Sprint) -> None:
    """What the datasets ask for as the sprint starts is what its exit asks for until it ends."""
    chosen = list(sprint.subjects.select_related("subject"))
    for row in chosen:
        row.green_batches = row.subject.green_batches
    SprintSubject.objects.bulk_update(chosen, ["green_batches"])


def _product(sprint: Sprint) -> Product:
    return sprint.backlog.product
