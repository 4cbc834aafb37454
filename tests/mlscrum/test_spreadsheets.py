"""No text of people becomes a formula in a spreadsheet."""

from __future__ import annotations

import pytest

from mlscrum.lib.spreadsheets import no_formula


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_reckon_stays_a_text(text: str) -> None:
    assert no_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "MED-1", "1 = 1", " =1", "ä"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert no_formula(text) == text
