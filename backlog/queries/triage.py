"""The triage: all that asks a person about a finding, by what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from backlog.models import Finding, Occurrence, Product, Subject
from backlog.queries.findings import FindingView, finding_view, with_all
from backlog.queries.subjects import address_of

ROWS = 100
TICKS = 16
TICK_WIDTH, TICK_HEIGHT = 6, 18
WAITS, MINOR, OBSOLETE, RECOVERED = "waits", "minor", "obsolete", "recovered"
ASKS = {
    WAITS: "Wait for a yes",
    MINOR: "Below the priority that is filed",
    OBSOLETE: "Perhaps obsolete",
    RECOVERED: "Recovered?",
}
QUESTIONS = {
    WAITS: "File it? A first run found many at once.",
    MINOR: "It is below the priority from which the product files items.",
    OBSOLETE: "Its rule is gone from the suite. Is it obsolete?",
    RECOVERED: "Nothing is red any more. Is the item done?",
}


@dataclass(frozen=True)
class Tick:
    """One occurrence in the small picture: a bar from below, as high as it is bad."""

    x: int
    y: int
    height: int
    tone: str


@dataclass(frozen=True)
class TriageRow:
    """A finding with what it asks, and how it was seen of late, the oldest first."""

    view: FindingView
    ask: str
    ticks: Sequence[Tick]
    picture: str

    @property
    def question(self) -> str:
        return QUESTIONS[self.ask]

    @property
    def finding(self) -> Finding:
        return self.view.finding


@dataclass(frozen=True)
class TriageGroup:
    """The rows about one subject."""

    name: str
    url: str
    rows: Sequence[TriageRow]


@dataclass(frozen=True)
class Inbox:
    """What asks: `counts` how many by what they ask, of all; `more` beyond those shown."""

    groups: Sequence[TriageGroup]
    counts: Sequence[tuple[str, str, int]]
    total: int
    shown: int

    @property
    def asks_obsolete(self) -> bool:
        """Whether one of those shown is perhaps obsolete."""
        return any(row.ask == OBSOLETE for group in self.groups for row in group.rows)

    @property
    def more(self) -> int:
        return self.total - self.shown


def undecided(product: Product, ask: str = "") -> QuerySet[Finding]:
    """The findings that ask a person something, or those that ask this."""
    conditions = {
        WAITS: Q(state=Finding.State.OPEN, item__isnull=True, awaiting_decision=True),
        MINOR: Q(state=Finding.State.OPEN, item__isnull=True, awaiting_decision=False),
        OBSOLETE: Q(obsolete_proposed=True, state__in=[Finding.State.OPEN, Finding.State.MUTED]),
        RECOVERED: Q(recovered=True, item__isnull=False, item__deleted_at__isnull=True),
    }
    wanted = conditions.get(ask)
    if wanted is None:
        wanted = Q()
        for condition in conditions.values():
            wanted |= condition
    return Finding.objects.filter(wanted, product=product)


def inbox(product: Product, ask: str = "") -> Inbox:
    """What asks, by subject, the most urgent first, in a number of statements that does not
    grow."""
    found = undecided(product, ask).order_by(F("subject__name").asc(nulls_last=True), "subject",
                                             "priority", "-score", "pk")  # fmt: skip
    findings = list(with_all(found)[:ROWS])
    ticks = _ticks(findings)
    rows = [_row(finding, ticks.get(finding.pk, [])) for finding in findings]
    groups = [_group(list(each)) for _, each in groupby(rows, lambda row: row.finding.subject_id)]
    counts = [(name, label, undecided(product, name).count()) for name, label in ASKS.items()]
    total = undecided(product, ask).count()
    return Inbox(groups, counts, total, len(rows))


def ask_of(finding: Finding) -> str:
    """What the finding asks; the question of its rule comes before others."""
    if finding.obsolete_proposed:
        return OBSOLETE
    if finding.recovered:
        return RECOVERED
    return WAITS if finding.awaiting_decision else MINOR


def mergeable(product: Product) -> QuerySet[Finding]:
    """The findings that others can be merged into."""
    return Finding.objects.filter(
        product=product,
        state__in=[Finding.State.OPEN, Finding.State.MUTED],
        is_execution=False,
    ).select_related("item__product", "product", "subject")


def _row(finding: Finding, seen: Sequence[Occurrence]) -> TriageRow:
    red = sum(each.outcome == "failed" for each in seen)
    times = "once" if len(seen) == 1 else f"{len(seen)} times"
    return TriageRow(
        view=finding_view(finding),
        ask=ask_of(finding),
        # The newest stands at the right, however many there are.
        ticks=[_tick(place, each) for place, each in enumerate(seen, TICKS - len(seen))],
        picture=f"Looked at {times} of late, red {red} of them" if seen else "",
    )


def _tick(place: int, seen: Occurrence) -> Tick:
    is_red = seen.outcome == "failed"
    # A score is 1 to 12; the least is still to be seen.
    height = round(4 + (TICK_HEIGHT - 4) * min(12, seen.score) / 12) if is_red else 3
    return Tick(place * TICK_WIDTH, TICK_HEIGHT - height, height, "red" if is_red else "green")


def _group(rows: list[TriageRow]) -> TriageGroup:
    subject: Subject | None = rows[0].finding.subject
    if subject is None:
        return TriageGroup("Reported by other tools", "", rows)
    return TriageGroup(subject.name, address_of(subject), rows)


def _ticks(findings: Iterable[Finding]) -> dict[int, list[Occurrence]]:
    """The last occurrences of each, the oldest first, in one statement."""
    last = Window(
        RowNumber(), partition_by=[F("finding")], order_by=[F("seen_at").desc(), F("pk").desc()]
    )
    rows = (
        Occurrence.objects.filter(finding__in=[finding.pk for finding in findings])
        .annotate(place=last)
        .filter(place__lte=TICKS)
        .order_by("finding", "-place")
        .only("finding_id", "outcome", "score")
    )
    found: dict[int, list[Occurrence]] = {}
    for row in rows:
        found.setdefault(row.finding_id, []).append(row)
    return found
