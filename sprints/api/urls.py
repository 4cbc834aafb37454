"""The paths of sprints under /api/v1/."""

from django.urls import URLPattern, path

from sprints.api import ceremonies, exports, poker, reports, retros, sprints, teams

urlpatterns: list[URLPattern] = [
    path(
        "products/<key:key>/sprints/",
        sprints.SprintsView.as_view({"get": "list", "post": "create"}),
        name="api-sprints",
    ),
    path(
        "products/<key:key>/sprints/export/",
        exports.SprintsExportView.as_view({"get": "list"}),
        name="api-sprints-export",
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
    path(
        "ceremonies/<id:ceremony_id>/actions/<id:id>/item/",
        ceremonies.ActionOneView.as_view({"post": "item"}),
        name="api-action-item",
    ),
    path(
        "ceremonies/<id:id>/rounds/",
        poker.RoundsView.as_view({"get": "list", "post": "create"}),
        name="api-rounds",
    ),
    path(
        "ceremonies/<id:ceremony_id>/rounds/<id:id>/",
        poker.RoundOneView.as_view({"get": "retrieve", "delete": "destroy"}),
        name="api-round",
    ),
    *(
        path(
            f"ceremonies/<id:ceremony_id>/rounds/<id:id>/{deed}/",
            poker.RoundOneView.as_view({"post": deed}),
            name=f"api-round-{deed}",
        )
        for deed in ("vote", "reveal", "accept", "revote")
    ),
    path(
        "ceremonies/<id:id>/picks/",
        poker.PicksView.as_view({"get": "list", "post": "create"}),
        name="api-picks",
    ),
    path(
        "ceremonies/<id:ceremony_id>/picks/<ref:ref>/",
        poker.PickOneView.as_view({"delete": "destroy"}),
        name="api-pick",
    ),
    path(
        "ceremonies/<id:ceremony_id>/picks/<ref:ref>/importance/",
        poker.PickOneView.as_view({"put": "importance"}),
        name="api-pick-importance",
    ),
    path(
        "ceremonies/<id:id>/retro/",
        retros.RetroOneView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api-retro",
    ),
    path(
        "ceremonies/<id:id>/retro/phase/",
        retros.RetroOneView.as_view({"post": "phase"}),
        name="api-retro-phase",
    ),
    path(
        "ceremonies/<id:id>/cards/",
        retros.CardsView.as_view({"get": "list", "post": "create"}),
        name="api-cards",
    ),
    *(
        path(
            f"ceremonies/<id:id>/cards/{deed}/",
            retros.CardsView.as_view({"post": name}),
            name=f"api-card-{deed}",
        )
        for deed, name in (
            ("change", "change"),
            ("delete", "take_away"),
            ("group", "group"),
            ("title", "title"),
            ("vote", "vote"),
            ("unvote", "unvote"),
        )
    ),
    path("products/<key:key>/velocity/", reports.VelocityView.as_view(), name="api-velocity"),
    path("products/<key:key>/forecast/", reports.ForecastView.as_view(), name="api-forecast"),
]
