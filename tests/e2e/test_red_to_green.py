"""From a red run to a sprint that closes with its goal met, in a browser, with a dispatcher and two
workers at work behind it: nothing is carried out by the test itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from backlog.models import Actor, Finding, Heartbeat, Item, Product
from dataquality.models import Run
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import save_suite
from sprints.models import Sprint
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, CLEANED, NUCLEI_IN_SET, PATIENTS, upload
from tests.processes.conftest import House, until

SLOW_MS = 60_000  # two workers import what they need meanwhile
OpenPage = Callable[..., Page]


@pytest.fixture
def two_workers(site: str, house: Path, tmp_path: Path) -> Iterator[House]:
    """A dispatcher and two workers on the database and the files of the site."""
    processes = House(tmp_path)
    processes.env |= {
        "DATA_DIR": str(house / "data"),
        "SOURCES_DIR": str(house / "sources"),
        "WORKER_PROCESSES": "1",
    }
    processes.start_broker()
    processes.start("dispatch")
    for _ in range(2):
        processes.start("worker")
    until(lambda: Heartbeat.objects.filter(kind="worker").count() == 2, "two workers are there")
    yield processes
    processes.kill_all()


@pytest.fixture
def patients(product: Product, cast: Cast, site: str) -> None:
    """Twenty patients, two of them with nuclei that nobody could read, and a suite that says so."""
    olga = Actor.person(cast.olga)
    dataset = register_dataset(product, DatasetDraft(name="Patients"), upload(PATIENTS), actor=olga)
    save_suite(dataset, [NUCLEI_IN_SET, AGE_NOT_NULL], actor=olga)


def test_a_red_run_becomes_a_sprint_whose_goal_is_met_by_cleaned_data(
    patients: None, two_workers: House, product: Product, cast: Cast, open_page: OpenPage,
    tmp_path: Path,
) -> None:  # fmt: skip
    page = open_page(cast.olga)
    page.set_default_timeout(SLOW_MS)
    expect.set_options(timeout=SLOW_MS)

    # Red.
    page.goto("/p/MED/data/patients/")
    page.get_by_role("button", name="Run checks").click()
    expect(page.get_by_text("2 of 20").first).to_be_visible()
    [item] = Item.objects.all()
    assert Run.objects.get().state == "failed"

    # A sprint of it, which can't be called met yet.
    page.get_by_role("button", name="Make a sprint of it").click()
    page.get_by_role("button", name="Plan the sprint").click()
    expect(page).to_have_url(re.compile(r"/sprints/\d+/plan/$"))
    page.get_by_role("link", name="Start…").click()
    page.get_by_role("button", name="Start the sprint").click()
    expect(page).to_have_url(re.compile("/board/$"))
    sprint = Sprint.objects.get()
    expect(page.locator(f".card-item[data-ref={item.ref}]")).to_be_visible()
    page.goto(f"/p/MED/sprints/{sprint.pk}/close/")
    expect(page.get_by_text("can’t be called met while the exit fails")).to_be_visible()

    # Cleaned data, whose run closes the item.
    file = tmp_path / "cleaned.csv"
    file.write_text(CLEANED)
    page.goto("/p/MED/data/patients/versions/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/p/MED/runs/\d+/"))
    expect(page.get_by_text("1 item closed")).to_be_visible()
    assert Finding.objects.get().state == "resolved"

    # Met.
    page.goto(f"/p/MED/sprints/{sprint.pk}/close/")
    expect(page.get_by_text("its goal may be called met")).to_be_visible()
    page.get_by_label("Yes").check()
    page.get_by_role("button", name=re.compile("^Close ")).click()
    expect(page.locator("#report")).to_contain_text("Goal met")
    sprint.refresh_from_db()
    assert sprint.goal_met == "yes"
    assert sprint.backlog.closed_at is not None
    assert sprint.backlog.closed_at <= timezone.now()
    assert Run.objects.filter(state="passed").count() == 1
