"""Bodies that are too large are refused before they are kept, whatever they declare."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlscrum.web.limits import MEGABYTE, WITHOUT_FILES_MB, BodyLimit

LIMIT_MB = 20
UPLOADS = [
    "/p/MED/data/new/",
    "/p/MED/data/patients/versions/",
    "/api/v1/products/MED/datasets/",
    "/api/v1/datasets/MED/patients/versions/",
    "/p/MED/items/MED-1/attachments/",
    "/api/v1/items/MED-1/attachments/",
]
OTHERS = ["/healthz", "/sign-in/", "/nowhere/", "/api/v1/me/", "/api/v1/products/MED/items/"]


class Server:
    """An application behind the limit that reads the whole body, as Django's does."""

    def __init__(self) -> None:
        self.read = 0
        self.answers: list[int] = []
        self.bodies = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.read += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def send(
        self, path: str, megabytes: Sequence[int], headers: dict[str, str] | None = None
    ) -> int:
        """Send chunks of so many megabytes; the status of the answer."""
        chunks = [b"x" * (size * MEGABYTE) for size in megabytes]

        async def receive() -> Any:
            if not chunks:
                return {"type": "http.disconnect"}
            body = chunks.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(chunks)}

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.answers.append(message["status"])
            else:
                self.bodies += message["body"]

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
        }
        # In a thread of its own, for a browser of other tests may keep a loop running in this one.
        with ThreadPoolExecutor(1) as thread:
            limited = BodyLimit(self, LIMIT_MB)(scope, receive, answer)
            thread.submit(asyncio.run, limited).result()
        return self.answers[-1]


@pytest.mark.parametrize("path", UPLOADS)
def test_uploads_pass_up_to_the_limit_and_no_further(path: str) -> None:
    assert Server().send(path, [10, 10]) == 200
    assert Server().send(path, [10, 10, 2]) == 413


@pytest.mark.parametrize("path", OTHERS)
def test_where_no_files_are_taken_little_is_read(path: str) -> None:
    assert Server().send(path, [WITHOUT_FILES_MB]) == 200
    server = Server()
    assert server.send(path, [5, 5, 5]) == 413
    assert server.read <= 5 * MEGABYTE


def test_a_declared_excess_is_refused_at_once_by_rest_with_a_problem() -> None:
    server = Server()
    declared = {"content-length": str(300 * MEGABYTE)}
    assert server.send(UPLOADS[2], [1], declared) == 413
    assert server.read == 0
    assert b'"code": "too_large"' in server.bodies


def test_a_browser_is_let_finish_so_that_it_shows_the_sentence() -> None:
    server = Server()
    declared = {"content-length": str(22 * MEGABYTE)}
    assert server.send(UPLOADS[0], [11, 11], declared) == 413
    assert server.read == 0
    assert b"larger than 20 MB" in server.bodies
