"""Finding items by their words, with the same answer on both databases."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from backlog.models import Product, SearchText
from backlog.models.items import Item, ItemQuerySet
from backlog.rules.search import asked_words, matches, words

MOST_CANDIDATES = 1000


def found_by(items: ItemQuerySet, query: str) -> ItemQuerySet:
    """Those of the items that hold each word of the query, or a word that begins with it.

    A query without a word, such as `--`, finds nothing.
    """
    asked = asked_words(query)
    if not asked:
        return items.none()
    return items.filter(pk__in=_having(asked))


def best_of(product: Product, query: str, *, limit: int) -> tuple[list[Item], int]:
    """The best items of a product for a query, and how many there are, at most 1,000.

    First the one whose ref was asked for, then those with all words in their title, then others;
    the newest first in each. What lies in the trash is not among them.
    """
    asked = asked_words(query)
    candidates = found_by(Item.objects.alive().filter(product=product), query)
    newest = candidates.order_by("-created_at", "-pk").values_list("pk", "number", "title")
    ref = query.strip().upper()
    ranked = sorted(
        newest[:MOST_CANDIDATES],
        key=lambda row: (
            f"{product.key}-{row[1]}" != ref,
            not matches(asked, " ".join(words(row[2]))),
        ),
    )
    best = [pk for pk, *_ in ranked[:limit]]
    items = Item.objects.with_row().in_bulk(best)
    return [items[pk] for pk in best], len(ranked)


def _having(asked: Sequence[str]) -> QuerySet[SearchText, int]:
    texts = SearchText.objects.all()
    if connection.vendor == "postgresql":
        # No parser of PostgreSQL's stands between: words are lexemes as they are.
        wanted = " & ".join(f"'{word}':*" for word in asked)
        texts = texts.annotate(
            hit=RawSQL(  # noqa: S611  the words hold no quotes, they are letters and digits
                "array_to_tsvector(string_to_array(words, ' ')) @@ %s::tsquery", [wanted]
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
