"""The notes of a ceremony: read, write under a lock, look at what stood there before."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from backlog.forms.refusals import put_errors
from mlscrum.lib.errors import Conflict
from mlscrum.lib.numbers import whole_number
from sprints.forms.ceremonies import NotesForm
from sprints.models import Block, Ceremony, Participant
from sprints.queries.ceremonies import find_block, find_version, shown_block, versions_of
from sprints.services.notes import (
    Held,
    Stale,
    hold_block,
    release_block,
    restore_version,
    write_block,
)
from sprints.services.seats import take_part
from sprints.views.ceremonies import page_of, to_page
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page


@require_GET
@ceremony_page("ceremony.view", guests=True)
def notes(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """What a point says, and who is writing in it: a fragment."""
    return _shown(request, find_block(ceremony, block_id))


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
def notes_hold(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """The editor of a point, which its writer holds for 30 seconds: with htmx in the place of the
    notes, else on a page of its own."""
    block, seat = find_block(ceremony, block_id), _seat(request, ceremony)
    try:
        held = hold_block(block, seat, actor=request.actor)
    except Held as error:
        messages.info(request, error.message)
        is_here = bool(request.htmx)  # type: ignore[attr-defined]
        return _shown(request, find_block(ceremony, block_id)) if is_here else to_page(ceremony)
    held.ceremony = ceremony
    return _editor(request, held, _form(held))


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
def notes_write(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """Save what was written, and let go."""
    block, seat = find_block(ceremony, block_id), _seat(request, ceremony)
    form = NotesForm(request.POST, auto_id=f"notes-{block.pk}-%s")
    if not form.is_valid():
        return _editor(request, block, form, status=422)
    try:
        written = write_block(
            block,
            form.cleaned_data["text"],
            seat=seat,
            actor=request.actor,
            base_version=form.cleaned_data["base_version"],
        )
    except ValidationError as error:
        put_errors(form, error)
        return _editor(request, block, form, status=422)
    except Stale as error:
        return _not_lost(request, block, error)
    except Conflict as error:
        form.add_error(None, error.message)
        return _editor(request, block, form, status=409)
    if request.htmx:  # type: ignore[attr-defined]
        return _shown(request, find_block(ceremony, written.pk))
    return to_page(ceremony, f"block-{block.pk}")


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
def notes_save(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """Keep what is written so far, and the block for 30 seconds more: for the page's script.

    Answers the version that stands now; 409 with what others wrote, and 422 for too much.
    """
    block, seat = find_block(ceremony, block_id), _seat(request, ceremony)
    base = whole_number(request.POST.get("base_version", ""), digits=9) or 0
    try:
        saved = write_block(
            block,
            request.POST.get("text", ""),
            seat=seat,
            actor=request.actor,
            base_version=base,
            goes_on=True,
        )
    except Conflict as error:
        told = {"detail": error.message, "code": error.code, **error.extra}
        return JsonResponse(told, status=409)
    except ValidationError as error:
        return JsonResponse({"detail": " ".join(error.messages)}, status=422)
    return JsonResponse({"version": saved.version})


@require_POST
@ceremony_page("ceremony.contribute", guests=True)
def notes_release(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """Let others write; what was saved stays."""
    block = find_block(ceremony, block_id)
    if request.participant is not None:
        release_block(block, request.participant, actor=request.actor)
    if request.htmx:  # type: ignore[attr-defined]
        return _shown(request, find_block(ceremony, block_id))
    return to_page(ceremony, f"block-{block.pk}")


@ceremony_page("ceremony.view", post="ceremony.contribute", guests=True)
def notes_versions(request: CeremonyRequest, ceremony: Ceremony, block_id: int) -> HttpResponse:
    """What a point said before; POST writes one of the versions anew."""
    block = find_block(ceremony, block_id)
    if request.method == "POST":
        version = find_version(block, whole_number(request.POST.get("version", ""), digits=9) or 0)
        try:
            restore_version(
                version,
                seat=_seat(request, ceremony),
                actor=request.actor,
                base_version=whole_number(request.POST.get("base_version", ""), digits=9) or 0,
            )
        except Stale:
            messages.warning(request, "Somebody has written since; look again before you restore.")
        else:
            messages.success(request, "Restored. What stood there is among the versions.")
            return to_page(ceremony, f"block-{block.pk}")
    context = page_of(request, ceremony, point=block, versions=versions_of(block))
    return render(request, "sprints/ceremony_versions.html", context)


# ------------------------------------------------------------------------------------------------


def _seat(request: CeremonyRequest, ceremony: Ceremony) -> Participant:
    """The reader's seat, taken now by a member who had none; they take part by writing."""
    request.participant = take_part(
        ceremony, request.user, actor=request.actor, seat=request.participant
    )
    return request.participant


def _form(block: Block) -> NotesForm:
    initial = {"text": block.text, "base_version": block.version}
    return NotesForm(initial=initial, auto_id=f"notes-{block.pk}-%s")


def _shown(request: CeremonyRequest, block: Block) -> HttpResponse:
    shown = shown_block(block.ceremony, block, request.reader)
    context = page_of(request, block.ceremony, shown=shown)
    return render(request, "sprints/_ceremony_notes.html", context)


def _editor(
    request: CeremonyRequest, block: Block, form: NotesForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    is_here = bool(request.htmx)  # type: ignore[attr-defined]
    template = "_ceremony_editor" if is_here else "ceremony_write"
    context = page_of(request, block.ceremony, point=block, form=form, **more)
    return render(request, f"sprints/{template}.html", context, status=status)


def _not_lost(request: CeremonyRequest, block: Block, error: Stale) -> HttpResponse:
    """The editor with what was typed, above what stands there now."""
    initial = {"text": error.extra["yours"], "base_version": error.extra["version"]}
    form = NotesForm(initial=initial, auto_id=f"notes-{block.pk}-%s")
    return _editor(
        request, block, form, status=409, refused=error.message, theirs=error.extra["theirs"]
    )
