"""Sprints: the time box around a sprint backlog, and what its team can give to it."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from backlog.models import Backlog, Subject, User


class Sprint(models.Model):
    """The time box of a sprint backlog, which has its team, dates and state; their id is one.

    `report` is written once, when the sprint closes, and never changes again.
    """

    class Kind(models.TextChoices):
        DELIVERY = "delivery", "Delivery"
        DATA_ASSESSMENT = "data_assessment", "Data assessment"
        ETHICS = "ethics", "Ethics"
        TECHNIQUE = "technique", "Technique"

    class GoalMet(models.TextChoices):
        YES = "yes", "Yes"
        PARTLY = "partly", "Partly"
        NO = "no", "No"

    backlog = models.OneToOneField(
        Backlog, models.CASCADE, primary_key=True, related_name="sprint", editable=False
    )
    goal = models.TextField(blank=True, max_length=1000)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.DELIVERY)
    # IANA name: where the days of this sprint begin and end.
    zone = models.CharField(max_length=64)
    capacity_points = models.DecimalField(
        max_digits=7, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    capacity_gpu_hours = models.DecimalField(
        max_digits=9, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    # Health, 0 to 100, that the datasets of a data-assessment sprint must reach.
    target_health = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    goal_met = models.CharField(max_length=10, choices=GoalMet, blank=True)
    goal_reason = models.TextField(blank=True, max_length=2000)
    override_reason = models.TextField(blank=True, max_length=2000)
    closed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    report = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["delivery", "data_assessment", "ethics", "technique"]),
                name="sprint_kind",
            ),
            models.CheckConstraint(
                condition=Q(goal_met__in=["", "yes", "partly", "no"]), name="sprint_goal_met"
            ),
        ]

    def __str__(self) -> str:
        return self.backlog.name


class Share(models.Model):
    """What one person can give to a sprint: points and GPU-hours, less on the days off."""

    sprint = models.ForeignKey(Sprint, models.CASCADE, related_name="shares")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    points = models.DecimalField(
        max_digits=6, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    gpu_hours = models.DecimalField(
        max_digits=8, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    days_off = models.JSONField(default=list, blank=True)  # ISO dates within the sprint

    class Meta:
        ordering = ["user__name"]
        constraints = [
            models.UniqueConstraint(fields=["sprint", "user"], name="one_share_in_a_sprint")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.sprint}"


class SprintSubject(models.Model):
    """A dataset that a data-assessment sprint is about.

    `green_batches` is copied when the sprint starts: on so many newest batches it must hold.
    """

    sprint = models.ForeignKey(Sprint, models.CASCADE, related_name="subjects")
    subject = models.ForeignKey(Subject, models.CASCADE, related_name="+")
    green_batches = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["subject__name"]
        constraints = [
            models.UniqueConstraint(fields=["sprint", "subject"], name="subject_once_in_a_sprint")
        ]

    def __str__(self) -> str:
        return f"{self.subject} in {self.sprint}"
