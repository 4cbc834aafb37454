"""Readers of the environment refuse nonsense with one sentence that names the variable."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from mlscrum import env


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.flag("X"), "perhaps"),
        (lambda: env.integer("X", 1), "many"),
        (lambda: env.integer("X", 1, minimum=2), "1"),
        (lambda: env.integer("X", 1, maximum=3), "4"),
        (lambda: env.url("X", schemes=("http", "https")), "ftp://host"),
        (lambda: env.networks("X"), "10.0.0.0/8, nowhere"),
    ],
)
def test_nonsense_is_refused(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any], value: str
) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="^X"):
        read()


def test_what_is_absent_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X", raising=False)
    assert env.flag("X", default=True) is True
    assert env.integer("X", 7) == 7
    assert env.words("X", "a, b") == ["a", "b"]
    assert env.networks("X") == []


def test_lists_and_flags_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", " Yes ")
    assert env.flag("X") is True
    monkeypatch.setenv("X", "a, ,b,")
    assert env.words("X") == ["a", "b"]
