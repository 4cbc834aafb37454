"""What the bench found: kept as JSON, shown as a table, compared with the bench before."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results.json"
WORSE = 1.5  # design decision 23: a ratio that worsens by half between two benches is a fault
Place = tuple[str, int, int]


@dataclass(frozen=True)
class Row:
    """One line: times in milliseconds; `ratio` in multiples of the floor of the same round, the
    best of all rounds; `sql` and `item_rows` are the most of one request."""

    name: str
    items: int
    clients: int
    times: int
    median_ms: float
    p95_ms: float
    ratio: float
    sql: int
    item_rows: int
    bytes: int
    refused: int = 0
    whole_ms: float | None = None

    @property
    def place(self) -> Place:
        return self.name, self.items, self.clients


@dataclass(frozen=True)
class Aim:
    """What a row shall reach at 10,000 items with one client, and how it may grow."""

    ms: float | None
    sql: int | None
    growth: float


def ratios_before(path: Path) -> dict[Place, float]:
    """The ratios of the last bench; none where there was none, or one of another form."""
    try:
        rows = kept(path)["rows"]
        return {(row["name"], row["items"], row["clients"]): row["ratio"] for row in rows}
    except (KeyError, TypeError):
        return {}


def kept(path: Path) -> dict[str, Any]:
    """What benches have found so far, by part."""
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(rows: Sequence[Any], path: Path, part: str = "rows") -> None:
    """Keep the lines of one part of the bench, in place of those that it had."""
    path.parent.mkdir(exist_ok=True)
    whole = {**kept(path), part: [asdict(row) for row in rows]}
    path.write_text(json.dumps(whole, indent=2) + "\n")


def show(rows: Sequence[Row], aims: dict[str, Aim], before: dict[Place, float]) -> int:
    """Print the table and the growth; 1 where a ratio worsened by half since the last bench."""
    faults = 0
    for items in dict.fromkeys(row.items for row in rows):
        say(
            f"\n{f'{items:,} items':36} {'clients':>7} {'median ms':>10} {'p95 ms':>9} {'sql':>4}"
            f" {'bytes':>9} {'x floor':>8} {'before':>7}  aim"
        )
        for row in (row for row in rows if row.items == items):
            old = before.get(row.place)
            worse = old is not None and row.ratio > old * WORSE
            faults += worse
            say(
                f"{row.name:36} {row.clients:7} {row.median_ms:10.1f} {row.p95_ms:9.1f}"
                f" {row.sql:4} {row.bytes:9,} {row.ratio:8.2f} {old or '':>7}"
                f"  {_aim(row, aims)}{_more(row)}{'  WORSE' if worse else ''}"
            )
    _show_growth(rows, aims)
    return 1 if faults else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _aim(row: Row, aims: dict[str, Aim]) -> str:
    aim = aims.get(row.name)
    if aim is None or (row.items, row.clients) != (10_000, 1):
        return ""
    found = [
        f"{'met' if is_met else 'MISSED'} {words}"
        for is_met, words in (
            (aim.ms is None or row.median_ms <= aim.ms, f"<= {aim.ms} ms" if aim.ms else ""),
            (aim.sql is None or row.sql <= aim.sql, f"<= {aim.sql} sql" if aim.sql else ""),
        )
        if words
    ]
    return ", ".join(found)


def _more(row: Row) -> str:
    parts = []
    if row.item_rows:
        parts.append(f"{row.item_rows} item row{'s' if row.item_rows > 1 else ''} changed")
    if row.refused:
        parts.append(f"{row.refused} refused")
    if row.whole_ms is not None:
        parts.append(f"{row.whole_ms / 1000:.1f} s in all")
    return f"  ({', '.join(parts)})" if parts else ""


def _show_growth(rows: Iterable[Row], aims: dict[str, Aim]) -> None:
    by_name: dict[str, dict[int, Row]] = {}
    for row in rows:
        if row.clients == 1:
            by_name.setdefault(row.name, {})[row.items] = row
    say("\nGrowth of the median, one client")
    for name, by_items in by_name.items():
        few, many = by_items[min(by_items)], by_items[max(by_items)]
        if few is many:
            continue
        growth = many.median_ms / few.median_ms
        aim = aims.get(name)
        verdict = f"{'met' if growth <= aim.growth else 'MISSED'} <= {aim.growth}" if aim else ""
        say(f"{name:36} {few.items:,} -> {many.items:,}: x {growth:.2f}  {verdict}")
