"""The glossary: words of a product, what they mean to each trade, and how agreed that is."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models.fields import RankField
from backlog.models.people import User
from backlog.models.products import Product
from backlog.models.subjects import Subject


class Term(models.Model):
    """A word with its meaning. Its definition at any time stands among its versions."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        AGREED = "agreed", "Agreed"
        CONTESTED = "contested", "Contested"

    product = models.ForeignKey(Product, models.CASCADE, related_name="terms")
    word = models.CharField(max_length=120)
    folded = RankField(max_length=250)  # so that both databases sort alike
    definition = models.TextField(max_length=4000)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    reason = models.TextField(max_length=2000, blank=True)
    version = models.PositiveIntegerField(default=1)
    words = models.TextField(blank=True)
    proposed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    proposed_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    agreed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    agreed_at = models.DateTimeField(null=True)
    contested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    contested_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["folded", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "folded"], name="term_word_in_product"),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "agreed", "contested"]), name="term_state"
            ),
            models.CheckConstraint(
                condition=~Q(word="") & ~Q(folded="") & ~Q(definition=""),
                name="a_term_has_a_word_and_a_definition",
            ),
            models.CheckConstraint(
                condition=~Q(state="contested") | ~Q(reason=""), name="a_contest_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.word


class TermName(models.Model):
    """The word of a term, or a synonym: what it is found by. No two terms share one."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="names")
    product = models.ForeignKey(Product, models.CASCADE, related_name="term_names")
    name = models.CharField(max_length=120)
    folded = models.CharField(max_length=250)
    is_word = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "folded"], name="term_name_in_product"),
            models.UniqueConstraint(
                fields=["term"], condition=Q(is_word=True), name="one_word_of_a_term"
            ),
            models.CheckConstraint(condition=~Q(folded=""), name="a_term_name_has_letters"),
        ]

    def __str__(self) -> str:
        return self.name


class TermMeaning(models.Model):
    """What a term means to one trade, such as "planner" or "data scientist"."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="meanings")
    trade = models.CharField(max_length=60)
    folded = models.CharField(max_length=130)
    text = models.TextField(max_length=2000)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["term", "folded"], name="one_meaning_for_a_trade"),
            models.CheckConstraint(
                condition=~Q(folded="") & ~Q(text=""), name="a_meaning_has_a_trade_and_words"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trade}: {self.text}"


class TermColumn(models.Model):
    """A column of a dataset that a term describes."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="columns")
    subject = models.ForeignKey(Subject, models.CASCADE, related_name="term_columns")
    column = models.CharField(max_length=200)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["term", "subject", "column"], name="a_term_describes_a_column_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject}.{self.column}"


class TermVersion(models.Model):
    """A term as it was from one deed to the next: what it meant when an old text was written."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    deed = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=Term.State)
    word = models.CharField(max_length=120)
    definition = models.TextField(max_length=4000)
    synonyms = models.JSONField(default=list)
    meanings = models.JSONField(default=list)
    columns = models.JSONField(default=list)
    reason = models.TextField(max_length=2000, blank=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["term", "number"], name="term_version_number")
        ]

    def __str__(self) -> str:
        return f"{self.word} {self.number}"


class TermRemark(models.Model):
    """What somebody says about a term on its talk page."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="talk")
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    text = models.TextField(max_length=10_000)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="a_remark_says_something")
        ]

    def __str__(self) -> str:
        return self.text[:80]


class TermNews(models.Model):
    """What a person is told of a term: that somebody contests what they have had a hand in."""

    term = models.ForeignKey(Term, models.CASCADE, related_name="news")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(
                fields=["user"], condition=Q(read_at__isnull=True), name="unseen_term_of_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.term_id} is contested"
