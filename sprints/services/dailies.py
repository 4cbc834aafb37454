"""Deeds of a daily: what each person says, and which item waits by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from backlog.models import Actor, Item, User
from backlog.services.deeds import deed
from backlog.services.items import update_item
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, DailyNote, Sprint
from sprints.services.under_way import lock_open, plain_text

LONGEST = 2000
LONGEST_REASON = 300  # of an item


@dataclass(frozen=True)
class Said:
    """What a person says on a day; `item` is the one of the sprint that waits."""

    done: str = ""
    next: str = ""
    blocked: str = ""
    item: Item | None = None


def write_note(
    ceremony: Ceremony, day: date, user: User, said: Said, *, actor: Actor, marks: bool
) -> DailyNote:
    """Keep what a person says on a day of the sprint of a daily; it replaces what they said before.

    The item that waits is marked with the reason, and one that they had marked and name no more is
    unmarked, unless somebody else has given it another reason meanwhile. `marks` is false for who
    may not edit items: then no item is touched. Raises DomainError for an item without a reason,
    and Conflict for one that is not in the sprint or waits for another reason, and where the daily
    is of another sprint by now.
    """
    sprint = ceremony.sprint
    assert sprint is not None, "the door asks"
    with deed(ceremony.product, actor, "daily.noted", ceremony=ceremony.pk, day=f"{day}",
              person=user.pk) as done:  # fmt: skip
        if lock_open(ceremony).sprint_id != sprint.pk:
            raise Conflict("other_sprint", f"This daily is not of {sprint} any more; look again.")
        item = said.item if marks else None
        blocked = plain_text(said.blocked, LONGEST, "What blocks you")
        if item is not None and not blocked:
            raise DomainError("no_reason", f"Say what {item.ref} waits for.")
        note = DailyNote.objects.filter(sprint=sprint, day=day, user=user).first()
        note = note or DailyNote(sprint=sprint, day=day, user=user)
        note.done = plain_text(said.done, LONGEST, "What you have done")
        note.next = plain_text(said.next, LONGEST, "What you do next")
        note.blocked, note.written_at = blocked, done.at
        if marks:
            _mark(note, item, actor=actor)
        note.save()
    return note


def clear_block(ceremony: Ceremony, note: DailyNote, *, actor: Actor) -> None:
    """The item of a note waits no more; what was said stays."""
    with deed(ceremony.product, actor, "daily.unblocked", ceremony=ceremony.pk) as done:
        lock_open(ceremony)
        if not note.marked:
            done.nothing_happened()
            return
        _unmark([note], actor=actor)


def _mark(note: DailyNote, item: Item | None, *, actor: Actor) -> None:
    mine = list(
        DailyNote.objects.filter(sprint=note.sprint, user=note.user)
        .exclude(marked="")
        .exclude(pk=note.pk)
        .select_related("blocked_item__product", "blocked_item__backlog")
    )
    own = [*mine, *([note] if note.marked else [])]
    _unmark([each for each in own if item is None or each.blocked_item != item], actor=actor)
    note.blocked_item, before = item, {each.marked for each in own if each.blocked_item == item}
    if item is None:
        return
    _require_in(item, note.sprint)
    reason = " ".join(note.blocked.split())[:LONGEST_REASON]
    if item.blocked_reason and item.blocked_reason not in {*before, reason}:
        raise Conflict("waits_already", f"{item.ref} waits already: {item.blocked_reason}")
    for each in own:
        if each.blocked_item == item and each.pk != note.pk:
            each.marked = ""
            each.save(update_fields=["marked"])
    update_item(item, actor=actor, blocked_reason=reason)
    note.marked = reason


def _unmark(notes: Sequence[DailyNote], *, actor: Actor) -> None:
    for note in notes:
        item = note.blocked_item
        stands = item is not None and item.deleted_at is None
        if item is not None and stands and item.blocked_reason == note.marked:
            update_item(item, actor=actor, blocked_reason="")
        note.marked = ""
        if note.pk:
            note.save(update_fields=["marked"])


def _require_in(item: Item, sprint: Sprint) -> None:
    if item.backlog_id != sprint.pk or item.deleted_at is not None:
        raise Conflict("not_in_sprint", f"{item.ref} is not in {sprint} any more.")
