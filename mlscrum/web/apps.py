"""How Django knows the kit of the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "mlscrum.web"
    label = "web"

    def ready(self) -> None:
        from mlscrum.web import checks  # noqa: F401 - registers itself
