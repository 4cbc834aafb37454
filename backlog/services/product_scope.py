"""What belongs to a product: which rows of which tables leave with it, and what of them stays.

Tables are found by their foreign keys, so that one that is added belongs by itself. What must not
leave, or means nothing elsewhere, is named by the app that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Q

from backlog.models import Product, User
from backlog.services import secret_keys
from backlog.services.row_copies import models_of

Ids = Callable[[str, Any], Any]  # (label of a model, its old key) -> its new key, or None
Fix = Callable[[dict[str, Any], Ids], None]

_left_out: set[type[models.Model]] = set()
_withheld: dict[str, set[str]] = {}
_also: dict[str, str] = {}
_one: dict[str, str] = {}
_many: dict[str, str] = {}
_paths: dict[str, str] = {}
_fixes: dict[str, list[Fix]] = {}
_json_of_ids: dict[str, set[str]] = {}
_as_they_are: set[str] = set()
_arrivals: list[Callable[[Product], None]] = []


def leave_out(*tables: type[models.Model]) -> None:
    """Tables whose rows stay where they are: secrets, jobs, news of persons, links for guests."""
    _left_out.update(tables)
    belongings.cache_clear()


def withhold(model: type[models.Model], field: str) -> None:
    """A field whose text stays where it is, as it keeps a secret; it leaves empty."""
    model._meta.get_field(field)
    _withheld.setdefault(model._meta.label_lower, set()).add(field)


def share(model: type[models.Model], used_by: str) -> None:
    """Rows without a product that leave with whatever of the product uses them: `used_by` leads
    from such a row to the product."""
    _also[model._meta.label_lower] = used_by
    belongings.cache_clear()


def name_ids(model: type[models.Model], *names: str) -> None:
    """Names under which JSON of ours holds the key of a row of this model, or lists of keys."""
    _one.update(dict.fromkeys(names, model._meta.label_lower))


def name_id_lists(model: type[models.Model], *names: str) -> None:
    """As `name_ids`, where a single number under the name is a count."""
    _many.update(dict.fromkeys(names, model._meta.label_lower))


def name_paths(model: type[models.Model], *nouns: str) -> None:
    """Nouns after which addresses of pages hold the key of a row: `/p/MED/runs/12/`."""
    _paths.update(dict.fromkeys(nouns, model._meta.label_lower))


def keeps_ids(model: type[models.Model], *fields: str) -> None:
    """JSON fields that hold keys of rows under the names of `name_ids`."""
    _json_of_ids.setdefault(model._meta.label_lower, set()).update(fields)


def keep_texts(*tables: type[models.Model]) -> None:
    """Tables whose texts are data, in which a `MED-12` is no item."""
    _as_they_are.update(model._meta.label_lower for model in tables)


def fix(model: type[models.Model], how: Fix) -> None:
    """Let a row be put right as it arrives: `how(row, ids)` changes what no other rule knows."""
    _fixes.setdefault(model._meta.label_lower, []).append(how)


def on_arrival(settle: Callable[[Product], None]) -> None:
    """Let an app see to a product whose rows have all arrived, within the same transaction."""
    _arrivals.append(settle)


@dataclass(frozen=True)
class Belonging:
    """A table whose rows belong to products. All of `ways` lead from a row to its product, which
    is one; without any it is found by `product` alone."""

    model: type[models.Model]
    ways: tuple[str, ...]

    @property
    def label(self) -> str:
        return str(self.model._meta.label_lower)

    def rows_of(self, product: Product) -> models.QuerySet[Any]:
        if self.model is Product:
            return Product.objects.filter(pk=product.pk)
        used_by = _also.get(self.label)
        if used_by:
            own = Q(product=product) | Q(product=None, **{used_by: product})
            return self.model._base_manager.filter(own).distinct()
        return self.model._base_manager.filter(**dict.fromkeys(self.ways, product))


@lru_cache(maxsize=1)
def belongings() -> dict[str, Belonging]:
    """The tables that leave with a product, by their labels."""
    ways: dict[type[models.Model], tuple[str, ...] | None] = {}
    for model in models_of(apps):
        _find_ways(model, ways, ())
    found = {model._meta.label_lower: Belonging(model, way) for model, way in ways.items()
             if way is not None}  # fmt: skip
    for belonging in found.values():
        _refuse_holes(belonging, found)
    return dict(sorted(found.items()))


def links_of(model: type[models.Model]) -> Iterator[Any]:
    """The foreign keys of a table."""
    for field in model._meta.local_concrete_fields:
        if field.is_relation:
            yield field


def withheld_of(label: str) -> set[str]:
    """The fields of a table that leave empty."""
    return _withheld.get(label, set()) | secret_keys.fields_of(label)


def keeps_texts(label: str) -> bool:
    return label in _as_they_are


def is_shared(label: str) -> bool:
    """Whether rows without a product leave with those that use them."""
    return label in _also


def put_right(label: str, row: dict[str, Any], ids: Ids) -> None:
    """Let what JSON and rules of the apps say of other rows be of where the row arrives."""
    for name in _json_of_ids.get(label, ()):
        row[name] = _with_ids(row[name], ids)
    for how in _fixes.get(label, ()):
        how(row, ids)


def model_of_path(noun: str) -> str | None:
    return _paths.get(noun)


def settle(product: Product) -> None:
    for each in _arrivals:
        each(product)


def _find_ways(
    model: type[models.Model],
    known: dict[type[models.Model], tuple[str, ...] | None],
    under: tuple[type[models.Model], ...],
) -> tuple[str, ...] | None:
    """All ways from a table over keys that are never empty to the product; None where it has none.

    A key that is never empty leads to a row that leaves too, or the row stays."""
    if model in known:
        return known[model]
    if model is Product:
        known[model] = ()
        return ()
    if model is User or model in _left_out or model in under:
        if model not in under:
            known[model] = None
        return None
    ways: list[str] = []
    for field in links_of(model):
        if field.null:
            continue
        target = field.related_model
        if target is Product:
            ways.append(field.name)
            continue
        further = _find_ways(target, known, (*under, model))
        ways += [f"{field.name}__{way}" for way in further or ()]
    is_shared = model._meta.label_lower in _also
    known[model] = tuple(ways) if ways or is_shared else None
    return known[model]


def _refuse_holes(belonging: Belonging, found: dict[str, Belonging]) -> None:
    for field in links_of(belonging.model):
        target = field.related_model
        if target is User or field.null or target._meta.label_lower in found:
            continue
        raise ImproperlyConfigured(
            f"{belonging.label}.{field.name} needs a row of {target._meta.label}, which stays "
            "where it is; name what is to become of it in AppConfig.ready()."
        )


def _with_ids(value: Any, ids: Ids) -> Any:
    if isinstance(value, list):
        return [_with_ids(each, ids) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _renamed(name, each, ids) for name, each in value.items()}


def _renamed(name: str, value: Any, ids: Ids) -> Any:
    if name in _one:
        return _each(_one[name], value, ids)
    if name in _many and isinstance(value, list):
        return _each(_many[name], value, ids)
    return _with_ids(value, ids)


def _each(label: str, value: Any, ids: Ids) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | list):
        return _with_ids(value, ids)
    if isinstance(value, list):
        return [_each(label, one, ids) for one in value]
    return ids(label, value)
