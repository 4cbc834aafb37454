"""Deeds of planning poker: pick items, vote unseen, reveal once, accept an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max

from backlog.models import Actor, Item, Product
from backlog.rules.trees import bears_points
from backlog.services.deeds import deed
from backlog.services.items import update_item
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import (
    Ceremony,
    ImportanceVote,
    Participant,
    Pick,
    PokerScale,
    PokerVote,
    Round,
)
from sprints.queries.poker import scale_of
from sprints.rules.poker import LEAST, MOST, MOST_PICKS, WORDLESS, BadScaleError, read_scale, said
from sprints.services.under_way import lock_open, require_part


def set_scale(product: Product, text: str, *, actor: Actor) -> PokerScale:
    """The cards that the product votes with from now on. Raises ValidationError."""
    try:
        cards = read_scale(text)
    except BadScaleError as error:
        raise ValidationError({"cards": str(error)}) from None
    with deed(product, actor, "poker.scale_set") as done:
        scale, _ = PokerScale.objects.update_or_create(product=product, defaults={"cards": cards})
        done.data |= {"cards": cards}
    return scale


def pick_items(ceremony: Ceremony, items: Sequence[Item], *, actor: Actor) -> None:
    """Talk about these items, after those that are picked; what is picked already stays there.

    Raises DomainError for epics and tasks, which bear no points of their own.
    """
    with deed(ceremony.product, actor, "poker.picked", ceremony=ceremony.pk) as done:
        lock_open(ceremony)
        for item in items:
            _require_estimable(item)
        picks = ceremony.picks
        known = set(picks.values_list("item_id", flat=True))
        new = [item for item in dict.fromkeys(items) if item.pk not in known]
        if not new:
            done.nothing_happened()
            return
        if len(known) + len(new) > MOST_PICKS:
            raise DomainError(
                "too_many_picks", f"A ceremony talks about {MOST_PICKS} items at most."
            )
        last = picks.aggregate(last=Max("position"))["last"] or 0
        Pick.objects.bulk_create(
            Pick(ceremony=ceremony, item=item, position=place)
            for place, item in enumerate(new, start=last + 1)
        )
        done.data["items"] = [item.ref for item in new]


def unpick_item(ceremony: Ceremony, item: Item, *, actor: Actor) -> None:
    """Talk about this item no more. Raises Conflict for one that was voted on already."""
    with deed(ceremony.product, actor, "poker.unpicked", ceremony=ceremony.pk) as done:
        lock_open(ceremony)
        if ceremony.rounds.filter(item=item).exists():
            raise Conflict("voted_on", f"{item.ref} was voted on; it stays in this ceremony.")
        gone, _ = ceremony.picks.filter(item=item).delete()
        if not gone:
            done.nothing_happened()
            return
        ceremony.importance_votes.filter(item=item).delete()


def start_round(ceremony: Ceremony, item: Item, *, actor: Actor) -> Round:
    """A vote on this item: its first round, or one anew. Where it is voted on already, that round.

    Raises Conflict while another item is voted on.
    """
    with deed(ceremony.product, actor, "poker.round_started", ceremony=ceremony.pk) as done:
        lock_open(ceremony)
        _require_estimable(item)
        voting = ceremony.rounds.select_related("item__product").filter(state=Round.State.VOTING)
        running = voting.first()
        if running is not None and running.item_id == item.pk:
            done.nothing_happened()
            return running
        if running is not None:
            why = f"{running.item.ref} is voted on now; reveal it or set it aside first."
            raise Conflict("another_vote", why)
        pick_items(ceremony, [item], actor=actor)
        last = ceremony.rounds.filter(item=item).aggregate(last=Max("number"))["last"] or 0
        made = Round.objects.create(
            ceremony=ceremony, item=item, number=last + 1, started_at=done.at
        )
        done.data["round"] = made.pk
    return made


def vote_anew(found: Round, *, actor: Actor) -> Round:
    """Another round on the item of one that is revealed; where somebody else asked for it just now,
    that one. Raises Conflict before the reveal, and while another item is voted on."""
    if found.state == Round.State.VOTING:
        raise Conflict("not_revealed", "Reveal this vote, or set it aside, before another one.")
    return start_round(found.ceremony, found.item, actor=actor)


def set_aside(found: Round, *, actor: Actor) -> None:
    """End a vote without revealing it: its votes are gone. Raises Conflict after the reveal."""
    with _in_round(found, actor, "poker.set_aside"):
        fresh = _locked(found)
        if fresh.state != Round.State.VOTING:
            raise Conflict("revealed", "This vote is revealed already; it can't be set aside.")
        fresh.delete()


def vote(found: Round, seat: Participant, card: str, *, actor: Actor) -> PokerVote:
    """What a participant holds up; until the reveal they may hold up another card instead.

    The deed says who has voted, and never what. Raises Conflict after the reveal, Refused for
    observers and DomainError for a card that the scale has not.
    """
    with _in_round(found, actor, "poker.voted", participant=seat.pk) as done:
        fresh = _locked(found)
        require_part(seat, fresh.ceremony)
        if fresh.state != Round.State.VOTING:
            why = f"{fresh.item.ref} is revealed; your vote came too late. Ask for another round."
            raise Conflict("revealed", why)
        if card not in {*scale_of(found.ceremony.product), *WORDLESS}:
            raise DomainError("no_such_card", "Choose one of the cards of this product.")
        held, is_new = PokerVote.objects.get_or_create(
            round=fresh, participant=seat, defaults={"card": card}
        )
        if not is_new and held.card == card:
            done.nothing_happened()
        elif not is_new:
            held.card = card
            held.save(update_fields=["card"])
    return held


def reveal(found: Round, *, actor: Actor) -> Round:
    """Show what everybody holds up; where somebody else did so just now, nothing more happens.

    Raises DomainError for a round without a vote.
    """
    with _in_round(found, actor, "poker.revealed") as done:
        fresh = _locked(found)
        if fresh.state != Round.State.VOTING:
            done.nothing_happened()
            return fresh
        if not fresh.votes.exists():
            raise DomainError("no_votes", "Nobody has voted yet; there is nothing to reveal.")
        fresh.state, fresh.revealed_at = Round.State.REVEALED, done.at
        fresh.save(update_fields=["state", "revealed_at"])
    return fresh


def accept(found: Round, points: Decimal, *, actor: Actor) -> Round:
    """Write the estimate onto the item, as the actor's own change of it.

    Raises Conflict before the reveal, after an acceptance, and where a newer round is under way;
    DomainError for points that no card of the product has.
    """
    item = found.item
    with _in_round(found, actor, "poker.accepted", item=item) as done:
        fresh = _locked(found)
        if fresh.state == Round.State.VOTING:
            raise Conflict("not_revealed", "Reveal the votes before you accept an estimate.")
        if fresh.points is not None:
            at = said(fresh.points)
            why = f"{item.ref} was estimated at {at} meanwhile; vote anew to change it."
            raise Conflict("accepted", why)
        if fresh.ceremony.rounds.filter(item=item, number__gt=fresh.number).exists():
            raise Conflict("newer_round", f"A newer round of {item.ref} counts; look again.")
        if not points.is_finite() or points not in {
            Decimal(card) for card in scale_of(found.ceremony.product)
        }:
            raise DomainError("no_such_card", "Choose one of the cards of this product.")
        update_item(item, actor=actor, points=points)
        fresh.state, fresh.points, fresh.accepted_by = Round.State.ACCEPTED, points, actor.user
        fresh.save(update_fields=["state", "points", "accepted_by"])
        done.data |= {"points": float(points)}
    return fresh


def weigh(
    ceremony: Ceremony, item: Item, seat: Participant, value: int, *, actor: Actor
) -> ImportanceVote:
    """How much an item of the ceremony matters to a participant, 1 to 5; a later one replaces it.

    Raises Refused for observers, DomainError for another value and Conflict for an item that is
    not talked about.
    """
    with deed(ceremony.product, actor, "poker.weighed", ceremony=ceremony.pk,
              participant=seat.pk) as done:  # fmt: skip
        lock_open(ceremony)
        require_part(seat, ceremony)
        if not LEAST <= value <= MOST:
            raise DomainError("no_such_value", f"Importance goes from {LEAST} to {MOST}.")
        if not ceremony.picks.filter(item=item).exists():
            raise Conflict("not_picked", f"{item.ref} is not talked about any more.")
        found, is_new = ImportanceVote.objects.get_or_create(
            ceremony=ceremony, item=item, participant=seat, defaults={"value": value}
        )
        if not is_new and found.value == value:
            done.nothing_happened()
        elif not is_new:
            found.value = value
            found.save(update_fields=["value"])
    return found


def _in_round(
    found: Round, actor: Actor, kind: str, *, item: Item | None = None, **data: Any
) -> Any:
    ceremony = found.ceremony
    return deed(
        ceremony.product, actor, kind, item=item, ceremony=ceremony.pk, round=found.pk, **data
    )


def _locked(found: Round) -> Round:
    """The round as it is now, within its ceremony. Raises Conflict for one that was set aside."""
    lock_open(found.ceremony)
    fresh = Round.objects.select_related("ceremony", "item__product").filter(pk=found.pk).first()
    if fresh is None:
        raise Conflict("set_aside", "This vote was set aside meanwhile.")
    return fresh


def _require_estimable(item: Item) -> None:
    if item.deleted_at is not None:
        raise Conflict("in_trash", f"{item.ref} is in the trash; restore it first.")
    if not bears_points(item.kind):
        raise DomainError(
            "bears_no_points", f"{item.ref} is {_of_kind(item)}, which bears no points of its own."
        )


def _of_kind(item: Item) -> str:
    return "an epic" if item.kind == "epic" else f"a {item.get_kind_display().lower()}"
