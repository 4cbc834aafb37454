"""The stream of a page: what others do in its product, and who else is here."""

from __future__ import annotations

import re

from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from backlog.access.pages import ProductRequest, product_page
from backlog.access.streams import reader_name, still_may
from backlog.models import Product
from mlscrum.lib import live
from mlscrum.web.streams import Reader, event_stream, last_seen

PLACE = re.compile(r"[a-z]{1,20}:[0-9]{1,18}")
MOST_MISSED = 200  # a page that missed more draws itself anew once


@require_GET
@product_page("product.view")
def stream(request: ProductRequest, product: Product) -> HttpResponseBase:
    """Events since Last-Event-ID or `after`; `here` and `tab` name the open page, such as
    `board:5`, where its other readers are to see the person."""
    tab = live.tab_name(request.GET.get("tab", ""))
    here = request.GET.get("here", "")
    place = f"{product.pk}:{here}" if tab and PLACE.fullmatch(here) else ""
    person = live.Person(request.user.pk, str(request.user), request.user.initials)
    reader = Reader(
        reader_name(request),
        still_may(request, "product.view", product),
        place=place,
        tab=tab,
        person=person,
    )
    return event_stream(product.pk, reader, after=last_seen(request), at_most=MOST_MISSED)
