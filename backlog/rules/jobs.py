"""When a job that could not be done is tried again, and how many large ones go at once."""

DEFAULT, SMALL, LARGE = "default", "small", "large"  # queues
FIRST_WAIT_S = 5
LONGEST_WAIT_S = 600


def retry_wait_s(attempts: int) -> int:
    """Seconds to wait after so many attempts: 5, 10, 20 … up to ten minutes."""
    doublings = min(max(0, attempts - 1), 10)
    return min(LONGEST_WAIT_S, FIRST_WAIT_S << doublings)


def most_large(takers: int, others: int) -> int:
    """How many large jobs may be under way, given the workers that take them and those that take
    small ones alone.

    One for each that takes them, at least one; but one worker is kept free for small jobs where
    there is no other for them.
    """
    return max(1, takers if others else takers - 1)
