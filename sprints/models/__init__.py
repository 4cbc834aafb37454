"""What the sprints floor keeps: time boxes, who can give what to them, calendars, ceremonies."""

from sprints.models.calendars import TeamCalendar
from sprints.models.ceremonies import (
    AgendaTemplate,
    Block,
    BlockVersion,
    CalendarFeed,
    Ceremony,
    CeremonyNews,
    GuestLink,
    Outcome,
    Participant,
)
from sprints.models.dailies import DailyNote
from sprints.models.poker import ImportanceVote, Pick, PokerScale, PokerVote, Round
from sprints.models.reminders import ActionNews, Notice
from sprints.models.retros import Retro, RetroCard, RetroVote
from sprints.models.sprints import Share, Sprint, SprintSubject

__all__ = [
    "ActionNews",
    "AgendaTemplate",
    "Block",
    "BlockVersion",
    "CalendarFeed",
    "Ceremony",
    "CeremonyNews",
    "DailyNote",
    "GuestLink",
    "ImportanceVote",
    "Notice",
    "Outcome",
    "Participant",
    "Pick",
    "PokerScale",
    "PokerVote",
    "Retro",
    "RetroCard",
    "RetroVote",
    "Round",
    "Share",
    "Sprint",
    "SprintSubject",
    "TeamCalendar",
]
