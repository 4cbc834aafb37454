"""`python -m tests.dataquality.engines` writes docs/engines.md: which engine carries what.

It says what `choosing` decides on the cases of the contract, and the contract test holds that on
these very cases every engine says what pandas says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ENGINES = {"duckdb": "CSV and Parquet files", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
NAMES = {"duckdb": "DuckDB", "postgresql": "PostgreSQL", "sqlite": "SQLite", "pandas": "pandas"}
HEAD = """# Which engine carries which check

Made by `python -m tests.dataquality.engines`; a test compares it. pandas says what is right: on the
cases of the contract (`tests/dataquality/contract.py`) every engine gives its outcome, counts and
percent. A check whose answer could differ is carried by pandas, on up to `PANDAS_ROWS` rows and
with the columns that it needs; beyond that it is errored and says so. JSON lines are checked by
pandas throughout.

- *pandas* alone: it has no form in SQL, or none that says exactly the same.
- *pandas where …* names the cases that go to pandas.
- *no file* marks what only a database can be asked.

"""
TAIL = """
MySQL and MariaDB carry what PostgreSQL does, but for patterns, which go to pandas; the contract was
run on MariaDB 10.11, and is wherever a server answers the tests. So do other databases, untried.
So does Spark, but for names of types and what only a database can be asked, and for pairs of
columns that miss values.

What no engine can do: `expect_query_results_to_match_comparison` needs a second data source.
Standard deviations of DuckDB are computed in one pass: where values are a million million times
larger than their spread, the seventh digit differs from that of pandas.
"""


def document() -> str:
    """The document as it should be."""

    from dataquality.engine.catalogue import TITLES  # noqa: PLC0415  needs the settings
    from tests.dataquality.contract import cases  # noqa: PLC0415  needs the settings

    lines = [HEAD + f"| expectation | {' | '.join(ENGINES.values())} |", "|---|---|---|---|"]
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for case in cases():
        by_type.setdefault(case["type"], []).append(case)
    for titles in TITLES.values():
        for kind in titles:
            if kind in by_type:
                cells = [_cell(by_type[kind], engine) for engine in ENGINES]
                lines.append(f"| `{kind}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n" + TAIL


def _cell(found: Sequence[Mapping[str, Any]], engine: str) -> str:

    from dataquality.engine import choosing  # noqa: PLC0415  needs the settings
    from tests.dataquality.contract import KINDS  # noqa: PLC0415  needs the settings

    if found[0]["type"].removeprefix("expect_") in choosing.OF_SQL and engine == "duckdb":
        return "no file"
    choices = [choosing.engine_for(case, KINDS, engine) for case in found]
    ours = [choice for choice in choices if choice.engine == engine]
    reasons = list(dict.fromkeys(choice.reason for choice in choices if choice.reason))
    if not ours:
        return "pandas"
    more = f"; pandas where {' or '.join(map(_where, reasons))}" if reasons else ""
    return NAMES[engine] + more


def _where(reason: str) -> str:
    from dataquality.engine import choosing  # noqa: PLC0415  needs the settings

    return {
        choosing.MISSING: "its columns miss values",
        choosing.OTHER_KIND: "kinds of columns differ",
        choosing.PATTERN: "the pattern has no exact form in it",
        choosing.TIMES_AS_TEXTS: "a column holds times",
    }.get(reason, reason)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
    import django

    django.setup()
    (Path(__file__).resolve().parents[2] / "docs" / "engines.md").write_text(document())
