"""How Django knows this app, and what it fills of the ground floor."""

from django.apps import AppConfig

from mlscrum.web import rooms
from mlscrum.web.metrics import register as register_figures


class DataQualityConfig(AppConfig):
    name = "dataquality"

    def ready(self) -> None:
        from backlog.models import Subject
        from backlog.queries import gates, lineage, panels, storage, subjects
        from backlog.queries.events import announce, carry_ids
        from backlog.services import (
            conversions,
            demo,
            housekeeping,
            jobs,
            secret_keys,
            stored_files,
            terms,
        )
        from dataquality.models import Connection, DatasetVersion
        from dataquality.queries import metrics, room
        from dataquality.queries.evidence import (
            INTO,
            columns_of,
            dataset_page,
            expected_hours_of,
            health_targets_of,
            rule_page,
            suite_page,
            urgent_findings_badge,
        )
        from dataquality.queries.gates import reasons_against
        from dataquality.queries.lineage import checks_of, dependent_items, readers_of, settings_of
        from dataquality.services import leaving, many, profiles, retention, runs, schedules
        from dataquality.services.columns import look_again, report_columns
        from dataquality.services.demo import add_detectors, add_patients, take_files_away
        from dataquality.services.files import prepare_temporary_files
        from dataquality.services.freshness import report_freshness
        from dataquality.views.panels import data_it_needs, failing_rows

        prepare_temporary_files()
        register_figures(metrics.figures)
        secret_keys.register(Connection, "secret")
        stored_files.register(DatasetVersion, "file")
        leaving.register()
        carry_ids("run", "version")
        announce(
            "Datasets and runs", "dataset", "run", "suite", "suite_template", "profile", "schedule"
        )
        announce("Connections", "connection")
        jobs.register(
            runs.JOB_KIND,
            runs.execute_run,
            on_failure=runs.run_failed,
            on_cancel=runs.run_cancelled,
        )
        jobs.register(
            profiles.JOB_KIND,
            profiles.make_profile,
            on_failure=profiles.profile_failed,
            on_cancel=profiles.profile_cancelled,
        )
        jobs.register(many.JOB_KIND, many.register_many, on_failure=many.registration_failed)
        jobs.register(
            schedules.JOB_KIND,
            schedules.carry_out_slot,
            on_failure=schedules.slot_failed,
            on_cancel=schedules.slot_cancelled,
        )
        housekeeping.register_often(schedules.ask_for_due)
        housekeeping.register_often(report_freshness)
        housekeeping.register_often(report_columns)
        terms.tell_of_columns(look_again)
        housekeeping.register(retention.forget_samples)
        housekeeping.register(retention.forget_untracked_runs)
        housekeeping.register(retention.forget_old_runs)
        housekeeping.register(retention.let_files_go)
        storage.register("versions", 10, room.versions)
        storage.register("runs", 11, room.runs)
        storage.register("failing rows", 12, room.failing_rows)
        demo.register_chapter("MED", add_patients, take_files_away, order=10)
        demo.register_chapter("CITY", add_detectors, take_files_away, order=10)
        panels.register(failing_rows)
        panels.register(data_it_needs)
        lineage.register("item", "Items", 10, dependent_items)
        lineage.register("check", "Checks", 30, checks_of)
        lineage.register("setting", "Settings", 50, settings_of)
        lineage.register("product", "Other products", 60, readers_of)
        subjects.register(
            Subject.Kind.DATASET,
            dataset_page,
            health_targets=health_targets_of,
            columns=columns_of,
            expected_hours=expected_hours_of,
            rule_of=rule_page,
        )
        gates.register(Subject.Kind.DATASET, reasons_against)
        conversions.register(
            conversions.Way(
                INTO, Subject.Kind.DATASET, "Expectation", permission="suite.edit", url=suite_page
            )
        )
        rooms.register(
            rooms.Room(
                "Data",
                "database",
                "dataquality:datasets",
                50,
                permission="dataset.view",
                badge=urgent_findings_badge,
                also=("runs", "results", "connections", "shared-data"),
                shortcut="d",
            )
        )
        rooms.register_office(
            rooms.Office("Connections", "plug-connected", "dataquality:shared-connections", 20)
        )
