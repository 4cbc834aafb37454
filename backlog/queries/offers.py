"""What can be done about a subject: apps of higher floors offer it, and its pages show it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from backlog.models import Subject
from backlog.queries.panels import May


@dataclass(frozen=True)
class Offer:
    """A button: it opens a page, and hands it these fields by name."""

    label: str
    icon: str
    url: str
    fields: Sequence[tuple[str, str]] = ()


OfferOf = Callable[[Subject, Collection[int], May], Offer | None]
_offers: list[OfferOf] = []


def register(offer_of: OfferOf) -> OfferOf:
    """Offer something about subjects; None where there is nothing to offer."""
    if offer_of not in _offers:
        _offers.append(offer_of)
    return offer_of


def offers(subject: Subject, findings: Collection[int], may: May) -> list[Offer]:
    """What the reader can do about a subject with these open findings, by their ids."""
    found = (offer_of(subject, findings, may) for offer_of in _offers)
    return [offer for offer in found if offer is not None]
