"""Finding items by their words, with the same answer on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL

from backlog.models import Product, SearchText
from backlog.models.items import Item, ItemQuerySet
from backlog.rules.search import asked_words, matches, words

MOST_CANDIDATES = 1000
_REF = re.compile(r"\s*(?:(?P<key>[A-Za-z][A-Za-z0-9]*)-)?(?P<number>[1-9][0-9]{0,8})\s*")


def found_by(items: ItemQuerySet, query: str) -> ItemQuerySet:
    """Those of the items that hold each word of the query, or a word that begins with it.

    A query without a word, such as `--`, finds nothing.
    """
    asked = asked_words(query)
    if not asked:
        return items.none()
    return items.filter(pk__in=_having(asked))


def found_by_any(items: ItemQuerySet, queries: Iterable[str]) -> ItemQuerySet:
    """Those of the items that any of the queries finds."""
    asked = [wanted for wanted in map(asked_words, queries) if wanted]
    if not asked:
        return items.none()
    either = Q()
    for wanted in asked:
        either |= Q(pk__in=_having(wanted))
    return items.filter(either)


def best_of(product: Product, query: str, *, limit: int) -> tuple[list[Item], int]:
    """The best items of a product for a query, and how many there are, at most 1,000.

    What lies in the trash is not among them; see `ranked` for their order.
    """
    found = ranked(Item.objects.alive().filter(product=product), query)
    best = found[:limit]
    items = Item.objects.with_row().in_bulk(best)
    return [items[pk] for pk in best], len(found)


def ranked(items: ItemQuerySet, query: str) -> list[int]:
    """The ids of those of the items that a query finds, the best first, at most 1,000.

    First the one whose ref or number was asked for, then those with all words in their title, then
    others; the newest first in each.
    """
    asked = asked_words(query)
    candidates = found_by(items, query).annotate(is_named=_named_by(query))
    newest = candidates.order_by("-is_named", "-created_at", "-pk")
    rows = newest.values_list("pk", "is_named", "title")[:MOST_CANDIDATES]
    in_order = sorted(
        rows, key=lambda row: (not row[1], not matches(asked, " ".join(words(row[2]))))
    )
    return [pk for pk, *_ in in_order]


def _named_by(query: str) -> Case:
    """Whether an item's ref, or its number alone, is what the query says."""
    ref = _REF.fullmatch(query)
    if ref is None:
        return Case(default=Value(False))
    named = Q(number=int(ref["number"]))
    if ref["key"]:
        named &= Q(product__key=ref["key"].upper())
    return Case(When(named, then=Value(True)), default=Value(False))


def _having(asked: Sequence[str]) -> QuerySet[SearchText, int]:
    texts = SearchText.objects.all()
    if connection.vendor == "postgresql":
        # No parser of PostgreSQL's stands between: words are lexemes as they are.
        wanted = " & ".join(f"'{word}':*" for word in asked)
        texts = texts.annotate(
            hit=RawSQL(  # noqa: S611  the words hold no quotes, they are letters and digits
                "lexemes @@ %s::tsquery", [wanted]
            )
        ).filter(hit=True)
    else:
        wanted = " AND ".join(f'"{word}"*' for word in asked)
        texts = texts.filter(
            pk__in=RawSQL(  # noqa: S611  the words hold no quotes, they are letters and digits
                "SELECT rowid FROM backlog_searchindex WHERE backlog_searchindex MATCH %s", [wanted]
            )
        )
    return texts.values_list("pk", flat=True)
