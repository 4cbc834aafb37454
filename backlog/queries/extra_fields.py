"""The fields that a product adds to its items, as their page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q
from django.http import Http404

from backlog.models import ExtraField, Item, Product

KIND_WORDS = {
    "text": "Text",
    "number": "Number",
    "choice": "Choice of a list",
    "date": "Date",
    "checkbox": "Checkbox",
}


@dataclass(frozen=True)
class FieldRow:
    """A field, and how many items hold a value in it."""

    field: ExtraField
    item_count: int

    @property
    def kind(self) -> str:
        """The kind as people call it."""
        return KIND_WORDS[self.field.kind]


def field_rows(product: Product) -> list[FieldRow]:
    """The fields in their order, in two queries."""
    fields = list(product.extra_fields.all())
    counts = _holding(product, fields)
    return [FieldRow(field, counts[field.slug]) for field in fields]


def find_field(product: Product, slug: str) -> FieldRow:
    """The field of this slug; anything else is 404."""
    field = product.extra_fields.filter(slug=slug).first()
    if field is None:
        raise Http404("There is no such field.")
    field.product = product
    return FieldRow(field, _holding(product, [field])[slug])


def _holding(product: Product, fields: Sequence[ExtraField]) -> dict[str, int]:
    """How many items hold a value in each field, without what lies in the trash."""
    if not fields:
        return {}
    counts = {f"n{field.pk}": Count("pk", filter=Q(extra__has_key=field.slug)) for field in fields}
    found = Item.objects.alive().filter(product=product).aggregate(**counts)
    return {field.slug: found[f"n{field.pk}"] for field in fields}
