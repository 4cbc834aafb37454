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

from backlog.models import Delivery, Webhook
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
from backlog.services.webhooks import AT_ONCE, switch_off
from mlscrum.lib import outbound
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt

PASS_S = 60.0  # after which other webhooks get their turn
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
    """Carry out a job: send what waits for a webhook, until nothing is due, the receiver is down,
    or others should have their turn."""
    ends_at = time.monotonic() + PASS_S
    while _pass(lease, ends_at):
        pass


def _pass(lease: Lease, ends_at: float) -> bool:
    """Send what may be sent now, oldest first; whether there may be more."""
    webhook_id, now = lease.job.args["webhook"], timezone.now()
    rows = Delivery.objects.filter(
        webhook=webhook_id, webhook__is_active=True, state=State.WAITING
    ).order_by("id")[:AT_ONCE]
    queue = Queue([_waiting(row) for row in rows], now)
    sent, goes_on = 0, True
    for waiting in queue:
        lease.progress(0.5, "Sending")
        delivery = (
            Delivery.objects.select_related("webhook__product")
            .filter(pk=waiting.id, state=State.WAITING, webhook__is_active=True)
            .first()
        )
        if delivery is None:
            continue
        tried = send(delivery)
        _note(lease, delivery, tried)
        sent += 1
        if tried.verdict == Verdict.REFUSED and delivery.state == State.WAITING:
            queue.hold(waiting, delivery.not_before)
        goes_on = tried.verdict in {Verdict.RECEIVED, Verdict.REFUSED}
        if not goes_on or time.monotonic() > ends_at:
            goes_on = False
            break
    for pk, until in queue.passed_over.items():
        Delivery.objects.filter(pk=pk, state=State.WAITING).update(not_before=until)
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
    webhook = delivery.webhook
    kept = [webhook.secret]
    if webhook.old_secret_until is not None and webhook.old_secret_until > now:
        kept.append(webhook.old_secret)
    at = now.astimezone(UTC)
    signatures = [Signer(decrypt(secret)).sign(delivery.message_id, at, body) for secret in kept]
    return {
        "content-type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _note(lease: Lease, delivery: Delivery, tried: Try) -> None:
    """Write how it went, if this worker is still the one to do so."""
    with transaction.atomic():
        lease.fence()
        now = timezone.now()
        webhook = (
            Webhook.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product")
            .get(pk=delivery.webhook_id)
        )
        delivery.tries = [*delivery.tries, _said(tried, now)][-MOST_TRIES_KEPT:]
        if tried.verdict == Verdict.RECEIVED:
            _received(webhook, delivery, now)
        else:
            _not_received(webhook, delivery, tried, now)


def _received(webhook: Webhook, delivery: Delivery, now: datetime) -> None:
    delivery.state, delivery.ended_at = State.SENT, now
    delivery.save(update_fields=["state", "ended_at", "tries"])
    if webhook.failures or webhook.failing_since or webhook.rests_until:
        webhook.failures, webhook.failing_since, webhook.rests_until = 0, None, None
        webhook.save(update_fields=["failures", "failing_since", "rests_until"])


def _not_received(webhook: Webhook, delivery: Delivery, tried: Try, now: datetime) -> None:
    webhook.failing_since = webhook.failing_since or now
    if tried.verdict == Verdict.REFUSED:
        pause_s = wait_s(_tries_since(delivery), random.random())  # noqa: S311  no secret
    else:
        webhook.failures += 1
        pause_s = max(rest_s(webhook.failures, random.random()), tried.after_s or 0)  # noqa: S311
        webhook.rests_until = now + timedelta(seconds=pause_s)
    delivery.not_before = now + timedelta(seconds=pause_s)
    is_too_old = now - delivery.due_since >= GIVEN_UP_AFTER
    if is_too_old or _tries_since(delivery) > len(WAITS_S) or tried.verdict == Verdict.GONE:
        delivery.state, delivery.ended_at = State.FAILED, now
    delivery.save(update_fields=["state", "ended_at", "tries", "not_before"])
    webhook.save(update_fields=["failures", "failing_since", "rests_until"])
    if tried.verdict == Verdict.GONE:
        switch_off(webhook, "The receiver answered 410: it wants no messages any more.", now=now)
    elif now - webhook.failing_since >= SWITCHED_OFF_AFTER:
        days = SWITCHED_OFF_AFTER.days
        switch_off(webhook, f"Nothing was received for {days} days. {tried.error}", now=now)


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


def _waiting(row: Delivery) -> Waiting:
    data = row.payload["data"]
    subject = data.get("subject")
    about = {*data.get("refs", ()), *(f"{n}:{v}" for n, v in data.get("ids", {}).items())}
    if subject:
        about.add(f"{subject['kind']}:{subject['slug']}")
    return Waiting(row.pk, frozenset(about), row.not_before, bool(data.get("more_refs")))


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
