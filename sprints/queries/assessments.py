"""What a sprint could be made of: datasets, their open findings, and which items can come along."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.urls import reverse

from backlog.models import Backlog, Category, Finding, Item, Kind, Product, Subject
from backlog.queries.offers import Offer
from backlog.queries.panels import May
from backlog.queries.subjects import health_targets_of

MOST_FINDINGS = 100  # of one sprint: more than a team reads, let alone mends
MOST_NAMED = 50  # in an address


@dataclass(frozen=True)
class FindingLine:
    """An open finding with its item, if it has one, and why that has to stay where it is."""

    finding: Finding
    item: Item | None
    stays: str
    is_chosen: bool


@dataclass(frozen=True)
class Proposal:
    """What is proposed for a data assessment of some datasets; `more` findings are not listed."""

    subjects: Sequence[Subject]
    name: str
    goal: str
    target_health: float | None
    lines: Sequence[FindingLine]
    more: int

    @property
    def has_something(self) -> bool:
        return any(not line.stays for line in self.lines)

    def goal_at(self, target: float, *, goal: str) -> str:
        """The goal as somebody left it; the proposed one names the target that was chosen."""
        if goal != self.goal:
            return goal
        names = [subject.name for subject in self.subjects]
        return _goal(_listed(names), target, len(names))


def make_a_sprint(subject: Subject, findings: Collection[int], may: May) -> Offer | None:
    """The button on a dataset's pages, for who runs sprints, while something is open."""
    if subject.kind != Subject.Kind.DATASET or not findings or not may("sprint.run"):
        return None
    chosen = sorted(findings) if len(findings) <= MOST_NAMED else []
    fields = [("dataset", subject.slug), *(("finding", str(pk)) for pk in chosen)]
    url = reverse("sprints:assessment", args=[subject.product.key])
    return Offer("Make a sprint of it", "calendar-event", url, fields)


def datasets_named(product: Product, slugs: Iterable[str]) -> list[Subject]:
    """The datasets of these slugs that there are, by name."""
    texts = [slug for slug in slugs if "\0" not in slug]  # which PostgreSQL compares with no text
    found = product.subjects.filter(kind=Subject.Kind.DATASET, slug__in=texts)
    return list(found.select_related("product").order_by("name"))


def datasets_with_findings(product: Product) -> list[Subject]:
    """The datasets that something is open about, with `open_count`."""
    datasets = product.subjects.filter(kind=Subject.Kind.DATASET)
    with_open = datasets.filter(findings__state=Finding.State.OPEN)
    return list(with_open.annotate(open_count=Count("findings")).order_by("name"))


def open_findings(subjects: Sequence[Subject]) -> QuerySet[Finding, Finding]:
    """What is open about the subjects, the most urgent first, each with its item and its place."""
    return (
        Finding.objects.filter(subject__in=subjects, state=Finding.State.OPEN)
        .select_related(
            "subject", "item__product", "item__status", "item__backlog", "item__parent__product"
        )
        .order_by("priority", "-score", "pk")
    )


def proposal(subjects: Sequence[Subject], *, chosen: Collection[int] | None = None) -> Proposal:
    """A data assessment of these datasets; `chosen` findings are ticked, by default all."""
    found = open_findings(subjects)
    shown = list(found[:MOST_FINDINGS])
    lines = []
    for finding in shown:
        stays = why_it_stays(finding.item, subjects[0].product)
        is_chosen = not stays and (chosen is None or finding.pk in chosen)
        lines.append(FindingLine(finding, finding.item, stays, is_chosen))
    target = max(health_targets_of(subjects).values(), default=None)
    names = _listed([subject.name for subject in subjects])
    return Proposal(
        subjects=subjects,
        name=f"Assess {names}"[:120],
        goal=_goal(names, target, len(subjects)),
        target_health=target,
        lines=lines,
        more=found.count() - len(shown) if len(shown) == MOST_FINDINGS else 0,
    )


def why_it_stays(item: Item | None, product: Product) -> str:
    """Why the item of an open finding can't be pulled into a new sprint, told of the item; empty
    where it can, or where there is none yet."""
    if item is None:
        return ""
    if item.product_id != product.pk:
        return "belongs to another product by now"
    if item.deleted_at is not None:
        return "lies in the trash"
    if item.status.category == Category.DONE:
        return "is done and waits for its evidence"
    if item.backlog.kind == Backlog.Kind.SPRINT and item.backlog.state != Backlog.State.CLOSED:
        return f"is in {item.backlog.name}"
    if item.kind == Kind.EPIC:
        return "is an epic, and epics enter no sprint"
    if item.kind == Kind.TASK and item.parent is not None:
        return f"is a task of {item.parent.ref} and moves with it"
    return ""


def _goal(names: str, target: float | None, count: int) -> str:
    verb = "reach" if count > 1 else "reaches"
    health = f" a health of {target:g} %" if target is not None else " its target health"
    return f"{names} {verb}{health}, and no finding of P1 or P2 is open."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
