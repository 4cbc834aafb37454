"""The paths of this room."""

from django.urls import URLPattern, path

from backlog.views import health

urlpatterns: list[URLPattern] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
