"""Retrospectives over REST: cards of nobody's name, hidden until they are revealed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Activity, Actor, Item, KeptAnswer, Product, Scope
from sprints.models import Ceremony, RetroCard, RetroVote
from sprints.services.ceremonies import CeremonyDraft, close, open_ceremony, schedule
from sprints.services.retros import go_to, write_card
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.rest import V1, pointers, queries, walk


@pytest.fixture
def held(product: Product, olga: Actor) -> Ceremony:
    draft = CeremonyDraft("retrospective", timezone.now(), 60)
    return open_ceremony(schedule(product, draft, actor=olga), actor=olga)


@pytest.fixture
def at(held: Ceremony) -> str:
    return f"{V1}/ceremonies/{held.pk}"


def send(client: Any, path: str, **sent: Any) -> Any:
    return client.post(path, sent, format="json")


def test_a_retrospective_is_held_from_its_columns_to_its_actions(
    api: Any, cast: Cast, held: Ceremony, at: str
) -> None:
    max, dora = api(cast.max), api(cast.dora)
    set_up = max.patch(f"{at}/retro/", {"format": "moods", "votes_each": 2}, format="json")
    assert set_up.json()["columns"] == ["Mad", "Sad", "Glad"]
    slow = send(max, f"{at}/cards/", column=0, text="Slow tests")
    assert (slow.status_code, slow.json()["mine"]) == (201, True)
    flaky = send(dora, f"{at}/cards/", column=0, text="Tests that flake")
    changed = send(dora, f"{at}/cards/change/", card=flaky.json()["id"], text="Flaky tests")
    assert changed.json()["text"] == "Flaky tests"
    assert send(dora, f"{at}/retro/phase/", phase="group", seen="write").status_code == 403
    assert send(max, f"{at}/retro/phase/", phase="group", seen="write").status_code == 200
    send(dora, f"{at}/cards/group/", card=flaky.json()["id"], onto=slow.json()["id"])
    [group] = send(dora, f"{at}/cards/title/", card=slow.json()["id"], title="Tests").json()[
        "groups"
    ]
    assert (group["title"], len(group["cards"]), group["votes"]) == ("Tests", 2, None)
    send(max, f"{at}/retro/phase/", phase="vote", seen="group")
    for client, count in ((max, 2), (dora, 1)):
        for _ in range(count):
            voted = send(client, f"{at}/cards/vote/", card=slow.json()["id"])
    assert (voted.json()["votes_left"], voted.json()["groups"][0]["votes"]) == (1, None)
    assert send(max, f"{at}/cards/vote/", card=slow.json()["id"]).status_code == 409
    back = send(max, f"{at}/cards/unvote/", card=slow.json()["id"]).json()
    assert (back["votes_left"], back["groups"][0]["my_votes"]) == (1, 1)
    told = send(max, f"{at}/retro/phase/", phase="talk", seen="vote").json()
    assert told["groups"][0]["votes"] == 2
    action = send(max, f"{at}/actions/", text="Run tests side by side", owner=cast.max.email)
    made = max.post(f"{at}/actions/{action.json()['id']}/item/", format="json")
    assert (made.status_code, made.json()["outcome"]["kind"]) == (201, "item")
    assert Item.objects.get(title="Run tests side by side").ref == made.json()["outcome"]["ref"]


def test_the_cards_of_others_are_in_no_answer_before_the_reveal(
    api: Any, cast: Cast, product: Product, held: Ceremony, at: str, olga: Actor
) -> None:
    written = write_card(held, take_seat(held, cast.max), 0, "Canary of Max")
    ci = api(product=product, scopes=(Scope.READ,))
    for client in (api(cast.dora), api(cast.olga), ci):
        for path in (f"{at}/cards/", f"{at}/retro/", f"{at}/"):
            body = client.get(path).content.decode()
            assert "Canary" not in body
            assert str(written.pk) not in body
        assert client.get(f"{at}/retro/").json()["cards"] == 1
    assert [card["mine"] for card in api(cast.max).get(f"{at}/cards/").json()["results"]] == [True]
    go_to(held, "group", actor=olga, seen="write")
    [shown] = ci.get(f"{at}/cards/").json()["results"]
    assert (shown["text"], shown["mine"]) == ("Canary of Max", False)
    assert set(shown) == {"id", "column", "text", "mine", "group"}
    close(held, actor=olga)
    assert api(cast.max).get(f"{at}/cards/").json()["results"][0]["mine"] is False


def test_nothing_that_is_kept_tells_who_sent_a_card(
    api: Any, cast: Cast, held: Ceremony, at: str
) -> None:
    client = api(cast.dora)
    sent = {"column": 0, "text": "Canary of Dora"}
    keyed = client.post(f"{at}/cards/", sent, format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert (keyed.status_code, keyed.json()["detail"][:23]) == (400, "Send no Idempotency-Key")
    assert client.post(f"{at}/cards/", sent, format="json").status_code == 201
    assert not KeptAnswer.objects.exists()
    [deed] = Activity.objects.filter(kind__startswith="retro.")
    assert (deed.user, deed.token, deed.data) == (None, None, {"ceremony": held.pk})


def test_cards_of_others_stay_as_they_are(api: Any, cast: Cast, held: Ceremony, at: str) -> None:
    card = write_card(held, take_seat(held, cast.max), 0, "Mine alone")
    client = api(cast.dora)
    assert send(client, f"{at}/cards/change/", card=str(card.pk), text="Ha").status_code == 404
    assert send(client, f"{at}/cards/delete/", card=str(card.pk)).status_code == 404
    assert RetroCard.objects.get().text == "Mine alone"
    assert send(api(cast.max), f"{at}/cards/delete/", card=str(card.pk)).status_code == 204
    assert not RetroCard.objects.exists()


def test_nobody_votes_for_a_card_that_is_not_there(
    api: Any, cast: Cast, held: Ceremony, at: str, olga: Actor
) -> None:
    card = write_card(held, take_seat(held, cast.max), 0, "Slow tests")
    go_to(held, "group", actor=olga, seen="write")
    go_to(held, "vote", actor=olga, seen="group")
    client = api(cast.dora)
    gone = send(client, f"{at}/cards/vote/", card=str(uuid.uuid4()))
    assert (gone.status_code, RetroVote.objects.count()) == (404, 0)
    assert send(client, f"{at}/cards/vote/", card=str(card.pk)).status_code == 200


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({"column": 0, "text": ""}, ["/text"]),
        ({"column": 0, "text": "x" * 501}, ["/text"]),
        ({"column": -1, "text": "a"}, ["/column"]),
        ({"text": "a", "by": "Max"}, ["/by", "/column"]),
    ],
)
def test_bad_cards_are_refused(
    api: Any, cast: Cast, at: str, sent: dict[str, Any], where: list[str]
) -> None:
    answer = send(api(cast.dora), f"{at}/cards/", **sent)
    assert answer.status_code == 400
    assert sorted(pointers(answer)) == where
    assert send(api(cast.dora), f"{at}/cards/", column=9, text="a").status_code == 422
    assert send(api(cast.dora), f"{at}/cards/group/", card="no", onto=None).status_code == 400


def test_who_has_no_voice_writes_nothing(
    api: Any, cast: Cast, product: Product, held: Ceremony, at: str, olga: Actor
) -> None:
    ci = api(product=product, scopes=(Scope.READ, Scope.WRITE))
    assert send(ci, f"{at}/cards/", column=0, text="From CI").status_code == 403
    assert api(cast.sam).get(f"{at}/cards/").status_code == 404
    assert api(cast.vera).patch(f"{at}/retro/", {"votes_each": 5}, format="json").status_code == 403
    stale = send(api(cast.max), f"{at}/retro/phase/", phase="vote", seen="group")
    assert stale.status_code == 409
    own = {"columns": ["Data", "Labels"]}
    mine = api(cast.max).patch(f"{at}/retro/", own, format="json").json()
    assert (mine["format"], mine["columns"]) == ("own", ["Data", "Labels"])
    review = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    assert api(cast.max).get(f"{V1}/ceremonies/{review.pk}/retro/").status_code == 404


def test_lists_cost_the_same_for_more(api: Any, cast: Cast, held: Ceremony, at: str) -> None:
    client, seat = api(cast.max), take_seat(held, cast.max)
    write_card(held, seat, 0, "One")
    few = [queries(client, f"{at}/{path}/") for path in ("cards", "retro")]
    for n in range(4):
        write_card(held, seat, n % 3, f"{n}")
    assert [queries(client, f"{at}/{path}/") for path in ("cards", "retro")] == few
    pages = walk(client, f"{at}/cards/?limit=2")
    assert len({card["id"] for page in pages for card in page}) == 5


@pytest.mark.parametrize(
    "sent",
    [
        {"format": "moods", "columns": ["A", "B"]},
        {"columns": ["A\nB"]},
        {"columns": ["A", " A "]},
        {"columns": ["A", " "]},
        {"columns": []},
        {"columns": ["A" * 41]},
        {"columns": list("ABCDEFG")},
    ],
)
def test_columns_are_set_up_as_they_were_sent_or_not_at_all(
    api: Any, cast: Cast, held: Ceremony, at: str, sent: dict[str, Any]
) -> None:
    client = api(cast.max)
    client.patch(f"{at}/retro/", {"format": "four_ls"}, format="json")
    answer = client.patch(f"{at}/retro/", sent, format="json")
    assert answer.status_code == 400
    assert pointers(answer)[0].startswith("/columns")
    assert client.get(f"{at}/retro/").json()["format"] == "four_ls"


def test_a_format_may_be_sent_with_its_own_columns(api: Any, cast: Cast, at: str) -> None:
    client = api(cast.max)
    client.patch(f"{at}/retro/", {"format": "moods"}, format="json")
    now = client.get(f"{at}/retro/").json()
    back = {name: now[name] for name in ("format", "columns", "votes_each")}
    assert client.patch(f"{at}/retro/", back, format="json").status_code == 200
    own = client.patch(f"{at}/retro/", {"columns": ["A ", "B  b"]}, format="json").json()
    assert (own["format"], own["columns"]) == ("own", ["A", "B b"])
    kept = client.patch(f"{at}/retro/", {"votes_each": 5}, format="json").json()
    assert (kept["columns"], kept["votes_each"]) == (["A", "B b"], 5)
