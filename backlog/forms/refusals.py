"""What a service refused, said at the fields of a form."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.core.exceptions import ValidationError

from mlscrum.lib.errors import DomainError


def put_errors(
    form: forms.Form,
    error: DomainError | ValidationError,
    *,
    names: Mapping[str, str] | None = None,
) -> None:
    """Show what a service refused at the fields it concerns, or above the form.

    `names` says which field of the form stands for a field of the service.
    """
    if isinstance(error, DomainError):
        form.add_error(None, error.message)
        return
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, texts in error.message_dict.items():
        field = (names or {}).get(name, name)
        for text in texts:
            form.add_error(field if field in form.fields else None, text)
