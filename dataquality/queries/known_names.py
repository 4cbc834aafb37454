"""What tools elsewhere call the datasets of a product."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.text import slugify

from backlog.models import Product
from dataquality.models import Dataset

QUOTES = str.maketrans("", "", "\"'`[]")


class Known:
    """The datasets of a product by their names elsewhere, and by their slugs."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.by_name: dict[str, Dataset] = {}
        self.by_slug: dict[str, Dataset] = {}
        for dataset in datasets:
            self.add(dataset)

    def add(self, dataset: Dataset) -> None:
        for name in dataset.known_as:
            self.by_name.setdefault(normal(name), dataset)
        self.by_slug.setdefault(dataset.slug, dataset)

    def find(self, names: Sequence[str], bare: str) -> Dataset | None:
        """The dataset that is known by one of the names, the first first; else by the end of a
        relation's name (`shop.orders` of `prod.shop.orders`), else the one with the slug of the
        plain name."""
        told = [normal(name) for name in names]
        for name in told:
            if name in self.by_name:
                return self.by_name[name]
        for name in told:
            _, _, rest = name.partition(".")
            while "." in rest:
                if rest in self.by_name:
                    return self.by_name[rest]
                _, _, rest = rest.partition(".")
        return self.by_name.get(normal(bare)) or self.by_slug.get(slugify(bare)) if bare else None


def known_datasets(product: Product, *, but: Dataset | None = None) -> Known:
    """All of a product, apart from one, in one query."""
    others = [dataset for dataset in Dataset.objects.of(product) if dataset != but]
    return Known(others)


def normal(name: str) -> str:
    """A name without quotes, in small letters: `"Prod"."Shop"."Orders"` is prod.shop.orders."""
    return str(name).translate(QUOTES).strip().casefold()
