"""A backlog is brought along by keyboard alone: upload, map, dry run, start, report, and again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import update_item
from tests.backlog.imports import odd_jira_file
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults, work

DATA = Path(__file__).resolve().parents[1] / "backlog" / "data"


def tab_to(page: Page, target: Locator, *, most: int = 120) -> None:
    """Go to a control by the Tab key alone."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {target}")


def press(page: Page, name: str) -> None:
    tab_to(page, page.get_by_role("button", name=name).last)
    page.keyboard.press("Enter")


def test_a_jira_export_is_imported_by_keyboard(
    product: Product, cast: Cast, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(odd_jira_file())
    page = open_page(cast.olga)
    page.goto("/p/MED/settings/")
    tab_to(page, page.get_by_role("link", name="Import", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Export your backlog as CSV")).to_be_visible()
    assert serious_faults(page) == []

    page.get_by_label("File").set_input_files(file)  # the chooser is the browser's own
    press(page, "Upload")
    expect(page.get_by_role("heading", name="export.csv")).to_be_visible()
    assert serious_faults(page) == []
    person = page.get_by_label("Zoe Else")
    tab_to(page, person)
    page.keyboard.type("Dora")
    expect(person).to_have_value("dora@example.org")
    press(page, "Dry run")

    expect(page.locator("#import [role=status]")).to_contain_text("as soon as a worker is free")
    assert serious_faults(page) == []
    page.goto("/p/MED/backlog/")  # it can be left and come back to
    page.goto("/p/MED/imports/")
    page.get_by_role("link", name="export.csv").press("Enter")
    work()
    expect(page.get_by_text("Nothing has changed yet")).to_be_visible()
    assert serious_faults(page) == []
    page.get_by_role("link", name=re.compile("with errors")).press("Enter")
    expect(page.locator("tbody tr")).to_have_count(5)
    press(page, "Import 8 items")

    expect(page.locator("#import [role=status]")).to_be_visible()
    work()
    expect(page.get_by_role("link", name="Open the backlog")).to_be_visible()
    assert serious_faults(page) == []
    with page.expect_download() as report:
        page.get_by_role("link", name="Report", exact=True).press("Enter")
    assert report.value.suggested_filename.endswith("-report.csv")
    assert Item.objects.filter(product=product).count() == 8
    page.get_by_role("link", name="Open the backlog").press("Enter")
    expect(page.get_by_text("Detect nuclei")).to_be_visible()


def test_the_pages_fit_a_phone_in_the_dark(
    product: Product, cast: Cast, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(odd_jira_file())
    page = open_page(cast.sina, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto("/p/MED/imports/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="export.csv")).to_be_visible()
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Dry run").last.click()
    expect(page.locator("#import [role=status]")).to_be_visible()
    work()
    expect(page.get_by_text("Nothing has changed yet")).to_be_visible()
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1440, 390])
def test_a_taiga_project_is_imported_and_reverted(
    product: Product, cast: Cast, open_page: Callable[..., Page], tmp_path: Path, width: int
) -> None:
    file = tmp_path / "triage.json"
    file.write_bytes((DATA / "taiga.json").read_bytes().replace(b'"points": "3"', b'"points": "L"'))
    page = open_page(cast.olga, viewport={"width": width, "height": 900})

    def is_fine() -> None:
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto("/p/MED/imports/")
    is_fine()
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="triage.json")).to_be_visible()
    expect(page.get_by_label("Points: UX")).to_have_value("role_points")
    page.get_by_label("L × 1").fill("8")
    is_fine()
    page.get_by_role("button", name="Dry run").last.click()
    expect(page.locator("#import [role=status]")).to_be_visible()
    work()
    expect(page.get_by_text("Nothing has changed yet")).to_be_visible()
    page.get_by_role("button", name="Import 5 items").click()
    expect(page.locator("#import [role=status]")).to_be_visible()
    work()
    expect(page.get_by_role("link", name="Open the backlog")).to_be_visible()
    story = Item.objects.get(external_id="olga-triage#2")
    assert str(story.points) == "8.5"
    update_item(story, actor=Actor.person(cast.max), title="Find nuclei")

    tab_to(page, page.get_by_text("Revert this import"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Revert", exact=True)).to_be_visible()
    is_fine()
    press(page, "Revert")
    expect(page.locator("#import [role=status]")).to_be_visible()
    work()
    expect(page.get_by_text("3 items deleted")).to_be_visible()
    expect(page.get_by_text(f"{story.ref} stays: Max Berger").first).to_be_visible()
    expect(page.get_by_text("Revert this import")).to_have_count(0)
    is_fine()
    page.get_by_role("link", name="trash").click()
    expect(page.get_by_text("Verdict is cut off")).to_be_visible()
