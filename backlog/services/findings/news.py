"""Who is told of findings: the owner of what they are about, once for a whole report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from backlog.models import Actor, Finding, FindingNews, Item, Product, Role, Subject, User
from backlog.rules import alerts
from backlog.rules.finding_news import Happened, news_in_words
from backlog.services.findings.storms import Gathered


@dataclass
class News:
    """What a report did that its owner wants to know. What is red again, or green again, while it
    flaps is no news, nor what joins a storm that was told of."""

    about: str
    filed: Sequence[Finding] = ()
    regressed: list[Finding] = field(default_factory=list)
    risen: list[Finding] = field(default_factory=list)
    unmuted: list[Finding] = field(default_factory=list)
    flapping: list[Finding] = field(default_factory=list)
    awaiting: int = 0
    gathered: Gathered | None = None

    def findings(self) -> list[Finding]:
        """All that it is about, each once."""
        found = [*self.new(), *self.regressed, *self.risen, *self.unmuted, *self.flapping]
        return list({finding.pk: finding for finding in found}.values())

    def new(self) -> list[Finding]:
        """What was filed and stands under no storm."""
        return [] if self.gathered else list(self.filed)


def tell_of_report(
    product: Product, subject: Subject | None, news: News, *, actor: Actor, at: datetime
) -> None:
    """One message for each who is to know, or none where nothing happened."""
    gathered = news.gathered
    if gathered and gathered.is_new:
        tell(
            product,
            people_of(product, subject, actor),
            gathered.parent.title,
            icon="alert-triangle",
            item=gathered.parent.item,
            at=at,
        )
    words = news_in_words(
        Happened(
            about=news.about,
            new=[finding.title for finding in news.new()],
            regressed=[finding.title for finding in news.regressed],
            risen=[finding.title for finding in news.risen],
            unmuted=[finding.title for finding in news.unmuted],
            flapping=[finding.title for finding in news.flapping],
            awaiting=news.awaiting,
        )
    )
    if words and not (gathered and gathered.is_new):
        found = news.findings()
        tell(
            product,
            people_of(product, subject, actor),
            words,
            finding=found[0] if len(found) == 1 and not news.awaiting else None,
            at=at,
        )


def news_for_channels(news: News, new: Sequence[Finding]) -> list[alerts.News]:
    """The same for channels, which also hear of what is new and not filed, or not yet."""
    joins_storm = news.gathered is not None and not news.gathered.is_new
    told = [
        *(("new", finding) for finding in new if not joins_storm),
        *(("back", finding) for finding in [*news.regressed, *news.unmuted]),
        *(("worse", finding) for finding in news.risen),
    ]
    return [
        alerts.News(
            what=what,
            title=finding.title,
            severity=finding.severity,
            priority=finding.priority,
            item=finding.item.ref if finding.item else "",
        )
        for what, finding in told
    ]


def tell_owners(
    product: Product, findings: Sequence[Finding], *, actor: Actor, at: datetime
) -> None:
    """Tell each owner once of all that a person has filed about what is theirs."""
    if not product.assign_owner:
        return
    groups: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.subject and finding.subject.owner_id:
            groups.setdefault(finding.subject.owner_id, []).append(finding)
    for theirs in groups.values():
        subject = theirs[0].subject
        words = news_in_words(
            Happened(subject.name if subject else "", new=[finding.title for finding in theirs])
        )
        one = theirs[0] if len(theirs) == 1 else None
        tell(product, people_of(product, subject, actor), words, finding=one, at=at)


def people_of(product: Product, subject: Subject | None, actor: Actor) -> list[User]:
    """The owner of the subject, else the product owners; not who did it."""
    members = User.objects.filter(memberships__product=product, is_active=True)
    owner = subject.owner_id if subject else None
    found = list(members.filter(pk=owner)) if owner else []
    if not found:
        found = list(members.filter(memberships__role=Role.PRODUCT_OWNER).distinct())
    return [user for user in found if actor.user is None or user.pk != actor.user.pk]


def tell(
    product: Product,
    people: Sequence[User],
    words: str,
    *,
    at: datetime,
    finding: Finding | None = None,
    item: Item | None = None,
    icon: str = "activity",
) -> None:
    """Write the message to each of these people, in one statement."""
    if not people:
        return
    FindingNews.objects.bulk_create(
        FindingNews(
            user=user,
            product=product,
            words=words[:400],
            icon=icon,
            finding=finding,
            item=item,
            at=at,
        )
        for user in people
    )


def mark_seen(person: User, finding: Finding | None = None) -> int:
    """The person has looked at what was told of one finding, or of all; how much was new."""
    found = FindingNews.objects.filter(user=person, read_at=None)
    if finding is not None:
        found = found.filter(finding=finding)
    return int(found.update(read_at=timezone.now()))
