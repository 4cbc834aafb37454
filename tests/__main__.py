"""`make test`: the checks, then every test on what this machine has, and says on what it ran.

The whole suite runs on PostgreSQL and Redis where they answer, at DATABASE_URL and REDIS_URL or at
the usual local ports. All but the slow doors then runs on SQLite as well.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import redis

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "ruff": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "."],
    "mypy": ["mypy", "--no-error-summary"],
    "import-linter": ["lint-imports", "--quiet"],
    "djlint": ["djlint", "--quiet", "--check", "--lint", "templates"],
    "migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
}
LOCAL_DATABASES = (
    "postgres://postgres@127.0.0.1:5432/test",
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://postgres:postgres@127.0.0.1:5432/postgres",
)
LOCAL_REDIS = "redis://127.0.0.1:6379/9"
NOT_ON_SQLITE = "not soak and (walk or not (e2e or processes))"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only the checks")
    parser.add_argument("--soak", action="store_true", help="only the long trials")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prog := "mlscrum-tests") as folder:
        environment = _environment(Path(folder))
        if chosen.check:
            return _check(environment)
        servers, described = _find_servers()
        if chosen.soak:
            return _pytest(environment | servers, "-m", "soak")
        return _test(environment, servers, described)


def _test(environment: dict[str, str], servers: dict[str, str], described: list[str]) -> int:
    results = [("checks", _check(environment))]
    if "DATABASE_URL" in servers:
        results.append((" and ".join(described), _pytest(environment | servers)))
        results.append(
            ("SQLite: all but browser and processes", _pytest(environment, "-m", NOT_ON_SQLITE))
        )
    else:
        whole = "the whole suite on SQLite" + (f" and {described[0]}" if described else "")
        results.append((f"{whole}; PostgreSQL does not answer", _pytest(environment | servers)))
    print("\nRan:")  # noqa: T201
    return max(code for _, code in results)
