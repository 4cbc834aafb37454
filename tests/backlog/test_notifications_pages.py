"""The bell and the page of notifications: what a person is told, and when it counts as seen."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Item, Notification, Product
from backlog.queries.notifications import news_page, news_rows, unread_count
from backlog.services.items import ItemDraft, comment, create_item, trash_item, update_item
from backlog.services.members import remove_member
from backlog.services.moves import move_and_set
from backlog.services.notifications import watch
from backlog.services.ranks import Spot
from mlscrum.web.context import unread_in_words
from tests.conftest import Cast


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def story(product: Product, olga_acts: Actor) -> Item:
    return create_item(product, ItemDraft("Second reading"), actor=olga_acts)


@pytest.fixture
def told(story: Item, cast: Cast, olga_acts: Actor) -> Item:
    """Max is mentioned on MED-1 and assigned to it, which he watches since."""
    comment(story, "@max is this **yours**?", actor=olga_acts)
    update_item(story, actor=olga_acts, assignees=[cast.max])
    comment(story, "It is.", actor=Actor.person(cast.sina))
    return story


def page_of(client: Client, query: str = "") -> str:
    return client.get(f"/notifications/{query}").content.decode()


def test_each_says_who_did_what_to_which_item(told: Item, as_person: Any, cast: Cast) -> None:
    html = page_of(as_person(cast.max))
    for words in (
        "<b>Olga Kuznetsova</b> mentioned you",
        "<b>Olga Kuznetsova</b> assigned you",
        "<b>Sina Rahimi</b> commented",
        "@max is this **yours**?",
        "/p/MED/items/MED-1/#comment-",
    ):
        assert words in html
    assert html.index("Sina Rahimi</b> commented") < html.index("mentioned you")


def test_the_bell_counts_what_is_unread(told: Item, as_person: Any, cast: Cast) -> None:
    max_ = as_person(cast.max)
    assert 'aria-label="Notifications: 3 unread"' in max_.get("/p/MED/backlog/").content.decode()
    assert "nothing unread" in as_person(cast.vera).get("/products/").content.decode()
    assert unread_in_words(100) == "Notifications: more than 99 unread"


def test_who_has_nothing_unread_costs_one_query(
    told: Item, cast: Cast, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert unread_count(cast.vera) == 0
    with django_assert_num_queries(2):
        assert unread_count(cast.max) == 3


def test_an_open_page_asks_again_what_is_unread(told: Item, as_person: Any, cast: Cast) -> None:
    answer = as_person(cast.max).get("/notifications/", headers={"Accept": "application/json"})
    assert answer.json() == {"unread": 3, "words": "Notifications: 3 unread"}


def test_the_news_of_an_item_are_seen_at_once_and_the_rest_stays(
    told: Item, product: Product, as_person: Any, cast: Cast, olga_acts: Actor
) -> None:
    other = create_item(product, ItemDraft("Other", assignees=[cast.max]), actor=olga_acts)
    max_ = as_person(cast.max)
    answer = max_.post(
        "/notifications/read/", {"ref": "med-1"}, headers={"Accept": "application/json"}
    )
    assert answer.json() == {"unread": 1, "words": "Notifications: 1 unread"}
    html = page_of(max_)
    assert other.ref in html
    assert "mentioned you" not in html
    assert "mentioned you" in page_of(max_, "?show=all")


def test_all_are_marked_as_read_by_one_button(told: Item, as_person: Any, cast: Cast) -> None:
    max_ = as_person(cast.max)
    answer = max_.post("/notifications/read/", follow=True).content.decode()
    assert "3 notifications marked as read." in answer
    assert "You have seen everything." in answer
    assert unread_count(cast.max) == 0


def test_nobody_reads_or_marks_the_news_of_others(told: Item, as_person: Any, cast: Cast) -> None:
    vera = as_person(cast.vera)
    assert "Second reading" not in page_of(vera, "?show=all")
    vera.post("/notifications/read/", {"ref": "MED-1"})
    vera.post("/notifications/read/")
    assert unread_count(cast.max) == 3


def test_there_are_no_news_of_a_product_that_one_has_left(
    told: Item, as_person: Any, cast: Cast, olga_acts: Actor, member: Any
) -> None:
    remove_member(member("max"), actor=olga_acts)
    assert unread_count(cast.max) == 0
    assert "Second reading" not in page_of(as_person(cast.max), "?show=all")


@pytest.mark.parametrize("ref", ["MED", "MED-x", "-", "MED-٣", "MED-99999999999999999999", "\x00"])
def test_a_ref_that_is_none_marks_nothing(told: Item, as_person: Any, cast: Cast, ref: str) -> None:
    assert as_person(cast.max).post("/notifications/read/", {"ref": ref}).status_code == 302
    assert unread_count(cast.max) == 3


def test_one_comes_back_to_our_own_pages_alone(told: Item, as_person: Any, cast: Cast) -> None:
    max_ = as_person(cast.max)
    for wanted, landed in (
        ("/notifications/?show=all", "/notifications/?show=all"),
        ("https://evil.example/", "/notifications/"),
    ):
        answer = max_.post("/notifications/read/", {"ref": "MED-1", "next": wanted})
        assert answer["Location"] == landed


def test_who_watches_an_item_is_told_of_its_status_and_its_end_in_words(
    story: Item, cast: Cast, product: Product, olga_acts: Actor
) -> None:
    watch([(story, cast.vera)])
    done = product.statuses.get(slug="done")
    update_item(story, actor=olga_acts, status=done)
    update_item(story, actor=olga_acts, title="Second reading, and better")
    trash_item(story, actor=olga_acts)
    news = Notification.objects.all()
    # And none to Olga, who did it.
    assert {(one.user, one.kind) for one in news} == {(cast.vera, "change")}
    assert [row.words for row in news_rows(news)] == [
        "put it into the trash",
        "set the status to Done (before: To do)",
    ]


def test_news_of_an_item_in_the_trash_still_lead_to_it(
    told: Item, as_person: Any, cast: Cast, olga_acts: Actor
) -> None:
    trash_item(told, actor=olga_acts)
    assert "Second reading" in page_of(as_person(cast.max))


def test_the_page_asks_no_more_for_more_news(
    told: Item, product: Product, cast: Cast, olga_acts: Actor, as_person: Any
) -> None:
    client = as_person(cast.max)
    page_of(client)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            page_of(client)
        return len(asked)

    few = statements()
    for n in range(4):
        item = create_item(product, ItemDraft(f"{n}", assignees=[cast.max]), actor=olga_acts)
        comment(item, "@max", actor=olga_acts)
    assert statements() == few
    for row in Notification.objects.filter(user=cast.max):
        Notification.objects.create(
            user=cast.max, item=row.item, kind="change", by=cast.olga, at=timezone.now()
        )
    with_changes = statements()
    kept = news_page(cast.max, 1, unread=True).object_list[0]
    Notification.objects.filter(user=cast.max, kind="change").exclude(pk=kept.pk).delete()
    assert statements() == with_changes


def test_who_watches_an_item_is_told_that_a_drag_changed_its_status(
    product: Product, cast: Cast
) -> None:
    item = create_item(product, ItemDraft("Scans"), actor=Actor.person(cast.max))
    done = product.statuses.get(category="done")
    for status, news in ((item.status, 0), (done, 1)):
        move_and_set(product, [item], actor=Actor.person(cast.olga), spot=Spot.top(), status=status)
        assert unread_count(cast.max) == news
