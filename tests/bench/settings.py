"""The product's settings, with the bench's own floor and counts beside the product's pages."""

from mlscrum.settings import *  # noqa: F403
from mlscrum.settings import MIDDLEWARE as _MIDDLEWARE

ROOT_URLCONF = "tests.bench.urls"
MIDDLEWARE = ["tests.bench.counting.count_statements", *_MIDDLEWARE]
API_RATE_PER_MINUTE = 1_000_000
