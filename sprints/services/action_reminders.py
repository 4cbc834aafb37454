"""Reminders of actions that are due: here, and by e-mail."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Member, Product, User
from backlog.services import jobs
from backlog.services.deeds import deed
from backlog.services.jobs import Lease
from mlscrum.lib import clock
from sprints.models import ActionNews, Notice, Outcome
from sprints.queries.reminders import due_actions, notice_of, open_actions
from sprints.services.reminders import send_each

REMIND_KIND = "action.remind"


def set_notice(
    product: Product, *, actor: Actor, ceremony_minutes: int | None, action_days: int | None
) -> Notice:
    """How long ahead the product reminds from now on; ceremonies that are scheduled keep theirs.

    Raises ValidationError by field.
    """
    wanted = Notice(product=product, ceremony_minutes=ceremony_minutes, action_days=action_days)
    unset = [name for name in ("ceremony_minutes", "action_days") if getattr(wanted, name) is None]
    wanted.clean_fields(exclude=["product", *unset])
    before = notice_of(product)
    with deed(product, actor, "ceremony.notice_set") as done:
        values = {"ceremony_minutes": ceremony_minutes, "action_days": action_days}
        if all(getattr(before, name) == value for name, value in values.items()):
            done.nothing_happened()
            return before
        found, _ = Notice.objects.update_or_create(product=product, defaults=values)
        done.data |= values
    return found


def ask_for_reminders(now: datetime) -> int:
    """Ask for a reminder of each action that is due soon, once for each day that it was due on.

    A chore of every hour, which removes nothing: always 0.
    """
    for action in due_actions(timezone.localdate(now)):
        fresh = Outcome.objects.filter(pk=action.pk, due_date=action.due_date)
        not_yet = Q(reminded_for=None) | ~Q(reminded_for=F("due_date"))
        if fresh.filter(not_yet).update(reminded_for=action.due_date):
            assert action.due_date is not None, "due actions have a day"
            about = {"outcome": action.pk, "due_date": action.due_date.isoformat()}
            jobs.enqueue(action.ceremony.product, REMIND_KIND, about)
    return 0


def remind(lease: Lease) -> None:
    """Carry out a reminder: tell the owner. An action that was done, moved to another day or taken
    over meanwhile by nobody of the product tells nobody."""
    meant = date.fromisoformat(lease.job.args["due_date"])
    action = (
        open_actions()
        .select_related("ceremony__product", "owner")
        .filter(pk=lease.job.args["outcome"], due_date=meant)
        .first()
    )
    if action is None or action.owner is None:
        return
    product, owner = action.ceremony.product, action.owner
    if not Member.objects.filter(product=product, user=owner, user__is_active=True).exists():
        return
    with lease.finish(deed(product, Actor.system(), "ceremony.action_reminded",
                           ceremony=action.ceremony_id, outcome=action.pk)):  # fmt: skip
        ActionNews.objects.get_or_create(
            outcome=action, user=owner, due_date=meant, defaults={"at": clock.now()}
        )
    send_each([owner], lambda person, mailer: _message(action, meant, person, mailer))


def mark_seen(person: User) -> int:
    """The person has seen that actions are due; how many news were new."""
    return int(ActionNews.objects.filter(user=person, read_at=None).update(read_at=timezone.now()))


def _message(action: Outcome, due: date, person: User, mailer: Any) -> EmailMessage:
    ceremony = action.ceremony
    page = reverse("sprints:ceremony", args=[ceremony.product.key, ceremony.pk])
    said = " ".join(action.text.split())
    return EmailMessage(
        f"{ceremony.product.key}: your action is due on {due.day} {due:%B}",
        f"“{said}”\n\nyou took on in {ceremony.title} of {ceremony.product.name};"
        f" it is due on {due:%A}, {due.day} {due:%B %Y}."
        f"\n\n{settings.BASE_URL}{page}#outcome-{action.pk}\n",
        to=[person.email],
        connection=mailer,
    )
