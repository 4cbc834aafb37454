"""Ceremonies: when a team talks, who is there, what is written down and what comes of it."""

from __future__ import annotations

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from backlog.models import Item, Product, User
from sprints.models.sprints import Sprint
from sprints.rules.ceremonies import IN_PLAIN_WORDS

LONGEST_MINUTES = 600
LONGEST_NOTICE = 7 * 24 * 60  # minutes


class Ceremony(models.Model):
    """A meeting of a product, mostly of one sprint; planned, then running, then over.

    `secret` keys the hashes that let the authors of anonymous cards and votes change them, and is
    dropped as the ceremony ends, so that nobody can be told from them any more. `version` counts
    changes of what a form sets, and of nothing else: neither its course nor its clock.
    """

    class Kind(models.TextChoices):
        REFINEMENT = "refinement", "Refinement"
        PLANNING = "planning", "Planning"
        DAILY = "daily", "Daily"
        REVIEW = "review", "Review"
        RETROSPECTIVE = "retrospective", "Retrospective"

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        RUNNING = "running", "Running"
        OVER = "over", "Over"

    product = models.ForeignKey(Product, models.CASCADE, related_name="ceremonies")
    # What was said stays, even where the sprint that it was about is thrown away.
    sprint = models.ForeignKey(Sprint, models.SET_NULL, null=True, related_name="ceremonies")
    kind = models.CharField(max_length=20, choices=Kind)
    title = models.CharField(max_length=120)
    starts_at = models.DateTimeField()
    minutes = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_MINUTES)]
    )
    place = models.CharField(max_length=300, blank=True)  # a room, or the address of a call
    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # The timer runs towards a moment, or is paused with so much left.
    timer_ends_at = models.DateTimeField(null=True)
    timer_left_s = models.PositiveIntegerField(null=True)
    # How long before its start people are reminded; None: not at all.
    remind_minutes = models.PositiveSmallIntegerField(
        null=True, default=15, validators=[MaxValueValidator(LONGEST_NOTICE)]
    )
    reminded_for = models.DateTimeField(null=True)  # the start that people were reminded of
    secret = models.CharField(max_length=64, blank=True, default=secrets.token_hex)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-starts_at", "-id"]
        indexes = [models.Index(fields=["product", "starts_at"], name="ceremony_of_product")]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=["refinement", "planning", "daily", "review", "retrospective"]
                ),
                name="ceremony_kind",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["planned", "running", "over"]), name="ceremony_state"
            ),
            models.CheckConstraint(
                condition=Q(state="over", closed_at__isnull=False)
                | (~Q(state="over") & Q(closed_at__isnull=True)),
                name="ceremony_over_when_closed",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def in_plain_words(self) -> str:
        """What such a ceremony is, for those who have never been to one."""
        return IN_PLAIN_WORDS[self.kind]

    @property
    def is_over(self) -> bool:
        return self.state == self.State.OVER


class AgendaTemplate(models.Model):
    """What a kind of ceremony talks about in a product: points that a new one begins with.

    `points` is a list of {"title", "minutes", "slot"}; a slot names a part of the page that shows
    evidence, such as the findings of the sprint.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="agenda_templates")
    kind = models.CharField(max_length=20, choices=Ceremony.Kind)
    points = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "kind"], name="one_agenda_for_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.product_id}"


class GuestLink(models.Model):
    """A way into one ceremony without an account, for people of one trade, until it expires, is
    revoked or the ceremony has been over for a while; only its hash is kept."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="guest_links")
    trade = models.CharField(max_length=60, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    is_observer = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Link into {self.ceremony_id}"

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class Participant(models.Model):
    """Somebody of a ceremony: a member, or a guest who came by a link and gave a name.

    `trade` is the role that the person speaks for: a member's role, or what the link says.
    `seen_at` is when a page of theirs last said that it is open; None where none has since they
    came, or where they left by themselves.
    """

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="participants")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    link = models.ForeignKey(GuestLink, models.CASCADE, null=True, related_name="guests")
    name = models.CharField(max_length=120)
    trade = models.CharField(max_length=60)
    is_observer = models.BooleanField(default=False)
    is_present = models.BooleanField(default=False)
    joined_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["ceremony", "user"], name="once_in_a_ceremony"),
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(link__isnull=True),
                name="a_member_or_a_guest",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_guest(self) -> bool:
        return self.user_id is None

    @property
    def initials(self) -> str:
        """One or two letters for the face in lists."""
        words = self.name.split() or ["?"]
        return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper()


class Block(models.Model):
    """A point of the agenda with its notes: one person writes in it at a time."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="blocks")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120)
    minutes = models.PositiveSmallIntegerField(null=True)
    slot = models.CharField(max_length=40, blank=True)
    text = models.TextField(blank=True, max_length=100_000)
    # What its slot said as the ceremony ended; None where it is still asked anew.
    evidence = models.TextField(null=True)  # noqa: DJ001 - "" where it had nothing to say
    version = models.PositiveIntegerField(default=1)
    held_by = models.ForeignKey(Participant, models.SET_NULL, null=True, related_name="+")
    held_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.title


class BlockVersion(models.Model):
    """What a block said before: nothing that was written is lost."""

    block = models.ForeignKey(Block, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    written_by = models.ForeignKey(Participant, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["block", "version"], name="one_text_for_a_version")
        ]

    def __str__(self) -> str:
        return f"{self.block_id} at {self.version}"


class Outcome(models.Model):
    """What came of a ceremony: an insight, a decision, or an action with its owner.

    An insight goes captured -> accepted -> converted, or is declined with a reason; an action is
    converted as it becomes an item. `target` says what it became, where that is no item: the
    criterion of `item`, a term, or the expectation of a dataset.
    """

    class Kind(models.TextChoices):
        INSIGHT = "insight", "Insight"
        DECISION = "decision", "Decision"
        ACTION = "action", "Action"

    class Sort(models.TextChoices):
        CONSTRAINT = "constraint", "Constraint"
        DATA = "data", "Data"
        METRIC = "metric", "Metric"
        RISK = "risk", "Risk"
        IDEA = "idea", "Idea"

    class State(models.TextChoices):
        CAPTURED = "captured", "Captured"
        ACCEPTED = "accepted", "Accepted"
        CONVERTED = "converted", "Converted"
        DECLINED = "declined", "Declined"

    class Into(models.TextChoices):
        ITEM = "item", "Item"
        CRITERION = "criterion", "Acceptance criterion"
        TERM = "term", "Term"
        EXPECTATION = "expectation", "Expectation"

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="outcomes")
    block = models.ForeignKey(Block, models.SET_NULL, null=True, related_name="outcomes")
    kind = models.CharField(max_length=10, choices=Kind)
    sort = models.CharField(max_length=12, choices=Sort, blank=True)
    text = models.TextField(max_length=2000)
    state = models.CharField(max_length=10, choices=State, default=State.CAPTURED)
    reason = models.CharField(max_length=500, blank=True)
    said_by = models.ForeignKey(Participant, models.SET_NULL, null=True, related_name="outcomes")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    due_date = models.DateField(null=True)
    into = models.CharField(max_length=12, choices=Into, blank=True)
    item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="outcomes")
    target = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    converted_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["insight", "decision", "action"]), name="outcome_kind"
            ),
            models.CheckConstraint(
                condition=Q(state="converted", converted_at__isnull=False)
                | (~Q(state="converted") & Q(converted_at__isnull=True)),
                name="outcome_converted_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class CalendarFeed(models.Model):
    """A person's secret address of the ceremonies of a product, for their calendar; only the hash
    of the secret is kept."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="calendar_feeds")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "user"], name="one_feed_of_a_person")
        ]

    def __str__(self) -> str:
        return f"Calendar of {self.user_id} in {self.product_id}"


class CeremonyNews(models.Model):
    """What a person is told of a ceremony: that it begins soon."""

    ceremony = models.ForeignKey(Ceremony, models.CASCADE, related_name="news")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(
                fields=["user"], condition=Q(read_at__isnull=True), name="unseen_ceremony_of_user"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["ceremony", "user", "starts_at"], name="told_once_of_a_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.ceremony_id} begins"
