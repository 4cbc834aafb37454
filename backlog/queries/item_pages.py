"""What the page of one item shows beside its own fields: what stands under it and beside it, its
links, files, watchers, and whom its texts can mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, QuerySet
from django.http import Http404

from backlog.models import Attachment, Backlog, Comment, Item, Kind, Product, User
from backlog.models.items import ItemQuerySet
from backlog.queries.items import OPEN, ItemRow, Total, children_of, totals_under
from backlog.queries.links import LinkEnd, links_of
from backlog.queries.search import found_by
from backlog.rules.mentions import handles

SUGGESTED = 20
# More would make the item heavy: each comment is Markdown, each child a row with all of it.
COMMENTS_SHOWN = 50
CHILDREN_SHOWN = 100


@dataclass(frozen=True)
class Under:
    """What stands under an item: the first rows of it, and the figures of all."""

    rows: Sequence[ItemRow]
    sum: Total
    total: int
    done: int

    @property
    def has_more(self) -> bool:
        return self.total > len(self.rows)


def under(item: Item) -> Under:
    """The children, at most `CHILDREN_SHOWN` in the order of their numbers, with their figures."""
    children = Item.objects.alive().filter(parent=item)
    counted = children.aggregate(total=Count("pk"), done=Count("pk", filter=~OPEN))
    return Under(
        rows=children_of(item, most=CHILDREN_SHOWN) if counted["total"] else [],
        sum=totals_under([item]).get(item.pk, Total()),
        total=counted["total"],
        done=counted["done"],
    )


@dataclass(frozen=True)
class LinkGroup:
    """Links that say the same: "is blocked by" these."""

    words: str
    ends: Sequence[LinkEnd]


def link_groups(item: Item) -> list[LinkGroup]:
    """The links of an item by their words, what holds it back first."""
    groups: dict[str, list[LinkEnd]] = {}
    for end in links_of([item]).get(item.pk, []):
        groups.setdefault(end.words, []).append(end)
    found = [LinkGroup(words, ends) for words, ends in groups.items()]
    return sorted(found, key=lambda group: not any(end.holds_back for end in group.ends))


@dataclass(frozen=True)
class Beside:
    """The items before and after one in the order of its backlog."""

    before: Item | None
    after: Item | None


def beside(item: Item) -> Beside:
    """The open neighbours; none of what lies in the trash."""
    if item.rank is None:
        return Beside(None, None)
    others = Item.objects.alive().filter(OPEN, backlog=item.backlog).select_related("product")
    return Beside(
        before=others.filter(rank__lt=item.rank).order_by("-rank").first(),
        after=others.filter(rank__gt=item.rank).order_by("rank").first(),
    )


def possible_parents(item: Item) -> ItemQuerySet:
    """Under what the item can stand: epics, and for a task whatever is none itself."""
    items: ItemQuerySet = Item.objects.alive().filter(product=item.product).exclude(pk=item.pk)
    if item.kind == Kind.EPIC:
        return items.none()
    return items.exclude(kind=Kind.TASK) if item.kind == Kind.TASK else items.filter(kind=Kind.EPIC)


def suggested(items: ItemQuerySet, query: str) -> list[Item]:
    """Some of these items for what somebody has typed so far, the newest first."""
    found = found_by(items, query) if query.strip() else items
    return list(found.select_related("product").order_by("-created_at", "-pk")[:SUGGESTED])


def meant(items: ItemQuerySet, text: str) -> list[Item]:
    """Which of these items a text may mean: those of this title, else those with its words."""
    title = " ".join(text.split())
    named = suggested(items.filter(title__iexact=title), "")
    return named or suggested(items, title)


def others_of(item: Item) -> ItemQuerySet:
    """What an item can be linked to."""
    items: ItemQuerySet = Item.objects.alive().filter(product=item.product).exclude(pk=item.pk)
    return items


@dataclass(frozen=True)
class Comments:
    """What people and the evidence said, oldest first: all of it, or the newest of `total`."""

    rows: Sequence[Comment]
    total: int

    @property
    def has_more(self) -> bool:
        return self.total > len(self.rows)


def comments_of(item: Item, *, everything: bool = False) -> Comments:
    """The newest `COMMENTS_SHOWN` comments of the item, or all."""
    newest = item.comments.select_related("author").order_by("-created_at", "-pk")
    rows = list(newest if everything else newest[:COMMENTS_SHOWN])[::-1]
    is_all = everything or len(rows) < COMMENTS_SHOWN
    return Comments(rows, len(rows) if is_all else item.comments.count())


def attachments_of(item: Item) -> QuerySet[Attachment]:
    return item.attachments.select_related("added_by")


def find_attachment(item: Item, attachment_id: int) -> Attachment:
    """A file of this item, or 404."""
    attachment = attachments_of(item).filter(pk=attachment_id).first()
    if attachment is None:
        raise Http404(f"There is no such file on {item.ref}.")
    attachment.item = item
    return attachment


def find_comment(item: Item, comment_id: int) -> Comment:
    """A comment on this item, or 404."""
    comment = item.comments.select_related("author").filter(pk=comment_id).first()
    if comment is None:
        raise Http404(f"There is no such comment on {item.ref}.")
    comment.item = item
    return comment


class People:
    """The members of a product and how they can be mentioned, read once."""

    def __init__(self, product: Product) -> None:
        self.product = product

    @cached_property
    def members(self) -> list[User]:
        return list(User.objects.filter(memberships__product=self.product).order_by("name"))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Full names by what can stand after the @."""
        names = {user.email: str(user) for user in self.members}
        return {handle: names[email] for handle, email in self._handles.items()}

    @cached_property
    def mentions(self) -> list[dict[str, str]]:
        """What to offer after an @: the shortest handle of each, with the name."""
        shortest: dict[str, str] = {}
        for handle in sorted(self._handles, key=lambda one: (len(one), one)):
            shortest.setdefault(self._handles[handle], handle)
        return [
            {"handle": shortest[user.email], "name": str(user)}
            for user in self.members
            if user.email in shortest
        ]

    @cached_property
    def _handles(self) -> Mapping[str, str]:
        return handles((user.email, user.name) for user in self.members)


def is_in_inbox(item: Item) -> bool:
    return bool(item.backlog.kind == Backlog.Kind.INBOX)
