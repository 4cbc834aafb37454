"""`make bench`: what the main reads and deeds cost at three sizes, for one client and for eight.

Absolute times depend on the machine; a ratio to the floor that worsens by half between two benches
is a fault (design decision 23), and ends this with exit code 1. What checks cost beside a scan
written by hand is measured last, and alone by `python -m tests.bench.engine`.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.__main__ import find_servers
from tests.bench import data, deeds
from tests.bench.house import ROOT, Caller, database, open_house
from tests.bench.table import RESULTS, Aim, Row, keep, ratios_before, say, show
from tests.bench.trial import Trial

SIZES = (2_000, 10_000, 100_000)
CLIENTS = 8
FEW_CLOSED, MANY_CLOSED = 5, 200  # sprints, at the smallest size and beyond


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="ITEMS")
    parser.add_argument("--only", default="", help="only rows whose name holds this")
    chosen = parser.parse_args()
    server = find_servers().env.get("DATABASE_URL", "")
    say(f"Measured on {'PostgreSQL' if server else 'SQLite, for no PostgreSQL answers here'}.")
    before = ratios_before(RESULTS)
    outside = dict(os.environ)  # the house sets its own
    with (
        tempfile.TemporaryDirectory(prefix="mlscrum-bench-") as name,
        database(Path(name), server) as url,
        open_house(Path(name), url) as house,
    ):
        rows = measure(house.port, chosen.sizes, chosen.only)
    if not chosen.only:
        keep(rows, RESULTS)
    aims = {row.name: Aim(row.aim_ms, row.most_sql, row.growth) for row in deeds.measured([])}
    worse = show(rows, aims, before)
    return worse if chosen.only else max(worse, measure_engine(outside))


def measure_engine(outside: Mapping[str, str]) -> int:
    """In a process of its own with the environment `outside`, for its house has other settings."""
    engine = [sys.executable, "-m", "tests.bench.engine"]
    return subprocess.run(engine, cwd=ROOT, env=outside).returncode


def measure(port: int, sizes: Sequence[int], only: str) -> list[Row]:
    """Every row at every size; the one product grows from size to size."""
    import django

    django.setup()
    logging.disable(logging.INFO)  # who signed in, for one
    from tests.bench.seed import plant

    seed = plant()
    say(f"Texts of the items: {seed.source}.")
    callers = [Caller(port, seed.session, seed.token) for _ in range(CLIENTS)]
    rows: list[Row] = []
    for items in sizes:
        began = time.perf_counter()
        refs = seed.grow(items)
        seed.close_sprints(FEW_CLOSED if items == min(sizes) else MANY_CLOSED)
        say(f"{items:,} items are there after {time.perf_counter() - began:.0f} s.")
        wanted = [row for row in deeds.measured(refs, seed.sprint.pk) if only in row.name]
        for clients in (1, CLIENTS):
            trial = Trial(callers[:clients], items)
            rows += trial.rows(wanted)
            if clients == 1 and only in deeds.WALK:
                rows.append(trial.walk())
            if clients == 1 and only in deeds.CLOSING:
                rows.append(trial.closing_of_sprints(seed.start_another_sprint))
            seed.shrink(items)
            say(f"... measured with {clients} client{'s' if clients > 1 else ''}.")
    if only in data.NAME:
        rows.append(Trial(callers[:1], sizes[-1]).run_of_checks())
    return rows


if __name__ == "__main__":
    sys.exit(main())
