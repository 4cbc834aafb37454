"""What every request passes: proxies, the reader's zone, undeclared pages, broken promises."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from mlscrum.lib import live
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.lib.origins import begun_by
from mlscrum.web.problems import API
from mlscrum.web.throttling import Rate

GetResponse = Callable[[HttpRequest], HttpResponseBase]
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
requests = logging.getLogger("mlscrum.requests")
LAST_PRODUCT = "last_product"  # the cookie that the start page reads


def request_ids(get_response: GetResponse) -> GetResponse:
    """Give each request an id, or keep that of a proxy of ours: the log and the answer name it.

    With LOG_REQUESTS each is a line of the log, by its view; of the address only the path.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        sent = request.headers.get("X-Request-ID", "")
        is_kept = REQUEST_ID.fullmatch(sent) and _is_trusted(request.META.get("REMOTE_ADDR", ""))
        request_id = sent if is_kept else uuid.uuid4().hex
        with begun_by(request_id=request_id):
            begun = time.perf_counter()
            answer = get_response(request)
            if settings.LOG_REQUESTS:
                match = request.resolver_match
                told = {
                    "method": request.method,
                    "path": request.path.encode("unicode_escape").decode("ascii"),
                    "view": match.view_name if match else "",
                    "status": answer.status_code,
                    "ms": round((time.perf_counter() - begun) * 1000, 1),
                }
                requests.info("%(method)s %(path)s %(status)s in %(ms)s ms", told, extra=told)
        answer["X-Request-ID"] = request_id
        return answer

    return middleware


def trusted_proxies(get_response: GetResponse) -> GetResponse:
    """Believe X-Forwarded-For and -Proto only where the peer is one of TRUSTED_PROXIES.

    The caller is the last address of the chain that is no proxy of ours; what is no address ends
    the chain.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        if _is_trusted(meta.get("REMOTE_ADDR", "")):
            for part in reversed(meta.get("HTTP_X_FORWARDED_FOR", "").split(",")):
                address = _address(part)
                if not address:
                    break
                meta["REMOTE_ADDR"] = address
                if not _is_trusted(address):
                    break
        else:
            meta.pop("HTTP_X_FORWARDED_PROTO", None)
            meta.pop("HTTP_X_FORWARDED_FOR", None)
        return get_response(request)

    return middleware


def client_ip(request: HttpRequest) -> str:
    """The caller's address, after trusted_proxies has had its say."""
    return str(request.META.get("REMOTE_ADDR", ""))


def reader_time_zone(get_response: GetResponse) -> GetResponse:
    """Show times in the zone that the person chose, else in the installation's."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        name = getattr(request.user, "time_zone", "")
        if not name:
            return get_response(request)
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return get_response(request)

    return middleware


def tab_of_page(get_response: GetResponse) -> GetResponse:
    """Note which open page a request comes from, so that a stream can tell it its own deeds."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        mark = live.tab.set(live.tab_name(request.headers.get("X-Tab", "")))
        try:
            return get_response(request)
        finally:
            live.tab.reset(mark)

    return middleware


def remember_product(get_response: GetResponse) -> GetResponse:
    """Keep in a cookie which product the person was in last: a choice, not a right."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        key = getattr(getattr(request, "product", None), "key", "")
        if key and response.status_code == 200 and request.COOKIES.get(LAST_PRODUCT) != key:
            response.set_cookie(
                LAST_PRODUCT,
                key,
                max_age=settings.SESSION_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    return middleware


def rate_limits(get_response: GetResponse) -> GetResponse:
    """Say on each answer to a request that counts how many are left until when, in the headers of
    draft-ietf-httpapi-ratelimit-headers-06."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        rate: Rate | None = getattr(request, "rate", None)
        if rate is not None:
            response["RateLimit-Limit"] = str(rate.limit)
            response["RateLimit-Remaining"] = str(rate.left)
            response["RateLimit-Reset"] = str(rate.until_s)
        return response

    return middleware


class RefuseUnreadable:
    """Refuse what no database takes, before any view asks one: NUL in a path or a query, and
    numbers in a path that are too long for a key. The REST API names the parameter itself."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path:
            raise Http404
        if "%00" in request.META.get("QUERY_STRING", "") and not request.path.startswith(API):
            raise BadRequest("An address holds a character that can't be stored.")
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> None:
        for value in kwargs.values():
            if isinstance(value, int) and whole_number(str(value)) is None:
                raise Http404


class RefuseUndeclared:
    """Refuse a page that declares no permission: it fails at once, in the first test that opens it.

    REST views declare theirs in `permissions`, which their base class checks.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if not declares(view):
            raise ImproperlyConfigured(
                f"{view.__module__}.{view.__name__} declares no permission; "
                "guard it with a decorator of backlog.access.pages."
            )


def declares(view: Callable[..., Any]) -> str | None:
    """What a view declares of its access, or None."""
    rest_view = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if rest_view is not None and getattr(rest_view, "permissions", None):
        return "rest"
    return getattr(view, "declares", None)


class DomainErrors:
    """Turn a broken promise into a message and the page that the person came from."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if not isinstance(error, DomainError):
            return None
        if getattr(request, "htmx", False):
            page = render(request, "partials/_problem.html", {"error": error}, status=error.status)
            page["HX-Retarget"], page["HX-Reswap"] = "#toasts", "beforeend"
            return page
        if request.method in {"GET", "HEAD"}:
            return render(request, "problem.html", {"error": error}, status=error.status)
        messages.error(request, error.message)
        back = request.headers.get("Referer", "")
        safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
        return HttpResponseRedirect(back if safe else "/")


def _address(part: str) -> str:
    """An address as proxies write it, without its port; empty where it is none."""
    text = part.strip()
    for bare in (text, text.rpartition(":")[0]):  # 192.0.2.1:443 and [2001:db8::1]:443
        try:
            return str(ipaddress.ip_address(bare.strip("[]")))
        except ValueError:
            continue
    return ""


def _is_trusted(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # a socket of this machine has no address
        return False
    return any(ip in network for network in settings.TRUSTED_PROXIES)


refuse_unreadable = RefuseUnreadable
refuse_undeclared = RefuseUndeclared
domain_errors = DomainErrors
