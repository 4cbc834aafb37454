"""All REST doors, under /api/v1/."""

from django.urls import include, path

urlpatterns = [
    path("", include("backlog.api.urls")),
    path("", include("dataquality.api.urls")),
    path("", include("sprints.api.urls")),
]
