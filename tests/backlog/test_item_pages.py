"""The pages of one item: new, shown, edited against others, moved, talked about, deleted."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Backlog, Finding, Item, Kind, Product
from backlog.queries import panels
from backlog.queries.panels import Panel
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    move_items,
    product_backlog,
    trash_item,
    update_item,
)
from backlog.services.ranks import Spot
from tests.backlog.evidence import see
from tests.conftest import Cast

URL = "/p/MED/items/MED-1/"


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def story(product: Product, olga_acts: Actor) -> Item:
    """MED-1, estimated at 3 points."""
    draft = ItemDraft("Second reading", description="For **doctors**.", points=Decimal(3))
    return create_item(product, draft, actor=olga_acts)


@pytest.fixture
def olga(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.olga)
    return client


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


def typed(**changes: Any) -> dict[str, Any]:
    """The form of a new item, with what the person typed."""
    return {
        "title": "Second reading",
        "kind": "story",
        "status": "to-do",
        "points": "3",
        "parent": "",
        "description": "For **doctors**.",
        **changes,
    }


def test_the_page_shows_the_item_and_its_markdown(story: Item, vera: Client) -> None:
    page = vera.get(URL)
    html = page.content.decode()
    assert page.status_code == 200
    assert "<strong>doctors</strong>" in html
    assert "created it" in html
    assert "/set/" not in html  # stakeholders read and comment


def test_a_ref_of_another_product_or_none_is_not_found(
    story: Item, olga: Client, other_product: Product
) -> None:
    for ref in ("MED-2", "SHOP-1", "MED-0", "MED-x", "1", "MED-99999999999"):
        assert olga.get(f"/p/MED/items/{ref}/").status_code == 404
    assert olga.get("/p/MED/items/med-1/").status_code == 200


@pytest.mark.parametrize("path", ["", "move/", "delete/"])
def test_strangers_find_no_item(story: Item, as_person: Any, cast: Cast, path: str) -> None:
    assert as_person(cast.sam).get(f"{URL}{path}").status_code == 404


@pytest.mark.parametrize("path", ["set/", "move/", "delete/", "restore/", "confirm-done/"])
def test_stakeholders_change_nothing(story: Item, vera: Client, path: str) -> None:
    assert vera.post(f"{URL}{path}", {}).status_code == 403


def test_queries_do_not_grow_with_comments_findings_and_history(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    [found] = see(product, "age")
    item = found.item
    assert item is not None
    comment(item, "one", actor=olga_acts)
    create_item(product, ItemDraft("t", kind=Kind.TASK, parent=item), actor=olga_acts)
    olga.get(URL)
    with CaptureQueriesContext(connection) as few:
        olga.get(URL)
    for number in range(5):
        comment(item, "more", actor=olga_acts)
        update_item(item, actor=olga_acts, title=f"title {number}")
    tasks = [ItemDraft(f"t{n}", kind=Kind.TASK, parent=item) for n in range(5)]
    create_items(product, tasks, actor=olga_acts)
    see(product, "weight", "height")
    Finding.objects.update(item=item)
    with CaptureQueriesContext(connection) as many:
        olga.get(URL)
    assert len(many) == len(few)


# New, and set ---------------------------------------------------------------------------------


def test_a_new_item_has_all_that_the_form_says(
    product: Product, story: Item, max_: Client, cast: Cast
) -> None:
    epic = create_item(product, ItemDraft("E", kind=Kind.EPIC), actor=Actor.person(cast.max))
    new = typed(
        title="  Explain   features ",
        kind="spike",
        status="in-progress",
        assignees=[cast.max.email, cast.sina.email],
        parent="med-2",
        points="0.5",
    )
    answer = max_.post("/p/MED/items/new/", new)
    assert answer.status_code == 302
    item = Item.objects.get(kind=Kind.SPIKE)
    assert answer["Location"] == f"/p/MED/items/{item.ref}/"
    assert (item.title, item.points, item.status.slug) == (
        "Explain features",
        Decimal("0.5"),
        "in-progress",
    )
    assert (item.parent, item.assignees.count()) == (epic, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"title": "x" * 251},
        {"kind": "nonsense"},
        {"status": "nowhere"},
        {"points": "-1"},
        {"points": "1.25"},
        {"kind": "epic", "points": "5"},
        {"parent": "MED-99"},
        {"parent": "MED-1"},  # a story stands under no story
        {"assignees": ["sam@example.org"]},
    ],
)
def test_a_bad_field_is_said_at_the_field(story: Item, max_: Client, wrong: dict[str, Any]) -> None:
    answer = max_.post("/p/MED/items/new/", typed(**wrong))
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    assert Item.objects.count() == 1


def test_a_new_task_is_offered_under_its_item(story: Item, max_: Client) -> None:
    html = max_.get("/p/MED/items/new/?parent=MED-1&kind=task").content.decode()
    assert 'value="MED-1"' in html
    assert '<option value="task" selected>' in html


def test_the_status_is_set_from_the_page(story: Item, max_: Client) -> None:
    assert max_.post(f"{URL}set/", {"status": "in-review"}).status_code == 302
    story.refresh_from_db()
    assert story.status.slug == "in-review"
    assert "set the status to In review (before: To do)" in max_.get(URL).content.decode()


def test_a_status_of_nowhere_is_refused(story: Item, max_: Client) -> None:
    answer = max_.post(f"{URL}set/", {"status": "x"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "Status: choose from what is offered." in answer.content.decode()


# Move, comment --------------------------------------------------------------------------------


def test_points_and_people_are_set_from_the_page(story: Item, max_: Client, cast: Cast) -> None:
    answer = max_.post(f"{URL}set/", {"points": "0.5"}, follow=True)
    assert "MED-1: 0.5 points." in answer.content.decode()
    answer = max_.post(f"{URL}set/", {"assignees": [cast.max.email, cast.dora.email]}, follow=True)
    assert "MED-1: Dora Anyango, Max Berger." in answer.content.decode()
    story.refresh_from_db()
    assert story.points == Decimal("0.5")
    assert set(story.assignees.all()) == {cast.max, cast.dora}
    max_.post(f"{URL}set/", {"points": ""})
    max_.post(f"{URL}set/", {"set": "assignees"})
    assert Item.objects.get(points=None, assignees=None) == story


def test_points_that_are_none_are_refused_with_a_sentence(story: Item, max_: Client) -> None:
    answer = max_.post(f"{URL}set/", {"points": "many"}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "Points: give a number from 0 to 9999." in answer.content.decode()


def test_strangers_and_stakeholders_set_nothing(
    story: Item, vera: Client, as_person: Any, cast: Cast
) -> None:
    for path in ("set/", "criteria/", "links/", "attachments/"):
        assert vera.post(f"{URL}{path}", {"points": "1"}).status_code == 403
        assert as_person(cast.sam).post(f"{URL}{path}", {"points": "1"}).status_code == 404


def test_an_item_of_the_inbox_is_taken_from_its_page(
    product: Product, olga: Client, max_: Client
) -> None:
    see(product, "age")
    taking = 'action="/p/MED/backlog/take/"'
    assert taking in olga.get(URL).content.decode()
    assert taking not in max_.get(URL).content.decode()
    assert olga.post("/p/MED/backlog/take/", {"top": "MED-1"}).status_code == 302
    assert taking not in olga.get(URL).content.decode()


def test_the_evidence_of_an_item_does_not_repeat_its_title(product: Product, olga: Client) -> None:
    see(product, "age")
    evidence = (
        olga.get(URL).content.decode().partition('id="evidence"')[2].partition("</section>")[0]
    )
    assert "Great Expectations" in evidence
    assert "age is missing in 8.7 % of rows" not in evidence


@pytest.mark.parametrize(
    ("anchor", "said"),
    [
        ("MED-1", "can&#x27;t stand beside itself"),
        ("MED-3", "MED-3 is in the inbox; name an item of the product backlog."),
        ("MED-2", "MED-2 is in the trash; name an item of the product backlog."),
    ],
)
def test_a_move_beside_nothing_says_what_is_wrong_at_the_field(
    story: Item, olga: Client, product: Product, olga_acts: Actor, anchor: str, said: str
) -> None:
    gone = create_item(product, ItemDraft("gone"), actor=olga_acts)
    see(product, "age")
    trash_item(gone, actor=olga_acts)
    page = olga.post(f"{URL}move/", {"where": "after", "anchor": anchor})
    assert page.status_code == 422
    _, _, field = page.content.decode().partition('data-field="anchor"')
    assert said in field


def test_the_move_page_offers_the_other_items(
    story: Item, olga: Client, product: Product, olga_acts: Actor
) -> None:
    create_item(product, ItemDraft("Explain it"), actor=olga_acts)
    page = olga.get(f"{URL}move/").content.decode()
    assert '<option value="MED-2">Explain it</option>' in page
    assert 'value="MED-1"' not in page


def test_an_item_of_a_sprint_is_moved_out_of_it_to_a_place_in_the_backlog(
    story: Item, product: Product, olga_acts: Actor, olga: Client
) -> None:
    [two, three] = create_items(product, [ItemDraft("b"), ItemDraft("c")], actor=olga_acts)
    sprint = product.backlogs.create(
        kind=Backlog.Kind.SPRINT,
        team=product.teams.get(),
        name="Sprint 1",
        starts_on="2026-03-25",
        ends_on="2026-04-07",
    )
    move_items(product, [story, two], actor=olga_acts, spot=Spot.top(), to=sprint)
    page = olga.get("/p/MED/items/MED-2/move/").content.decode()
    assert "now in Sprint 1" in page
    sent = {"home": product_backlog(product).pk, "where": "top"}
    answer = olga.post("/p/MED/items/MED-2/move/", sent)
    assert answer["Location"] == "/p/MED/backlog/#item-2"
    assert list(product_backlog(product).items.order_by("rank")) == [two, three]
    assert list(sprint.items.all()) == [story]


@pytest.fixture
def sprints(product: Product) -> dict[str, Backlog]:
    """One that runs, one that is planned, and one that is over."""
    days = (("closed", 1), ("active", 5), ("planned", 9))
    return {
        state: product.backlogs.create(
            kind=Backlog.Kind.SPRINT, team=product.teams.get(), name=f"The {state}", state=state,
            starts_on=f"2026-03-{day:02}", ends_on=f"2026-03-{day + 3:02}",
        )
        for state, day in days
    }  # fmt: skip


def test_open_sprints_are_offered_beside_the_backlog_to_whoever_runs_them(
    story: Item, sprints: dict[str, Backlog], olga: Client, as_person: Any, cast: Cast,
    product: Product, olga_acts: Actor,
) -> None:  # fmt: skip
    page = olga.get(f"{URL}move/").content.decode()
    names = [name for _, name in olga.get(f"{URL}move/").context["form"]["home"].field.choices]
    assert names == ["Product backlog", "The active (active)", "The planned (planned)"]
    assert "The closed" not in page
    assert page.count("optional") == 1  # the other item alone
    sina = as_person(cast.sina)  # she plans sprints, and does not order the backlog
    names = [name for _, name in sina.get(f"{URL}move/").context["form"]["home"].field.choices]
    assert names == ["The active (active)", "The planned (planned)"]
    assert f"{URL}move/" in sina.get(URL).content.decode()
    planned = sprints["planned"]
    answer = sina.post(f"{URL}move/", {"home": planned.pk, "where": "bottom"}, follow=True)
    assert "MED-1 moved into The planned." in answer.content.decode()
    assert list(planned.items.all()) == [story]
    (two,) = create_items(product, [ItemDraft("b")], actor=olga_acts)
    sent = {"home": planned.pk, "where": "before", "anchor": "MED-1"}
    olga.post("/p/MED/items/MED-2/move/", sent)
    assert list(planned.items.order_by("rank")) == [two, story]


def test_neighbours_are_offered_of_each_home_however_long_the_backlog_is(
    story: Item, sprints: dict[str, Backlog], olga: Client, product: Product, olga_acts: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("backlog.queries.items.ANCHORS_OFFERED", 9)
    items = create_items(product, [ItemDraft(f"n{n}") for n in range(2, 22)], actor=olga_acts)
    move_items(product, items[:2], actor=olga_acts, spot=Spot.top(), to=sprints["planned"])
    move_items(product, items[2:8], actor=olga_acts, spot=Spot.top(), to=sprints["active"])
    offered = [anchor.number for anchor in olga.get(f"{URL}move/").context["anchors"]]
    assert offered == [4, 5, 6, 2, 3, 10, 11, 12, 13]


def test_an_item_of_a_running_sprint_leaves_it_by_choice_alone(
    story: Item, sprints: dict[str, Backlog], olga: Client, product: Product, olga_acts: Actor
) -> None:
    active = sprints["active"]
    [two] = create_items(product, [ItemDraft("b")], actor=olga_acts)
    move_items(product, [two, story], actor=olga_acts, spot=Spot.bottom(), to=active)
    page = olga.get(f"{URL}move/")
    names = [name for _, name in page.context["form"]["home"].field.choices]
    assert names == ["The active (active)", "Product backlog", "The planned (planned)"]
    assert "The active runs: to take it out of there changes its scope." in page.content.decode()
    answer = olga.post(f"{URL}move/", {"where": "top"}, follow=True)
    assert "MED-1 moved within The active." in answer.content.decode()
    assert list(active.items.order_by("rank")) == [story, two]
    olga.post(f"{URL}move/", {"home": product_backlog(product).pk, "where": "top"})
    assert list(active.items.all()) == [two]
    assert "changes its scope" not in olga.get(f"{URL}move/").content.decode()


def test_a_sprint_that_has_closed_meanwhile_takes_nothing_and_says_so(
    story: Item, sprints: dict[str, Backlog], olga: Client
) -> None:
    answer = olga.post(f"{URL}move/", {"home": sprints["closed"].pk, "where": "top"})
    assert answer.status_code == 422
    assert "closed or gone by now; choose another" in answer.content.decode()
    sent = {"home": sprints["active"].pk, "where": "after", "anchor": "MED-1"}
    olga.post(f"{URL}move/", {"home": sprints["active"].pk, "where": "top"})
    assert "stand beside itself" in olga.post(f"{URL}move/", sent).content.decode()


def test_no_sprint_is_offered_to_an_epic_and_none_is_missed_by_who_orders_nothing(
    product: Product, sprints: dict[str, Backlog], olga: Client, olga_acts: Actor, as_person: Any,
    cast: Cast,
) -> None:  # fmt: skip
    create_items(product, [ItemDraft("All", kind=Kind.EPIC)], actor=olga_acts)
    assert "home" not in olga.get(f"{URL}move/").context["form"].fields
    sina = as_person(cast.sina)
    assert f"{URL}move/" not in sina.get(URL).content.decode()
    assert sina.get(f"{URL}move/").status_code == 403


def test_an_item_is_moved_without_a_mouse(
    product: Product, story: Item, olga: Client, olga_acts: Actor
) -> None:
    create_items(product, [ItemDraft("b"), ItemDraft("c")], actor=olga_acts)
    assert olga.get(f"{URL}move/").status_code == 200
    answer = olga.post(f"{URL}move/", {"where": "after", "anchor": "MED-2"})
    assert answer.status_code == 302
    numbers = product_backlog(product).items.order_by("rank").values_list("number", flat=True)
    assert list(numbers) == [2, 1, 3]
    assert "moved it after MED-2" in olga.get(URL).content.decode()


@pytest.mark.parametrize(
    "wanted",
    [{}, {"where": "after"}, {"where": "after", "anchor": "MED-77"}, {"where": "up"}],
)
def test_a_bad_place_is_said(story: Item, olga: Client, wanted: dict[str, str]) -> None:
    assert olga.post(f"{URL}move/", wanted).status_code == 422


def test_developers_order_nothing(story: Item, max_: Client) -> None:
    assert max_.get(f"{URL}move/").status_code == 403
    assert max_.post(f"{URL}move/", {"where": "top"}).status_code == 403


def test_an_item_of_the_inbox_is_taken_by_the_same_page(product: Product, olga: Client) -> None:
    see(product, "age")
    olga.post(f"{URL}move/", {"where": "bottom"})
    assert product_backlog(product).items.get().number == 1


def test_everybody_in_the_product_comments(story: Item, vera: Client) -> None:
    answer = vera.post(f"{URL}comments/", {"text": "Is this *safe*? <b>x</b>"})
    assert answer["Location"] == f"{URL}#comments"
    html = vera.get(URL).content.decode()
    assert "<em>safe</em>" in html
    assert "<b>x</b>" not in html


def test_an_empty_comment_is_refused(story: Item, vera: Client) -> None:
    answer = vera.post(f"{URL}comments/", {"text": "  "})
    assert answer.status_code == 422
    assert "Write something first" in answer.content.decode()


# Delete and restore ---------------------------------------------------------------------------


def test_delete_asks_once_and_restore_brings_back(story: Item, max_: Client) -> None:
    assert max_.get(f"{URL}delete/").status_code == 200
    max_.post(f"{URL}delete/")
    story.refresh_from_db()
    assert story.deleted_at is not None
    html = max_.get(URL).content.decode()
    assert "In the trash" in html
    assert "Second reading" in max_.get("/p/MED/trash/").content.decode()
    max_.post(f"{URL}restore/")
    story.refresh_from_db()
    assert story.deleted_at is None


def test_each_deed_of_these_pages_can_be_taken_back_from_its_message(
    story: Item, olga: Client
) -> None:
    for path, data in (
        (f"{URL}move/", {"where": "bottom"}),
        (f"{URL}delete/", {}),
        (f"{URL}restore/", {}),
        ("/p/MED/items/new/", typed()),
    ):
        html = olga.post(path, data, follow=True).content.decode()
        assert 'data-notice="undoable"' in html, path
        assert html.count("data-undo>") == 1
    olga.post("/p/MED/undo/")
    assert Item.objects.alive().get() == story


def test_an_item_in_the_trash_is_not_edited(story: Item, max_: Client, olga_acts: Actor) -> None:
    trash_item(story, actor=olga_acts)
    answer = max_.post(f"{URL}set/", {"title": "x", "version": "2"}, follow=True)
    assert "restore it first" in answer.content.decode()


@pytest.mark.parametrize(
    ("fate", "state"),
    [
        ({"findings": "keep"}, "open"),
        ({"findings": "mute", "until": "2999-01-31"}, "muted"),
        ({"findings": "resolve", "reason": "false_positive"}, "resolved"),
    ],
)
def test_deleting_says_what_becomes_of_open_findings(
    product: Product, max_: Client, fate: dict[str, str], state: str
) -> None:
    see(product, "age")
    assert "What becomes of its findings?" in max_.get(f"{URL}delete/").content.decode()
    assert max_.post(f"{URL}delete/", fate).status_code == 302
    assert Finding.objects.get().state == state
    assert Item.objects.get().deleted_at is not None


@pytest.mark.parametrize(
    "fate",
    [
        {},
        {"findings": "resolve"},
        {"findings": "mute", "until": "2001-01-01"},
        {"findings": "forget"},
    ],
)
def test_a_fate_that_cannot_be_deletes_nothing(
    product: Product, max_: Client, fate: dict[str, str]
) -> None:
    see(product, "age")
    assert max_.post(f"{URL}delete/", fate).status_code == 422
    assert Item.objects.get().deleted_at is None


# Evidence, panels -----------------------------------------------------------------------------


def test_the_evidence_stands_on_the_page(product: Product, vera: Client) -> None:
    see(product, "age")
    html = vera.get(URL).content.decode()
    for told in ("Evidence", "age is missing", "P1", "1,087", "8.7 %", "/p/MED/runs/1/"):
        assert told in html
    assert "/mute/" not in html  # stakeholders decide nothing


def test_recovered_evidence_asks_whether_the_item_is_done(product: Product, max_: Client) -> None:
    product.on_green = "ask"
    product.save()
    see(product, "age")
    see(product, "age", outcome="passed")
    assert "recovered?" in max_.get(URL).content.decode()
    max_.post(f"{URL}confirm-done/")
    item = Item.objects.get()
    assert (item.status.slug, Finding.objects.get().recovered) == ("done", False)


def test_confirming_what_has_not_recovered_is_refused(product: Product, max_: Client) -> None:
    see(product, "age")
    answer = max_.post(f"{URL}confirm-done/", headers={"HX-Request": "true"})
    assert answer.status_code == 422


def test_other_apps_add_panels_to_the_page(
    story: Item, vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def panel_of(item: Item, may: panels.May, actor: Actor) -> Panel | None:
        asked.append((item.ref, may("item.edit")))
        return Panel("partials/_empty.html", {"text": "A panel of another app"})

    monkeypatch.setattr(panels, "_panels", [panel_of, lambda item, may, actor: None])
    assert "A panel of another app" in vera.get(URL).content.decode()
    assert asked == [("MED-1", False)]


def test_the_trash_forgets_after_30_days(story: Item, vera: Client, olga_acts: Actor) -> None:
    trash_item(story, actor=olga_acts)
    long_ago = timezone.now() - timedelta(days=31)
    Item.objects.update(deleted_at=long_ago)
    assert "The trash is empty" in vera.get("/p/MED/trash/").content.decode()
