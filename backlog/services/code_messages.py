"""Messages of code hosts: each is checked, taken once, and noted with what was done with it.

Each link and each move is a deed of its own, so that no lock is held longer than a person's deed
would hold it. A message that broke off in the middle can be sent again: what was done stays, and
done again it changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import ParseError

from backlog.models import CodeHost, HostMessage
from backlog.queries.code_hosts import BROKEN_AFTER
from backlog.rules import keeping
from backlog.rules.code_events import EVENT_HEADER, ID_HEADERS, Told, is_read, read_event
from backlog.rules.code_signatures import SIGNED_BY, Fault, fault_of_signature
from backlog.services.code_links import Reaches, take_works
from mlscrum.lib.errors import DomainError, NotFound
from mlscrum.lib.secrets import decrypt
from mlscrum.web.parsers import strict_json

KEPT_FOR = timedelta(days=keeping.CODE_MESSAGES)
OTHERS_KEPT_FOR = timedelta(days=7)  # which did nothing, so that they may come again
LONGEST_EVENT = 60
LONGEST_ID = 200
LONGEST_LINE = 300
State = HostMessage.State


def event_of(host: CodeHost, headers: Mapping[str, str]) -> str:
    """What the message says it is, in the words of its host; empty where it does not say."""
    return headers.get(EVENT_HEADER[host.kind], "")[:LONGEST_EVENT]


def take_message(
    host: CodeHost, headers: Mapping[str, str], body: bytes, *, reaches: Reaches
) -> HostMessage | None:
    """Do what a message says of items, and note it; None for one that was taken before.

    `reaches` says of an item of another product whether the code host may write to it. Raises
    DomainError for what its secret did not sign (401), is no JSON (400, 415) or lacks what its host
    documents (400); nothing is done then.
    """
    _check_signature(host, headers, body)
    event = event_of(host, headers)
    if not is_read(event):
        return note(host, event, State.IGNORED, [_why_ignored(host, event)])
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise DomainError(
            "not_json",
            "Messages come as application/json; choose this content type at the webhook there.",
            status=415,
        )
    told = read_event(host.kind, event, _document(body))
    message = _claimed(host, event, _id_of(host, headers), hashlib.sha256(body).hexdigest())
    if message is None:
        return None
    _carry_out(message, told, reaches)
    return message


def note(host: CodeHost, event: str, state: str, lines: list[str]) -> HostMessage:
    """Write down what became of a message that changes nothing. Raises NotFound where its code
    host was removed meanwhile."""
    message = HostMessage(
        code_host=host,
        event=event,
        state=state,
        lines=[line[:LONGEST_LINE] for line in lines],
        at=timezone.now(),
    )
    with _unless_gone(host):
        message.save()
    return message


def forget_messages(now: datetime) -> int:
    """Delete messages after 30 days, and those that did nothing after 7; how many went."""
    old = Q(at__lt=now - KEPT_FOR)
    idle = Q(at__lt=now - OTHERS_KEPT_FOR) & ~Q(state=State.TAKEN)
    return HostMessage.objects.filter(old | idle).delete()[0]


def _check_signature(host: CodeHost, headers: Mapping[str, str], body: bytes) -> None:
    present = Q(until=None) | Q(until__gt=timezone.now())
    kept = host.secrets.filter(present).values_list("secret", flat=True)
    secrets = [decrypt(secret) for secret in kept]
    if not secrets:  # they went with the code host
        raise NotFound("gone", "There is no such code host.")
    fault = fault_of_signature(host.kind, headers, body, secrets)
    if fault is None:
        return
    names = " or ".join(SIGNED_BY[host.kind])
    why = (
        f"The message bears no {names}; enter the secret of the code host at the webhook there."
        if fault == Fault.MISSING
        else f"{names} does not fit the secret of the code host; enter the newest one there."
    )
    raise DomainError("bad_signature", why, status=401)


def _document(body: bytes) -> Any:
    try:
        return strict_json(body)
    except ParseError as error:
        raise DomainError("bad_json", str(error.detail), status=400) from None


def _why_ignored(host: CodeHost, event: str) -> str:
    if event == "ping":
        return f"{host.get_kind_display()} reaches this address, and its secret is right."
    what = "merge requests" if host.kind == CodeHost.Kind.GITLAB else "pull requests"
    return f"Only pushes and {what} are read."


def _id_of(host: CodeHost, headers: Mapping[str, str]) -> str | None:
    found = (headers.get(name, "") for name in ID_HEADERS[host.kind])
    return next((one[:LONGEST_ID] for one in found if one), None)


def _claimed(host: CodeHost, event: str, message_id: str | None, digest: str) -> HostMessage | None:
    """The message, for whoever gets it first. One that broke off, or did nothing, may be had once
    more."""
    now = timezone.now()
    message = HostMessage(
        code_host=host, event=event, message_id=message_id or digest, digest=digest,
        state=State.WORKING, at=now,
    )  # fmt: skip
    try:
        with transaction.atomic():
            message.save()
    except IntegrityError:
        same = Q(message_id=message.message_id) | Q(digest=digest)
        found = host.messages.filter(same).first()
        if found is None:
            raise _gone() from None
        # What did nothing may come again: the item that it named may be there by now.
        again = Q(state=State.IGNORED) | Q(state=State.WORKING, at__lt=now - BROKEN_AFTER)
        had = host.messages.filter(again, pk=found.pk).update(at=now, state=State.WORKING)
        return found if had else None
    return message


def _carry_out(message: HostMessage, told: Told, reaches: Reaches) -> None:
    with _unless_gone(message.code_host):
        lines, is_linked = take_works(message.code_host, told.works, reaches=reaches)
    message.state = State.TAKEN if is_linked else State.IGNORED
    if not lines:
        lines = [f"It names no item of {message.code_host.product.key}."]
    if told.more:
        host = message.code_host.get_kind_display()
        lines.append(f"{host} did not send {told.more} further commits along.")
    message.lines = [line[:LONGEST_LINE] for line in lines]
    # No save, which would fail where the log has gone with its code host.
    HostMessage.objects.filter(pk=message.pk).update(state=message.state, lines=message.lines)


@contextmanager
def _unless_gone(host: CodeHost) -> Iterator[None]:
    """Rows that refer to a code host which was removed meanwhile can't be written."""
    try:
        yield
    except IntegrityError:
        if CodeHost.objects.filter(pk=host.pk).exists():
            raise
        raise _gone() from None


def _gone() -> NotFound:
    return NotFound("not_found", "No code host has this address any more.")
