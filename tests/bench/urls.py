"""The product's doors, and the floor: what one request through the same server costs at least."""

from django.http import HttpResponse
from django.urls import include, path

from backlog.access.pages import PersonRequest, signed_in


@signed_in
def floor(request: PersonRequest) -> HttpResponse:
    """An authenticated view with one query, of the person."""
    return HttpResponse(request.user.name)


urlpatterns = [
    path("bench/floor/", floor),
    path("", include("mlscrum.urls")),
]
