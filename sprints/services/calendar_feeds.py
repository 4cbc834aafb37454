"""Secret addresses of calendars: one for each person and product, made anew at will."""

from __future__ import annotations

import secrets

from backlog.models import Actor, Member, Product, User
from backlog.rules.tokens import hash_of
from backlog.services.deeds import deed
from sprints.models import CalendarFeed

PREFIX = "mlc_"


def make_feed(product: Product, user: User, *, actor: Actor) -> str:
    """The secret of the person's feed, which is not kept; one that there was ends with it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    with deed(product, actor, "calendar.shared"):
        CalendarFeed.objects.filter(product=product, user=user).delete()
        CalendarFeed.objects.create(product=product, user=user, token_hash=hash_of(secret))
    return secret


def end_feed(product: Product, user: User, *, actor: Actor) -> None:
    """End the person's feed; calendars that ask for it get nothing from then on."""
    with deed(product, actor, "calendar.unshared") as done:
        if not CalendarFeed.objects.filter(product=product, user=user).delete()[0]:
            done.nothing_happened()


def find_feed(secret: str) -> CalendarFeed | None:
    """The feed of this secret, as long as its person is a member."""
    feed = (
        CalendarFeed.objects.select_related("product", "user")
        .filter(token_hash=hash_of(secret), user__is_active=True)
        .first()
    )
    if feed is None:
        return None
    is_member = Member.objects.filter(product=feed.product, user=feed.user).exists()
    return feed if is_member else None
