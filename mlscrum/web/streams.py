"""Streams of events (Server-Sent Events): what the hub tells, as an answer that does not end."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from django.http import HttpRequest, StreamingHttpResponse

from mlscrum.lib import live
from mlscrum.lib.errors import DomainError
from mlscrum.lib.live.hubs import AT_ONCE, Event, Hub, Listener, News
from mlscrum.lib.numbers import whole_number
from mlscrum.web.metrics import STREAMS

Frames = AsyncGenerator[bytes, None]
CONTENT_TYPE = "text/event-stream"
RETRY_MS = 1000
MOST_OF_ONE = 100  # a process has file descriptors for about a thousand
# A word for proxies that end idle streams, and the moment in which the stream asks anew whether its
# reader may: both are due within 15 s.
BEAT_S = 12.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """Who reads a stream: `name` tells principals apart; `may` asks anew, in a thread, whether they
    still may; `wants` leaves out events, and `told` is what they hear of the others; `place`,
    `tab` and `person` say where they are, if anywhere."""

    name: str
    may: Callable[[], bool]
    wants: Callable[[Event], bool] = lambda event: True
    told: Callable[[Event], Event] = lambda event: event
    place: str = ""
    tab: str = ""
    person: live.Person | None = None


def event_stream(
    topic: int, reader: Reader, *, after: int | None = None, at_most: int | None = None
) -> StreamingHttpResponse:
    """All events of a topic that come, and first those after a number where one is given.

    Where more than `at_most` were missed, one event `missed` stands for all of them. Raises
    DomainError (429) for a reader who has MOST_OF_ONE streams open in this process.
    """
    hub = live.hub()
    hub.is_stopping = is_stopping
    if hub.count_of(reader.name) >= MOST_OF_ONE:
        raise DomainError(
            "too_many_streams",
            f"There are {MOST_OF_ONE} streams of yours open already; close some of them.",
            status=429,
        )
    answer = StreamingHttpResponse(
        _frames(hub, topic, reader, after, at_most), content_type=CONTENT_TYPE
    )
    answer["Cache-Control"] = "no-store, no-transform"
    answer["X-Accel-Buffering"] = "no"  # nginx would else keep events until it has 4 kB of them
    return answer


def last_seen(request: HttpRequest) -> int | None:
    """The number of the last event that the caller has, by Last-Event-ID or `?after=`."""
    said = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    return whole_number(said)


def is_stopping() -> bool:
    """Whether the server of this process was told to stop: it waits for its answers then, and tells
    them nothing. It is found by its signal handler, for it has no other name here."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


async def _frames(
    hub: Hub, topic: int, reader: Reader, after: int | None, at_most: int | None
) -> Frames:
    listener = hub.listen(
        topic, reader.name, place=reader.place, tab=reader.tab, person=reader.person
    )
    STREAMS.inc()
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        head = (await hub.ask(hub.source.heads, [topic])).get(topic, 0)
        seq = head if after is None or after > head else after
        if at_most is not None and head - seq > at_most:
            seq = head
            yield f"event: missed\nid: {head}\ndata: {{}}\n\n".encode()
        async for missed in _between(hub, topic, seq, head):
            yield _written(missed, reader)
            seq = missed[-1].seq
        yield f"id: {seq}\n\n".encode()  # so that a reader who comes again goes on from here
        async for missed in _between(hub, topic, seq, hub.begin(listener, seq)):
            yield _written(missed, reader)
            seq = missed[-1].seq
        await hub.ask(hub.come, listener)
        async for frames in _news(hub, listener, reader, seq):
            yield frames
    except DatabaseError as error:
        # The reader comes again; a whole process of streams need not tell it three hundred times.
        log.info("A stream ended: %s", type(error).__name__)
    finally:
        STREAMS.dec()
        hub.leave(listener)


async def _between(hub: Hub, topic: int, seq: int, last: int) -> AsyncGenerator[list[Event], None]:
    """What came after a number up to another, and perhaps a little more, in parts."""
    while seq < last and (events := await hub.ask(hub.source.after, topic, seq, AT_ONCE)):
        yield events
        seq = events[-1].seq


async def _news(hub: Hub, listener: Listener, reader: Reader, seq: int) -> Frames:
    """What comes, until the reader may not any more, is too slow, or the server stops."""
    clock = listener.loop.time
    beat_at = clock() + BEAT_S
    while True:
        news = await listener.news(max(0.0, beat_at - clock()))
        if listener.is_cut:
            return
        is_due = clock() >= beat_at
        if is_due or any(isinstance(one, Event) and one.changes_rights for one in news):
            if not await hub.ask(reader.may):
                return
            await hub.ask(hub.stay, listener)
            beat_at = clock() + BEAT_S
            if is_due:
                yield b": still here\n\n"
        fresh, seq = await _in_order(hub, listener, news, seq)
        if frames := _written(fresh, reader):
            yield frames


async def _in_order(
    hub: Hub, listener: Listener, news: Sequence[News], seq: int
) -> tuple[list[News], int]:
    """The news without those that were told already, and with those that never came."""
    fresh: list[News] = []
    for one in news:
        if not isinstance(one, Event):
            fresh.append(one)
        elif one.seq == seq + 1:
            fresh.append(one)
            seq = one.seq
        elif one.seq > seq:
            between = one.seq - seq
            fresh += await hub.ask(hub.source.after, listener.topic, seq, between)
            seq = one.seq
    return fresh, seq


def _written(news: Sequence[News], reader: Reader) -> bytes:
    return b"".join(
        reader.told(one).frame if isinstance(one, Event) else one.frame
        for one in news
        if not isinstance(one, Event) or reader.wants(one)
    )
