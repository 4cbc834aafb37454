"""Schedules: refused, due once, missed, and without new data."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Actor, Finding, Product
from backlog.services import jobs
from dataquality.models import Connection, Dataset, Profile, Run, Schedule, Slot
from dataquality.rules import schedules as rules
from dataquality.services import schedules as service
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import ServerPath
from dataquality.services.origins import DatabaseRows
from dataquality.services.runs import cancel_run, request_run
from dataquality.services.schedules import (
    ScheduleDraft,
    ask_for_due,
    remove_schedule,
    set_schedule,
)
from dataquality.services.suites import save_suite
from tests.dataquality.conftest import (
    AGE_NOT_NULL,
    CLEANED,
    NUCLEI_IN_SET,
    PATIENTS,
    run_now,
    work,
)
from tests.dataquality.times import ask, come, is_due, last_slot

DAILY = ScheduleDraft("0 6 * * *", "Europe/Berlin")


@pytest.mark.parametrize(
    ("cron", "fault"),
    [
        ("0 0 30 2 *", "no such day in that month"),
        ("0 25 * * *", "hour (0 to 23)"),
        ("every day", "five fields"),
        ("* * * * * *", "five fields"),
        ("0 0 * * 1#6", "day of the week"),
    ],
)
def test_times_that_never_come_are_refused_in_words(cron: str, fault: str) -> None:
    assert fault in rules.cron_fault(cron)


def test_a_schedule_is_told_in_words_and_by_the_clocks_of_its_zone() -> None:
    assert rules.in_words(rules.plain("@daily")) == "At 00:00 every day"
    winter, summer = datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert rules.next_time("0 6 * * *", "Europe/Berlin", winter) == datetime(
        2026, 3, 28, 5, tzinfo=UTC
    )
    assert rules.next_time("0 6 * * *", "Europe/Berlin", summer) == datetime(
        2026, 3, 30, 4, tzinfo=UTC
    )


def test_of_missed_times_the_last_is_due_however_many_they_are() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert rules.last_due("0 * * * *", "UTC", first, first + timedelta(hours=5, minutes=9)) == (
        first + timedelta(hours=5),
        5,
    )
    due, missed = rules.last_due("* * * * *", "UTC", first, first + timedelta(days=30))
    assert (due, missed) == (first + timedelta(days=30), rules.MOST_MISSED)


@pytest.fixture
def on_server(product: Product, max_acts: Actor, settings: Any) -> Dataset:
    """Patients as a file on the server, with a suite."""
    home = settings.SOURCES_DIR / product.key
    home.mkdir()
    (home / "patients.csv").write_text(PATIENTS)
    dataset = register_dataset(
        product, DatasetDraft(name="Patients"), ServerPath("patients.csv"), actor=max_acts
    )
    save_suite(dataset, [NUCLEI_IN_SET, AGE_NOT_NULL], actor=max_acts)
    work()
    return dataset


def test_a_time_starts_one_run_whoever_looks(on_server: Dataset, max_acts: Actor) -> None:
    schedule = set_schedule(on_server, DAILY, actor=max_acts)
    assert schedule.next_at is not None and schedule.next_at > timezone.now()
    assert ask_for_due(timezone.now()) == 0

    now = is_due(on_server)
    assert ask_for_due(timezone.now()) == 1
    is_due(on_server, now)  # a second dispatcher that read the row before the first wrote it
    assert ask_for_due(timezone.now()) == 0
    work()
    work()
    slot = last_slot(on_server)
    assert (slot.state, slot.missed) == ("ran", 0)
    run = Run.objects.get()
    assert (slot.run, run.trigger, run.state) == (run, "schedule", "failed")
    assert run.requested_by is None
    assert Schedule.objects.filter(next_at__gt=timezone.now()).count() == 1


def test_missed_times_give_one_run(on_server: Dataset, max_acts: Actor) -> None:
    set_schedule(on_server, DAILY, actor=max_acts)
    is_due(on_server, timezone.now() - timedelta(days=3, hours=1))
    assert ask_for_due(timezone.now()) == 1
    assert ask_for_due(timezone.now()) == 0
    slot = Slot.objects.get()
    assert slot.missed >= 3
    assert timezone.now() - slot.due_at < timedelta(days=1)


def test_an_unchanged_file_is_not_checked_again_and_a_changed_one_is(
    on_server: Dataset, max_acts: Actor, settings: Any
) -> None:
    set_schedule(on_server, DAILY, actor=max_acts)
    assert come(on_server).state == "ran"
    same = come(on_server)
    assert (same.state, same.detail) == ("unchanged", "The source is as it was.")

    file: Path = settings.SOURCES_DIR / "MED" / "patients.csv"
    os.utime(file, (1, 1))
    touched = come(on_server)
    assert (touched.state, touched.detail) == ("unchanged", "Its content is the same as before.")

    file.write_text(CLEANED)
    cleaned = come(on_server)
    assert cleaned.run is not None and cleaned.run.version is not None
    assert (cleaned.state, cleaned.run.state, cleaned.run.version.number) == ("ran", "passed", 2)

    on_server.refresh_from_db()
    save_suite(on_server, [AGE_NOT_NULL], actor=max_acts)
    assert come(on_server).state == "ran"  # by the new suite nothing was judged yet
    assert Run.objects.count() == 3


def test_a_source_that_is_gone_files_one_finding_and_its_return_closes_it(
    on_server: Dataset, max_acts: Actor, settings: Any
) -> None:
    set_schedule(on_server, DAILY, actor=max_acts)
    file: Path = settings.SOURCES_DIR / "MED" / "patients.csv"
    file.unlink()
    first, second = come(on_server), come(on_server)
    assert (first.state, second.state) == ("refused", "refused")
    assert "patients.csv" in second.detail
    finding = Finding.objects.get()
    assert (finding.is_execution, finding.occurrence_count) == (True, 2)

    file.write_text(CLEANED)
    assert come(on_server).state == "ran"
    finding.refresh_from_db()
    assert finding.state == "resolved"


def test_a_run_under_way_leaves_the_next_time_out(on_server: Dataset, max_acts: Actor) -> None:
    set_schedule(on_server, DAILY, actor=max_acts)
    run = request_run(on_server, actor=max_acts, trigger="schedule")
    is_due(on_server)
    ask_for_due(timezone.now())
    slot = last_slot(on_server)
    assert slot.job is not None
    jobs.run(slot.job.pk)
    slot.refresh_from_db()
    assert (slot.state, slot.detail) == ("skipped", f"Run {run.pk} was still under way.")


def test_times_closer_than_runs_take_are_refused(with_suite: Dataset, max_acts: Actor) -> None:
    run = run_now(with_suite, max_acts)
    started = timezone.now() - timedelta(minutes=7)
    Run.objects.filter(pk=run.pk).update(started_at=started, finished_at=timezone.now())
    with pytest.raises(ValidationError) as refused:
        set_schedule(with_suite, ScheduleDraft("* * * * *"), actor=max_acts)
    assert refused.value.message_dict["cron"] == [
        "Runs of Patients take about 7 minutes, and two of these times are only 1 minute apart; "
        "leave more time between them."
    ]
    assert set_schedule(with_suite, ScheduleDraft("*/15 * * * *"), actor=max_acts).next_at


def test_what_can_be_no_schedule_is_refused_by_field(with_suite: Dataset, max_acts: Actor) -> None:
    with pytest.raises(ValidationError) as refused:
        set_schedule(with_suite, ScheduleDraft("0 0 30 2 *", "Mars/Base"), actor=max_acts)
    assert set(refused.value.message_dict) == {"cron", "zone"}
    with pytest.raises(ValidationError) as column:
        draft = ScheduleDraft("@daily", watch_column="age")
        set_schedule(with_suite, draft, actor=max_acts)
    assert set(column.value.message_dict) == {"watch_column"}
    assert not Schedule.objects.exists()


def test_a_paused_schedule_rests_and_makes_up_for_nothing(
    with_suite: Dataset, max_acts: Actor
) -> None:
    set_schedule(with_suite, DAILY, actor=max_acts)
    paused = ScheduleDraft(DAILY.cron, DAILY.zone, paused=True)
    assert set_schedule(with_suite, paused, actor=max_acts).next_at is None
    assert ask_for_due(timezone.now() + timedelta(days=9)) == 0
    resumed = set_schedule(with_suite, DAILY, actor=max_acts)
    assert resumed.next_at is not None and resumed.next_at > timezone.now()
    remove_schedule(with_suite, actor=max_acts)
    assert not Schedule.objects.exists()


@pytest.fixture
def orders(product: Product, max_acts: Actor, settings: Any) -> Dataset:
    """A table of a database with the times of its rows."""
    home = settings.SOURCES_DIR / product.key
    home.mkdir()
    with sqlite3.connect(home / "shop.sqlite3") as database:
        database.execute("create table orders (id integer, at datetime)")
        database.execute("insert into orders values (1, '2026-01-01 00:00:00')")
    connection = Connection.objects.create(
        product=product, slug="shop", name="Shop", kind="sql", address="sqlite:///shop.sqlite3"
    )
    dataset = register_dataset(
        product,
        DatasetDraft(name="Orders"),
        DatabaseRows(connection, table="orders"),
        actor=max_acts,
    )
    check = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"},
             "severity": "critical", "meta": {}}  # fmt: skip
    save_suite(dataset, [check], actor=max_acts)
    work()
    return dataset


def test_a_table_is_checked_again_where_its_newest_row_is_another(
    orders: Dataset, max_acts: Actor, settings: Any
) -> None:
    draft = ScheduleDraft("@hourly", watch_column="at")
    set_schedule(orders, draft, actor=max_acts)
    assert come(orders).state == "ran"
    assert come(orders).state == "unchanged"
    assert "2026" not in Schedule.objects.get().seen
    with sqlite3.connect(settings.SOURCES_DIR / "MED" / "shop.sqlite3") as database:
        database.execute("update orders set at = '2026-01-02 00:00:00'")
    assert come(orders).state == "ran"
    assert Run.objects.count() == 2


def test_a_table_is_profiled_with_a_scheduled_run_as_often_as_it_is_seen_to_change(
    orders: Dataset, max_acts: Actor, settings: Any
) -> None:
    def profiled() -> list[int]:
        made = Profile.objects.filter(version__dataset=orders, finished_at__isnull=False)
        return list(made.order_by("version__number").values_list("version__number", flat=True))

    # Even where a run is wanted whenever the time comes.
    draft = ScheduleDraft("@hourly", watch_column="at", only_new=False)
    set_schedule(orders, draft, actor=max_acts)
    assert profiled() == [1]
    assert come(orders).state == "ran"
    assert profiled() == [1, 2]
    assert come(orders).state == "ran"
    assert profiled() == [1, 2]
    with sqlite3.connect(settings.SOURCES_DIR / "MED" / "shop.sqlite3") as database:
        database.execute("insert into orders values (2, '2026-01-02 00:00:00')")
    assert come(orders).state == "ran"
    assert profiled() == [1, 2, 4]
    assert Profile.objects.get(version__number=4).data["rows"] == 2


def test_new_rows_stay_new_until_they_are_judged(
    orders: Dataset, max_acts: Actor, settings: Any
) -> None:
    set_schedule(orders, ScheduleDraft("@hourly", watch_column="at"), actor=max_acts)
    assert come(orders).state == "ran"
    shop = settings.SOURCES_DIR / "MED" / "shop.sqlite3"
    with sqlite3.connect(shop) as database:
        database.execute("insert into orders values (2, '2026-01-02 00:00:00')")
    assert ask(orders) == 1
    work()
    cancelled = last_slot(orders).run
    assert cancelled is not None
    cancel_run(cancelled, actor=max_acts)

    assert ask(orders) == 1
    work()
    with sqlite3.connect(shop) as database:
        database.execute("alter table orders rename to gone")
    work()
    with sqlite3.connect(shop) as database:
        database.execute("alter table gone rename to orders")
    assert Run.objects.latest("pk").state == "errored"

    assert come(orders).state == "ran"
    assert come(orders).state == "unchanged"


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_time_that_comes_while_another_is_under_way_is_left_out(
    on_server: Dataset, max_acts: Actor, has_begun: bool
) -> None:
    set_schedule(on_server, DAILY, actor=max_acts)
    assert ask(on_server) == 1
    first = last_slot(on_server).job
    assert first is not None
    if has_begun:
        jobs.claim(first.pk, "a worker")
    assert ask(on_server) == 0
    left_out = last_slot(on_server)
    assert (left_out.state, left_out.job) == ("skipped", None)
    assert left_out.detail == "The time before it was still under way."
    if not has_begun:
        work()
        work()
        states = Slot.objects.order_by("pk").values_list("state", flat=True)
        assert list(states) == ["ran", "skipped"]
        assert Run.objects.count() == 1


def test_a_time_whose_job_was_cancelled_keeps_no_later_one_out(
    on_server: Dataset, max_acts: Actor
) -> None:
    set_schedule(on_server, DAILY, actor=max_acts)
    assert ask(on_server) == 1
    job = last_slot(on_server).job
    assert job is not None
    jobs.request_cancel(job)
    assert come(on_server).state == "ran"


def test_what_a_worker_notes_meanwhile_stays(
    with_suite: Dataset, max_acts: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_schedule(with_suite, DAILY, actor=max_acts)
    at = timezone.now()

    def while_a_worker_notes(*args: Any) -> datetime | None:
        Schedule.objects.update(seen="a" * 64, changed_at=at)
        return rules.next_time(*args)

    monkeypatch.setattr(service, "next_time", while_a_worker_notes)
    set_schedule(with_suite, ScheduleDraft("0 7 * * *"), actor=max_acts)
    kept = Schedule.objects.get()
    assert (kept.cron, kept.seen, kept.changed_at) == ("0 7 * * *", "a" * 64, at)
