"""The daily within a ceremony: what each person says, who waits, and what only needs a yes."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from backlog.models import Item
from backlog.queries.items import find_item
from backlog.services.deeds import deed
from backlog.services.findings import confirm_done
from mlscrum.lib.numbers import whole_number
from sprints.models import Ceremony, DailyNote
from sprints.queries.dailies import day_of_daily
from sprints.services.dailies import Said, clear_block, write_note
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page
from sprints.views.parts import answer, item_of, of_kinds, seat_of, show

SLOT = "daily"


@require_GET
@ceremony_page("ceremony.view", guests=True)
@of_kinds(SLOT)
def daily(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """What everybody says, under what the board says of the sprint."""
    return show(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute")
@of_kinds(SLOT)
def daily_join(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Take a seat, to which the form belongs."""
    seat_of(request, ceremony)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute")
@of_kinds(SLOT)
def daily_note(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Keep what the person says."""
    if ceremony.sprint is None:
        raise Http404("This daily is of no sprint.")
    seat_of(request, ceremony)
    ref = request.POST.get("item", "")
    said = Said(
        done=request.POST.get("done", ""),
        next=request.POST.get("next", ""),
        blocked=request.POST.get("blocked", ""),
        item=_item(request, ref) if ref else None,
    )
    day, marks = day_of_daily(ceremony, ceremony.sprint), request.may("item.edit")
    write_note(ceremony, day, request.user, said, actor=request.actor, marks=marks)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("item.edit")
@of_kinds(SLOT)
def daily_clear(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The item that somebody blocked waits no more."""
    note = (
        DailyNote.objects.select_related("blocked_item__product", "blocked_item__backlog")
        .filter(pk=whole_number(request.POST.get("note", "")) or 0, sprint=ceremony.sprint)
        .first()
    )
    if note is None:
        raise Http404("There is no such note in this daily.")
    clear_block(ceremony, note, actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("item.edit")
@of_kinds(SLOT)
def daily_confirm(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Say yes to *recovered?* as the board does."""
    item = item_of(request)
    with deed(request.product, request.actor, "daily.confirmed", item=item, ceremony=ceremony.pk):
        confirm_done(item, actor=request.actor)
    return answer(request, ceremony, SLOT)


def _item(request: CeremonyRequest, ref: str) -> Item:
    return find_item(request.product, ref)
