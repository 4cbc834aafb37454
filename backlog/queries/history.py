"""The history of an item: its deeds and what they changed, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Prefetch, Q

from backlog.models import Activity, ActorKind, Change, Finding, Item, Kind, Status, User
from backlog.rules.history import (
    DEEDS_ON_SEVERAL,
    FINDING_DEEDS,
    LONG_TEXTS,
    Line,
    Names,
    change_in_words,
    deed_in_words,
    finding_deed_in_words,
    lines_changed,
    undone_change_in_words,
)

EVENTS_SHOWN = 30
MOST_EVENTS = 500
MOST_SHARED_DEEDS = 200
BY_EVIDENCE = frozenset({"evidence.reported", "finding.filed", "run.decided"})


@dataclass(frozen=True)
class Event:
    """Who did what to the item, and when."""

    at: datetime
    who: str
    user: User | None
    lines: Sequence[str]
    texts: Sequence[Sequence[Line]] = field(default_factory=list)  # long ones that were changed


@dataclass(frozen=True)
class History:
    """The latest events first; `more` where older ones are not shown."""

    events: Sequence[Event]
    more: bool


def history_of(item: Item, *, everything: bool = False) -> History:
    """What happened to the item, the latest first, in a fixed number of queries."""
    limit = MOST_EVENTS if everything else EVENTS_SHOWN
    touched = Change.objects.filter(item=item).values("activity_id")
    found = list(
        Activity.objects.filter(Q(item=item) | Q(pk__in=touched))
        .exclude(kind="item.commented")
        .select_related("user", "token", "code_host")
        .prefetch_related(
            Prefetch("changes", queryset=Change.objects.filter(item=item), to_attr="mine")
        )
        # By row and not by seq, which each product counts: an item may have come from another.
        .order_by("-pk")[: limit + 1]
    )
    names = _names(item, found)
    events = (_event(activity, names) for activity in found[:limit])
    return History([event for event in events if event.lines], len(found) > limit)


def last_changes(item: Item, fields: Iterable[str]) -> dict[str, Event]:
    """Who changed each of these fields last, and when."""
    changes = (
        Change.objects.filter(item=item, field__in=list(fields))
        .select_related("activity__user", "activity__token", "activity__code_host")
        .order_by("id")
    )
    return {
        change.field: Event(
            change.activity.at, _who(change.activity), change.activity.user, [change.field]
        )
        for change in changes
    }


def history_of_finding(finding: Finding) -> History:
    """What people did to the finding, the latest first; older than the last 200 deeds on several
    findings at once are left out."""
    deeds = Activity.objects.filter(product=finding.product).select_related("user", "token")
    alone = deeds.filter(kind__in=FINDING_DEEDS, data__finding=finding.pk).order_by("-seq")
    together = deeds.filter(kind__in=DEEDS_ON_SEVERAL).order_by("-seq")[:MOST_SHARED_DEEDS]
    found = {deed.seq: deed for deed in alone[:EVENTS_SHOWN]}
    for deed in together:
        if finding.pk in deed.data.get("findings", []):
            found[deed.seq] = deed
    latest = sorted(found.values(), key=lambda deed: -deed.seq)
    events = [
        Event(deed.at, _who(deed), deed.user, [finding_deed_in_words(deed.kind, deed.data)])
        for deed in latest[:EVENTS_SHOWN]
    ]
    return History(events, more=False)


def _event(activity: Activity, names: Names) -> Event:
    lines = [_line(activity, change, names) for change in _changes(activity)]
    if not lines:
        told = deed_in_words(activity.kind, activity.data)
        lines = [told] if told else []
    texts = [
        lines_changed(str(change.before or ""), str(change.after or ""))
        for change in _changes(activity)
        if change.field in LONG_TEXTS
    ]
    return Event(activity.at, _who(activity), activity.user, lines, texts)


def _line(activity: Activity, change: Change, names: Names) -> str:
    if change.field == "created" and activity.kind in BY_EVIDENCE:
        return "filed it"
    if activity.kind == "item.undone":
        return undone_change_in_words(
            change.field, change.before, change.after, names, activity.data.get("undone") or {}
        )
    if change.field == "created" and activity.kind == "items.imported":
        return "imported it"
    return change_in_words(change.field, change.before, change.after, names)


def _who(activity: Activity) -> str:
    if activity.token is not None:
        return f"{activity.token.name} (token)"
    if activity.user is not None:
        return str(activity.user)
    if activity.actor_kind == ActorKind.CODE_HOST:
        return code_host_in_words(activity)
    if activity.actor_kind == ActorKind.SYSTEM:
        return "The evidence" if activity.kind in BY_EVIDENCE else "ML Scrum"
    return "Somebody"


def code_host_in_words(activity: Activity) -> str:
    """The code host that did it; one that was removed since has no name any more."""
    return f"{activity.code_host} (code host)" if activity.code_host else "A code host"


def _changes(activity: Activity) -> list[Change]:
    mine: list[Change] = activity.mine  # type: ignore[attr-defined]
    return mine


def _names(item: Item, activities: Iterable[Activity]) -> Names:
    addresses = {
        address
        for activity in activities
        for change in _changes(activity)
        if change.field == "assignees"
        for address in (*(change.before or []), *(change.after or []))
    }
    people = User.objects.filter(email__in=addresses).values_list("email", "name")
    return Names(
        statuses={
            status.slug: status.name
            for status in Status.objects.filter(
                product__in={item.product_id, *(activity.product_id for activity in activities)}
            ).order_by("pk")
        },
        people={email: name or email for email, name in people},
        kinds=dict(Kind.choices),
        fields=dict(item.product.extra_fields.values_list("slug", "name")),
    )
