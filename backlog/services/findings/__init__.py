"""Findings: how reports are taken, and what people decide about them."""

from backlog.services.findings.deciding import (
    accept_level,
    confirm_done,
    delete_item,
    file_findings,
    forget_untracked,
    mark_obsolete,
    mute,
    reopen,
    resolve,
    set_priority,
    take,
    watch_only,
)
from backlog.services.findings.reports import EvidenceReport, Filed
from backlog.services.findings.taking import report

__all__ = [
    "EvidenceReport",
    "Filed",
    "accept_level",
    "confirm_done",
    "delete_item",
    "file_findings",
    "forget_untracked",
    "mark_obsolete",
    "mute",
    "reopen",
    "report",
    "resolve",
    "set_priority",
    "take",
    "watch_only",
]
