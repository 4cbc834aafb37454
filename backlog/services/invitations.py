"""Invitations: one-time links that make whoever opens them a member, or the first administrator."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Invitation, Member, Product, Role, User
from backlog.queries.people import has_administrator, still_holds
from backlog.rules.tokens import hash_of
from backlog.services.deeds import deed
from backlog.services.members import add_member, change_role, end_invitations
from mlscrum.lib.errors import Conflict


def invite(product: Product, email: str, role: str, *, actor: Actor) -> tuple[Invitation, str]:
    """An invitation and its link, which is mailed where EMAIL_URL is set and not kept; it lives
    a week. An open invitation of the same address ends: the newest link is the one that works.

    Who came with a product from elsewhere and can't sign in yet may be invited, and finds what they
    did. Raises ValidationError for an unknown role and for somebody who is a member already.
    """
    members = product.members.filter(user__email__iexact=email).select_related("user")
    if any(not _waits_for_its_person(member.user) for member in members):
        raise ValidationError({"email": "This person is a member already."})
    token = Invitation.new_token()
    invitation = Invitation(
        product=product,
        email=email,
        role=role,
        token_hash=hash_of(token),
        invited_by=actor.user,
    )
    if role not in Role.values:
        raise ValidationError({"role": f"A role is one of {', '.join(Role.values)}."})
    invitation.clean_fields(exclude=("product", "invited_by", "accepted_at", "accepted_by",
                                     "revoked_at"))  # fmt: skip
    with deed(product, actor, "member.invited", role=role):
        end_invitations(product.invitations.filter(email__iexact=email))
        invitation.save()
    link = _link("invitation", token)
    if settings.EMAIL_URL:
        transaction.on_commit(lambda: _mail(invitation, link))
    return invitation, link


def invite_administrator(email: str) -> str:
    """The one-time link of a first administrator. Raises Conflict where there is one already."""
    if has_administrator():
        raise Conflict(
            "has_administrator",
            "There is an administrator already, who makes others on the page People.",
        )
    token = Invitation.new_token()
    Invitation.objects.filter(product=None, accepted_at=None).delete()
    Invitation.objects.create(email=email, token_hash=hash_of(token))
    return _link("welcome", token)


def first_link() -> str:
    """A welcome link for the log of the web server, where there is neither an administrator nor a
    link that waits for one; else nothing."""
    waiting = Invitation.objects.filter(
        product=None, accepted_at=None, expires_at__gt=timezone.now()
    )
    if has_administrator() or waiting.exists():
        return ""
    return invite_administrator("")


def revoke_invitation(invitation: Invitation, *, actor: Actor) -> None:
    """End an invitation; its link opens nothing any more."""
    assert invitation.product is not None
    with deed(invitation.product, actor, "member.invitation_revoked") as done:
        if not end_invitations(Invitation.objects.filter(pk=invitation.pk)):
            done.nothing_happened()


def accept_as(invitation: Invitation, user: User) -> Member:
    """Make the signed-in person a member by the invitation. Raises Conflict for one that was used
    or no longer holds."""
    product = invitation.product
    assert product is not None
    with transaction.atomic():
        _refuse_withdrawn(invitation)
        _take(invitation, user)
        try:
            return add_member(product, user, invitation.role, actor=Actor.person(user))
        except ValidationError:  # a member by now, and that is what the link is for
            return Member.objects.get(product=product, user=user)


def accept_as_newcomer(invitation: Invitation, *, email: str, name: str, password: str) -> User:
    """Make an account, and what the invitation promises: a member, or the administrator. The
    account of somebody who came with this product from elsewhere becomes theirs by the invitation
    to its own address.

    Raises ValidationError for bad fields and Conflict for an invitation that was used or no
    longer holds.
    """
    email = User.objects.normalize_email(email)
    held = User.objects.filter(email__iexact=email).first()
    if held is not None and not _is_meant(invitation, held):
        raise ValidationError({"email": "There is an account of this address; sign in first."})
    user = held or User(email=email)
    user.name, user.is_active = name.strip(), True
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from None
    user.set_password(password)
    user.is_administrator = invitation.product is None
    user.clean_fields(exclude=("last_login",))
    with transaction.atomic():
        _refuse_withdrawn(invitation)
        _take_over(invitation, held)
        user.save()
        _take(invitation, user)
        if invitation.product is not None:
            _join(invitation.product, user, invitation.role)
    return user


def _waits_for_its_person(user: User) -> bool:
    """Whether this is nobody's account yet: made for the name of somebody who came with a product
    from elsewhere."""
    return not user.is_active and not user.has_usable_password() and user.last_login is None


def _is_meant(invitation: Invitation, user: User) -> bool:
    """Whether the invitation is to this account that waits for its person, who is in no other
    product: else whoever owns one could send themselves into another."""
    product = invitation.product
    return (
        product is not None
        and invitation.email.lower() == user.email.lower()
        and _waits_for_its_person(user)
        and user.memberships.filter(product=product).exists()
        and not user.memberships.exclude(product=product).exists()
    )


def _take_over(invitation: Invitation, held: User | None) -> None:
    """Within the transaction: the account still waits for its person."""
    if held is None:
        return
    present = User.objects.select_for_update(no_key=True).get(pk=held.pk)
    if not _is_meant(invitation, present):
        raise _ended()


def _join(product: Product, user: User, role: str) -> None:
    actor = Actor.person(user)
    member = Member.objects.filter(product=product, user=user).first()
    if member is None:
        add_member(product, user, role, actor=actor)
    else:
        change_role(member, role, actor=actor)


def _refuse_withdrawn(invitation: Invitation) -> None:
    if invitation.product is None:
        # Of two welcome links the second waits here until the first has made an administrator.
        welcomes = Invitation.objects.select_for_update(no_key=True).filter(product=None)
        list(welcomes.order_by("pk"))
    if not still_holds(invitation):
        raise _ended()


def _take(invitation: Invitation, user: User) -> None:
    """Use the invitation up; of two who open it at once only one does."""
    open_now = Invitation.objects.filter(
        pk=invitation.pk, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )
    if not open_now.update(accepted_at=timezone.now(), accepted_by=user):
        raise _ended()


def _ended() -> Conflict:
    return Conflict("used_invitation", "This link was used or has ended; ask for a new one.")


def _link(name: str, token: str) -> str:
    return f"{settings.BASE_URL}{reverse(name, args=[token])}"


def _mail(invitation: Invitation, link: str) -> None:
    product = invitation.product
    send_mail(
        f"Join {product} in ML Scrum",
        f"You are invited to {product}. This link works once, for a week:\n\n{link}\n",
        None,
        [invitation.email],
        fail_silently=True,  # the link stands on the page too, to be handed over by hand
    )
