"""From a red run to a planned data assessment, and a product goal that ends: by hand and key."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Product
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import save_suite
from sprints.models import Sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, NUCLEI_IN_SET, PATIENTS, run_now, upload
from tests.e2e.conftest import serious_faults

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def run_id(product: Product, cast: Cast, site: str) -> int:
    """A red run of Patients."""
    olga = Actor.person(cast.olga)
    dataset = register_dataset(product, DatasetDraft(name="Patients"), upload(PATIENTS), actor=olga)
    save_suite(dataset, [NUCLEI_IN_SET, AGE_NOT_NULL], actor=olga)
    return int(run_now(dataset, olga).pk)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_red_run_becomes_a_sprint_by_keyboard(
    run_id: int, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.sina)
    page.goto(f"/p/MED/runs/{run_id}/")
    page.get_by_role("button", name="Make a sprint of it").press("Enter")
    expect(page.get_by_role("heading", name="New data assessment")).to_be_visible()
    expect(page.get_by_label("Target health")).to_have_value("95")
    box = page.get_by_role("checkbox")
    expect(box).to_have_count(1)
    assert not serious_faults(page)
    box.press("Space")
    page.get_by_role("button", name="Plan the sprint").press("Enter")
    expect(page.get_by_text("Choose at least one finding")).to_be_visible()
    expect(box).not_to_be_checked()
    box.press("Space")
    page.get_by_label("Name").fill("Nuclei that can be read")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/p/MED/sprints/\d+/plan/$"))
    expect(page.get_by_text("Nuclei that can be read is planned with 1 item.")).to_be_visible()
    assert Sprint.objects.get().backlog.items.count() == 1


def test_the_proposal_fits_a_phone_in_the_dark(
    run_id: int, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.sina, viewport=PHONE, color_scheme="dark")
    page.goto("/p/MED/sprints/assessment/")
    page.get_by_label("Patients").check()
    assert not serious_faults(page)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("Goal")).to_have_value(re.compile("health of 95 %"))
    assert fits(page)
    assert not serious_faults(page)


def test_a_goal_ends_with_its_reason_on_a_phone(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga, viewport=PHONE)
    page.goto("/p/MED/settings/")
    page.get_by_role("textbox", name="Goal").fill("A verdict beside every case.")
    page.get_by_role("button", name="Set the goal").click()
    expect(page.get_by_text("The goal is saved.")).to_be_visible()
    goals = page.get_by_role("region", name="Product goal")
    goals.locator("summary", has_text="Abandon").press("Enter")
    assert fits(page)
    assert not serious_faults(page)
    goals.get_by_role("button", name="Abandon it").click()
    expect(goals.get_by_text("Why is missing.")).to_be_visible()
    goals.get_by_label("Why").fill("The clinics merged.")
    goals.get_by_role("button", name="Abandon it").click()
    expect(goals.get_by_role("list", name="Goals before")).to_contain_text("The clinics merged.")
    expect(goals.get_by_role("button", name="Set the goal")).to_be_visible()


def test_failing_gates_are_overridden_with_a_reason_that_the_report_keeps(
    run_id: int, product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    sprint = create_sprint(
        product.teams.get(),
        actor=olga,
        goal="Nuclei can be read.",
        kind="data_assessment",
        subjects=list(product.subjects.all()),
        target_health=95,
    )
    start_sprint(sprint, actor=olga)
    page = open_page(cast.sina)
    page.goto(f"/p/MED/sprints/{sprint.pk}/close/")
    ahead = page.locator("#ahead")
    page.get_by_label("Yes").check()
    expect(ahead).to_contain_text("The goal can't be called met yet")
    reason = page.get_by_label("Why does it close although gates fail?")
    reason.fill("The clinic sends a new file on Monday.")
    page.get_by_role("button", name="Close Sprint 1").click()
    expect(page.locator(".field-error").first).to_contain_text("can't be called met")
    page.get_by_label("No", exact=True).check()
    page.get_by_label("Why?").fill("Two cells say “?”.")
    reason.fill("")
    page.get_by_role("button", name="Close Sprint 1").click()
    expect(page.locator(".field-error")).to_contain_text("Say why it closes all the same.")
    reason.fill("The clinic sends a new file on Monday.")
    expect(ahead).not_to_contain_text("Before it can close")
    assert not serious_faults(page)
    page.get_by_role("button", name="Close Sprint 1").click()
    expect(page).to_have_url(re.compile(f"/sprints/{sprint.pk}/report/$"))
    report = page.locator("#report")
    for words in ("Goal not met", "Closed all the same: The clinic sends a new file on Monday."):
        expect(report).to_contain_text(words)
