"""The base of every REST view: an action declares its permission, or it is refused."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import CharField, F, QuerySet, Value
from django.http import Http404
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from backlog.access.declared import ANYONE_KNOWN, PUBLIC, declared_by
from backlog.access.roles import PERMISSIONS, may, role_of
from backlog.access.tokens import actor_of
from backlog.models import Actor, FormerRef, Item, Product, Role, Scope, Subject
from backlog.models.items import ItemQuerySet
from mlscrum.lib.numbers import whole_number
from mlscrum.web.filters import StrictRequest

__all__ = ["ANYONE_KNOWN", "PUBLIC", "ProductScope", "ProductView", "ProductViewSet"]


class ProductScope:
    """What views within one product share: the actor, the product, and `require`."""

    permissions: ClassVar[dict[str, str]]
    request: Any  # a rest_framework Request; the base of Django's views says HttpRequest
    kwargs: dict[str, Any]

    @property
    def actor(self) -> Actor:
        actor = actor_of(self.request)
        if actor is None:
            raise NotAuthenticated
        return actor

    def visible_products(self) -> QuerySet[Product]:
        """The products that this principal may know of."""
        actor = self.actor
        if actor.token is not None and actor.token.product_id is not None:
            products = Product.objects.filter(pk=actor.token.product_id)
            if actor.user is not None:
                products = products.filter(members__user=actor.user)
            return products
        return Product.objects.visible_to(actor.user)

    def find_product(self, key: str) -> Product:
        """The product, or 404 for strangers."""
        product = self._looked_up(key)
        if product is None:
            raise Http404(f"There is no product {key}, or you are not a member of it.")
        return product

    def find_item(self, ref: str, *, deleted: bool = False) -> Item:
        """The item of a ref such as MED-12, with what deeds ask of it, or 404.

        The ref that an item had before it moved to another product means the item still.
        """
        product, items = self.sought(ref, deleted=deleted)
        found: Item | None = items.select_related("status", "backlog", "parent").first()
        if found is None:
            return self._moved_item(product, ref, deleted=deleted)
        found.product = product
        if found.parent is not None and found.parent.product_id == product.pk:
            found.parent.product = product
        return found

    def sought(self, ref: str, *, deleted: bool = False) -> tuple[Product, ItemQuerySet]:
        """The product of a ref and the item under it, if there is one; 404 for strangers."""
        key, _, digits = ref.rpartition("-")
        number = whole_number(digits, digits=9)
        product = self._looked_up(key)
        if product is None or number is None:
            raise Http404(f"There is no item {ref}.")
        items = Item.objects.filter(product=product, number=number)
        return product, items if deleted else items.alive()

    def _looked_up(self, key: str) -> Product | None:
        """The product with the actor's role in it, in one query, which `require` would repeat."""
        products = self.visible_products().filter(key=key.upper())
        if self.actor.user is not None:
            products = products.annotate(actor_role=F("members__role"))
        product = products.first()
        self.keep_role(product, getattr(product, "actor_role", None))
        return product

    def within_reach(self, rows: QuerySet[Any], product: str = "product") -> Any:
        """The rows of products that this principal may know of, each with the actor's role there
        as `actor_role`, for `keep_role`; `product` is the way from a row to its product."""
        user, token = self.actor.user, self.actor.token
        if user is None or not user.is_active:
            nobody = Value(None, CharField())
            return rows.filter(**{f"{product}__in": self.visible_products()}).annotate(
                actor_role=nobody
            )
        if token is not None and token.product_id is not None:
            rows = rows.filter(**{product: token.product_id})
        rows = rows.filter(**{f"{product}__members__user": user})
        return rows.annotate(actor_role=F(f"{product}__members__role"))

    def keep_role(self, product: Product | None, role: str | None) -> None:
        """What a query of this request found, so that `require` need not ask again."""
        self._roles = {} if product is None or role is None else {product.pk: Role(role)}

    def _moved_item(self, product: Product, ref: str, *, deleted: bool) -> Item:
        former = FormerRef.objects.filter(
            product=product,
            number=whole_number(ref.rpartition("-")[2], digits=9) or 0,
            item__product__in=self.visible_products(),
        )
        items = Item.objects.filter(pk__in=former.values("item"))
        found: Item | None = (items if deleted else items.alive()).with_row().first()
        if found is None:
            raise Http404(f"There is no item {ref}.")
        return found

    def require(
        self, product: Product, permission: str | None = None, *, subject: Subject | None = None
    ) -> None:
        """Refuse unless the actor holds the declared (or the given) permission."""
        permission = permission or declared_by(self, self.request)  # type: ignore[arg-type]
        role = getattr(self, "_roles", {}).get(product.pk)
        if permission is None or not may(
            self.actor, permission, product, role=role, subject=subject
        ):
            raise PermissionDenied(self._why(permission, product))

    def _why(self, permission: str | None, product: Product) -> str:
        token = self.actor.token
        needed = PERMISSIONS.get(permission or "")
        if token is None or needed is None or role_of(self.actor, product) is None:
            return "Your role in this product doesn't allow this."
        if token.user_id is None and not needed.for_product_tokens:
            return f"A token of a product can't do this ({permission}); send one of a person."
        if not token.allows(needed.scope):
            return f"This token lacks the scope {needed.scope}, which {permission} takes."
        return f"Whoever this token acts as has a role that doesn't allow this ({permission})."

    def require_scope(self, *scopes: Scope) -> None:
        """For what lies outside products: the token must carry one of the scopes."""
        token = self.actor.token
        if token is not None and not any(token.allows(scope) for scope in scopes):
            raise PermissionDenied(f"This token lacks the scope {' or '.join(scopes)}.")


class ProductViewSet(StrictRequest, ProductScope, GenericViewSet[Any]):
    """A resource whose actions name their permissions in `permissions`."""


class ProductView(StrictRequest, ProductScope, APIView):
    """A single path whose methods name their permissions in `permissions`."""
