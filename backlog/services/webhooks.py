"""Webhooks: set one up, tell it of what happens, send a message once more, and switch it off."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from backlog.models import (
    Activity,
    ActivityCounter,
    Actor,
    Delivery,
    Job,
    Product,
    Role,
    User,
    Webhook,
    WebhookNews,
)
from backlog.queries.events import events_of, families, payloads_of
from backlog.rules.webhooks import EVERYTHING, families_of, is_heard
from backlog.services import jobs
from backlog.services.deeds import deed
from mlscrum.lib import outbound
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.secrets import encrypt

JOB_KIND = "webhook"
QUEUE = "webhooks"
MOST_WEBHOOKS = 20
MOST_PATTERNS = 50
KEPT_FOR = timedelta(days=30)
OLD_SECRET_FOR = timedelta(hours=24)
AT_ONCE = 500
SECRET_BYTES = 32
SAID_OF_IT = ("name", "url", "events")  # by people; the rest is noted as messages go
State = Delivery.State
AT_WORK = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True)
class WebhookDraft:
    """A webhook as somebody wants it; `events` are patterns: `*`, `item.*`, `sprint.closed`."""

    name: str
    url: str
    events: Sequence[str] = (EVERYTHING,)
    is_active: bool = True


def create_webhook(product: Product, draft: WebhookDraft, *, actor: Actor) -> tuple[Webhook, str]:
    """A webhook that hears of what happens from now on, and its secret, which is not shown again.

    Raises ValidationError by field, also for an address that may not be called.
    """
    if product.webhooks.count() >= MOST_WEBHOOKS:
        raise ValidationError(f"A product has up to {MOST_WEBHOOKS} webhooks.")
    secret = _new_secret()
    webhook = Webhook(product=product, created_by=actor.user, secret=encrypt(secret))
    return _saved(webhook, draft, actor, "webhook.added"), secret


def update_webhook(webhook: Webhook, draft: WebhookDraft, *, actor: Actor) -> Webhook:
    """Change a webhook. One that is switched on again hears of what happens from then on."""
    return _saved(webhook, draft, actor, "webhook.changed")


def delete_webhook(webhook: Webhook, *, actor: Actor) -> None:
    """Take a webhook away, with its log and what waits for it."""
    with deed(webhook.product, actor, "webhook.removed", name=webhook.name):
        webhook.delete()


def rotate_secret(webhook: Webhook, *, actor: Actor) -> str:
    """Give it a new secret, which is returned; for 24 hours messages bear both signatures."""
    secret = _new_secret()
    with deed(webhook.product, actor, "webhook.rotated", name=webhook.name) as done:
        held = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
        held.old_secret, held.secret = held.secret, encrypt(secret)
        held.old_secret_until = done.at + OLD_SECRET_FOR
        held.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return secret


def ping(webhook: Webhook, *, actor: Actor) -> Delivery:
    """Send a trial message at once. Raises Conflict for a webhook that is switched off."""
    _require_on(webhook)
    with deed(webhook.product, actor, "webhook.pinged", name=webhook.name) as done:
        payload = {
            "type": "ping",
            "timestamp": done.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": {"product": webhook.product.key},
        }
        delivery = Delivery.objects.create(
            webhook=webhook,
            message_id=f"msg_{webhook.pk}_ping_{secrets.token_hex(6)}",
            kind="ping",
            payload=payload,
            created_at=done.at,
            due_since=done.at,
            not_before=done.at,
        )
        _try_now(webhook)
    return delivery


def replay(webhook: Webhook, deliveries: Sequence[Delivery], *, actor: Actor) -> int:
    """Send messages once more, as they were and under the same id; how many.

    Raises Conflict for a webhook that is switched off.
    """
    _require_on(webhook)
    with deed(webhook.product, actor, "webhook.replayed", name=webhook.name) as done:
        again = webhook.deliveries.exclude(state=State.WAITING).filter(
            pk__in=[delivery.pk for delivery in deliveries]
        )
        count = again.update(
            state=State.WAITING, due_since=done.at, not_before=done.at, ended_at=None
        )
        if not count:
            done.nothing_happened()
        _try_now(webhook)
    return int(count)


def switch_off(webhook: Webhook, why: str, *, now: datetime) -> None:
    """Tell it nothing any more, and tell the product owners, and who made it, why."""
    product = webhook.product
    with deed(product, Actor.system(), "webhook.switched_off", name=webhook.name):
        webhook.is_active, webhook.ended_why = False, why[:300]
        webhook.save(update_fields=["is_active", "ended_why"])
        owners = Q(memberships__role=Role.PRODUCT_OWNER) | Q(pk=webhook.created_by_id)
        people = User.objects.filter(owners, memberships__product=product, is_active=True)
        WebhookNews.objects.bulk_create(
            WebhookNews(webhook=webhook, user=person, at=now) for person in people.distinct()
        )


def tell(now: datetime) -> int:
    """Make a message of each event that a webhook hears, and see that what is due is sent; how many
    were made. Several dispatchers may do so at once."""
    behind = Webhook.objects.filter(
        is_active=True, product__activitycounter__seq__gt=F("told_seq")
    ).values_list("pk", flat=True)
    made = sum(_tell_one(pk, now) for pk in list(behind))
    _begin(now)
    return made


def mark_seen(person: User) -> int:
    """The person has seen which webhooks were switched off; how many news were new."""
    return int(WebhookNews.objects.filter(user=person, read_at=None).update(read_at=timezone.now()))


def forget_deliveries(now: datetime) -> int:
    """Delete messages after 30 days; how many went."""
    return Delivery.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _require_on(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise Conflict("switched_off", f"{webhook.name} is switched off; switch it on first.")


def _try_now(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(rests_until=None)


def _tell_one(pk: int, now: datetime) -> int:
    """Make the next messages of one webhook, each event once."""
    with transaction.atomic():
        webhook = (
            Webhook.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product")
            .filter(pk=pk, is_active=True)
            .first()
        )
        if webhook is None:
            return 0
        events = list(
            events_of(webhook.product).filter(seq__gt=webhook.told_seq).order_by("seq")[:AT_ONCE]
        )
        if not events:  # another dispatcher was faster
            return 0
        heard = [event for event in events if is_heard(event.kind, webhook.events)]
        messages = _messages(webhook, heard, now)
        Delivery.objects.bulk_create(messages, ignore_conflicts=True)
        webhook.told_seq = events[-1].seq
        webhook.save(update_fields=["told_seq"])
    return len(messages)


def _messages(webhook: Webhook, events: Sequence[Activity], now: datetime) -> list[Delivery]:
    return [
        Delivery(
            webhook=webhook,
            message_id=f"msg_{webhook.pk}_{payload['seq']}",
            seq=payload["seq"],
            kind=payload["kind"],
            payload=_message(webhook.product, payload),
            created_at=now,
            due_since=now,
            not_before=now,
        )
        for payload in payloads_of(events)
    ]


def _message(product: Product, payload: dict[str, Any]) -> dict[str, Any]:
    """An event in the form of the Standard Webhooks specification."""
    kept = {name: value for name, value in payload.items() if name not in {"kind", "at", "tab"}}
    return {
        "type": payload["kind"],
        "timestamp": payload["at"],
        "data": {"product": product.key, **kept},
    }


def _begin(now: datetime) -> None:
    """Ask for a job for each webhook that has something to send and none at work on it."""
    due = Delivery.objects.filter(webhook=OuterRef("pk"), state=State.WAITING, not_before__lte=now)
    ready = Webhook.objects.filter(
        Q(rests_until=None) | Q(rests_until__lte=now), Exists(due), is_active=True
    ).exclude(job__state__in=AT_WORK)
    for pk in list(ready.values_list("pk", flat=True)):
        with transaction.atomic():
            held = Webhook.objects.select_for_update(no_key=True, of=("self",))
            webhook = held.select_related("product", "job").filter(pk=pk).first()
            if webhook is None or (webhook.job and webhook.job.state in AT_WORK):
                continue  # another dispatcher was faster
            webhook.job = jobs.enqueue(webhook.product, JOB_KIND, {"webhook": pk})
            webhook.save(update_fields=["job"])


def _saved(webhook: Webhook, draft: WebhookDraft, actor: Actor, kind: str) -> Webhook:
    product = webhook.product
    _check(draft)
    with deed(product, actor, kind, name=draft.name):
        is_new = webhook._state.adding
        if not is_new:  # a dispatcher moves it on, and a worker notes what it saw
            webhook = Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
            webhook.product = product
        if is_new or (draft.is_active and not webhook.is_active):
            webhook.told_seq = ActivityCounter.objects.get(product=product).seq
            webhook.ended_why, webhook.failing_since = "", None
        webhook.name, webhook.url = " ".join(draft.name.split()), draft.url.strip()
        webhook.events, webhook.is_active = sorted(set(draft.events)), draft.is_active
        webhook.failures, webhook.rests_until = 0, None
        unsaid = [field.name for field in Webhook._meta.fields if field.name not in SAID_OF_IT]
        webhook.clean_fields(exclude=unsaid)
        try:
            with transaction.atomic():
                webhook.save()
        except IntegrityError:
            raise ValidationError({"name": "There is a webhook of this name."}) from None
    return webhook


def _check(draft: WebhookDraft) -> None:
    errors: dict[str, Any] = {}
    if fault := _fault_of_events(draft.events):
        errors["events"] = fault
    try:
        parts = urlsplit(draft.url.strip())
        if parts.username is not None or parts.password is not None:
            errors["url"] = "Leave user and password out of the address; messages are signed."
        else:
            outbound.check_url(draft.url.strip())
    except DomainError as error:
        errors["url"] = error.message
    except ValueError:
        errors["url"] = "Enter an address such as https://ci.example.com/hooks/ml-scrum."
    if errors:
        raise ValidationError(errors)


def _fault_of_events(patterns: Sequence[str]) -> str:
    if not 1 <= len(patterns) <= MOST_PATTERNS:
        return f"Name 1 to {MOST_PATTERNS} kinds of events, such as item.* or sprint.closed."
    known = families()
    unknown = sorted(families_of(patterns) - known)
    if unknown:
        return f"There are no events called {unknown[0]}.…; there are {', '.join(sorted(known))}."
    wrong = [p for p in patterns if p != EVERYTHING and not p.partition(".")[2]]
    if wrong:
        return f"Write {wrong[0]}.* for all of them, or {wrong[0]}.… for one kind."
    return ""
