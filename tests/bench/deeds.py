"""What is measured: reads and deeds of a backlog, each as one request."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.bench.house import KEY, Answer, Caller

ITEMS = f"/products/{KEY}/items/"
PAGES = f"/p/{KEY}/"
SPRINTS = "SPRINT"  # the product that sprints are measured in
GLOSSARY, SPEAKING = "WORDS", 50  # the product of 2,000 words, and its items that speak of them
WORDS = ("executor", "forum", "stream", "scheduler+fail", "test+mod", "sink", "user", "slave+lost")
FLOOR = "floor: signed in, one query"
CLOSING = "REST: close a sprint of 200 items"
WALK = "REST: a page of 200, to the end"
Ask = Callable[[Caller, random.Random], Answer]


@dataclass(frozen=True)
class Measured:
    """One row of the table: `times` requests in each round.

    `aim_ms` and `most_sql` are for 10,000 items and one client; `growth` is how many times the
    median may be at 100,000 items what it is at 2,000.
    """

    name: str
    ask: Ask
    times: int = 30
    aim_ms: float | None = None
    most_sql: int | None = None
    growth: float = 1.3
    may_be_refused: bool = False


def floor(caller: Caller, choice: random.Random) -> Answer:
    return caller.page("/bench/floor/")


def close(caller: Caller, sprint: int) -> Answer:
    """All of it goes back to the backlog, so that the next sprint can have it."""
    wish = {"goal_met": "no", "goal_reason": "Measured."}
    return caller.api("POST", f"/sprints/{sprint}/close/", wish)


def first_page() -> str:
    return f"{ITEMS}?limit=200"


def next_page(answer: Answer) -> str:
    """The path of the page after this one; empty at the end."""
    url = urlsplit(answer.json["next"] or "")
    return f"{url.path.removeprefix('/api/v1')}?{url.query}" if url.path else ""


def measured(refs: Sequence[str], sprint: int = 0) -> list[Measured]:
    """The rows, for a product that holds these refs in about their order and a running sprint of
    200 cards, of this id, in another."""
    wish = {"goal_met": "partly", "goal_reason": "Measured.", "dry_run": True}
    cards = f"/products/{SPRINTS}/items/?sprint={sprint}&limit=200"
    return [
        Measured(
            "REST: first page of the backlog, 30",
            lambda caller, _: caller.api("GET", f"{ITEMS}?limit=30"),
            aim_ms=40,
            most_sql=8,
        ),
        Measured("REST: one item", _one(refs), aim_ms=13),
        Measured("REST: create an item", _create, aim_ms=19),
        Measured("REST: edit one field", _edit(refs), aim_ms=16),
        Measured("REST: move to the top", _move(refs, None), aim_ms=15),
        Measured("REST: move to the middle", _move(refs, (0.4, 0.6)), aim_ms=15),
        Measured("REST: move near the end", _move(refs, (0.9, 1.0)), aim_ms=15),
        Measured("REST: moves at random", _move(refs, (0.0, 1.0)), may_be_refused=True),
        Measured("REST: text search", _search, aim_ms=40, growth=3),
        Measured("REST: create 100 at once", _create_100, times=3, aim_ms=250, most_sql=30),
        Measured("REST: edit 100 at once", _edit_100(refs), times=3, aim_ms=250, most_sql=30),
        Measured(
            "REST: 200 cards of a sprint",
            lambda caller, _: caller.api("GET", cards),
            times=15,
            aim_ms=30,
            most_sql=12,
        ),
        Measured(
            "REST: a sprint with its figures",
            lambda caller, _: caller.api("GET", f"/sprints/{sprint}/"),
            aim_ms=12,
        ),
        Measured(
            "REST: its burndown",
            lambda caller, _: caller.api("GET", f"/sprints/{sprint}/burndown/"),
        ),
        Measured(
            "REST: dry run of its closing",
            lambda caller, _: caller.api("POST", f"/sprints/{sprint}/close/", wish),
            times=15,
        ),
        Measured(
            "page: planning of a sprint of 200 cards",
            lambda caller, _: caller.page(f"/p/{SPRINTS}/sprints/{sprint}/plan/"),
            times=8,
            most_sql=45,
        ),
        Measured("page: backlog", lambda caller, _: caller.page(f"{PAGES}backlog/"), times=8),
        Measured(
            "page: board of 200 cards",
            lambda caller, _: caller.page(f"/p/{SPRINTS}/sprints/{sprint}/board/?lanes=none"),
            times=8,
            aim_ms=120,
            most_sql=12,
        ),
        Measured("page: item", _page(refs), times=15),
        Measured("page: item panel", _page(refs, **{"HX-Request": "true"}), times=15),
        Measured("page: item, 100 of 2,000 words in it", _speaking, times=15),
        Measured("page: item, one word more than 2,000", _more_words, times=5),
    ]


def _one(refs: Sequence[str]) -> Ask:
    return lambda caller, choice: caller.api("GET", f"/items/{choice.choice(refs)}/")


def _page(refs: Sequence[str], **headers: str) -> Ask:
    return lambda caller, choice: caller.page(f"{PAGES}items/{choice.choice(refs)}/", **headers)


def _speaking(caller: Caller, choice: random.Random) -> Answer:
    return caller.page(f"/p/{GLOSSARY}/items/{GLOSSARY}-{choice.randint(1, SPEAKING)}/")


def _more_words(caller: Caller, choice: random.Random) -> Answer:
    """Every process has to make anew what it finds the words by."""
    word = {"name": f"new {choice.getrandbits(64)}", "definition": "Measured."}
    caller.api("POST", f"/products/{GLOSSARY}/terms/", word)
    return _speaking(caller, choice)


def _create(caller: Caller, choice: random.Random) -> Answer:
    return caller.api("POST", ITEMS, {"title": "Measured", "description": "By the bench."})


def _edit(refs: Sequence[str]) -> Ask:
    def edit(caller: Caller, choice: random.Random) -> Answer:
        title = {"title": f"Measured {choice.random()}"}
        return caller.api("PATCH", f"/items/{choice.choice(refs)}/", title)

    return edit


def _move(refs: Sequence[str], part: tuple[float, float] | None) -> Ask:
    """To the top, or beside an item of this part of the backlog."""

    def move(caller: Caller, choice: random.Random) -> Answer:
        mover = choice.choice(refs)
        if part is None:
            return caller.risk("POST", f"{ITEMS}move/", {"refs": [mover], "to": "top"})
        low, high = (int(share * len(refs)) for share in part)
        anchor = refs[choice.randrange(low, high)]
        side = choice.choice(["before", "after"])
        return caller.risk("POST", f"{ITEMS}move/", {"refs": [mover], side: anchor})

    return move


def _search(caller: Caller, choice: random.Random) -> Answer:
    return caller.api("GET", f"{ITEMS}?q={choice.choice(WORDS)}&limit=30")


def _create_100(caller: Caller, choice: random.Random) -> Answer:
    rows = [
        {
            "title": f"Measured {number}",
            "description": "By the bench.",
            "points": number % 8,
            "status": "to-do",
            "labels": ["area-1"],
            "assignees": ["dev1@example.org"],
        }
        for number in range(100)
    ]
    return caller.api("POST", f"{ITEMS}bulk/", {"items": rows})


def _edit_100(refs: Sequence[str]) -> Ask:
    def edit(caller: Caller, choice: random.Random) -> Answer:
        wanted = choice.sample([ref for ref in refs[:2000] if not _is_epic(ref)], 100)
        change = {"points": choice.randint(1, 90), "assignees": ["dev2@example.org"]}
        body = {"refs": wanted, "set": change, "add_labels": ["area-2"]}
        return caller.api("POST", f"{ITEMS}bulk/", body)

    return edit


def _is_epic(ref: str) -> bool:
    return int(ref.rpartition("-")[2]) % 50 == 1  # as seed.py makes them
