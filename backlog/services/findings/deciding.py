"""What people decide about findings, and about the items that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import (
    Actor,
    Backlog,
    Category,
    Finding,
    Item,
    Kind,
    StoredReport,
    Subject,
)
from backlog.rules.severity import Priority
from backlog.services.deeds import deed
from backlog.services.evidence_items import bring_back, file_items, lock_items_of
from backlog.services.findings.joining import merge
from backlog.services.findings.news import tell_owners
from backlog.services.findings.standing import (
    deed_on,
    item_follows,
    level_of,
    lock_findings,
    note_pictures,
    picture_of,
    set_obsolete,
    set_open,
    set_resolved,
    write_findings,
)
from backlog.services.items import move_items, product_backlog, trash_item, update_item
from backlog.services.notifications import watch
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict, DomainError

UNTRACKED_LIFE = timedelta(days=30)


def file_findings(findings: Sequence[Finding], *, actor: Actor) -> list[Item]:
    """File items for findings that wait in triage or for the yes to a first run."""
    waiting = [finding for finding in findings if finding.item_id is None]
    if not waiting:
        return []
    product = waiting[0].product
    with deed(product, actor, "finding.filed", findings=[f.pk for f in waiting]) as done:
        lock_items_of(product, waiting)
        locked = [
            f for f in lock_findings(waiting) if f.item_id is None and f.state == Finding.State.OPEN
        ]
        if not locked:
            done.nothing_happened()
        before = {finding.pk: picture_of(finding) for finding in locked}
        for finding in locked:
            finding.awaiting_decision = False
        items = file_items(product, locked, kind=Kind.DATA_ASSESSMENT, actor=actor)
        if actor.user is not None:
            watch((item, actor.user) for item in items)
        write_findings(locked)
        note_pictures(locked, before)
        tell_owners(product, locked, actor=actor, at=done.at)
    return items


def mute(
    finding: Finding,
    *,
    actor: Actor,
    until: datetime | None = None,
    cap: float | None = None,
    with_item: bool = False,
) -> Finding:
    """Count it silently: until a time, or until its excess passes the cap (percentage points).

    `with_item`: because its item goes into the trash; restoring the item takes the mute back.
    Raises Conflict for a finding that is resolved or obsolete.
    """
    if until is not None and until <= timezone.now():
        raise ValidationError({"until": "Choose a time in the future."})
    with deed_on(finding, actor, "finding.muted") as (locked, done):
        if locked.state not in {Finding.State.OPEN, Finding.State.MUTED}:
            raise Conflict(
                "not_open", f"This finding is {locked.state}; reopen it before you mute it."
            )
        locked.state = Finding.State.MUTED
        locked.awaiting_decision = False
        locked.muted_until, locked.muted_cap, locked.muted_with_item = until, cap, with_item
        done.data["until"] = until.isoformat() if until else None
    return locked


def accept_level(findings: Sequence[Finding], *, actor: Actor) -> list[Finding]:
    """Accept today's level: mute each until it gets worse than it is now."""
    if not findings:
        return []
    together = [finding.pk for finding in findings]
    with deed(findings[0].product, actor, "finding.level_accepted", findings=together):
        return [mute(finding, actor=actor, cap=level_of(finding)) for finding in findings]


def watch_only(findings: Sequence[Finding], *, actor: Actor) -> list[Finding]:
    """Only count them: mute without an end."""
    if not findings:
        return []
    together = [finding.pk for finding in findings]
    with deed(findings[0].product, actor, "finding.watched", findings=together):
        return [mute(finding, actor=actor) for finding in findings]


def resolve(
    finding: Finding,
    *,
    reason: str,
    actor: Actor,
    note: str = "",
    until: datetime | None = None,
    duplicate_of: Finding | None = None,
) -> Finding:
    """Resolve by hand, with a reason; its item follows as when the evidence turns green.

    What is accepted is muted, until a time that must be given; a duplicate of another is merged
    into it, which is what is returned then. Raises ValidationError for a reason that people can't
    give, and for one that lacks its time.
    """
    if reason not in set(Finding.Reason) - {Finding.Reason.GREEN}:
        raise ValidationError(
            {"reason": "Choose fixed, false_positive, accepted, duplicate or upstream."}
        )
    if reason == Finding.Reason.ACCEPTED:
        if until is None:
            raise ValidationError({"until": "Say until when it is accepted; then it is open."})
        return mute(finding, actor=actor, until=until)
    if reason == Finding.Reason.DUPLICATE and duplicate_of is not None:
        return merge(finding, duplicate_of, actor=actor)
    with deed_on(finding, actor, "finding.resolved") as (locked, done):
        if locked.state == Finding.State.RESOLVED:
            done.nothing_happened()
            return locked
        set_resolved(locked, reason, done.at)
        locked.resolved_by, locked.resolved_note = actor.user, note
        locked.resolved_batch_at = done.at
        item_follows(locked, done)
    return locked


def reopen(finding: Finding, *, actor: Actor) -> Finding:
    """Take back a mute or a settlement; a finished item comes back with what was settled."""
    with deed_on(finding, actor, "finding.reopened") as (locked, done):
        if locked.state == Finding.State.OPEN:
            done.nothing_happened()
            return locked
        was_muted = locked.state == Finding.State.MUTED
        set_open(locked)
        if not was_muted and locked.item is not None:
            bring_back(locked.product, [locked.item], done)
    return locked


def set_priority(finding: Finding, urgency: str, *, actor: Actor) -> Finding:
    """A person's own priority, which later evidence leaves alone."""
    if urgency not in set(Priority):
        raise ValidationError({"priority": "Choose P1, P2, P3 or P4."})
    with deed_on(finding, actor, "finding.prioritised") as (locked, _):
        locked.priority, locked.priority_set_by = urgency, actor.user
    return locked


def mark_obsolete(finding: Finding, *, actor: Actor) -> Finding:
    """Its rule is gone, and a person says so; its item follows as when the evidence turns green."""
    with deed_on(finding, actor, "finding.obsolete") as (locked, done):
        if locked.state == Finding.State.OBSOLETE:
            done.nothing_happened()
            return locked
        was_resolved = locked.state == Finding.State.RESOLVED
        set_obsolete(locked, done.at)
        if not was_resolved:
            item_follows(locked, done)
    return locked


def keep_watching(finding: Finding, *, actor: Actor) -> Finding:
    """Say no to the proposal that it is obsolete."""
    with deed_on(finding, actor, "finding.kept") as (locked, done):
        if not locked.obsolete_proposed:
            done.nothing_happened()
        locked.obsolete_proposed = False
    return locked


def propose_obsolete(
    subject: Subject, orphans: Sequence[Finding], *, source: str, actor: Actor
) -> int:
    """Ask whether these findings are obsolete, for their rules are gone; how many are asked about
    anew. Of others of the source, whose rules are there, nobody is asked any more."""
    asked = Finding.objects.filter(subject=subject, source=source)
    ids = [finding.pk for finding in orphans]
    with deed(subject.product, actor, "finding.obsolete_proposed", subject=subject) as done:
        asked.filter(obsolete_proposed=True).exclude(pk__in=ids).update(obsolete_proposed=False)
        fresh = asked.filter(
            pk__in=ids,
            obsolete_proposed=False,
            state__in=[Finding.State.OPEN, Finding.State.MUTED],
        ).update(obsolete_proposed=True)
        if not fresh:
            done.nothing_happened()
    return fresh


def confirm_done(item: Item, *, actor: Actor) -> Item:
    """Say yes to *recovered?*: the item is done."""
    product = item.product
    if not item.findings.filter(recovered=True).exists():
        raise DomainError("not_recovered", f"The evidence of {item.ref} has not recovered.")
    done_status = product.statuses.filter(category=Category.DONE).order_by("position").first()
    with deed(product, actor, "item.confirmed_done", item=item):
        recovered = list(item.findings.filter(recovered=True))
        before = {finding.pk: picture_of(finding) for finding in recovered}
        updated = update_item(item, actor=actor, status=done_status)
        item.findings.update(recovered=False)
        for finding in recovered:
            finding.recovered = False
        note_pictures(recovered, before)
    return updated


def delete_item(
    item: Item,
    *,
    actor: Actor,
    findings: str = "keep",
    until: datetime | None = None,
    reason: str = "",
    exact_version: int | None = None,
) -> Item:
    """Put an item into the trash and say what becomes of its open findings.

    `keep`: the next red restores the item. `mute`: silent, until a time if one is given.
    `resolve`: with a reason. With `exact_version`, any later change raises status 412.
    """
    if findings not in {"keep", "mute", "resolve"}:
        raise ValidationError({"findings": "Choose keep, mute or resolve."})
    with deed(item.product, actor, "item.deleted", item=item):
        lock_items_of(item.product, item.findings.all())
        # First out of the backlog, so that nothing finishes the item on its way.
        trashed = trash_item(item, actor=actor, exact_version=exact_version)
        for finding in item.findings.filter(state=Finding.State.OPEN):
            if findings == "mute":
                mute(finding, actor=actor, until=until, with_item=True)
            elif findings == "resolve":
                resolve(finding, actor=actor, reason=reason, until=until)
    return trashed


def take(items: Sequence[Item], *, actor: Actor, spot: Spot | None = None) -> list[Item]:
    """Take filed items from the inbox into the product backlog, by default to its top; with the
    item above a storm, what waits under it."""
    if not items:
        return []
    product = items[0].product
    waiting = [item for item in items if item.backlog.kind == Backlog.Kind.INBOX]
    epics = [item.pk for item in waiting if item.kind == Kind.EPIC]
    if epics:
        below = Item.objects.alive().select_related("product", "status", "backlog")
        below = below.filter(parent__in=epics, backlog__kind=Backlog.Kind.INBOX).order_by("rank")
        waiting += [item for item in below if item not in waiting]
    return move_items(
        product, waiting, actor=actor, spot=spot or Spot.top(), to=product_backlog(product)
    )


def forget_untracked(now: datetime) -> int:
    """Delete untracked evidence older than 30 days; how many reports went."""
    old = StoredReport.objects.filter(tracked=False, reported_at__lt=now - UNTRACKED_LIFE)
    return old.delete()[0]
