"""Who is told that a term is contested, and that they have seen it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from backlog.models import Actor, Role, Term, TermNews, User


def tell_of_contest(term: Term, *, actor: Actor, at: datetime) -> None:
    """Tell those who have agreed on the term, defined it or talked about it, and the product owners
    who keep the glossary; nobody who contests it themselves, nor who has left the product. What
    was told of an earlier contest is past."""
    product = term.product
    hands = Q(pk__in=term.versions.exclude(by=None).values("by"))
    hands |= Q(pk__in=term.talk.exclude(author=None).values("author"))
    hands |= Q(pk__in=[pk for pk in (term.proposed_by_id, term.agreed_by_id) if pk is not None])
    owners = product.members.filter(role=Role.PRODUCT_OWNER).values("user")
    people = User.objects.filter(hands | Q(pk__in=owners), is_active=True)
    people = people.filter(pk__in=product.members.values("user"))
    if actor.user is not None:
        people = people.exclude(pk=actor.user.pk)
    term.news.filter(read_at=None).update(read_at=at)
    TermNews.objects.bulk_create(
        TermNews(term=term, user=person, by=actor.user, at=at) for person in people
    )


def mark_seen(person: User, term: Term | None = None) -> int:
    """The person has looked at the term, or at all of them; how many news were new."""
    found = TermNews.objects.filter(user=person, read_at=None)
    if term is not None:
        found = found.filter(term=term)
    return int(found.update(read_at=timezone.now()))
