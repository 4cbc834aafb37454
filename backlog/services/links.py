"""Deeds on links between items."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from backlog.models import Actor, Item, Link, Product
from backlog.rules.links import WORDS, followers, order_of, way_back
from backlog.services.deeds import deed
from backlog.services.items import inbox, refuse_trashed
from backlog.services.ranks import lock_all_backlogs, lock_backlogs
from mlscrum.lib.errors import Conflict


def add_link(source: Item, kind: str, target: Item, *, actor: Actor) -> Link:
    """Say what one item is to another. The same link again changes nothing.

    Raises ValidationError for an item of another product, one in the trash or the item itself,
    and Conflict, with the way back, where what comes first would have to come last as well.
    """
    product = source.product
    _check(source, kind, target)
    with deed(product, actor, "item.linked", item=source, link=kind, target=target.ref) as done:
        # Two links that close a circle together wait for each other: the inbox, which each
        # product has, stands for all its links.
        lock_backlogs(inbox(product), source.backlog, target.backlog)
        if kind == Link.Kind.RELATES and _is_there(target, kind, source):
            source, target = target, source  # it is the same either way
        if _is_there(source, kind, target):
            done.nothing_happened()
            return Link.objects.get(source=source, target=target, kind=kind)
        _refuse_circle(product, source, kind, target)
        link = Link.objects.create(source=source, target=target, kind=kind, created_by=actor.user)
        words, words_back = WORDS[kind]
        done.change(source, "links", None, f"{words} {target.ref}")
        done.change(target, "links", None, f"{words_back} {source.ref}")
    return link


def add_links(
    product: Product, wanted: Sequence[tuple[Item, str, Item]], *, actor: Actor
) -> tuple[list[Link], dict[int, str]]:
    """Many links, as (source, kind, target), in one deed: those that were made, and why others
    can't be, by their place. What is there already is neither."""
    made: list[Link] = []
    refused: dict[int, str] = {}
    with deed(product, actor, "items.linked") as done:
        lock_all_backlogs(product)
        rows = set(
            Link.objects.filter(source__product=product).values_list("kind", "source", "target")
        )
        following = followers(edge for row in rows if (edge := order_of(*row)))
        for place, (source, kind, target) in enumerate(wanted):
            row = (kind, source.pk, target.pk)
            turned = (kind, target.pk, source.pk)
            if row in rows or (kind == Link.Kind.RELATES and turned in rows):
                continue
            try:
                _check(source, kind, target)
            except ValidationError as error:
                refused[place] = " ".join(error.messages)
                continue
            edge = order_of(*row)
            if edge and way_back(following, *edge):
                refused[place] = (
                    f"{source.ref} {WORDS[kind][0]} {target.ref} would close a circle: each would "
                    "have to come before the other."
                )
                continue
            rows.add(row)
            if edge:
                following[edge[0]].append(edge[1])
            made.append(Link(source=source, target=target, kind=kind, created_by=actor.user))
            done.change(source, "links", None, f"{WORDS[kind][0]} {target.ref}")
            done.change(target, "links", None, f"{WORDS[kind][1]} {source.ref}")
        Link.objects.bulk_create(made)
        if not made:
            done.nothing_happened()
    return made, refused


def remove_link(link: Link, *, actor: Actor, side: Item | None = None) -> None:
    """Take a link away, from the side of its source or of that item; what lies in the trash keeps
    its links, unless its other end drops them."""
    source, target = link.source, link.target
    refuse_trashed(side or source)
    words, words_back = WORDS[link.kind]
    with deed(source.product, actor, "item.unlinked", item=source, target=target.ref) as done:
        gone, _ = Link.objects.filter(pk=link.pk).delete()
        if not gone:
            done.nothing_happened()
            return
        done.change(source, "links", f"{words} {target.ref}", None)
        done.change(target, "links", f"{words_back} {source.ref}", None)


def _check(source: Item, kind: str, target: Item) -> None:
    if kind not in Link.Kind.values:
        raise ValidationError({"type": f"A link is one of {', '.join(Link.Kind.values)}."})
    if source.product_id != target.product_id:
        raise ValidationError({"ref": "Items of two products can't be linked; copy one of them."})
    if source.pk == target.pk:
        raise ValidationError({"ref": "An item can't be linked to itself."})
    for item in (source, target):
        if item.deleted_at is not None:
            raise ValidationError({"ref": f"{item.ref} is in the trash; restore it first."})


def _is_there(source: Item, kind: str, target: Item) -> bool:
    return Link.objects.filter(source=source, kind=kind, target=target).exists()


def _refuse_circle(product: Product, source: Item, kind: str, target: Item) -> None:
    order = order_of(kind, source.pk, target.pk)
    if order is None:
        return
    rows = Link.objects.filter(source__product=product).values_list("kind", "source", "target")
    following = followers(edge for row in rows if (edge := order_of(*row)))
    way = way_back(following, *order)
    if way:
        refs = {
            pk: f"{product.key}-{number}"
            for pk, number in Item.objects.filter(pk__in=way).values_list("pk", "number")
        }
        raise Conflict(
            "circle",
            f"{refs[way[0]]} already comes before {refs[way[-1]]}: "
            f"{' → '.join(refs[pk] for pk in way)}. Take one of these links away first.",
        )
