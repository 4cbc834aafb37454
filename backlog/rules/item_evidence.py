"""What tools say of the work on an item: their words for good and bad, and what can be kept."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MOST_METRICS = 50
LONGEST_METRIC = 80
LONGEST_RUN = 200
TOOL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}\Z")
GOOD = frozenset(
    {"passed", "success", "succeeded", "finished", "completed", "merged", "green", "ok"}
)
BAD = frozenset(
    {"failed", "failure", "error", "errored", "crashed", "killed", "timed_out", "red", "broken"}
)


def tone_of(status: str) -> str:
    """`good`, `bad`, or nothing for whatever is neither, such as `running` and `open`."""
    word = status.strip().casefold().replace(" ", "_").replace("-", "_")
    if word in GOOD:
        return "good"
    return "bad" if word in BAD else ""


def fault_of_run(run_id: str) -> str:
    """Why a tool's id of a run can't be one here; empty where it can. It stands in addresses."""
    parts = run_id.split("/")
    if not 1 <= len(run_id) <= LONGEST_RUN or not all(part.strip() for part in parts):
        return f"A run's id has 1 to {LONGEST_RUN} characters, and none of its parts is empty."
    if {".", ".."} & set(parts) or not run_id.isprintable():
        return "A run's id has no part that is . or .., and nothing that can't be printed."
    return ""


def fault_of_metrics(metrics: Mapping[str, Any]) -> str:
    """Why these can't be kept; empty where they can. They are finite numbers by name."""
    if len(metrics) > MOST_METRICS:
        return f"Send at most {MOST_METRICS} metrics; link to the rest."
    for name, value in metrics.items():
        if not 1 <= len(name) <= LONGEST_METRIC:
            return f"A metric has a name of 1 to {LONGEST_METRIC} characters."
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or abs(value) > 1e300:
            return f"{name} is no finite number; leave it out, or send it as text in the status."
    return ""
