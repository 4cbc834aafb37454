"""Planning poker: a product's scale, the items of a ceremony, hidden votes, and importance."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from backlog.models import Item, Product, User
from sprints.models.ceremonies import Ceremony, Participant
from sprints.rules.poker import USUAL_SCALE


def usual_scale() -> list[str]:
    """½ and the numbers that most teams know from their decks."""
    return list(USUAL_SCALE)


class PokerScale(models.Model):
    """The cards that a product votes with; a product without a row has the usual ones.

    `cards` are numbers as text, in their order; "?" and coffee are always among them unwritten.
    """

    product = models.OneToOneField(
        Product, models.CASCADE, primary_key=True, related_name="poker_scale"
    )
    cards = models.JSONField(default=usual_scale)

    def __str__(self) -> str:
        return f"Scale of {self.product_id}"


class Pick(models.Model):
    """An item that a ceremony talks about."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="picks")
    item = models.ForeignKey(Item, models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["ceremony", "item"], name="picked_once_in_a_ceremony")
        ]

    def __str__(self) -> str:
        return f"{self.item_id} in {self.ceremony_id}"


class Round(models.Model):
    """A vote on the estimate of one item; voting anew is a new round.

    `points` is the estimate that was accepted, of a round that was.
    """

    class State(models.TextChoices):
        VOTING = "voting", "Voting"
        REVEALED = "revealed", "Revealed"
        ACCEPTED = "accepted", "Accepted"

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="rounds")
    item = models.ForeignKey(Item, models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.VOTING)
    points = models.DecimalField(max_digits=6, decimal_places=1, null=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField()
    revealed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["ceremony", "item", "number"], name="one_round_of_a_number"
            ),
            models.UniqueConstraint(
                fields=["ceremony"], condition=Q(state="voting"), name="one_vote_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", points__isnull=False)
                | (Q(state__in=["voting", "revealed"]) & Q(points__isnull=True)),
                name="round_accepted_with_points",
            ),
        ]

    def __str__(self) -> str:
        return f"Round {self.number} of {self.item_id}"


class PokerVote(models.Model):
    """What one participant holds up in a round: nobody sees it before the reveal."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="votes")
    participant = models.ForeignKey(Participant, models.CASCADE, related_name="+")
    card = models.CharField(max_length=10)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["round", "participant"], name="one_vote_in_a_round")
        ]

    def __str__(self) -> str:
        return f"Vote in {self.round_id}"


class ImportanceVote(models.Model):
    """How much an item matters to a participant, 1 to 5."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="importance_votes")
    item = models.ForeignKey(Item, models.CASCADE, related_name="+")
    participant = models.ForeignKey(Participant, models.CASCADE, related_name="+")
    value = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)]
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["ceremony", "item", "participant"], name="one_importance_each"
            ),
            models.CheckConstraint(
                condition=Q(value__gte=1, value__lte=5), name="importance_from_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return f"Importance of {self.item_id}"
