"""How findings were dealt with, of a product and of each of its subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Window
from django.db.models.functions import Lag
from django.utils import timezone

from backlog.models import Finding, FindingTransition, Occurrence, Product, Subject
from backlog.queries.subjects import address_of
from backlog.rules.evidence import Outcome
from backlog.rules.finding_figures import Figures, Turn, duration_in_words, figures
from backlog.rules.severity import Severity

DAYS = 90


@dataclass(frozen=True)
class FiguresOf:
    """The figures of a subject, or of the whole product where there is none."""

    subject: Subject | None
    figures: Figures
    open: int

    @property
    def name(self) -> str:
        return self.subject.name if self.subject else "All"

    @property
    def url(self) -> str:
        return address_of(self.subject) if self.subject else ""

    @property
    def median(self) -> str:
        return duration_in_words(self.figures.median_hours)

    @property
    def by_severity(self) -> list[tuple[str, str]]:
        return [(n, duration_in_words(hours)) for n, hours in self.figures.by_severity.items()]

    @property
    def reopen_percent(self) -> str:
        rate = self.figures.reopen_rate
        return "–" if rate is None else f"{100 * rate:.0f} %"


def finding_figures(
    product: Product, *, days: int = DAYS, subject: Subject | None = None
) -> list[FiguresOf]:
    """First those of all, then those of each subject that has any, by their names; of one subject
    alone if it is given. In a number of statements that does not grow."""
    since = timezone.now() - timedelta(days=days)
    mine = Finding.objects.filter(product=product)
    if subject is not None:
        mine = mine.filter(subject=subject)
    turned = FindingTransition.objects.filter(at__gte=since).values("finding")
    rows = (
        FindingTransition.objects.filter(finding__in=mine.values("pk"))
        .filter(finding__in=turned)
        .order_by("pk")
        .values_list("finding", "at", "state", "finding__severity", "finding__subject")
    )
    turns: dict[int | None, list[Turn]] = {}
    everything: list[Turn] = []
    for pk, at, state, severity, of in rows:
        turn = Turn(pk, at, state, severity)
        everything.append(turn)
        turns.setdefault(of, []).append(turn)
    flips = _flips(product, subject, since)
    still_open = Counter(
        mine.filter(state=Finding.State.OPEN).order_by().values_list("subject", flat=True)
    )
    found = [
        FiguresOf(None, _figures(everything, since, sum(flips.values())), sum(still_open.values()))
    ]
    if subject is not None:
        return [FiguresOf(subject, found[0].figures, found[0].open)]
    ids = {pk for pk in (*turns, *flips, *still_open) if pk is not None}
    subjects: Sequence[Subject] = list(
        Subject.objects.filter(pk__in=ids).select_related("product").order_by("name", "pk")
    )
    return found + [
        FiguresOf(
            each, _figures(turns.get(each.pk, []), since, flips[each.pk]), still_open[each.pk]
        )
        for each in subjects
    ]


def _figures(turns: Sequence[Turn], since: datetime, flips: int) -> Figures:
    return figures(turns, since=since, severities=[s.value for s in Severity], flips=flips)


def _flips(product: Product, subject: Subject | None, since: datetime) -> Counter[int | None]:
    """How often the evidence turned, by subject."""
    seen = Occurrence.objects.filter(
        finding__product=product,
        seen_at__gte=since,
        outcome__in=[Outcome.FAILED, Outcome.PASSED],
    )
    if subject is not None:
        seen = seen.filter(finding__subject=subject)
    order = [F("batch_at").asc(), F("pk").asc()]
    turned = (
        seen.annotate(before=Window(Lag("outcome"), partition_by=[F("finding")], order_by=order))
        .filter(before__isnull=False)
        .exclude(before=F("outcome"))
    )
    return Counter(turned.order_by().values_list("finding__subject", flat=True))
