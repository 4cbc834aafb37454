"""Who is told of what: mentions, assignments and news of watched items, written with the deed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import FilteredRelation, Q
from django.utils import timezone

from backlog.models import Actor, Comment, Item, Notification, Product, User
from backlog.queries.news import mark_elsewhere
from backlog.rules.digests import is_heard
from backlog.rules.mentions import handles, mentioned

LONGEST_NUMBER = 9  # digits of an item's


def people_mentioned(product: Product, text: str) -> list[User]:
    """The members whom a text mentions, in the order it does; strangers and doubles are none."""
    names = mentioned(text)
    if not names:
        return []
    members = {user.email: user for user in User.objects.filter(memberships__product=product)}
    known = handles((user.email, user.name) for user in members.values())
    emails = dict.fromkeys(known[name] for name in names if name in known)
    return [members[email] for email in emails]


def watch(pairs: Iterable[tuple[Item, User]]) -> None:
    """Let each of these people hear of what happens to the item."""
    watching = Item.watchers.through
    watching.objects.bulk_create(
        (watching(item=item, user=user) for item, user in pairs), ignore_conflicts=True
    )


def unwatch(item: Item, person: User) -> None:
    item.watchers.remove(person)


@dataclass(frozen=True)
class News:
    """Something to tell one person about an item."""

    item: Item
    user: User
    kind: str
    comment: Comment | None = None


def tell(product: Product, news: Sequence[News], *, actor: Actor, at: datetime) -> None:
    """Write the news; none for who did it, nor for who is no member of the product any more, nor
    what somebody chose not to hear of it."""
    people = {one.user.pk for one in news} - {actor.user.pk if actor.user else None}
    if not people:
        return
    members = User.objects.filter(pk__in=people, memberships__product=product, is_active=True)
    chosen = FilteredRelation("news_choices", condition=Q(news_choices__product=product))
    levels = members.annotate(chosen=chosen).values_list("pk", "chosen__level")
    told = {
        (pk, kind)
        for pk, level in levels
        for kind in Notification.Kind.values
        if level is None or is_heard(kind, level)
    }
    Notification.objects.bulk_create(
        Notification(
            user=one.user, item=one.item, comment=one.comment, kind=one.kind, by=actor.user, at=at
        )
        for one in news
        if (one.user.pk, one.kind) in told
    )


def tell_watchers(product: Product, items: Collection[Item], *, actor: Actor, at: datetime) -> None:
    """Write to those who watch these items that they changed, `at` being the time of the deed by
    which the news find what it did."""
    if not items:
        return
    watching = Item.watchers.through.objects.filter(item__in=[item.pk for item in items])
    by_id = {item.pk: item for item in items}
    news = [
        News(by_id[row.item_id], row.user, Notification.Kind.CHANGE)
        for row in watching.select_related("user")
    ]
    tell(product, news, actor=actor, at=at)


def mark_read(person: User, *, item: Item | None = None) -> int:
    """The person has seen all news, or those of one item; how many were new."""
    unread = Notification.objects.filter(user=person, read_at=None)
    if item is not None:
        return int(unread.filter(item=item).update(read_at=timezone.now()))
    return int(unread.update(read_at=timezone.now())) + mark_elsewhere(person)


def mark_read_of(person: User, ref: str) -> int:
    """The person has seen all news of the item of this ref; how many were new."""
    key, _, number = ref.strip().upper().rpartition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
        return 0
    news = Notification.objects.filter(
        user=person, read_at=None, item__product__key=key, item__number=int(number)
    )
    return int(news.update(read_at=timezone.now()))
