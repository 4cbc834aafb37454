"""Retrospectives: anonymous cards in columns, their groups, and hidden votes.

Nothing here says who wrote or voted, nor when: ids are random, and a mark, by which people know
their own while the ceremony runs, tells nothing once its secret is dropped (see `rules.retros`).
"""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from sprints.models.ceremonies import Ceremony
from sprints.rules.retros import MOST_VOTES, USUAL_VOTES


def usual_columns() -> list[str]:
    """Those of the first format."""
    return ["Start", "Stop", "Continue"]


class Retro(models.Model):
    """How a retrospective is held: its columns, its votes per person and where it is."""

    class Format(models.TextChoices):
        START_STOP = "start_stop", "Start, stop, continue"
        FOUR_LS = "four_ls", "4 Ls"
        MOODS = "moods", "Mad, sad, glad"
        OWN = "own", "Own columns"

    class Phase(models.TextChoices):
        WRITE = "write", "Write"
        GROUP = "group", "Group"
        VOTE = "vote", "Vote"
        TALK = "talk", "Talk"

    ceremony = models.OneToOneField(
        Ceremony, models.CASCADE, primary_key=True, related_name="retro"
    )
    format = models.CharField(max_length=12, choices=Format, default=Format.START_STOP)
    columns = models.JSONField(default=usual_columns)
    votes_each = models.PositiveSmallIntegerField(
        default=USUAL_VOTES, validators=[MinValueValidator(1), MaxValueValidator(MOST_VOTES)]
    )
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.WRITE)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(phase__in=["write", "group", "vote", "talk"]), name="retro_phase"
            )
        ]

    def __str__(self) -> str:
        return f"Retrospective {self.ceremony_id}"


class RetroCard(models.Model):
    """What somebody wrote, in the column of this number; `under` is the card whose group it is in.

    The first card of a group bears its title. The id is random, and so is the order by it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    retro = models.ForeignKey(Retro, models.CASCADE, related_name="cards")
    column = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=500)
    mark = models.CharField(max_length=64)
    under = models.ForeignKey("self", models.SET_NULL, null=True, related_name="others")
    title = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(under__isnull=True) | ~Q(under=F("id")), name="card_not_under_itself"
            )
        ]

    def __str__(self) -> str:
        return self.text[:60]


class RetroVote(models.Model):
    """One vote for a card and its group. Its mark is of a person and of the number of the vote, so
    nobody has more votes than the retrospective gives, and no two of a person look alike."""

    mark = models.CharField(max_length=64, primary_key=True)
    card = models.ForeignKey(RetroCard, models.CASCADE, related_name="votes")

    class Meta:
        ordering = ["mark"]

    def __str__(self) -> str:
        return f"Vote for {self.card_id}"
