"""The house that is measured: its own database, its own processes, one signed-in caller."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlscrum.lib.broker import embedded_broker
from mlscrum.lib.processes import answers, free_port, kill_group

ROOT = Path(__file__).resolve().parent.parent.parent


class Caller:
    """One connection kept open, with a session and a token."""

    def __init__(self, port: int, session: str, token: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._page = {"Cookie": f"sessionid={session}"}
        self._api = {"Authorization": f"Bearer {token}"}

    def page(self, path: str) -> bytes:
        return self._ask("GET", path, None, self._page)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON, or bytes of a (content type, body) pair; returns the JSON that comes back."""
        headers, sent = dict(self._api), None
        if isinstance(body, tuple):
            headers["Content-Type"], sent = body
        elif body is not None:
            headers["Content-Type"], sent = "application/json", json.dumps(body).encode()
        answer = self._ask(method, f"/api/v1{path}", sent, headers)
        return json.loads(answer) if answer else None

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        said = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path} answered {answer.status}: {said[:500].decode()}")
        return said


@contextmanager
def open_house(folder: Path) -> Iterator[int]:
    """Web server, dispatcher, worker and broker on a fresh database; gives the port.

    Must be entered before Django is set up, for it chooses the settings of this process too.
    """
    broker, port = embedded_broker(folder / "broker"), free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
        "DATA_DIR": str(folder / "data"),
        "SOURCES_DIR": str(folder / "sources"),
        "SECRET_KEY": secrets.token_urlsafe(32),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "CELERY_BROKER_URL": broker.url,
        "PORT": str(port),
        "DEMO": "0",
    }
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "prepare"], check=True, cwd=ROOT)
    commands = [broker.command, *([*manage, name] for name in ("dispatch", "worker", "web"))]
    running = []
    with (folder / "log").open("wb") as log:
        for command in commands:
            running.append(
                subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
            )
    try:
        deadline = time.monotonic() + 60
        while not answers("127.0.0.1", port):
            if time.monotonic() > deadline:
                sys.exit("The web server did not start:\n" + (folder / "log").read_text())
            time.sleep(0.1)
        yield port
    finally:
        for process in reversed(running):
            kill_group(process.pid)
            process.wait()
