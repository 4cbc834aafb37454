"""Deeds on teams: make one, change who is in it, and let one go that never sprinted."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backlog.models import Actor, Member, Product, Team
from backlog.services.deeds import deed
from mlscrum.lib.errors import Conflict

MOST_TEAMS = 50


def create_team(
    product: Product, name: str, *, actor: Actor, members: Sequence[Member] = ()
) -> Team:
    """A further team of a product. Raises ValidationError for a bad or taken name."""
    with deed(product, actor, "team.created") as done:
        if product.teams.count() >= MOST_TEAMS:
            raise ValidationError({"name": f"A product has at most {MOST_TEAMS} teams."})
        team = Team(product=product, name=" ".join(name.split()))
        _save(team)
        _set_members(team, members)
        done.data |= {"team": team.pk, "name": team.name}
    return team


def update_team(
    team: Team, *, actor: Actor, name: str | None = None, members: Sequence[Member] | None = None
) -> Team:
    """Give the team another name, other members, or both. Raises ValidationError for a bad or
    taken name."""
    with deed(team.product, actor, "team.updated") as done:
        if name is not None:
            team.name = " ".join(name.split())
            _save(team)
        if members is not None:
            _set_members(team, members)
        done.data |= {"team": team.pk, "name": team.name}
    return team


def delete_team(team: Team, *, actor: Actor) -> None:
    """Let a team go. Raises Conflict for the last one, and for one whose sprints are kept."""
    product = team.product
    with deed(product, actor, "team.deleted") as done:
        if len(product.teams.select_for_update(no_key=True)) == 1:
            raise Conflict("last_team", "A product keeps a team; rename this one instead.")
        if team.backlogs.exists():
            why = f"{team.name} has sprints, whose history stays; rename the team instead."
            raise Conflict("has_sprints", why)
        done.data |= {"team": team.pk, "name": team.name}
        team.delete()


def _save(team: Team) -> None:
    team.full_clean(exclude=["product"], validate_constraints=False)
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError:
        taken = "Another team of this product is called so."
        raise ValidationError({"name": taken}) from None


def _set_members(team: Team, members: Sequence[Member]) -> None:
    if any(member.product_id != team.product_id for member in members):
        raise ValidationError({"members": "Only members of the product can be in its teams."})
    team.members.set(members)
