"""Where the pages' texts find the words of a product's glossary: the app that has one tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlscrum.lib.explained import Explainer

_explainers: list[Callable[[Any], Explainer | None]] = []


def provide_explainer(explainer_of: Callable[[Any], Explainer | None]) -> None:
    """Tell the pages how to find the words that a product explains."""
    _explainers[:] = [explainer_of]


def explainer_of(product: Any) -> Explainer | None:
    """What finds the words of one text, each once; None where the product explains none."""
    return next((find(product) for find in _explainers), None)
