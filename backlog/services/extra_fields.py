"""Deeds on the fields that a product adds to its items."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from backlog.models import Actor, ExtraField, Product
from backlog.rules.places import placed
from backlog.services.deeds import deed
from backlog.services.items import edit_items
from backlog.services.ranks import lock_all_backlogs
from mlscrum.lib.errors import Conflict
from mlscrum.lib.slugs import free_slug

MOST_FIELDS = 30
MOST_CHOICES = 100


def create_field(
    product: Product,
    name: str,
    kind: str,
    *,
    actor: Actor,
    choices: Sequence[str] = (),
    slug: str = "",
) -> ExtraField:
    """A new field of the product's items. Raises ValidationError for bad or taken names."""
    taken = set(product.extra_fields.values_list("slug", flat=True))
    field = ExtraField(
        product=product,
        slug=slug or free_slug(name, taken, otherwise="field", joint="_"),
        name=" ".join(name.split()),
        kind=kind,
        choices=_choices(choices),
        position=len(taken),
    )
    _check(field, taken)
    if field.slug.isdigit():
        # In paths into JSON a number means a place of a list, so that no filter would find it.
        raise ValidationError({"slug": "Put a letter into the slug."})
    with deed(product, actor, "field.created", field=field.slug):
        field.save()
    return field


def update_field(
    field: ExtraField,
    *,
    actor: Actor,
    name: str | None = None,
    choices: Sequence[str] | None = None,
) -> ExtraField:
    """Call a field anew, or let it have other choices; what items hold stays."""
    before = (field.name, field.choices)
    if name is not None:
        field.name = " ".join(name.split())
    if choices is not None:
        field.choices = _choices(choices)
    _check(field, set())
    if (field.name, field.choices) == before:
        return field
    with deed(field.product, actor, "field.updated", field=field.slug):
        field.save(update_fields=["name", "choices"])
    return field


def move_field(field: ExtraField, *, before: ExtraField | None, actor: Actor) -> list[ExtraField]:
    """Bring a field to its place before another, or to the end; all of them as they stand then."""
    product = field.product
    with deed(product, actor, "field.moved", field=field.slug) as done:
        present = list(product.extra_fields.select_for_update(no_key=True))
        if field not in present or (before is not None and before not in present):
            raise Conflict("field_gone", "One of the two fields is no longer there; look again.")
        wanted = placed(present, field, before=before)
        if wanted == present:
            done.nothing_happened()
        for position, other in enumerate(wanted):
            other.position = position
        ExtraField.objects.bulk_update(wanted, ["position"])
    return wanted


def delete_field(field: ExtraField, *, actor: Actor) -> None:
    """Take a field away from the product, with what items hold in it, in the trash too.

    Each keeps in its history what it held.
    """
    with deed(field.product, actor, "field.deleted", field=field.slug):
        lock_all_backlogs(field.product)
        holding = field.product.items.filter(extra__has_key=field.slug).order_by("pk")
        edit_items(
            field.product, list(holding), actor=actor, in_trash=True, extra={field.slug: None}
        )
        field.delete()


def _choices(choices: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(" ".join(choice.split()) for choice in choices if choice.strip()))


def _check(field: ExtraField, taken: set[str]) -> None:
    field.clean_fields(exclude=["product"])
    if len(taken) >= MOST_FIELDS:
        raise ValidationError({"name": f"A product has at most {MOST_FIELDS} fields of its own."})
    others = ExtraField.objects.filter(product=field.product_id, name__iexact=field.name)
    if others.exclude(pk=field.pk).exists():
        raise ValidationError({"name": "There is already a field of this name."})
    if field.slug in taken:
        raise ValidationError({"slug": "There is already a field with this slug."})
    if field.kind == "choice" and not 2 <= len(field.choices) <= MOST_CHOICES:
        raise ValidationError({"choices": f"Give 2 to {MOST_CHOICES} choices."})
