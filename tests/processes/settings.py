"""Settings of the processes under trial: the product's, with jobs that a test can watch."""

from mlscrum.settings import *  # noqa: F403
from mlscrum.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.trial"]
WORKER_PRELOAD = []  # these jobs check no data
