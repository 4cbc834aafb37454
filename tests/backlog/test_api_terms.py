"""The glossary over REST."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Actor, Product, Scope, Subject, Term
from backlog.services.terms import contest_term, propose_term, redefine
from tests.conftest import Cast
from tests.rest import V1, pointers, queries, walk

TERMS = f"{V1}/products/MED/terms/"


@pytest.fixture
def term(product: Product, cast: Cast) -> Term:
    return propose_term(
        product,
        "peak hour",
        "The busiest hour.",
        actor=Actor.person(cast.dora),
        synonyms=["rush hour"],
        meanings={"planner": "7 to 8"},
    )


def test_a_word_is_proposed_read_changed_and_deleted(
    product: Product, cast: Cast, api: Any
) -> None:
    Subject.objects.create(product=product, kind="dataset", slug="counts", name="Counts")
    client = api(cast.dora)
    sent = {
        "name": "peak hour",
        "definition": "The busiest hour.",
        "meanings": {"planner": "7 to 8"},
        "synonyms": ["rush hour"],
        "columns": [{"dataset": "counts", "column": "hour"}],
    }
    made = client.post(TERMS, sent, format="json")
    assert made.status_code == 201
    read = made.json()
    assert {name: read[name] for name in sent} == sent
    assert (read["state"], read["version"], read["proposed_by"]) == ("proposed", 1, cast.dora.email)
    path = f"{TERMS}{read['id']}/"
    assert client.get(path).json() == read
    changed = client.patch(path, {"name": "peak", "version": 1}, format="json").json()
    assert (changed["name"], changed["synonyms"], changed["version"]) == ("peak", ["rush hour"], 2)
    assert changed["columns"] == sent["columns"]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_the_same_key_proposes_once(product: Product, cast: Cast, api: Any) -> None:
    client = api(cast.max)
    sent = {"name": "recall", "definition": "Found of all."}
    first = client.post(TERMS, sent, format="json", HTTP_IDEMPOTENCY_KEY="k1")
    again = client.post(TERMS, sent, format="json", HTTP_IDEMPOTENCY_KEY="k1")
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert client.post(TERMS, sent, format="json").status_code == 400
    assert product.terms.count() == 1


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"definition": "x"}, ["/name"]),
        ({"name": "a"}, ["/definition"]),
        ({"name": "Rush-Hour", "definition": "x"}, ["/name"]),
        ({"name": "a", "definition": "x", "synonyms": ["PEAK HOUR"]}, ["/synonyms"]),
        ({"name": "a", "definition": "x", "meanings": {"": "y"}}, ["/meanings"]),
        ({"name": "a", "definition": "x", "meanings": ["y"]}, ["/meanings"]),
        ({"name": "a", "definition": "x", "word": "b", "version": 1}, ["/word", "/version"]),
        (
            {"name": "a", "definition": "x", "columns": [{"dataset": "no", "column": "c"}]},
            ["/columns/0/dataset"],
        ),
        ({"name": "a", "definition": "x", "columns": [{"dataset": "no"}]}, ["/columns/0/column"]),
    ],
)
def test_what_is_wrong_is_named(
    term: Term, cast: Cast, api: Any, sent: dict[str, Any], wrong: list[str]
) -> None:
    answer = api(cast.olga).post(TERMS, sent, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert pointers(answer) == wrong


def test_contested_agreed_and_what_comes_too_late(term: Term, cast: Cast, api: Any) -> None:
    vera, max_ = api(cast.vera), api(cast.max)
    path = f"{TERMS}{term.pk}/"
    assert vera.post(f"{path}agree/", {}, format="json").status_code == 403
    assert vera.post(f"{path}contest/", {}, format="json").status_code == 400
    contested = vera.post(f"{path}contest/", {"reason": "Two hours."}, format="json").json()
    assert (contested["state"], contested["reason"]) == ("contested", "Two hours.")
    assert contested["contested_by"] == cast.vera.email
    late = max_.post(f"{path}agree/", {"version": 1}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "term_changed")
    sent = {"version": 2, "definition": "7 to 9."}
    agreed = max_.post(f"{path}agree/", sent, format="json").json()
    assert (agreed["state"], agreed["definition"]) == ("agreed", "7 to 9.")
    again = max_.post(f"{path}agree/", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_agreed")


def test_who_changes_the_same_second_gets_the_conflict(term: Term, cast: Cast, api: Any) -> None:
    redefine(term, actor=Actor.person(cast.olga), definition="From Olga")
    sent = {"version": 1, "definition": "From Max"}
    answer = api(cast.max).patch(f"{TERMS}{term.pk}/", sent, format="json")
    assert answer.status_code == 409
    assert answer.json()["conflicts"] == [
        {
            "field": "definition",
            "base": "The busiest hour.",
            "theirs": "From Olga",
            "yours": "From Max",
        }
    ]


def test_a_stakeholder_changes_an_own_proposal_alone(
    term: Term, product: Product, cast: Cast, api: Any
) -> None:
    client = api(cast.vera)
    path = f"{TERMS}{term.pk}/"
    assert client.patch(path, {"definition": "x"}, format="json").status_code == 403
    assert client.delete(path).status_code == 403
    own = propose_term(product, "drift", "Slow change", actor=Actor.person(cast.vera))
    path = f"{TERMS}{own.pk}/"
    assert client.patch(path, {"definition": "Change"}, format="json").status_code == 200
    contest_term(own, "No", actor=Actor.person(cast.olga))
    assert client.patch(path, {"definition": "x"}, format="json").status_code == 403
    assert client.delete(path).status_code == 403


def test_the_talk_of_a_word(term: Term, cast: Cast, api: Any) -> None:
    dora, max_ = api(cast.dora), api(cast.max)
    path = f"{TERMS}{term.pk}/talk/"
    for number in range(5):
        assert dora.post(path, {"text": f"n {number}"}, format="json").status_code == 201
    pages = walk(max_, f"{path}?limit=2")
    assert [[each["text"] for each in page] for page in pages] == [
        ["n 0", "n 1"],
        ["n 2", "n 3"],
        ["n 4"],
    ]
    remark = pages[0][0]["id"]
    assert max_.patch(f"{path}{remark}/", {"text": "x"}, format="json").status_code == 403
    assert max_.delete(f"{path}{remark}/").status_code == 403
    changed = dora.patch(f"{path}{remark}/", {"text": "N"}, format="json").json()
    assert changed["text"] == "N"
    assert changed["edited_at"]
    assert dora.delete(f"{path}{remark}/").status_code == 204
    assert dora.post(path, {"text": " "}, format="json").status_code == 400


def test_the_list_is_filtered_ordered_and_paged(
    term: Term, product: Product, cast: Cast, api: Any
) -> None:
    olga = Actor.person(cast.olga)
    for number in range(5):
        propose_term(product, f"word {number}", "x", actor=olga)
    contest_term(product.terms.get(word="word 3"), "No", actor=olga)
    client = api(cast.vera)

    def names(query: str) -> list[str]:
        return [each["name"] for page in walk(client, TERMS + query) for each in page]

    everything = ["peak hour", *(f"word {number}" for number in range(5))]
    assert names("?limit=2") == everything
    assert names("?ordering=-updated_at&limit=4")[0] == "word 3"
    assert names("?state=contested") == ["word 3"]
    assert names("?state=contested&state=proposed") == everything
    assert names("?q=rush") == ["peak hour"]
    assert names("?q=7+to") == ["peak hour"]
    assert names("?updated_since=2999-01-01T00:00:00Z") == []
    assert client.get(f"{TERMS}?colour=red").status_code == 400
    assert client.get(f"{TERMS}?state=odd").status_code == 400


def test_more_words_cost_no_more_queries(
    term: Term, product: Product, cast: Cast, api: Any
) -> None:
    client, olga = api(cast.olga), Actor.person(cast.olga)
    before = queries(client, TERMS)
    for number in range(20):
        propose_term(product, f"word {number}", "x", actor=olga, synonyms=[f"w {number}"],
                     meanings={"planner": "y"})  # fmt: skip
    assert queries(client, TERMS) == before


def test_tokens_act_within_their_scope(term: Term, product: Product, cast: Cast, api: Any) -> None:
    reader = api(cast.olga, scopes=(Scope.READ,))
    assert reader.get(TERMS).status_code == 200
    assert reader.post(TERMS, {"name": "a", "definition": "b"}, format="json").status_code == 403
    machine = api(product=product)
    made = machine.post(TERMS, {"name": "a", "definition": "b"}, format="json")
    assert (made.status_code, made.json()["proposed_by"]) == (201, None)


def test_the_words_of_others_are_not_there(
    term: Term, other_product: Product, cast: Cast, api: Any
) -> None:
    client = api(cast.sam)
    assert client.get(TERMS).status_code == 404
    assert client.get(f"{V1}/products/SHOP/terms/{term.pk}/").status_code == 404
    assert client.get(f"{V1}/products/SHOP/terms/{term.pk}/talk/").status_code == 404
