"""Pages of findings: the triage, one finding with its evidence, and what people decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, View, product_page, subject_page
from backlog.forms.findings import MuteForm, PriorityForm, ResolveForm, TriageForm
from backlog.forms.refusals import put_errors
from backlog.models import Finding, Product
from backlog.queries.findings import (
    FindingView,
    find_finding,
    finding_counts,
    finding_view,
    findings_page,
    occurrences_of,
    untracked_count,
    untracked_page,
    untracked_view,
)
from backlog.queries.history import history_of_finding
from backlog.services import findings as services
from backlog.views.answers import back_to, counted
from mlscrum.lib.errors import Conflict, DomainError

UNTRACKED = "untracked"


@dataclass(frozen=True)
class FindingPanel:
    """A finding with the forms of what this reader may do about it.

    `open_form` names the form that was sent and refused.
    """

    view: FindingView
    may_triage: bool
    mute_form: Form
    resolve_form: Form
    priority_form: Form
    open_form: str = ""


def finding_panel(request: ProductRequest, view: FindingView, **sent: Form) -> FindingPanel:
    """The panel of a finding; `sent` are forms that were refused, by their names."""
    finding = view.finding
    ids = _ids(finding)
    forms: dict[str, Form] = {
        "mute_form": MuteForm(auto_id=ids),
        "resolve_form": ResolveForm(auto_id=ids),
        "priority_form": PriorityForm(auto_id=ids, initial={"priority": finding.priority}),
        **sent,
    }
    return FindingPanel(
        view=view,
        may_triage=request.may("finding.triage", finding.subject),
        open_form=next(iter(sent), ""),
        **forms,
    )


def finding_page(permission: str) -> Callable[[View], View]:
    """As `subject_page`, for one finding: the view gets `(request, finding)`."""
    return subject_page(permission, find_finding, named="finding_id")


@require_GET
@product_page("finding.view")
def findings(request: ProductRequest, product: Product) -> HttpResponse:
    """All findings of the product by their state; apart from them what touched none."""
    state = request.GET.get("state", "")
    number = request.GET.get("page")
    counts = finding_counts(product)
    tabs = [(name, label, counts[name]) for name, label in Finding.State.choices]
    tabs.append((UNTRACKED, "Not tracked", untracked_count(product)))
    context: dict[str, Any] = {"product": product, "tabs": tabs}
    if state == UNTRACKED:
        reports = untracked_page(product, number)
        views = [untracked_view(report) for report in reports]
        context |= {"state": state, "page": reports, "views": views}
        return render(request, "backlog/findings_untracked.html", context)
    state = state if state in Finding.State.values else Finding.State.OPEN
    page = findings_page(product, state, number)
    context |= {"state": state, "page": page, "views": [finding_view(found) for found in page]}
    return render(request, "backlog/findings.html", context)


@require_GET
@finding_page("finding.view")
def finding(request: ProductRequest, finding: Finding) -> HttpResponse:
    """One finding: its evidence, when it was seen, and what can be done about it."""
    return _show(request, finding)


@require_POST
@product_page("finding.view")
def findings_decide(request: ProductRequest, product: Product) -> HttpResponse:
    """File several findings, accept today's level of them, or only watch them."""
    form = TriageForm(product, request.POST)
    if not form.is_valid():
        raise DomainError("bad_choice", str(next(iter(form.errors.values()))[0]))
    chosen = list(form.cleaned_data["finding"])
    if not all(request.may("finding.triage", found.subject) for found in chosen):
        raise PermissionDenied("Your role in this product doesn't allow this.")
    if form.cleaned_data["choice"] == "file":
        items = services.file_findings(chosen, actor=request.actor)
        messages.success(request, f"Filed {counted(len(items), 'item')}.")
    elif form.cleaned_data["choice"] == "accept":
        services.accept_level(chosen, actor=request.actor)
        messages.success(request, f"Accepted today's level of {counted(len(chosen), 'finding')}.")
    else:
        services.watch_only(chosen, actor=request.actor)
        messages.success(request, f"{counted(len(chosen), 'finding')} only watched from now on.")
    return back_to(request, reverse("backlog:backlog", args=[product.key]))


@require_POST
@finding_page("finding.triage")
def finding_file(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Make an item of a finding that waits in triage."""
    items = services.file_findings([finding], actor=request.actor)
    if not items:
        raise Conflict("already_filed", "Somebody has filed it already.")
    messages.success(request, f"Filed as {items[0].ref}.")
    return _back(request, finding)


@require_POST
@finding_page("finding.triage")
def finding_mute(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Count it silently until the end of a day, or without an end."""
    form = MuteForm(request.POST, auto_id=_ids(finding))

    def act() -> None:
        services.mute(finding, actor=request.actor, until=form.moment())
        messages.success(request, "Muted: counted silently from now on.")

    return _answer(request, finding, form, act, name="mute_form")


@require_POST
@finding_page("finding.triage")
def finding_resolve(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Resolve it by hand, with a reason."""
    form = ResolveForm(request.POST, auto_id=_ids(finding))

    def act() -> None:
        services.resolve(finding, actor=request.actor, **form.cleaned_data)
        messages.success(request, "Resolved.")

    return _answer(request, finding, form, act, name="resolve_form")


@require_POST
@finding_page("finding.triage")
def finding_priority(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Set a priority that later evidence leaves alone."""
    form = PriorityForm(request.POST, auto_id=_ids(finding))

    def act() -> None:
        services.set_priority(finding, form.cleaned_data["priority"], actor=request.actor)

    return _answer(request, finding, form, act, name="priority_form")


@require_POST
@finding_page("finding.triage")
def finding_reopen(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Take back a mute or a resolution."""
    services.reopen(finding, actor=request.actor)
    messages.success(request, "Open again.")
    return _back(request, finding)


@require_POST
@finding_page("finding.triage")
def finding_obsolete(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Say that its rule is gone."""
    services.mark_obsolete(finding, actor=request.actor)
    messages.success(request, "Marked as obsolete.")
    return _back(request, finding)


def _answer(
    request: ProductRequest, finding: Finding, form: Form, act: Callable[[], None], *, name: str
) -> HttpResponse:
    """Act on a valid form; show what is wrong on the finding's own page."""
    if form.is_valid():
        try:
            act()
        except ValidationError as error:
            put_errors(form, error)
        else:
            return _back(request, finding)
    return _show(request, finding, status=422, **{name: form})


def _show(
    request: ProductRequest, finding: Finding, *, status: int = 200, **forms: Form
) -> HttpResponse:
    context = {
        "finding": finding,
        "panel": finding_panel(request, finding_view(finding), **forms),
        "occurrences": occurrences_of(finding),
        "history": history_of_finding(finding),
    }
    return render(request, "backlog/finding.html", context, status=status)


def _back(request: ProductRequest, finding: Finding) -> HttpResponse:
    url = reverse("backlog:finding", args=[finding.product.key, finding.pk])
    return back_to(request, url)


def _ids(finding: Finding) -> str:
    """Ids of fields that differ where a page holds several findings."""
    return f"finding-{finding.pk}-%s"
