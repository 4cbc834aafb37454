"""Tables as CSV, so that spreadsheets read them and take no text for a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

from django.http import HttpResponse

from mlscrum.lib.spreadsheets import no_formula

BOM = "\ufeff"  # else Excel reads UTF-8 as something else


def csv_answer(name: str, lines: Iterable[Sequence[object]]) -> HttpResponse:
    """The lines, the head first, as a file of this name."""
    text = StringIO()
    csv.writer(text).writerows([_cell(cell) for cell in line] for line in lines)
    return _file(f"{name}.csv", BOM + text.getvalue(), "text/csv; charset=utf-8")


def json_answer(name: str, value: Any) -> HttpResponse:
    """The value as a file of this name: the same value gives the same bytes."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return _file(f"{name}.json", text, "application/json")


def _cell(value: object) -> object:
    if isinstance(value, str):
        return no_formula(value)
    return "" if value is None else value


def _file(name: str, text: str, kind: str) -> HttpResponse:
    answer = HttpResponse(text, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
