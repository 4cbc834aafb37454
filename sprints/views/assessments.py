"""Making a data-assessment sprint of a red run, or of a dataset."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Product, Team
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from sprints.forms.assessments import AssessmentForm
from sprints.queries.assessments import (
    Proposal,
    datasets_named,
    datasets_with_findings,
    open_findings,
    proposal,
)
from sprints.services.assessments import Assessment, plan_assessment
from sprints.services.sprints import next_days
from sprints.views.common import at_days


@product_page("sprint.run")
def assessment(request: ProductRequest, product: Product) -> HttpResponse:
    """A sprint proposed of the open findings of `dataset`s; POST plans it. Without a dataset one
    is chosen first."""
    sent = request.POST if request.method == "POST" else request.GET
    subjects = datasets_named(product, sent.getlist("dataset"))
    if not subjects:
        if sent.getlist("dataset"):
            raise Http404("There is no such dataset here.")
        # What was sent without a tick has the name of its button.
        is_missing = "choose" in request.GET or request.method == "POST"
        choice = {"product": product, "datasets": datasets_with_findings(product)}
        return render(
            request,
            "sprints/assessment_choose.html",
            {**choice, "is_missing": is_missing},
            status=422 if is_missing else 200,
        )
    named = {pk for text in sent.getlist("finding") if (pk := whole_number(text)) is not None}
    is_sent = request.method == "POST"
    proposed = proposal(subjects, chosen=named if is_sent else named or None)
    if is_sent:
        form = AssessmentForm(request.POST, product=product)
        made = _plan(request, form, proposed, named) if form.is_valid() else None
        if made is not None:
            _tell(request, made)
            return redirect("sprints:plan", product.key, made.sprint.pk)
    else:
        form = AssessmentForm(product=product, initial=_initial(product, proposed))
    context: dict[str, Any] = {"product": product, "form": form, "p": proposed}
    status = 422 if form.errors else 200
    return render(request, "sprints/assessment.html", context, status=status)


def _initial(product: Product, proposed: Proposal) -> dict[str, Any]:
    team = product.teams.first()
    assert team is not None, "every product has a team"
    first, last = next_days(team)
    return {
        "name": proposed.name,
        "goal": proposed.goal,
        "team": team,
        "starts_on": first,
        "ends_on": last,
        "target_health": None if (target := proposed.target_health) is None else f"{target:g}",
    }


def _plan(
    request: ProductRequest, form: AssessmentForm, proposed: Proposal, named: set[int]
) -> Assessment | None:
    """The sprint; None, with the reasons at the form, where it can't be made."""
    if not named:
        form.add_error(None, "Choose at least one finding; its item comes into the sprint.")
        return None
    fields, subjects = dict(form.cleaned_data), proposed.subjects
    fields["goal"] = proposed.goal_at(fields["target_health"], goal=fields["goal"])
    team: Team = fields.pop("team", None) or request.product.teams.get()
    chosen = list(open_findings(subjects).filter(pk__in=named))
    try:
        return plan_assessment(team, subjects, chosen, actor=request.actor, **fields)
    except (DomainError, ValidationError) as error:
        put_errors(form, error, field=at_days(error))
        return None


def _tell(request: ProductRequest, made: Assessment) -> None:
    count = len(made.items)
    filed = f", {len(made.filed)} of them filed just now" if made.filed else ""
    said = f"{made.sprint} is planned with {count} item{'' if count == 1 else 's'}{filed}."
    messages.success(request, said)
    if made.left:
        stayed = ", ".join(f"{item.ref} {why}" for item, why in made.left)
        messages.info(request, f"Left where they are: {stayed}.")
