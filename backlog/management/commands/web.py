"""The web server: pages, REST and live streams, by uvicorn."""

import contextlib
import os
import shutil
import socket
import time
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from uvicorn.supervisors import Multiprocess

from backlog.management.schema import refuse_newer_schema
from backlog.services.invitations import first_link
from mlscrum import env

FIGURES_KEPT_S = 7 * 24 * 3600


class Command(BaseCommand):
    help = "Serve the site until stopped, on HOST and PORT of the environment."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=env.integer("PORT", 8000, maximum=65535))

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_newer_schema()
        if settings.DEMO_LOGIN and not env.is_loopback(options["host"]):
            raise CommandError("DEMO_LOGIN=1 lets anyone in; with it HOST must be 127.0.0.1.")
        self._welcome()
        config = uvicorn.Config(
            "mlscrum.asgi:application",
            host=options["host"],
            port=options["port"],
            workers=env.integer("WEB_PROCESSES", 1, minimum=1, maximum=256),
            proxy_headers=False,  # our own middleware believes TRUSTED_PROXIES alone
            server_header=False,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
        if config.workers > 1:
            listening = _prompt(config.bind_socket())  # ends this where the port is taken
            _share_figures()
            Multiprocess(config, sockets=[listening]).run()
            return
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        if not server.started:
            raise CommandError("The web server could not start.")

    def _welcome(self) -> None:
        """Say how the first administrator begins, as long as there is none."""
        try:
            link = "" if settings.DEMO else first_link()
        except DatabaseError:  # not prepared yet; the pages say so themselves
            return
        if link:
            self.stdout.write(f"Nobody administers this installation yet. Begin at {link}")


def _prompt(listening: socket.socket) -> socket.socket:
    """Let answers go out at once, on all connections that this socket will take.

    asyncio does so for sockets that know their protocol, which is lost on the way to other
    processes; each small answer then waited 40 ms for the caller's acknowledgement (Nagle).
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _share_figures() -> None:
    """Let the processes write what they count into one folder of this start, which begins empty:
    see `mlscrum.web.metrics`, which is loaded in each of them. Folders that nobody has written to
    for a week go."""
    root = settings.DATA_DIR / "metrics"
    folder = root / f"{socket.gethostname()}-{os.getpid()}"
    for old in root.glob("*"):
        written = max((file.stat().st_mtime for file in [old, *old.glob("*")]), default=0.0)
        if old == folder or time.time() - written > FIGURES_KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
