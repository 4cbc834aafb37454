"""What a shared dataset shows to people without an account: figures and names of columns, never
values, bounds or people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404

from dataquality.models import Dataset, Result, Run, ShareLink
from dataquality.queries.datasets import runs_that_count
from dataquality.queries.gates import Gate, dataset_gate
from dataquality.queries.overviews import values_present
from dataquality.queries.pictures import Sparkline, sparkline
from dataquality.queries.runs import results_of
from dataquality.rules.gates import Reason

# What each code of a gate means, without saying which check it is about.
REASONS = {
    "never_run": ("it has not been checked yet",) * 2,
    "running": ("it is being checked now",) * 2,
    "errored": ("the last check could not be carried out",) * 2,
    "old_suite": ("its checks have changed since",) * 2,
    "unapproved": ("its checks wait for approval",) * 2,
    "nothing_judged": ("there was nothing to judge",) * 2,
    "stale": ("the last check is too old",) * 2,
    "vacuous": ("1 check found no data", "{n} checks found no data"),
    "failed": ("1 check failed", "{n} checks failed"),
    "could_not_run": ("1 check could not run", "{n} checks could not run"),
    "open_finding": ("1 urgent finding is open", "{n} urgent findings are open"),
}


@dataclass(frozen=True)
class SharedCheck:
    """One check of the last run, by counts alone."""

    column: str
    words: str
    severity: str
    outcome: str
    outcome_words: str
    counted: str


@dataclass(frozen=True)
class SharedDataset:
    """The page of a link. `health` is 0 to 100, None where nothing was judged."""

    dataset: Dataset
    gate: Gate
    reasons: Sequence[str]
    run: Run | None
    checks: Sequence[SharedCheck]
    healths: Sequence[tuple[datetime | None, float | None]]
    curve: Sparkline

    @property
    def health(self) -> float | None:
        return self.run.health if self.run else None


def links_of(dataset: Dataset) -> list[ShareLink]:
    """The links of a dataset, newest first."""
    return list(ShareLink.objects.filter(dataset=dataset).select_related("created_by"))


def find_share_link(dataset: Dataset, link_id: int) -> ShareLink:
    """The link of this dataset, or 404."""
    link = ShareLink.objects.filter(dataset=dataset, pk=link_id).first()
    if link is None:
        raise Http404("There is no such link.")
    link.dataset = dataset
    return link


def shared_dataset(dataset: Dataset) -> SharedDataset:
    """What a link to the dataset shows, in a number of queries that is fixed."""
    runs = runs_that_count(dataset)
    run = runs[-1] if runs else None
    gate = dataset_gate(dataset)
    return SharedDataset(
        dataset=dataset,
        gate=gate,
        reasons=gate_words(gate),
        run=run,
        checks=[_check(result) for result in results_of(run) if not result.guard] if run else [],
        healths=[(one.finished_at, one.health) for one in runs],
        curve=sparkline(
            [one.health for one in runs], "Health of the last runs", low=0, high=100,
            width=320, height=64,
        ),
    )  # fmt: skip


def counted_reasons(gate: Gate) -> list[Reason]:
    """Why a gate is shut, counted by code and without what it is about."""
    counted = Counter(reason.code for reason in gate.reasons)
    return [Reason(code, REASONS[code][n > 1].format(n=n)) for code, n in counted.items()]


def gate_words(gate: Gate) -> list[str]:
    """The same in words alone."""
    return [reason.detail for reason in counted_reasons(gate)]


def _check(result: Result) -> SharedCheck:
    told = result.meta.get("words")
    kind = result.type.removeprefix("expect_").removeprefix("column_").removeprefix("table_")
    return SharedCheck(
        column=result.column,
        words=str(told) if told else kind.replace("_", " ").capitalize(),
        severity=result.severity,
        outcome=result.outcome,
        outcome_words=result.get_outcome_display().lower(),
        counted=_counted(result),
    )


def _counted(result: Result) -> str:
    unexpected, elements = result.unexpected_count, result.element_count
    if unexpected is None:
        return ""
    if elements is None:
        return f"{unexpected:,}"
    share = f" ({result.unexpected_percent:.2g} %)" if result.unexpected_percent else ""
    return f"{unexpected:,} of {values_present(result):,}{share}"
