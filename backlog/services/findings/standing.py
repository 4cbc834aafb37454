"""How findings stand: what each change of state takes along, and how many are written at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from backlog.models import (
    Actor,
    Category,
    Change,
    Finding,
    Item,
    OnGreen,
    Product,
)
from backlog.rules.finding_life import Standing, is_flapping, recent_flips
from backlog.rules.severity import UNKNOWN_EXCESS
from backlog.services.deeds import Deed, deed, remember
from backlog.services.evidence_items import (
    FINISHED_BY_EVIDENCE,
    follow_green,
    lock_items_of,
    say,
)
from backlog.services.finding_history import note_transitions, standing_now
from mlscrum.lib.errors import Conflict

FIELDS_WRITTEN = [
    "title", "severity", "excess", "score", "priority", "state", "regressed", "awaiting_evidence",
    "awaiting_decision", "recovered", "last_seen", "last_batch_key", "last_batch_at",
    "last_failed_at", "green_batch_keys", "occurrence_count", "evidence", "item", "resolved_at",
    "resolved_reason", "resolved_by", "resolved_note", "resolved_batch_at", "muted_until",
    "muted_cap", "muted_with_item", "errored_checks", "flapping", "stale", "obsolete_proposed",
    "last_outcome", "flips", "merged_into", "alias_count",
]  # fmt: skip


def standing_of(finding: Finding, item: Item | None) -> Standing:
    return Standing(
        state=finding.state,
        last_batch_at=finding.last_batch_at,
        green_batch_keys=finding.green_batch_keys,
        resolved_at=finding.resolved_at,
        fixed_at=finding.resolved_batch_at,
        done_by_hand_at=item.done_at if item and finding.awaiting_evidence else None,
        muted_until=finding.muted_until,
        muted_cap=finding.muted_cap,
    )


def set_resolved(finding: Finding, reason: str, at: datetime) -> None:
    finding.state, finding.resolved_reason, finding.resolved_at = (
        Finding.State.RESOLVED,
        reason,
        at,
    )
    finding.resolved_by, finding.resolved_note = None, ""
    _settled(finding)


def set_obsolete(finding: Finding, at: datetime) -> None:
    finding.state, finding.resolved_at = Finding.State.OBSOLETE, at
    _settled(finding)


def _settled(finding: Finding) -> None:
    """Nothing is to be waited for any more."""
    finding.regressed = finding.awaiting_evidence = finding.awaiting_decision = False
    finding.stale = finding.obsolete_proposed = False
    finding.errored_checks = []
    unmute(finding)


def set_open(finding: Finding) -> None:
    finding.state = Finding.State.OPEN
    finding.resolved_at = finding.resolved_batch_at = finding.resolved_by = None
    finding.resolved_reason = finding.resolved_note = ""
    finding.recovered = False
    unmute(finding)


def unmute(finding: Finding) -> None:
    finding.muted_until = finding.muted_cap = None
    finding.muted_with_item = False


def mute_over_in_words(finding: Finding, at: datetime) -> str:
    """Why a mute has ended by itself; asked before it is taken away."""
    if finding.muted_until is not None and at > finding.muted_until:
        return f"The mute is over since its date has come: {finding.title}"
    cap = finding.muted_cap or 0
    return f"The mute is over, for it is worse than the {cap:g} points accepted: {finding.title}"


def settle_flapping(finding: Finding, at: datetime) -> bool:
    """Set the mark as the turns of the last week have it; whether it is new."""
    flips = [datetime.fromisoformat(flip) for flip in finding.flips]
    before = finding.flapping
    finding.flips = [flip.isoformat() for flip in recent_flips(flips, at)]
    finding.flapping = is_flapping(flips, at, already=before)
    return finding.flapping and not before


def level_of(finding: Finding) -> float:
    return UNKNOWN_EXCESS if finding.excess is None else finding.excess


def item_follows(finding: Finding, done: Deed) -> None:
    """Do to the item what follows when a person has settled its finding."""
    comments: list[tuple[Item, str]] = []
    items = {finding.item.pk: finding.item} if finding.item else {}
    followers = items_to_finish(finding.product, [finding], items, comments, known=[finding])
    follow_green(finding.product, followers, done)
    say(comments, author=done.actor.user)


def items_to_finish(
    product: Product,
    resolved: Sequence[Finding],
    items: Mapping[int, Item],
    comments: list[tuple[Item, str]],
    *,
    known: Sequence[Finding],
) -> list[Item]:
    """The items that follow, since their last open finding is settled; where the product wants to
    be asked instead, the finding says so. Adds what is to be said.

    `known` findings stand as they do in memory, all others as in the database.
    """
    mine = {finding.item_id for finding in resolved if finding.item_id in items}
    if not mine:
        return []
    still_open = set(
        Finding.objects.filter(item__in=mine, state=Finding.State.OPEN)
        .exclude(pk__in=[finding.pk for finding in known if finding.pk])
        .values_list("item_id", flat=True)
    ) | {finding.item_id for finding in known if finding.state == Finding.State.OPEN}
    finished: dict[int, Item] = {}
    for finding in resolved:
        item = items.get(finding.item_id or 0)
        if item is None or item.deleted_at is not None:
            continue
        comments.append((item, _farewell(finding)))
        if item.pk in still_open or item.status.category == Category.DONE:
            continue
        if _follows_green(product, item):
            finished[item.pk] = item
        else:
            finding.recovered = True
    return list(finished.values())


def _follows_green(product: Product, item: Item) -> bool:
    """Whether the item moves by itself when its evidence turns green, or the team is asked."""
    if product.on_green == OnGreen.STATUS:
        return True
    return product.on_green == OnGreen.DONE and item.kind in FINISHED_BY_EVIDENCE


def _farewell(finding: Finding) -> str:
    if finding.state == Finding.State.OBSOLETE:
        return f"Obsolete, for its check is gone: {finding.title}"
    if finding.resolved_reason == Finding.Reason.GREEN:
        return f"Green again: {finding.title}"
    told = f"Resolved ({finding.get_resolved_reason_display()}): {finding.title}"
    return f"{told}\n\n{finding.resolved_note}" if finding.resolved_note else told


def closers_of(items: Sequence[Item]) -> dict[int, str]:
    """Who set the items that are done to it by hand, where somebody did; one query for all."""
    ids = [item.pk for item in items if item.status.category == Category.DONE]
    by_hand = Change.objects.filter(item__in=ids, field="status", activity__user__isnull=False)
    last = by_hand.select_related("activity__user").order_by("id") if ids else []
    return {change.item_id: str(change.activity.user) for change in last}


def lock_findings(findings: Sequence[Finding]) -> list[Finding]:
    return list(
        Finding.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "subject__owner", "item__product", "item__status")
        .select_related("item__backlog", "merged_into")
        .filter(pk__in=[finding.pk for finding in findings])
        .order_by("fingerprint")
    )


# What people's deeds change of a finding, and an undo gives back.
PICTURED = (
    "state", "regressed", "awaiting_evidence", "awaiting_decision", "recovered", "stale",
    "obsolete_proposed", "resolved_at", "resolved_reason", "resolved_by_id", "resolved_note",
    "resolved_batch_at", "muted_until", "muted_cap", "muted_with_item", "priority",
    "priority_set_by_id", "item_id", "green_batch_keys", "errored_checks", "merged_into_id",
    "alias_count",
)  # fmt: skip
TIMES = ("resolved_at", "resolved_batch_at", "muted_until")


def picture_of(finding: Finding) -> dict[str, Any]:
    """The finding as plain values."""
    values = {name: getattr(finding, name) for name in PICTURED}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def set_picture(finding: Finding, values: Mapping[str, Any], *, skip: Collection[str] = ()) -> None:
    """Give the finding these values of a picture back."""
    for name, value in values.items():
        if name in skip:
            continue
        is_time = name in TIMES and value is not None
        setattr(finding, name, datetime.fromisoformat(value) if is_time else value)


def note_pictures(findings: Sequence[Finding], before: Mapping[int, Mapping[str, Any]]) -> None:
    """Let the deed under way remember what it changed of these findings."""
    for finding in findings:
        was, now = before[finding.pk], picture_of(finding)
        changed = {name: [was[name], now[name]] for name in PICTURED if was[name] != now[name]}
        if changed:
            remember("findings_changed", [finding.pk, changed])


@contextmanager
def deed_on(finding: Finding, actor: Actor, kind: str) -> Iterator[tuple[Finding, Deed]]:
    with deed(
        finding.product,
        actor,
        kind,
        item=finding.item,
        subject=finding.subject,
        finding=finding.pk,
    ) as done:
        lock_items_of(finding.product, [finding])
        locked = lock_findings([finding])[0]
        if locked.merged_into is not None:
            raise Conflict(
                "merged",
                f"It is merged into “{locked.merged_into.title}”; decide about that one, or split"
                " this from it.",
            )
        stood = standing_now([locked])
        before = picture_of(locked)
        yield locked, done
        locked.save()
        note_pictures([locked], {locked.pk: before})
        note_transitions([locked], done.at, before=stood)


def write_findings(findings: Sequence[Finding]) -> None:
    """All fields that reports and people change, in one statement however many rows."""
    if findings:
        Finding.objects.bulk_create(
            findings,
            update_conflicts=True,
            unique_fields=["product", "source", "fingerprint"],
            update_fields=FIELDS_WRITTEN,
        )
