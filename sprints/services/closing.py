"""Closing a sprint: what becomes of each item, the gates, and the report that never changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects

from backlog.models import Actor, Backlog, Category, Finding, Item, Kind, Link, Product
from backlog.rules import trees
from backlog.services.deeds import deed
from backlog.services.extra_values import extra_of
from backlog.services.items import (
    ItemDraft,
    create_item,
    move_items,
    product_backlog,
    update_item,
)
from backlog.services.links import add_link
from backlog.services.ranks import Spot, lock_all_backlogs
from mlscrum.lib.errors import Conflict, DomainError, FieldError
from sprints.models import Sprint
from sprints.queries.closing import following_sprints
from sprints.queries.exits import Standing, standing_of
from sprints.queries.reports import report_of
from sprints.rules.splits import title_of_rest
from sprints.services.sprints import (
    create_sprint,
    let_done_stay,
    lock_team,
    locked_sprint,
    loose_tasks_of,
    unfinished_of,
    wait_for_the_last,
)

BACKLOG, NEXT, SPLIT = "backlog", "next", "split"


@dataclass(frozen=True)
class Fate:
    """What becomes of an item that is not done: `backlog`, `next`, or `split` with the points
    that were done; the rest becomes a new item at the top of the product backlog."""

    kind: str = BACKLOG
    done_points: Decimal | None = None


@dataclass(frozen=True)
class Closing:
    """How somebody wants a sprint to be closed. `fates` are by the refs of items; all others that
    are not done share `otherwise`. `override` says why it closes although gates fail. `seen` holds
    the ids of what was not done as somebody chose; None where nobody was shown a list."""

    goal_met: str
    goal_reason: str = ""
    otherwise: Fate = Fate()
    fates: Mapping[str, Fate] = field(default_factory=dict)
    next_sprint: Sprint | None = None
    override: str = ""
    seen: frozenset[int] | None = None


@dataclass(frozen=True)
class Outlook:
    """What closing would do now: nothing is written. `loose` are open tasks whose items are done
    or live elsewhere: they go to these, or to the top of the product backlog."""

    done: Sequence[Item]
    unfinished: Sequence[tuple[Item, Fate]]
    loose: Sequence[Item]
    standing: Standing
    problems: Sequence[FieldError]

    @property
    def may_close(self) -> bool:
        return not self.problems


def look_ahead(sprint: Sprint, closing: Closing) -> Outlook:
    """What `close_sprint` would do, with all that speaks against it."""
    _refuse_unless_running(sprint)
    items = unfinished_of(sprint)
    done = list(
        Item.objects.alive()
        .select_related("product", "status")
        .filter(backlog=sprint.backlog, status__category=Category.DONE)
        .exclude(kind=Kind.TASK)
        .order_by("rank")
    )
    standing = standing_of(sprint)
    problems = list(_problems(sprint, closing, items, standing))
    fates = [(item, _fate(closing, item)) for item in items]
    return Outlook(done, fates, loose_tasks_of(sprint), standing, problems)


def close_sprint(sprint: Sprint, closing: Closing, *, actor: Actor) -> Sprint:
    """Close a running sprint: every item that is not done goes where it should, what is done
    stays, and the report is written down for good. All of it or nothing.

    Raises DomainError `cant_close` (422) naming each choice that can't be, the goal of a data
    assessment that is called met too early among them; `gates` (409) where gates fail and no
    reason to close all the same is given; and Conflict where somebody else closed it, or where
    something else is not done now than what was seen.
    """
    product = sprint.backlog.product
    with deed(product, actor, "sprint.closed") as done:
        lock_all_backlogs(product)
        fresh = locked_sprint(sprint)
        ahead = look_ahead(fresh, closing)
        _refuse_unseen(ahead, closing)
        _refuse(ahead)
        backlog = fresh.backlog
        wait_for_the_last(backlog, done)
        fresh.goal_met, fresh.goal_reason = closing.goal_met, closing.goal_reason.strip()
        fresh.override_reason = closing.override.strip()
        fresh.closed_by = actor.user
        fates = {item.pk: fate for item, fate in ahead.unfinished}
        split = [
            (item, _split(item, fates[item.pk], actor=actor))
            for item, fate in ahead.unfinished
            if fate.kind == SPLIT
        ]
        backlog.closed_at = done.at
        fresh.report = report_of(
            fresh,
            standing=ahead.standing,
            fates={item.ref: fate.kind for item, fate in ahead.unfinished},
            rests={item.ref: rest for item, rest in split},
        )
        _carry(fresh, ahead.unfinished, closing, actor=actor)
        let_done_stay(fresh, done)
        backlog.state = Backlog.State.CLOSED
        backlog.save(update_fields=["state", "closed_at"])
        fresh.save(
            update_fields=["goal_met", "goal_reason", "override_reason", "closed_by", "report"]
        )
        done.data |= {
            "sprint": fresh.pk,
            "name": backlog.name,
            "goal_met": fresh.goal_met,
            "override": fresh.override_reason,
        }
    return fresh


def plan_following(sprint: Sprint, *, actor: Actor) -> tuple[Sprint, bool]:
    """The planned sprint of its team that comes next, and whether it was made now: by the cadence,
    where there was none.

    Raises what `create_sprint` raises.
    """
    product, team = sprint.backlog.product, sprint.backlog.team
    assert team is not None, "a constraint gives every sprint a team"
    with deed(product, actor, "sprint.created") as done:
        lock_team(team)
        found = following_sprints(sprint).filter(backlog__team=team).first()
        if found is not None:
            done.nothing_happened()
            return found, False
        return create_sprint(team, actor=actor), True


# What speaks against it --------------------------------------------------------------------------


def _refuse_unless_running(sprint: Sprint) -> None:
    backlog = sprint.backlog
    if backlog.state == Backlog.State.CLOSED:
        who = f" by {sprint.closed_by}" if sprint.closed_by else ""
        raise Conflict("already_closed", f"{backlog.name} was closed{who} meanwhile; look again.")
    if backlog.state != Backlog.State.ACTIVE:
        raise Conflict("not_started", f"{backlog.name} has not started; start or delete it.")


def _problems(
    sprint: Sprint, closing: Closing, items: Sequence[Item], standing: Standing
) -> Iterable[FieldError]:
    if closing.goal_met not in Sprint.GoalMet.values:
        yield FieldError("/goal_met", "invalid", "Say whether the goal was met: yes, partly or no.")
    elif closing.goal_met != Sprint.GoalMet.YES and not closing.goal_reason.strip():
        yield FieldError("/goal_reason", "required", "Say why the goal was not met in full.")
    if closing.goal_met == Sprint.GoalMet.YES and standing.exit_reasons:
        said = " ".join(standing.exit_reasons)
        yield FieldError("/goal_met", "exit", f"The goal can't be called met yet: {said}")
    if standing.gate_reasons and not closing.override.strip():
        said = "; ".join(reason.message.rstrip(".") for reason in standing.gate_reasons)
        yield FieldError(
            "/override", "gates", f"Gates fail: {said}. Say why it closes all the same."
        )
    refs = {item.ref: item for item in items}
    for ref in closing.fates:
        if ref not in refs:
            why = f"{ref} is not among what is not done in this sprint."
            yield FieldError(f"/unfinished/{ref}", "not_unfinished", why)
    product = sprint.backlog.product
    if any(_fate(closing, item).kind == SPLIT for item in items):
        prefetch_related_objects([product], "extra_fields")
    for item in items:
        yield from _problems_of(product, item, _fate(closing, item))
    yield from _problems_of_next(sprint, closing, items)


def _problems_of(product: Product, item: Item, fate: Fate) -> Iterable[FieldError]:
    where = f"/unfinished/{item.ref}"
    if fate.kind not in {BACKLOG, NEXT, SPLIT}:
        yield FieldError(where, "invalid", f"{item.ref}: choose backlog, next or split.")
    if fate.kind != SPLIT:
        return
    if item.points is None or not trees.bears_points(item.kind):
        yield FieldError(where, "no_points", f"{item.ref} has no points to split; estimate it.")
    elif fate.done_points is None or not 0 < fate.done_points < item.points:
        why = f"{item.ref}: of its {item.points.normalize():f} points some, not all, are done."
        yield FieldError(f"{where}/split/done_points", "invalid", why)
    try:
        extra_of(product, [item.extra])
    except ValidationError as error:
        said = " ".join(error.messages)
        why = f"{item.ref} can't be split while a field of it holds what it may not: {said}"
        yield FieldError(where, "extra", f"{why} Mend it there, or send it on whole.")


def _problems_of_next(
    sprint: Sprint, closing: Closing, items: Sequence[Item]
) -> Iterable[FieldError]:
    if all(_fate(closing, item).kind != NEXT for item in items):
        return
    following = closing.next_sprint
    if following is None:
        yield FieldError("/next_sprint", "required", "Say which sprint is the next, or plan one.")
    elif following.backlog.product_id != sprint.backlog.product_id or following.pk == sprint.pk:
        yield FieldError("/next_sprint", "invalid", "Choose another sprint of this product.")
    elif following.backlog.state == Backlog.State.CLOSED:
        yield FieldError("/next_sprint", "closed", f"{following} is closed; choose another.")


def _refuse(ahead: Outlook) -> None:
    gates = [problem for problem in ahead.problems if problem.code == "gates"]
    others = [problem for problem in ahead.problems if problem.code != "gates"]
    if others:
        raise DomainError("cant_close", others[0].detail, errors=others)
    if gates:
        raise DomainError(
            "gates",
            gates[0].detail,
            errors=gates,
            status=409,
            gates=[
                {"subject": r.subject.slug, "code": r.code, "message": r.message}
                for r in ahead.standing.gate_reasons
            ],
        )


def change_since(seen: Collection[int], items: Sequence[Item]) -> str:
    """What came to the items that are not done or left them since those of the ids in `seen` were
    shown, as a sentence for who saw those; empty where they are the same."""
    come = [item.ref for item in items if item.pk not in seen]
    gone = set(seen) - {item.pk for item in items}
    said = []
    if come:
        said.append(f"{_list(come)} came in or {'is' if len(come) == 1 else 'are'} open again")
    if gone:
        many = "an item was" if len(gone) == 1 else f"{len(gone)} items were"
        said.append(f"{many} finished or left the sprint")
    if not said:
        return ""
    return f"Since you opened this page {' and '.join(said)}. Look again, then close."


def _refuse_unseen(ahead: Outlook, closing: Closing) -> None:
    """Nobody decides about a list that has changed since it was shown."""
    if closing.seen is None:
        return
    why = change_since(closing.seen, [item for item, _ in ahead.unfinished])
    if why:
        raise Conflict("list_changed", why)


def _list(refs: Sequence[str]) -> str:
    return refs[0] if len(refs) == 1 else f"{', '.join(refs[:-1])} and {refs[-1]}"


def _fate(closing: Closing, item: Item) -> Fate:
    return closing.fates.get(item.ref, closing.otherwise)


# What becomes of the items -----------------------------------------------------------------------


def _split(item: Item, fate: Fate, *, actor: Actor) -> Item:
    """What was done stays as the item, done; the rest is a new item with the tasks left over."""
    assert item.points is not None, "_problems_of asks for points"
    assert fate.done_points is not None, "_problems_of asks for the points done"
    # Who has left the product and an epic in the trash stay with the item: no new one gets them.
    members = item.product.members.values("user")
    parent = item.parent if item.parent and item.parent.deleted_at is None else None
    rest = create_item(
        item.product,
        ItemDraft(
            title=title_of_rest(item.title),
            kind=item.kind,
            description=item.description,
            points=item.points - fate.done_points,
            parent=parent,
            assignees=list(item.assignees.filter(pk__in=members)),
            labels=list(item.labels.all()),
            criteria=[(row["text"], False) for row in item.criteria if not row.get("is_met")],
            due_date=item.due_date,
            blocked_reason=item.blocked_reason,
            gpu_hours=item.gpu_hours,
            extra=item.extra,
        ),
        actor=actor,
        spot=Spot.top(),
    )
    left = item.children.alive().filter(kind=Kind.TASK).exclude(status__category=Category.DONE)
    for task in left.select_related("product", "status", "backlog"):
        update_item(task, actor=actor, parent=rest)
    # What the evidence still says is about the rest: red must not reopen what was finished.
    item.findings.exclude(state__in=[Finding.State.RESOLVED, Finding.State.OBSOLETE]).update(
        item=rest
    )
    finished = item.product.statuses.filter(category=Category.DONE).order_by("position").first()
    update_item(item, actor=actor, points=fate.done_points, status=finished)
    add_link(rest, Link.Kind.RELATES, item, actor=actor)
    return rest


def _carry(
    sprint: Sprint,
    unfinished: Sequence[tuple[Item, Fate]],
    closing: Closing,
    *,
    actor: Actor,
) -> None:
    product: Product = sprint.backlog.product
    back = [item for item, fate in unfinished if fate.kind == BACKLOG]
    on = [item for item, fate in unfinished if fate.kind == NEXT]
    if back:
        move_items(product, back, actor=actor, spot=Spot.top(), to=product_backlog(product))
    if on:
        assert closing.next_sprint is not None, "_problems_of_next asks for one"
        home = closing.next_sprint.backlog
        move_items(product, on, actor=actor, spot=Spot.top(), to=home)
