"""Importers: every oddity of the files that people have, read or said, never guessed in silence."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlog.importers import csv_files, formats, jira, mapping, ordering, parsed, plain, values
from backlog.importers.csv_files import Table, parse_table, read_table
from backlog.importers.dates import DateOrder, parse_day, parse_moment, sniff_dates
from backlog.importers.jira_markup import to_markdown
from backlog.importers.mapping import Column, Found, Mapping, Markup, StatusChoice, Target
from backlog.importers.parsed import Criterion, ImportedItem, Level, Link, Parsed
from backlog.models import Comment, Item, Kind
from mlscrum.lib.errors import DomainError
from mlscrum.lib.markdown import render_markdown

BACKLOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "backlogs"
REAL_FILES = ("mesos.csv", "moodle.csv", "springxd.csv")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter).writerows(rows)
    return target.getvalue()


def table_of(*rows: list[str]) -> Table:
    return parse_table(written(list(rows)))


def imported(*rows: list[str]) -> Parsed:
    """What an import without a click makes of these rows."""
    table = table_of(*rows)
    file_format = formats.detect(table)
    return file_format.read(table, file_format.propose(table).mapping)


def only(result: Parsed) -> ImportedItem:
    assert len(result.items) == 1, result.problems
    return result.items[0]


def codes(result: Parsed) -> list[tuple[int, str, str]]:
    return [(each.row, each.level.value, each.code) for each in result.problems]


# The limits of the models ----------------------------------------------------------------------
def test_texts_and_kinds_are_those_that_the_models_take() -> None:
    assert Item._meta.get_field("title").max_length == parsed.LONGEST_TITLE
    assert Item._meta.get_field("description").max_length == parsed.LONGEST_DESCRIPTION
    assert Comment._meta.get_field("text").max_length == parsed.LONGEST_COMMENT
    assert set(mapping.KINDS) == set(Kind.values)
    for habits in (jira.HABITS, plain.HABITS):
        assert set(habits.kinds.values()) <= set(Kind.values)
        assert all(word == mapping.compact(word) for word in habits.kinds)


# CSV -------------------------------------------------------------------------------------------
@given(
    header=st.lists(TEXTS.filter(str.strip), min_size=1, max_size=6),
    rows=st.lists(st.lists(TEXTS, min_size=6, max_size=6), max_size=4),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_any_table_of_texts_is_read_back_equal(
    header: list[str], rows: list[list[str]], delimiter: str
) -> None:
    rows = [row[: len(header)] for row in rows]
    table = parse_table(written([header, *rows], delimiter), delimiter=delimiter)
    assert [name.strip() for name in header] == list(table.header) or "\ufeff" in header[0]
    assert [(row.number, list(row.cells)) for row in table.rows] == [
        (number, row) for number, row in enumerate(rows, start=2) if any(row)
    ]
    assert table.problems == []


@given(
    rows=st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_the_delimiter_is_found_whatever_the_cells_hold(
    rows: list[list[str]], delimiter: str
) -> None:
    table = parse_table(written([["Key", "Title", "Story points"], *rows], delimiter))
    assert table.delimiter == delimiter
    assert [list(row.cells) for row in table.rows] == [row for row in rows if any(row)]


@given(TEXTS)
def test_any_text_is_a_table_or_refused_in_words(text: str) -> None:
    try:
        table = parse_table(text)
    except DomainError as refused:
        assert refused.code in {"empty_file", "unclosed_quote"}
    else:
        formats.detect(table).propose(table)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Titel;Größe\nÄpfel;1\n".encode(), "utf-8"),
        ("Titel;Größe\nÄpfel;1\n".encode("utf-8-sig"), "utf-8"),
        ("Titel;Größe\nÄpfel;1\n".encode("utf-16"), "utf-16"),
        ("Titel;Größe\nÄpfel;1\n".encode("cp1252"), "cp1252"),
        (b"sep=;\r\n" + "Titel;Größe\r\nÄpfel;1\r\n".encode(), "utf-8"),
        ("\n\nTitel;Größe\n\n;\nÄpfel;1\n;\n\n".encode(), "utf-8"),
    ],
)
def test_encodings_marks_and_blank_rows_are_read_through(
    tmp_path: Path, content: bytes, encoding: str
) -> None:
    path = tmp_path / "backlog.csv"
    path.write_bytes(content)
    table = read_table(path)
    assert (table.header, table.encoding) == (("Titel", "Größe"), encoding)
    assert [row.cells for row in table.rows] == [("Äpfel", "1")]
    assert [each.code for each in table.problems] == ["not_utf8"] * (encoding == "cp1252")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n,,\n", "empty_file"),
        (b"PK\x03\x04rest of a workbook", "not_a_csv"),
        (b"\x89PNG\x00\x00", "not_a_csv"),
        (b'a,"b\n1,2\n', "unclosed_quote"),
        (b"," * 5001 + b"a\n", "too_many_columns"),
    ],
)
def test_what_is_no_csv_file_is_refused_with_a_code(
    tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "backlog.csv"
    path.write_bytes(content)
    with pytest.raises(DomainError) as refused:
        read_table(path)
    assert refused.value.code == code


def test_rows_that_are_too_wide_or_too_narrow_are_told_and_never_shifted() -> None:
    table = parse_table('Key,Labels,Points\nA-1,"two\nlines",3\nA-2,ui,api,5\nA-3,ui\n')
    assert [(row.number, row.cells, row.narrow) for row in table.rows] == [
        (2, ("A-1", "two\nlines", "3"), False),
        (4, ("A-3", "ui"), True),
    ]
    assert [row.text(2) for row in table.rows] == ["3", ""]
    wide, narrow = table.problems
    assert (wide.row, wide.level, wide.code) == (3, Level.ERROR, "wide_row")
    assert "line 4 of the file" in wide.message
    assert (narrow.row, narrow.level, narrow.code) == (4, Level.WARNING, "narrow_row")


def test_short_rows_under_a_wide_header_take_no_more_memory_than_the_file_has_cells() -> None:
    """A file of 50 MB would be gigabytes if each row were filled up to the width of the header."""
    table = parse_table(",".join(f"c{place}" for place in range(5000)) + "\n" + "a\n" * 2000)
    assert len(table.rows) == 2000
    assert sum(len(row.cells) for row in table.rows) == 2000


@pytest.mark.parametrize(
    ("limit", "code"), [("ROWS", "too_many_rows"), ("CELLS", "too_many_cells")]
)
def test_more_rows_or_cells_than_are_read_at_once_are_refused(
    limit: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, f"MOST_{limit}", 3)
    with pytest.raises(DomainError) as refused:
        parse_table("Key,Title\nA,1\nB,2\nC,3\nD,4\n")
    assert (refused.value.code, refused.value.status) == (code, 413)


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_in_silence() -> None:
    table = parse_table('Key,Title\nA-1,one\nA-2,"two\nA-3,three\n')
    assert [row.cells for row in table.rows] == [("A-1", "one")]
    assert [(each.row, each.code) for each in table.problems] == [(3, "unclosed_quote")]


def test_a_cell_may_be_larger_than_the_limit_of_pythons_reader() -> None:
    table = table_of(["Title", "Description"], ["Logs", "x" * 1_000_000])
    assert len(table.rows[0].cells[1]) == 1_000_000


# Dates -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("11/May/24 03:26 PM", DateOrder.DAY_FIRST, "2024-05-11T15:26:00"),
        ("11/May/24 03:26 PM", DateOrder.YEAR_FIRST, "2011-05-24T15:26:00"),
        ("27/Sep/26 9:00 AM", DateOrder.DAY_FIRST, "2026-09-27T09:00:00"),
        ("6/21/2025 16:14", DateOrder.MONTH_FIRST, "2025-06-21T16:14:00"),
        ("21.06.2025 16:14", DateOrder.DAY_FIRST, "2025-06-21T16:14:00"),
        ("2025/06/21", DateOrder.MONTH_FIRST, "2025-06-21T00:00:00"),
        ("1/Dez/24 12:05 AM", DateOrder.DAY_FIRST, "2024-12-01T00:05:00"),
        ("03. März 2024 um 14:00", DateOrder.DAY_FIRST, "2024-03-03T14:00:00"),
        ("5 août 2024", DateOrder.DAY_FIRST, "2024-08-05T00:00:00"),
        ("May 11, 2024, 3:26 PM", DateOrder.DAY_FIRST, "2024-05-11T15:26:00"),
        ("2024-05-11 15:26:01.5", DateOrder.DAY_FIRST, "2024-05-11T15:26:01.500000"),
        ("11/May/70 12:00 PM", DateOrder.DAY_FIRST, "1970-05-11T12:00:00"),
    ],
)
def test_dates_are_read_as_tools_of_many_countries_write_them(
    text: str, order: DateOrder, moment: str
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = parse_moment(text, order, berlin)
    assert (found.replace(tzinfo=None).isoformat(), found.tzinfo) == (moment, berlin)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-11T15:26:00Z",
        "2024-05-11T17:26:00.000+0200",
        "Sat May 11 2024 17:26:00 GMT+0200 (Central European Summer Time)",
    ],
)
def test_a_zone_in_the_text_counts_more_than_the_zone_of_the_file(text: str) -> None:
    moment = parse_moment(text, DateOrder.DAY_FIRST, timezone(timedelta(hours=9)))
    assert moment == datetime(2024, 5, 11, 15, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "31/Feb/2024", "13/13/2024", "1/2", "0001-01-01", "1/May/24 25:00", "45321"],
)
def test_what_is_no_date_is_said_to_be_none(text: str) -> None:
    for order in DateOrder:
        with pytest.raises(ValueError, match="."):
            parse_day(text, order)


@given(TEXTS)
def test_any_text_is_a_moment_or_a_value_error(text: str) -> None:
    for order in DateOrder:
        with contextlib.suppress(ValueError):
            assert parse_moment(text, order, UTC).tzinfo


@pytest.mark.parametrize(
    ("texts", "order", "others"),
    [
        (["6/21/2025 16:14", "1/2/2025 10:00"], DateOrder.MONTH_FIRST, []),
        (["21/6/2025", "1/2/2025"], DateOrder.DAY_FIRST, []),
        (["3/4/2025", "1/2/2025"], DateOrder.DAY_FIRST, [DateOrder.MONTH_FIRST]),
        (["3/4/2025 3:00 PM"], DateOrder.MONTH_FIRST, [DateOrder.DAY_FIRST]),
        (["4/4/2025"], DateOrder.DAY_FIRST, []),
        (["11/May/24 03:26 PM"], DateOrder.DAY_FIRST, [DateOrder.YEAR_FIRST]),
        (["11/May/24 03:26 PM", "31/May/24 03:26 PM", "12/May/1999"], DateOrder.DAY_FIRST, []),
        (["2025-06-21"], DateOrder.DAY_FIRST, []),
        ([], DateOrder.DAY_FIRST, []),
    ],
)
def test_the_order_of_a_files_dates_is_found_or_offered(
    texts: list[str], order: DateOrder, others: list[DateOrder]
) -> None:
    choice = sniff_dates(texts)
    assert choice.order == order
    assert [option.order for option in choice.options[1:]] == others
    assert choice.is_ambiguous == bool(others)
    if others:
        assert len({option.read_as for option in choice.options}) == 1 + len(others)


def test_dates_that_no_order_reads_are_counted() -> None:
    choice = sniff_dates(["21/6/2025", "soon", "soon"])
    assert (choice.order, choice.count, choice.unread) == (DateOrder.DAY_FIRST, 2, 1)


# Single values ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("5", "5"), ("5.0", "5"), ("0", "0"), ("½", "0.5"), ("2,5", "2.5"), ("100", "100"),
        ("?", None), ("", None), ("-", None), ("nan", None),
    ],
)  # fmt: skip
def test_points_are_read_with_point_or_comma(text: str, points: str | None) -> None:
    assert values.points(text) == (None if points is None else Decimal(points))
    assert "E" not in str(values.points(text))


@pytest.mark.parametrize(
    "text", ["-1", "10000", "many", "1,000", "inf", "1e999999", "1e999999999", "5 or 8"]
)
def test_points_out_of_their_range_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        values.points(text)


@pytest.mark.parametrize(
    ("text", "bare_s", "day_h", "expected"),
    [
        ("7200", 1, 8, "2"), ("38h", 1, 8, "38"), ("1d 4h", 1, 8, "12"), ("1w", 1, 8, "40"),
        ("1 week, 30 minutes", 1, 8, "40.5"), ("1d", 3600, 24, "24"), ("38", 3600, 24, "38"),
        ("1,5h", 1, 8, "1.5"), ("", 1, 8, None),
    ],
)  # fmt: skip
def test_times_are_seconds_hours_or_spelled_out(
    text: str, bare_s: int, day_h: int, expected: str | None
) -> None:
    found = values.hours(text, bare_s=bare_s, day_h=day_h)
    assert found == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("text", ["3 months", "soon", "4h or so", "-3600", "99999999999"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        values.hours(text, bare_s=1, day_h=8)


@given(TEXTS)
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    for read in (values.points, lambda text: values.hours(text, bare_s=1, day_h=8)):
        with contextlib.suppress(ValueError):
            read(text)
    values.words(text)
    values.criteria(text)


def test_a_criterion_of_a_megabyte_of_lines_is_read_at_once() -> None:
    begun = time.process_time()
    [criterion] = values.criteria("- a\n" + "b\n" * 400_000)
    assert len(criterion.text) == 800_001
    assert time.process_time() - begun < 5  # joined line by line it took the square of their number


def test_a_list_is_parted_by_commas_semicolons_bars_lines_or_written_as_json() -> None:
    assert values.words("ui, api;ui|db\nops ") == ("ui", "api", "db", "ops")
    assert values.words('["with, comma", "ui"]') == ("with, comma", "ui")
    assert values.words("[draft") == ("[draft",)


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("- [x] loads\n- [ ] saves", [("loads", True), ("saves", False)]),
        ("* one\nstill one\n* two", [("one\nstill one", False), ("two", False)]),
        ("1. one\n2) two", [("one", False), ("two", False)]),
        ("loads in 1 s\n\nsaves", [("loads in 1 s", False), ("saves", False)]),
        (
            "Given a case\nWhen it is read\nThen it is shown\nGiven none",
            [("Given a case\nWhen it is read\nThen it is shown", False), ("Given none", False)],
        ),
        ("(/) loads\n(x) saves", [("loads", True), ("saves", False)]),
        ("", []),
    ],
)
def test_criteria_are_the_bullets_or_lines_of_a_text(
    text: str, criteria: list[tuple[str, bool]]
) -> None:
    assert values.criteria(text) == tuple(Criterion(*each) for each in criteria)


# Jira ------------------------------------------------------------------------------------------
HEADER = [
    "Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project key", "Priority",
    "Resolution", "Assignee", "Assignee Id", "Created", "Resolved", "Fix versions", "Components",
    "Components", "Due date", "Labels", "Labels", "Labels", "Description", "Watchers", "Watchers",
    "Original Estimate", "Σ Original Estimate", "Attachment", "Outward issue link (Blocks)",
    "Inward issue link (Blocks)", "Outward issue link (Cloners)", "Custom field (Epic Link)",
    "Custom field (Rank)", "Sprint", "Sprint", "Custom field (Story Points)",
    "Custom field (Story point estimate)", "Custom field (Acceptance Criteria)",
    "Custom field (Team)", "Custom field (Flagged)", "Comment", "Comment", "Parent", "Parent key",
    "Status Category",
]  # fmt: skip
DEFAULTS = {"Issue Type": "Story", "Status": "To Do", "Created": "11/May/24 03:26 PM"}


def issue(key: str, **cells: str | list[str]) -> list[str]:
    """A row under HEADER; `Custom field (…)` may be left out of a name, and _ is a gap."""
    number = key.partition("-")[2] or "1"
    row: dict[str, str | list[str]] = {
        **DEFAULTS, "Summary": f"Title of {key}", "Issue key": key, "Issue id": f"100{number}",
    }  # fmt: skip
    for name, cell in cells.items():
        name = name.replace("_", " ")
        row[name if name in HEADER else f"Custom field ({name})"] = cell
    unknown = set(row) - set(HEADER)
    assert not unknown
    given_cells = {name: iter([c] if isinstance(c, str) else c) for name, c in row.items()}
    return [next(given_cells.get(name, iter(())), "") for name in HEADER]


def test_a_jira_issue_is_read_whole() -> None:
    result = imported(
        HEADER,
        issue(
            "MED-7",
            Priority="High",
            Assignee="Berger, Max",
            Assignee_Id="557058:f58131cb",
            Resolved="12/May/24 09:00 AM",
            Fix_versions="2.0",
            Components=["Worklist", "API"],
            Due_date="27/Sep/26 12:00 AM",
            Labels=["ui", "", "api"],
            Description="h2. Why\nDoctors *trust* it, says [~accountid:557058:f58131cb].",
            Watchers=["Olga", "Sina"],
            Original_Estimate="7200",
            Attachment="11/May/24;Max;a.png;https://med.atlassian.net/rest/api/3/attachment/1",
            Rank="0|i0007z:",
            Sprint=["MED 1", "MED 2"],
            Story_point_estimate="5.0",
            Acceptance_Criteria="* shown\n* printed",
            Team="Alpha",
            Flagged="Impediment",
            Comment=[
                "11/May/24 04:00 PM;557058:f58131cb;Look; {{here}}",
                "a comment without date",
            ],
        ),
    )
    assert result.problems == []
    item = only(result)
    assert item == ImportedItem(
        row=2,
        source="jira",
        external_id="MED-7",
        external_url="https://med.atlassian.net/browse/MED-7",
        title="Title of MED-7",
        kind="story",
        description="## Why\n\nDoctors **trust** it, says @Berger, Max.",
        status="To Do",
        points=Decimal(5),
        assignees=("Berger, Max",),
        labels=("ui", "api", "Worklist", "API"),
        criteria=(Criterion("shown"), Criterion("printed")),
        comments=(
            parsed.ImportedComment(
                datetime(2024, 5, 11, 16, 0, tzinfo=UTC), "Berger, Max", "Look; `here`"
            ),
            parsed.ImportedComment(None, "", "a comment without date"),
        ),
        due_date=date(2026, 9, 27),
        blocked_reason="Impediment",
        priority="High",
        sprint="MED 2",
        rank_key="0|i0007z:",
        created_at=datetime(2024, 5, 11, 15, 26, tzinfo=UTC),
        done_at=datetime(2024, 5, 12, 9, 0, tzinfo=UTC),
        extra={"Fix versions": "2.0", "Team": "Alpha", "Original estimate (h)": "2"},
    )
    assert {"Watchers", "Project key", "Σ Original Estimate", "Attachment"} <= set(result.dropped)


@pytest.mark.parametrize(
    "cells",
    [
        {"Parent": "1001"},
        {"Parent": "MED-1"},
        {"Parent_key": "MED-1"},
        {"Epic_Link": "MED-1"},
        {"Parent": "", "Epic_Link": "MED-1"},
        {"Parent": "99999", "Parent_key": "MED-1"},
        {"Parent": " ", "Parent_key": "", "Epic_Link": " MED-1 "},
    ],
)
def test_a_parent_is_found_in_each_of_its_spellings(cells: dict[str, str]) -> None:
    result = imported(HEADER, issue("MED-2", **cells), issue("MED-1", Issue_Type="Epic"))
    assert (result.items[0].parent, result.items[0].parent_row) == ("MED-1", 3)
    assert result.problems == []


@pytest.mark.parametrize(
    ("cells", "parent", "code"),
    [
        ({"Parent": "99999"}, "", "unknown_parent"),
        ({"Parent": "99999", "Epic_Link": "OLD-1"}, "OLD-1", "parent_elsewhere"),
    ],
)
def test_a_parent_outside_the_file_keeps_its_key_or_is_told(
    cells: dict[str, str], parent: str, code: str
) -> None:
    result = imported(HEADER, issue("MED-2", **cells))
    assert (only(result).parent, only(result).parent_row) == (parent, None)
    assert codes(result) == [(2, "warning", code)]


def test_server_and_new_cloud_write_other_headers() -> None:
    server = [
        "SUMMARY", "Issue Key", "issue id", "Issue Type", "Parent id", "Component/s",
        "Fix Version/s", "Due Date", "Custom field (Epic Colour)",
        "Inward issue link (Blocks)", "Custom field (Story Points)",
    ]  # fmt: skip
    result = imported(
        server,
        ["Epic", "MED-1", "501", "Epic", "", "", "", "", "green", "", ""],
        ["Read", "MED-2", "502", "Story", "501", "API", "2.0", "21.06.2025", "", "MED-9", "3"],
        ["Part", "MED-3", "503", "Sub-task", "502", "", "", "", "", "", ""],
    )
    _, story, part = result.items
    assert result.problems == []
    assert (story.parent, part.parent, part.kind) == ("MED-1", "MED-2", "task")
    assert (story.labels, story.extra) == (("API",), {"Fix versions": "2.0"})
    assert (story.due_date, story.points) == (date(2025, 6, 21), Decimal(3))
    assert story.links == (Link("blocked_by", "MED-9"),)
    result = imported(["Work item key", "Work type", "Summary"], ["MED-4", "Bug", "Crash"])
    assert (only(result).external_id, only(result).kind) == ("MED-4", "bug")


def test_links_say_which_end_they_are() -> None:
    item = only(
        imported(
            HEADER,
            issue(
                "MED-1",
                **{
                    "Outward issue link (Blocks)": "MED-2, MED-3",
                    "Inward issue link (Blocks)": "MED-4",
                    "Outward issue link (Cloners)": "MED-5",
                },
            ),
        )
    )
    assert item.links == (
        Link("blocks", "MED-2"),
        Link("blocks", "MED-3"),
        Link("blocked_by", "MED-4"),
        Link("relates", "MED-5"),
    )


def test_points_come_from_the_first_of_the_two_fields_that_has_any() -> None:
    result = imported(
        HEADER,
        issue("MED-1", Story_Points="8", Story_point_estimate="5"),
        issue("MED-2", Story_point_estimate="5"),
        issue("MED-3", Story_Points="many"),
    )
    assert [item.points for item in result.items] == [8, 5, None]
    assert codes(result) == [(4, "warning", "bad_points")]


def test_broken_rows_of_jira_are_errors_because_jira_writes_whole_rows() -> None:
    text = written([HEADER, issue("MED-1"), issue("MED-2")])
    broken = text + "of a broken description\n" + written([issue("MED-1"), issue("", Summary="X")])
    table = parse_table(broken)
    result = jira.read(table, jira.propose(table).mapping)
    assert [item.external_id for item in result.items] == ["MED-1", "MED-2", "1001"]
    assert codes(result) == [(4, "error", "narrow_row"), (5, "error", "same_id")]
    assert "Row 2 has the id MED-1" in next(p.message for p in result.problems if p.row == 5)


def test_points_and_parents_that_a_kind_cant_have_stay_as_extra_fields() -> None:
    result = imported(
        HEADER,
        issue("MED-1", Issue_Type="Initiative"),
        issue("MED-2", Issue_Type="Epic", Story_Points="13", Parent_key="MED-1"),
    )
    epic = result.items[1]
    assert (epic.points, epic.parent, epic.parent_row) == (None, "", None)
    assert epic.extra == {"Former points": "13", "Former parent": "MED-1"}
    assert [code for _, _, code in codes(result)] == ["no_points_here", "parent_not_allowed"]


def test_a_proposal_shows_what_a_person_has_to_decide() -> None:
    table = table_of(
        HEADER,
        issue("MED-1", Status="In Review", Status_Category="In Progress", Assignee="Max Berger"),
        issue("MED-2", Status="Won't Do", Status_Category="Done", Issue_Type="Wartung"),
        issue("MED-3", Created="13/May/24 01:00 AM"),
        issue("MED-4", Status="In Review", Status_Category="In Progress", Assignee="Max Berger"),
    )
    proposal = jira.propose(table)
    assert proposal.words.statuses == [
        Found("In Review", 2, "In Progress"),
        Found("Won't Do", 1, "Done"),
        Found("To Do", 1),
    ]
    assert proposal.words.people == [Found("Max Berger", 2)]
    assert proposal.words.kinds == [Found("Story", 3), Found("Wartung", 1, "unknown")]
    assert proposal.mapping.kinds == {"Story": "story", "Wartung": "story"}
    assert [option.order for option in proposal.dates.options] == ["day_first", "year_first"]
    reasons = {dropped.name: dropped.reason for dropped in proposal.dropped}
    assert reasons["Watchers"] == "empty in every row"
    assert (proposal.rows, proposal.mapping.markup) == (4, Markup.JIRA)


def test_statuses_and_people_are_matched_by_name_else_by_what_is_nearest() -> None:
    board = [
        StatusChoice("to-do", "To do", "todo"),
        StatusChoice("in-progress", "In progress", "doing"),
        StatusChoice("in-review", "In review", "doing"),
        StatusChoice("done", "Done", "done"),
    ]
    found = [
        Found("TO DO", 1), Found("Code Review", 1), Found("Zu erledigen", 1, "To Do"),
        Found("Fertig", 1, "Done"), Found("Closed", 1), Found("Developing", 1, "In Progress"),
    ]  # fmt: skip
    assert mapping.match_statuses(found, board) == {
        "TO DO": "to-do",
        "Code Review": "in-review",
        "Zu erledigen": "to-do",
        "Fertig": "done",
        "Closed": "done",
        "Developing": "in-progress",
    }
    people = [
        ("max@demo.example", "Max Berger"),
        ("olga@demo.example", "Olga Kuznetsova"),
        ("olga@else.example", "Olga Else"),
    ]
    words = ["MAX@demo.example", "max berger", "Berger, Max", "max", "olga", "Sam", "?"]
    assert mapping.match_people([Found(word, 1) for word in words], people) == dict.fromkeys(
        words[:4], "max@demo.example"
    )


def test_the_rank_of_jira_is_compared_as_text_and_priorities_can_rank_once() -> None:
    items = imported(
        HEADER,
        issue("MED-1", Rank="0|i0007z:", Priority="Low"),
        issue("MED-2", Priority="Highest"),
        issue("MED-3", Rank="0|hzzzzz:", Priority="Low"),
        issue("MED-4", Priority="Odd"),
        issue("MED-5", Priority="Medium"),
    ).items

    def keys(ordered: list[ImportedItem]) -> str:
        return "".join(item.external_id[-1] for item in ordered)

    assert keys(ordering.in_rank_order(items)) == "31245"
    words = ordering.priorities_in_order(items)
    assert words == ["Highest", "Medium", "Low", "Odd"]
    assert keys(ordering.in_priority_order(items, words)) == "25314"
    assert keys(ordering.in_priority_order(items, ["Odd"])) == "43125"


# Plain CSV -------------------------------------------------------------------------------------
def test_a_plain_file_needs_a_title_only() -> None:
    result = imported(["Was zu tun ist", "n"], ["Read cases", "1"], ["", "2"], ["Print cases", "3"])
    assert [item.title for item in result.items] == ["Read cases", "Print cases"]
    assert codes(result) == [(0, "warning", "no_external_id"), (3, "error", "no_title")]
    assert result.items[0].extra == {"n": "1"}


def test_every_field_can_come_from_a_plain_file() -> None:
    result = imported(
        [
            "ID", "Title", "Description", "Type", "State", "Story points", "Assigned to", "Tags",
            "Due", "Epic", "URL", "Priority", "Blocked", "GPU hours", "Acceptance criteria",
            "Blocked by", "Closed", "Budget", "Empty",
        ],
        ["1", "Vision", "", "Epic", "", "", "", "", "", "", "", "", "", "", "", "", "", "", ""],
        [
            "2", "Train\nit", "**bold** {{ name }}", "Data need", "Doing", "2,5", "max; olga",
            "ml, gpu", "2026-12-24", "Vision", "https://x.example/2", "P1", "yes", "38h",
            "[x] trained", "1 7", "2026-12-20", "100", "NULL",
        ],
    )  # fmt: skip
    assert result.problems == []
    item = result.items[1]
    assert item == ImportedItem(
        row=3,
        source="csv",
        external_id="2",
        external_url="https://x.example/2",
        title="Train it",
        kind="data_need",
        description="**bold** {{ name }}",
        status="Doing",
        points=Decimal("2.5"),
        assignees=("max", "olga"),
        labels=("ml", "gpu"),
        parent="1",
        parent_row=2,
        links=(Link("blocked_by", "1"), Link("blocked_by", "7")),
        criteria=(Criterion("trained", True),),
        due_date=date(2026, 12, 24),
        blocked_reason="Blocked; the file gives no reason.",
        gpu_hours=Decimal(38),
        priority="P1",
        done_at=datetime(2026, 12, 20, tzinfo=UTC),
        extra={"Budget": "100"},
    )
    assert result.dropped == ["Empty"]


def test_a_parent_of_a_plain_file_is_an_id_a_second_id_or_a_title_of_one_row() -> None:
    result = imported(
        ["Key", "Ref", "Title", "Kind", "Parent"],
        ["a", "12", "Vision", "epic", ""],
        ["b", "13", "One", "story", "a"],
        ["c", "14", "Two", "story", "12"],
        ["d", "15", "Three", "story", "vision"],
        ["e", "16", "Same", "epic", "Same"],
        ["f", "17", "Same", "epic", ""],
        ["g", "18", "Four", "story", "Same"],
        ["h", "19", "Five", "story", "MED-12"],
    )
    assert [item.parent for item in result.items] == ["", "a", "a", "a", "", "", "", "MED-12"]
    assert codes(result) == [
        (6, "warning", "ambiguous_parent"),
        (8, "warning", "ambiguous_parent"),
        (9, "warning", "parent_elsewhere"),
    ]


def test_what_cant_be_read_or_kept_whole_is_said_row_by_row() -> None:
    result = imported(
        ["id", "title", "description", "points", "due", "gpu hours", "url", "comment"],
        [
            "1",
            "T" * 300,
            "D" * 100_001,
            "lots",
            "soon",
            "many",
            "javascript:alert(1)",
            "c" * 45_000,
        ],
    )
    item = only(result)
    assert sorted(code for _, _, code in codes(result)) == [
        "bad_due_date", "bad_external_url", "bad_gpu_hours", "bad_points", "long_description",
        "long_title",
    ]  # fmt: skip
    assert (len(item.title), len(item.description)) == (250, 100_000)
    assert item.description.startswith("T" * 300)
    assert [len(comment.text) for comment in item.comments] == [20_000, 20_000, 5_000]
    assert item.external_url == ""
    for problem in result.problems:
        assert problem.message.endswith(".")
        assert problem.column


def test_people_may_map_columns_and_words_otherwise() -> None:
    table = table_of(["id", "what", "Art", "note"], ["1", "Read", "Fehler", "x"])
    columns = (
        Column(0, "id", Target.EXTERNAL_ID),
        Column(1, "what", Target.TITLE),
        Column(2, "Art", Target.KIND),
        Column(3, "note", Target.DROP),
    )
    result = plain.read(table, Mapping("csv", "team-sheet", columns, kinds={"Fehler": "bug"}))
    assert (only(result).kind, only(result).source, result.dropped) == (
        "bug",
        "team-sheet",
        ["note"],
    )
    result = plain.read(table, Mapping("csv", "team-sheet", columns))
    assert codes(result) == [(2, "warning", "unknown_kind")]


# Mappings --------------------------------------------------------------------------------------
def test_a_mapping_goes_through_json_and_back() -> None:
    proposed = jira.propose(table_of(HEADER, issue("MED-1", Assignee="Max"))).mapping
    proposed = replace(proposed, statuses={"To Do": "to-do"}, people={"Max": "max@demo.example"})
    assert Mapping.from_json(json.loads(json.dumps(proposed.to_json()))) == proposed


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["format", "source", "columns", "kinds", "index", "name", "target"]
                ),
                inner,
                max_size=7,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_a_mapping_or_refused_in_words(value: object) -> None:
    try:
        found = Mapping.from_json(value)
    except DomainError as refused:
        assert refused.code == "bad_mapping"
    else:
        with pytest.raises(DomainError):
            mapping.check(found, table_of(["id", "title"]))


def test_a_mapping_that_does_not_fit_the_file_is_refused_with_its_places() -> None:
    table = table_of(["id", "title"], ["1", "Read"])
    wrong = Mapping(
        "csv",
        "csv",
        (Column(0, "key", Target.EXTERNAL_ID), Column(7, "title", Target.LINKS, "hates")),
        time_zone="Mars/Base",
        kinds={"a/b": "chore"},
        site_url="javascript:x",
    )
    with pytest.raises(DomainError) as refused:
        plain.read(table, wrong)
    assert [error.pointer for error in refused.value.errors] == [
        "/columns/0", "/columns/1", "/columns", "/kinds/a~1b", "/columns/1", "/time_zone",
        "/site_url",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://med.atlassian.net", True),
        ("http://jira.example/here/", True),
        ("https://", False),
        ("https:///browse", False),
        ("https://med.example or so", False),
        ("https://med.example\n", False),
        ("see https://med.example", False),
    ],
)
def test_the_address_of_the_site_is_one_address_and_nothing_else(
    address: str, is_one: bool
) -> None:
    table = table_of(["id", "title"], ["1", "Read"])
    chosen = replace(plain.propose(table).mapping, site_url=address)
    if is_one:
        mapping.check(chosen, table)
        return
    with pytest.raises(DomainError) as refused:
        mapping.check(chosen, table)
    assert [error.pointer for error in refused.value.errors] == ["/site_url"]


def test_choices_for_an_earlier_file_are_kept_for_the_next_one() -> None:
    first = plain.propose(table_of(["id", "title", "Stream"], ["1", "Read", "A"])).mapping
    columns = (*first.columns[:2], replace(first.columns[2], target=Target.LABELS, detail=""))
    chosen = replace(first, columns=columns, source="sheet", statuses={"Offen": "to-do"})
    second = plain.propose(table_of(["new", "STREAM", "id", "title"], ["x", "A", "1", "Read"]))
    kept = second.mapping.with_choices_of(chosen)
    assert [(column.index, column.target.value) for column in kept.columns] == [
        (0, "extra"), (1, "labels"), (2, "external_id"), (3, "title"),
    ]  # fmt: skip
    assert (kept.source, kept.statuses) == ("sheet", {"Offen": "to-do"})


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(DomainError, match="jira-csv, linear-csv, github-json"):
        formats.format_of(Mapping("excel", "x", ()))


# Jira's markup ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("h1. Title\ntext", "# Title\n\ntext"),
        ("*bold* and _italic_", "**bold** and _italic_"),
        ("*/lib and 5 * 3 and cpu/*.h and a*b*c", "\\*/lib and 5 * 3 and cpu/\\*.h and a\\*b\\*c"),
        ("call __init__ of snake_case", "call \\_\\_init\\_\\_ of snake_case"),
        ("use {{a|b}} and {{a `b`}}", "use `a|b` and `` a `b` ``"),
        ("{code:java}\nint a = *b;\n\n  c();\n{code}", "```java\nint a = *b;\n\n  c();\n```"),
        ("see {code:title=a.py|sh}x{code} there", "see\n\n**a.py**\n\n```sh\nx\n```\n\nthere"),
        ("{noformat}a ``` b{noformat}", "````\na ``` b\n````"),
        ("{noformat}cut off [here", "```\ncut off [here\n```"),
        ("{quote}so *he*\nsaid{quote}\nyes", "> so **he**\n> said\n\nyes"),
        ("{quote}a{code}b{code}{quote}", "> a\n>\n> ```\n> b\n> ```"),
        ("{quote} never closed", "{quote} never closed"),
        ("{panel:title=Note}text{panel}", "**Note**\n\ntext"),
        ("bq. wise\nmore", "> wise\n\nmore"),
        ("* a\n** b\n*** c\n* d", "- a\n  - b\n    - c\n- d"),
        ("# a\n#* b\n# c\ntext", "1. a\n   - b\n1. c\n\ntext"),
        ("*** deep", "- deep"),
        ("- a\n- b", "- a\n- b"),
        ("[site|https://x.example/a]", "[site](https://x.example/a)"),
        ("[s|https://x.example/(a)|smart-link]", "[s](<https://x.example/(a)>)"),
        ("[https://x.example/a_b_c]", "<https://x.example/a_b_c>"),
        ("https://x.example/__a*b*", "https://x.example/__a*b*"),
        ("[a|b] and x[1]", "[a|b] and x[1]"),
        ("ask [~max]", "ask @max"),
        ("||a||b||\n|1|[x|https://y]|", "| a | b |\n| --- | --- |\n| 1 | [x](https://y) |"),
        ("|1|{{a|b}}|3|\n|4|", "|  |  |  |\n| --- | --- | --- |\n| 1 | `a\\|b` | 3 |\n| 4 |"),
        ("http | log\n| log", "http | log\n| log"),
        ("{color:red}stop{color}", "stop"),
        ("!screen shot.png|thumbnail!", "(picture: screen shot.png)"),
        ("a\n----\nb", "a\n\n---\n\nb"),
        ("a\\\\\nb", "a\n\nb"),
        ("    indented", "indented"),
        ("[1]: https://x.example", "\\[1]: https://x.example"),
        ("a\n---\nb\n===", "a\n\\---\nb\n\\==="),
        ("a\r\nb", "a\nb"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_common_markup_becomes_markdown(markup: str, markdown: str) -> None:
    assert to_markdown(markup) == markdown


def test_a_table_with_one_wide_row_grows_no_more_than_its_text_does() -> None:
    markup = "|" + "a|" * 2000 + "\n" + "|a|\n" * 2000
    assert len(to_markdown(markup)) < 5 * len(markup)


MARKS = re.compile(  # what may go: names of marks, and options of links and pictures
    r"\{(?:code|noformat|quote|panel|color)(?::[^}\n]*)?\}"
    r"|(?:^|(?<=\}))\s*(?:h[1-6]|bq)\.\s"
    r"|\|smart-link\]|\|thumbnail!",
    re.MULTILINE,
)


def lost(markup: str) -> str:
    """The letters and digits of a text from the first on that its Markdown lacks."""
    have = iter(to_markdown(markup))
    left = re.sub(r"[\W_]+", "", MARKS.sub("", markup))
    return next((left[place:] for place, letter in enumerate(left) if letter not in have), "")


@given(
    st.lists(
        st.sampled_from(
            ["{code}", "{code:java}", "{noformat}", "{quote}", "{panel}", "{{", "}}", "*",
             "_", "__", "h2. ", "bq. ", "# ", "** ", "- ", "|", "||", "\n", "\n\n", " ", "[", "]",
             "[a|", "[~", "https://x.example/1", "!", ".png", "\\", "\\\\", "`", "```",
             "word", "Ärger", "1", "\x00",
             "{color:red}", "{color}", "----"]
        ),
        max_size=40,
    ).map("".join)
)  # fmt: skip
def test_any_markup_is_converted_without_losing_a_word(markup: str) -> None:
    assert lost(markup.replace("\x00", "")) == ""
    render_markdown(to_markdown(markup))


@given(TEXTS)
def test_any_text_is_converted(text: str) -> None:
    to_markdown(text)


@pytest.mark.parametrize(
    "piece",
    ["{code}", "{code:x}", "{quote}", "{quote}{code:x}", "{{", "[", "[a|", "*", "*a ", "_", "__",
     "!a", "|", "||a\n", "# a\n", "\n", "h1. ", "{color:", "{panel:", "[~", "https://",
     "\\\\ ", "`"],
)  # fmt: skip
def test_a_long_text_of_unclosed_marks_takes_no_longer_than_another(piece: str) -> None:
    started = time.perf_counter()
    to_markdown(piece * (200_000 // len(piece)))
    assert time.perf_counter() - started < 20


# Real backlogs ---------------------------------------------------------------------------------
@pytest.fixture(scope="module", params=REAL_FILES)
def real_table(request: pytest.FixtureRequest) -> Table:
    path = BACKLOGS / request.param
    if not path.exists():
        pytest.skip(f"REAL DATA ABSENT: {path} is not on this machine")
    return read_table(path)


def test_a_real_backlog_imports_without_a_click(real_table: Table) -> None:
    proposal = plain.propose(real_table)
    assert formats.detect(real_table).slug == "csv"
    assert [column.target for column in proposal.mapping.columns] == [
        Target.EXTERNAL_ID,
        Target.TITLE,
        Target.DESCRIPTION,
        Target.POINTS,
    ]
    assert (proposal.mapping.markup, proposal.dropped) == (Markup.JIRA, [])
    result = plain.read(real_table, proposal.mapping)
    assert result.problems == []
    assert len(result.items) == len(real_table.rows) > 1000
    for row, item in zip(real_table.rows, result.items, strict=True):
        assert (item.external_id, item.title) == (row.cells[0], " ".join(row.cells[1].split()))
        assert item.points == Decimal(row.cells[3])


def test_no_word_of_a_real_description_is_lost(real_table: Table) -> None:
    for row in real_table.rows:
        assert lost(row.cells[2]) == "", row.cells[0]
