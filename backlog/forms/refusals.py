"""What a service refused, said at the fields of a form."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.forms.forms import BaseForm

from mlscrum.lib.errors import DomainError


def put_errors(
    form: BaseForm,
    error: DomainError | ValidationError,
    *,
    names: Mapping[str, str] | None = None,
    field: str | None = None,
) -> None:
    """Show what a service refused at the fields it concerns, or above the form.

    `names` says which field of the form stands for a field of the service; `field` is the one
    that a broken promise concerns.
    """
    if isinstance(error, DomainError):
        form.add_error(field if field in form.fields else None, error.message)
        return
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, faults in error.error_dict.items():
        shown_at = (names or {}).get(name, name)
        for fault in faults:  # with its code, by which pages put it into words
            form.add_error(shown_at if shown_at in form.fields else None, fault)
