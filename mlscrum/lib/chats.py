"""Messages to chats and mailboxes, by addresses of apprise, through the guard of connections."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mlscrum.lib import outbound
from mlscrum.lib.errors import DomainError

# Services that are called over the network; apprise has others, of this very machine.
SERVICES = {
    "discord": "Discord", "gchat": "Google Chat", "gotify": "Gotify", "gotifys": "Gotify",
    "json": "JSON webhook", "jsons": "JSON webhook", "mailto": "E-mail", "mailtos": "E-mail",
    "matrix": "Matrix", "matrixs": "Matrix", "mmost": "Mattermost", "mmosts": "Mattermost",
    "msteams": "Microsoft Teams", "ntfy": "ntfy", "ntfys": "ntfy", "opsgenie": "Opsgenie",
    "pagerduty": "PagerDuty", "rocket": "Rocket.Chat", "rockets": "Rocket.Chat",
    "slack": "Slack", "tgram": "Telegram", "workflow": "Microsoft Teams",
    "workflows": "Microsoft Teams", "wxteams": "Webex", "zulip": "Zulip",
}  # fmt: skip
# Plain web addresses that apprise knows as one of these services.
KNOWN_SITES = {
    "hooks.slack.com": "Slack",
    "discord.com": "Discord",
    "chat.googleapis.com": "Google Chat",
    "webhook.office.com": "Microsoft Teams",
    "logic.azure.com": "Microsoft Teams",
    "api.powerplatform.com": "Microsoft Teams",
}
# Parameters that make apprise read files of this machine, or skip the check of certificates.
REFUSED = frozenset(
    {"pgp", "pgpkey", "attach", "attach-as", "template", "verify", "key", "keyfile"}
)
STATUS = re.compile(r"error=(\d{3})")
LONGEST_ADDRESS = 1000


class Unreachable(DomainError):
    """It may work later."""


def service_of(address: str) -> str:
    """What kind of service an address leads to, for people.

    Raises DomainError for an address that apprise does not know, or that we don't call.
    """
    parts = _parts(address)
    known = SERVICES.get(parts.scheme.lower())
    if known is None and parts.scheme == "https":
        host = (parts.hostname or "").lower()
        known = next(
            (
                name
                for site, name in KNOWN_SITES.items()
                if host == site or host.endswith(f".{site}")
            ),
            None,
        )
    asked = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if asked & REFUSED:
        raise DomainError(
            "bad_address", f"Leave out {', '.join(sorted(asked & REFUSED))}; it is not taken here."
        )
    if known is None or _plugin(address) is None:
        raise DomainError(
            "bad_address",
            "Send an address as apprise knows it, such as slack://…, mailtos://…, workflows://… "
            "(Teams) or mmosts://… (Mattermost), or the address of a Slack or Teams webhook.",
        )
    return known


def send(address: str, title: str, body: str) -> None:
    """Send a message. Raises Unreachable where it may work later, and DomainError where it won't;
    neither holds the address."""
    import apprise  # noqa: PLC0415  a quarter of a second, and only workers send

    plugin = _plugin(address)
    if plugin is None:
        raise DomainError("bad_address", "This address is not known any more; enter it again.")
    with outbound.guarded(), apprise.LogCapture(fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
        is_sent = plugin.notify(
            title=title,
            body=body,
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=apprise.NotifyType.WARNING,
        )
        said = log.getvalue()
    if not is_sent:
        found = STATUS.search(said)
        why = f" (HTTP {found[1]})" if found else ""
        raise Unreachable(
            "not_taken", f"The service did not take the message{why}; check its address."
        )


def _parts(address: str) -> Any:
    if not 1 <= len(address) <= LONGEST_ADDRESS or any(ord(sign) < 33 for sign in address):  # noqa: PLR2004
        raise DomainError("bad_address", "Send an address without blanks.")
    try:
        return urlsplit(address)
    except ValueError:
        raise DomainError("bad_address", "This is no address.") from None


def _plugin(address: str) -> Any:
    """What apprise makes of the address; None where it knows no such service."""
    import apprise  # noqa: PLC0415

    asset = apprise.AppriseAsset(
        app_id="ML Scrum", app_desc="ML Scrum", app_url="", async_mode=False, secure_logging=True
    )
    return apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
