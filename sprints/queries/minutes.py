"""The minutes of a ceremony as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils import timezone

from backlog.queries.agendas import part_of
from sprints.models import Block, Ceremony, Outcome, Participant
from sprints.queries.ceremonies import once_each
from sprints.queries.outcomes import said_by, sorted_outcomes

_LIST = re.compile(r"^(\d*)([-+.)])(?=\s|$)")  # what would begin a list
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")


def minutes_of(ceremony: Ceremony) -> str:
    """Head, who was there, the agenda with its evidence and notes, and what came of it. Names and
    titles stand as they were typed, and make no Markdown of their own."""
    return "\n\n".join(block.strip() for block in _blocks(ceremony) if block.strip()) + "\n"


def plain(text: str) -> str:
    """A text on one line that Markdown reads as nothing but words."""
    words = _MARKS.sub(r"\\\1", " ".join(text.split()))
    return _LIST.sub(r"\1\\\2", words)


def words_of(ceremony: Ceremony, block: Block) -> str:
    """What the evidence of a point says: of a ceremony that is over, what it said at its end."""
    if block.evidence is not None:
        return block.evidence
    part = part_of(block.slot) if block.slot else None
    return part.words(ceremony) if part else ""


def _blocks(ceremony: Ceremony) -> Iterator[str]:
    yield f"# {plain(ceremony.title)}"
    yield _head(ceremony)
    there = [f"- {plain(seat.name)}, {plain(seat.trade)}" for seat in once_each(_seats(ceremony))]
    if there:
        yield "## Who was there"
        yield "\n".join(there)
    for block in ceremony.blocks.all():
        words = words_of(ceremony, block)
        if words or block.text:
            yield f"## {plain(block.title)}"
            yield words
            yield _lower_headings(block.text)
    found = sorted_outcomes(ceremony)
    for title, rows in (
        ("Insights", found.insights),
        ("Decisions", found.decisions),
        ("Actions", found.actions),
    ):
        if rows:
            yield f"## {title}"
            yield "\n".join(_line(outcome) for outcome in rows)


def _seats(ceremony: Ceremony) -> QuerySet[Participant, Participant]:
    """Who came before its end; a guest may come later to read."""
    came = ceremony.participants.filter(joined_at__isnull=False)
    return came.filter(joined_at__lte=ceremony.closed_at) if ceremony.closed_at else came


def _head(ceremony: Ceremony) -> str:
    local = timezone.localtime(ceremony.opened_at or ceremony.starts_at)
    parts = [
        "" if ceremony.title == ceremony.get_kind_display() else ceremony.get_kind_display(),
        plain(str(ceremony.sprint)) if ceremony.sprint else "",
        f"{local:%A}, {local.day} {local:%B %Y, %H:%M %Z}",
        plain(ceremony.place),
    ]
    return " · ".join(part for part in parts if part)


def _line(outcome: Outcome) -> str:
    words = plain(outcome.text)
    notes = [outcome.get_sort_display().lower()] if outcome.sort else []
    notes += whose(outcome)
    if outcome.said_by:
        notes.append(f"said by {plain(said_by(outcome))}")
    if outcome.state == Outcome.State.DECLINED:
        notes.append(f"declined: {plain(outcome.reason)}")
    elif outcome.state == Outcome.State.CONVERTED:
        notes.append(became(outcome))
    return f"- {words}" + (f" ({'; '.join(notes)})" if notes else "")


def whose(outcome: Outcome) -> list[str]:
    """Of an action, who does it and until when."""
    if outcome.kind != Outcome.Kind.ACTION:
        return []
    owner = f"owner: {plain(str(outcome.owner))}" if outcome.owner else "no owner"
    return [owner, f"due {outcome.due_date:%Y-%m-%d}"] if outcome.due_date else [owner]


def became(outcome: Outcome) -> str:
    """What was made of it."""
    made = outcome.item.ref if outcome.item else plain(str(outcome.target.get("words", "")))
    if outcome.into == Outcome.Into.CRITERION:
        return f"became an acceptance criterion of {made}" if made else "became a criterion"
    return f"became {outcome.get_into_display().lower()} {made}".rstrip()


def _lower_headings(text: str) -> str:
    """Headings of the notes stand below those of the minutes."""
    return re.sub(r"(?m)^(#{1,4})(?=\s)", r"##\1", text)
