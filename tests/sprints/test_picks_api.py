"""What a ceremony talks about, and how much each item matters to whom, over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Actor, Item, Product, Scope
from backlog.services.items import ItemDraft, create_items
from sprints.models import Ceremony, ImportanceVote
from sprints.services.ceremonies import CeremonyDraft, close, open_ceremony, schedule
from sprints.services.poker import pick_items, start_round, weigh
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.rest import V1, pointers, queries, walk


@pytest.fixture
def items(product: Product, olga: Actor) -> list[Item]:
    drafts = [*(ItemDraft(f"Story {n}") for n in range(4)), ItemDraft("All of it", kind="epic")]
    return create_items(product, drafts, actor=olga)


@pytest.fixture
def refinement(product: Product, olga: Actor) -> Ceremony:
    draft = CeremonyDraft("refinement", timezone.now(), 60)
    return open_ceremony(schedule(product, draft, actor=olga), actor=olga)


@pytest.fixture
def picks(refinement: Ceremony) -> str:
    return f"{V1}/ceremonies/{refinement.pk}/picks/"


def test_items_are_picked_once_and_taken_away_until_they_are_voted_on(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, picks: str, olga: Actor
) -> None:
    client = api(cast.max)
    made = client.post(picks, {"items": ["MED-2", "med-1", "MED-2"]}, format="json")
    assert made.status_code == 201, made.content
    assert [row["item"] for row in made.json()] == ["MED-2", "MED-1"]
    again = client.post(picks, {"items": ["MED-1", "MED-3"]}, format="json")
    assert [row["item"] for row in again.json()] == ["MED-1", "MED-3"]
    start_round(refinement, items[1], actor=olga)
    shown = client.get(picks).json()["results"]
    assert [(row["item"], row["state"]) for row in shown] == [
        ("MED-2", "voting"), ("MED-1", None), ("MED-3", None),
    ]  # fmt: skip
    assert client.delete(f"{picks}MED-2/").status_code == 409
    assert client.delete(f"{picks}MED-3/").status_code == 204
    assert client.delete(f"{picks}MED-3/").status_code == 404
    assert [row["item"] for row in client.get(picks).json()["results"]] == ["MED-2", "MED-1"]


def test_what_matters_to_others_shows_after_ones_own_word(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, picks: str, olga: Actor
) -> None:
    pick_items(refinement, items[:1], actor=olga)
    seat = take_seat(refinement, cast.dora)
    weigh(refinement, items[0], seat, 5, actor=Actor.person(cast.dora))
    client, one = api(cast.max), f"{picks}MED-1/importance/"
    [before] = client.get(picks).json()["results"]
    assert (before["weighed"], before["importance"], before["my_importance"]) == (1, None, None)
    after = client.put(one, {"importance": 2}, format="json")
    assert after.status_code == 200, after.content
    assert after.json()["importance"] == {
        "means": {"Developer": 2.0, "Domain expert": 5.0},
        "overall": 3.5,
        "disagreement": 3.0,
        "talk_first": True,
    }
    assert client.put(one, {"importance": 4}, format="json").json()["my_importance"] == 4
    [shown] = client.get(picks).json()["results"]
    assert (shown["importance"]["disagreement"], shown["importance"]["talk_first"]) == (1.0, False)
    assert sorted(ImportanceVote.objects.values_list("value", flat=True)) == [4, 5]


def test_who_can_not_speak_reads_nothing_before_the_end(
    api: Any, cast: Cast, product: Product, items: list[Item], refinement: Ceremony, picks: str,
    olga: Actor,
) -> None:  # fmt: skip
    pick_items(refinement, items[:1], actor=olga)
    seat = take_seat(refinement, cast.dora)
    weigh(refinement, items[0], seat, 5, actor=Actor.person(cast.dora))
    machine, reader = api(product=product), api(cast.max, scopes=(Scope.READ,))
    refused = api(product=product, scopes=(Scope.READ, Scope.WRITE)).put(
        f"{picks}MED-1/importance/", {"importance": 1}, format="json"
    )
    assert (refused.status_code, "of a person" in refused.json()["detail"]) == (403, True)
    for client in (machine, reader):
        assert client.get(picks).json()["results"][0]["importance"] is None
    close(refinement, actor=olga)
    for client in (machine, reader):
        assert client.get(picks).json()["results"][0]["importance"]["overall"] == 5.0


def test_bad_picks_and_values_change_nothing(
    api: Any, cast: Cast, product: Product, items: list[Item], refinement: Ceremony, picks: str,
    olga: Actor,
) -> None:  # fmt: skip
    client = api(cast.max)
    wrong = client.post(picks, {"items": ["MED-1", "MED-99", "X"]}, format="json")
    assert (wrong.status_code, pointers(wrong)) == (400, ["/items/1", "/items/2"])
    many: list[dict[str, Any]] = [
        {},
        {"items": []},
        {"items": ["MED-1"] * 61},
        {"items": ["MED-1"], "at": 1},
    ]
    for sent in many:
        assert client.post(picks, sent, format="json").status_code == 400
    epic = client.post(picks, {"items": ["MED-1", "MED-5"]}, format="json")
    assert (epic.status_code, "bears no points" in epic.json()["detail"]) == (422, True)
    assert not refinement.picks.exists()
    pick_items(refinement, items[:1], actor=olga)
    for value in (0, 6, "much", None):
        path = f"{picks}MED-1/importance/"
        assert client.put(path, {"importance": value}, format="json").status_code == 400
    assert client.put(f"{picks}MED-2/importance/", {"importance": 3}).status_code == 404
    assert not ImportanceVote.objects.exists()
    assert api(cast.dora).post(picks, {"items": ["MED-2"]}, format="json").status_code == 403
    assert api(cast.sam).get(picks).status_code == 404
    review = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    assert client.get(f"{V1}/ceremonies/{review.pk}/picks/").status_code == 404
    close(refinement, actor=olga)
    late = client.put(f"{picks}MED-1/importance/", {"importance": 3}, format="json")
    assert late.status_code == 409


def test_a_list_costs_the_same_for_more(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, picks: str, olga: Actor
) -> None:
    client = api(cast.max)

    def talk(some: list[Item]) -> None:
        pick_items(refinement, some, actor=olga)
        for item in some:
            for name in ("max", "dora"):
                weigh(refinement, item, take_seat(refinement, cast[name]), 3, actor=olga)

    talk(items[:1])
    few = queries(client, picks)
    talk(items[1:4])
    assert queries(client, picks) == few
    assert [row["item"] for page in walk(client, f"{picks}?limit=2") for row in page] == [
        "MED-1", "MED-2", "MED-3", "MED-4",
    ]  # fmt: skip
