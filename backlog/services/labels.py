"""Deeds on the labels of a product."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backlog.models import Actor, Hue, Item, Label, Product
from backlog.services.deeds import deed
from backlog.services.items import edit_items
from backlog.services.ranks import lock_all_backlogs

MOST_LABELS = 500


def create_label(product: Product, name: str, *, actor: Actor, hue: str = Hue.GREY) -> Label:
    """A new label. Raises ValidationError for a bad or taken name."""
    label = Label(product=product, name=" ".join(name.split()), hue=hue)
    _check(label)
    with deed(product, actor, "label.created", label=label.name):
        if product.labels.count() >= MOST_LABELS:
            raise ValidationError({"name": f"A product has at most {MOST_LABELS} labels."})
        _save(label)
    return label


def update_label(
    label: Label, *, actor: Actor, name: str | None = None, hue: str | None = None
) -> Label:
    """Call or colour a label anew, on all its items."""
    before = (label.name, label.hue)
    label.name = " ".join(name.split()) if name is not None else label.name
    label.hue = hue if hue is not None else label.hue
    _check(label)
    if (label.name, label.hue) == before:
        return label
    with deed(label.product, actor, "label.updated", label=label.name):
        _save(label)
    return label


def delete_label(label: Label, *, actor: Actor) -> None:
    """Take a label away from the product and from all its items, those in the trash too.

    Each keeps in its history what it bore.
    """
    product = label.product
    with deed(product, actor, "label.deleted", label=label.name):
        lock_all_backlogs(product)
        bearing = list(Item.objects.filter(labels=label).select_related("product"))
        edit_items(product, bearing, actor=actor, in_trash=True, remove_labels=[label])
        label.delete()


def merge_labels(label: Label, into: Label, *, actor: Actor) -> int:
    """Give the items of a label another one instead, and delete it; how many items it was.

    Each keeps in its history what it bore before. Raises ValidationError for a label of another
    product, or the same one.
    """
    product = label.product
    if into == label or into.product_id != label.product_id:
        raise ValidationError({"into": "Choose another label of this product."})
    with deed(product, actor, "label.merged", label=label.name, into=into.name):
        lock_all_backlogs(product)
        bearing = list(Item.objects.filter(labels=label).select_related("product"))
        edit_items(
            product, bearing, actor=actor, in_trash=True, add_labels=[into], remove_labels=[label]
        )
        label.delete()
    return sum(item.deleted_at is None for item in bearing)


def labels_named(product: Product, names: Iterable[str], *, actor: Actor) -> list[Label]:
    """The labels of these names, without regard to case; what is missing is made.

    What makes some is a deed by itself and mostly comes before one on items in the same
    transaction, so the backlogs are locked first: the sequence number is held from then on.
    """
    wanted = {name.casefold(): name for name in (" ".join(n.split()) for n in names) if name}
    if not wanted:
        return []
    known = _by_folded_name(product)
    if wanted.keys() <= known.keys():
        return [known[folded] for folded in wanted]
    with transaction.atomic():
        lock_all_backlogs(product)
        known = _by_folded_name(product)
        for folded, name in wanted.items():
            if folded not in known:
                known[folded] = create_label(product, name, actor=actor)
    return [known[folded] for folded in wanted]


def _by_folded_name(product: Product) -> dict[str, Label]:
    return {label.name.casefold(): label for label in product.labels.all()}


def _check(label: Label) -> None:
    label.clean_fields(exclude=["product"])
    if "\0" in label.name:  # which PostgreSQL keeps in no text
        raise ValidationError({"name": "A label has no null character."})
    others = Label.objects.filter(product=label.product_id, name__iexact=label.name)
    if others.exclude(pk=label.pk).exists():
        raise ValidationError({"name": "There is already a label of this name."})
    if "," in label.name or label.name.startswith(("#", "-")):
        raise ValidationError({"name": "A label has no comma and does not begin with # or -."})


def _save(label: Label) -> None:
    try:
        with transaction.atomic():
            label.save()
    except IntegrityError:
        raise ValidationError({"name": "There is already a label of this name."}) from None
