"""Messages of code hosts in the same moment: one sent twice, several about one item, and one while
its code host is removed."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from backlog.models import Activity, Actor, CodeHost, HostMessage, Item, ItemEvidence
from backlog.services import code_messages
from backlog.services.code_hosts import CodeHostDraft, create_code_host, delete_code_host
from backlog.services.code_links import take_works
from backlog.services.items import ItemDraft, create_item, update_item
from backlog.services.products import create_product
from tests.backlog.code_hosts import Sender
from tests.backlog.test_webhooks_at_once import at_once
from tests.conftest import Cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
TIMES, ROUNDS = 4, 5


class Again(Sender):
    """Sends everything under one id, as a proxy that tries again does."""

    def headers(self, event: str, body: bytes, message_id: str) -> dict[str, str]:
        return super().headers(event, body, "the-same")


@pytest.fixture
def olga(transactional_db: None, cast: Cast) -> Actor:
    """Who has MED with MED-1 in it."""
    cache.clear()
    olga = Actor.person(cast.olga)
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    create_item(product, ItemDraft("Second reading"), actor=olga)
    return olga


def added(olga: Actor, name: str) -> tuple[CodeHost, str]:
    product = Item.objects.get().product
    return create_code_host(product, CodeHostDraft("github", name, "in-review"), actor=olga)


def test_a_message_that_comes_several_times_at_once_is_taken_once(olga: Actor) -> None:
    sender = Again(*added(olga, "Hub"))
    states: list[str] = []
    faults = at_once(*[lambda: states.append(sender.push("Fixes MED-1").json()["state"])] * TIMES)
    assert faults == []
    assert sorted(states) == ["known"] * (TIMES - 1) + ["taken"]
    kinds = Activity.objects.exclude(code_host=None).order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["item.evidence_put", "item.updated"]


def test_several_messages_about_one_item_wait_for_each_other_and_for_people(olga: Actor) -> None:
    for number in range(ROUNDS):
        item = Item.objects.select_related("product", "status", "backlog").get()
        host, secret = added(olga, f"Hub {number}")
        pushes, pulls = Sender(host, secret), Sender(host, secret)
        pulls.count = 100
        faults = at_once(
            lambda: pushes.push(f"Fixes MED-1, round {number}"),  # noqa: B023  done at once
            lambda: pulls.pull_request(body="Fixes MED-1", number=number + 1),  # noqa: B023
            lambda: update_item(item, actor=olga, points=number + 1),  # noqa: B023
        )
        assert faults == []
        assert HostMessage.objects.filter(code_host=host, state="taken").count() == 2
    item.refresh_from_db()
    assert (item.status.slug, item.points) == ("done", ROUNDS)
    assert ItemEvidence.objects.count() == 2 * ROUNDS


def test_what_a_code_host_says_is_lost_with_it(
    olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, secret = added(olga, "Hub")

    def too_late(*args: Any, **fields: Any) -> tuple[list[str], bool]:
        delete_code_host(CodeHost.objects.get(), actor=olga)
        return take_works(*args, **fields)

    monkeypatch.setattr(code_messages, "take_works", too_late)
    answer = Sender(host, secret).push("Fixes MED-1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not ItemEvidence.objects.exists()
    assert Item.objects.get().status.slug == "to-do"


def test_a_code_host_is_removed_while_it_speaks(olga: Actor) -> None:
    for number in range(ROUNDS):
        host, secret = added(olga, f"Hub {number}")
        sender, codes = Sender(host, secret), list[int]()
        faults = at_once(
            lambda: codes.append(sender.push(f"MED-1 {number}").status_code),  # noqa: B023
            lambda: delete_code_host(host, actor=olga),  # noqa: B023  done at once
        )
        assert faults == []
        assert set(codes) <= {200, 404}
    assert not CodeHost.objects.exists()
