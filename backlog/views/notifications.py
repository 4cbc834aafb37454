"""What a person was told of, and the doors by which it counts as seen."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, signed_in
from backlog.models import User
from backlog.queries.news import unseen_elsewhere
from backlog.queries.notifications import news_page, news_rows, unread_count
from backlog.services.notifications import mark_read, mark_read_of
from backlog.views.answers import back_to, counted
from mlscrum.web.context import unread_in_words


@require_GET
@signed_in
def notifications(request: PersonRequest) -> HttpResponse:
    """The person's news, the latest first; `show=all` with those that were read.

    Scripts (`Accept: application/json`) get how many are unread, as a count and in words.
    """
    if request.headers.get("Accept") == "application/json":
        return _left(request.user)
    everything = request.GET.get("show") == "all"
    page = news_page(request.user, request.GET.get("page"), unread=not everything)
    context = {
        "page": page,
        "rows": news_rows(page.object_list),
        "everything": everything,
        "told": unseen_elsewhere(request.user),
        "has_unread": unread_count(request.user) > 0,
    }
    return render(request, "backlog/notifications.html", context)


@require_POST
@signed_in
def notifications_read(request: PersonRequest) -> HttpResponseBase:
    """The person has seen all news, or those of the item `ref`.

    Scripts (`Accept: application/json`) get what is left, as a count and in words.
    """
    ref = request.POST.get("ref", "")
    read = mark_read_of(request.user, ref) if ref else mark_read(request.user)
    if request.headers.get("Accept") == "application/json":
        return _left(request.user)
    if not ref:
        messages.success(request, f"{counted(read, 'notification')} marked as read.")
    return back_to(request, "notifications")


def _left(person: User) -> JsonResponse:
    left = unread_count(person)
    return JsonResponse({"unread": left, "words": unread_in_words(left)})
