"""Live streams: what one person does, all others see at once.

The table of deeds is the truth. One thread of each web process, the tailer (`hub`), follows it for
all streams of the process; `wire` wakes it where several processes share a Redis, and a file of
SQLite tells by itself. `presence` knows who has which page open.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.db import connection

from mlscrum.lib.live.hubs import Event, Hub, Source
from mlscrum.lib.live.presence import Person, Presence
from mlscrum.lib.live.wires import Wire

__all__ = [
    "Event",
    "Hub",
    "Person",
    "Presence",
    "Source",
    "Wire",
    "hub",
    "nudge",
    "provide",
    "tab",
    "tab_name",
]

# The page that a request came from, where it says so: it has shown its own deed already.
tab: ContextVar[str] = ContextVar("tab", default="")

_source: Source | None = None


def tab_name(said: str) -> str:
    """What a page calls itself, if it says it as ours do: 8 to 20 letters and digits."""
    return said if 8 <= len(said) <= 20 and said.isascii() and said.isalnum() else ""


def provide(source: Source) -> None:
    """Name whose deeds the streams tell."""
    global _source  # noqa: PLW0603  said once, as the app gets ready
    _source = source


def nudge(topic: int) -> None:
    """Say after a commit that something happened. Lost, it comes a little later: the tailers look
    by themselves as well. SQLite needs none: its file tells."""
    shared = wire()
    if shared is not None and connection.vendor != "sqlite":
        shared.say(f"seq {topic}")


@cache
def hub() -> Hub:
    """The one of this process."""
    assert _source is not None, "an app provides what happened"
    shared = wire()
    return Hub(_source, Presence(shared), wire=shared, watches_file=connection.vendor == "sqlite")


@cache
def wire() -> Wire | None:
    """The Redis that all processes of this installation share, if they have one."""
    if not settings.LIVE_REDIS_URL:
        return None
    # Installations that share a Redis do not hear each other.
    name = f"{settings.SECRET_KEY} {settings.DATABASES['default']['NAME']}"
    return Wire(settings.LIVE_REDIS_URL, sha256(name.encode()).hexdigest()[:12])
