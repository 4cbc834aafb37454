"""The paths of data under /api/v1/."""

from django.urls import URLPattern, path

from dataquality.api import (
    connections,
    datasets,
    exports,
    lineage,
    personal,
    results,
    runs,
    shared_data,
    sharing,
    suites,
    templates,
)

CONNECTIONS = "products/<key:key>/connections/"
CONNECTION = f"{CONNECTIONS}<slug:connection>/"
SHARED = "products/<key:key>/shared-datasets/<key:owner>/<slug:slug>/"
DATASET = "datasets/<key:key>/<slug:slug>/"
urlpatterns: list[URLPattern] = [
    path(
        "products/<key:key>/datasets/",
        datasets.DatasetsView.as_view({"get": "list", "post": "create"}),
        name="api-datasets",
    ),
    path(
        "products/<key:key>/shared-datasets/",
        shared_data.SharedDatasetsView.as_view({"get": "list"}),
        name="api-shared-datasets",
    ),
    path(
        SHARED,
        shared_data.SharedDatasetView.as_view({"get": "retrieve"}),
        name="api-shared-dataset",
    ),
    path(
        f"{SHARED}gate/",
        shared_data.SharedDatasetView.as_view({"get": "gate"}),
        name="api-shared-dataset-gate",
    ),
    path(
        f"{SHARED}lineage/",
        lineage.SharedLineageView.as_view({"get": "retrieve", "post": "create"}),
        name="api-shared-lineage",
    ),
    path(
        f"{SHARED}lineage/<ref:ref>/",
        lineage.SharedLineageView.as_view({"delete": "destroy"}),
        name="api-shared-dependent",
    ),
    path(
        CONNECTIONS,
        connections.ConnectionsView.as_view({"get": "list", "post": "create"}),
        name="api-connections",
    ),
    path(
        CONNECTION,
        connections.ConnectionView.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
        name="api-connection",
    ),
    *(
        path(
            f"{CONNECTION}{deed}/",
            connections.ConnectionView.as_view({"post": deed}),
            name=f"api-connection-{deed}",
        )
        for deed in ("test", "rotate", "pause", "resume")
    ),
    path(
        f"{CONNECTION}offers/",
        connections.OffersView.as_view({"get": "retrieve"}),
        name="api-offers",
    ),
    path(
        f"{CONNECTION}registrations/",
        connections.RegistrationsView.as_view({"post": "create"}),
        name="api-registrations",
    ),
    path(
        f"{CONNECTION}registrations/<id:id>/",
        connections.RegistrationsView.as_view({"get": "retrieve"}),
        name="api-registration",
    ),
    path(
        "products/<key:key>/runs/export/",
        exports.RunsExportView.as_view({"get": "list"}),
        name="api-runs-export",
    ),
    path(
        "products/<key:key>/runs/",
        runs.ProductRunsView.as_view({"get": "list"}),
        name="api-product-runs",
    ),
    path(
        "products/<key:key>/results/",
        results.ResultsView.as_view({"post": "create"}),
        name="api-results",
    ),
    path(
        DATASET,
        datasets.DatasetView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="api-dataset",
    ),
    path(
        f"{DATASET}history/",
        datasets.HistoryView.as_view({"get": "retrieve"}),
        name="api-history",
    ),
    path(
        f"{DATASET}schema/",
        datasets.SchemaView.as_view({"put": "update"}),
        name="api-dataset-schema",
    ),
    path(
        f"{DATASET}schema/accept/",
        lineage.AcceptColumnsView.as_view({"post": "accept"}),
        name="api-columns-accept",
    ),
    path(
        f"{DATASET}lineage/",
        lineage.LineageView.as_view({"get": "retrieve", "post": "create"}),
        name="api-lineage",
    ),
    path(
        f"{DATASET}lineage/<ref:ref>/",
        lineage.LineageView.as_view({"delete": "destroy"}),
        name="api-dependent",
    ),
    path(
        f"{DATASET}versions/",
        datasets.VersionsView.as_view({"get": "list", "post": "create"}),
        name="api-versions",
    ),
    path(
        f"{DATASET}versions/<int:number>/purge/",
        datasets.PurgeView.as_view({"post": "purge"}),
        name="api-version-purge",
    ),
    path(
        f"{DATASET}suite/",
        datasets.SuiteView.as_view({"get": "retrieve", "put": "update"}),
        name="api-suite",
    ),
    path(
        f"{DATASET}suite/versions/",
        suites.SuiteVersionsView.as_view({"get": "list"}),
        name="api-suite-versions",
    ),
    path(
        f"{DATASET}suite/versions/<int:number>/approve/",
        suites.ApproveSuiteView.as_view({"post": "approve"}),
        name="api-suite-approve",
    ),
    path(
        f"{DATASET}suite/copy/",
        suites.CopyChecksView.as_view({"post": "copy"}),
        name="api-suite-copy",
    ),
    path(
        "products/<key:key>/suite-templates/",
        templates.TemplatesView.as_view({"get": "retrieve", "post": "create"}),
        name="api-suite-templates",
    ),
    path(
        "products/<key:key>/suite-templates/<slug:template>/",
        templates.TemplateView.as_view({"delete": "destroy"}),
        name="api-suite-template",
    ),
    path(
        f"{DATASET}suite/template/",
        templates.ApplyTemplateView.as_view({"post": "apply"}),
        name="api-suite-apply-template",
    ),
    path(
        f"{DATASET}suite/thresholds/",
        datasets.ThresholdsView.as_view({"get": "retrieve"}),
        name="api-thresholds",
    ),
    path(
        f"{DATASET}profile/",
        datasets.ProfileView.as_view({"get": "retrieve", "post": "create"}),
        name="api-profile",
    ),
    path(
        f"{DATASET}values-opened/",
        personal.ValuesOpenedView.as_view({"get": "list"}),
        name="api-values-opened",
    ),
    path(
        f"{DATASET}forget/",
        personal.ForgetKeyView.as_view({"post": "forget"}),
        name="api-forget-key",
    ),
    path(
        f"{DATASET}profile/compare/",
        datasets.ComparisonView.as_view({"get": "retrieve"}),
        name="api-profile-compare",
    ),
    path(
        f"{DATASET}share-links/",
        sharing.ShareLinksView.as_view({"get": "list", "post": "create"}),
        name="api-share-links",
    ),
    path(
        f"{DATASET}share-links/<id:id>/",
        sharing.ShareLinkView.as_view({"delete": "destroy"}),
        name="api-share-link",
    ),
    path(f"{DATASET}gate/", datasets.GateView.as_view({"get": "retrieve"}), name="api-gate"),
    path(
        f"{DATASET}runs/",
        runs.DatasetRunsView.as_view({"get": "list", "post": "create"}),
        name="api-runs",
    ),
    path(
        "runs/<id:id>/comparison/",
        runs.RunView.as_view({"get": "comparison"}),
        name="api-run-comparison",
    ),
    path(
        "runs/<id:id>/report/",
        runs.RunView.as_view({"get": "report"}),
        name="api-run-report",
    ),
    path("runs/<id:id>/", runs.RunView.as_view({"get": "retrieve"}), name="api-run"),
    *(
        path(
            f"runs/<id:id>/{deed}/",
            runs.RunView.as_view({"post": deed}),
            name=f"api-run-{deed}",
        )
        for deed in ("cancel", "retry", "file")
    ),
]
