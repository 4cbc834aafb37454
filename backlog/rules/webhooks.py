"""Webhooks: which events one hears, what an answer means, when it is tried again, and in what order
what waits may be sent. After the Standard Webhooks specification."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

EVERYTHING = "*"
# Between two tries of one message, 24 hours in all.
WAITS_S = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 10 * 3600)
GIVEN_UP_AFTER = timedelta(hours=24)
LONGEST_REST_S = 3600  # of a receiver that is down; each message still has its 24 hours
SPREAD = 0.1
GONE = 410
TOO_MANY = 429


class Verdict(StrEnum):
    """What an answer, or its absence, says of a message and of its receiver."""

    RECEIVED = "received"
    REFUSED = "refused"  # this message: others may fare better
    DOWN = "down"  # the receiver: no message would fare better now
    GONE = "gone"  # it wants none any more


def is_heard(kind: str, patterns: Collection[str]) -> bool:
    """Whether one of the patterns names this kind of event: `*`, `item.*` or `item.created`."""
    family = kind.partition(".")[0]
    return bool({EVERYTHING, f"{family}.*", kind} & set(patterns))


def families_of(patterns: Iterable[str]) -> set[str]:
    """The families of events that the patterns name."""
    return {pattern.partition(".")[0] for pattern in patterns if pattern != EVERYTHING}


def verdict_of(status: int) -> Verdict:
    """What a status says: any 2xx is success; redirects are not followed, so they are none."""
    if 200 <= status < 300:
        return Verdict.RECEIVED
    if status == GONE:
        return Verdict.GONE
    return Verdict.DOWN if status >= 500 or status == TOO_MANY else Verdict.REFUSED


def wait_s(tries: int, chance: float = 0.0) -> float:
    """Seconds until the next try, after so many that failed; `chance`, 0 to 1, makes it up to a
    tenth longer, so that receivers don't hear of everything in the same second."""
    place = min(max(tries, 1), len(WAITS_S)) - 1
    return WAITS_S[place] * (1 + SPREAD * chance)


def rest_s(failures: int, chance: float = 0.0) -> float:
    """Seconds for which a receiver that is down is left alone, after so many failures in a row."""
    return min(wait_s(failures, chance), LONGEST_REST_S)


@dataclass(frozen=True)
class Waiting:
    """A message that is not sent yet: the names of what it is about, and whether it is about more
    than those."""

    id: int
    about: frozenset[str]
    not_before: datetime
    about_more: bool = False


class Queue:
    """The order in which waiting messages may be sent: those about the same thing stay in order.

    Iterating gives what may be sent `now`, oldest first; whoever sends tells `hold` of each that
    has to wait, before asking for the next. `passed_over` says until when the others wait.
    """

    def __init__(self, waiting: Iterable[Waiting], now: datetime) -> None:
        self.passed_over: dict[int, datetime] = {}
        self._waiting = list(waiting)
        self._now = now
        self._held: dict[str, datetime] = {}
        self._all_until: datetime | None = None

    def hold(self, message: Waiting, until: datetime) -> None:
        """This one is not sent before `until`; what is about the same waits for it."""
        for name in message.about:
            self._held[name] = max(until, self._held.get(name, until))
        if message.about_more:
            self._all_until = max(until, self._all_until or until)

    def __iter__(self) -> Iterator[Waiting]:
        for message in self._waiting:
            until = self._until(message)
            if until <= self._now:
                yield message
                continue
            self.hold(message, until)
            if until > message.not_before:
                self.passed_over[message.id] = until

    def _until(self, message: Waiting) -> datetime:
        others = [self._held[name] for name in message.about if name in self._held]
        if message.about_more:
            others += self._held.values()
        if self._all_until is not None:
            others.append(self._all_until)
        return max([message.not_before, *others])
