"""What is told of deeds: numbers and refs, once each, to those who may know of the product."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Activity, Actor, Product, Scope
from backlog.queries.events import Deeds, events_of, payloads_of
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    edit_items,
    move_items,
    update_item,
)
from backlog.services.ranks import Spot
from dataquality.services.datasets import DatasetDraft, register_dataset
from mlscrum.lib import live
from mlscrum.web import streams
from sprints.services.sprints import create_sprint
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, own_folders, upload  # noqa: F401

EVENTS = "/api/v1/products/MED/events/"


def last(product: Product) -> dict[str, Any]:
    return payloads_of(events_of(product).order_by("-seq")[:1])[0]


def test_the_list_tells_every_deed_once_in_order(product: Product, cast: Cast, api: Any) -> None:
    olga = Actor.person(cast.olga)
    for number in range(5):
        create_item(product, ItemDraft(f"Item {number}"), actor=olga)
    client = api(cast.vera)
    url, seen = f"{EVENTS}?format=json&limit=3", []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        seen += [event["seq"] for event in answer.json()["results"]]
        url = answer.json()["next"]
    assert seen == list(range(1, Activity.objects.filter(product=product).count() + 1))
    after = client.get(f"{EVENTS}?format=json&after={seen[-2]}").json()["results"]
    assert [(event["seq"], event["kind"], event["refs"]) for event in after] == [
        (seen[-1], "item.created", ["MED-5"])
    ]
    assert after[0]["actor"] == {"kind": "person", "user": "olga@example.org", "token": None}


def test_no_text_of_a_deed_is_told(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("Canary", description="Canary"), actor=olga)
    item = update_item(item, actor=olga, title="Canary two", blocked_reason="Canary")
    comment(item, "Canary", actor=olga)
    told = payloads_of(events_of(product).order_by("seq"))
    assert "Canary" not in str(told)
    assert [event["refs"] for event in told[-3:]] == [["MED-1"]] * 3


def test_items_that_were_moved_are_named(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    items = create_items(product, [ItemDraft(title) for title in "abc"], actor=olga)
    move_items(product, [items[2], items[1]], actor=olga, spot=Spot.top())
    event = last(product)
    assert (event["kind"], event["moved"]) == ("item.moved", True)
    assert {"MED-2", "MED-3"} <= set(event["refs"])
    update_item(items[0], actor=olga, title="d")
    assert last(product)["moved"] is False


def test_a_deed_on_more_items_than_are_named_says_so(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    items = create_items(product, [ItemDraft(f"Item {n}") for n in range(250)], actor=olga)
    edit_items(product, items, actor=olga, blocked_reason="Wait")
    event = last(product)
    assert (len(event["refs"]), event["more_refs"]) == (200, True)


def test_sprints_and_datasets_are_named_by_id_and_slug(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    register_dataset(product, DatasetDraft(name="Patients"), upload(PATIENTS), actor=olga)
    registered = events_of(product).filter(kind="dataset.registered")
    assert payloads_of(registered)[0]["subject"] == {"kind": "dataset", "slug": "patients"}
    create_sprint(product.teams.get(), actor=olga)
    assert last(product)["kind"] == "sprint.created"


def test_a_deed_remembers_the_open_page_that_did_it(
    product: Product, cast: Cast, as_person: Any
) -> None:
    olga = as_person(cast.olga)
    olga.post(
        "/p/MED/backlog/",
        {"title": "First", "kind": "story"},
        headers={"X-Tab": "0123456789abcdef"},
    )
    assert last(product)["tab"] == "0123456789abcdef"
    olga.post(
        "/p/MED/backlog/", {"title": "Second", "kind": "story"}, headers={"X-Tab": "<b>no name</b>"}
    )
    assert (last(product)["refs"], last(product)["tab"]) == (["MED-2"], "")
    assert live.tab.get() == ""


def test_the_tailer_reads_a_batch_in_as_many_queries_as_one(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            events = Deeds().after(product.pk, 0, 500)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        return len(queries)

    create_item(product, ItemDraft("First"), actor=olga)
    before = asked()
    for number in range(20):
        create_item(product, ItemDraft(f"Item {number}"), actor=olga)
    assert asked() == before
    assert Deeds().heads([product.pk, 10**9]) == {product.pk: Activity.objects.count()}


@pytest.mark.parametrize(
    "query", ["?format=xml", "?after=last", "?after=-1", "?format=json&after=", "?since=3"]
)
def test_what_nobody_can_read_is_refused(
    product: Product, cast: Cast, api: Any, query: str
) -> None:
    answer = api(cast.max).get(EVENTS + query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_the_stream_says_what_it_is(product: Product, cast: Cast, api: Any) -> None:
    for scopes in ((Scope.READ,), (Scope.EVIDENCE,)):
        answer = api(cast.max, scopes=scopes).get(EVENTS, headers={"Accept": "text/event-stream"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert "no-store" in answer.headers["Cache-Control"]
    assert api(cast.max, scopes=(Scope.WRITE,)).get(EVENTS).status_code == 403
    assert api(cast.sam).get(EVENTS).status_code == 404


def test_one_reader_can_not_hold_a_whole_process(
    product: Product, cast: Cast, api: Any, as_person: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(streams, "MOST_OF_ONE", 0)
    answer = api(cast.max).get(EVENTS)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
    assert as_person(cast.max).get("/p/MED/live/").status_code == 429


def test_pages_say_where_their_stream_begins(product: Product, cast: Cast, as_person: Any) -> None:
    page = as_person(cast.max).get("/p/MED/backlog/").content.decode()
    seq = Activity.objects.filter(product=product).latest("seq").seq
    assert f'data-stream="/p/MED/live/" data-seq="{seq}"' in page
    assert "data-stream" not in as_person(cast.max).get("/my-work/").content.decode()
