"""A dataset is shown by link to people without an account: figures alone, as long as it lasts."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from backlog.models import Actor, Product
from dataquality.models import Dataset, ShareLink
from dataquality.services.datasets import update_dataset
from dataquality.services.sharing import make_share_link, revoke_share_link
from mlscrum.web.logs import OneTimeLinks
from tests.conftest import CAST, Cast
from tests.dataquality.conftest import run_now
from tests.rest import queries

LINKS = "/p/MED/data/patients/settings/links/"
REST = "/api/v1/datasets/MED/patients/share-links/"


@pytest.fixture
def secret(with_suite: Dataset, max_acts: Actor) -> str:
    run_now(with_suite, max_acts)
    return make_share_link(with_suite, actor=max_acts, note="The clinic")[1]


def test_whoever_has_the_link_sees_figures_and_nothing_of_a_row(
    secret: str, with_suite: Dataset, cast: Cast, max_acts: Actor
) -> None:
    update_dataset(with_suite, actor=max_acts, owner=cast.max, steward=cast.dora)
    page = Client().get(f"/shared/{secret}/")
    told = page.content.decode()
    assert page.status_code == 200
    assert "Patients" in told
    assert "2 of 20" in told
    assert "1 check failed" in told
    for name, (full_name, _) in CAST.items():
        assert full_name not in told
        assert f"{name}@" not in told
    assert "?" not in told.partition("<main")[2]  # the failing value
    assert "MED-" not in told
    assert "between" not in told.lower()


def test_the_page_is_for_nobody_else(secret: str) -> None:
    page = Client().get(f"/shared/{secret}/")
    assert page["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert page["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page["Cache-Control"]
    assert '<meta name="robots" content="noindex, nofollow">' in page.content.decode()


def test_a_link_that_has_ended_shows_nothing(
    secret: str, with_suite: Dataset, max_acts: Actor
) -> None:
    link = ShareLink.objects.get()
    assert Client().get("/shared/mls_nonsense/").status_code == 410
    ShareLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(f"/shared/{secret}/").status_code == 410
    ShareLink.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert Client().get(f"/shared/{secret}/badge.svg").status_code == 200
    revoke_share_link(link, actor=max_acts)
    for part in ("", "badge.svg"):
        assert Client().get(f"/shared/{secret}/{part}").status_code == 410


def test_only_its_hash_is_kept_and_no_log_has_the_secret(secret: str) -> None:
    link = ShareLink.objects.get()
    assert secret not in link.token_hash
    record = logging.LogRecord("x", 20, "f", 1, "GET /shared/%s/ 200", (secret,), None)
    OneTimeLinks().filter(record)
    assert secret not in record.getMessage()


def test_a_link_ends_within_a_year_and_there_are_not_too_many(
    with_suite: Dataset, max_acts: Actor
) -> None:
    now = timezone.now()
    ends_at = {
        "A link ends in the future; this time is over.": now - timedelta(days=1),
        "A link ends within a year.": now + timedelta(days=400),
    }
    for why, ends in ends_at.items():
        with pytest.raises(ValidationError, match=why):
            make_share_link(with_suite, actor=max_acts, expires_at=ends)
    for _ in range(20):
        make_share_link(with_suite, actor=max_acts)
    with pytest.raises(ValidationError, match="revoke one first"):
        make_share_link(with_suite, actor=max_acts)


def test_the_address_is_shown_once_and_the_link_revoked_on_the_page(
    as_person: Any, cast: Cast, with_suite: Dataset
) -> None:
    maxs = as_person(cast.max)
    page = maxs.post(LINKS, {"note": "The clinic", "expires_at": "2126-01-01T00:00"})
    assert page.status_code == 422
    ends = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    page = maxs.post(LINKS, {"note": "The clinic", "expires_at": ends})
    assert "/shared/mls_" in page.content.decode()
    again = maxs.get(LINKS)
    assert "/shared/mls_" not in again.content.decode()
    link = ShareLink.objects.get()
    maxs.post(f"{LINKS}{link.pk}/revoke/")
    link.refresh_from_db()
    assert link.revoked_at is not None
    assert "revoked" in maxs.get(LINKS).content.decode()


def test_links_over_rest(api: Any, cast: Cast, product: Product, with_suite: Dataset) -> None:
    maxs = api(cast.max)
    made = maxs.post(REST, {"note": "The clinic"})
    assert made.status_code == 201
    path = made.json()["address"].partition("/shared/")[2]
    assert Client().get(f"/shared/{path}").status_code == 200
    [listed] = maxs.get(REST).json()["results"]
    assert "address" not in listed
    assert listed["opened_at"] is not None
    assert maxs.delete(f"{REST}{listed['id']}/").status_code == 204
    assert Client().get(f"/shared/{path}").status_code == 410
    assert api(product=product).post(REST, {}).status_code == 403


def test_lists_of_links_take_no_more_queries_as_they_grow(
    api: Any, cast: Cast, as_person: Any, with_suite: Dataset, max_acts: Actor, secret: str
) -> None:
    asked = (
        (api(cast.max), REST),
        (as_person(cast.max), LINKS),
        (Client(), f"/shared/{secret}/"),
    )
    run_now(with_suite, max_acts)
    before = [queries(client, path) for client, path in asked]
    for _ in range(3):
        make_share_link(with_suite, actor=max_acts)
        run_now(with_suite, max_acts)
    assert [queries(client, path) for client, path in asked] == before


@pytest.mark.parametrize(
    "accept", ["image/svg+xml", "image/*", "text/html", "*/*", "application/json"]
)
@pytest.mark.parametrize(
    ("query", "kind"), [("?format=badge", "image/svg+xml"), ("", "application/json")]
)
def test_a_gate_answers_in_its_form_whatever_a_client_accepts(
    api: Any, with_suite: Dataset, cast: Cast, accept: str, query: str, kind: str
) -> None:
    url = f"/api/v1/datasets/MED/patients/gate/{query}"
    answer = api(cast.vera).get(url, headers={"accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, kind)


@pytest.mark.parametrize("strict", ["", "&strict=1"])
def test_the_badge_says_the_state_in_words_and_is_kept_for_a_minute(
    api: Any, cast: Cast, secret: str, with_suite: Dataset, max_acts: Actor, strict: str
) -> None:
    update_dataset(with_suite, actor=max_acts, name="Patients <b> & more")
    badge = api(cast.vera).get(f"/api/v1/datasets/MED/patients/gate/?format=badge{strict}")
    told = badge.content.decode()
    assert badge.status_code == (422 if strict else 200)
    assert badge["Content-Type"] == "image/svg+xml"
    assert badge["Cache-Control"] == "private, max-age=60"
    assert '<title id="t">Data quality of Patients &lt;b&gt; &amp; more: failed</title>' in told
    assert 'role="img"' in told
