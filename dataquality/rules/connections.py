"""What befalls a connection rather than one of the datasets that read through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backlog.rules.evidence import EXECUTION, Observation, Outcome, fingerprint, fingerprint_inputs
from backlog.rules.severity import Severity

# Codes of errors that all datasets of a connection share: it is paused, its address or its
# credentials are wrong, or what lies behind it does not answer.
OF_A_CONNECTION = frozenset({
    "bad_certificate", "cannot_connect", "connection_lost", "driver_not_allowed", "no_driver",
    "no_such_bucket", "our_own", "outbound_refused", "paused", "unknown_host", "wrong_password",
})  # fmt: skip
OF_A_DATABASE = frozenset({"no_such_file", "path_outside"})  # of one that is a file of the server
# What a database can only say once it was reached.
SAID_BY_A_DATABASE = frozenset({
    "bad_query", "no_batches", "no_such_table", "not_allowed", "writes",
})  # fmt: skip


def trouble(
    slug: str, code: str, title: str, outcome: Outcome, evidence: Mapping[str, Any]
) -> Observation:
    """What a report says of a trouble of the connection with this slug: one finding per code."""
    return Observation(
        check=EXECUTION,
        identity={"connection": slug, "code": code},
        title=title,
        outcome=outcome,
        severity=Severity.WARNING,
        evidence={"connection": slug, "error_code": code, **evidence},
    )


def fingerprints(slug: str) -> dict[str, str]:
    """The codes of all troubles that a connection may have, by the fingerprints of their findings.

    They are about no dataset, and so about no subject.
    """
    troubles = [
        trouble(slug, code, "", Outcome.FAILED, {})
        for code in sorted(OF_A_CONNECTION | OF_A_DATABASE)
    ]
    return {
        fingerprint(fingerprint_inputs("", "", one)): str(one.identity["code"]) for one in troubles
    }
