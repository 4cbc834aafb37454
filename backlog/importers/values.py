"""Single cells as values. What can't be read raises ValueError, whose text says why."""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Decimal, InvalidOperation

from backlog.importers.parsed import MOST_POINTS, Criterion

NOT_ESTIMATED = {"", "?", "-", "–", "none", "null", "n/a", "nan", "tbd"}
_DURATION = re.compile(r"(\d+(?:[.,]\d+)?)\s*(w|d|h|m(?!o)|s)[a-z]*\.?,?\s*", re.IGNORECASE)
_BULLET = re.compile(r"\s*(?:[*+•·-]+|#+|\d{1,3}[.)])\s+(?=\S)")
_CHECK = re.compile(r"\s*(\[[ xX✓]?\]|\([/x]\)|[☐☑✅✓✔])\s*")
_FOLLOWS = re.compile(r"\s*(when|then|and|but)\b", re.IGNORECASE)
_LIST_GAP = re.compile(r"[,;|\n]")
NO_WORDS = {"", "no", "false", "0", "n", "none"}
YES_WORDS = {"yes", "true", "1", "y", "x"}


def number(text: str) -> Decimal | None:
    """A number with a point or a comma before its decimals, or a fraction such as ½; None for
    what tools write where there is none."""
    text = text.strip().replace("\u00a0", "").replace(" ", "")
    if text.casefold() in NOT_ESTIMATED:
        return None
    if len(text) == 1 and not text.isdecimal():
        value = unicodedata.numeric(text, None)
        if value is not None:
            return Decimal(str(round(value, 4)))
    if re.fullmatch(r"-?\d+,\d{3}", text):
        raise ValueError(f"“{text[:40]}” may mean thousands or decimals")
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"“{text[:40]}” is no number") from None
    if not found.is_finite() or not -(10**12) <= found <= 10**12:
        raise ValueError(f"“{text[:40]}” is no number")
    return found


def points(text: str) -> Decimal | None:
    """Story points with one decimal at most, from 0 to 9,999."""
    found = number(text)
    if found is None:
        return None
    if not 0 <= found <= MOST_POINTS:
        raise ValueError(f"{found} is not between 0 and {MOST_POINTS}")
    return _without_zeros(found.quantize(Decimal("0.1")))


def hours(text: str, *, bare_s: int, day_h: int) -> Decimal | None:
    """Hours of `38h`, `1w 2d 4h 30m` or a bare number of units of `bare_s` seconds.

    `day_h` hours are a day; five working days are a week where a day is shorter than 24 hours.
    """
    text = text.strip()
    if not _DURATION.match(text):
        found = number(text)
        total = None if found is None else found * bare_s / 3600
    elif _DURATION.sub("", text):
        raise ValueError(f"“{text[:40]}” is no time such as 38h or 1d 4h")
    else:
        week_h = day_h * (7 if day_h == 24 else 5)
        one = Decimal(1)
        units = {"w": one * week_h, "d": one * day_h, "h": one, "m": one / 60, "s": one / 3600}
        total = sum(
            (
                Decimal(count.replace(",", ".")) * units[unit.lower()]
                for count, unit in _DURATION.findall(text)
            ),
            Decimal(0),
        )
    if total is None:
        return None
    if not 0 <= total < 10_000_000:
        raise ValueError(f"“{text[:40]}” is not between 0 and ten million hours")
    return _without_zeros(total.quantize(Decimal("0.01")))


def words(text: str) -> tuple[str, ...]:
    """The words of a list cell, each once: a JSON array, or parted by commas, semicolons, bars or
    line breaks."""
    text = text.strip()
    parts: list[str] = _LIST_GAP.split(text)
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
            parts = listed
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def comments(text: str) -> list[tuple[str, str, str]] | None:
    """The comments of a cell that lists them as JSON, `{"at", "author", "text"}` each; None for
    any other text."""
    if not text.startswith('[{"at": '):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(found, list) and all(
        isinstance(each, dict) and each.keys() == {"at", "author", "text"} for each in found
    )
    if not is_ours:
        return None
    return [(str(each["at"]), str(each["author"]), str(each["text"])) for each in found]


def criteria(text: str) -> tuple[Criterion, ...]:
    """The acceptance criteria of a Markdown text: one for each bullet, else one for each line.

    Lines that follow a bullet, and the steps after a `Given`, belong to the criterion above them.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    bulleted = any(_BULLET.match(line) or _CHECK.match(line) for line in lines)
    found: list[tuple[list[str], bool]] = []
    for line in lines:
        rest = line[match.end() :] if (match := _BULLET.match(line)) else line
        check = _CHECK.match(rest)
        begins = bool(match or check)
        rest = rest[check.end() :] if check else rest.strip()
        if found and not begins and (bulleted or _FOLLOWS.match(rest)):
            found[-1][0].append(rest)
        elif rest:
            done = bool(check and check[1] not in {"[ ]", "[]", "☐", "(x)"})
            found.append(([rest], done))
    return tuple(Criterion("\n".join(texts), done) for texts, done in found)


def blocked_reason(text: str) -> str:
    """Why an item is blocked; a mere yes is said in words, a no is no reason."""
    text = text.strip()
    if text.casefold() in NO_WORDS:
        return ""
    return "Blocked; the file gives no reason." if text.casefold() in YES_WORDS else text


def _without_zeros(value: Decimal) -> Decimal:
    """5.0 as 5, but 100 never as 1E+2."""
    return value.to_integral() if value == value.to_integral() else value.normalize()
