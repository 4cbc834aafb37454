"""The contract of the engines: one table, and cases of every core expectation on it.

Each case is run by pandas, and by every other engine on the same rows. What pandas says counts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from dataquality.engine.sources import Source
from tests.dataquality.conftest import Check, check

ROWS = 400
KINDS = {
    "id": "integer", "n": "integer", "m": "integer", "big": "integer", "few": "integer",
    "x": "number", "y": "number", "flag": "boolean", "word": "text", "other": "text",
    "code": "text", "js": "text", "stamp": "text", "nothing": "text", "day": "date",
    "at": "datetime", "until": "datetime", "rising": "integer",
}  # fmt: skip
# MySQL and MariaDB have no other booleans than small whole numbers.
KINDS_OF_MYSQL = {**KINDS, "flag": "integer"}


def schema_of(kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "type": kind, "null_words": []} for name, kind in kinds.items()]


SCHEMA = schema_of(KINDS)
WORDS = (  # fmt: skip
    "alpha",
    "Beta",
    "beta",
    "gamma ray",
    "Ünï",
    "zulu",
    "a.b",
    "x_y",
    "10%",
    "-",
    "aab",
    "zz\u0661",
    "end\n",
)
COLUMN_TYPES: Mapping[str, Any] = {
    "integer": sa.BigInteger, "number": sa.Float, "boolean": sa.Boolean, "text": sa.Text,
    "date": sa.Date, "datetime": sa.DateTime,
}  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """The table, the same each time, with missing values in most columns."""
    dice = random.Random(7)
    first = datetime(2024, 1, 1, 8, 30)  # noqa: DTZ001  files hold times without a zone

    def maybe(value: Any, share: float = 0.1) -> Any:
        return None if dice.random() < share else value

    found = []
    for number in range(ROWS):
        at = first + timedelta(hours=7 * number, seconds=dice.randrange(3600))
        n = maybe(dice.randrange(-50, 50))
        found.append({
            "id": number + 1,
            "n": n,
            "m": n if dice.random() < 0.9 else maybe(dice.randrange(-50, 50)),
            "big": maybe(10**9 + number % 300),
            "few": number % 3,
            "x": maybe(round(dice.gauss(100, 15), 3)),
            "y": maybe(round(dice.expovariate(0.01), 2)),
            "flag": maybe(dice.random() < 0.7),
            "word": maybe(dice.choice(WORDS)),
            "other": maybe(dice.choice(WORDS[:4])),
            "code": maybe(f"{dice.choice('ABC')}{dice.randrange(100):02}"),
            "js": maybe(dice.choice(['{"a": 1}', '{"a": "x"}', "[1, 2]", "no json"])),
            "stamp": maybe(dice.choice(["2024-01-31", "31.01.2024", "never"])),
            "nothing": None,
            "day": maybe((first + timedelta(days=number // 2)).date()),
            "at": maybe(at),
            "until": maybe(at + timedelta(minutes=dice.randrange(-30, 300))),
            "rising": number // 2,
        })  # fmt: skip
    return found


def of(kind: str) -> list[str]:
    return [name for name, found in KINDS.items() if found == kind]


# Where to cut each column, in the words of a suite.
BOUNDS: Mapping[str, tuple[Any, Any]] = {
    "n": (-20, 20), "big": (10**9 + 20, 10**9 + 200), "few": (1, 2), "x": (90.5, 110),
    "y": (10, 200), "day": ("2024-02-01", "2024-05-31"),
    "at": ("2024-02-01", "2024-04-01T12:00:00"), "id": (1, 400),
}  # fmt: skip
SETS: Mapping[str, list[Any]] = {
    "n": [1, 2, 3, 4], "few": [0, 1, 2], "x": [100.0, 101.5], "word": ["alpha", "Beta", "10%"],
    "other": list(WORDS[:4]), "flag": [True], "day": ["2024-01-01", "2024-01-02"],
    "at": ["2024-01-01T08:30:00"], "code": ["A01", "B02"], "id": [1, 2],
}  # fmt: skip


def cases() -> Iterator[Check]:
    """Cases of every core expectation, such as pass and such as fail, on every kind of column."""
    yield from _of_missing()
    yield from _of_sets_and_ranges()
    yield from _of_texts()
    yield from _of_figures()
    yield from _of_several_columns()
    yield from _of_the_table()
    yield from _of_sql()


def _of_missing() -> Iterator[Check]:
    for name in KINDS:
        yield check("column_values_to_not_be_null", column=name, mostly=0.85)
        yield check("column_values_to_be_null", column=name)
        yield check(
            "column_proportion_of_non_null_values_to_be_between", column=name, min_value=0.95
        )
        yield check("column_values_to_be_unique", column=name)
        yield check("column_values_to_be_unique", column=name, mostly=0.2)
        yield check("column_unique_value_count_to_be_between", column=name, min_value=5)
        yield check("column_proportion_of_unique_values_to_be_between", column=name, max_value=0.5)
        yield check("column_values_to_be_increasing", column=name)
        yield check("column_values_to_be_decreasing", column=name, mostly=0.5)


def _of_sets_and_ranges() -> Iterator[Check]:
    for name, values in SETS.items():
        for kind in ("be_in_set", "not_be_in_set"):
            yield check(f"column_values_to_{kind}", column=name, value_set=values)
            yield check(f"column_values_to_{kind}", column=name, value_set=values, mostly=0.1)
        for kind in ("be_in_set", "contain_set", "equal_set"):
            yield check(f"column_distinct_values_to_{kind}", column=name, value_set=values)
        yield check("column_most_common_value_to_be_in_set", column=name, value_set=values)
        yield check(
            "column_most_common_value_to_be_in_set", column=name, value_set=values, ties_okay=True
        )
    for name, (low, high) in BOUNDS.items():
        yield check("column_values_to_be_between", column=name, min_value=low, max_value=high)
        yield check("column_values_to_be_between", column=name, min_value=low, mostly=0.3)
        yield check("column_values_to_be_between", column=name, max_value=high, strict_max=True)
        yield check("column_min_to_be_between", column=name, min_value=low)
        yield check("column_max_to_be_between", column=name, min_value=low)
        yield check("column_max_to_be_between", column=name, max_value=low)


def _of_texts() -> Iterator[Check]:
    patterns = ("^a", "[a-z]+$", r"\d", r"^\w+$", "a.b", "(?:alpha|beta)", r"\.", "^.{3,5}$",
                r"[^\W\d]", r"\bray\b", "(?i)BETA")  # fmt: skip
    for name in ("word", "code", "stamp"):
        for pattern in patterns:
            yield check("column_values_to_match_regex", column=name, regex=pattern)
            yield check("column_values_to_not_match_regex", column=name, regex=pattern)
        for how in ("any", "all"):
            yield check(
                "column_values_to_match_regex_list",
                column=name, regex_list=["^[A-Z]", "[a-z]$"], match_on=how,
            )  # fmt: skip
        yield check(
            "column_values_to_not_match_regex_list", column=name, regex_list=["^[A-Z]", "z$"]
        )
        yield check("column_value_lengths_to_be_between", column=name, min_value=3, max_value=5)
        yield check("column_value_lengths_to_be_between", column=name, max_value=50)
        yield check("column_value_lengths_to_equal", column=name, value=4)
        yield check(
            "column_values_to_match_strftime_format", column=name, strftime_format="%Y-%m-%d"
        )
        yield check("column_values_to_be_dateutil_parseable", column=name)
    yield check("column_values_to_be_json_parseable", column="js", mostly=0.5)
    yield check("column_values_to_be_json_parseable", column="js")
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    yield check("column_values_to_match_json_schema", column="js", json_schema=schema, mostly=0.1)
    yield check("column_values_to_match_json_schema", column="js", json_schema=schema)


def _of_figures() -> Iterator[Check]:
    for name in ("n", "big", "few", "x", "y"):
        for figure in ("mean", "median", "sum", "stdev"):
            yield check(f"column_{figure}_to_be_between", column=name, min_value=1)
            yield check(f"column_{figure}_to_be_between", column=name, max_value=0.5)
        ranges = {"quantiles": [0.05, 0.5, 0.9], "value_ranges": [[None, 0], [0, 200], [1, None]]}
        yield check("column_quantile_values_to_be_between", column=name, quantile_ranges=ranges)
        for sided in (True, False):
            yield check(
                "column_value_z_scores_to_be_less_than",
                column=name, threshold=1.5, double_sided=sided,
            )  # fmt: skip
        for method in ("iqr", "std"):
            yield check(
                "column_values_to_not_be_outliers", column=name, method=method, multiplier=1.0
            )
    bins = {"bins": [-50, 0, 50], "weights": [0.5, 0.5]}
    yield check(
        "column_kl_divergence_to_be_less_than", column="n", partition_object=bins, threshold=0.001
    )
    values = {"values": [0, 1, 2], "weights": [0.3, 0.3, 0.4]}
    for threshold in (0.5, 0.0001):
        yield check(
            "column_kl_divergence_to_be_less_than",
            column="few", partition_object=values, threshold=threshold,
        )  # fmt: skip


def _of_several_columns() -> Iterator[Check]:
    for how in ("both_values_are_missing", "either_value_is_missing", "neither"):
        more = {"ignore_row_if": how}
        yield check("column_pair_values_to_be_equal", column_A="n", column_B="m", **more)
        yield check("column_pair_values_to_be_equal", column_A="word", column_B="other", **more)
        for left, right in (("n", "m"), ("until", "at"), ("x", "y"), ("at", "day")):
            for equal in (True, False):
                yield check(
                    "column_pair_values_a_to_be_greater_than_b",
                    column_A=left, column_B=right, or_equal=equal, **more,
                )  # fmt: skip
        yield check(
            "column_pair_values_to_be_in_set",
            column_A="few", column_B="flag", value_pairs_set=[(0, True), (1, True)], **more,
        )  # fmt: skip
    for how in ("all_values_are_missing", "any_value_is_missing", "never"):
        more = {"ignore_row_if": how}
        yield check("compound_columns_to_be_unique", column_list=["few", "word"], **more)
        yield check("compound_columns_to_be_unique", column_list=["id", "day"], **more)
        yield check(
            "select_column_values_to_be_unique_within_record", column_list=["n", "m"], **more
        )
        yield check(
            "select_column_values_to_be_unique_within_record", column_list=["word", "other"], **more
        )
        yield check("multicolumn_sum_to_equal", column_list=["n", "m"], sum_total=10, **more)
        yield check("multicolumn_values_to_be_equal", column_list=["n", "m"], **more)
        yield check("multicolumn_values_to_be_equal", column_list=["word", "other"], **more)


def _of_the_table() -> Iterator[Check]:
    names = list(KINDS)
    yield check("table_row_count_to_equal", value=ROWS)
    yield check("table_row_count_to_equal", value=1)
    yield check("table_row_count_to_be_between", min_value=ROWS + 1)
    yield check("table_row_count_to_be_between", min_value=1)
    yield check("table_column_count_to_equal", value=len(KINDS))
    yield check("table_column_count_to_be_between", max_value=3)
    yield check("table_columns_to_match_set", column_set=names)
    yield check("table_columns_to_match_set", column_set=["id"], exact_match=False)
    yield check("table_columns_to_match_set", column_set=["id", "gone"])
    yield check("table_columns_to_match_ordered_list", column_list=names)
    yield check("table_columns_to_match_ordered_list", column_list=names[::-1])
    yield check("column_to_exist", column="n")
    yield check("column_to_exist", column="gone")
    yield check("column_to_exist", column="n", column_index=1)
    for name, kind in (("n", "float64"), ("x", "float64"), ("word", "str"), ("id", "INTEGER")):
        yield check("column_values_to_be_of_type", column=name, type_=kind)
        yield check("column_values_to_be_in_type_list", column=name, type_list=[kind, "object"])
        yield check("column_type_to_be", column=name, type_=kind)


def _of_sql() -> Iterator[Check]:
    for pattern in ("a%", "%a", "_e%"):
        for kind in ("match", "not_match"):
            yield check(
                f"column_values_to_{kind}_like_pattern", column="word", like_pattern=pattern
            )
            yield check(
                f"column_values_to_{kind}_like_pattern_list",
                column="word", like_pattern_list=[pattern, "Z%"],
            )  # fmt: skip
    yield check("table_row_count_to_equal_other_table", other_table_name="contract")
    yield {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE few = 2"},
        "severity": "critical",
        "meta": {},
    }


# The same rows everywhere --------------------------------------------------------------------
def as_csv(folder: Path) -> Source:
    path = folder / "contract.csv"
    frame = pd.DataFrame(rows(), dtype=object)
    frame["flag"] = frame["flag"].map(lambda value: str(value).lower(), na_action="ignore")
    frame["at"] = frame["at"].map(str, na_action="ignore")
    frame["until"] = frame["until"].map(str, na_action="ignore")
    frame.to_csv(path, index=False)
    return Source("path", str(path), SCHEMA, {"format": "csv"})


def as_parquet(folder: Path) -> Source:
    path = folder / "contract.parquet"
    frame = pd.DataFrame(rows())
    for name, kind in KINDS.items():
        if kind == "integer":
            frame[name] = frame[name].astype("Int64")
        elif kind == "boolean":
            frame[name] = frame[name].astype("boolean")
        elif kind == "text":
            frame[name] = frame[name].astype("str")
    frame.to_parquet(path, index=False)
    return Source("path", str(path), SCHEMA, {"format": "parquet"})


def as_table(url: str, kinds: Mapping[str, str] = KINDS) -> Source:
    """The rows in a table `contract` of this database, made anew."""
    engine = sa.create_engine(url)
    setattr(engine.dialect.identifier_preparer, "_requires_quotes", lambda value: True)  # noqa: B010
    table = sa.Table(
        "contract",
        sa.MetaData(),
        *(sa.Column(name, COLUMN_TYPES[kind]) for name, kind in KINDS.items()),
    )
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS contract"))
        table.create(connection)
        connection.execute(table.insert(), rows())
    engine.dispose()
    return Source("sql", url, schema_of(kinds), {"table": "contract"})


def says(result: Any) -> dict[str, Any]:
    """What engines are compared by."""
    return {
        "outcome": result.outcome,
        "element_count": result.element_count,
        "unexpected_count": result.unexpected_count,
        "unexpected_percent": _rounded(result.unexpected_percent),
        "observed_value": _rounded(result.observed_value),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        inner = [_rounded(one) for one in value]
        return inner if any(isinstance(one, dict) for one in inner) else sorted(inner, key=str)
    return str(value).removesuffix("T00:00:00")


def label(one: Check) -> str:
    return f"{one['type']} {json.dumps(one['kwargs'], default=str)}"


def kinds_of(one: Check) -> Sequence[str]:
    names = [one["kwargs"].get(name) for name in ("column", "column_A", "column_B")]
    names += one["kwargs"].get("column_list") or []
    return sorted({KINDS[name] for name in names if name in KINDS})
