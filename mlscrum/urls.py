"""All doors of the house."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("mlscrum.api")),
    path("", include("backlog.urls")),
    path("", include("backlog.product_urls")),
    path("", include("dataquality.urls")),
    path("", include("sprints.urls")),
]
handler400 = "mlscrum.web.problems.bad_request"
handler403 = "mlscrum.web.problems.permission_denied"
handler404 = "mlscrum.web.problems.page_not_found"
handler500 = "mlscrum.web.problems.server_error"
