"""The retrospective within a ceremony: set up, write, group, vote, talk, agree on actions."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from backlog.models import User
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from sprints.models import Ceremony, Outcome, Retro
from sprints.queries.ceremonies import find_outcome
from sprints.rules.retros import typed_columns
from sprints.services import retros as services
from sprints.services.outcomes import OutcomeDraft, add_outcome, convert_to_item
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page
from sprints.views.parts import answer, of_kinds, seat_of, show

SLOT = "retro"


@require_GET
@ceremony_page("ceremony.view", guests=True)
@of_kinds(SLOT)
def retro(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """The cards and votes that the reader may see."""
    return show(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def retro_set_up(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Choose format and votes."""
    data = request.POST
    form = data.get("format", "")
    services.set_up(
        ceremony,
        form,
        actor=request.actor,
        own=typed_columns(data.get("columns", "")) if form == Retro.Format.OWN else (),
        votes_each=whole_number(data.get("votes_each", "")) or 0,
    )
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def retro_phase(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Go on, or one step back."""
    data = request.POST
    services.go_to(ceremony, data.get("phase", ""), actor=request.actor, seen=data.get("seen", ""))
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def retro_write(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Write a card."""
    column = whole_number(request.POST.get("column", ""))
    if column is None:
        raise DomainError("no_such_column", "Choose one of the columns.")
    seat = seat_of(request, ceremony)
    services.write_card(ceremony, seat, column, request.POST.get("text", ""))
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def retro_change(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Word an own card anew, or take it away."""
    seat, card = seat_of(request, ceremony), _id(request, "card")
    if "delete" in request.POST:
        services.delete_card(ceremony, seat, card)
    else:
        services.change_card(ceremony, seat, card, request.POST.get("text", ""))
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def retro_group(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Put a card into the group of another, or without one on its own."""
    seat, card = seat_of(request, ceremony), _id(request, "card")
    if request.POST.get("onto"):
        services.group_card(ceremony, seat, card, _id(request, "onto"))
    else:
        services.ungroup_card(ceremony, seat, card)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def retro_title(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Name a group."""
    seat, card = seat_of(request, ceremony), _id(request, "card")
    services.name_group(ceremony, seat, card, request.POST.get("title", ""))
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
@of_kinds(SLOT)
def retro_vote(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Give a vote, or take one back."""
    seat, card = seat_of(request, ceremony), _id(request, "card")
    deed = services.take_back_vote if "back" in request.POST else services.cast_vote
    deed(ceremony, seat, card)
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("ceremony.edit")
@of_kinds(SLOT)
def retro_action(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Agree on an action."""
    owner = whole_number(request.POST.get("owner", ""))
    person = User.objects.filter(pk=owner).first() if owner else None
    if owner and (person is None or not request.product.members.filter(user=person).exists()):
        raise DomainError("no_member", "Choose a member of this product as the owner.")
    draft = OutcomeDraft(Outcome.Kind.ACTION, request.POST.get("text", ""), owner=person)
    add_outcome(ceremony, draft, actor=request.actor, seat=seat_of(request, ceremony))
    return answer(request, ceremony, SLOT)


@require_POST
@ceremony_page("item.edit")
@of_kinds(SLOT)
def retro_action_item(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """Make an item of an action of this retrospective."""
    action = find_outcome(ceremony, whole_number(request.POST.get("action", "")) or 0)
    convert_to_item(action, actor=request.actor)
    return answer(request, ceremony, SLOT)


def _id(request: CeremonyRequest, name: str) -> uuid.UUID:
    """The id of a card that a form names. Raises 404 for what can be none."""
    try:
        return uuid.UUID(request.POST.get(name, ""))
    except ValueError:
        raise Http404("There is no such card.") from None
