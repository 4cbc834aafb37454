"""Deeds on items: create, edit, move, comment, throw away and bring back."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, Value, prefetch_related_objects
from django.db.models.functions import Greatest

from backlog.models import (
    Actor,
    ActorKind,
    Backlog,
    Category,
    Comment,
    Finding,
    Item,
    Kind,
    Label,
    Notification,
    Product,
    Status,
    Stay,
    Transition,
    User,
)
from backlog.queries.items import EXTRA, PLAIN, SETS, plain, values_of
from backlog.queries.trash import KEPT_FOR
from backlog.rules import trees
from backlog.services.deeds import Deed, deed
from backlog.services.extra_values import extra_of
from backlog.services.finding_history import note_transitions
from backlog.services.notifications import News, people_mentioned, tell, tell_watchers, watch
from backlog.services.ranks import (
    ABOVE,
    Spot,
    keys_for,
    lock_all_backlogs,
    lock_backlogs,
    note_places,
    place_of,
)
from backlog.services.rows import PLACE, write_items
from backlog.services.search import index_items, index_new, index_written
from mlscrum.lib.errors import Conflict, DomainError

MOST_CRITERIA = 100
LONGEST_CRITERION = 500
Criteria = Sequence[tuple[str, bool]]
# What is added to a set of each item, and what is removed from it, by the name of the set.
Steps = Mapping[str, tuple[Sequence[Any], Sequence[Any]]]


@dataclass(frozen=True)
class ItemDraft:
    """An item as somebody wants it; the number and the rank are given by the service."""

    title: str
    kind: str = Kind.STORY
    description: str = ""
    points: Decimal | None = None
    status: Status | None = None
    parent: Item | None = None
    assignees: Sequence[User] = ()
    labels: Sequence[Label] = ()
    criteria: Criteria = ()
    due_date: date | None = None
    blocked_reason: str = ""
    gpu_hours: Decimal | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    external_source: str = ""
    external_id: str = ""
    external_url: str = ""
    under: int | None = None  # the place, among those made with it, of the draft it stands under


def create_item(
    product: Product,
    draft: ItemDraft,
    *,
    actor: Actor,
    backlog: Backlog | None = None,
    spot: Spot | None = None,
) -> Item:
    """One item; see create_items."""
    return create_items(product, [draft], actor=actor, backlog=backlog, spot=spot)[0]


def create_items(
    product: Product,
    drafts: Sequence[ItemDraft],
    *,
    actor: Actor,
    backlog: Backlog | None = None,
    spot: Spot | None = None,
    quietly: bool = False,
) -> list[Item]:
    """Items in the given order, by default at the bottom of the product backlog.

    A task goes to the bottom of its parent's backlog instead. `quietly`, nobody is told of what
    is assigned to them and the actor watches nothing of it. All or none. Raises ValidationError
    for bad fields and DomainError for a closed backlog.
    """
    if not drafts:
        return []
    backlog = backlog or product_backlog(product)
    with deed(product, actor, "item.created") as done:
        homes = _locked_homes(product, drafts, backlog)
        _refuse_trashed_parents([draft.parent for draft in drafts if draft.parent])
        _check_members(product, [user for draft in drafts for user in draft.assignees])
        _check_labels(product, [label for draft in drafts for label in draft.labels])
        extra = extra_of(product, [draft.extra for draft in drafts])
        first = take_numbers(product, len(drafts))
        first_status = product.statuses.filter(category=Category.TODO).first()
        items: list[Item] = []
        for number, (draft, home, values) in enumerate(
            zip(drafts, homes, extra, strict=True), start=first
        ):
            parent = draft.parent if draft.under is None else items[draft.under]
            items.append(
                _drafted(product, draft, parent, home, number, actor, first_status, values)
            )
        for home in dict.fromkeys(homes):
            _refuse_closed(home)
            coming = [item for item in items if item.backlog_id == home.pk]
            place = spot if spot and home == backlog else Spot.bottom()
            for item, key in zip(coming, keys_for(home, place, len(coming)), strict=True):
                item.rank = key
        _insert(items)
        note_places(items)
        _hang_on(items, drafts, None if quietly else actor.user)
        Stay.objects.bulk_create(
            Stay(item=item, backlog=item.backlog, entered_at=done.at) for item in items
        )
        Transition.objects.bulk_create(transition_of(item, done.at) for item in items)
        index_new(items)
        for item in items:
            done.change(item, "created", None, item.title)
        about(done, items)
        assigned = [
            News(item, user, Notification.Kind.ASSIGNED)
            for item, draft in zip(items, drafts, strict=True)
            for user in draft.assignees
        ]
        tell(product, [] if quietly else assigned, actor=actor, at=done.at)
    return items


def update_item(
    item: Item,
    *,
    actor: Actor,
    base_version: int | None = None,
    exact_version: int | None = None,
    **fields: Any,
) -> Item:
    """Change fields of an item: any of its draft but the external source and id.

    `extra` holds values of the product's own fields by slug; others stay. With `base_version`,
    what others changed since in other fields stays; the same field raises Conflict with both
    values. With `exact_version`, any later change raises status 412. Changes of status and points
    leave a Transition. A task goes to the backlog of its new parent. What becomes an epic or a
    task loses its points, save where some are sent; what a running sprint counts becomes neither,
    nor does a task there become anything else. Raises ValidationError for bad fields.
    """
    leaves_past = "status" in fields and item.backlog.state == Backlog.State.CLOSED
    versions = base_version, exact_version
    if not (leaves_past or {"parent", "kind"} & set(fields)):
        with suppress(_LeftError):
            return _update(item, fields, versions, actor, locks_all=False)
    return _update(item, fields, versions, actor, locks_all=True)


class _LeftError(Exception):
    """An item has left the backlog that it was read in, or that has closed: lock all of them."""


def _update(
    item: Item,
    fields: Mapping[str, Any],
    versions: tuple[int | None, int | None],
    actor: Actor,
    *,
    locks_all: bool,
) -> Item:
    """Raises _LeftError, with nothing done, where one lock would be too few."""
    with deed(item.product, actor, "item.updated", item=item) as done:
        if locks_all:
            lock_all_backlogs(item.product)
        else:
            lock_backlogs(item.backlog)
        fresh = _locked(item)
        leaves_past = "status" in fields and fresh.backlog.state == Backlog.State.CLOSED
        if not locks_all and (leaves_past or fresh.backlog_id != item.backlog_id):
            raise _LeftError
        refuse_trashed(fresh)
        _check_versions(fresh, _flat(fresh, fields), *versions)
        if not _edit([fresh], fields, done, actor):
            done.nothing_happened()
    return fresh


def edit_items(
    product: Product,
    items: Sequence[Item],
    *,
    actor: Actor,
    add_labels: Sequence[Label] = (),
    remove_labels: Sequence[Label] = (),
    add_assignees: Sequence[User] = (),
    remove_assignees: Sequence[User] = (),
    in_trash: bool = False,
    **fields: Any,
) -> list[Item]:
    """The same change of many items, as `update_item` makes one: all or none, in one deed.

    Labels and people can be added and removed beside those that each item has. Returns the items
    that changed. Raises ValidationError naming the first item that can't be changed so, and
    Conflict for one in the trash, save `in_trash`: for what the product itself loses.
    """
    if not items:
        return []
    with deed(product, actor, "items.updated") as done:
        lock_all_backlogs(product)
        locked = list(
            Item.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product", "status", "backlog", "parent__product")
            .prefetch_related("assignees", "labels")
            .filter(product=product, pk__in=[item.pk for item in items])
            .order_by("pk")
        )
        _refuse_moved_on(items, locked)
        shared = locked[0].product  # one for all, so that its fields are read once
        if "extra" in fields:
            prefetch_related_objects([shared], "extra_fields")
        for item in locked:
            item.product = shared
            if not in_trash:
                refuse_trashed(item)
        given: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {
            "labels": (add_labels, remove_labels),
            "assignees": (add_assignees, remove_assignees),
        }
        steps = {name: step for name, step in given.items() if any(step)}
        changed = _edit(locked, fields, done, actor, steps=steps)
        if not changed:
            done.nothing_happened()
        about(done, changed)
    return changed


def edit_each(
    product: Product, edits: Sequence[tuple[Item, Mapping[str, Any]]], *, actor: Actor
) -> list[Item]:
    """Changes of many items, each its own: all or none, in one deed, and nobody is told of them.

    As few statements as `edit_items` takes. Kind and parent can't be changed so. Returns the
    items that changed. Raises ValidationError naming the first item that can't be changed so.
    """
    if not edits:
        return []
    with deed(product, actor, "items.updated") as done:
        lock_all_backlogs(product)
        prefetch_related_objects([product], "extra_fields")
        locked = {
            item.pk: item
            for item in Item.objects.select_for_update(no_key=True, of=("self",))
            .select_related("status", "backlog", "parent__product")
            .prefetch_related("assignees", "labels")
            .filter(product=product, pk__in=[item.pk for item, _ in edits])
            .order_by("pk")
        }
        _refuse_moved_on([item for item, _ in edits], locked.values())
        _check_members(
            product,
            [
                user
                for item, sent in edits
                for user in sent.get("assignees", ())
                if user not in locked[item.pk].assignees.all()
            ],
        )
        _check_labels(product, [label for _, sent in edits for label in sent.get("labels", ())])
        changed = []
        for item, sent in edits:
            if unknown := set(sent) - ({*PLAIN, *SETS, "extra"} - {"kind", "parent"}):
                raise ValidationError(dict.fromkeys(unknown, "This can't be changed so."))
            fresh = locked[item.pk]
            fresh.product = product
            refuse_trashed(fresh)
            try:
                edit = edited(fresh, _flat(fresh, sent), done)
            except ValidationError as error:
                raise _naming(fresh, error) from None
            if edit is not None:
                changed.append(edit)
        write_edits(product, changed, done, actor, quietly=True)
        about(done, [edit.item for edit in changed])
        if not changed:
            done.nothing_happened()
    return [edit.item for edit in changed]


def _locked(item: Item) -> Item:
    """The item as it is now, locked, with what a change of it looks at."""
    found: Item | None = (
        Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("status", "backlog", "parent")
        .filter(product=item.product_id, pk=item.pk)
        .first()
    )
    if found is None:
        raise _moved_on(item)
    found.product = item.product
    if found.parent is not None and found.parent.product_id == item.product_id:
        found.parent.product = item.product
    return found


def _edit(
    items: Sequence[Item],
    fields: Mapping[str, Any],
    done: Deed,
    actor: Actor,
    *,
    steps: Steps = MappingProxyType({}),
) -> list[Item]:
    """Change locked items and write them, in a number of statements that does not grow."""
    product = items[0].product
    _check_sent(product, items, fields, steps)
    changed: list[Edited] = []
    for item in items:
        try:
            edit = edited(item, _stepped(item, _flat(item, fields), steps), done)
        except ValidationError as error:
            raise _naming(item, error) if len(items) > 1 else error from None
        if edit is not None:
            changed.append(edit)
    write_edits(product, changed, done, actor)
    return [edit.item for edit in changed]


@dataclass(frozen=True)
class Edited:
    """An item with new values: which fields changed, and what its sets were and shall be."""

    item: Item
    names: frozenset[str]
    sent: Mapping[str, Any]
    before: Mapping[str, Any]


def edited(item: Item, sent: Mapping[str, Any], done: Deed) -> Edited | None:
    """A locked item with these values put in, not written yet; None where it had them all.

    Raises ValidationError for values that it can't bear.
    """
    sent = _without_points(item, sent)
    before, category = values_of(item, sent), item.status.category
    _put(item, sent)
    after = values_of(item, sent, given=sent)
    names = frozenset(name for name in after if after[name] != before[name])
    if not names:
        return None
    item.version += 1
    item.updated_at = done.at
    _note_done(item, done, before_category=category)
    for name in after:
        if name in names:
            done.change(item, name, before[name], after[name])
    return Edited(item, names, sent, before)


def write_edits(
    product: Product,
    changed: Sequence[Edited],
    done: Deed,
    actor: Actor,
    *,
    quietly: bool = False,
) -> None:
    """Write edited items with all that follows from it, in a number of statements that does not
    grow; `quietly` tells nobody."""
    if not changed:
        return
    _write_rows(changed)
    for name in SETS:
        _write_set(name, [edited for edited in changed if name in edited.names])

    def with_any(*names: str) -> list[Item]:
        return [edited.item for edited in changed if edited.names & set(names)]

    Transition.objects.bulk_create(
        transition_of(item, done.at) for item in with_any("status", "points")
    )
    index_written(with_any("title", "description"))
    for status in {item.status for item in with_any("status")}:
        await_evidence(
            [item for item in with_any("status") if item.status_id == status.pk], status, actor
        )
    for item in with_any("parent", "kind"):
        _join_parent(item, done)
    leave_past(product, with_any("status"), done)
    news = [
        News(edited.item, user, Notification.Kind.ASSIGNED)
        for edited in changed
        if "assignees" in edited.names
        for user in edited.sent["assignees"]
        if user.email not in edited.before["assignees"]
    ]
    watch((one.item, one.user) for one in news)
    if not quietly:
        tell(product, news, actor=actor, at=done.at)
        tell_watchers(product, with_any("status"), actor=actor, at=done.at)


def _write_rows(changed: Sequence[Edited]) -> None:
    """Write what changed of the items' own rows."""
    names = {name for edited in changed for name in edited.names if name in PLAIN}
    if any(name.startswith(EXTRA) for edited in changed for name in edited.names):
        names.add("extra")
    if "status" in names:
        names.add("done_at")
    write_items([edited.item for edited in changed], sorted(names | {"version", "updated_at"}))


def _write_set(name: str, changed: Sequence[Edited]) -> None:
    """Replace what the items have in one of their sets, in two statements."""
    if not changed:
        return
    through = getattr(Item, name).through
    other = "user" if name == "assignees" else "label"
    through.objects.filter(item__in=[edited.item.pk for edited in changed]).delete()
    through.objects.bulk_create(
        through(item=edited.item, **{other: member})
        for edited in changed
        for member in edited.sent[name]
    )
    for edited in changed:
        getattr(edited.item, "_prefetched_objects_cache", {}).pop(name, None)


def _stepped(item: Item, sent: dict[str, Any], steps: Steps) -> dict[str, Any]:
    """With the sets of the item as they are after what is added to them and removed."""
    for name, (added, removed) in steps.items():
        kept = [member for member in getattr(item, name).all() if member not in removed]
        sent = {**sent, name: list(dict.fromkeys([*kept, *added]))}
    return sent


def _without_points(item: Item, sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let the points go where the item becomes of a kind that bears none: whoever changes the
    kind alone, as in a cell of a list, has no field there to empty."""
    kind = sent.get("kind", item.kind)
    if kind == item.kind or item.points is None or "points" in sent or trees.bears_points(kind):
        return sent
    return {**sent, "points": None}


def _naming(item: Item, error: ValidationError) -> ValidationError:
    """The same error, saying of which item it is."""
    if not hasattr(error, "error_dict"):
        return ValidationError([f"{item.ref}: {text}" for text in error.messages])
    return ValidationError(
        {name: [f"{item.ref}: {text}" for text in texts] for name, texts in
         error.message_dict.items()}
    )  # fmt: skip


def move_items(
    product: Product,
    items: Sequence[Item],
    *,
    actor: Actor,
    spot: Spot,
    to: Backlog | None = None,
) -> list[Item]:
    """Bring items, in the given order, to a spot of a backlog (by default the one they are in).

    Tasks follow their parent, and leave its backlog with it alone; done tasks stay behind in a
    sprint. One row is written per item that moves, and a Stay wherever the backlog changes.
    Raises Conflict where the anchor has left the backlog or moves along, where a task would leave
    its parent, where something done would leave a closed sprint, and for a closed backlog.
    """
    if not items:
        return []
    target = to or items[0].backlog
    with deed(product, actor, "item.moved") as done:
        locked = lock_backlogs(target, *(item.backlog for item in items))
        if target.pk not in locked:
            raise Conflict("backlog_gone", f"{target.name} was deleted meanwhile; look again.")
        home = locked[target.pk]
        _refuse_closed(home)
        moving = _with_tasks(items, locked.keys(), home)
        _refuse_moving_anchor(spot, moving)
        _refuse_leaving_parent(moving, home)
        _refuse_leaving_past(moving, home)
        before = {item.pk: place_of(item) for item in moving}
        keys = keys_for(home, spot, len(moving))
        enter(home, [item for item in moving if item.backlog_id != home.pk], done)
        for item, key in zip(moving, keys, strict=True):
            item.rank = key
        write_items(moving, PLACE)
        note_places(moving, before)
        done.data["place"] = spot.where
        if spot.anchor is not None:
            done.data["anchor"] = spot.anchor.ref
        about(done, moving)
    return moving


def comment(item: Item, text: str, *, actor: Actor) -> Comment:
    """Say something on an item. Raises ValidationError for an empty or too long text."""
    refuse_trashed(item)
    said = Comment(item=item, author=actor.user, text=text.strip())
    said.full_clean()
    with deed(item.product, actor, "item.commented", item=item) as done:
        lock_backlogs(item.backlog)
        said.save()
        index_items([item.pk])
        mentioned = people_mentioned(item.product, said.text)
        news = [News(item, user, Notification.Kind.MENTION, said) for user in mentioned]
        news += [
            News(item, user, Notification.Kind.COMMENT, said)
            for user in item.watchers.all()
            if user not in mentioned
        ]
        tell(item.product, news, actor=actor, at=done.at)
        watch((item, user) for user in {*mentioned, *([actor.user] if actor.user else [])})
    return said


def trash_item(item: Item, *, actor: Actor, exact_version: int | None = None) -> Item:
    """Put an item into the trash: it leaves its backlog, keeps its ref, and can come back.

    With `exact_version`, any later change raises status 412.
    """
    with suppress(_LeftError):
        return _trash(item, exact_version, actor, locks_all=False)
    return _trash(item, exact_version, actor, locks_all=True)


def _trash(item: Item, exact_version: int | None, actor: Actor, *, locks_all: bool) -> Item:
    """Raises _LeftError, with nothing done, where one lock would be too few."""
    with deed(item.product, actor, "item.deleted", item=item) as done:
        if locks_all:
            lock_all_backlogs(item.product)
        else:
            lock_backlogs(item.backlog)
        (fresh,) = _locked_to_leave(item.product, [item])
        if not locks_all and fresh.backlog_id != item.backlog_id:
            raise _LeftError
        refuse_trashed(fresh)
        _check_versions(fresh, {}, None, exact_version)
        put_into_trash([fresh], done)
    return fresh


def trash_items(product: Product, items: Sequence[Item], *, actor: Actor) -> list[Item]:
    """Put many items into the trash in one deed: all or none, in few statements.

    Their open findings keep watching: the next red brings the item back. Raises Conflict naming
    the first that lies in the trash already.
    """
    if not items:
        return []
    with deed(product, actor, "items.deleted") as done:
        lock_all_backlogs(product)
        locked = _locked_to_leave(product, items)
        for item in locked:
            refuse_trashed(item)
        put_into_trash(locked, done)
        about(done, locked)
    return locked


def put_into_trash(items: Sequence[Item], done: Deed, *, quietly: bool = False) -> None:
    """Let locked items, read with the item above them, leave for the trash; `quietly` tells
    nobody."""
    before = {item.pk: place_of(item) for item in items}
    for item in items:
        item.deleted_at, item.rank, item.updated_at = done.at, None, done.at
        item.version += 1
        done.change(item, "deleted", False, True)
    write_items(items, ["deleted_at", "rank", "version", "updated_at"])
    close_stays(items, done.at, Stay.Outcome.DELETED)
    note_places(items, before)
    if not quietly:
        tell_watchers(done.product, items, actor=done.actor, at=done.at)


def restore_item(item: Item, *, actor: Actor) -> Item:
    """Bring an item back from the trash, to the top of the product backlog, or a task to the top
    of its parent's. Its open tasks follow it there. What was done in a sprint that has closed
    comes back into that sprint, where it counted, and its open tasks stay where they are.

    Findings that were muted as it went into the trash are open again. Raises Conflict for what
    was deleted more than 30 days ago.
    """
    with deed(item.product, actor, "item.restored", item=item) as done:
        lock_all_backlogs(item.product)
        (fresh,) = _locked_to_leave(item.product, [item])
        if not _restore(item.product, [fresh], done):
            done.nothing_happened()
    return fresh


def restore_items(product: Product, items: Sequence[Item], *, actor: Actor) -> list[Item]:
    """Bring many items back, in the given order, as `restore_item` brings one: in one deed.

    Returns those that came back; what was there already stays where it is.
    """
    if not items:
        return []
    with deed(product, actor, "items.restored") as done:
        lock_all_backlogs(product)
        order = {item.pk: place for place, item in enumerate(items)}
        locked = sorted(_locked_to_leave(product, items), key=lambda item: order[item.pk])
        back = _restore(product, locked, done)
        if not back:
            done.nothing_happened()
        about(done, back)
    return back


def _locked_to_leave(product: Product, items: Sequence[Item]) -> list[Item]:
    """The items locked in the order of their ids, each with the item above it and its parent."""
    locked = list(
        Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "backlog", "status", "parent__backlog")
        .annotate(above=ABOVE)
        .filter(product=product, pk__in=[item.pk for item in items])
        .order_by("pk")
    )
    _refuse_moved_on(items, locked)
    return locked


def _restore(product: Product, items: Sequence[Item], done: Deed) -> list[Item]:
    back = [item for item in items if item.deleted_at is not None]
    if not back:
        return []
    _refuse_gone(back, done.at)
    top = product_backlog(product)
    past = done_in_past(back)
    homes = {
        item.pk: item.backlog if item.pk in past else _parents_home(item) or top for item in back
    }
    for home in dict.fromkeys(homes.values()):
        coming = [item for item in back if homes[item.pk] == home]
        for item, key in zip(coming, keys_for(home, Spot.top(), len(coming)), strict=True):
            item.backlog, item.rank = home, key
    for item in back:
        item.deleted_at, item.updated_at = None, done.at
        item.version += 1
        done.change(item, "deleted", True, False)
    write_items(back, [*PLACE, "deleted_at"])
    Stay.objects.bulk_create(
        Stay(item=item, backlog=item.backlog, entered_at=done.at)
        for item in back
        if item.pk not in past
    )
    note_places(back)
    _bring_tasks([item for item in back if item.pk not in past], done)
    opened = open_muted_with(back, done.at)
    if opened:
        done.data["opened"] = opened
    return back


def done_in_past(items: Sequence[Item]) -> set[int]:
    """The ids of those that were done in the sprint they lie in as it closed, and are still: they
    count there for good, so nothing brings them where they would count again."""
    past = [
        item
        for item in items
        if item.backlog.state == Backlog.State.CLOSED and item.status.category == Category.DONE
    ]
    if not past:
        return set()
    counted = Stay.objects.filter(item__in=past, outcome=Stay.Outcome.DONE)
    there = set(counted.values_list("item", "backlog"))
    return {item.pk for item in past if (item.pk, item.backlog_id) in there}


def _bring_tasks(parents: Sequence[Item], done: Deed) -> None:
    """Open tasks that live elsewhere follow their items, and stand next below them."""
    by_id = {item.pk: item for item in parents}
    tasks = (
        Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "status", "backlog")
        .annotate(above=ABOVE)
        .filter(kind=Kind.TASK, parent__in=by_id, deleted_at__isnull=True)
        .exclude(status__category=Category.DONE)
        .order_by("pk")
    )
    strayed: dict[int, list[Item]] = {}
    for task in sorted(tasks, key=lambda task: task.rank or ""):
        if task.backlog_id != by_id[task.parent_id or 0].backlog_id:
            strayed.setdefault(task.parent_id or 0, []).append(task)
    for pk, followers in strayed.items():
        parent = by_id[pk]
        before = {task.pk: place_of(task) for task in followers}
        keys = keys_for(parent.backlog, Spot.after(parent), len(followers))
        enter(parent.backlog, followers, done)
        for task, key in zip(followers, keys, strict=True):
            task.rank = key
        write_items(followers, PLACE)
        note_places(followers, before)


def open_muted_with(items: Sequence[Item], at: datetime) -> list[int]:
    """Open the findings that were muted as these items went into the trash: they come back.

    Returns their ids.
    """
    muted = Finding.objects.filter(item__in=[item.pk for item in items], muted_with_item=True)
    ids = list(muted.values_list("pk", flat=True))
    if ids:
        Finding.objects.filter(pk__in=ids).update(
            state=Finding.State.OPEN, muted_until=None, muted_cap=None, muted_with_item=False
        )
        note_transitions(Finding.objects.filter(pk__in=ids), at)
    return ids


def set_status(items: Sequence[Item], status: Status | None, done: Deed) -> list[Item]:
    """Give locked items a status, however many in two statements; those that changed.

    Those that have it stay as they are, and so do all where there is no such status.
    """
    going = [item for item in items if status is not None and item.status_id != status.pk]
    if status is None or not going:
        return []
    for item in going:
        before = item.status
        item.status, item.updated_at = status, done.at
        item.version += 1
        _note_done(item, done, before_category=before.category)
        done.change(item, "status", before.slug, status.slug)
    write_items(going, ["status", "done_at", "version", "updated_at"])
    Transition.objects.bulk_create(transition_of(item, done.at) for item in going)
    return going


def await_evidence(items: Sequence[Item], status: Status, actor: Actor) -> None:
    """A person who finishes items whose findings are open waits for the evidence to agree."""
    if actor.kind == ActorKind.SYSTEM or not items:
        return
    Finding.objects.filter(
        item__in=[item.pk for item in items], state__in=[Finding.State.OPEN, Finding.State.MUTED]
    ).update(awaiting_evidence=status.category == Category.DONE, recovered=False)


def product_backlog(product: Product) -> Backlog:
    """The one product backlog."""
    return product.backlogs.get(kind=Backlog.Kind.PRODUCT)


def inbox(product: Product) -> Backlog:
    """Where filed items wait for the product owner."""
    return product.backlogs.get(kind=Backlog.Kind.INBOX)


def _drafted(
    product: Product,
    draft: ItemDraft,
    parent: Item | None,
    home: Backlog,
    number: int,
    actor: Actor,
    first_status: Status | None,
    extra: dict[str, Any],
) -> Item:
    status = draft.status or first_status
    if status is None:
        raise DomainError("bad_workflow", "The workflow has no status to begin with.")
    item = Item(
        product=product,
        number=number,
        kind=draft.kind,
        title=" ".join(draft.title.split()),
        description=draft.description,
        points=draft.points,
        status=status,
        parent=parent,
        backlog=home,
        created_by=actor.user,
        due_date=draft.due_date,
        blocked_reason=draft.blocked_reason.strip(),
        gpu_hours=draft.gpu_hours,
        criteria=kept_criteria(draft.criteria),
        extra=extra,
        external_source=draft.external_source,
        external_id=draft.external_id,
        external_url=draft.external_url,
    )
    _check(item)
    return item


def _insert(items: Sequence[Item]) -> None:
    """Insert items; raises Conflict where one of their external ids is taken."""
    # Only what can be taken needs a savepoint, which costs two statements.
    is_from_outside = any(item.external_id for item in items)
    try:
        with transaction.atomic() if is_from_outside else nullcontext():
            waiting = list(items)
            while waiting:  # parents first, and what stands under them when they have an id
                later = [item for item in waiting if item.parent and not item.parent.pk]
                Item.objects.bulk_create(
                    item for item in waiting if item.parent is None or item.parent.pk
                )
                waiting = later
    except IntegrityError as error:
        if "external" not in str(error):
            raise
        raise Conflict(
            "external_id_taken",
            "An item of this external source and id is there already; PUT changes it.",
        ) from None


def _hang_on(items: Sequence[Item], drafts: Sequence[ItemDraft], maker: User | None) -> None:
    """Assignees, labels and first watchers of new items, one statement each."""
    pairs = list(zip(items, drafts, strict=True))
    assigned, labelled = Item.assignees.through, Item.labels.through
    assigned.objects.bulk_create(assigned(item=i, user=u) for i, d in pairs for u in d.assignees)
    labelled.objects.bulk_create(labelled(item=i, label=x) for i, d in pairs for x in d.labels)
    own = [maker] if maker else []
    watch((item, user) for item, draft in pairs for user in {*own, *draft.assignees})


def _flat(item: Item, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by the names that changes keep: `extra` apart, one name for each of its values."""
    sent = {name: value for name, value in fields.items() if name != "extra"}
    if "extra" in fields:
        merged = extra_of(item.product, [fields["extra"]], present=item.extra)[0]
        sent |= {f"{EXTRA}{slug}": merged.get(slug) for slug in fields["extra"]}
    if "criteria" in sent:
        sent["criteria"] = kept_criteria(sent["criteria"])
    return sent


def _check(item: Item) -> None:
    # Rows that were just read need no look-up each; what they must fulfil is checked below.
    item.clean_fields(exclude=["product", "status", "parent", "backlog", "created_by", "rank"])
    errors: dict[str, str] = {}
    if item.status.product_id != item.product_id:
        errors["status"] = "This status belongs to another product."
    if item.points is not None and not trees.bears_points(item.kind):
        errors["points"] = "Epics sum their items and tasks have no points; leave this empty."
    if item.kind == Kind.EPIC and item.backlog.kind == Backlog.Kind.SPRINT:
        errors["kind"] = "An epic never enters a sprint; plan its items."
    parent = item.parent
    if parent is not None and parent.product_id != item.product_id:
        errors["parent"] = "The parent belongs to another product."
    elif problem := trees.parent_problem(item.kind, parent.kind if parent else None):
        errors["parent"] = problem
    if errors:
        raise ValidationError(errors)


def _check_sent(
    product: Product,
    items: Sequence[Item],
    fields: Mapping[str, Any],
    steps: Steps,
) -> None:
    """What can be told of the values without looking at each item."""
    unknown = set(fields) - {*PLAIN, *SETS, "extra"}
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "This can't be changed."))
    added = {name: step[0] for name, step in steps.items()}
    _check_members(
        product, [*fields.get("assignees", ()), *added.get("assignees", ())], bearing=items
    )
    _check_labels(product, [*fields.get("labels", ()), *added.get("labels", ())])
    if fields.get("parent"):
        _refuse_trashed_parents([fields["parent"]])
    if "kind" in fields:
        children = Item.objects.alive().filter(parent__in=[item.pk for item in items])
        for child_kind in set(children.values_list("kind", flat=True)):
            if problem := trees.parent_problem(child_kind, fields["kind"]):
                raise ValidationError({"kind": f"It has children. {problem}"})
        for item, why in kinds_that_count([(item, fields["kind"]) for item in items]):
            error = ValidationError({"kind": why})
            raise _naming(item, error) if len(items) > 1 else error


def kinds_that_count(wanted: Sequence[tuple[Item, str]]) -> Iterable[tuple[Item, str]]:
    """Which items can't become of another kind, and why: those that a running sprint counts, or
    would count from then on. Its figures count the middle level only, by the kinds of today."""
    crossing = {
        item.pk: item
        for item, kind in wanted
        if trees.bears_points(item.kind) != trees.bears_points(kind)
    }
    if not crossing:
        return
    running = Q(backlog__state=Backlog.State.ACTIVE, backlog__started_at__isnull=False)
    since_start = Q(left_at__isnull=True) | Q(left_at__gt=F("backlog__started_at"))
    stays = Stay.objects.filter(running, since_start, item__in=crossing)
    for pk, name in dict(stays.values_list("item", "backlog__name")).items():
        item = crossing[pk]
        why = (
            f"It has been in {name} since that started, whose figures would change. Close the"
            " sprint first, or make a new item and take this one out."
        )
        yield item, why


def _put(item: Item, sent: Mapping[str, Any]) -> None:
    """Put the values that were sent into the item; sets are written later."""
    for name, value in sent.items():
        if name.startswith(EXTRA):
            slug = name.removeprefix(EXTRA)
            item.extra = {k: v for k, v in item.extra.items() if k != slug} | (
                {} if value is None else {slug: value}
            )
        elif name not in SETS:
            setattr(item, name, " ".join(value.split()) if name == "title" else value)
    _check(item)


def _check_labels(product: Product, labels: Iterable[Label]) -> None:
    if any(label.product_id != product.pk for label in labels):
        raise ValidationError({"labels": "Only labels of the product can be given."})


def kept_criteria(criteria: Criteria) -> list[dict[str, Any]]:
    """Acceptance criteria as they are stored. Raises ValidationError for empty or endless ones."""
    rows = [{"text": " ".join(text.split()), "is_met": is_met} for text, is_met in criteria]
    if len(rows) > MOST_CRITERIA:
        raise ValidationError({"criteria": f"An item has at most {MOST_CRITERIA} criteria."})
    if not all(1 <= len(str(row["text"])) <= LONGEST_CRITERION for row in rows):
        raise ValidationError(
            {"criteria": f"Each criterion is a text of 1 to {LONGEST_CRITERION} signs."}
        )
    return rows


def _check_members(
    product: Product, users: Iterable[User], *, bearing: Sequence[Item] = ()
) -> None:
    """Members alone are assigned; who has left since stays with items that all bear that name."""
    wanted = {user.pk for user in users}
    if not wanted:
        return
    known = set(product.members.filter(user__in=wanted).values_list("user_id", flat=True))
    strangers = wanted - known
    if strangers and bearing:
        borne = [{user.pk for user in item.assignees.all()} for item in bearing]
        strangers = {pk for pk in strangers if not all(pk in users for users in borne)}
    if strangers:
        raise ValidationError({"assignees": "Only members of the product can be assigned."})


def _check_versions(
    item: Item, fields: dict[str, Any], base_version: int | None, exact_version: int | None
) -> None:
    if exact_version is not None and exact_version != item.version:
        raise DomainError(
            "stale",
            f"{item.ref} is at version {item.version}, not {exact_version}; read it again.",
            status=412,
        )
    if base_version is not None and base_version > item.version:
        raise ValidationError(
            {"version": f"{item.ref} is only at version {item.version}; read it again."}
        )
    if base_version is None or base_version == item.version:
        return
    later = item.changes.filter(version__gt=base_version, field__in=list(fields)).order_by("id")
    theirs = values_of(item, fields)
    conflicts: dict[str, dict[str, Any]] = {}
    for change in later:
        conflicts.setdefault(
            change.field,
            {
                "field": change.field,
                "base": change.before,
                "theirs": theirs.get(change.field),
                "yours": plain(fields[change.field]),
            },
        )
    conflicts = {name: row for name, row in conflicts.items() if row["theirs"] != row["yours"]}
    if conflicts:
        raise Conflict(
            "edit_conflict",
            "Somebody else changed the same field; choose which value holds.",
            conflicts=list(conflicts.values()),
        )


def _note_done(item: Item, done: Deed, *, before_category: str) -> None:
    if item.status.category == before_category:
        return
    item.done_at = done.at if item.status.category == Category.DONE else None


def _locked_homes(product: Product, drafts: Sequence[ItemDraft], backlog: Backlog) -> list[Backlog]:
    """Where each draft goes, locked: a task to the backlog of its parent."""
    parents = {draft.parent.pk for draft in drafts if draft.parent and draft.kind == Kind.TASK}
    if not parents:
        return [lock_backlogs(backlog)[backlog.pk]] * len(drafts)
    lock_all_backlogs(product)
    found = Item.objects.filter(product=product, pk__in=parents).values_list("pk", "backlog_id")
    by_parent, backlogs = dict(found), product.backlogs.in_bulk()
    return [
        backlogs[
            by_parent.get(draft.parent.pk, backlog.pk)
            if draft.parent and draft.kind == Kind.TASK
            else backlog.pk
        ]
        for draft in drafts
    ]


def _parents_home(task: Item) -> Backlog | None:
    """Where a task that comes back belongs, if its parent is there and not in the past."""
    if task.kind != Kind.TASK or task.parent is None or task.parent.deleted_at is not None:
        return None
    home = task.parent.backlog
    return None if home.state == Backlog.State.CLOSED else home


def _join_parent(task: Item, done: Deed) -> None:
    """Bring a task to the backlog of its parent; one that is done stays behind."""
    if task.kind != Kind.TASK or task.parent is None or task.status.category == Category.DONE:
        return
    home = Item.objects.select_related("backlog").get(pk=task.parent.pk).backlog
    if task.backlog_id == home.pk:
        return
    _refuse_closed(home)
    before = {task.pk: place_of(task)}
    enter(home, [task], done)
    task.rank = keys_for(home, Spot.bottom(), 1)[0]
    task.save(update_fields=["backlog", "rank", "version", "updated_at"])
    note_places([task], before)


def leave_past(product: Product, items: Sequence[Item], done: Deed) -> None:
    """What is taken up again is work to come: it leaves the closed sprint that it was finished in
    for the top of the product backlog, a task for its parent's backlog."""
    reopened = [
        item
        for item in items
        if item.backlog.state == Backlog.State.CLOSED and item.status.category != Category.DONE
    ]
    if not reopened:
        return
    top = product_backlog(product)
    homes = {item.pk: _parents_home(item) or top for item in reopened}
    before = {item.pk: place_of(item) for item in reopened}
    for home in dict.fromkeys(homes.values()):
        coming = [item for item in reopened if homes[item.pk] == home]
        enter(home, coming, done)
        for item, key in zip(coming, keys_for(home, Spot.top(), len(coming)), strict=True):
            item.rank = key
    write_items(reopened, PLACE)
    note_places(reopened, before)


def transition_of(item: Item, at: datetime) -> Transition:
    """The row that says what status and points the item has from then on; not saved yet."""
    return Transition(
        item=item, at=at, status=item.status, category=item.status.category, points=item.points
    )


def _with_tasks(items: Sequence[Item], backlogs: Container[int], target: Backlog) -> list[Item]:
    """The items and their tasks, locked in the order of their ids, in the order of the move.

    Raises Conflict for an item that has left these locked backlogs meanwhile.
    """
    ids = list(dict.fromkeys(item.pk for item in items))
    locked = {
        row.pk: row
        for row in Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "status", "backlog")
        .annotate(above=ABOVE)
        .filter(Q(pk__in=ids) | Q(parent__in=ids, kind=Kind.TASK), product=target.product_id)
        .order_by("pk")
    }
    _refuse_moved_on(items, locked.values())
    tasks: dict[int, list[Item]] = {}
    for row in locked.values():
        stays_behind = row.status.category == Category.DONE and row.backlog_id != target.pk
        if row.pk not in ids and row.deleted_at is None and not stays_behind:
            tasks.setdefault(row.parent_id or 0, []).append(row)
    moving: list[Item] = []
    for pk in ids:
        row = locked[pk]
        refuse_trashed(row)
        if row.backlog_id not in backlogs:
            raise Conflict("moved_on", f"{row.ref} is in {row.backlog.name} by now; look again.")
        moving += [row, *sorted(tasks.get(pk, []), key=lambda task: task.rank or "")]
    return moving


def enter(home: Backlog, items: Sequence[Item], done: Deed) -> None:
    """Let items of other backlogs stay here from now on; the caller saves them with their ranks."""
    if not items:
        return
    if home.kind == Backlog.Kind.SPRINT and any(item.kind == Kind.EPIC for item in items):
        raise DomainError("epic_in_sprint", "An epic never enters a sprint; plan its items.")
    close_stays(items, done.at, Stay.Outcome.MOVED)
    Stay.objects.bulk_create(Stay(item=item, backlog=home, entered_at=done.at) for item in items)
    for item in items:
        before, item.backlog = item.backlog.name, home
        item.version += 1
        item.updated_at = done.at
        done.change(item, "backlog", before, home.name)


def close_stays(items: Sequence[Item], at: datetime, outcome: str) -> None:
    """End the open stays of these items, in one statement.

    A deed that began later may have come first, while this one waited for its locks: no stay ends
    before it began.
    """
    Stay.objects.filter(item__in=[item.pk for item in items], left_at__isnull=True).update(
        left_at=Greatest(F("entered_at"), Value(at)), outcome=outcome
    )


def take_numbers(product: Product, count: int) -> int:
    """The first of so many new item numbers in a row, which nobody else gets."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE backlog_itemcounter SET next_number = next_number + %s"
            " WHERE product_id = %s RETURNING next_number",
            [count, product.pk],
        )
        return int(cursor.fetchone()[0]) - count


def about(done: Deed, items: Sequence[Item]) -> None:
    """Let the deed name its item, or its items."""
    if len(items) == 1 and done.item is None:
        done.item = items[0]
    elif len(items) > 1:
        done.data["items"] = [item.ref for item in items][:500]


def _refuse_closed(backlog: Backlog) -> None:
    if backlog.state == Backlog.State.CLOSED:
        raise Conflict("backlog_closed", f"{backlog.name} is closed; its history never changes.")


def _refuse_gone(items: Sequence[Item], at: datetime) -> None:
    for item in items:
        if item.deleted_at is not None and item.deleted_at < at - KEPT_FOR:
            why = f"{item.ref} was deleted more than {KEPT_FOR.days} days ago; make a new item."
            raise Conflict("gone", why)


def _refuse_moving_anchor(spot: Spot, moving: Sequence[Item]) -> None:
    anchor = spot.anchor
    if anchor is not None and anchor.pk in {item.pk for item in moving}:
        raise Conflict("anchor_moves", f"{anchor.ref} moves along; choose another place.")


def _refuse_leaving_parent(moving: Sequence[Item], home: Backlog) -> None:
    along = {item.pk for item in moving}
    tasks = {
        item.parent_id: item
        for item in moving
        if item.kind == Kind.TASK and item.parent_id and item.parent_id not in along
    }
    if not tasks:
        return
    # What was done stays behind in a closed sprint, and binds nobody there.
    past = Q(backlog__state=Backlog.State.CLOSED)
    elsewhere = Item.objects.alive().filter(pk__in=tasks).exclude(Q(backlog=home) | past)
    parent = elsewhere.select_related("product").first()
    if parent is not None:
        raise Conflict(
            "task_with_parent",
            f"{tasks[parent.pk].ref} lives where {parent.ref} is; move {parent.ref} instead.",
        )


def _refuse_leaving_past(moving: Sequence[Item], home: Backlog) -> None:
    """What was completed in a closed sprint is not completed a second time in another."""
    for item in moving:
        is_past = item.backlog.state == Backlog.State.CLOSED and item.backlog_id != home.pk
        if is_past and item.status.category == Category.DONE:
            why = f"{item.ref} was done in {item.backlog.name}; set it to another status first."
            raise Conflict("done_in_past", why)


def _refuse_trashed_parents(parents: Sequence[Item]) -> None:
    trashed = Item.objects.filter(
        pk__in={parent.pk for parent in parents}, deleted_at__isnull=False
    )
    if parents and trashed.exists():
        raise ValidationError({"parent": "The parent is in the trash; restore it first."})


def _refuse_moved_on(wanted: Iterable[Item], locked: Iterable[Item]) -> None:
    """Raise Conflict for the first that left the product while the deed waited for its locks."""
    here = {item.pk for item in locked}
    for item in wanted:
        if item.pk not in here:
            raise _moved_on(item)


def _moved_on(item: Item) -> Conflict:
    return Conflict("moved_on", f"{item.ref} has moved to another product; look again.")


def refuse_trashed(item: Item) -> None:
    """Raise Conflict for an item in the trash, on which nothing is done but to restore it."""
    if item.deleted_at is not None:
        raise Conflict("deleted", f"{item.ref} is in the trash; restore it first.")
