"""When a job that could not be done is tried again."""

FIRST_WAIT_S = 5
LONGEST_WAIT_S = 600


def retry_wait_s(attempts: int) -> int:
    """Seconds to wait after so many attempts: 5, 10, 20 … up to ten minutes."""
    doublings = min(max(0, attempts - 1), 10)
    return min(LONGEST_WAIT_S, FIRST_WAIT_S << doublings)
