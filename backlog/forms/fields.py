"""Fields that several forms share."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backlog.models import Hue, Item, Product
from backlog.models.items import ItemQuerySet
from backlog.queries.item_pages import meant
from backlog.queries.items import find_item
from mlscrum.lib.numbers import whole_number

IS_REF = re.compile(r"[A-Za-z0-9]+-[0-9]+")
NAMED = 3


class WordsField(forms.CharField):
    """A list of names, separated by commas."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return [name.strip() for name in text.split(",") if name.strip()]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value


class RowField(forms.ModelChoiceField):  # type: ignore[type-arg]  # no generic at runtime
    """A row by its key; what is no key is a wrong choice like any other."""

    def to_python(self, value: Any) -> Any:
        is_key = value in self.empty_values or whole_number(str(value)) is not None
        if not is_key and not isinstance(value, Model):
            raise ValidationError(
                self.error_messages["invalid_choice"],
                code="invalid_choice",
                params={"value": str(value)[:20]},
            )
        return super().to_python(value)


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # no generic at runtime
    """Several rows by their keys; what is no key is a wrong choice like any other."""

    def clean(self, value: Any) -> Any:
        for key in value or ():
            if whole_number(str(key)) is None:
                raise ValidationError(
                    self.error_messages["invalid_choice"],
                    code="invalid_choice",
                    params={"value": str(key)[:20]},
                )
        return super().clean(value)


class HueField(forms.ChoiceField):
    """A colour, chosen by its swatch and its word."""

    widget = forms.RadioSelect

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", "Colour")
        kwargs.setdefault("initial", Hue.GREY)
        super().__init__(choices=[(hue.value, _swatch(hue)) for hue in Hue], **kwargs)


def item_meant(product: Product, text: str, *, among: ItemQuerySet | None = None) -> Item:
    """The item of a ref, after which its title may stand, or the only one `among` these that the
    words fit. Raises ValidationError where there is none, or where there are several."""
    ref = text.split()[0]
    try:
        return find_item(product, ref)
    except Http404:
        if among is None or IS_REF.fullmatch(ref):
            raise ValidationError(f"There is no item {ref.upper()} in this product.") from None
    found = meant(among, text)
    if len(found) == 1:
        return find_item(product, found[0].ref)
    if not found:
        raise ValidationError(
            f"No item to choose here has the words “{text}”; give a ref such as {product.key}-1."
        )
    refs = ", ".join(item.ref for item in found[:NAMED])
    more = " and more" if len(found) > NAMED else ""
    raise ValidationError(f"Several items fit “{text}”: {refs}{more}. Choose one from the list.")


def _swatch(hue: Hue) -> SafeString:
    return format_html('<span class="swatch hue-{}"></span>{}', hue.value, hue.label)
