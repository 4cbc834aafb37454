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
from sprints.models.sprints import Share, Sprint, SprintSubject

__all__ = [
    "AgendaTemplate",
    "Block",
    "BlockVersion",
    "CalendarFeed",
    "Ceremony",
    "CeremonyNews",
    "GuestLink",
    "Outcome",
    "Participant",
    "Share",
    "Sprint",
    "SprintSubject",
    "TeamCalendar",
]
