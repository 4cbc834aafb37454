"""Whose address counts behind proxies."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from mlscrum.web.middleware import client_ip, trusted_proxies

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        (PROXY, "192.0.2.7", "192.0.2.7"),
        (PROXY, "198.51.100.1, 192.0.2.7", "192.0.2.7"),
        (PROXY, "192.0.2.7, 10.0.0.2", "192.0.2.7"),
        (PROXY, "192.0.2.7:4711", "192.0.2.7"),
        (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
        (PROXY, "2001:db8::1", "2001:db8::1"),
        (PROXY, "192.0.2.7, garbage", PROXY),
        (PROXY, "garbage, 192.0.2.7", "192.0.2.7"),
        (PROXY, "", PROXY),
        ("203.0.113.9", "192.0.2.7", "203.0.113.9"),
    ],
)
def test_the_caller_is_the_last_address_that_is_no_proxy_of_ours(
    settings: Any, peer: str, forwarded: str, caller: str
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    seen = []

    def view(request: Any) -> HttpResponse:
        seen.append(client_ip(request))
        return HttpResponse()

    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    trusted_proxies(view)(request)
    assert seen == [caller]
