"""Moving and copying items to another product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backlog.models import (
    Actor,
    Backlog,
    Finding,
    FormerRef,
    Item,
    Label,
    Link,
    Notification,
    Product,
    Stay,
    Transition,
)
from backlog.queries.items import EXTRA, values_of
from backlog.queries.transfer import SETTLED, Plan, transfer_plan
from backlog.rules.links import WORDS
from backlog.services.deeds import Deed, deed
from backlog.services.items import (
    ItemDraft,
    close_stays,
    create_items,
    inbox,
    product_backlog,
    refuse_trashed,
    take_numbers,
    transition_of,
)
from backlog.services.labels import labels_named
from backlog.services.ranks import (
    ABOVE,
    Placed,
    Spot,
    keys_for,
    lock_all_backlogs,
    note_places,
)
from backlog.services.rows import PLACE, write_items
from backlog.services.search import index_items
from mlscrum.lib.errors import Conflict

CARRIED = ("status", "assignees", "labels", "parent")


def move_to_product(
    item: Item, target: Product, *, actor: Actor, with_children: bool = True
) -> list[Item]:
    """Move an item, and what goes with it, to the bottom of another product's backlog.

    Comments, files, criteria and history stay with it, and each old ref leads to it for ever.
    Labels go by name, statuses by slug or category; assignees who are no members there, the
    parent, and links to what stays behind are lost. Returns the items, parents first. Raises
    Conflict for what lies in the trash, in a closed sprint, waits in the inbox, or has findings
    that are not settled: its evidence belongs to its product.
    """
    source = item.product
    with deed(source, actor, "item.left") as left, deed(target, actor, "item.arrived") as came:
        lock_all_backlogs(source, target)
        fresh = Item.objects.select_related("product", "backlog").get(pk=item.pk)
        _refuse_wrong(fresh, source, target)
        plan = transfer_plan(fresh, target, with_children=with_children)
        _refuse_findings(plan)
        _refuse_waiting(plan, inbox(source))
        _refuse_taken_ids(plan)
        left.data["refs"] = [row.ref for row in plan.items]
        numbers = _numbers(plan)  # before the items, as everywhere
        _unlink(plan, left)
        _leave_behind(plan, left)
        _note_departure(plan, left)
        _arrive(plan, numbers, came, actor)
        _forget_strangers(plan)
        came.item = plan.items[0] if len(plan.items) == 1 else None
        came.data["items"] = [row.ref for row in plan.items]
    return plan.items


def copy_to_product(
    item: Item, target: Product, *, actor: Actor, with_children: bool = True
) -> list[Item]:
    """New items at the bottom of another product's backlog that say what these say.

    Comments, files, links, history and evidence stay with the originals. Returns the copies,
    parents first.
    """
    refuse_trashed(item)
    plan = transfer_plan(item, target, with_children=with_children)
    place = {row.pk: number for number, row in enumerate(plan.items)}
    with deed(target, actor, "item.created"):
        labels = _labels(plan, actor)
        drafts = [
            ItemDraft(
                title=fit.item.title,
                kind=fit.item.kind,
                description=fit.item.description,
                points=fit.item.points,
                status=fit.status,
                under=place.get(fit.item.parent_id or 0),
                assignees=fit.assignees,
                labels=[labels[name.casefold()] for name in fit.labels],
                criteria=[(row["text"], row["is_met"]) for row in fit.item.criteria],
                due_date=fit.item.due_date,
                blocked_reason=fit.item.blocked_reason,
                gpu_hours=fit.item.gpu_hours,
                extra=fit.extra,
                external_url=fit.item.external_url,
            )
            for fit in plan.fits
        ]
        return create_items(target, drafts, actor=actor)


def _refuse_wrong(item: Item, source: Product, target: Product) -> None:
    if item.product_id != source.pk or source == target:
        raise Conflict("moved_on", "The item is in that product already.")
    refuse_trashed(item)
    if item.backlog.state == Backlog.State.CLOSED:
        raise Conflict(
            "backlog_closed",
            f"{item.ref} belongs to {item.backlog.name}, which is closed; copy it instead.",
        )


def _refuse_waiting(plan: Plan, waiting_room: Backlog) -> None:
    """What was filed is for the product owner to take, not for whoever moves it past the inbox."""
    for row in plan.items:
        if row.backlog_id == waiting_room.pk:
            raise Conflict(
                "in_inbox", f"{row.ref} waits in the inbox; take it into the backlog first."
            )


def _refuse_findings(plan: Plan) -> None:
    if plan.with_findings:
        refs = ", ".join(row.ref for row in plan.with_findings[:5])
        raise Conflict(
            "has_findings",
            f"{refs} has findings that are not settled, and evidence stays in its product; "
            "resolve them first, or copy the item.",
        )


def _refuse_taken_ids(plan: Plan) -> None:
    """One item stands for an external id in each product."""
    outside = {(row.external_source, row.external_id): row for row in plan.items if row.external_id}
    taken = plan.target.items.filter(external_id__in=[each for _, each in outside])
    for other in taken:
        row = outside.get((other.external_source, other.external_id))
        if row is not None:
            raise Conflict(
                "external_id_taken",
                f"{other.ref} there already stands for {other.external_id} of "
                f"{other.external_source}, as {row.ref} does here.",
            )


def _unlink(plan: Plan, left: Deed) -> None:
    """Links lead nowhere outside of a product; the other ends say that theirs went."""
    gone = {row.pk for row in plan.items}
    for link in plan.lost_links:
        words, words_back = WORDS[link.kind]
        if link.source_id in gone:
            left.change(link.target, "links", f"{words_back} {link.source.ref}", None)
        else:
            left.change(link.source, "links", f"{words} {link.target.ref}", None)
    Link.objects.filter(pk__in=[link.pk for link in plan.lost_links]).delete()


def _leave_behind(plan: Plan, left: Deed) -> None:
    """What stood under the items and stays, in the trash too, has no parent any more."""
    going = {row.pk: row for row in plan.items}
    orphans = list(
        Item.objects.select_for_update(no_key=True, of=("self",))
        .filter(parent__in=going)
        .exclude(pk__in=going)
        .order_by("pk")
    )
    for orphan in orphans:
        orphan.version += 1
        orphan.updated_at = left.at
        left.change(orphan, "parent", going[orphan.parent_id or 0].ref, None)
        orphan.parent = None
    write_items(orphans, ["parent", "version", "updated_at"])


def _note_departure(plan: Plan, left: Deed) -> None:
    """Where the items stood, in the deed of the product that they leave."""
    above = dict(
        Item.objects.filter(pk__in=[row.pk for row in plan.items]).values_list("pk", ABOVE)
    )
    left.data["moved"] = [
        list(Placed(row.pk, row.backlog_id, row.rank, above[row.pk], None, None))
        for row in plan.items
    ]


def _arrive(plan: Plan, numbers: Mapping[int, int], came: Deed, actor: Actor) -> None:
    home, target = product_backlog(plan.target), plan.target
    labels = _labels(plan, actor)
    before = {row.pk: (row.ref, values_of(row, CARRIED), dict(row.extra)) for row in plan.items}
    former = [FormerRef(product=plan.product, number=row.number, item=row) for row in plan.items]
    there = {row.pk: row for row in plan.items}
    keys = keys_for(home, Spot.bottom(), len(plan.items))
    close_stays(plan.items, came.at, Stay.Outcome.MOVED)
    for fit, key in zip(plan.fits, keys, strict=True):
        item = fit.item
        if item.status.category != fit.status.category:
            item.done_at = None
        item.product, item.number, item.backlog, item.rank = target, numbers[item.pk], home, key
        item.status, item.extra = fit.status, fit.extra
        item.parent = there.get(item.parent_id or 0)
        item.version += 1
        item.updated_at = came.at
    write_items(
        plan.items,
        [*PLACE, "product", "number", "status", "extra", "parent", "done_at"],
    )
    FormerRef.objects.bulk_create(former)
    _carry_sets(plan, labels)
    for fit in plan.fits:
        ref, was, extra = before[fit.item.pk]
        came.change(fit.item, "product", None, target.key)
        given = {
            "assignees": fit.assignees,
            "labels": [labels[name.casefold()] for name in fit.labels],
        }
        now = values_of(fit.item, CARRIED, given=given)
        for name in CARRIED:
            # A parent that came along has another ref by now, and is the same.
            moved_along = name == "parent" and fit.item.parent is not None
            if was[name] != now[name] and not moved_along:
                came.change(fit.item, name, was[name], now[name])
        for slug in extra.keys() - fit.extra.keys():
            came.change(fit.item, f"{EXTRA}{slug}", extra[slug], None)
    Stay.objects.bulk_create(Stay(item=row, backlog=home, entered_at=came.at) for row in plan.items)
    Transition.objects.bulk_create(transition_of(row, came.at) for row in plan.items)
    # Settled findings keep to their product: the next red files an item there.
    Finding.objects.filter(item__in=there, state__in=SETTLED).update(item=None)
    index_items(list(there))
    note_places(plan.items)


def _numbers(plan: Plan) -> dict[int, int]:
    """A number in the target for each item: the one that it had there before, or a new one."""
    had = {
        former.item_id: former
        for former in FormerRef.objects.filter(product=plan.target, item__in=plan.items)
    }
    numbers = {pk: former.number for pk, former in had.items()}
    FormerRef.objects.filter(pk__in=[former.pk for former in had.values()]).delete()
    new = [row.pk for row in plan.items if row.pk not in numbers]
    if new:
        first = take_numbers(plan.target, len(new))
        numbers |= {pk: first + place for place, pk in enumerate(new)}
    return numbers


def _carry_sets(plan: Plan, labels: dict[str, Label]) -> None:
    """Assignees and labels as the target knows them, in four statements."""
    ids = [row.pk for row in plan.items]
    assigned, labelled = Item.assignees.through, Item.labels.through
    assigned.objects.filter(item__in=ids).delete()
    labelled.objects.filter(item__in=ids).delete()
    assigned.objects.bulk_create(
        assigned(item=fit.item, user=person) for fit in plan.fits for person in fit.assignees
    )
    labelled.objects.bulk_create(
        labelled(item=fit.item, label=labels[name.casefold()])
        for fit in plan.fits
        for name in fit.labels
    )
    for row in plan.items:
        getattr(row, "_prefetched_objects_cache", {}).clear()


def _labels(plan: Plan, actor: Actor) -> dict[str, Label]:
    names: Sequence[str] = list(dict.fromkeys(name for fit in plan.fits for name in fit.labels))
    found = labels_named(plan.target, names, actor=actor)
    return {label.name.casefold(): label for label in found}


def _forget_strangers(plan: Plan) -> None:
    """Who is no member there neither watches the items any more nor has news of them."""
    members = plan.target.members.values("user_id")
    ids = [row.pk for row in plan.items]
    watching = Item.watchers.through
    watching.objects.filter(item__in=ids).exclude(user__in=members).delete()
    Notification.objects.filter(item__in=ids).exclude(user__in=members).delete()
