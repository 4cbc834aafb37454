"""Titles and descriptions of items: real ones where they lie beside the project, else made up."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import count
from pathlib import Path

from tests.bench.house import ROOT

REAL = ROOT.parent / "shared" / "data" / "backlogs"
LONGEST_TITLE = 240
MADE_UP = 6_000
_VERBS = ("add", "fix", "clean", "document", "split", "measure", "replace", "audit", "retry")
_THINGS = (
    *("executor", "scheduler", "importer", "model", "column", "threshold", "profile", "queue"),
    *("gateway", "session", "token", "chart", "forum", "module", "grade", "stream", "sink"),
    *("dataset", "pipeline", "scan", "lesion", "hospital", "batch", "metric", "user", "test"),
)
_WORDS = (*_VERBS, *_THINGS, "when", "the", "is", "not", "and", "of", "to", "a", "for", "which")


@dataclass(frozen=True)
class Text:
    """What an item says; `number` tells a repeated one from its first."""

    title: str
    description: str
    points: Decimal | None
    source: int


def texts() -> tuple[str, list[Text]]:
    """Where they come from, and each text once."""
    files = sorted(REAL.glob("*.csv"))
    if files:
        return f"real ones of {', '.join(file.name for file in files)}", list(_real(files))
    return "made up from a seed", list(_made_up())


def endless(found: list[Text]) -> Iterator[Text]:
    """The texts over and over, later rounds with a number of their own in the title."""
    for turn in count(1):
        for text in found:
            title = text.title if turn == 1 else f"{text.title} ({turn})"
            yield Text(title, text.description, text.points, text.source)


def _real(files: list[Path]) -> Iterator[Text]:
    csv.field_size_limit(10_000_000)
    number = count()
    for file in files:
        with file.open(encoding="utf-8", errors="replace", newline="") as lines:
            for row in csv.DictReader(lines):
                title = " ".join(row["title"].split())[:LONGEST_TITLE] or "Untitled"
                description = (row["description"] or "")[:100_000].replace("\0", "")
                yield Text(title, description, _points(row["storypoint"]), next(number))


def _points(text: str) -> Decimal | None:
    try:
        return round(min(Decimal(text), Decimal(100)), 1)
    except InvalidOperation:
        return None


def _made_up() -> Iterator[Text]:
    choice = random.Random(3)
    for number in range(MADE_UP):
        title = f"{choice.choice(_VERBS)} the {choice.choice(_THINGS)} of {choice.choice(_THINGS)}"
        sentence = " ".join(choice.choices(_WORDS, k=choice.randint(5, 250)))
        points = choice.choice([None, 1, 2, 3, 5, 8])
        yield Text(title.capitalize(), sentence, Decimal(points) if points else None, number)
