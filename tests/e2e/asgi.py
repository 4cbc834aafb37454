"""The site as the browser tests serve it: it tells how many of its answers are under way."""

from __future__ import annotations

from typing import Any

from mlscrum.asgi import application as site
from tests.e2e import UNDER_WAY

_count = 0


async def application(scope: Any, receive: Any, send: Any) -> None:
    """As the site itself, but for one more address."""
    global _count  # noqa: PLW0603  one event loop counts
    if scope["type"] != "http":
        await site(scope, receive, send)
    elif scope["path"] == UNDER_WAY:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(_count).encode()})
    else:
        _count += 1
        try:
            await site(scope, receive, send)
        finally:
            _count -= 1
