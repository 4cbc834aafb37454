"""Secrets survive a change of keys."""

from typing import Any

import pytest

from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt, encrypt


def test_the_first_key_encrypts_and_all_decrypt(settings: Any) -> None:
    settings.SECRETS_KEYS = ["old"]
    kept = encrypt("pass word")
    assert "pass" not in kept
    settings.SECRETS_KEYS = ["new", "old"]
    assert decrypt(kept) == "pass word"
    renewed = encrypt("pass word")
    settings.SECRETS_KEYS = ["new"]
    assert decrypt(renewed) == "pass word"


def test_a_secret_whose_key_is_gone_says_what_to_do(settings: Any) -> None:
    settings.SECRETS_KEYS = ["old"]
    kept = encrypt("word")
    settings.SECRETS_KEYS = ["new"]
    with pytest.raises(DomainError, match="put the key back"):
        decrypt(kept)
