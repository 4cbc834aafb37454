"""Planning poker over REST: the same votes, hidden by the same rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Actor, Item, Product, Scope
from backlog.services.items import ItemDraft, create_items
from sprints.models import Ceremony, PokerVote, Round
from sprints.services.ceremonies import CeremonyDraft, close, open_ceremony, schedule
from sprints.services.poker import reveal, start_round, vote
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.rest import V1, pointers, queries, walk


@pytest.fixture
def items(product: Product, olga: Actor) -> list[Item]:
    drafts = [ItemDraft(f"Story {n}") for n in range(4)]
    return create_items(product, drafts, actor=olga)


@pytest.fixture
def refinement(product: Product, olga: Actor) -> Ceremony:
    draft = CeremonyDraft("refinement", timezone.now(), 60)
    return open_ceremony(schedule(product, draft, actor=olga), actor=olga)


@pytest.fixture
def rounds(refinement: Ceremony) -> str:
    return f"{V1}/ceremonies/{refinement.pk}/rounds/"


def test_a_team_estimates_an_item_from_the_vote_to_the_acceptance(
    api: Any, cast: Cast, items: list[Item], rounds: str
) -> None:
    max, dora = api(cast.max), api(cast.dora)
    opened = max.post(rounds, {"item": items[0].ref}, format="json")
    assert opened.status_code == 201, opened.content
    one = opened.headers["Location"]
    assert (opened.json()["number"], opened.json()["state"]) == (1, "voting")
    assert max.post(rounds, {"item": items[0].ref}, format="json").status_code == 200
    assert max.post(f"{one}vote/", {"card": "3"}, format="json").json()["mine"] == "3"
    assert dora.post(f"{one}vote/", {"card": "8"}, format="json").status_code == 200
    shown = dora.post(f"{one}reveal/", format="json")
    assert shown.status_code == 403  # experts vote, and those who run the ceremony reveal
    shown = max.post(f"{one}reveal/", format="json").json()
    assert [(each["by"], each["role"], each["card"]) for each in shown["votes"]] == [
        ("Dora Anyango", "Domain expert", "8"),
        (str(cast.max), "Developer", "3"),
    ]
    assert shown["spread"] == {
        "low": 3.0, "high": 8.0, "median": 5.5, "suggested": 8.0, "agreed": False,
    }  # fmt: skip
    again = max.post(f"{one}revote/", format="json")
    assert (again.status_code, again.json()["number"]) == (201, 2)
    two = again.headers["Location"]
    for client in (max, dora):
        client.post(f"{two}vote/", {"card": "5"}, format="json")
    max.post(f"{two}reveal/", format="json")
    assert dora.post(f"{two}accept/", {"points": 5}, format="json").status_code == 403
    settled = max.post(f"{two}accept/", {"points": 5}, format="json").json()
    assert (settled["state"], settled["points"], settled["spread"]["agreed"]) == (
        "accepted", 5.0, True,
    )  # fmt: skip
    assert max.get(f"{V1}/items/{items[0].ref}/").json()["points"] == 5.0


def test_what_others_hold_up_is_in_no_answer_before_the_reveal(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, rounds: str, olga: Actor
) -> None:
    found = start_round(refinement, items[0], actor=olga)
    vote(found, take_seat(refinement, cast.max), "13", actor=Actor.person(cast.max))
    client = api(cast.dora)
    for path in (rounds, f"{rounds}{found.pk}/", f"{rounds}?state=voting"):
        body = client.get(path).json()
        [shown] = body.get("results", [body])
        assert (shown["voted"], shown["mine"]) == (1, None)
        assert (shown["votes"], shown["spread"]) == (None, None)
    assert '"13"' not in client.get(rounds).content.decode()
    assert api(cast.max).get(rounds).json()["results"][0]["mine"] == "13"


def test_a_vote_after_the_reveal_and_a_round_that_is_gone_are_clear(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, rounds: str, olga: Actor
) -> None:
    found = start_round(refinement, items[0], actor=olga)
    client, one = api(cast.max), f"{rounds}{found.pk}/"
    assert client.post(f"{one}reveal/", format="json").json()["detail"].startswith("Nobody has")
    assert client.post(f"{one}revote/", format="json").status_code == 409
    client.post(f"{one}vote/", {"card": "5"}, format="json")
    reveal(found, actor=olga)
    late = client.post(f"{one}vote/", {"card": "8"}, format="json")
    assert (late.status_code, "too late" in late.json()["detail"]) == (409, True)
    assert client.delete(one).status_code == 409
    other = start_round(refinement, items[1], actor=olga)
    busy = client.post(rounds, {"item": items[2].ref}, format="json")
    assert (busy.status_code, busy.json()["detail"][:5]) == (409, "MED-2")
    assert client.delete(f"{rounds}{other.pk}/").status_code == 204
    assert client.get(f"{rounds}{other.pk}/").status_code == 404
    assert client.post(f"{one}accept/", {"points": 4}, format="json").status_code == 422
    assert client.post(f"{one}accept/", {"points": "NaN"}, format="json").status_code == 400


def test_whoever_asks_second_for_a_round_is_given_the_one_under_way(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, rounds: str, olga: Actor
) -> None:
    found = start_round(refinement, items[0], actor=olga)
    vote(found, take_seat(refinement, cast.max), "13", actor=olga)
    reveal(found, actor=olga)
    answers = [
        api(cast[name]).post(f"{rounds}{found.pk}/revote/", format="json")
        for name in ("max", "sina")
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert ("Location" in answers[0], "Location" in answers[1]) == (True, False)


def test_bad_items_and_cards_are_refused(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, rounds: str, olga: Actor
) -> None:
    client = api(cast.max)
    wrong = client.post(rounds, {"item": "MED-999"}, format="json")
    assert (wrong.status_code, pointers(wrong)) == (400, ["/item"])
    assert client.post(rounds, {}, format="json").status_code == 400
    found = start_round(refinement, items[0], actor=olga)
    for card in ("4", "<b>", ""):
        answer = client.post(f"{rounds}{found.pk}/vote/", {"card": card}, format="json")
        assert answer.status_code in {400, 422}
    assert not PokerVote.objects.exists()


def test_who_has_no_voice_does_not_vote(
    api: Any, cast: Cast, product: Product, items: list[Item], refinement: Ceremony, rounds: str,
    olga: Actor,
) -> None:  # fmt: skip
    found = start_round(refinement, items[0], actor=olga)
    ci = api(product=product, scopes=(Scope.READ, Scope.WRITE))
    answer = ci.post(f"{rounds}{found.pk}/vote/", {"card": "5"}, format="json")
    assert (answer.status_code, "of a person" in answer.json()["detail"]) == (403, True)
    reader = api(cast.max, scopes=(Scope.READ,))
    assert reader.post(f"{rounds}{found.pk}/vote/", {"card": "5"}, format="json").status_code == 403
    assert api(cast.vera).post(rounds, {"item": items[1].ref}, format="json").status_code == 403
    assert api(cast.sam).get(rounds).status_code == 404
    open_ceremony(refinement, actor=olga)
    close(refinement, actor=olga)
    over = api(cast.max).post(f"{rounds}{found.pk}/vote/", {"card": "5"}, format="json")
    assert over.status_code == 409


def test_rounds_of_another_ceremony_are_not_there(
    api: Any, cast: Cast, product: Product, items: list[Item], refinement: Ceremony, rounds: str,
    olga: Actor,
) -> None:  # fmt: skip
    found = start_round(refinement, items[0], actor=olga)
    client = api(cast.max)
    for kind, has_poker in (("planning", True), ("review", False)):
        other = schedule(product, CeremonyDraft(kind, timezone.now(), 60), actor=olga)
        path = f"{V1}/ceremonies/{other.pk}/rounds/"
        assert client.get(path).status_code == (200 if has_poker else 404)
        assert client.get(f"{path}{found.pk}/").status_code == 404
        for deed in ("vote", "reveal", "revote", "accept"):
            assert client.post(f"{path}{found.pk}/{deed}/", {}, format="json").status_code == 404
        assert client.delete(f"{path}{found.pk}/").status_code == 404
    assert client.get(f"{rounds}{found.pk}/").status_code == 200
    assert not PokerVote.objects.exists()


def test_the_same_key_opens_one_round(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, rounds: str
) -> None:
    client = api(cast.max)
    answers = [
        client.post(rounds, {"item": items[0].ref}, format="json", HTTP_IDEMPOTENCY_KEY="k")
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert Round.objects.count() == 1


def test_lists_cost_the_same_for_more(
    api: Any, cast: Cast, items: list[Item], refinement: Ceremony, rounds: str, olga: Actor
) -> None:
    client = api(cast.max)

    def talk(some: list[Item]) -> None:
        for item in some:
            found = start_round(refinement, item, actor=olga)
            for name in ("max", "dora"):
                vote(found, take_seat(refinement, cast[name]), "5", actor=olga)
            reveal(found, actor=olga)

    talk(items[:1])
    few = queries(client, rounds)
    talk(items[1:])
    assert queries(client, rounds) == few
    assert len(walk(client, f"{rounds}?limit=3")) == 2
