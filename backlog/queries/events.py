"""What streams, the list of events and webhooks tell of a deed: numbers and refs, never texts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from backlog.models import Activity, ActivityCounter, ActorKind, Change, Item, Product
from mlscrum.lib.live import Event

MOST_REFS = 200  # a deed on more items says so instead of naming them all

PLACES = ("moved", "rebalanced")  # what deeds remember of where items stand (decision 5)


@dataclass(frozen=True)
class Family:
    """Events that belong together: what people call them, and the first parts of their names."""

    words: str
    names: tuple[str, ...]

    @property
    def patterns(self) -> list[str]:
        """What a webhook asks for to hear of all of them."""
        return [f"{name}.*" for name in self.names]


_ids: set[str] = set()
_families: list[Family] = []
_change_rights: set[str] = {"member.removed", "member.role_changed", "token.revoked"}


def carry_ids(*names: str) -> None:
    """Tell these numbers of the data of deeds, such as `sprint`; what is not named stays here."""
    _ids.update(names)


def announce(words: str, *names: str) -> None:
    """Let webhooks choose the events whose names begin so, such as `item` of `item.created`."""
    family = Family(words, names)
    if family not in _families:
        _families.append(family)


def announced() -> list[Family]:
    """What webhooks can choose, in the order in which the floors named it."""
    return list(_families)


def families() -> set[str]:
    """The first parts of the names of all events."""
    return {name for family in _families for name in family.names}


def change_rights(*kinds: str) -> None:
    """After deeds of these kinds all who listen are asked at once whether they still may."""
    _change_rights.update(kinds)


def events_of(product: Product) -> QuerySet[Activity]:
    """The deeds of a product, with what `payloads_of` asks of each."""
    return Activity.objects.filter(product=product).select_related(
        "product", "user", "token", "item__product", "subject"
    )


def payloads_of(activities: Iterable[Activity]) -> list[dict[str, Any]]:
    """What is told of these deeds, in two further queries."""
    found = list(activities)
    touched = _refs_touched(found)
    return [_payload(activity, touched[activity.pk]) for activity in found]


class Deeds:
    """The deeds of all products, as streams follow them: a topic is a product."""

    def heads(self, topics: Collection[int]) -> dict[int, int]:
        counters = ActivityCounter.objects.filter(product__in=list(topics))
        return dict(counters.values_list("product_id", "seq"))

    def after(self, topic: int, seq: int, limit: int) -> list[Event]:
        deeds = events_of(Product(pk=topic)).filter(seq__gt=seq).order_by("seq")[:limit]
        return [
            Event(payload["seq"], payload, payload["kind"] in _change_rights)
            for payload in payloads_of(deeds)
        ]


def _refs_touched(activities: Sequence[Activity]) -> dict[int, list[str]]:
    """The items that each deed was about, changed or moved, by the number of the row."""
    named = {activity.pk: _named(activity) for activity in activities}
    changed = (
        Change.objects.filter(activity__in=[activity.pk for activity in activities])
        .values_list("activity_id", "item__product__key", "item__number")
        .distinct()
        .order_by("activity_id", "item__number")
    )
    for activity_id, key, number in changed:
        named[activity_id].append(f"{key}-{number}")
    moved = {activity.pk: _moved(activity) for activity in activities}
    items = Item.objects.filter(pk__in={pk for found in moved.values() for pk in found})
    ref_of = {
        pk: f"{key}-{number}"
        for pk, key, number in items.values_list("pk", "product__key", "number")
    }
    for activity_id, found in moved.items():
        named[activity_id] += [ref_of[pk] for pk in found if pk in ref_of]
    return {activity.pk: _of_product(activity, named[activity.pk]) for activity in activities}


def _named(activity: Activity) -> list[str]:
    """What the deed itself says that it was about."""
    items = activity.data.get("items")
    listed = [ref for ref in items if isinstance(ref, str)] if isinstance(items, list) else []
    return [activity.item.ref, *listed] if activity.item else listed


def _of_product(activity: Activity, refs: Iterable[str]) -> list[str]:
    """Each once, and none of the product that an item has gone to since."""
    return [ref for ref in dict.fromkeys(refs) if ref.startswith(f"{activity.product.key}-")]


def _moved(activity: Activity) -> list[int]:
    places = activity.data.get("moved", [])[: MOST_REFS + 1]
    return [place[0] for place in places if isinstance(place, list)]


def _payload(activity: Activity, refs: list[str]) -> dict[str, Any]:
    subject = activity.subject
    return {
        "seq": activity.seq,
        "kind": activity.kind,
        "at": activity.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "actor": {
            "kind": ActorKind(activity.actor_kind).value,
            "user": activity.user.email if activity.user else None,
            "token": activity.token.name if activity.token else None,
        },
        "refs": refs[:MOST_REFS],
        "more_refs": len(refs) > MOST_REFS,
        "moved": any(name in activity.data for name in PLACES),
        "subject": {"kind": subject.kind, "slug": subject.slug} if subject else None,
        "ids": {
            name: value
            for name, value in activity.data.items()
            if name in _ids and isinstance(value, int) and not isinstance(value, bool)
        },
        "tab": activity.data.get("tab", ""),
    }
