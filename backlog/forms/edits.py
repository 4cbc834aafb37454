"""Changes of items, field by field: only what was sent is cleaned, and only that is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import QueryDict

from backlog.forms.fields import WordsField, item_meant
from backlog.forms.items import people_of, points_field
from backlog.models import Actor, ExtraField, Item, Kind, Label, Product, Status, User
from backlog.queries.item_pages import possible_parents
from backlog.queries.items import EXTRA
from backlog.rules import criteria as checklist
from backlog.rules.criteria import Row
from backlog.rules.extra_fields import LONGEST_TEXT
from backlog.services.items import MOST_CRITERIA
from backlog.services.labels import labels_named
from mlscrum.lib.errors import DomainError
from mlscrum.web.sentences import errors_in_words

SENT = "set"  # names fields of which nothing else may come along, such as boxes without a tick
NEW_LABELS = "new_labels"


class ChecklistField(forms.CharField):
    """Acceptance criteria, one a line: `[x] met`."""

    def clean(self, value: Any) -> Any:
        return checklist.parsed(super().clean(value))

    def prepare_value(self, value: Any) -> Any:
        return checklist.written(value) if isinstance(value, list) else value


class LabelsField(forms.MultipleChoiceField):
    """Names of labels, known or new."""

    def valid_value(self, value: str) -> bool:
        return True


class TickField(forms.BooleanField):
    """A box: ticked or not."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)


class AddressField(forms.URLField):
    """An address on the web."""

    default_validators = [URLValidator(schemes=["http", "https"])]  # noqa: RUF012  as Django's own


class ItemEdits(forms.Form):
    """Values for fields of items, however many are sent; the others stay as they are.

    A field is sent by its own name, `fields.<slug>` for those of the product, or named in `set`,
    which says that it may be empty. `changes` has them as arguments of `update_item` and
    `edit_items`.
    """

    title = forms.CharField(max_length=250, error_messages={"required": "Give it a title."})
    kind = forms.ChoiceField(choices=Kind.choices)
    status = forms.ModelChoiceField(
        queryset=Status.objects.none(), to_field_name="slug", empty_label=None
    )
    points = points_field()
    assignees = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(), to_field_name="email", required=False
    )
    labels = LabelsField(required=False)
    new_labels = WordsField(required=False, max_length=2000)
    parent = forms.CharField(required=False, max_length=300)
    due_date = forms.DateField(required=False)
    gpu_hours = forms.DecimalField(
        required=False,
        min_value=Decimal(0),
        max_value=Decimal(99_999_999),
        decimal_places=1,
        label="GPU-hours",
    )
    blocked_reason = forms.CharField(required=False, max_length=300)
    description = forms.CharField(required=False, max_length=100_000, strip=False)
    criteria = ChecklistField(required=False, max_length=MOST_CRITERIA * 600)
    external_url = AddressField(
        required=False,
        max_length=1000,
        assume_scheme="https",
        label="Link",
        error_messages={"invalid": "Link: give an address such as https://example.org/issues/1."},
    )

    def __init__(self, product: Product, data: Mapping[str, Any], *, item: Item | None = None):
        super().__init__(data)
        self.product, self.item = product, item
        named = set(data.getlist(SENT)) if isinstance(data, QueryDict) else set()
        self.sent = [name for name in self.fields if name in {*named, *data}]
        self.extra = self._own_fields({name for name in {*named, *data} if name.startswith(EXTRA)})
        for name in set(self.fields) - {*self.sent, *self.extra}:
            del self.fields[name]
        if "status" in self.fields:
            statuses = product.statuses.order_by("position")
            self.fields["status"].queryset = statuses  # type: ignore[attr-defined]
        if "assignees" in self.fields:
            self.fields["assignees"].queryset = people_of(product)  # type: ignore[attr-defined]

    @property
    def names(self) -> list[str]:
        """The fields that were sent, by the names that changes keep."""
        own = ("labels" if name == NEW_LABELS else name for name in self.sent)
        return list(dict.fromkeys([*own, *self.extra]))

    def changes(self, *, actor: Actor, leaving_out: Iterable[str] = ()) -> dict[str, Any]:
        """What was sent, as `update_item` takes it. A label that the product lacks is made, so call
        it within the transaction of the edit."""
        values = {
            name: self.cleaned_data[name]
            for name in self.names
            if name in self.cleaned_data and name not in self.extra
        }
        if "assignees" in values:
            values["assignees"] = list(values["assignees"])
        if "labels" in self.names:
            values["labels"] = self._labels(actor)
        left_out = set(leaving_out)
        extra = {
            name.removeprefix(EXTRA): self.cleaned_data[name]
            for name in self.extra
            if name not in left_out
        }
        if extra:
            values["extra"] = extra
        return {name: value for name, value in values.items() if name not in left_out}

    def faults(self) -> dict[str, list[str]]:
        """What is wrong, in words, by the fields that were sent."""
        return {
            ("labels" if name == NEW_LABELS else name): errors_in_words(self[name])
            for name in self.errors
            if name in self.fields
        }

    def faults_of(self, error: DomainError | ValidationError) -> dict[str, list[str]]:
        """What a service refused, by the fields that were sent; what concerns another field is said
        at the first of them."""
        if isinstance(error, DomainError):
            return {self.names[0]: [error.message]}
        if not hasattr(error, "error_dict"):
            return {self.names[0]: error.messages}
        faults: dict[str, list[str]] = {}
        for name, texts in error.message_dict.items():
            at = name if name in self.names else self.names[0]
            if name == "name" and "labels" in self.names:
                at = "labels"  # of a new label
            faults.setdefault(at, []).extend(texts)
        return faults

    def typed(self, name: str) -> list[str]:
        """What the person sent for a field, as it came."""
        data: Any = self.data
        return list(data.getlist(name)) if isinstance(data, QueryDict) else [data.get(name, "")]

    def clean_title(self) -> str:
        title = " ".join(str(self.cleaned_data["title"]).split())
        if not title:
            raise ValidationError("Give it a title.")
        return title

    def clean_description(self) -> str:
        # Browsers send CRLF; a text that nobody touched must not count as changed.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def clean_blocked_reason(self) -> str:
        return " ".join(str(self.cleaned_data["blocked_reason"]).split())

    def clean_criteria(self) -> list[Row]:
        rows: list[Row] = self.cleaned_data["criteria"]
        return rows

    def clean_parent(self) -> Item | None:
        text = self.cleaned_data["parent"].strip()
        if not text:
            return None
        among = possible_parents(self.item) if self.item else None
        parent = item_meant(self.product, text, among=among)
        if self.item is not None and parent.pk == self.item.pk:
            raise ValidationError("An item can't stand under itself.")
        return parent

    def _labels(self, actor: Actor) -> list[Label]:
        names = [*self.cleaned_data.get("labels", []), *self.cleaned_data.get(NEW_LABELS, [])]
        return labels_named(self.product, names, actor=actor)

    def _own_fields(self, wanted: set[str]) -> list[str]:
        """Add a field for each of the product's own that was sent, and that there is."""
        if not wanted:
            return []
        known = {f"{EXTRA}{field.slug}": field for field in self.product.extra_fields.all()}
        names = [name for name in known if name in wanted]
        for name in names:
            self.fields[name] = _field_of(known[name])
        return names


def _field_of(own: ExtraField) -> forms.Field:
    """What is sent for a field of the product; whether it fits is said by the service."""
    if own.kind == "checkbox":
        return TickField(label=own.name)
    return forms.CharField(required=False, max_length=LONGEST_TEXT, label=own.name)
