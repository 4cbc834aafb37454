"""Experiments, builds and pull requests on an item: posted by tools, shown where work is judged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Activity, Actor, Item, ItemEvidence, Product
from backlog.rules.item_evidence import fault_of_metrics, tone_of
from backlog.services.findings import delete_item
from backlog.services.item_evidence import EvidenceDraft, put_evidence
from backlog.services.items import ItemDraft, create_item
from backlog.services.trash import empty_trash
from tests.conftest import Cast
from tests.rest import pointers, queries, walk

RUN = "/api/v1/items/MED-1/evidence/mlflow/8f3c/"


@pytest.fixture
def item(product: Product, cast: Cast) -> Item:
    return create_item(product, ItemDraft("Second reading"), actor=Actor.person(cast.olga))


@pytest.fixture
def ci(product: Product, api: Any) -> Any:
    """CI, with a token of the product that may post evidence and nothing else."""
    return api(product=product, scopes=["evidence"])


@pytest.mark.parametrize(
    ("word", "tone"),
    [("passed", "good"), ("Succeeded", "good"), ("MERGED", "good"), ("timed out", "bad"),
     ("failed", "bad"), ("running", ""), ("open", ""), ("", "")],
)  # fmt: skip
def test_words_of_tools_mean_good_bad_or_neither(word: str, tone: str) -> None:
    assert tone_of(word) == tone


def test_metrics_are_finite_numbers_by_name() -> None:
    assert fault_of_metrics({"auc": 0.91, "n": 3}) == ""
    for wrong in ({"auc": float("nan")}, {"auc": float("inf")}, {"auc": True}, {"auc": "0.9"},
                  {"": 1}, {"x" * 81: 1}, {str(n): n for n in range(51)}):  # fmt: skip
        assert fault_of_metrics(wrong)


def test_a_run_is_made_then_changed_and_the_same_again_is_no_deed(
    item: Item, ci: Any, product: Product
) -> None:
    said = {
        "status": "running",
        "url": "https://me:secret@mlflow.example.org/runs/8f3c",
        "metrics": {"auc": 0.91},
        "commit": "4f2a9c1",
        "context": {"branch": "main", "job_id": "77"},
    }
    made = ci.put(RUN, said)
    assert made.status_code == 201
    assert made.json()["url"] == "https://mlflow.example.org/runs/8f3c"
    assert ci.put(RUN, said).status_code == 200
    done = ci.put(RUN, {**said, "status": "finished", "metrics": {"auc": 0.93}})
    assert (done.status_code, done.json()["metrics"]) == (200, {"auc": 0.93})
    kinds = Activity.objects.filter(product=product, kind="item.evidence_put")
    assert [deed.data["status"] for deed in kinds] == ["running", "finished"]
    shorter = ci.put(RUN, {"status": "finished"})
    assert (shorter.json()["metrics"], shorter.json()["commit"]) == ({}, "")
    assert ItemEvidence.objects.count() == 1


def test_an_id_of_a_run_may_hold_slashes(item: Item, api: Any, product: Product) -> None:
    reads = api(product=product, scopes=["read", "evidence"])
    path = "/api/v1/items/MED-1/evidence/GitHub/pull/12/"
    assert reads.put(path, {"status": "open"}).status_code == 201
    found = reads.get(path).json()
    assert (found["tool"], found["run_id"]) == ("github", "pull/12")


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({}, "/status"),
        ({"status": ""}, "/status"),
        ({"status": "x" * 41}, "/status"),
        ({"status": "ok", "url": "javascript:alert(1)"}, "/url"),
        ({"status": "ok", "metrics": {"auc": "high"}}, "/metrics/auc"),
        ({"status": "ok", "metrics": {"auc": True}}, "/metrics/auc"),
        ({"status": "ok", "metrics": {"auc": "0.9"}}, "/metrics/auc"),
        ({"status": "ok", "metrics": {"a" * 81: 1}}, "/metrics"),
        ({"status": "ok", "context": {"colour": "red"}}, "/context/colour"),
        ({"status": "ok", "metric": {}}, "/metric"),
    ],
)
def test_what_can_not_be_kept_is_said_by_field(
    item: Item, ci: Any, said: dict[str, Any], at: str
) -> None:
    answer = ci.put(RUN, said)
    assert answer.status_code == 400
    assert pointers(answer) == [at]
    assert not ItemEvidence.objects.exists()


def test_a_tool_has_a_plain_name(item: Item, ci: Any) -> None:
    assert ci.put("/api/v1/items/MED-1/evidence/a b/1/", {"status": "ok"}).status_code == 400


def test_scopes_and_the_trash(item: Item, ci: Any, api: Any, product: Product, cast: Cast) -> None:
    assert api(product=product, scopes=["read"]).put(RUN, {"status": "ok"}).status_code == 403
    assert ci.put("/api/v1/items/MED-99/evidence/x/1/", {"status": "ok"}).status_code == 404
    assert api(cast.sam).put(RUN, {"status": "ok"}).status_code == 404
    delete_item(item, actor=Actor.person(cast.olga))
    assert ci.put(RUN, {"status": "ok"}).status_code == 404


def test_what_tools_said_goes_with_an_item_whose_time_in_the_trash_is_over(
    item: Item, product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    put_evidence(item, "ci", "1", EvidenceDraft("passed"), actor=olga)
    delete_item(item, actor=olga)
    empty_trash(timezone.now() + timedelta(days=29))
    assert ItemEvidence.objects.exists()
    empty_trash(timezone.now() + timedelta(days=31))
    assert not ItemEvidence.objects.exists()


def test_figures_alone_do_not_fill_the_history(item: Item, cast: Cast, as_person: Any) -> None:
    olga = Actor.person(cast.olga)
    for epoch in range(4):
        draft = EvidenceDraft("running", metrics={"loss": 1 / 2**epoch})
        put_evidence(item, "mlflow", "8f3c", draft, actor=olga)
    put_evidence(item, "mlflow", "8f3c", EvidenceDraft("finished"), actor=olga)
    told = as_person(cast.olga).get("/p/MED/items/MED-1/").content.decode()
    assert told.count("mlflow 8f3c: running") == 1
    assert told.count("mlflow 8f3c: finished") == 1


@pytest.mark.parametrize("run", ["x" * 201, "%20", "a/../b", "a//b", "a%00b"])
def test_an_id_that_can_not_stand_in_an_address_is_refused(item: Item, ci: Any, run: str) -> None:
    path = f"/api/v1/items/MED-1/evidence/x/{run}/"
    assert ci.put(path, {"status": "ok"}).status_code in {400, 404}
    assert not ItemEvidence.objects.exists()


def test_the_list_is_paged_and_takes_no_more_queries_as_it_grows(
    item: Item, api: Any, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    put_evidence(item, "ci", "0", EvidenceDraft("passed"), actor=olga)
    olgas, path = api(cast.olga), "/api/v1/items/MED-1/evidence/"
    before = queries(olgas, path)
    for n in range(1, 7):
        put_evidence(item, "ci", str(n), EvidenceDraft("passed"), actor=olga)
    assert queries(olgas, path) == before
    pages = walk(olgas, f"{path}?limit=3")
    assert [[one["run_id"] for one in page] for page in pages] == [
        ["6", "5", "4"], ["3", "2", "1"], ["0"]
    ]  # fmt: skip
    assert olgas.delete(f"{path}ci/0/").status_code == 204
    assert olgas.get(f"{path}ci/0/").status_code == 404


def test_the_item_shows_its_runs_and_one_can_be_taken_off(
    item: Item, cast: Cast, as_person: Any
) -> None:
    olga, olgas = Actor.person(cast.olga), as_person(cast.olga)
    page = "/p/MED/items/MED-1/"
    assert "Experiments, builds and pull requests" not in olgas.get(page).content.decode()
    draft = EvidenceDraft("failed", "https://ci.example.org/1", {"auc": 0.91234}, "4f2a9c1aa")
    evidence, _ = put_evidence(item, "ci", "<b>1</b>", draft, actor=olga)
    told = olgas.get(page).content.decode()
    assert "Experiments, builds and pull requests" in told
    assert "badge-failed" in told
    assert "0.9123" in told
    assert "4f2a9c1a<" in told
    assert "&lt;b&gt;1&lt;/b&gt;" in told
    assert "<b>1</b>" not in told
    veras = as_person(cast.vera)
    assert f"runs/{evidence.pk}/remove" not in veras.get(page).content.decode()
    assert veras.post(f"{page}runs/{evidence.pk}/remove/").status_code == 403
    assert olgas.post(f"{page}runs/{evidence.pk}/remove/").status_code == 302
    assert not ItemEvidence.objects.exists()
    history = olgas.get(page).content.decode()
    assert "removed ci" in history


def test_many_runs_show_the_newest(item: Item, cast: Cast, as_person: Any) -> None:
    olga = Actor.person(cast.olga)
    for n in range(23):
        put_evidence(item, "ci", f"run-{n}", EvidenceDraft("passed"), actor=olga)
    told = as_person(cast.olga).get("/p/MED/items/MED-1/").content.decode()
    assert "The 20 newest of 23" in told
    assert 'aria-label="Remove ci run-22"' in told
    assert 'aria-label="Remove ci run-2"' not in told
