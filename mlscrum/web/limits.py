"""Bodies beyond the limit are refused before anything of them is kept.

Django's ASGI handler spools the whole body to disk before any view or upload handler can say no,
so the refusal has to stand in front of it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MEGABYTE = 1024 * 1024
AROUND_THE_FILE = MEGABYTE  # other fields of the form, and the boundaries


class BodyLimit:
    """Wrap an ASGI application: 413 for a request whose body is larger than `limit_mb`.

    A declared length is refused at once where the caller waits for a yes (`Expect`) or speaks
    REST. Browsers send on regardless and would show a broken connection instead of the answer,
    so theirs is read to its end and dropped first.
    """

    def __init__(self, app: App, limit_mb: int) -> None:
        self.app = app
        self.limit_mb = limit_mb
        self.limit = limit_mb * MEGABYTE + AROUND_THE_FILE

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        is_rest = scope["path"].startswith("/api/")
        if _length(headers) <= self.limit:
            await self._count(scope, receive, send, is_rest=is_rest)
            return
        if not is_rest and b"expect" not in headers:
            await _drop(receive)
        await self._refuse(send, is_rest=is_rest)

    async def _count(self, scope: Message, receive: Receive, send: Send, *, is_rest: bool) -> None:
        """Pass the request on, and cut off a body that is longer than it declared, or didn't."""
        read, has_answered = 0, False

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return message if read <= self.limit else {"type": "http.disconnect"}

        async def noticed(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        await self.app(scope, limited, noticed)
        if read > self.limit and not has_answered:
            await self._refuse(send, is_rest=is_rest)

    async def _refuse(self, send: Send, *, is_rest: bool) -> None:
        sentence = f"The file is larger than {self.limit_mb:,} MB, the limit of this installation."
        if is_rest:
            kind = b"application/problem+json"
            problem = {
                "type": "about:blank", "title": "Content Too Large", "status": 413,
                "code": "too_large", "detail": sentence,
            }  # fmt: skip
            body = json.dumps(problem).encode()
        else:
            kind = b"text/html; charset=utf-8"
            body = (
                "<!doctype html><html lang=en><meta charset=utf-8><title>Too large</title>"
                f"<h1>Too large</h1><p>{escape(sentence)}</p>"
                "<p>Go back and choose a smaller file.</p></html>"
            ).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 413,
                "headers": [
                    (b"content-type", kind),
                    (b"content-length", str(len(body)).encode()),
                    (b"connection", b"close"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})


def _length(headers: dict[bytes, bytes]) -> int:
    declared = headers.get(b"content-length", b"")
    return int(declared) if declared.isdigit() else 0


async def _drop(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
