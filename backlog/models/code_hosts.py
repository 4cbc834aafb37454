"""Code hosts: who tells a product of commits and pull requests, and what became of each message."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models.people import User
from backlog.models.products import Product, Status


class OnMerge(models.TextChoices):
    """What happens to an item when what fixes it reaches the default branch."""

    DONE = "done", "Set it to done"
    STATUS = "status", "Set it to the status named below"
    STAY = "stay", "Leave it where it is"


class CodeHost(models.Model):
    """A GitHub, GitLab or Gitea that posts its events to `/hooks/<address>/`.

    Items that a pull request fixes go to `opened_status` when it is opened, if there is one, and
    as `on_merge` says once it is merged; `merged_status` is the status that STATUS names.
    """

    class Kind(models.TextChoices):
        GITHUB = "github", "GitHub"
        GITLAB = "gitlab", "GitLab"
        GITEA = "gitea", "Gitea"

    product = models.ForeignKey(Product, models.CASCADE, related_name="code_hosts")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=64, unique=True)
    opened_status = models.ForeignKey(Status, models.SET_NULL, null=True, related_name="+")
    on_merge = models.CharField(max_length=10, choices=OnMerge, default=OnMerge.DONE)
    merged_status = models.ForeignKey(Status, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="code_host_name_in_product"),
            models.CheckConstraint(
                condition=Q(kind__in=["github", "gitlab", "gitea"]), name="code_host_kinds"
            ),
            models.CheckConstraint(
                condition=Q(on_merge__in=["done", "status", "stay"]), name="code_host_on_merge"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CodeHostSecret(models.Model):
    """What the messages of a code host are signed with, encrypted; after a change the ones before
    hold `until` a day later."""

    code_host = models.ForeignKey(CodeHost, models.CASCADE, related_name="secrets")
    secret = models.TextField()
    until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"a secret of {self.code_host}"


class HostMessage(models.Model):
    """One message of a code host: `event` in its own words, and in `lines` what was done with it,
    or why nothing was.

    `message_id` is the host's own, `digest` that of the body: the same again changes nothing. One
    that was refused has neither, for nobody knows who sent it.
    """

    class State(models.TextChoices):
        WORKING = "working", "Being read"
        TAKEN = "taken", "Taken"
        IGNORED = "ignored", "Ignored"
        REFUSED = "refused", "Refused"

    code_host = models.ForeignKey(CodeHost, models.CASCADE, related_name="messages")
    message_id = models.CharField(max_length=200, null=True)  # noqa: DJ001 - unique where known
    digest = models.CharField(max_length=64, null=True)  # noqa: DJ001 - unique where known
    event = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10, choices=State)
    lines = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["code_host", "message_id"], name="a_message_is_taken_once"
            ),
            models.UniqueConstraint(fields=["code_host", "digest"], name="a_body_is_taken_once"),
            models.CheckConstraint(
                condition=Q(state__in=["working", "taken", "ignored", "refused"]),
                name="host_message_states",
            ),
        ]
        indexes = [models.Index(fields=["at"], name="host_messages_by_age")]

    def __str__(self) -> str:
        return f"{self.event} of {self.code_host}"
