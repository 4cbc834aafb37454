"""Retrospectives: columns of formats, marks by which people know their own, groups by votes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

USUAL_VOTES, MOST_VOTES = 3, 10
FEWEST_COLUMNS, MOST_COLUMNS, LONGEST_COLUMN = 1, 6, 40
PHASES = ("write", "group", "vote", "talk")
FORMATS = {
    "start_stop": ["Start", "Stop", "Continue"],
    "four_ls": ["Liked", "Learned", "Lacked", "Longed for"],
    "moods": ["Mad", "Sad", "Glad"],
}


class BadColumnsError(ValueError):
    """Columns that can't be used; the message says why."""


def columns_of(form: str, lines: str = "") -> list[str]:
    """The columns of a format; those of another, one a line. Raises BadColumnsError."""
    if form in FORMATS:
        return list(FORMATS[form])
    own = [" ".join(line.split()) for line in lines.splitlines()]
    found = list(dict.fromkeys(line for line in own if line))
    if not FEWEST_COLUMNS <= len(found) <= MOST_COLUMNS:
        raise BadColumnsError(f"Name {FEWEST_COLUMNS} to {MOST_COLUMNS} columns, one a line.")
    if any(len(name) > LONGEST_COLUMN for name in found):
        raise BadColumnsError(f"The name of a column has at most {LONGEST_COLUMN} letters.")
    return found


def mark_of(secret: str, key: str, *about: object) -> str:
    """What stands for a person beside one card or one vote, in 64 hexadecimal digits.

    An HMAC (RFC 2104, SHA-256) by the secret of the ceremony and the key of the installation: with
    neither alone, and so never again once the secret is dropped, can it be made of somebody's name.
    Two cards of one person have nothing in common. Raises ValueError without a secret.
    """
    if not secret:
        raise ValueError("the ceremony is over, and its secret is dropped")
    said = "\0".join(str(part) for part in about)
    return hmac.new(f"{secret}\0{key}".encode(), said.encode(), hashlib.sha256).hexdigest()


def free_slots(taken: Sequence[bool]) -> list[int]:
    """The numbers of the votes that a person still has."""
    return [number for number, is_taken in enumerate(taken) if not is_taken]


def may_follow(before: str, after: str) -> bool:
    """Whether a retrospective may go from one phase to another: a step forth or back."""
    if before not in PHASES or after not in PHASES:
        return False
    return abs(PHASES.index(before) - PHASES.index(after)) == 1
