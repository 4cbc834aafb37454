"""When a data-assessment sprint may call its goal met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """How a dataset stood at one batch: health in per cent (0 to 100), None where nothing was
    judged, and its critical checks that could not run."""

    health: float | None
    critical_errors: int


@dataclass(frozen=True)
class Exit:
    """What decides for one dataset: its newest batches, the newest first, how many findings of P1
    and P2 are open, and how many say that a check could not run. `target` is in per cent; None
    asks for no health, only for batches."""

    name: str
    target: float | None
    green_batches: int
    batches: Sequence[Batch]
    urgent: int
    could_not_run: int = 0


def exit_reasons(asked: Exit) -> list[str]:
    """Why the dataset keeps the goal from being met, in sentences; empty where nothing does.

    No open P1 or P2, no errored critical check, and health at or above the target on the last
    `green_batches` distinct batches (EVIDENCE.md, section 1).
    """
    reasons = []
    if asked.urgent:
        many = "finding" if asked.urgent == 1 else "findings"
        reasons.append(f"{asked.name} has {asked.urgent} open {many} of P1 or P2.")
    newest = asked.batches[0] if asked.batches else None
    if newest is not None and newest.critical_errors:
        many = "check" if newest.critical_errors == 1 else "checks"
        reasons.append(f"{asked.name}: {newest.critical_errors} critical {many} could not run.")
    elif asked.could_not_run:
        many = "check" if asked.could_not_run == 1 else "checks"
        reasons.append(f"{asked.name}: {asked.could_not_run} {many} could not run.")
    judged = asked.batches[: asked.green_batches]
    target = asked.target or 0.0
    good = 0
    for batch in judged:
        if batch.health is None or batch.health < target:
            break
        good += 1
    if good < asked.green_batches:
        reasons.append(
            f"{asked.name} reached a health of {target:g} % on {good} of its last"
            f" {asked.green_batches} batches."
            if asked.green_batches > 1
            else f"{asked.name} has not reached a health of {target:g} % on its last batch."
        )
    return reasons
