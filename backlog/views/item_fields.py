"""The fields of an item as its page shows them: the present value, what was typed and refused, and
the choice where somebody else changed the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.timezone import localdate

from backlog.forms.edits import NEW_LABELS, SENT, ItemEdits
from backlog.models import ExtraField, Item, Kind, Product, Status, User
from backlog.queries.history import Event, last_changes
from backlog.queries.items import EXTRA
from backlog.rules import criteria

LABELS = {
    "title": "Title",
    "kind": "Kind",
    "status": "Status",
    "points": "Points",
    "assignees": "Assignees",
    "labels": "Labels",
    "parent": "Part of",
    "due_date": "Due",
    "gpu_hours": "GPU-hours",
    "blocked_reason": "Blocked",
    "description": "Description",
    "criteria": "Acceptance criteria",
    "external_url": "Link",
}
TEXTS = frozenset({"title", "description", "blocked_reason", "external_url"})


@dataclass(frozen=True)
class Choice:
    """Two people changed the same field: what each wants, and what yours would send again."""

    theirs: str
    yours: str
    by: Event | None
    sent: Sequence[tuple[str, str]]
    is_text: bool


@dataclass(frozen=True)
class Shown:
    """One field: what its control holds, and what is to be said at it."""

    name: str
    label: str
    value: str = ""
    chosen: Sequence[str] = ()
    errors: Sequence[str] = ()
    choice: Choice | None = None
    own: ExtraField | None = None

    @property
    def is_open(self) -> bool:
        """Whether what is typed into it waits for an answer."""
        return bool(self.errors)

    @property
    def id(self) -> str:
        return f"item-{self.name.replace('.', '-').replace('_', '-')}"


@dataclass(frozen=True)
class Sent:
    """What became of an edit that was sent: faults, or conflicts that wait for a choice."""

    edits: ItemEdits | None = None
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    conflicts: Sequence[Mapping[str, Any]] = ()


class Fields:
    """All fields of an item, each by its name; those of the product in `own`."""

    def __init__(
        self,
        item: Item,
        *,
        statuses: Sequence[Status],
        people: Sequence[User],
        own: Sequence[ExtraField],
        sent: Sent,
    ) -> None:
        self._item, self._sent = item, sent
        self._own = {f"{EXTRA}{one.slug}": one for one in own}
        self._statuses = {status.slug: status.name for status in statuses}
        self._people = {user.email: str(user) for user in people}
        conflicts = {str(row["field"]): row for row in sent.conflicts}
        by = last_changes(item, conflicts) if conflicts else {}
        self._choices = {
            name: self._choice(name, row, by.get(name)) for name, row in conflicts.items()
        }
        for name in LABELS:
            setattr(self, name, self._shown(name))
        self.own = [self._shown(name) for name in self._own]

    @property
    def is_overdue(self) -> bool:
        item = self._item
        is_late = item.due_date is not None and item.due_date < localdate()
        return is_late and item.status.category != "done"

    def _shown(self, name: str) -> Shown:
        own = self._own.get(name)
        edits, errors = self._sent.edits, self._sent.faults.get(name, ())
        value, chosen = self._held(name)
        if errors and edits is not None:
            value = "\n".join(edits.typed(name))
            chosen = edits.typed(name)
        return Shown(
            name=name,
            label=own.name if own else LABELS[name],
            value=value,
            chosen=chosen,
            errors=errors,
            choice=self._choices.get(name),
            own=own,
        )

    def _held(self, name: str) -> tuple[str, Sequence[str]]:
        item = self._item
        if name == "assignees":
            return "", [user.email for user in item.assignees.all()]
        if name == "labels":
            return "", [label.name for label in item.labels.all()]
        if name == "status":
            return item.status.slug, ()
        if name == "parent":
            return (item.parent.ref if item.parent else ""), ()
        if name == "criteria":
            return criteria.written([(row["text"], row["is_met"]) for row in item.criteria]), ()
        if name in self._own:
            return _written(item.extra.get(name.removeprefix(EXTRA))), ()
        return _written(getattr(item, name)), ()

    def _choice(self, name: str, row: Mapping[str, Any], by: Event | None) -> Choice:
        edits = self._sent.edits
        assert edits is not None
        names = ("labels", NEW_LABELS) if name == "labels" else (name,)
        typed = [(each, value) for each in names for value in edits.typed(each) if value != ""]
        return Choice(
            theirs=self._worded(name, row["theirs"]),
            yours=self._worded(name, row["yours"]),
            by=by,
            sent=[(SENT, name), *typed],
            is_text=name in TEXTS,
        )

    def _worded(self, name: str, value: Any) -> str:
        if value is None or value in ("", []):
            return "" if name in TEXTS else "nothing"
        if name == "status":
            return self._statuses.get(value, str(value))
        if name == "kind":
            return str(Kind(value).label)
        if name == "assignees":
            return ", ".join(self._people.get(email, email) for email in value)
        if name == "labels":
            return ", ".join(value)
        if name == "criteria":
            return criteria.written([(line["text"], line["is_met"]) for line in value])
        return _written(value)


def fields_in_words(edits: ItemEdits, names: Iterable[str]) -> list[str]:
    """What people call these fields, within a sentence: points, GPU-hours, the product's own."""
    return [
        _within(LABELS[name]) if name in LABELS else str(edits.fields[name].label) for name in names
    ]


def _within(label: str) -> str:
    return label if label[:2].isupper() else label.lower()


def own_fields_of(product: Product) -> list[ExtraField]:
    return list(product.extra_fields.all())


def _written(value: Any) -> str:
    """A value as an input holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else f"{float(value):.10g}"
