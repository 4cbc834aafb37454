"""Lists leave as files: by the filters that the list has, for whoever may read it."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from backlog.models import Actor, Product
from backlog.rules.evidence import Observation, Outcome
from backlog.services.extra_fields import create_field
from backlog.services.findings import EvidenceReport, merge, report, resolve
from backlog.services.items import ItemDraft, create_item, update_item
from tests.backlog.evidence import see
from tests.conftest import Cast


@pytest.fixture
def backlog(product: Product, cast: Cast) -> Product:
    olga = Actor.person(cast.olga)
    create_field(product, "Risk", "choice", actor=olga, choices=["low", "high"])
    first = create_item(
        product, ItemDraft(title="=HYPERLINK(1)", kind="bug", assignees=[cast.max]), actor=olga
    )
    update_item(first, actor=olga, extra={"risk": "high"})
    create_item(product, ItemDraft(title="Sort the worklist"), actor=olga)
    for number, outcome in enumerate([Outcome.FAILED, Outcome.FAILED]):
        seen = Observation(f"leak{number}", {"file": "a"}, f"-Leak {number}", outcome)
        report(
            EvidenceReport(product, "bandit", f"r{number}", None, "b1", timezone.now(), [seen]),
            actor=olga,
        )
    return product


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_items_leave_by_the_filters_of_the_page(
    backlog: Product, as_person: Any, cast: Cast
) -> None:
    page = as_person(cast.vera)
    every = rows_of(page.get("/p/MED/backlog/export/"))
    assert [row["title"] for row in every] == ["'=HYPERLINK(1)", "Sort the worklist"]
    assert (every[0]["assignees"], every[0]["fields.risk"]) == ("max@example.org", "high")
    bugs = rows_of(page.get("/p/MED/backlog/export/?kind=bug&format=csv"))
    assert [row["ref"] for row in bugs] == [every[0]["ref"]]
    answer = page.get("/p/MED/backlog/export/?q=worklist&format=json")
    found = json.loads(b"".join(answer.streaming_content))
    assert [row["title"] for row in found["results"]] == ["Sort the worklist"]
    answer = page.get("/p/MED/backlog/export/?format=xlsx")
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    answer.close()
    assert sheet is not None and sheet["C2"].value == "'=HYPERLINK(1)"


def test_the_page_offers_what_its_filters_leave(
    backlog: Product, as_person: Any, cast: Cast
) -> None:
    shown = as_person(cast.vera).get("/p/MED/backlog/?kind=bug").content.decode()
    assert "/p/MED/backlog/export/?kind=bug&amp;format=xlsx" in shown
    shown = as_person(cast.vera).get("/p/MED/findings/?state=muted").content.decode()
    assert "/p/MED/findings/export/?state=muted&amp;format=csv" in shown


def test_findings_leave_by_their_state(backlog: Product, as_person: Any, cast: Cast) -> None:
    page = as_person(cast.vera)
    found = rows_of(page.get("/p/MED/findings/export/?state=open"))
    assert sorted(row["title"] for row in found) == ["'-Leak 0", "'-Leak 1"]
    assert rows_of(page.get("/p/MED/findings/export/?state=resolved")) == []
    assert len(rows_of(page.get("/p/MED/findings/export/"))) == 2


def test_rest_exports_by_the_filters_of_its_lists(backlog: Product, api: Any, cast: Cast) -> None:
    caller = api(cast.vera)
    rows = rows_of(caller.get("/api/v1/products/MED/items/export/?kind=bug&fields.risk=high"))
    assert [row["title"] for row in rows] == ["'=HYPERLINK(1)"]
    answer = caller.get("/api/v1/products/MED/items/export/?format=json&kind=bug")
    exported = json.loads(b"".join(answer.streaming_content))
    assert (
        exported["results"] == caller.get("/api/v1/products/MED/items/?kind=bug").json()["results"]
    )
    assert len(rows_of(caller.get("/api/v1/products/MED/findings/export/?source=bandit"))) == 2
    assert rows_of(caller.get("/api/v1/products/MED/findings/export/?source=other")) == []


@pytest.mark.parametrize("query", ["format=pdf", "limit=5", "cursor=x", "ordering=rank", "kind=x"])
def test_rest_ignores_nothing(backlog: Product, api: Any, cast: Cast, query: str) -> None:
    assert api(cast.vera).get(f"/api/v1/products/MED/items/export/?{query}").status_code == 400


def test_pages_refuse_another_format(backlog: Product, as_person: Any, cast: Cast) -> None:
    answer = as_person(cast.vera).get("/p/MED/backlog/export/?format=pdf")
    assert answer.status_code == 422
    assert b"Choose one of csv, json, xlsx" in answer.content


def test_more_items_ask_the_database_no_more_often(
    backlog: Product, as_person: Any, cast: Cast
) -> None:
    page = as_person(cast.vera)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            rows_of(page.get("/p/MED/backlog/export/"))
        return len(seen)

    asked()
    before = asked()
    for number in range(10):
        draft = ItemDraft(title=f"More {number}", assignees=[cast.max])
        create_item(backlog, draft, actor=Actor.person(cast.olga))
    assert asked() == before


@pytest.mark.parametrize(
    "path", ["/p/MED/findings/export/", "/api/v1/products/MED/findings/export/"]
)
def test_twenty_findings_ask_the_database_no_more_often_than_two(
    product: Product, api: Any, as_person: Any, cast: Cast, path: str
) -> None:
    olga, max_ = Actor.person(cast.olga), Actor.person(cast.max)
    client = api(cast.vera) if path.startswith("/api") else as_person(cast.vera)

    def asked() -> tuple[int, list[dict[str, str]]]:
        with CaptureQueriesContext(connection) as seen:
            rows = rows_of(client.get(path))
        return len(seen), rows

    settled, kept = see(product, "age", "sex")
    resolve(settled, reason="fixed", actor=olga)
    asked()  # notes when the token was used
    few, rows = asked()
    assert {int(row["id"]) for row in rows} == {settled.pk, kept.pk}
    for number in range(9):
        one, other = see(product, f"age_{number}", f"sex_{number}")
        resolve(one, reason="false_positive", actor=max_)
        merge(other, kept, actor=olga)
    many, rows = asked()
    assert [many, len(rows)] == [few, 20]
    assert {row["dataset"] for row in rows} == {"patients"}
    assert len({row["item"] for row in rows} - {""}) >= 10
    by_hand = [row["resolution.by"] for row in rows if row["state"] == "resolved"]
    assert Counter(by_hand)["max@example.org"] == 9
    assert Counter(row["merged_into"] for row in rows)[str(kept.pk)] == 9


@pytest.mark.parametrize("noun", ["items", "findings", "sprints", "runs"])
def test_strangers_export_nothing(backlog: Product, api: Any, cast: Cast, noun: str) -> None:
    assert api(cast.sam).get(f"/api/v1/products/MED/{noun}/export/").status_code == 404
    assert api(cast.vera).get(f"/api/v1/products/MED/{noun}/export/").status_code == 200
