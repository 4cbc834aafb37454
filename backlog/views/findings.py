"""Pages of findings: the triage, one finding with its evidence, and what people decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, View, product_page, subject_page
from backlog.forms.findings import DecideForm, MuteForm, PriorityForm, ResolveForm
from backlog.forms.refusals import put_errors
from backlog.models import Finding, Item, Product
from backlog.queries.finding_figures import DAYS, finding_figures
from backlog.queries.findings import (
    FindingView,
    aliases_of,
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
from backlog.queries.resources import findings_in
from backlog.queries.triage import ASKS, inbox, undecided
from backlog.serializers.exports import finding_table
from backlog.services import findings as services
from backlog.services.finding_undo import ABOUT_FINDINGS
from backlog.services.findings.news import mark_seen
from backlog.services.undo import undo_last
from backlog.views.answers import back_to, counted
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.web.tables import table_answer

UNTRACKED = "untracked"
FIGURES = "figures"


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
        "resolve_form": ResolveForm(finding.product, auto_id=ids),
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
    tabs: list[tuple[str, str, Any]] = [
        (name, label, counts[name]) for name, label in Finding.State.choices
    ]
    tabs.append((UNTRACKED, "Not tracked", untracked_count(product)))
    tabs.append((FIGURES, "How fast they are resolved", ""))
    context: dict[str, Any] = {"product": product, "tabs": tabs}
    if state == UNTRACKED:
        reports = untracked_page(product, number)
        views = [untracked_view(report) for report in reports]
        context |= {"state": state, "page": reports, "views": views}
        return render(request, "backlog/findings_untracked.html", context)
    context["asking"] = undecided(product).count()
    if state == FIGURES:
        context |= {"state": state, "figures": finding_figures(product), "days": DAYS}
        return render(request, "backlog/findings_figures.html", context)
    state = state if state in Finding.State.values else Finding.State.OPEN
    page = findings_page(product, state, number)
    context |= {"state": state, "page": page, "views": [finding_view(found) for found in page]}
    context["export_query"] = urlencode({"state": state})
    return render(request, "backlog/findings.html", context)


@require_GET
@product_page("finding.view")
def findings_export(request: ProductRequest, product: Product) -> HttpResponseBase:
    """The findings in one state as a file, or without one all of them."""
    found = findings_in([product]).order_by("priority", "-last_seen", "-pk")
    state = request.GET.get("state", "")
    if state in Finding.State.values:
        found = found.filter(state=state)
    return table_answer(finding_table(product, found), request.GET.get("format", "csv"))


@require_GET
@finding_page("finding.view")
def finding(request: ProductRequest, finding: Finding) -> HttpResponse:
    """One finding: its evidence, when it was seen, and what can be done about it."""
    mark_seen(request.user, finding)
    return _show(request, finding)


@require_GET
@product_page("finding.view")
def triage(request: ProductRequest, product: Product) -> HttpResponse:
    """All that asks a person about a finding, by what it is about."""
    return render(request, "backlog/triage.html", _triage(request, product))


@require_POST
@product_page("finding.view")
def findings_decide(request: ProductRequest, product: Product) -> HttpResponse:
    """Do the same to several findings at once."""
    form = DecideForm(product, request.POST)
    if not form.is_valid():
        raise DomainError("bad_choice", str(next(iter(form.errors.values()))[0]))
    chosen = list(form.cleaned_data["finding"])
    if not all(request.may("finding.triage", found.subject) for found in chosen):
        raise PermissionDenied("Your role in this product doesn't allow this.")
    wanted = form.wanted()
    try:
        items = services.decide(chosen, wanted, actor=request.actor)
    except ValidationError as error:
        raise DomainError("bad_choice", error.messages[0]) from None
    messages.success(request, _said(wanted, chosen, items), extra_tags="undoable")
    if request.headers.get("HX-Request") == "true":
        return render(request, "backlog/_triage_answer.html", _triage(request, product))
    return back_to(request, reverse("backlog:backlog", args=[product.key]))


@require_POST
@product_page("finding.view")
def findings_undo(request: ProductRequest, product: Product) -> HttpResponse:
    """Take back what the person decided last about findings."""
    undone = undo_last(
        product,
        actor=request.actor,
        may=request.may,
        may_triage=lambda subject: request.may("finding.triage", subject),
        kinds=(*ABOUT_FINDINGS, "item.confirmed_done"),
    )
    messages.info(request, undone.said)
    if request.headers.get("HX-Request") == "true":
        return render(request, "backlog/_triage_answer.html", _triage(request, product))
    return back_to(request, reverse("backlog:triage", args=[product.key]))


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
        cap = form.cleaned_data["cap"]
        services.mute(finding, actor=request.actor, until=form.moment(), cap=cap)
        messages.success(request, "Muted: counted silently from now on.", extra_tags="undoable")

    return _answer(request, finding, form, act, name="mute_form")


@require_POST
@finding_page("finding.triage")
def finding_resolve(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Resolve it by hand, with a reason."""
    form = ResolveForm(finding.product, request.POST, auto_id=_ids(finding))

    def act() -> None:
        services.resolve(finding, actor=request.actor, **form.wanted())
        said = _RESOLVED.get(form.cleaned_data["reason"], "Resolved.")
        messages.success(request, said, extra_tags="undoable")

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
    messages.success(request, "Open again.", extra_tags="undoable")
    return _back(request, finding)


@require_POST
@finding_page("finding.triage")
def finding_obsolete(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Say that its rule is gone."""
    services.mark_obsolete(finding, actor=request.actor)
    messages.success(request, "Marked as obsolete.", extra_tags="undoable")
    return _back(request, finding)


@require_POST
@finding_page("finding.triage")
def finding_keep(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Say that it is not obsolete."""
    services.keep_watching(finding, actor=request.actor)
    messages.success(request, "It is watched on.", extra_tags="undoable")
    return _back(request, finding)


@require_POST
@finding_page("finding.triage")
def finding_split(request: ProductRequest, finding: Finding) -> HttpResponse:
    """Take a merge back."""
    services.split(finding, actor=request.actor)
    messages.success(request, "Split: both are counted as before.", extra_tags="undoable")
    return _back(request, finding)


def _triage(request: ProductRequest, product: Product) -> dict[str, Any]:
    ask = request.GET.get("ask", "") or request.POST.get("ask", "")
    ask = ask if ask in ASKS else ""
    found = inbox(product, ask)
    rows = [row for group in found.groups for row in group.rows]
    return {
        "product": product,
        "inbox": found,
        "ask": ask,
        "tabs": [("", "All", sum(count for *_, count in found.counts)), *found.counts],
        "form": DecideForm(product),
        "may_triage": {
            row.finding.pk for row in rows if request.may("finding.triage", row.finding.subject)
        },
    }


def _said(wanted: services.Choice, chosen: list[Finding], items: list[Item]) -> str:
    """What a decision did, in a sentence."""
    many = counted(len(chosen), "finding")
    asking = [finding for finding in chosen if finding.obsolete_proposed]
    refs = items[0].ref if len(items) == 1 else counted(len(items), "item")
    said = {
        "file": f"Filed {refs}.",
        "accept": f"Accepted today's level of {many}.",
        "watch": f"{many} only watched from now on.",
        "mute": f"Muted {many}.",
        "resolve": f"Resolved {many}.",
        "merge": f"Merged: {many} are one from now on.",
        "assign": f"Assigned {refs} to {wanted.person or 'nobody'}.",
        "priority": f"Set {many} to {wanted.priority}.",
        "obsolete": f"Marked {many} as obsolete.",
        "keep": f"{counted(len(asking), 'finding')} watched on.",
        "confirm": f"Confirmed: {refs} done.",
    }
    return said[wanted.name]


_RESOLVED = {
    Finding.Reason.ACCEPTED: "Accepted: muted until that day.",
    Finding.Reason.DUPLICATE: "Merged into the other.",
    Finding.Reason.FALSE_POSITIVE: "Resolved. Mend its rule, or the next run finds it again.",
}


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
        "aliases": aliases_of(finding),
        "may_triage": request.may("finding.triage", finding.subject),
        "history": history_of_finding(finding),
    }
    return render(request, "backlog/finding.html", context, status=status)


def _back(request: ProductRequest, finding: Finding) -> HttpResponse:
    url = reverse("backlog:finding", args=[finding.product.key, finding.pk])
    return back_to(request, url)


def _ids(finding: Finding) -> str:
    """Ids of fields that differ where a page holds several findings."""
    return f"finding-{finding.pk}-%s"
