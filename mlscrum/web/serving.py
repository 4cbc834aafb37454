"""How requests get to threads: in one hop, to threads that keep their database connection.

Django's own ASGI handler starts a thread for each request, and connections belong to threads, so
that each request signs in at the database anew. Ours outlive their requests. Django also sends
each request back and forth between event loop and thread where middleware and view are of two
kinds; all of ours are synchronous.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar, cast

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
T = TypeVar("T")
PARTS_AT_ONCE = 64  # of 4 kB, as files are read
KEPT = 16  # idle threads of a process, each with a connection; PostgreSQL allows 100 in all
MADE_BEFORE_A_LOOK = 20_000  # objects; a long page makes some thousands, and drops them all
AT_ONCE = 40  # requests of a process that are answered; the next ones wait for their turn


class OneHopHandler(ASGIHandler):
    """Django's ASGI handler with all middleware and the view in one call of a thread.

    An asynchronous view still runs on the event loop, and its stream is still read there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        answer: HttpResponseBase = await sync_to_async(self.get_response)(request)
        if isinstance(answer, StreamingHttpResponse) and not answer.is_async:
            answer.streaming_content = _in_pieces(cast(Iterator[bytes], answer.streaming_content))
        return answer


class KeptThreads:
    """Wrap an ASGI application: each request has a thread of its own, the last one used first.

    No more than KEPT stay when they fall idle. AT_ONCE requests are answered at once, and each
    further one waits, as the database would refuse it. Its turn comes once it is here as a whole,
    so that slow senders hold up nobody, and ends with all that its thread still does.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.idle: list[ThreadPoolExecutor] = []
        self.of_streams = ThreadPoolExecutor(1, "streams")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        turn = _Turn(*self._turns_of_loop())
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(1, "request")
        lent = _Lent(thread)

        def give_back() -> None:
            # Whoever hung up may have left it at work; it is idle when it has done this as well.
            lent.thread = self.of_streams
            thread.submit(_nothing).add_done_callback(lambda _: self._give_back(thread, turn))

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                await turn.come()
            return message

        async def sent(message: Message) -> None:
            if _begins_stream(message):
                give_back()
            await send(message)

        try:
            async with ThreadSensitiveContext(executor=lent):
                await self.app(scope, received, sent)
        finally:
            if lent.thread is thread:
                give_back()

    def _turns_of_loop(self) -> tuple[asyncio.AbstractEventLoop, asyncio.Semaphore]:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._turns = loop, asyncio.Semaphore(AT_ONCE)
        return loop, self._turns

    def _give_back(self, thread: ThreadPoolExecutor, turn: _Turn) -> None:
        if len(self.idle) < KEPT:
            self.idle.append(thread)
            turn.end()
            return

        def closed(_: Future[None]) -> None:
            thread.shutdown(wait=False)
            turn.end()

        thread.submit(connections.close_all).add_done_callback(closed)


class _Lent(Executor):
    """The thread of one request, as long as it has it."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self.thread = thread

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        return self.thread.submit(fn, *args, **kwargs)


def _begins_stream(message: Message) -> bool:
    return message["type"] == "http.response.start" and any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )


class _Turn:
    """The turn of one request, which may never come and ends once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turns: asyncio.Semaphore) -> None:
        self.loop, self.turns = loop, turns
        self.has_come = False

    async def come(self) -> None:
        if not self.has_come:
            await self.turns.acquire()
            self.has_come = True

    def end(self) -> None:
        """Called by the thread that was given back."""
        if self.has_come:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                self.loop.call_soon_threadsafe(self.turns.release)


def application() -> App:
    """Django, ready to serve, with every view loaded."""
    django.setup(set_prefix=False)
    handler = OneHopHandler()
    _ = get_resolver().reverse_dict  # the first request need not wait for it
    _leave_alone()
    return KeptThreads(cast(App, handler))


def _leave_alone() -> None:
    """Keep the garbage collector from going through the code again and again: what is loaded by
    now stays, and going through it holds every request up."""
    gc.collect()
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(MADE_BEFORE_A_LOOK, *older)


async def _in_pieces(left: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read in the thread of the request and sent as it goes; Django reads all of it at first, so
    that each download of a large file would lie in memory."""
    while piece := await sync_to_async(lambda: list(islice(left, PARTS_AT_ONCE)))():
        yield b"".join(piece)


def _nothing() -> None:
    pass
