"""What a person was told of: mentions, assignments and news of the items that they watch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import CharField, Model, QuerySet, Value

from backlog.models import Activity, Change, Kind, Notification, Product, Status, User
from backlog.queries.news import sources
from backlog.rules.history import Names, change_in_words

PAGE_SIZE = 50
MOST_COUNTED = 100  # the bell says 99+
ITEMS = "items"
# What a change of a watched item is told by, where one deed changed several fields.
TELLING = ("deleted", "status", "backlog", "points", "title", "description")


@dataclass(frozen=True)
class NewsRow:
    """Something that the person was told, in words: who did what to which item."""

    news: Notification
    who: str
    words: str
    excerpt: str

    @property
    def is_new(self) -> bool:
        return self.news.read_at is None


def unread_count(person: User) -> int:
    """How many news the person has not seen, of items and of what other floors tell: at most 100.

    Every page asks, and most have little to tell: a first query says by indexes alone who keeps
    anything unread, and a second one counts what of that still matters to the person.
    """
    kept: list[tuple[str, type[Model]]] = [(ITEMS, Notification)]
    kept += [(source.name, source.model) for source in sources()]
    first, *others = [
        model._default_manager.filter(user=person, read_at__isnull=True)
        .order_by()
        .values_list(Value(name, CharField()))
        for name, model in kept
    ]
    keepers = {name for (name,) in first.union(*others)}
    counted = [_of(person).filter(read_at__isnull=True)] if ITEMS in keepers else []
    counted += [source.rows(person) for source in sources() if source.name in keepers]
    if not counted:
        return 0
    head, *rest = [rows.order_by().values("pk") for rows in counted]
    return int(head.union(*rest, all=True)[:MOST_COUNTED].count())


def news_page(person: User, number: str | int | None, *, unread: bool) -> Page[Notification]:
    """The person's news, or those alone that are unread, the latest first."""
    news = _of(person).select_related("item__product", "item__status", "by", "comment")
    if unread:
        news = news.filter(read_at__isnull=True)
    page: Page[Notification] = Paginator(news, PAGE_SIZE).get_page(number)
    return page


def unread_between(person: User, since: datetime, until: datetime) -> QuerySet[Notification]:
    """News of items from after `since` until `until` that the person has not read, the latest
    first."""
    news = _of(person).filter(read_at__isnull=True, at__gt=since, at__lte=until)
    return news.select_related("item__product", "item__status", "by", "comment")


def news_rows(found: Iterable[Notification]) -> list[NewsRow]:
    """These news in words, in a fixed number of queries."""
    news = list(found)
    changed = _changes_told([one for one in news if one.kind == Notification.Kind.CHANGE])
    return [
        NewsRow(
            news=one,
            who=str(one.by) if one.by else "ML Scrum",
            words=changed.get(one.pk) or Notification.Kind(one.kind).label,
            excerpt=" ".join(one.comment.text.split()) if one.comment else "",
        )
        for one in news
    ]


def names_in(products: Sequence[Product]) -> dict[int, Names]:
    """How the people and statuses of these products are called, by the product's id."""
    statuses: dict[int, dict[str, str]] = defaultdict(dict)
    for product_id, slug, name in Status.objects.filter(product__in=products).values_list(
        "product_id", "slug", "name"
    ):
        statuses[product_id][slug] = name
    members = User.objects.filter(memberships__product__in=products).values_list("email", "name")
    people = {email: name or email for email, name in members}
    kinds = dict(Kind.choices)
    return {product.pk: Names(statuses[product.pk], people, kinds) for product in products}


def told_by(changes: Iterable[Change], names: Names) -> str:
    """The change among these of one item that says most, in words."""
    found = {change.field: change for change in changes}
    field = next((name for name in TELLING if name in found), next(iter(found), ""))
    if not field:
        return ""
    change = found[field]
    return change_in_words(field, change.before, change.after, names)


def _of(person: User) -> QuerySet[Notification]:
    """Of products that the person has left there are no news."""
    return Notification.objects.filter(user=person, item__product__members__user=person)


def _changes_told(news: Sequence[Notification]) -> dict[int, str]:
    """What a change was, by the news of it: it was written with the deed, at the same time."""
    if not news:
        return {}
    products = list({one.item.product.pk: one.item.product for one in news}.values())
    deeds = Activity.objects.filter(product__in=products, at__in={one.at for one in news})
    changes: dict[tuple[int, object], list[Change]] = defaultdict(list)
    for change in Change.objects.filter(
        activity__in=deeds.values("pk"), item__in={one.item.pk for one in news}
    ).select_related("activity"):
        changes[change.item_id, change.activity.at].append(change)
    names = names_in(products)
    return {
        one.pk: told_by(changes.get((one.item_id, one.at), []), names[one.item.product_id])
        for one in news
    }
