"""Deeds on templates of suites: keep one, remove one, apply one to a dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from backlog.models import Actor
from backlog.services.deeds import deed
from dataquality.engine.suites import check_of
from dataquality.models import Dataset, SuiteTemplate
from dataquality.rules.templates import SHIPPED, Template, filled, generalised
from dataquality.services.suites import (
    Copied,
    chosen_checks,
    of_another,
    sorted_out,
    take_over,
)
from mlscrum.lib.errors import DomainError

MOST_TEMPLATES = 100
TAKEN = "There is already a template of this name."


def save_template(
    dataset: Dataset,
    name: str,
    positions: Collection[int] | None = None,
    *,
    actor: Actor,
    about: str = "",
) -> SuiteTemplate:
    """Keep checks of a dataset, by position or all of them, as a template of its product: each of
    their columns becomes a place.

    Raises ValidationError for a name that is taken or missing, and DomainError for no such check.
    """
    product, plain = dataset.product, " ".join(name.split())
    slug = slugify(plain)[:80]
    if not slug:
        raise ValidationError({"name": "Give it a name with letters or digits."})
    checks = [of_another(expectation) for expectation in chosen_checks(dataset, positions)]
    slots, general = generalised(checks, dataset.schema)
    with deed(product, actor, "suite_template.saved", subject=dataset.subject) as done:
        own = SuiteTemplate.objects.filter(product=product)
        if slug in {one.slug for one in SHIPPED} or own.filter(slug=slug).exists():
            raise ValidationError({"name": TAKEN})
        if own.count() >= MOST_TEMPLATES:
            raise ValidationError(f"There are {MOST_TEMPLATES} templates; remove one first.")
        template = SuiteTemplate(
            product=product,
            slug=slug,
            name=plain,
            about=" ".join(about.split()),
            slots=[
                {"key": slot.key, "label": slot.label, "types": list(slot.types)} for slot in slots
            ],
            expectations=general,
            created_by=actor.user,
        )
        template.clean_fields(exclude=["created_by", "slots"])
        try:
            with transaction.atomic():
                template.save(force_insert=True)
        except IntegrityError:
            raise ValidationError({"name": TAKEN}) from None
        done.data["checks"] = len(general)
    return template


def remove_template(template: SuiteTemplate, *, actor: Actor) -> None:
    """Remove a template; what was made of it stays."""
    with deed(template.product, actor, "suite_template.removed", name=template.name):
        template.delete()


def preview_template(
    dataset: Dataset, template: Template, chosen: Mapping[str, Sequence[str]]
) -> Copied:
    """What applying it would do, in words; changes nothing."""
    return sorted_out(dataset, _checks(template, chosen)).as_copied()


def apply_template(
    dataset: Dataset, template: Template, chosen: Mapping[str, Sequence[str]], *, actor: Actor
) -> Copied:
    """Add its checks, with the chosen columns in their places, to the suite of a dataset.

    What stands there already stays as it is, and what does not fit its columns is left out. Raises
    DomainError where no column was chosen that any check asks for.
    """
    return take_over(dataset, _checks(template, chosen), actor=actor)


def _checks(template: Template, chosen: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The checks with these columns, each identity once: the first, which weighs most, stays."""
    unknown = set(chosen) - {slot.key for slot in template.slots}
    if unknown:
        raise DomainError("no_place", f"{template.name} has no place {', '.join(sorted(unknown))}.")
    for slot in template.slots:
        if not slot.is_many and len(chosen.get(slot.key, ())) > 1:
            raise DomainError("one_column", f"Choose one column for “{slot.label}”.")
    checks: list[dict[str, Any]] = []
    known: list[tuple[str, dict[str, Any]]] = []
    for check in filled(template, chosen):
        if check_of(check) not in known:
            checks.append(check)
            known.append(check_of(check))
    if not checks:
        raise DomainError("no_columns", "Choose columns for at least one check.")
    return checks
