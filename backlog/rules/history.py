"""What changed on an item, in words. Plain values in, half a sentence out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

MOST_COMPARED = 400  # lines of a text; comparing takes the square of their number
NEAR = 2  # unchanged lines shown around a change
LONG_TEXTS = ("description", "comment")  # shown by their lines, not in the sentence


@dataclass(frozen=True)
class Names:
    """How people call what changes keep by slug or e-mail."""

    statuses: Mapping[str, str]
    people: Mapping[str, str]
    kinds: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)  # of the product, by slug


@dataclass(frozen=True)
class Line:
    """A line of a text that was changed: `sign` is + for new, - for gone, blank for unchanged, and
    … where unchanged ones are left out."""

    sign: str
    text: str


def change_in_words(field: str, before: Any, after: Any, names: Names) -> str:
    """What a change did, such as "set the points to 5 (before: 3)"; for any field."""
    tell = _TELLERS.get(field)
    if tell:
        return tell(before, after, names)
    slug = field.removeprefix("fields.")
    word = names.fields.get(slug, slug) if slug != field else field.replace("_", " ")
    return _set(word, _worded(before), _worded(after))


def lines_changed(before: str, after: str) -> list[Line]:
    """How a long text was changed, line by line, with a little of what stands around it."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_COMPARED:
        return [Line("-", f"{len(old):,} lines"), Line("+", f"{len(new):,} lines")]
    told: list[Line] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(NEAR):
        if told:
            told.append(Line("…", ""))
        for tag, first, last, new_first, new_last in group:
            if tag == "equal":
                told += [Line("", text) for text in old[first:last]]
                continue
            told += [Line("-", text) for text in old[first:last]]
            told += [Line("+", text) for text in new[new_first:new_last]]
    return told


def move_in_words(place: str, anchor: str) -> str:
    """Where a move within a backlog brought an item."""
    if place in {"before", "after"} and anchor:
        return f"moved it {place} {anchor}"
    if place in {"top", "bottom"}:
        return f"moved it to the {place}"
    return "moved it"


def undone_change_in_words(
    field: str, before: Any, after: Any, names: Names, undone: Mapping[str, Any]
) -> str:
    """A change that an undo made, as the deed that it took back had told it."""
    if field == "deleted" and undone.get("kind") == "item.created":
        return f"{TOOK_BACK}{change_in_words('created', None, None, names)}"
    return f"{TOOK_BACK}{change_in_words(field, after, before, names)}"


EVIDENCE_DEEDS = {
    "item.evidence_put": "{run}: {status}",
    "item.evidence_removed": "removed {run}",
}


def deed_in_words(kind: str, data: Mapping[str, Any]) -> str:
    """A deed that left no change on the item, or an empty text where it says nothing here."""
    if kind == "item.undone":
        undone = data.get("undone") or {}
        told = deed_in_words(str(undone.get("kind", "")), undone)
        return f"{TOOK_BACK}{told}" if told else ""
    if kind == "item.moved":
        return move_in_words(str(data.get("place", "")), str(data.get("anchor", "")))
    if kind in EVIDENCE_DEEDS:
        if data.get("only_figures"):
            return ""
        run, status = f"{data.get('tool', '')} {data.get('run', '')}", data.get("status", "")
        return EVIDENCE_DEEDS[kind].format(run=run, status=status)
    if kind in ON_DATA:
        return f"{ON_DATA[kind]} {data.get('dataset', 'a dataset')}"
    if kind in FINDING_DEEDS:
        return f"{FINDING_DEEDS[kind].format('its finding')}{_until(kind, data)}"
    return ""


def finding_deed_in_words(kind: str, data: Mapping[str, Any]) -> str:
    """A deed on a finding, as its own page tells it."""
    if kind == "findings.decided":
        return _CHOICES.get(str(data.get("choice")), "decided about it")
    told = FINDING_DEEDS.get(kind) or DEEDS_ON_SEVERAL.get(kind, "")
    return f"{told.format('it')}{_until(kind, data)}"


def _until(kind: str, data: Mapping[str, Any]) -> str:
    until = str(data.get("until") or "")
    if kind != "finding.muted" or not until:
        return ""
    day = datetime.fromisoformat(until)
    return f" until {day.day} {day:%B %Y}"


def _title(before: Any, after: Any, names: Names) -> str:
    return f"changed the title from “{before}” to “{after}”"


def _points(before: Any, after: Any, names: Names) -> str:
    if after is None:
        return f"cleared the points (before: {_number(before)})"
    if before is None:
        return f"set the points to {_number(after)}"
    return f"set the points to {_number(after)} (before: {_number(before)})"


def _status(before: Any, after: Any, names: Names) -> str:
    old, new = (names.statuses.get(slug, slug) for slug in (before, after))
    return f"set the status to {new} (before: {old})"


def _kind(before: Any, after: Any, names: Names) -> str:
    return f"made the {names.kinds.get(before, before)} a {names.kinds.get(after, after)}".lower()


def _assignees(before: Any, after: Any, names: Names) -> str:
    old, new = list(before or []), list(after or [])
    parts = []
    if gained := [person for person in new if person not in old]:
        parts.append(f"assigned {_people(gained, names)}")
    if lost := [person for person in old if person not in new]:
        parts.append(f"took {_people(lost, names)} off")
    return " and ".join(parts) or "changed the assignees"


def _parent(before: Any, after: Any, names: Names) -> str:
    return f"put it under {after}" if after else f"took it out of {before}"


def _backlog(before: Any, after: Any, names: Names) -> str:
    return f"moved it from {before} to {after}"


def _category(before: Any, after: Any, names: Names) -> str:
    old, new = (_CATEGORIES.get(category, category) for category in (before, after))
    return f"let its status count as {new} (before: {old})"


def _deleted(before: Any, after: Any, names: Names) -> str:
    return "put it into the trash" if after else "restored it from the trash"


def _due_date(before: Any, after: Any, names: Names) -> str:
    return _set("due date", _day(before), _day(after))


def _gpu_hours(before: Any, after: Any, names: Names) -> str:
    return _set("GPU-hours", _worded(before), _worded(after))


def _blocked_reason(before: Any, after: Any, names: Names) -> str:
    if not after:
        return f"unblocked it (before: {before})"
    return f"marked it as blocked: {after}" + (f" (before: {before})" if before else "")


def _labels(before: Any, after: Any, names: Names) -> str:
    old, new = list(before or []), list(after or [])
    gained = [f"#{name}" for name in new if name not in old]
    lost = [f"#{name}" for name in old if name not in new]
    parts = [f"added {', '.join(gained)}"] if gained else []
    parts += [f"took {', '.join(lost)} off"] if lost else []
    return " and ".join(parts) or "changed the labels"


def _criteria(before: Any, after: Any, names: Names) -> str:
    old = {row["text"]: row["is_met"] for row in before or []}
    new = {row["text"]: row["is_met"] for row in after or []}
    groups = (
        ("met", [text for text in new if new[text] and old.get(text) is False]),
        ("reopened", [text for text in new if not new[text] and old.get(text) is True]),
        ("added", [text for text in new if text not in old]),
        ("removed", [text for text in old if text not in new]),
    )
    told = [f"{word} {_quoted(texts)}" for word, texts in groups if texts]
    if not told:
        return "reordered the criteria"
    return f"criteria: {'; '.join(told)}"


def _links(before: Any, after: Any, names: Names) -> str:
    return f"linked it: {after}" if after else f"took a link away: {before}"


def _attachments(before: Any, after: Any, names: Names) -> str:
    return f"attached {after}" if after else f"removed the file {before}"


def _comment(before: Any, after: Any, names: Names) -> str:
    return "edited a comment" if after else "deleted a comment"


def _set(word: str, old: str, new: str) -> str:
    if not new:
        return f"cleared {word} (before: {old})"
    return f"set {word} to {new}" + (f" (before: {old})" if old else "")


def _worded(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else _number(value)


def _day(value: Any) -> str:
    if not value:
        return ""
    day = date.fromisoformat(str(value))
    return f"{day.day} {day:%B %Y}"


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"“{text}”" for text in texts)


def _people(addresses: Sequence[str], names: Names) -> str:
    known = [names.people.get(address, address) for address in addresses]
    return " and ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)


def _number(value: Any) -> str:
    """Each digit of it, and no more: 5 for 5.0, 1234567.25 as it is."""
    if not isinstance(value, (int, float)):
        return str(value)
    exact = Decimal(str(value))
    return f"{exact.normalize():f}" if exact.is_finite() else str(value)


_CATEGORIES = {"todo": "to do", "doing": "in progress", "done": "done"}
_TELLERS: dict[str, Callable[[Any, Any, Names], str]] = {
    "product": lambda before, after, names: "brought it here from another product",
    "created": lambda before, after, names: "created it",
    "title": _title,
    "description": lambda before, after, names: "edited the description",
    "points": _points,
    "status": _status,
    "kind": _kind,
    "assignees": _assignees,
    "parent": _parent,
    "backlog": _backlog,
    "category": _category,
    "deleted": _deleted,
    "due_date": _due_date,
    "gpu_hours": _gpu_hours,
    "blocked_reason": _blocked_reason,
    "labels": _labels,
    "criteria": _criteria,
    "links": _links,
    "attachments": _attachments,
    "comment": _comment,
}
TOOK_BACK = "took back: "
_CHOICES = {
    "file": "filed it as an item",
    "accept": "accepted the level of it on that day",
    "watch": "decided to only watch it",
    "mute": "muted it",
    "resolve": "resolved it",
    "merge": "merged it with another",
    "assign": "assigned its item",
    "priority": "set its priority",
    "obsolete": "marked it as obsolete",
    "keep": "decided that it is not obsolete",
    "confirm": "confirmed that its item is done",
    "reopen": "reopened it",
    "split": "split it from another",
}
ON_DATA = {
    "item.depends_on_data": "said that it depends on",
    "item.depends_no_more": "said that it no longer depends on",
}
FINDING_DEEDS = {
    "finding.muted": "muted {}",
    "finding.resolved": "resolved {}",
    "finding.reopened": "reopened {}",
    "finding.prioritised": "set the priority of {}",
    "finding.obsolete": "marked {} as obsolete",
    "finding.kept": "decided that {} is not obsolete",
}
DEEDS_ON_SEVERAL = {
    "finding.filed": "filed {} as an item",
    "finding.level_accepted": "accepted the level of {} on that day",
    "finding.watched": "decided to only watch {}",
    "finding.merged": "merged {} with another",
    "finding.split": "split {} from another",
    "findings.decided": "decided about {}",
    "finding.mutes_ended": "ended the mute of {}, whose date had come",
    "finding.stale": "found that the evidence of {} is missing, or came again",
    "finding.calmed": "took the mark of flapping from {}",
}
