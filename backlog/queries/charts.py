"""Charts as data: what is drawn, what its table says, and what its download holds are one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Number = float | None


@dataclass(frozen=True)
class Series:
    """Numbers in one colour: `hue` is a colour of tokens.css, `look` how they are drawn: line,
    dashed, step, area, bar, dots, or a mark on a span, which goes up from the low before it."""

    name: str
    values: Sequence[Number]
    hue: str
    look: str = "line"


@dataclass(frozen=True)
class Mark:
    """A line across the whole chart."""

    name: str
    value: float
    hue: str


@dataclass(frozen=True)
class Band:
    """Places of a chart that belong together, from the first to the last, such as a sprint's."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Chart:
    """Series over the same labels. `keys` are the labels as machines read them, `off` the places
    of days on which nobody works, `texts` further columns of the table that are not drawn. The dots
    of a scatter lie at `places`, ISO dates; `bands` lie behind everything,
    and the scale ends at `highest`."""

    name: str
    title: str
    unit: str
    label: str
    labels: Sequence[str]
    keys: Sequence[str]
    series: Sequence[Series]
    look: str = "line"
    note: str = ""
    off: Sequence[int] = ()
    marks: Sequence[Mark] = ()
    texts: Sequence[tuple[str, Sequence[str]]] = ()
    places: Sequence[str] = ()
    bands: Sequence[Band] = ()
    highest: float | None = None

    @property
    def drawn(self) -> dict[str, Any]:
        """For the script that draws it."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "look": self.look,
            "labels": list(self.labels),
            "places": list(self.places),
            "off": list(self.off),
            "marks": [{"name": m.name, "value": m.value, "hue": m.hue} for m in self.marks],
            "highest": self.highest,
            "bands": [{"name": b.name, "first": b.first, "last": b.last} for b in self.bands],
            "series": [
                {"name": s.name, "hue": s.hue, "look": s.look, "values": list(s.values)}
                for s in self.series
            ],
        }

    @property
    def columns(self) -> list[str]:
        return [self.label, *(name for name, _ in self.texts), *(s.name for s in self.series)]

    @property
    def rows(self) -> list[tuple[str, list[str], list[Number]]]:
        """Each label with its texts and its numbers, as the table shows them."""
        return [
            (label, [texts[n] for _, texts in self.texts], [s.values[n] for s in self.series])
            for n, label in enumerate(self.labels)
        ]

    @property
    def lines(self) -> list[list[Any]]:
        """For a download: the head and, with machines' labels, the rows."""
        head = [*self.columns]
        body = [
            [key, *texts, *numbers]
            for key, (_, texts, numbers) in zip(self.keys, self.rows, strict=True)
        ]
        return [head, *body]
