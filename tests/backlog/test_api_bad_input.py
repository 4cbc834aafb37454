"""What nobody should send is refused by a problem that says what to do, and changes nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from backlog.models import Actor, ApiToken, Product, Scope
from backlog.services.items import ItemDraft, comment, create_item
from backlog.services.tokens import create_token, revoke_token
from tests.backlog.test_access_walk import (  # noqa: F401  the fixtures that pytest looks for
    Door,
    doors,
    own_folders,
    url_of,
    values,
)
from tests.conftest import Cast
from tests.rest import V1

ITEMS = f"{V1}/products/MED/items/"
MB = 1024 * 1024


def problem_of(answer: Any, *statuses: int) -> dict[str, Any]:
    """What a refusal says; it has one of these statuses and tells what to do."""
    assert answer.status_code in statuses, (answer.status_code, answer.content[:500])
    assert answer["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = json.loads(answer.content)
    assert told["status"] == answer.status_code
    assert told["title"] and told["code"]
    assert len(told["detail"]) > 10
    for error in told.get("errors", []):
        assert error["detail"] and ("pointer" in error or "parameter" in error)
    return told


# Who calls ---------------------------------------------------------------------------------


def expired(cast: Cast) -> str:
    token, secret = a_token(cast)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return f"Bearer {secret}"


def revoked(cast: Cast) -> str:
    token, secret = a_token(cast)
    revoke_token(token, actor=Actor.person(cast.olga))
    return f"Bearer {secret}"


def of_somebody_who_left(cast: Cast) -> str:
    _, secret = a_token(cast)
    cast.olga.is_active = False
    cast.olga.save()
    return f"Bearer {secret}"


def in_two_parts(cast: Cast) -> str:
    _, secret = a_token(cast)
    return f"Bearer {secret[:10]} {secret[10:]}"


def a_token(cast: Cast) -> tuple[ApiToken, str]:
    return create_token(
        name="x", scopes=list(Scope), days=1, actor=Actor.person(cast.olga), user=cast.olga
    )


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Bearer mls_nobody", "Bearer é", "Basic b2xnYTpw",
        "mls_nobody", expired, revoked, of_somebody_who_left, in_two_parts,
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"), [("get", ITEMS), ("post", ITEMS), ("get", f"{V1}/me/")]
)
def test_a_wrong_token_is_401_and_says_how_to_send_one(
    product: Product, cast: Cast, header: Any, method: str, path: str
) -> None:
    sent = header(cast) if callable(header) else header
    headers = {"Authorization": sent} if sent else {}
    answer = getattr(Client(), method)(path, headers=headers, content_type="application/json")
    told = problem_of(answer, 401)
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "token" in told["detail"].lower()


@pytest.mark.parametrize(
    ("scopes", "method", "path", "needed"),
    [
        (["read"], "post", "products/MED/items/", "write"),
        (["evidence"], "post", "products/MED/items/", "write"),
        (["write"], "get", "products/MED/items/", "read"),
        (["evidence"], "get", "products/MED/items/", "read"),
        (["read", "write"], "post", "products/MED/findings/", "evidence"),
        (["read", "write"], "post", "products/MED/results/", "evidence"),
        (["read", "write"], "post", "products/MED/members/", "admin"),
        (["read", "write"], "get", "products/MED/tokens/", "admin"),
        (["read", "write"], "get", "products/MED/webhooks/", "admin"),
        (["read", "write"], "post", "products/", "admin"),
        (["write"], "get", "products/", "read"),
        (["read"], "get", "me/tokens/", "admin"),
    ],
)
def test_a_scope_that_is_too_small_is_403_and_named(
    api: Any, product: Product, cast: Cast, scopes: list[str], method: str, path: str, needed: str
) -> None:
    client = api(cast.olga, scopes=tuple(map(Scope, scopes)))
    told = problem_of(getattr(client, method)(f"{V1}/{path}", {}), 403)
    assert needed in told["detail"]


def test_a_token_of_the_product_hears_that_a_person_is_needed(api: Any, product: Product) -> None:
    told = problem_of(api(product=product).get(f"{V1}/products/MED/tokens/"), 403)
    assert "person" in told["detail"]


# What was sent -----------------------------------------------------------------------------

DEEP = b'{"title": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
BODIES: dict[str, tuple[bytes, str, int]] = {
    "ten megabytes": (b'{"title": "' + b"x" * (10 * MB) + b'"}', "application/json", 413),
    "deep lists": (DEEP, "application/json", 400),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "application/json", 400),
    "NaN": (b'{"title": "x", "points": NaN}', "application/json", 400),
    "Infinity": (b'{"title": "x", "points": -Infinity}', "application/json", 400),
    "too many digits": (b'{"title": "x", "points": ' + b"9" * 9999 + b"}", "application/json", 400),
    "a name twice": (b'{"title": "x", "title": "y"}', "application/json", 400),
    "half a pair": (rb'{"title": "\ud800"}', "application/json", 400),
    "NUL": (rb'{"title": "a\u0000b"}', "application/json", 400),
    "Latin-1": ('{"title": "é"}'.encode("latin-1"), "application/json", 400),
    "cut off": (b'{"title": "x"', "application/json", 400),
    "no JSON": (b"title=x", "application/json", 400),
    "a number": (b"7", "application/json", 400),
    "nothing": (b"", "application/json", 400),
    "a list": (b"[]", "application/json", 400),
    "YAML": (b"title: x", "application/yaml", 415),
    "a form": (b"title=x", "application/x-www-form-urlencoded", 415),
    "no type": (b'{"title": "x"}', "nonsense", 415),
    "unknown fields": (b'{"title": "x", "tilte": "y"}', "application/json", 400),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_can_not_be_read_is_refused(
    api: Any, product: Product, cast: Cast, name: str
) -> None:
    body, content_type, status = BODIES[name]
    answer = api(cast.olga).generic("POST", ITEMS, body, content_type=content_type)
    problem_of(answer, status)
    assert not product.items.exists()


def test_an_unknown_field_is_named_with_every_other_fault(
    api: Any, product: Product, cast: Cast
) -> None:
    told = problem_of(api(cast.olga).post(ITEMS, {"tilte": "x", "points": "many"}), 400)
    assert {error["pointer"] for error in told["errors"]} == {"/tilte", "/title", "/points"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("colour=red", "colour"), ("limit=0", "limit"), ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("ordering=colour", "ordering"), ("cursor=x", "cursor"), ("cursor=", "cursor"),
        ("limit=5&limit=6", "limit"), ("updated_since=yesterday", "updated_since"),
        ("kind=wish", "kind"), ("fields=colour", "fields"), ("fields=", "fields"),
        ("fields.colour=red", "fields.colour"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(
    api: Any, product: Product, cast: Cast, query: str, parameter: str
) -> None:
    told = problem_of(api(cast.olga).get(f"{ITEMS}?{query}"), 400)
    assert [error["parameter"] for error in told["errors"]] == [parameter]


def test_a_cursor_of_another_list_is_refused(api: Any, product: Product, cast: Cast) -> None:
    """Of another kind, of another item, and of another order."""
    olga, acts = api(cast.olga), Actor.person(cast.olga)
    first, second = (create_item(product, ItemDraft(title), actor=acts) for title in "ab")
    for item in (first, second):
        comment(item, "one", actor=acts)
        comment(item, "two", actor=acts)
    of_items = olga.get(f"{ITEMS}?limit=1").json()["next"].partition("cursor=")[2]
    said = f"{V1}/items/{first.ref}/comments/"
    of_comments = olga.get(f"{said}?limit=1").json()["next"].partition("cursor=")[2]
    assert olga.get(f"{said}?cursor={of_comments}").status_code == 200
    for path in (
        f"{V1}/products/MED/members/?cursor={of_comments}",
        f"{V1}/items/{second.ref}/comments/?cursor={of_comments}",
        f"{said}?ordering=-id&cursor={of_comments}",
        f"{said}?cursor={of_items}",
        f"{ITEMS}?cursor={of_comments}",
    ):
        told = problem_of(olga.get(path), 400)
        assert [error["parameter"] for error in told["errors"]] == ["cursor"]


def test_a_key_that_came_with_another_body_is_refused(
    api: Any, product: Product, cast: Cast
) -> None:
    olga, headers = api(cast.olga), {"Idempotency-Key": "one"}
    assert olga.post(ITEMS, {"title": "A"}, headers=headers).status_code == 201
    told = problem_of(olga.post(ITEMS, {"title": "B"}, headers=headers), 422)
    assert told["code"] == "key_reused"
    for key in ("", "x" * 256):
        problem_of(olga.post(ITEMS, {"title": "C"}, headers={"Idempotency-Key": key}), 400)
    assert product.items.count() == 1


@pytest.mark.parametrize("tag", ['"99"', "99", "W/", '"1', "é"])
def test_a_stale_or_odd_tag_changes_nothing(
    api: Any, product: Product, cast: Cast, tag: str
) -> None:
    item = create_item(product, ItemDraft("A"), actor=Actor.person(cast.olga))
    path = f"{V1}/items/{item.ref}/"
    answer = api(cast.olga).patch(path, {"title": "B"}, headers={"If-Match": tag})
    problem_of(answer, 412)
    item.refresh_from_db()
    assert item.title == "A"


# Every door that reads a body --------------------------------------------------------------


def _nameless(path: str) -> str:
    return re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path)


@pytest.mark.parametrize(
    ("path", "change", "pointer"),
    [
        ("items/{ref}", {"criteria": [{"is_met": True}]}, "/criteria/0/text"),
        ("products/MED", {"statuses": [{"name": "Done"}]}, "/statuses/0/category"),
        ("datasets/MED/patients", {"schedule": {}}, "/schedule/cron"),
        ("datasets/MED/patients", {"batch": {"by": "month"}}, "/batch/column"),
        ("products/MED/alert-channels/{channel_id}", {"rules": [{}]}, "/rules/0/severity"),
        ("products/MED/terms/{term_id}", {"columns": [{}]}, "/columns/0/dataset"),
    ],
)
def test_a_part_of_a_change_is_whole(
    api: Any, cast: Cast, values: dict[str, Any], path: str, change: Any, pointer: str  # noqa: F811
) -> None:  # fmt: skip
    client = api(cast.olga)
    told = problem_of(client.patch(f"{V1}/{path.format(**values)}/", change), 400)
    assert pointer in {error["pointer"] for error in told["errors"]}


def test_a_criterion_that_is_sent_without_more_is_not_met(
    api: Any, product: Product, cast: Cast
) -> None:
    item = create_item(product, ItemDraft("A"), actor=Actor.person(cast.olga))
    change = {"criteria": [{"text": "Both readings are kept."}]}
    answer = api(cast.olga).patch(f"{V1}/items/{item.ref}/", change)
    assert answer.json()["criteria"] == [{"text": "Both readings are kept.", "is_met": False}]


def readers_of_json() -> list[Door]:
    """The doors whose body is JSON, as the schema says."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    reading = {
        (method, _nameless(path))
        for path, operations in made["paths"].items()
        for method, operation in operations.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    return [
        door
        for door in doors()
        if door.is_rest and (door.method, "/" + _nameless(door.pattern)) in reading
    ]


def test_no_door_takes_a_body_that_is_none(
    api: Any, cast: Cast, values: dict[str, Any]  # noqa: F811
) -> None:  # fmt: skip
    """An unknown field is named at every one of them; nothing that can't be read is a fault."""
    client, wrong = api(cast.olga), []
    found = readers_of_json()
    assert len(found) > 50
    for door in found:
        for body in (b'{"no_such_field": 1}', b"[1]", b'{"a": NaN}', DEEP, b"\xff"):
            answer = client.generic(
                door.method.upper(), url_of(door, values), body, content_type="application/json"
            )
            is_told = answer.get("Content-Type") == "application/problem+json"
            if not (400 <= answer.status_code < 500 and is_told):
                wrong.append((door.method, door.pattern, body[:30], answer.status_code))
    assert wrong == []
