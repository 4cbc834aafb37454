"""What every deed within a ceremony asks first: that it is not over, and who takes part."""

from __future__ import annotations

from mlscrum.lib.errors import Conflict, DomainError, Refused
from sprints.models import Ceremony, Participant
from sprints.services.ceremony_locks import locked


def lock_open(ceremony: Ceremony) -> Ceremony:
    """The ceremony as it is now; nobody else does a deed in it, or ends it, until this one ends.

    Call it within a deed, before other locks. Raises Conflict for one that is over, or was deleted
    meanwhile.
    """
    fresh = locked(ceremony)
    if fresh.is_over:
        raise Conflict("ceremony_over", f"{fresh.title} is over; what was said stays as it is.")
    return fresh


def require_part(seat: Participant, ceremony: Ceremony) -> None:
    """Raise Refused for somebody who only looks, or sits in another ceremony."""
    if seat.ceremony_id != ceremony.pk:
        raise Refused("other_ceremony", "You sit in another ceremony.")
    if seat.is_observer:
        raise Refused("observer", "Observers look; they do not vote or write.")


def plain_text(text: str, longest: int, what: str) -> str:
    """As it is kept: browsers send CRLF, and PostgreSQL keeps no NUL.

    Raises DomainError for one that is too long.
    """
    found = text.replace("\0", "").replace("\r\n", "\n").strip()
    if len(found) > longest:
        raise DomainError(
            "too_long", f"{what} has at most {longest} letters; this has {len(found)}."
        )
    return found
