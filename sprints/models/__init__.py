"""What the sprints floor keeps: the time boxes, who can give what to them, calendars."""

from sprints.models.calendars import TeamCalendar
from sprints.models.sprints import Share, Sprint, SprintSubject

__all__ = ["Share", "Sprint", "SprintSubject", "TeamCalendar"]
