"""Findings for the tests of pages, filed as evidence files them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from backlog.models import Actor, Finding, Product, Subject
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services import findings
from backlog.services.findings import EvidenceReport


def patients(product: Product, **more: Any) -> Subject:
    """The dataset that all of this evidence is about."""
    found, _ = Subject.objects.get_or_create(
        product=product, kind="dataset", slug="patients", defaults={"name": "Patients", **more}
    )
    return found


def see(
    product: Product,
    *columns: str,
    outcome: str = "failed",
    severity: Severity = Severity.CRITICAL,
    excess: float = 6.7,
    key: str = "",
    evidence: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
) -> list[Finding]:
    """One report in which these columns are seen like this; the findings that stand for them."""
    now = timezone.now()
    key = key or f"run:{product.reports.count() + 1}"
    findings.report(
        EvidenceReport(
            product=product,
            source="gx",
            key=key,
            subject=patients(product),
            batch_key=key,
            batch_at=now,
            context=context or {},
            observations=[
                Observation(
                    check="expect_column_values_to_not_be_null",
                    identity={"column": column},
                    title=_title(column),
                    outcome=Outcome(outcome),
                    severity=severity,
                    excess=excess,
                    evidence={
                        "column": column,
                        "unexpected_count": 1087,
                        "unexpected_percent": 8.7,
                        "url": "/p/MED/runs/1/",
                        **(evidence or {}),
                    },
                )
                for column in columns
            ],
        ),
        actor=Actor.system(),
    )
    titles = [_title(column) for column in columns]
    return list(Finding.objects.filter(product=product, title__in=titles).order_by("pk"))


def _title(column: str) -> str:
    return f"{column} is missing in 8.7 % of rows"
