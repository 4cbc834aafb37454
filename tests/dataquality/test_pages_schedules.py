"""The page of a schedule, and schedules by REST and in bulk."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from backlog.models import Actor, Product
from dataquality.models import Connection, Dataset, Schedule, Slot
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.many import request_registration
from dataquality.services.schedules import ScheduleDraft, set_schedule
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, upload, work

PAGE = "/p/MED/data/patients/schedule/"
URL = "/api/v1/datasets/MED/patients/"


def test_a_schedule_is_set_changed_and_removed_on_its_page(
    with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    max_ = as_person(cast.max)
    empty = max_.get(PAGE).content.decode()
    assert "checked by hand and by CI so far" in empty
    wrong = max_.post(PAGE, {"cron": "0 0 30 2 *", "zone": "Europe/Berlin", "only_new": "on"})
    assert wrong.status_code == 422
    assert "no such day in that month" in wrong.content.decode()
    asked = {"cron": "0 6 * * MON-FRI", "zone": "Europe/Berlin", "only_new": "on"}
    assert max_.post(PAGE, asked).status_code == 302
    shown = max_.get(PAGE).content.decode()
    assert "At 06:00 on Monday through Friday" in shown
    assert ", 06:00</li>" in shown
    assert "next run" in max_.get("/p/MED/data/patients/").content.decode()

    max_.post(PAGE, {**asked, "paused": "on"})
    assert "It rests since" in max_.get(PAGE).content.decode()
    assert max_.post(f"{PAGE}remove/").status_code == 302
    assert not Schedule.objects.exists()


def test_a_stakeholder_reads_what_became_of_its_times(
    with_suite: Dataset, max_acts: Actor, cast: Cast, as_person: Any
) -> None:
    schedule = set_schedule(with_suite, ScheduleDraft("@daily"), actor=max_acts)
    day = timedelta(days=1)
    for number in range(3):
        Slot.objects.create(
            schedule=schedule,
            due_at=timezone.now() - number * day,
            state="unchanged",
            detail="The source is as it was.",
            missed=number,
        )
    vera = as_person(cast.vera)
    page = vera.get(PAGE).content.decode()
    assert page.count("No new data") == 3
    assert "It stands for 2 times before it" in page
    assert "Save</button>" not in page
    assert vera.post(PAGE, {"cron": "@daily", "zone": "UTC"}).status_code == 403


def test_a_schedule_is_set_and_removed_by_rest(
    with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    max_ = as_person(cast.max)

    def patch(schedule: Any) -> Any:
        return max_.patch(URL, {"schedule": schedule}, content_type="application/json")

    refused = patch({"cron": "0 0 30 2 *"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/schedule")
    answer = patch({"cron": "0 6 * * *", "zone": "Europe/Berlin"}).json()["schedule"]
    assert answer.pop("next_at")
    assert answer == {
        "cron": "0 6 * * *",
        "zone": "Europe/Berlin",
        "only_new": True,
        "watch_column": "",
        "paused": False,
        "words": "At 06:00 every day",
    }
    assert patch(None).json()["schedule"] is None


def test_a_dataset_is_registered_with_its_schedule_or_not_at_all(
    product: Any, max_acts: Actor
) -> None:
    draft = DatasetDraft(name="Patients", schedule=ScheduleDraft("@daily"))
    dataset = register_dataset(product, draft, upload(PATIENTS), actor=max_acts)
    assert Schedule.objects.get().dataset == dataset


def test_a_dataset_is_registered_with_its_schedule_on_the_page(
    product: Product, cast: Cast, as_person: Any
) -> None:
    max_ = as_person(cast.max)

    def register(cron: str) -> Any:
        file = SimpleUploadedFile("patients.csv", PATIENTS.encode())
        return max_.post(
            "/p/MED/data/new/",
            {"name": "Patients", "source": "upload", "file": file, "personal_data": "no",
             "sample_policy": "none", "cron": cron, "zone": "Europe/Berlin"},
        )  # fmt: skip

    wrong = register("0 0 30 2 *")
    assert wrong.status_code == 422
    assert "no such day in that month" in wrong.context["form"].errors["cron"][0]
    assert not Dataset.objects.exists()
    assert register("@daily").status_code == 302
    schedule = Schedule.objects.get()
    assert (schedule.cron, schedule.zone) == ("0 0 * * *", "Europe/Berlin")
    assert schedule.dataset.name == "Patients"


def test_many_are_registered_with_one_schedule(
    product: Any, max_acts: Actor, settings: Any
) -> None:
    home = settings.SOURCES_DIR / product.key
    home.mkdir()
    with sqlite3.connect(home / "shop.sqlite3") as database:
        for name in ("orders", "clients"):
            database.execute(f"create table {name} (id integer)")
    connection = Connection.objects.create(
        product=product, slug="shop", name="Shop", kind="sql", address="sqlite:///shop.sqlite3"
    )
    registration = request_registration(
        connection,
        product,
        [{"table": "orders"}, {"table": "clients"}],
        actor=max_acts,
        schedule=ScheduleDraft("0 5 * * *", "Europe/Berlin"),
    )
    work()
    registration.refresh_from_db()
    assert registration.registered == 2
    kept = Schedule.objects.values_list("cron", "zone").distinct()
    assert list(kept) == [("0 5 * * *", "Europe/Berlin")]
    assert Schedule.objects.count() == 2
