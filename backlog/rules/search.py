"""How texts become words that can be found, the same on every database.

The databases only index what stands here: a text is stored as its words, and a query is asked for
as words of which each may be the beginning of a stored one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_WORD = 60
LONGEST_TEXT = 100_000  # signs of each text; PostgreSQL refuses about 1 MB of distinct words
MOST_WORDS_ASKED = 12
# ExecutorLost is executor and lost, HTTPServer is http and server.
_CASE_CHANGE = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")
_RUN = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text in their order: folded, without accents, split where the case changes."""
    return [part for run in _runs(text) for part in _parts(run)]


def indexed_words(texts: Iterable[str]) -> str:
    """What is stored of an item's texts: each word once, and what a change of case joins as well,
    so that both `lost` and `executorlost` find ExecutorLost."""
    found: dict[str, None] = {}
    for text in texts:
        for run in _runs(text[:LONGEST_TEXT]):
            parts = _parts(run)
            found.update(dict.fromkeys(parts))
            if len(parts) > 1:
                found[_cut("".join(parts))] = None
    return " ".join(found)


def asked_words(query: str) -> list[str]:
    """The words of a query, each once; a stored word matches that begins with one."""
    return list(dict.fromkeys(words(query)))[:MOST_WORDS_ASKED]


def matches(asked: Sequence[str], stored: str) -> bool:
    """Whether each word that is asked for begins some stored word."""
    known = stored.split()
    return all(any(word.startswith(wanted) for word in known) for wanted in asked)


def _runs(text: str) -> list[str]:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return _RUN.findall(text)


def _parts(run: str) -> list[str]:
    return [_cut(part.casefold()) for part in _CASE_CHANGE.split(run) if part]


def _cut(word: str) -> str:
    return word[:LONGEST_WORD]
