"""Signing in: by password, by one click in the demo, and not without end."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from backlog.models import Item, Product
from tests.conftest import Cast


@pytest.fixture(autouse=True)
def nobody_has_tried_yet() -> None:
    cache.clear()


def try_to_sign_in(client: Client, email: str, password: str, **more: Any) -> int:
    sent = {"username": email, "password": password}
    return client.post("/sign-in/", sent, **more).status_code


def test_a_person_signs_in_whatever_the_case_of_the_address(cast: Cast) -> None:
    assert try_to_sign_in(Client(), "MAX@example.org", "pw") == 302


def test_after_ten_wrong_passwords_the_right_one_is_refused_too(cast: Cast) -> None:
    client = Client()
    answers = [try_to_sign_in(client, "max@example.org", f"guess {n}") for n in range(10)]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert try_to_sign_in(client, "max@example.org", "pw") == 429
    assert try_to_sign_in(client, "MAX@example.org", "pw") == 429
    assert try_to_sign_in(client, "dora@example.org", "pw") == 302


def test_one_address_may_not_try_everybody(cast: Cast, settings: Any) -> None:
    settings.SIGN_INS_PER_MINUTE = 3
    for n in range(3):
        assert try_to_sign_in(Client(), f"person{n}@example.org", "pw") == 200
    assert try_to_sign_in(Client(), "max@example.org", "pw") == 429
    assert try_to_sign_in(Client(), "max@example.org", "pw", REMOTE_ADDR="192.0.2.7") == 302


def test_one_click_is_for_this_machine_alone(cast: Cast, settings: Any) -> None:
    cast.max.is_demo = True
    cast.max.save()
    sent = {"person": cast.max.pk}
    assert Client().post("/sign-in/demo/", sent).status_code == 404
    settings.DEMO_LOGIN = True
    assert Client().post("/sign-in/demo/", sent, REMOTE_ADDR="192.0.2.7").status_code == 404
    assert Client().post("/sign-in/demo/", sent).headers["Location"] == "/"
    sent["next"] = "/p/MED/backlog/"
    assert Client().post("/sign-in/demo/", sent).headers["Location"] == "/p/MED/backlog/"


def test_who_was_signed_out_in_a_form_comes_back_to_it_and_reads_that_it_was_not_saved(
    product: Product, cast: Cast
) -> None:
    client = Client()
    form = "http://testserver/p/MED/items/new/?kind=bug"
    answer = client.post("/p/MED/items/new/", {"title": "Lost"}, headers={"Referer": form})
    sign_in = answer.headers["Location"]
    assert sign_in == "/sign-in/?next=%2Fp%2FMED%2Fitems%2Fnew%2F%3Fkind%3Dbug&unsaved=1"
    assert "nothing was saved" in client.get(sign_in).content.decode()
    sent = {
        "username": "max@example.org",
        "password": "pw",
        "next": "/p/MED/items/new/?kind=bug",
        "unsaved": "1",
    }
    page = client.post("/sign-in/", sent, follow=True)
    assert page.request["PATH_INFO"] == "/p/MED/items/new/"
    assert 'data-notice="unsaved"' in page.content.decode()
    assert "You were signed out; nothing was saved." in page.content.decode()
    assert not Item.objects.exists()


def test_a_form_from_elsewhere_leads_nowhere_else(product: Product) -> None:
    answer = Client().post("/p/MED/backlog/", headers={"Referer": "https://evil.example/x"})
    assert answer.headers["Location"] == "/sign-in/?next=%2F&unsaved=1"


@pytest.mark.parametrize("person", ["9" * 5000, "9" * 40, "²", "-1", ""])
def test_nobody_is_signed_in_by_a_number_that_is_none(
    cast: Cast, settings: Any, person: str
) -> None:
    settings.DEMO_LOGIN = True
    assert Client().post("/sign-in/demo/", {"person": person}).status_code == 404
