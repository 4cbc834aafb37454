"""What is kept of a report: the report itself, who saw what in it, and which checks are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from backlog.models import Finding, KnownCheck, Occurrence, Product, StoredReport
from backlog.rules.evidence import Observation
from backlog.services.findings.reading import is_answer
from backlog.services.findings.reports import EvidenceReport, Filed


def store_report(
    report: EvidenceReport, filed: Filed, at: datetime, *, prints: Sequence[str] = ()
) -> StoredReport:
    """The report as taken; where it is not tracked, with all that it saw under its `prints`."""
    return StoredReport.objects.create(
        product=report.product,
        source=report.source,
        key=report.key,
        subject=report.subject,
        batch_key=report.batch_key,
        batch_at=report.batch_at,
        reported_at=at,
        trigger=report.trigger,
        context=dict(report.context),
        tracked=filed.tracked,
        awaiting=filed.awaiting,
        filed=asdict(filed),
        observations=[] if filed.tracked else _as_seen(report, prints),
    )


def write_occurrences(stored: StoredReport, seen: Iterable[tuple[Finding, Observation]]) -> None:
    """One row for each finding that the report saw, in one statement."""
    Occurrence.objects.bulk_create(
        Occurrence(
            finding=finding,
            report=stored,
            outcome=observation.outcome,
            severity=observation.severity,
            excess=observation.excess,
            score=observation.score,
            evidence=dict(observation.evidence),
            item=finding.item,
            batch_key=stored.batch_key,
            batch_at=stored.batch_at,
            seen_at=stored.reported_at,
        )
        for finding, observation in seen
    )


def remember_checks(product: Product, source: str, seen: Mapping[str, Observation]) -> None:
    """The checks that have been judged are no new ones any more."""
    KnownCheck.objects.bulk_create(
        (
            KnownCheck(product=product, source=source, fingerprint=print_)
            for print_, observation in seen.items()
            if is_answer(observation)
        ),
        ignore_conflicts=True,
    )


def _as_seen(report: EvidenceReport, prints: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "fingerprint": print_,
            "check": observation.check,
            "title": observation.title,
            "outcome": observation.outcome,
            "severity": observation.severity,
            "excess": observation.excess,
            "score": observation.score,
            "evidence": dict(observation.evidence),
        }
        for print_, observation in zip(prints, report.observations, strict=True)
    ]
