"""The product's settings, with the bench's own floor beside the product's pages."""

from mlscrum.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
API_RATE_PER_MINUTE = 1_000_000
