"""Figures as pages write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mlscrum.web.templatetags.ui import points, points_typed


@pytest.mark.parametrize(
    ("value", "said", "typed"),
    [
        (None, "–", ""),
        (Decimal(0), "0", "0"),
        (Decimal("0.5"), "0.5", "0.5"),
        (Decimal("5.0"), "5", "5"),
        (40, "40", "40"),
        (Decimal("2773.5"), "2,773.5", "2773.5"),
        (12_345_678.0, "12,345,678", "12345678"),
    ],
)
def test_points_are_read_with_separators_and_typed_without(
    value: Decimal | float | None, said: str, typed: str
) -> None:
    assert points(value) == said
    assert points_typed(value) == typed
