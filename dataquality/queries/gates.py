"""Whether a dataset is good enough now, gathered for the rule that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Window
from django.db.models.functions import RowNumber

from backlog.models import Finding, Subject
from backlog.queries.gates import GateReason
from dataquality.models import Dataset, DatasetVersion, Result, Run, RunState
from dataquality.queries.runs import (
    NEWEST_FIRST,
    check_words,
    last_run,
    results_of,
    runs_of,
    that_judge,
)
from dataquality.rules import gates
from dataquality.rules.gates import Reason
from mlscrum.lib import clock

HOUR_S = 3600


@dataclass(frozen=True)
class Gate:
    """One yes or no with its reasons; `unknown` is not passed. Ages are in seconds."""

    state: str
    reasons: Sequence[Reason]
    run: Run | None
    version: DatasetVersion | None
    commit: str | None
    checked_at: datetime
    age_s: float | None
    health: float | None

    @property
    def passed(self) -> bool:
        return self.state == gates.State.PASSED


def dataset_gate(
    dataset: Dataset,
    *,
    fail_on: str = "critical",
    version: DatasetVersion | None = None,
    commit: str | None = None,
    max_age_s: float | None = None,
    run: Run | None = None,
) -> Gate:
    """The gate of a dataset: by its last tracked run of the present suite on the newest version,
    of a divided dataset on the newest batch that was checked.

    A dataset without a suite here is judged by the newest batch that was checked elsewhere.
    `version` asks about another content, `commit` about the last run of that commit, tracked or
    not, and `run` judges that very run. `max_age_s` takes the place of the freshness limit.
    """
    run = run or _judged_run(dataset, version, commit)
    return _gate(
        dataset,
        run,
        results_of(run) if run else [],
        _urgent([dataset]).get(dataset.pk, []),
        fail_on=fail_on,
        version=version,
        commit=commit,
        max_age_s=max_age_s,
    )


def dataset_gates(datasets: Sequence[Dataset]) -> dict[int, Gate]:
    """The gates of many datasets by id, each as `dataset_gate` gives it, in three queries."""
    newest_first = Window(RowNumber(), partition_by="dataset_id", order_by=NEWEST_FIRST)
    judged = (
        that_judge(Run.objects.with_row().filter(dataset__in=datasets))
        .annotate(age=newest_first)
        .filter(age=1)
    )
    runs = {run.dataset_id: run for run in judged}
    results: dict[int, list[Result]] = {}
    for result in results_of(*runs.values()):
        results.setdefault(result.run_id, []).append(result)
    urgent = _urgent(datasets)
    return {
        dataset.pk: _gate(
            dataset,
            runs.get(dataset.pk),
            results.get(runs[dataset.pk].pk, []) if dataset.pk in runs else [],
            urgent.get(dataset.pk, []),
        )
        for dataset in datasets
    }


def gate_of_checks(
    state: str, checks: Sequence[gates.Check], *, fail_on: str, commit: str | None
) -> Gate:
    """The gate of results that are about no dataset: by these checks alone."""
    judged = any(check.outcome in {"passed", "failed"} for check in checks)
    facts = gates.Facts(
        run_state=state,
        by_present_suite=True,
        waits_for_approval=False,
        health=0.0 if judged else None,
        age_s=0.0,
        max_age_s=None,
        checks=checks,
    )
    verdict, reasons = gates.dataset_gate(facts, fail_on)
    return Gate(
        state=verdict,
        reasons=reasons,
        run=None,
        version=None,
        commit=commit,
        checked_at=clock.now(),
        age_s=0.0,
        health=None,
    )


def _gate(
    dataset: Dataset,
    run: Run | None,
    results: Sequence[Result],
    urgent: Sequence[gates.OpenFinding],
    *,
    fail_on: str = "critical",
    version: DatasetVersion | None = None,
    commit: str | None = None,
    max_age_s: float | None = None,
) -> Gate:
    now = clock.now()
    age_s = (now - run.finished_at).total_seconds() if run and run.finished_at else None
    if max_age_s is None and dataset.freshness_limit_h is not None:
        max_age_s = float(dataset.freshness_limit_h * HOUR_S)
    suite = dataset.current_suite
    facts = gates.Facts(
        run_state=run.state if run else None,
        by_present_suite=run is not None
        and (run.is_from_elsewhere or run.suite_version_id == dataset.current_suite_id),
        waits_for_approval=suite is not None and suite.needs_approval,
        health=run.health if run else None,
        age_s=age_s,
        max_age_s=max_age_s,
        checks=_checks(results),
        findings=urgent,
    )
    state, reasons = gates.dataset_gate(facts, fail_on)
    return Gate(
        state=state,
        reasons=reasons,
        run=run,
        version=run.version if run else version or dataset.current_version,
        commit=commit or (run.context.get("commit") if run else None),
        checked_at=now,
        age_s=age_s,
        health=run.health if run else None,
    )


def _judged_run(dataset: Dataset, version: DatasetVersion | None, commit: str | None) -> Run | None:
    if version is None and commit is None:
        return last_run(dataset)
    runs = runs_of(dataset.product, dataset=dataset, commit=commit).exclude(
        state=RunState.CANCELLED
    )
    if commit is None:
        runs = runs.filter(tracked=True)
    if version is not None:
        runs = runs.filter(version=version)
    return runs.first()


def _checks(results: Sequence[Result]) -> list[gates.Check]:
    return [
        gates.Check(
            outcome=result.outcome,
            severity=result.severity,
            words=_named(result.column, check_words(result, with_values=False)),
            finding=result.finding_id,
            item=result.finding.item.ref if result.finding and result.finding.item else None,
        )
        for result in results
    ]


def _urgent(datasets: Sequence[Dataset]) -> dict[int, list[gates.OpenFinding]]:
    """The open findings of P1 and P2, by dataset."""
    found: dict[int, list[gates.OpenFinding]] = {}
    for finding in Finding.objects.filter(
        subject__in=[dataset.pk for dataset in datasets],
        state=Finding.State.OPEN,
        priority__in=["P1", "P2"],
    ).select_related("item__product"):
        found.setdefault(finding.subject_id or 0, []).append(
            gates.OpenFinding(
                id=finding.pk,
                priority=finding.priority,
                title=finding.title,
                item=finding.item.ref if finding.item else None,
            )
        )
    return found


def _named(column: str, words: str) -> str:
    return f"{column}: {words}" if column else words


def reasons_against(subjects: Sequence[Subject]) -> list[GateReason]:
    """What stands against these datasets, for gates that ask for several: those of sprints."""
    datasets = list(Dataset.objects.filter(subject__in=subjects).select_related("subject"))
    found = dataset_gates(datasets)
    return [
        GateReason(dataset.subject, reason.code, f"{dataset.subject.name}: {reason.detail}")
        for dataset in datasets
        for reason in ([] if found[dataset.pk].passed else found[dataset.pk].reasons)
    ]
