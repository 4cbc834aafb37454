"""Deeds on imports: take a file in, map it, try it, carry it out, give it up."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.files import read_file
from backlog.importers.formats import FORMATS, chosen, detect, format_of
from backlog.importers.mapping import Mapping as FileMapping
from backlog.importers.mapping import Proposal, StatusChoice, Target, Words
from backlog.importers.parsed import WHOLE_FILE
from backlog.models import Actor, Import, ImportLine, Item, Job, Product, User
from backlog.rules import keeping
from backlog.services import jobs, past_sprints
from backlog.services.attachments import Incoming, tidy_name
from backlog.services.deeds import deed
from backlog.services.imported_items import (
    AT_ONCE,
    Rows,
    preview,
    rows_of,
    said_of_file,
    skipped_lines,
    write,
    write_lines,
    write_links,
)
from backlog.services.landing import make_room
from mlscrum.lib.errors import Conflict, DomainError, FieldError

CHECK_KIND = "import.check"
IMPORT_KIND = "import"
KINDS = frozenset({CHECK_KIND, IMPORT_KIND})
FILES_KEPT_FOR = timedelta(days=keeping.UNFINISHED_IMPORTS)
MEGABYTE = 1024 * 1024
LONGEST_SOURCE = Item._meta.get_field("external_source").max_length or 0
# Columns whose words somebody has to match.
OF_WORDS = (
    Target.STATUS, Target.STATUS_CATEGORY, Target.KIND, Target.ASSIGNEES, Target.POINTS,
    Target.ROLE_POINTS,
)  # fmt: skip
TURN_S = 0.1  # as long as SQLite sleeps before it tries again
# How far an import is once the file is read, once the items are written, once they are linked.
READ, WRITTEN, LINKED = 0.2, 0.85, 0.95


def receive(
    product: Product,
    incoming: Incoming,
    *,
    actor: Actor,
    file_format: str = "",
    delimiter: str = "",
) -> Import:
    """Take in a file and propose how to map it; the format is found out where none is given.

    What was chosen for the last file of the same format is proposed again. Raises DomainError
    for a file that is too large (413), empty, or none that is known; then nothing of it is kept.
    """
    with _copied(incoming) as path:
        imported = Import(
            product=product, filename=tidy_name(incoming.name), bytes=path.stat().st_size
        )
        _act_as(imported, actor)
        _propose(imported, read_file(path, delimiter=delimiter or None), file_format)
        with path.open("rb") as content:
            key = default_storage.save(f"imports/{product.key}/{uuid4().hex}", File(content))
    imported.file = key
    try:
        with deed(product, actor, "import.received") as done:
            imported.save()
            done.data.update({"import": imported.pk, "file": imported.filename})
    except BaseException:
        default_storage.delete(key)
        raise
    return imported


def receive_and_ask(
    product: Product,
    incoming: Incoming,
    *,
    actor: Actor,
    file_format: str = "",
    choices: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Import:
    """Take in a file and ask at once for its dry run or its import, as scripts do.

    `choices` change the proposed mapping, see `mapping_from`. All or nothing.
    """
    imported = receive(product, incoming, actor=actor, file_format=file_format)
    try:
        if choices:
            map_import(imported, mapping_from(imported, choices), actor=actor)
        return (request_check if dry_run else request_import)(imported, actor=actor)
    except BaseException:
        Import.objects.filter(pk=imported.pk).delete()
        _delete(imported.file)
        raise


def read_otherwise(imported: Import, *, actor: Actor, file_format: str, delimiter: str) -> Import:
    """Propose anew, as another format or with another delimiter; earlier choices are dropped."""
    table = _table_of(imported, delimiter)
    with _mappable(imported.pk) as fresh:
        _act_as(fresh, actor)
        _propose(fresh, table, file_format)
        _save_mapping(fresh)
    return fresh


def map_import(imported: Import, mapping: FileMapping, *, actor: Actor) -> bool:
    """Keep how a file is to be mapped; a dry run made before counts no more.

    Where other columns were mapped to statuses, kinds, people or points, their words are matched
    as well as can be, and the answer is True where somebody should look at them. Raises
    DomainError `bad_mapping` naming each choice that can't be carried out.
    """
    table = _table_of(imported, mapping.delimiter)
    _check(imported.product, mapping, table)
    with _mappable(imported.pk) as fresh:
        before = FileMapping.from_json(fresh.mapping)
        has_new_words = mapping.of(*OF_WORDS) != before.of(*OF_WORDS)
        if has_new_words:
            habits = format_of(mapping).habits
            words = mappings.words_in(table, mapping.columns, habits)
            known = mapping.kinds
            mapping = _matched(fresh.product, mapping, words)
            mapping = replace(mapping, kinds=mappings.match_kinds(words.kinds, habits) | known)
            fresh.found["words"] = asdict(words)
        fresh.found["dropped"] = _dropped(fresh, mapping)
        fresh.found.pop("sprints", None)
        fresh.mapping = mapping.to_json()
        _act_as(fresh, actor)
        _save_mapping(fresh)
    return has_new_words


def request_check(imported: Import, *, actor: Actor) -> Import:
    """Ask for a dry run. Raises Conflict once the import has begun."""
    with _mappable(imported.pk) as fresh:
        fresh.lines.all().delete()
        _act_as(fresh, actor)
        fresh.check_job = jobs.enqueue(fresh.product, CHECK_KIND, {"import": fresh.pk})
        fresh.save(update_fields=["check_job", "actor_kind", "user", "token"])
    return fresh


def request_import(imported: Import, *, actor: Actor) -> Import:
    """Ask for the import itself, or for the rest of one that failed or was cancelled.

    Raises Conflict where it is done or under way, or another file of the product is.
    """
    product = imported.product
    with deed(product, actor, "import.started") as done:
        others = list(Import.objects.select_for_update(no_key=True, of=("self",))
                      .select_related("job", "check_job", "revert_job", "product")
                      .filter(product=product).filter(finished_at=None).order_by("pk"))  # fmt: skip
        fresh = next((each for each in others if each.pk == imported.pk), None)
        if fresh is None:
            raise Conflict(
                "import_done", "This import is done; upload the file to import it again."
            )
        _refuse_under_way(fresh)
        if fresh.state == Import.State.REVERTED:
            raise Conflict(
                "reverted_before", f"{fresh.filename} was reverted; upload the file again instead."
            )
        _refuse_without_file(fresh)
        running = [each for each in others if each.state == Import.State.IMPORTING]
        if running:
            raise Conflict(
                "other_import",
                f"{running[0].filename} is being imported; wait until that is done, or cancel it.",
            )
        _act_as(fresh, actor)
        fresh.job = jobs.enqueue(product, IMPORT_KIND, {"import": fresh.pk})
        fresh.save(update_fields=["job", "actor_kind", "user", "token"])
        done.data.update({"import": fresh.pk, "file": fresh.filename})
    return fresh


def cancel_import(imported: Import, *, actor: Actor) -> Import:
    """Stop the dry run or the import. What was imported stays; starting again goes on there."""
    job = imported.present_job
    if job is None or not imported.is_under_way:
        raise Conflict("not_under_way", "Nothing of this import is under way.")
    with deed(imported.product, actor, "import.cancelled") as done:
        jobs.request_cancel(job)
        done.data["import"] = imported.pk
    job.refresh_from_db()
    return imported


def discard_import(imported: Import, *, actor: Actor) -> None:
    """Forget a file that was not imported. Raises Conflict once the import has begun."""
    with _mappable(imported.pk) as fresh, deed(fresh.product, actor, "import.discarded") as done:
        key = fresh.file
        done.data["file"] = fresh.filename
        fresh.delete()
        transaction.on_commit(lambda: _delete(key))


def try_out(lease: jobs.Lease) -> None:
    """Carry out a dry run: what would become of each row, and why; nothing is imported."""
    imported = _import_of(lease)
    if imported is None or imported.has_begun:
        return
    lease.progress(0, "Reading the file")
    rows = _read(imported)
    coming = past_sprints.look_ahead(rows)
    lines = skipped_lines(rows)
    for done, chunk in _counted(rows):
        lease.progress(READ + (1 - READ) * done, "Comparing the rows with the backlog")
        lines += preview(rows, chunk)
    with lease.finish():
        imported.lines.all().delete()
        ImportLine.objects.bulk_create(lines, batch_size=AT_ONCE)
        _note_sprints(imported, coming)


def carry_out(lease: jobs.Lease) -> None:
    """Carry out an import, 500 rows at a time.

    Each piece is kept whatever happens to the rest, and an attempt after a worker was killed goes
    on behind the last one.
    """
    imported = _import_of(lease)
    if imported is None:
        return
    actor = imported.actor
    lease.progress(0, "Reading the file")
    rows = _read(imported)
    with deed(imported.product, actor, "import.prepared") as done:
        lease.fence()
        imported.lines.filter(is_written=False).delete()
        make_room(rows.landing, actor=actor)
        write_lines(rows, skipped_lines(rows))
        done.data["import"] = imported.pk
    for part, chunk in _counted(rows):
        _let_others_write()
        lease.progress(READ + (WRITTEN - READ) * part, "Writing the items")
        write(rows, chunk, actor=actor, fence=lease.fence)
    for start in range(0, len(rows.ordered), AT_ONCE):
        part = start / len(rows.ordered)
        lease.progress(WRITTEN + (LINKED - WRITTEN) * part, "Linking the items")
        write_links(rows, rows.ordered[start : start + AT_ONCE], actor=actor, fence=lease.fence)

    def before_each() -> None:
        _let_others_write()
        lease.progress(LINKED, "Bringing sprints along")

    brought = past_sprints.bring(rows, actor=actor, fence=lease.fence, before_each=before_each)
    key = imported.file
    with lease.finish(within=deed(imported.product, actor, "import.done")):
        if WHOLE_FILE in rows.problems:
            write_lines(rows, [said_of_file(rows)])
        _note_sprints(imported, brought)
        Import.objects.filter(pk=imported.pk).update(file="", finished_at=timezone.now())
        transaction.on_commit(lambda: _delete(key))


def _note_sprints(imported: Import, names: list[str]) -> None:
    """Keep which sprints come along, or came."""
    imported.found["sprints"] = names
    Import.objects.filter(pk=imported.pk).update(found=imported.found)


def actor_of(job: Job) -> Actor | None:
    """As whom a job of an import acts, or None where it is about nothing any more."""
    about = Import.objects.select_related("user", "token").filter(pk=job.args["import"]).first()
    return about.actor if about else None


def forget_files(now: datetime) -> int:
    """Delete the files of imports that nobody has finished for a month; how many went."""
    old = Import.objects.filter(finished_at=None, created_at__lt=now - FILES_KEPT_FOR)
    gone = 0
    for imported in old.exclude(file=""):
        if not imported.is_under_way:
            gone += Import.objects.filter(pk=imported.pk, file=imported.file).update(file="")
            _delete(imported.file)
    return gone


def mapping_from(imported: Import, choices: Mapping[str, Any]) -> FileMapping:
    """The proposed mapping with some choices changed, as scripts send them.

    `columns` go by name: `{"columns": [{"name": "Team", "target": "labels"}]}`; words and all
    else replace what was proposed. Raises DomainError `bad_mapping`.
    """
    proposed = imported.mapping
    unknown = sorted(set(choices) - set(proposed))
    if unknown:
        errors = [
            FieldError(f"/{name}", "unknown_field", "There is no such choice.") for name in unknown
        ]
        raise DomainError("bad_mapping", "Some choices are unknown.", errors=errors)
    merged: dict[str, Any] = {**proposed}
    try:
        for name, value in choices.items():
            if name == "columns":
                merged["columns"] = _columns(proposed["columns"], value)
            elif isinstance(proposed[name], dict):
                merged[name] = {**proposed[name], **value}
            else:
                merged[name] = value
    except (TypeError, KeyError, AttributeError) as error:
        raise DomainError("bad_mapping", "This mapping can't be read; see the manual.") from error
    return FileMapping.from_json(merged)


def _columns(proposed: list[dict[str, Any]], chosen: Any) -> list[dict[str, Any]]:
    by_name = {str(each["name"]).casefold(): each for each in chosen}
    known = {str(each["name"]).casefold() for each in proposed}
    errors = [
        FieldError("/columns", "not_in_file", f"The file has no column “{each['name']}”.")
        for name, each in by_name.items()
        if name not in known
    ]
    if errors:
        raise DomainError("bad_mapping", "The file lacks some columns.", errors=errors)
    taken = {each["target"] for each in by_name.values() if each.get("target") == Target.TITLE}
    columns = []
    for column in proposed:
        choice = by_name.get(str(column["name"]).casefold())
        if choice is not None:
            named = {"detail": column["name"]} if choice["target"] == Target.EXTRA else {}
            column = {**column, "detail": "", "order": 0, **named, **choice, "name": column["name"]}
        elif column["target"] in taken:
            column = {**column, "target": Target.DROP, "detail": ""}
        columns.append(column)
    return columns


def _propose(imported: Import, table: Table, file_format: str) -> None:
    """Fill in what follows from the file: the mapping to begin with, and what people see of it."""
    if not table.rows:
        raise DomainError(
            "no_rows", "The file has no row below its header: export it again, with its items."
        )
    found = chosen(file_format, table) if file_format else detect(table)
    proposal = found.propose(table)
    mapping = proposal.mapping
    if imported.user and imported.user.time_zone:
        mapping = replace(mapping, time_zone=imported.user.time_zone)
    elif mapping.time_zone == "UTC":
        mapping = replace(mapping, time_zone=settings.TIME_ZONE)
    earlier = _last_mapping(imported.product, found.habits.format)
    words = proposal.words
    if earlier is not None:
        mapping = mapping.with_choices_of(earlier)
        words = mappings.words_in(table, mapping.columns, found.habits)
    imported.mapping = _matched(imported.product, mapping, words).to_json()
    imported.rows = proposal.rows
    imported.found = _found(proposal, words, table)
    imported.found["dropped"] = _dropped(imported, mapping)


def _last_mapping(product: Product, slug: str) -> FileMapping | None:
    """How the last file of this format that was imported here was mapped, but for columns that
    were dropped only as there was nothing in them."""
    last = product.imports.filter(mapping__format=slug, job__isnull=False).order_by("-pk").first()
    if last is None:
        return None
    mapping = FileMapping.from_json(last.mapping)
    empty = {each["index"] for each in last.found.get("columns", ()) if not each["filled"]}
    chosen = (
        column
        for column in mapping.columns
        if column.target is not Target.DROP or column.index not in empty
    )
    return replace(mapping, columns=tuple(chosen))


def _matched(product: Product, mapping: FileMapping, words: Words) -> FileMapping:
    """The mapping with a proposal for each status and person that has none."""
    statuses = [
        StatusChoice(status.slug, status.name, status.category)
        for status in product.statuses.order_by("position")
    ]
    slugs = {status.slug for status in statuses}
    chosen = {word: slug for word, slug in mapping.statuses.items() if slug in slugs}
    people = User.objects.filter(memberships__product=product, is_active=True)
    known = mappings.match_people(words.people, people.values_list("email", "name"))
    return replace(
        mapping,
        statuses=mappings.match_statuses(words.statuses, statuses) | chosen,
        people=known | {word: email for word, email in mapping.people.items() if email},
    )


def _found(proposal: Proposal, words: Words, table: Table) -> dict[str, Any]:
    dates = proposal.dates
    return {
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "columns": [asdict(column) for column in proposal.columns],
        "words": asdict(words),
        "dates": {
            "example": dates.example,
            "options": [
                {"order": option.order, "read_as": str(option.read_as or "")}
                for option in dates.options
            ],
            "unread": dates.unread,
            "count": dates.count,
        },
        "reasons": {each.name: each.reason for each in proposal.dropped},
        "problems": [
            {**asdict(problem), "level": problem.level.value}
            for problem in proposal.problems
            if problem.row == WHOLE_FILE
        ],
    }


def _dropped(imported: Import, mapping: FileMapping) -> list[dict[str, str]]:
    """The columns that are left out, and why."""
    reasons = imported.found.get("reasons", {})
    names = dict.fromkeys(column.name for column in mapping.of(Target.DROP))
    return [{"name": name, "reason": reasons.get(name, "as you chose")} for name in names]


def _check(product: Product, mapping: FileMapping, table: Table) -> None:
    """What `mappings.check` can't know: statuses and people of the product, the source's length."""
    errors: list[FieldError] = []
    if mapping.format not in FORMATS:
        errors.append(
            FieldError(
                "/format", "unknown_format", f"Choose one of these formats: {', '.join(FORMATS)}."
            )
        )
    if not 1 <= len(mapping.source.strip()) <= LONGEST_SOURCE or "/" in mapping.source:
        errors.append(
            FieldError(
                "/source", "bad_source",
                f"Write a name of 1 to {LONGEST_SOURCE} signs without a slash, such as jira.",
            )
        )  # fmt: skip
    slugs = set(product.statuses.values_list("slug", flat=True))
    errors += [
        FieldError(
            f"/statuses/{word}", "unknown_status", f"Choose one of our statuses for “{word}”."
        )
        for word, slug in mapping.statuses.items()
        if slug and slug not in slugs
    ]
    emails = {
        email.casefold()
        for email in User.objects.filter(memberships__product=product).values_list(
            "email", flat=True
        )
    }
    errors += [
        FieldError(f"/people/{word}", "no_member", f"{email} is no member: invite them first.")
        for word, email in mapping.people.items()
        if email and email.casefold() not in emails
    ]
    try:
        mappings.check(mapping, table)
    except DomainError as error:
        errors += error.errors
    if errors:
        raise DomainError(
            "bad_mapping", "Some columns or words need another choice.", errors=errors
        )


@contextmanager
def _mappable(pk: int) -> Iterator[Import]:
    """The import, locked, as long as it has not begun. Raises Conflict otherwise."""
    with transaction.atomic():
        fresh = (
            Import.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product", "job", "check_job", "revert_job", "user", "token")
            .get(pk=pk)
        )
        if fresh.has_begun:
            raise Conflict("import_begun", "This import has begun; upload the file again instead.")
        _refuse_under_way(fresh)
        _refuse_without_file(fresh)
        yield fresh


def _save_mapping(imported: Import) -> None:
    imported.check_job = None
    imported.lines.all().delete()
    imported.save(
        update_fields=["mapping", "found", "rows", "check_job", "actor_kind", "user", "token"]
    )


def _refuse_under_way(imported: Import) -> None:
    if imported.is_under_way:
        raise Conflict("under_way", f"{imported.filename} is under way; wait, or cancel it first.")


def _refuse_without_file(imported: Import) -> None:
    if not imported.file:
        raise Conflict("file_gone", "Its file is not kept any more; upload it again.")


def _act_as(imported: Import, actor: Actor) -> None:
    imported.actor_kind, imported.user, imported.token = actor.kind, actor.user, actor.token


def _import_of(lease: jobs.Lease) -> Import | None:
    """What the job is about, if it is still the one that was asked for."""
    field = "job" if lease.job.kind == IMPORT_KIND else "check_job"
    return (
        Import.objects.select_related("product", "user", "token", "job", "check_job")
        .filter(pk=lease.job.args["import"], **{field: lease.job})
        .first()
    )


def _read(imported: Import) -> Rows:
    mapping = FileMapping.from_json(imported.mapping)
    table = _table_of(imported, mapping.delimiter)
    return rows_of(imported, mapping, format_of(mapping).read(table, mapping))


def _let_others_write() -> None:
    """SQLite has one writer at a time and no queue: whoever writes again at once starves others."""
    if connection.vendor == "sqlite":
        time.sleep(TURN_S)


def _counted(rows: Rows) -> Iterator[tuple[float, list[Any]]]:
    """The chunks, each with the part of the rows that is done before it."""
    done, total = len(rows.made), max(1, len(rows.ordered))
    for chunk in rows.chunks():
        yield done / total, chunk
        done += len(chunk)


@contextmanager
def _copied(incoming: Incoming) -> Iterator[Path]:
    """The file on this machine, gone afterwards. Raises DomainError for one that is too large."""
    limit = settings.IMPORT_LIMIT_MB
    with _temporary_folder() as folder:
        path, size = folder / "import", 0
        with path.open("wb") as copy:
            for chunk in incoming.chunks:
                size += len(chunk)
                if size > limit * MEGABYTE:
                    raise DomainError(
                        "too_large",
                        f"The file is larger than {limit:,} MB, the limit of this installation: "
                        "export fewer items or columns at once.",
                        status=413,
                    )
                copy.write(chunk)
        yield path


def _table_of(imported: Import, delimiter: str) -> Table:
    """The table in the kept file, read before anything is locked. Raises Conflict or DomainError
    where the file is gone."""
    _refuse_without_file(imported)
    try:
        file = default_storage.open(imported.file)
    except FileNotFoundError:
        raise DomainError("file_lost", "The file is missing in storage; upload it again.") from None
    with file, _temporary_folder() as folder:
        path = folder / "import"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, MEGABYTE)
        return read_file(path, delimiter=delimiter or None)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    home = Path(settings.FILE_UPLOAD_TEMP_DIR)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="import-", dir=home) as folder:
        yield Path(folder)


def _delete(key: str) -> None:
    if key:
        default_storage.delete(key)
