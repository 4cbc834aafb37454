"""Run a suite on a source, or on a table in memory: what each check says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backlog.rules.evidence import canonical
from backlog.rules.severity import Severity
from dataquality.engine import batches, ours, suites
from dataquality.engine.answers import Answer, CheckResult, Judged, Told, plain
from dataquality.engine.limits import Limits, raise_if_over, undisturbed, watched
from dataquality.engine.reading import Table
from dataquality.engine.rows import PANDAS, Check, Data, FrameData, Rows
from dataquality.engine.sources import Source, Stopped, opened
from mlscrum.lib.errors import DomainError

__all__ = ["GUARD", "NAME", "CheckResult", "plain", "run_suite"]

NAME = PANDAS
CHUNK = 8  # checks of one chunk share what was computed; between chunks there is progress
CHUNK_OF_A_DATABASE = 25  # of which one scan computes most figures
GUARD: dict[str, Any] = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": Severity.CRITICAL.value,
    # Else it would share one finding with a check of the suite that counts rows.
    "meta": {"check_key": "guard"},
}
Progress = Callable[[int, int], None]
Found = Answer | Told | DomainError | None


def run_suite(
    source: Source | Table,
    expectations: Sequence[Mapping[str, Any]],
    *,
    key_columns: Sequence[str] = (),
    batch: Mapping[str, Any] | None = None,
    references: ours.References | None = None,
    limits: Limits | None = None,
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[CheckResult]:
    """What each check says of the data, in the order of the suite, the guard last. `references`
    are what checks of drift are held against, by `ours.reference_of`.

    See `sources` for what it may raise.
    """
    checks = [*suites.tidy(expectations), GUARD]
    more = (checks, key_columns, batch, references or {}, progress, cancelled)
    if isinstance(source, Table):
        return _Run(FrameData(source), *more).results()
    limits = limits or Limits()
    with watched(limits), opened(source, limits) as data:
        return _Run(data, *more).results()


class _Run:
    """One suite on data that is open."""

    def __init__(
        self,
        data: Data,
        checks: Sequence[Check],
        key_columns: Sequence[str],
        batch: Mapping[str, Any] | None,
        references: ours.References,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self.data, self.checks, self.key_columns = data, checks, key_columns
        self.batch, self.references = batches.condition_of(batch), references
        self.progress, self.cancelled = progress, cancelled
        self.done = 0

    def results(self) -> list[CheckResult]:
        if self.batch is not None and (refusal := self.data.rows(self.batch).refusal):
            raise refusal
        judged: dict[int, CheckResult] = {}
        for positions in self._by_condition():
            condition = self.checks[positions[0]]["kwargs"].get("row_condition")
            judged |= self._judged(self.data.rows(batches.both(self.batch, condition)), positions)
            self._tell(len(judged))
        return [judged[position] for position in range(len(self.checks))]

    def _by_condition(self) -> list[list[int]]:
        """Positions of the checks that look at the same rows."""
        groups: dict[str, list[int]] = {}
        for position, check in enumerate(self.checks):
            condition = canonical(check["kwargs"].get("row_condition"))
            groups.setdefault(condition, []).append(position)
        return list(groups.values())

    def _judged(self, rows: Rows, positions: Sequence[int]) -> dict[int, CheckResult]:
        asked = [position for position in positions if rows.can_ask(self.checks[position])]
        figured = [position for position in asked if ours.is_ours(self.checks[position])]
        asked = [position for position in asked if position not in figured]
        carried = [position for position in asked if rows.carries(self.checks[position])]
        others = [position for position in asked if position not in carried]
        answers = self._ask(rows, carried) | self._ask_pandas(rows, others)
        answers |= {position: self._figured(rows, position) for position in figured}
        return {
            position: Judged(
                rows,
                self.checks[position],
                position,
                guard=position == len(self.checks) - 1,
                engine=PANDAS if position in others else rows.engine,
            ).by(answers.get(position))
            for position in positions
        }

    def _figured(self, rows: Rows, position: int) -> Found:
        try:
            found = ours.told(rows, self.checks[position], self.references)
        except DomainError as error:
            self.data.raise_trouble()
            return error
        self._tell(self.done + 1)
        return found

    def _ask_pandas(self, rows: Rows, positions: Sequence[int]) -> dict[int, Found]:
        if not positions:
            return {}
        try:
            held = rows.in_memory([self.checks[place] for place in positions], self.key_columns)
        except DomainError as error:
            self.data.raise_trouble()
            return dict.fromkeys(positions, error)
        return self._ask(held, positions)

    def _ask(self, rows: Rows, positions: Sequence[int]) -> dict[int, Found]:
        answers: dict[int, Found] = {}
        size = CHUNK if rows.engine == PANDAS else CHUNK_OF_A_DATABASE
        for start in range(0, len(positions), size):
            chunk = positions[start : start + size]
            said = rows.ask([self.checks[place] for place in chunk], self.key_columns)
            self.data.raise_trouble()
            answers |= zip(chunk, said, strict=True)
            self._tell(self.done + len(chunk))
        return answers

    def _tell(self, done: int) -> None:
        raise_if_over()
        if self.cancelled():
            raise Stopped
        self.done = max(done, self.done)
        with undisturbed():
            self.progress(self.done, len(self.checks))
