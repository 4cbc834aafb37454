"""Notes of a ceremony: one writer at a time, and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Activity, Actor, Product
from sprints.models import Block, Participant
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.notes import (
    LONGEST,
    Held,
    Stale,
    hold_block,
    release_block,
    restore_version,
    write_block,
)
from sprints.services.seats import take_seat
from tests.conftest import Cast


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def block(product: Product, olga: Actor) -> Block:
    made = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    found = made.blocks.last()
    assert found is not None
    return found


@pytest.fixture
def dora(block: Block, cast: Cast) -> Participant:
    return take_seat(block.ceremony, cast.dora)


@pytest.fixture
def max_(block: Block, cast: Cast) -> Participant:
    return take_seat(block.ceremony, cast.max)


def test_notes_leave_out_a_sign_that_postgresql_keeps_in_no_text(
    block: Block, dora: Participant, olga: Actor
) -> None:
    assert write_block(block, "a\0b", seat=dora, actor=olga, base_version=1).text == "ab"


def test_a_block_is_held_renewed_and_released(
    block: Block, dora: Participant, max_: Participant, olga: Actor
) -> None:
    hold_block(block, dora, actor=olga)
    hold_block(block, dora, actor=olga)
    with pytest.raises(Held, match="Dora Anyango"):
        hold_block(block, max_, actor=olga)
    release_block(block, max_, actor=olga)  # not theirs to release
    with pytest.raises(Held):
        write_block(block, "Mine", seat=max_, actor=olga, base_version=1)
    release_block(block, dora, actor=olga)
    assert write_block(block, "Mine", seat=max_, actor=olga, base_version=1).text == "Mine"
    kinds = list(Activity.objects.filter(kind__startswith="ceremony.note").values_list("kind"))
    assert kinds == [
        ("ceremony.note_held",), ("ceremony.note_released",), ("ceremony.note_written",),
    ]  # fmt: skip


def test_deeds_say_which_ceremony_block_and_person(
    block: Block, dora: Participant, olga: Actor
) -> None:
    write_block(block, "Rain", seat=dora, actor=Actor.guest(), base_version=1)
    data = Activity.objects.get(kind="ceremony.note_written").data
    assert data == {"ceremony": block.ceremony_id, "block": block.pk, "participant": dora.pk}


def test_writing_on_is_one_version_and_what_gets_shorter_is_another(
    block: Block, dora: Participant, olga: Actor, travel: Any
) -> None:
    travel("2026-04-07 09:00+00:00")
    for version, text in enumerate(["Ra", "Rain", "Rain and"], start=1):
        write_block(block, text, seat=dora, actor=olga, base_version=version, goes_on=True)
    write_block(block, "Sun", seat=dora, actor=olga, base_version=4)
    assert list(block.versions.values_list("version", "text")) == [(5, "Sun"), (4, "Rain and")]


def test_after_a_minute_and_for_another_person_it_is_a_version_of_its_own(
    block: Block, dora: Participant, max_: Participant, olga: Actor, travel: Any
) -> None:
    travel("2026-04-07 09:00+00:00")
    write_block(block, "a", seat=dora, actor=olga, base_version=1)
    travel("2026-04-07 09:02+00:00")
    write_block(block, "ab", seat=dora, actor=olga, base_version=2)
    write_block(block, "abc", seat=max_, actor=olga, base_version=3)
    assert block.versions.count() == 3


def test_a_stale_text_is_given_back_with_what_stands_there(
    block: Block, dora: Participant, max_: Participant, olga: Actor
) -> None:
    write_block(block, "By Dora", seat=dora, actor=olga, base_version=1)
    with pytest.raises(Stale) as refused:
        write_block(block, "By Max", seat=max_, actor=olga, base_version=1)
    assert refused.value.status == 409
    assert refused.value.extra == {"theirs": "By Dora", "yours": "By Max", "version": 2}
    block.refresh_from_db()
    assert block.text == "By Dora"


def test_the_same_text_again_changes_nothing_even_from_an_old_version(
    block: Block, dora: Participant, olga: Actor
) -> None:
    write_block(block, "Same", seat=dora, actor=olga, base_version=1)
    again = write_block(block, "Same", seat=dora, actor=olga, base_version=1)
    assert again.version == 2
    assert Activity.objects.filter(kind="ceremony.note_written").count() == 1


@pytest.mark.parametrize(("length", "fits"), [(LONGEST, True), (LONGEST + 1, False)])
def test_notes_have_an_end(
    block: Block, dora: Participant, olga: Actor, length: int, fits: bool
) -> None:
    if fits:
        write_block(block, "x" * length, seat=dora, actor=olga, base_version=1)
    else:
        with pytest.raises(ValidationError, match="Nothing was saved"):
            write_block(block, "x" * length, seat=dora, actor=olga, base_version=1)


def test_restoring_writes_anew_and_loses_nothing(
    block: Block, dora: Participant, olga: Actor
) -> None:
    write_block(block, "A long text", seat=dora, actor=olga, base_version=1)
    write_block(block, "Short", seat=dora, actor=olga, base_version=2)
    first = block.versions.get(version=2)
    restored = restore_version(first, seat=dora, actor=olga, base_version=3)
    assert (restored.text, restored.version) == ("A long text", 4)
    assert block.versions.filter(text="Short").exists()
