"""The house that is measured: its own database, its own processes, callers who are signed in."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from mlscrum.lib.broker import embedded_broker
from mlscrum.lib.processes import answers, free_port, kill_group
from tests.bench.counting import ITEM_ROWS, STATEMENTS

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "BENCH"  # of the product
WEB_PROCESSES = "2"  # as many as the peers of design/PEERS.md were measured with


@dataclass(frozen=True)
class Answer:
    """What came back, and what it cost the database."""

    status: int
    body: bytes
    statements: int
    item_rows: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One connection kept open, with a session and a token."""

    def __init__(self, port: int, session: str, token: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._page = {"Cookie": f"sessionid={session}"}
        self._api = {"Authorization": f"Bearer {token}"}

    def hang_up(self) -> None:
        """Let the next request open a new line: the server ends those that were idle for 5 s."""
        self._line.close()

    def page(self, path: str, **headers: str) -> Answer:
        return self._sound("GET", path, None, {**self._page, **headers})

    def api(self, method: str, path: str, body: Any = None) -> Answer:
        """Send JSON, or bytes of a (content type, body) pair."""
        return self._sound(method, *self._asked(path, body))

    def risk(self, method: str, path: str, body: Any = None) -> Answer:
        """As `api`, for what may be refused."""
        return self._ask(method, *self._asked(path, body))

    def _asked(self, path: str, body: Any) -> tuple[str, bytes | None, dict[str, str]]:
        headers, sent = dict(self._api), None
        if isinstance(body, tuple):
            headers["Content-Type"], sent = body
        elif body is not None:
            headers["Content-Type"], sent = "application/json", json.dumps(body).encode()
        return f"/api/v1{path}", sent, headers

    def _sound(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        answer = self._ask(method, path, body, headers)
        if answer.status >= 300:
            said = answer.body[:500].decode()
            raise RuntimeError(f"{method} {path} answered {answer.status}: {said}")
        return answer

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        counted = (int(answer.headers.get(name, 0)) for name in (STATEMENTS, ITEM_ROWS))
        return Answer(answer.status, answer.read(), *counted)


@contextmanager
def database(folder: Path, server: str) -> Iterator[str]:
    """The URL of a fresh database: on this PostgreSQL server, else a file of SQLite."""
    if not server:
        yield f"sqlite:///{folder}/bench.sqlite3"
        return
    name = f"mlscrum_bench_{os.getpid()}"
    _on(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _on(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _on(server: str, statement: sql.Composed) -> None:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@dataclass(frozen=True)
class House:
    """Where the web server answers, and the process that is the worker."""

    port: int
    worker: int


@contextmanager
def open_house(folder: Path, database_url: str, **more: str) -> Iterator[House]:
    """Web server, dispatcher, worker and broker on this database; `more` are settings.

    Must be entered before Django is set up, for it chooses the settings of this process too.
    """
    broker, port = embedded_broker(folder / "broker"), free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder / "data"),
        "SOURCES_DIR": str(folder / "sources"),
        "SECRET_KEY": secrets.token_urlsafe(32),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "CELERY_BROKER_URL": broker.url,
        "PORT": str(port),
        "WEB_PROCESSES": WEB_PROCESSES,
        "DEMO": "0",
        **more,
    }
    os.environ.pop("REDIS_URL", None)
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "prepare"], check=True, cwd=ROOT)
    commands = {"broker": broker.command}
    commands |= {name: [*manage, name] for name in ("dispatch", "worker", "web")}
    running = {}
    with (folder / "log").open("wb") as log:
        for name, command in commands.items():
            running[name] = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # nothing is left behind
    try:
        deadline = time.monotonic() + 60
        while not answers("127.0.0.1", port):
            if time.monotonic() > deadline:
                sys.exit("The web server did not start:\n" + (folder / "log").read_text())
            time.sleep(0.1)
        yield House(port, running["worker"].pid)
    finally:
        for process in reversed(running.values()):
            kill_group(process.pid)
            process.wait()
