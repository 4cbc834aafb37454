"""Alerts: tell channels of findings, one message a report, through jobs that try again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from backlog.models import (
    Actor,
    AlertChannel,
    AlertMessage,
    AlertRule,
    Job,
    Product,
    StoredReport,
    Subject,
    User,
)
from backlog.rules import keeping
from backlog.rules.alerts import News, is_heard, lines_of, next_loud, title_of
from backlog.services import jobs
from backlog.services.deeds import deed
from backlog.services.jobs import Lease, Retry
from mlscrum.lib import chats
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt, encrypt

JOB_KIND = "alert"
MAX_ATTEMPTS = 6
MOST_CHANNELS = 20
MOST_RULES = 20
State = AlertMessage.State


@dataclass(frozen=True)
class RuleDraft:
    """What a channel is to hear."""

    severity: str
    owner: User | None = None


@dataclass(frozen=True)
class ChannelDraft:
    """A channel as somebody wants it; an address of None leaves the present one."""

    name: str
    rules: Sequence[RuleDraft]
    address: str | None = None
    is_active: bool = True
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"


def create_channel(product: Product, draft: ChannelDraft, *, actor: Actor) -> AlertChannel:
    """A channel with its rules. Raises ValidationError for bad fields."""
    if product.alert_channels.count() >= MOST_CHANNELS:
        raise ValidationError(f"A product has up to {MOST_CHANNELS} channels.")
    if not draft.address:
        raise ValidationError({"address": "Enter the address of the channel."})
    channel = AlertChannel(product=product, created_by=actor.user)
    return _saved(channel, draft, actor, "alerts.channel_added")


def update_channel(channel: AlertChannel, draft: ChannelDraft, *, actor: Actor) -> AlertChannel:
    """Change a channel; its rules are those of the draft afterwards."""
    return _saved(channel, draft, actor, "alerts.channel_changed")


def delete_channel(channel: AlertChannel, *, actor: Actor) -> None:
    """Take a channel away, with what waits for it."""
    with deed(channel.product, actor, "alerts.channel_removed", name=channel.name):
        channel.delete()


def test_channel(channel: AlertChannel, *, actor: Actor) -> AlertMessage:
    """Send a trial message, quiet hours or not."""
    product = channel.product
    now = timezone.now()
    with deed(product, actor, "alerts.channel_tested", name=channel.name):
        message = AlertMessage.objects.create(
            channel=channel,
            title=f"{product.key}: a trial message of ML Scrum",
            lines=["Findings of this product will be told here."],
            link=_absolute(reverse("backlog:alerts", args=[product.key])),
            created_at=now,
            not_before=now,
        )
        _give_job(message)
    return message


def tell(
    product: Product,
    report: StoredReport,
    subject: Subject | None,
    news: Sequence[News],
    link: str,
    *,
    at: datetime,
) -> None:
    """Within the deed of a report: one message to each channel that hears something of it."""
    if not news:
        return
    rules = AlertRule.objects.filter(
        channel__product=product, channel__is_active=True
    ).select_related("channel")
    heard: dict[AlertChannel, set[int]] = {}
    owner = subject.owner_id if subject else None
    for rule in rules:
        heard.setdefault(rule.channel, set()).update(
            place
            for place, one in enumerate(news)
            if is_heard(one, severity=rule.severity, owner=rule.owner_id, subject_owner=owner)
        )
    for channel, places in heard.items():
        if not places:
            continue
        told = [news[place] for place in sorted(places)]
        message = AlertMessage.objects.create(
            channel=channel,
            report=report,
            title=title_of(product.key, subject.name if subject else report.source, told),
            lines=lines_of(told),
            link=_absolute(link or reverse("backlog:findings", args=[product.key])),
            created_at=at,
            not_before=next_loud(
                timezone.now(), channel.quiet_from, channel.quiet_until, channel.time_zone
            ),
        )
        _give_job(message)


def deliver(lease: Lease) -> None:
    """Carry out a job: send its message, together with others of the channel that are due.

    A message is sent again only where a worker was killed between sending and saying so.
    """
    job = lease.job
    now = timezone.now()
    own = AlertMessage.objects.filter(pk=job.args["message"]).first()
    if own is None:
        return
    channel = AlertChannel.objects.select_related("product").get(pk=own.channel_id)
    due = channel.messages.filter(not_before__lte=now)
    due.filter(state=State.WAITING).update(state=State.SENDING, job=job)
    ours = channel.messages.filter(state=State.SENDING, job=job).order_by("pk")
    messages = list(ours)
    if not messages:  # another job has taken it along
        return
    ours.update(attempts=F("attempts") + 1)
    try:
        if not channel.is_active and any(message.report_id for message in messages):
            raise DomainError("inactive", "The channel was switched off.")
        chats.send(decrypt(channel.address), *_text(messages))
    except chats.Unreachable as error:
        ours.update(error=error.message[:300])
        raise Retry(error.message, code=error.code) from None
    with lease.finish():
        ours.update(state=State.SENT, sent_at=timezone.now(), error="")


def delivery_failed(job: Job, code: str, message: str) -> None:
    """A job ended badly: what it should have sent is not sent, and the log says why."""
    AlertMessage.objects.filter(job=job, state__in=[State.SENDING, State.WAITING]).update(
        state=State.FAILED, error=message[:300]
    )


def forget_messages(now: datetime) -> int:
    """Delete messages whose time is up; how many went."""
    until = now - timedelta(days=keeping.ALERT_MESSAGES)
    return AlertMessage.objects.filter(created_at__lt=until).delete()[0]


def _give_job(message: AlertMessage) -> None:
    message.job = jobs.enqueue(
        message.channel.product, JOB_KIND, {"message": message.pk}, run_after=message.not_before
    )
    message.save(update_fields=["job"])


def _text(messages: Sequence[AlertMessage]) -> tuple[str, str]:
    """Title and body of what is sent: of several messages each with its own title."""
    if len(messages) == 1:
        [only] = messages
        return only.title, "\n".join([*only.lines, only.link])
    parts = ["\n".join([one.title, *one.lines, one.link]) for one in messages]
    key = messages[0].channel.product.key
    return f"{key}: {len(messages)} reports while it was quiet", "\n\n".join(parts)


def _absolute(link: str) -> str:
    return link if link.startswith("http") else f"{settings.BASE_URL}{link}"


def _saved(channel: AlertChannel, draft: ChannelDraft, actor: Actor, kind: str) -> AlertChannel:
    product = channel.product
    _check(product, draft)
    channel.name = " ".join(draft.name.split())
    if draft.address:
        try:
            channel.service = chats.service_of(draft.address)
        except DomainError as error:
            raise ValidationError({"address": error.message}) from None
        channel.address = encrypt(draft.address)
    for name in ("is_active", "quiet_from", "quiet_until", "time_zone"):
        setattr(channel, name, getattr(draft, name))
    channel.clean_fields(exclude=["created_by"])
    with deed(product, actor, kind, name=channel.name):
        try:
            with transaction.atomic():
                channel.save()
        except IntegrityError:
            raise ValidationError({"name": "There is a channel of this name."}) from None
        channel.rules.all().delete()
        AlertRule.objects.bulk_create(
            AlertRule(channel=channel, severity=rule.severity, owner=rule.owner)
            for rule in draft.rules
        )
    return channel


def _check(product: Product, draft: ChannelDraft) -> None:
    errors: dict[str, Any] = {}
    if (draft.quiet_from is None) != (draft.quiet_until is None):
        errors["quiet_until"] = "Quiet hours begin and end; give both, or neither."
    if draft.time_zone not in available_timezones():
        errors["time_zone"] = "Name a time zone, such as Europe/Berlin."
    if not 1 <= len(draft.rules) <= MOST_RULES:
        errors["rules"] = f"A channel has 1 to {MOST_RULES} rules."
    owners: Mapping[int, User] = {rule.owner.pk: rule.owner for rule in draft.rules if rule.owner}
    if product.members.filter(user__in=list(owners)).count() != len(owners):
        errors["owner"] = "Name members of the product."
    if errors:
        raise ValidationError(errors)
