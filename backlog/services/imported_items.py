"""The rows of a file become items: planned in a dry run, written 500 at a time in an import.

Both go the same way, so that the dry run tells what the import does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import Max

from backlog.importers.formats import format_of
from backlog.importers.mapping import Mapping as FileMapping
from backlog.importers.ordering import in_order
from backlog.importers.parsed import (
    WHOLE_FILE,
    ImportedFile,
    ImportedItem,
    ImportedSprint,
    Level,
    Parsed,
    RowProblem,
)
from backlog.models import (
    Actor,
    Attachment,
    Category,
    Comment,
    Import,
    ImportLine,
    Item,
    Label,
    Link,
    Origin,
    Product,
    Stay,
    Transition,
)
from backlog.queries.items import plain
from backlog.queries.resources import items_by_ref
from backlog.rules.trees import bears_points, parent_problem
from backlog.services.deeds import Deed, deed
from backlog.services.imported_files import attach, kept_with_rows, missing_files
from backlog.services.items import (
    ItemDraft,
    create_items,
    edit_each,
    kept_criteria,
    restore_item,
    update_item,
)
from backlog.services.landing import (
    LONGEST_ID,
    Landing,
    Wanted,
    digest_of,
    digest_of_files,
    land,
    wanted_of,
)
from backlog.services.links import add_links
from backlog.services.ranks import lock_all_backlogs
from backlog.services.search import index_items
from mlscrum.lib.errors import DomainError

AT_ONCE = 500  # rows in one transaction (DECISIONS of the house, 9)
Outcome = ImportLine.Outcome
PLACES = ("moved", "rebalanced")  # where items stand, as each deed tells it (decision 5)
COMMENTS, LINKS, FILES = (
    "comment_ids",
    "link_ids",
    "attachment_ids",
)  # what a revert takes away, as deeds tell it
REFUSALS = (ValidationError, DomainError)
# How a link of a file reads here, and whether its two ends change places.
TURNED = {"blocked_by": Link.Kind.BLOCKS, "duplicated_by": Link.Kind.DUPLICATES}


@dataclass
class Rows:
    """The rows of one file in the order in which they are written, and what is known of them."""

    imported: Import
    landing: Landing
    ordered: list[ImportedItem]
    by_row: Mapping[int, ImportedItem]
    by_id: Mapping[str, int]  # rows by external id
    problems: dict[int, list[RowProblem]]
    elsewhere: Mapping[str, Item]  # items that are not in the file, by the ids that it refers to
    by_title: dict[str, list[int]]  # items without an external id, by the digest of their title
    sprints: Sequence[ImportedSprint] = ()  # what the file says of sprints beside their names
    made: dict[int, Item] = field(default_factory=dict)  # the items of the rows done so far

    @property
    def product(self) -> Product:
        return self.landing.product

    @property
    def source(self) -> str:
        return self.landing.mapping.source

    @property
    def is_own(self) -> bool:
        """Whether ids are refs of ours, perhaps of this very product."""
        return format_of(self.landing.mapping).habits.is_own

    def chunks(self) -> Iterator[list[ImportedItem]]:
        """What is still to do, so many rows at a time."""
        waiting = [item for item in self.ordered if item.row not in self.made]
        for start in range(0, len(waiting), AT_ONCE):
            yield waiting[start : start + AT_ONCE]

    def say(self, row: int, level: Level, code: str, message: str) -> None:
        self.problems.setdefault(row, []).append(RowProblem(row, "", level, code, message))

    def warn(self, row: int, code: str, message: str) -> None:
        self.say(row, Level.WARNING, code, message)


def rows_of(imported: Import, mapping: FileMapping, parsed: Parsed) -> Rows:
    """A parsed file as rows to be written, beside what the product holds of it already."""
    product = imported.product
    landing = land(product, mapping, parsed)
    problems: dict[int, list[RowProblem]] = {}
    for problem in (*parsed.problems, *landing.problems):
        if problem.code != "parent_elsewhere":  # it is known by now whether it is
            problems.setdefault(problem.row, []).append(problem)
    items = []
    for item in parsed.items:
        if len(item.external_id) <= LONGEST_ID:
            items.append(item)
            continue
        problems.setdefault(item.row, []).append(
            RowProblem(
                item.row,
                "",
                Level.ERROR,
                "long_id",
                f"An external id has at most {LONGEST_ID} signs: map another column to it.",
            )
        )
    rows = Rows(
        imported=imported,
        landing=landing,
        ordered=in_order(items, mapping.order),
        by_row={item.row: item for item in items},
        by_id={item.external_id: item.row for item in items if item.external_id},
        problems=problems,
        elsewhere=_elsewhere(product, mapping.source, items),
        by_title={},
        sprints=parsed.sprints,
    )
    _recall(rows)
    return rows


def skipped_lines(rows: Rows) -> list[ImportLine]:
    """The lines of what is no item: rows with an error, and what is said of the whole file."""
    return [
        _line(rows, row, "", None) if row == WHOLE_FILE else _line(rows, row, Outcome.SKIPPED, None)
        for row in sorted(rows.problems)
        if row not in rows.by_row
    ]


def said_of_file(rows: Rows) -> ImportLine:
    """The line of what is said of the whole file by now."""
    return _line(rows, WHOLE_FILE, "", None)


def items_present(rows: Rows) -> dict[int, Item]:
    """The items that are here of the rows that name a sprint, by row; see `_present`."""
    named = [item for item in rows.ordered if item.sprint]
    found: dict[int, Item] = {}
    for start in range(0, len(named), AT_ONCE):
        some = [item for item in named[start : start + AT_ONCE] if item.external_id]
        found |= _present(rows, some)
    return found


def preview(rows: Rows, chunk: Sequence[ImportedItem]) -> list[ImportLine]:
    """What an import would make of these rows now; writes nothing."""
    present = _present(rows, chunk)
    said = _comments_on(item for item in present.values())
    missing = _missing_files(present.items(), {each.row: each for each in chunk})
    lines = []
    for each in chunk:
        wanted = _wanted(rows, each)
        item = present.get(each.row)
        parent = _parent_of(rows, wanted, item)
        if item is None:
            lines.append(_line(rows, each.row, Outcome.NEW, None))
            continue
        edit = _edit_of(rows, item, wanted)
        if _is_changed(rows, item, wanted, parent):
            edit["parent"] = parent
        has_more = _new_comments(item, wanted, said) or item.pk in missing
        changes = edit or item.deleted_at or has_more
        if item.deleted_at:
            _say_restored(rows, each.row)
        lines.append(_line(rows, each.row, Outcome.UPDATED if changes else Outcome.UNCHANGED, item))
    return lines


def write(
    rows: Rows, chunk: Sequence[ImportedItem], *, actor: Actor, fence: Callable[[], None]
) -> None:
    """Make or change the items of these rows, and write their lines, in one transaction.

    `fence` is called first and stops a worker that may not write. A row that the product refuses
    is left out with an error; the others are written all the same.
    """
    with kept_with_rows() as stored, deed(rows.product, actor, "items.imported") as done:
        fence()
        lock_all_backlogs(rows.product)
        writing = _Writing(rows, actor, done, stored)
        present = _present(rows, chunk)
        wanted = [_wanted(rows, each) for each in chunk]
        writing.bring_back(present)
        writing.create([each for each in wanted if each.row not in present])
        writing.update([each for each in wanted if each.row in present])
        writing.say_comments()
        writing.attach_files()
        writing.remember_origins()
        lines = [
            _line(rows, each.row, writing.outcomes[each.row], rows.made.get(each.row))
            for each in chunk
        ]
        writing.note_before(lines)
        write_lines(rows, lines)
        _tell(rows, done, lines, writing.added, writing.attached)


def write_links(
    rows: Rows, chunk: Sequence[ImportedItem], *, actor: Actor, fence: Callable[[], None]
) -> None:
    """Link the items of these rows as their file says, where it says something new.

    Links that people made here stay, and so do those that left the file.
    """
    linked = [each for each in chunk if each.links and each.row in rows.made]
    if not linked:
        return
    with deed(rows.product, actor, "items.linked") as done:
        fence()
        origins = Origin.objects.in_bulk([rows.made[each.row].pk for each in linked])
        wanted: list[tuple[Item, str, Item]] = []
        told: list[int] = []
        news: list[Origin] = []
        digests: dict[int, list[str | None]] = {}
        for each in linked:
            item = rows.made[each.row]
            origin = origins.get(item.pk)
            ends = list(_links_of(rows, each))
            digest = digest_of([(source.pk, kind, target.pk) for source, kind, target in ends])
            if not ends or origin is None or origin.digests.get("links") == digest:
                continue
            digests[each.row] = [origin.digests.get("links"), digest]
            origin.digests["links"] = digest
            news.append(origin)
            wanted += ends
            told += [each.row] * len(ends)
        if not wanted:
            done.nothing_happened()
            return
        made, refused = add_links(rows.product, wanted, actor=actor)
        Origin.objects.bulk_update(news, ["digests"], batch_size=AT_ONCE)
        for place, why in refused.items():
            rows.warn(told[place], "refused_link", why)
        touched = {link.source_id for link in made} | {link.target_id for link in made}
        _note_links_in_lines(rows, linked, touched, {told[place] for place in refused}, digests)
        done.data.update(
            {"import": rows.imported.pk, "links": len(made), LINKS: [link.pk for link in made]}
        )
        if not made:
            done.nothing_happened()


def write_lines(rows: Rows, lines: Iterable[ImportLine]) -> None:
    """Keep lines as those of rows that are done."""
    kept = list(lines)
    for line in kept:
        line.is_written = True
    ImportLine.objects.bulk_create(
        kept,
        update_conflicts=True,
        unique_fields=["imported", "row"],
        update_fields=[
            "external_id",
            "title",
            "outcome",
            "item",
            "problems",
            "level",
            "is_written",
            "before",
        ],
        batch_size=AT_ONCE,
    )


class _Writing:
    """One transaction's work on a chunk."""

    def __init__(self, rows: Rows, actor: Actor, done: Deed, stored: list[Attachment]) -> None:
        self.rows, self.actor, self.done = rows, actor, done
        self.stored = stored  # the files of this transaction
        self.files: list[tuple[Item, Wanted, ImportedFile]] = []
        self.attached: list[Attachment] = []  # to items that were there already
        self.outcomes: dict[int, str] = {}
        self.digests: dict[int, dict[str, str]] = {}  # by row
        self.without_parent: set[int] = set()  # rows whose parent could not be given
        self.said: list[tuple[Comment, datetime]] = []
        self.added: list[Comment] = []  # those of items that were there already
        self.found: dict[int, tuple[dict[str, str], datetime | None]] = {}  # as they were, by row

    def bring_back(self, present: Mapping[int, Item]) -> None:
        """Items that are there already; those in the trash come back."""
        for row, item in present.items():
            self.outcomes[row] = Outcome.UNCHANGED
            self.rows.made[row] = self._restored(item, row) if item.deleted_at else item

    def create(self, wanted: Sequence[Wanted]) -> None:
        """New items, all with one call; where that is refused, each by itself."""
        if not wanted:
            return
        place = {each.row: number for number, each in enumerate(wanted)}
        drafts = [self._draft(each, place) for each in wanted]
        try:
            with self._tried():
                items = create_items(self.rows.product, drafts, actor=self.actor, quietly=True)
        except REFUSALS as error:
            if len(wanted) == 1:
                self._refuse(wanted[0].row, error)
                return
            for each in wanted:
                self.create([each])
            return
        for item, each in zip(items, wanted, strict=True):
            self.rows.made[each.row] = item
            self.outcomes[each.row] = Outcome.NEW
            self.digests[each.row] = dict(each.digests)
            self._note_comments(item, each, [])
            self.files += [(item, each, file) for file in each.item.files]
        self._date(list(zip(items, wanted, strict=True)))

    def update(self, wanted: Sequence[Wanted]) -> None:
        """Items that are there already get what is new in the file."""
        found = [(self.rows.made[each.row], each) for each in wanted]
        said = _comments_on(item for item, _ in found)
        missing = _missing_files(
            [(each.row, item) for item, each in found], {each.row: each.item for each in wanted}
        )
        edits: list[tuple[Item, dict[str, Any]]] = []
        rows = {item.pk: each.row for item, each in found}
        finished: dict[int, datetime] = {}
        for item, each in found:
            self.found[each.row] = _digests(item), item.done_at
            self.digests[each.row] = _digests(item) | dict(each.digests)
            edit = _edit_of(self.rows, item, each)
            self._move_in_tree(item, each, edit)
            done_at = edit.pop("done_at", None)
            if edit:
                edits.append((item, self._ready(edit)))
            if done_at:
                finished[item.pk] = done_at
            if _new_comments(item, each, said):
                count = len(self.said)
                self._note_comments(item, each, said[item.pk])
                self.added += [comment for comment, _ in self.said[count:]]
                self.outcomes[each.row] = Outcome.UPDATED
            if item.pk in missing:
                self.files += [(item, each, file) for file in missing[item.pk]]
                self.outcomes[each.row] = Outcome.UPDATED
        for pk in self._edit(edits, rows):
            self.outcomes[rows[pk]] = Outcome.UPDATED
        self._finish(finished, rows)

    def say_comments(self) -> None:
        """The comments of the file under their own dates; nobody is told of them."""
        comments = [comment for comment, _ in self.said]
        Comment.objects.bulk_create(comments, batch_size=AT_ONCE)
        for comment, at in self.said:
            comment.created_at = at
        Comment.objects.bulk_update(comments, ["created_at"], batch_size=AT_ONCE)
        index_items({comment.item_id for comment in comments})

    def attach_files(self) -> None:
        """The files of the file; one that can't be kept is said, and holds up nothing."""
        for item, wanted, file in self.files:
            try:
                with self._tried():
                    attachment = attach(item, file, actor=self.actor)
            except (*REFUSALS, ValueError) as error:
                why = "it is damaged." if isinstance(error, ValueError) else _said(error)
                self.rows.warn(
                    wanted.row, "refused_file", f"The file {file.name[:80]} is left out: {why}"
                )
                continue
            self.stored.append(attachment)
            if wanted.row in self.found:
                self.attached.append(attachment)

    def remember_origins(self) -> None:
        """What the file said of each item, save of those that were refused; and save parents
        that could not be given, so that the next import tries again."""
        for row in self.without_parent & set(self.digests):
            self.digests[row].pop("parent", None)
        Origin.objects.bulk_create(
            [
                Origin(item=self.rows.made[row], digests=digests)
                for row, digests in self.digests.items()
                if self.outcomes[row] != Outcome.SKIPPED
            ],
            update_conflicts=True,
            unique_fields=["item"],
            update_fields=["digests"],
            batch_size=AT_ONCE,
        )

    def note_before(self, lines: Sequence[ImportLine]) -> None:
        """Keep in the lines of items that were there already what no change tells a revert."""
        there = [self.rows.made[row].pk for row in self.found]
        done_at = dict(Item.objects.filter(pk__in=there).values_list("pk", "done_at"))
        for line in lines:
            if line.row not in self.found or line.outcome == Outcome.SKIPPED:
                continue
            old, was_done = self.found[line.row]
            new = self.digests[line.row]
            changed = {
                name: [old.get(name), new.get(name)]
                for name in sorted({*old, *new})
                if old.get(name) != new.get(name)
            }
            line.before = {"digests": changed} if changed else {}
            is_done = done_at.get(line.item_id or 0)
            if was_done != is_done:
                line.before["done_at"] = [_iso(was_done), _iso(is_done)]

    def _draft(self, wanted: Wanted, place: Mapping[int, int]) -> ItemDraft:
        item = wanted.item
        parent = _parent_of(self.rows, wanted, None)
        under = place.get(parent) if isinstance(parent, int) else None
        above = self.rows.made.get(parent) if isinstance(parent, int) else parent
        if isinstance(parent, int) and under is None and above is None:
            self._say_parent_skipped(wanted.row, parent)
        if item.parent and under is None and above is None:
            self.without_parent.add(wanted.row)
        fields = {name: value for name, value in wanted.fields.items() if value is not None}
        fields.setdefault("status", self.rows.landing.status(Category.TODO))
        return ItemDraft(
            **{**fields, "kind": item.kind},
            labels=self._labels(wanted),
            extra=self._extra(wanted.extra),
            parent=None if under is not None else above,
            under=under,
            external_source=self.rows.source,
            external_id=item.external_id,
        )

    def _ready(self, edit: Mapping[str, Any]) -> dict[str, Any]:
        """An edit with labels and fields that are made by now."""
        ready = dict(edit)
        if "labels" in ready:
            ready["labels"] = [self._label(name) for name in ready["labels"]]
        if "extra" in ready:
            ready["extra"] = self._extra(ready["extra"])
        return ready

    def _labels(self, wanted: Wanted) -> list[Label]:
        return [self._label(name) for name in wanted.labels]

    def _label(self, folded: str) -> Label:
        label = self.rows.landing.labels[folded]
        assert isinstance(label, Label), "make_room comes first"
        return label

    def _extra(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {self.rows.landing.fields[name].slug: value for name, value in values.items()}

    def _date(self, pairs: Sequence[tuple[Item, Wanted]]) -> None:
        """Give new items the dates of the file: when they were made, and when they were done."""
        dated: list[Item] = []
        finished: dict[int, datetime] = {}
        for item, wanted in pairs:
            created = wanted.item.created_at
            is_done = item.status.category == Category.DONE
            if created:
                item.created_at = _past(created, self.done.at)
            if is_done:
                item.done_at = finished[item.pk] = _past(wanted.item.done_at, self.done.at)
            if created or is_done:
                dated.append(item)
        Item.objects.bulk_update(dated, ["created_at", "done_at"], batch_size=AT_ONCE)
        transitions = list(Transition.objects.filter(item__in=finished))
        for transition in transitions:
            transition.at = finished[transition.item_id]
        Transition.objects.bulk_update(transitions, ["at"], batch_size=AT_ONCE)

    def _finish(self, finished: Mapping[int, datetime], rows: Mapping[int, int]) -> None:
        """When items were done, as the file says now; plain updates, for nobody did it here.

        What became done just now did so then too, but not before it came where it is: the past
        of a backlog stays as it was.
        """
        done = list(Item.objects.filter(pk__in=finished, status__category=Category.DONE))
        if not done:
            return
        for item in done:
            item.done_at = _past(finished[item.pk], self.done.at)
            if self.outcomes[rows[item.pk]] != Outcome.SKIPPED:
                self.outcomes[rows[item.pk]] = Outcome.UPDATED
        Item.objects.bulk_update(done, ["done_at"], batch_size=AT_ONCE)
        transitions = Transition.objects.filter(item__in=done).order_by()
        earlier = transitions.filter(at__lt=self.done.at).values_list("item").annotate(Max("at"))
        open_stays = Stay.objects.filter(item__in=done, left_at__isnull=True).order_by()
        entered = open_stays.values_list("item").annotate(Max("entered_at"))
        first = [dict(earlier), dict(entered)]
        new = list(transitions.filter(at=self.done.at, category=Category.DONE))
        for transition in new:
            pk = transition.item_id
            known = [moments[pk] for moments in first if pk in moments]
            transition.at = max([_past(finished[pk], self.done.at), *known])
        Transition.objects.bulk_update(new, ["at"], batch_size=AT_ONCE)

    def _restored(self, item: Item, row: int) -> Item:
        _say_restored(self.rows, row)
        self.outcomes[row] = Outcome.UPDATED
        restore_item(item, actor=self.actor)
        fresh: Item = _items().get(pk=item.pk)
        fresh.product = self.rows.product
        return fresh

    def _move_in_tree(self, item: Item, wanted: Wanted, edit: dict[str, Any]) -> None:
        """Kind and parent, one item at a time, for other items depend on them."""
        sent: dict[str, Any] = {"kind": edit.pop("kind")} if "kind" in edit else {}
        parent = _parent_of(self.rows, wanted, item)
        above = self.rows.made.get(parent) if isinstance(parent, int) else parent
        if isinstance(parent, int) and above is None:
            self._say_parent_skipped(wanted.row, parent)
        elif _is_changed(self.rows, item, wanted, above):
            sent["parent"] = above
        if wanted.item.parent and above is None:
            self.without_parent.add(wanted.row)
        if not sent:
            return
        try:
            with self._tried():
                update_item(item, actor=self.actor, **sent)
        except REFUSALS as error:
            self.without_parent.add(wanted.row)
            self.rows.warn(wanted.row, "refused", f"Its kind and parent stay: {_said(error)}")
            return
        self.outcomes[wanted.row] = Outcome.UPDATED

    def _say_parent_skipped(self, row: int, parent: int) -> None:
        self.rows.warn(row, "parent_skipped", f"Its parent in row {parent} was skipped.")

    def _edit(
        self, edits: Sequence[tuple[Item, Mapping[str, Any]]], rows: Mapping[int, int]
    ) -> list[int]:
        """The ids of the items that changed."""
        try:
            with self._tried():
                changed = edit_each(self.rows.product, edits, actor=self.actor)
                return [item.pk for item in changed]
        except REFUSALS as error:
            if len(edits) == 1:
                self._refuse(rows[edits[0][0].pk], error)
                return []
        return [pk for edit in edits for pk in self._edit([edit], rows)]

    def _note_comments(self, item: Item, wanted: Wanted, said: Sequence[Comment]) -> None:
        known = {(comment.created_at, comment.text) for comment in said}
        texts = {comment.text for comment in said}
        for each in wanted.item.comments:
            if not each.text.strip() or _is_known(each.at, each.text, known, texts):
                continue
            author = self.rows.landing.authors.get(each.author)
            comment = Comment(
                item=item,
                author=author,
                said_by="" if author else (each.author or "Somebody")[:120],
                text=each.text.strip(),
            )
            self.said.append((comment, _past(each.at, self.done.at)))

    def _refuse(self, row: int, error: ValidationError | DomainError) -> None:
        self.rows.say(row, Level.ERROR, "refused", _said(error))
        self.outcomes[row] = Outcome.SKIPPED

    @contextmanager
    def _tried(self) -> Iterator[None]:
        """A step that leaves nothing behind where it is refused, its history included."""
        mark = len(self.done.changes)
        marks = {name: len(self.done.data.get(name, ())) for name in PLACES}
        try:
            with transaction.atomic():
                yield
        except REFUSALS:
            del self.done.changes[mark:]
            for name, length in marks.items():
                del self.done.data.get(name, [])[length:]
            raise


def _wanted(rows: Rows, each: ImportedItem) -> Wanted:
    _note_links(rows, each)
    wanted = wanted_of(rows.landing, each, rows.by_row.get(each.parent_row or 0))
    if wanted.problems:
        rows.problems.setdefault(each.row, []).extend(wanted.problems)
    return wanted


def _present(rows: Rows, chunk: Sequence[ImportedItem]) -> dict[int, Item]:
    """The items that these rows were imported to before, in the trash or not."""
    items = _items().filter(product=rows.product, external_source=rows.source)
    by_id = {
        item.external_id: item
        for item in items.filter(
            external_id__in=[each.external_id for each in chunk if each.external_id]
        )
    }
    if rows.is_own:
        by_id = _exported(rows.product, chunk) | by_id
    titled = {
        each.row: waiting.pop(0)
        for each in chunk
        if not each.external_id and (waiting := rows.by_title.get(digest_of(each.title)))
    }
    by_pk = {item.pk: item for item in items.filter(pk__in=titled.values())} if titled else {}
    present = {each.row: by_id[each.external_id] for each in chunk if each.external_id in by_id}
    present |= {row: by_pk[pk] for row, pk in titled.items() if pk in by_pk}
    for item in present.values():
        item.product = rows.product
    return present


def _exported(product: Product, chunk: Sequence[ImportedItem]) -> dict[str, Item]:
    """The items of the product itself that an export of it names by their refs.

    They were made at the same moment, for another installation may have the same refs.
    """
    made_at = {each.external_id: each.created_at for each in chunk if each.created_at}
    found = items_by_ref(product, list(made_at), deleted=True)
    same = {
        item.pk: ref
        for ref, item in found.items()
        if abs(item.created_at - made_at[ref]) < timedelta(seconds=1)
    }
    return {same[item.pk]: item for item in _items().filter(pk__in=same)}


def _items() -> Any:
    return Item.objects.select_related(
        "product", "status", "backlog", "parent__product", "origin"
    ).prefetch_related("assignees", "labels")


def _digests(item: Item) -> dict[str, str]:
    """What the last import read of the item; nothing for one that no import made."""
    try:
        return dict(item.origin.digests)
    except ObjectDoesNotExist:
        return {}


def _is_news(digests: Mapping[str, str], wanted: Wanted, name: str, value: Any) -> bool:
    """Whether the file says something else of a field than the last time, or something at all."""
    if name not in wanted.digests or digests.get(name) == wanted.digests[name]:
        return False
    return name in digests or value not in (None, "", [], ())


def _edit_of(rows: Rows, item: Item, wanted: Wanted) -> dict[str, Any]:
    """The fields in which the file says something new that differs from how the item stands."""
    digests = _digests(item)
    edit: dict[str, Any] = {}
    for name, value in wanted.fields.items():
        if _is_news(digests, wanted, name, value) and not _holds(item, name, value):
            edit[name] = value
    kind = edit.get("kind", item.kind)
    if edit.get("points") is not None and not bears_points(kind):
        del edit["points"]
        rows.warn(wanted.row, "no_points_here", f"It is a {kind} here, which has no points.")
    present = {label.name.casefold() for label in item.labels.all()}
    if _is_news(digests, wanted, "labels", wanted.labels) and set(wanted.labels) != present:
        edit["labels"] = wanted.labels
    extra = {
        name: value
        for name, value in wanted.extra.items()
        if _is_news(digests, wanted, f"fields.{name}", value)
        and item.extra.get(rows.landing.fields[name].slug) != value
    }
    if extra:
        edit["extra"] = extra
    at = wanted.item.done_at
    status = edit.get("status", item.status)
    is_done = at is not None and status.category == Category.DONE and item.done_at != at
    if is_done and _is_news(digests, wanted, "done_at", at):
        edit["done_at"] = at
    return edit


def _holds(item: Item, name: str, value: Any) -> bool:
    if name == "criteria":
        return bool(item.criteria == kept_criteria(value))
    if name == "assignees":
        return bool({user.pk for user in item.assignees.all()} == {user.pk for user in value})
    return bool(plain(getattr(item, name)) == plain(value))


def _parent_of(rows: Rows, wanted: Wanted, item: Item | None) -> int | Item | None:
    """What the row stands under: another row of the file, by its number, or an item.

    Warns of a parent that is not there or can't be one.
    """
    each = wanted.item
    if each.parent_row in rows.by_row:
        return each.parent_row
    if not each.parent:
        return None
    parent = rows.elsewhere.get(each.parent)
    if parent is None:
        rows.warn(
            each.row,
            "unknown_parent",
            f"The parent {each.parent[:80]} is neither in the file nor here: import it too, and "
            "this file again; left without a parent.",
        )
        return None
    if parent.deleted_at:
        rows.warn(each.row, "parent_in_trash", f"The parent {parent.ref} is in the trash.")
        return None
    kind = each.kind if item is None or "kind" in wanted.fields else item.kind
    if problem := parent_problem(kind, parent.kind):
        rows.warn(each.row, "parent_not_allowed", f"{problem} Left without a parent.")
        return None
    return parent


def _is_changed(rows: Rows, item: Item, wanted: Wanted, parent: int | Item | None) -> bool:
    """Whether the file says something new of the parent; a number is a row of the file."""
    if not _is_news(_digests(item), wanted, "parent", parent):
        return False
    if isinstance(parent, int):
        before = item.parent
        above = rows.by_row[parent].external_id
        is_same = before is not None and (
            before.external_id == above or (rows.is_own and before.ref == above)
        )
        return not is_same
    return item.parent_id != (parent.pk if parent else None)


def _elsewhere(product: Product, source: str, items: Sequence[ImportedItem]) -> dict[str, Item]:
    """The items that the rows refer to but the file lacks, by external id of the same source or
    by our ref."""
    own = {item.external_id for item in items}
    named = {item.parent for item in items if item.parent and item.parent_row is None}
    named |= {link.external_id for item in items for link in item.links}
    wanted = sorted(named - own)
    found: dict[str, Item] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        found |= items_by_ref(product, some, deleted=True)
        there = Item.objects.select_related("backlog", "status").filter(
            product=product, external_source=source, external_id__in=some
        )
        found |= {item.external_id: item for item in there}
    for item in found.values():
        item.product = product
    return found


def _recall(rows: Rows) -> None:
    """What an earlier attempt of this import has done, and which items only their titles tell."""
    written = dict(
        rows.imported.lines.filter(
            is_written=True, row__gt=WHOLE_FILE, item__isnull=False
        ).values_list("row", "item")
    )
    there = Item.objects.select_related("status", "backlog").in_bulk(set(written.values()))
    rows.made = {row: there[pk] for row, pk in written.items() if row in rows.by_row}
    for item in there.values():
        item.product = rows.product
    if all(item.external_id for item in rows.ordered):
        return
    origins = Origin.objects.filter(
        item__product=rows.product, item__external_source=rows.source, item__external_id=""
    ).exclude(item__in=written.values())
    for pk, digests in origins.order_by("item").values_list("item", "digests"):
        rows.by_title.setdefault(digests.get("title", ""), []).append(pk)


def _links_of(rows: Rows, each: ImportedItem) -> Iterator[tuple[Item, str, Item]]:
    """The links of a row between items that are there."""
    here = rows.made[each.row]
    for link in each.links:
        row = rows.by_id.get(link.external_id, 0)
        other = rows.made.get(row) or rows.elsewhere.get(link.external_id)
        if other is None or other.deleted_at or other.pk == here.pk:
            continue
        if link.type in TURNED:
            yield other, TURNED[link.type], here
        else:
            yield here, link.type, other


def _note_links(rows: Rows, each: ImportedItem) -> None:
    """Warn of links that lead nowhere."""
    for link in each.links:
        other = rows.elsewhere.get(link.external_id)
        if link.external_id not in rows.by_id and (other is None or other.deleted_at):
            rows.warn(
                each.row,
                "unknown_link",
                f"{link.external_id[:80]} is neither in the file nor here: import it too, and this "
                "file again; left without the link.",
            )


def _note_links_in_lines(
    rows: Rows,
    linked: Sequence[ImportedItem],
    touched: set[int],
    refused: set[int],
    digests: Mapping[int, list[str | None]],
) -> None:
    """Bring lines along whose rows got links, or got one refused, or say something new of them."""
    numbers = {each.row for each in linked}
    lines = {line.row: line for line in rows.imported.lines.filter(row__in=numbers)}
    changed = []
    for row in sorted(numbers):
        line, item = lines[row], rows.made[row]
        was_unchanged = line.outcome == Outcome.UNCHANGED and item.pk in touched
        if was_unchanged:
            line.outcome = Outcome.UPDATED
        if row in refused:
            _put_problems(line, rows.problems[row])
        if row in digests:
            line.before["digests"] = line.before.get("digests", {}) | {"links": digests[row]}
        if was_unchanged or row in refused or row in digests:
            changed.append(line)
    names = ["outcome", "problems", "level", "before"]
    ImportLine.objects.bulk_update(changed, names, batch_size=AT_ONCE)


def _comments_on(items: Iterable[Item]) -> dict[int, list[Comment]]:
    said: dict[int, list[Comment]] = {item.pk: [] for item in items}
    for comment in Comment.objects.filter(item__in=said):
        said[comment.item_id].append(comment)
    return said


def _missing_files(
    present: Iterable[tuple[int, Item]], chunk: Mapping[int, ImportedItem]
) -> dict[int, list[ImportedFile]]:
    """The files that items lack and the file names anew, by the item's id."""
    wanted = [
        (item, each.files)
        for row, item in present
        if (each := chunk[row]).files and _digests(item).get("files") != digest_of_files(each.files)
    ]
    return {pk: files for pk, files in missing_files(wanted).items() if files}


def _new_comments(item: Item, wanted: Wanted, said: Mapping[int, list[Comment]]) -> int:
    """How many comments of the file the item lacks; none where the file says the same as before."""
    if not _is_news(_digests(item), wanted, "comments", wanted.item.comments):
        return 0
    known = {(comment.created_at, comment.text) for comment in said[item.pk]}
    texts = {comment.text for comment in said[item.pk]}
    return sum(
        bool(each.text.strip()) and not _is_known(each.at, each.text, known, texts)
        for each in wanted.item.comments
    )


def _is_known(
    at: datetime | None, text: str, known: set[tuple[datetime, str]], texts: set[str]
) -> bool:
    return text.strip() in texts if at is None else (at, text.strip()) in known


def _line(rows: Rows, row: int, outcome: str, item: Item | None) -> ImportLine:
    each = rows.by_row.get(row)
    line = ImportLine(
        imported=rows.imported,
        row=row,
        outcome=outcome,
        item=item,
        external_id=each.external_id if each else "",
        title=each.title if each else "",
    )
    _put_problems(line, rows.problems.get(row, []))
    return line


def _put_problems(line: ImportLine, problems: Iterable[RowProblem]) -> None:
    said = {
        (problem.column, problem.code, problem.message): {
            "column": problem.column,
            "level": problem.level.value,
            "code": problem.code,
            "message": problem.message,
        }
        for problem in problems
    }
    line.problems = list(said.values())
    levels = {each["level"] for each in line.problems}
    line.level = next((level for level in ("error", "warning") if level in levels), "")


def _tell(
    rows: Rows,
    done: Deed,
    lines: Sequence[ImportLine],
    comments: Sequence[Comment],
    files: Sequence[Attachment],
) -> None:
    """What the activity says of the chunk."""
    touched = [line for line in lines if line.outcome in {Outcome.NEW, Outcome.UPDATED}]
    if not touched:
        done.nothing_happened()
        return
    # Of what the steps said of themselves only the places are of use in an account of the whole.
    places = {name: done.data[name] for name in PLACES if name in done.data}
    done.data.clear()
    done.data.update(places)
    done.data.update(
        {
            "import": rows.imported.pk,
            "new": sum(line.outcome == Outcome.NEW for line in touched),
            "updated": sum(line.outcome == Outcome.UPDATED for line in touched),
            "items": [rows.made[line.row].ref for line in touched],
        }
    )
    if comments:
        done.data[COMMENTS] = [comment.pk for comment in comments]
    if files:
        done.data[FILES] = [attachment.pk for attachment in files]


def _say_restored(rows: Rows, row: int) -> None:
    rows.warn(row, "was_in_trash", "It was in the trash and comes back, at the top of the backlog.")


def _past(at: datetime | None, now: datetime) -> datetime:
    return min(at, now) if at else now


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _said(error: ValidationError | DomainError) -> str:
    return error.message if isinstance(error, DomainError) else " ".join(error.messages)
