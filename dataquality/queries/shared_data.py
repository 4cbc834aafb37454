"""Datasets of other products that a product may read of: how they stand, and never their rows.

Nothing here names a run, a finding, an item or a person of the product that owns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import Http404

from backlog.models import Product
from dataquality.models import Dataset, Run
from dataquality.queries.gates import Gate
from dataquality.queries.sharing import counted_reasons
from dataquality.queries.standings import standings
from dataquality.rules.gates import Reason


@dataclass(frozen=True)
class SharedRow:
    """One dataset of another product, as lists and its page show it; `reasons` say why its gate is
    shut, counted and without what they are about."""

    dataset: Dataset
    last_run: Run | None
    gate: Gate
    reasons: Sequence[Reason]

    @property
    def health(self) -> float | None:
        """Of the last run that counts, 0 to 100; None where nothing was judged."""
        return self.last_run.health if self.last_run else None

    @property
    def reason_words(self) -> list[str]:
        return [reason.detail for reason in self.reasons]

    @property
    def columns(self) -> list[dict[str, str]]:
        """Name and type of each; the words that stand for missing values stay with its owner."""
        return [
            {"name": str(column["name"]), "type": str(column["type"])}
            for column in self.dataset.schema
        ]


def shared_rows(product: Product) -> list[SharedRow]:
    """What other products share with this one, by product and name."""
    return rows_of(list(Dataset.objects.shared_with(product)))


def rows_of(datasets: Sequence[Dataset]) -> list[SharedRow]:
    """How these datasets stand, in a number of queries that is fixed."""
    if not datasets:
        return []
    found = standings(datasets)
    return [
        SharedRow(
            dataset=dataset,
            last_run=found[dataset.pk].last_run,
            gate=found[dataset.pk].gate,
            reasons=counted_reasons(found[dataset.pk].gate),
        )
        for dataset in datasets
    ]


def find_shared(product: Product, owner: str, slug: str) -> Dataset:
    """The dataset that the product of this key shares with the product, or 404."""
    found: Dataset | None = (
        Dataset.objects.shared_with(product)
        .filter(subject__product__key=owner.upper(), subject__slug=slug)
        .first()
    )
    if found is None:
        raise Http404(f"No dataset {owner}/{slug} is shared with {product.key}.")
    return found


def products_to_share_with(dataset: Dataset, visible: QuerySet[Product]) -> QuerySet[Product]:
    """The products that can be chosen for a dataset by who knows of the `visible` ones: these, and
    those that it is shared with by now."""
    known = Q(pk__in=visible.values("pk")) | Q(pk__in=dataset.shared_with.values("pk"))
    found: QuerySet[Product] = Product.objects.filter(known)
    return found.exclude(pk=dataset.product.pk).order_by("name", "key")
