"""The pages of subjects: apps of higher floors say where theirs stand."""

from __future__ import annotations

from collections.abc import Callable

from backlog.models import Subject

AddressOf = Callable[[Subject], str]
_addresses: dict[str, AddressOf] = {}


def register(kind: str, address_of: AddressOf) -> None:
    """Say where the page of a subject of this kind stands."""
    _addresses[kind] = address_of


def address_of(subject: Subject) -> str:
    """Where the subject's page stands; empty where no app shows it."""
    found = _addresses.get(subject.kind)
    return found(subject) if found else ""
