"""Planning poker: the cards of a scale, what the votes of a round say, and importance by role."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from statistics import median

USUAL_SCALE = ("0", "0.5", "1", "2", "3", "5", "8", "13", "20", "40")
UNSURE, COFFEE = "?", "coffee"
WORDLESS = (UNSURE, COFFEE)  # cards that are no estimate
FEWEST_CARDS, MOST_CARDS = 2, 20
MOST_POINTS = Decimal(9999)
HALF = "½"
TALK_FIRST = Decimal(2)  # of 5: where roles differ by so much, they talk before they estimate
LEAST, MOST = 1, 5  # importance
MOST_PICKS = 60  # items of one ceremony
TENTH = Decimal("0.1")


class BadScaleError(ValueError):
    """A scale that can't be voted with; the message says why."""


def read_scale(text: str) -> list[str]:
    """The cards that somebody typed, parted by commas or spaces, in their order.

    Raises BadScaleError.
    """
    cards = set()
    for word in re.split(r"[\s,;]+", text.strip()):
        if not word or word in WORDLESS:
            continue
        cards.add(_number(word))
    if not FEWEST_CARDS <= len(cards) <= MOST_CARDS:
        raise BadScaleError(f"A scale has {FEWEST_CARDS} to {MOST_CARDS} different numbers.")
    return [written(card) for card in sorted(cards)]


def written(points: Decimal) -> str:
    """A number as its card is kept: 0.5, 1, 40."""
    return format(points.normalize(), "f")


def label_of(card: str) -> str:
    """What a card says to people."""
    return HALF if card == "0.5" else card


def said(points: Decimal) -> str:
    """Points as the cards say them."""
    return label_of(written(points))


def points_of(card: str) -> Decimal | None:
    """The estimate that a card stands for; None for "?" and coffee."""
    return None if card in WORDLESS else Decimal(card)


def _number(word: str) -> Decimal:
    try:
        number = Decimal(word.replace(HALF, ".5") if HALF in word else word)
    except InvalidOperation:
        raise BadScaleError(f"“{word[:20]}” is no number.") from None
    if not number.is_finite() or not 0 <= number <= MOST_POINTS:
        raise BadScaleError(f"“{word[:20]}” is not between 0 and {MOST_POINTS}.")
    if number != number.quantize(TENTH):
        raise BadScaleError(f"“{word[:20]}” has more than one decimal.")
    return number


@dataclass(frozen=True)
class Spread:
    """What the votes of a round say. `low` and `high` are None where nobody gave an estimate, and
    `lowest` and `highest` name who speaks first: nobody where all agree.

    `suggested` is the upper of the middle votes, which is a card that somebody held up.
    """

    votes: int
    estimates: int
    low: Decimal | None
    high: Decimal | None
    median: Decimal | None
    suggested: Decimal | None
    lowest: Sequence[int]
    highest: Sequence[int]
    unsure: Sequence[int]

    @property
    def is_agreed(self) -> bool:
        """Whether everybody who held up a number held up the same, and at least two did."""
        return self.estimates > 1 and self.low == self.high


def spread_of(votes: Mapping[int, str]) -> Spread:
    """Spread, median and outliers of the cards, by the ids of who held them up."""
    held = {voter: points_of(card) for voter, card in votes.items()}
    numbers = sorted(points for points in held.values() if points is not None)
    unsure = [voter for voter, card in votes.items() if card == UNSURE]
    if not numbers:
        return Spread(len(votes), 0, None, None, None, None, [], [], unsure)
    low, high = numbers[0], numbers[-1]
    apart = low != high
    return Spread(
        votes=len(votes),
        estimates=len(numbers),
        low=low,
        high=high,
        median=median(numbers),
        suggested=numbers[len(numbers) // 2],
        lowest=[voter for voter, points in held.items() if apart and points == low],
        highest=[voter for voter, points in held.items() if apart and points == high],
        unsure=unsure,
    )


@dataclass(frozen=True)
class Importance:
    """How much an item matters: the mean of each role, of 1 to 5, and how far roles are apart.

    `disagreement` is the range of the roles' means (EVIDENCE.md, 5); None with less than two roles.
    """

    means: Mapping[str, Decimal]
    overall: Decimal | None
    disagreement: Decimal | None

    @property
    def talk_first(self) -> bool:
        return self.disagreement is not None and self.disagreement >= TALK_FIRST


def importance_of(votes: Iterable[tuple[str, int]]) -> Importance:
    """The importance of one item from votes of roles. Each role counts the same, however many
    people speak for it: `overall` is the mean of the means."""
    by_role: dict[str, list[int]] = defaultdict(list)
    for role, value in votes:
        by_role[role].append(value)
    means = {role: _mean([Decimal(v) for v in values]) for role, values in sorted(by_role.items())}
    found = list(means.values())
    return Importance(
        means=means,
        overall=_mean(found) if found else None,
        disagreement=max(found) - min(found) if len(found) > 1 else None,
    )


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)
