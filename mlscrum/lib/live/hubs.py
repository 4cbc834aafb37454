"""The hub of a process: one tailer that follows what happens, and all that listen to it.

A listener is registered before it reads what has happened so far. From then on it is told of all
that the tailer sees, and skips what it has read itself, so that nothing falls between the two. Its
numbers have no gaps; where one shows all the same it reads again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

from django.db import Error, close_old_connections, connection, connections

from mlscrum.lib.live.presence import Person, Presence
from mlscrum.lib.live.wires import Wire

T = TypeVar("T")
AT_ONCE = 500  # rows that one look reads of a topic
MOST_WAITING = 1000  # news that wait for a slow reader before it is cut
LOOKS_S = 0.05  # how often the file of SQLite is asked whether anything was written
GATHERING_S = 0.02  # news of one moment come together
PATIENCE_S = 5.0  # how long the tailer waits for a word, where it hears any
DEAF_S = 0.5  # and where it hears none
STOPPING_S = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """Something that happened: its number within its topic, and what is told of it."""

    seq: int
    payload: dict[str, Any]
    changes_rights: bool = False  # whoever listens is asked anew whether they may

    @cached_property
    def frame(self) -> bytes:
        """As it goes out, written once for all streams."""
        data = json.dumps(self.payload, separators=(",", ":"), ensure_ascii=False)
        return f"id: {self.seq}\ndata: {data}\n\n".encode()


@dataclass(frozen=True)
class Here:
    """Who is at a place now."""

    people: Sequence[Person]

    @cached_property
    def frame(self) -> bytes:
        data = json.dumps([asdict(person) for person in self.people], ensure_ascii=False)
        return f"event: here\ndata: {data}\n\n".encode()


News = Event | Here


class Source(Protocol):
    """What happened, in numbers 1, 2, 3 … within each topic, without gaps, in order of commit."""

    def heads(self, topics: Collection[int]) -> dict[int, int]:
        """The last number of each topic."""

    def after(self, topic: int, seq: int, limit: int) -> list[Event]:
        """What came after a number, in order, at most so many."""


@dataclass(eq=False)
class Listener:
    """One stream: what it has still to tell. Only its event loop touches the queue."""

    topic: int
    reader: str
    place: str
    tab: str
    person: Person | None
    loop: asyncio.AbstractEventLoop
    is_cut: bool = False
    queue: asyncio.Queue[News | None] = field(
        default_factory=lambda: asyncio.Queue(MOST_WAITING), repr=False
    )

    def put(self, news: Sequence[News]) -> None:
        """Let it tell these; one that is too slow is cut, and goes on where it was when it comes
        again."""
        for one in news:
            if self.is_cut:
                return
            try:
                self.queue.put_nowait(one)
            except asyncio.QueueFull:
                self.cut()

    def cut(self) -> None:
        """End it as soon as it looks."""
        self.is_cut = True
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)

    async def news(self, wait_s: float) -> list[News]:
        """All that has come; none after so many seconds in which nothing did."""
        try:
            async with asyncio.timeout(wait_s):
                first = await self.queue.get()
        except TimeoutError:
            return []
        found = [first]
        while not self.queue.empty():
            found.append(self.queue.get_nowait())
        return [one for one in found if one is not None]


class Hub:
    """Who listens in this process, and the tailer, which runs while anybody does."""

    def __init__(
        self,
        source: Source,
        presence: Presence,
        *,
        wire: Wire | None = None,
        watches_file: bool = False,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.source, self.presence = source, presence
        self.is_stopping = is_stopping
        self._wire, self._watches_file = wire, watches_file
        self._lock = threading.Lock()
        self._listeners: dict[int, set[Listener]] = defaultdict(set)
        self._marks: dict[int, int] = {}  # up to where each topic has been told
        self._places: set[str] = set()  # where somebody came or went
        self._woken = threading.Event()
        self._version = -1
        self._tailer: threading.Thread | None = None
        self._watch: asyncio.Task[None] | None = None
        # Their database connections serve all streams, which hold none of their own.
        self._threads = ThreadPoolExecutor(2, "live")

    # Called on the event loop ---------------------------------------------------------------------

    def listen(
        self,
        topic: int,
        reader: str,
        *,
        place: str = "",
        tab: str = "",
        person: Person | None = None,
    ) -> Listener:
        """Register a stream; call `begin` once it has read what came before, and `leave`."""
        loop = asyncio.get_running_loop()
        listener = Listener(topic, reader, place, tab, person, loop)
        with self._lock:
            self._listeners[topic].add(listener)
            if self._tailer is None or not self._tailer.is_alive():
                self._tailer = threading.Thread(target=self._follow, name="tailer", daemon=True)
                self._tailer.start()
        if self._watch is None or self._watch.done() or self._watch.get_loop() is not loop:
            self._watch = loop.create_task(self._end_with_the_server())
        return listener

    def begin(self, listener: Listener, seq: int) -> int:
        """The stream has read everything up to this number, and wants all that comes after.

        Returns the number after which it is told by itself; what lies between it reads.
        """
        with self._lock:
            mark = self._marks.setdefault(listener.topic, seq)
        self._woken.set()
        return mark

    def leave(self, listener: Listener) -> None:
        """The stream has ended."""
        with self._lock:
            others = self._listeners[listener.topic]
            others.discard(listener)
            if not others:
                del self._listeners[listener.topic]
                self._marks.pop(listener.topic, None)
        if listener.place:
            self._threads.submit(self._gone, listener)

    async def ask(self, work: Callable[..., T], *given: Any) -> T:
        """What the work returns, in a thread that may ask the database."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, _with_connection, work, *given
        )

    @property
    def count(self) -> int:
        """How many streams are open in this process."""
        with self._lock:
            return sum(map(len, self._listeners.values()))

    def count_of(self, reader: str) -> int:
        """How many of them are of one reader."""
        with self._lock:
            return sum(one.reader == reader for found in self._listeners.values() for one in found)

    async def _end_with_the_server(self) -> None:
        """A server that is told to stop waits for its answers, and streams never end by
        themselves."""
        while self.count:
            if self.is_stopping():
                with self._lock:
                    listeners = [one for found in self._listeners.values() for one in found]
                for listener in listeners:
                    listener.cut()
            await asyncio.sleep(STOPPING_S)

    # Called in threads ----------------------------------------------------------------------------

    def stay(self, listener: Listener) -> None:
        """Its person is at its place still."""
        if listener.place and listener.person:
            self.presence.stay(listener.place, listener.tab, listener.person)

    def come(self, listener: Listener) -> None:
        """Its person has come to its place; everybody there sees it."""
        if listener.place:
            self.stay(listener)
            self._call_out(listener.place)

    def _gone(self, listener: Listener) -> None:
        if listener.person:
            self.presence.go(listener.place, listener.tab, listener.person)
        self._call_out(listener.place)

    def _call_out(self, place: str) -> None:
        self._hear(f"here {place}")
        if self._wire is not None:
            self._wire.say(f"here {place}")

    def _hear(self, word: str) -> None:
        what, _, which = word.partition(" ")
        if what == "here":
            with self._lock:
                self._places.add(which)
        self._woken.set()

    # The tailer -----------------------------------------------------------------------------------

    def _follow(self) -> None:
        self._version = -1
        if self._wire is not None:
            me = threading.current_thread()
            threading.Thread(target=self._listen, args=[me], name="wire", daemon=True).start()
        try:
            while self._is_wanted():
                try:
                    self._wait()
                    self._look()
                except Error as error:
                    log.warning("The tailer could not look: %s", type(error).__name__)
                    connection.close()
                    self._version = -1  # of a connection that is gone
                    time.sleep(DEAF_S)
        finally:
            with self._lock:
                if self._tailer is threading.current_thread():
                    self._tailer = None
            connections.close_all()

    def _listen(self, tailer: threading.Thread) -> None:
        assert self._wire is not None
        self._wire.listen(self._hear, while_=lambda: self._tailer is tailer)

    def _is_wanted(self) -> bool:
        """Whether anybody listens; the thread ends where nobody does, and the next one starts
        another."""
        with self._lock:
            if not self._listeners:
                self._tailer = None
            return self._tailer is not None

    def _wait(self) -> None:
        """Until there may be news."""
        if self._watches_file:
            self._wait_for_file()
        else:
            is_heard = self._wire is not None and self._wire.is_heard
            self._woken.wait(PATIENCE_S if is_heard else DEAF_S)
            time.sleep(GATHERING_S)
        self._woken.clear()

    def _wait_for_file(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if (version := _data_version()) != self._version:
                self._version = version
                return
            if self._woken.wait(LOOKS_S):
                return

    def _look(self) -> None:
        """Tell what came since the last look."""
        before = connection.connection
        close_old_connections()
        if connection.connection is not before:
            self._version = -1  # versions of two connections can't be compared
        with self._lock:
            marks = dict(self._marks)
            places, self._places = self._places, set()
        if marks:
            for topic, head in self.source.heads(marks).items():
                self._tell_after(topic, marks[topic], head)
        for place in places:
            self._tell_who(place)

    def _tell_after(self, topic: int, mark: int, head: int) -> None:
        while mark < head:
            events = self.source.after(topic, mark, AT_ONCE)
            if not events:
                return
            with self._lock:
                listeners = list(self._listeners.get(topic, ()))
                if topic in self._marks:  # else the last one has just left
                    self._marks[topic] = events[-1].seq
            _put(listeners, events)
            mark = events[-1].seq

    def _tell_who(self, place: str) -> None:
        with self._lock:
            there = [
                one for found in self._listeners.values() for one in found if one.place == place
            ]
        if there:
            _put(there, [Here(self.presence.who(place))])


def _put(listeners: Sequence[Listener], news: Sequence[News]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Listener]] = defaultdict(list)
    for listener in listeners:
        by_loop[listener.loop].append(listener)
    for loop, found in by_loop.items():
        try:
            loop.call_soon_threadsafe(_put_all, found, news)
        except RuntimeError:  # the loop has ended, and its streams with it
            continue


def _put_all(listeners: Sequence[Listener], news: Sequence[News]) -> None:
    for listener in listeners:
        listener.put(news)


def _data_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])


def _with_connection(work: Callable[..., T], *given: Any) -> T:
    close_old_connections()
    return work(*given)
