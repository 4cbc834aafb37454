"""All doors of the house."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("mlscrum.api")),
    path("", include("backlog.urls")),
    path("", include("dataquality.urls")),
]
