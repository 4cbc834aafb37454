"""How many requests a principal may send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisConnectionError

from mlscrum.web import throttling
from mlscrum.web.throttling import PrincipalThrottle


@pytest.fixture(autouse=True)
def quiet_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_RATE_PER_MINUTE = 2
    monkeypatch.setattr(throttling.time, "time", lambda: 600_045.0)
    cache.delete_many(["rest:token:-1:10000", "rest:token:-2:10000", "rest:address:::1:10000"])


def request_of(token: int | None = None) -> Any:
    return SimpleNamespace(
        auth=SimpleNamespace(pk=token) if token else None,
        user=SimpleNamespace(is_authenticated=False),
        META={"REMOTE_ADDR": "::1"},
    )


def asked(times: int, **who: Any) -> list[bool]:
    view: Any = None
    return [PrincipalThrottle().allow_request(request_of(**who), view) for _ in range(times)]


def test_each_token_has_a_rate_of_its_own() -> None:
    assert asked(3, token=-1) == [True, True, False]
    assert asked(2, token=-2) == [True, True]


def test_each_answer_says_what_is_left(
    api: Any, product: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api(product=product)
    settings.API_RATE_PER_MINUTE = 1_000_000
    monkeypatch.setattr(throttling.time, "time", lambda: 600_048.5)
    first, second = (client.get("/api/v1/products/MED/") for _ in range(2))
    assert first["RateLimit-Limit"] == "1000000"
    left = [int(answer["RateLimit-Remaining"]) for answer in (first, second)]
    assert left[0] - left[1] == 1
    assert first["RateLimit-Reset"] == "12"
    settings.API_RATE_PER_MINUTE = 1
    refused = client.get("/api/v1/products/MED/")
    assert refused.status_code == 429
    assert (refused["RateLimit-Remaining"], refused["Retry-After"]) == ("0", "12")


def test_pages_say_nothing_of_rates(as_person: Any, cast: Any, product: Any) -> None:
    assert "RateLimit-Limit" not in as_person(cast.olga).get("/p/MED/backlog/")


def test_nobody_is_counted_by_address() -> None:
    assert asked(3) == [True, True, False]


def test_the_wait_is_until_the_minute_ends() -> None:
    throttle = PrincipalThrottle()
    view: Any = None
    throttle.allow_request(request_of(-1), view)
    assert throttle.wait() == 15


def test_a_cache_out_of_reach_lets_requests_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> bool:
        raise RedisConnectionError

    monkeypatch.setattr(throttling, "cache", SimpleNamespace(add=refuse, incr=refuse))
    assert asked(3, token=-1) == [True, True, True]
