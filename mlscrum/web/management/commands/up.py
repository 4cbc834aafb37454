"""Everything in one terminal: broker, dispatcher, worker and web, with demo data."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from mlscrum import env
from mlscrum.lib.broker import embedded_broker
from mlscrum.lib.errors import DomainError
from mlscrum.lib.processes import answers, port_is_free
from mlscrum.lib.supervisor import Program, Supervisor, say

HOST = "127.0.0.1"
WELCOME = """
ML Scrum answers at {url}
Sign in with one click as one of the demo people on the sign-in page:
olga@ (product owner), max@ (developer), sina@ (scrum master), dora@ (domain expert),
vera@demo.example (stakeholder). Press Ctrl-C to stop everything.
"""


class Command(BaseCommand):
    help = "Start broker, dispatcher, worker and web on this machine, with demo products."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        port = _port()
        if not port_is_free(HOST, port):
            raise CommandError(
                f"Port {port} is in use. Stop what listens there, or choose another: "
                f"PORT={port + 1} make up"
            )
        with _alone_in(settings.DATA_DIR):
            try:
                sys.exit(_run(port))
            except DomainError as error:
                raise CommandError(error.message) from None


def _run(port: int) -> int:
    url = f"http://{HOST}:{port}"
    environment = {
        "DEMO": "1",
        "DEMO_LOGIN": "1",
        **os.environ,
        "BASE_URL": url,
        "HOST": HOST,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    programs = []
    if not (env.text("CELERY_BROKER_URL") or env.text("REDIS_URL")):
        broker = embedded_broker(settings.DATA_DIR / "broker")
        environment["CELERY_BROKER_URL"] = broker.url
        programs.append(Program("broker", broker.command, environment))
    if subprocess.run(_command("prepare"), env=environment).returncode:  # noqa: S603  our own
        return 1
    programs += [
        Program(name, _command(command), environment)
        for name, command in (("dispatcher", "dispatch"), ("worker", "worker"), ("web", "web"))
    ]
    return Supervisor(programs, say=say).run(_Welcome(url, port))


class _Welcome:
    """Says once, as soon as the page answers, where it is."""

    def __init__(self, url: str, port: int) -> None:
        self.url, self.port, self.is_said = url, port, False

    def __call__(self) -> None:
        if not self.is_said and answers(HOST, self.port):
            say(WELCOME.format(url=self.url))
            self.is_said = True


def _command(name: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), name]


def _port() -> int:
    try:
        return env.integer("PORT", 8000, minimum=1, maximum=65535)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None


def _alone_in(folder: Path) -> IO[str]:
    """Hold the folder for this process: two brokers on the same data would ruin it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "up.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CommandError(
            f"ML Scrum already runs on the data in {folder}. Stop it, or set another DATA_DIR."
        ) from None
    return lock
