"""A POST that is sent twice with one Idempotency-Key creates once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from backlog.api import items as items_door
from backlog.api.idempotency import _hash_of
from backlog.models import Comment, Item, KeptAnswer, Member, Product, Scope
from tests.conftest import Cast
from tests.rest import V1

ITEMS = f"{V1}/products/MED/items/"
ONE = {"Idempotency-Key": "one"}


@pytest.fixture
def max_(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.max)


def test_the_same_key_and_body_get_the_first_answer_again(max_: Any) -> None:
    first = max_.post(ITEMS, {"title": "a", "points": 2}, headers=ONE)
    max_.patch(f"{V1}/items/MED-1/", {"title": "changed meanwhile"})
    second = max_.post(ITEMS, {"points": 2, "title": "a"}, headers=ONE)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert (second["Location"], second["Idempotent-Replayed"]) == (first["Location"], "true")
    assert Item.objects.count() == 1


def test_the_same_key_with_another_body_is_422(max_: Any) -> None:
    max_.post(ITEMS, {"title": "a"}, headers=ONE)
    answer = max_.post(ITEMS, {"title": "b"}, headers=ONE)
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert Item.objects.count() == 1


def test_keys_belong_to_a_principal_and_a_path(
    max_: Any, api: Any, cast: Cast, product: Product
) -> None:
    for client in (max_, api(cast.sina), api(product=product)):
        assert client.post(ITEMS, {"title": "a"}, headers=ONE).status_code == 201
    assert Item.objects.count() == 3
    for number in (1, 2):
        path = f"{V1}/items/MED-{number}/comments/"
        assert max_.post(path, {"text": "a"}, headers=ONE).status_code == 201
        assert max_.post(path, {"text": "a"}, headers=ONE).status_code == 201
    assert Comment.objects.count() == 2


def test_a_path_is_the_same_however_it_is_written(max_: Any) -> None:
    for key in ("MED", "med", "Med"):
        answer = max_.post(f"{V1}/products/{key}/items/", {"title": "a"}, headers=ONE)
        assert (answer.status_code, answer.json()["ref"]) == (201, "MED-1")
    for ref in ("MED-1", "med-1", "MED-01"):
        path = f"{V1}/items/{ref}/comments/"
        assert max_.post(path, {"text": "a"}, headers=ONE).status_code == 201
    assert (Item.objects.count(), Comment.objects.count()) == (1, 1)


def test_a_refusal_is_not_kept(max_: Any) -> None:
    assert max_.post(ITEMS, {"title": ""}, headers=ONE).status_code == 400
    bad = {"title": "a", "kind": "task", "points": 1}
    assert max_.post(ITEMS, bad, headers=ONE).status_code == 400
    assert not KeptAnswer.objects.exists()
    assert max_.post(ITEMS, {"title": "a"}, headers=ONE).status_code == 201


def test_a_fault_of_ours_is_not_kept_and_leaves_nothing(
    max_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the disk burns")

    with monkeypatch.context() as broken:
        broken.setattr(items_door, "read_again", fail)
        max_.raise_request_exception = False
        answer = max_.post(ITEMS, {"title": "a"}, headers=ONE)
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "disk" not in answer.content.decode()
    assert not KeptAnswer.objects.exists() and not Item.objects.exists()


def test_a_first_request_under_way_is_409(max_: Any, cast: Cast) -> None:
    max_.post(ITEMS, {"title": "a"}, headers=ONE)
    KeptAnswer.objects.update(status=None)
    answer = max_.post(ITEMS, {"title": "a"}, headers=ONE)
    assert (answer.status_code, answer["Retry-After"]) == (409, "2")
    # Whoever began it has died in the middle.
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert max_.post(ITEMS, {"title": "a"}, headers=ONE).status_code == 201


def test_after_a_day_the_key_is_free_again(max_: Any) -> None:
    max_.post(ITEMS, {"title": "a"}, headers=ONE)
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert max_.post(ITEMS, {"title": "b"}, headers=ONE).json()["title"] == "b"
    assert KeptAnswer.objects.count() == 1


def test_who_has_lost_the_right_gets_no_kept_answer(
    max_: Any, cast: Cast, product: Product
) -> None:
    max_.post(ITEMS, {"title": "a"}, headers=ONE)
    Member.objects.filter(user=cast.max).delete()
    assert max_.post(ITEMS, {"title": "a"}, headers=ONE).status_code == 404


def test_a_token_s_secret_is_never_kept(api: Any, cast: Cast, product: Product) -> None:
    body = {"name": "CI", "scopes": ["evidence"], "days": 30}
    path = f"{V1}/products/MED/tokens/"
    first, second = (api(cast.olga).post(path, body, headers=ONE) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["token"] != second.json()["token"]
    assert not KeptAnswer.objects.exists()


def test_a_form_with_files_is_the_same_where_its_parts_are() -> None:
    def hashed(content: bytes, name: str = "a.csv", **fields: Any) -> str:
        form = {"file": SimpleUploadedFile(name, content), **fields}
        request = Request(RequestFactory().post("/", form), parsers=[MultiPartParser()])
        found = _hash_of(request)
        data: Any = request.data
        assert data["file"].read() == content
        return found

    same = hashed(b"age\n1", slug="patients", tag=["a", "b"])
    assert hashed(b"age\n1", slug="patients", tag=["a", "b"]) == same
    assert hashed(b"age\n2", slug="patients", tag=["a", "b"]) != same
    assert hashed(b"age\n1", "b.csv", slug="patients", tag=["a", "b"]) != same
    assert hashed(b"age\n1", slug="patients", tag=["b", "a"]) != same


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_length(max_: Any, key: str) -> None:
    answer = max_.post(ITEMS, {"title": "a"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_key")


def test_members_and_products_take_a_key_too(api: Any, cast: Cast, product: Product) -> None:
    olga = api(cast.olga)
    path, body = f"{V1}/products/MED/members/", {"email": "sam@example.org", "role": "developer"}
    answers = [olga.post(path, body, headers=ONE) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert olga.post(path, body).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_creates(api: Any, cast: Cast, product: Product) -> None:
    client = api(cast.max, scopes=(Scope.WRITE,))
    answers: list[int] = []

    def send() -> None:
        try:
            answers.append(client.post(ITEMS, {"title": "a"}, headers=ONE).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 201 in answers
    assert set(answers) <= {201, 409}
    assert Item.objects.count() == 1
