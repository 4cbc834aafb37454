"""Reminders of actions that are due: here, and by e-mail."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Job, Product, User
from backlog.services import jobs
from backlog.services.deeds import deed
from backlog.services.jobs import Lease
from mlscrum.lib import clock
from sprints.models import ActionNews, Notice, Outcome
from sprints.queries.reminders import Due, due_actions, notice_of, on_day, open_actions, untold
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
    """Ask for a reminder of each action that somebody is to be told of and has not been.

    A chore of every hour, which removes nothing: always 0. Several dispatchers ask for one, and
    what came to nothing is asked for anew.
    """
    for due in due_actions(timezone.localdate(now)):
        about = {"outcome": due.action.pk, "due_date": due.day.isoformat()}
        with transaction.atomic():
            action = Outcome.objects.select_for_update(no_key=True).filter(pk=due.action.pk)
            if action.exists() and not _is_asked(about):
                jobs.enqueue(due.action.ceremony.product, REMIND_KIND, about)
    return 0


def _is_asked(about: dict[str, Any]) -> bool:
    waiting = Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
    same = {f"args__{name}": value for name, value in about.items()}
    return waiting.filter(kind=REMIND_KIND, **same).exists()


def remind(lease: Lease) -> None:
    """Carry out a reminder: tell those who do it. An action that was done, moved to another day or
    given up meanwhile, or whose people have left the product, tells nobody."""
    meant = date.fromisoformat(lease.job.args["due_date"])
    found = open_actions().filter(on_day(meant), pk=lease.job.args["outcome"])
    due = next(iter(untold(found)), None)
    if due is None:
        return
    action, told = due.action, []
    with lease.finish(deed(action.ceremony.product, Actor.system(), "ceremony.action_reminded",
                           ceremony=action.ceremony_id, outcome=action.pk)):  # fmt: skip
        for person in due.people:
            _, is_new = ActionNews.objects.get_or_create(
                outcome=action, user=person, due_date=meant, defaults={"at": clock.now()}
            )
            if is_new:
                told.append(person)
    send_each(told, lambda person, mailer: _message(due, person, mailer))


def mark_seen(person: User) -> int:
    """The person has seen that actions are due; how many news were new."""
    return int(ActionNews.objects.filter(user=person, read_at=None).update(read_at=timezone.now()))


def _message(due: Due, person: User, mailer: Any) -> EmailMessage:
    action, day = due.action, due.day
    ceremony = action.ceremony
    page = reverse("sprints:ceremony", args=[ceremony.product.key, ceremony.pk])
    said = " ".join(action.text.split())
    item = f" ({action.item.ref})" if action.item else ""
    return EmailMessage(
        f"{ceremony.product.key}: your action is due on {day.day} {day:%B}",
        f"“{said}”{item}\n\nis yours since {ceremony.title} of {ceremony.product.name};"
        f" it is due on {day:%A}, {day.day} {day:%B %Y}."
        f"\n\n{settings.BASE_URL}{page}#outcome-{action.pk}\n",
        to=[person.email],
        connection=mailer,
    )
