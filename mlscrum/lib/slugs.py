"""Slugs that are given once and never change."""

from __future__ import annotations

from collections.abc import Container

from django.utils.text import slugify


def free_slug(name: str, taken: Container[str], *, otherwise: str, joint: str = "-") -> str:
    """A slug of at most 40 signs for the name, with a number behind it where others have it.

    `otherwise` is for names without a letter, and before their digits: JSON paths take a number for
    the place in a list. `joint` stands between words.
    """
    base = slugify(name).replace("-", joint)
    base = f"{otherwise}{joint}{base}" if base.isdigit() else base or otherwise
    base = base[:34]
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}{joint}{number}", number + 1
    return slug
