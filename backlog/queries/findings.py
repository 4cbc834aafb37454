"""Findings as the pages show them: badges in lists, the triage, the evidence of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404

from backlog.models import Finding, Item, Occurrence, Product, StoredReport, Subject
from backlog.queries.subjects import address_of, rule_of
from backlog.rules.severity import priority

PAGE_SIZE = 100
TRIAGE_ROWS = 20
OCCURRENCES_SHOWN = 20
LONGEST_FACT = 300  # characters of one piece of evidence on a page
FACTS_SHOWN = 30
UNTRACKED_ROWS = 20
UNTRACKED_SHOWN = 10  # observations of one report
# How lists call what a finding is about.
SOURCE_WORDS = {
    Subject.Kind.DATASET: "data",
    Subject.Kind.MODEL: "model",
    Subject.Kind.AUDIT: "fairness",
    Subject.Kind.POOL: "compute",
}
# What evidence says, in the order that people read it; the rest follows by its own name.
LABELS = {
    "column": "Column",
    "columns": "Columns",
    "check": "Check",
    "unexpected_count": "Unexpected rows",
    "unexpected_percent": "Unexpected",
    "element_count": "Rows checked",
    "error_code": "Error",
    "message": "Message",
    "check_count": "Checks that could not run",
    "checks": "These checks",
    "connection": "Connection",
    "readers": "Datasets that read through it",
    "dataset": "Dataset",
    "version": "Version of the data",
    "run": "Run",
}
# Who reports, as people call it; others by the name that they give themselves.
REPORTERS = {
    "gx": "Great Expectations",
    "freshness": "Freshness of data",
    "schema": "Columns of data",
}
CONTEXT_LABELS = {
    "environment": "Environment",
    "branch": "Branch",
    "commit": "Commit",
    "pull_request": "Pull request",
    "job_id": "Job",
}


@dataclass(frozen=True)
class EvidenceBadge:
    """What a row says of an item's findings: the worst that is open, how many, how often seen.

    Where none is open, whether they recovered, and in `quiet` whether one is muted or obsolete.
    """

    source: str
    priority: str
    severity: str
    findings: int
    occurrences: int
    is_open: bool
    regressed: bool
    recovered: bool
    awaiting: bool
    quiet: str


@dataclass(frozen=True)
class Mark:
    """A remark on a finding, with what it means."""

    name: str
    tone: str
    icon: str
    meaning: str


@dataclass(frozen=True)
class Fact:
    """One line of evidence as text."""

    label: str
    value: str
    url: str = ""


@dataclass(frozen=True)
class FindingView:
    """A finding with all that its panel shows."""

    finding: Finding
    source: str
    marks: Sequence[Mark]
    facts: Sequence[Fact]
    url: str
    job_url: str
    subject_url: str
    reporter: str
    rule_url: str = ""

    @property
    def is_open(self) -> bool:
        return self.finding.state == Finding.State.OPEN

    @property
    def may_be_obsolete(self) -> bool:
        """Whether somebody may say so unasked."""
        return (self.is_open or self.is_muted) and not self.finding.obsolete_proposed

    @property
    def is_muted(self) -> bool:
        return self.finding.state == Finding.State.MUTED


@dataclass(frozen=True)
class UntrackedView:
    """A report that touched no finding: where it came from, what it saw to be wrong, and how many
    items it would have filed, reopened and so on."""

    report: StoredReport
    facts: Sequence[Fact]
    would: Sequence[Fact]
    red: Sequence[Fact]
    more: int
    job_url: str


@dataclass(frozen=True)
class Triage:
    """Open findings that no item stands for: a first run waits for a yes, or they are minor."""

    rows: Sequence[FindingView]
    total: int
    awaiting: int

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


def find_finding(product: Product, finding_id: int) -> Finding:
    """The finding of this product, or 404."""
    found = with_all(Finding.objects.filter(product=product, pk=finding_id)).first()
    if found is None:
        raise Http404("There is no such finding.")
    return found


def triage(product: Product, *, everything: bool = False) -> Triage:
    """What waits for somebody to file it or let it be."""
    waiting = in_triage(product)
    counts: dict[str, int] = waiting.aggregate(
        total=Count("pk"), awaiting=Count("pk", filter=Q(awaiting_decision=True))
    )
    # Mostly nothing waits, and then the wide rows are not asked for.
    most = min(counts["total"], PAGE_SIZE if everything else TRIAGE_ROWS)
    shown = with_all(waiting)[:most] if most else ()
    return Triage(rows=[finding_view(finding) for finding in shown], **counts)


def in_triage(product: Product) -> QuerySet[Finding]:
    """Open findings without an item."""
    return Finding.objects.filter(product=product, state=Finding.State.OPEN, item__isnull=True)


def findings_page(product: Product, state: str, number: str | int | None) -> Page[Finding]:
    """Findings in one state, the most urgent first."""
    findings = with_all(Finding.objects.filter(product=product, state=state))
    page: Page[Finding] = Paginator(findings, PAGE_SIZE).get_page(number)
    return page


def untracked_page(product: Product, number: str | int | None) -> Page[StoredReport]:
    """Reports that touched no finding, the newest first."""
    reports = _untracked(product).select_related("subject").order_by("-reported_at", "-pk")
    page: Page[StoredReport] = Paginator(reports, UNTRACKED_ROWS).get_page(number)
    return page


def untracked_count(product: Product) -> int:
    """How many reports touched no finding."""
    return _untracked(product).count()


def untracked_view(report: StoredReport) -> UntrackedView:
    """A report that touched no finding as a page shows it."""
    red = [seen for seen in report.observations if seen["outcome"] in {"failed", "errored"}]
    filed = report.filed
    would = [(word, len(filed.get(name, []))) for name, word in _WOULD_HAVE.items()]
    return UntrackedView(
        report=report,
        facts=_around(report.context),
        would=[Fact(word, str(count)) for word, count in would if count],
        red=[Fact(seen["outcome"], seen["title"]) for seen in red[:UNTRACKED_SHOWN]],
        more=max(0, len(red) - UNTRACKED_SHOWN),
        job_url=_safe_url(report.context.get("job_url")),
    )


def _untracked(product: Product) -> QuerySet[StoredReport]:
    return StoredReport.objects.filter(product=product, tracked=False)


def finding_counts(product: Product) -> dict[str, int]:
    """How many findings are in each state."""
    rows = Finding.objects.filter(product=product).order_by().values("state")
    found = {row["state"]: row["n"] for row in rows.annotate(n=Count("pk"))}
    return {state: found.get(state, 0) for state in Finding.State.values}


def findings_of(item: Item) -> list[FindingView]:
    """The findings of an item, open ones first."""
    order = list(Finding.State.values)
    found = sorted(with_all(Finding.objects.filter(item=item)), key=lambda f: order.index(f.state))
    return [finding_view(finding) for finding in found]


@dataclass(frozen=True)
class SeenOnce:
    """A finding as one report saw it, with the priority that this alone would give it, and the
    title of the alias that it was seen under."""

    occurrence: Occurrence
    priority: str
    alias: str = ""


def occurrences_of(finding: Finding) -> list[SeenOnce]:
    """The last times that the finding was seen."""
    seen = Occurrence.objects.filter(Q(finding=finding) | Q(finding__merged_into=finding))
    last = seen.select_related("report", "finding")[:OCCURRENCES_SHOWN]
    return [
        SeenOnce(
            seen,
            priority(seen.score) if seen.score else "",
            alias=seen.finding.title if seen.finding_id != finding.pk else "",
        )
        for seen in last
    ]


def aliases_of(finding: Finding) -> list[Finding]:
    """The findings that are merged into this one."""
    return list(finding.aliases.select_related("item__product", "subject").order_by("title", "pk"))


def finding_view(finding: Finding) -> FindingView:
    """A finding as its panel shows it."""
    evidence = finding.evidence if isinstance(finding.evidence, Mapping) else {}
    context = evidence.get("context")
    url = _safe_url(evidence.get("url"))
    subject = finding.subject
    facts = [
        replace(fact, url=url) if fact.label == LABELS["run"] else fact
        for fact in _facts(evidence)
        if fact.label != LABELS["dataset"] or subject is None  # else it is what this is about
    ]
    return FindingView(
        finding=finding,
        source=source_word(finding),
        marks=marks_of(finding),
        facts=facts,
        url=url,
        job_url=_safe_url(context.get("job_url")) if isinstance(context, Mapping) else "",
        subject_url=address_of(subject) if subject else "",
        reporter=REPORTERS.get(finding.source, finding.source),
        rule_url=rule_of(finding),
    )


def evidence_badge(findings: Iterable[Finding]) -> EvidenceBadge | None:
    """One badge for the findings of an item, or None where all are resolved."""
    found = list(findings)
    is_open = [f for f in found if f.state == Finding.State.OPEN]
    recovered = [f for f in found if f.recovered]
    quiet = [f for f in found if f.state in {Finding.State.MUTED, Finding.State.OBSOLETE}]
    shown = is_open or recovered or quiet
    if not shown:
        return None
    worst = min(shown, key=lambda finding: (finding.priority, -finding.score))
    return EvidenceBadge(
        source=source_word(worst),
        priority=worst.priority,
        severity=worst.severity,
        findings=len(shown),
        occurrences=sum(finding.times_seen for finding in shown),
        is_open=bool(is_open),
        regressed=any(finding.regressed for finding in is_open),
        recovered=bool(recovered) and not is_open,
        awaiting=any(finding.awaiting_evidence for finding in is_open),
        quiet="" if is_open or not quiet else min(finding.state for finding in quiet),
    )


def source_word(finding: Finding) -> str:
    """What kind of evidence this is, in a word: data, model, fairness, compute or its source."""
    if finding.subject is None:
        return finding.source
    return SOURCE_WORDS.get(Subject.Kind(finding.subject.kind), finding.source)


def marks_of(finding: Finding) -> list[Mark]:
    """The remarks that hold of a finding now."""
    held = (
        (finding.regressed, _REGRESSED),
        (finding.awaiting_evidence, _AWAITING_EVIDENCE),
        (finding.awaiting_decision, _AWAITING_DECISION),
        (finding.recovered, _RECOVERED),
        (finding.flapping, _FLAPPING),
        (finding.stale, _STALE),
        (finding.obsolete_proposed, _OBSOLETE),
    )
    return [mark for holds, mark in held if holds]


# The lists of what a report did, in the words of what it would have done.
_WOULD_HAVE = {
    "created": "would be filed",
    "errored": "would be filed as not run",
    "updated": "seen again",
    "reopened": "would be reopened",
    "resolved": "would be resolved",
}
_REGRESSED = Mark("regressed", "p2", "rotate", "It had been fixed and came back.")
_AWAITING_EVIDENCE = Mark(
    "awaiting evidence",
    "running",
    "hourglass",
    "A person set the item to done; the next evidence confirms it or reopens the item.",
)
_AWAITING_DECISION = Mark(
    "waits for a yes",
    "p3",
    "help",
    "A first run found many at once; say which of them become items.",
)
_RECOVERED = Mark(
    "recovered?",
    "passed",
    "circle-check",
    "Nothing is open any more; confirm that the item is done.",
)
_FLAPPING = Mark(
    "flapping",
    "p2",
    "arrows-exchange",
    "It turned more than three times within a week; four greens in a row resolve it.",
)
_STALE = Mark(
    "stale", "p4", "clock-pause", "No evidence has come for twice the time in which it is expected."
)
_OBSOLETE = Mark(
    "obsolete?", "p3", "help", "Its rule is gone from the suite; say whether it is obsolete."
)


def with_all(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    """With all that a view of each shows."""
    return findings.select_related(
        "product",
        "subject__product",
        "item__product",
        "item__status",
        "resolved_by",
        "priority_set_by",
        "merged_into",
    )


def _facts(evidence: Mapping[str, Any]) -> list[Fact]:
    """Evidence as lines of a small table: known names first, empty values left out."""
    known = [(LABELS[name], name, evidence.get(name)) for name in LABELS]
    other = [
        (name.replace("_", " ").capitalize(), name, value)
        for name, value in evidence.items()
        if name not in LABELS and name not in {"url", "context"}
    ]
    context = evidence.get("context")
    facts = [
        Fact(label, _text(name, value))
        for label, name, value in (*known, *other)
        if value not in (None, "", [], {})
    ]
    return [*facts, *_around(context if isinstance(context, Mapping) else {})][:FACTS_SHOWN]


def _around(context: Mapping[str, Any]) -> list[Fact]:
    """Where evidence came from, as lines of a small table."""
    named = [(name, label, context.get(name)) for name, label in CONTEXT_LABELS.items()]
    return [Fact(label, _text(name, value)) for name, label, value in named if value]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_percent") and isinstance(value, (int, float)):
        return f"{value:.3g} %"
    if isinstance(value, int) and name not in {"run", "version"}:
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        return _cut(", ".join(str(part) for part in value))
    if isinstance(value, (list, dict)):
        return _cut(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_FACT else f"{text[: LONGEST_FACT - 1]}…"


def _safe_url(url: Any) -> str:
    """A link that may be shown: within this site, or to http and https."""
    text = url if isinstance(url, str) else ""
    is_here = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_here or text.startswith(("https://", "http://")) else ""
