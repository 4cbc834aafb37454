"""The page of the definitions of ready and done."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.definitions import DefinitionsForm
from backlog.forms.refusals import put_errors
from backlog.models import Product
from backlog.queries.definitions import preview_of
from backlog.services.products import update_product
from backlog.views.tabs import settings_page


@product_page("product.view", post="product.edit")
def definitions(request: ProductRequest, product: Product) -> HttpResponse:
    """Both definitions and what they say of the items that come next; POST saves them, or with
    `preview` only shows."""
    form = DefinitionsForm(product, request.POST if request.method == "POST" else None)
    shown = product
    if request.method == "POST" and form.is_valid():
        if "preview" in request.POST:
            shown = form.put_into(Product.objects.get(pk=product.pk))
        else:
            try:
                update_product(product, actor=request.actor, **form.cleaned_data)
            except ValidationError as error:
                put_errors(form, error)
            else:
                messages.success(request, "The definitions are saved.")
                return redirect("backlog:definitions", product.key)
    if not request.may("product.edit"):
        for field in form.fields.values():
            field.disabled = True
    context = {
        "form": form,
        "previews": preview_of(shown),
        "is_preview": shown is not product,
    }
    code = 422 if form.errors else 200
    return settings_page(request, "definitions", "backlog/definitions.html", context, status=code)
