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


def columns_of(form: str, own: Sequence[str] = ()) -> list[str]:
    """The columns of a format, or one's own. Raises BadColumnsError, also for own ones beside those
    that a format has."""
    names = [" ".join(name.split()) for name in own]
    if form in FORMATS:
        if names and names != FORMATS[form]:
            raise BadColumnsError("This format has its columns; to name other ones, choose own.")
        return list(FORMATS[form])
    if not FEWEST_COLUMNS <= len(names) <= MOST_COLUMNS:
        raise BadColumnsError(f"Name {FEWEST_COLUMNS} to {MOST_COLUMNS} columns, one a line.")
    if not all(names) or any(len(name.splitlines()) > 1 for name in own):
        raise BadColumnsError("Give each column a name of one line.")
    if len(set(names)) < len(names):
        raise BadColumnsError("Give each column another name.")
    if any(len(name) > LONGEST_COLUMN for name in names):
        raise BadColumnsError(f"The name of a column has at most {LONGEST_COLUMN} letters.")
    return names


def typed_columns(lines: str) -> list[str]:
    """Names as somebody types them, one a line: what is there twice, or empty, was a slip."""
    names = [" ".join(line.split()) for line in lines.splitlines()]
    return list(dict.fromkeys(name for name in names if name))


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
