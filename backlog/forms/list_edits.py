"""What the cells of the backlog and its selection change: some fields of one item or of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from backlog.forms.edits import ItemEdits
from backlog.forms.items import people_of
from backlog.models import Actor, Item, Product, User
from backlog.queries.resources import items_by_ref
from backlog.services.labels import labels_named
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number

MOST_SELECTED = 500
MOST_NAMES = 50
STEPS = ("add_label", "remove_label", "add_assignee", "remove_assignee")


@dataclass(frozen=True)
class ListEdit:
    """A change of some items; `changes` has it as arguments of `edit_items`."""

    items: Sequence[Item]
    edits: ItemEdits
    version: int | None
    names: Mapping[str, Sequence[str]]

    @property
    def is_of_fields_of_one(self) -> bool:
        """Whether it can be merged with what others changed since `version`."""
        return len(self.items) == 1 and not any(self.names.values())

    def changes(self, *, actor: Actor) -> dict[str, Any]:
        """A label that is added and that the product lacks is made, so call it within the
        transaction of the edit."""
        product = self.edits.product
        labels = {label.name.casefold(): label for label in product.labels.all()}
        people = _people(product, [*self.names["add_assignee"], *self.names["remove_assignee"]])
        steps = {
            "add_labels": labels_named(product, self.names["add_label"], actor=actor),
            "remove_labels": [
                labels[name.casefold()]
                for name in self.names["remove_label"]
                if name.casefold() in labels
            ],
            "add_assignees": [people[e.casefold()] for e in self.names["add_assignee"]],
            "remove_assignees": [people[e.casefold()] for e in self.names["remove_assignee"]],
        }
        return {
            **self.edits.changes(actor=actor),
            **{name: members for name, members in steps.items() if members},
        }


def chosen_items(product: Product, refs: Sequence[str]) -> list[Item]:
    """The items of these refs, in this order; DomainError for none, too many, or a wrong one."""
    wanted = list(dict.fromkeys(ref.strip().upper() for ref in refs if ref.strip()))
    if not wanted:
        raise DomainError("nothing_chosen", "Choose an item first.")
    if len(wanted) > MOST_SELECTED:
        raise DomainError(
            "too_many", f"At most {MOST_SELECTED} items at once; you chose {len(wanted):,}."
        )
    found = items_by_ref(product, wanted)
    missing = next((ref for ref in wanted if ref not in found), None)
    if missing is not None:
        raise DomainError("no_item", f"There is no item {missing} here; nothing was changed.")
    return [found[ref] for ref in wanted]


def list_edit(product: Product, data: QueryDict) -> ListEdit:
    """Read a change. Raises ValidationError for bad values and DomainError for wrong refs."""
    items = chosen_items(product, data.getlist("refs"))
    edits = ItemEdits(product, data, item=items[0] if len(items) == 1 else None)
    names = {step: data.getlist(step)[:MOST_NAMES] for step in STEPS}
    if not edits.names and not any(names.values()):
        raise DomainError("nothing_sent", "Nothing was sent that an item has; reload the page.")
    if not edits.is_valid():
        raise ValidationError(edits.faults())
    return ListEdit(items, edits, whole_number(data.get("version", "")), names)


def _people(product: Product, emails: Sequence[str]) -> dict[str, User]:
    if not emails:
        return {}
    known = {user.email.casefold(): user for user in people_of(product)}
    strangers = [email for email in emails if email.casefold() not in known]
    if strangers:
        raise ValidationError({"assignees": f"{strangers[0]} is no member of this product."})
    return known
