"""Secrets under a new key: whatever is kept encrypted is written anew with the first of
SECRETS_KEYS, so that older ones can go."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt, encrypt

AT_ONCE = 200
_kept: list[tuple[type[models.Model], str]] = []


@dataclass(frozen=True)
class Rotated:
    """How many secrets of a field are under the first key now, and which rows' none could read."""

    name: str
    count: int
    unreadable: tuple[int, ...]


def register(model: type[models.Model], *fields: str) -> None:
    """Name fields of a model that hold what `mlscrum.lib.secrets.encrypt` gave."""
    for field in fields:
        model._meta.get_field(field)  # raises for a name that is none
        if (model, field) in _kept:
            raise ImproperlyConfigured(f"{model.__name__}.{field} is registered twice.")
        _kept.append((model, field))


def fields_of(label: str) -> set[str]:
    """The fields of the model of this label (`backlog.webhooksecret`) that hold secrets."""
    return {field for model, field in _kept if model._meta.label_lower == label}


def rotate() -> list[Rotated]:
    """Write every secret anew. May be stopped and begun again; one that somebody changes meanwhile
    is theirs, and under the first key anyway."""
    return [_rotated(model, field) for model, field in _kept]


def _rotated(model: type[models.Model], field: str) -> Rotated:
    count, unreadable = 0, []
    rows = model._default_manager.exclude(**{field: ""}).order_by("pk")
    for pk, kept in rows.values_list("pk", field).iterator(chunk_size=AT_ONCE):
        try:
            anew = encrypt(decrypt(kept))
        except DomainError:
            unreadable.append(pk)
            continue
        count += model._default_manager.filter(pk=pk, **{field: kept}).update(**{field: anew})
    return Rotated(f"{model._meta.verbose_name} {field}", count, tuple(unreadable))
