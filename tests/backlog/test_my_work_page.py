"""My work: what concerns one person across products, each item in one group."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Finding, Item, Product
from backlog.rules.weeks import end_of_week
from backlog.services.items import ItemDraft, create_item, create_items, trash_item, update_item
from backlog.services.links import add_link
from backlog.services.members import add_member, remove_member
from backlog.services.notifications import watch
from backlog.services.products import create_product
from tests.backlog.evidence import see
from tests.conftest import Cast


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def groups(client: Client) -> dict[str, list[str]]:
    """The refs in each group of the page."""
    html = client.get("/my-work/").content.decode()
    found = {}
    for section in html.split("<section")[1:]:
        title = re.search(r'<h2 id="work-\w+">([^<]*)</h2>', section)
        if title:
            found[title[1]] = re.findall(r'<span class="ref">([^<]*)</span>', section)
    return found


def statuses(product: Product) -> dict[str, Any]:
    return {status.slug: status for status in product.statuses.all()}


def test_each_item_of_mine_stands_in_one_group(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    today = timezone.localdate()
    titles = ("late", "this week", "next month", "doing", "done", "yours")
    late, soon, later, doing, done, yours = create_items(
        product, [ItemDraft(title, assignees=[cast.max]) for title in titles], actor=olga_acts
    )
    steps = statuses(product)
    update_item(late, actor=olga_acts, due_date=today - timedelta(days=3))
    update_item(soon, actor=olga_acts, due_date=end_of_week(today), status=steps["in-progress"])
    update_item(later, actor=olga_acts, due_date=today + timedelta(days=40))
    update_item(doing, actor=olga_acts, status=steps["in-review"])
    update_item(done, actor=olga_acts, status=steps["done"])
    update_item(yours, actor=olga_acts, assignees=[cast.sina])
    assert groups(as_person(cast.max)) == {
        "Overdue or due this week": [late.ref, soon.ref],
        "In progress": [doing.ref],
        "To do": [later.ref],
        "Changed by others": [yours.ref],  # who was assigned once goes on watching
        "Done": [done.ref],
    }
    Item.objects.filter(pk=done.pk).update(done_at=timezone.now() - timedelta(days=8))
    assert "Done" not in groups(as_person(cast.max))


def test_it_goes_across_products_in_the_order_of_each_backlog(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga_acts)
    drafts = [ItemDraft(title, assignees=[cast.olga]) for title in ("a", "b")]
    create_items(shop, drafts, actor=olga_acts)
    create_items(product, drafts, actor=olga_acts)
    assert groups(as_person(cast.olga))["To do"] == ["MED-1", "MED-2", "SHOP-1", "SHOP-2"]
    html = as_person(cast.olga).get("/my-work/").content.decode()
    assert "4 open items of yours in all products" in html


def test_what_is_blocked_says_by_what(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    mine = ItemDraft("Train", assignees=[cast.max])
    train, data, clinic = create_items(
        product, [mine, ItemDraft("Data"), ItemDraft("Ask", assignees=[cast.max])], actor=olga_acts
    )
    add_link(data, "blocks", train, actor=olga_acts)
    update_item(clinic, actor=olga_acts, blocked_reason="The clinic is closed")
    html = as_person(cast.max).get("/my-work/").content.decode()
    assert f"blocked by {data.ref}" in html
    assert 'title="The clinic is closed"' in html
    update_item(data, actor=olga_acts, status=statuses(product)["done"])
    assert "blocked by" not in as_person(cast.max).get("/my-work/").content.decode()


def test_what_recovered_waits_for_the_yes_of_those_who_may(
    product: Product, cast: Cast, as_person: Any
) -> None:
    product.on_green = "ask"
    product.save()
    [finding] = see(product, "age")
    see(product, "age", outcome="passed")
    see(product, "age", outcome="passed")
    finding.refresh_from_db()
    assert finding.recovered and finding.item
    ref = finding.item.ref
    assert groups(as_person(cast.max)) == {"Waits for your yes": [ref]}
    assert groups(as_person(cast.vera)) == {}
    as_person(cast.max).post(f"/p/MED/items/{ref}/confirm-done/", {"next": "/my-work/"})
    assert groups(as_person(cast.max)) == {}
    assert not Finding.objects.filter(recovered=True).exists()


def test_a_status_is_set_in_place(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    item = create_item(product, ItemDraft("Mine", assignees=[cast.max]), actor=olga_acts)
    max_ = as_person(cast.max)
    path = f"/p/MED/items/{item.ref}/status/"
    answer = max_.post(path, {"status": "in-progress"}, follow=True)
    assert f"{item.ref}: In progress." in answer.content.decode()
    assert groups(max_)["In progress"] == [item.ref]
    refused = max_.post(path, {"status": "nowhere"}, headers={"Referer": "/my-work/"})
    assert refused.status_code in {302, 422}
    assert groups(max_)["In progress"] == [item.ref]
    assert as_person(cast.vera).post(path, {"status": "done"}).status_code == 403
    assert as_person(cast.sam).post(path, {"status": "done"}).status_code == 404


def test_a_status_that_was_set_is_taken_back_in_the_product_of_its_item(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga_acts)
    for place in (product, shop):
        create_item(place, ItemDraft("Mine", assignees=[cast.olga]), actor=olga_acts)
    olga = as_person(cast.olga)
    set_to = {"status": "in-progress"}
    html = olga.post("/p/MED/items/MED-1/status/", set_to, follow=True).content.decode()
    assert 'formaction="/p/MED/undo/"' in html
    again = olga.post("/p/MED/items/MED-1/status/", set_to, follow=True).content.decode()
    assert "formaction" not in again  # nothing was changed
    olga.post("/p/SHOP/items/SHOP-1/status/", set_to)  # the last deed of all, elsewhere
    answer = olga.post("/p/MED/undo/", {"next": "/my-work/"}, follow=True)
    assert "Undone: MED-1 has its status back." in answer.content.decode()
    assert groups(olga) == {"In progress": ["SHOP-1"], "To do": ["MED-1"]}


def test_what_the_definition_asks_for_is_said_here_too(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    product.ready_checks = ["estimated"]
    product.save()
    create_item(product, ItemDraft("Mine", assignees=[cast.max]), actor=olga_acts)
    path, max_ = "/p/MED/items/MED-1/status/", as_person(cast.max)
    html = max_.post(path, {"status": "in-progress"}, follow=True).content.decode()
    assert "MED-1 isn&#x27;t ready: not estimated." in html
    assert groups(max_) == {"In progress": ["MED-1"]}  # nobody is hindered


def test_stakeholders_read_and_set_nothing(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    create_item(product, ItemDraft("Hers", assignees=[cast.vera]), actor=olga_acts)
    html = as_person(cast.vera).get("/my-work/").content.decode()
    assert "Hers" in html
    assert 'name="status"' not in html


def test_what_others_changed_is_told_in_words(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    item = create_item(product, ItemDraft("Watched"), actor=olga_acts)
    watch([(item, cast.vera)])
    assert groups(as_person(cast.vera)) == {}  # that it was made is no news
    update_item(item, actor=olga_acts, title="Watched closely")
    update_item(item, actor=olga_acts, status=statuses(product)["in-review"])
    html = as_person(cast.vera).get("/my-work/").content.decode()
    assert "<b>Olga Kuznetsova</b> set the status to In review (before: To do)" in html
    assert groups(as_person(cast.olga)) == {}  # she did it herself


def test_nothing_of_a_product_that_one_has_left_or_of_the_trash_is_shown(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any, member: Any
) -> None:
    drafts = [ItemDraft(title, assignees=[cast.max]) for title in ("Kept", "Trashed")]
    _, trashed = create_items(product, drafts, actor=olga_acts)
    trash_item(trashed, actor=olga_acts)
    max_ = as_person(cast.max)
    assert groups(max_) == {"To do": ["MED-1"]}
    remove_member(member("max"), actor=olga_acts)
    assert groups(max_) == {}
    assert "Nothing is assigned to you." in max_.get("/my-work/").content.decode()
    assert groups(as_person(cast.sam)) == {}


def test_it_asks_no_more_of_the_database_for_more_items_and_products(
    product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.max)

    def more(place: Product) -> None:
        drafts = [ItemDraft(f"{n}", assignees=[cast.max]) for n in range(3)]
        one, two, three = create_items(place, drafts, actor=olga_acts)
        add_link(one, "blocks", two, actor=olga_acts)
        update_item(three, actor=olga_acts, status=statuses(place)["done"])
        [seen] = create_items(place, [ItemDraft("seen")], actor=olga_acts)
        watch([(seen, cast.max)])
        update_item(seen, actor=olga_acts, title="changed")

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get("/my-work/")
        return len(asked)

    more(product)
    statements()
    few = statements()
    more(product)
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga_acts)
    add_member(shop, cast.max, "developer", actor=olga_acts)
    more(shop)
    assert statements() == few
