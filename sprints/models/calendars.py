"""When a team works: its time zone, weekdays, public holidays, and the length of its sprints."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from backlog.models import Team

WEEKDAYS = [0, 1, 2, 3, 4]


def usual_weekdays() -> list[int]:
    """Monday to Friday."""
    return list(WEEKDAYS)


class TeamCalendar(models.Model):
    """The calendar of a team; a team without one works Monday to Friday where the site is.

    `country` and `subdivision` are ISO 3166 codes, by which the holidays library knows the days;
    empty for none. `weekdays` counts from Monday, 0.
    """

    team = models.OneToOneField(Team, models.CASCADE, primary_key=True, related_name="calendar")
    zone = models.CharField(max_length=64)
    country = models.CharField(max_length=2, blank=True)
    subdivision = models.CharField(max_length=10, blank=True)
    weekdays = models.JSONField(default=usual_weekdays)
    sprint_days = models.PositiveSmallIntegerField(
        default=14, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )

    def __str__(self) -> str:
        return f"Calendar of {self.team}"
