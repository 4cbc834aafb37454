"""What a report says and what it did: the values that go in and come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backlog.models import Kind, Product, Subject
from backlog.rules.evidence import Observation


@dataclass(frozen=True)
class EvidenceReport:
    """All that one source saw of one subject at once.

    `key` names the report within its source: the same key again changes nothing. `batch_key` and
    `batch_at` say which data was looked at; `item_kind` what its findings become. `is_whole`: it
    says all that the source has to say, as a run of a suite does; else only single checks.
    """

    product: Product
    source: str
    key: str
    subject: Subject | None
    batch_key: str
    batch_at: datetime
    observations: Sequence[Observation]
    trigger: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    item_kind: str = Kind.DATA_ASSESSMENT
    is_whole: bool = True


@dataclass
class Filed:
    """What a report did, as refs of items; where it is not tracked, what it would have done, with
    the titles of what it would have filed.

    `findings` has one entry per observation of the report: the id of its finding, or None.
    """

    tracked: bool = True
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    errored: list[str] = field(default_factory=list)
    awaiting: int = 0
    findings: list[int | None] = field(default_factory=list)
