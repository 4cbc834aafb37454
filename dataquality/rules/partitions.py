"""Object stores divided into folders: `orders/dt=*/*.parquet` is one batch per value of `dt`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

STAR = "*"


def is_divided(path: str) -> bool:
    """Whether a path means many objects."""
    return STAR in path


def prefix_of(path: str) -> str:
    """What all the objects that a path means begin with."""
    return path.partition(STAR)[0]


def batches_of(path: str, keys: Iterable[str]) -> dict[str, list[str]]:
    """The objects that a path means, by the folder that a star of it stands for, as `dt=2024-01`.

    A star stands for anything within one folder. Where only the names of files hold a star, all
    of them are one batch, called after their folder.
    """
    pattern = re.compile("[^/]*".join(re.escape(part) for part in path.split(STAR)))
    divided = [place for place, part in enumerate(path.split("/")[:-1]) if STAR in part]
    found: dict[str, list[str]] = {}
    for key in sorted(keys):
        if not pattern.fullmatch(key):
            continue
        parts = key.split("/")
        name = "/".join(parts[place] for place in divided) or "/".join(parts[:-1])
        found.setdefault(name, []).append(key)
    return dict(sorted(found.items()))


def offers_of(keys: Iterable[str], suffixes: Container[str]) -> list[str]:
    """What can be registered of these objects: each file of a kind that is read, and one path with
    stars for all that lie in folders such as `dt=2024-01`."""
    found: dict[str, None] = {}
    for key in sorted(keys):
        *folders, name = key.split("/")
        stem, dot, suffix = name.rpartition(".")
        if not stem or f".{suffix.lower()}" not in suffixes:
            continue
        if any("=" in folder for folder in folders):
            starred = [
                f"{folder.partition('=')[0]}={STAR}" if "=" in folder else folder
                for folder in folders
            ]
            found["/".join([*starred, f"{STAR}{dot}{suffix}"])] = None
        else:
            found[key] = None
    return list(found)
