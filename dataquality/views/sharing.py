"""Links to one dataset: the page that makes and revokes them, and what they show."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, public, subject_page
from backlog.forms.refusals import put_errors
from backlog.serializers.links import page
from dataquality.forms.sharing import ShareLinkForm
from dataquality.models import Dataset, ShareLink
from dataquality.queries.datasets import find_dataset
from dataquality.queries.gates import dataset_gate
from dataquality.queries.sharing import find_share_link, links_of, shared_dataset
from dataquality.serializers.badges import badge
from dataquality.services.sharing import (
    USUAL,
    make_share_link,
    open_share_link,
    revoke_share_link,
)
from dataquality.views.common import page_of
from mlscrum.lib.errors import DomainError


@subject_page("dataset.edit", find_dataset)
def share_links(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """The links of a dataset; POST makes one, whose address is shown this once."""
    address = ""
    initial = {"expires_at": timezone.localtime(timezone.now() + USUAL).strftime("%Y-%m-%dT%H:%M")}
    form = ShareLinkForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = make_share_link(dataset, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            address = page("dataquality:shared", secret)
            form = ShareLinkForm(initial=initial)
    context = {
        **page_of(request, dataset, "settings"),
        "form": form,
        "links": links_of(dataset),
        "address": address,
    }
    status = 422 if form.errors else 200
    answer = render(request, "dataquality/share_links.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@subject_page("dataset.edit", find_dataset)
def share_link_revoke(request: ProductRequest, dataset: Dataset, share_id: int) -> HttpResponse:
    """End a link: it shows nothing from now on."""
    revoke_share_link(find_share_link(dataset, share_id), actor=request.actor)
    messages.success(request, "The link has ended.")
    return redirect("dataquality:share-links", dataset.product.key, dataset.slug)


@public
@require_GET
@never_cache
def shared(request: HttpRequest, share_secret: str) -> HttpResponse:
    """One dataset for whoever has the link: figures alone."""
    link = _opened(share_secret)
    context = {
        "s": shared_dataset(link.dataset),
        "link": link,
        "badge_url": page("dataquality:shared-badge", share_secret),
        "here": reverse("dataquality:shared", args=[share_secret]),
    }
    return _private(render(request, "dataquality/shared.html", context))


@public
@require_GET
def shared_badge(request: HttpRequest, share_secret: str) -> HttpResponse:
    """The gate of that dataset as a picture, for a README."""
    dataset = _opened(share_secret).dataset
    return _private(badge(dataset, dataset_gate(dataset)))


def _opened(secret: str) -> ShareLink:
    link = open_share_link(secret)
    if link is None:
        why = "This link has ended, or there never was one. Ask for a new one."
        raise DomainError("link_ended", why, status=410)
    return link


def _private(answer: HttpResponse) -> HttpResponse:
    """Whoever has the address has the page, so neither search engines nor other sites get it."""
    answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    answer["Referrer-Policy"] = "no-referrer"
    return answer
