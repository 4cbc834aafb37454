"""Dispatchers that look for messages in the same moment, and people who delete meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection, connections
from django.utils import timezone

from backlog.models import Actor, Delivery, Job, Webhook
from backlog.services import webhooks
from backlog.services.items import ItemDraft, create_item
from backlog.services.products import create_product
from tests.conftest import Cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
DISPATCHERS, ROUNDS = 4, 6
URL = "https://1.1.1.1/hook"


def at_once(*deeds: Callable[[], object]) -> list[BaseException]:
    """Do all of these in the same moment; what went wrong."""
    barrier, faults = Barrier(len(deeds)), list[BaseException]()

    def do(deed: Callable[[], object]) -> None:
        try:
            barrier.wait(timeout=10)
            deed()
        except BaseException as error:  # noqa: BLE001  told to the test
            faults.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_each_event_is_one_message_and_each_webhook_has_one_job(
    transactional_db: None, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    webhooks.create_webhook(product, webhooks.WebhookDraft("CI", URL, ["item.*"]), actor=olga)
    for number in range(ROUNDS):
        create_item(product, ItemDraft(f"Item {number}"), actor=olga)
        Job.objects.update(state="done")
        faults = at_once(*[lambda: webhooks.tell(timezone.now())] * DISPATCHERS)
        assert faults == []
        assert Job.objects.filter(kind="webhook", state="queued").count() == 1
    assert Delivery.objects.count() == ROUNDS


def test_a_webhook_is_deleted_while_it_is_told(transactional_db: None, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    for number in range(ROUNDS):
        draft = webhooks.WebhookDraft(f"CI {number}", URL)
        hook, _ = webhooks.create_webhook(product, draft, actor=olga)
        webhooks.ping(hook, actor=olga)
        faults = at_once(
            lambda: webhooks.tell(timezone.now()),
            lambda: webhooks.delete_webhook(hook, actor=olga),  # noqa: B023  joined within the round
            lambda: webhooks.tell(timezone.now()),
        )
        assert faults == []
    assert not Webhook.objects.exists()
