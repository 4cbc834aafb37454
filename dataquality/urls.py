"""The paths of data: datasets, their suites, profiles, versions and runs."""

from django.urls import URLPattern, path

from dataquality.views import (
    connections,
    datasets,
    history,
    lineage,
    personal,
    profiles,
    results,
    runs,
    schedules,
    shared_connections,
    shared_data,
    sharing,
    suite_history,
    suites,
    templates,
)

app_name = "dataquality"
DATA = "p/<str:key>/data/"
DATASET = f"{DATA}<slug:slug>/"
SHARED_DATASET = "p/<str:key>/shared-data/<str:owner>/<slug:slug>/"
CONNECTIONS = "p/<str:key>/connections/"
CONNECTION = f"{CONNECTIONS}<slug:connection>/"
SHARED_CONNECTION = "connections/<slug:shared>/"
RUN = "p/<str:key>/runs/<int:run_id>/"
urlpatterns: list[URLPattern] = [
    path(DATA, datasets.datasets, name="datasets"),
    path(f"{DATA}new/", datasets.dataset_new, name="dataset-new"),
    path("p/<str:key>/results/", results.results, name="results"),
    path(SHARED_DATASET, shared_data.shared_dataset, name="shared-dataset"),
    path(f"{SHARED_DATASET}dependents/", lineage.shared_dependent_add, name="shared-dependent-add"),
    path(
        f"{SHARED_DATASET}dependents/<str:ref>/remove/",
        lineage.shared_dependent_remove,
        name="shared-dependent-remove",
    ),
    path(DATASET, datasets.dataset, name="dataset"),
    path(f"{DATASET}settings/", datasets.dataset_settings, name="dataset-settings"),
    path(
        f"{DATASET}settings/personal-data/",
        personal.personal_data,
        name="personal-data",
    ),
    path(f"{DATASET}settings/links/", sharing.share_links, name="share-links"),
    path(
        f"{DATASET}settings/links/<int:share_id>/revoke/",
        sharing.share_link_revoke,
        name="share-link-revoke",
    ),
    path("shared/<str:share_secret>/", sharing.shared, name="shared"),
    path("shared/<str:share_secret>/badge.svg", sharing.shared_badge, name="shared-badge"),
    path(f"{DATASET}dependents/", lineage.dependent_add, name="dependent-add"),
    path(
        f"{DATASET}dependents/<str:ref>/remove/", lineage.dependent_remove, name="dependent-remove"
    ),
    path(f"{DATASET}columns/accept/", lineage.columns_accept, name="columns-accept"),
    path(f"{DATASET}versions/", datasets.versions, name="versions"),
    path(f"{DATASET}versions/read/", datasets.version_read_again, name="version-read-again"),
    path(f"{DATASET}versions/cleaned/", datasets.version_cleaned, name="version-cleaned"),
    path(f"{DATASET}versions/<int:number>/file/", datasets.version_file, name="version-file"),
    path(f"{DATASET}versions/<int:number>/purge/", datasets.version_purge, name="version-purge"),
    path(f"{DATASET}profile/", profiles.profile, name="profile"),
    path(f"{DATASET}profile/compare/", profiles.profile_compare, name="profile-compare"),
    path(f"{DATASET}profile/again/", profiles.profile_again, name="profile-again"),
    path(f"{DATASET}profile/accept/", profiles.profile_accept, name="profile-accept"),
    path(f"{DATASET}profile/schema/", profiles.profile_schema, name="profile-schema"),
    path(f"{DATASET}suite/", suites.suite, name="suite"),
    path(f"{DATASET}suite/add/", suites.suite_add, name="suite-add"),
    path(f"{DATASET}suite/json/", suites.suite_json, name="suite-json"),
    path(f"{DATASET}suite/retire/", suites.suite_retire, name="suite-retire"),
    path(f"{DATASET}suite/history/", suite_history.history, name="suite-history"),
    path(
        f"{DATASET}suite/history/<int:number>/approve/",
        suite_history.suite_approve,
        name="suite-approve",
    ),
    path(
        f"{DATASET}suite/history/<int:number>/back/",
        suite_history.suite_bring_back,
        name="suite-bring-back",
    ),
    path(f"{DATASET}suite/copy/", suite_history.suite_copy, name="suite-copy"),
    path(f"{DATASET}suite/templates/", templates.suite_templates, name="suite-templates"),
    path(f"{DATASET}suite/as-template/", templates.suite_as_template, name="suite-as-template"),
    path(
        f"{DATASET}suite/templates/<slug:template>/",
        templates.suite_template,
        name="suite-template",
    ),
    path(
        f"{DATASET}suite/templates/<slug:template>/remove/",
        templates.suite_template_remove,
        name="suite-template-remove",
    ),
    path(
        f"{DATASET}suite/file.json",
        suite_history.suite_file,
        {"form": "json"},
        name="suite-as-json",
    ),
    path(
        f"{DATASET}suite/file.yaml",
        suite_history.suite_file,
        {"form": "yaml"},
        name="suite-as-yaml",
    ),
    path(f"{DATASET}suite/<int:position>/", suites.suite_edit, name="suite-edit"),
    path(f"{DATASET}suite/<int:position>/apart/", suites.suite_apart, name="suite-apart"),
    path(f"{DATASET}suite/<int:position>/remove/", suites.suite_remove, name="suite-remove"),
    path(f"{DATASET}history/", history.history, name="history"),
    path(
        f"{DATASET}history/<slug:chart>/numbers.csv",
        history.history_numbers,
        name="history-numbers",
    ),
    path(f"{DATASET}schedule/", schedules.schedule, name="schedule"),
    path(f"{DATASET}schedule/remove/", schedules.schedule_remove, name="schedule-remove"),
    path(f"{DATASET}runs/", runs.runs, name="runs"),
    path(f"{DATASET}runs/export/", runs.runs_export, name="runs-export"),
    path(f"{DATASET}runs/compare/", runs.runs_compare, name="runs-compare"),
    path(RUN, runs.run, name="run"),
    path(f"{RUN}cancel/", runs.run_cancel, name="run-cancel"),
    path(f"{RUN}retry/", runs.run_retry, name="run-retry"),
    path(f"{RUN}decide/", runs.run_decide, name="run-decide"),
    path(CONNECTIONS, connections.connections, name="connections"),
    path(f"{CONNECTIONS}new/", connections.connection_new, name="connection-new"),
    path(CONNECTION, connections.connection, name="connection"),
    path(f"{CONNECTION}test/", connections.connection_test, name="connection-test"),
    path(f"{CONNECTION}rotate/", connections.connection_rotate, name="connection-rotate"),
    path(f"{CONNECTION}pause/", connections.connection_pause, name="connection-pause"),
    path(f"{CONNECTION}resume/", connections.connection_resume, name="connection-resume"),
    path(f"{CONNECTION}remove/", connections.connection_remove, name="connection-remove"),
    path(f"{CONNECTION}browse/", connections.connection_browse, name="connection-browse"),
    path(f"{CONNECTION}manifest/", connections.connection_manifest, name="connection-manifest"),
    path(f"{CONNECTION}register/", connections.connection_register, name="connection-register"),
    path(f"{CONNECTION}registrations/<int:number>/", connections.registration, name="registration"),
    path("connections/", shared_connections.connections, name="shared-connections"),
    path("connections/new/", shared_connections.connection_new, name="shared-connection-new"),
    path(SHARED_CONNECTION, shared_connections.connection, name="shared-connection"),
    path(
        f"{SHARED_CONNECTION}share/",
        shared_connections.connection_share,
        name="shared-connection-share",
    ),
    path(
        f"{SHARED_CONNECTION}test/",
        shared_connections.connection_test,
        name="shared-connection-test",
    ),
    path(
        f"{SHARED_CONNECTION}rotate/",
        shared_connections.connection_rotate,
        name="shared-connection-rotate",
    ),
    path(
        f"{SHARED_CONNECTION}pause/",
        shared_connections.connection_pause,
        name="shared-connection-pause",
    ),
    path(
        f"{SHARED_CONNECTION}resume/",
        shared_connections.connection_resume,
        name="shared-connection-resume",
    ),
    path(
        f"{SHARED_CONNECTION}remove/",
        shared_connections.connection_remove,
        name="shared-connection-remove",
    ),
]
