"""The table that engines are measured on, twenty checks of it, and a scan that answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def checks() -> list[dict[str, Any]]:
    wanted: list[tuple[str, dict[str, Any]]] = [
        (f"column_values_to_not_be_null:{name}", {"mostly": 0.9})
        for name in ("kind", "age", "score")
    ]
    wanted += [
        ("column_values_to_be_between:age", {"min_value": 0, "max_value": 100}),
        ("column_values_to_be_between:weight", {"min_value": 40, "max_value": 130}),
        ("column_values_to_be_between:height", {"min_value": 100}),
        ("column_values_to_be_between:paid", {"min_value": 0, "max_value": 990}),
        ("column_values_to_be_between:at", {"min_value": "2024-01-02T00:00:00"}),
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
        for name, kwargs in wanted
    ]  # fmt: skip


def write(path: Path, rows: int) -> None:
    """The table of so many rows, as CSV or Parquet by the path's suffix."""
    import duckdb  # noqa: PLC0415  only whoever writes needs it here

    form = "FORMAT parquet" if path.suffix == ".parquet" else "HEADER"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({TABLE.format(rows=rows)}) TO '{path}' ({form})")
