"""The first walk of a newcomer: a dirty file, its findings and items, a clean file, all green."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Finding, Item, Product
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults, work

HEADER = "sample_id,clump_thickness,bare_nuclei,class"
ROWS = [
    f"{1000 + n},{n % 10 + 1},{'?' if n % 43 == 5 and n < 693 else n % 10 + 1},{2 + n % 2 * 2}"
    for n in range(699)
]
UNREAD = sum(",?," in row for row in ROWS)


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


@pytest.mark.walk
def test_a_failing_check_files_an_item_that_the_cleaned_file_closes(
    product: Product, cast: Cast, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(cast.max)
    dirty = write(tmp_path / "cells.csv", ROWS)
    cleaned = write(tmp_path / "cleaned.csv", [row for row in ROWS if ",?," not in row])

    page.goto("/p/MED/data/new/")
    page.get_by_label("Name").fill("Cells")
    page.locator("input[type=file]").set_input_files(dirty)
    page.get_by_role("group", name="Does it hold personal data?").get_by_label("No").check()
    page.locator("input[name=sample_policy][value=values]").check()
    page.get_by_role("textbox", name="Key columns").fill("sample_id")
    page.get_by_role("button", name="Register").click()
    expect(page).to_have_url(re.compile("/p/MED/data/cells/profile/"))
    work()
    page.reload()
    expect(page.get_by_text("bare_nuclei").first).to_be_visible()
    assert not serious_faults(page)
    page.get_by_role("button", name="Add all").click()

    page.goto("/p/MED/data/cells/")
    page.get_by_role("button", name="Run checks").click()
    expect(page).to_have_url(re.compile(r"/p/MED/runs/\d+/"))
    work()
    # The page asks for itself: nobody reloads it.
    expect(page.get_by_text(f"{UNREAD} of 699").first).to_be_visible()
    assert not serious_faults(page)
    item = Item.objects.get()
    page.goto("/p/MED/backlog/")
    expect(page.get_by_text(item.ref).first).to_be_visible()
    assert not serious_faults(page)
    page.goto(f"/p/MED/items/{item.ref}/")
    expect(page.get_by_text("bare_nuclei").first).to_be_visible()
    assert not serious_faults(page)

    page.goto("/p/MED/data/cells/")
    page.get_by_role("button", name="Run checks").click()
    work()
    assert Item.objects.count() == 1
    assert Finding.objects.get().occurrence_count == 2

    page.goto("/p/MED/data/cells/versions/")
    page.locator("input[type=file]").set_input_files(cleaned)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_load_state()
    page.goto("/p/MED/data/cells/")
    page.get_by_role("button", name="Run checks").click()
    work()
    item.refresh_from_db()
    assert Finding.objects.get().state == "resolved"
    assert item.status.category == "done"


PAGES = [
    "/products/",
    "/profile/",
    "/password/",
    "/p/MED/backlog/",
    "/p/MED/items/new/",
    "/p/MED/trash/",
    "/p/MED/findings/",
    "/p/MED/settings/",
    "/p/MED/members/",
    "/p/MED/tokens/",
    "/p/MED/data/",
    "/p/MED/data/new/",
    "/p/MED/nowhere/",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_fault_for_people_with_aids(
    product: Product, cast: Cast, open_page: Callable[..., Page], theme: str
) -> None:
    page = open_page(cast.olga, color_scheme=theme)
    faults: list[str] = []
    for path in PAGES:
        page.goto(path)
        faults += [f"{path} {fault}" for fault in serious_faults(page)]
        width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{path} is wider than the window"
    assert not faults
