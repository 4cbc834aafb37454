"""What concerns one person across their products."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, ProductRequest, product_page, signed_in
from backlog.access.roles import may
from backlog.models import Product, Role
from backlog.queries import my_work as queries
from backlog.queries.items import find_item
from backlog.queries.memberships import memberships_of
from backlog.views.answers import back_to
from backlog.views.items import update_with_warnings
from mlscrum.lib.errors import DomainError


@require_GET
@signed_in
def my_work(request: PersonRequest) -> HttpResponse:
    """What is assigned to the person and open, waits for their yes, changed, and is done."""
    members = memberships_of(request.user)
    editable = {
        row.product.pk
        for row in members
        if may(request.actor, "item.edit", row.product, role=Role(row.role))
    }
    work = queries.my_work(request.user, editable=editable)
    groups = [
        ("waiting", "Waits for your yes", "Nothing is red any more: is it done?", work.waiting),
        ("due", "Overdue or due this week", "", work.due),
        ("doing", "In progress", "", work.doing),
        ("todo", "To do", "In the order of each backlog", work.todo),
        ("watched", "Changed by others", "Items that you watch, in the last 7 days", work.watched),
        ("done", "Done", "In the last 7 days", work.done),
    ]
    context = {
        "work": work,
        "groups": [group for group in groups if group[-1]],
        "several": len(members) > 1,
    }
    return render(request, "backlog/my_work.html", context)


@require_POST
@product_page("item.edit")
def my_work_status(request: ProductRequest, product: Product, ref: str) -> HttpResponseRedirect:
    """Set the status of an item from a list of several products, and go on in that list."""
    item = find_item(product, ref)
    status = product.statuses.filter(slug=request.POST.get("status", "")).first()
    if status is None:
        raise DomainError("bad_status", "Choose a status of the product's workflow.")
    saved, warnings = update_with_warnings(item, actor=request.actor, status=status)
    said = f"{item.ref}: {status.name}."
    if saved.version > item.version:
        context = {"said": said, "product": product}
        said = render_to_string("backlog/_undo_elsewhere.html", context, request)
    messages.success(request, said)
    for warning in warnings:
        messages.warning(request, warning)
    return back_to(request, "my-work")
