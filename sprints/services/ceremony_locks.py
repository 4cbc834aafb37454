"""The lock under which a ceremony changes."""

from __future__ import annotations

from mlscrum.lib.errors import Conflict
from sprints.models import Ceremony


def locked(ceremony: Ceremony) -> Ceremony:
    """The ceremony as it is now, locked. Raises Conflict where it was deleted meanwhile."""
    found = (
        Ceremony.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "sprint__backlog")
        .filter(pk=ceremony.pk)
        .first()
    )
    if found is None:
        raise Conflict("ceremony_gone", "This ceremony was deleted meanwhile.")
    return found
