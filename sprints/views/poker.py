"""Planning poker within a ceremony: pick, vote, reveal, accept; and the scale of a product."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Product
from backlog.queries.items import find_item
from backlog.views.tabs import settings_page
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from sprints.forms.poker import ScaleForm
from sprints.models import Ceremony, Round
from sprints.queries.poker import found_for, scale_of
from sprints.services import poker as services
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page
from sprints.views.parts import answer, item_of, of_kinds, seat_of, show

SLOT = "poker"
LONGEST_WORDS = 100


@require_GET
@ceremony_page("ceremony.view", guests=True)
@of_kinds(SLOT)
def poker(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The items of a ceremony and the vote on the table."""
    return show(request, ceremony, SLOT)


@require_GET
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def poker_find(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Items to pick, by ref or words."""
    query = request.GET.get("q", "").replace("\0", "")[:LONGEST_WORDS].strip()
    context = {
        "product": request.product,
        "ceremony": ceremony,
        "query": query,
        "found": found_for(ceremony, query) if query else [],
    }
    alone = bool(getattr(request, "htmx", False))
    page = "sprints/_poker_found.html" if alone else "sprints/poker_find.html"
    page_of_all = render(request, page, context)
    page_of_all["Cache-Control"] = "no-store"
    return page_of_all


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def poker_pick(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Talk about these items too."""
    items = [find_item(request.product, ref) for ref in request.POST.getlist("item")]
    services.pick_items(ceremony, items, actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def poker_unpick(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Talk about this item no more."""
    services.unpick_item(ceremony, item_of(request), actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def poker_start(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Let everybody vote on an item, or once more."""
    services.start_round(ceremony, item_of(request), actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def poker_vote(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Hold up a card, unseen by others."""
    found, seat = _round(request, ceremony), seat_of(request, ceremony)
    services.vote(found, seat, request.POST.get("card", ""), actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def poker_reveal(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Show all cards at once."""
    services.reveal(_round(request, ceremony), actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def poker_aside(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """End the vote without a reveal."""
    services.set_aside(_round(request, ceremony), actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("item.edit")
@of_kinds(SLOT)
def poker_accept(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Write the estimate onto the item."""
    try:
        points = Decimal(request.POST.get("points", ""))
    except InvalidOperation:
        raise DomainError("no_such_card", "Choose one of the cards of this product.") from None
    services.accept(_round(request, ceremony), points, actor=request.actor)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def poker_weigh(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Say how much an item matters."""
    value = whole_number(request.POST.get("value", "")) or 0
    item, seat = item_of(request), seat_of(request, ceremony)
    services.weigh(ceremony, item, seat, value, actor=request.actor)
    return answer(request, ceremony, SLOT)


@product_page("product.view", post="product.edit")
def estimation(request: ProductRequest, product: Product) -> HttpResponse:
    """The cards that the product votes with."""
    data = request.POST if request.method == "POST" else None
    form = ScaleForm.of(scale_of(product), data)
    if data is not None and form.is_valid():
        try:
            services.set_scale(product, form.cleaned_data["cards"], actor=request.actor)
        except ValidationError as error:
            put_errors(form, error)
        else:
            messages.success(request, "The scale is saved; votes under way go on with it.")
            return redirect("sprints:estimation", product.key)
    if not request.may("product.edit"):
        form.fields["cards"].disabled = True
    context = {"form": form, "cards": scale_of(product)}
    status = 422 if form.errors else 200
    return settings_page(request, SLOT, "sprints/estimation.html", context, status=status)


def _round(request: CeremonyRequest, ceremony: Ceremony) -> Round:
    """The round that a form names. Raises 404 for none of this ceremony."""
    wanted = whole_number(request.POST.get("round", ""))
    found = ceremony.rounds.select_related("item__product", "item__backlog", "item__status")
    vote = found.filter(pk=wanted).first() if wanted else None
    if vote is None:
        raise Http404("This vote is not there any more.")
    vote.ceremony = ceremony
    return vote
