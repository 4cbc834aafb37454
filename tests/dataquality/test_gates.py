"""The rule of a dataset's gate: unknown is not passed."""

from __future__ import annotations

from typing import Any

import pytest

from dataquality.rules.gates import Check, Facts, dataset_gate


def facts(*checks: tuple[str, str], **other: Any) -> Facts:
    given = {
        "run_state": "passed",
        "by_present_suite": True,
        "waits_for_approval": False,
        "health": 100.0,
        "age_s": 60.0,
        "max_age_s": None,
        "checks": [Check(outcome, severity, "Age: not null") for outcome, severity in checks],
    }
    return Facts(**{**given, **other})


@pytest.mark.parametrize(
    ("checks", "fail_on", "state", "codes"),
    [
        ([("passed", "critical")], "critical", "passed", []),
        ([("passed", "critical"), ("failed", "warning")], "critical", "passed", []),
        ([("passed", "critical"), ("failed", "warning")], "warning", "failed", ["failed"]),
        ([("passed", "warning"), ("errored", "critical")], "critical", "failed", ["could_not_run"]),
        ([("passed", "warning"), ("vacuous", "critical")], "critical", "unknown", ["vacuous"]),
        ([("passed", "critical"), ("vacuous", "warning")], "critical", "passed", []),
        (
            [("failed", "critical"), ("vacuous", "critical")],
            "critical",
            "failed",
            ["failed", "vacuous"],
        ),
    ],
)
def test_only_what_passed_opens_a_gate(
    checks: list[tuple[str, str]], fail_on: str, state: str, codes: list[str]
) -> None:
    found = dataset_gate(facts(*checks), fail_on)
    assert (found.state, [reason.code for reason in found.reasons]) == (state, codes)


def test_a_run_beyond_the_freshness_limit_leaves_the_gate_unknown() -> None:
    found = dataset_gate(facts(("passed", "critical"), age_s=3601.0, max_age_s=3600.0))
    assert (found.state, [reason.code for reason in found.reasons]) == ("unknown", ["stale"])
