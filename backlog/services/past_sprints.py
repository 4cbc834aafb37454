"""Sprints that a file tells of come along as history. The floor that knows sprints says which of
them can, makes them, and takes them away again; here it is told what the rows say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backlog.importers.parsed import WHOLE_FILE, ImportedItem, ImportedSprint
from backlog.models import Activity, Actor, Import, Item, Kind, Product
from backlog.services.deeds import Deed
from backlog.services.imported_items import Rows, items_present

BROUGHT = "sprint.imported"  # the deed that brings one along
MOST_SAID = 10  # sentences of one file


@dataclass(frozen=True)
class Told:
    """A sprint of a file and its rows. `here` are the items of these rows that are here already, by
    row; `times` is how many sprints of the file have this name."""

    sprint: ImportedSprint
    rows: Sequence[ImportedItem]
    here: Mapping[int, Item] = field(default_factory=dict)
    times: int = 1


@dataclass(frozen=True)
class Refusal:
    """Why a sprint stays a word, as a sentence that follows its name; where it `is_shared`, it
    follows the names of all that have the same."""

    name: str
    code: str
    message: str
    is_shared: bool = False


@dataclass(frozen=True)
class Outlook:
    """Which sprints of a file would come along, by name, and why others would not. What came along
    with an earlier import is neither."""

    coming: Sequence[str]
    refused: Sequence[Refusal]


@dataclass(frozen=True)
class TakenAway:
    """How many sprints a revert took away, and why others stay."""

    count: int
    said: Sequence[str]


@dataclass(frozen=True)
class Bringing:
    """An import under way, as whoever brings sprints along needs it; `fence` stops a worker that
    may not write any more, and is called within the transaction."""

    imported: Import
    source: str
    actor: Actor
    fence: Callable[[], None]


@dataclass(frozen=True)
class Keeper:
    """Who keeps sprints. `look_ahead` writes nothing; `bring` makes one sprint with its items, all
    of it or nothing, and says why not; `take_away` removes sprints by their ids within a deed, and
    says which stay."""

    look_ahead: Callable[[Product, str, Sequence[Told]], Outlook]
    bring: Callable[[Bringing, Told], Sequence[Refusal]]
    take_away: Callable[[Product, Collection[int], Deed], TakenAway]


_keepers: list[Keeper] = []


def provide(keeper: Keeper) -> None:
    """Tell imports who keeps sprints."""
    _keepers[:] = [keeper]


def look_ahead(rows: Rows) -> list[str]:
    """The names of the sprints that would come along now; the rows learn why others would not."""
    told = list(_told(rows, items_present(rows))) if _keepers else []
    if not told:
        return []
    found = _keepers[0].look_ahead(rows.product, rows.source, told)
    _say(rows, found.refused)
    return list(found.coming)


def bring(
    rows: Rows, *, actor: Actor, fence: Callable[[], None], before_each: Callable[[], None]
) -> list[str]:
    """Bring along what can come, each sprint in a transaction of its own; the names of those that
    this import has brought, with an earlier attempt too. `before_each` is called between them."""
    told = list(_told(rows, rows.made)) if _keepers else []
    if not told:
        return []
    keeper = _keepers[0]
    ahead = keeper.look_ahead(rows.product, rows.source, told)
    refused = list(ahead.refused)
    bringing = Bringing(rows.imported, rows.source, actor, fence)
    for each in told:
        if each.sprint.name in ahead.coming:
            before_each()
            refused += keeper.bring(bringing, each)
    _say(rows, refused)
    return [str(data["name"]) for data in _deeds(rows.imported)]


def brought_by(imported: Import) -> list[int]:
    """The ids of the sprints that came along with an import."""
    return [int(data["sprint"]) for data in _deeds(imported)]


def take_away(imported: Import, done: Deed) -> TakenAway:
    """Take away the sprints that an import brought, with what lay in them, within its revert."""
    ids = brought_by(imported)
    if not ids or not _keepers:
        return TakenAway(0, [])
    return _keepers[0].take_away(imported.product, ids, done)


def _deeds(imported: Import) -> list[dict[str, str | int]]:
    deeds = Activity.objects.filter(product=imported.product, kind=BROUGHT)
    return list(
        deeds.filter(data__import=imported.pk).order_by("pk").values_list("data", flat=True)
    )


def _told(rows: Rows, here: Mapping[int, Item]) -> Iterator[Told]:
    """The sprints that rows name, in the order of their days; epics are in none, and a task that
    names none is where its parent is."""
    by_word: dict[str, list[ImportedItem]] = {}
    for item in rows.by_row.values():
        parent = rows.by_row.get(item.parent_row or 0)
        is_task = item.kind == Kind.TASK and parent is not None
        word = item.sprint or (parent.sprint if is_task and parent else "")
        if word and item.kind != Kind.EPIC:
            by_word.setdefault(word, []).append(item)
    known: dict[str, list[ImportedSprint]] = {}
    for sprint in rows.sprints:
        known.setdefault(sprint.name.strip(), []).append(sprint)
    told = []
    for word, items in by_word.items():
        found = known.get(word) or [ImportedSprint(word)]
        mine = {item.row: here[item.row] for item in items if item.row in here}
        told.append(Told(found[0], items, mine, len(found)))
    yield from sorted(told, key=lambda each: str(each.sprint.starts_on or "9"))


def _say(rows: Rows, refused: Sequence[Refusal]) -> None:
    """Each reason once: those that are shared with all names, others as long as they are few."""
    shared: dict[tuple[str, str], list[str]] = {}
    alone = []
    for why in refused:
        if why.is_shared:
            shared.setdefault((why.code, why.message), []).append(why.name)
        else:
            alone.append(why)
    for (code, message), names in shared.items():
        rows.warn(WHOLE_FILE, code, f"{_listed(names)}: {message}")
    for why in alone[:MOST_SAID]:
        rows.warn(WHOLE_FILE, why.code, f"{why.name}: {why.message}")
    if len(alone) > MOST_SAID:
        left = f"{len(alone) - MOST_SAID:,} more sprints stay words, for reasons such as these."
        rows.warn(WHOLE_FILE, "sprints_more", left)


def _listed(names: Sequence[str]) -> str:
    few = [name[:60] for name in names[:5]]
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(few) + more
