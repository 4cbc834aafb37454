"""Forms of items: quick add, the whole item, where to move it, what to say, how to delete it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404

from backlog.forms.findings import SETTLING, end_of_day
from backlog.models import Backlog, Item, Kind, Product, Status, User
from backlog.queries.items import find_item
from backlog.rules import paste
from backlog.services.items import ItemDraft
from backlog.services.ranks import Spot, Where

MOST_PASTED = 1_000_000  # signs
SPOTS = [
    (Where.TOP, "Top"),
    (Where.BOTTOM, "Bottom"),
    (Where.BEFORE, "Before another item"),
    (Where.AFTER, "After another item"),
]
FATES = [
    ("keep", "Keep watching: the next red restores the item"),
    ("mute", "Mute: count it silently"),
    ("resolve", "Resolve with a reason"),
]


def people_of(product: Product) -> QuerySet[User]:
    """Who may be assigned: the members, by name."""
    return User.objects.filter(memberships__product=product).order_by("name")


def points_field() -> forms.DecimalField:
    """Story points: 0 to 9999, one decimal, empty for unestimated."""
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(
        required=False, min_value=Decimal(0), max_value=9999, decimal_places=1, widget=widget
    )


class QuickAddForm(forms.Form):
    """One line at the foot of the backlog."""

    title = forms.CharField(
        max_length=250,
        widget=forms.TextInput(attrs={"placeholder": "Add an item", "autocomplete": "off"}),
        error_messages={"required": "Type a title first."},
    )
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.STORY)
    points = points_field()

    def draft(self) -> ItemDraft:
        return ItemDraft(
            title=self.cleaned_data["title"],
            kind=self.cleaned_data["kind"],
            points=self.cleaned_data["points"],
        )


class PasteForm(forms.Form):
    """Many lines, each to become an item, and the end of the backlog where they go."""

    text = forms.CharField(
        label="One item per line",
        strip=False,
        max_length=MOST_PASTED,
        widget=forms.Textarea(
            attrs={
                "rows": 14,
                "spellcheck": "false",
                "placeholder": "Clean the ages (5) #data @dora\n  Look at the outliers",
            }
        ),
        error_messages={
            "required": "Paste some lines first.",
            "max_length": "This is more than 1 MB of text; paste it in parts.",
        },
    )
    kind = forms.ChoiceField(
        choices=[(v, w) for v, w in Kind.choices if v != Kind.TASK], initial=Kind.STORY
    )
    to = forms.ChoiceField(
        label="Where they go",
        choices=[("bottom", "Bottom of the backlog"), ("top", "Top of the backlog")],
        initial="bottom",
    )

    def __init__(self, *args: Any, may_order: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_order = may_order
        if not may_order:  # who doesn't order the backlog adds at its end
            del self.fields["to"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if "text" in values:
            lines = paste.parse(values["text"], kind=values.get("kind") or Kind.STORY)
            if len(lines) > paste.MOST_LINES:
                self.add_error(
                    "text",
                    f"These are {len(lines):,} lines; paste at most {paste.MOST_LINES:,} at once.",
                )
            values["lines"] = lines
        values.setdefault("to", "bottom")
        return values


class ItemForm(forms.Form):
    """A new item; what it is changed to later goes field by field, through `ItemEdits`."""

    title = forms.CharField(max_length=250, error_messages={"required": "Give it a title."})
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.STORY)
    status = forms.ModelChoiceField(
        queryset=Status.objects.none(), to_field_name="slug", empty_label=None
    )
    points = points_field()
    assignees = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(),
        to_field_name="email",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    parent = forms.CharField(
        required=False,
        max_length=30,
        help_text="The ref of an epic; a task stands under any item.",
    )
    description = forms.CharField(
        required=False,
        max_length=100_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="Markdown: **bold**, lists, tables, - [ ] tasks, `code`.",
    )

    def __init__(self, product: Product, *args: Any, **kwargs: Any):
        self.product = product
        super().__init__(*args, **kwargs)
        statuses, people = self.fields["status"], self.fields["assignees"]
        statuses.queryset = product.statuses.order_by("position")  # type: ignore[attr-defined]
        people.queryset = people_of(product)  # type: ignore[attr-defined]
        self.fields["parent"].widget.attrs["placeholder"] = f"{product.key}-1"
        self.fields["title"].widget.attrs["autofocus"] = True
        self.initial.setdefault("status", product.statuses.order_by("position").first())

    def clean_description(self) -> str:
        # Browsers send CRLF; an edit in place sends and compares plain ends of lines.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def clean_title(self) -> str:
        title = " ".join(str(self.cleaned_data["title"]).split())
        if not title:
            raise ValidationError("Give it a title.")
        return title

    def clean_parent(self) -> Item | None:
        ref = self.cleaned_data["parent"].strip()
        if not ref:
            return None
        try:
            return find_item(self.product, ref)
        except Http404:
            raise ValidationError(f"There is no item {ref.upper()} in this product.") from None

    def draft(self) -> ItemDraft:
        """A new item as the person wants it."""
        values = self.cleaned_data
        return ItemDraft(
            title=values["title"],
            kind=values["kind"],
            description=values["description"],
            points=values["points"],
            status=values["status"],
            parent=values["parent"],
            assignees=list(values["assignees"]),
        )


class MoveForm(forms.Form):
    """Where an item goes, said in words; works without a mouse and without scripts.

    `homes` are the backlogs it may go to, at least one: the first, unless another is chosen. That
    it leaves a sprint which runs is said beforehand.
    """

    home = forms.ChoiceField(
        label="Move to",
        error_messages={"invalid_choice": "That sprint is closed or gone by now; choose another."},
    )
    where = forms.ChoiceField(
        choices=SPOTS, initial=Where.TOP, label="Place in it", widget=forms.RadioSelect
    )
    anchor = forms.CharField(
        required=False,
        max_length=30,
        label="The other item",
        help_text="Its ref, or a word of its title to choose from.",
        widget=forms.TextInput(attrs={"list": "anchors", "autocomplete": "off"}),
    )

    def __init__(
        self, item: Item, homes: Sequence[Backlog], data: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data if data is None else {"home": str(homes[0].pk), **data})
        self.item = item
        another = 2 if item.number == 1 else 1
        self.fields["anchor"].widget.attrs["placeholder"] = f"{item.product.key}-{another}"
        self.homes = {str(home.pk): home for home in homes}
        several = len({home.team_id for home in homes if home.team_id}) > 1
        choices = [(pk, _home_name(home, several)) for pk, home in self.homes.items()]
        home_field = self.fields["home"]
        assert isinstance(home_field, forms.ChoiceField)
        home_field.choices = choices
        if item.backlog.kind == Backlog.Kind.SPRINT and item.backlog.state == Backlog.State.ACTIVE:
            name = item.backlog.name
            home_field.help_text = f"{name} runs: to take it out of there changes its scope."
        if len(choices) == 1:  # nothing to choose from
            del self.fields["home"]
            self.fields["where"].label = f"Place in {_named(homes[0])}"

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        # Where there is nothing to choose from, the field is not there.
        chosen = values.get("home") if "home" in self.fields else next(iter(self.homes))
        home = values["home"] = self.homes.get(chosen or "")
        if home and values.get("where") in {Where.BEFORE, Where.AFTER}:
            anchor = self._anchor(values.get("anchor", ""), home)
            values["spot"] = Spot(Where(values["where"]), anchor)
        elif values.get("where"):
            values["spot"] = Spot(Where(values["where"]))
        return values

    def _anchor(self, ref: str, home: Backlog) -> Item | None:
        if not ref.strip():
            self.add_error("anchor", "Name the other item by its ref.")
            return None
        try:
            anchor = find_item(self.item.product, ref)
        except Http404:
            self.add_error("anchor", f"There is no item {ref.strip().upper()} in this product.")
            return None
        if anchor == self.item:
            self.add_error("anchor", f"{anchor.ref} can't stand beside itself; name another item.")
        elif anchor.deleted_at or anchor.backlog_id != home.pk:
            said = f"{anchor.ref} is in {_place(anchor)}; name an item of {_named(home)}."
            self.add_error("anchor", said)
        return anchor


def _home_name(home: Backlog, several_teams: bool) -> str:
    """As a choice says it: what a sprint is right now stands beside its name."""
    if home.kind != Backlog.Kind.SPRINT:
        return home.name
    team = f" of {home.team}" if several_teams else ""
    return f"{home.name}{team} ({home.state})"


def _named(home: Backlog) -> str:
    return "the product backlog" if home.kind == Backlog.Kind.PRODUCT else home.name


class CommentForm(forms.Form):
    """What a person says on an item."""

    text = forms.CharField(
        label="Comment",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "Say something, in Markdown"}),
        error_messages={"required": "Write something first."},
    )


class DeleteForm(forms.Form):
    """What becomes of the open findings of an item that is deleted."""

    findings = forms.ChoiceField(
        choices=FATES,
        initial="keep",
        label="What becomes of its findings?",
        widget=forms.RadioSelect,
    )
    until = forms.DateField(
        required=False,
        label="Mute until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: without an end.",
    )
    reason = forms.ChoiceField(
        choices=[("", "Choose a reason"), *SETTLING], required=False, label="Resolve because"
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("findings") == "resolve" and not values.get("reason"):
            self.add_error("reason", "Choose why the findings are resolved.")
        return values

    def fate(self) -> Mapping[str, Any]:
        """The arguments of the deed."""
        day = self.cleaned_data["until"]
        return {
            "findings": self.cleaned_data["findings"],
            "until": end_of_day(day) if day else None,
            "reason": self.cleaned_data["reason"],
        }


def _place(item: Item) -> str:
    if item.deleted_at:
        return "the trash"
    return "the inbox" if item.backlog.kind == Backlog.Kind.INBOX else item.backlog.name
