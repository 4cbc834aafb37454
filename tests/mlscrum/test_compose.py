"""docker-compose.yml can't rot: each of our services runs here by its own command and settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
import redis
import yaml
from django.conf import settings
from django.db import connection
from psycopg2 import sql

from mlscrum.lib.processes import free_port, kill_group
from tests.processes.conftest import ROOT, until

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if "build" in each}
GIVEN = {"SECRET_KEY": "compose", "POSTGRES_PASSWORD": "secret"}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")


def filled(text: str, values: dict[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?complaint}` replaced as compose does."""
    return VARIABLE.sub(lambda found: values.get(found["name"], found["default"] or ""), text)


@pytest.fixture
def database() -> Iterator[str]:
    """A throw-away database on the PostgreSQL of this test run."""
    facts = settings.DATABASES["default"]
    if connection.vendor != "postgresql":
        pytest.skip("docker-compose.yml is tried on PostgreSQL, and none answers here")
    account = {"host": facts["HOST"], "port": facts["PORT"] or 5432, "user": facts["USER"]}
    name = sql.Identifier(f"compose_{os.getpid()}")
    server = psycopg2.connect(**account, password=facts["PASSWORD"], dbname="postgres")
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
        password = f":{quote(facts['PASSWORD'])}" if facts["PASSWORD"] else ""
        yield (
            f"postgres://{account['user']}{password}@{account['host']}:{account['port']}"
            f"/{name.string}"
        )
        cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
    server.close()


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A database of its own on the Redis of this test run."""
    if not settings.REDIS_URL:
        pytest.skip("docker-compose.yml is tried on Redis, and REDIS_URL names none")
    url = re.sub(r"/\d+$", "", settings.REDIS_URL) + "/13"
    with redis.Redis.from_url(url) as server:
        server.flushdb()
        yield url
        server.flushdb()


class Compose:
    """Starts services with their commands and environment; only the addresses are this host's."""

    def __init__(self, folder: Path, database: str, redis_url: str) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._addresses = {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "STORAGE_URL": (folder / "data" / "files").as_uri(),
            "DATA_DIR": str(folder / "data"),
            "SOURCES_DIR": str(folder / "sources"),
            "PORT": str(free_port()),
            "PATH": os.environ["PATH"],
        }

    def start(self, name: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._command(OURS[name]["command"]),
                cwd=ROOT,
                env=self._environment(name),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def answers(self, path: str) -> bool:
        """Whether the health check of `web` finds 200 at this path."""
        kind, *command, _ = OURS["web"]["healthcheck"]["test"]
        assert kind == "CMD"
        check = [*self._command(command), path]
        done = subprocess.run(check, cwd=ROOT, env=self._environment("web"), capture_output=True)
        return done.returncode == 0

    def kill_all(self) -> None:
        for process in self._running:
            kill_group(process.pid)
            process.wait()

    def _environment(self, name: str) -> dict[str, str]:
        own = OURS[name]["environment"].items()
        return {key: filled(str(value), GIVEN) for key, value in own} | self._addresses

    @staticmethod
    def _command(command: list[str]) -> list[str]:
        assert command[0] == "python"
        return [sys.executable, *command[1:]]


@pytest.fixture
def compose(database: str, redis_url: str, tmp_path: Path) -> Iterator[Compose]:
    house = Compose(tmp_path, database, redis_url)
    yield house
    house.kill_all()


@pytest.mark.processes
def test_every_service_runs_by_its_own_command_and_the_house_becomes_ready(compose):
    assert compose.start("prepare").wait(timeout=180) == 0, compose.log("prepare")
    processes = {name: compose.start(name) for name in ("web", "dispatcher", "worker")}
    assert {"prepare", *processes} == set(OURS)
    until(lambda: compose.answers("/healthz"), "the web server answers")
    until(lambda: compose.answers("/readyz"), "the house is ready", 60)
    for name, process in reversed(processes.items()):
        process.terminate()
        assert process.wait(timeout=30) in {0, -15}, f"{name} did not stop in good order"


def test_the_addresses_in_the_file_are_those_of_its_own_services():
    environment = OURS["web"]["environment"]
    assert "@postgres:5432/" in environment["DATABASE_URL"]
    assert environment["REDIS_URL"].startswith("redis://redis:6379/")
    assert {"postgres", "redis"} < set(COMPOSE["services"])


def test_the_file_sets_nothing_that_the_readme_does_not_explain():
    explained = (ROOT / "README.md").read_text()
    for service in OURS.values():
        for name in service["environment"]:
            assert f"`{name}`" in explained, f"{name} is missing in the README's table"


def test_every_setting_that_the_readme_names_reaches_the_services() -> None:
    table = (ROOT / "README.md").read_text().partition("## Configuration")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", "".join(re.findall(r"(?m)^\|[^|]*", table))))
    passed = {name for service in COMPOSE["services"].values() for name in _environment(service)}
    # Folders and addresses are the image's own; demos and debugging are for one's own machine.
    elsewhere = {"CELERY_BROKER_URL", "DATA_DIR", "SOURCES_DIR", "HOST", "PORT"}
    assert named - passed - elsewhere == {"DEBUG", "DEMO", "DEMO_LOGIN"}


def test_the_memory_of_runs_grows_with_that_of_their_database() -> None:
    given = GIVEN | {"DUCKDB_MEMORY_MB": "4096"}
    assert filled(OURS["worker"]["environment"]["RUN_MEMORY_MB"], given) == ""  # else 2048 is less


def _environment(service: dict[str, Any]) -> set[str]:
    return set(service.get("environment", {}))
