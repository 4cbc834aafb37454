"""Reminders that a ceremony begins soon: here, and by e-mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Member, Product, User
from backlog.services.deeds import deed
from backlog.services.jobs import Lease
from mlscrum.lib import clock
from sprints.models import Ceremony, CeremonyNews

TOO_LATE = timedelta(minutes=5)  # after the start nobody needs to be told


def remind(lease: Lease) -> None:
    """Carry out a reminder: tell the members, once for each start that was meant. One of a start
    that was moved meanwhile, or of a ceremony that has begun, tells nobody."""
    meant = datetime.fromisoformat(lease.job.args["starts_at"])
    ceremony = (
        Ceremony.objects.select_related("product")
        .filter(pk=lease.job.args["ceremony"], starts_at=meant, state=Ceremony.State.PLANNED)
        .first()
    )
    if ceremony is None or ceremony.remind_minutes is None:
        return
    if ceremony.reminded_for == meant or timezone.now() > meant + TOO_LATE:
        return
    people = _members(ceremony.product)
    _send(ceremony, people)
    with lease.finish(deed(ceremony.product, Actor.system(), "ceremony.reminded",
                           ceremony=ceremony.pk)):  # fmt: skip
        Ceremony.objects.filter(pk=ceremony.pk).update(reminded_for=meant)
        CeremonyNews.objects.bulk_create(
            [
                CeremonyNews(ceremony=ceremony, user=person, starts_at=meant, at=clock.now())
                for person in people
            ],
            ignore_conflicts=True,
        )


def mark_seen(person: User, ceremony: Ceremony | None = None) -> int:
    """The person has looked at the ceremony that they were reminded of, or at all; how many
    reminders were new."""
    found = CeremonyNews.objects.filter(user=person, read_at=None)
    if ceremony is not None:
        found = found.filter(ceremony=ceremony)
    return int(found.update(read_at=timezone.now()))


def _members(product: Product) -> list[User]:
    found = Member.objects.filter(product=product, user__is_active=True).select_related("user")
    return [member.user for member in found.order_by("user__name")]


def _send(ceremony: Ceremony, people: list[User]) -> None:
    """One message each, so that nobody reads the others' addresses."""
    page = reverse("sprints:ceremony", args=[ceremony.product.key, ceremony.pk])
    url = settings.BASE_URL + page
    with get_connection() as mailer:
        for person in people:
            with timezone.override(person.time_zone or None):
                local = timezone.localtime(ceremony.starts_at)
                begins = f"{local:%A}, {local.day} {local:%B, %H:%M %Z}"
            place = f"\nPlace: {ceremony.place}" if ceremony.place else ""
            EmailMessage(
                f"{ceremony.product.key}: {ceremony.title} at {local:%H:%M}",
                f"{ceremony.title} of {ceremony.product.name} begins on {begins}.{place}"
                f"\n\n{url}\n",
                to=[person.email],
                connection=mailer,
            ).send()
