"""Which items a text of a code host names, and which of them it says are fixed."""

from __future__ import annotations

import re
from collections.abc import Iterable

# GitHub's words (close, fix, resolve), and those that GitLab has besides: docs.github.com, "Linking
# a pull request to an issue"; docs.gitlab.com, "Default closing pattern".
_WORDS = r"(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)"
# On one line: a message whose first line ends in "fix" doesn't fix what the next one names.
_GAP = r"[ \t]"
_BETWEEN = rf"(?:{_GAP}*,\s*(?:and{_GAP}+)?|{_GAP}+and{_GAP}+|{_GAP}*&{_GAP}*)"
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|<!--.*?(?:-->|\Z)", re.DOTALL)


def named_in(texts: Iterable[str], key: str) -> list[int]:
    """The numbers of the items of a product that the texts name, such as 12 of MED-12 and med-12,
    in their order, each once. What is part of a longer word is none."""
    pattern = re.compile(_ref(key), re.IGNORECASE)
    return list(dict.fromkeys(int(n) for text in texts for n in pattern.findall(text) if int(n)))


def fixed_in(texts: Iterable[str], key: str) -> list[int]:
    """The numbers of the items that the texts say are fixed: `fixes MED-12`, `Closes: MED-12`,
    `resolves issues MED-12, MED-13 and MED-14`, or their addresses; whatever the case."""
    ref = _ref(key, groups=False)
    one = rf"(?:issues?{_GAP}+)?\[?(?:https?://[^\s<>()\[\]]{{0,200}}/)?{ref}\]?/?"
    pattern = re.compile(
        rf"(?<![^\W_]){_WORDS}(?::{_GAP}*|{_GAP}+)({one}(?:{_BETWEEN}{one})*)", re.IGNORECASE
    )
    return named_in((found for text in texts for found in pattern.findall(text)), key)


def prose_of(markdown: str) -> str:
    """The text without code and comments: what a template of pull requests shows as an example
    fixes nothing."""
    return _CODE.sub(" ", markdown)


def _ref(key: str, *, groups: bool = True) -> str:
    number = "([0-9]{1,9})" if groups else "[0-9]{1,9}"
    return rf"(?<![A-Za-z0-9]){re.escape(key)}-{number}(?![A-Za-z0-9])"
