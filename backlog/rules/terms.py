"""Words of a glossary: how they are compared, where they stand in a text, and what may become of
them.

A text is read as its words and signs once, and at each word a tree of all names is walked as far as
it goes: the time depends on the length of the text and of the longest name, not on how many names
there are. Words are the letters of that tree, so that no name is found within a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

LONGEST_NAME = 120
SHORTEST_SINGULAR = 3  # letters: "as" is no plural of "a", and "its" none of "it"
# Accents that stand as signs of their own belong to the word; a hyphen between two words is as good
# as the space; an address is one piece, of which no part is a word.
_TOKEN = re.compile(
    r"(?P<address>https?://[^\s<>]+)|(?P<word>(?:\w[\u0300-\u036f]*)+)"
    r"|(?P<hyphen>(?<=\w)[-\u2010\u2011](?=\w))|(?P<sign>\S)"
)


# What each state may become; in none is a definition beyond change.
BECOMES: Mapping[str, frozenset[str]] = {
    "proposed": frozenset({"agreed", "contested"}),
    "contested": frozenset({"agreed"}),
    "agreed": frozenset({"contested"}),
}


def may_become(state: str, wanted: str) -> bool:
    """Whether a word in one state may come into another."""
    return wanted in BECOMES[state]


@dataclass(frozen=True)
class Found:
    """A word of the glossary in a text: from where to where, and the key of its name."""

    start: int
    end: int
    key: int


@dataclass
class _Node:
    after: dict[str, _Node] = field(default_factory=dict)
    key: int | None = None  # of the name that ends here


def fold(name: str) -> str:
    """What two names share that are the same one: case, width, spaces and hyphens set aside.

    Accents stay, for "schon" and "schön" are two words. Empty for a name without a letter or sign.
    """
    return " ".join(token for token, _, _ in _tokens(name))


class Matcher:
    """Finds the names of a glossary in texts. `names` has the key of each by its folded name."""

    def __init__(self, names: Mapping[str, int]) -> None:
        self._root = _Node()
        self.names = len(names)
        for folded, key in names.items():
            node = self._root
            for token in folded.split(" "):
                node = node.after.setdefault(token, _Node())
            node.key = key

    def find(self, text: str) -> Iterator[Found]:
        """Where names stand, from left to right: whole words, the longest name at each place, and
        plurals in -s and -es as well. None overlaps another."""
        if not self.names:
            return
        tokens, first = list(_tokens(text)), self._root.after
        place = 0
        while place < len(tokens):
            token = tokens[place][0]
            if token not in first and not token.endswith("s"):  # most words begin no name
                place += 1
                continue
            key, beyond = self._longest(tokens, place)
            if key is None:
                place += 1
                continue
            end = tokens[beyond - 1][2]
            if not _goes_on(text, end):
                yield Found(tokens[place][1], end, key)
            place = beyond

    def first_of_each(self, text: str, seen: set[int] | None = None) -> Iterator[Found]:
        """As `find`, each key once; `seen` has those that were found before, and is added to."""
        seen = set() if seen is None else seen
        for found in self.find(text):
            if found.key not in seen:
                seen.add(found.key)
                yield found

    def holds(self, text: str) -> bool:
        """Whether any of the names stands in the text."""
        return next(self.find(text), None) is not None

    def _longest(self, tokens: list[tuple[str, int, int]], place: int) -> tuple[int | None, int]:
        node, best, beyond = self._root, None, place
        for at in range(place, len(tokens)):
            token = tokens[at][0]
            found = node.after.get(token)
            if found is not None and found.key is not None:
                best, beyond = found.key, at + 1
            else:
                plural = _of_plural(node, token)
                if plural is not None:
                    best, beyond = plural, at + 1
            if found is None:
                break
            node = found
        return best, beyond


def _of_plural(node: _Node, token: str) -> int | None:
    """The name that ends here in the singular of this word."""
    for singular in _singulars(token):
        found = node.after.get(singular)
        if found is not None and found.key is not None:
            return found.key
    return None


def _singulars(token: str) -> Iterator[str]:
    """What the word may be the plural of: hours of hour, buses of bus, class of nothing."""
    if token.endswith("s") and not token.endswith("ss") and len(token) > SHORTEST_SINGULAR:
        yield token[:-1]
    if token.endswith("es") and len(token) > SHORTEST_SINGULAR + 1:
        yield token[:-2]


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """The words and signs of a text, folded, with where they begin and end."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "hyphen":
            continue
        start, end = match.span()
        yield (_folded(match[0]) if end - start <= LONGEST_NAME else "\0\0", start, end)


@lru_cache(maxsize=8192)
def _folded(token: str) -> str:
    if token.isascii():
        return token.casefold()
    plain = unicodedata.normalize("NFKD", token).casefold()
    # Compatibility letters may come apart into several words ("½"); they stay one.
    return unicodedata.normalize("NFKC", plain).replace(" ", "\u00a0")


def _goes_on(text: str, end: int) -> bool:
    """Whether the word goes on with a sign that is part of a letter, as in many scripts."""
    return end < len(text) and unicodedata.category(text[end]).startswith("M")
