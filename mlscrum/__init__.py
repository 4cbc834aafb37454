"""The product's wiring: settings, doors and the Celery application."""

from mlscrum.celery import app as celery_app

__all__ = ["celery_app"]
