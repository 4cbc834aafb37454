"""The suite of a dataset as its editor shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.http import Http404

from backlog.models import Finding
from backlog.rules.evidence import Observation, Outcome, fingerprint, fingerprint_inputs
from dataquality.engine import catalogue, suites
from dataquality.engine.running import GUARD
from dataquality.engine.suite_changes import SuiteChanges, compare
from dataquality.models import SOURCE_OF_RUNS, Dataset, SuiteVersion

MOST_SHOWN = 100  # versions on one page


@dataclass(frozen=True)
class CheckLine:
    """One check of the suite in words, with what is wrong with it by now."""

    position: int
    words: str
    column: str
    severity: str
    type: str
    problems: Sequence[str] = field(default_factory=tuple)
    twins: Sequence[int] = field(default_factory=tuple)


def check_lines(dataset: Dataset) -> list[CheckLine]:
    """The checks in order. `twins` are the numbers of those that share one finding with it."""
    present = list(dataset.current_suite.expectations) if dataset.current_suite else []
    if not present:
        return []
    wrong: dict[int, list[str]] = {}
    for problem in suites.problems(present, dataset.schema):
        wrong.setdefault(int(problem.pointer.split("/")[2]), []).append(problem.detail)
    groups = {position: group for group in suites.twins(present) for position in group}
    return [
        CheckLine(
            position=position,
            words=suites.words(expectation),
            column=", ".join(suites.columns_of(expectation["kwargs"])),
            severity=expectation["severity"],
            type=expectation["type"],
            problems=wrong.get(position, []),
            twins=[other + 1 for other in groups.get(position, []) if other != position],
        )
        for position, expectation in enumerate(present)
    ]


@dataclass(frozen=True)
class SuiteLine:
    """One version of a suite, and what it changed against the one before it."""

    suite: SuiteVersion
    changes: SuiteChanges


def suite_history(dataset: Dataset) -> list[SuiteLine]:
    """The versions of the suite, newest first, as many as are shown."""
    found = dataset.suite_versions.select_related("saved_by", "approved_by")
    versions = list(found.order_by("-number")[: MOST_SHOWN + 1])
    before = [version.expectations for version in versions[1:]] + [[]]
    lines = [
        SuiteLine(version, compare(old, version.expectations))
        for version, old in zip(versions, before, strict=True)
    ]
    return lines[:MOST_SHOWN]


def find_suite(dataset: Dataset, number: int) -> SuiteVersion:
    """A version of the suite by its number, else 404."""
    found = dataset.suite_versions.select_related("saved_by", "approved_by").filter(number=number)
    suite: SuiteVersion | None = found.first()
    if suite is None:
        raise Http404(f"There is no suite {number}.")
    suite.dataset = dataset
    return suite


def orphaned_findings(dataset: Dataset) -> list[Finding]:
    """The open or muted findings of runs whose checks stand in the suite no more."""
    suite = dataset.current_suite
    present = {
        fingerprint_of(dataset, check) for check in [*(suite.expectations if suite else []), GUARD]
    }
    return list(
        Finding.objects.filter(
            subject=dataset.subject,
            source=SOURCE_OF_RUNS,
            is_execution=False,
            state__in=[Finding.State.OPEN, Finding.State.MUTED],
        )
        .exclude(fingerprint__in=present)
        .select_related("item__product", "product")
        .order_by("priority", "pk")
    )


def fingerprint_of(dataset: Dataset, expectation: suites.Expectation) -> str:
    """That of the finding which the check makes where it fails."""
    check, identity = suites.check_of(expectation)
    given = suites.given_name(expectation)
    seen = Observation(check, identity, "", Outcome.FAILED, fingerprint=given)
    return fingerprint(fingerprint_inputs(dataset.subject.kind, dataset.subject.slug, seen))


def type_choices() -> list[tuple[str, list[catalogue.Entry]]]:
    """The expectations that a file can answer, by group."""
    usable = [entry for entry in catalogue.expectations() if entry.on_files]
    return [(name, list(entries)) for name, entries in groupby(usable, lambda e: e.group)]
