"""Deeds on members: add, change the role, remove. A product always keeps a product owner."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from backlog.models import (
    Actor,
    Backlog,
    Category,
    Invitation,
    Item,
    Member,
    Product,
    Role,
    User,
)
from backlog.services.deeds import deed
from backlog.services.ranks import lock_all_backlogs
from mlscrum.lib.errors import Conflict

MOST_NAMED = 5


def add_member(product: Product, user: User, role: str, *, actor: Actor) -> Member:
    """Make the user a member. Raises ValidationError for an unknown role or a second membership."""
    _check_role(role)
    with deed(product, actor, "member.added", user=user.pk, role=role):
        try:
            with transaction.atomic():
                member = Member.objects.create(product=product, user=user, role=role)
        except IntegrityError:
            raise ValidationError({"user": f"{user} is already a member."}) from None
        first_team = product.teams.first()
        if first_team is not None:
            first_team.members.add(member)
    return member


def change_role(member: Member, role: str, *, actor: Actor) -> Member:
    """Give the member another role; invitations that an owner made end with the ownership.

    Raises Conflict where the last product owner would go.
    """
    _check_role(role)
    if member.role == role:
        return member
    with deed(member.product, actor, "member.role_changed", user=member.user_id, role=role):
        _keep_an_owner(member)
        _end_invitations_by(member)
        member.role = role
        member.save(update_fields=["role"])
    return member


def remove_member(member: Member, *, actor: Actor) -> None:
    """End the membership, and the person's open invitations; what the person did stays.

    Raises Conflict for the last owner, and for who has open work in a running sprint.
    """
    with deed(member.product, actor, "member.removed", user=member.user_id):
        lock_all_backlogs(member.product)  # whoever assigns something holds one of them
        _keep_an_owner(member)
        _refuse_with_work(member)
        _end_invitations_by(member)
        member.delete()


def end_invitations(invitations: QuerySet[Invitation]) -> int:
    """Revoke those that nobody has used; how many they were."""
    return invitations.filter(revoked_at=None, accepted_at=None).update(revoked_at=timezone.now())


def _refuse_with_work(member: Member) -> None:
    """Nobody leaves a running sprint without anybody knowing who does the rest."""
    work = (
        Item.objects.alive()
        .filter(product=member.product, assignees=member.user)
        .filter(backlog__kind=Backlog.Kind.SPRINT, backlog__state=Backlog.State.ACTIVE)
        .exclude(status__category=Category.DONE)
        .select_related("backlog", "product")
        .order_by("rank")
    )
    items = list(work[: MOST_NAMED + 1])
    if items:
        more = " and more" if len(items) > MOST_NAMED else ""
        named = ", ".join(item.ref for item in items[:MOST_NAMED])
        why = (
            f"{member.user} works on {named}{more} in {items[0].backlog.name}, which runs;"
            " assign somebody else there first."
        )
        raise Conflict("has_work", why)


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise ValidationError({"role": f"A role is one of {', '.join(Role.values)}."})


def _end_invitations_by(member: Member) -> None:
    end_invitations(member.product.invitations.filter(invited_by=member.user))


def _keep_an_owner(member: Member) -> None:
    owners = Member.objects.select_for_update(no_key=True).filter(
        product=member.product, role=Role.PRODUCT_OWNER
    )
    if [owner.pk for owner in owners] == [member.pk]:
        raise Conflict(
            "last_product_owner",
            "A product needs a product owner; make somebody else one first.",
        )
