"""What evidence does to items: file, finish, bring back, say. Many at once, few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


def lock_items_of(product: Product, findings: Iterable[Finding]) -> dict[int, Item]:
    """The items of findings, locked. All backlogs and the counter come first, as in every deed
    on items, so that items can be moved and filed as well."""
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


def file_items(
    product: Product,
    findings: Sequence[Finding],
    *,
    kind: str,
    actor: Actor,
    recurs_from: Mapping[int, Item] | None = None,
) -> list[Item]:
    """One item for each finding, the most urgent first, where the product wants them."""
    if not findings:
        return []
    ordered = sorted(findings, key=lambda finding: (finding.priority, -finding.score))
    drafts = [
        ItemDraft(
            title=item_title(finding.title),
            kind=Kind.TASK if finding.is_execution else kind,
            description=_description(finding, (recurs_from or {}).get(finding.pk)),
            assignees=_owner(finding),
        )
        for finding in ordered
    ]
    to_inbox = product.place == Place.INBOX
    items = create_items(
        product,
        drafts,
        actor=actor,
        backlog=inbox(product) if to_inbox else product_backlog(product),
        spot=Spot.top() if product.place == Place.TOP else Spot.bottom(),
    )
    for finding, item in zip(ordered, items, strict=True):
        finding.item = item
    return items


def follow_green(product: Product, items: Sequence[Item], done: Deed) -> None:
    """Set items to the status that the product names for green evidence, by default done."""
    named = product.on_green_status if product.on_green == OnGreen.STATUS else None
    finished = product.statuses.filter(category=Category.DONE).order_by("position").first()
    set_status(
        [item for item in items if item.status.category != Category.DONE], named or finished, done
    )


def bring_back(product: Product, items: Sequence[Item], done: Deed) -> None:
    """Reopen finished items: where they are in a running sprint, else atop the product backlog.

    One from the trash comes back atop the product backlog, wherever it was, and what was muted
    with it is open again.
    """
    trashed = [item for item in items if item.deleted_at]
    if trashed:
        open_muted_with(trashed, done.at)
    finished = [item for item in items if item.status.category == Category.DONE]
    stay = {item.pk for item in finished if item.backlog.is_running_sprint and not item.deleted_at}
    statuses = product.statuses.order_by("position")
    set_status(
        [item for item in finished if item.pk in stay],
        statuses.filter(category=Category.DOING).first(),
        done,
    )
    set_status(
        [item for item in finished if item.pk not in stay],
        statuses.filter(category=Category.TODO).first(),
        done,
    )
    back = {item.pk for item in finished} - stay
    _to_the_top(product, [item for item in items if item.deleted_at or item.pk in back], done)


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


def _owner(finding: Finding) -> tuple[User, ...]:
    subject = finding.subject
    if not finding.is_execution or subject is None or subject.owner is None:
        return ()
    is_member = finding.product.members.filter(user=subject.owner).exists()
    return (subject.owner,) if is_member else ()


def _description(finding: Finding, former: Item | None) -> str:
    about = f" about **{finding.subject.name}**" if finding.subject else ""
    text = f"Filed by evidence{about}. It closes itself when the same evidence turns green."
    return f"{text}\n\nRecurs from {former.ref}." if former else text


def item_title(of_finding: str) -> str:
    """The title that an item has of its finding."""
    return " ".join(of_finding.split())
