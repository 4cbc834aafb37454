"""Dates as other tools write them. Only the order of day, month and year is in doubt; it is found
out from all dates of a file together, and people may choose another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache


class DateOrder(StrEnum):
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    YEAR_FIRST = "year_first"


@dataclass(frozen=True)
class DateOption:
    """One order that reads the file's dates, and the day that it makes of the example."""

    order: DateOrder
    read_as: date | None


@dataclass(frozen=True)
class DateChoice:
    """The proposed order and all that read as many of the `count` different dates.

    Where there are two options or more, only a person knows which one is right; the example is
    the date that tells them apart. No order reads the `unread` ones.
    """

    order: DateOrder
    example: str
    options: tuple[DateOption, ...]
    count: int
    unread: int

    @property
    def is_ambiguous(self) -> bool:
        return len(self.options) > 1


_MONTHS = (  # the beginnings of English, German, French and Spanish names, without accents
    ("jan", "ene"),
    ("feb", "fev"),
    ("mar", "mrz"),
    ("apr", "avr", "abr"),
    ("may", "mai"),
    ("jun", "juin"),
    ("jul", "juil"),
    ("aug", "aou", "ago"),
    ("sep",),
    ("oct", "okt"),
    ("nov",),
    ("dec", "dez", "dic"),
)
_PART = r"(?:\d{1,4}|[^\W\d_]{3,12}\.?)"
_MOMENT = re.compile(
    rf"""(?:[^\W\d_]{{2,10}}\.?,?\s+)?                       # a weekday
    (?P<a>{_PART})[\s./,-]+(?P<b>{_PART})[\s./,-]+(?P<c>\d{{1,4}})
    (?:[,\s]+(?:at\s+|um\s+)?|T|$)
    (?:(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?:[:.](?P<second>\d{{2}})(?:[.,]\d+)?)?
       \s*(?P<half>[ap]\.?\s?m\.?)?
       \s*(?P<zone>Z|(?:UTC|GMT)?(?:[+-]\d{{2}}:?\d{{2}})?)?(?:\s*\(.{{0,60}}\))?)?""",
    re.VERBOSE | re.IGNORECASE,
)


def parse_day(text: str, order: DateOrder) -> date:
    """The day that a text names. Raises ValueError where it names none in this order."""
    return parse_moment(text, order, UTC).date()


@lru_cache(maxsize=4096)
def parse_moment(text: str, order: DateOrder, zone: tzinfo) -> datetime:
    """An aware moment; the zone counts where the text has none, midnight where it has no time.

    ISO 8601 is read in any order. Raises ValueError where the text is no moment in this order.
    """
    text = text.strip()
    if re.match(r"\d{4}-\d\d-\d\d", text):
        moment = datetime.fromisoformat(text)
        _year(text[:4])
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"“{text[:40]}” is no date")
    day = _day(match["a"], match["b"], match["c"], order)
    return datetime.combine(day, _time(match), _zone(match["zone"]) or zone)


def sniff_dates(values: Iterable[str]) -> DateChoice:
    """The order that reads most of these texts; of equals, the one that tools write most."""
    texts = list(dict.fromkeys(text for text in values if text.strip()))
    readings = {order: [_day_or_none(text, order) for text in texts] for order in DateOrder}
    fewest = min(days.count(None) for days in readings.values())
    best = [order for order in _preferred(texts) if readings[order].count(None) == fewest]
    options = [
        order
        for place, order in enumerate(best)
        if all(readings[order] != readings[earlier] for earlier in best[:place])
    ]

    def telling(place: int) -> int:
        return len({readings[order][place] for order in options})

    clearest = max(range(len(texts)), key=telling, default=None)
    if clearest is None or fewest == len(texts):
        return DateChoice(best[0], "", (), len(texts), fewest)
    return DateChoice(
        best[0],
        texts[clearest],
        tuple(DateOption(order, readings[order][clearest]) for order in options),
        len(texts),
        fewest,
    )


def _preferred(texts: list[str]) -> tuple[DateOrder, ...]:
    """Twelve-hour clocks and numbers parted by slashes are American; all else has the day first."""
    american = any(re.search(r"\d/\d.*[ap]m", text, re.IGNORECASE) for text in texts)
    if american:
        return DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST, DateOrder.YEAR_FIRST
    return DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST, DateOrder.YEAR_FIRST


def _day_or_none(text: str, order: DateOrder) -> date | None:
    try:
        return parse_day(text, order)
    except ValueError:
        return None


def _day(a: str, b: str, c: str, order: DateOrder) -> date:
    if not a[0].isdigit():
        return date(_year(c), _month(a), int(b))
    if len(a) == 4:
        return date(_year(a), _month(b), int(c))
    if order is DateOrder.YEAR_FIRST:
        if len(c) > 2:
            raise ValueError("the year is not first")
        return date(_year(a), _month(b), int(c))
    if order is DateOrder.MONTH_FIRST and b[0].isdigit():
        return date(_year(c), _month(a), int(b))
    return date(_year(c), _month(b), int(a))


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in plain if letter.isalpha())
    for number, beginnings in enumerate(_MONTHS, start=1):
        if letters.startswith(beginnings):
            return number
    raise ValueError(f"“{text}” is no month")


def _year(text: str) -> int:
    if len(text) not in {2, 4}:
        raise ValueError(f"“{text}” is no year")
    year = int(text)
    if len(text) == 4:
        if not 1900 <= year <= 2200:
            raise ValueError(f"{year} is not between 1900 and 2200")
        return year
    return year + (1900 if year >= 69 else 2000)  # as POSIX reads %y


def _time(match: re.Match[str]) -> time:
    if match["hour"] is None:
        return time()
    hour = int(match["hour"])
    half = (match["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} is no hour of a twelve-hour clock")
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return time(hour, int(match["minute"]), int(match["second"] or 0))


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    digits = re.sub(r"\D", "", text)
    if not digits:
        return UTC
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if "-" in text else offset)
