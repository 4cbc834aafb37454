"""Forms of what hangs on an item: links, files, single criteria."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.forms.fields import item_meant
from backlog.models import Item, Link
from backlog.queries.item_pages import others_of
from backlog.rules import criteria
from backlog.rules.links import WORDS
from backlog.services.items import LONGEST_CRITERION, MOST_CRITERIA

BACKWARDS = "back:"  # a kind of link as its target says it: "is blocked by"
# What an item can be to another, each in its words once.
KINDS_OF_LINKS = [
    ("blocks", WORDS["blocks"][0]),
    (f"{BACKWARDS}blocks", WORDS["blocks"][1]),
    ("relates", WORDS["relates"][0]),
    ("duplicates", WORDS["duplicates"][0]),
    (f"{BACKWARDS}duplicates", WORDS["duplicates"][1]),
    ("needs_data", WORDS["needs_data"][0]),
    (f"{BACKWARDS}needs_data", WORDS["needs_data"][1]),
]


class LinkForm(forms.Form):
    """What the item is to another one."""

    kind = forms.ChoiceField(choices=KINDS_OF_LINKS, initial="blocks")
    ref = forms.CharField(
        max_length=300, label="Item", error_messages={"required": "Name the other item by its ref."}
    )

    def __init__(self, item: Item, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.item = item

    def clean_ref(self) -> Item:
        return item_meant(self.item.product, self.cleaned_data["ref"], among=others_of(self.item))

    def ends(self) -> tuple[Item, Link.Kind, Item]:
        """Source, kind and target."""
        kind: str = self.cleaned_data["kind"]
        other: Item = self.cleaned_data["ref"]
        if kind.startswith(BACKWARDS):
            return other, Link.Kind(kind.removeprefix(BACKWARDS)), self.item
        return self.item, Link.Kind(kind), other


class CriterionForm(forms.Form):
    """One deed on the checklist."""

    deed = forms.ChoiceField(choices=[(name, name) for name in criteria.DEEDS])
    place = forms.IntegerField(required=False, min_value=0)
    was = forms.CharField(required=False, max_length=LONGEST_CRITERION, strip=False)
    text = forms.CharField(
        required=False, label="Criterion", max_length=MOST_CRITERIA * (LONGEST_CRITERION + 10)
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("deed") in {"add", "edit"} and not values.get("text"):
            self.add_error("text", "Write what has to hold.")
        return values

    def wanted(self) -> dict[str, Any]:
        """The arguments of the deed."""
        values = self.cleaned_data
        return {
            "deed": values["deed"],
            "place": values["place"] or 0,
            "was": values["was"],
            "text": " ".join(values["text"].split())
            if values["deed"] == "edit"
            else values["text"],
        }
