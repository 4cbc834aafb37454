"""How heavy a run is, by what is known of its data before it."""

LARGE_ROWS = 1_000_000
LARGE_BYTES = 100 * 1024 * 1024


def is_large(rows: int, size: int) -> bool:
    """Whether checks of so many rows, in so many bytes, may take long; 0 bytes are unknown."""
    return rows >= LARGE_ROWS or size >= LARGE_BYTES
