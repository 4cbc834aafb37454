"""What leaves a ceremony: minutes, calendar files and feeds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from backlog.access.pages import ProductRequest, product_page, public
from backlog.models import Product
from sprints.models import CalendarFeed, Ceremony
from sprints.queries.calendar_files import calendar_of
from sprints.queries.ceremonies import upcoming_of
from sprints.queries.minutes import minutes_of
from sprints.services.calendar_feeds import end_feed, find_feed, make_feed
from sprints.views.ceremonies import page_of
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page

LOOKS_BACK = timedelta(days=90)  # what a feed still shows


@require_GET
@ceremony_page("ceremony.view", guests=True)
def minutes(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The minutes as a page to read and to print."""
    context = page_of(request, ceremony, text=minutes_of(ceremony))
    return render(request, "sprints/ceremony_minutes.html", context)


@require_GET
@ceremony_page("ceremony.view", guests=True)
def minutes_file(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The minutes as Markdown."""
    return _file(minutes_of(ceremony), "text/markdown; charset=utf-8", f"{_name(ceremony)}.md")


@require_GET
@ceremony_page("ceremony.view", guests=True)
def ceremony_ics(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The ceremony for one's calendar."""
    return _file(calendar_of([ceremony]), "text/calendar; charset=utf-8", f"{_name(ceremony)}.ics")


@product_page("ceremony.view")
def calendar(request: ProductRequest, product: Product) -> HttpResponse:
    """The reader's own feed of the product: make its secret address, or end it."""
    shown: dict[str, Any] = {}
    if request.method == "POST":
        if request.POST.get("deed") == "end":
            end_feed(product, request.user, actor=request.actor)
            messages.success(request, "The address has ended; calendars get nothing from it now.")
            return redirect("sprints:calendar", product.key)
        secret = make_feed(product, request.user, actor=request.actor)
        shown["address"] = settings.BASE_URL.rstrip("/") + reverse("sprints:feed", args=[secret])
    feed = CalendarFeed.objects.filter(product=product, user=request.user).first()
    context = {"product": product, "feed": feed, **shown}
    answer = render(request, "sprints/calendar.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@public
@require_safe
@never_cache
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The ceremonies of a product, for the calendar of whoever has the secret."""
    found = find_feed(secret)
    if found is None:
        raise Http404("There is no such calendar, or it has ended.")
    since = timezone.now() - LOOKS_BACK
    ceremonies = upcoming_of(found.user, found.product, since=since)
    body = calendar_of(ceremonies, name=f"{found.product.name}: ceremonies")
    return HttpResponse(body, content_type="text/calendar; charset=utf-8")


def _name(ceremony: Ceremony) -> str:
    local = timezone.localtime(ceremony.starts_at)
    return f"{ceremony.product.key}-{local:%Y-%m-%d}-{slugify(ceremony.title) or ceremony.kind}"


def _file(body: str | bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(body, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
