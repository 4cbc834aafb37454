"""What an undo says: what is as it was before, and what stays and why. Plain values in and out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAMED = 3
FIELD_WORDS = {
    "assignees": "assignees",
    "blocked_reason": "blocked reason",
    "due_date": "due date",
    "external_url": "link to its source",
    "gpu_hours": "GPU-hours",
}
# Deeds that only hands can take back, and how.
BY_HAND = {
    "item.commented": "Undo leaves your comment on {ref}; edit or delete it there.",
    "item.attachment_added": "Undo leaves the file that you added to {ref}; remove it there.",
    "item.attachment_removed": "The file that you removed from {ref} is deleted for good.",
    "item.left": "Undo brings nothing back from another product; move {ref} back from there.",
    "item.arrived": "Undo moves nothing to another product; move {ref} back by hand.",
    "item.depends_on_data": "Undo leaves what {ref} depends on; change it there.",
    "item.depends_no_more": "Undo leaves what {ref} depends on; change it there.",
    "item.evidence_removed": "The run that you took off {ref} is off for good.",
}


@dataclass(frozen=True)
class TakenBack:
    """The refs that an undo touched, by what it did to them, the fields it gave back, the titles
    of findings that stand as before, and what is told of links and comments."""

    trashed: Sequence[str] = ()
    placed: Sequence[str] = ()
    edited: Sequence[str] = ()
    fields: Sequence[str] = ()
    findings: Sequence[str] = ()
    told: Sequence[str] = ()
    talked: Sequence[str] = ()

    @property
    def refs(self) -> list[str]:
        return list(dict.fromkeys([*self.trashed, *self.placed, *self.edited, *self.talked]))


def undone_in_words(taken: TakenBack, kept: Sequence[str]) -> str:
    """The whole answer, such as "Undone: MED-7 is back where it was." `kept` are sentences about
    what stays; from the fourth on they are counted."""
    parts = []
    if taken.trashed:
        parts.append(f"{_items(taken.trashed)} {_be(taken.trashed)} in the trash.")
    if taken.placed:
        they = "it was" if len(taken.placed) == 1 else "they were"
        parts.append(f"{_items(taken.placed)} {_be(taken.placed)} back where {they}.")
    if taken.edited:
        have, their = ("has", "its") if len(taken.edited) == 1 else ("have", "their")
        fields = listed(field_in_words(name) for name in taken.fields)
        parts.append(f"{_items(taken.edited)} {have} {their} {fields} back.")
    if len(taken.findings) == 1:
        parts.append(f"“{taken.findings[0]}” stands as before.")
    elif taken.findings:
        parts.append(f"{len(taken.findings):,} findings stand as before.")
    parts += taken.told
    told = ["Undone:", *parts] if parts else ["Nothing could be undone."]
    more = len(kept) - NAMED
    told += [*kept[:NAMED], *([f"And {more} more like this."] if more > 0 else [])]
    return " ".join(told)


def by_hand_in_words(kind: str, refs: Sequence[str]) -> str:
    """Why a deed can't be undone, and what to do instead."""
    why = BY_HAND[kind].format(ref=_items(refs) if refs else "it")
    return f"{why} Nothing was changed."


def field_in_words(name: str) -> str:
    """What people call a field: `due_date` is the due date, `fields.risk` the product's risk."""
    return FIELD_WORDS.get(name) or name.removeprefix("fields.").replace("_", " ")


def listed(words: Iterable[str]) -> str:
    """a, b and c."""
    each = list(dict.fromkeys(words))
    return " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)


def _items(refs: Sequence[str]) -> str:
    return refs[0] if len(refs) == 1 else f"{len(refs):,} items"


def _be(refs: Sequence[str]) -> str:
    return "is" if len(refs) == 1 else "are"
