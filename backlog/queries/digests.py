"""What a person chose to hear, and what their next digest would tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from backlog.models import Digest, NewsChoice, Product, User
from backlog.queries.news import unseen_elsewhere
from backlog.queries.notifications import news_rows, unread_between
from backlog.queries.people import products_of
from backlog.rules.digests import MOST_LINES, Line


@dataclass(frozen=True)
class ChoiceRow:
    """One product of the person, and how much of it they hear."""

    product: Product
    level: str


def choices_of(person: User) -> list[ChoiceRow]:
    """Every product that the person belongs to, by key, with what they chose or did not change."""
    chosen = dict(person.news_choices.values_list("product", "level"))
    return [
        ChoiceRow(product, chosen.get(product.pk, NewsChoice.Level.WATCHED))
        for product in products_of(person)
    ]


def digest_of(person: User) -> Digest | None:
    return Digest.objects.filter(user=person).first()


def unread_lines(person: User, since: datetime, until: datetime) -> tuple[Sequence[Line], int]:
    """What the person was told after `since` and until `until` and has not read: the latest lines,
    with whole addresses, and how many there are of all."""
    news = unread_between(person, since, until)
    found = [
        Line(
            row.news.item.product.key,
            " ".join(f"{row.news.item.ref} {row.news.item.title}: {row.who} {row.words}".split()),
            _whole(reverse("backlog:item", args=[row.news.item.product.key, row.news.item.ref])),
        )
        for row in news_rows(news[:MOST_LINES])
    ]
    others = [told for told in unseen_elsewhere(person) if since < told.at <= until]
    found += [Line(told.product_key, told.words, _whole(told.url)) for told in others]
    return found[:MOST_LINES], news.count() + len(others)


def _whole(url: str) -> str:
    return f"{settings.BASE_URL}{url}"
