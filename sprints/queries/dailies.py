"""A daily as a page shows it: what the board says of the sprint, and what each person says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backlog.models import Activity, Change, Member, Role, User
from backlog.queries.agendas import Reader
from sprints.models import Ceremony, DailyNote, Sprint
from sprints.queries.boards import Board, Card, board_of
from sprints.queries.minutes import plain
from sprints.rules.days import day_of
from sprints.rules.plain_words import in_line

MOST_MOVED = 8
SPEAK = (Role.DEVELOPER, Role.SCRUM_MASTER, Role.PRODUCT_OWNER)


@dataclass(frozen=True)
class Word:
    """What one person says, or that they have said nothing yet. `waits` is the ref of the item that
    they block by it, as long as that stands."""

    user: User
    note: DailyNote | None
    waits: str = ""
    is_me: bool = False


@dataclass(frozen=True)
class Own:
    """The reader's form: as they said it, else as their work and their last daily suggest."""

    done: str
    next: str
    blocked: str
    waits: str
    is_said: bool
    is_suggested: bool


@dataclass(frozen=True)
class Daily:
    """All of it, for one reader."""

    ceremony: Ceremony
    sprint: Sprint
    day: date
    board: Board | None
    ageing: Sequence[Card]
    waiting: Sequence[Card]
    recovered: Sequence[Card]
    people: Sequence[Word]
    own: Own | None
    choices: Sequence[Card]
    may_edit: bool
    may_join: bool

    @property
    def silent(self) -> list[str]:
        """Who has said nothing, by name."""
        return [str(word.user) for word in self.people if word.note is None]

    @property
    def said(self) -> int:
        return sum(word.note is not None for word in self.people)


def day_of_daily(ceremony: Ceremony, sprint: Sprint) -> date:
    """The day that a daily is of, where the sprint has its days."""
    return day_of(ceremony.starts_at, sprint.zone)


def facts(ceremony: Ceremony, reader: Reader) -> Mapping[str, Any] | None:
    """None for a daily of no sprint."""
    return None if ceremony.sprint is None else {"daily": daily_of(ceremony, reader)}


def daily_of(ceremony: Ceremony, reader: Reader) -> Daily:
    """A daily of a sprint as this reader may see it, in a fixed number of statements."""
    sprint = ceremony.sprint
    assert sprint is not None, "the caller asks"
    day = day_of_daily(ceremony, sprint)
    has_begun = sprint.backlog.started_at is not None
    board = board_of(sprint) if has_begun else None
    cards = _all_cards(board)
    notes = _notes(sprint, day)
    me = reader.participant.user if reader.participant is not None else None
    is_open = not ceremony.is_over
    may_edit = is_open and reader.may("item.edit")
    speaks = is_open and reader.may("ceremony.contribute")
    return Daily(
        ceremony=ceremony,
        sprint=sprint,
        day=day,
        board=board,
        ageing=[card for card in cards if card.is_old and not card.blocked],
        waiting=[card for card in cards if card.blocked and not card.is_done],
        recovered=[card for card in cards if card.may_be_done],
        people=_people(ceremony, sprint, notes, me),
        own=_own(sprint, day, notes, me, cards) if speaks and me else None,
        choices=[card for card in cards if not card.is_done],
        may_edit=may_edit,
        may_join=speaks and reader.participant is None,
    )


def words(ceremony: Ceremony) -> str:
    """For the minutes: who said what."""
    sprint = ceremony.sprint
    if sprint is None:
        return ""
    lines = []
    for note in _notes(sprint, day_of_daily(ceremony, sprint)):
        lines.append(f"- **{in_line(str(note.user))}**")
        item = f" ({note.blocked_item.ref})" if note.blocked_item else ""
        said = (("Done", note.done), ("Next", note.next), (f"Blocked{item}", note.blocked))
        for name, text in said:
            lines += _said(name, [line for line in text.splitlines() if line.strip()])
    return "\n".join(lines)


def _said(name: str, lines: Sequence[str]) -> list[str]:
    """Several lines stay apart, as a list below the name."""
    if len(lines) > 1:
        return [f"  - {name}:", *(f"    - {plain(line)}" for line in lines)]
    return [f"  - {name}: {in_line(line)}" for line in lines]


def _all_cards(board: Board | None) -> list[Card]:
    return [each for card in board.cards for each in (card, *card.tasks)] if board else []


def _notes(sprint: Sprint, day: date) -> list[DailyNote]:
    return list(
        DailyNote.objects.filter(sprint=sprint, day=day)
        .select_related("user", "blocked_item__product")
        .order_by("user__name")
    )


def _people(
    ceremony: Ceremony, sprint: Sprint, notes: Sequence[DailyNote], me: User | None
) -> list[Word]:
    """Who builds the product in the team of the sprint, or where nobody is in it at all; and
    whoever has said something."""
    said = {note.user_id: note for note in notes}
    builders = Member.objects.filter(product=ceremony.product, role__in=SPEAK)
    builders = builders.select_related("user").order_by("user__name")
    team = list(builders.filter(teams=sprint.backlog.team_id)) or list(builders)
    users = {member.user_id: member.user for member in team}
    users.update({note.user_id: note.user for note in notes if note.user_id not in users})
    return [
        Word(
            user=user,
            note=said.get(pk),
            waits=_waits(said.get(pk)),
            is_me=me is not None and me.pk == pk,
        )
        for pk, user in users.items()
    ]


def _waits(note: DailyNote | None) -> str:
    if note is None or note.blocked_item is None:
        return ""
    stands = note.marked and note.blocked_item.blocked_reason == note.marked
    return note.blocked_item.ref if stands else ""


def _own(
    sprint: Sprint, day: date, notes: Sequence[DailyNote], me: User, cards: Sequence[Card]
) -> Own:
    now = next((note for note in notes if note.user_id == me.pk), None)
    if now is not None:
        return Own(now.done, now.next, now.blocked, _waits(now), is_said=True, is_suggested=False)
    last = (
        DailyNote.objects.filter(sprint=sprint, user=me, day__lt=day)
        .select_related("blocked_item__product")
        .order_by("-day")
        .first()
    )
    done = _moved(sprint, me, last)
    mine = [card for card in cards if card.is_of(me) and card.column.category == "doing"]
    following = [f"{card.ref} {card.title}" for card in mine if card.is_task or not card.tasks]
    waits = _waits(last)
    return Own(
        done="\n".join(done),
        next="\n".join(following[:MOST_MOVED]),
        blocked=last.blocked if last and waits else "",
        waits=waits,
        is_said=False,
        is_suggested=bool(done or following or waits),
    )


def _moved(sprint: Sprint, me: User, last: DailyNote | None) -> list[str]:
    """What the person gave another status since they spoke last, as it is now, one a line."""
    since = last.written_at if last else sprint.backlog.started_at
    if since is None:
        return []
    activities = Activity.objects.filter(product=sprint.backlog.product_id, user=me, at__gt=since)
    changes = (
        Change.objects.filter(activity__in=activities, field="status", item__deleted_at=None)
        .select_related("item__product", "item__status")
        .order_by("-id")
    )
    items = list({change.item_id: change.item for change in changes[: 4 * MOST_MOVED]}.values())
    return [f"{item.ref} {item.title}: {item.status.name}" for item in items[:MOST_MOVED]][::-1]
