"""What time alone does to findings: mutes end, marks come and go; the dispatcher sees to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from backlog.models import Actor, Category, Finding, Item, Product
from backlog.queries.subjects import expected_hours_of
from backlog.rules.evidence import Outcome
from backlog.rules.finding_life import is_stale
from backlog.services.deeds import Deed, deed
from backlog.services.evidence_items import bring_back, follow_green, lock_items_of, say
from backlog.services.finding_history import note_transitions, standing_now
from backlog.services.findings.news import News, tell_of_report
from backlog.services.findings.standing import (
    items_to_finish,
    lock_findings,
    mute_over_in_words,
    set_open,
    set_resolved,
    settle_flapping,
    write_findings,
)

Act = Callable[[Product, list[Finding], Deed], list[Finding]]


def end_mutes(now: datetime) -> int:
    """Open what was muted until a time that has passed; what is green by now is resolved. Says so
    on its item and to its owner. How many mutes ended.

    What was muted with its item in the trash waits for the next red, which restores both.
    """
    due = Finding.objects.filter(
        state=Finding.State.MUTED, muted_until__lt=now, muted_with_item=False
    )

    def act(product: Product, rows: list[Finding], done: Deed) -> list[Finding]:
        ended = [
            finding
            for finding in rows
            if finding.state == Finding.State.MUTED
            and finding.muted_until is not None
            and finding.muted_until < now
        ]
        _end(product, ended, done)
        return ended

    return _by_product(due, "finding.mutes_ended", act)


def mark_stale(now: datetime) -> int:
    """Mark what is open and has had no evidence for twice the time in which it is expected, and
    take the mark away where that is no longer so; how many marks changed."""
    watched = Finding.objects.filter(state=Finding.State.OPEN, subject__isnull=False)
    subjects = {f.subject.pk: f.subject for f in watched.select_related("subject") if f.subject}
    hours = expected_hours_of(list(subjects.values()))

    def should_be(finding: Finding) -> bool:
        every = hours.get(finding.subject_id or 0)
        return every is not None and is_stale(finding.last_seen, timedelta(hours=every), now)

    changing = [f.pk for f in watched if f.stale != should_be(f)]

    def act(product: Product, rows: list[Finding], done: Deed) -> list[Finding]:
        changed = [f for f in rows if f.state == Finding.State.OPEN and f.stale != should_be(f)]
        for finding in changed:
            finding.stale = not finding.stale
        return changed

    return _by_product(Finding.objects.filter(pk__in=changing), "finding.stale", act)


def calm_down(now: datetime) -> int:
    """Take the mark of flapping from what has not turned for a week; how many."""

    def act(product: Product, rows: list[Finding], done: Deed) -> list[Finding]:
        for finding in rows:
            settle_flapping(finding, now)
        return [finding for finding in rows if not finding.flapping]

    return _by_product(Finding.objects.filter(flapping=True), "finding.calmed", act)


def _by_product(found: Iterable[Finding], kind: str, act: Act) -> int:
    """One deed for each product: the findings are locked, and those that `act` returns written."""
    groups: dict[int, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.product_id, []).append(finding)
    changed = 0
    for product in Product.objects.filter(pk__in=groups):
        with deed(product, Actor.system(), kind) as done:
            lock_items_of(product, groups[product.pk])
            rows = lock_findings(groups[product.pk])
            stood = standing_now(rows)
            touched = act(product, rows, done)
            write_findings(touched)
            note_transitions(touched, done.at, before=stood)
            done.data["findings"] = [finding.pk for finding in touched]
            if not touched:
                done.nothing_happened()
            changed += len(touched)
    return changed


def _end(product: Product, findings: list[Finding], done: Deed) -> None:
    comments: list[tuple[Item, str]] = []
    items = {finding.item.pk: finding.item for finding in findings if finding.item}
    news: dict[int, News] = {}
    coming_back: dict[int, Item] = {}
    for finding in findings:
        told = mute_over_in_words(finding, done.at)
        if finding.last_outcome == Outcome.PASSED:
            set_resolved(finding, Finding.Reason.GREEN, done.at)
            finding.resolved_batch_at = finding.last_batch_at
            continue
        set_open(finding)
        subject = finding.subject
        name = subject.name if subject else finding.source
        news.setdefault(finding.subject_id or 0, News(name)).unmuted.append(finding)
        if finding.item is not None:
            comments.append((finding.item, told))
            if finding.item.status.category == Category.DONE:
                coming_back[finding.item.pk] = finding.item
    bring_back(product, list(coming_back.values()), done)
    resolved = [finding for finding in findings if finding.state == Finding.State.RESOLVED]
    finished = items_to_finish(product, resolved, items, comments, known=findings)
    follow_green(product, finished, done)
    say(comments)
    for each in news.values():
        tell_of_report(product, each.unmuted[0].subject, each, actor=Actor.system(), at=done.at)
