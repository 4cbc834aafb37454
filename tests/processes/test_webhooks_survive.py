"""No event is lost and none of an item comes out of order, whatever happens to a receiver: with
real processes, the receiver's among them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from backlog.models import Actor, Delivery, Job, Product, Webhook
from backlog.services import webhooks
from backlog.services.items import ItemDraft, create_item, update_item
from backlog.services.webhooks import WebhookDraft, create_webhook
from tests.conftest import Cast
from tests.processes.conftest import ROOT, House, until

RECEIVER = ROOT / "tests" / "backlog" / "receiver.py"


class Tool:
    """A receiver in a process of its own, on a port that stays its own."""

    def __init__(self, house: House, folder: Path, port: int) -> None:
        self.house, self.folder, self.port = house, folder, port
        self.file = folder / "heard"

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(RECEIVER), str(self.port), str(self.file)]
        return self.house._start(command, "receiver")

    def answer(self, word: str) -> None:
        (self.folder / "answers").write_text(word)

    def heard(self, secret: str) -> list[dict[str, Any]]:
        """What came, each verified; the same message as often as it came."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        rows = [json.loads(line) for line in lines]
        return [Verifier(secret).verify(row["body"], row["headers"]) for row in rows]


@pytest.fixture
def tool(house: House, tmp_path: Path, settings: Any) -> Tool:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]
    house.env["OUTBOUND_ALLOW"] = f"127.0.0.1:{port}"
    return Tool(house, tmp_path, port)


def try_now() -> None:
    """As a person does who presses "Send again": the receiver is not left alone any longer."""
    for hook in Webhook.objects.all():
        for delivery in hook.deliveries.filter(state="waiting"):
            webhooks.replay(hook, delivery, actor=Actor.system())


def all_received() -> bool:
    waiting = Delivery.objects.exclude(state="sent").exists()
    return not waiting and not Job.objects.filter(kind="webhook", state="running").exists()


def in_order(messages: list[dict[str, Any]]) -> bool:
    """Whether the first time that each event of an item came was in the order of the events."""
    last: dict[str, int] = {}
    seen: set[int] = set()
    for message in messages:
        seq = message["data"]["seq"]
        if seq in seen:
            continue
        seen.add(seq)
        for ref in message["data"]["refs"]:
            if seq < last.get(ref, 0):
                return False
            last[ref] = seq
    return True


def test_each_event_arrives_in_order_through_outages_of_receiver_and_worker(
    house: House, tool: Tool, product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    url = f"http://127.0.0.1:{tool.port}/hook"
    _, secret = create_webhook(product, WebhookDraft("CI", url, ["item.*"]), actor=olga)
    house.start_broker()
    house.start("dispatch")
    worker = house.start("worker")
    tool.answer("200")
    process = tool.start()

    def happen(count: int) -> None:
        for n in range(count):
            item = create_item(product, ItemDraft(f"Item {n}"), actor=olga)
            update_item(item, actor=olga, points=3)
            update_item(item, actor=olga, points=5)

    happen(3)
    until(lambda: len(tool.heard(secret)) == 9, "what happened is told")
    house.kill(process)  # the receiver dies
    happen(3)
    until(lambda: Webhook.objects.get().failures > 0, "that it is gone is noticed")
    process = tool.start()
    try_now()
    until(all_received, "what happened meanwhile is told")

    tool.answer("500")
    happen(2)
    until(lambda: Webhook.objects.get().failures > 0, "its errors are noticed")
    house.kill(worker)
    house.start("worker")
    tool.answer("200")
    try_now()
    until(all_received, "nothing is lost with a worker")

    tool.answer("slow")
    happen(1)
    until(lambda: Webhook.objects.get().failures > 0, "that it hangs is noticed")
    tool.answer("307")
    try_now()
    redirected = Delivery.objects.filter(tries__icontains="redirects are not followed")
    until(redirected.exists, "redirects are not followed")
    tool.answer("200")
    try_now()
    until(all_received, "all is told in the end")

    heard = tool.heard(secret)
    made = set(Delivery.objects.values_list("seq", flat=True))
    assert {message["data"]["seq"] for message in heard} == made
    assert len(made) == 27
    assert in_order(heard)


def test_what_was_lost_behind_the_receiver_is_sent_once_more_under_the_same_id(
    house: House, tool: Tool, product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    url = f"http://127.0.0.1:{tool.port}/hook"
    hook, secret = create_webhook(product, WebhookDraft("CI", url, ["item.*"]), actor=olga)
    house.start_broker()
    house.start("dispatch")
    house.start("worker")
    tool.start()
    create_item(product, ItemDraft("One"), actor=olga)
    until(all_received_of(1), "it is told")
    webhooks.replay(hook, Delivery.objects.get(), actor=olga)
    until(lambda: len(tool.heard(secret)) == 2, "it is told once more")
    first, again = (json.loads(line) for line in tool.file.read_text().splitlines())
    assert first["headers"]["webhook-id"] == again["headers"]["webhook-id"]
    assert first["body"] == again["body"]


def all_received_of(count: int) -> Callable[[], bool]:
    return lambda: Delivery.objects.filter(state="sent").count() == count
