"""Words that a text explains by a link: each first one of its kind, where a reader meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString


@dataclass(frozen=True)
class Explained:
    """A word from one place of a text to another, where it is explained, and the id of its term."""

    start: int
    end: int
    address: str
    term: int


# The words to explain in one part of a text, from left to right.
Explainer = Callable[[str], Iterable[Explained]]


def explained(text: str, explain: Explainer | None) -> SafeString:
    """A plain text as safe HTML, its words linked to where they are explained."""
    if explain is None:
        return conditional_escape(text)
    html, done = SafeString(""), 0
    for word in explain(text):
        html += conditional_escape(text[done : word.start])
        html += format_html(
            '<a class="term" href="{}" data-term="{}">{}</a>',
            word.address,
            word.term,
            text[word.start : word.end],
        )
        done = word.end
    return SafeString(html + conditional_escape(text[done:]))
