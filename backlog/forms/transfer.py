"""Where an item goes: to which product, moved or copied, and with what stands under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from backlog.models import Item, Kind, Product

MOVE, COPY = "move", "copy"


class TransferForm(forms.Form):
    """The choice; `products` are those that the person may edit."""

    product = forms.ChoiceField(label="To which product?")
    how = forms.ChoiceField(
        label="How?",
        choices=[(MOVE, "Move it"), (COPY, "Copy it: the original stays")],
        initial=MOVE,
        widget=forms.RadioSelect,
    )
    children = forms.BooleanField(
        label="With everything that stands under it", required=False, initial=True
    )

    def __init__(self, item: Item, products: Sequence[Product], *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.products = {product.key: product for product in products}
        self.fields["product"].choices = [  # type: ignore[attr-defined]
            (product.key, f"{product.name} ({product.key})") for product in products
        ]
        if item.kind != Kind.EPIC:
            del self.fields["children"]  # tasks always go with their item

    @property
    def target(self) -> Product:
        return self.products[self.cleaned_data["product"]]

    @property
    def copies(self) -> bool:
        return bool(self.cleaned_data["how"] == COPY)

    @property
    def with_children(self) -> bool:
        return bool(self.cleaned_data.get("children", True))
