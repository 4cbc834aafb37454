"""`python -m tests.bench.engine`: what twenty checks cost, beside a scan written by hand.

Each way runs in a process of its own, on the same file: a scan by DuckDB that computes the same
figures, Great Expectations on pandas, and our run. CPU and wall in seconds, peak memory in MB;
aims are CPU at most 2.5 times the scan, and a peak below 1.5 GB at ten million rows.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.house import ROOT
from tests.bench.table import say

AIM_CPU, AIM_PEAK_MB = 2.5, 1536
COLUMNS = (
    "id BIGINT", "at TIMESTAMP", "city TEXT", "kind TEXT", "code TEXT", "age BIGINT",
    "visits BIGINT", "weight DOUBLE", "height DOUBLE", "paid DOUBLE", "score DOUBLE", "flag BIGINT",
)  # fmt: skip
SCHEMA = [
    {"name": name, "type": {"BIGINT": "integer", "DOUBLE": "number", "TEXT": "text",
                            "TIMESTAMP": "datetime"}[kind], "null_words": []}
    for name, kind in (column.split() for column in COLUMNS)
]  # fmt: skip
TABLE = """
    SELECT range AS id, TIMESTAMP '2024-01-01' + to_seconds(range * 7) AS at,
      ['Berlin', 'Graz', 'Bern', 'Ulm'][1 + range % 4] AS city,
      CASE WHEN hash(range) % 50 > 0 THEN ['a', 'b', 'c'][1 + range % 3] END AS kind,
      printf('%c%05d', 65 + range % 26, hash(range) % 100000) AS code,
      CASE WHEN hash(range, 1) % 40 > 0 THEN hash(range, 2) % 110 END::BIGINT AS age,
      (hash(range, 3) % 30)::BIGINT AS visits, 40 + hash(range, 4) % 900 / 10.0 AS weight,
      140 + hash(range, 5) % 700 / 10.0 AS height, hash(range, 6) % 100000 / 100.0 AS paid,
      CASE WHEN hash(range, 7) % 100 > 0 THEN hash(range, 8) % 1000 / 1000.0 END AS score,
      (hash(range, 9) % 2)::BIGINT AS flag
    FROM range({rows})
"""


def _suite() -> list[dict[str, Any]]:
    checks: list[tuple[str, dict[str, Any]]] = [
        (f"column_values_to_not_be_null:{name}", {"mostly": 0.9})
        for name in ("kind", "age", "score")
    ]
    checks += [
        ("column_values_to_be_between:age", {"min_value": 0, "max_value": 100}),
        ("column_values_to_be_between:weight", {"min_value": 40, "max_value": 130}),
        ("column_values_to_be_between:height", {"min_value": 100}),
        ("column_values_to_be_between:paid", {"min_value": 0, "max_value": 990}),
        ("column_values_to_be_between:at", {"min_value": "2024-01-02"}),
        ("column_values_to_be_in_set:city", {"value_set": ["Berlin", "Graz", "Bern"]}),
        ("column_values_to_be_in_set:kind", {"value_set": ["a", "b", "c"]}),
        ("column_values_to_be_in_set:flag", {"value_set": [0, 1]}),
        ("column_values_to_match_regex:code", {"regex": "^[A-Z][0-9]{5}$"}),
        ("column_value_lengths_to_equal:code", {"value": 6}),
        ("column_values_to_be_unique:id", {}),
        ("column_mean_to_be_between:age", {"min_value": 50, "max_value": 60}),
        ("column_max_to_be_between:visits", {"max_value": 30}),
        ("column_min_to_be_between:weight", {"min_value": 40}),
        ("column_sum_to_be_between:paid", {"min_value": 0}),
        ("column_stdev_to_be_between:height", {"max_value": 100}),
        ("column_unique_value_count_to_be_between:city", {"min_value": 4, "max_value": 4}),
    ]
    return [
        {"type": f"expect_{name.partition(':')[0]}", "severity": "critical", "meta": {},
         "kwargs": {"column": name.partition(":")[2], **kwargs}}
        for name, kwargs in checks
    ]  # fmt: skip


SCAN = """
    SELECT count(*), count(kind), count(age), count(score),
      count_if(age < 0 OR age > 100), count_if(weight < 40 OR weight > 130),
      count_if(height < 100), count_if(paid < 0 OR paid > 990), count_if("at" < '2024-01-02'),
      count_if(city NOT IN ('Berlin', 'Graz', 'Bern')), count_if(kind NOT IN ('a', 'b', 'c')),
      count_if(flag NOT IN (0, 1)), count_if(NOT regexp_matches(code, '^[A-Z][0-9]{5}$')),
      count_if(length(code) <> 6), avg(age), max(visits), min(weight), sum(paid),
      stddev_samp(height), count(DISTINCT city)
    FROM '%s'
"""
REPEATED = "SELECT sum(n) FROM (SELECT count(*) AS n FROM '%s' GROUP BY id HAVING count(*) > 1)"


def scan(path: Path) -> None:
    import duckdb  # noqa: PLC0415  each way imports what it needs, and no other

    with duckdb.connect() as connection:
        connection.execute(SCAN % path).fetchall()
        connection.execute(REPEATED % path).fetchall()


def bare(path: Path) -> None:
    from dataquality.engine import reading  # noqa: PLC0415  each way imports what it needs
    from dataquality.engine.rows import FrameRows  # noqa: PLC0415

    table = reading.read(path, path.suffix[1:], SCHEMA)
    FrameRows(table, table.frame).ask(_suite(), [])


def ours(path: Path) -> None:
    from dataquality.engine import running  # noqa: PLC0415  each way imports what it needs
    from dataquality.engine.sources import Source  # noqa: PLC0415

    source = Source("path", str(path), SCHEMA, {"format": path.suffix[1:]})
    found = running.run_suite(source, _suite(), key_columns=["id"])
    if any(result.outcome == "errored" for result in found):
        raise RuntimeError("A check of the bench is errored.")


WAYS: dict[str, Callable[[Path], None]] = {
    "scan": scan,
    "Great Expectations on pandas": bare,
    "our run": ours,
}


def measured(way: str, path: Path) -> dict[str, float]:
    """Cost of one way in a process that is warm, by a first go on a small file."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.engine", "--way", way, str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_here(way: str, path: Path) -> dict[str, float]:
    import django  # noqa: PLC0415  settings are named by then

    django.setup()
    WAYS[way](path.with_stem("warm"))
    began, before = time.perf_counter(), time.process_time()
    WAYS[way](path)
    cpu, wall = time.process_time() - before, time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu, "wall": wall, "peak": peak}


def write(path: Path, rows: int) -> None:
    import duckdb  # noqa: PLC0415  only whoever writes needs it here

    form = "FORMAT parquet" if path.suffix == ".parquet" else "HEADER"
    with duckdb.connect() as connection:
        for target, number in ((path, rows), (path.with_stem("warm"), 1000)):
            connection.execute(f"COPY ({TABLE.format(rows=number)}) TO '{target}' ({form})")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("path", type=Path, nargs="?", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
    if chosen.way:
        sys.stdout.write(json.dumps(measure_here(chosen.way, chosen.path)) + "\n")
        return 0
    missed = 0
    with tempfile.TemporaryDirectory(prefix="mlscrum-bench-") as name:
        for rows in chosen.rows:
            for suffix in (".parquet", ".csv") if rows <= 1_000_000 else (".parquet",):
                missed += _table(Path(name) / f"people{suffix}", rows)
    return 1 if missed else 0


def _table(path: Path, rows: int) -> int:
    write(path, rows)
    say(f"\n{rows:,} rows of {len(COLUMNS)} columns as {path.suffix[1:]}, {len(_suite())} checks")
    say(f"{'':32} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'x scan':>7}")
    floor, missed = 0.0, 0
    for way in WAYS:
        if way.startswith("Great") and rows > 1_000_000:
            continue  # it takes 2.6 GB at five million rows
        cost = measured(way, path)
        floor = floor or cost["cpu"]
        ratio = cost["cpu"] / floor
        verdict = ""
        if way == "our run":
            is_met = ratio <= AIM_CPU and cost["peak"] <= AIM_PEAK_MB
            missed = not is_met
            verdict = f"{'met' if is_met else 'MISSED'} <= {AIM_CPU} x, {AIM_PEAK_MB} MB"
        say(
            f"{way:32} {cost['cpu']:8.2f} {cost['wall']:8.2f} {cost['peak']:8.0f} {ratio:7.2f}"
            f"  {verdict}"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
