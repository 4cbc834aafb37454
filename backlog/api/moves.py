"""Moving items: by intent, never by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductView
from backlog.forms.moves import BESIDE, ENDS, permissions_of_move
from backlog.models import Backlog, Item, Product
from backlog.queries.resources import find_sprints, items_by_ref, with_row
from backlog.serializers.items import ItemSerializer, MovedSerializer, MoveSerializer
from backlog.services.items import product_backlog
from backlog.services.moves import move_and_set
from backlog.services.ranks import Spot
from mlscrum.lib.errors import DomainError, FieldError


class MoveView(ProductView):
    permissions = {"post": "item.edit"}  # from one list to another it takes more

    @extend_schema(
        operation_id="items_move", request=MoveSerializer, responses=MovedSerializer, tags=["items"]
    )
    def post(self, request: Request, key: str) -> Response:
        """Move items, in the order given, to one place.

        Within a sprint that runs it takes to edit items; into, out of and within any other sprint
        to run sprints; within the product backlog, and for what waits in the inbox, to order it.
        Several items take all that each of them does.
        409 with the present `neighbours` where the anchor has left its backlog.
        """
        product = self.find_product(key)
        self.require(product)
        wanted = MoveSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        (items, spot), home = _named(product, fields), _home(product, fields)
        for permission in permissions_of_move(items, home):
            self.require(product, permission)
        moved = move_and_set(
            product,
            items,
            actor=self.actor,
            spot=spot,
            to=home,
            status=fields.get("status"),
        )
        return Response({"items": ItemSerializer(_shown(moved), many=True).data})


def _named(product: Product, fields: Mapping[str, Any]) -> tuple[list[Item], Spot]:
    """The items that are to be moved, and the spot where they go."""
    refs = list(dict.fromkeys(ref.strip().upper() for ref in fields["refs"]))
    side = next((name for name in BESIDE if name in fields), None)
    found = items_by_ref(product, [*refs, *([fields[side]] if side else [])], deleted=True)
    alive = {ref: item for ref, item in found.items() if item.deleted_at is None}
    missing = [_no_item(f"/refs/{i}", ref) for i, ref in enumerate(refs) if ref not in alive]
    # One from the trash counts as an anchor that has left, which says who stands there now.
    if side and fields[side] not in found:
        missing.append(_no_item(f"/{side}", fields[side]))
    if missing:
        raise _bad_move(missing)
    items = [alive[ref] for ref in refs]
    return items, BESIDE[side](found[fields[side]]) if side else ENDS[fields["to"]]()


def _home(product: Product, fields: Mapping[str, Any]) -> Backlog | None:
    """The backlog that the items go to; None for the one they are in."""
    if "sprint" not in fields:
        return None
    if fields["sprint"] is None:
        return product_backlog(product)
    found = find_sprints(product, fields["sprint"])
    if len(found) != 1:
        why = "Several sprints are active; give an id." if found else "There is no such sprint."
        raise _bad_move([FieldError("/sprint", "no_sprint", why)])
    return found[0]


def _no_item(pointer: str, ref: str) -> FieldError:
    return FieldError(pointer, "no_item", f"There is no item {ref} here.")


def _bad_move(errors: list[FieldError]) -> DomainError:
    return DomainError("invalid", errors[0].detail, errors=errors, status=400)


def _shown(items: Sequence[Item]) -> list[Item]:
    """The items as they are now, in this order."""
    rows = {item.pk: item for item in with_row(Item.objects.filter(pk__in=[i.pk for i in items]))}
    return [rows[item.pk] for item in items]
