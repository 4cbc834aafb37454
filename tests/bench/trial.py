"""Measuring: rounds of requests, each beside the floor of its own moment."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from tests.bench import data, deeds
from tests.bench.deeds import Measured
from tests.bench.house import Answer, Caller
from tests.bench.table import Row

ROUNDS = 3
Timed = tuple[float, Answer]


class Trial:
    """All rows at one size and with one number of clients."""

    def __init__(self, callers: Sequence[Caller], items: int) -> None:
        self.callers, self.items = callers, items
        for caller in callers:
            caller.hang_up()
        self._choice = random.Random(items + len(callers))
        self._rounds: dict[str, list[list[Timed]]] = {}
        self._ratios: dict[str, list[float]] = {}

    def rows(self, measured: Sequence[Measured]) -> list[Row]:
        """The best of several rounds of each row, after a warm-up.

        What else the machine does makes a round slower, never faster.
        """
        everything = [Measured(deeds.FLOOR, deeds.floor, times=60), *measured]
        for row in everything:
            self._timed(row, 2)
        for _ in range(ROUNDS):
            floor = 0.0
            for row in everything:
                taken = self._timed(row, row.times)
                floor = floor or median(taken)
                self._rounds.setdefault(row.name, []).append(taken)
                self._ratios.setdefault(row.name, []).append(median(taken) / floor)
        return [self._row(name) for name in self._rounds]

    def walk(self) -> Row:
        """The whole backlog, page by page, once."""
        caller = self.callers[0]
        floor = median(self._timed(Measured(deeds.FLOOR, deeds.floor), 30))
        taken, path = [], deeds.first_page()
        while path:
            taken.append(timed(lambda path=path: caller.api("GET", path)))  # type: ignore[misc]
            path = deeds.next_page(taken[-1][1])
        whole = round(sum(ms for ms, _ in taken), 1)
        return self._summed(deeds.WALK, taken, median(taken) / floor, whole_ms=whole)

    def run_of_checks(self) -> Row:
        """A dirty table of data, checked by the worker."""
        caller, name = self.callers[0], data.NAME
        dataset = data.register(caller, self._choice)
        floor = median(self._timed(Measured(deeds.FLOOR, deeds.floor), 30))
        taken = [timed(lambda: data.run(caller, dataset)) for _ in range(6)][1:]
        return self._summed(name, taken, median(taken) / floor)

    def closing_of_sprints(self, start: Callable[[], int]) -> Row:
        """Sprints of two hundred items, closed one after the other; `start` makes one."""
        caller, taken = self.callers[0], []
        floor = median(self._timed(Measured(deeds.FLOOR, deeds.floor), 30))
        for _ in range(4):
            sprint = start()
            taken.append(timed(lambda sprint=sprint: deeds.close(caller, sprint)))  # type: ignore[misc]
        return self._summed(deeds.CLOSING, taken[1:], median(taken[1:]) / floor)

    def _timed(self, row: Measured, times: int) -> list[Timed]:
        """`times` requests, shared among the clients, at least two of each."""
        clients = len(self.callers)
        share = times if clients == 1 else max(2, times // clients)

        def ask(caller: Caller, seed: float) -> list[Timed]:
            choice = random.Random(seed)
            return [timed(lambda: row.ask(caller, choice)) for _ in range(share)]

        with ThreadPoolExecutor(clients) as pool:
            seeds = [self._choice.random() for _ in self.callers]
            taken = list(chain.from_iterable(pool.map(ask, self.callers, seeds)))
        for _, answer in taken:
            if answer.status >= (500 if row.may_be_refused else 300):
                raise RuntimeError(f"{row.name}: {answer.status} {answer.body[:500]!r}")
        return taken

    def _row(self, name: str) -> Row:
        rounds = self._rounds[name]
        refused = sum(answer.status >= 300 for taken in rounds for _, answer in taken)
        best = min(rounds, key=median)
        return self._summed(name, best, min(self._ratios[name]), refused=refused)

    def _summed(
        self,
        name: str,
        taken: Sequence[Timed],
        ratio: float,
        *,
        refused: int = 0,
        whole_ms: float | None = None,
    ) -> Row:
        times = sorted(ms for ms, _ in taken)
        answers = [answer for _, answer in taken]
        return Row(
            name=name,
            items=self.items,
            clients=len(self.callers),
            times=len(times),
            median_ms=round(statistics.median(times), 2),
            p95_ms=round(times[min(len(times) - 1, round(len(times) * 0.95))], 2),
            ratio=round(ratio, 2),
            sql=max(answer.statements for answer in answers),
            item_rows=max(answer.item_rows for answer in answers),
            bytes=round(statistics.median(len(answer.body) for answer in answers)),
            refused=refused,
            whole_ms=whole_ms,
        )


def timed(deed: Callable[[], Answer]) -> Timed:
    """Milliseconds, and what came back."""
    began = time.perf_counter()
    answer = deed()
    return (time.perf_counter() - began) * 1000, answer


def median(taken: Sequence[Timed]) -> float:
    return statistics.median(ms for ms, _ in taken)
