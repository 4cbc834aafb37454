"""What the present work was begun by, a request or a job, so that lines of the log can name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_origin: ContextVar[Mapping[str, str]] = ContextVar("origin", default={})  # noqa: B039  never changed


def origin() -> Mapping[str, str]:
    """Such as `{"request_id": "…"}` or `{"job_id": "42", "job_kind": "run"}`; empty for neither."""
    return _origin.get()


@contextmanager
def begun_by(**names: str) -> Iterator[None]:
    """Let everything within be of this origin, in place of what was before."""
    mark = _origin.set(names)
    try:
        yield
    finally:
        _origin.reset(mark)
