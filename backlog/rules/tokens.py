"""How secrets of tokens and links are kept."""

import hashlib


def hash_of(secret: str) -> str:
    """SHA-256 of a token; tokens hold 256 random bits, so that a slow hash adds nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
