"""Findings: how reports are taken, and what people decide about them."""

from backlog.services.findings.choosing import CHOICES, Choice, decide
from backlog.services.findings.deciding import (
    accept_level,
    confirm_done,
    delete_item,
    file_findings,
    forget_untracked,
    keep_watching,
    mark_obsolete,
    mute,
    propose_obsolete,
    reopen,
    resolve,
    set_priority,
    take,
    watch_only,
)
from backlog.services.findings.joining import merge, split
from backlog.services.findings.reports import EvidenceReport, Filed
from backlog.services.findings.taking import report
from backlog.services.findings.timing import calm_down, end_mutes, mark_stale

__all__ = [
    "CHOICES",
    "Choice",
    "EvidenceReport",
    "Filed",
    "accept_level",
    "calm_down",
    "confirm_done",
    "decide",
    "delete_item",
    "end_mutes",
    "file_findings",
    "forget_untracked",
    "keep_watching",
    "mark_obsolete",
    "mark_stale",
    "merge",
    "mute",
    "propose_obsolete",
    "reopen",
    "report",
    "resolve",
    "set_priority",
    "split",
    "take",
    "watch_only",
]
