"""The first walk of a newcomer, by browser and by curl: a dirty file, its findings and items, a
clean file, all green."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from backlog.models import Finding, Item, Product
from dataquality.models import Run
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults, work

WISCONSIN = Path(__file__).resolve().parents[3] / "shared" / "data" / "breast_cancer_wisconsin.csv"
UNREAD = 16
ONE_TO_TEN = [str(number) for number in range(1, 11)]
SCORES = ("clump_thickness", "cell_size_uniformity", "cell_shape_uniformity", "marginal_adhesion",
          "epithelial_cell_size", "bland_chromatin", "normal_nucleoli", "mitoses")  # fmt: skip
Row = dict[str, str]


def cells() -> list[Row]:
    """The Wisconsin breast cancer data where it is on this machine, else rows like it: 699, with
    16 nuclei that nobody could read."""
    if WISCONSIN.is_file():
        with WISCONSIN.open(newline="") as file:
            return list(csv.DictReader(file))
    dice = random.Random(8)
    rows = [
        {
            **{name: str(dice.randint(1, 10)) for name in SCORES},
            "bare_nuclei": str(dice.randint(1, 10)),
            "class": dice.choice(("2", "4")),
        }
        for _ in range(699)
    ]
    for row in dice.sample(rows, UNREAD):
        row["bare_nuclei"] = "?"
    return rows


def write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    return write(tmp_path / "cells.csv", cells())


@pytest.fixture
def cleaned(tmp_path: Path) -> Path:
    return write(tmp_path / "cleaned.csv", [row for row in cells() if row["bare_nuclei"] != "?"])


def add_check(page: Page, title: str, severity: str, **answers: str | list[str]) -> None:
    """Add a check through its form; answers by the labels of the fields."""
    page.goto("/p/MED/data/cells/suite/")
    page.get_by_label("Kind of check").select_option(label=title)
    page.get_by_role("button", name="Add", exact=True).click()
    for label, answer in answers.items():
        field = page.get_by_label(label.replace("_", " "), exact=False).first
        if isinstance(answer, list):
            field.fill("\n".join(answer))
        elif label == "Column":
            field.select_option(answer)
        else:
            field.fill(answer)
    page.get_by_label("Severity").select_option(severity)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile("/suite/$"))


def run_checks(page: Page) -> None:
    page.goto("/p/MED/data/cells/")
    page.get_by_role("button", name="Run checks").click()
    expect(page).to_have_url(re.compile(r"/p/MED/runs/\d+/"))
    work()


@pytest.mark.walk
def test_a_failing_check_files_an_item_that_the_cleaned_file_closes(
    product: Product, cast: Cast, open_page: Callable[..., Page], dirty: Path, cleaned: Path
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/data/new/")
    page.get_by_label("Name").fill("Cells")
    page.locator("input[type=file]").set_input_files(dirty)
    page.get_by_role("button", name="Register").click()
    answers = page.get_by_role("group", name="Does it hold personal data?")
    expect(answers.get_by_label("Yes")).to_be_focused()  # and the file is still chosen
    answers.get_by_label("No").check()
    page.locator("input[name=sample_policy][value=values]").check()
    page.get_by_role("button", name="Register").click()
    expect(page).to_have_url(re.compile("/p/MED/data/cells/profile/"))
    work()
    page.reload()
    expect(page.get_by_role("rowheader", name="bare_nuclei")).to_be_visible()
    assert not serious_faults(page)

    add_check(page, "Values are in a set", "critical", Column="bare_nuclei", Values=ONE_TO_TEN)
    for name in SCORES:
        bounds = {"At_least": "1", "At_most": "10"}
        add_check(page, "Values are within bounds", "warning", Column=name, **bounds)
    add_check(page, "Number of rows is within bounds", "warning", At_least="500")
    expect(page.locator("tbody tr")).to_have_count(len(SCORES) + 2)
    assert not serious_faults(page)

    run_checks(page)
    # The page asks for itself: nobody reloads it.
    expect(page.get_by_text(f"{UNREAD} of 699").first).to_be_visible()
    expect(page.locator("#rows-0 td", has_text=re.compile(r"^\?$"))).to_have_count(UNREAD)
    assert not serious_faults(page)
    item = Item.objects.get()
    expect(page.locator(".data-effects").get_by_text(item.ref)).to_be_visible()
    page.goto("/p/MED/backlog/")
    expect(page.get_by_text(item.ref).first).to_be_visible()
    page.goto(f"/p/MED/items/{item.ref}/")
    expect(page.get_by_text("bare_nuclei").first).to_be_visible()
    assert not serious_faults(page)

    run_checks(page)
    assert Item.objects.count() == 1
    assert Finding.objects.get().occurrence_count == 2

    page.goto("/p/MED/data/cells/versions/")
    page.locator("input[type=file]").set_input_files(cleaned)
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/p/MED/runs/\d+/"))
    work()
    expect(page.get_by_text("1 item closed")).to_be_visible()
    item.refresh_from_db()
    assert Finding.objects.get().state == "resolved"
    assert item.status.category == "done"


def test_curl_walks_from_a_dirty_file_to_a_closed_item(
    product: Product, cast: Cast, site: str, dirty: Path, cleaned: Path, capsys: Any
) -> None:
    call_command("createtoken", cast.max.email, "--name", "curl", "--scopes", "read,write,evidence")
    token = capsys.readouterr().out.split()[-1]

    def curl(path: str, *options: str, status: int) -> Any:
        command = ["curl", "-s", "-H", f"Authorization: Bearer {token}", "-w", "\n%{http_code}"]
        answer = subprocess.run(
            [*command, *options, f"{site}/api/v1/{path}"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        body, _, code = answer.rpartition("\n")
        assert int(code) == status, body
        return json.loads(body)

    fields = ["name=Cells", "personal_data=false", "sample_policy=values", f"file=@{dirty}"]
    form = [part for field in fields for part in ("-F", field)]
    registered = curl("products/MED/datasets/", *form, status=201)
    assert registered["slug"] == "cells"
    expectations = [
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "bare_nuclei", "value_set": ONE_TO_TEN},
            "severity": "critical",
        },
        *(
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": name, "min_value": 1, "max_value": 10},
                "severity": "warning",
            }
            for name in SCORES
        ),
    ]
    as_json = ["-H", "Content-Type: application/json"]
    suite = json.dumps({"expectations": expectations})
    curl("datasets/MED/cells/suite/", "-X", "PUT", *as_json, "-d", suite, status=200)
    for _ in range(2):
        curl("datasets/MED/cells/runs/", "-X", "POST", *as_json, "-d", "{}", status=202)
        work()
        red = curl(f"runs/{Run.objects.latest('pk').pk}/", status=200)
        assert red["state"] == "failed"
        assert red["results"][0]["unexpected_count"] == UNREAD
        assert Item.objects.count() == 1
    assert not curl("datasets/MED/cells/gate/", status=200)["passed"]
    curl("datasets/MED/cells/versions/", "-F", f"file=@{cleaned}", status=201)
    curl("datasets/MED/cells/runs/", "-X", "POST", *as_json, "-d", "{}", status=202)
    work()
    green = curl(f"runs/{Run.objects.latest('pk').pk}/", status=200)
    assert green["state"] == "passed"
    assert curl("datasets/MED/cells/gate/", status=200)["passed"]
    items = curl("products/MED/items/", status=200)["results"]
    assert [item["status"] for item in items] == ["done"]
