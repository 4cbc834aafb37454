"""Settings of a product: its workflow, definitions, labels and fields, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Item, Product, User
from backlog.services.extra_fields import create_field
from backlog.services.items import ItemDraft, create_item, create_items
from backlog.services.labels import create_label
from backlog.services.products import update_product
from backlog.services.workflow import add_status
from tests.conftest import Cast

SETTINGS = "/p/MED/settings"


@pytest.fixture
def olga(product: Product, cast: Cast, as_person: Any) -> Client:
    client: Client = as_person(cast.olga)
    return client


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def order(product: Product) -> list[str]:
    return list(product.statuses.order_by("position").values_list("slug", flat=True))


# Who may -----------------------------------------------------------------------------------
def test_everybody_reads_the_settings_and_owners_alone_change_the_workflow(
    product: Product, cast: Cast, as_person: Any, olga_acts: Actor
) -> None:
    create_field(product, "Risk", "text", actor=olga_acts)
    for name in ("vera", "max"):
        client = as_person(cast[name])
        for page in ("workflow", "definitions", "fields"):
            shown = client.get(f"{SETTINGS}/{page}/")
            assert shown.status_code == 200
            assert 'class="btn btn-primary"' not in shown.content.decode()
            assert client.post(f"{SETTINGS}/{page}/", {"name": "x"}).status_code == 403
        for path in ("workflow/done/", "workflow/done/move/", "workflow/done/delete/",
                     "fields/risk/", "fields/risk/move/", "fields/risk/delete/"):  # fmt: skip
            assert client.post(f"{SETTINGS}/{path}", {"up": "1"}).status_code == 403
    assert product.extra_fields.count() == 1


def test_whoever_edits_items_makes_labels(product: Product, cast: Cast, as_person: Any) -> None:
    vera, max_ = as_person(cast.vera), as_person(cast.max)
    wanted = {"name": "ux", "hue": "teal"}
    assert vera.get(f"{SETTINGS}/labels/").status_code == 200
    assert vera.post(f"{SETTINGS}/labels/", wanted).status_code == 403
    assert max_.post(f"{SETTINGS}/labels/", wanted).status_code == 302
    assert product.labels.get().hue == "teal"


def test_all_tabs_lead_somewhere(olga: Client) -> None:
    page = olga.get(f"{SETTINGS}/").content.decode()
    for tab in ("workflow", "definitions", "labels", "fields"):
        assert f'href="{SETTINGS}/{tab}/"' in page
        shown = text_of(olga.get(f"{SETTINGS}/{tab}/"))
        link = f'href="{SETTINGS}/{tab}/" data-command="Settings: {tab}" aria-current="page"'
        assert link in shown


# Workflow ----------------------------------------------------------------------------------
def test_a_status_is_added_and_a_taken_name_refused(product: Product, olga: Client) -> None:
    wanted = {"name": "Testing", "category": "doing", "wip_limit": "3"}
    assert olga.post(f"{SETTINGS}/workflow/", wanted).status_code == 302
    made = product.statuses.get(slug="testing")
    assert (made.wip_limit, made.hue) == (3, "blue")
    again = olga.post(f"{SETTINGS}/workflow/", wanted)
    assert again.status_code == 422
    assert "There is already a status of this name." in text_of(again)


def test_the_page_shows_each_status_with_its_items_and_its_limit(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    doing = product.statuses.get(slug="in-progress")
    create_items(product, [ItemDraft(t, status=doing) for t in "abc"], actor=olga_acts)
    product.statuses.filter(slug="in-progress").update(wip_limit=2)
    page = text_of(olga.get(f"{SETTINGS}/workflow/"))
    assert "3 of 2" in page
    assert 'class="status-mark hue-blue" title="In progress: in progress"' in page


def test_a_status_is_edited_and_many_items_are_asked_about_once(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    review = product.statuses.get(slug="in-review")
    item = create_item(product, ItemDraft("a", status=review), actor=olga_acts)
    path = f"{SETTINGS}/workflow/in-review/"
    assert 'value="In review"' in olga.get(path).content.decode()
    wanted = {"name": "Accepted", "category": "done", "hue": "teal", "wip_limit": ""}
    asked = olga.post(path, wanted)
    assert asked.status_code == 200
    assert "1 item stands in In review and will count as done from now on" in text_of(asked)
    review.refresh_from_db()
    assert review.name == "In review"
    assert olga.post(path, {**wanted, "sure": "1"}).status_code == 302
    review.refresh_from_db()
    item.refresh_from_db()
    assert (review.name, review.category, review.hue) == ("Accepted", "done", "teal")
    assert item.done_at is not None
    history = text_of(olga.get(f"/p/MED/items/{item.ref}/"))
    assert "let its status count as done (before: in progress)" in history


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "Enter the name"),
        ({"name": "Done"}, "There is already a status of this name."),
        ({"category": "doing"}, "the workflow needs one"),
        ({"hue": "#fff"}, "valid choice"),
        ({"wip_limit": "-1"}, "1"),
        ({"wip_limit": "many"}, "whole number"),
    ],
)
def test_bad_edits_of_a_status_say_what_is_wrong(
    product: Product, olga: Client, change: dict[str, str], sentence: str
) -> None:
    wanted = {"name": "To do", "category": "todo", "hue": "grey", "wip_limit": "", **change}
    answer = olga.post(f"{SETTINGS}/workflow/to-do/", wanted)
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.content.decode()
    assert product.statuses.get(slug="to-do").name == "To do"


def test_statuses_move_by_button_and_by_drag(product: Product, olga: Client) -> None:
    path = f"{SETTINGS}/workflow/in-review/move/"
    moved = olga.post(path, {"up": "1"}, follow=True)
    assert "In review is number 2 of 4." in text_of(moved)
    assert order(product) == ["to-do", "in-review", "in-progress", "done"]
    olga.post(path, {"down": "1"})
    assert order(product) == ["to-do", "in-progress", "in-review", "done"]
    assert olga.post(path, {"before": "to-do", "quiet": "1"}).status_code == 204
    assert order(product) == ["in-review", "to-do", "in-progress", "done"]
    olga.post(path, {"up": "1"})  # there is nothing above it
    olga.post(path, {"before": ""})
    assert order(product)[-1] == "in-review"
    refused = olga.post(path, {"before": "gone"}, headers={"HX-Request": "true"})
    assert refused.status_code == 409
    assert olga.post(f"{SETTINGS}/workflow/gone/move/", {"up": "1"}).status_code == 404


def test_a_status_with_items_asks_where_they_go(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    review = product.statuses.get(slug="in-review")
    update_product(product, actor=olga_acts, on_green="status", on_green_status=review)
    item = create_item(product, ItemDraft("a", status=review), actor=olga_acts)
    page = text_of(olga.get(f"{SETTINGS}/workflow/in-review/"))
    assert "1 item stands in it." in page
    path = f"{SETTINGS}/workflow/in-review/delete/"
    for wrong in ({}, {"items_to": "in-review"}, {"items_to": "moon"}):
        assert olga.post(path, wrong).status_code == 422
    answer = text_of(olga.post(path, {"items_to": "to-do"}, follow=True))
    assert "1 item moved to To do." in answer
    assert "From now on the team is asked about them" in answer
    item.refresh_from_db()
    assert item.status.slug == "to-do"


def test_the_only_status_of_a_category_can_not_be_deleted(product: Product, olga: Client) -> None:
    page = text_of(olga.get(f"{SETTINGS}/workflow/done/"))
    assert "This is the only status of category “Done”" in page
    answer = olga.post(f"{SETTINGS}/workflow/done/delete/", follow=True)
    assert "add another one first" in text_of(answer)
    assert "done" in order(product)


# Definitions -------------------------------------------------------------------------------
def test_definitions_are_looked_at_and_then_saved(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    create_item(product, ItemDraft("Bare"), actor=olga_acts)
    wanted = {
        "ready_checks": ["estimated", "criteria"],
        "definition_of_ready": "- The **clinic** has seen it",
        "done_checks": ["no_findings"],
        "definition_of_done": "Reviewed",
    }
    seen = olga.post(f"{SETTINGS}/definitions/", {**wanted, "preview": "1"})
    assert seen.status_code == 200
    for told in ("no acceptance criteria, not estimated", "<strong>clinic</strong>", "not saved"):
        assert told in text_of(seen)
    product.refresh_from_db()
    assert product.ready_checks == []
    assert olga.post(f"{SETTINGS}/definitions/", wanted).status_code == 302
    product.refresh_from_db()
    assert set(product.ready_checks) == {"estimated", "criteria"}
    assert (product.done_checks, product.definition_of_done) == (["no_findings"], "Reviewed")


def test_bad_definitions_are_refused(product: Product, olga: Client) -> None:
    for wrong in ({"ready_checks": ["moonlight"]}, {"definition_of_done": "x" * 10_001}):
        assert olga.post(f"{SETTINGS}/definitions/", wrong).status_code == 422


def test_scripts_in_a_definition_stay_text(product: Product, olga: Client) -> None:
    sent = {"definition_of_ready": "<script>alert(1)</script>"}
    olga.post(f"{SETTINGS}/definitions/", sent)
    assert "<script>alert" not in olga.get(f"{SETTINGS}/definitions/").content.decode()


def test_who_pulls_an_item_that_is_not_ready_is_warned_and_not_hindered(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    update_product(product, actor=olga_acts, ready_checks=["estimated"], done_checks=["assigned"])
    item = create_item(product, ItemDraft("Bare"), actor=olga_acts)
    path = f"/p/MED/items/{item.ref}/set/"
    pulled = text_of(olga.post(path, {"status": "in-progress"}, follow=True))
    assert f"{item.ref} isn&#x27;t ready: not estimated." in pulled
    finished = text_of(olga.post(path, {"status": "done"}, follow=True))
    assert "done by your definition: nobody assigned." in finished
    item.refresh_from_db()
    assert item.status.slug == "done"


# Labels ------------------------------------------------------------------------------------
def test_a_label_is_renamed_recoloured_merged_and_deleted(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    ux, data = (create_label(product, name, actor=olga_acts) for name in ("ux", "data"))
    item = create_item(product, ItemDraft("a", labels=[ux]), actor=olga_acts)
    page = text_of(olga.get(f"{SETTINGS}/labels/"))
    assert 'class="label-chip hue-grey" title="ux">ux</span>' in page
    path = f"{SETTINGS}/labels/{ux.pk}/"
    taken = olga.post(path, {"name": "DATA", "hue": "red"})
    assert taken.status_code == 422
    assert "<h1> ux </h1>" in text_of(taken)
    assert olga.post(path, {"name": "design", "hue": "red"}).status_code == 302
    ux.refresh_from_db()
    assert (ux.name, ux.hue) == ("design", "red")
    assert "1 item loses it" in text_of(olga.get(path))
    assert olga.post(f"{path}merge/", {"into": ux.pk}).status_code == 422
    merged = text_of(olga.post(f"{path}merge/", {"into": data.pk}, follow=True))
    assert "1 item of design bears data instead." in merged
    assert list(item.labels.all()) == [data]
    olga.post(f"{SETTINGS}/labels/{data.pk}/delete/")
    assert not product.labels.exists()
    assert olga.get(path).status_code == 404


def test_bad_labels_are_refused_at_their_field(product: Product, olga: Client) -> None:
    for name in ("", "a,b", "#x", "y" * 41):
        answer = olga.post(f"{SETTINGS}/labels/", {"name": name, "hue": "grey"})
        assert answer.status_code == 422
        assert 'class="field-error"' in answer.content.decode()
    assert not product.labels.exists()


# Fields ------------------------------------------------------------------------------------
def test_a_field_is_made_changed_moved_and_deleted(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    path = f"{SETTINGS}/fields/"
    olga.post(path, {"name": "Risk", "kind": "choice", "choices": "low\n high \n\n"})
    olga.post(path, {"name": "Customer value", "kind": "number", "choices": ""})
    risk = product.extra_fields.get(slug="risk")
    assert risk.choices == ["low", "high"]
    create_item(product, ItemDraft("a", extra={"risk": "low"}), actor=olga_acts)
    page = text_of(olga.get(path))
    assert "Choice of a list" in page
    assert "1 item holds a value in it; the values go with it." in text_of(olga.get(f"{path}risk/"))
    few = olga.post(f"{path}risk/", {"name": "Risk", "choices": "low"})
    assert few.status_code == 422
    assert olga.post(f"{path}risk/", {"name": "Danger", "choices": "low\nmid"}).status_code == 302
    olga.post(f"{path}risk/move/", {"down": "1"})
    assert [(f.slug, f.name) for f in product.extra_fields.all()] == [
        ("customer_value", "Customer value"), ("risk", "Danger")
    ]  # fmt: skip
    assert "choices" not in olga.get(f"{path}customer_value/").context["form"].fields
    olga.post(f"{path}risk/delete/")
    assert Item.objects.get().extra == {}
    assert olga.post(f"{path}risk/move/", {"up": "1"}).status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "", "kind": "text"},
        {"name": "Risk", "kind": "colour"},
        {"name": "Risk", "kind": "choice", "choices": "only one"},
        {"name": "x" * 61, "kind": "text"},
    ],
)
def test_bad_fields_are_refused(product: Product, olga: Client, wanted: dict[str, str]) -> None:
    answer = olga.post(f"{SETTINGS}/fields/", wanted)
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.content.decode()
    assert not product.extra_fields.exists()


# What lists cost ---------------------------------------------------------------------------
def more_statuses(product: Product, olga: User, mark: str) -> None:
    for n in range(3):
        add_status(product, f"{mark} {n}", "doing", actor=Actor.person(olga))


def more_labels(product: Product, olga: User, mark: str) -> None:
    labels = [create_label(product, f"{mark} {n}", actor=Actor.person(olga)) for n in range(3)]
    create_items(product, [ItemDraft(mark, labels=labels)], actor=Actor.person(olga))


def more_fields(product: Product, olga: User, mark: str) -> None:
    for n in range(3):
        field = create_field(product, f"{mark} {n}", "text", actor=Actor.person(olga))
        create_item(product, ItemDraft("a", extra={field.slug: "x"}), actor=Actor.person(olga))


def more_items(product: Product, olga: User, mark: str) -> None:
    product.refresh_from_db()
    update_product(product, actor=Actor.person(olga), ready_checks=["estimated", "unblocked"])
    create_items(product, [ItemDraft(mark), ItemDraft(mark)], actor=Actor.person(olga))


@pytest.mark.parametrize(
    ("page", "more"),
    [
        ("workflow", more_statuses),
        ("labels", more_labels),
        ("fields", more_fields),
        ("definitions", more_items),
    ],
)
def test_a_page_of_settings_asks_no_more_for_more_rows(
    product: Product,
    cast: Cast,
    olga: Client,
    page: str,
    more: Callable[[Product, User, str], None],
) -> None:
    more(product, cast.olga, "few")
    olga.get(f"{SETTINGS}/{page}/")
    with CaptureQueriesContext(connection) as few:
        olga.get(f"{SETTINGS}/{page}/")
    more(product, cast.olga, "many")
    with CaptureQueriesContext(connection) as many:
        assert olga.get(f"{SETTINGS}/{page}/").status_code == 200
    assert len(many) == len(few)
