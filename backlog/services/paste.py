"""Many items from lines of text, as `rules.paste` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from backlog.models import Actor, Category, Item, Label, Product, User
from backlog.rules.mentions import handles
from backlog.rules.paste import MOST_LINES, PastedLine
from backlog.rules.undo import listed
from backlog.services.deeds import deed
from backlog.services.items import ItemDraft, create_items
from backlog.services.labels import MOST_LABELS, labels_named
from backlog.services.ranks import Spot, Where
from mlscrum.lib.errors import Conflict, DomainError

CHUNK = 500  # items that one deed makes


class PastedInPart(Conflict):
    """A later chunk failed: the first `made` items are there, the others are not."""

    def __init__(self, lines: Sequence[PastedLine], made: int, reason: str) -> None:
        last, following = lines[made - 1], lines[made]
        self.made = made
        super().__init__(
            "pasted_in_part",
            f"{made:,} of {len(lines):,} items were made, up to line {last.number:,}"
            f" (“{last.title}”); nothing from line {following.number:,} on. {reason} One undo takes"
            f" the {made:,} back; then create all of them again.",
            made=made,
            last_line=last.number,
        )


def problems_of(product: Product, lines: Sequence[PastedLine]) -> dict[int, list[str]]:
    """Why lines can't be made as they stand, by their numbers."""
    known = _people(product)
    labels = {name.casefold() for name in product.labels.values_list("name", flat=True)}
    found: dict[int, list[str]] = {}
    for line in lines:
        strangers = [name for name in line.people if name.casefold() not in known]
        problems = [*line.problems, *(f"Nobody here is called @{name}." for name in strangers)]
        without_room = []
        for name in line.labels:
            if name.casefold() not in labels and len(labels) >= MOST_LABELS:
                without_room.append(f"#{name}")
            else:
                labels.add(name.casefold())
        if without_room:
            what = "label" if len(without_room) == 1 else "labels"
            problems.append(
                f"There is no room for the {what} {listed(without_room)}: "
                f"a product has at most {MOST_LABELS}."
            )
        if problems:
            found[line.number] = problems
    return found


def paste_items(
    product: Product, lines: Sequence[PastedLine], *, actor: Actor, spot: Spot | None = None
) -> list[Item]:
    """An item for each line, in their order; missing labels are made. Up to 5,000 lines.

    All lines are looked at first: it raises ValidationError naming each that can't be made, and
    then makes none. More than 500 go in chunks, each a deed of its own so that nobody waits long;
    their common `batch` lets one undo take all of them back. Raises PastedInPart where a chunk
    after the first can't be made, for what came before it stays; outside of a transaction,
    therefore, where there are more than 500.
    """
    _refuse(product, lines)
    people = _people(product)
    finished = product.statuses.filter(category=Category.DONE).order_by("position").first()
    batch: dict[str, Any] = {"batch": uuid4().hex} if len(lines) > CHUNK else {}
    made: list[Item] = []
    labels: dict[str, Label] = {}
    for start in range(0, len(lines), CHUNK):
        chunk = lines[start : start + CHUNK]
        try:
            with deed(product, actor, "item.created", **batch):
                # All with the first chunk, so that no later one fails for want of a label.
                labels = labels or _labels(product, lines, actor)
                drafts = [
                    ItemDraft(
                        title=line.title,
                        kind=line.kind,
                        points=line.points,
                        status=finished if line.is_done else None,
                        # What a line stands under came before it: in this chunk, or made already.
                        under=_within(line, start),
                        parent=_made(line, made),
                        labels=[labels[name.casefold()] for name in line.labels],
                        assignees=[people[name.casefold()] for name in line.people],
                    )
                    for line in chunk
                ]
                coming = create_items(product, drafts, actor=actor, spot=spot)
        except (DomainError, ValidationError, DatabaseError) as error:
            if not made:
                raise
            raise PastedInPart(lines, len(made), _reason(error)) from error
        made += coming
        if spot is not None and spot.where != Where.BOTTOM:
            spot = Spot.after(made[-1])
    return made


def _reason(error: Exception) -> str:
    """Why a chunk could not be made, as a sentence."""
    match error:
        case DomainError():
            said = error.message
        case ValidationError():
            said = " ".join(dict.fromkeys(error.messages))
        case _:  # such as a label that somebody deleted meanwhile
            said = "Somebody changed what they refer to meanwhile."
    return said


def _refuse(product: Product, lines: Sequence[PastedLine]) -> None:
    if not lines:
        raise ValidationError({"text": "There is no line to make an item of."})
    if len(lines) > MOST_LINES:
        raise ValidationError(
            {"text": f"These are {len(lines):,} lines; paste at most {MOST_LINES:,} at once."}
        )
    wrong = problems_of(product, lines)
    if wrong:
        raise ValidationError(
            {"text": [f"Line {number}: {' '.join(said)}" for number, said in wrong.items()]}
        )


def _within(line: PastedLine, start: int) -> int | None:
    """The place in its chunk of the line that this one stands under."""
    return line.parent - start if line.parent is not None and line.parent >= start else None


def _made(line: PastedLine, made: Sequence[Item]) -> Item | None:
    """The item of an earlier chunk that this line stands under."""
    return made[line.parent] if line.parent is not None and line.parent < len(made) else None


def _labels(product: Product, lines: Sequence[PastedLine], actor: Actor) -> dict[str, Label]:
    names = dict.fromkeys(name for line in lines for name in line.labels)
    found = labels_named(product, list(names), actor=actor)
    return {label.name.casefold(): label for label in found}


def _people(product: Product) -> dict[str, User]:
    """The members by each name that means one of them."""
    members = {user.email: user for user in User.objects.filter(memberships__product=product)}
    known = handles((user.email, user.name) for user in members.values())
    return {handle: members[email] for handle, email in known.items()}
