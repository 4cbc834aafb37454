"""Merge and split: two findings of one trouble, and that they were two after all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import (
    Activity,
    Actor,
    Category,
    Finding,
    FindingMerge,
    Link,
)
from backlog.rules.evidence import Outcome
from backlog.rules.severity import WEIGHTS, Severity, priority
from backlog.services.deeds import Deed, deed
from backlog.services.evidence_items import bring_back, lock_items_of, say
from backlog.services.finding_history import (
    forget_transition,
    note_transitions,
    standing_now,
)
from backlog.services.findings.families import reds_of_aliases
from backlog.services.findings.standing import (
    lock_findings,
    note_pictures,
    picture_of,
    set_picture,
    set_resolved,
)
from backlog.services.items import set_status
from mlscrum.lib.errors import Conflict

# What a split gives back to a finding as it was.
KEPT = (
    "state", "regressed", "awaiting_evidence", "awaiting_decision", "recovered", "resolved_at",
    "resolved_reason", "resolved_by_id", "resolved_note", "resolved_batch_at", "muted_until",
    "muted_cap", "muted_with_item", "item_id",
)  # fmt: skip
MEASURED = ("severity", "excess", "score")


def merge(finding: Finding, into: Finding, *, actor: Actor) -> Finding:
    """Make one finding an alias of another: from now on its evidence reports to the other.

    Its counts and occurrences stay its own, so that a split leaves all as counted before; the other
    is as severe from now on as the worse of the two. Its item is closed as a duplicate with a link,
    or becomes the other's where that has none. Raises ValidationError for findings of two products
    and for itself, and Conflict for what can't be merged as things stand. The same merge again
    changes nothing.
    """
    if finding.product_id != into.product_id:
        raise ValidationError({"into": "Findings of two products can't be merged."})
    if finding.pk == into.pk:
        raise ValidationError({"into": "A finding can't be merged into itself."})
    product = into.product
    with deed(
        product,
        actor,
        "finding.merged",
        item=into.item,
        subject=into.subject,
        finding=into.pk,
        findings=[finding.pk, into.pk],
    ) as done:
        lock_items_of(product, [finding, into])
        aliases = list(Finding.objects.filter(merged_into=finding))
        rows = {row.pk: row for row in lock_findings([finding, into, *aliases])}
        gone, kept = rows[finding.pk], rows[into.pk]
        if gone.merged_into_id == kept.pk:
            done.nothing_happened()
            return kept
        _refuse(gone, kept)
        before = {row.pk: picture_of(row) for row in rows.values()}
        stood = standing_now(rows.values())
        was = {name: before[gone.pk][name] for name in KEPT}
        taken = _take_the_worse(gone, kept)
        set_resolved(gone, Finding.Reason.DUPLICATE, done.at)
        gone.resolved_by, gone.resolved_note = actor.user, f"The same as: {kept.title}"
        gone.awaiting_decision = gone.recovered = False
        moved = [row for row in rows.values() if row.merged_into_id == gone.pk]
        for row in (gone, *moved):
            row.merged_into = kept
        closed = _join_items(gone, kept, done)
        FindingMerge.objects.create(
            gone=gone,
            kept=kept,
            at=done.at,
            by=actor.user,
            before={"finding": was, "aliases": [row.pk for row in moved], **taken, **closed},
        )
        for row in (gone, *moved):
            row.save()
        FindingMerge.objects.filter(gone__in=[row.pk for row in moved]).update(kept=kept)
        kept.alias_count = reds_of_aliases(kept)
        kept.save()
        note_pictures([gone, kept, *moved], before)
        note_transitions([gone, kept], done.at, before=stood)
    return kept


def split(finding: Finding, *, actor: Actor, is_undo: bool = False) -> Finding:
    """Take a merge back: both are counted as before, each by its own evidence.

    What the evidence has said of the alias since holds of it at once. Its item is open again where
    the merge had closed it. As an undo it lets figures count as if there had been no merge. Raises
    Conflict for a finding that is no alias.
    """
    product = finding.product
    with deed(
        product,
        actor,
        "finding.split",
        item=finding.item,
        subject=finding.subject,
        finding=finding.pk,
        findings=[finding.pk, finding.merged_into_id],
    ) as done:
        known = FindingMerge.objects.filter(gone=finding).select_related("kept").first()
        if known is None:
            raise Conflict("not_merged", "This finding is merged into none; there is no split.")
        children = Finding.objects.filter(
            pk__in=known.before.get("aliases", []), merged_into=known.kept
        )
        lock_items_of(product, [finding, known.kept])
        rows = {row.pk: row for row in lock_findings([finding, known.kept, *children])}
        gone, kept = rows[finding.pk], rows[known.kept.pk]
        before = {row.pk: picture_of(row) for row in rows.values()}
        stood = standing_now(rows.values())
        if is_undo:
            stood |= forget_transition(gone, known.at, was=known.before["finding"]["state"])
        gone.merged_into = None
        set_picture(gone, known.before["finding"], skip=("item_id",))
        _follow_evidence(gone, known.at, done.at)
        _part_items(gone, kept, known.before, done)
        _give_the_milder_back(kept, known.before)
        known.delete()
        returning = [row for row in rows.values() if row.pk not in {gone.pk, kept.pk}]
        for row in returning:
            row.merged_into = gone
        for row in (gone, *returning):
            row.save()
        FindingMerge.objects.filter(gone__in=[row.pk for row in returning]).update(kept=gone)
        for speaker in (gone, kept):
            speaker.alias_count = reds_of_aliases(speaker)
            speaker.save()
        note_pictures([gone, kept, *returning], before)
        note_transitions([gone, kept], done.at, before=stood)
    return gone


def merges_of(activity: Activity) -> list[tuple[int, int]]:
    """What a deed merged: the ids of each alias and of the finding that speaks for it."""
    return [
        (pk, values["merged_into_id"][1])
        for pk, values in activity.data.get("findings_changed", [])
        if values.get("merged_into_id", [0, None])[1] is not None
    ]


def _refuse(gone: Finding, kept: Finding) -> None:
    for finding in (gone, kept):
        if finding.is_execution:
            raise Conflict(
                "could_not_run", "Checks that could not run are grouped by themselves; not merged."
            )
        if finding.merged_into_id is not None:
            raise Conflict(
                "merged_already",
                f"“{finding.title}” is merged into another already; split it first, or merge with"
                " that one.",
            )
    settled = {Finding.State.RESOLVED, Finding.State.OBSOLETE}
    if kept.state in settled and gone.state not in settled:
        raise Conflict(
            "settled",
            f"“{kept.title}” is {kept.state}; reopen it first, or merge it into the one that is"
            " open.",
        )


def _take_the_worse(gone: Finding, kept: Finding) -> dict[str, Any]:
    """Let a trouble be as severe as the worse of two that are red, whose own the urgency is unless
    a person has set it; what that was and is, for a split."""
    both = (gone, kept)
    unsettled = {Finding.State.OPEN, Finding.State.MUTED}
    if any(one.state not in unsettled for one in both) or gone.last_outcome == Outcome.PASSED:
        return {}
    worse = max(kept, gone, key=lambda one: (one.score, WEIGHTS[Severity(one.severity)]))
    if worse is kept:
        return {}
    was = {name: getattr(kept, name) for name in MEASURED}
    for name in MEASURED:
        setattr(kept, name, getattr(gone, name))
    _set_urgency(kept)
    took = {name: getattr(kept, name) for name in MEASURED}
    return {"measured": {"fingerprint": kept.fingerprint, "was": was, "took": took}}


def _give_the_milder_back(kept: Finding, before: Mapping[str, Any]) -> None:
    """Let it be as severe as before the merge, unless its evidence has said otherwise since."""
    measured = before.get("measured")
    if measured is None or measured["fingerprint"] != kept.fingerprint:
        return
    if any(getattr(kept, name) != value for name, value in measured["took"].items()):
        return
    for name, value in measured["was"].items():
        setattr(kept, name, value)
    _set_urgency(kept)


def _set_urgency(finding: Finding) -> None:
    if finding.priority_set_by_id is None:
        finding.priority = priority(finding.score)


def _join_items(gone: Finding, kept: Finding, done: Deed) -> dict[str, Any]:
    """Close the item of what is merged as a duplicate, or give it to the other; what was done."""
    item, other = gone.item, kept.item
    if item is None or item.deleted_at is not None or item == other:
        return {}
    if other is None or other.deleted_at is not None:
        kept.item, kept.awaiting_decision = item, False
        return {"handed_over": item.pk}
    others = item.findings.exclude(pk=gone.pk).filter(
        state__in=[Finding.State.OPEN, Finding.State.MUTED]
    )
    if others.exists():
        return {}
    link, made = Link.objects.get_or_create(
        source=item, kind=Link.Kind.DUPLICATES, target=other,
        defaults={"created_by": done.actor.user},
    )  # fmt: skip
    if made:
        done.change(item, "links", None, f"duplicates {other.ref}")
        done.change(other, "links", None, f"is duplicated by {item.ref}")
    status = item.status.slug
    finished = gone.product.statuses.filter(category=Category.DONE).order_by("position").first()
    moved = item.status.category != Category.DONE and set_status([item], finished, done)
    say([(item, f"Duplicate of {other.ref}: its evidence is told there from now on.")],
        author=done.actor.user)  # fmt: skip
    return {
        "link": link.pk if made else None,
        "status": status if moved else None,
    }


def _part_items(gone: Finding, kept: Finding, before: Mapping[str, Any], done: Deed) -> None:
    """Give each its item back, open where its finding is."""
    if before.get("handed_over"):
        if kept.item_id == gone.item_id:
            kept.item = None
        return
    item = gone.item
    if link := before.get("link"):
        links = Link.objects.filter(pk=link).select_related("source__product", "target__product")
        for found in links:
            done.change(found.source, "links", f"duplicates {found.target.ref}", None)
            done.change(found.target, "links", f"is duplicated by {found.source.ref}", None)
        links.delete()
    if item is None or item.deleted_at is not None or not before.get("status"):
        return
    if gone.state != Finding.State.OPEN or item.status.category != Category.DONE:
        return
    former = gone.product.statuses.filter(slug=before["status"]).first()
    if former is None or item.backlog.state == item.backlog.State.CLOSED:
        bring_back(gone.product, [item], done)
    else:
        set_status([item], former, done)
    say([(item, "No duplicate after all: its evidence is told here again.")],
        author=done.actor.user)  # fmt: skip


def _follow_evidence(gone: Finding, merged_at: datetime, now: datetime) -> None:
    """Let what was seen of an alias hold of it: red is open, green is resolved."""
    if gone.last_seen <= merged_at or gone.state == Finding.State.MUTED:
        return
    if gone.last_outcome == Outcome.FAILED and gone.state != Finding.State.OPEN:
        gone.state, gone.resolved_at, gone.resolved_reason = Finding.State.OPEN, None, ""
        gone.resolved_by, gone.resolved_note, gone.resolved_batch_at = None, "", None
        gone.regressed = True
    elif gone.last_outcome == Outcome.PASSED and gone.state == Finding.State.OPEN:
        set_resolved(gone, Finding.Reason.GREEN, now)
        gone.resolved_batch_at = gone.last_batch_at
