"""Whole numbers of strangers are numbers, or nothing."""

from __future__ import annotations

import pytest

from mlscrum.lib.numbers import whole_number


def test_a_whole_number_is_read() -> None:
    assert (whole_number("0"), whole_number("012"), whole_number("9" * 18)) == (0, 12, 10**18 - 1)
    assert whole_number("999", digits=3) == 999


@pytest.mark.parametrize("text", ["", "-1", "1.5", " 1", "²", "٣", "1\0", "9" * 19, "9" * 5000])
def test_anything_else_is_none(text: str) -> None:
    assert whole_number(text) is None


def test_fewer_digits_can_be_asked_for() -> None:
    assert whole_number("1000", digits=3) is None
