"""The paths of sprints under /api/v1/."""

from django.urls import URLPattern, path

from sprints.api import ceremonies, reports, sprints, teams

urlpatterns: list[URLPattern] = [
    path(
        "products/<key:key>/sprints/",
        sprints.SprintsView.as_view({"get": "list", "post": "create"}),
        name="api-sprints",
    ),
    path(
        "sprints/<id:id>/",
        sprints.SprintOneView.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="api-sprint",
    ),
    *(
        path(
            f"sprints/<id:id>/{deed}/",
            sprints.SprintOneView.as_view({"post": deed}),
            name=f"api-sprint-{deed}",
        )
        for deed in ("start", "close", "cancel")
    ),
    path(
        "sprints/<id:id>/shares/",
        sprints.SharesView.as_view({"get": "retrieve", "put": "update"}),
        name="api-shares",
    ),
    path(
        "products/<key:key>/teams/<id:id>/calendar/",
        teams.CalendarView.as_view({"get": "retrieve", "put": "update"}),
        name="api-calendar",
    ),
    path(
        "sprints/<id:id>/gate/",
        sprints.SprintOneView.as_view({"get": "gate"}),
        name="api-sprint-gate",
    ),
    path(
        "sprints/<id:id>/burndown/",
        sprints.SprintOneView.as_view({"get": "burndown"}),
        name="api-burndown",
    ),
    path(
        "sprints/<id:id>/ceremonies/",
        ceremonies.SprintCeremoniesView.as_view({"get": "list", "post": "create"}),
        name="api-sprint-ceremonies",
    ),
    path(
        "ceremonies/<id:id>/",
        ceremonies.CeremonyOneView.as_view({"get": "retrieve"}),
        name="api-ceremony",
    ),
    *(
        path(
            f"ceremonies/<id:id>/{noun}/",
            view.as_view({"get": "list", "post": "create"}),
            name=f"api-{noun}",
        )
        for noun, view in (
            ("insights", ceremonies.InsightsView),
            ("decisions", ceremonies.DecisionsView),
            ("actions", ceremonies.ActionsView),
        )
    ),
    path("products/<key:key>/velocity/", reports.VelocityView.as_view(), name="api-velocity"),
    path("products/<key:key>/forecast/", reports.ForecastView.as_view(), name="api-forecast"),
]
