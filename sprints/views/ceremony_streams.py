"""The stream of one ceremony: for guests, who may hear of nothing else of the product."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from backlog.access.streams import reader_name, still_may
from mlscrum.lib.live.hubs import Event
from mlscrum.web.streams import Reader, event_stream, last_seen
from sprints.models import Ceremony
from sprints.queries.ceremonies import guest_seat
from sprints.views.ceremony_doors import CeremonyRequest, ceremony_page

MOST_MISSED = 200
TOLD = ("seq", "kind", "at", "ids", "tab")


@require_GET
@ceremony_page("ceremony.view", guests=True)
def ceremony_stream(request: CeremonyRequest, ceremony: Ceremony) -> HttpResponseBase:
    """What happens in this ceremony, not who did it nor to which items; it ends with the link."""
    product, seat = ceremony.product, request.participant

    def wants(event: Event) -> bool:
        return bool(event.payload["ids"].get("ceremony") == ceremony.pk)

    def told(event: Event) -> Event:
        kept = {name: event.payload[name] for name in TOLD}
        return Event(event.seq, {**kept, "refs": [], "moved": False, "subject": None})

    def guest_may() -> bool:
        return seat is not None and guest_seat(product.key, ceremony.pk, seat.pk) is not None

    may = guest_may if request.is_guest else still_may(request, "ceremony.view", product)
    name = f"guest {seat.pk}" if request.is_guest and seat else reader_name(request)
    reader = Reader(name, may, wants=wants, told=told)
    return event_stream(product.pk, reader, after=last_seen(request), at_most=MOST_MISSED)
