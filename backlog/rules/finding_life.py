"""The life of a finding: what one more report does to it (the table of EVIDENCE 0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backlog.rules.evidence import Outcome
from backlog.rules.severity import UNKNOWN_EXCESS

REGRESSION_WINDOW = timedelta(days=30)
FLIPS_WINDOW = timedelta(days=7)
MOST_FLIPS = 3  # within the window; more is flapping
GREENS_WHILE_FLAPPING = 4
STORM_IN_A_RUN = 20  # new findings of one report; more is a storm
STORM_IN_AN_HOUR = 50  # new findings of a product
STORM_WINDOW = timedelta(hours=1)
STALE_AFTER = 2  # times the interval in which evidence is expected


class Step(StrEnum):
    """What happens to a finding."""

    NOTHING = "nothing"  # not even counted
    COUNT = "count"  # an occurrence; state and item stay
    FILE = "file"  # a new finding, and an item where the policy says
    OCCUR = "occur"  # open and red again: evidence refreshed
    UNMUTE = "unmute"  # red past the end of its mute: open again
    REOPEN = "reopen"  # the same item comes back as regressed
    RECUR = "recur"  # red long after the fix: a new item
    GREEN = "green"  # one green batch more, not yet enough
    RESOLVE = "resolve"  # enough green batches


@dataclass(frozen=True)
class Standing:
    """A finding before the report. `fixed_at` is the time of the data or deed that fixed it;
    `done_by_hand_at` is set while a person's done waits for the evidence to agree."""

    state: str
    last_batch_at: datetime
    green_batch_keys: Sequence[str] = ()
    resolved_at: datetime | None = None
    fixed_at: datetime | None = None
    done_by_hand_at: datetime | None = None
    muted_until: datetime | None = None
    muted_cap: float | None = None


@dataclass(frozen=True)
class Batch:
    """What a report looked at, and when it came."""

    key: str
    at: datetime
    reported_at: datetime


def next_step(
    standing: Standing | None,
    outcome: Outcome,
    batch: Batch,
    *,
    excess: float | None,
    green_batches: int,
) -> Step:
    """What the outcome does to a finding that stands like this; None is no finding yet.

    A finding speaks of the newest batch seen: an older one is counted and changes nothing.
    """
    if outcome in {Outcome.VACUOUS, Outcome.ERRORED}:
        return Step.NOTHING
    if standing is None:
        return Step.FILE if outcome == Outcome.FAILED else Step.NOTHING
    if batch.at < standing.last_batch_at:
        return Step.COUNT
    if outcome == Outcome.PASSED:
        return _on_green(standing, batch, green_batches)
    return _on_red(standing, batch, excess)


def _on_green(standing: Standing, batch: Batch, green_batches: int) -> Step:
    if standing.state != "open":
        return Step.COUNT
    greens = {*standing.green_batch_keys, batch.key}
    return Step.RESOLVE if len(greens) >= green_batches else Step.GREEN


def _on_red(standing: Standing, batch: Batch, excess: float | None) -> Step:
    if standing.state == "muted":
        return Step.UNMUTE if _mute_is_over(standing, batch, excess) else Step.COUNT
    if standing.state == "open":
        by_hand = standing.done_by_hand_at
        return Step.REOPEN if by_hand and batch.at > by_hand else Step.OCCUR
    if standing.fixed_at and batch.at < standing.fixed_at:
        return Step.COUNT
    resolved_at = standing.resolved_at or batch.reported_at
    recent = batch.reported_at - resolved_at <= REGRESSION_WINDOW
    return Step.REOPEN if recent else Step.RECUR


def _mute_is_over(standing: Standing, batch: Batch, excess: float | None) -> bool:
    if standing.muted_until and batch.reported_at > standing.muted_until:
        return True
    if standing.muted_cap is None:
        return False
    return (UNKNOWN_EXCESS if excess is None else excess) > standing.muted_cap


def recent_flips(flips: Sequence[datetime], now: datetime) -> list[datetime]:
    """The flips that still count."""
    return [flip for flip in flips if now - flip <= FLIPS_WINDOW]


def is_flapping(flips: Sequence[datetime], now: datetime, *, already: bool) -> bool:
    """Whether the evidence turns too often to be believed: more than three times in a week. Once
    it does, until a week has passed without a turn."""
    recent = recent_flips(flips, now)
    return len(recent) > MOST_FLIPS or (already and bool(recent))


def greens_needed(green_batches: int, *, flapping: bool) -> int:
    """How many distinct green batches resolve a finding."""
    return max(green_batches, GREENS_WHILE_FLAPPING) if flapping else green_batches


def is_storm(new: int, in_the_hour: int) -> bool:
    """Whether so many new findings of one report, and those of the hour before it in the product,
    come under one item."""
    return new > STORM_IN_A_RUN or new + in_the_hour > STORM_IN_AN_HOUR


def is_stale(last_seen: datetime, expected_every: timedelta, now: datetime) -> bool:
    """Whether the evidence is missing for longer than twice the time in which it is expected."""
    return now - last_seen > STALE_AFTER * expected_every
