"""The pages of imports, from the upload to the report, as plain forms; and the command."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Import, Item, Product
from backlog.services.imports import request_check
from backlog.services.items import ItemDraft, create_item
from tests.backlog.imports import (
    brought,
    carried_out,
    csv_file,
    jira_file,
    odd_jira_file,
    plain_file,
    sent,
    tried,
)
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.e2e.conftest import work

PAGE = "/p/MED/imports/"


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def client(cast: Cast, as_person: Any) -> Client:
    owner: Client = as_person(cast.olga)
    return owner


def upload(client: Client, content: bytes, name: str = "backlog.csv") -> Any:
    return client.post(PAGE, {"file": SimpleUploadedFile(name, content), "file_format": ""})


def proposed(html: str) -> dict[str, str]:
    """The answers that a mapping form shows as chosen."""
    answers = dict(re.findall(r'<input[^>]*name="([a-z_]+)"[^>]*value="([^"]*)"', html))
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', options)
        answers[name] = chosen[1] if chosen else ""
    answers.pop("csrfmiddlewaretoken", None)
    return answers


def test_a_file_goes_from_the_upload_to_the_report_by_plain_forms(
    product: Product, client: Client
) -> None:
    assert "Export your backlog as CSV" in client.get(PAGE).content.decode()
    answer = upload(client, odd_jira_file())
    here = answer.headers["Location"]
    html = client.get(here).content.decode()
    assert "Jira CSV" in html
    assert "Story Points" in html
    assert "of use in Jira only" in html  # why Watchers are left out
    assert client.post(here, proposed(html)).headers["Location"] == here
    assert "It starts as soon as a worker is free" in client.get(here).content.decode()
    work()
    html = client.get(here).content.decode()
    assert "Nothing has changed yet" in html
    assert "Import 8 items" in html
    assert not Item.objects.exists()
    client.post(f"{here}start/")
    work()
    html = client.get(here).content.decode()
    assert "Open the backlog" in html
    assert '/p/MED/items/MED-1/"' in html
    assert Item.objects.count() == 8
    listed = client.get(PAGE).content.decode()
    assert "8 new" in listed
    assert "5 skipped" in listed


def test_a_file_that_brings_nothing_says_so_and_counts_the_rows_that_it_leaves_out(
    product: Product, client: Client
) -> None:
    file = csv_file([["key", "title"], ["K-1", "One"], ["K-2", "Two", "too", "wide"]])
    for _ in range(2):
        here = upload(client, file).headers["Location"]
        html = client.get(here).content.decode()
        assert "<span>2 rows</span>" in html
        client.post(here, proposed(html))
        work()
        again = client.get(here).content.decode()
        assert "all rows" in again
        client.post(f"{here}start/")
        work()
    assert "Import 0 items" not in again
    assert re.search(r'class="btn">.{,900}Import all the same', again, re.S)
    assert "No row brings an item: what could be read is here already." in again
    here = upload(client, csv_file([["title"], ["One"]])).headers["Location"]
    assert "1 column. Wrong?" in client.get(here).content.decode()


def test_choices_of_the_form_hold(product: Product, client: Client) -> None:
    file = csv_file([["key", "title", "phase", "who"], ["K-1", "One", "Open", "Zoe"]])
    here = upload(client, file).headers["Location"]
    answers = proposed(client.get(here).content.decode())
    answers |= {"column-2": "status", "column-3": "assignees", "source": "sheet"}
    answer = client.post(here, answers, follow=True)
    html = answer.content.decode()
    assert "These columns brought new words" in html
    answers = proposed(html) | {"person-0": "max@example.org"}
    client.post(here, answers)
    work()
    client.post(f"{here}start/")
    work()
    item = Item.objects.get(external_source="sheet", external_id="K-1")
    assert [user.email for user in item.assignees.all()] == ["max@example.org"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"column-1": "drop"}, "One column is the title, not none"),
        ({"column-0": "title"}, "One column is the title, not key, title"),
        ({"time_zone": "Mars"}, "Write a time zone"),
        ({"source": "a/b"}, "without a slash"),
        ({"column-0": "moon"}, "key: choose from what is offered"),
    ],
)
def test_a_wrong_choice_is_said_on_the_form(
    product: Product, client: Client, changes: dict[str, str], said: str
) -> None:
    here = upload(client, plain_file(1)).headers["Location"]
    answers = proposed(client.get(here).content.decode()) | changes
    answer = client.post(here, answers)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_file_that_is_none_is_refused_at_its_field(product: Product, client: Client) -> None:
    answer = upload(client, b"key,title\n")
    assert answer.status_code == 422
    assert "has no row below its header" in answer.content.decode()
    assert client.post(PAGE, {}).status_code == 422


def test_rows_are_filtered_and_paged(product: Product, client: Client, olga: Actor) -> None:
    done = brought(product, plain_file(120, tags="x" * 60), olga)
    here = f"{PAGE}{done.pk}/"
    html = client.get(here).content.decode()
    assert "1–100 of 120" in html
    assert "Item 120" in client.get(f"{here}?page=2").content.decode()
    assert "120</span>" in client.get(f"{here}?show=warning").content.decode()
    assert "Item 1<" not in client.get(f"{here}?show=skipped").content.decode()


def test_the_report_is_a_csv_whose_cells_are_no_formulas(
    product: Product, client: Client, olga: Actor
) -> None:
    rows = [["key", "title", "parent"], ["=K-1", "=1+1", "X"], ["K-2", "Two", ""]]
    done = brought(product, csv_file(rows), olga)
    answer = client.get(f"{PAGE}{done.pk}/report/")
    text = b"".join(answer.streaming_content).decode()
    table = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert table[1][:6] == ["2", "'=K-1", "'=1+1", "new", "MED-1", "warning"]
    assert table[2][:5] == ["3", "K-2", "Two", "new", "MED-2"]


def test_progress_is_a_fragment_that_asks_for_itself(
    product: Product, client: Client, olga: Actor
) -> None:
    imported = request_check(sent(product, plain_file(1), olga), actor=olga)
    here = f"{PAGE}{imported.pk}/"
    part = client.get(here, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert f'hx-get="{here}"' in part
    work()
    part = client.get(here, headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in part.split("Rows")[0]


def test_an_import_is_cancelled_read_otherwise_and_discarded(
    product: Product, client: Client, olga: Actor
) -> None:
    imported = request_check(sent(product, plain_file(1), olga), actor=olga)
    here = f"{PAGE}{imported.pk}/"
    client.post(f"{here}cancel/")
    assert "The dry run ended" in client.get(here).content.decode()
    client.post(f"{here}read/", {"file_format": "jira-csv", "delimiter": ","})
    assert "Jira CSV" in client.get(here).content.decode()
    client.post(f"{here}read/", {"file_format": "moon"})
    client.post(f"{here}discard/")
    assert not Import.objects.exists()
    assert client.get(here).status_code == 404


def test_the_mapping_can_be_changed_after_the_dry_run(
    product: Product, client: Client, olga: Actor
) -> None:
    imported = tried(sent(product, jira_file(), olga), olga)
    html = client.get(f"{PAGE}{imported.pk}/?map=1").content.decode()
    assert "Dry run" in html
    client.post(f"{PAGE}{imported.pk}/", proposed(html) | {"order": "priority"})
    work()
    imported.refresh_from_db()
    assert imported.mapping["order"] == "priority"
    assert imported.state == "checked"


def test_weak_roles_read_and_do_not_import(
    product: Product, cast: Cast, as_person: Any, olga: Actor
) -> None:
    imported = tried(sent(product, plain_file(1), olga), olga)
    for person in (cast.max, cast.vera):
        browser = as_person(person)
        assert 'type="file"' not in browser.get(PAGE).content.decode()
        assert "Import 1 item" not in browser.get(f"{PAGE}{imported.pk}/").content.decode()
        assert upload(browser, plain_file(1)).status_code == 403
        assert browser.post(f"{PAGE}{imported.pk}/start/").status_code == 403
    assert upload(as_person(cast.sina), plain_file(1)).status_code == 302
    assert as_person(cast.sam).get(f"{PAGE}{imported.pk}/").status_code == 404


def test_another_products_import_is_not_there(
    product: Product, other_product: Product, cast: Cast, as_person: Any, olga: Actor
) -> None:
    imported = sent(product, plain_file(1), olga)
    answer = as_person(cast.sam).get(f"/p/SHOP/imports/{imported.pk}/")
    assert answer.status_code == 404


def test_the_list_takes_as_many_queries_however_many_there_are(
    product: Product, client: Client, olga: Actor, django_assert_num_queries: Any
) -> None:
    brought(product, plain_file(1), olga)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as first:
        client.get(PAGE)
    for _ in range(3):
        brought(product, plain_file(3), olga)
    with django_assert_num_queries(len(first)):
        client.get(PAGE)
    few = f"{PAGE}{Import.objects.latest('pk').pk}/"
    client.get(few)
    with CaptureQueriesContext(connection) as of_three:
        client.get(few)
    many = brought(product, plain_file(90), olga)
    with django_assert_num_queries(len(of_three)):
        client.get(f"{PAGE}{many.pk}/")


# The command -----------------------------------------------------------------------------------
@pytest.fixture
def run(tmp_path: Path) -> Any:
    def command(content: bytes, *more: str) -> str:
        path = tmp_path / "backlog.csv"
        path.write_bytes(content)
        out = io.StringIO()
        call_command("importitems", "med", str(path), *more, stdout=out)
        return out.getvalue()

    return command


def test_the_command_imports_and_says_what_became_of_the_rows(product: Product, run: Any) -> None:
    said = run(odd_jira_file(), "--dry-run")
    assert "8 would be new" in said
    assert not Item.objects.exists()
    said = run(odd_jira_file(), "--format", "jira-csv", "--as", "olga@example.org")
    assert "row 10 error" in said
    assert "backlog.csv: 8 new, 0 updated, 0 unchanged, 5 skipped." in said
    assert "8 unchanged" in run(odd_jira_file())


def test_the_command_takes_a_mapping(product: Product, run: Any, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"source": "sheet", "columns": [
        {"name": "points", "target": "drop"}]}))  # fmt: skip
    run(plain_file(2), "--mapping", str(mapping))
    assert Item.objects.filter(external_source="sheet", points=None).count() == 2
    mapping.write_text("[")
    with pytest.raises(CommandError, match="is no JSON"):
        run(plain_file(2), "--mapping", str(mapping))
    mapping.write_text('{"moon": 1}')
    with pytest.raises(CommandError, match="Some choices are unknown"):
        run(plain_file(2), "--mapping", str(mapping))


def test_the_command_refuses_what_can_not_be(product: Product, run: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="may not import"):
        run(plain_file(1), "--as", "max@example.org")
    with pytest.raises(CommandError, match="no row below its header"):
        run(b"key,title\n")
    with pytest.raises(CommandError, match="can't be read"):
        call_command("importitems", "MED", str(tmp_path / "nowhere.csv"))
    with pytest.raises(CommandError, match="no product"):
        call_command("importitems", "NO", str(tmp_path / "nowhere.csv"))
    assert not Import.objects.exists()


def test_a_started_import_is_told_where_it_stands(
    product: Product, client: Client, olga: Actor
) -> None:
    create_item(product, ItemDraft("There before"), actor=olga)
    done = carried_out(sent(product, plain_file(2), olga), olga)
    html = client.get(f"/p/MED/items/{Item.objects.get(external_id='K-1').ref}/").content.decode()
    assert "imported it" in html
    assert done.state == "done"
