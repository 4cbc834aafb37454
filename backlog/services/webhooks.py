"""Webhooks: set one up, tell it of what happens, send a message once more, and switch it off.

Whoever writes a webhook or its messages locks the webhook first.
"""

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
    WebhookSecret,
)
from backlog.queries.events import events_of, families, payloads_of
from backlog.rules import keeping
from backlog.rules.webhooks import EVERYTHING, families_of, is_heard
from backlog.services import jobs
from backlog.services.deeds import deed
from mlscrum.lib import outbound
from mlscrum.lib.errors import Conflict, DomainError, NotFound
from mlscrum.lib.secrets import encrypt

JOB_KIND = "webhook"
QUEUE = "webhooks"
MOST_WEBHOOKS = 20
MOST_PATTERNS = 50
MOST_SECRETS = 5
JOBS_KEPT_FOR = timedelta(days=1)
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


def create_webhook(product: Product, draft: WebhookDraft, *, actor: Actor) -> tuple[Webhook, str]:
    """A webhook that hears of what happens from now on, and its secret, which is not shown again.

    Raises ValidationError by field, also for an address that may not be called.
    """
    if product.webhooks.count() >= MOST_WEBHOOKS:
        raise ValidationError(f"A product has up to {MOST_WEBHOOKS} webhooks.")
    _check(draft)
    secret = _new_secret()
    webhook = Webhook(product=product, created_by=actor.user)
    with deed(product, actor, "webhook.added", name=draft.name):
        webhook.told_seq = _present_seq(product)
        _write(webhook, draft)
        WebhookSecret.objects.create(webhook=webhook, secret=encrypt(secret))
    return webhook, secret


def update_webhook(webhook: Webhook, *, actor: Actor, **fields: Any) -> Webhook:
    """Change some of name, url and events. With another address what waits is sent at once."""
    with deed(webhook.product, actor, "webhook.changed", name=webhook.name):
        held = _held(webhook)
        draft = WebhookDraft(**{**{name: getattr(held, name) for name in SAID_OF_IT}, **fields})
        _check(draft)
        if draft.url.strip() != held.url:
            held.failures, held.failing_since = 0, None
            _due_now(held, held.deliveries.filter(state=State.WAITING))
        _write(held, draft)
    return held


def switch_on(webhook: Webhook, *, actor: Actor) -> Webhook:
    """Tell it of what happens from now on."""
    with deed(webhook.product, actor, "webhook.switched_on", name=webhook.name) as done:
        held = _held(webhook)
        if held.is_active:
            done.nothing_happened()
            return held
        held.is_active, held.ended_why, held.told_seq = True, "", _present_seq(webhook.product)
        held.failures, held.failing_since, held.rests_until = 0, None, None
        held.save()
        held.news.filter(read_at=None).update(read_at=done.at)
    return held


def switch_off(webhook: Webhook, *, actor: Actor, why: str = "") -> Webhook:
    """Tell it nothing any more; what waits for it is not sent. Where it is no person who does so,
    the product owners, and who made it, are told why."""
    product = webhook.product
    with deed(product, actor, "webhook.switched_off", name=webhook.name) as done:
        held = _held(webhook)
        if not held.is_active:
            done.nothing_happened()
            return held
        held.is_active, held.ended_why = False, why[:300]
        held.save()
        held.deliveries.filter(state=State.WAITING).update(state=State.FAILED, ended_at=done.at)
        if actor.user is None:
            owners = Q(memberships__role=Role.PRODUCT_OWNER) | Q(pk=held.created_by_id)
            people = User.objects.filter(owners, memberships__product=product, is_active=True)
            WebhookNews.objects.bulk_create(
                WebhookNews(webhook=held, user=person, at=done.at) for person in people.distinct()
            )
    return held


def delete_webhook(webhook: Webhook, *, actor: Actor) -> None:
    """Take a webhook away, with its log and what waits for it."""
    with deed(webhook.product, actor, "webhook.removed", name=webhook.name):
        # Stronger than what dispatchers and workers take: rows that refer to it are on their way.
        Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        webhook.delete()


def rotate_secret(webhook: Webhook, *, actor: Actor) -> tuple[str, datetime]:
    """Give it a new secret, which is returned; until the moment that is returned too, messages bear
    the signatures of the ones before as well."""
    secret = _new_secret()
    with deed(webhook.product, actor, "webhook.rotated", name=webhook.name) as done:
        held = _held(webhook)
        until = done.at + OLD_SECRET_FOR
        held.secrets.filter(until__lte=done.at).delete()
        held.secrets.filter(until=None).update(until=until)
        WebhookSecret.objects.create(webhook=held, secret=encrypt(secret))
        newest = list(held.secrets.values_list("pk", flat=True)[:MOST_SECRETS])
        held.secrets.exclude(pk__in=newest).delete()
    return secret, until


def ping(webhook: Webhook, *, actor: Actor) -> Delivery:
    """Send a trial message at once. Raises Conflict for a webhook that is switched off."""
    with deed(webhook.product, actor, "webhook.pinged", name=webhook.name) as done:
        held = _held(webhook, must_be_on=True)
        payload = {
            "type": "ping",
            "timestamp": done.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": {"product": webhook.product.key},
        }
        delivery = Delivery.objects.create(
            webhook=held,
            message_id=f"msg_{held.pk}_ping_{secrets.token_hex(6)}",
            kind="ping",
            payload=payload,
            created_at=done.at,
            due_since=done.at,
            not_before=done.at,
        )
        _try_now(held)
    return delivery


def replay(webhook: Webhook, delivery: Delivery | None = None, *, actor: Actor) -> int:
    """Send a message once more, or now if it waits; without one, all that were not received. They
    go as they were and under the same id; how many. Raises Conflict for a webhook that is off.
    """
    with deed(webhook.product, actor, "webhook.replayed", name=webhook.name) as done:
        held = _held(webhook, must_be_on=True)
        chosen = held.deliveries.filter(state=State.FAILED)
        if delivery is not None:
            chosen = held.deliveries.filter(pk=delivery.pk)
        count = _due_now(held, chosen, since=done.at)
        if not count:
            done.nothing_happened()
    return count


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
    """Delete messages whose time is up, and after a day the jobs that sent them; how many went."""
    ended = Job.objects.filter(kind=JOB_KIND, finished_at__lt=now - JOBS_KEPT_FOR)
    until = now - timedelta(days=keeping.WEBHOOK_DELIVERIES)
    return Delivery.objects.filter(created_at__lt=until).delete()[0] + ended.delete()[0]


def _held(webhook: Webhook, *, must_be_on: bool = False) -> Webhook:
    """The webhook as it stands, locked."""
    held = Webhook.objects.select_for_update(no_key=True).filter(pk=webhook.pk).first()
    if held is None:
        raise NotFound("gone", f"{webhook.name} was deleted meanwhile.")
    if must_be_on and not held.is_active:
        raise Conflict("switched_off", f"{held.name} is switched off; switch it on first.")
    held.product = webhook.product
    return held


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _present_seq(product: Product) -> int:
    return ActivityCounter.objects.get(product=product).seq


def _try_now(held: Webhook) -> None:
    Webhook.objects.filter(pk=held.pk).update(rests_until=None)


def _due_now(held: Webhook, messages: Any, *, since: datetime | None = None) -> int:
    """Let these messages be due now, and have their 24 hours from now on if `since` says so."""
    now = since or timezone.now()
    fields = {"due_since": now} if since else {}
    count = messages.update(state=State.WAITING, not_before=now, ended_at=None, **fields)
    if held.deliveries.filter(state=State.WAITING, not_before__lte=now).exists():
        held.rests_until = None
        _try_now(held)
    return int(count)


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
            about=_about(payload),
            about_more=payload["more_refs"],
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


def _about(payload: dict[str, Any]) -> list[str]:
    """What an event is about, by name: the order of such messages is kept."""
    subject = payload["subject"]
    things = [f"{name}:{number}" for name, number in payload["ids"].items()]
    if subject:
        things.append(f"{subject['kind']}:{subject['slug']}")
    return [*payload["refs"], *things]


def _begin(now: datetime) -> None:
    """Ask for a job for each webhook that has something to send and none at work on it; of a
    product one at a time, so that its slow receivers leave the workers to others."""
    due = Delivery.objects.filter(webhook=OuterRef("pk"), state=State.WAITING, not_before__lte=now)
    at_work = Job.objects.filter(product=OuterRef("product"), kind=JOB_KIND, state__in=AT_WORK)
    ready = Webhook.objects.filter(
        Q(rests_until=None) | Q(rests_until__lte=now), Exists(due), ~Exists(at_work), is_active=True
    ).order_by(F("rests_until").asc(nulls_last=True), "pk")
    products: set[int] = set()
    for pk, product_id in list(ready.values_list("pk", "product")):
        if product_id not in products:
            products.add(product_id)
            _ask_for_job(pk)


def _ask_for_job(pk: int) -> None:
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if webhook is None:
            return
        # Read by itself, once the lock is held: a join would tell of before.
        if webhook.job is not None and webhook.job.state in AT_WORK:
            return  # another dispatcher was faster
        webhook.job = jobs.enqueue(
            Product.objects.get(pk=webhook.product_id), JOB_KIND, {"webhook": pk}
        )
        webhook.save(update_fields=["job"])


def _write(webhook: Webhook, draft: WebhookDraft) -> None:
    webhook.name, webhook.url = " ".join(draft.name.split()), draft.url.strip()
    webhook.events = sorted(set(draft.events))
    unsaid = [field.name for field in Webhook._meta.fields if field.name not in SAID_OF_IT]
    webhook.clean_fields(exclude=unsaid)
    try:
        with transaction.atomic():
            webhook.save()
    except IntegrityError:
        raise ValidationError({"name": "There is a webhook of this name."}) from None


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
