"""The goal of a product: set, worded anew, fulfilled, abandoned."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.goals import AbandonForm, FulfilForm, GoalForm
from backlog.forms.refusals import put_errors
from backlog.models import Product, ProductGoal
from backlog.queries.goals import find_goal
from backlog.services.goals import end_goal, word_goal
from backlog.views.products import settings_page
from mlscrum.lib.errors import Conflict
from mlscrum.lib.numbers import whole_number


@require_POST
@product_page("product.edit")
def goal(request: ProductRequest, product: Product) -> HttpResponse:
    """Word the active goal anew, or set one where there is none; `seen` is the one it showed."""
    form, seen = GoalForm(request.POST), whole_number(request.POST.get("seen", "")) or 0
    if form.is_valid():
        try:
            word_goal(product, form.cleaned_data["goal"], actor=request.actor, seen=seen)
        except Conflict as error:
            put_errors(form, error)
            return settings_page(request, product, goal_form=form, status=409)
        except ValidationError as error:
            put_errors(form, error)
        else:
            messages.success(request, "The goal is saved.")
            return redirect("backlog:settings", product.key)
    return settings_page(request, product, goal_form=form)


@require_POST
@product_page("product.edit")
def goal_fulfil(request: ProductRequest, product: Product, goal_id: int) -> HttpResponse:
    """The goal is reached; the page asks for the next one."""
    return _end(request, product, goal_id, ProductGoal.State.FULFILLED)


@require_POST
@product_page("product.edit")
def goal_abandon(request: ProductRequest, product: Product, goal_id: int) -> HttpResponse:
    """The goal is given up, with the reason."""
    return _end(request, product, goal_id, ProductGoal.State.ABANDONED)


def _end(request: ProductRequest, product: Product, goal_id: int, state: str) -> HttpResponse:
    goal = find_goal(product, goal_id)
    is_reached = state == ProductGoal.State.FULFILLED
    made = FulfilForm if is_reached else AbandonForm
    form: Form = made(request.POST, auto_id=f"{state}_%s")
    if not form.is_valid():
        fulfil, abandon = (form, None) if is_reached else (None, form)
        return settings_page(request, product, fulfil_form=fulfil, abandon_form=abandon)
    end_goal(goal, state, actor=request.actor, reason=form.cleaned_data["reason"])
    messages.success(request, f"The goal is {state}. What is the product to become next?")
    return redirect("backlog:settings", product.key)
