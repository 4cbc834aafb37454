"""Products as their list shows them, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404
from django.utils import timezone

from backlog.models import ApiToken, Category, Invitation, Member, Product, Role, User
from backlog.rules.tokens import hash_of
from mlscrum.lib.errors import DomainError


def product_rows(user: User) -> QuerySet[Product]:
    """The person's products with `my_role` and `open_items`, in one query."""
    mine = Member.objects.filter(product=OuterRef("pk"), user=user).values("role")[:1]
    is_open = Q(items__deleted_at__isnull=True) & ~Q(items__status__category=Category.DONE)
    visible: QuerySet[Product] = Product.objects.visible_to(user)
    return visible.annotate(
        my_role=Subquery(mine), open_items=Count("items", filter=is_open, distinct=True)
    ).order_by("name")


def products_of(user: User) -> list[Product]:
    """The products that a person may switch to, by name."""
    return list(Product.objects.visible_to(user).order_by("name"))


def member_rows(product: Product) -> Sequence[Member]:
    """The members with their users, by name."""
    return list(product.members.select_related("user").order_by("user__name", "pk"))


def is_member(product: Product, user: User) -> bool:
    return product.members.filter(user=user).exists()


def find_member(product: Product, member_id: int) -> Member:
    """The membership in this product, or 404."""
    member = product.members.select_related("user", "product").filter(pk=member_id).first()
    if member is None:
        raise Http404("There is no such member.")
    return member


def token_rows(product: Product) -> Sequence[ApiToken]:
    """The product's own tokens, newest first; those that have ended as well."""
    return list(with_people(product.tokens.filter(user=None)))


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The person's own tokens, newest first; those that have ended as well."""
    return with_people(user.tokens.all())


def with_people(tokens: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    """The tokens with whose they are, what they are narrowed to, who made and who revoked them."""
    return tokens.select_related("user", "product", "created_by", "revoked_by")


def find_own_token(user: User, token_id: int) -> ApiToken:
    """The person's own token, or 404."""
    token = tokens_of(user).filter(pk=token_id).first()
    if token is None:
        raise Http404("There is no such token.")
    return token


def find_token_of(product: Product, token_id: int) -> ApiToken:
    """The product's own token, or 404."""
    token = product.tokens.filter(user=None, pk=token_id).select_related("product").first()
    if token is None:
        raise Http404("There is no such token.")
    return token


def open_invitations(product: Product) -> Sequence[Invitation]:
    """The invitations that nobody has used yet, newest first."""
    found = product.invitations.filter(accepted_at=None, revoked_at=None)
    return list(found.filter(expires_at__gt=timezone.now()))


def find_invitation(product: Product, invitation_id: int) -> Invitation:
    """The invitation to this product, or 404."""
    found = product.invitations.filter(pk=invitation_id).select_related("product").first()
    if found is None:
        raise Http404("There is no such invitation.")
    return found


def opened_invitation(token: str, *, to_product: bool) -> Invitation:
    """The open invitation with this secret. Raises DomainError with 404 for any other, and names
    no product."""
    found = (
        Invitation.objects.select_related("product", "invited_by")
        .filter(token_hash=hash_of(token), product__isnull=not to_product)
        .first()
    )
    if found is None or not found.is_open or not still_holds(found):
        raise DomainError(
            "ended_link", "This link was used or has ended; ask for a new one.", status=404
        )
    return found


def still_holds(invitation: Invitation) -> bool:
    """Whether whoever made the link could make it today: a product owner that of a product, and
    the installation its own while nobody administers it."""
    if invitation.product is None:
        return not has_administrator()
    owners = invitation.product.members.filter(role=Role.PRODUCT_OWNER, user__is_active=True)
    return invitation.invited_by is None or owners.filter(user=invitation.invited_by).exists()


def has_administrator() -> bool:
    """Whether anybody administers the installation."""
    return User.objects.filter(is_administrator=True, is_active=True).exists()
