"""What of the ground floor depends on a subject: items that mend it, words that describe it."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse

from backlog.models import Category, Finding, Item, Product, Subject, TermColumn
from backlog.queries.lineage import MOST_READ, Dependent, Part, part_of


def as_dependent(item: Item, how: str, *, by_hand: bool = False) -> Dependent:
    """An item, read with its status and product."""
    return Dependent(
        name=item.title,
        how=how,
        ref=item.ref,
        url=reverse("backlog:item", args=[item.product.key, item.ref]),
        state=item.status.category,
        by_hand=by_hand,
    )


def items_of_findings(subject: Subject, product: Product) -> Part:
    """The open items that findings about the subject have filed."""
    items = (
        Item.objects.alive()
        .filter(product=product, findings__subject=subject, findings__state=Finding.State.OPEN)
        .exclude(status__category=Category.DONE)
        .select_related("product", "status")
        .distinct()
        .order_by("-created_at", "-pk")
    )
    return part_of([as_dependent(item, "mends a finding") for item in items[:MOST_READ]])


def terms_of(subject: Subject, product: Product) -> Sequence[Dependent]:
    """The words of the glossary that describe columns of the subject."""
    rows = (
        TermColumn.objects.filter(subject=subject, term__product=product)
        .select_related("term")
        .order_by("term__folded", "pk")
    )
    columns: dict[int, list[str]] = {}
    words = {}
    for row in rows:
        columns.setdefault(row.term_id, []).append(row.column)
        words[row.term_id] = row.term
    return [
        Dependent(
            name=term.word,
            how=f"the term {term.word}",
            url=reverse("backlog:term", args=[product.key, pk]),
            state=term.state,
            columns=columns[pk],
        )
        for pk, term in words.items()
    ]
