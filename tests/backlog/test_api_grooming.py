"""REST of labels, fields, links, many items at once and items of other systems."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from backlog.models import Item, Label, Product
from tests.conftest import Cast
from tests.rest import V1, queries

ITEMS = f"{V1}/products/MED/items/"
LABELS = f"{V1}/products/MED/labels/"
FIELDS = f"{V1}/products/MED/fields/"
BULK = f"{ITEMS}bulk/"


@pytest.fixture
def max_(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.max)


@pytest.fixture
def olga(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.olga)


def made(client: Any, **fields: Any) -> dict[str, Any]:
    answer = client.post(ITEMS, {"title": "Second reading", **fields})
    assert answer.status_code == 201, answer.json()
    item: dict[str, Any] = answer.json()
    return item


# One item, whole -----------------------------------------------------------------------------
def test_an_item_takes_labels_criteria_dates_and_fields_of_the_product(
    max_: Any, olga: Any
) -> None:
    field = {"name": "Risk", "kind": "choice", "choices": ["low", "high"]}
    assert olga.post(FIELDS, field).json()["slug"] == "risk"
    item = made(
        max_,
        labels=["ux", "Data"],
        criteria=[{"text": "Doctors agree"}],
        due_date="2026-12-24",
        gpu_hours=1.5,
        fields={"risk": "low"},
    )
    assert item["labels"] == ["Data", "ux"]
    assert item["criteria"] == [{"text": "Doctors agree", "is_met": False}]
    assert (item["due_date"], item["gpu_hours"]) == ("2026-12-24", 1.5)
    assert (item["fields"], item["blocked"]) == ({"risk": "low"}, False)
    path = f"{V1}/items/{item['ref']}/"
    changed = max_.patch(
        path,
        {"labels": ["ux"], "blocked_reason": "waits for the clinic", "fields": {"risk": None}},
    ).json()
    assert (changed["labels"], changed["blocked"], changed["fields"]) == (["ux"], True, {})
    assert Label.objects.count() == 2
    wrong = max_.patch(path, {"fields": {"risk": "none", "speed": 3}})
    assert wrong.status_code == 400
    assert {e["pointer"] for e in wrong.json()["errors"]} == {"/fields.risk", "/fields.speed"}


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=scan", ["Read the scans"]),
        ("label=ux", ["Read the scans"]),
        ("label=none", ["Export", "Epic"]),
        ("label__not=ux", ["Export", "Epic"]),
        ("kind__not=epic", ["Read the scans", "Export"]),
        ("assignee=me", ["Export"]),
        ("assignee=none", ["Read the scans", "Epic"]),
        ("assignee=none&assignee=max@example.org", ["Read the scans", "Export", "Epic"]),
        ("blocked=true", ["Export"]),
        ("blocked=false", ["Read the scans", "Epic"]),
        ("estimated=false", ["Export", "Epic"]),
        ("due=none", ["Export", "Epic"]),
        ("due=overdue", ["Read the scans"]),
        ("due_before=2020-01-02", ["Read the scans"]),
    ],
)
def test_items_are_filtered_by_any_of_not_none_and_me(
    max_: Any, query: str, titles: list[str]
) -> None:
    made(max_, title="Read the scans", labels=["ux"], points=3, due_date="2020-01-01")
    made(max_, title="Export", assignees=["max@example.org"], blocked_reason="no access")
    made(max_, title="Epic", kind="epic")
    found = max_.get(f"{ITEMS}?{query}")
    assert found.status_code == 200, found.json()
    assert [item["title"] for item in found.json()["results"]] == titles


# Labels and fields ---------------------------------------------------------------------------
def test_labels_are_made_changed_and_taken_away(max_: Any) -> None:
    label = max_.post(LABELS, {"name": "ux", "hue": "teal"}).json()
    assert max_.post(LABELS, {"name": "UX"}).status_code == 400
    path = f"{LABELS}{label['id']}/"
    assert max_.patch(path, {"name": "design"}).json()["name"] == "design"
    assert [row["name"] for row in max_.get(LABELS).json()["results"]] == ["design"]
    assert max_.delete(path).status_code == 204
    assert max_.delete(path).status_code == 404


def test_fields_are_the_product_owners(max_: Any, olga: Any) -> None:
    assert max_.post(FIELDS, {"name": "Risk", "kind": "text"}).status_code == 403
    assert olga.post(FIELDS, {"name": "Risk", "kind": "text"}).status_code == 201
    assert olga.patch(f"{FIELDS}risk/", {"name": "Danger"}).json()["name"] == "Danger"
    assert max_.get(FIELDS).json()["results"][0]["slug"] == "risk"
    assert olga.delete(f"{FIELDS}risk/").status_code == 204


# Links ---------------------------------------------------------------------------------------
def test_links_are_seen_from_both_ends_and_block(max_: Any) -> None:
    first, second = made(max_)["ref"], made(max_)["ref"]
    path = f"{V1}/items/{first}/links/"
    link = max_.post(path, {"type": "blocks", "ref": second.lower()})
    assert link.status_code == 201
    there = max_.get(f"{V1}/items/{second}/").json()
    assert there["links"] == [{"type": "blocked_by", "ref": first}]
    assert there["blocked"]
    circle = max_.post(f"{V1}/items/{second}/links/", {"type": "blocks", "ref": first})
    assert (circle.status_code, circle.json()["code"]) == (409, "circle")
    assert max_.post(path, {"type": "blocks", "ref": "MED-99"}).status_code == 400
    max_.patch(f"{V1}/items/{first}/", {"status": "done"})
    assert not max_.get(f"{V1}/items/{second}/").json()["blocked"]
    assert max_.delete(f"{path}{link.json()['id']}/").status_code == 204
    assert max_.get(path).json() == []


def test_links_of_a_page_take_the_same_queries_however_many(max_: Any) -> None:
    refs = [made(max_)["ref"] for _ in range(6)]
    max_.post(f"{V1}/items/{refs[0]}/links/", {"type": "relates", "ref": refs[1]})
    few = queries(max_, ITEMS)
    for ref in refs[2:]:
        max_.post(f"{V1}/items/{refs[0]}/links/", {"type": "relates", "ref": ref})
    assert queries(max_, ITEMS) == few
    assert len(max_.get(ITEMS).json()["results"][0]["links"]) == 5


def test_items_are_found_by_the_product_s_own_fields(
    api: Any, cast: Cast, product: Product
) -> None:
    olga = api(cast.olga)
    for field in (
        {"name": "Risk", "kind": "choice", "choices": ["high", "low"]},
        {"name": "Effort", "kind": "number"},
        {"name": "Signed off", "kind": "checkbox"},
        {"name": "Contains", "kind": "text"},  # as a look-up of the database is called
    ):
        assert olga.post(FIELDS, field).status_code == 201
    values: list[dict[str, Any]] = [
        {"risk": "high", "effort": 3, "signed_off": True, "contains": "a, b"},
        {"risk": "low", "effort": 3.5, "signed_off": False},
        {},
    ]
    for fields in values:
        made(olga, fields=fields)

    def found(query: str) -> list[int]:
        rows = olga.get(f"{ITEMS}?{query}").json()["results"]
        return [int(row["ref"].rpartition("-")[2]) for row in rows]

    assert found("fields.risk=high") == [1]
    assert found("fields.risk=high&fields.risk=low") == [1, 2]
    assert found("fields.risk=none&fields.risk=low") == [2, 3]
    assert found("fields.risk__not=high") == [2, 3]
    assert found("fields.risk__not=none&kind=story") == [1, 2]
    assert found("fields.effort=3") == [1]
    assert found("fields.effort=3.5&fields.risk=low") == [2]
    assert found("fields.signed_off=yes") == [1]
    assert found("fields.signed_off=no") == [2, 3]
    assert found("fields.contains=a, b") == [1]
    assert olga.get(f"{ITEMS}?fields.risk=low").json()["results"][0]["fields"] == values[1]
    for query, name in (
        ("fields.size=3", "fields.size"),
        ("fields.effort=much", "fields.effort"),
        ("fields.risk=middling", "fields.risk"),
    ):
        answer = olga.get(f"{ITEMS}?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["errors"][0]["parameter"] == name
    assert olga.get(f"{V1}/items/MED-1/?fields.risk=low").status_code == 400
    assert queries(olga, f"{ITEMS}?fields.risk=low") == queries(olga, ITEMS) + 1


def test_a_field_named_by_a_number_filters_as_well(product: Product, olga: Any) -> None:
    made_field = olga.post(FIELDS, {"name": "2024", "kind": "text"}).json()
    assert made_field["slug"] == "field_2024"
    made(olga, fields={"field_2024": "yes"})
    assert len(olga.get(f"{ITEMS}?fields.field_2024=yes").json()["results"]) == 1
    assert olga.post(FIELDS, {"name": "A", "slug": "7", "kind": "text"}).status_code == 400


@pytest.mark.parametrize("name", ["label", "label__not", "parent", "assignee", "fields.team__not"])
def test_a_filter_takes_no_more_values_than_the_databases_do(
    product: Product, olga: Any, name: str
) -> None:
    assert olga.post(FIELDS, {"name": "Team", "kind": "text"}).status_code == 201
    values = "&".join(f"{name}=MED-{number}" for number in range(1, 1500))
    answer = olga.get(f"{ITEMS}?{values}")
    assert answer.status_code == 400
    assert "at most 100" in answer.content.decode()
    few = "&".join(f"{name}=MED-{number}" for number in range(1, 100))
    assert olga.get(f"{ITEMS}?{few}").status_code == 200


# Many at once --------------------------------------------------------------------------------
def test_a_hundred_items_are_made_in_few_statements(
    max_: Any, django_assert_max_num_queries: Any
) -> None:
    named = {"labels": ["ux"], "assignees": ["sina@example.org"], "status": "in-progress"}
    rows = [{"title": f"Item {n}", "points": n % 8, **named} for n in range(100)]
    for name in ("ux", "data"):
        max_.post(LABELS, {"name": name})
    most = 30 if connection.vendor == "postgresql" else 40  # SQLite takes 999 values at once
    with django_assert_max_num_queries(most):
        answer = max_.post(BULK, {"items": rows})
    assert answer.status_code == 201
    assert answer.json()["refs"][0] == "MED-1"
    assert (
        Item.objects.filter(labels__name="ux", assignees__email="sina@example.org").count() == 100
    )
    change = {"set": {"points": 5, "assignees": []}, "add_labels": ["data"]}
    with django_assert_max_num_queries(most):
        answer = max_.post(BULK, {"refs": answer.json()["refs"], **change})
    assert answer.status_code == 200
    assert Item.objects.filter(labels__name="data", points=5, version=2).count() == 100


def test_one_bad_row_of_many_makes_none_and_is_named(max_: Any) -> None:
    answer = max_.post(BULK, {"items": [{"title": "Good"}, {"title": "Bad", "points": -1}]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/1/points"
    assert not Item.objects.exists()


def test_without_atomic_each_row_is_answered(max_: Any) -> None:
    rows = [{"title": "Good"}, {"title": "Bad", "points": -1}, {"title": "Also good"}]
    answer = max_.post(BULK, {"items": rows, "atomic": False})
    assert answer.status_code == 207
    assert [row["status"] for row in answer.json()["rows"]] == [200, 400, 200]
    assert answer.json()["rows"][1]["errors"][0]["pointer"] == "/points"
    assert Item.objects.count() == 2


def test_lines_become_items_with_their_tasks_in_order(max_: Any) -> None:
    text = "- Clean the ages (5) #data @dora\n  - [ ] ask the clinic\n- Export (2)\n"
    refs = max_.post(BULK, {"text": text}).json()["refs"]
    items = list(Item.objects.order_by("rank"))
    assert [item.title for item in items] == ["Clean the ages", "ask the clinic", "Export"]
    assert refs == ["MED-1", "MED-2", "MED-3"]
    assert (items[1].kind, items[1].parent) == ("task", items[0])
    assert items[0].assignees.get().email == "dora@example.org"
    wrong = max_.post(BULK, {"text": "Good\nTo @nobody"})
    assert wrong.status_code == 400
    assert "Line 2" in wrong.json()["detail"]
    assert Item.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"text": "Story\n\n" * 501}, "These are 501 lines; send at most 500 at once."),
        (
            {"text": "Story", "atomic": False},
            "Lines of text are made all or none: leave atomic out, or send items instead.",
        ),
    ],
)
def test_lines_of_text_keep_the_limits_of_the_others(max_: Any, body: Any, why: str) -> None:
    answer = max_.post(BULK, body)
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (400, why)
    assert not Item.objects.exists()


def test_many_are_edited_alike_or_none(max_: Any) -> None:
    refs = [made(max_)["ref"] for _ in range(3)]
    answer = max_.post(BULK, {"refs": refs, "set": {"points": 3}, "add_labels": ["ux"]})
    assert answer.json() == {"refs": refs}
    assert Item.objects.filter(points=3, labels__name="ux").count() == 3
    epic = made(max_, kind="epic")["ref"]
    wrong = max_.post(BULK, {"refs": [*refs, epic], "set": {"points": 5}})
    assert wrong.status_code == 400
    assert epic in wrong.json()["detail"]
    assert Item.objects.filter(points=3).count() == 3
    assert max_.post(BULK, {"refs": ["MED-99"], "set": {}}).status_code == 400
    assert max_.post(BULK, {}).status_code == 400


def test_an_item_of_another_system_is_made_once_and_then_changed(max_: Any) -> None:
    path = f"{ITEMS}external/jira/A-1/"
    first = max_.put(path, {"title": "From Jira", "external_url": "https://jira.example.org/A-1"})
    assert (first.status_code, first.json()["external_id"]) == (201, "A-1")
    again = max_.put(path, {"points": 3})
    assert (again.status_code, again.json()["title"]) == (200, "From Jira")
    max_.delete(f"{V1}/items/{first.json()['ref']}/")
    back = max_.put(path, {"title": "Again"})
    assert (back.json()["restored"], back.json()["deleted_at"]) == (True, None)
    assert Item.objects.count() == 1
