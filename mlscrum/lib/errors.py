"""What services and rules raise when a promise can't be kept; the doors turn it into an answer."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One field that is wrong: `pointer` is a JSON pointer such as `/points`."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A broken promise: `code` for machines, `message` for people, saying what to do about it."""

    status = 422

    def __init__(
        self,
        code: str,
        message: str,
        *,
        errors: Iterable[FieldError] = (),
        status: int | None = None,
        **extra: object,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.errors = list(errors)
        self.extra = extra
        if status is not None:
            self.status = status


class Invalid(DomainError):
    """What was sent can't be read, or names what is not there; each wrong field with its reason."""

    status = 400

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("invalid", errors[0].detail, errors=errors)


class Conflict(DomainError):
    """The world has moved on since the caller looked."""

    status = 409


class NotFound(DomainError):
    """There is no such thing, or the caller may not know that there is."""

    status = 404


class Refused(DomainError):
    """The caller may see the thing, but may not do this with it."""

    status = 403
