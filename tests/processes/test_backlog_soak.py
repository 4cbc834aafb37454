"""A minute of fifty people at one backlog of 2,000 items, over HTTP on PostgreSQL."""

from __future__ import annotations

import http.client
import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from backlog.models import Activity, Actor, Item, Product, Stay, User
from backlog.services.items import ItemDraft, create_items
from backlog.services.members import add_member
from mlscrum.lib.processes import answers, free_port
from tests.conftest import Cast
from tests.processes.conftest import House, until
from tests.replay import replayed

ITEMS = 2000
PEOPLE = 50
SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
CSRF = "c" * 32
FINE = {200, 201, 204, 404, 409}  # 404 and 409: somebody else has deleted or moved it meanwhile


class Person(threading.Thread):
    """Does one thing after the other, each at random, on one connection with a session."""

    def __init__(self, seed: int, port: int, session: str, ends_at: float) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self.port, self.ends_at = port, ends_at
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        self.seen: Counter[tuple[str, int]] = Counter()
        self.times: dict[str, list[float]] = {}
        self.wrong: list[str] = []

    def run(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while time.monotonic() < self.ends_at:
            name, method, path, body = self.chance.choices(DEEDS, WEIGHTS)[0](self.chance)
            began = time.perf_counter()
            line.request(method, path, json.dumps(body), self.headers)
            answer = line.getresponse()
            said = answer.read()
            self.times.setdefault(name, []).append(time.perf_counter() - began)
            self.seen[name, answer.status] += 1
            if answer.status not in FINE and not _is_gone(answer.status, said):
                self.wrong.append(f"{name}: {answer.status} {said[:300]!r}")
        line.close()


def _is_gone(status: int, said: bytes) -> bool:
    """Whether all that is wrong is that a named item lies in the trash by now."""
    errors = json.loads(said).get("errors", []) if status == 400 else []
    return bool(errors) and all(error["code"] == "no_item" for error in errors)


Deed = tuple[str, str, str, Any]
REST = "/api/v1"


def _ref(chance: random.Random) -> str:
    return f"MED-{chance.randint(1, ITEMS)}"


def _move(chance: random.Random) -> Deed:
    refs = [_ref(chance) for _ in range(chance.choice([1, 1, 1, 1, 3]))]
    where = chance.choice(["top", "bottom", "before", "after"])
    spot = {"to": where} if where in {"top", "bottom"} else {where: _ref(chance)}
    return "move", "POST", f"{REST}/products/MED/items/move/", {"refs": refs, **spot}


def _edit(chance: random.Random) -> Deed:
    fields = chance.choice([{"points": chance.randint(0, 8)}, {"title": f"T {chance.random()}"}])
    return "edit", "PATCH", f"{REST}/items/{_ref(chance)}/", fields


def _bulk(chance: random.Random) -> Deed:
    refs = list({_ref(chance) for _ in range(20)})
    body = {"refs": refs, "set": {"points": chance.randint(0, 8)}}
    return "bulk edit", "POST", f"{REST}/products/MED/items/bulk/", body


def _create(chance: random.Random) -> Deed:
    return "create", "POST", f"{REST}/products/MED/items/", {"title": f"New {chance.random()}"}


def _delete(chance: random.Random) -> Deed:
    return "delete", "DELETE", f"{REST}/items/{_ref(chance)}/", None


def _restore(chance: random.Random) -> Deed:
    return "restore", "POST", f"{REST}/items/{_ref(chance)}/restore/", {}


def _undo(chance: random.Random) -> Deed:
    return "undo", "POST", "/p/MED/undo/", {}


DEEDS = (_move, _edit, _bulk, _create, _delete, _restore, _undo)
WEIGHTS = (50, 25, 2, 3, 4, 6, 10)


@pytest.mark.soak
def test_fifty_people_lose_no_item_share_no_rank_and_leave_a_true_account(
    house: House, product: Product, cast: Cast, capsys: Any
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time; this is about PostgreSQL's locks")
    olga = Actor.person(cast.olga)
    for start in range(0, ITEMS, 500):
        create_items(product, [ItemDraft(f"Item {start + n}") for n in range(500)], actor=olga)
    port = free_port()
    house.env |= {
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "WEB_PROCESSES": "2",
        "API_RATE_PER_MINUTE": "1000000",
    }
    house.start("web")
    until(lambda: answers("127.0.0.1", port), "the web server answers")

    ends_at = time.monotonic() + SECONDS
    people = [Person(seed, port, _session(product, seed, olga), ends_at) for seed in range(PEOPLE)]
    for person in people:
        person.ends_at = time.monotonic() + SECONDS
        person.start()
    for person in people:
        person.join()

    assert [wrong for person in people for wrong in person.wrong] == []
    assert "Traceback" not in house.log("web")
    made = sum(person.seen["create", 201] for person in people)
    assert product.items.count() == ITEMS + made
    living = Item.objects.filter(product=product, deleted_at=None)
    assert not living.filter(rank=None).exists()
    assert Stay.objects.filter(left_at=None).count() == living.count()
    keys = list(living.values_list("backlog", "rank"))
    assert len(set(keys)) == len(keys)
    seqs = list(
        Activity.objects.filter(product=product).order_by("seq").values_list("seq", flat=True)
    )
    assert seqs == list(range(1, len(seqs) + 1))
    order = list(living.order_by("backlog", "rank").values_list("pk", flat=True))
    assert replayed(product) == order
    with capsys.disabled():
        report(people, len(seqs))


def report(people: list[Person], deeds: int) -> None:
    """The figures of the trial, for whoever reads its output."""
    lines = [f"\n{PEOPLE} people, {SECONDS:g} s, {ITEMS:,} items: {deeds:,} deeds in the activity"]
    for name in sorted({name for person in people for name, _ in person.seen}):
        times = sorted(t for person in people for t in person.times.get(name, []))
        answered: Counter[int] = Counter()
        for person in people:
            for (seen, status), count in person.seen.items():
                answered[status] += count if seen == name else 0
        told = ", ".join(f"{status}: {n}" for status, n in sorted(answered.items()) if n)
        lines.append(
            f"{name:10} {len(times):6} requests, median {statistics.median(times) * 1000:6.0f} ms,"
            f" p95 {times[int(len(times) * 0.95)] * 1000:6.0f} ms  ({told})"
        )
    sys.stdout.write("\n".join(lines) + "\n")


def _session(product: Product, seed: int, actor: Actor) -> str:
    """A product owner of their own for each, signed in."""
    user = User.objects.create_user(f"person{seed}@example.org", f"Person {seed}")
    add_member(product, user, "product_owner", actor=actor)
    browser = Client()
    browser.force_login(user)
    return browser.cookies[settings.SESSION_COOKIE_NAME].value
