"""Members by their e-mail addresses, as requests name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rest_framework import serializers

from backlog.models import Member, Product, Team, User
from mlscrum.web.serializers import StrictSerializer


def active_members(product: Product) -> dict[str, User]:
    """The members who can sign in, by their addresses in small letters."""
    members = User.objects.filter(memberships__product=product, is_active=True)
    return {user.email.lower(): user for user in members}


def members_by_email(
    product: Product, emails: Sequence[str], members: Mapping[str, User] | None = None
) -> list[User]:
    """The members with these addresses, in that order; raises a field error for others.

    `members` are those of `active_members`, for callers who ask often.
    """
    wanted = [email.strip().lower() for email in emails]
    known = active_members(product) if members is None else members
    strangers = [email for email in wanted if email not in known]
    if strangers:
        raise serializers.ValidationError(
            f"No member of {product.key} has the address {', '.join(strangers)}.",
            code="no_member",
        )
    return [known[email] for email in dict.fromkeys(wanted)]


class MemberSerializer(serializers.Serializer[Member]):
    """A member as it is read."""

    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.CharField()
    joined_at = serializers.DateTimeField()


class NewMemberSerializer(StrictSerializer[Member]):
    """Somebody who has an account; others are invited by link."""

    email = serializers.EmailField()
    role = serializers.CharField(max_length=20)

    def validate_email(self, value: str) -> User:
        user = User.objects.filter(email__iexact=value.strip(), is_active=True).first()
        if user is None:
            raise serializers.ValidationError(
                "Nobody here has this address; invite them by link from the members page.",
                code="no_user",
            )
        return user


class RoleSerializer(StrictSerializer[Member]):
    role = serializers.CharField(max_length=20)


class TeamSerializer(serializers.Serializer[Team]):
    """A team and its members' addresses."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    members = serializers.SerializerMethodField()

    def get_members(self, team: Team) -> list[str]:
        return sorted(member.user.email for member in team.members.all())


class TeamEditSerializer(StrictSerializer[Team]):
    """What can be set of a team: its members by their addresses."""

    name = serializers.CharField(max_length=80)
    members = serializers.ListField(child=serializers.EmailField(), required=False, max_length=200)

    def validate_members(self, emails: list[str]) -> list[Member]:
        product = self.context["product"]
        users = members_by_email(product, emails)
        return list(product.members.filter(user__in=users))
