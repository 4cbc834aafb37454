"""Taking back an import: what it made and nobody touched since goes into the trash, what it changed
holds its earlier values, and everything that stays is said with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from backlog.models import (
    Activity,
    Actor,
    Backlog,
    Category,
    Change,
    Comment,
    Finding,
    Import,
    ImportLine,
    Item,
    Job,
    Link,
    Origin,
    Stay,
)
from backlog.queries.items import EXTRA, PLAIN, SETS, values_of
from backlog.rules.links import WORDS
from backlog.rules.undo import field_in_words
from backlog.services import jobs
from backlog.services.deeds import Deed, deed
from backlog.services.imported_files import take_off
from backlog.services.imported_items import AT_ONCE, COMMENTS, FILES, LINKS
from backlog.services.items import about, edited, put_into_trash, write_edits
from backlog.services.past_sprints import BROUGHT, TakenAway, brought_by, take_away
from backlog.services.ranks import ABOVE, lock_all_backlogs
from backlog.services.search import index_items
from backlog.services.undo import Former, GoneError, kinds_that_stay
from mlscrum.lib.errors import Conflict

REVERT_KIND = "import.revert"
BY_IMPORTS = ("items.imported", "items.linked", BROUGHT)
REVERTED = "import.reverted"
KEPT = "kept"  # the code of a problem that tells what a revert left alone
Row = TypeVar("Row")
NAMED = 20  # sentences that the page shows; each also stands in the line of its row


def request_revert(imported: Import, *, actor: Actor) -> Import:
    """Ask for an import to be taken back. Raises Conflict where it is under way, was reverted
    before, never began, or imported nothing."""
    with deed(imported.product, actor, "import.revert_asked") as done:
        fresh = (
            Import.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product", "job", "check_job", "revert_job")
            .get(pk=imported.pk)
        )
        if fresh.is_under_way:
            raise Conflict(
                "under_way", f"{fresh.filename} is under way; wait until it is done, or cancel it."
            )
        if fresh.state == Import.State.REVERTED:
            raise Conflict(
                "reverted_before",
                f"{fresh.filename} was reverted before; upload the file to import it again.",
            )
        if not fresh.has_ended:
            raise Conflict(
                "not_imported", f"{fresh.filename} was not imported yet; discard it instead."
            )
        if not fresh.lines.filter(is_written=True, item__isnull=False).exists():
            raise Conflict("nothing_imported", f"Nothing of {fresh.filename} was imported.")
        fresh.reverter_kind, fresh.reverter, fresh.reverter_token = (
            actor.kind, actor.user, actor.token,
        )  # fmt: skip
        fresh.revert_job = jobs.enqueue(fresh.product, REVERT_KIND, {"import": fresh.pk})
        fresh.save(update_fields=["revert_job", "reverter_kind", "reverter", "reverter_token"])
        done.data.update({"import": fresh.pk, "file": fresh.filename})
    return fresh


def revert(lease: jobs.Lease) -> None:
    """Take back what an import did, in one transaction: all of it, or nothing."""
    imported = _import_of(lease.job)
    if imported is None:
        return
    lease.progress(0, "Taking back what nobody has touched since")
    actor, product, key = imported.reverting_actor, imported.product, imported.file
    with lease.finish(within=deed(product, actor, REVERTED)), deed(product, actor, REVERTED) as d:
        lock_all_backlogs(product)
        work = _Reverting(imported, actor, d)
        work.take_back()
        imported.file, imported.reverted_at, imported.reverted = "", d.at, work.told()
        imported.save(update_fields=["file", "reverted_at", "reverted"])
        if key:
            transaction.on_commit(partial(default_storage.delete, key), robust=True)


def reverting_actor_of(job: Job) -> Actor | None:
    """As whom a revert acts, or None where it is about nothing any more."""
    about_it = _import_of(job)
    return about_it.reverting_actor if about_it else None


def _import_of(job: Job) -> Import | None:
    return (
        Import.objects.select_related("product", "reverter", "reverter_token")
        .filter(pk=job.args["import"], revert_job=job, reverted_at=None)
        .first()
    )


class _Reverting:
    """One revert under way: all backlogs of the product are locked, and then its items."""

    def __init__(self, imported: Import, actor: Actor, done: Deed) -> None:
        self.imported, self.actor, self.done = imported, actor, done
        self.product = imported.product
        deeds = Activity.objects.filter(product=self.product, kind__in=BY_IMPORTS)
        own = deeds.filter(data__import=imported.pk).order_by("pk")
        self.own = list(own.values_list("pk", flat=True))
        self.own_data: list[dict[str, Any]] = list(own.values_list("data", flat=True))
        self.since = self.own[0] if self.own else 0
        changes = list(
            Change.objects.filter(activity__in=self.own)
            .order_by("id")
            .values_list("item", "field", "before", "after")
        )
        self.made = {pk for pk, field, _, _ in changes if field == "created"}
        self.brought_back = {
            pk for pk, field, _, after in changes if (field, after) == ("deleted", False)
        }
        ids = {pk for pk, *_ in changes} | self._noted()
        self.items = self._locked(ids)
        self.left_product = len(ids) - len(self.items)
        self.values = _merged(changes, self.made)
        self.kept: dict[int, list[str]] = defaultdict(list)  # sentences by item
        self.kept_fields: set[tuple[int, str]] = set()
        self.deleted: list[Item] = []
        self.given_back: set[int] = set()
        self.sprints = TakenAway(0, [])

    def take_back(self) -> None:
        edits = self._give_back()
        self._take_comments()
        self._take_files()
        self._take_links()
        self._delete()
        self.sprints = take_away(self.imported, self.done)
        self._restore_origins(edits)
        self._say()

    def told(self) -> dict[str, Any]:
        """What became of it: how many items were deleted, changed back, and left alone and why."""
        said = [sentence for sentences in self.kept.values() for sentence in sentences]
        if self.left_product:
            are = "1 item has" if self.left_product == 1 else f"{self.left_product:,} items have"
            said.insert(0, f"{are} left the product.")
        said = [*self.sprints.said, *said]
        counts = {
            "deleted": len(self.deleted),
            "given_back": len(self.given_back),
            "kept": len(self.kept) + self.left_product,
            "sprints": self.sprints.count,
        }
        self.done.data.update({"import": self.imported.pk, **counts})
        about(self.done, [*self.deleted, *(self.items[pk] for pk in sorted(self.given_back))])
        return {**counts, "said": said[:NAMED], "more": max(0, len(said) - NAMED)}

    def _noted(self) -> set[int]:
        """The items that were there already, of which the lines tell something."""
        lines = self.imported.lines.filter(is_written=True, item__isnull=False)
        return {pk for pk, before in lines.values_list("item", "before") if before}

    def _locked(self, ids: set[int]) -> dict[int, Item]:
        found: dict[int, Item] = {}
        for some in _chunks(sorted(ids)):
            rows = (
                Item.objects.select_for_update(no_key=True, of=("self",))
                .select_related("status", "backlog", "parent__product", "parent__backlog")
                .prefetch_related("assignees", "labels")
                .annotate(above=ABOVE)
                .filter(pk__in=some, product=self.product)
                .order_by("pk")
            )
            found |= {item.pk: item for item in rows}
        for item in found.values():
            item.product = self.product
        return found

    # Earlier values ----------------------------------------------------------------------------

    def _give_back(self) -> set[tuple[int, str]]:
        """Let the fields hold what they held before, where they still hold what the import put
        there; which ones do."""
        former = Former(self.product, self.values.values())
        later = self._later_changes({pk for pk, _ in self.values})
        sent: dict[int, dict[str, Any]] = {}
        for (pk, name), (before, after) in self.values.items():
            item = self.items.get(pk)
            if item is None:
                continue
            if item.deleted_at is not None:
                self._keep(item, name, "it is in the trash by now.")
            elif values_of(item, [name])[name] != after:
                self._keep(item, name, f"{later.get((pk, name), 'somebody')} has changed it since.")
            else:
                try:
                    sent.setdefault(pk, {})[name] = former.value(name, before)
                except GoneError as gone:
                    self._keep(item, name, str(gone))
        for item, why in kinds_that_stay(self.items, sent):
            self._keep(item, "kind", why)
        given: set[tuple[int, str]] = set()
        for some in _chunks(sorted(sent)):
            edits = []
            for pk in some:
                item = self.items[pk]
                try:
                    edit = edited(item, sent[pk], self.done)
                except ValidationError as error:
                    for name in sent[pk]:
                        self._keep(item, name, error.messages[0])
                    continue
                if edit is not None:
                    edits.append(edit)
                    given |= {(pk, name) for name in edit.names}
            write_edits(self.product, edits, self.done, self.actor, quietly=True)
        self.given_back |= {pk for pk, _ in given}
        return given

    def _keep(self, item: Item, name: str, why: str) -> None:
        self.kept_fields.add((item.pk, name))
        self.kept[item.pk].append(f"{item.ref} keeps its {field_in_words(name)}: {why}")

    def _later(self, ids: Sequence[int]) -> QuerySet[Change]:
        """What others than this import, and than imports that were reverted, changed of these."""
        return (
            Change.objects.filter(item__in=ids, activity__pk__gt=self.since)
            .exclude(activity__in=[*self.own, *self._taken_back])
            .select_related("activity__user", "activity__token")
            .order_by("id")
        )

    @cached_property
    def _taken_back(self) -> list[int]:
        """The deeds of later imports that were reverted, and those reverts: together nothing."""
        others = self.product.imports.filter(reverted_at__isnull=False).values_list("pk", flat=True)
        if not others:
            return []
        deeds = Activity.objects.filter(
            product=self.product, kind__in=(*BY_IMPORTS, REVERTED), data__import__in=list(others)
        )
        return list(deeds.values_list("pk", flat=True))

    def _later_changes(self, ids: set[int]) -> dict[tuple[int, str], str]:
        """Who changed which field of these items last since."""
        if not ids:
            return {}
        return {
            (change.item_id, change.field): _who(change.activity)
            for some in _chunks(sorted(ids))
            for change in self._later(some)
        }

    # What came with it -------------------------------------------------------------------------

    def _take_comments(self) -> None:
        """Off the items that were there already; what somebody has edited since stays."""
        ids = [pk for data in self.own_data for pk in data.get(COMMENTS, ())]
        touched: set[int] = set()
        for some in _chunks(ids):
            comments = Comment.objects.filter(pk__in=some, item__in=self.items)
            for comment in comments.filter(edited_at__isnull=False):
                item = self.items[comment.item_id]
                self.kept[item.pk].append(f"A comment on {item.ref} stays: it was edited since.")
            going = comments.filter(edited_at=None, item__deleted_at=None)
            touched |= set(going.values_list("item", flat=True))
            going.delete()
        index_items(touched)
        self.given_back |= touched

    def _take_files(self) -> None:
        """Off the items that were there already."""
        ids = [pk for data in self.own_data for pk in data.get(FILES, ())]
        there = [pk for pk, item in self.items.items() if item.deleted_at is None]
        for some in _chunks(ids):
            self.given_back |= take_off(some, there)

    def _take_links(self) -> None:
        """Between items that were there already: others go along with their end, or stay so."""
        ids = [pk for data in self.own_data for pk in data.get(LINKS, ())]
        for some in _chunks(ids):
            links = [
                link
                for link in Link.objects.filter(pk__in=some)
                if self.made.isdisjoint({link.source_id, link.target_id})
                and {link.source_id, link.target_id} <= self.items.keys()
            ]
            for link in links:
                source, target = self.items[link.source_id], self.items[link.target_id]
                words, words_back = WORDS[link.kind]
                self.done.change(source, "links", f"{words} {target.ref}", None)
                self.done.change(target, "links", f"{words_back} {source.ref}", None)
                self.given_back |= {source.pk, target.pk}
            Link.objects.filter(pk__in=[link.pk for link in links]).delete()

    # Into the trash ----------------------------------------------------------------------------

    def _delete(self) -> None:
        """What the import made or brought back, where nobody has touched it since."""
        candidates = [
            self.items[pk]
            for pk in sorted(self.made | self.brought_back)
            if pk in self.items and self.items[pk].deleted_at is None
        ]
        ids = [item.pk for item in candidates]
        staying = self._touched(ids)
        staying |= self._bearing(ids, staying)
        for pk, why in staying.items():
            self.kept[pk].append(f"{self.items[pk].ref} stays: {why}")
        going = [item for item in candidates if item.pk not in staying]
        for some in _chunks(going):
            put_into_trash(some, self.done, quietly=True)
        self.deleted = going
        self.given_back -= {item.pk for item in going}

    def _touched(self, ids: Sequence[int]) -> dict[int, str]:
        """Which of these items somebody has worked on since, and who."""
        touched: dict[int, str] = {}
        for some in _chunks(ids):
            touched |= {
                change.item_id: f"{_who(change.activity)} has worked on it since."
                for change in self._later(some)
            }
            deeds = (
                Activity.objects.filter(item__in=some, pk__gt=self.since)
                .exclude(pk__in=[*self.own, *self._taken_back])
                .exclude(kind="item.moved")  # another place in the same list changes nothing
                .select_related("user", "token")
            )
            touched |= {
                activity.item_id or 0: f"{_who(activity)} has worked on it since."
                for activity in deeds
            }
            found = Finding.objects.filter(item__in=some).values_list("item", flat=True)
            touched |= dict.fromkeys(filter(None, found), "evidence speaks of it.")
            stays = Stay.objects.filter(item__in=some, backlog__kind=Backlog.Kind.SPRINT)
            others = stays.exclude(backlog__in=brought_by(self.imported))
            for pk in others.values_list("item", flat=True):
                touched.setdefault(pk, "it was in a sprint that this import did not bring.")
        return touched

    def _bearing(self, ids: Sequence[int], staying: Mapping[int, str]) -> dict[int, str]:
        """Which of the others have something under them that stays."""
        parents: dict[int, int] = {}
        refs: dict[int, str] = {}
        for some in _chunks(ids):
            for child in Item.objects.alive().filter(parent__in=some).select_related("product"):
                parents[child.pk] = child.parent_id or 0
                refs[child.pk] = child.ref
        going = set(ids) - set(staying)
        bearing: dict[int, str] = {}
        while found := {
            parents[pk]: f"{refs[pk]} stands under it."
            for pk in parents
            if pk not in going and parents[pk] in going
        }:
            bearing |= found
            going -= found.keys()
        return bearing

    # So that the file counts as news again -----------------------------------------------------

    def _restore_origins(self, given: set[tuple[int, str]]) -> None:
        """What the import had read of items that were there already is forgotten, save of fields
        that were left alone; and they were done when they were."""
        lines = self.imported.lines.filter(is_written=True, item__in=self.items)
        told = {pk: before for pk, before in lines.values_list("item", "before") if before}
        names = {each.slug: each.name.casefold() for each in self.product.extra_fields.all()}
        for some in _chunks(sorted(told)):
            origins = Origin.objects.in_bulk(some)
            for pk, origin in origins.items():
                kept = {_digest_name(name, names) for key, name in self.kept_fields if key == pk}
                for name, (before, after) in told[pk].get("digests", {}).items():
                    if origin.digests.get(name) == after and name not in kept:
                        if before is None:
                            origin.digests.pop(name, None)
                        else:
                            origin.digests[name] = before
            Origin.objects.bulk_update(origins.values(), ["digests"], batch_size=AT_ONCE)
        self._restore_moments(told, given)

    def _restore_moments(
        self, told: Mapping[int, dict[str, Any]], given: set[tuple[int, str]]
    ) -> None:
        dated = []
        for pk, before in told.items():
            was, became = (_moment(text) for text in before.get("done_at", (None, None)))
            item = self.items[pk]
            if was is None or item.status.category != Category.DONE:
                continue
            if (pk, "status") in given or item.done_at == became:
                item.done_at = was
                dated.append(item)
                self.given_back.add(pk)
        Item.objects.bulk_update(dated, ["done_at"], batch_size=AT_ONCE)

    def _say(self) -> None:
        """Let the lines of the report tell what was left alone."""
        lines = self.imported.lines.filter(item__in=self.kept, row__gt=0).order_by("row")
        changed = []
        for line in lines:
            line.problems += [
                {"column": "", "level": "warning", "code": KEPT, "message": sentence}
                for sentence in self.kept[line.item_id or 0]
            ]
            line.level = line.level or ImportLine.Level.WARNING
            changed.append(line)
        ImportLine.objects.bulk_update(changed, ["problems", "level"], batch_size=AT_ONCE)


def _merged(
    changes: Iterable[tuple[int, str, Any, Any]], made: set[int]
) -> dict[tuple[int, str], tuple[Any, Any]]:
    """What each field of items that were there already held before the import, and after it."""
    values: dict[tuple[int, str], tuple[Any, Any]] = {}
    for pk, name, before, after in changes:
        is_field = name in {*PLAIN, *SETS} or name.startswith(EXTRA)
        if is_field and pk not in made:
            first, _ = values.get((pk, name), (before, None))
            values[pk, name] = first, after
    return {key: (before, after) for key, (before, after) in values.items() if before != after}


def _digest_name(field: str, names: Mapping[str, str]) -> str:
    """A field's name among the digests, where those of the product go by their folded name."""
    slug = field.removeprefix(EXTRA)
    return f"{EXTRA}{names.get(slug, slug)}" if field.startswith(EXTRA) else field


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _who(activity: Activity) -> str:
    if activity.kind in BY_IMPORTS:
        return "another import"
    if activity.token is not None:
        return f"{activity.token.name} (token)"
    return str(activity.user) if activity.user else "the evidence"


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]
