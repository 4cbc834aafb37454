"""What people are told of a report's findings, in one sentence. Plain values in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST = 400


@dataclass(frozen=True)
class Happened:
    """The titles of findings, by what happened to them; `awaiting` many wait for a yes."""

    about: str
    new: Sequence[str] = field(default_factory=tuple)
    regressed: Sequence[str] = field(default_factory=tuple)
    risen: Sequence[str] = field(default_factory=tuple)
    unmuted: Sequence[str] = field(default_factory=tuple)
    flapping: Sequence[str] = field(default_factory=tuple)
    awaiting: int = 0


def news_in_words(happened: Happened) -> str:
    """Such as "Patients: 3 new findings, 1 came back"; of a single finding also its title. Empty
    where nothing has happened."""
    groups = [
        (happened.new, "new finding", "new findings", "New"),
        (happened.regressed, "came back", "came back", "Came back"),
        (happened.risen, "got worse", "got worse", "Got worse"),
        (happened.unmuted, "mute ended", "mutes ended", "No longer muted"),
        (happened.flapping, "is flapping", "are flapping", "Flapping"),
    ]
    told = [(titles, one, many, word) for titles, one, many, word in groups if titles]
    parts = [
        f"{len(titles):,} {one if len(titles) == 1 else many}" for titles, one, many, _ in told
    ]
    if happened.awaiting:
        parts.append(f"{happened.awaiting:,} of a first run wait for a yes")
    titles = list(dict.fromkeys(title for group, *_ in told for title in group))
    if not parts:
        return ""
    if len(titles) == 1 and not happened.awaiting:
        return f"{happened.about}: {told[-1][3].lower()}, {titles[0]}"[:LONGEST]
    return f"{happened.about}: {', '.join(parts)}"[:LONGEST]
