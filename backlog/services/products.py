"""Deeds on products: create one with all it is born with, change it, its workflow."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from backlog.models import (
    ActivityCounter,
    Actor,
    Backlog,
    Category,
    Item,
    ItemCounter,
    Member,
    OnGreen,
    Product,
    Role,
    Status,
    Team,
    User,
)
from backlog.services.deeds import deed
from backlog.services.ranks import lock_all_backlogs
from mlscrum.lib.errors import Conflict, DomainError

EDITABLE = (
    "name",
    "goal",
    "definition_of_ready",
    "definition_of_done",
    "file_from",
    "place",
    "on_green",
    "on_green_status",
    "first_run_limit",
    "tracked_environments",
    "tracked_branches",
)


@dataclass(frozen=True)
class StatusLine:
    """One status of a workflow as people write it down; `slug` is empty for a new one."""

    name: str
    category: str
    slug: str = ""
    wip_limit: int | None = None


DEFAULT_WORKFLOW = (
    StatusLine("To do", Category.TODO, "to-do"),
    StatusLine("In progress", Category.DOING, "in-progress"),
    StatusLine("In review", Category.DOING, "in-review"),
    StatusLine("Done", Category.DONE, "done"),
)


def create_product(
    *, key: str, name: str, owner: User, actor: Actor, goal: str = "", is_demo: bool = False
) -> Product:
    """A product with its backlog, inbox, team, workflow, counter and its product owner.

    All of it or nothing. Raises ValidationError for a bad or taken key.
    """
    product = Product(key=key.strip().upper(), name=name.strip(), goal=goal, is_demo=is_demo)
    product.full_clean()
    with transaction.atomic():
        _save_new(product)
        _furnish(product, owner, actor)
    return product


def change_product(
    product: Product,
    *,
    actor: Actor,
    statuses: Sequence[StatusLine] | None = None,
    **fields: Any,
) -> Product:
    """Change the workflow and settings of a product in one deed; see set_workflow, update_product.

    `on_green_status` may be the slug of a status, of the new workflow where one is given.
    """
    with deed(product, actor, "product.updated") as done:
        if statuses is not None:
            set_workflow(product, statuses, actor=actor)
        slug = fields.get("on_green_status")
        if isinstance(slug, str):
            fields["on_green_status"] = product.statuses.filter(slug=slug).first()
            if fields["on_green_status"] is None:
                raise ValidationError({"on_green_status": f"There is no status {slug}."})
        update_product(product, actor=actor, **fields)
        if not done.data:
            done.nothing_happened()
    return product


def update_product(product: Product, *, actor: Actor, **fields: Any) -> Product:
    """Change settings of the product; raises ValidationError for bad or unknown fields."""
    unknown = set(fields) - set(EDITABLE)
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "This can't be changed."))
    changed = {name: value for name, value in fields.items() if getattr(product, name) != value}
    if not changed:
        return product
    for name, value in changed.items():
        setattr(product, name, value)
    product.full_clean()
    _check_on_green(product)
    with deed(product, actor, "product.updated", fields=sorted(changed)):
        product.save(update_fields=list(changed))
    return product


def set_workflow(product: Product, lines: Sequence[StatusLine], *, actor: Actor) -> list[Status]:
    """Replace the product's statuses by these, in this order.

    A status that left must be empty of items. Raises DomainError where a category would be
    missing, a name stands twice, or items still stand in a status that left.
    """
    _check_workflow(lines)
    with deed(product, actor, "product.workflow_changed", statuses=[line.name for line in lines]):
        lock_all_backlogs(product)
        present = {status.slug: status for status in product.statuses.all()}
        gone = [slug for slug in present if slug not in {line.slug for line in lines}]
        busy = Item.objects.filter(product=product, status__slug__in=gone).values_list(
            "status__name", flat=True
        )
        names = sorted(set(busy))
        if names:
            raise Conflict(
                "status_in_use",
                f"Items still stand in {', '.join(names)}; move them before removing the status.",
            )
        Status.objects.filter(product=product, slug__in=gone).delete()
        # Positions are unique at once, so the kept ones step aside first.
        for offset, status in enumerate(product.statuses.all()):
            Status.objects.filter(pk=status.pk).update(position=1000 + offset)
        taken = {*present, *(line.slug for line in lines)}
        for position, line in enumerate(lines):
            slug = line.slug or _free_slug(line.name, taken)
            taken.add(slug)
            Status.objects.update_or_create(
                product=product,
                slug=slug,
                defaults={
                    "name": line.name.strip(),
                    "category": line.category,
                    "wip_limit": line.wip_limit,
                    "position": position,
                },
            )
    return list(product.statuses.all())


def _save_new(product: Product) -> None:
    try:
        with transaction.atomic():  # a savepoint: a key that is taken ends no transaction
            product.save()
    except IntegrityError:
        raise ValidationError({"key": "There is already a product with this key."}) from None


def _furnish(product: Product, owner: User, actor: Actor) -> None:
    """Give a new product all that it is born with."""
    ActivityCounter.objects.create(product=product)
    with deed(product, actor, "product.created", name=product.name):
        ItemCounter.objects.create(product=product)
        team = Team.objects.create(product=product, name="Team")
        Backlog.objects.bulk_create(
            [
                Backlog(product=product, kind=Backlog.Kind.PRODUCT, name="Product backlog"),
                Backlog(product=product, kind=Backlog.Kind.INBOX, name="Inbox"),
            ]
        )
        Status.objects.bulk_create(
            Status(
                product=product,
                slug=line.slug,
                name=line.name,
                category=line.category,
                position=position,
            )
            for position, line in enumerate(DEFAULT_WORKFLOW)
        )
        member = Member.objects.create(product=product, user=owner, role=Role.PRODUCT_OWNER)
        team.members.add(member)


def _check_on_green(product: Product) -> None:
    status = product.on_green_status
    if status is not None and status.product_id != product.pk:
        raise ValidationError({"on_green_status": "This status belongs to another product."})
    if product.on_green == OnGreen.STATUS and status is None:
        raise ValidationError({"on_green_status": "Say which status."})


def _check_workflow(lines: Sequence[StatusLine]) -> None:
    names = [line.name.strip().casefold() for line in lines]
    slugs = [line.slug for line in lines if line.slug]
    if "" in names or len(set(names)) < len(names):
        raise DomainError("bad_workflow", "Each status needs a name of its own.")
    if len(set(slugs)) < len(slugs):
        raise DomainError("bad_workflow", "Each status needs a slug of its own.")
    for category in Category:
        if category not in [line.category for line in lines]:
            raise DomainError(
                "bad_workflow", f"The workflow needs a status of category '{category.label}'."
            )


def _free_slug(name: str, taken: Container[str]) -> str:
    base = slugify(name)[:34] or "status"
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug
