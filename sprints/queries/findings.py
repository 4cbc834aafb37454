"""The findings of the datasets of a sprint, day by day."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery

from backlog.models import Finding, FindingTransition
from sprints.models import Sprint
from sprints.rules.days import end_of_day
from sprints.rules.figures import BurndownDay, Figures
from sprints.rules.findings import FindingFact, OpenFindings, moves, open_at

INSTANT = timedelta(microseconds=1)
SKEW = timedelta(days=1)  # a row may count from later than it says, where two clocks differ


def findings_by_day(
    sprint: Sprint, found: Figures, *, until: datetime
) -> tuple[OpenFindings, list[OpenFindings | None]] | None:
    """What was open of the datasets as the sprint started, and as each of its days ended or, on
    the last of them, at `until`; None for the days that have no figures. None as a whole where the
    sprint assesses no data. In two statements, from history that never changes."""
    if sprint.kind != Sprint.Kind.DATA_ASSESSMENT:
        return None
    started_at = sprint.backlog.started_at
    assert started_at is not None, "a planned sprint has no figures"
    ends = [_end(day, sprint.zone, until) for day in found.days]
    known = [end for end in ends if end is not None]
    opening, *each = open_at(_facts(sprint, started_at), [started_at, *known])
    left = iter(each)
    return opening, [None if end is None else next(left) for end in ends]


def findings_moved(
    findings: QuerySet[Finding], since: datetime, until: datetime
) -> tuple[int, int]:
    """How often these findings came to count as open after one moment and until another, and how
    often they ceased to. In one statement, of those alone that changed between."""
    between = FindingTransition.objects.filter(
        finding__in=findings, at__gt=since - SKEW, at__lte=until + SKEW
    )
    changed = FindingTransition.objects.filter(finding__in=between.values("finding"))
    return moves(_rows(changed), since, until)


def open_then(findings: QuerySet[Finding], at: datetime) -> int:
    """How many of these findings were open at a moment of the past."""
    until = FindingTransition.objects.filter(finding=OuterRef("pk"), at__lte=at).order_by("-pk")
    then = findings.annotate(state_then=Subquery(until.values("state")[:1]))
    return then.filter(state_then=Finding.State.OPEN).count()


def _end(day: BurndownDay, zone: str, until: datetime) -> datetime | None:
    """The last moment of a day that has figures."""
    return None if day.scope is None else min(end_of_day(day.day, zone) - INSTANT, until)


def _facts(sprint: Sprint, since: datetime) -> list[FindingFact]:
    """What the findings of the datasets did since, and how each stood at that moment."""
    subjects = list(sprint.subjects.values_list("subject", flat=True))
    # By ids, as `open_at` reads them: clocks may have run behind.
    following = FindingTransition.objects.filter(
        finding=OuterRef("finding"), pk__gt=OuterRef("pk")
    ).order_by("pk")
    return _rows(
        FindingTransition.objects.filter(finding__subject__in=subjects)
        .annotate(next_at=Subquery(following.values("at")[:1]))
        .filter(Q(at__gt=since) | Q(next_at__gt=since) | Q(next_at__isnull=True))
    )


def _rows(found: QuerySet[FindingTransition]) -> list[FindingFact]:
    rows = found.order_by("pk").values_list("finding", "at", "state", "score")
    return [
        FindingFact(finding, at, state == Finding.State.OPEN, score)
        for finding, at, state, score in rows
    ]
