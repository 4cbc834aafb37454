"""Doors of what hangs on an item: criteria, links, comments, files, watchers, suggestions."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.item_pages import CriterionForm, LinkForm
from backlog.forms.items import CommentForm
from backlog.forms.refusals import put_errors
from backlog.models import Item, Link, Product
from backlog.queries.item_pages import (
    People,
    find_attachment,
    find_comment,
    others_of,
    possible_parents,
    suggested,
)
from backlog.services import items as services
from backlog.services.attachments import Incoming, add_attachment, opened, remove_attachment
from backlog.services.comments import delete_comment, edit_comment
from backlog.services.criteria import change_criteria
from backlog.services.item_evidence import remove_evidence
from backlog.services.links import add_link, remove_link
from backlog.services.notifications import unwatch, watch
from backlog.views.items import done, item_page, show_refused
from mlscrum.lib.errors import DomainError
from mlscrum.web.files import file_answer
from mlscrum.web.limits import takes_files

MOST_AT_ONCE = 20  # files
MOST_PREVIEWED = 100_000  # signs, as a description holds


@require_POST
@item_page("item.edit")
def item_criteria(request: ProductRequest, item: Item) -> HttpResponse:
    """Add, tick, edit, reorder or remove one acceptance criterion; others may do the same."""
    form = CriterionForm(request.POST)
    if form.is_valid():
        try:
            change_criteria(item, actor=request.actor, **form.wanted())
        except (DomainError, ValidationError) as error:
            _refuse_trash(error)
            put_errors(form, error, names={"criteria": "text"}, field="text")
        else:
            return done(request, item, anchor="criteria")
    if "text" not in form.errors:
        raise DomainError("bad_deed", "This can't be read; reload the page and try again.")
    return show_refused(request, item, status=422, criterion_form=form)


@require_POST
@item_page("item.edit")
def item_link(request: ProductRequest, item: Item) -> HttpResponse:
    """Link the item to another; where a circle would close the way back is said."""
    form = LinkForm(item, request.POST)
    if form.is_valid():
        source, kind, target = form.ends()
        try:
            add_link(source, kind, target, actor=request.actor)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="ref")
        else:
            return done(request, item, anchor="links")
    return show_refused(request, item, status=422, link_form=form)


@require_POST
@item_page("item.edit")
def item_unlink(request: ProductRequest, item: Item, link_id: int) -> HttpResponse:
    """Take a link away, from either side. One that is gone already is no fault."""
    link = (
        Link.objects.select_related("source__product", "target__product")
        .filter(pk=link_id, source__product=item.product)
        .first()
    )
    if link is not None and item.pk in {link.source_id, link.target_id}:
        remove_link(link, side=item, actor=request.actor)
    return done(request, item, anchor="links")


@require_POST
@item_page("item.comment")
def item_comment(request: ProductRequest, item: Item) -> HttpResponse:
    """Say something on an item."""
    form = CommentForm(request.POST)
    if not form.is_valid():
        return show_refused(request, item, status=422, comment_form=form)
    services.comment(item, form.cleaned_data["text"], actor=request.actor)
    return done(request, item, anchor="comments")


@require_POST
@item_page("item.comment")
def comment_edit(request: ProductRequest, item: Item, comment_id: int) -> HttpResponse:
    """Say differently what one has said oneself."""
    comment = find_comment(item, comment_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        editing = {"pk": comment_id, "form": form}
        return show_refused(request, item, status=422, editing=editing)
    edit_comment(comment, form.cleaned_data["text"], actor=request.actor)
    return done(request, item, anchor=f"comment-{comment_id}")


@require_POST
@item_page("item.comment")
def comment_delete(request: ProductRequest, item: Item, comment_id: int) -> HttpResponse:
    """Take back what one has said oneself."""
    delete_comment(find_comment(item, comment_id), actor=request.actor)
    said = f"Your comment on {item.ref} is gone; the history keeps it."
    messages.success(request, said, extra_tags="undoable")
    return done(request, item, anchor="comments")


@takes_files
@require_POST
@item_page("item.edit")
def item_attach(request: ProductRequest, item: Item) -> HttpResponse:
    """Keep files on the item; each that is refused is named with the reason."""
    files = request.FILES.getlist("file")
    if not files:
        messages.error(request, "Choose a file first.")
    if len(files) > MOST_AT_ONCE:
        messages.error(request, f"Send at most {MOST_AT_ONCE} files at once.")
        files = []
    kept = [file for file in files if _attach(request, item, file)]
    if kept:
        what = kept[0].name if len(kept) == 1 else f"{len(kept)} files"
        messages.success(request, f"{item.ref}: {what} attached.")
    return done(request, item, anchor="attachments")


@require_GET
@item_page("item.view")
def attachment(request: ProductRequest, item: Item, attachment_id: int) -> HttpResponseBase:
    """A file of the item: pictures as such, whatever else as a download."""
    found = find_attachment(item, attachment_id)
    is_shown = found.is_picture and "download" not in request.GET
    return file_answer(opened(found), found.name, shown_as=found.content_type if is_shown else "")


@require_POST
@item_page("item.edit")
def attachment_remove(request: ProductRequest, item: Item, attachment_id: int) -> HttpResponse:
    """Take a file off the item, for good."""
    found = find_attachment(item, attachment_id)
    remove_attachment(found, actor=request.actor)
    messages.success(request, f"{found.name} is gone.")
    return done(request, item, anchor="attachments")


@require_POST
@item_page("item.edit")
def item_evidence_remove(request: ProductRequest, item: Item, evidence_id: int) -> HttpResponse:
    """Take what a tool said of a run off the item."""
    found = get_object_or_404(item.evidence, pk=evidence_id)
    found.item = item
    remove_evidence(found, actor=request.actor)
    messages.success(request, f"{found.tool} {found.run_id} is off {item.ref}.")
    return done(request, item, anchor="runs")


@require_POST
@item_page("item.view")
def item_watch(request: ProductRequest, item: Item) -> HttpResponse:
    """Hear of what happens to the item, or no more."""
    if request.POST.get("watch") == "1":
        watch([(item, request.user)])
    else:
        unwatch(item, request.user)
    return done(request, item)


@require_GET
@item_page("item.view")
def item_suggestions(request: ProductRequest, item: Item) -> HttpResponse:
    """What may be meant by what somebody has typed so far: parents, or items to link to."""
    if "parent" in request.GET:
        found = suggested(possible_parents(item), request.GET["parent"])
    else:
        found = suggested(others_of(item), request.GET.get("ref", ""))
    return render(request, "backlog/_suggestions.html", {"items": found})


@require_POST
@product_page("item.view")
def markdown_preview(request: ProductRequest, product: Product) -> HttpResponse:
    """How a text will look."""
    text = request.POST.get("description", request.POST.get("text", ""))
    if len(text) > MOST_PREVIEWED:
        raise DomainError(
            "too_long", f"This is longer than {MOST_PREVIEWED:,} signs; shorten it.", status=413
        )
    context = {"text": text, "product": product, "names": People(product).names}
    return render(request, "backlog/_preview.html", context)


def _attach(request: ProductRequest, item: Item, file: UploadedFile[bytes]) -> bool:
    try:
        add_attachment(item, Incoming(file.name or "", file.chunks()), actor=request.actor)
    except DomainError as error:
        _refuse_trash(error)
        messages.error(request, f"{file.name}: {error.message}")
        return False
    return True


def _refuse_trash(error: DomainError | ValidationError) -> None:
    """What is said of the whole item is no matter of one field."""
    if isinstance(error, DomainError) and error.code == "deleted":
        raise error
