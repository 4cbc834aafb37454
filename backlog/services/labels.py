"""Deeds on the labels of a product."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backlog.models import Actor, Hue, Label, Product
from backlog.services.deeds import deed

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
    label.name = " ".join(name.split()) if name is not None else label.name
    label.hue = hue if hue is not None else label.hue
    _check(label)
    with deed(label.product, actor, "label.updated", label=label.name):
        _save(label)
    return label


def delete_label(label: Label, *, actor: Actor) -> None:
    """Take a label away from the product and from all its items."""
    with deed(label.product, actor, "label.deleted", label=label.name):
        label.delete()


def labels_named(product: Product, names: Iterable[str], *, actor: Actor) -> list[Label]:
    """The labels of these names, without regard to case; what is missing is made."""
    wanted = {name.casefold(): name for name in (" ".join(n.split()) for n in names) if name}
    if not wanted:
        return []
    known = {label.name.casefold(): label for label in product.labels.all()}
    for folded, name in wanted.items():
        if folded not in known:
            known[folded] = create_label(product, name, actor=actor)
    return [known[folded] for folded in wanted]


def _check(label: Label) -> None:
    label.clean_fields(exclude=["product"])
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
