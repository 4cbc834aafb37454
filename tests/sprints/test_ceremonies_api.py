"""Ceremonies over REST."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Actor, Product, Scope
from sprints.models import Ceremony, Outcome, Sprint
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome, convert_to_item
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.rest import V1, pointers, queries, walk


@pytest.fixture
def review(planned: Sprint, olga: Actor) -> Ceremony:
    from django.utils import timezone  # noqa: PLC0415  as the tests of sprints travel

    draft = CeremonyDraft("review", timezone.now(), 60, sprint=planned)
    return schedule(planned.backlog.product, draft, actor=olga)


def test_a_ceremony_is_scheduled_with_its_time_box(api: Any, cast: Cast, planned: Sprint) -> None:
    client = api(cast.max)
    url = f"{V1}/sprints/{planned.pk}/ceremonies/"
    sent = {"kind": "review", "starts_at": "2026-04-07T13:00:00Z"}
    answer = client.post(url, sent, format="json")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["minutes"], made["state"], made["sprint"]) == (120, "planned", planned.pk)
    assert client.get(answer.headers["Location"]).json()["title"] == "Review"
    assert [one["id"] for one in client.get(url).json()["results"]] == [made["id"]]
    assert client.get(f"{url}?kind=daily").json()["results"] == []


def test_insights_say_who_spoke_and_what_became_of_it(
    api: Any, cast: Cast, review: Ceremony, olga: Actor
) -> None:
    url = f"{V1}/ceremonies/{review.pk}/insights/"
    answer = api(cast.dora).post(url, {"kind": "data", "text": "Too early"}, format="json")
    assert answer.status_code == 201
    assert answer.json()["role"] == "Domain expert"
    item = convert_to_item(Outcome.objects.get(), actor=olga)
    [shown] = api(cast.vera).get(url).json()["results"]
    assert shown["outcome"] == {"kind": "item", "ref": item.ref}
    assert shown["by"] == "Dora Anyango"
    assert shown["state"] == "converted"


def test_actions_have_an_owner_who_is_a_member(api: Any, cast: Cast, review: Ceremony) -> None:
    client, url = api(cast.max), f"{V1}/ceremonies/{review.pk}/actions/"
    sent = {"text": "Count bikes", "owner": cast.dora.email, "due_date": "2026-04-10"}
    assert client.post(url, sent, format="json").json()["owner"] == cast.dora.email
    wrong = client.post(url, {**sent, "owner": cast.sam.email}, format="json")
    assert wrong.status_code == 400
    assert pointers(wrong) == ["/owner"]
    assert client.get(f"{V1}/ceremonies/{review.pk}/decisions/").json()["results"] == []


@pytest.mark.parametrize("sent", [{}, {"text": ""}, {"text": "a"}, {"text": "a", "kind": "gossip"},
                                  {"text": "a", "kind": "data", "state": "accepted"},
                                  {"text": "x" * 2001, "kind": "data"}])  # fmt: skip
def test_bad_insights_are_refused(
    api: Any, cast: Cast, review: Ceremony, sent: dict[str, str]
) -> None:
    answer = api(cast.dora).post(f"{V1}/ceremonies/{review.pk}/insights/", sent, format="json")
    assert answer.status_code == 400
    assert not Outcome.objects.exists()


def test_a_token_of_the_product_speaks_for_nobody(
    api: Any, cast: Cast, product: Product, review: Ceremony
) -> None:
    client = api(product=product, scopes=(Scope.READ, Scope.WRITE))
    url = f"{V1}/ceremonies/{review.pk}/decisions/"
    answer = client.post(url, {"text": "Ship it"}, format="json")
    assert answer.status_code == 201
    assert answer.json()["by"] == ""


def test_the_same_key_says_it_once(api: Any, cast: Cast, review: Ceremony) -> None:
    client, url = api(cast.dora), f"{V1}/ceremonies/{review.pk}/insights/"
    for _ in range(2):
        answer = client.post(
            url, {"kind": "data", "text": "Once"}, format="json", HTTP_IDEMPOTENCY_KEY="k"
        )
        assert answer.status_code == 201
    assert Outcome.objects.count() == 1


def test_strangers_find_nothing(api: Any, cast: Cast, review: Ceremony) -> None:
    for path in ("", "insights/", "decisions/", "actions/"):
        assert api(cast.sam).get(f"{V1}/ceremonies/{review.pk}/{path}").status_code == 404


def test_lists_cost_the_same_for_more(api: Any, cast: Cast, review: Ceremony, olga: Actor) -> None:
    client, url = api(cast.max), f"{V1}/ceremonies/{review.pk}/insights/"
    seat = take_seat(review, cast.dora)

    def say(count: int) -> None:
        for n in range(count):
            draft = OutcomeDraft("insight", f"{n}", "data")
            said = add_outcome(review, draft, actor=olga, seat=seat)
            convert_to_item(said, actor=olga)

    say(1)
    few = queries(client, url)
    say(4)
    assert queries(client, url) == few
    assert len(walk(client, f"{url}?limit=2")) == 3
