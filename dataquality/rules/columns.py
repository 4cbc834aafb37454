"""Which columns a check names, wherever in it they stand, and how it reads with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SINGLE = ("column", "column_A", "column_B")
SEVERAL = ("column_list", "column_set")


def named_columns(kwargs: Mapping[str, Any]) -> list[str]:
    """The columns that the keyword arguments of a check name, those of its condition included,
    each once."""
    found: dict[str, None] = {}

    def note(name: str) -> str:
        found[name] = None
        return name

    with_columns(kwargs, note)
    return list(found)


def with_columns(kwargs: Mapping[str, Any], named: Callable[[str], str]) -> dict[str, Any]:
    """The same keyword arguments, each column under the name that `named` gives for it."""
    changed = dict(kwargs)
    for name in SINGLE:
        if isinstance(changed.get(name), str):
            changed[name] = named(changed[name])
    for name in SEVERAL:
        if isinstance(changed.get(name), list):
            changed[name] = [named(str(column)) for column in changed[name]]
    if "row_condition" in changed:
        changed["row_condition"] = _condition(changed["row_condition"], named)
    return changed


def _condition(condition: Any, named: Callable[[str], str]) -> Any:
    if not isinstance(condition, Mapping):
        return condition
    changed = dict(condition)
    if isinstance(changed.get("conditions"), list):
        changed["conditions"] = [_condition(part, named) for part in changed["conditions"]]
    column = changed.get("column")
    if isinstance(column, Mapping) and isinstance(column.get("name"), str):
        changed["column"] = {**column, "name": named(column["name"])}
    return changed
