"""Deeds on the fields that a product adds to its items, and the values that items hold in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from backlog.models import Actor, ExtraField, Item, Product
from backlog.rules import extra_fields as rules
from backlog.services.deeds import deed

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
        slug=slug or _free_slug(name, taken),
        name=" ".join(name.split()),
        kind=kind,
        choices=_choices(choices),
        position=len(taken),
    )
    _check(field, taken)
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
    if name is not None:
        field.name = " ".join(name.split())
    if choices is not None:
        field.choices = _choices(choices)
    _check(field, set())
    with deed(field.product, actor, "field.updated", field=field.slug):
        field.save(update_fields=["name", "choices"])
    return field


def delete_field(field: ExtraField, *, actor: Actor) -> None:
    """Take a field away from the product, with what items hold in it."""
    with deed(field.product, actor, "field.deleted", field=field.slug):
        holding = Item.objects.filter(product=field.product, extra__has_key=field.slug)
        for item in holding.only("pk", "extra").iterator(chunk_size=500):
            extra = {name: value for name, value in item.extra.items() if name != field.slug}
            Item.objects.filter(pk=item.pk).update(extra=extra)
        field.delete()


def extra_of(
    product: Product,
    sent: Sequence[Mapping[str, Any]],
    present: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """What items hold after these values were sent, on top of what they held; None takes one out.

    One query, however many items. Raises ValidationError naming each field that there is not or
    whose value does not fit.
    """
    if not any(sent):
        return [dict(present or {}) for _ in sent]
    known = {field.slug: field for field in product.extra_fields.all()}
    return [_merged(product, known, present or {}, values) for values in sent]


def _merged(
    product: Product,
    known: Mapping[str, ExtraField],
    present: Mapping[str, Any],
    sent: Mapping[str, Any],
) -> dict[str, Any]:
    merged, errors = dict(present), {}
    for slug, value in sent.items():
        field = known.get(slug)
        if field is None:
            errors[f"fields.{slug}"] = f"There is no field {slug} in {product.key}."
            continue
        try:
            kept = rules.kept(field.kind, value, field.choices)
        except rules.BadValue as error:
            errors[f"fields.{slug}"] = f"{field.name}: {error}"
            continue
        merged.pop(slug, None)
        if kept is not None:
            merged[slug] = kept
    if errors:
        raise ValidationError(errors)
    return merged


def _choices(choices: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(" ".join(choice.split()) for choice in choices if choice.strip()))


def _check(field: ExtraField, taken: set[str]) -> None:
    field.clean_fields(exclude=["product"])
    if len(taken) >= MOST_FIELDS:
        raise ValidationError({"name": f"A product has at most {MOST_FIELDS} fields of its own."})
    if field.slug in taken:
        raise ValidationError({"slug": "There is already a field with this slug."})
    if field.kind == "choice" and not 2 <= len(field.choices) <= MOST_CHOICES:
        raise ValidationError({"choices": f"Give 2 to {MOST_CHOICES} choices."})


def _free_slug(name: str, taken: set[str]) -> str:
    base = slugify(name).replace("-", "_")[:34] or "field"
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}_{number}", number + 1
    return slug
