"""Deeds on datasets that other products may read of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import Actor, Product
from backlog.services.deeds import deed
from dataquality.models import Dataset


@dataclass(frozen=True)
class Shared:
    """The products that may read of a dataset from now on, and those that may no more."""

    begun: Sequence[Product] = ()
    ended: Sequence[Product] = ()

    def as_data(self) -> dict[str, Any]:
        """What the deed remembers of it: keys of products."""
        named = {"shared_with": self.begun, "unshared_with": self.ended}
        return {name: [product.key for product in found] for name, found in named.items() if found}


def share_with(dataset: Dataset, products: Iterable[Product]) -> Shared:
    """Let these products and no others read how the dataset stands, within the caller's deed.

    Raises ValidationError for its own product.
    """
    wanted = {product.pk: product for product in products}
    if dataset.product.pk in wanted:
        raise ValidationError({"shared_with": "Its own product sees it anyway."})
    present = {product.pk: product for product in dataset.shared_with.all()}
    dataset.shared_with.set(wanted.values())
    return Shared(
        begun=_by_key(product for pk, product in wanted.items() if pk not in present),
        ended=_by_key(product for pk, product in present.items() if pk not in wanted),
    )


def tell_products(dataset: Dataset, shared: Shared, *, actor: Actor) -> None:
    """Note in the other products that they may read of the dataset, or may no more.

    Each is a deed of its own, after that of the dataset's product: a deed locks the counter of its
    product last, and two at a time would wait for each other. Who shares it is a member there; who
    withdraws it need not be, and stays unnamed.
    """
    name = f"{dataset.product.key}/{dataset.slug}"
    for product in shared.begun:
        with deed(product, actor, "dataset.offered", dataset=name):
            pass
    for product in shared.ended:
        with deed(product, Actor.system(), "dataset.withdrawn", dataset=name):
            pass


def _by_key(products: Iterable[Product]) -> list[Product]:
    return sorted(products, key=lambda product: product.key)
