"""Sending to webhooks: one worker at a time for each, signed after the Standard Webhooks
specification, at least once, in order for each item."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Signer

from backlog.models import Actor, Delivery, Webhook
from backlog.rules.webhooks import (
    GIVEN_UP_AFTER,
    LONGEST_REST_S,
    WAITS_S,
    Queue,
    Verdict,
    Waiting,
    rest_s,
    verdict_of,
    wait_s,
)
from backlog.services.jobs import Lease
from backlog.services.webhooks import switch_off
from mlscrum.lib import outbound
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt

PASS_S = 10.0  # after which other webhooks get their turn
SLOW_MS = 3000
SLOW_RESTS = 4  # times as long as its answer took
MOST_LOOKED_AT = 20_000
LOOK_AGAIN = timedelta(minutes=1)
TIMEOUT_S = 15.0
STEP_TIMEOUT_S = 10.0
MOST_BYTES = 64 * 1024
SWITCHED_OFF_AFTER = timedelta(days=3)
MOST_TRIES_KEPT = 30
State = Delivery.State


@dataclass(frozen=True)
class Try:
    """How it went to send a message: the status answered, or why there was no answer."""

    verdict: Verdict
    status: int | None
    error: str
    took_ms: int
    after_s: float | None = None


def deliver(lease: Lease) -> None:
    """Carry out a job: send what waits for a webhook, until nothing is due, the receiver is down or
    slow, or others should have their turn."""
    ends_at = time.monotonic() + PASS_S
    while _pass(lease, ends_at):
        pass


def _pass(lease: Lease, ends_at: float) -> bool:
    """Send what may be sent now, oldest first; whether there may be more."""
    webhook_id, now = lease.job.args["webhook"], timezone.now()
    rows = Delivery.objects.filter(
        webhook=webhook_id, webhook__is_active=True, state=State.WAITING
    ).order_by("id")
    names = rows.values_list("pk", "about", "not_before", "about_more")[:MOST_LOOKED_AT]
    queue = Queue(
        (
            Waiting(pk, frozenset(about), not_before, about_more)
            for pk, about, not_before, about_more in names
        ),
        now,
    )
    sent, goes_on = 0, True
    for waiting in queue:
        lease.progress(0.5, "Sending")
        delivery = (
            (rows.select_related("webhook__product").prefetch_related("webhook__secrets"))
            .filter(pk=waiting.id)
            .first()
        )
        if delivery is None:
            continue
        tried = send(delivery)
        until = _note(lease, delivery, tried)
        sent += 1
        if until is not None:
            queue.hold(waiting, until)
        goes_on = tried.verdict in {Verdict.RECEIVED, Verdict.REFUSED}
        if not goes_on or tried.took_ms >= SLOW_MS or time.monotonic() > ends_at:
            goes_on = False
            break
    for pk, until in queue.passed_over.items():
        Delivery.objects.filter(pk=pk, state=State.WAITING, not_before__lt=until).update(
            not_before=until
        )
    if not sent and rows.filter(not_before__lte=now).exists():
        # So many wait that what is due lies beyond those that were looked at.
        Webhook.objects.filter(pk=webhook_id, rests_until=None).update(rests_until=now + LOOK_AGAIN)
    return goes_on and sent > 0


def send(delivery: Delivery) -> Try:
    """Send a message, signed with the secret or, while both hold, with both."""
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":"))
    begun = time.monotonic()
    try:
        with outbound.open(
            delivery.webhook.url,
            method="POST",
            headers=_headers(delivery, body, timezone.now()),
            body=body.encode(),
            max_bytes=MOST_BYTES,
            timeout_s=TIMEOUT_S,
            step_timeout_s=STEP_TIMEOUT_S,
        ) as answer:
            status, headers = answer.status, answer.headers
    except DomainError as error:
        return Try(Verdict.DOWN, None, error.message, _ms_since(begun))
    verdict = verdict_of(status)
    fault = "" if verdict == Verdict.RECEIVED else _words_of(status)
    return Try(verdict, status, fault, _ms_since(begun), _retry_after(headers))


def _headers(delivery: Delivery, body: str, now: datetime) -> dict[str, str]:
    kept = [
        each.secret
        for each in delivery.webhook.secrets.all()
        if each.until is None or each.until > now
    ]
    at = now.astimezone(UTC)
    signatures = [Signer(decrypt(secret)).sign(delivery.message_id, at, body) for secret in kept]
    return {
        "content-type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _note(lease: Lease, delivery: Delivery, tried: Try) -> datetime | None:
    """Write how it went, if this worker is still the one to do so and the message still waits;
    until when it waits now, if it does."""
    with transaction.atomic():
        lease.fence()
        webhook = (
            Webhook.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product")
            .filter(pk=delivery.webhook_id)
            .first()
        )
        present = Delivery.objects.filter(pk=delivery.pk, state=State.WAITING).first()
        if webhook is None or present is None:
            return None  # it was deleted or switched off meanwhile
        now = timezone.now()
        present.tries = [*present.tries, _said(tried, now)][-MOST_TRIES_KEPT:]
        if tried.verdict == Verdict.RECEIVED:
            _received(webhook, present, tried, now)
        else:
            _not_received(webhook, present, tried, now)
    return present.not_before if present.state == State.WAITING else None


def _received(webhook: Webhook, delivery: Delivery, tried: Try, now: datetime) -> None:
    delivery.state, delivery.ended_at = State.SENT, now
    delivery.save(update_fields=["state", "ended_at", "tries"])
    webhook.failures, webhook.failing_since, webhook.rests_until = 0, None, _rest_of(tried, now)
    webhook.save(update_fields=["failures", "failing_since", "rests_until"])


def _not_received(webhook: Webhook, delivery: Delivery, tried: Try, now: datetime) -> None:
    webhook.failing_since = webhook.failing_since or now
    is_over = now - delivery.due_since >= GIVEN_UP_AFTER
    if tried.verdict == Verdict.REFUSED:
        tries = _tries_since(delivery)
        pause_s, is_over = wait_s(tries, random.random()), is_over or tries > len(WAITS_S)  # noqa: S311
        webhook.rests_until = _rest_of(tried, now)
    else:
        webhook.failures += 1
        pause_s = max(rest_s(webhook.failures, random.random()), tried.after_s or 0)  # noqa: S311
        webhook.rests_until = now + timedelta(seconds=pause_s)
    delivery.not_before = now + timedelta(seconds=pause_s)
    if is_over or tried.verdict == Verdict.GONE:
        delivery.state, delivery.ended_at = State.FAILED, now
    delivery.save(update_fields=["state", "ended_at", "tries", "not_before"])
    for_days = now - webhook.failing_since
    if delivery.state == State.FAILED and not _others_wait(webhook):
        webhook.failing_since = None  # nothing fails any more, for nothing is tried
    webhook.save(update_fields=["failures", "failing_since", "rests_until"])
    if tried.verdict == Verdict.GONE:
        why = "The receiver answered 410: it wants no messages any more."
        switch_off(webhook, actor=Actor.system(), why=why)
    elif for_days >= SWITCHED_OFF_AFTER:
        why = f"Nothing was received for {SWITCHED_OFF_AFTER.days} days. {tried.error}"
        switch_off(webhook, actor=Actor.system(), why=why)


def _others_wait(webhook: Webhook) -> bool:
    return webhook.deliveries.filter(state=State.WAITING).exists()


def _rest_of(tried: Try, now: datetime) -> datetime | None:
    """A slow receiver is left alone for a while, so that it takes a part of one worker's time."""
    if tried.took_ms < SLOW_MS:
        return None
    return now + timedelta(milliseconds=tried.took_ms * SLOW_RESTS)


def _tries_since(delivery: Delivery) -> int:
    """How often it was tried since it became due, for the first time or by a replay."""
    since = delivery.due_since.isoformat()
    return sum(one["at"] >= since for one in delivery.tries)


def _said(tried: Try, now: datetime) -> dict[str, object]:
    return {
        "at": now.isoformat(),
        "status": tried.status,
        "error": tried.error[:300],
        "ms": tried.took_ms,
    }


def _words_of(status: int) -> str:
    if 300 <= status < 400:
        return f"Answered {status}; redirects are not followed, so enter where it leads to."
    return f"Answered {status}."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the receiver asks for, an hour at the most."""
    asked = headers.get("retry-after", "").strip()
    return min(float(asked), LONGEST_REST_S) if asked.isascii() and asked.isdigit() else None


def _ms_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
