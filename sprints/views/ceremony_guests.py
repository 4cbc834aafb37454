"""Guests of a ceremony: the links that let them in, and the door that they come through."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page, public
from backlog.forms.refusals import put_errors
from backlog.models import Member, Product, User
from backlog.views.tabs import settings_page
from mlscrum.lib.errors import DomainError
from sprints.forms.ceremonies import AgendaForm, GuestForm, GuestLinkForm, NoticeForm, as_typed
from sprints.models import AgendaTemplate, Ceremony
from sprints.queries.ceremonies import find_guest_link, guest_links_of
from sprints.queries.reminders import notice_of
from sprints.services import seats as services
from sprints.services.action_reminders import set_notice
from sprints.services.agendas import points_for, set_template
from sprints.views.ceremonies import page_of
from sprints.views.ceremony_doors import SEATS, CeremonyRequest, ceremony_page

USUAL = timedelta(days=7)
MOST_KEPT = 20  # seats that one browser remembers


@ceremony_page("ceremony.edit")
def guests(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The links into a ceremony; POST makes one, whose address is shown this once."""
    address = ""
    ends = timezone.now() + USUAL
    form = GuestLinkForm(
        request.POST if request.method == "POST" else None, initial={"expires_at": as_typed(ends)}
    )
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = services.make_guest_link(ceremony, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            address = settings.BASE_URL.rstrip("/") + reverse("sprints:guest", args=[secret])
            form = GuestLinkForm(initial={"expires_at": as_typed(ends)})
    context = page_of(request, ceremony, form=form, links=guest_links_of(ceremony), address=address)
    status = 422 if form.errors else 200
    answer = render(request, "sprints/ceremony_guests.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@ceremony_page("ceremony.edit")
def guest_link_revoke(request: CeremonyRequest, ceremony: Ceremony, guest_id: int) -> HttpResponse:
    """End a link: whoever came by it is out."""
    services.revoke_guest_link(find_guest_link(ceremony, guest_id), actor=request.actor)
    messages.success(request, "The link has ended; whoever came by it is out.")
    return redirect("sprints:guests", ceremony.product.key, ceremony.pk)


@public
@never_cache
def guest(request: HttpRequest, secret: str) -> HttpResponse:
    """Ask a guest for a name, and let them in; members go in by their own seat, and who came by
    this link before goes on with theirs."""
    link = services.find_guest_link(secret)
    if link is None:
        why = "This link has ended, or there never was one. Ask for a new one."
        raise DomainError("link_ended", why, status=410)
    ceremony = link.ceremony
    inside = redirect("sprints:ceremony", ceremony.product.key, ceremony.pk)
    is_member = isinstance(request.user, User) and Member.objects.filter(
        user=request.user, product=ceremony.product
    )
    held = request.session.get(SEATS, {})
    if is_member or link.guests.filter(pk=held.get(str(ceremony.pk))).exists():
        return inside
    form = GuestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            seat = services.come_as_guest(link, form.cleaned_data["name"])
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            last = dict(list(held.items())[1 - MOST_KEPT :])
            request.session[SEATS] = {**last, str(ceremony.pk): seat.pk}
            return inside
    context = {"link": link, "ceremony": ceremony, "form": form}
    status = 422 if form.errors else 200
    return render(request, "sprints/guest.html", context, status=status)


@product_page("ceremony.view", post="ceremony.edit")
def agendas(request: ProductRequest, product: Product) -> HttpResponse:
    """What new ceremonies of each kind talk about, and how long ahead people are reminded: a tab of
    the settings."""
    chosen = request.POST.get("kind", "") if request.method == "POST" else ""
    changed = set(AgendaTemplate.objects.filter(product=product).values_list("kind", flat=True))
    is_notice = chosen == "notice"
    notice = NoticeForm.of(notice_of(product), request.POST if is_notice else None)
    if is_notice and notice.is_valid():
        try:
            set_notice(product, actor=request.actor, **notice.cleaned_data)
        except ValidationError as error:
            put_errors(notice, error)
        else:
            messages.success(request, "The reminders are saved.")
            return redirect("sprints:agendas", product.key)
    rows = []
    for kind, words in Ceremony.Kind.choices:
        is_sent = chosen == kind
        initial = {"points": AgendaForm.written(points_for(product, kind))}
        data = request.POST if is_sent else None
        form = AgendaForm(kind, data, initial=initial, auto_id=f"{kind}-%s")
        if is_sent and form.is_valid():
            try:
                set_template(product, kind, form.cleaned_data["points"], actor=request.actor)
            except ValidationError as error:
                put_errors(form, error)
            else:
                messages.success(request, f"The agenda of a {words.lower()} is saved.")
                return redirect("sprints:agendas", product.key)
        rows.append((kind, words, form, kind in changed))
    status = 422 if notice.errors or any(form.errors for _, _, form, _ in rows) else 200
    context = {"rows": rows, "notice": notice}
    return settings_page(
        request, "agendas", "sprints/agendas.html", context, edits="ceremony.edit",
        status=status,
    )  # fmt: skip
