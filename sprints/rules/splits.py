"""What an item that is done in part leaves over as its sprint closes."""

from __future__ import annotations

LONGEST_TITLE = 250


def title_of_rest(title: str) -> str:
    """The title of the new item that holds the rest of one with this title."""
    return f"{title} (rest)"[:LONGEST_TITLE]
