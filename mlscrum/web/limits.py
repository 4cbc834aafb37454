"""Bodies beyond the limit are refused before anything of them is kept.

Django's ASGI handler spools the whole body to disk before any view or upload handler can say no,
so the refusal has to stand in front of it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from html import escape
from typing import Any, TypeVar

from django.urls import Resolver404, resolve
from rest_framework.parsers import MultiPartParser

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MEGABYTE = 1024 * 1024
WITHOUT_FILES_MB = 6
AROUND_THE_FILE = MEGABYTE  # other fields of the form, and the boundaries
WITH_BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
View = TypeVar("View", bound=Callable[..., Any])


def takes_files(view: View) -> View:
    """Declare that this page takes uploads; other pages take no body beyond WITHOUT_FILES_MB."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


class BodyLimit:
    """Wrap an ASGI application: 413 for a request whose body is too large.

    Where files are taken `limit_mb` counts: at pages that say `takes_files`, and at REST views
    that read multipart.

    A declared length is refused at once where the caller waits for a yes (`Expect`) or speaks
    REST. Browsers send on regardless and would show a broken connection instead of the answer,
    so theirs is read to its end and dropped first.
    """

    def __init__(self, app: App, limit_mb: int) -> None:
        self.app = app
        self.limit_mb = limit_mb

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in WITH_BODIES:
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        limit_mb = self.limit_mb if _takes_files(scope["path"]) else WITHOUT_FILES_MB
        refusal = _Refusal(limit_mb, is_rest=scope["path"].startswith(("/api/", "/hooks/")))
        if _length(headers) <= refusal.limit:
            await self._count(scope, receive, send, refusal)
            return
        if not refusal.is_rest and b"expect" not in headers:
            await _drop(receive, at_most=2 * refusal.limit)
        await refusal.answer(send)

    async def _count(self, scope: Message, receive: Receive, send: Send, refusal: _Refusal) -> None:
        """Pass the request on, and cut off a body that is longer than it declared, or didn't."""
        read, has_answered = 0, False

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return message if read <= refusal.limit else {"type": "http.disconnect"}

        async def noticed(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        await self.app(scope, limited, noticed)
        if read > refusal.limit and not has_answered:
            await refusal.answer(send)


@dataclass(frozen=True)
class _Refusal:
    """How much is too much here, and how that is said."""

    limit_mb: int
    is_rest: bool

    @property
    def limit(self) -> int:
        """In bytes."""
        return self.limit_mb * MEGABYTE + AROUND_THE_FILE

    async def answer(self, send: Send) -> None:
        sentence = f"What was sent is larger than {self.limit_mb:,} MB, the limit here."
        if self.is_rest:
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
                "<p>Go back and send less, such as a smaller file.</p></html>"
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
    return int(declared[:19]) if declared.isdigit() else 0  # longer ones are too large anyway


def _takes_files(path: str) -> bool:
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    parsers = getattr(getattr(view, "cls", None), "parser_classes", ())
    return getattr(view, "takes_files", False) or MultiPartParser in parsers


async def _drop(receive: Receive, *, at_most: int) -> None:
    read = 0
    while read <= at_most:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
