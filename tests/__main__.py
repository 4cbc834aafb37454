"""`make test`: the checks, then every test on what this machine has, and what that was.

The whole suite runs on PostgreSQL and Redis where they answer, at DATABASE_URL and REDIS_URL or at
the usual local ports. Everything but browser and processes, and one browser walk, runs on SQLite
as well. Where no PostgreSQL answers, the whole suite runs on SQLite.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import redis

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    ("ruff", "check", "--quiet", "."),
    ("ruff", "format", "--check", "--quiet", "."),
    ("mypy", "--no-error-summary"),
    ("lint-imports",),
    ("djlint", "--quiet", "--lint", "templates"),
    ("djlint", "--quiet", "--check", "templates"),
    ("python", "manage.py", "makemigrations", "--check", "--dry-run"),
)
LOCAL_DATABASES = (
    "postgres://postgres@127.0.0.1:5432/test",
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://postgres:postgres@127.0.0.1:5432/postgres",
)
LOCAL_REDIS = "redis://127.0.0.1:6379/9"
ON_SQLITE_AS_WELL = "not soak and (walk or not (e2e or processes))"
# One more than there are processors, for tests of browsers and processes wait much; each takes a
# Redis database from REDIS_URL's on, and the fifth would take the one of the compose test.
RUNNERS = min(4, (os.cpu_count() or 1) + 1)
BESIDE_ONE_ANOTHER = ("-n", str(RUNNERS), "--dist", "worksteal")


@dataclass
class Servers:
    """What answers on this machine: variables for the tests, and words for people."""

    env: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    @property
    def has_postgres(self) -> bool:
        return self.env.get("DATABASE_URL", "").startswith("postgres")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only the checks")
    parser.add_argument("--soak", action="store_true", help="only the long trials")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlscrum-tests-") as folder:
        if chosen.check:
            return check(folder)
        servers = find_servers()
        if chosen.soak:
            return run_pytest(folder, servers, "-m", "soak")
        return test(folder, servers)


def test(folder: str, servers: Servers) -> int:
    """Everything, in the order in which a mistake shows soonest; the last lines say what ran."""
    lines = []
    failed = check(folder)
    lines.append(f"checks: {_verdict(failed)}")
    plain = Servers()
    if servers.has_postgres:
        runs = [
            (" and ".join(servers.names), servers, ()),
            ("SQLite, all but browser and processes", plain, ("-m", ON_SQLITE_AS_WELL)),
        ]
    else:
        also = [name for name in servers.names if name.startswith("Redis")]
        runs = [(" and ".join(["SQLite", *also]), servers, ())]
        lines.append("PostgreSQL: not run, none answered at DATABASE_URL or 127.0.0.1:5432")
    if not any(name.startswith("Redis") for name in servers.names):
        lines.append("Redis: not run, none answered; the embedded broker stood in for it")
    for name, chosen, selection in runs:
        code = run_pytest(folder, chosen, *BESIDE_ONE_ANOTHER, *selection)
        lines.append(f"tests on {name}: {_verdict(code)}")
        failed = failed or code
    _say("", *lines)
    return failed


def check(folder: str) -> int:
    """Run every tool of the house; 0 when all are content."""
    failed = 0
    for command in CHECKS:
        code = _call(command, Servers(), folder)
        _say(f"{' '.join(command)}: {_verdict(code)}")
        failed = failed or code
    return failed


def run_pytest(folder: str, servers: Servers, *selection: str) -> int:
    """Run the suite, or a selection of it, on these servers."""
    return _call(("python", "-m", "pytest", "-q", "-rsR", *selection), servers, folder)


def find_servers() -> Servers:
    """PostgreSQL and Redis as the environment names them, else at the usual local ports.

    One that the environment names must answer.
    """
    found = Servers()
    named = os.environ.get("DATABASE_URL", "")
    if not named.startswith("sqlite"):
        for url in [named] if named else LOCAL_DATABASES:
            if version := _postgres_version(url):
                found.env["DATABASE_URL"] = url
                found.names.append(f"PostgreSQL {version}")
                break
        else:
            _must_not_be_named("DATABASE_URL")
    url = os.environ.get("REDIS_URL", LOCAL_REDIS)
    if version := _redis_version(url):
        found.env["REDIS_URL"] = url
        found.names.append(f"Redis {version}")
    else:
        _must_not_be_named("REDIS_URL")
    return found


def _must_not_be_named(variable: str) -> None:
    if os.environ.get(variable):
        sys.exit(f"{variable} is set, but can't be reached; start it, or unset {variable}.")


def _postgres_version(url: str) -> str:
    try:
        connection = psycopg2.connect(url, connect_timeout=3)
    except psycopg2.OperationalError:
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        row = cursor.fetchone()
    connection.close()
    return str(row[0]).split()[0] if row else ""


def _redis_version(url: str) -> str:
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return str(client.info("server")["redis_version"])
    except redis.RedisError:
        return ""
    finally:
        client.close()


def _call(command: Sequence[str], servers: Servers, folder: str) -> int:
    """Run a program of the virtual environment on fresh folders; returns its exit code."""
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    fresh = {"DATA_DIR": f"{folder}/data", "SOURCES_DIR": f"{folder}/sources"}
    program = [str(BIN / command[0]), *command[1:]]
    return subprocess.run(program, cwd=ROOT, env={**kept, **fresh, **servers.env}).returncode


def _verdict(code: int) -> str:
    return "ok" if code == 0 else f"FAILED ({code})"


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
