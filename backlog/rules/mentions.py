"""Who is meant by `@max` in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_MENTION = re.compile(r"(?:^|[\s(\[{,;:>])@([\w][\w.+-]*[\w])(?:@([\w.-]+\w))?")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def mentioned(text: str) -> list[str]:
    """The names after each @, in their order, each once; what stands in code is no mention."""
    prose = _CODE.sub(" ", text)
    found = (f"{name}@{host}" if host else name for name, host in _MENTION.findall(prose))
    return list(dict.fromkeys(name.casefold() for name in found))


def handles(people: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """By which names each person (e-mail, full name) can be mentioned; a name that two could
    claim means neither: the address does, what stands before its @, the first and the full name."""
    claims: dict[str, set[str]] = {}
    for email, name in people:
        words = name.casefold().split()
        own = {email.casefold(), email.casefold().partition("@")[0]}
        if words:
            own |= {words[0], "".join(words), ".".join(words)}
        for handle in own:
            claims.setdefault(handle, set()).add(email)
    return {handle: next(iter(who)) for handle, who in claims.items() if len(who) == 1}
