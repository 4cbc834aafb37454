"""The search behind the palette: what it finds, in which order, and for whom."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Item, Product
from backlog.queries.search import best_of
from backlog.services.items import ItemDraft, comment, create_items, trash_item, update_item
from backlog.services.members import add_member, remove_member
from backlog.services.products import create_product
from backlog.services.transfer import move_to_product
from tests.conftest import Cast


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def three(product: Product, olga_acts: Actor) -> list[Item]:
    titles = ("Threshold by clinic", "Worklist", "Export of the worklist")
    return create_items(product, [ItemDraft(title) for title in titles], actor=olga_acts)


@pytest.fixture
def basket(cast: Cast, olga_acts: Actor) -> Item:
    """SHOP-1 of Olga's second product."""
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga_acts)
    [item] = create_items(shop, [ItemDraft("Threshold for baskets")], actor=olga_acts)
    return item


def found(client: Client, query: str, product: str = "MED") -> dict[str, list[str]]:
    """What the palette shows: the hrefs of each group, without what they have in common."""
    answer = client.get(
        "/search/", {"q": query, "product": product}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "<html" not in html
    groups = {}
    for section in html.split("<section")[1:]:
        name = re.search(r'aria-label="([^"]*)"', section)
        assert name
        groups[name[1]] = re.findall(r'href="/p/([^"]*)/"', section)
    return groups


def test_words_of_titles_texts_and_comments_find_items_the_present_product_first(
    three: list[Item], basket: Item, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    comment(three[1], "The *threshold* of this list is wrong", actor=olga_acts)
    client = as_person(cast.olga)
    assert found(client, "thresh") == {
        "Items": ["MED/items/MED-1", "MED/items/MED-2"],
        "Items of other products": ["SHOP/items/SHOP-1"],
    }
    assert found(client, "thresh", product="SHOP") == {
        "Items": ["SHOP/items/SHOP-1"],
        "Items of other products": ["MED/items/MED-1", "MED/items/MED-2"],
    }
    assert found(client, "clinic", product="") == {"Items": ["MED/items/MED-1"]}


def test_an_item_is_found_by_its_ref_and_by_its_number_however_old_it_is(
    product: Product, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    drafts = [ItemDraft(f"Step {n}") for n in range(1, 21)]
    create_items(product, drafts, actor=olga_acts)
    client = as_person(cast.max)
    for asked in ("MED-1", "med-1", " 1 "):
        assert found(client, asked)["Items"][0] == "MED/items/MED-1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backlog.queries.search.MOST_CANDIDATES", 3)
        assert best_of(product, "MED-1", limit=5)[0][0].number == 1


def test_rooms_are_found_by_their_name_and_their_product(
    product: Product, basket: Item, as_person: Any, cast: Cast
) -> None:
    client = as_person(cast.olga)
    assert found(client, "backl")["Rooms"] == ["MED/backlog", "SHOP/backlog"]
    assert found(client, "recomm set")["Rooms"] == ["SHOP/settings"]
    assert found(client, "")["Rooms"][:2] == ["MED/backlog", "MED/epics"]


def test_without_words_it_shows_what_the_person_did_something_on_last(
    three: list[Item], basket: Item, as_person: Any, cast: Cast
) -> None:
    max_acts = Actor.person(cast.max)
    comment(three[2], "Mine", actor=max_acts)
    comment(three[0], "This one too", actor=max_acts)
    update_item(three[0], actor=max_acts, title="Threshold by ward")
    assert found(as_person(cast.max), "")["What you did last"] == [
        "MED/items/MED-1",
        "MED/items/MED-3",
    ]
    trash_item(three[2], actor=Actor.person(cast.olga))
    assert found(as_person(cast.max), "")["What you did last"] == ["MED/items/MED-1"]
    assert found(as_person(cast.vera), "").keys() == {"Rooms"}


def test_what_went_to_a_product_that_they_are_not_in_is_not_shown(
    three: list[Item], basket: Item, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    comment(three[0], "Mine", actor=Actor.person(cast.max))
    [moved] = move_to_product(three[0], basket.product, actor=olga_acts)
    assert "What you did last" not in found(as_person(cast.max), "")
    comment(moved, "Mine", actor=olga_acts)
    assert f"SHOP/items/{moved.ref}" in found(as_person(cast.olga), "")["What you did last"]


def test_strangers_and_those_who_left_find_nothing_of_a_product(
    three: list[Item], product: Product, as_person: Any, cast: Cast, member: Any
) -> None:
    sam = as_person(cast.sam)
    assert found(sam, "threshold") == found(sam, "MED-1") == found(sam, "") == {}
    assert found(sam, "backlog") == found(sam, "diagnosis") == {}
    max_ = as_person(cast.max)
    comment(three[0], "Mine", actor=Actor.person(cast.max))
    remove_member(member("max"), actor=Actor.person(cast.olga))
    assert found(max_, "threshold") == found(max_, "") == {}


def test_more_than_is_shown_leads_to_all_of_it_in_the_backlog(
    product: Product, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    create_items(product, [ItemDraft(f"Recall & more {n}") for n in range(9)], actor=olga_acts)
    client = as_person(cast.olga)
    page = client.get("/search/", {"q": "recall & mo", "product": "MED"}).content.decode()
    assert "Show all 9 in the backlog" in page
    link = re.search(r'href="(/p/MED/backlog/\?[^"]*)"', page)
    assert link
    backlog = client.get(unescape(link[1]))
    assert backlog.content.decode().count("data-ref=") == 9
    assert "Show all" not in client.get("/search/", {"q": "8", "product": "MED"}).content.decode()


def test_what_holds_no_word_finds_nothing_and_says_so(
    three: list[Item], as_person: Any, cast: Cast
) -> None:
    client = as_person(cast.olga)
    for query in ("--", "%", "nothingness", "'; DROP TABLE", "x" * 5000):
        assert found(client, query) == {}
    page = client.get("/search/", {"q": "nothingness", "product": "MED"}).content.decode()
    assert "No item of your products holds all of these words." in page


def test_without_scripts_the_same_is_a_page(three: list[Item], as_person: Any, cast: Cast) -> None:
    client = as_person(cast.vera)
    page = client.get("/search/", {"q": "worklist", "product": "MED"})
    html = page.content.decode()
    assert 'value="worklist"' in html
    assert html.index("MED-3") < html.index("MED-2")  # the newest first
    assert "HX-Request" in page["Vary"]
    assert Client().get("/search/").status_code == 302
    assert client.post("/search/").status_code == 405


def test_it_asks_no_more_of_the_database_for_more_products_and_items(
    three: list[Item], basket: Item, as_person: Any, cast: Cast, olga_acts: Actor
) -> None:
    client = as_person(cast.olga)

    def statements(query: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            found(client, query)
        return len(asked)

    few = [statements("threshold"), statements("")]
    for n in range(4):
        more = create_product(key=f"P{n}", name=f"P{n}", owner=cast.olga, actor=olga_acts)
        add_member(more, cast.max, "developer", actor=olga_acts)
        drafts = [ItemDraft(f"Threshold {i}") for i in range(5)]
        create_items(more, drafts, actor=olga_acts)
    assert [statements("threshold"), statements("")] == few
    assert max(few) <= 9
