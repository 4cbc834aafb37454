"""What items hold in the fields that their product adds to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import ExtraField, Product
from backlog.rules import extra_fields as rules


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
