"""What ceremonies talk about: a product's template for each kind, and the blocks made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max

from backlog.models import Actor, Product
from backlog.queries.agendas import part_of, parts_for
from backlog.services.deeds import deed
from mlscrum.lib.errors import Conflict
from sprints.models import AgendaTemplate, Block, Ceremony
from sprints.services.ceremony_locks import locked

MOST_POINTS = 30
LONGEST_TITLE = 120
LONGEST_POINT = 600  # minutes

# What the Scrum Guide asks of each kind beside what evidence shows, after the registered parts:
# the order among them, the words, and minutes.
TALKED_OF: Mapping[str, Sequence[tuple[int, str, int | None]]] = {
    Ceremony.Kind.PLANNING: (
        (20, "Why is this sprint valuable?", None),
        (60, "What can be done, and how?", None),
    ),
    Ceremony.Kind.REVIEW: (
        (80, "What has changed around us?", None),
        (90, "What to do next", None),
    ),
    Ceremony.Kind.DAILY: ((90, "What else is in the way of the sprint goal?", None),),
    Ceremony.Kind.REFINEMENT: ((90, "Questions and decisions", None),),
    Ceremony.Kind.RETROSPECTIVE: ((90, "What we take along", None),),
}


@dataclass(frozen=True)
class Point:
    """A point of an agenda; `slot` names a part of the page that shows evidence."""

    title: str
    minutes: int | None = None
    slot: str = ""


def points_for(product: Product, kind: str) -> list[Point]:
    """What a new ceremony of this kind begins with: the product's template, else what is usual."""
    template = AgendaTemplate.objects.filter(product=product, kind=kind).first()
    return usual_points(kind) if template is None else [Point(**each) for each in template.points]


def usual_points(kind: str) -> list[Point]:
    """The registered parts and what the Scrum Guide asks, in their order."""
    parts = [(part.order, Point(part.title, part.minutes, part.slot)) for part in parts_for(kind)]
    talked = [(order, Point(title, minutes)) for order, title, minutes in TALKED_OF.get(kind, ())]
    return [point for _, point in sorted([*parts, *talked], key=lambda each: each[0])]


def set_template(
    product: Product, kind: str, points: Sequence[Point], *, actor: Actor
) -> AgendaTemplate | None:
    """Let new ceremonies of this kind begin with these points; none brings back the usual ones.

    Raises ValidationError for points without words, for unknown slots and for too many.
    """
    if kind not in Ceremony.Kind.values:
        raise ValidationError({"kind": "There is no such kind of ceremony."})
    kept = [_checked(point) for point in points]
    if len(kept) > MOST_POINTS:
        raise ValidationError({"points": f"An agenda has at most {MOST_POINTS} points."})
    with deed(product, actor, "ceremony.agenda_set", of=kind) as done:
        present = AgendaTemplate.objects.filter(product=product, kind=kind)
        if not kept:
            if not present.delete()[0]:
                done.nothing_happened()
            return None
        template, _ = AgendaTemplate.objects.update_or_create(
            product=product, kind=kind, defaults={"points": [_as_kept(point) for point in kept]}
        )
    return template


def add_block(ceremony: Ceremony, title: str, *, actor: Actor, minutes: int | None = None) -> Block:
    """One more point at the end of the agenda. Raises ValidationError without words for it."""
    point = _checked(Point(title, minutes))
    with deed(ceremony.product, actor, "ceremony.agenda_changed", ceremony=ceremony.pk):
        locked(ceremony)
        if ceremony.blocks.count() >= MOST_POINTS:
            raise ValidationError({"title": f"An agenda has at most {MOST_POINTS} points."})
        last = ceremony.blocks.aggregate(last=Max("position"))["last"]
        return Block.objects.create(
            ceremony=ceremony,
            title=point.title,
            minutes=point.minutes,
            position=0 if last is None else last + 1,
        )


def remove_block(block: Block, *, actor: Actor) -> None:
    """Take a point off the agenda. Raises Conflict for one with notes: they would be lost."""
    ceremony = block.ceremony
    with deed(ceremony.product, actor, "ceremony.agenda_changed", ceremony=ceremony.pk):
        locked(ceremony)
        fresh = Block.objects.select_for_update(no_key=True).filter(pk=block.pk).first()
        if fresh is None:
            return
        if fresh.text or fresh.versions.exists():
            raise Conflict("has_notes", "This point has notes; it stays, so that none are lost.")
        fresh.delete()


def make_blocks(ceremony: Ceremony) -> None:
    """Copy the agenda for its kind into a new ceremony, within the caller's deed."""
    Block.objects.bulk_create(
        Block(
            ceremony=ceremony,
            position=position,
            title=point.title,
            minutes=point.minutes,
            slot=point.slot,
        )
        for position, point in enumerate(points_for(ceremony.product, ceremony.kind))
    )


def _checked(point: Point) -> Point:
    title = " ".join(point.title.split())
    if not title:
        raise ValidationError({"title": "Say in a few words what the point is about."})
    if len(title) > LONGEST_TITLE:
        raise ValidationError({"title": f"A point has at most {LONGEST_TITLE} letters."})
    if point.minutes is not None and not 1 <= point.minutes <= LONGEST_POINT:
        raise ValidationError({"minutes": f"A point takes 1 to {LONGEST_POINT} minutes."})
    if point.slot and part_of(point.slot) is None:
        raise ValidationError({"slot": f"There is no part “{point.slot}” to show."})
    return Point(title, point.minutes, point.slot)


def _as_kept(point: Point) -> dict[str, Any]:
    return {"title": point.title, "minutes": point.minutes, "slot": point.slot}
