"""The hub: everybody hears everything once and in order, and nobody holds up anybody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Collection, Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from mlscrum.lib import live
from mlscrum.lib.live import Event, Hub, Person, Presence
from mlscrum.lib.processes import free_port
from mlscrum.web import streams
from mlscrum.web.streams import Reader
from tests.mlscrum.test_serving import on_a_loop

OLGA, MAX = Person(1, "Olga Kuznetsova", "OK"), Person(2, "Max Berger", "MB")


class Story:
    """A source that a test writes: topics with numbered events."""

    def __init__(self) -> None:
        self.told: dict[int, list[Event]] = {}
        self.looks = 0
        self.lock = threading.Lock()

    def tell(self, topic: int = 1, kind: str = "item.updated", *, rights: bool = False) -> int:
        with self.lock:
            events = self.told.setdefault(topic, [])
            events.append(Event(len(events) + 1, {"kind": kind}, rights))
            return len(events)

    def heads(self, topics: Collection[int]) -> dict[int, int]:
        self.looks += 1
        with self.lock:
            return {topic: len(self.told.get(topic, [])) for topic in topics}

    def after(self, topic: int, seq: int, limit: int) -> list[Event]:
        with self.lock:
            return self.told.get(topic, [])[seq : seq + limit]


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def hub(story: Story, monkeypatch: Any) -> Iterator[Hub]:
    """A hub that looks every 10 ms, in a process that nobody else shares."""
    monkeypatch.setattr("mlscrum.lib.live.hubs.DEAF_S", 0.01)
    monkeypatch.setattr("mlscrum.lib.live.hubs.GATHERING_S", 0.0)
    monkeypatch.setattr("mlscrum.lib.live.hubs.close_old_connections", lambda: None)
    opened = Hub(story, Presence(None))
    yield opened
    deadline = time.monotonic() + 5
    while opened._tailer is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert opened._tailer is None, "the tailer ends with its last listener"


class Stream:
    """A stream as a test reads it."""

    def __init__(self, hub: Hub, topic: int = 1, *, after: int | None = None, **reader: Any):
        reader.setdefault("may", lambda: True)
        at_most = reader.pop("at_most", None)
        self.frames: AsyncGenerator[bytes, None] = streams._frames(
            hub, topic, Reader("person 1", **reader), after, at_most
        )
        self.seen: list[int] = []
        self.text = ""
        self.is_over = False
        self._next: asyncio.Task[bytes] | None = None

    async def read(self, until: int, timeout_s: float = 5) -> list[int]:
        """The numbers of all events, once the one with this number has come."""
        async with asyncio.timeout(timeout_s):
            while until not in self.seen and not self.is_over:
                await self.read_on()
        return self.seen

    async def read_on(self) -> str:
        """What comes next; nothing where it has ended."""
        self._reach()
        assert self._next is not None
        try:
            frame = (await self._next).decode()
        except StopAsyncIteration:
            self.is_over = True
            return ""
        finally:
            self._next = None
        self.text += frame
        for block in frame.split("\n\n"):
            if "data: " in block and block.startswith("id: "):
                self.seen.append(int(block.split("\n")[0].removeprefix("id: ")))
        return frame

    async def begin(self) -> None:
        """Read on until it waits for news."""
        while "\nid: " not in f"\n{await self.read_on()}":
            pass
        self._reach()
        await asyncio.sleep(0.05)

    def _reach(self) -> None:
        self._next = self._next or asyncio.ensure_future(anext(self.frames))

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
        await self.frames.aclose()


async def closing(*open_streams: Stream) -> None:
    for stream in open_streams:
        await stream.close()


def test_everybody_hears_everything_once_and_in_order(hub: Hub, story: Story) -> None:
    async def work() -> None:
        listeners = [Stream(hub) for _ in range(5)]
        for stream in listeners:
            await stream.begin()

        def tell() -> None:
            for _ in range(300):
                story.tell()

        tellers = [threading.Thread(target=tell) for _ in range(3)]
        for teller in tellers:
            teller.start()
        for stream in listeners:
            assert await stream.read(900) == list(range(1, 901))
        await closing(*listeners)

    on_a_loop(work())


def test_who_comes_while_things_happen_misses_nothing(hub: Hub, story: Story) -> None:
    async def work() -> None:
        for _ in range(1200):
            story.tell()
        stop = threading.Event()

        def tell() -> None:
            while not stop.is_set():
                story.tell()
                time.sleep(0.001)

        teller = threading.Thread(target=tell)
        teller.start()
        listeners = []
        for after in (0, 700, 1100, 1200, 1150, 0):
            stream = Stream(hub, after=after)
            await stream.begin()
            listeners.append((after, stream))
            await asyncio.sleep(0.02)
        stop.set()
        teller.join()
        last = len(story.told[1])
        for after, stream in listeners:
            assert await stream.read(last) == list(range(after + 1, last + 1))
            await stream.close()

    on_a_loop(work())


def test_topics_keep_to_themselves(hub: Hub, story: Story) -> None:
    async def work() -> None:
        one, other = Stream(hub, 1), Stream(hub, 2)
        await one.begin()
        await other.begin()
        story.tell(1)
        story.tell(2)
        story.tell(2)
        assert await one.read(1) == [1]
        assert await other.read(2) == [1, 2]
        await closing(one, other)

    on_a_loop(work())


def test_who_comes_from_a_later_time_begins_now(hub: Hub, story: Story) -> None:
    """A database that was restored from yesterday counts from yesterday."""

    async def work() -> None:
        story.tell()
        stream = Stream(hub, after=900)
        await stream.begin()
        assert "id: 1\n" in stream.text
        story.tell()
        assert await stream.read(2) == [2]
        await stream.close()

    on_a_loop(work())


def test_who_missed_too_much_is_told_so_once(hub: Hub, story: Story) -> None:
    async def work() -> None:
        for _ in range(11):
            story.tell()
        stream = Stream(hub, after=0, at_most=10)
        await stream.begin()
        assert "event: missed\nid: 11\n" in stream.text
        story.tell()
        await stream.read(12)
        assert stream.seen == [12]
        await stream.close()

    on_a_loop(work())


def test_a_reader_who_is_too_slow_is_cut_and_goes_on_where_it_was(
    hub: Hub, story: Story, monkeypatch: Any
) -> None:
    async def work() -> None:
        slow, quick = Stream(hub), Stream(hub)
        await slow.begin()
        await quick.begin()
        story.tell()
        await slow.read(1)  # it reads no further
        for _ in range(2000):
            story.tell()
            if len(story.told[1]) % 100 == 0:
                await quick.read(len(story.told[1]) - 50)
        await quick.read(2001)
        assert quick.seen == list(range(1, 2002))
        while not slow.is_over:
            await slow.read_on()
        assert slow.seen == [1]
        again = Stream(hub, after=slow.seen[-1])
        assert await again.read(2001) == list(range(2, 2002))
        await closing(slow, quick, again)

    on_a_loop(work())


def test_who_may_not_any_more_hears_nothing_more(hub: Hub, story: Story, monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.1)
    allowed = True

    async def work() -> None:
        nonlocal allowed
        stream = Stream(hub, may=lambda: allowed)
        await stream.begin()
        assert await stream.read_on() == ": still here\n\n"
        allowed = False
        assert await stream.read_on() == ""
        assert stream.is_over
        await stream.close()

    on_a_loop(work())


def test_a_deed_that_changes_rights_has_everybody_asked_at_once(hub: Hub, story: Story) -> None:
    allowed = True

    async def work() -> None:
        nonlocal allowed
        gone, stays = Stream(hub, may=lambda: allowed), Stream(hub)
        await gone.begin()
        await stays.begin()
        allowed = False
        story.tell(kind="member.removed", rights=True)
        assert await stays.read(1) == [1]
        assert await gone.read(1) == []
        assert gone.is_over
        await closing(gone, stays)

    on_a_loop(work())


def test_a_reader_hears_only_what_it_wants(hub: Hub, story: Story) -> None:
    async def work() -> None:
        guest = Stream(hub, wants=lambda event: event.payload["kind"] == "ceremony.updated")
        await guest.begin()
        story.tell()
        story.tell(kind="ceremony.updated")
        story.tell()
        assert await guest.read(2) == [2]
        await guest.close()

    on_a_loop(work())


def test_streams_end_with_the_server(hub: Hub, story: Story, monkeypatch: Any) -> None:
    async def work() -> None:
        listeners = [Stream(hub) for _ in range(3)]
        for stream in listeners:
            await stream.begin()
        hub.is_stopping = lambda: True
        for stream in listeners:
            async with asyncio.timeout(3):
                assert await stream.read_on() == ""

    on_a_loop(work())


def test_nobody_looks_while_nobody_listens(hub: Hub, story: Story) -> None:
    async def work() -> None:
        stream = Stream(hub)
        await stream.begin()
        story.tell()
        await stream.read(1)
        await stream.close()

    on_a_loop(work())
    time.sleep(0.1)
    looks = story.looks
    time.sleep(0.1)
    assert story.looks == looks
    assert hub.count == 0


def test_a_connection_that_breaks_while_it_waits_ends_nothing(
    hub: Hub, story: Story, monkeypatch: Any
) -> None:
    wait, broken = hub._wait, [InterfaceError("gone"), OperationalError("away")]

    def breaking() -> None:
        if broken:
            raise broken.pop()
        wait()

    monkeypatch.setattr(hub, "_wait", breaking)

    async def work() -> None:
        stream = Stream(hub)
        await stream.begin()
        story.tell()
        assert await stream.read(1) == [1]
        assert not broken
        await closing(stream)

    on_a_loop(work())


def test_whoever_comes_after_the_tailer_died_starts_another(
    hub: Hub, story: Story, monkeypatch: Any
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    looked = threading.Event()

    def dying() -> None:
        looked.set()
        raise RuntimeError("a fault of ours")

    async def work() -> None:
        with monkeypatch.context() as now:
            now.setattr(hub, "_wait", dying)
            first = Stream(hub)
            await first.begin()
            while not looked.is_set() or hub._tailer is not None:
                await asyncio.sleep(0.01)
        second = Stream(hub)
        await second.begin()
        story.tell()
        assert await first.read(1) == [1]
        assert await second.read(1) == [1]
        await closing(first, second)

    on_a_loop(work())


def test_everybody_at_a_place_sees_who_is_here(hub: Hub, story: Story) -> None:
    async def until(stream: Stream, *names: str) -> None:
        async with asyncio.timeout(5):
            while True:
                frame = await stream.read_on()
                if "event: here" in frame and all(name in frame for name in names):
                    return

    async def work() -> None:
        olga = Stream(hub, place="1:board:5", tab="a" * 16, person=OLGA)
        await olga.begin()
        await until(olga, "Olga")
        max_ = Stream(hub, place="1:board:5", tab="b" * 16, person=MAX)
        elsewhere = Stream(hub, place="1:board:6", tab="c" * 16, person=MAX)
        await max_.begin()
        await elsewhere.begin()
        await until(olga, "Olga", "Max")
        assert hub.presence.who("1:board:5") == [MAX, OLGA]
        await max_.close()
        while "Max" in await olga.read_on():
            pass
        assert hub.presence.who("1:board:5") == [OLGA]
        await closing(olga, elsewhere)

    on_a_loop(work())


def test_somebody_with_two_tabs_is_here_once() -> None:
    presence = Presence(None)
    presence.stay("1:board:5", "a" * 16, OLGA)
    presence.stay("1:board:5", "b" * 16, OLGA)
    assert presence.who("1:board:5") == [OLGA]
    presence.go("1:board:5", "a" * 16, OLGA)
    assert presence.who("1:board:5") == [OLGA]
    presence.go("1:board:5", "b" * 16, OLGA)
    assert presence.who("1:board:5") == []


def test_nobody_waits_for_a_redis_that_is_away() -> None:
    wire = live.Wire(f"redis://127.0.0.1:{free_port()}/0", "test")
    began = time.monotonic()
    for _ in range(100):
        wire.say("seq 1")
    presence = Presence(wire)
    presence.stay("1:board:5", "a" * 16, OLGA)
    assert presence.who("1:board:5") == [OLGA], "each process knows its own people"
    presence.go("1:board:5", "a" * 16, OLGA)
    assert presence.who("1:board:5") == []
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("0f" * 8, "0f" * 8),
        ("", ""),
        ("short", ""),
        ("<script>x", ""),
        ("ä" * 9, ""),
        ("a" * 21, ""),
    ],
)
def test_pages_name_themselves_plainly(said: str, heard: str) -> None:
    assert live.tab_name(said) == heard
