"""The backlog page: its list, its inbox, its moves and its quick add, as people meet them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Item, Kind, Product
from backlog.services.items import ItemDraft, create_items, inbox, product_backlog, update_item
from tests.backlog.evidence import see
from tests.conftest import Cast

URL = "/p/MED/backlog/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def abc(product: Product, olga_acts: Actor) -> list[Item]:
    """Three stories: MED-1 a, MED-2 b, MED-3 c."""
    return create_items(product, [ItemDraft(title) for title in "abc"], actor=olga_acts)


@pytest.fixture
def olga(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.olga)
    return client


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


def order(product: Product) -> str:
    items = product_backlog(product).items.alive().order_by("rank")
    return "".join(items.values_list("title", flat=True))


def set_done(item: Item, actor: Actor) -> None:
    update_item(item, actor=actor, status=item.product.statuses.get(slug="done"))


def test_the_page_lists_items_in_rank_order_with_their_figures(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    drafts = [
        ItemDraft("Second reading", points=8),  # type: ignore[arg-type]
        ItemDraft("Rotate the token", kind=Kind.TASK),
        ItemDraft("Threshold by clinic"),
    ]
    create_items(product, drafts, actor=olga_acts)
    page = olga.get(URL)
    html = page.content.decode()
    assert page.status_code == 200
    assert html.index("Second reading") < html.index("Threshold by clinic")
    figures = olga.get(f"{URL}figures/").json()
    for words in ("2 items · 8 points", "+1 unestimated", "1 task"):
        assert words in figures["counts"]
    assert figures["total"] == 3


def test_an_empty_backlog_says_what_to_do_with_one_button(product: Product, olga: Client) -> None:
    html = olga.get(URL).content.decode()
    assert "Nothing is planned yet" in html
    assert "/p/MED/items/new/" in html


def test_done_items_are_hidden_until_asked_for(
    product: Product, olga: Client, abc: list[Item], olga_acts: Actor
) -> None:
    set_done(abc[1], olga_acts)
    assert "MED-2" not in olga.get(URL).content.decode()
    assert "MED-2" in olga.get(f"{URL}?done=1").content.decode()


def test_an_epic_shows_the_sum_of_its_items(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    [epic] = create_items(product, [ItemDraft("Trust", kind=Kind.EPIC)], actor=olga_acts)
    drafts = [ItemDraft(title, points=5, parent=epic) for title in "ab"]  # type: ignore[arg-type]
    create_items(product, drafts, actor=olga_acts)
    assert "Σ 10" in olga.get(URL).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_rows(
    product: Product, olga: Client, abc: list[Item], olga_acts: Actor, cast: Cast
) -> None:
    see(product, "age", "weight")
    update_item(abc[0], actor=olga_acts, assignees=[cast.max])
    olga.get(URL)
    with CaptureQueriesContext(
        connection,
    ) as few:
        olga.get(URL)
    more = [ItemDraft(f"more {n}", assignees=[cast.max, cast.sina]) for n in range(20)]
    more += [ItemDraft(f"epic {n}", kind=Kind.EPIC) for n in range(5)]
    items = create_items(product, more, actor=olga_acts)
    create_items(product, [ItemDraft("child", parent=items[-1])], actor=olga_acts)
    see(product, "height", "pulse", "sex")
    with CaptureQueriesContext(connection) as many:
        olga.get(URL)
    # One more sums the epics, however many there are.
    assert len(many) <= len(few) + 1


def test_the_page_weighs_the_same_however_long_the_backlog(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    create_items(product, [ItemDraft(f"item {n}") for n in range(105)], actor=olga_acts)
    first = olga.get(URL).content.decode()
    assert first.count('class="row-title"') == 24
    assert len(first) - len(olga.get(f"{URL}?q=nothing").content.decode()) < 24 * 3_000
    assert "?page=2" in first  # for who has no script
    assert olga.get(f"{URL}?page=5").content.decode().count('class="row-title"') == 9
    rows = olga.get(f"{URL}rows/?offset=90&limit=50").content.decode()
    assert rows.count('class="row-title"') == 15
    assert "item 90" in rows
    assert "<html" not in rows
    assert not re.search(r">\s+<", rows.strip())  # else half of the nodes would be blanks
    refs = olga.get(f"{URL}rows/?offset=90&limit=500&only=refs").json()["refs"]
    assert refs == [f"MED-{n}" for n in range(91, 106)]


def test_a_choice_in_the_bar_brings_the_list_alone_under_its_address(
    abc: list[Item], olga: Client
) -> None:
    part = olga.get(f"{URL}?set=kind&mode=any&pick=bug", headers={"HX-Target": "div#backlog"})
    assert part["HX-Push-Url"] == f"{URL}?kind=bug"
    assert "HX-Target" in part["Vary"]
    assert "<html" not in part.content.decode()
    assert 'id="backlog"' in part.content.decode()
    whole = olga.get(f"{URL}?set=kind&mode=any&pick=bug")
    assert whole["Location"] == f"{URL}?kind=bug"


def test_the_words_of_a_rare_filter_come_when_its_menu_opens(
    product: Product, olga: Client, olga_acts: Actor
) -> None:
    create_items(product, [ItemDraft("Trust", kind=Kind.EPIC)], actor=olga_acts)
    assert "MED-1 Trust" not in olga.get(URL).content.decode()
    form = olga.get(f"{URL}filter/parent/?kind=bug", headers={"HX-Request": "true"})
    form = form.content.decode()
    assert "MED-1 Trust" in form
    assert "<html" not in form
    assert "<html" in olga.get(f"{URL}filter/parent/").content.decode()  # for who has no script
    assert 'name="kind" value="bug"' in " ".join(form.split())
    assert olga.get(f"{URL}filter/nonsense/").status_code == 404


def test_parents_are_offered_when_somebody_chooses_one(
    product: Product, olga: Client, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    create_items(product, [ItemDraft("Trust", kind=Kind.EPIC), ItemDraft("x")], actor=olga_acts)
    offered = olga.get(f"{URL}parents/").json()["parents"]
    assert offered == [{"value": "MED-1", "label": "Trust", "hint": "MED-1"}]
    assert as_person(cast.vera).get(f"{URL}parents/").status_code == 403


@pytest.mark.parametrize("query", ["offset=x", "offset=-1", "limit=99999999999", "limit=0"])
def test_a_nonsensical_slice_is_the_first(olga: Client, abc: list[Item], query: str) -> None:
    assert "MED-1" in olga.get(f"{URL}rows/?{query}").content.decode()


def test_a_stranger_cannot_tell_that_the_backlog_exists(
    product: Product, as_person: Any, cast: Cast
) -> None:
    sam = as_person(cast.sam)
    assert sam.get(URL).status_code == 404
    assert sam.post(f"{URL}move/", {"refs": "MED-1", "to": "top"}).status_code == 404
    assert sam.post(f"{URL}take/", {"all": "top"}).status_code == 404


def test_people_without_the_right_to_order_see_no_handles(abc: list[Item], max_: Client) -> None:
    html = max_.get(URL).content.decode()
    assert "grip" not in html
    assert "data-move=" not in html
    assert max_.post(f"{URL}move/", {"refs": "MED-3", "to": "top"}).status_code == 403


# Moves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "result"),
    [
        ({"refs": "MED-3", "to": "top"}, "cab"),
        ({"refs": "MED-1", "to": "bottom"}, "bca"),
        ({"refs": "MED-3", "before": "MED-1"}, "cab"),
        ({"refs": "med-1", "after": "MED-2"}, "bac"),
        # Several go in the order in which they stand, whatever the order of the selection.
        ({"refs": ["MED-3", "MED-2"], "to": "top"}, "bca"),
    ],
)
def test_the_menu_and_the_drag_say_where_items_go(
    product: Product, abc: list[Item], olga: Client, wanted: dict[str, Any], result: str
) -> None:
    answer = olga.post(f"{URL}move/", wanted)
    assert answer.status_code == 200
    assert answer.json()["undoable"]
    assert order(product) == result


def test_a_move_says_how_many_tasks_went_along(
    product: Product, abc: list[Item], olga: Client, olga_acts: Actor
) -> None:
    create_items(product, [ItemDraft("t", kind=Kind.TASK, parent=abc[2])], actor=olga_acts)
    answer = olga.post(f"{URL}move/", {"refs": "MED-3", "before": "MED-1"}).json()
    assert (answer["said"], answer["along"]) == ("MED-3 moved with 1 task.", 1)
    assert order(product) == "ctab"


def test_a_move_beside_an_item_that_has_left_names_the_present_neighbours(
    product: Product, abc: list[Item], olga: Client
) -> None:
    see(product, "age")
    answer = olga.post(f"{URL}move/", {"refs": "MED-1", "after": "MED-4"})  # MED-4: the inbox
    assert answer.status_code == 409
    assert answer.json()["neighbours"] == ["MED-1", "MED-2", "MED-3"]
    assert order(product) == "abc"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({}, 422),
        ({"refs": "nonsense", "to": "top"}, 422),
        ({"refs": "SHOP-1", "to": "top"}, 422),
        ({"refs": ["MED-1", "MED-99"], "to": "bottom"}, 422),
        ({"refs": "MED-1", "before": "MED-99"}, 404),
        ({"refs": "MED-1"}, 422),
        ({"refs": "MED-1", "to": "the moon"}, 422),
        ({"refs": [f"MED-{n}" for n in range(1, 502)], "to": "top"}, 422),
    ],
)
def test_a_move_to_nowhere_is_refused(
    product: Product, abc: list[Item], olga: Client, wanted: dict[str, Any], status: int
) -> None:
    answer = olga.post(f"{URL}move/", wanted)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert order(product) == "abc"


# The inbox ------------------------------------------------------------------------------------


def test_the_inbox_stands_above_with_severity_source_and_count(
    product: Product, olga: Client
) -> None:
    see(product, "age")
    see(product, "age")
    html = olga.get(URL).content.decode()
    assert "Inbox" in html
    for told in ("age is missing", "P1", "critical", ">data<", "×2", "Take all to top"):
        assert told in html


def test_a_filed_item_is_taken_to_either_end(
    product: Product, olga: Client, abc: list[Item]
) -> None:
    see(product, "age", "weight")
    olga.post(f"{URL}take/", {"top": "MED-4"})
    olga.post(f"{URL}take/", {"bottom": "MED-5"})
    titles = list(product_backlog(product).items.order_by("rank").values_list("number", flat=True))
    assert titles == [4, 1, 2, 3, 5]


def test_a_filed_item_is_dragged_between_others(
    product: Product, olga: Client, abc: list[Item]
) -> None:
    see(product, "age")
    answer = olga.post(f"{URL}take/", {"refs": "MED-4", "after": "MED-1"}, headers=HTMX)
    assert answer.status_code == 200
    numbers = product_backlog(product).items.order_by("rank").values_list("number", flat=True)
    assert list(numbers) == [1, 4, 2, 3]


def test_all_of_the_inbox_is_taken_at_once(product: Product, olga: Client) -> None:
    see(product, "age", "weight", "height")
    olga.post(f"{URL}take/", {"all": "top"})
    assert not inbox(product).items.exists()
    assert product_backlog(product).items.count() == 3


def test_all_of_the_inbox_is_taken_in_the_same_queries_however_full(
    product: Product, olga: Client
) -> None:
    def taken(count: int) -> int:
        see(product, *(f"{count}-{n}" for n in range(count)))
        with CaptureQueriesContext(connection) as seen:
            olga.post(f"{URL}take/", {"all": "top"})
        return len(seen)

    product.first_run_limit = 100
    product.save()
    taken(1)
    assert taken(20) == taken(2)  # more would be a storm


def test_an_item_is_taken_once(product: Product, olga: Client) -> None:
    see(product, "age")
    olga.post(f"{URL}take/", {"top": "MED-1"})
    assert olga.post(f"{URL}take/", {"top": "MED-1"}, headers=HTMX).status_code == 409


def test_a_developer_sees_the_inbox_but_takes_nothing(product: Product, max_: Client) -> None:
    see(product, "age")
    html = max_.get(URL).content.decode()
    assert "age is missing" in html
    assert "Take all" not in html
    assert max_.post(f"{URL}take/", {"all": "top"}).status_code == 403


def test_a_long_inbox_shows_its_first_rows(product: Product, olga: Client) -> None:
    product.first_run_limit = 50
    product.save()
    see(product, *(f"column{n}" for n in range(20)))  # from 21 on it would be a storm
    html = olga.get(URL).content.decode()
    assert html.count("inbox-row") == 5 + 1  # and the id of the list
    assert "Show 15 more" in html
    whole = olga.get(f"{URL}?inbox=all").content.decode()
    assert "column19" in whole
    assert "Show fewer" in whole


def test_a_recovered_item_is_confirmed_in_its_row(product: Product, olga: Client) -> None:
    product.place, product.on_green = "top", "ask"
    product.save()
    see(product, "age")
    Item.objects.update(kind=Kind.BUG)  # a kind that evidence alone doesn't finish
    see(product, "age", outcome="passed")
    row = olga.get(URL).content.decode().partition('id="item-1"')[2].partition("</li>")[0]
    assert "recovered?" in row
    assert "/p/MED/items/MED-1/confirm-done/" in row
    answer = olga.post("/p/MED/items/MED-1/confirm-done/", {"next": URL})
    assert answer["Location"] == URL
    assert Item.objects.get().status.slug == "done"


# Quick add ------------------------------------------------------------------------------------


def test_quick_add_puts_an_item_at_the_bottom(
    product: Product, abc: list[Item], max_: Client
) -> None:
    answer = max_.post(URL, {"title": "d", "kind": "bug", "points": "2.5"})
    assert answer.status_code == 302
    added = Item.objects.get(title="d")
    assert (added.kind, added.points) == (Kind.BUG, 2.5)
    assert order(product) == "abcd"


def test_quick_add_brings_an_empty_line_back_and_tells_the_list(
    abc: list[Item], max_: Client
) -> None:
    answer = max_.post(URL, {"title": "New one", "kind": "spike"}, headers=HTMX)
    html = answer.content.decode()
    assert 'id="quick-add"' in html
    assert '<option value="spike" selected>' in html
    assert 'value="New one"' not in html
    assert '<a href="/p/MED/items/MED-4/">MED-4</a> added at the bottom' in html
    assert "items:changed" in answer["HX-Trigger"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"title": "", "kind": "story"}, "Type a title first."),
        ({"title": "x", "kind": "nonsense"}, "Kind: choose from what is offered."),
        (
            {"title": "x", "kind": "story", "points": "many"},
            "Points: give a number from 0 to 9999.",
        ),
        ({"title": "x", "kind": "task", "points": "3"}, "oints"),
        ({"title": "x" * 251, "kind": "story"}, "Title may have 250 characters; this has 251."),
    ],
)
def test_quick_add_says_what_is_wrong_and_keeps_what_was_typed(
    product: Product, max_: Client, line: dict[str, str], said: str
) -> None:
    fragment = max_.post(URL, line, headers=HTMX)
    assert fragment.status_code == 422
    assert said in fragment.content.decode()
    page = max_.post(URL, line)
    assert page.status_code == 422
    assert "field-error" in page.content.decode()
    assert said in page.content.decode()
    assert not Item.objects.exists()


def test_experts_and_stakeholders_add_nothing(product: Product, as_person: Any, cast: Cast) -> None:
    for name in ("dora", "vera"):
        client = as_person(cast[name])
        assert 'id="quick-add"' not in client.get(URL).content.decode()
        assert client.post(URL, {"title": "x", "kind": "story"}).status_code == 403


def test_the_navigation_counts_the_open_items(
    product: Product, abc: list[Item], olga: Client, olga_acts: Actor
) -> None:
    set_done(abc[0], olga_acts)
    assert "2 open items in the product backlog" in olga.get(URL).content.decode()


def test_what_is_taken_brings_the_navigation_along(
    product: Product, abc: list[Item], olga: Client
) -> None:
    see(product, "age", "weight")
    html = olga.post(f"{URL}take/", {"all": "top"}, headers=HTMX).content.decode()
    _, _, rooms = html.partition('id="rooms" hx-swap-oob="true"')
    assert "5 open items in the product backlog" in rooms
    assert "5 open items" in olga.get(f"{URL}figures/").json()["rooms"]


def test_titles_are_shown_as_text(product: Product, olga: Client, olga_acts: Actor) -> None:
    create_items(product, [ItemDraft("<script>alert(1)</script>")], actor=olga_acts)
    assert "<script>alert" not in olga.get(URL).content.decode()
