"""What depends on a subject: each floor says it of its own, and pages show the one list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from backlog.models import Product, Subject

MOST_SHOWN = 100  # of one kind
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
class Group:
    """All of one kind, such as `item`, under the word that pages give them."""

    kind: str
    title: str
    dependents: Sequence[Dependent]

    @property
    def shown(self) -> Sequence[Dependent]:
        """The first, as many as a page has room for."""
        return self.dependents[:SHOWN_ON_A_PAGE]

    @property
    def more(self) -> int:
        return max(0, len(self.dependents) - SHOWN_ON_A_PAGE)


DependentsOf = Callable[[Subject, Product], Sequence[Dependent]]


@dataclass(frozen=True)
class _Kind:
    kind: str
    title: str
    order: int
    found_by: list[DependentsOf]


_kinds: dict[str, _Kind] = {}


def register(kind: str, title: str, order: int, dependents_of: DependentsOf) -> None:
    """Say what of a kind depends on a subject. `dependents_of(subject, product)` gives what belongs
    to the product, which owns the subject or only reads of it. Several may speak of one kind."""
    known = _kinds.setdefault(kind, _Kind(kind, title, order, []))
    if dependents_of not in known.found_by:
        known.found_by.append(dependents_of)


def lineage_of(subject: Subject, product: Product) -> list[Group]:
    """What of this product depends on the subject, by kind in their order; kinds without any are
    left out."""
    groups = []
    for kind in sorted(_kinds.values(), key=lambda one: (one.order, one.title)):
        found = [one for find in kind.found_by for one in find(subject, product)]
        if found:
            groups.append(Group(kind.kind, kind.title, _each_once(found)))
    return groups


def uses_of_columns(groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
    """By column what names it, in words, such as `3 checks` and `the term Age`."""
    found: dict[str, Counter[str]] = {}
    for group in groups:
        for dependent in group.dependents:
            for column in dependent.columns:
                found.setdefault(column, Counter())[dependent.how] += 1
    return {column: [_counted(how, n) for how, n in ways.items()] for column, ways in found.items()}


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
