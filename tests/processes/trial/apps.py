"""An app whose only job counts in the activity of its product how often it took effect."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.apps import AppConfig

KIND = "trial.count"
STEPS = 10


class TrialConfig(AppConfig):
    name = "tests.processes.trial"

    def ready(self) -> None:
        from backlog.services import jobs

        jobs.register(KIND, count)


def count(lease) -> None:
    """Work for `seconds`, note each start with this process's id, then take effect."""
    from backlog.models import Actor
    from backlog.services.deeds import deed

    with Path(lease.job.args["starts"]).open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    for step in range(STEPS):
        time.sleep(lease.job.args["seconds"] / STEPS)
        lease.progress(step / STEPS, f"{step} of {STEPS}")
    with lease.finish() as job, deed(job.product, Actor.system(), KIND):
        pass
