"""Deeds on what depends on a dataset."""

from __future__ import annotations

from backlog.models import Actor, Item
from backlog.services.deeds import deed
from backlog.services.items import refuse_trashed
from dataquality.models import Dataset, Dependence
from mlscrum.lib.errors import DomainError


def depend_on(item: Item, dataset: Dataset, *, actor: Actor) -> Dependence:
    """Say that an item depends on a dataset, of its own product or of one that shares it with it;
    said again it changes nothing.

    Raises DomainError for an item in the trash, and for a dataset that its product may not read.
    """
    refuse_trashed(item)
    product = item.product
    is_own = dataset.product == product
    if not is_own and not dataset.shared_with.filter(pk=product.pk).exists():
        raise DomainError("no_dataset", f"{dataset.name} is not shared with {product.key}.")
    with deed(product, actor, "item.depends_on_data", item=item, dataset=_name(dataset)) as done:
        Item.objects.select_for_update(no_key=True).get(pk=item.pk)
        found, is_new = Dependence.objects.get_or_create(
            dataset=dataset, item=item, defaults={"added_by": actor.user}
        )
        if not is_new:
            done.nothing_happened()
    return found


def depend_no_more(item: Item, dataset: Dataset, *, actor: Actor) -> None:
    """Take back that an item depends on a dataset; where it did not, nothing happens."""
    product = item.product
    with deed(product, actor, "item.depends_no_more", item=item, dataset=_name(dataset)) as done:
        gone, _ = Dependence.objects.filter(dataset=dataset, item=item).delete()
        if not gone:
            done.nothing_happened()


def _name(dataset: Dataset) -> str:
    return f"{dataset.product.key}/{dataset.slug}"
