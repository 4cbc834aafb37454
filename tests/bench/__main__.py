"""`make bench`: what the main deeds cost, as multiples of the floor, and whether that got worse.

Absolute times depend on the machine; a ratio to the floor that worsens by half between two benches
is a fault (design decision 23), and ends this with exit code 1.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from tests.bench.house import ROOT, Caller, open_house

RESULTS = ROOT / "bench" / "results.json"
ITEMS = 200
ROWS_OF_DATA = 100_000
WORSE = 1.5


@dataclass(frozen=True)
class Row:
    """One line of the table; times in milliseconds, `ratio` in multiples of the floor's median."""

    name: str
    times: int
    median_ms: float
    p95_ms: float
    ratio: float


def main() -> int:
    before = _ratios_before()
    with (
        tempfile.TemporaryDirectory(prefix="mlscrum-bench-") as folder,
        open_house(Path(folder)) as port,
    ):
        rows = measure(port)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return show(rows, before)


def measure(port: int) -> list[Row]:
    """Time each deed on a product of 200 items, after a warm-up."""
    session, token, refs = _seed()
    caller = Caller(port, session, token)
    choice = random.Random(1)
    dataset = _register(caller, choice)

    def move() -> None:
        mover, anchor = choice.sample(refs, 2)
        caller.api("POST", "/products/BENCH/items/move/", {"refs": [mover], "before": anchor})

    deeds: list[tuple[str, int, Callable[[], object]]] = [
        ("floor: signed in, one query", 100, lambda: caller.page("/bench/floor/")),
        (f"backlog page, {ITEMS} items", 30, lambda: caller.page("/p/BENCH/backlog/")),
        ("REST: list 100 items", 30, lambda: caller.api("GET", "/products/BENCH/items/?limit=100")),
        (
            "REST: create an item",
            50,
            lambda: caller.api("POST", "/products/BENCH/items/", {"title": "Measured"}),
        ),
        ("REST: move an item", 50, move),
        (
            f"run of 4 checks, {ROWS_OF_DATA} rows, to its end",
            5,
            lambda: caller.api("POST", f"{dataset}runs/", {"wait": 60}),
        ),
    ]
    rows: list[Row] = []
    for name, times, deed in deeds:
        deed()
        taken = sorted(_timed(deed) for _ in range(times))
        median = statistics.median(taken)
        floor = rows[0].median_ms if rows else median
        p95 = taken[min(times - 1, round(times * 0.95))]
        rows.append(Row(name, times, round(median, 2), round(p95, 2), round(median / floor, 2)))
    return rows


def show(rows: list[Row], before: dict[str, float]) -> int:
    """Print the table; 1 where a ratio worsened by half since the last bench."""
    faults = 0
    _say(f"{'':44} {'n':>4} {'median ms':>10} {'p95 ms':>10} {'x floor':>8} {'before':>8}")
    for row in rows:
        old = before.get(row.name)
        worse = old is not None and row.ratio > old * WORSE
        faults += worse
        _say(
            f"{row.name:44} {row.times:4} {row.median_ms:10.2f} {row.p95_ms:10.2f}"
            f" {row.ratio:8.2f} {old or '':>8}{'  WORSE' if worse else ''}"
        )
    return 1 if faults else 0


def _timed(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return (time.perf_counter() - began) * 1000


def _ratios_before() -> dict[str, float]:
    if not RESULTS.exists():
        return {}
    return {row["name"]: row["ratio"] for row in json.loads(RESULTS.read_text())}


def _seed() -> tuple[str, str, list[str]]:
    """A product with its items; returns a session key, a token and the refs of the items."""
    import django

    django.setup()
    from django.test import Client

    from backlog.models import Actor, Scope, User
    from backlog.services.items import ItemDraft, create_items
    from backlog.services.products import create_product
    from backlog.services.tokens import create_token

    olga = User.objects.create_user("olga@example.org", "Olga Kuznetsova")
    actor = Actor.person(olga)
    product = create_product(key="BENCH", name="Bench", owner=olga, actor=actor)
    drafts = [ItemDraft(title=f"Item {n}", points=Decimal(n % 8)) for n in range(ITEMS)]
    items = create_items(product, drafts, actor=actor)
    _, token = create_token(name="bench", scopes=tuple(Scope), days=1, actor=actor, user=olga)
    browser = Client()
    browser.force_login(olga)
    return browser.cookies["sessionid"].value, token, [item.ref for item in items]


def _register(caller: Caller, choice: random.Random) -> str:
    """Upload a table with a dirty column and give it a suite; returns the dataset's path."""
    lines = ["id,age,sex"]
    for number in range(ROWS_OF_DATA):
        age = "" if choice.random() < 0.01 else str(choice.randint(0, 110))
        lines.append(f"{number},{age},{choice.choice('fmx')}")
    boundary = "bench-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("name", "People"), ("slug", "people"))
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n" + "\n".join(lines) + f"\r\n--{boundary}--\r\n"
    )
    body = (f"multipart/form-data; boundary={boundary}", "".join(parts).encode())
    caller.api("POST", "/products/BENCH/datasets/", body)
    checks = [
        ("expect_column_values_to_not_be_null", {"column": "age"}, "critical"),
        (
            "expect_column_values_to_be_between",
            {"column": "age", "min_value": 0, "max_value": 100},
            "warning",
        ),
        (
            "expect_column_values_to_be_in_set",
            {"column": "sex", "value_set": ["f", "m", "x"]},
            "info",
        ),
        ("expect_column_values_to_be_unique", {"column": "id"}, "critical"),
    ]
    suite = [{"type": kind, "kwargs": kw, "severity": severity} for kind, kw, severity in checks]
    caller.api("PUT", "/datasets/BENCH/people/suite/", {"expectations": suite})
    return "/datasets/BENCH/people/"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
