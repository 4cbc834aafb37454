"""Whether a message comes from a code host: the signatures of GitHub, Gitea and GitLab."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from enum import StrEnum

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

GITHUB, GITLAB, GITEA = "github", "gitlab", "gitea"
SIGNED_BY = {
    GITHUB: ("X-Hub-Signature-256",),
    GITEA: ("X-Gitea-Signature",),
    GITLAB: ("webhook-signature", "X-Gitlab-Token"),
}


class Fault(StrEnum):
    """Why a message is refused."""

    MISSING = "missing"
    WRONG = "wrong"


def fault_of_signature(
    kind: str, headers: Mapping[str, str], body: bytes, secrets: Iterable[str]
) -> Fault | None:
    """None where one of the secrets signed this body as hosts of the kind sign.

    GitHub and Gitea send the HMAC-SHA256 of the body in hex. GitLab sends either a signature after
    the Standard Webhooks specification, which is good for five minutes, or the secret itself.
    """
    sent = next((headers[name] for name in SIGNED_BY[kind] if headers.get(name)), "")
    if not sent:
        return Fault.MISSING
    # No early end: which of the secrets fits, and how far, shall not be told by the time it takes.
    fits = [_fits(kind, headers, sent, body, secret) for secret in secrets]
    return None if any(fits) else Fault.WRONG


def _fits(kind: str, headers: Mapping[str, str], sent: str, body: bytes, secret: str) -> bool:
    if kind == GITLAB:
        if headers.get("webhook-signature"):
            return _is_standard(headers, body, secret)
        return hmac.compare_digest(sent.encode(), secret.encode())
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    prefix = "sha256=" if kind == GITHUB else ""
    return hmac.compare_digest(sent.encode(), f"{prefix}{expected}".encode())


def _is_standard(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    try:
        sent = {name: headers.get(name, "") for name in names}
        Webhook(secret).verify(body, sent, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True
