"""Deeds of a retrospective: nobody can tell from them who wrote a card or gave a vote.

Those on cards and votes are done by the installation, bear no text and no id of a card, and say no
more than the ceremony.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from backlog.models import Actor
from backlog.services.deeds import deed
from mlscrum.lib.errors import Conflict, DomainError, NotFound
from sprints.models import Ceremony, Participant, Retro, RetroCard, RetroVote
from sprints.queries.retros import slots_of
from sprints.rules.retros import (
    MOST_VOTES,
    PHASES,
    BadColumnsError,
    columns_of,
    free_slots,
    mark_of,
    may_follow,
)
from sprints.services.under_way import lock_open, plain_text, require_part

LONGEST_CARD, LONGEST_TITLE, MOST_CARDS = 500, 120, 300
DONE_IN = {
    "write": "Cards are written in the first phase only.",
    "group": "Cards are grouped between writing and voting.",
    "vote": "Nobody votes at the moment.",
}


def set_up(
    ceremony: Ceremony, form: str, *, actor: Actor, own: Sequence[str] = (), votes_each: int
) -> Retro:
    """Choose the columns, by a format or as one's `own`, and how many votes each person has.

    Raises ValidationError for columns or votes that can't be, and Conflict for other columns once
    there are cards, or other votes once people vote.
    """
    if form not in Retro.Format.values:
        raise ValidationError({"format": "Choose one of the formats."})
    if not 1 <= votes_each <= MOST_VOTES:
        raise ValidationError({"votes_each": f"Everybody has 1 to {MOST_VOTES} votes."})
    try:
        columns = columns_of(form, own)
    except BadColumnsError as error:
        raise ValidationError({"columns": str(error)}) from None
    with deed(ceremony.product, actor, "retro.set_up", ceremony=ceremony.pk) as done:
        retro = _opened(ceremony)
        if columns != retro.columns and retro.cards.exists():
            raise Conflict("has_cards", "There are cards already; their columns stay.")
        if votes_each != retro.votes_each and retro.phase in {"vote", "talk"}:
            raise Conflict("voted", "People vote already; their number of votes stays.")
        before = (retro.format, retro.columns, retro.votes_each)
        if before == (form, columns, votes_each):
            done.nothing_happened()
            return retro
        retro.format, retro.columns, retro.votes_each = form, columns, votes_each
        retro.save(update_fields=["format", "columns", "votes_each"])
    return retro


def go_to(ceremony: Ceremony, phase: str, *, actor: Actor, seen: str) -> Retro:
    """Go one phase forth or back. `seen` is the phase that the actor was shown: where somebody else
    has gone on meanwhile to the same one nothing more happens, and to another it is a Conflict."""
    with deed(ceremony.product, actor, "retro.phase", ceremony=ceremony.pk, phase=phase) as done:
        retro = _opened(ceremony)
        if retro.phase == phase:
            done.nothing_happened()
            return retro
        if retro.phase != seen:
            now = Retro.Phase(retro.phase).label
            raise Conflict("phase_changed", f"Somebody else went on to “{now}” meanwhile.")
        if not may_follow(retro.phase, phase):
            raise DomainError("no_such_phase", "Go one phase on, or one back.")
        retro.phase = phase
        retro.save(update_fields=["phase"])
    return retro


def write_card(ceremony: Ceremony, seat: Participant, column: int, text: str) -> RetroCard:
    """A card of nobody's name, hidden from others until the cards are revealed.

    Raises Conflict once they are, Refused for observers, and DomainError for one without words.
    """
    with _unnamed(ceremony, "retro.card_written"):
        retro = _in_phase(ceremony, "write", seat)
        if not 0 <= column < len(retro.columns):
            raise DomainError("no_such_column", "Choose one of the columns.")
        if retro.cards.count() >= MOST_CARDS:
            raise DomainError("too_many_cards", f"There are {MOST_CARDS} cards; that will do.")
        card = RetroCard(id=uuid.uuid4(), retro=retro, column=column, text=_words(text))
        card.mark = _mark(retro.ceremony, seat, card.pk)
        card.save()
    return card


def change_card(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID, text: str) -> None:
    """Word one's own card anew, while the ceremony runs. Raises NotFound for any other."""
    with _unnamed(ceremony, "retro.card_changed"):
        card = _own(_opened(ceremony), seat, card_id)
        card.text = _words(text)
        card.save(update_fields=["text"])


def delete_card(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID) -> None:
    """Take one's own card away; its group stays, with its title and votes. Raises NotFound for any
    other."""
    with _unnamed(ceremony, "retro.card_deleted"):
        card = _own(_opened(ceremony), seat, card_id)
        _pass_on(card)
        card.delete()


def group_card(
    ceremony: Ceremony, seat: Participant, card_id: uuid.UUID, onto_id: uuid.UUID
) -> RetroCard:
    """Put a card, with those under it, into the group of another one; the first card of it.

    Raises Conflict in another phase and NotFound for cards that are gone.
    """
    with _unnamed(ceremony, "retro.grouped") as done:
        retro = _in_phase(ceremony, "group", seat)
        card, onto = _card(retro, card_id), _card(retro, onto_id)
        head = onto.under or onto
        if head.pk in {card.pk, card.under_id}:
            done.nothing_happened()
            return head
        card.others.update(under=head)
        head.title = head.title or card.title
        card.under, card.title = head, ""
        card.save(update_fields=["under", "title"])
        head.save(update_fields=["title"])
    return head


def ungroup_card(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID) -> None:
    """Take a card out of its group; the others stay together."""
    with _unnamed(ceremony, "retro.grouped") as done:
        retro = _in_phase(ceremony, "group", seat)
        card = _card(retro, card_id)
        if card.under_id is None and not card.others.exists():
            done.nothing_happened()
            return
        _pass_on(card)
        card.under, card.title = None, ""
        card.save(update_fields=["under", "title"])


def name_group(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID, title: str) -> None:
    """Give the group of a card a title; an empty one takes it away."""
    with _unnamed(ceremony, "retro.grouped"):
        retro = _opened(ceremony)
        require_part(seat, ceremony)
        if retro.phase == Retro.Phase.WRITE:
            raise Conflict("phase_changed", "Groups have titles once the cards are revealed.")
        found = _card(retro, card_id)
        head = found.under or found
        head.title = " ".join(plain_text(title, LONGEST_TITLE, "A title").split())
        head.save(update_fields=["title"])


def cast_vote(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID) -> None:
    """One vote for a card and its group; several for the same one are fine.

    Raises Conflict in another phase or without a vote left, and NotFound for a card that is gone.
    """
    with _unnamed(ceremony, "retro.voted"):
        retro = _in_phase(ceremony, "vote", seat)
        found = _card(retro, card_id)
        marks = slots_of(retro, seat)
        held = set(RetroVote.objects.filter(mark__in=marks).values_list("mark", flat=True))
        free = free_slots([mark in held for mark in marks])
        if not free:
            raise Conflict("no_votes_left", "All your votes are given; take one back first.")
        RetroVote.objects.create(mark=marks[free[0]], card=found.under or found)


def take_back_vote(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID) -> None:
    """Take one of one's own votes back from a card and its group."""
    with _unnamed(ceremony, "retro.voted") as done:
        retro = _in_phase(ceremony, "vote", seat)
        found = _card(retro, card_id)
        head = found.under_id or found.pk
        group = [head, *RetroCard.objects.filter(under=head).values_list("pk", flat=True)]
        mine = RetroVote.objects.filter(mark__in=slots_of(retro, seat), card__in=group).last()
        if mine is None:
            done.nothing_happened()
            return
        mine.delete()


def _unnamed(ceremony: Ceremony, kind: str) -> Any:
    return deed(ceremony.product, Actor.system(), kind, ceremony=ceremony.pk)


def _opened(ceremony: Ceremony) -> Retro:
    """The retrospective of a ceremony that is not over; nobody else does a deed in it."""
    fresh = lock_open(ceremony)
    if fresh.kind != Ceremony.Kind.RETROSPECTIVE:
        raise NotFound("no_retro", "This ceremony is no retrospective.")
    retro, _ = Retro.objects.get_or_create(ceremony=fresh)
    retro.ceremony = fresh
    return retro


def _in_phase(ceremony: Ceremony, phase: str, seat: Participant) -> Retro:
    retro = _opened(ceremony)
    require_part(seat, ceremony)
    if retro.phase != phase:
        raise Conflict("phase_changed", DONE_IN[PHASES[PHASES.index(phase)]])
    return retro


def _card(retro: Retro, card_id: uuid.UUID) -> RetroCard:
    found = retro.cards.select_related("under").filter(pk=card_id).first()
    if found is None:
        raise NotFound("no_card", "This card was taken away meanwhile.")
    return found


def _own(retro: Retro, seat: Participant, card_id: uuid.UUID) -> RetroCard:
    require_part(seat, retro.ceremony)
    card = _card(retro, card_id)
    if not hmac.compare_digest(card.mark, _mark(retro.ceremony, seat, card.pk)):
        raise NotFound("not_yours", "There is no such card of yours.")
    return card


def _pass_on(card: RetroCard) -> None:
    """Let the next card of a group take the place of its first one, with title and votes."""
    heir = card.others.first()
    if heir is None:
        return
    card.others.exclude(pk=heir.pk).update(under=heir)
    heir.under, heir.title = None, card.title
    heir.save(update_fields=["under", "title"])
    card.votes.update(card=heir)


def _mark(ceremony: Ceremony, seat: Participant, card_id: uuid.UUID) -> str:
    return mark_of(ceremony.secret, settings.SECRET_KEY, "card", seat.pk, card_id)


def _words(text: str) -> str:
    found = plain_text(text, LONGEST_CARD, "A card")
    if not found:
        raise DomainError("no_words", "Write a word or two on the card.")
    return found
