"""Results in our own words, for tools that write none of the other formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backlog.rules import posted as evidence_rules
from backlog.rules.evidence import Outcome
from backlog.rules.severity import UNKNOWN_EXCESS, Severity
from dataquality.ingest.posted import (
    LONGEST_NAME,
    LONGEST_TEXT,
    PostedCheck,
    PostedReport,
    count,
    limited,
    number,
    wrong,
)
from mlscrum.lib.errors import FieldError, Invalid

LONGEST_FINGERPRINT = 64
MOST_FAULTS = 20
NEEDED = ("fingerprint", "title", "outcome")
COUNTS = ("element_count", "unexpected_count")
FIGURES = ("unexpected_percent", "excess")
TEXTS = {
    "fingerprint": LONGEST_FINGERPRINT, "title": LONGEST_NAME, "column": LONGEST_NAME,
    "message": LONGEST_TEXT * 250,
}  # fmt: skip
CHOICES = {"outcome": tuple(Outcome), "severity": tuple(Severity)}
KNOWN = {*TEXTS, *CHOICES, *COUNTS, *FIGURES, "evidence"}


def parse(document: Any, where: str = "") -> list[PostedReport]:
    """One report of all that is sent: a check, a list of checks, or `{"checks": [...]}`.

    A check is `{"fingerprint", "title", "outcome"}` and, as far as it is known, `severity,
    column, element_count, unexpected_count, unexpected_percent, excess, message, evidence`.
    Raises Invalid with every fault, up to 20.
    """
    if isinstance(document, Mapping) and "checks" in document:
        if set(document) != {"checks"}:
            raise wrong(where, "unknown", 'Send {"checks": [...]} and nothing beside it.')
        document, where = document["checks"], f"{where}/checks"
    checks = document if isinstance(document, list) else [document]
    if not checks:
        raise wrong(where, "empty", "Send at least one check.")
    limited(len(checks))
    in_list = isinstance(document, list)
    faults: list[FieldError] = []
    found: list[PostedCheck] = []
    for place, check in enumerate(checks):
        at = f"{where}/{place}" if in_list else where
        here = _faults(check, at)
        faults += here
        if not here:
            found.append(_check(check))
    if faults:
        raise Invalid(*faults[:MOST_FAULTS])
    return [PostedReport(checks=found)]


def _faults(check: Any, where: str) -> list[FieldError]:
    if not isinstance(check, Mapping):
        return [FieldError(where, "not_a_check", 'A check is {"fingerprint", "title", "outcome"}.')]
    faults = [
        FieldError(f"{where}/{name}", "unknown", "There is no such field of a check.")
        for name in sorted(set(map(str, check)) - KNOWN)
    ]
    faults += [
        FieldError(f"{where}/{name}", "required", f"A check has {name}.")
        for name in NEEDED
        if not check.get(name)
    ]
    for name, value in check.items():
        if value is None or (not value and name in NEEDED):
            continue
        if problem := _problem(name, value):
            faults.append(FieldError(f"{where}/{name}", "invalid", problem))
    return faults


def _problem(name: str, value: Any) -> str:
    if name in TEXTS and not (isinstance(value, str) and len(value) <= TEXTS[name]):
        return f"{name} is a text of up to {TEXTS[name]:,} characters."
    if name in CHOICES and value not in CHOICES[name]:
        return f"{name} is one of {', '.join(CHOICES[name])}."
    if name in COUNTS and count(value) is None:
        return f"{name} is a whole number from 0."
    if name in FIGURES and not 0 <= (-1 if number(value) is None else float(value)) <= 1e9:
        return f"{name} is a number from 0."
    if name == "evidence":
        if not isinstance(value, Mapping):
            return "evidence is an object."
        return next(iter(evidence_rules.problems(value).values()), "")
    return ""


def _check(check: Mapping[str, Any]) -> PostedCheck:
    outcome = check["outcome"]
    excess = number(check.get("excess"))
    if outcome == Outcome.FAILED and excess is None:
        excess = UNKNOWN_EXCESS
    return PostedCheck(
        type="generic",
        words=check["title"],
        outcome=outcome,
        severity=check.get("severity") or Severity.WARNING.value,
        check="posted",
        identity={},
        fingerprint=check["fingerprint"],
        column=check.get("column") or "",
        element_count=count(check.get("element_count")),
        unexpected_count=count(check.get("unexpected_count")),
        unexpected_percent=number(check.get("unexpected_percent")),
        excess=excess if outcome == Outcome.FAILED else None,
        message=(check.get("message") or "")[-LONGEST_TEXT:],
        error_code="error" if outcome == Outcome.ERRORED else "",
        evidence=evidence_rules.without_credentials(dict(check.get("evidence") or {})),
    )
