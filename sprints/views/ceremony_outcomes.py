"""What comes of a ceremony: say it, decide on it, and make work of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from backlog.forms.refusals import put_errors
from backlog.models import Item, Kind, Subject
from backlog.queries.resources import items_by_ref
from backlog.services.conversions import PARAMETER, way_into
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.sentences import form_in_words
from sprints.forms.ceremonies import ConvertForm, DeclineForm, OutcomeForm, put_refusal
from sprints.models import Ceremony, Outcome
from sprints.queries.ceremonies import find_block, find_outcome
from sprints.services import outcomes as services
from sprints.services.seats import take_part
from sprints.views.ceremonies import column_of, page_of, to_page
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page


@ceremony_page("ceremony.view", post="ceremony.contribute", guests=True)
def outcomes(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    """All of them: a fragment. POST adds one, of the point that `block` names."""
    if request.method != "POST":
        return _column(request, ceremony)
    number = whole_number(request.POST.get("block", ""))
    block = find_block(ceremony, number) if number is not None else None
    form = OutcomeForm(
        ceremony.product, request.POST, is_guest=request.is_guest, auto_id="outcome-%s"
    )
    if form.is_valid():
        seat = take_part(ceremony, request.user, actor=request.actor, seat=request.participant)
        draft = services.OutcomeDraft(**_drafted(form), block=block)
        try:
            services.add_outcome(ceremony, draft, actor=request.actor, seat=seat)
        except ValidationError as error:
            put_errors(form, error)
        else:
            return _done(request, ceremony)
    return _form_page(request, ceremony, form, point=block)


@ceremony_page("ceremony.contribute", guests=True)
def outcome_edit(request: CeremonyRequest, ceremony: Ceremony, outcome_id: int) -> HttpResponse:
    """Word it anew: whoever said it, and those who run the ceremony."""
    outcome = _own(request, ceremony, outcome_id)
    data = request.POST if request.method == "POST" else None
    form = OutcomeForm.of(outcome, data, is_guest=request.is_guest)
    status = 422
    if request.method == "POST" and form.is_valid():
        fields = {name: value for name, value in form.cleaned_data.items() if name != "kind"}
        try:
            services.change_outcome(
                outcome, actor=request.actor, seat=request.participant, **fields
            )
        except (DomainError, ValidationError) as error:
            status = put_refusal(form, error)
        else:
            return to_page(ceremony, f"outcome-{outcome.pk}")
    return _form_page(request, ceremony, form, refused=status, outcome=outcome)


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
def outcome_remove(request: CeremonyRequest, ceremony: Ceremony, outcome_id: int) -> HttpResponse:
    """Take away what was written by mistake."""
    outcome = _own(request, ceremony, outcome_id)
    services.remove_outcome(outcome, actor=request.actor, seat=request.participant)
    return _done(request, ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def outcome_decide(request: CeremonyRequest, ceremony: Ceremony, outcome_id: int) -> HttpResponse:
    """Accept it, decline it with a reason, or think again."""
    outcome, deed = find_outcome(ceremony, outcome_id), request.POST.get("deed")
    if deed == "accept":
        services.accept(outcome, actor=request.actor)
    elif deed == "reconsider":
        services.reconsider(outcome, actor=request.actor)
    elif deed == "decline":
        form = DeclineForm(request.POST)
        if not form.is_valid():
            why = "Say why nothing is made of it, in at most 500 letters."
            raise DomainError("no_reason", why)
        services.decline(outcome, form.cleaned_data["reason"], actor=request.actor)
    else:
        raise DomainError("bad_deed", "This can't be read; reload the page and try again.")
    return _done(request, ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def outcome_to_item(request: CeremonyRequest, ceremony: Ceremony, outcome_id: int) -> HttpResponse:
    """Make an item of it, in the inbox or at the top of the backlog."""
    _ask(request, "item.edit")
    outcome, form = find_outcome(ceremony, outcome_id), ConvertForm(request.POST)
    if not form.is_valid():
        raise DomainError("bad_place", "Say where the item goes: the inbox, or the top.")
    to_top = form.cleaned_data["to"] == "top"
    if to_top:
        _ask(request, "backlog.order")
    item = services.convert_to_item(
        outcome,
        actor=request.actor,
        to_top=to_top,
        kind=form.cleaned_data["kind"] or Kind.STORY,
    )
    where = "at the top of the backlog" if to_top else "in the inbox"
    messages.success(request, f"{item.ref} is {where}.")
    return _done(request, ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def outcome_to_criterion(
    request: CeremonyRequest, ceremony: Ceremony, outcome_id: int
) -> HttpResponse:
    """Make an acceptance criterion of it, of the item of this `ref`."""
    _ask(request, "item.edit")
    outcome = find_outcome(ceremony, outcome_id)
    item = _item(ceremony, request.POST.get("ref", ""))
    try:
        services.convert_to_criterion(outcome, item, actor=request.actor)
    except ValidationError as error:
        raise DomainError("invalid", " ".join(error.messages)) from None
    messages.success(request, f"It is an acceptance criterion of {item.ref}.")
    return _done(request, ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def outcome_to_term(request: CeremonyRequest, ceremony: Ceremony, outcome_id: int) -> HttpResponse:
    """Propose this `word` with what was said, or contest what it means by now."""
    _ask(request, "term.propose")
    outcome = find_outcome(ceremony, outcome_id)
    word = request.POST.get("word", "").replace("\0", "")
    try:
        term = services.convert_to_term(outcome, word, actor=request.actor)
    except ValidationError as error:
        raise DomainError("invalid", " ".join(error.messages)) from None
    what = "contested" if term.state == "contested" else "proposed for the glossary"
    messages.success(request, f"“{term.word}” is {what}.")
    return _done(request, ceremony)


@require_POST
@ceremony_page("ceremony.edit")
def outcome_to_subject(
    request: CeremonyRequest, ceremony: Ceremony, outcome_id: int, into: str
) -> HttpResponse:
    """To the page of another floor that makes something of it, such as an expectation."""
    outcome, way = find_outcome(ceremony, outcome_id), way_into(into)
    if way is None:
        raise Http404(f"Nothing here becomes {into}.")
    subject = Subject.objects.filter(
        product=ceremony.product,
        kind=way.kind,
        slug=request.POST.get("subject", "").replace("\0", ""),
    ).first()
    if subject is None:
        raise DomainError("no_subject", f"Choose what the {way.label.lower()} is about.")
    if not request.may(way.permission, subject):
        raise PermissionDenied("Your role in this product doesn't allow this.")
    url = way.url(subject)
    return redirect(f"{url}{'&' if '?' in url else '?'}{PARAMETER}={outcome.pk}")


@require_POST
@ceremony_page("ceremony.edit")
def outcome_take_back(
    request: CeremonyRequest, ceremony: Ceremony, outcome_id: int
) -> HttpResponse:
    """Undo what was made of it."""
    _ask(request, "item.edit")
    services.take_back_conversion(find_outcome(ceremony, outcome_id), actor=request.actor)
    messages.success(request, "Taken back: it waits again.")
    return _done(request, ceremony)


# ------------------------------------------------------------------------------------------------


def _drafted(form: OutcomeForm) -> dict[str, Any]:
    """Only what is asked of its kind: one form serves all three."""
    fields = dict(form.cleaned_data)
    if fields["kind"] != Outcome.Kind.ACTION:
        fields["owner"] = fields["due_date"] = None
    return fields


def _column(request: CeremonyRequest, ceremony: Ceremony, *, status: int = 200) -> HttpResponse:
    return render(
        request,
        "sprints/_ceremony_outcomes_answer.html",
        column_of(request, ceremony),
        status=status,
    )


def _done(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return _column(request, ceremony)
    return to_page(ceremony, "outcomes")


def _form_page(
    request: CeremonyRequest,
    ceremony: Ceremony,
    form: OutcomeForm,
    *,
    refused: int = 422,
    **more: Any,
) -> HttpResponse:
    """The form on a page of its own, with what was typed."""
    if request.htmx and form.errors:  # type: ignore[attr-defined]
        raise DomainError("bad_outcome", form_in_words(form))
    context = page_of(request, ceremony, form=form, **more)
    status = refused if form.errors else 200
    return render(request, "sprints/ceremony_outcome.html", context, status=status)


def _own(request: CeremonyRequest, ceremony: Ceremony, outcome_id: int) -> Outcome:
    """An outcome that the reader may change: one's own, or any for those who run ceremonies."""
    outcome = find_outcome(ceremony, outcome_id)
    seat = request.participant
    is_own = seat is not None and outcome.said_by_id == seat.pk
    if not is_own and not request.may("ceremony.edit"):
        raise PermissionDenied("Whoever said this, or who runs the ceremony, changes it.")
    return outcome


def _ask(request: CeremonyRequest, permission: str) -> None:
    if not request.may(permission):
        raise PermissionDenied("Your role in this product doesn't allow this.")


def _item(ceremony: Ceremony, ref: str) -> Item:
    item = next(iter(items_by_ref(ceremony.product, [ref.strip().upper()]).values()), None)
    if item is None:
        raise DomainError("no_item", f"There is no item {ref.strip() or 'without a ref'} here.")
    return item
