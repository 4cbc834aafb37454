"""Deeds on products: create one with all it is born with, and change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backlog.models import (
    ActivityCounter,
    Actor,
    Backlog,
    ItemCounter,
    Member,
    OnGreen,
    Product,
    Role,
    Status,
    Team,
    User,
)
from backlog.rules.definitions import DONE_CHECKS, READY_CHECKS
from backlog.services.deeds import deed
from backlog.services.goals import set_goal, word_goal
from backlog.services.workflow import StatusLine, born_statuses, set_workflow

EDITABLE = (
    "name",
    "goal",
    "definition_of_ready",
    "definition_of_done",
    "ready_checks",
    "done_checks",
    "file_from",
    "place",
    "on_green",
    "on_green_status",
    "first_run_limit",
    "assign_owner",
    "tracked_environments",
    "tracked_branches",
)


def create_product(
    *, key: str, name: str, owner: User, actor: Actor, goal: str = "", is_demo: bool = False
) -> Product:
    """A product with its backlog, inbox, team, workflow, counter and its product owner.

    All of it or nothing. Raises ValidationError for a bad or taken key.
    """
    product = Product(key=key.strip().upper(), name=name.strip(), is_demo=is_demo)
    product.full_clean()
    with transaction.atomic():
        _save_new(product)
        _furnish(product, owner, actor, goal)
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
    """Change settings of the product; raises ValidationError for bad or unknown fields.

    `goal` words the active goal anew, or sets one where there is none; it ends by `end_goal` alone.
    """
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
    _check_checks(product)
    with deed(product, actor, "product.updated", fields=sorted(changed)):
        product.save(update_fields=[name for name in changed if name != "goal"])
        if "goal" in changed:
            word_goal(product, changed["goal"], actor=actor)
    return product


def _save_new(product: Product) -> None:
    try:
        with transaction.atomic():  # a savepoint: a key that is taken ends no transaction
            product.save()
    except IntegrityError:
        raise ValidationError({"key": "There is already a product with this key."}) from None


def _furnish(product: Product, owner: User, actor: Actor, goal: str) -> None:
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
        Status.objects.bulk_create(born_statuses(product))
        member = Member.objects.create(product=product, user=owner, role=Role.PRODUCT_OWNER)
        team.members.add(member)
        if goal.strip():
            set_goal(product, goal, actor=actor)


def _check_on_green(product: Product) -> None:
    status = product.on_green_status
    if status is not None and status.product_id != product.pk:
        raise ValidationError({"on_green_status": "This status belongs to another product."})
    if product.on_green == OnGreen.STATUS and status is None:
        raise ValidationError({"on_green_status": "Say which status."})


def _check_checks(product: Product) -> None:
    for name, known in (("ready_checks", READY_CHECKS), ("done_checks", DONE_CHECKS)):
        chosen = getattr(product, name)
        if not isinstance(chosen, list) or any(check not in list(known) for check in chosen):
            raise ValidationError({name: f"Choose among {', '.join(known)}."})
