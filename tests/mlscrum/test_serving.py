"""Threads that outlive requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from mlscrum.web import serving
from mlscrum.web.serving import KeptThreads

T = TypeVar("T")


def on_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns, on a loop in a thread of its own: browser tests leave theirs here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _requests(app: KeptThreads, count: int, *, at_once: bool = False) -> None:
    async def all_of_them() -> None:
        calls = [app({"type": "http"}, _never, _never) for _ in range(count)]
        if at_once:
            await asyncio.gather(*calls)
            return
        for call in calls:
            await call
            await asyncio.sleep(0.01)  # the thread comes back a moment after its request

    on_a_loop(all_of_them())


async def _never(*_: Any) -> Any:
    raise AssertionError


def test_a_request_gets_the_thread_of_the_one_before() -> None:
    seen: list[int] = []

    async def app(*_: Any) -> None:
        await sync_to_async(lambda: seen.append(threading.get_ident()))()

    _requests(KeptThreads(app), 5)
    assert len(seen) == 5
    assert len(set(seen)) == 1


def test_requests_at_once_have_threads_of_their_own() -> None:
    together = threading.Barrier(4, timeout=5)

    async def app(*_: Any) -> None:
        await sync_to_async(together.wait)()

    _requests(KeptThreads(app), 4, at_once=True)


def test_no_more_threads_stay_than_are_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(serving, "KEPT", 2)
    together = threading.Barrier(5, timeout=5)

    async def app(*_: Any) -> None:
        await sync_to_async(together.wait)()

    kept = KeptThreads(app)
    _requests(kept, 5, at_once=True)
    deadline = time.monotonic() + 5
    while len(kept.idle) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(kept.idle) == 2


def test_a_thread_still_at_work_is_not_given_to_the_next() -> None:
    """A request whose reader hung up may leave its thread at work."""
    busy, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def work() -> None:
        seen.append(threading.get_ident())
        busy.set()
        go_on.wait(5)

    async def app(scope: Any, *_: Any) -> None:
        if scope["first"]:
            task = asyncio.ensure_future(sync_to_async(work)())
            await asyncio.to_thread(busy.wait, 5)
            task.cancel()
        else:
            await sync_to_async(lambda: seen.append(threading.get_ident()))()

    kept = KeptThreads(app)

    async def both() -> None:
        await kept({"type": "http", "first": True}, _never, _never)
        await kept({"type": "http", "first": False}, _never, _never)
        go_on.set()

    on_a_loop(both())
    assert len(set(seen)) == 2


def test_a_stream_is_sent_as_it_is_read_and_never_held_as_a_whole(rf: Any) -> None:
    read: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(1000):
            read.append(threading.get_ident())
            yield b"%d," % number

    handler = serving.OneHopHandler()
    handler.get_response = lambda request: StreamingHttpResponse(parts())
    at_first: list[int] = []

    async def send_all(*_: Any) -> None:
        answer: Any = await handler.get_response_async(rf.get("/"))
        got = []
        async for piece in answer:
            at_first.append(len(read))
            got.append(piece)
        assert b"".join(got) == b"".join(b"%d," % number for number in range(1000))

    _requests(KeptThreads(send_all), 1)
    assert at_first[0] < 100
    assert len(set(read)) == 1


# No more at once than the database bears -----------------------------------------------------
async def _whole(*_: Any) -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_further_requests_wait_for_their_turn(monkeypatch: Any) -> None:
    monkeypatch.setattr(serving, "AT_ONCE", 2)
    monkeypatch.setattr(serving, "KEPT", 1)
    lock, at_work, most, done = threading.Lock(), 0, 0, 0

    def work() -> None:
        nonlocal at_work, most, done
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        with lock:
            at_work -= 1
            done += 1

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await sync_to_async(work)()
        if scope["fails"]:
            raise ConnectionError

    kept = KeptThreads(app)

    async def all_of_them() -> None:
        calls = [kept({"type": "http", "fails": n % 3 == 0}, _whole, _never) for n in range(10)]
        await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)

    for _ in range(2):  # another loop begins afresh
        on_a_loop(all_of_them())
    assert (most, done) == (2, 20)


def test_a_turn_ends_with_the_work_of_who_hung_up_and_those_who_waited_take_none(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(serving, "AT_ONCE", 1)
    go_on = threading.Event()
    begun: list[str] = []

    def work(name: str) -> None:
        begun.append(name)
        if name == "first":
            go_on.wait(5)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await sync_to_async(work)(scope["name"])

    kept = KeptThreads(app)

    def call(name: str) -> asyncio.Task[None]:
        return asyncio.ensure_future(kept({"type": "http", "name": name}, _whole, _never))

    async def some_hang_up() -> None:
        first = call("first")
        while not begun:
            await asyncio.sleep(0.01)
        second, third = call("second"), call("third")
        await asyncio.sleep(0.05)
        first.cancel()
        second.cancel()
        await asyncio.sleep(0.05)
        assert begun == ["first"]  # it is at work still, whoever asked for it
        go_on.set()
        await asyncio.wait_for(third, 5)

    on_a_loop(some_hang_up())
    assert begun == ["first", "third"]


def test_who_sends_slowly_holds_up_nobody(monkeypatch: Any) -> None:
    monkeypatch.setattr(serving, "AT_ONCE", 1)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await sync_to_async(time.sleep)(0)

    kept = KeptThreads(app)

    async def never_whole() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b".", "more_body": True}

    async def both() -> None:
        slow = [asyncio.ensure_future(kept({"type": "http"}, never_whole, _never)) for _ in "abc"]
        await asyncio.sleep(0.05)
        await asyncio.wait_for(kept({"type": "http"}, _whole, _never), 5)
        for each in slow:
            each.cancel()

    on_a_loop(both())


def test_a_stream_of_events_keeps_neither_thread_nor_turn(monkeypatch: Any) -> None:
    monkeypatch.setattr(serving, "AT_ONCE", 1)
    threads: list[int] = []

    async def work() -> None:
        ends = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await sync_to_async(lambda: threads.append(threading.get_ident()))()
            if scope["path"] == "/stream":
                headers = [(b"Content-Type", b"text/event-stream")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await ends.wait()
                await sync_to_async(lambda: threads.append(threading.get_ident()))()

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            pass

        kept = KeptThreads(app)
        stream = asyncio.create_task(kept({"type": "http", "path": "/stream"}, receive, send))
        await asyncio.sleep(0.05)
        for _ in range(3):
            async with asyncio.timeout(5):
                await kept({"type": "http", "path": "/"}, receive, send)
            await asyncio.sleep(0.05)
        assert len(kept.idle) == 1
        ends.set()
        await stream
        await asyncio.sleep(0.05)
        assert len(kept.idle) == 1, "it was given back once"

    on_a_loop(work())
    of_requests, of_streams = threads[:-1], threads[-1]
    assert len(of_requests) == 4
    assert set(of_requests) == {of_requests[0]}
    assert of_streams not in of_requests
