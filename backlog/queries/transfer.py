"""Items that go to another product: what comes along, where they can go, where they have gone."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from backlog.models import (
    Backlog,
    ExtraField,
    Finding,
    FormerRef,
    Item,
    Kind,
    Label,
    Link,
    Product,
    Status,
    User,
)
from backlog.rules import extra_fields

SHOWN = 8
SETTLED = (Finding.State.RESOLVED, Finding.State.OBSOLETE)


@dataclass(frozen=True)
class Fit:
    """One item as the other product can hold it. `labels` are names, of which some may be new."""

    item: Item
    status: Status
    assignees: Sequence[User]
    labels: Sequence[str]
    extra: dict[str, Any]


@dataclass
class Plan:
    """What goes to the other product, parents before what stands under them, and what is lost."""

    product: Product
    target: Product
    fits: list[Fit] = field(default_factory=list)
    staying: list[Item] = field(default_factory=list)
    new_labels: list[str] = field(default_factory=list)
    strangers: list[User] = field(default_factory=list)
    statuses: list[tuple[Status, Status]] = field(default_factory=list)
    lost_fields: list[str] = field(default_factory=list)
    lost_links: list[Link] = field(default_factory=list)
    lost_parent: Item | None = None
    with_findings: list[Item] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        return [fit.item for fit in self.fits]


def transfer_plan(item: Item, target: Product, *, with_children: bool = True) -> Plan:
    """How the item and what moves with it fit into the other product, in a fixed number of
    queries.

    Tasks come with their item; what else stands under an epic comes `with_children`. What
    finished in a closed sprint stays, for its history never changes.
    """
    product = item.product
    plan = Plan(product, target)
    coming, plan.staying = _family(item, with_children=with_children)
    ids = {row.pk for row in coming}
    labels = {label.name.casefold(): label for label in target.labels.all()}
    members = set(target.members.values_list("user_id", flat=True))
    statuses = list(target.statuses.order_by("position"))
    theirs = {row.slug: row for row in target.extra_fields.all()}
    ours = {row.slug: row for row in product.extra_fields.all()}
    for row in coming:
        status = _status(row.status, statuses)
        extra, lost = _extra(row.extra, ours, theirs)
        people = list(row.assignees.all())
        plan.fits.append(
            Fit(
                item=row,
                status=status,
                assignees=[person for person in people if person.pk in members],
                labels=[label.name for label in row.labels.all()],
                extra=extra,
            )
        )
        _note(plan.strangers, (person for person in people if person.pk not in members))
        _note(plan.new_labels, _missing(row.labels.all(), labels))
        _note(plan.lost_fields, lost)
        if status.name != row.status.name:
            _note(plan.statuses, [(row.status, status)])
    plan.lost_parent = item.parent
    links = Link.objects.filter(Q(source__in=ids) | Q(target__in=ids))
    plan.lost_links = [
        link
        for link in links.select_related("source__product", "target__product")
        if not {link.source_id, link.target_id} <= ids
    ]
    watched = Finding.objects.filter(item__in=ids).exclude(state__in=SETTLED)
    at_issue = set(watched.values_list("item", flat=True))
    plan.with_findings = [row for row in coming if row.pk in at_issue]
    return plan


@dataclass(frozen=True)
class Told:
    """A plan in sentences: what comes along, and what is different there or stays behind."""

    along: Sequence[str]
    otherwise: Sequence[str]


def told(plan: Plan, *, copying: bool) -> Told:
    """What a person should know before the items go."""
    more = [row.ref for row in plan.items[1:]]
    along = [
        *([f"What stands under it: {_listed(more)}."] if more else []),
        "Title, description, acceptance criteria, points, due date and GPU-hours.",
        *([] if copying else ["Its comments, files and whole history, with the names in it."]),
    ]
    otherwise = [
        *(f"The status is “{there}” there instead of “{here}”." for here, there in plan.statuses),
        *_if("New labels there", plan.new_labels),
        *_if(f"Fields that {plan.target.key} doesn't have are lost", plan.lost_fields),
        *_if("Not assigned there, because they are not members", plan.strangers),
        *_stays(plan, copying=copying),
    ]
    if plan.lost_parent:
        ref = plan.lost_parent.ref
        otherwise.append(
            f"The copy does not stand under {ref}."
            if copying
            else f"It does not stand under {ref} any more."
        )
    if copying:
        otherwise.append("Comments, files, links, evidence and history stay with the original.")
        return Told(along, otherwise)
    if plan.lost_links:
        ends = {link.source for link in plan.lost_links} | {link.target for link in plan.lost_links}
        refs = sorted(end.ref for end in ends - set(plan.items))
        otherwise.append(f"Its links to {_listed(refs)} go.")
    otherwise.append(
        f"It gets a new ref in {plan.target.key}; {plan.items[0].ref} leads to it for ever, "
        "for members of both products."
    )
    return Told(along, otherwise)


def _stays(plan: Plan, *, copying: bool) -> list[str]:
    """What stands under the items and does not come along; some of it loses its parent."""
    if copying:
        return _if("Not copied", [row.ref for row in plan.staying])
    going = {row.pk for row in plan.items}
    left = [row.ref for row in plan.staying if row.parent_id in going]
    others = [row.ref for row in plan.staying if row.parent_id not in going]
    return [*_if("Stays here, without a parent", left), *_if("Stays here", others)]


def _if(said: str, things: Sequence[Any]) -> list[str]:
    return [f"{said}: {_listed([str(thing) for thing in things])}."] if things else []


def _listed(words: Sequence[str]) -> str:
    shown = list(words[:SHOWN])
    rest = len(words) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def other_products(person: User, product: Product, roles: Collection[str]) -> list[Product]:
    """The other products in which the person has one of these roles, by name."""
    found = Product.objects.filter(members__user=person, members__role__in=roles)
    return list(found.exclude(pk=product.pk).order_by("name", "key"))


def moved_item(product: Product, ref: str, person: User) -> Item | None:
    """The item that had this ref here before it moved to another product of the person."""
    match = re.fullmatch(r"([A-Za-z0-9]+)-([1-9][0-9]{0,8})", ref.strip())
    if match is None or match[1].upper() != product.key:
        return None
    former = (
        FormerRef.objects.filter(product=product, number=int(match[2]))
        .filter(item__product__in=Product.objects.visible_to(person))
        .select_related("item__product")
        .first()
    )
    return former.item if former else None


def _family(item: Item, *, with_children: bool) -> tuple[list[Item], list[Item]]:
    """What goes along, in order, and what stands under the item but stays."""
    rows = (
        Item.objects.alive()
        .select_related("product", "status", "backlog", "parent__product")
        .prefetch_related("labels", "assignees")
        .order_by("backlog", "rank")
    )
    under = list(rows.filter(parent=item))
    children = [row for row in under if with_children or row.kind == Kind.TASK]
    tasks = rows.filter(kind=Kind.TASK, parent__in=[row.pk for row in children])
    coming = [rows.get(pk=item.pk)]
    staying = [row for row in under if row not in children]
    by_parent: dict[int | None, list[Item]] = {}
    for task in tasks:
        by_parent.setdefault(task.parent_id, []).append(task)
    for child in children:
        for row in (child, *by_parent.get(child.pk, [])):
            is_history = row.backlog.state == Backlog.State.CLOSED
            (staying if is_history else coming).append(row)
    there = {row.pk for row in coming}
    orphans = [row for row in coming[1:] if row.parent_id not in there]
    return [row for row in coming if row not in orphans], [*staying, *orphans]


def _status(status: Status, theirs: Sequence[Status]) -> Status:
    """Theirs of the same slug and category, else the first of the category, else the first."""
    alike = [row for row in theirs if row.category == status.category]
    same = [row for row in alike if row.slug == status.slug]
    return [*same, *alike, *theirs][0]


def _extra(
    values: dict[str, Any], ours: dict[str, ExtraField], theirs: dict[str, ExtraField]
) -> tuple[dict[str, Any], list[str]]:
    """The values that the fields of the other product can hold, and the names of the others."""
    kept, lost = {}, []
    for slug, value in values.items():
        name = ours[slug].name if slug in ours else slug
        there = theirs.get(slug)
        try:
            if there is None or slug not in ours or there.kind != ours[slug].kind:
                raise extra_fields.BadValue
            kept[slug] = extra_fields.kept(there.kind, value, there.choices)
        except extra_fields.BadValue:
            lost.append(name)
    return kept, lost


def _missing(labels: Any, theirs: dict[str, Label]) -> list[str]:
    return [label.name for label in labels if label.name.casefold() not in theirs]


def _note(seen: list[Any], found: Any) -> None:
    seen += [one for one in dict.fromkeys(found) if one not in seen]
