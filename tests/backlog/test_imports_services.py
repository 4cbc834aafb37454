"""Imports: nothing twice, nothing lost, nothing half, whatever the file and whoever is killed."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from backlog.importers.mapping import Mapping, Order, Target
from backlog.models import (
    Activity,
    Actor,
    Comment,
    Import,
    ImportLine,
    Item,
    Job,
    Link,
    Notification,
    Product,
    Role,
    Stay,
    Transition,
    User,
)
from backlog.queries.imports import counts_of, find_import, said_of_file
from backlog.services import imported_items, jobs
from backlog.services.imports import (
    cancel_import,
    carry_out,
    discard_import,
    forget_files,
    map_import,
    mapping_from,
    read_otherwise,
    request_check,
    request_import,
)
from backlog.services.items import trash_item, update_item
from backlog.services.members import change_role, remove_member
from mlscrum.lib.errors import Conflict, DomainError
from tests.backlog.imports import (
    brought,
    carried_out,
    csv_file,
    jira_file,
    jira_rows,
    odd_jira_file,
    plain_file,
    sent,
    tried,
)
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test

BACKLOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "backlogs"


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def files() -> Any:
    """The files that storage holds now."""

    def names() -> list[str]:
        root = Path(default_storage.location)
        return sorted(path.name for path in root.rglob("*") if path.is_file())

    return names


def item_of(product: Product, external_id: str) -> Item:
    item: Item = Item.objects.get(product=product, external_id=external_id)
    return item


def outcomes(imported: Import) -> Counter[str]:
    return Counter(imported.lines.filter(row__gt=0).values_list("outcome", flat=True))


def codes(imported: Import) -> dict[int, list[str]]:
    return {
        line.row: [problem["code"] for problem in line.problems]
        for line in imported.lines.all()
        if line.problems
    }


def refused(code: str, work: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DomainError) as error:
        work(*args, **kwargs)
    assert error.value.code == code
    return error.value.message


# From a Jira export ----------------------------------------------------------------------------
def test_a_jira_export_comes_in_with_all_that_it_tells(
    product: Product, olga: Actor, cast: Cast
) -> None:
    done = brought(product, jira_file(), olga)
    assert done.state == Import.State.DONE, done.job
    assert outcomes(done) == {"new": 8}
    nuclei = item_of(product, "VIS-2")
    assert (nuclei.kind, nuclei.status.category, nuclei.points) == ("story", "doing", Decimal(5))
    assert nuclei.description.startswith("## Why")
    assert nuclei.parent == item_of(product, "VIS-1")
    assert list(nuclei.assignees.all()) == [cast.max]
    assert {label.name for label in nuclei.labels.all()} == {"vision", "v2", "Models"}
    assert [each["text"] for each in nuclei.criteria] == ["finds all", "in 1 s"]
    assert nuclei.external_url == "https://vis.atlassian.net/browse/VIS-2"
    assert nuclei.external_source == "jira"
    assert nuclei.extra == {
        "priority": "High",
        "former_sprint": "Sprint 2",
        "original_estimate_h": 2,
        "team": "=Vision",
    }
    assert nuclei.created_at == datetime(2024, 5, 2, 8, tzinfo=UTC)
    assert str(nuclei.due_date) == "2024-05-30"
    assert item_of(product, "VIS-4").parent == nuclei
    assert item_of(product, "VIS-3").parent == nuclei.parent


def test_priority_becomes_a_choice_the_most_urgent_first(product: Product, olga: Actor) -> None:
    brought(product, jira_file(), olga)
    field = product.extra_fields.get(slug="priority")
    assert (field.kind, field.choices) == ("choice", ["High", "Low"])


def test_what_was_done_there_is_done_here_since_then(product: Product, olga: Actor) -> None:
    brought(product, jira_file(), olga)
    bug = item_of(product, "VIS-3")
    resolved = datetime(2024, 5, 20, 17, tzinfo=UTC)
    assert (bug.status.category, bug.done_at) == ("done", resolved)
    assert [each.at for each in Transition.objects.filter(item=bug)] == [resolved]


def test_what_became_done_there_meanwhile_has_its_own_date_here(
    product: Product, olga: Actor
) -> None:
    brought(product, jira_file(), olga)
    since = datetime(2024, 5, 10, tzinfo=UTC)  # as if it had come in then
    story = item_of(product, "VIS-2")
    Transition.objects.filter(item=story).update(at=since)
    Stay.objects.filter(item=story).update(entered_at=since)
    resolved = datetime(2024, 5, 25, 9, tzinfo=UTC)
    file = csv_file(
        [["Issue key", "Summary", "Issue Type", "Status", "Resolved"],
         ["VIS-2", story.title, "Story", "Done", "25/May/24 9:00 AM"]]
    )  # fmt: skip
    done = brought(product, file, olga)
    assert outcomes(done) == {"updated": 1}
    story = item_of(product, "VIS-2")
    assert (story.status.category, story.done_at) == ("done", resolved)
    moments = Transition.objects.filter(item=story).order_by("at").values_list("category", "at")
    assert list(moments) == [("doing", since), ("done", resolved)]


def test_comments_keep_their_dates_and_authors_and_tell_nobody(
    product: Product, olga: Actor, cast: Cast
) -> None:
    brought(product, jira_file(), olga)
    first, second = Comment.objects.filter(item=item_of(product, "VIS-2"))
    assert (first.author, first.said_by, first.text) == (cast.max, "", "Looks good")
    assert first.created_at == datetime(2024, 5, 11, 15, 26, tzinfo=UTC)
    assert (second.author, second.said_by) == (None, "Zoe Else")
    assert not Notification.objects.exists()


def test_links_are_made_once_though_both_ends_name_them(product: Product, olga: Actor) -> None:
    done = brought(product, jira_file(), olga)
    [link] = Link.objects.all()
    assert (link.source, link.kind, link.target) == (
        item_of(product, "VIS-2"), "blocks", item_of(product, "VIS-3"),
    )  # fmt: skip
    assert codes(done)[5] == ["unknown_link", "long_label"]


def test_items_stand_in_the_order_of_the_files_rank_below_their_parents(
    product: Product, olga: Actor
) -> None:
    brought(product, jira_file(), olga)
    ordered = Item.objects.filter(product=product).order_by("rank")
    assert [item.external_id for item in ordered] == [
        "VIS-1", "VIS-3", "VIS-2", "VIS-4", "VIS-5", "VIS-6", "VIS-7", "VIS-8",
    ]  # fmt: skip


def test_they_can_be_ranked_by_priority_once(product: Product, olga: Actor) -> None:
    imported = sent(product, jira_file(), olga)
    map_import(imported, mapping_from(imported, {"order": "priority"}), actor=olga)
    carried_out(imported, olga)
    ordered = Item.objects.filter(product=product, kind__in=["story", "bug"]).order_by("rank")
    assert [item.external_id for item in ordered] == ["VIS-2", "VIS-5", "VIS-3", "VIS-8"]


def test_people_and_words_without_a_match_are_said_and_left_out(
    product: Product, olga: Actor
) -> None:
    done = brought(product, jira_file(), olga)
    assert "unknown_person" in codes(done)[4]
    assert not item_of(product, "VIS-3").assignees.exists()
    assert codes(done)[9] == ["unknown_parent"]


def test_parents_in_a_circle_are_said_and_left_out(product: Product, olga: Actor) -> None:
    done = brought(product, jira_file(), olga)
    assert [codes(done)[row] for row in (7, 8)] == [["parent_not_allowed"]] * 2
    assert item_of(product, "VIS-6").parent is None


def test_broken_rows_stay_out_and_hold_up_no_others(product: Product, olga: Actor) -> None:
    done = brought(product, odd_jira_file(), olga)
    assert outcomes(done) == {"new": 8, "skipped": 5}
    said = codes(done)
    assert [said[row] for row in range(10, 15)] == [
        ["wide_row"], ["narrow_row"], ["no_title"], ["no_id"], ["same_id"],
    ]  # fmt: skip


def test_a_dry_run_says_what_the_import_does_and_changes_nothing(
    product: Product, olga: Actor
) -> None:
    imported = tried(sent(product, odd_jira_file(), olga), olga)
    assert imported.state == Import.State.CHECKED
    foreseen, foretold = outcomes(imported), codes(imported)
    assert not Item.objects.filter(product=product).exists()
    assert not product.labels.exists()
    assert not product.extra_fields.exists()
    done = carried_out(imported, olga)
    assert (outcomes(done), codes(done)) == (foreseen, foretold)


# Once more -------------------------------------------------------------------------------------
def test_the_same_file_again_finds_nothing_new(product: Product, olga: Actor) -> None:
    brought(product, jira_file(), olga)
    seq = Activity.objects.filter(product=product).latest("seq").seq
    versions = dict(Item.objects.values_list("external_id", "version"))
    again = brought(product, jira_file(), olga)
    assert outcomes(again) == {"unchanged": 8}
    assert dict(Item.objects.values_list("external_id", "version")) == versions
    assert Comment.objects.count() == 2
    deeds = Activity.objects.filter(product=product, seq__gt=seq).values_list("kind", flat=True)
    assert set(deeds) <= {"import.received", "import.started", "import.prepared", "import.done"}


def test_what_changed_in_the_file_changes_here_and_what_people_changed_stays(
    product: Product, olga: Actor, cast: Cast
) -> None:
    brought(product, jira_file(), olga)
    update_item(item_of(product, "VIS-2"), actor=olga, title="Find nuclei", points=Decimal(8))
    rows = jira_rows()
    rows[1][rows[1].index("5.0")] = "3"
    rows[1][rows[1].index("High")] = "Low"
    rows[1][-1] = "13/May/24 08:00 AM;Zoe Else;A third one"
    again = brought(product, jira_file(rows=rows), olga)
    assert outcomes(again) == {"unchanged": 7, "updated": 1}
    item = item_of(product, "VIS-2")
    assert (item.title, item.points, item.extra["priority"]) == ("Find nuclei", Decimal(3), "Low")
    assert Comment.objects.filter(item=item).count() == 3


def test_a_member_who_is_invited_later_gets_what_was_theirs(
    product: Product, olga: Actor, cast: Cast
) -> None:
    brought(product, jira_file(), olga)
    again = sent(product, jira_file(), olga)
    map_import(again, mapping_from(again, {"people": {"Zoe Else": "dora@example.org"}}), actor=olga)
    done = carried_out(again, olga)
    assert outcomes(done) == {"unchanged": 7, "updated": 1}
    assert list(item_of(product, "VIS-3").assignees.all()) == [cast.dora]


def test_a_file_without_a_column_leaves_what_that_column_brought(
    product: Product, olga: Actor
) -> None:
    brought(product, csv_file([["key", "title", "points"], ["K-1", "One", "5"]]), olga)
    brought(product, csv_file([["key", "title"], ["K-1", "Only one"]]), olga)
    item = item_of(product, "K-1")
    assert (item.title, item.points) == ("Only one", Decimal(5))


def test_an_emptied_cell_empties_the_field(product: Product, olga: Actor) -> None:
    brought(product, csv_file([["key", "title", "points"], ["K-1", "One", "5"]]), olga)
    brought(product, csv_file([["key", "title", "points"], ["K-1", "One", ""]]), olga)
    assert item_of(product, "K-1").points is None


def test_parents_and_links_that_come_later_are_found_by_the_next_import(
    product: Product, olga: Actor
) -> None:
    header = ["key", "title", "type", "parent", "blocks"]
    child = csv_file([header, ["K-2", "Child", "story", "K-1", "K-1"]])
    first = brought(product, child, olga)
    assert codes(first) == {2: ["unknown_link", "unknown_parent"]}
    brought(product, csv_file([header, ["K-1", "Above", "epic", "", ""]]), olga)
    again = brought(product, child, olga)
    assert (outcomes(again), codes(again)) == ({"updated": 1}, {})
    assert item_of(product, "K-2").parent == item_of(product, "K-1")
    assert Link.objects.count() == 1


def test_a_deleted_item_comes_back_and_says_so(product: Product, olga: Actor) -> None:
    brought(product, plain_file(2), olga)
    trash_item(item_of(product, "K-1"), actor=olga)
    imported = tried(sent(product, plain_file(2), olga), olga)
    assert codes(imported) == {2: ["was_in_trash"]}
    done = carried_out(imported, olga)
    assert item_of(product, "K-1").deleted_at is None
    assert outcomes(done) == {"updated": 1, "unchanged": 1}
    assert codes(done) == {2: ["was_in_trash"]}


def test_rows_without_an_id_are_found_again_by_their_title(product: Product, olga: Actor) -> None:
    file = csv_file([["title", "points"], ["One", "1"], ["Two", "2"], ["One", "3"]])
    brought(product, file, olga)
    again = brought(product, file, olga)
    assert outcomes(again) == {"unchanged": 3}
    assert [each["code"] for each in said_of_file(again)] == ["no_external_id"]


def test_an_item_that_rest_made_is_taken_over_and_keeps_what_the_file_is_silent_of(
    product: Product, olga: Actor
) -> None:
    from backlog.services.items import ItemDraft, create_item

    create_item(
        product,
        ItemDraft("By hand", points=Decimal(8), external_source="csv", external_id="K-1"),
        actor=olga,
    )
    done = brought(product, csv_file([["key", "title", "points"], ["K-1", "By file", ""]]), olga)
    item = item_of(product, "K-1")
    assert outcomes(done) == {"updated": 1}
    assert (item.title, item.points) == ("By file", Decimal(8))


# Killed, cancelled, refused --------------------------------------------------------------------
def test_a_killed_import_goes_on_behind_its_last_piece(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imported_items, "AT_ONCE", 10)
    monkeypatch.setattr("backlog.services.imports.AT_ONCE", 10)
    imported = sent(product, plain_file(35), olga)
    pieces = iter(range(3))
    write = imported_items.write

    def killed(*args: Any, **kwargs: Any) -> None:
        if next(pieces) == 2:
            raise KeyboardInterrupt  # nothing catches it, as with a kill
        write(*args, **kwargs)

    monkeypatch.setattr("backlog.services.imports.write", killed)
    asked = request_import(imported, actor=olga)
    assert asked.job
    with pytest.raises(KeyboardInterrupt):
        jobs.run(asked.job.pk)
    assert Item.objects.filter(product=product).count() == 20
    monkeypatch.setattr("backlog.services.imports.write", write)
    Job.objects.filter(pk=asked.job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    jobs.run(asked.job.pk)
    done = find_import(product, imported.pk)
    assert done.state == Import.State.DONE
    assert outcomes(done) == {"new": 35}
    ids = list(Item.objects.order_by("rank").values_list("external_id", flat=True))
    assert ids == [f"K-{n}" for n in range(1, 36)]


def test_a_worker_that_lost_its_job_writes_nothing(product: Product, olga: Actor) -> None:
    imported = sent(product, plain_file(3), olga)
    asked = request_import(imported, actor=olga)
    assert asked.job
    claimed = jobs.claim(asked.job.pk, "first")
    assert claimed
    Job.objects.filter(pk=claimed.pk).update(lease_owner="second")
    with pytest.raises(jobs.LeaseLost):
        carry_out(jobs.Lease(claimed))
    assert not Item.objects.filter(product=product).exists()


class Overtaken(jobs.Lease):
    """The hold of a worker that stalls once, at what it tells of then or before its last write,
    until another one has taken the job over and done all of it: `written` is what there is then.
    """

    def __init__(self, job: Job, *, stalls: str, after: int = 0) -> None:
        super().__init__(job)
        self.stalls, self.left = stalls, after
        self.written: list[Any] = []

    def progress(self, fraction: float, message: str = "") -> None:
        self._stall(message)  # and hears of nothing: it told of its progress just before

    def finish(self, within: AbstractContextManager[Any] | None = None) -> Any:
        self._stall("Ending")
        return super().finish(within)

    def _stall(self, message: str) -> None:
        self.left -= message == self.stalls
        if self.left == -1 and message == self.stalls:
            past = timezone.now() - timedelta(seconds=1)
            Job.objects.filter(pk=self.job.pk).update(lease_until=past)
            jobs.run(self.job.pk, "another")
            self.written = all_rows()


def all_rows() -> list[Any]:
    """Whatever an import writes, row by row."""
    tables = (Item, Link, Comment, Transition, Stay, Activity, Notification, ImportLine)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@pytest.mark.parametrize(
    ("stalls", "after"),
    [
        ("Reading the file", 0), ("Writing the items", 0), ("Writing the items", 2),
        ("Linking the items", 0), ("Ending", 0),
    ],
)  # fmt: skip
def test_a_late_worker_writes_nothing_that_another_has_written(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch, stalls: str, after: int
) -> None:
    monkeypatch.setattr(imported_items, "AT_ONCE", 2)
    monkeypatch.setattr("backlog.services.imports.AT_ONCE", 2)
    asked = request_import(sent(product, jira_file(), olga), actor=olga)
    assert asked.job
    claimed = jobs.claim(asked.job.pk, "first")
    assert claimed
    late = Overtaken(claimed, stalls=stalls, after=after)
    with pytest.raises(jobs.LeaseLost):
        carry_out(late)
    claimed.refresh_from_db()
    assert (claimed.state, claimed.attempts) == ("done", 2)
    assert outcomes(find_import(product, asked.pk)) == {"new": 8}
    assert Activity.objects.filter(kind="import.done").count() == 1
    assert all_rows() == late.written


@pytest.mark.parametrize("leaves", ["the product", "the role", "the house"])
def test_an_import_asks_again_whether_its_actor_may(
    product: Product, cast: Cast, olga: Actor, leaves: str
) -> None:
    sina = product.members.get(user=cast.sina)
    asked = request_import(sent(product, plain_file(2), olga), actor=Actor.person(cast.sina))
    if leaves == "the product":
        remove_member(sina, actor=olga)
    elif leaves == "the role":
        change_role(sina, Role.DEVELOPER, actor=olga)
    else:
        User.objects.filter(pk=cast.sina.pk).update(is_active=False)
    assert asked.job
    jobs.run(asked.job.pk)
    failed = find_import(product, asked.pk)
    assert failed.job
    assert (failed.state, failed.job.error_code) == (Import.State.FAILED, "not_allowed")
    assert "may not do it in this product any more" in failed.job.message
    assert not product.items.exists()
    assert carried_out(failed, olga).state == Import.State.DONE
    assert product.items.count() == 2


def test_a_cancelled_import_can_be_started_again(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imported_items, "AT_ONCE", 10)
    imported = sent(product, plain_file(25), olga)
    asked = request_import(imported, actor=olga)
    assert asked.job
    write = imported_items.write

    def then_cancel(*args: Any, **kwargs: Any) -> None:
        write(*args, **kwargs)
        cancel_import(find_import(product, imported.pk), actor=olga)

    monkeypatch.setattr("backlog.services.imports.write", then_cancel)
    jobs.run(asked.job.pk)
    stopped = find_import(product, imported.pk)
    assert stopped.state == Import.State.CANCELLED
    assert counts_of(stopped).new == 10
    monkeypatch.setattr("backlog.services.imports.write", write)
    done = carried_out(stopped, olga)
    assert (done.state, counts_of(done).new) == ("done", 25)


def test_a_row_that_the_product_refuses_is_left_out_alone(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_items = imported_items.create_items

    def picky(product: Product, drafts: Any, **kwargs: Any) -> list[Item]:
        if any(draft.title == "Item 2" for draft in drafts):
            raise DomainError("no", "Not this one.")
        return create_items(product, drafts, **kwargs)

    monkeypatch.setattr(imported_items, "create_items", picky)
    done = brought(product, plain_file(3), olga)
    assert outcomes(done) == {"new": 2, "skipped": 1}
    assert codes(done) == {3: ["refused"]}


def test_one_import_of_a_product_runs_at_a_time(product: Product, olga: Actor) -> None:
    first, second = sent(product, plain_file(1), olga), sent(product, plain_file(2), olga)
    request_import(first, actor=olga)
    refused("other_import", request_import, second, actor=olga)
    refused("under_way", request_import, first, actor=olga)


def test_an_import_that_is_done_is_over(
    product: Product,
    olga: Actor,
    files: Any,
) -> None:
    imported = sent(product, plain_file(1), olga)
    assert len(files()) == 1
    done = carried_out(imported, olga)
    refused("import_done", request_import, done, actor=olga)
    refused("import_begun", request_check, done, actor=olga)
    refused("import_begun", discard_import, done, actor=olga)
    refused("not_under_way", cancel_import, done, actor=olga)


def test_a_discarded_file_is_gone(
    product: Product,
    olga: Actor,
    files: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    imported = sent(product, plain_file(1), olga)
    with django_capture_on_commit_callbacks(execute=True):
        discard_import(imported, actor=olga)
    assert files() == []
    assert not Import.objects.exists()


def test_files_that_nobody_imports_go_after_a_month(
    product: Product,
    olga: Actor,
    files: Any,
) -> None:
    imported = sent(product, plain_file(1), olga)
    assert forget_files(timezone.now() + timedelta(days=29)) == 0
    assert forget_files(timezone.now() + timedelta(days=31)) == 1
    assert files() == []
    refused("file_gone", request_import, find_import(product, imported.pk), actor=olga)


# Files that are none ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"PK\x03\x04" + b"\0" * 40, "bad_archive"),
        (b"\x89PNG\r\n\0\0\0", "not_a_csv"),
        (b"key,title\n", "no_rows"),
        (b"a," * 6000 + b"\n1\n", "too_many_columns"),
        (b'key,"title\nK-1,One\n', "unclosed_quote"),
    ],
)
def test_what_is_no_backlog_is_refused_at_the_door(
    product: Product,
    olga: Actor,
    files: Any,
    content: bytes,
    code: str,
) -> None:
    refused(code, sent, product, content, olga)
    assert files() == []
    assert not Import.objects.exists()


def test_a_file_above_the_limit_is_refused(
    product: Product,
    olga: Actor,
    settings: Any,
    files: Any,
) -> None:
    settings.IMPORT_LIMIT_MB = 1
    with pytest.raises(DomainError) as error:
        sent(product, b"key,title\n" + b"x" * 1024 * 1024, olga)
    assert (error.value.code, error.value.status) == ("too_large", 413)
    assert files() == []


def test_odd_cells_come_in_safely(product: Product, olga: Actor) -> None:
    rows = [
        ["key", "title", "description", "tags", "deadline", "criteria", "url",
         *map(str, range(500))],
        ["K-1", "=HYPERLINK(\"http://x\")", "x" * 1024 * 1024, "-a,#b,,c", "31/31/2024",
         "c" * 600, "javascript:alert(1)", *["cell"] * 500],
        ["K-2", "N\0UL \u202eright to left 🙂", "<script>alert(1)</script>", *[""] * 504],
        ["K" * 300, "A long id"],
    ]  # fmt: skip
    done = brought(product, csv_file(rows), olga)
    assert outcomes(done) == {"new": 2, "skipped": 1}
    item = item_of(product, "K-1")
    assert item.title.startswith("=HYPERLINK")
    assert len(item.description) <= 100_000
    assert {label.name for label in item.labels.all()} == {"a", "b", "c"}
    assert item.external_url == ""
    assert item_of(product, "K-2").title == "NUL \u202eright to left 🙂"
    assert product.extra_fields.count() == 30
    assert {"long_description", "bad_due_date", "too_long", "bad_external_url"} <= set(
        codes(done)[2]
    )
    assert codes(done)[4] == ["narrow_row", "long_id"]
    assert "too_many_fields" in codes(done)[0]


def test_windows_files_are_read_with_a_warning(product: Product, olga: Actor) -> None:
    done = brought(product, "key;title\nK-1;Größe\n".encode("cp1252"), olga)
    assert item_of(product, "K-1").title == "Größe"
    assert codes(done) == {0: ["not_utf8"]}


# Mapping ---------------------------------------------------------------------------------------
def test_another_column_brings_its_words(product: Product, olga: Actor) -> None:
    file = csv_file([["key", "title", "phase"], ["K-1", "One", "Finished"], ["K-2", "Two", "Open"]])
    imported = sent(product, file, olga)
    mapping = mapping_from(imported, {"columns": [{"name": "phase", "target": "status"}]})
    assert map_import(imported, mapping, actor=olga)
    imported = find_import(product, imported.pk)
    assert [each["word"] for each in imported.found["words"]["statuses"]] == ["Finished", "Open"]
    carried_out(imported, olga)
    assert item_of(product, "K-1").status.category == "done"
    assert item_of(product, "K-1").done_at is not None


def test_sizes_become_points(product: Product, olga: Actor) -> None:
    imported = sent(product, csv_file([["key", "title", "size"], ["K-1", "One", "M"]]), olga)
    map_import(imported, mapping_from(imported, {"points": {"M": "5"}}), actor=olga)
    carried_out(imported, olga)
    assert item_of(product, "K-1").points == Decimal(5)


def test_choices_are_proposed_again_for_the_next_file(product: Product, olga: Actor) -> None:
    file = csv_file([["key", "title", "team"], ["K-1", "One", "red"]])
    first = sent(product, file, olga)
    choices = {"columns": [{"name": "team", "target": "labels"}], "source": "sheet"}
    map_import(first, mapping_from(first, choices), actor=olga)
    carried_out(first, olga)
    second = Mapping.from_json(sent(product, file, olga).mapping)
    assert second.source == "sheet"
    assert [column.target for column in second.columns][2] == Target.LABELS


def test_a_file_can_be_read_with_another_delimiter_and_format(
    product: Product, olga: Actor
) -> None:
    imported = sent(product, jira_file(), olga)
    assert Mapping.from_json(imported.mapping).order == Order.RANK
    read_otherwise(imported, actor=olga, file_format="csv", delimiter=",")
    imported = find_import(product, imported.pk)
    assert imported.mapping["format"] == "csv"


@pytest.mark.parametrize(
    "choices",
    [
        {"columns": [{"name": "nowhere", "target": "title"}]},
        {"columns": [{"name": "key", "target": "moon"}]},
        {"columns": "all"},
        {"statuses": {"Open": "nope"}},
        {"people": {"Zoe": "sam@example.org"}},
        {"time_zone": "Mars/Olympus"},
        {"source": ""},
        {"source": "a/b"},
        {"kinds": {"Story": "dream"}},
        {"points": {"M": "many"}},
        {"colour": "red"},
    ],
)
def test_a_bad_choice_is_refused_by_name(
    product: Product, olga: Actor, choices: dict[str, Any]
) -> None:
    imported = sent(product, plain_file(1), olga)
    refused("bad_mapping", lambda: map_import(
        imported, mapping_from(imported, choices), actor=olga
    ))  # fmt: skip


# Real backlogs ---------------------------------------------------------------------------------
@pytest.mark.skipif(not BACKLOGS.is_dir(), reason="the shared backlogs are not here")
@pytest.mark.parametrize(("name", "rows"), [("mesos", 1680), ("moodle", 1166), ("springxd", 3526)])
def test_real_backlogs_come_in_whole(
    product: Product, olga: Actor, settings: Any, name: str, rows: int
) -> None:
    settings.JOB_LEASE_S = 600  # the test's transaction would hold up the heartbeat
    done = brought(product, (BACKLOGS / f"{name}.csv").read_bytes(), olga)
    assert (done.state, outcomes(done)) == ("done", {"new": rows})
    assert codes(done) == {}


def test_the_number_of_queries_does_not_grow_with_the_rows(
    product: Product, olga: Actor, django_assert_max_num_queries: Any
) -> None:
    imported = request_import(sent(product, plain_file(400), olga), actor=olga)
    assert imported.job
    with django_assert_max_num_queries(90):
        jobs.run(imported.job.pk)
    again = request_import(sent(product, plain_file(400), olga), actor=olga)
    assert again.job
    with django_assert_max_num_queries(60) as asked:
        jobs.run(again.job.pk)
    # A file that names no links looks for none, and holds up nobody for them.
    assert not any('FROM "backlog_link"' in query["sql"] for query in asked.captured_queries)


def test_conflicts_are_conflicts(product: Product, olga: Actor) -> None:
    imported = sent(product, plain_file(1), olga)
    request_check(imported, actor=olga)
    with pytest.raises(Conflict):
        map_import(imported, mapping_from(imported, {}), actor=olga)
