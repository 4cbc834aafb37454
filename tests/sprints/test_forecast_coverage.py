"""How often the forecast's middle 80 % held what came, held to the figures of docs/forecast.md.

`python -m pytest -s tests/sprints/test_forecast_coverage.py` prints the tables as the page has
them.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Self

import numpy as np
import pytest

from sprints.rules.forecast import done_within, expected_range

ROOT = Path(__file__).resolve().parent.parent.parent
REAL = ROOT.parent / "shared" / "data" / "sprints"
PAGE = ROOT / "docs" / "forecast.md"
PROJECTS = {"MongoDB": "mongodb", "Spring": "spring"}
LEAST_BEFORE = 5
EVER = 10_000  # more sprints than any team has
Amounts = tuple[Decimal, ...]


@dataclass(frozen=True)
class Tried:
    """One forecast and what came of it; `width` is the range by the median of its past."""

    before: int
    is_below: bool
    is_above: bool
    width: Decimal | None


@dataclass(frozen=True)
class Coverage:
    """Many forecasts and what came of them."""

    forecasts: int
    within: int
    below: int
    above: int
    width: float

    @classmethod
    def of(cls, tried: Iterable[Tried]) -> Self:
        each = list(tried)
        below, above = sum(one.is_below for one in each), sum(one.is_above for one in each)
        widths = [one.width for one in each if one.width is not None]
        width = float(median(widths)) if widths else 0.0
        return cls(len(each), len(each) - below - above, below, above, width)

    @property
    def share(self) -> float:
        return self.within / self.forecasts

    def __str__(self) -> str:
        cells = (self.forecasts, self.within, f"{self.share:.0%}", self.below, self.above)
        return " | ".join([*map(str, cells), f"{self.width:.1f}"])


def tried(
    amounts: Sequence[Decimal], *, ahead: int = 1, last: int = EVER, draws: int = 10_000
) -> list[Tried]:
    """The forecast of each sprint, or of the next few in sum, from those before it."""
    found = []
    for place in range(LEAST_BEFORE, len(amounts) - ahead + 1):
        past = amounts[max(0, place - last) : place]
        expected = expected_range(ahead, past, draws=draws)
        if expected is None:
            continue  # nothing was ever completed
        came = sum(amounts[place : place + ahead], Decimal(0))
        usual = median(past) * ahead
        width = (expected.high - expected.low) / usual if usual else None
        found.append(Tried(place, came < expected.low, came > expected.high, width))
    return found


def completed_in(project: str, share_of_time: int) -> dict[str, list[tuple[str, Decimal]]]:
    """By board and in file order, the sprints and what each completed.

    `vel_diff` is what was completed at the end minus the scope when the row was taken, so the
    scope then plus `vel_diff` is what was completed.
    """
    boards: dict[str, list[tuple[str, Decimal]]] = {}
    file = REAL / f"{PROJECTS[project]}_iteration_{share_of_time}.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            scope = Decimal(row["vel_starttime"]) + Decimal(row["vel_added"])
            scope -= Decimal(row["vel_removed"])
            boards.setdefault(row["boardid"], []).append(
                (row["sprintid"], scope + Decimal(row["vel_diff"]))
            )
    return boards


def teams(project: str) -> dict[str, Amounts]:
    """The completed points of each team, oldest first, by the boards that show them.

    Boards with the same sprints and the same points are one team's: counted once.
    """
    seen: dict[tuple[tuple[str, Decimal], ...], list[str]] = {}
    for board, sprints in completed_in(project, 0).items():
        seen.setdefault(tuple(sprints), []).append(board)
    return {
        ", ".join(boards): tuple(amount for _, amount in sprints)
        for sprints, boards in seen.items()
    }


def promises_kept(amounts: Sequence[Decimal], ahead: int) -> list[tuple[bool, bool, bool]]:
    """Whether "at least so much" with 50, 85 and 95 % came true, of each forecast."""
    found = []
    for place in range(LEAST_BEFORE, len(amounts) - ahead + 1):
        if promised := done_within(ahead, amounts[:place]):
            came = sum(amounts[place : place + ahead], Decimal(0))
            found.append((came >= promised.p50, came >= promised.p85, came >= promised.p95))
    return found


def shuffled(of_teams: Mapping[str, Amounts], times: int = 5) -> Iterator[Amounts]:
    """The teams' sprints in a random order, in which no sprint tells of the next."""
    choice = random.Random(1)
    for _ in range(times):
        yield from (tuple(choice.sample(each, len(each))) for each in of_teams.values())


def rows_of(project: str) -> Iterator[str]:
    """The rows of the tables of docs/forecast.md about one project."""
    of_teams = teams(project)
    each_of = list(of_teams.values())
    ways = (("all before", 1, EVER), ("last 10", 1, 10), ("last 6", 1, 6), ("all before", 4, EVER))
    for name, ahead, last in ways:
        found = Coverage.of(one for own in each_of for one in tried(own, ahead=ahead, last=last))
        yield f"| {project} | {name} | {ahead} | {found} |"
    mixed = list(shuffled(of_teams))
    for ahead in (1, 4):
        found = Coverage.of(one for own in mixed for one in tried(own, ahead=ahead, draws=2_000))
        yield f"| {project} | all before, order shuffled | {ahead} | {found} |"
    for ahead in (1, 4):
        kept = [one for own in each_of for one in promises_kept(own, ahead)]
        shares = [f"{sum(column) / len(kept):.0%}" for column in zip(*kept, strict=True)]
        yield f"| {project} | {ahead} | {len(kept)} | {' | '.join(shares)} |"
    each = [one for own in each_of for one in tried(own)]
    for name, least, most in (("5 to 9", 5, 9), ("10 to 19", 10, 19), ("20 and more", 20, EVER)):
        some = Coverage.of(one for one in each if least <= one.before <= most)
        yield f"| {project} | {name} | {some} |"
    for boards, own in of_teams.items():
        if of_team := tried(own):
            yield f"| {project} | {boards} | {Coverage.of(of_team)} |"
    file_order = [amount for own in completed_in(project, 0).values() for _, amount in own]
    yield f"| {project} | {Coverage.of(tried(file_order))} |"


@pytest.fixture
def real() -> None:
    if not REAL.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {REAL} holds no sprints to measure the forecast with")


def test_the_page_says_what_is_measured(real: None) -> None:
    rows = [row for project in PROJECTS for row in rows_of(project)]
    print("", *rows, sep="\n")
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [row for row in rows if row not in page] == []


def test_both_files_of_a_project_agree_on_what_each_sprint_completed(real: None) -> None:
    for project in PROJECTS:
        boards = completed_in(project, 0)
        assert boards == completed_in(project, 50)
        assert all(amount >= 0 for sprints in boards.values() for _, amount in sprints)


def stationary(rng: np.random.Generator, count: int) -> list[Decimal]:
    """So many sprints of a team that never changes: 30 points on average, 15 up or down."""
    return [Decimal(round(value * 10)) / 10 for value in rng.gamma(4, 7.5, size=count)]


@pytest.mark.parametrize(
    ("before", "ahead", "least", "most"),
    [
        (40, 1, 0.75, 0.85),
        (40, 4, 0.72, 0.85),
        # Of five values the middle 80 % is all of them, and that holds the next one in 4 of 6.
        (5, 1, 0.61, 0.72),
    ],
)
def test_of_a_team_that_never_changes_about_80_percent_is_held_once_the_past_is_long(
    before: int, ahead: int, least: float, most: float
) -> None:
    rng = np.random.default_rng(7)
    held, trials = 0, 600
    for _ in range(trials):
        amounts = stationary(rng, before + ahead)
        expected = expected_range(ahead, amounts[:before], draws=2_000)
        assert expected is not None
        held += expected.low <= sum(amounts[before:]) <= expected.high
    assert least <= held / trials <= most
