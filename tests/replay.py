"""The order of a backlog as its activity tells it."""

from __future__ import annotations

from backlog.models import Product
from backlog.services.ranks import Placed
from mlscrum.lib import ranks


def replayed(product: Product) -> list[int]:
    """The items in the order that the activity tells, from the first deed to the last."""
    places: dict[int, tuple[int, str]] = {}
    for data in product.activities.order_by("seq").values_list("data", flat=True):
        for backlog in data.get("rebalanced", []):
            inside = sorted((rank, pk) for pk, (home, rank) in places.items() if home == backlog)
            fresh = ranks.fresh(inside[-1][0], len(inside))
            places |= {pk: (backlog, key) for (_, pk), key in zip(inside, fresh, strict=True)}
        for row in data.get("moved", []):
            place = Placed(*row)
            if place.to_backlog is None or place.to_rank is None:
                places.pop(place.item, None)
            else:
                places[place.item] = place.to_backlog, place.to_rank
    return sorted(places, key=places.__getitem__)
