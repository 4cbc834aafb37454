"""Whole numbers as strangers write them."""

from __future__ import annotations

MOST_DIGITS = 18  # what any database holds as a key
LARGEST = 10**MOST_DIGITS - 1


def whole_number(text: str, *, digits: int = MOST_DIGITS) -> int | None:
    """The number; None where the text is anything but 1 to `digits` digits of ASCII."""
    is_number = text.isascii() and text.isdigit() and len(text) <= digits
    return int(text) if is_number else None
