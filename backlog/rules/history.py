"""What changed on an item, in words. Plain values in, half a sentence out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Names:
    """How people call what changes keep by slug or e-mail."""

    statuses: Mapping[str, str]
    people: Mapping[str, str]
    kinds: Mapping[str, str]


def change_in_words(field: str, before: Any, after: Any, names: Names) -> str:
    """What a change did, such as "set the points to 5 (before: 3)"; for any field."""
    tell = _TELLERS.get(field)
    if tell:
        return tell(before, after, names)
    return f"changed {field.replace('_', ' ')}"


def move_in_words(place: str, anchor: str) -> str:
    """Where a move within a backlog brought an item."""
    if place in {"before", "after"} and anchor:
        return f"moved it {place} {anchor}"
    if place in {"top", "bottom"}:
        return f"moved it to the {place}"
    return "moved it"


def deed_in_words(kind: str, data: Mapping[str, Any]) -> str:
    """A deed that left no change on the item, or an empty text where it says nothing here."""
    if kind == "item.moved":
        return move_in_words(str(data.get("place", "")), str(data.get("anchor", "")))
    if kind in FINDING_DEEDS:
        return f"{FINDING_DEEDS[kind].format('its finding')}{_until(kind, data)}"
    return ""


def finding_deed_in_words(kind: str, data: Mapping[str, Any]) -> str:
    """A deed on a finding, as its own page tells it."""
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


def _deleted(before: Any, after: Any, names: Names) -> str:
    return "put it into the trash" if after else "restored it from the trash"


def _people(addresses: Sequence[str], names: Names) -> str:
    known = [names.people.get(address, address) for address in addresses]
    return " and ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


_TELLERS: dict[str, Callable[[Any, Any, Names], str]] = {
    "created": lambda before, after, names: "created it",
    "title": _title,
    "description": lambda before, after, names: "edited the description",
    "points": _points,
    "status": _status,
    "kind": _kind,
    "assignees": _assignees,
    "parent": _parent,
    "backlog": _backlog,
    "deleted": _deleted,
}
FINDING_DEEDS = {
    "finding.muted": "muted {}",
    "finding.resolved": "resolved {}",
    "finding.reopened": "reopened {}",
    "finding.prioritised": "set the priority of {}",
    "finding.obsolete": "marked {} as obsolete",
}
DEEDS_ON_SEVERAL = {
    "finding.filed": "filed {} as an item",
    "finding.level_accepted": "accepted the level of {} on that day",
    "finding.watched": "decided to only watch {}",
}
