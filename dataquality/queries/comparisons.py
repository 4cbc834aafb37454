"""Two runs of a dataset side by side: what fails now, what was fixed, what else is another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from django.http import Http404

from backlog.rules.evidence import canonical
from dataquality.models import FINISHED, Dataset, Outcome, Result, Run, RunState
from dataquality.queries.overviews import ResultLine, result_line
from dataquality.queries.runs import results_of, runs_of

RUNS_OFFERED = 100
BAD = frozenset({Outcome.FAILED, Outcome.ERRORED})


class Pair(NamedTuple):
    """One check in both runs, or in one of them."""

    before: ResultLine | None
    now: ResultLine | None

    @property
    def line(self) -> ResultLine:
        """That of the later run, where it has the check."""
        line = self.now or self.before
        if line is None:
            raise ValueError("A pair has a check.")
        return line


@dataclass(frozen=True)
class Comparison:
    """The checks of two runs. `could_not_run` are those of the later one that said nothing; of the
    others failing is what failed, and `fixed` what failed or could not run and passes. `changed`
    are checks that fail in neither run, with another outcome or figure; `same` counts the rest."""

    before: Run
    now: Run
    new_failures: list[Pair] = field(default_factory=list)
    fixed: list[Pair] = field(default_factory=list)
    still_failing: list[Pair] = field(default_factory=list)
    could_not_run: list[Pair] = field(default_factory=list)
    changed: list[Pair] = field(default_factory=list)
    only_now: list[Pair] = field(default_factory=list)
    only_before: list[Pair] = field(default_factory=list)
    same: list[Pair] = field(default_factory=list)

    @property
    def shows_values(self) -> bool:
        """Whether raw values, or figures that come from them, are in it."""
        return any(
            line is not None and line.shows_values for group in self.groups for pair in group[1]
            for line in pair
        )  # fmt: skip

    @property
    def groups(self) -> list[tuple[str, list[Pair]]]:
        """All that differs, what needs somebody first, each with its title."""
        return [
            ("New failures", self.new_failures),
            ("Still failing", self.still_failing),
            ("Could not run", self.could_not_run),
            ("Fixed", self.fixed),
            ("Other figures", self.changed),
            ("Only in the later run", self.only_now),
            ("Only in the earlier run", self.only_before),
        ]

    @property
    def differs(self) -> bool:
        return any(pairs for _, pairs in self.groups)

    @property
    def errored(self) -> list[Run]:
        """Those of the two that say nothing of the checks."""
        return [run for run in (self.before, self.now) if run.state == RunState.ERRORED]

    @property
    def health_change(self) -> float | None:
        """Percentage points, None where one of them judged nothing."""
        if self.now.health is None or self.before.health is None:
            return None
        return self.now.health - self.before.health


def comparable_runs(dataset: Dataset) -> list[Run]:
    """The last hundred finished runs of a dataset, newest first."""
    runs = runs_of(dataset.product, dataset=dataset).filter(state__in=FINISHED)
    return list(runs.exclude(state=RunState.CANCELLED)[:RUNS_OFFERED])


def run_before(run: Run) -> Run | None:
    """The finished run of the same kind of checks before this one; where runs look at the rows of
    one value, of the same value."""
    runs = runs_of(run.dataset.product, dataset=run.dataset).filter(
        state__in=FINISHED, source=run.source, tracked=run.tracked, pk__lt=run.pk
    )
    if run.batch is not None and run.batch["by"] == "value":
        runs = runs.filter(batch=run.batch)
    return runs.exclude(state=RunState.CANCELLED).first()


def find_comparable(dataset: Dataset, run_id: int | None) -> Run:
    """The finished run of this dataset, or 404."""
    runs = runs_of(dataset.product, dataset=dataset).filter(state__in=FINISHED)
    run = runs.filter(pk=run_id).first() if run_id is not None else None
    if run is None:
        raise Http404(f"{dataset.name} has no finished run {run_id}.")
    return run


def compare_runs(before: Run, now: Run, *, with_values: bool) -> Comparison:
    """The checks of two runs in the order of the later one; without the permission for values it
    holds counts alone. A check is known by its fingerprint and severity, so that it is the same
    when its threshold moves."""
    found = Comparison(before, now)
    then = _by_check(results_of(before))
    present = _by_check(results_of(now))
    for key in [*present, *(key for key in then if key not in present)]:
        twins = zip_longest(then.get(key, []), present.get(key, []))
        for old, new in twins:
            if _is_passed_guard(old) and _is_passed_guard(new):
                continue  # each run has one, and it says nothing of the data
            pair = Pair(
                result_line(old, [], with_values=with_values) if old else None,
                result_line(new, [], with_values=with_values) if new else None,
            )
            _group_of(found, old, new).append(pair)
    return found


def _by_check(results: Sequence[Result]) -> dict[tuple[str, ...], list[Result]]:
    found: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        told = result.fingerprint or canonical([result.type, result.column, result.kwargs])
        found.setdefault((told, result.severity, str(result.guard)), []).append(result)
    return found


def _is_passed_guard(result: Result | None) -> bool:
    return result is None or (result.guard and result.outcome == Outcome.PASSED)


def _group_of(found: Comparison, old: Result | None, new: Result | None) -> list[Pair]:
    if new is None:
        return found.only_before
    if old is None:
        return found.only_now
    if new.outcome == Outcome.ERRORED:
        return found.could_not_run
    if new.outcome == Outcome.FAILED:
        return found.still_failing if old.outcome == Outcome.FAILED else found.new_failures
    if old.outcome in BAD:
        return found.fixed if new.outcome == Outcome.PASSED else found.changed
    return found.same if _figures(old) == _figures(new) else found.changed


def _figures(result: Result) -> tuple[object, ...]:
    return (result.outcome, result.unexpected_count, canonical(result.observed_value))
