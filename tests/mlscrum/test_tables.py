"""Lists as files: what spreadsheets would calculate is text, and nothing is held whole."""

from __future__ import annotations

import csv
import io
import itertools
import json
from typing import Any

import pytest
from openpyxl import load_workbook

from mlscrum.lib.errors import DomainError
from mlscrum.web import tables
from mlscrum.web.tables import Table, table_answer

pytestmark = pytest.mark.django_db  # an answer that ends looks at the connections
COLUMNS = ("ref", "points", "labels", "who.name", "links", "is_blocked")
ROWS: list[dict[str, Any]] = [
    {"ref": "MED-1", "points": 3.5, "labels": ["ux", "data"], "who": {"name": "Olga"},
     "links": [{"type": "blocks", "ref": "MED-2"}], "is_blocked": True, "text": "½ “x”\n<y>"},
    {"ref": "=1+1", "points": None, "labels": ["@a"], "who": None, "links": [],
     "is_blocked": False, "text": ""},
]  # fmt: skip


def sent(file_format: str, rows: list[dict[str, Any]] | None = None) -> bytes:
    answer: Any = table_answer(Table("MED-x", COLUMNS, ROWS if rows is None else rows), file_format)
    assert f'filename="MED-x.{file_format}"' in answer["Content-Disposition"]
    content = b"".join(answer.streaming_content)
    answer.close()
    return content


def in_excel(content: bytes) -> list[list[Any]]:
    book = load_workbook(io.BytesIO(content))
    return [[cell.value for cell in row] for sheet in book for row in sheet.iter_rows()]


def test_csv_has_a_head_and_words() -> None:
    lines = list(csv.reader(io.StringIO(sent("csv").decode("utf-8-sig"))))
    assert lines == [
        list(COLUMNS),
        ["MED-1", "3.5", "ux, data", "Olga", "blocks MED-2", "yes"],
        ["'=1+1", "", "'@a", "", "", "no"],
    ]


def test_json_has_all_that_rest_shows() -> None:
    assert json.loads(sent("json")) == {"results": ROWS}
    assert json.loads(sent("json", [])) == {"results": []}


def test_excel_has_numbers_as_numbers_and_no_formula() -> None:
    content = sent("xlsx")
    assert in_excel(content)[1] == ["MED-1", 3.5, "ux, data", "Olga", "blocks MED-2", "yes"]
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert [cell.data_type for cell in sheet[3]][0] == "s"
    assert sheet["A3"].value == "'=1+1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_no_text_is_a_formula(start: str, file_format: str) -> None:
    content = sent(file_format, [{"ref": f"{start}cmd|' /C calc'!A0"}])
    if file_format == "csv":
        (cell, *_) = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1]
    else:
        cell = in_excel(content)[1][0]
    assert cell.startswith("'")


def test_excel_takes_any_text() -> None:
    rows = [{"ref": "a\x00\x08b"}, {"ref": "x" * 40_000}]
    found = in_excel(sent("xlsx", rows))
    assert found[1][0] == "a  b"
    assert len(found[2][0]) == 32_767 and found[2][0].endswith("…")


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_OF_A_SHEET", 2)
    rows = [{"ref": f"MED-{number}"} for number in range(5)]
    book = load_workbook(io.BytesIO(sent("xlsx", rows)))
    assert book.sheetnames == ["MED-x", "MED-x 2", "MED-x 3"]
    assert [sheet.max_row for sheet in book] == [3, 3, 2]


def test_csv_and_json_begin_before_the_last_row_is_read() -> None:
    endless = ({"ref": f"MED-{number}"} for number in itertools.count())
    for file_format in ("csv", "json"):
        answer: Any = table_answer(Table("x", COLUMNS, endless), file_format)
        assert len(list(itertools.islice(answer.streaming_content, 3))) == 3


def test_parts_are_shown_together() -> None:
    asked: list[list[int]] = []

    def show(part: list[int]) -> list[dict[str, int]]:
        asked.append(part)
        return [{"n": n} for n in part]

    assert len(list(tables.in_parts(range(5), show, 2))) == 5
    assert asked == [[0, 1], [2, 3], [4]]


def test_another_format_is_refused() -> None:
    with pytest.raises(DomainError, match="Choose one of csv, json, xlsx"):
        table_answer(Table("x", COLUMNS, []), "pdf")
