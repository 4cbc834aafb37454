"""What people wrote, as one line of Markdown that shows just that."""

from __future__ import annotations

import re

MEANS_SOMETHING = re.compile(r"([\\`*_\[\]<>#|~&!])")


def in_line(text: str) -> str:
    """The words on one line, none of them read as Markdown or HTML."""
    return MEANS_SOMETHING.sub(r"\\\1", " ".join(text.split()))
