"""How a column is read: its type, and the words that stand for missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def read_alike(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether two columns, of a schema or a profile, are read to the same values. A profile that
    says nothing of words for missing, as older ones do, is taken to have had none."""
    if other is None:
        return False
    words = [set(column.get("null_words", ())) for column in (one, other)]
    return _kind(one) == _kind(other) and words[0] == words[1]


def _kind(column: Mapping[str, Any]) -> str:
    """The type, whole numbers being numbers."""
    return "number" if column["type"] == "integer" else str(column["type"])
