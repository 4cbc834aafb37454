"""What Django refuses in a field, in our words: with the field's name and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.core import validators
from django.core.exceptions import ValidationError
from django.db import models
from django.forms import BoundField


def errors_in_words(field: BoundField) -> list[str]:
    """What is wrong with a field. Sentences of our own stay as they are."""
    return [_sentence(field, error) for error in field.errors.as_data()]


def form_in_words(form: forms.BaseForm) -> str:
    """All that is wrong with a form, for where it can't be said at its fields."""
    of_fields = [said for field in form for said in errors_in_words(field)]
    return " ".join([*form.non_field_errors(), *of_fields])


def _sentence(field: BoundField, error: ValidationError) -> str:
    tell = _TELLERS.get(error.code or "")
    is_djangos = any(error.message is said for said in _DJANGOS)
    if tell is None or not is_djangos:
        return str(error.messages[0])
    return tell(field, error)


def _required(field: BoundField, error: ValidationError) -> str:
    if isinstance(field.field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
        return f"{field.label}: choose at least one."
    if isinstance(field.field, forms.ChoiceField | forms.ModelChoiceField):
        return f"{field.label}: choose one."
    return f"{field.label} is missing."


def _number(field: BoundField, error: ValidationError) -> str:
    number = field.field
    kind = "a whole number" if type(number) is forms.IntegerField else "a number"
    least, most = getattr(number, "min_value", None), getattr(number, "max_value", None)
    if least is not None and most is not None:
        return f"{field.label}: give {kind} from {least} to {most}."
    if least is not None:
        return f"{field.label}: give {kind} of at least {least}."
    if most is not None:
        return f"{field.label}: give {kind} of at most {most}."
    return f"{field.label}: give {kind}."


def _invalid(field: BoundField, error: ValidationError) -> str:
    if isinstance(field.field, forms.IntegerField):  # the base of all numbers
        return _number(field, error)
    if isinstance(field.field, forms.EmailField):
        return f"{field.label}: give an address such as name@example.org."
    if isinstance(field.field, forms.DateField):
        return f"{field.label}: give a date such as 2026-11-30."
    return f"{field.label} can't be read; check how it is written."


def _too_long(field: BoundField, error: ValidationError) -> str:
    most, given = _params(error)["limit_value"], _params(error)["show_value"]
    return f"{field.label} may have {most:,} characters; this has {given:,}."


def _decimals(field: BoundField, error: ValidationError) -> str:
    most = _params(error)["max"]
    return f"{field.label}: give at most {most} {'decimal' if most == 1 else 'decimals'}."


def _choice(field: BoundField, error: ValidationError) -> str:
    return f"{field.label}: choose from what is offered."


def _taken(field: BoundField, error: ValidationError) -> str:
    thing = str(_params(error)["model_name"]).lower()
    return f"There is already a {thing} with this {str(field.label).lower()}."


def _unreadable(field: BoundField, error: ValidationError) -> str:
    return f"{field.label} holds a character that can't be stored; type it anew."


def _params(error: ValidationError) -> dict[str, Any]:
    return dict(error.params or {})


_TELLERS: dict[str, Callable[[BoundField, ValidationError], str]] = {
    "required": _required,
    "blank": _required,
    "null": _required,
    "invalid": _invalid,
    "min_value": _number,
    "max_value": _number,
    "max_length": _too_long,
    "max_decimal_places": _decimals,
    "max_digits": _number,
    "max_whole_digits": _number,
    "invalid_choice": _choice,
    "invalid_pk_value": _choice,
    "invalid_list": _choice,
    "unique": _taken,
    "null_characters_not_allowed": _unreadable,
}


def _djangos() -> Iterator[Any]:
    """The sentences that Django brings along: the objects, since ours may read the same."""
    for kind in (
        forms.Field, forms.CharField, forms.IntegerField, forms.FloatField, forms.DecimalField,
        forms.DateField, forms.ChoiceField, forms.MultipleChoiceField, forms.ModelChoiceField,
        forms.ModelMultipleChoiceField, models.Field, models.IntegerField,
    ):  # fmt: skip
        yield from kind.default_error_messages.values()
    for check in (
        validators.MinValueValidator, validators.MaxValueValidator, validators.MaxLengthValidator,
        validators.EmailValidator, validators.ProhibitNullCharactersValidator,
    ):  # fmt: skip
        yield check.message
    yield from validators.DecimalValidator.messages.values()


_DJANGOS = tuple(_djangos())
