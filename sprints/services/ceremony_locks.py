"""The lock under which a ceremony changes, and who comes second."""

from __future__ import annotations

from mlscrum.lib.errors import Conflict
from sprints.models import Ceremony, Sprint


def locked(ceremony: Ceremony) -> Ceremony:
    """The ceremony as it is now, locked: nobody else writes in it, ends it or deletes it until the
    deed under way ends. Call it before other locks.

    Raises Conflict where it was deleted meanwhile.
    """
    found = (
        Ceremony.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "sprint__backlog")
        .filter(pk=ceremony.pk)
        .first()
    )
    if found is None:
        raise Conflict("ceremony_gone", "This ceremony was deleted meanwhile.")
    return found


def lock_ceremonies_of(sprint: Sprint) -> None:
    """As `locked`, for all that are of a sprint now."""
    of_it = Ceremony.objects.filter(sprint=sprint).order_by("pk")
    list(of_it.select_for_update(no_key=True).values_list("pk"))


def refuse_stale(version: int, base_version: int | None) -> None:
    """Raise Conflict where what a form began from, if it says so, is not what there is now."""
    if base_version not in {None, version}:
        why = (
            "Somebody has changed this meanwhile. What you typed stands here: look at what it says "
            "now, then save again to put yours in its place."
        )
        raise Conflict("changed_meanwhile", why, version=version)
