"""What depends on a subject: each floor says it of its own, and pages show the one list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from backlog.models import Product, Subject

MOST_SHOWN = 100  # of one kind, by each that speaks of it
MOST_READ = MOST_SHOWN + 1  # which tells whether there are more
SHOWN_ON_A_PAGE = 12


@dataclass(frozen=True)
class Dependent:
    """Something of a product that depends on a subject: `how` in words, and on which `columns` of
    it; without any, on the whole. `state` is a word that `state_badge` knows.

    Of something that names columns, `how` says what it is, as of many alike: `a check`. What people
    have said `by_hand` they can take back.
    """

    name: str
    how: str = ""
    ref: str = ""
    url: str = ""
    state: str = ""
    columns: Sequence[str] = ()
    by_hand: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others of its kind."""
        return self.url, "" if self.url else self.name


@dataclass(frozen=True)
class Part:
    """What depends on a subject where that may be much; `has_more`: not all of it is here."""

    dependents: Sequence[Dependent]
    has_more: bool = False


def part_of(read: Sequence[Dependent]) -> Part:
    """The first MOST_SHOWN of what was read up to MOST_READ."""
    return Part(read[:MOST_SHOWN], has_more=len(read) > MOST_SHOWN)


@dataclass(frozen=True)
class Group:
    """What is known of one kind, such as `item`, under the word that pages give them; first what
    people have said by hand. `has_more` says that more depend than these."""

    kind: str
    title: str
    dependents: Sequence[Dependent]
    has_more: bool = False

    @property
    def count(self) -> str:
        return f"{len(self.dependents)}{'+' if self.has_more else ''}"

    @property
    def shown(self) -> Sequence[Dependent]:
        """The first, as many as a page has room for, and all that people can take back."""
        by_hand = sum(one.by_hand for one in self.dependents)
        return self.dependents[: max(by_hand, SHOWN_ON_A_PAGE)]

    @property
    def rest(self) -> str:
        """What is not shown, in words; empty where all are."""
        number = len(self.dependents) - len(self.shown)
        if self.has_more:
            return f"and {number}+ more" if number else "and more"
        return f"and {number} more" if number else ""


DependentsOf = Callable[[Subject, Product], Sequence[Dependent] | Part]


@dataclass(frozen=True)
class _Kind:
    kind: str
    title: str
    order: int
    found_by: list[DependentsOf]


_kinds: dict[str, _Kind] = {}


def register(kind: str, title: str, order: int, dependents_of: DependentsOf) -> None:
    """Say what of a kind depends on a subject. `dependents_of(subject, product)` gives what belongs
    to the product, which owns the subject or only reads of it; what may be many is a Part. Several
    may speak of one kind."""
    known = _kinds.setdefault(kind, _Kind(kind, title, order, []))
    if dependents_of not in known.found_by:
        known.found_by.append(dependents_of)


def lineage_of(subject: Subject, product: Product) -> list[Group]:
    """What of this product depends on the subject, by kind in their order; kinds without any are
    left out."""
    groups = []
    for kind in sorted(_kinds.values(), key=lambda one: (one.order, one.title)):
        parts = [_as_part(find(subject, product)) for find in kind.found_by]
        found = _each_once([one for part in parts for one in part.dependents])
        if found:
            found.sort(key=lambda one: not one.by_hand)
            has_more = any(part.has_more for part in parts)
            groups.append(Group(kind.kind, kind.title, found, has_more))
    return groups


def uses_of_columns(groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
    """By column what names it, in words, such as `3 checks` and `the term Age`."""
    found: dict[str, Counter[str]] = {}
    for group in groups:
        for dependent in group.dependents:
            for column in dependent.columns:
                found.setdefault(column, Counter())[dependent.how] += 1
    return {column: [_counted(how, n) for how, n in ways.items()] for column, ways in found.items()}


def _as_part(found: Sequence[Dependent] | Part) -> Part:
    return found if isinstance(found, Part) else Part(found)


def _counted(how: str, number: int) -> str:
    return how if number == 1 else f"{number} {how.removeprefix('a ')}s"


def _each_once(dependents: Sequence[Dependent]) -> list[Dependent]:
    """What two have spoken of depends in both ways."""
    found: dict[tuple[str, str], Dependent] = {}
    for one in dependents:
        known = found.get(one.key)
        if known is None:
            found[one.key] = one
        else:
            ways = dict.fromkeys(way for way in (known.how, one.how) if way)
            columns = dict.fromkeys([*known.columns, *one.columns])
            found[one.key] = replace(
                known,
                how=", ".join(ways),
                columns=list(columns),
                by_hand=known.by_hand or one.by_hand,
            )
    return list(found.values())
