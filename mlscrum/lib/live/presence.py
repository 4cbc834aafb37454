"""Who is here: who has which page open at this moment."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass

from redis import Redis

from mlscrum.lib.live.wires import Wire

KEPT_S = 40  # somebody whose process ended without a word is forgotten after this


@dataclass(frozen=True)
class Person:
    """Somebody at a page, as a face: what a tab of theirs says of them."""

    id: int
    name: str
    initials: str


class Presence:
    """A register of places, tabs and people: in Redis where all processes share one, beside that
    in this process, which is enough where Redis is away or there is none."""

    def __init__(self, wire: Wire | None) -> None:
        self._wire = wire
        self._here: dict[str, dict[str, Person]] = defaultdict(dict)
        self._lock = threading.Lock()

    def stay(self, place: str, tab: str, person: Person) -> None:
        """A tab is open at a place, for KEPT_S from now."""
        with self._lock:
            self._here[place][tab] = person
        if self._wire is None:
            return
        key, until = self._key(place), time.time() + KEPT_S

        def keep(redis: Redis) -> None:
            with redis.pipeline() as steps:
                steps.zadd(key, {_written(tab, person): until})
                steps.expire(key, 2 * KEPT_S)
                steps.execute()

        self._wire.ask(keep)

    def go(self, place: str, tab: str, person: Person) -> None:
        """A tab has left a place."""
        with self._lock:
            self._here[place].pop(tab, None)
            if not self._here[place]:
                del self._here[place]
        if self._wire is not None:
            key, entry = self._key(place), _written(tab, person)
            self._wire.ask(lambda redis: redis.zrem(key, entry))

    def who(self, place: str) -> list[Person]:
        """Everybody at a place once, whoever has several tabs there, by name."""
        people = self._shared(place)
        if people is None:
            with self._lock:
                people = list(self._here.get(place, {}).values())
        return sorted(set(people), key=lambda person: (person.name, person.id))

    def _shared(self, place: str) -> list[Person] | None:
        if self._wire is None:
            return None
        key = self._key(place)

        def look(redis: Redis) -> list[Person]:
            with redis.pipeline() as steps:
                steps.zremrangebyscore(key, 0, time.time())
                steps.zrange(key, 0, -1)
                _, entries = steps.execute()
            return [_read(entry) for entry in entries]

        return self._wire.ask(look)

    def _key(self, place: str) -> str:
        assert self._wire is not None
        return f"here:{self._wire.name}:{place}"


def _written(tab: str, person: Person) -> str:
    return json.dumps({"tab": tab, **asdict(person)}, sort_keys=True)


def _read(entry: bytes) -> Person:
    found = json.loads(entry)
    return Person(found["id"], found["name"], found["initials"])
