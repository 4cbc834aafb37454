"""The web server: pages, REST and live streams, by uvicorn."""

from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand

from mlscrum import env


class Command(BaseCommand):
    help = "Serve the site until stopped, on HOST and PORT of the environment."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=env.text("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=env.integer("PORT", 8000, maximum=65535))

    def handle(self, *args: Any, **options: Any) -> None:
        uvicorn.run(
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
