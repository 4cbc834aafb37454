"""Deeds on a product's workflow: its statuses one by one, or all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F

from backlog.models import (
    Actor,
    Category,
    Hue,
    Item,
    OnGreen,
    Product,
    Status,
    Transition,
)
from backlog.rules.places import placed
from backlog.services.deeds import Deed, deed
from backlog.services.items import await_evidence, edit_items, leave_past, transition_of
from backlog.services.ranks import ABOVE, lock_all_backlogs
from backlog.services.rows import write_items
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.slugs import free_slug

MOST_STATUSES = 30
ASIDE = 1000  # where positions step while they change places, for they are unique at once


@dataclass(frozen=True)
class StatusLine:
    """One status of a workflow as people write it down; `slug` is empty for a new one, and
    without a hue a status keeps its own, or gets that of its category."""

    name: str
    category: str
    slug: str = ""
    wip_limit: int | None = None
    hue: str = ""


@dataclass(frozen=True)
class Removal:
    """What became of a status that went: how many items moved, and whether items whose evidence
    turns green are asked about from now on, because they would have gone to it."""

    moved: int
    asks_on_green: bool


HUES: dict[str, str] = {Category.TODO: Hue.GREY, Category.DOING: Hue.BLUE, Category.DONE: Hue.GREEN}
DEFAULT_WORKFLOW = (
    StatusLine("To do", Category.TODO, "to-do"),
    StatusLine("In progress", Category.DOING, "in-progress"),
    StatusLine("In review", Category.DOING, "in-review", hue=Hue.VIOLET),
    StatusLine("Done", Category.DONE, "done"),
)


def add_status(
    product: Product,
    name: str,
    category: str,
    *,
    actor: Actor,
    hue: str = "",
    wip_limit: int | None = None,
) -> Status:
    """A new status, behind the others of its category. Raises ValidationError for bad fields."""
    with deed(product, actor, "status.created") as done:
        lock_all_backlogs(product)
        present = list(product.statuses.all())
        status = Status(
            product=product,
            slug=free_slug(name, {other.slug for other in present}, otherwise="status"),
            name=" ".join(name.split()),
            category=category,
            hue=hue or HUES.get(category, Hue.GREY),
            wip_limit=wip_limit,
            position=ASIDE - 1,
        )
        if len(present) >= MOST_STATUSES:
            raise ValidationError({"name": f"A workflow has at most {MOST_STATUSES} statuses."})
        _check(status, present)
        status.save()
        order = list(Category.values)
        before = [
            other for other in present if order.index(other.category) <= order.index(category)
        ]
        place = present.index(before[-1]) + 1 if before else 0
        _order([*present[:place], status, *present[place:]])
        done.data |= {"status": status.slug, "name": status.name}
    return status


def update_status(status: Status, *, actor: Actor, **fields: Any) -> Status:
    """Change the name, category, hue or WIP limit of a status; its slug never changes.

    With the category all its items follow at this moment: they are done or not from now on, with a
    Transition and a Change each; what reports say of the time before stays, and what is no more
    done leaves its closed sprint for the top of the product backlog. Raises ValidationError
    for bad fields and DomainError where its old category would have no status left.
    """
    unknown = set(fields) - {"name", "category", "hue", "wip_limit"}
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "This can't be changed."))
    product = status.product
    with deed(product, actor, "status.updated") as done:
        lock_all_backlogs(product)
        present = list(product.statuses.all())
        fresh = _again(status, present)
        before = fresh.category
        fields["name"] = " ".join(fields.get("name", fresh.name).split())
        changed = sorted(name for name in fields if getattr(fresh, name) != fields[name])
        for name in changed:
            setattr(fresh, name, fields[name])
        _check(fresh, [other for other in present if other.pk != fresh.pk])
        _refuse_missing_category(present)
        fresh.save(update_fields=changed)
        if "category" in changed:
            _follow_category(fresh, before, done)
        done.data |= {"status": fresh.slug, "name": fresh.name, "fields": changed}
        if not changed:
            done.nothing_happened()
    return fresh


def move_status(status: Status, *, before: Status | None, actor: Actor) -> list[Status]:
    """Bring a status to its place before another, or to the end; the workflow as it stands then.

    Raises Conflict where the other one has gone.
    """
    product = status.product
    with deed(product, actor, "status.moved", status=status.slug, name=status.name) as done:
        lock_all_backlogs(product)
        present = list(product.statuses.all())
        moving = _again(status, present)
        anchor = None if before is None else _again(before, present)
        wanted = placed(present, moving, before=anchor)
        if wanted == present:
            done.nothing_happened()
        else:
            _order(wanted)
    return wanted


def delete_status(status: Status, *, actor: Actor, items_to: Status | None = None) -> Removal:
    """Take a status out of the workflow, its items to another one, in the trash or not.

    They move as a person's edit moves them, each with its Change and Transition. Raises Conflict
    where items stand in it and nobody says where they go, and DomainError where its category would
    have no status left.
    """
    product = status.product
    with deed(product, actor, "status.deleted", status=status.slug, name=status.name) as done:
        lock_all_backlogs(product)
        present = list(product.statuses.all())
        left = [other for other in present if other != _again(status, present)]
        _refuse_missing_category(left)
        items = list(Item.objects.filter(status=status).select_related("product", "backlog"))
        if items and items_to is None:
            raise _in_use([status.name])
        if items_to is not None and items_to not in left:
            raise ValidationError({"items_to": "Choose another status of this product."})
        living = [item for item in items if item.deleted_at is None]
        if items_to is not None:
            edit_items(product, living, actor=actor, status=items_to)
            _move_trashed(status, items_to, done)
            done.data |= {"to": items_to.slug, "count": len(living)}
        asks = _forget_on_green(product, [status], done)
        status.delete()
        _order(left)
    return Removal(len(living), asks)


def set_workflow(product: Product, lines: Sequence[StatusLine], *, actor: Actor) -> list[Status]:
    """Replace the product's statuses by these, in this order.

    A status that left must be empty of items; items follow the category of theirs, as
    `update_status` has it. Raises DomainError where a category would be missing, a name stands
    twice, or items still stand in a status that left.
    """
    _check_lines(lines)
    with deed(
        product, actor, "product.workflow_changed", statuses=[line.name for line in lines]
    ) as done:
        lock_all_backlogs(product)
        present = {status.slug: status for status in product.statuses.all()}
        gone = [status for slug, status in present.items() if slug not in {x.slug for x in lines}]
        busy = Item.objects.filter(status__in=gone).values_list("status__name", flat=True)
        names = sorted(set(busy))
        if names:
            raise _in_use(names)
        _forget_on_green(product, gone, done)
        Status.objects.filter(pk__in=[status.pk for status in gone]).delete()
        taken = {*present, *(line.slug for line in lines)}
        wanted = []
        for line in lines:
            slug = line.slug or free_slug(line.name, taken, otherwise="status")
            taken.add(slug)
            status = present.get(slug) or Status(product=product, slug=slug)
            before = status.category
            status.name, status.category = line.name.strip(), line.category
            status.wip_limit = line.wip_limit
            if line.hue or status.pk is None:
                status.hue = line.hue or HUES[line.category]
            wanted.append((status, before))
        _step_aside(product)
        for position, (status, before) in enumerate(wanted):
            is_new, status.position = status.pk is None, position
            status.save()
            if not is_new and status.category != before:
                _follow_category(status, before, done)
    return list(product.statuses.all())


def born_statuses(product: Product) -> list[Status]:
    """The workflow that a new product begins with, not saved yet."""
    return [
        Status(
            product=product,
            slug=line.slug,
            name=line.name,
            category=line.category,
            hue=line.hue or HUES[line.category],
            position=position,
        )
        for position, line in enumerate(DEFAULT_WORKFLOW)
    ]


def _again(status: Status, present: Sequence[Status]) -> Status:
    """The status as it is by now. Raises Conflict where somebody has deleted it."""
    for other in present:
        if other == status:
            return other
    raise Conflict("status_gone", f"{status.name} is no longer there; look again.")


def _order(statuses: Sequence[Status]) -> None:
    _step_aside(statuses[0].product)
    for position, status in enumerate(statuses):
        status.position = position
    Status.objects.bulk_update(statuses, ["position"])


def _step_aside(product: Product) -> None:
    Status.objects.filter(product=product).update(position=F("position") + ASIDE)


def _follow_category(status: Status, before: str, done: Deed) -> None:
    """Let the items of a status, in the trash or not, be of its new category from now on."""
    items = list(
        Item.objects.select_for_update(no_key=True, of=("self",))
        .filter(status=status)
        .select_related("product", "backlog", "parent__product", "parent__backlog")
        .annotate(above=ABOVE)
        .order_by("pk")
    )
    was_done, is_done = before == Category.DONE, status.category == Category.DONE
    for item in items:
        item.status, item.updated_at = status, done.at
        item.version += 1
        if was_done != is_done:
            item.done_at = done.at if is_done else None
        done.change(item, "category", before, status.category)
    write_items(items, ["version", "updated_at", "done_at"])
    _leave_transitions(items, done)
    leave_past(status.product, [item for item in items if item.deleted_at is None], done)
    await_evidence(items, status, done.actor)
    done.data["count"] = len([item for item in items if item.deleted_at is None])


def _move_trashed(status: Status, to: Status, done: Deed) -> None:
    """What lies in the trash stands in the other status when it comes back."""
    items = list(Item.objects.filter(status=status).select_related("product"))
    was_done, is_done = status.category == Category.DONE, to.category == Category.DONE
    for item in items:
        item.status = to
        item.version += 1
        if was_done != is_done:
            item.done_at = done.at if is_done else None
        done.change(item, "status", status.slug, to.slug)
    write_items(items, ["status", "version", "done_at"])
    _leave_transitions(items, done)


def _leave_transitions(items: Sequence[Item], done: Deed) -> None:
    Transition.objects.bulk_create((transition_of(item, done.at) for item in items), batch_size=500)


def _forget_on_green(product: Product, gone: Sequence[Status], done: Deed) -> bool:
    """Ask the team about items that would go to a status that is no more, when they turn green.

    To set them to done instead would close what people meant to look at first.
    """
    fresh = Product.objects.select_for_update(no_key=True).get(pk=product.pk)
    if fresh.on_green_status_id not in {status.pk for status in gone}:
        return False
    asks = fresh.on_green == OnGreen.STATUS
    for row in (fresh, product):
        row.on_green_status = None
        row.on_green = OnGreen.ASK if asks else row.on_green
    fresh.save(update_fields=["on_green", "on_green_status"])
    if asks:
        done.data["on_green"] = OnGreen.ASK
    return asks


def _check(status: Status, others: Sequence[Status]) -> None:
    status.clean_fields(exclude=["product"])
    if status.name.casefold() in {other.name.casefold() for other in others}:
        raise ValidationError({"name": "There is already a status of this name."})


def _refuse_missing_category(statuses: Sequence[Status]) -> None:
    for category in Category:
        if category not in {status.category for status in statuses}:
            raise DomainError(
                "last_of_category",
                f"This is the only status of category '{category.label}', and the workflow needs "
                "one; add another one first.",
            )


def _in_use(names: Sequence[str]) -> Conflict:
    return Conflict(
        "status_in_use",
        f"Items still stand in {', '.join(names)}; move them before removing the status.",
    )


def _check_lines(lines: Sequence[StatusLine]) -> None:
    names = [line.name.strip().casefold() for line in lines]
    slugs = [line.slug for line in lines if line.slug]
    if "" in names or len(set(names)) < len(names):
        raise DomainError("bad_workflow", "Each status needs a name of its own.")
    if len(set(slugs)) < len(slugs):
        raise DomainError("bad_workflow", "Each status needs a slug of its own.")
    if len(lines) > MOST_STATUSES:
        raise DomainError("bad_workflow", f"A workflow has at most {MOST_STATUSES} statuses.")
    for category in Category:
        if category not in [line.category for line in lines]:
            raise DomainError(
                "bad_workflow", f"The workflow needs a status of category '{category.label}'."
            )
