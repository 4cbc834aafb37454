"""The frame of the settings pages: their tabs, and what a person may do on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from backlog.access.pages import ProductRequest


def settings_page(
    request: ProductRequest,
    tab: str,
    template: str,
    context: Mapping[str, Any],
    *,
    edits: str = "product.edit",
    status: int = 200,
) -> HttpResponse:
    """A page under a tab of the settings; `edits` is the permission that its buttons take."""
    frame = {
        "tab": tab,
        "product": request.product,
        "may_edit": request.may(edits),
    }
    return render(request, template, {**frame, **context}, status=status)
