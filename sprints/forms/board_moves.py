"""What a card of a board is told to do: another column, another place, out of the sprint."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.http import Http404

from backlog.forms.moves import BESIDE, wanted_spot
from backlog.models import Backlog, Item, Product, Status
from backlog.queries.items import find_item
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict, DomainError
from sprints.forms.moves import wanted_home
from sprints.models import Sprint


class BoardMove:
    """A move as it was sent: a `ref`, and a `status`, a place (`before`, `after`, `to`) or the
    backlog that it goes to; `seen` is the status that the board showed. Raises DomainError or 404
    for what makes no sense, and Conflict where somebody gave it another status meanwhile."""

    def __init__(self, sprint: Sprint, data: Mapping[str, str]) -> None:
        product = sprint.backlog.product
        self.item = card_of(sprint, data.get("ref", ""))
        self.status_before = self.item.status_id
        self.status = _status(product, data["status"]) if "status" in data else None
        now = self.item.status
        if self.status not in {None, now} and data.get("seen", now.slug) != now.slug:
            why = f"Somebody brought {self.item.ref} to {now.name} meanwhile; look again."
            raise Conflict("status_changed", why)
        self.home = wanted_home(product, data["to_backlog"]) if "to_backlog" in data else None
        if self.home == sprint.backlog:
            raise DomainError("bad_move", f"{self.item.ref} is in {sprint} already; say a place.")
        self.spot: Spot | None = None
        if "to" in data or any(name in data for name in BESIDE):
            self.spot = wanted_spot(product, data)
        self.is_confirmed = data.get("confirmed") == "1"
        if self.status is None and self.home is None and self.spot is None:
            raise DomainError(
                "bad_move", "Say where the card goes: a column, a place or a backlog."
            )


class TaskForm:
    """A task to be, under an item of the sprint."""

    def __init__(self, sprint: Sprint, data: Mapping[str, str]) -> None:
        self.parent = card_of(sprint, data.get("parent", ""))
        self.title = " ".join(data.get("title", "").split())
        if not self.title:
            raise ValidationError({"title": "Type what is to be done first."})
        if self.parent.kind == "task":
            raise DomainError("task_in_task", "A task has no tasks; add it under its item.")


def card_of(sprint: Sprint, ref: str) -> Item:
    """An item that lies in the sprint, which runs. Raises 404, or Conflict where either has changed
    meanwhile."""
    product = sprint.backlog.product
    item = find_item(product, ref)
    if sprint.backlog.state == Backlog.State.CLOSED:
        why = f"{sprint.backlog.name} is closed; its past stays as it is."
        raise Conflict("sprint_closed", why)
    if sprint.backlog.state != Backlog.State.ACTIVE:
        why = f"{sprint.backlog.name} has not started; order it on its plan, or start it."
        raise Conflict("sprint_planned", why)
    if item.deleted_at is not None:
        raise Conflict("deleted", f"{item.ref} is in the trash; restore it first.")
    if item.backlog_id != sprint.pk:
        raise Conflict("moved_on", f"{item.ref} is in {item.backlog.name} by now; look again.")
    return item


def _status(product: Product, slug: str) -> Status:
    # Compared here, for a database may refuse to compare what can't be text, such as NUL.
    found = next((status for status in product.statuses.all() if status.slug == slug), None)
    if found is None:
        raise Http404("There is no such column any more; reload the board.")
    return found
