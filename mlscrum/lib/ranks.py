"""Rank keys: texts whose byte order is the order of a list, so that a move writes one row.

Source: fractional indexing (D. Greenspan, observablehq.com/@dgreensp/implementing-fractional-
indexing) in the library of the same name; base-62 digits, variable-length integer part.
"""

from fractional_indexing import generate_key_between, generate_n_keys_between

LONGEST = 60  # characters; a list whose keys would grow beyond is rebalanced


def between(before: str | None, after: str | None, count: int = 1) -> list[str]:
    """`count` ascending keys strictly between two neighbours; None is an open end."""
    keys: list[str] = generate_n_keys_between(before, after, n=count)
    return keys


def fresh(greatest: str | None, count: int) -> list[str]:
    """`count` short ascending keys, all greater than `greatest`.

    A rebalance writes these: the old keys are all smaller, so that no row meets a key in use
    while the rows change one by one.
    """
    start = None if greatest is None else _next_integer(greatest)
    if start is None or not count:
        return between(None, None, count)
    return [start, *between(start, None, count - 1)]


def _next_integer(key: str) -> str:
    """The shortest key above `key`: its integer part plus one."""
    return str(generate_key_between(key, None))
