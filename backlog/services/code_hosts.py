"""Code hosts: let one in, say what its pull requests do to items, and show it out.

Whoever writes a code host locks it first.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backlog.models import Actor, CodeHost, CodeHostSecret, OnMerge, Product, Status
from backlog.services.deeds import deed
from mlscrum.lib.errors import NotFound
from mlscrum.lib.secrets import encrypt

MOST_CODE_HOSTS = 20
MOST_SECRETS = 5
OLD_SECRET_FOR = timedelta(hours=24)
ADDRESS_BYTES = 24
SECRET_BYTES = 32  # as many as GitLab takes for a signing token, in the form that it takes
MAY_CHANGE = ("name", "opened_status", "on_merge", "merged_status")


@dataclass(frozen=True)
class CodeHostDraft:
    """A code host as somebody wants it; a status may be given by its slug."""

    kind: str
    name: str
    opened_status: Status | str | None = None
    on_merge: str = OnMerge.DONE
    merged_status: Status | str | None = None


def create_code_host(
    product: Product, draft: CodeHostDraft, *, actor: Actor
) -> tuple[CodeHost, str]:
    """A code host with an address of its own, and its secret, which is not shown again.

    Raises ValidationError by field.
    """
    if product.code_hosts.count() >= MOST_CODE_HOSTS:
        raise ValidationError(f"A product has up to {MOST_CODE_HOSTS} code hosts.")
    secret = _new_secret()
    host = CodeHost(
        product=product,
        address=secrets.token_urlsafe(ADDRESS_BYTES),
        created_by=actor.user,
        kind=draft.kind,
    )
    with deed(product, actor, "code_host.added", name=draft.name, host=draft.kind):
        _write(host, vars(draft))
        CodeHostSecret.objects.create(code_host=host, secret=encrypt(secret))
    return host, secret


def update_code_host(host: CodeHost, *, actor: Actor, **fields: Any) -> CodeHost:
    """Change some of name, opened_status, on_merge and merged_status; its kind stays."""
    with deed(host.product, actor, "code_host.changed", name=host.name):
        held = _held(host)
        _write(held, {name: getattr(held, name) for name in MAY_CHANGE} | fields)
    return held


def rotate_secret(
    host: CodeHost, *, actor: Actor, at_once: bool = False
) -> tuple[str, datetime | None]:
    """Give it a new secret, which is returned; until the moment that is returned too, messages
    signed with the ones before are taken as well: with `at_once`, for a secret that got out, not at
    all."""
    secret = _new_secret()
    with deed(host.product, actor, "code_host.rotated", name=host.name) as done:
        held = _held(host)
        until = None if at_once else done.at + OLD_SECRET_FOR
        if until is None:
            held.secrets.all().delete()
        else:
            held.secrets.filter(until__lte=done.at).delete()
            held.secrets.filter(until=None).update(until=until)
        CodeHostSecret.objects.create(code_host=held, secret=encrypt(secret))
        newest = list(held.secrets.values_list("pk", flat=True)[:MOST_SECRETS])
        held.secrets.exclude(pk__in=newest).delete()
    return secret, until


def delete_code_host(host: CodeHost, *, actor: Actor) -> None:
    """Take a code host away, with its log; what it said of items stays on them."""
    with deed(host.product, actor, "code_host.removed", name=host.name):
        # Stronger than what messages take: rows that refer to it are on their way.
        CodeHost.objects.select_for_update().filter(pk=host.pk).first()
        host.delete()


def _held(host: CodeHost) -> CodeHost:
    """The code host as it stands, locked."""
    held = CodeHost.objects.select_for_update(no_key=True).filter(pk=host.pk).first()
    if held is None:
        raise NotFound("gone", f"{host.name} was removed meanwhile.")
    held.product = host.product
    return held


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _write(host: CodeHost, fields: Mapping[str, Any]) -> None:
    errors: dict[str, str] = {}
    for name in ("opened_status", "merged_status"):
        found = _status(host.product, fields[name])
        if fields[name] is not None and found is None:
            errors[name] = "There is no such status in this product."
        setattr(host, name, found)
    host.name, host.on_merge = " ".join(fields["name"].split()), fields["on_merge"]
    if host.on_merge == OnMerge.STATUS and host.merged_status is None and not errors:
        errors["merged_status"] = "Say which status."
    if errors:
        raise ValidationError(errors)
    host.clean_fields(exclude=["product", "created_by", "opened_status", "merged_status"])
    try:
        with transaction.atomic():
            host.save()
    except IntegrityError:
        raise ValidationError({"name": "There is a code host of this name."}) from None


def _status(product: Product, wanted: Status | str | None) -> Status | None:
    if isinstance(wanted, Status):
        return wanted if wanted.product_id == product.pk else None
    return product.statuses.filter(slug=wanted).first() if wanted else None
