"""Data that is late: a finding of each dataset whose content is older than it should be, until new
content comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Case, F, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from backlog.models import Actor, Finding, Occurrence
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity, impact
from backlog.services import findings
from backlog.services.findings import EvidenceReport
from dataquality.models import LIVE_KINDS, Dataset

SOURCE = "freshness"
CHECK = "new_data"
OF_A_DATABASE = Q(source_kind__in=[kind.value for kind in LIVE_KINDS])


def report_freshness(now: datetime) -> int:
    """Say of each dataset with a freshness limit that it is late, or that what was late has come;
    how many were said. Each is said once of one content, however many dispatchers look, and again
    where it is so much later that it weighs more.
    """
    datasets = _with_limit()
    findings_by_subject = _said_of(datasets)
    count = 0
    for dataset in datasets:
        look = _Look(dataset, findings_by_subject.get(dataset.pk), now)
        if look.has_news:
            _report(look)
            count += 1
    return count


class _Look:
    """How fresh a dataset is, beside what its finding says so far."""

    def __init__(self, dataset: Dataset, finding: Finding | None, now: datetime) -> None:
        self.dataset, self.finding, self.now = dataset, finding, now
        self.fresh_at: datetime = dataset.fresh_at  # type: ignore[attr-defined]  # annotated
        self.is_late: bool = now - self.fresh_at > timedelta(hours=dataset.freshness_limit_h or 0)
        self.batch_key = f"{dataset.slug}:{self.fresh_at.isoformat()}"

    @property
    def excess(self) -> float:
        """How much older than the limit it is, in percent of the limit."""
        limit = timedelta(hours=self.dataset.freshness_limit_h or 1)
        return max(0.0, 100 * ((self.now - self.fresh_at) / limit - 1))

    @property
    def has_news(self) -> bool:
        finding = self.finding
        if finding is None:
            return self.is_late
        was_late = finding.last_outcome == Outcome.FAILED
        is_other_content = finding.last_batch_key != self.batch_key
        if self.is_late:
            return not was_late or is_other_content or self._weighs_more(finding)
        # More than one green content may be asked for.
        return was_late or (is_other_content and _is_waiting(finding))

    def _weighs_more(self, finding: Finding) -> bool:
        """Whether it is that much later than when it was last said; of what is settled nobody
        wants to know before new content comes."""
        said: float = finding.said_excess or 0.0  # type: ignore[attr-defined]  # annotated
        return _is_waiting(finding) and impact(self.excess) > impact(said)

    @property
    def report_key(self) -> str:
        """The same for whoever looks at the same time."""
        after = self.finding.last_batch_at.isoformat() if self.finding else "first"
        return f"{self.dataset.pk}:{self.fresh_at.isoformat()}:{after}"


def _is_waiting(finding: Finding) -> bool:
    """Whether it, or the one that it is merged into, may still change by what comes."""
    return (
        finding.state in {Finding.State.OPEN, Finding.State.MUTED}
        or finding.merged_into_id is not None
    )


def _said_of(datasets: Sequence[Dataset]) -> dict[int | None, Finding]:
    """What was said so far, by dataset; each with the excess at which it was last said."""
    last = Occurrence.objects.filter(finding=OuterRef("pk"), outcome=Outcome.FAILED)
    said = Finding.objects.filter(
        subject__in=[dataset.pk for dataset in datasets], source=SOURCE
    ).annotate(said_excess=Subquery(last.order_by("-seen_at", "-id").values("excess")[:1]))
    return {finding.subject_id: finding for finding in said}


def _with_limit() -> list[Dataset]:
    """The datasets with a limit and content of their own, each with the time of its newest content.

    A database is as fresh as its schedule has seen it change, where that looks for new rows.
    """
    seen_to_change = Case(
        When(OF_A_DATABASE & Q(schedule__only_new=True), then=F("schedule__changed_at"))
    )
    return list(
        Dataset.objects.filter(freshness_limit_h__isnull=False, current_version__isnull=False)
        .annotate(
            fresh_at=Coalesce(seen_to_change, "current_version__as_of", "current_version__seen_at")
        )
        .select_related("subject__product", "current_version")
        .order_by("pk")
    )


def _report(look: _Look) -> None:
    dataset = look.dataset
    product, version = dataset.product, dataset.current_version
    limit = dataset.freshness_limit_h
    hours = "1 hour" if limit == 1 else f"{limit} hours"
    findings.report(
        EvidenceReport(
            product=product,
            source=SOURCE,
            key=look.report_key,
            subject=dataset.subject,
            batch_key=look.batch_key,
            batch_at=look.now,
            observations=[
                Observation(
                    check=CHECK,
                    identity={},
                    title=f"{dataset.name}: no new data for more than {hours}",
                    outcome=Outcome.FAILED if look.is_late else Outcome.PASSED,
                    severity=Severity.WARNING,
                    excess=look.excess,
                    evidence={
                        "url": reverse("dataquality:versions", args=[product.key, dataset.slug]),
                        "dataset": dataset.slug,
                        "version": version.number if version else None,
                        "newest_data_at": look.fresh_at.isoformat(),
                        "limit_hours": limit,
                    },
                )
            ],
            is_whole=False,
        ),
        actor=Actor.system(),
    )
