"""A table with a dirty column, and the suite that finds it."""

from __future__ import annotations

import random

from tests.bench.house import KEY, Answer, Caller

ROWS_OF_DATA = 100_000
NAME = f"run of 4 checks, {ROWS_OF_DATA:,} rows, to its end"
CHECKS = (
    ("expect_column_values_to_not_be_null", {"column": "age"}, "critical"),
    (
        "expect_column_values_to_be_between",
        {"column": "age", "min_value": 0, "max_value": 100},
        "warning",
    ),
    ("expect_column_values_to_be_in_set", {"column": "sex", "value_set": ["f", "m", "x"]}, "info"),
    ("expect_column_values_to_be_unique", {"column": "id"}, "critical"),
)


def register(caller: Caller, choice: random.Random) -> str:
    """Upload the table and give it the suite; returns the dataset's path."""
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
    caller.api("POST", f"/products/{KEY}/datasets/", body)
    suite = [{"type": kind, "kwargs": kw, "severity": severity} for kind, kw, severity in CHECKS]
    caller.api("PUT", f"/datasets/{KEY}/people/suite/", {"expectations": suite})
    return f"/datasets/{KEY}/people/"


def run(caller: Caller, dataset: str) -> Answer:
    return caller.api("POST", f"{dataset}runs/", {"wait": 60})
