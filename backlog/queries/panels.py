"""Panels of the item page: apps of higher floors fill them, the page shows what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from backlog.models import Actor, Item, Subject


class May(Protocol):
    """Whether the reader holds a permission, of a subject if one is given."""

    def __call__(self, permission: str, subject: Subject | None = None) -> bool: ...


@dataclass(frozen=True)
class Panel:
    """A template, and the variables that it finds at its top level."""

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


PanelOf = Callable[[Item, May, Actor], Panel | None]
_panels: list[PanelOf] = []


def register(panel_of: PanelOf) -> PanelOf:
    """Add a panel to every item page; None where it has nothing to show of the item."""
    if panel_of not in _panels:
        _panels.append(panel_of)
    return panel_of


def panels(item: Item, may: May, actor: Actor) -> list[Panel]:
    """The panels of an item, in the order in which the apps registered them."""
    found = (panel_of(item, may, actor) for panel_of in _panels)
    return [panel for panel in found if panel is not None]
