"""Seats in a ceremony: members take theirs, guests come by a link that expires."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Actor, Member, Role, User
from backlog.rules.tokens import hash_of
from backlog.services.deeds import deed
from mlscrum.lib import clock
from mlscrum.lib.errors import DomainError
from sprints.models import Ceremony, GuestLink, Participant

PREFIX = "mlg_"
LONGEST_LINK = timedelta(days=30)
USUAL_LINK = timedelta(days=7)
GONE_AFTER = timedelta(seconds=75)  # tabs in the background say a word a minute


def take_seat(ceremony: Ceremony, user: User) -> Participant:
    """The member's seat, made where there is none; they speak for the role that they have now.

    Raises DomainError for somebody who is no member.
    """
    member = Member.objects.filter(product=ceremony.product_id, user=user).first()
    if member is None:
        raise DomainError("no_member", "Only members and guests take part in a ceremony.")
    seat, _ = Participant.objects.get_or_create(
        ceremony=ceremony,
        user=user,
        defaults={"name": str(user), "trade": Role(member.role).label},
    )
    return seat


def be_present(seat: Participant, *, actor: Actor, is_present: bool = True) -> Participant:
    """Note that somebody is there, or has left."""
    if seat.is_present == is_present:
        return seat
    ceremony = seat.ceremony
    with deed(ceremony.product, actor, "ceremony.joined" if is_present else "ceremony.left",
              ceremony=ceremony.pk, participant=seat.pk):  # fmt: skip
        seat.is_present, seat.seen_at = is_present, None
        if is_present and seat.joined_at is None:
            seat.joined_at = clock.now()
        seat.save(update_fields=["is_present", "joined_at", "seen_at"])
    return seat


def stay(seat: Participant, *, actor: Actor) -> None:
    """Note that a page of theirs is open still: who was seen off is there again, and who left by
    themselves is not."""
    if not seat.is_present and seat.seen_at is None:
        return
    be_present(seat, actor=actor)
    present = Participant.objects.filter(pk=seat.pk, is_present=True)  # unless they leave just now
    present.update(seen_at=clock.now())


def see_off(ceremony: Ceremony) -> None:
    """Whoever had a page open, and has none for GONE_AFTER now, is there no more."""
    gone = ceremony.participants.filter(is_present=True, seen_at__lt=clock.now() - GONE_AFTER)
    for seat in gone.values_list("pk", flat=True):
        with deed(ceremony.product, Actor.system(), "ceremony.left", ceremony=ceremony.pk,
                  participant=seat) as done:  # fmt: skip
            if not gone.filter(pk=seat).update(is_present=False):
                done.nothing_happened()


def take_part(
    ceremony: Ceremony, user: User, *, actor: Actor, seat: Participant | None = None
) -> Participant:
    """The seat of whoever votes, speaks or writes, by which they are there while it runs: the
    `seat` of a guest, or that of a member, made where there is none.

    In a retrospective neither a deed nor a time tells it: it would be that of a card or a vote.
    """
    seat = seat or take_seat(ceremony, user)
    if ceremony.state != Ceremony.State.RUNNING or seat.is_present:
        return seat
    seat.ceremony = ceremony
    if ceremony.kind != Ceremony.Kind.RETROSPECTIVE:
        return be_present(seat, actor=actor)
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    seat.is_present, seat.joined_at, seat.seen_at = True, seat.joined_at or hour, None
    seat.save(update_fields=["is_present", "joined_at", "seen_at"])
    return seat


def make_guest_link(
    ceremony: Ceremony,
    *,
    actor: Actor,
    trade: str = "",
    is_observer: bool = False,
    expires_at: datetime | None = None,
) -> tuple[GuestLink, str]:
    """A link and its secret, which is not kept. Raises ValidationError for an end that is past or
    more than 30 days away."""
    now = timezone.now()
    expires_at = expires_at or now + USUAL_LINK
    if not now < expires_at <= now + LONGEST_LINK:
        raise ValidationError({"expires_at": "A link ends within the next 30 days."})
    secret = PREFIX + secrets.token_urlsafe(32)
    with deed(ceremony.product, actor, "ceremony.guests_invited", ceremony=ceremony.pk):
        link = GuestLink(
            ceremony=ceremony,
            trade=" ".join(trade.split()),
            is_observer=is_observer,
            token_hash=hash_of(secret),
            created_by=actor.user,
            expires_at=expires_at,
        )
        link.clean_fields(exclude=["created_by", "revoked_at"])
        link.save()
    return link, secret


def revoke_guest_link(link: GuestLink, *, actor: Actor) -> None:
    """End a link: who came by it is out with the next request."""
    if link.revoked_at is not None:
        return
    with deed(link.ceremony.product, actor, "ceremony.guests_sent_away",
              ceremony=link.ceremony_id):  # fmt: skip
        link.revoked_at = timezone.now()
        link.save(update_fields=["revoked_at"])


def find_guest_link(secret: str) -> GuestLink | None:
    """The valid link with this secret, or None."""
    found = GuestLink.objects.select_related("ceremony__product").filter(token_hash=hash_of(secret))
    link = found.first()
    return link if link is not None and link.is_valid else None


def come_as_guest(link: GuestLink, name: str) -> Participant:
    """A seat for whoever has the link and says a name. Raises ValidationError without one, and
    DomainError where the link has ended."""
    if not link.is_valid:
        raise DomainError("link_ended", "This link has ended; ask for a new one.", status=410)
    seat = Participant(
        ceremony=link.ceremony,
        link=link,
        name=" ".join(name.split()),
        trade=link.trade or "Guest",
        is_observer=link.is_observer,
    )
    seat.clean_fields(exclude=["user", "joined_at", "seen_at"])
    with deed(link.ceremony.product, Actor.guest(), "ceremony.joined", ceremony=link.ceremony_id,
              ) as done:  # fmt: skip
        seat.is_present, seat.joined_at = True, clock.now()
        seat.save()
        done.data["participant"] = seat.pk
    return seat
