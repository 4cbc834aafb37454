"""Reminders that a ceremony begins soon: here, and by e-mail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Member, Product, User
from backlog.services.deeds import deed
from backlog.services.jobs import Lease
from mlscrum.lib import clock
from sprints.models import ActionNews, Ceremony, CeremonyNews

logger = logging.getLogger(__name__)

# ValueError: an address that can't stand in a header
UNSENT = (SMTPException, OSError, ValueError)
TOO_LATE = timedelta(minutes=5)  # after the start nobody needs to be told


def remind(lease: Lease) -> None:
    """Carry out a reminder: tell the members, once for each start that was meant. One of a start
    that was moved meanwhile, or of a ceremony that has begun, tells nobody.

    The news here are written first and the mails sent after: a mail that can't be sent keeps nobody
    from the rest, and none is sent twice.
    """
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
    send_each(people, lambda person, mailer: _message(ceremony, person, mailer))


def mark_seen(person: User, ceremony: Ceremony | None = None) -> int:
    """The person has looked at the ceremony that they were reminded of, or at all; how many
    reminders were new."""
    found = CeremonyNews.objects.filter(user=person, read_at=None)
    if ceremony is not None:
        found = found.filter(ceremony=ceremony)
        due = ActionNews.objects.filter(user=person, read_at=None, outcome__ceremony=ceremony)
        due.update(read_at=timezone.now())
    return int(found.update(read_at=timezone.now()))


def _members(product: Product) -> list[User]:
    found = Member.objects.filter(product=product, user__is_active=True).select_related("user")
    return [member.user for member in found.order_by("user__name")]


def send_each(people: Sequence[User], message: Callable[[User, Any], EmailMessage]) -> None:
    """One message each, so that nobody reads the others' addresses; one that can't be sent is
    logged, and keeps nobody from theirs."""
    mailer = get_connection()
    try:
        mailer.open()
    except UNSENT:
        logger.exception("No reminder could be mailed")
        return
    for person in people:
        try:
            message(person, mailer).send()
        except UNSENT:
            logger.exception("Reminding %s by mail failed", person.pk)
            with suppress(*UNSENT):
                mailer.close()  # the next message opens it anew
    with suppress(*UNSENT):
        mailer.close()


def _message(ceremony: Ceremony, person: User, mailer: Any) -> EmailMessage:
    page = reverse("sprints:ceremony", args=[ceremony.product.key, ceremony.pk])
    with timezone.override(person.time_zone or None):
        local = timezone.localtime(ceremony.starts_at)
        begins = f"{local:%A}, {local.day} {local:%B, %H:%M %Z}"
    place = f"\nPlace: {ceremony.place}" if ceremony.place else ""
    return EmailMessage(
        f"{ceremony.product.key}: {ceremony.title} at {local:%H:%M}",
        f"{ceremony.title} of {ceremony.product.name} begins on {begins}.{place}"
        f"\n\n{settings.BASE_URL}{page}\n",
        to=[person.email],
        connection=mailer,
    )
