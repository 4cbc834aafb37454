"""Settings of the processes under trial: the product's, with jobs that a test can watch."""

import os

from mlscrum.settings import *  # noqa: F403
from mlscrum.settings import INSTALLED_APPS, WORKER_PRELOAD

INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.trial"]
if "PRELOAD" not in os.environ:
    WORKER_PRELOAD = []  # most of these jobs check no data
CELERY_WORKER_MAX_TASKS_PER_CHILD = int(os.environ.get("TASKS_PER_CHILD", "100"))
