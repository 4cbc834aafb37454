"""The worker: carries out jobs, in as many processes as WORKER_PROCESSES says."""

import warnings
from typing import Any

from celery.exceptions import SecurityWarning
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backlog.management.schema import refuse_newer_schema
from backlog.services import jobs
from backlog.tasks import run_job
from mlscrum.lib.errors import DomainError


class Command(BaseCommand):
    help = "Carry out jobs until stopped. Several may run, on any number of hosts."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_newer_schema()
        # Celery warns root of pickled messages; ours are JSON, and containers run as they do.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        try:
            queues = jobs.queues_served()
        except DomainError as error:
            raise CommandError(error.message) from None
        run_job.app.worker_main(
            [
                "--quiet",
                "worker",
                f"--concurrency={settings.WORKER_PROCESSES}",
                f"--queues={','.join(queues)}",
                "--loglevel=INFO",
                "--without-gossip",
                "--without-mingle",
            ]
        )
