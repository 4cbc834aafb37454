"""`python -m tests.bench.engine`: what twenty checks cost, beside a scan written by hand.

Four ways on the same file, each in a process of its own that is warm: a scan by DuckDB that
computes the same figures; Great Expectations on pandas, without us; our engine, called; and our
run, from the queue to stored results, by a worker. CPU and wall in seconds, peak memory in MB.
A ratio that worsens by half between two benches ends this with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.__main__ import find_servers
from tests.bench import people
from tests.bench.house import KEY, ROOT
from tests.bench.table import RESULTS, WORSE, kept, say
from tests.bench.table import keep as keep_rows
from tests.bench.whole import Worker, open_worker

PART = "engine"  # of bench/results.json
AIM_CPU, AIM_WALL, AIM_PEAK_MB = 2.5, 1.15, 1536
WARM_ROWS = 1000
MOST_FOR_PANDAS = 1_000_000  # it takes 2.6 GB at five million rows
SCAN, PANDAS, CALL, RUN = (
    "scan by hand",
    "Great Expectations on pandas",
    "our engine, called",
    "our run, queue to results",
)


def scan(path: Path) -> None:
    import duckdb  # noqa: PLC0415  each way imports what it needs, and no other

    with duckdb.connect() as connection:
        connection.execute(people.SCAN % path).fetchall()
        connection.execute(people.REPEATED % path).fetchall()


def bare(path: Path) -> None:
    import great_expectations as gx  # noqa: PLC0415  each way imports what it needs
    import pandas as pd  # noqa: PLC0415
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415
    from great_expectations.expectations.expectation_configuration import (  # noqa: PLC0415
        ExpectationConfiguration,
    )

    is_csv = path.suffix == ".csv"
    frame = pd.read_csv(path, parse_dates=["at"]) if is_csv else pd.read_parquet(path)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    whole = (
        context.data_sources.add_pandas("frame")
        .add_dataframe_asset("frame")
        .add_batch_definition_whole_dataframe("frame")
    )
    suite = gx.ExpectationSuite("suite")
    for check in people.checks():
        wanted = ExpectationConfiguration(type=check["type"], kwargs=check["kwargs"])
        suite.add_expectation(wanted.to_domain_obj())
    found = whole.get_batch({"dataframe": frame}).validate(suite, result_format="BASIC").results
    if len(found) != len(people.checks()) or any(
        result.exception_info.get("raised_exception") is not False for result in found
    ):
        raise RuntimeError("Great Expectations could not compute a check of the bench.")


def called(path: Path) -> None:
    from dataquality.engine import running  # noqa: PLC0415  each way imports what it needs
    from dataquality.engine.sources import Source  # noqa: PLC0415

    source = Source("path", str(path), people.SCHEMA, {"format": path.suffix[1:]})
    found = running.run_suite(source, people.checks(), key_columns=["id"])
    if any(result.outcome == "errored" for result in found):
        raise RuntimeError("A check of the bench is errored.")


WAYS: dict[str, Callable[[Path], None]] = {SCAN: scan, PANDAS: bare, CALL: called}


@dataclass(frozen=True)
class Cost:
    """One line. `cpu_ratio` is in multiples of the scan, `wall_ratio` of our engine's call: of the
    same table and the same bench."""

    name: str
    rows: int
    format: str
    cpu_s: float
    wall_s: float
    peak_mb: float
    cpu_ratio: float
    wall_ratio: float | None = None

    @property
    def place(self) -> tuple[str, int, str]:
        return self.name, self.rows, self.format


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--times", type=int, default=3, help="how often; the best counts")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("paths", type=Path, nargs="*", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        warm, path = chosen.paths
        sys.stdout.write(json.dumps(measure_here(chosen.way, warm, path, chosen.times)) + "\n")
        return 0
    before = ratios_before()
    server = find_servers().env.get("DATABASE_URL", "")
    with (
        tempfile.TemporaryDirectory(prefix="mlscrum-bench-") as name,
        open_worker(Path(name), server) as worker,
    ):
        logging.disable(logging.INFO)
        bench = Bench(worker, Path(name) / "sources" / KEY, chosen.times)
        costs = [cost for rows in chosen.rows for cost in bench.costs(rows)]
    faults = show(costs, before)
    keep_rows(costs, RESULTS, PART)
    return 1 if faults else 0


class Bench:
    """Measures each way on the same files."""

    def __init__(self, worker: Worker, folder: Path, times: int) -> None:
        self.worker, self.folder, self.times = worker, folder, times

    def costs(self, rows: int) -> Iterator[Cost]:
        for form in ("parquet", "csv") if rows <= MOST_FOR_PANDAS else ("parquet",):
            path = self.folder / f"people{rows}.{form}"
            people.write(path, rows)
            yield from self._of(path, rows)
            path.unlink()

    def _of(self, path: Path, rows: int) -> Iterator[Cost]:
        form = path.suffix[1:]
        warm = self.folder / f"warm{rows}.{form}"
        people.write(warm, WARM_ROWS)
        found = {
            way: measured(way, warm, path, self.times)
            for way in WAYS
            if way != PANDAS or rows <= MOST_FOR_PANDAS
        }
        self.worker.run(self.worker.register(warm.name))
        dataset = self.worker.register(path.name)
        found[RUN] = best([self.worker.run(dataset) for _ in range(self.times)])
        say(f"... {rows:,} rows of {form} are measured.")
        for name, cost in found.items():
            yield Cost(
                name=name,
                rows=rows,
                format=form,
                cpu_s=round(cost["cpu"], 2),
                wall_s=round(cost["wall"], 2),
                peak_mb=round(cost["peak"]),
                cpu_ratio=round(cost["cpu"] / found[SCAN]["cpu"], 2),
                wall_ratio=round(cost["wall"] / found[CALL]["wall"], 2) if name == RUN else None,
            )


def measured(way: str, warm: Path, path: Path, times: int) -> dict[str, float]:
    """Cost of one way in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.engine", "--way", way,
               "--times", str(times), str(warm), str(path)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_here(way: str, warm: Path, path: Path, times: int) -> dict[str, float]:
    """The best of several goes, after one on a small file."""
    import django  # noqa: PLC0415  settings are named by then

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
    django.setup()
    WAYS[way](warm)
    found = []
    for _ in range(times):
        began, before = time.perf_counter(), time.process_time()
        WAYS[way](path)
        cpu, wall = time.process_time() - before, time.perf_counter() - began
        found.append({"cpu": cpu, "wall": wall})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return best([{**cost, "peak": peak} for cost in found])


def best(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The least CPU and wall, and the highest peak: what else the machine does makes it slower."""
    return {
        "cpu": min(cost["cpu"] for cost in found),
        "wall": min(cost["wall"] for cost in found),
        "peak": max(cost["peak"] for cost in found),
    }


def ratios_before() -> dict[tuple[str, int, str], float]:
    """The ratios of the last bench."""
    try:
        return {(row["name"], row["rows"], row["format"]): row["cpu_ratio"]
                for row in kept(RESULTS)[PART]}  # fmt: skip
    except (KeyError, TypeError):
        return {}


def show(costs: Sequence[Cost], before: Mapping[tuple[str, int, str], float]) -> int:
    """Print the table; how many ratios worsened by half since the last bench."""
    faults = 0
    for table in dict.fromkeys((cost.rows, cost.format) for cost in costs):
        say(
            f"\n{table[0]:,} rows of {len(people.COLUMNS)} columns as {table[1]}, "
            f"{len(people.checks())} checks\n"
            f"{'':32} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'x scan':>7} {'before':>7}  aim"
        )
        for cost in (one for one in costs if (one.rows, one.format) == table):
            old = before.get(cost.place)
            worse = old is not None and cost.cpu_ratio > old * WORSE
            faults += worse
            say(
                f"{cost.name:32} {cost.cpu_s:8.2f} {cost.wall_s:8.2f} {cost.peak_mb:8.0f}"
                f" {cost.cpu_ratio:7.2f} {old or '':>7}  {_aims(cost)}{'  WORSE' if worse else ''}"
            )
        if table[0] > MOST_FOR_PANDAS:
            say(f"{PANDAS:32} not measured: it takes 2.6 GB at five million rows")
    return faults


def _aims(cost: Cost) -> str:
    if cost.wall_ratio is None:
        return ""
    aims = (
        (cost.cpu_ratio <= AIM_CPU, f"<= {AIM_CPU} x scan"),
        (cost.wall_ratio <= AIM_WALL, f"{cost.wall_ratio} <= {AIM_WALL} x call"),
        (cost.peak_mb <= AIM_PEAK_MB, f"<= {AIM_PEAK_MB} MB"),
    )
    return ", ".join(f"{'met' if is_met else 'MISSED'} {words}" for is_met, words in aims)


if __name__ == "__main__":
    sys.exit(main())
