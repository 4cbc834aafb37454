"""Secrets that must be read again, such as credentials: kept encrypted, with keys that rotate."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from mlscrum.lib.errors import DomainError


def encrypt(secret: str) -> str:
    """The secret under the first of SECRETS_KEYS."""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(kept: str) -> str:
    """The secret again, whichever of SECRETS_KEYS it was encrypted with.

    Raises DomainError where none of the keys fits.
    """
    try:
        return _fernet().decrypt(kept.encode()).decode()
    except InvalidToken:
        raise DomainError(
            "secret_unreadable",
            "This secret was encrypted with a key that SECRETS_KEYS no longer names; "
            "put the key back, or enter the secret again.",
        ) from None


def _fernet() -> MultiFernet:
    # Keys are what an administrator can type; Fernet wants 32 bytes.
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
        for key in settings.SECRETS_KEYS
    )
