"""The templates of suites that a product can choose from."""

from __future__ import annotations

from django.http import Http404

from backlog.models import Product
from dataquality.models import SuiteTemplate
from dataquality.rules.templates import SHIPPED, Slot, Template


def templates_of(product: Product) -> list[Template]:
    """The product's own by name, then those that come with us."""
    own = SuiteTemplate.objects.filter(product=product)
    return [*(_template(row) for row in own), *SHIPPED]


def find_template(product: Product, slug: str) -> Template:
    """One of them, or 404."""
    found = next((one for one in templates_of(product) if one.slug == slug), None)
    if found is None:
        raise Http404(f"There is no template {slug}.")
    return found


def find_own_template(product: Product, slug: str) -> SuiteTemplate:
    """One that the product has made, or 404."""
    found = SuiteTemplate.objects.filter(product=product, slug=slug).first()
    if found is None:
        raise Http404(f"There is no template {slug} of {product.key}.")
    return found


def _template(row: SuiteTemplate) -> Template:
    slots = [
        Slot(
            key=slot["key"],
            label=slot["label"],
            types=tuple(slot.get("types", ())),
            hints=(str(slot["label"]).lower(),),
        )
        for slot in row.slots
    ]
    return Template(row.slug, row.name, row.about, slots, row.expectations, is_own=True)
