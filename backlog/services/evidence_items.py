"""What evidence does to items: file, finish, bring back, say. Many at once, few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backlog.models import (
    Actor,
    Category,
    Comment,
    Finding,
    Item,
    ItemCounter,
    Kind,
    OnGreen,
    Place,
    Product,
    Stay,
    User,
)
from backlog.models.items import ItemQuerySet
from backlog.services.deeds import Deed
from backlog.services.items import (
    ItemDraft,
    create_items,
    inbox,
    open_muted_with,
    product_backlog,
    set_status,
)
from backlog.services.ranks import Spot, keys_for, lock_all_backlogs, note_places, place_of
from backlog.services.rows import PLACE, write_items
from backlog.services.search import index_items

# Evidence alone may finish these; of other kinds it asks the team.
FINISHED_BY_EVIDENCE = frozenset({Kind.DATA_ASSESSMENT, Kind.ETHICS, Kind.TASK})


def lock_items_of(
    product: Product, findings: Iterable[Finding], *, has_backlogs: bool = False
) -> dict[int, Item]:
    """The items of findings, locked. All backlogs, unless the caller has them already, and the
    counter come first, as in every deed on items, so that items can be moved and filed as well."""
    if not has_backlogs:
        lock_all_backlogs(product)
    ItemCounter.objects.select_for_update(no_key=True).get(product=product)
    ids = {finding.item_id for finding in findings if finding.item_id}
    return {
        item.pk: item
        for item in Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "status", "backlog")
        .filter(pk__in=ids)
        .order_by("pk")
    }


@dataclass(frozen=True)
class Parent:
    """The epic under which many items come at once: the one that is there, else one to be made."""

    title: str
    description: str = ""
    item: Item | None = None


def file_items(
    product: Product,
    findings: Sequence[Finding],
    *,
    kind: str,
    actor: Actor,
    recurs_from: Mapping[int, Item] | None = None,
    parent: Parent | None = None,
) -> list[Item]:
    """One item for each finding, the most urgent first, where the product wants them; each is its
    owner's, if the product says so. A parent that is made comes first."""
    if not findings:
        return []
    ordered = sorted(findings, key=lambda finding: (finding.priority, -finding.score))
    owners = _owners(product, ordered)
    makes_parent = parent is not None and parent.item is None
    drafts = [
        ItemDraft(
            title=item_title(finding.title),
            kind=Kind.TASK if finding.is_execution else kind,
            description=_description(finding, (recurs_from or {}).get(finding.pk)),
            assignees=owners.get(finding.subject_id or 0, ())
            if product.assign_owner or finding.is_execution
            else (),
            parent=parent.item if parent else None,
            under=0 if makes_parent else None,
        )
        for finding in ordered
    ]
    if parent is not None and makes_parent:
        epic = ItemDraft(title=parent.title, kind=Kind.EPIC, description=parent.description)
        drafts = [epic, *drafts]
    to_inbox = product.place == Place.INBOX
    made = create_items(
        product,
        drafts,
        actor=actor,
        backlog=inbox(product) if to_inbox else product_backlog(product),
        spot=Spot.top() if product.place == Place.TOP else Spot.bottom(),
        quietly=True,  # the owner is told once of all, not of each
    )
    items = made[1:] if makes_parent else made
    for finding, item in zip(ordered, items, strict=True):
        finding.item = item
    return made


def follow_green(product: Product, items: Sequence[Item], done: Deed) -> None:
    """Set items to the status that the product names for green evidence, by default done."""
    if not items:
        return
    named = product.on_green_status if product.on_green == OnGreen.STATUS else None
    finished = product.statuses.filter(category=Category.DONE).order_by("position").first()
    moved = set_status(
        [item for item in items if item.status.category != Category.DONE], named or finished, done
    )
    _storms_end(moved, done)


def bring_back(product: Product, items: Sequence[Item], done: Deed) -> None:
    """Reopen finished items: where they are in a running sprint, else atop the product backlog.

    One from the trash comes back atop the product backlog, wherever it was, and what was muted
    with it is open again.
    """
    if not items:
        return
    trashed = [item for item in items if item.deleted_at]
    if trashed:
        open_muted_with(trashed, done.at)
    _storms_go_on(items, done)
    finished = [item for item in items if item.status.category == Category.DONE]
    stay = {item.pk for item in finished if item.backlog.is_running_sprint and not item.deleted_at}
    statuses = product.statuses.order_by("position")
    if stay:
        set_status(
            [item for item in finished if item.pk in stay],
            statuses.filter(category=Category.DOING).first(),
            done,
        )
    if len(finished) > len(stay):
        set_status(
            [item for item in finished if item.pk not in stay],
            statuses.filter(category=Category.TODO).first(),
            done,
        )
    back = {item.pk for item in finished} - stay
    _to_the_top(product, [item for item in items if item.deleted_at or item.pk in back], done)


def _storms_end(items: Sequence[Item], done: Deed) -> None:
    """The item above a storm is done with the last of those under it."""
    parents = {item.parent_id for item in items if item.parent_id}
    if not parents:
        return
    left = Item.objects.alive().filter(parent__in=parents).exclude(status__category=Category.DONE)
    over = _storm_items(parents).exclude(pk__in=left.values("parent"))
    finished = done.product.statuses.filter(category=Category.DONE).order_by("position").first()
    set_status(list(over.exclude(status__category=Category.DONE)), finished, done)


def _storms_go_on(items: Sequence[Item], done: Deed) -> None:
    """The item above a storm is open again with any of those under it."""
    parents = {item.parent_id for item in items if item.parent_id}
    if not parents:
        return
    first = done.product.statuses.filter(category=Category.TODO).order_by("position").first()
    set_status(list(_storm_items(parents).filter(status__category=Category.DONE)), first, done)


def _storm_items(ids: Iterable[int]) -> ItemQuerySet:
    found: ItemQuerySet = (
        Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "status", "backlog")
        .filter(pk__in=ids, storm__isnull=False, deleted_at__isnull=True)
        .order_by("pk")
    )
    return found


def retitle(titled: Iterable[tuple[Item, str]], done: Deed) -> None:
    """Give locked items the titles that their findings have by now, in one statement."""
    going = [(item, title) for item, title in titled if title and title != item.title]
    for item, title in going:
        item.version += 1
        done.change(item, "title", item.title, title)
        item.title, item.updated_at = title, done.at
    if going:
        write_items([item for item, _ in going], ["title", "version", "updated_at"])
        index_items([item.pk for item, _ in going])


def say(lines: Iterable[tuple[Item, str]], *, author: User | None = None) -> None:
    """Comments that evidence leaves, or the person who decided about it."""
    said = Comment.objects.bulk_create(
        Comment(item=item, author=author, text=text) for item, text in lines
    )
    index_items({comment.item_id for comment in said})


def _to_the_top(product: Product, items: Sequence[Item], done: Deed) -> None:
    if not items:
        return
    home = product_backlog(product)
    keys = keys_for(home, Spot.top(), len(items))
    before = {item.pk: place_of(item) for item in items}
    coming = [item for item in items if item.backlog_id != home.pk or item.deleted_at]
    _end_stays(coming, done.at)
    for item in coming:
        item.version += 1
        if item.deleted_at:
            done.change(item, "deleted", True, False)
        else:
            done.change(item, "backlog", item.backlog.name, home.name)
    for item, key in zip(items, keys, strict=True):
        item.rank, item.backlog, item.deleted_at = key, home, None
        item.updated_at = done.at
    write_items(items, [*PLACE, "deleted_at"])
    note_places(items, before)
    Stay.objects.bulk_create(Stay(item=item, backlog=home, entered_at=done.at) for item in coming)


def _end_stays(items: Sequence[Item], at: datetime) -> None:
    Stay.objects.filter(item__in=[item.pk for item in items], left_at__isnull=True).update(
        left_at=at, outcome=Stay.Outcome.MOVED
    )


def _owners(product: Product, findings: Sequence[Finding]) -> dict[int, tuple[User, ...]]:
    """Who gets the items about each subject: its owner, while a member of the product."""
    owners = {f.subject.pk: f.subject.owner for f in findings if f.subject and f.subject.owner_id}
    if not owners:
        return {}
    members = product.members.filter(user__in=[user.pk for user in owners.values() if user])
    known = set(members.values_list("user_id", flat=True))
    return {pk: (user,) for pk, user in owners.items() if user and user.pk in known}


def _description(finding: Finding, former: Item | None) -> str:
    about = f" about **{finding.subject.name}**" if finding.subject else ""
    text = f"Filed by evidence{about}. It closes itself when the same evidence turns green."
    return f"{text}\n\nRecurs from {former.ref}." if former else text


def item_title(of_finding: str) -> str:
    """The title that an item has of its finding."""
    return " ".join(of_finding.split())
