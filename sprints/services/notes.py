"""Notes of a ceremony: one person writes in a block at a time, and nothing that was written is
lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from backlog.models import Actor
from backlog.services.deeds import deed
from mlscrum.lib import clock
from mlscrum.lib.errors import Conflict
from sprints.models import Block, BlockVersion, Participant
from sprints.services.ceremony_locks import locked

HELD_FOR = timedelta(seconds=30)
# What one person goes on writing within this time is one version, as long as it grows.
ONE_SITTING = timedelta(minutes=1)
LONGEST = 100_000  # signs


class Held(Conflict):
    """Somebody else writes in the block now."""


class Stale(Conflict):
    """The block was written since; `yours` is what was sent, `theirs` what stands there now."""


def hold_block(block: Block, seat: Participant, *, actor: Actor) -> Block:
    """Let this person write in the block for the next 30 seconds, or go on doing so.

    Raises Held while somebody else does.
    """
    ceremony = block.ceremony
    with deed(ceremony.product, actor, "ceremony.note_held", ceremony=ceremony.pk, block=block.pk,
              participant=seat.pk) as done:  # fmt: skip
        fresh = _locked(block)
        _refuse_held(fresh, seat, done.at)
        if fresh.held_by_id == seat.pk and is_held(fresh, done.at):
            done.nothing_happened()  # nobody sees a difference
        fresh.held_by, fresh.held_until = seat, done.at + HELD_FOR
        fresh.save(update_fields=["held_by", "held_until"])
    return fresh


def release_block(block: Block, seat: Participant, *, actor: Actor) -> None:
    """Let others write; who does not hold it changes nothing."""
    ceremony = block.ceremony
    with deed(ceremony.product, actor, "ceremony.note_released", ceremony=ceremony.pk,
              block=block.pk, participant=seat.pk) as done:  # fmt: skip
        freed = Block.objects.filter(pk=block.pk, held_by=seat).update(
            held_by=None, held_until=None
        )
        if not freed:
            done.nothing_happened()


def write_block(
    block: Block,
    text: str,
    *,
    seat: Participant,
    actor: Actor,
    base_version: int,
    goes_on: bool = False,
) -> Block:
    """Put this text into the block, which the writer saw at `base_version`; the same text again
    changes nothing. What stood there stays among its versions. With `goes_on` the writer holds the
    block for 30 seconds more.

    Raises ValidationError for a text above 100,000 signs, Held while somebody else writes, Stale
    where somebody has written since, and Conflict where the ceremony or its point is gone.
    """
    text = text.replace("\0", "").replace("\r\n", "\n")
    if len(text) > LONGEST:
        why = (
            f"Notes of a point hold {LONGEST:,} letters, and these are {len(text):,}."
            " Nothing was saved: shorten them, or add a link to the long text."
        )
        raise ValidationError({"text": why})
    ceremony = block.ceremony
    with deed(ceremony.product, actor, "ceremony.note_written", ceremony=ceremony.pk,
              block=block.pk, participant=seat.pk) as done:  # fmt: skip
        locked(ceremony)
        fresh = _locked(block)
        is_same = fresh.text == text
        if not is_same:
            if base_version != fresh.version:
                raise Stale(
                    "note_changed",
                    "Somebody else has written here since; your text is below and not lost.",
                    theirs=fresh.text,
                    yours=text,
                    version=fresh.version,
                )
            _refuse_held(fresh, seat, done.at)
            fresh.text, fresh.version = text, fresh.version + 1
            _keep(fresh, seat, done.at)
        if goes_on:
            _refuse_held(fresh, seat, done.at)
            fresh.held_by, fresh.held_until = seat, done.at + HELD_FOR
        elif fresh.held_by_id == seat.pk:
            fresh.held_by = fresh.held_until = None
        elif is_same:
            done.nothing_happened()
        if is_same and goes_on:
            done.nothing_happened()
        fresh.save(update_fields=["text", "version", "held_by", "held_until"])
    return fresh


def restore_version(
    version: BlockVersion, *, seat: Participant, actor: Actor, base_version: int
) -> Block:
    """Write what the block said then anew; what it says now stays among its versions."""
    return write_block(
        version.block, version.text, seat=seat, actor=actor, base_version=base_version
    )


def is_held(block: Block, at: datetime | None = None) -> bool:
    """Whether somebody writes in it at that moment."""
    return block.held_until is not None and block.held_until > (at or clock.now())


def _locked(block: Block) -> Block:
    fresh = (
        Block.objects.select_for_update(no_key=True, of=("self",))
        .select_related("held_by", "ceremony__product")
        .filter(pk=block.pk)
        .first()
    )
    if fresh is None:
        raise Conflict("block_gone", "This point was taken off the agenda meanwhile.")
    return fresh


def _refuse_held(block: Block, seat: Participant, at: datetime) -> None:
    if is_held(block, at) and block.held_by_id not in {None, seat.pk}:
        raise Held("note_held", f"{block.held_by} is writing here; wait until they are done.")


def _keep(block: Block, seat: Participant, at: datetime) -> None:
    """Remember what the block says from now on: one person's writing on within a minute is one
    version, unless it became shorter and so would lose something."""
    last = block.versions.first()
    goes_on = (
        last is not None
        and last.written_by_id == seat.pk
        and at - last.at < ONE_SITTING
        and len(block.text) >= len(last.text)
        and block.text.startswith(last.text[: len(last.text) // 2])
    )
    if last is not None and goes_on:
        last.version, last.text = block.version, block.text
        last.save(update_fields=["version", "text"])
        return
    BlockVersion.objects.create(
        block=block, version=block.version, text=block.text, written_by=seat, at=at
    )
