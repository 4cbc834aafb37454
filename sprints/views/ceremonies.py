"""Ceremonies: the list, scheduling them, and the page of one."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Product
from backlog.services.conversions import way_into
from backlog.views.answers import counted
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.sentences import form_in_words
from sprints.forms.ceremonies import (
    BlockForm,
    CeremonyForm,
    OutcomeForm,
    SlotsForm,
    as_typed,
    put_refusal,
)
from sprints.models import Ceremony, Outcome, Sprint
from sprints.queries.ceremonies import (
    find_block,
    listed,
    of_sprint,
    people_of,
    shown_block,
    shown_blocks,
)
from sprints.queries.outcomes import sorted_outcomes
from sprints.queries.planning import working_days_of
from sprints.queries.reminders import notice_of
from sprints.queries.sprints import find_sprint
from sprints.rules.ceremonies import proposed, time_box
from sprints.services import ceremonies as services
from sprints.services.agendas import add_block, remove_block
from sprints.services.reminders import mark_seen
from sprints.services.seats import be_present, see_off, stay, take_seat
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page
from sprints.views.common import sprint_page

USUAL_DAYS = 14  # of a sprint whose length nobody knows yet

# The room -----------------------------------------------------------------------------------------


@require_GET
@product_page("ceremony.view")
def ceremonies(request: ProductRequest, product: Product) -> HttpResponse:
    """Those that run, those that come next, and those that are over."""
    context = {
        "product": product,
        "listed": listed(product, request.GET.get("page")),
        "may_edit": request.may("ceremony.edit"),
        "sprints": _open_sprints(product) if request.may("ceremony.edit") else [],
    }
    return render(request, "sprints/ceremonies.html", context)


@product_page("ceremony.edit")
def ceremony_new(request: ProductRequest, product: Product) -> HttpResponse:
    """Schedule one: `kind` and `sprint` in the address propose its time box. Without a word about
    the sprint it is of the one that runs."""
    if request.method == "POST":
        form = CeremonyForm(product, request.POST)
        if form.is_valid():
            try:
                made = services.schedule(product, form.draft, actor=request.actor)
            except (DomainError, ValidationError) as error:
                put_errors(form, error)
            else:
                messages.success(request, f"{made.title} is scheduled.")
                return redirect("sprints:ceremony", product.key, made.pk)
    else:
        form = CeremonyForm(product, initial=_initial(request, product))
    context = {"product": product, "form": form}
    status = 422 if form.errors else 200
    return render(request, "sprints/ceremony_new.html", context, status=status)


@sprint_page("ceremony.edit")
def ceremonies_of_sprint(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """All ceremonies of a sprint at once, as the Scrum Guide boxes them: choose and schedule."""
    product = request.product
    there = list(of_sprint(sprint))
    if request.method == "POST":
        forms = SlotsForm(request.POST)
        place = request.POST.get("place", "").replace("\0", "")[:300]
        if forms.is_valid():
            wanted = [form for form in forms if form.cleaned_data.get("is_wanted")]
            try:
                ahead = notice_of(product).ceremony_minutes
                drafts = [form.draft(sprint, place, remind_minutes=ahead) for form in wanted]
                made = services.schedule_all(product, drafts, actor=request.actor)
            except (DomainError, ValidationError) as error:
                message = getattr(error, "message", None) or " ".join(error.messages)  # type: ignore[union-attr]
                messages.error(request, message)
            else:
                messages.success(request, f"{counted(len(made), 'ceremony')} scheduled."
                                 .replace("ceremonys", "ceremonies"))  # fmt: skip
                return redirect("sprints:ceremonies", product.key)
    else:
        forms = SlotsForm(initial=_slots(sprint, {ceremony.kind for ceremony in there}))
    context = {"product": product, "sprint": sprint, "forms": forms, "there": there}
    status = 422 if forms.is_bound else 200
    return render(request, "sprints/ceremonies_of_sprint.html", context, status=status)


def _open_sprints(product: Product) -> list[Sprint]:
    """Those that are planned or run and lack some ceremony."""
    found = Sprint.objects.select_related("backlog").filter(backlog__product=product)
    still = found.exclude(backlog__state=Backlog.State.CLOSED).order_by("backlog__starts_on")
    return list(still.exclude(ceremonies__kind=Ceremony.Kind.REVIEW))


def _initial(request: ProductRequest, product: Product) -> dict[str, Any]:
    asked = request.GET.get("kind", "")
    kind = asked if asked in Ceremony.Kind.values else Ceremony.Kind.REFINEMENT
    sprint = find_sprint(product, request.GET.get("sprint", "active"))
    days = USUAL_DAYS
    if sprint is not None and sprint.backlog.starts_on and sprint.backlog.ends_on:
        days = (sprint.backlog.ends_on - sprint.backlog.starts_on).days + 1
    hour = timezone.localtime().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return {
        "kind": kind,
        "sprint": sprint,
        "starts_at": hour,
        "minutes": time_box(kind, days),
        "remind_minutes": notice_of(product).ceremony_minutes,
    }


def _slots(sprint: Sprint, there: set[str]) -> list[dict[str, Any]]:
    """What is proposed; kinds that are there already, and days that are over, are not ticked."""
    backlog, zone = sprint.backlog, ZoneInfo(sprint.zone)
    assert backlog.starts_on is not None, "a sprint has both days"
    assert backlog.ends_on is not None, "a sprint has both days"
    today = datetime.combine(timezone.localdate(timezone=zone), time.min)
    return [
        {
            "is_wanted": slot.kind not in there and slot.starts >= today,
            "kind": slot.kind,
            "starts_at": as_typed(slot.starts.replace(tzinfo=zone)),
            "minutes": slot.minutes,
        }
        for slot in proposed(backlog.starts_on, backlog.ends_on, working_days_of(sprint))
    ]


# One ----------------------------------------------------------------------------------------------


def page_of(request: CeremonyRequest, ceremony: Ceremony, **more: Any) -> dict[str, Any]:
    """What the page of a ceremony shows around and in its fragments."""
    return {
        "product": ceremony.product,
        "ceremony": ceremony,
        "frame": "sprints/guest_base.html" if request.is_guest else "base.html",
        "is_guest": request.is_guest,
        # Whose words are explained: guests have no page of the glossary.
        "glossary": None if request.is_guest else ceremony.product,
        "seat": request.participant,
        "may_contribute": request.may("ceremony.contribute"),
        "may_edit": request.may("ceremony.edit"),
        "may_convert": request.may("ceremony.edit") and request.may("item.edit"),
        "may_order": request.may("backlog.order"),
        **more,
    }


def column_of(request: CeremonyRequest, ceremony: Ceremony) -> dict[str, Any]:
    """What the column of outcomes shows, and the datasets that an insight can be a check of."""
    way = way_into(Outcome.Into.EXPECTATION)
    datasets = (
        list(ceremony.product.subjects.filter(kind=way.kind).order_by("name"))
        if way is not None and request.may("ceremony.edit")
        else []
    )
    return page_of(request, ceremony, outcomes=sorted_outcomes(ceremony), datasets=datasets)


@require_GET
@ceremony_page("ceremony.view", guests=True)
def ceremony(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The page of one: clock, people, agenda with notes, and what comes of it."""
    if not request.is_guest:
        mark_seen(request.user, ceremony)
    context = {
        **column_of(request, ceremony),
        "people": people_of(ceremony),
        "blocks": shown_blocks(ceremony, request.reader),
        "outcome_form": OutcomeForm(
            ceremony.product, is_guest=request.is_guest, auto_id="outcome-%s"
        ),
        "block_form": BlockForm(auto_id="block-new-%s"),
    }
    return render(request, "sprints/ceremony.html", context)


@require_GET
@ceremony_page("ceremony.view", guests=True)
def ceremony_head(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The clock and the buttons of its state: a fragment."""
    return render(request, "sprints/_ceremony_head.html", page_of(request, ceremony))


@require_GET
@ceremony_page("ceremony.view", guests=True)
def ceremony_people(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Who is there: a fragment."""
    context = page_of(request, ceremony, people=people_of(ceremony))
    return render(request, "sprints/_ceremony_people.html", context)


@require_GET
@ceremony_page("ceremony.view", guests=True)
def ceremony_part(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """The evidence of one point: a fragment."""
    shown = shown_block(ceremony, find_block(ceremony, block_id), request.reader)
    context = page_of(request, ceremony, shown=shown)
    return render(request, "sprints/_ceremony_part.html", context)


@ceremony_page("ceremony.edit")
def ceremony_edit(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """When and where it is."""
    form = CeremonyForm.of(ceremony, request.POST if request.method == "POST" else None)
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        try:
            services.change(ceremony, actor=request.actor, **form.changes)
        except (DomainError, ValidationError) as error:
            status = put_refusal(form, error)
        else:
            messages.success(request, "Saved.")
            return to_page(ceremony)
    context = page_of(request, ceremony, form=form)
    return render(request, "sprints/ceremony_edit.html", context, status=status)


@require_POST
@ceremony_page("ceremony.edit")
def ceremony_delete(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    try:
        services.delete(ceremony, actor=request.actor)
    except Conflict as error:
        messages.error(request, error.message)
        return to_page(ceremony)
    messages.success(request, f"{ceremony.title} is deleted.")
    return redirect("sprints:ceremonies", ceremony.product.key)


@require_POST
@ceremony_page("ceremony.edit")
def ceremony_open(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Let it begin; who opens it is there."""
    opened = services.open_ceremony(ceremony, actor=request.actor)
    be_present(take_seat(opened, request.user), actor=request.actor)
    return to_page(ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def ceremony_close(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """End it. Of two who do so at once, the other sees that it is done."""
    try:
        services.close(ceremony, actor=request.actor)
    except Conflict as error:
        messages.info(request, error.message)
    else:
        messages.success(request, f"{ceremony.title} is over. Its minutes are ready.")
    return to_page(ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def ceremony_timer(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Start, pause or reset the clock, or give it five minutes more."""
    changed = services.set_timer(
        ceremony,
        request.POST.get("deed", ""),
        actor=request.actor,
        minutes=whole_number(request.POST.get("minutes", ""), digits=3),
    )
    if not request.htmx:  # type: ignore[attr-defined]
        return to_page(ceremony)
    return render(request, "sprints/_ceremony_head.html", page_of(request, changed))


@require_POST
@ceremony_page("ceremony.view", guests=True)
def ceremony_presence(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Say that one is there, or leaves; or, by the page's script, that the page is open still."""
    if request.POST.get("deed") == "stay":
        return _stay(request, ceremony)
    seat = request.participant or take_seat(ceremony, request.user)
    seat.ceremony = ceremony
    be_present(seat, actor=request.actor, is_present=request.POST.get("deed") != "leave")
    request.participant = seat
    if not request.htmx:  # type: ignore[attr-defined]
        return to_page(ceremony)
    context = page_of(request, ceremony, people=people_of(ceremony))
    return render(request, "sprints/_ceremony_people.html", context)


def _stay(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    if not ceremony.is_over:
        if request.participant is not None:
            request.participant.ceremony = ceremony
            stay(request.participant, actor=request.actor)
        see_off(ceremony)
    return HttpResponse(status=204)


@require_POST
@ceremony_page("ceremony.edit")
def block_add(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """One more point on the agenda."""
    form = BlockForm(request.POST, auto_id="block-new-%s")
    if form.is_valid():
        try:
            add_block(ceremony, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
    if form.errors:
        messages.error(request, form_in_words(form))
    return to_page(ceremony, "agenda")


@require_POST
@ceremony_page("ceremony.edit")
def block_remove(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """Take a point without notes off the agenda."""
    remove_block(find_block(ceremony, block_id), actor=request.actor)
    return to_page(ceremony, "agenda")


def to_page(ceremony: Ceremony, anchor: str = "") -> HttpResponse:
    """To the page of the ceremony, or a place on it."""
    answer = redirect("sprints:ceremony", ceremony.product.key, ceremony.pk)
    if anchor:
        answer["Location"] += f"#{anchor}"
    return answer
