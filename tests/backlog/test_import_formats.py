"""The formats of other tools: found by their content, imported, imported again, taken back."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from backlog.importers import csv_files, files, formats, json_files
from backlog.importers.csv_files import Table
from backlog.importers.mapping import Target
from backlog.importers.parsed import ImportedItem, Parsed
from backlog.models import Actor, Attachment, Comment, Import, Item, Link, Product
from backlog.queries.imports import said_of_file
from backlog.queries.items import values_of
from backlog.queries.resources import with_row
from backlog.serializers.items import shown_items
from backlog.services import imported_items
from backlog.services.attachments import opened
from backlog.services.imports import map_import, mapping_from, read_otherwise
from backlog.services.items import ItemDraft, create_item
from backlog.services.items import update_item as update
from backlog.services.links import add_link
from mlscrum.lib.errors import DomainError
from tests.backlog.imports import (
    brought,
    carried_out,
    csv_file,
    plain_file,
    sent,
    taken_back,
    tried,
)
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.e2e.conftest import work

DATA = Path(__file__).parent / "data"
JSON_FORMATS = {"github-json", "taiga-json"}


def file_of(name: str) -> bytes:
    return (DATA / name).read_bytes()


def zipped(**inside: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inside.items():
            # Of no time: tests are named by the bytes, and each runner must find the same names.
            entry = zipfile.ZipInfo(name.replace("__", "."))
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Table]:
    def table_of(content: bytes | str) -> Table:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return files.read_file(path)

    return table_of


def parsed(table: Table) -> Parsed:
    """What an import without a click makes of it."""
    found = formats.detect(table)
    return found.read(table, found.propose(table).mapping)


def by_id(result: Parsed) -> dict[str, ImportedItem]:
    return {item.external_id: item for item in result.items}


def outcomes(imported: Import) -> Counter[str]:
    return Counter(imported.lines.filter(row__gt=0).values_list("outcome", flat=True))


# Each format, there and back -------------------------------------------------------------------
@dataclass(frozen=True)
class Case:
    """A file, what it is found to be, and one of its items as it has to come in."""

    name: str
    found: str
    ids: tuple[str, ...]
    one: str
    kind: str = "story"
    points: Decimal | None = Decimal(5)
    status: str = "doing"
    parent: str = ""
    labels: frozenset[str] = frozenset({"vision", "v2 beta"})
    links: int = 0
    comments: int = 0
    fields: dict[str, Any] = field(default_factory=dict)


PLANE = ("VIS-1", "VIS-2", "VIS-3")
PLANE_FIELDS = {
    "priority": "high", "former_sprint": "Sprint 2", "reporter": "Olga Ortega",
    "start_date": "2026-05-04", "modules": "Models", "links": "https://example.org/paper",
}  # fmt: skip
GITHUB_FIELDS = {"former_sprint": "v2", "reporter": "zoe-else"}
CASES = [
    Case(
        "github-rest.json", "github-json",
        ("clinic/triage#12", "clinic/triage#9", "clinic/triage#7"), "clinic/triage#12",
        kind="bug", points=None, status="todo", labels=frozenset({"bug", "gpu shared"}),
        fields=GITHUB_FIELDS,
    ),
    Case(
        "github-gh.json", "github-json", ("clinic/triage#12", "clinic/triage#9"),
        "clinic/triage#12", kind="bug", points=None, status="todo",
        labels=frozenset({"bug", "gpu shared"}), comments=2, fields=GITHUB_FIELDS,
    ),
    Case(
        "linear.csv", "linear-csv", ("VIS-1", "VIS-2", "VIS-3", "VIS-4", "VIS-5"), "VIS-2",
        parent="VIS-1", labels=frozenset({"vision", "v2"}),
        fields={
            "priority": "High", "former_sprint": "Cycle 2", "team": "Vision", "project": "Triage",
            "reporter": "olga@example.org", "project_milestone": "Beta",
        },
    ),
    Case(
        "plane.csv", "plane", PLANE, "VIS-2", parent="VIS-1", links=1, comments=1,
        fields=PLANE_FIELDS,
    ),
    Case(
        "plane.json", "plane", PLANE, "VIS-2", parent="VIS-1", links=1, comments=1,
        fields=PLANE_FIELDS,
    ),
    Case(
        "plane-older.csv", "plane", PLANE, "VIS-2", parent="VIS-1", links=1, comments=1,
        labels=frozenset({"vision"}), fields=PLANE_FIELDS | {"start_date": "Mon, 04 May 2026"},
    ),
    Case(
        "taiga.json", "taiga-json", tuple(f"olga-triage#{ref}" for ref in range(1, 6)),
        "olga-triage#2", points=Decimal("3.5"), parent="olga-triage#1", links=1, comments=1,
        fields={"former_sprint": "Sprint 2", "reporter": "olga@example.org", "clinic": "Hill"},
    ),
    Case(
        "taiga-epics.csv", "taiga-csv", ("1", "6"), "6", kind="epic", points=None,
        fields={"reporter": "Olga Ortega", "clinic": "Hill"},
    ),
    Case(
        "taiga-stories.csv", "taiga-csv", ("2", "3", "7"), "2",
        fields={
            "former_sprint": "Sprint 2", "reporter": "Olga Ortega", "clinic": "Hill",
            "swimlane": "Vision", "due_date_reason": "Congress", "status": "Signed",
        },
    ),
    Case(
        "taiga-tasks.csv", "taiga-csv", ("4", "8"), "4", kind="task", points=None,
        fields={"former_sprint": "Sprint 2", "reporter": "Max Berger"},
    ),
    Case(
        "taiga-issues.csv", "taiga-csv", ("5", "9"), "5", kind="bug", points=None, status="done",
        fields={"priority": "High", "severity": "Critical", "reporter": "Olga Ortega"},
    ),
    Case(
        "mlscrum.json", "mlscrum", PLANE, "VIS-2", parent="VIS-1", links=1,
        labels=frozenset({"vision", "v2"}), fields={"clinic": "Hill"},
    ),
    Case(
        "mlscrum-cells.csv", "mlscrum", PLANE, "VIS-2", parent="VIS-1", links=1,
        labels=frozenset({"vision", "v2"}), fields={"clinic": "Hill"},
    ),
    Case(
        "mlscrum.csv", "mlscrum", PLANE, "VIS-2", parent="VIS-1", links=1,
        labels=frozenset({"vision", "v2"}), fields={"clinic": "Hill"},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_format_comes_in_stays_as_it_is_and_goes(
    product: Product, olga: Actor, cast: Cast, case: Case
) -> None:
    imported = sent(product, file_of(case.name), olga, case.name)
    assert imported.mapping["format"] == case.found
    map_import(imported, mapping_from(imported, {"people": max_and_zoe(imported)}), actor=olga)
    assert outcomes(tried(imported, olga)) == {"new": len(case.ids)}
    first = carried_out(imported, olga)
    assert first.state == Import.State.DONE, first.job
    assert outcomes(first) == {"new": len(case.ids)}
    assert set(product.items.values_list("external_id", flat=True)) == set(case.ids)
    item = product.items.get(external_id=case.one)
    assert item.title in {"Detect nuclei", "Loss is NaN after epoch 3", "Slides"}
    assert (item.kind, item.points, item.status.category) == (case.kind, case.points, case.status)
    assert (item.parent.external_id if item.parent else "") == case.parent
    assert {label.name for label in item.labels.all()} == case.labels
    assert "long_label" not in {p["code"] for line in first.lines.all() for p in line.problems}
    assert list(item.assignees.all()) == [cast.max]
    assert item.extra == case.fields
    assert Link.objects.count() == case.links
    assert Comment.objects.count() == case.comments
    again = brought(product, file_of(case.name), olga)
    assert outcomes(again) == {"unchanged": len(case.ids)}
    done = taken_back(first, olga)
    assert done.reverted["deleted"] == len(case.ids)
    assert not Item.objects.alive().filter(product=product).exists()


def max_and_zoe(imported: Import) -> dict[str, str]:
    """Whoever the file calls Max is ours."""
    words = [each["word"] for each in imported.found["words"]["people"]]
    return {word: "max@example.org" for word in words if "max" in word.casefold()}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bom_and_other_encodings_are_read_through(case: Case, read: Callable[..., Table]) -> None:
    text = file_of(case.name).decode().replace("Nuclei", "Größe")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        table = read(text.encode(encoding))
        assert formats.detect(table).slug == case.found
        assert not [each for each in table.problems if each.code == "not_utf8"]
        assert set(by_id(parsed(table))) == set(case.ids)
    latin = read(text.encode("cp1252"))
    assert set(by_id(parsed(latin))) == set(case.ids)
    assert ("not_utf8" in {each.code for each in latin.problems}) == ("Größe" in text)


# What each format tells ------------------------------------------------------------------------
def test_githubs_two_spellings_are_one_issue(product: Product, olga: Actor) -> None:
    brought(product, file_of("github-rest.json"), olga)
    again = brought(product, file_of("github-gh.json"), olga)
    assert outcomes(again) == {"unchanged": 1, "updated": 1}  # its comments are new
    item = product.items.get(external_id="clinic/triage#7")
    assert (item.status.category, item.kind) == ("done", "story")
    assert item.external_url == "https://github.com/clinic/triage/issues/7"


def test_pull_requests_and_comments_that_are_left_out_are_said(
    product: Product, olga: Actor
) -> None:
    done = brought(product, file_of("github-rest.json"), olga)
    pulls, comments, _ = [each["message"] for each in said_of_file(done)]
    assert pulls.startswith("1 pull request is left out")
    assert comments.startswith("The 2 comments stay in GitHub")


def test_issues_without_an_address_say_that_their_repository_is_unknown(
    read: Callable[..., Table],
) -> None:
    table = read('[{"number": 1, "title": "One", "state": "OPEN"}]')
    assert [each.code for each in table.problems] == ["no_repository"]
    assert list(by_id(parsed(table))) == ["1"]


def test_pages_that_gh_put_side_by_side_are_one_list(read: Callable[..., Table]) -> None:
    page = json.loads(file_of("github-gh.json"))
    assert len(parsed(read(json.dumps([page[:1], page[1:]]))).items) == 2


def test_linears_levels_become_kinds_that_keep_their_points(read: Callable[..., Table]) -> None:
    items = by_id(parsed(read(file_of("linear.csv"))))
    assert [items[f"VIS-{n}"].kind for n in range(1, 6)] == [
        "epic", "story", "task", "story", "story",
    ]  # fmt: skip
    assert items["VIS-3"].assignees == ("Berger, Max",)
    assert items["VIS-1"].priority == ""
    assert str(items["VIS-5"].done_at) == "2026-04-22 08:00:00+00:00"


def test_dates_as_a_browser_writes_them_are_read(read: Callable[..., Table]) -> None:
    text = file_of("linear.csv").decode()
    long = "Sat May 02 2026 08:00:00 GMT+0000 (Coordinated Universal Time)"
    items = by_id(parsed(read(text.replace("2026-05-02T08:00:00.000Z", long))))
    assert str(items["VIS-2"].created_at) == "2026-05-02 08:00:00+00:00"


@pytest.mark.parametrize("name", ["plane.csv", "plane.json", "plane-older.csv"])
def test_planes_lists_relations_and_comments_are_taken_apart(
    name: str, read: Callable[..., Table]
) -> None:
    items = by_id(parsed(read(file_of(name))))
    two, three = items["VIS-2"], items["VIS-3"]
    assert [(link.type, link.external_id) for link in two.links] == [("blocked_by", "VIS-3")]
    assert [(link.type, link.external_id) for link in three.links] == [("blocks", "VIS-2")]
    [comment] = two.comments
    assert (comment.author, comment.text) == ("Max Berger", "Looks good; go on")
    assert comment.at is not None
    assert three.title.lstrip("=") == "Label the slides"
    assert items["VIS-1"].priority == ""


@pytest.mark.parametrize("name", ["plane.csv", "plane.json"])
def test_planes_archive_is_opened(name: str, read: Callable[..., Table]) -> None:
    suffix = name.partition(".")[2]
    table = read(zipped(**{f"triage-export__{suffix}": file_of(name)}))
    assert formats.detect(table).slug == "plane"
    assert len(parsed(table).items) == 3


def test_taigas_points_are_the_sum_of_its_roles(product: Product, olga: Actor) -> None:
    dump = json.loads(file_of("taiga.json"))
    dump["user_stories"][0]["role_points"][0]["points"] = "L"
    imported = sent(product, json.dumps(dump).encode(), olga)
    assert [each["word"] for each in imported.found["words"]["points"]] == ["L"]
    columns = {each["name"]: each["target"] for each in imported.mapping["columns"]}
    assert columns["Points: UX"] == columns["Points: Back"] == Target.ROLE_POINTS
    choices = {"points": {"L": "8"}, "columns": [{"name": "Points: Back", "target": "extra"}]}
    map_import(imported, mapping_from(imported, choices), actor=olga)
    carried_out(imported, olga)
    stories = {item.external_id: item for item in product.items.all()}
    assert stories["olga-triage#3"].points == Decimal(8)
    assert stories["olga-triage#2"].points == Decimal("0.5")
    assert stories["olga-triage#2"].extra["points_back"] == "3"


def test_taigas_tree_statuses_and_comments_come_along(product: Product, olga: Actor) -> None:
    done = brought(product, file_of("taiga.json"), olga)
    items = {item.number: item for item in product.items.order_by("backlog", "rank")}
    ordered = [item.external_id.partition("#")[2] for item in items.values()]
    assert ordered == ["1", "2", "4", "5", "3"]  # what was done in Sprint 1 lies there
    by_ref = {item.external_id.partition("#")[2]: item for item in items.values()}
    assert by_ref["4"].parent == by_ref["2"]
    assert by_ref["3"].status.category == by_ref["5"].status.category == "done"
    assert (by_ref["5"].kind, by_ref["5"].extra["severity"]) == ("bug", "Critical")
    assert by_ref["2"].blocked_reason == "No slides yet"
    assert [said.text for said in Comment.objects.all()] == ["Looks good; go on"]
    assert [each["code"] for each in said_of_file(done)] == ["stays_in_taiga", "sprints_open"]
    [slide] = Attachment.objects.all()
    assert (slide.item, slide.name, slide.content_type) == (by_ref["2"], "slide.png", "image/png")


def test_taigas_four_reports_come_together_by_their_refs(
    product: Product, olga: Actor, cast: Cast
) -> None:
    reports = ("epics", "issues", "stories", "tasks")
    done = [brought(product, file_of(f"taiga-{report}.csv"), olga) for report in reports]
    assert {imported.mapping["source"] for imported in done} == {"taiga"}
    items = {item.external_id: item for item in product.items.all()}
    assert len(items) == 9
    detect, label, choose = items["2"], items["3"], items["7"]
    assert (detect.parent, label.parent, items["4"].parent) == (items["1"], items["6"], detect)
    links = {(link.kind, frozenset({link.source, link.target})) for link in Link.objects.all()}
    assert links == {("relates", frozenset({detect, items[other]})) for other in ("5", "6")}
    assert detect.external_url == "https://github.com/clinic/triage/issues/12"
    assert str(detect.created_at) == "2026-04-03 08:00:00.250000+00:00"
    assert str(detect.due_date) == "2026-05-30"
    assert detect.description == '**Bold** claims, of "unet"'
    assert label.title == "=Label the slides"
    assert (label.status.category, str(label.done_at)) == ("done", "2026-04-10 09:30:00+00:00")
    assert choose.status.category == "todo"  # its tasks are done, which says nothing of New
    assert items["8"].status.category == "done"
    assert (items["9"].kind, items["9"].extra["severity"]) == ("story", "Minor")
    assert [each["code"] for each in said_of_file(done[0])] == ["no_project"]


def test_a_column_that_was_empty_in_an_earlier_file_comes_in_once_it_is_filled(
    product: Product, olga: Actor
) -> None:
    header = file_of("linear.csv").splitlines()[0] + b"\n"
    empty = csv_file([["VIS-9", "Vision", "Stains", "", "Todo", *[""] * 25]])
    brought(product, header + empty, olga)
    brought(product, file_of("linear.csv"), olga)
    item = product.items.get(external_id="VIS-2")
    assert (item.points, str(item.due_date)) == (Decimal(5), "2026-05-30")
    assert item.extra["project"] == "Triage"


def test_what_taigas_report_drops_is_told_with_its_reason(read: Callable[..., Table]) -> None:
    table = read(file_of("taiga-stories.csv"))
    proposal = formats.detect(table).propose(table)
    reasons = {each.name: each.reason for each in proposal.dropped}
    assert reasons["back-points"] == "the total of the roles says it"
    assert reasons["tasks"] == "the tasks name their story"
    assert reasons["generated_from_task"] == "empty in every row"
    assert [found.word for found in proposal.words.people] == ["max", "zoe"]
    assert {found.word: found.hint for found in proposal.words.statuses} == {
        "In progress": "", "Shipped": "done", "New": "",
    }  # fmt: skip


@pytest.mark.parametrize("report", ["epics", "stories", "tasks", "issues"])
def test_taigas_report_without_its_own_columns_is_any_csv(
    report: str, read: Callable[..., Table]
) -> None:
    text = file_of(f"taiga-{report}.csv").decode()
    assert formats.detect(read(text)).slug == "taiga-csv"
    assert formats.detect(read(text.replace("voters", "votes"))).slug == "csv"
    own = {"epics": "epics_order", "stories": "total-points", "tasks": "user_story"}
    only = own.get(report, "severity")
    assert formats.detect(read(text.replace(only, "other"))).slug == "csv"


def test_files_come_once_and_go_with_their_import(
    product: Product, olga: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    dump = json.loads(file_of("taiga.json"))
    files = dump["user_stories"][1].pop("attachments")
    brought(product, json.dumps(dump).encode(), olga)
    assert not Attachment.objects.exists()
    dump["user_stories"][1]["attachments"] = files
    second = brought(product, json.dumps(dump).encode(), olga)
    assert outcomes(second) == {"updated": 1, "unchanged": 4}
    assert outcomes(brought(product, json.dumps(dump).encode(), olga)) == {"unchanged": 5}
    [slide] = Attachment.objects.all()
    with opened(slide) as content:
        assert content.read() == b"\x89PNG\r\n\x1a\n\0\0\0"
    with django_capture_on_commit_callbacks(execute=True):
        taken_back(second, olga)
    assert not Attachment.objects.exists()
    assert not default_storage.exists(slide.file)


@pytest.mark.parametrize(
    ("data", "said"),
    [("iVBORw0KGgo=%%%%", "it is damaged"), ("AAAA", "no PNG picture"), ("", "empty"),
     ("iVBORw0KGgoA" * 200_000, "larger than 1 MB")],
)  # fmt: skip
def test_a_file_that_can_not_be_kept_is_said_and_holds_up_nothing(
    product: Product, olga: Actor, settings: Any, data: str, said: str
) -> None:
    settings.ATTACHMENT_LIMIT_MB = 1
    dump = json.loads(file_of("taiga.json"))
    dump["user_stories"][1]["attachments"][0]["attached_file"]["data"] = data
    done = brought(product, json.dumps(dump).encode(), olga)
    assert outcomes(done) == {"new": 5}
    [problem] = [
        each
        for line in done.lines.all()
        for each in line.problems
        if each["code"] == "refused_file"
    ]
    assert said in problem["message"]
    assert not Attachment.objects.exists()


def test_files_of_a_piece_that_fails_do_not_stay_in_the_storage(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise DomainError("no", "The disk is full.")

    monkeypatch.setattr(imported_items, "write_lines", broken)
    failed = brought(product, file_of("taiga.json"), olga)
    assert failed.state == Import.State.FAILED
    stored = [path for path in Path(default_storage.location).rglob("*") if path.is_file()]
    assert [path.parent.parent.name for path in stored] == ["imports"]  # the file itself


def test_our_own_json_is_what_rest_gives(
    product: Product, other_product: Product, cast: Cast, olga: Actor
) -> None:
    epic = create_item(product, ItemDraft("Nuclei", kind="epic"), actor=olga)
    first = create_item(
        product,
        ItemDraft("One", parent=epic, points=Decimal("2.5"), criteria=[("finds all", True)],
                  assignees=[cast.max], gpu_hours=Decimal("1.5"), blocked_reason="Waits"),
        actor=olga,
    )  # fmt: skip
    second = create_item(product, ItemDraft("Two", kind="bug"), actor=olga)
    add_link(first, "blocks", second, actor=olga)
    content = json.dumps(shown_items(list(with_row(product.items.all())))).encode()
    again = brought(product, content, olga)
    assert outcomes(again) == {"unchanged": 3}
    assert product.items.count() == 3
    update(first, actor=olga, title="Uno")
    assert outcomes(brought(product, content, olga)) == {
        "unchanged": 3
    }  # the file says nothing new
    sam = Actor.person(cast.sam)
    other = brought(other_product, content, sam)
    assert outcomes(other) == {"new": 3}
    copy = other_product.items.get(external_id=first.ref)
    names = ["kind", "title", "points", "criteria", "gpu_hours", "blocked_reason"]
    assert values_of(copy, names) == values_of(first, names)
    assert copy.parent == other_product.items.get(external_id=epic.ref)
    assert Link.objects.filter(source=copy).count() == 1


def test_our_csv_says_links_and_criteria_in_words(read: Callable[..., Table]) -> None:
    two = by_id(parsed(read(file_of("mlscrum.csv"))))["VIS-2"]
    assert [(line.text, line.done) for line in two.criteria] == [
        ("finds all", True), ("in 1 s, or 2", False),
    ]  # fmt: skip
    assert [(link.type, link.external_id) for link in two.links] == [("blocked_by", "VIS-3")]
    assert two.sprint == ""
    cells = by_id(parsed(read(file_of("mlscrum-cells.csv"))))["VIS-2"]
    assert [line.done for line in cells.criteria] == [True, False]


def test_the_same_ref_of_another_installation_is_another_item(
    product: Product, olga: Actor
) -> None:
    create_item(product, ItemDraft("Ours"), actor=olga)
    text = file_of("mlscrum.json").decode().replace("VIS-", f"{product.key}-")
    assert outcomes(brought(product, text.encode(), olga)) == {"new": 3}
    assert product.items.filter(title="Ours").count() == 1


# What is none of them --------------------------------------------------------------------------
ISSUE = {"number": 1, "title": "One", "state": "open", "url": "https://github.com/a/b/issues/1"}


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ('[{"number": 1, "title": "One', "bad_json", "ends in the middle (line 1"),
        ('[{"number": 1, "title": "One"}', "bad_json", "ends in the middle (line 1"),
        ("{", "bad_json", "ends in the middle"),
        ('[{"number": 1 "title": 2}]', "bad_json", "This is no JSON: Expecting ',' delimiter"),
        ("[{}] [{}]", "bad_json", "--slurp"),
        ('[{"number": NaN}]', "bad_json", "NaN"),
        ('[{"number": -Infinity}]', "bad_json", "-Infinity"),
        (f'[{{"number": {"9" * 5000}}}]', "bad_json", "too many digits"),
        ("[" * 100_000, "bad_json", "nested too deeply"),
        ("[" * 90 + "]" * 90, "bad_json", "nested too deeply"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "bad_json", "nested too deeply"),
        ("[]", "no_rows", "The list is empty"),
        ("[[], []]", "no_rows", "The list is empty"),
        ('[1, "two"]', "bad_shape", "entry 1 should be an object, but is a number"),
        (json.dumps([ISSUE, None]), "bad_shape", "entry 2 should be an object, but is nothing"),
        (json.dumps(ISSUE), "bad_shape", "where a list of items is expected"),
        (json.dumps([ISSUE | {"labels": "bug"}]), "bad_shape", "labels should be a list"),
        (json.dumps([ISSUE | {"number": "1"}]), "bad_shape", "should be a number"),
        ('{"user_stories": {}, "slug": "a"}', "no_rows", ""),
        ('{"user_stories": "many", "slug": "a"}', "bad_shape", "user_stories should be a list"),
        ('{"user_stories": [3]}', "bad_shape", "entry 1 should be an object"),
        ('{"user_stories": [{"subject": "One"}]}', "bad_shape", "“One”: a ref should be a number"),
        ('[{"user_stories": [], "slug": "a"}]', "bad_shape", "one project as an object"),
        ('{"user_stories": [{"ref": 1, "subject": "x", "assigned_users": 5}], "slug": "a"}',
         "bad_shape", "assigned_users should be a list"),
        ('{"user_stories": [{"ref": 1, "subject": "x", "tags": 5}], "slug": "a"}',
         "bad_shape", "tags should be a list"),
        ('{"message": "Bad credentials", "documentation_url": "https://x"}', "github_error",
         "Bad credentials"),
        ('{"message": "hello"}', "unknown_json", "GitHub's issues, a project of Taiga"),
        ('[{"hello": 1}]', "unknown_json", "Export it as CSV"),
        ('{"version": 9, "items": [{"ref": "A-1", "title": "T", "kind": "story", "status": "s",'
         ' "version": 1}]}', "wrong_version", "has version 9 and version 1 is read"),
        (zipped(one__txt=b"hello"), "not_a_csv", "without a CSV or JSON file"),
        (zipped(one__csv=b"a,b", two__csv=b"a,b"), "many_files", "holds 2 files"),
        (b"PK\x03\x04" + b"\0" * 40, "bad_archive", "broken"),
        (zipped(one__json=b"[{}")[:-30], "bad_archive", "broken"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_in_words(
    product: Product, olga: Actor, content: str | bytes, code: str, said: str
) -> None:
    with pytest.raises(DomainError) as refused:
        sent(product, content.encode() if isinstance(content, str) else content, olga)
    assert (refused.value.code, said in refused.value.message) == (code, True)
    assert not Import.objects.exists()


def test_an_archive_that_unpacks_to_gigabytes_is_refused_early(
    read: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_INSIDE", 1000)
    with pytest.raises(DomainError) as refused:
        read(zipped(one__csv=b"x" * 100_000))
    assert (refused.value.code, refused.value.status) == ("too_large", 413)


@pytest.mark.parametrize("limit", ["ROWS", "CELLS"])
def test_more_rows_or_cells_than_are_read_at_once_are_refused(
    limit: str, read: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, f"MOST_{limit}", 2)
    with pytest.raises(DomainError) as refused:
        read(json.dumps([ISSUE | {"number": n} for n in range(5)]))
    assert refused.value.status == 413


def test_names_that_differ_in_every_row_take_no_room_for_empty_cells(
    read: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "MOST_CELLS", 1000)
    item = {"ref": "A-1", "title": "T", "kind": "story", "status": "s", "version": 1}
    for few, fits in ((10, True), (200, False)):
        items = [item | {"ref": f"A-{n}", "fields": {f"k{n}": 1}} for n in range(few)]
        if fits:
            assert len(read(json.dumps(items)).rows) == few
            continue
        with pytest.raises(DomainError) as refused:
            read(json.dumps(items))
        assert refused.value.code == "too_many_cells"


def test_more_values_than_are_read_at_once_are_refused_before_they_are(
    read: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "MOST_VALUES", 10)
    with pytest.raises(DomainError) as refused:
        read(f"[{'{},' * 20}{{}}]")
    assert (refused.value.code, refused.value.status) == ("too_large", 413)


def test_halves_of_characters_and_nul_do_not_reach_the_database(
    product: Product, olga: Actor
) -> None:
    text = json.dumps([ISSUE | {"title": "A\0B \ud83d half", "body": "\udc00", "labels": ["\0"]}])
    done = brought(product, text.encode(), olga)
    assert outcomes(done) == {"new": 1}
    assert product.items.get().title == "AB ? half"


def test_ten_megabytes_of_json_are_read_in_seconds(read: Callable[..., Table]) -> None:
    issues = [ISSUE | {"number": n, "body": "x" * 10_000} for n in range(1_000)]
    begun = time.monotonic()
    assert len(parsed(read(json.dumps(issues))).items) == 1_000
    assert time.monotonic() - begun < 60


def test_a_huge_attached_file_takes_no_row_with_it(product: Product, olga: Actor) -> None:
    dump = json.loads(file_of("taiga.json"))
    dump["user_stories"][1]["attachments"][0]["attached_file"]["data"] = "A" * 20_000_000
    done = brought(product, json.dumps(dump).encode(), olga)
    assert outcomes(done) == {"new": 5}


def test_values_of_other_types_are_texts_and_never_an_error(read: Callable[..., Table]) -> None:
    odd = ISSUE | {
        "title": 5, "body": {"a": [1]}, "labels": [None, 3, {"name": None}], "assignees": [{}],
        "milestone": [], "user": 7, "comments": True, "created_at": "soon", "closed_at": 12.5,
        "state": ["open"], "type": {},
    }  # fmt: skip
    result = parsed(read(json.dumps([odd])))
    assert [item.title for item in result.items] == ["5"]
    assert {each.code for each in result.problems} == {"bad_created_at", "bad_done_at"}


def test_rows_wider_than_the_header_are_told_in_every_csv(read: Callable[..., Table]) -> None:
    for name in ("linear.csv", "plane.csv", "mlscrum.csv"):
        text = file_of(name).decode().rstrip("\n")
        table = read(f"{text},one,more\n")
        assert [each.code for each in table.problems] == ["wide_row"]
        assert len(parsed(table).items) == len(by_id(parsed(read(text)))) - 1


def test_an_unknown_form_of_dates_is_said_and_the_row_comes_in(read: Callable[..., Table]) -> None:
    text = file_of("linear.csv").decode().replace("2026-05-30", "the day after tomorrow")
    result = parsed(read(text))
    assert [each.code for each in result.problems] == ["bad_due_date"]
    assert len(result.items) == 5


def test_a_header_that_begins_with_a_bracket_is_csv(read: Callable[..., Table]) -> None:
    assert read("[CHART] Date,Title\n1,One\n").shape == ""
    assert not json_files.is_json(b"")


# Another choice --------------------------------------------------------------------------------
def test_a_file_can_be_read_only_as_what_it_is(product: Product, olga: Actor) -> None:
    imported = sent(product, file_of("taiga.json"), olga)
    with pytest.raises(DomainError) as refused:
        read_otherwise(imported, actor=olga, file_format="github-json", delimiter="")
    assert refused.value.code == "other_format"
    assert "Taiga project (JSON)" in refused.value.message
    table = sent(product, plain_file(1), olga)
    with pytest.raises(DomainError) as refused:
        read_otherwise(table, actor=olga, file_format="taiga-json", delimiter="")
    assert refused.value.code == "other_format"
    plain = read_otherwise(imported, actor=olga, file_format="csv", delimiter="")
    assert plain.mapping["format"] == "csv"


def test_a_plane_header_that_nobody_knows_is_plain_csv(read: Callable[..., Table]) -> None:
    assert formats.detect(read(csv_file([["Identifier", "Name"], ["A", "B"]]))).slug == "csv"


# Doors -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_page_of_each_format_can_be_sent_as_it_is_shown(
    product: Product, cast: Cast, as_person: Any, case: Case
) -> None:
    from tests.backlog.test_imports_pages import proposed

    client = as_person(cast.olga)
    upload = SimpleUploadedFile(case.name, file_of(case.name))
    here = client.post("/p/MED/imports/", {"file": upload, "file_format": ""}).headers["Location"]
    html = client.get(here).content.decode()
    assert formats.FORMATS[case.found].name in html
    assert client.post(here, proposed(html)).headers["Location"] == here
    work()
    assert f"Import {len(case.ids)} items" in " ".join(client.get(here).content.decode().split())


def test_bad_json_is_said_at_the_field(product: Product, cast: Cast, as_person: Any) -> None:
    answer = as_person(cast.olga).post(
        "/p/MED/imports/", {"file": SimpleUploadedFile("a.json", b'[{"a": 1'), "file_format": ""}
    )
    assert answer.status_code == 422
    assert "The JSON ends in the middle" in answer.content.decode()
