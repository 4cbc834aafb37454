"""Taking back what people decided about findings, from what their deeds remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from backlog.models import Activity, Actor, Finding
from backlog.services.finding_history import (
    forget_transition,
    note_transitions,
    standing_now,
)
from backlog.services.findings import merge, split
from backlog.services.findings.standing import lock_findings, picture_of, set_picture

ABOUT_FINDINGS = (
    "finding.filed", "finding.muted", "finding.level_accepted", "finding.watched",
    "finding.resolved", "finding.reopened", "finding.prioritised", "finding.obsolete",
    "finding.kept", "finding.merged", "finding.split", "findings.decided",
)  # fmt: skip
# What an undo of the item has set by the way already.
LOOSE = frozenset({"recovered", "awaiting_evidence", "item_id"})
Keep = Callable[[str, str], None]  # says of what it stays, and why


def findings_in(deeds: Iterable[Activity]) -> list[Finding]:
    """The findings that these deeds changed."""
    ids = [pk for each in deeds for pk, _ in _changed(each)]
    return list(Finding.objects.filter(pk__in=ids).select_related("subject"))


def joins(activity: Activity) -> bool:
    """Whether the deed merged findings or split them, and so saw to their items as well."""
    return any("merged_into_id" in fields for _, fields in _changed(activity))


def findings_back(
    deeds: Iterable[Activity], *, actor: Actor, at: datetime, keep: Keep
) -> list[str]:
    """Let the findings of these deeds, the latest first, stand as before; the titles of those that
    do. What stands otherwise by now stays so, and `keep` is told."""
    back: dict[int, str] = {}
    for each in deeds:
        if joins(each):
            back |= _part_again(_changed(each), actor, keep)
        else:
            back |= _give_back(each, at, keep)
    return list(back.values())


def _changed(activity: Activity) -> list[tuple[int, dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = activity.data.get("findings_changed", [])
    return found


def _first_and_last(
    changed: Iterable[tuple[int, Mapping[str, Any]]],
) -> dict[int, dict[str, tuple[Any, Any]]]:
    """What each field held before the deed and after it, however often it changed within."""
    values: dict[int, dict[str, tuple[Any, Any]]] = {}
    for pk, fields in changed:
        known = values.setdefault(pk, {})
        for name, (before, after) in fields.items():
            first, _ = known.get(name, (before, None))
            known[name] = first, after
    return values


def _give_back(undone: Activity, at: datetime, keep: Keep) -> dict[int, str]:
    back = {}
    values = _first_and_last(_changed(undone))
    for finding in lock_findings(list(Finding.objects.filter(pk__in=values))):
        now, fields = picture_of(finding), values[finding.pk]
        if any(now[name] != after for name, (_, after) in fields.items() if name not in LOOSE):
            keep(f"“{finding.title}” stays:", "it stands otherwise by now.")
            continue
        stood = standing_now([finding])
        if "state" in fields:
            stood |= forget_transition(finding, undone.at, was=fields["state"][0])
        set_picture(finding, {name: before for name, (before, _) in fields.items()})
        finding.save(update_fields=[name.removesuffix("_id") for name in fields])
        note_transitions([finding], at, before=stood)
        back[finding.pk] = finding.title
    return back


def _part_again(
    changed: Sequence[tuple[int, Mapping[str, Any]]], actor: Actor, keep: Keep
) -> dict[int, str]:
    """Split what was merged, and merge what was split; the last first."""
    back = {}
    with_all = Finding.objects.select_related("product", "subject", "item__product")
    for pk, fields in reversed(changed):
        if "merged_into_id" not in fields:
            continue
        before, after = fields["merged_into_id"]
        finding = with_all.get(pk=pk)
        if finding.merged_into_id != after:
            # An alias that followed another comes back with that one.
            if finding.merged_into_id != before:
                keep(f"“{finding.title}” stays:", "it is merged otherwise by now.")
        elif before is None:
            split(finding, actor=actor, is_undo=True)
            back[pk] = finding.title
        elif after is None:
            merge(finding, with_all.get(pk=before), actor=actor)
            back[pk] = finding.title
    return back
