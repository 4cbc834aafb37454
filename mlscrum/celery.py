"""The Celery application: it carries job ids to the workers, and nothing else.

Its settings stand in mlscrum/settings.py under `CELERY_`.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from celery import Celery
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)

from mlscrum.lib.processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")

app = Celery("mlscrum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_djangos_logging(**_: Any) -> None:
    """Celery would put handlers of its own in the place of ours."""


@worker_init.connect
def import_before_forking(**_: Any) -> None:
    """Import what is slow and large once; the pool's processes share its memory."""
    from django.conf import settings

    for module in settings.WORKER_PRELOAD:
        importlib.import_module(module)


@worker_process_init.connect
def end_with_the_worker(**_: Any) -> None:
    """A pool process must not outlive a worker that was killed."""
    die_with_parent()


@worker_ready.connect
def begin_to_beat(**_: Any) -> None:
    from backlog.queries.jobs import TAKES_LARGE, TAKES_SMALL, WORKER
    from backlog.rules.jobs import LARGE, SMALL
    from backlog.services.heartbeats import worker_heart
    from backlog.services.jobs import queues_served

    served = queues_served()
    kinds = {LARGE: TAKES_LARGE, SMALL: TAKES_SMALL}
    worker_heart.start(WORKER, *(kind for queue, kind in kinds.items() if queue in served))


@worker_shutting_down.connect
def stop_beating(**_: Any) -> None:
    from backlog.services.heartbeats import worker_heart

    worker_heart.stop()
