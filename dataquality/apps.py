"""How Django knows this app."""

from django.apps import AppConfig


class DataQualityConfig(AppConfig):
    name = "dataquality"
