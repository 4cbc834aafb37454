"""Deeds on items: create, edit, move, comment, throw away and bring back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q

from backlog.models import (
    Actor,
    ActorKind,
    Backlog,
    Category,
    Comment,
    Finding,
    Item,
    Kind,
    Product,
    Status,
    Stay,
    Transition,
    User,
)
from backlog.rules import trees
from backlog.services.deeds import Deed, deed
from backlog.services.ranks import Spot, keys_for, lock_backlogs
from mlscrum.lib.errors import Conflict, DomainError

PLAIN_FIELDS = ("kind", "title", "description", "points")


@dataclass(frozen=True)
class ItemDraft:
    """An item as somebody wants it; the number and the rank are given by the service."""

    title: str
    kind: str = Kind.STORY
    description: str = ""
    points: Decimal | None = None
    status: Status | None = None
    parent: Item | None = None
    assignees: Sequence[User] = field(default_factory=tuple)


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
) -> list[Item]:
    """Items in the given order, by default at the bottom of the product backlog.

    All or none. Raises ValidationError for bad fields and DomainError for a closed backlog.
    """
    if not drafts:
        return []
    backlog = backlog or product_backlog(product)
    with deed(product, actor, "item.created") as done:
        home = lock_backlogs(backlog)[backlog.pk]
        _refuse_closed(home)
        first = _take_numbers(product, len(drafts))
        first_status = product.statuses.filter(category=Category.TODO).first()
        keys = keys_for(home, spot or Spot.bottom(), len(drafts))
        items = [
            _drafted(product, draft, home, key, number, actor, first_status)
            for number, (draft, key) in enumerate(zip(drafts, keys, strict=True), start=first)
        ]
        Item.objects.bulk_create(items)
        through = Item.assignees.through
        through.objects.bulk_create(
            through(item=item, user=user)
            for item, draft in zip(items, drafts, strict=True)
            for user in draft.assignees
        )
        Stay.objects.bulk_create(Stay(item=i, backlog=home, entered_at=done.at) for i in items)
        Transition.objects.bulk_create(_transition(item, done.at) for item in items)
        for item in items:
            done.change(item, "created", None, item.title)
        _about(done, items)
    return items


def update_item(
    item: Item,
    *,
    actor: Actor,
    base_version: int | None = None,
    exact_version: int | None = None,
    **fields: Any,
) -> Item:
    """Change fields of an item: kind, title, description, points, status, assignees, parent.

    With `base_version`, what others changed since in other fields stays; the same field raises
    Conflict with both values. With `exact_version`, any later change raises status 412. Changes
    of status and points leave a Transition. Raises ValidationError for bad fields.
    """
    with deed(item.product, actor, "item.updated", item=item) as done:
        lock_backlogs(item.backlog)
        fresh = Item.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
        _refuse_deleted(fresh)
        _check_versions(fresh, fields, base_version, exact_version)
        before = _snapshot(fresh)
        _apply(fresh, fields)
        after = _snapshot(fresh, assignees=fields.get("assignees"))
        changed = [name for name in after if after[name] != before[name]]
        if not changed:
            done.nothing_happened()
            return fresh
        fresh.version += 1
        _note_done(fresh, done, before_category=before["category"])
        fresh.save()
        if "assignees" in changed:
            fresh.assignees.set(fields["assignees"])
        if {"status", "points"} & set(changed):
            _transition(fresh, done.at).save()
        if "status" in changed:
            _await_evidence(fresh, actor)
        for name in changed:
            if name != "category":
                done.change(fresh, name, before[name], after[name])
    return fresh


def move_items(
    product: Product,
    items: Sequence[Item],
    *,
    actor: Actor,
    spot: Spot,
    to: Backlog | None = None,
) -> list[Item]:
    """Bring items, in the given order, to a spot of a backlog (by default the one they are in).

    Tasks follow their parent; done tasks stay behind in a sprint. One row is written per item
    that moves, and a Stay wherever the backlog changes. Raises Conflict where the anchor has
    left the backlog and DomainError for a closed backlog.
    """
    if not items:
        return []
    target = to or items[0].backlog
    with deed(product, actor, "item.moved") as done:
        locked = lock_backlogs(target, *(item.backlog for item in items))
        home = locked[target.pk]
        _refuse_closed(home)
        moving = _with_tasks(items, home)
        if spot.anchor is not None and spot.anchor.pk in {item.pk for item in moving}:
            done.nothing_happened()
            return list(items)
        keys = keys_for(home, spot, len(moving))
        for item, key in zip(moving, keys, strict=True):
            _put(item, home, key, done)
        Item.objects.bulk_update(moving, ["backlog", "rank", "version", "updated_at"])
        done.data["place"] = spot.where
        if spot.anchor is not None:
            done.data["anchor"] = spot.anchor.ref
        _about(done, moving)
    return moving


def comment(item: Item, text: str, *, actor: Actor) -> Comment:
    """Say something on an item. Raises ValidationError for an empty or too long text."""
    said = Comment(item=item, author=actor.user, text=text.strip())
    said.full_clean()
    with deed(item.product, actor, "item.commented", item=item):
        said.save()
    return said


def trash_item(item: Item, *, actor: Actor, exact_version: int | None = None) -> Item:
    """Put an item into the trash: it leaves its backlog, keeps its ref, and can come back.

    With `exact_version`, any later change raises status 412.
    """
    with deed(item.product, actor, "item.deleted", item=item) as done:
        lock_backlogs(item.backlog)
        fresh = Item.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
        _refuse_deleted(fresh)
        _check_versions(fresh, {}, None, exact_version)
        fresh.deleted_at, fresh.rank = done.at, None
        fresh.version += 1
        fresh.save(update_fields=["deleted_at", "rank", "version", "updated_at"])
        _close_stay(fresh, done.at, Stay.Outcome.DELETED)
        done.change(fresh, "deleted", False, True)
    return fresh


def restore_item(item: Item, *, actor: Actor) -> Item:
    """Bring an item back from the trash, to the top of the product backlog.

    Findings that were muted as it went into the trash are open again.
    """
    with deed(item.product, actor, "item.restored", item=item) as done:
        home = product_backlog(item.product)
        locked = lock_backlogs(home)[home.pk]
        fresh = Item.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
        if fresh.deleted_at is None:
            done.nothing_happened()
            return fresh
        fresh.deleted_at, fresh.backlog = None, locked
        fresh.rank = keys_for(locked, Spot.top(), 1)[0]
        fresh.version += 1
        fresh.save()
        Stay.objects.create(item=fresh, backlog=locked, entered_at=done.at)
        fresh.findings.filter(muted_with_item=True).update(
            state=Finding.State.OPEN, muted_until=None, muted_cap=None, muted_with_item=False
        )
        done.change(fresh, "deleted", True, False)
    return fresh


def set_status(items: Sequence[Item], status: Status | None, done: Deed) -> list[Item]:
    """Give locked items a status, however many in two statements; those that went to it."""
    going = [item for item in items if status is not None and item.status_id != status.pk]
    if status is None or not going:
        return []
    for item in going:
        before = item.status
        item.status, item.updated_at = status, done.at
        item.version += 1
        _note_done(item, done, before_category=before.category)
        done.change(item, "status", before.slug, status.slug)
    Item.objects.bulk_update(going, ["status", "done_at", "version", "updated_at"])
    Transition.objects.bulk_create(_transition(item, done.at) for item in going)
    return going


def product_backlog(product: Product) -> Backlog:
    """The one product backlog."""
    return product.backlogs.get(kind=Backlog.Kind.PRODUCT)


def inbox(product: Product) -> Backlog:
    """Where filed items wait for the product owner."""
    return product.backlogs.get(kind=Backlog.Kind.INBOX)


def _drafted(
    product: Product,
    draft: ItemDraft,
    home: Backlog,
    key: str,
    number: int,
    actor: Actor,
    first_status: Status | None,
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
        parent=draft.parent,
        backlog=home,
        rank=key,
        created_by=actor.user,
    )
    _check(item)
    return item


def _check(item: Item) -> None:
    # Rows that were just read need no look-up each; what they must fulfil is checked below.
    item.clean_fields(exclude=["product", "status", "parent", "backlog", "created_by", "rank"])
    errors: dict[str, str] = {}
    if item.status.product_id != item.product_id:
        errors["status"] = "This status belongs to another product."
    if item.points is not None and not trees.bears_points(item.kind):
        errors["points"] = "Epics sum their items and tasks have no points; leave this empty."
    parent = item.parent
    if parent is not None and parent.product_id != item.product_id:
        errors["parent"] = "The parent belongs to another product."
    elif problem := trees.parent_problem(item.kind, parent.kind if parent else None):
        errors["parent"] = problem
    if errors:
        raise ValidationError(errors)


def _apply(item: Item, fields: dict[str, Any]) -> None:
    allowed = {*PLAIN_FIELDS, "status", "assignees", "parent"}
    unknown = set(fields) - allowed
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "This can't be changed."))
    for name, value in fields.items():
        if name == "title":
            value = " ".join(value.split())
        if name != "assignees":
            setattr(item, name, value)
    if "kind" in fields and item.children.alive().exists():
        for child_kind in set(item.children.alive().values_list("kind", flat=True)):
            if problem := trees.parent_problem(child_kind, item.kind):
                raise ValidationError({"kind": f"It has children. {problem}"})
    if "assignees" in fields:
        _check_members(item.product, fields["assignees"])
    _check(item)


def _check_members(product: Product, users: Iterable[User]) -> None:
    wanted = {user.pk for user in users}
    known = set(product.members.filter(user__in=wanted).values_list("user_id", flat=True))
    if wanted - known:
        raise ValidationError({"assignees": "Only members of the product can be assigned."})


def _snapshot(item: Item, assignees: Iterable[User] | None = None) -> dict[str, Any]:
    people = item.assignees.all() if assignees is None else assignees
    return {
        "kind": item.kind,
        "title": item.title,
        "description": item.description,
        "points": None if item.points is None else float(item.points),
        "status": item.status.slug,
        "category": item.status.category,
        "assignees": sorted(user.email for user in people),
        "parent": item.parent.ref if item.parent else None,
    }


def _check_versions(
    item: Item, fields: dict[str, Any], base_version: int | None, exact_version: int | None
) -> None:
    if exact_version is not None and exact_version != item.version:
        raise DomainError(
            "stale",
            f"{item.ref} is at version {item.version}, not {exact_version}; read it again.",
            status=412,
        )
    if base_version is None or base_version >= item.version:
        return
    later = item.changes.filter(version__gt=base_version, field__in=list(fields)).order_by("id")
    theirs = _snapshot(item)
    conflicts: dict[str, dict[str, Any]] = {}
    for change in later:
        conflicts.setdefault(
            change.field,
            {
                "field": change.field,
                "base": change.before,
                "theirs": theirs.get(change.field),
                "yours": _plain(fields[change.field]),
            },
        )
    conflicts = {name: row for name, row in conflicts.items() if row["theirs"] != row["yours"]}
    if conflicts:
        raise Conflict(
            "edit_conflict",
            "Somebody else changed the same field; choose which value holds.",
            conflicts=list(conflicts.values()),
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Status):
        return value.slug
    if isinstance(value, Item):
        return value.ref
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (list, tuple)):
        return sorted(user.email for user in value)
    return value


def _note_done(item: Item, done: Deed, *, before_category: str) -> None:
    if item.status.category == before_category:
        return
    item.done_at = done.at if item.status.category == Category.DONE else None


def _await_evidence(item: Item, actor: Actor) -> None:
    """A person who finishes an item whose finding is open waits for the evidence to agree."""
    if actor.kind == ActorKind.SYSTEM:
        return
    item.findings.filter(state__in=[Finding.State.OPEN, Finding.State.MUTED]).update(
        awaiting_evidence=item.status.category == Category.DONE, recovered=False
    )


def _transition(item: Item, at: datetime) -> Transition:
    return Transition(
        item=item, at=at, status=item.status, category=item.status.category, points=item.points
    )


def _with_tasks(items: Sequence[Item], target: Backlog) -> list[Item]:
    """The items and their tasks, locked in the order of their ids, in the order of the move."""
    ids = [item.pk for item in items]
    locked = {
        row.pk: row
        for row in Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "status", "backlog")
        .filter(Q(pk__in=ids) | Q(parent__in=ids, kind=Kind.TASK))
        .order_by("pk")
    }
    tasks: dict[int, list[Item]] = {}
    for row in locked.values():
        stays_behind = row.status.category == Category.DONE and row.backlog_id != target.pk
        if row.pk not in ids and row.deleted_at is None and not stays_behind:
            tasks.setdefault(row.parent_id or 0, []).append(row)
    moving: list[Item] = []
    for pk in ids:
        row = locked[pk]
        _refuse_deleted(row)
        moving += [row, *sorted(tasks.get(pk, []), key=lambda task: task.rank or "")]
    return moving


def _put(item: Item, home: Backlog, key: str, done: Deed) -> None:
    item.rank = key
    if item.backlog_id == home.pk:
        return
    if item.kind == Kind.EPIC and home.kind == Backlog.Kind.SPRINT:
        raise DomainError("epic_in_sprint", "An epic never enters a sprint; plan its items.")
    _close_stay(item, done.at, Stay.Outcome.MOVED)
    Stay.objects.create(item=item, backlog=home, entered_at=done.at)
    before = item.backlog.name
    item.backlog = home
    item.version += 1
    item.updated_at = done.at
    done.change(item, "backlog", before, home.name)


def _close_stay(item: Item, at: datetime, outcome: str) -> None:
    Stay.objects.filter(item=item, left_at__isnull=True).update(left_at=at, outcome=outcome)


def _take_numbers(product: Product, count: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE backlog_itemcounter SET next_number = next_number + %s"
            " WHERE product_id = %s RETURNING next_number",
            [count, product.pk],
        )
        return int(cursor.fetchone()[0]) - count


def _about(done: Deed, items: Sequence[Item]) -> None:
    if len(items) == 1 and done.item is None:
        done.item = items[0]
    elif len(items) > 1:
        done.data["items"] = [item.ref for item in items][:500]


def _refuse_closed(backlog: Backlog) -> None:
    if backlog.state == Backlog.State.CLOSED:
        raise Conflict("backlog_closed", f"{backlog.name} is closed; its history never changes.")


def _refuse_deleted(item: Item) -> None:
    if item.deleted_at is not None:
        raise Conflict("deleted", f"{item.ref} is in the trash; restore it first.")
