"""Deeds on suites: each saved suite is a new version, and everything wrong is said before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from backlog.models import Actor, Finding
from backlog.services.deeds import deed
from backlog.services.findings import mark_obsolete, propose_obsolete
from dataquality.engine import suites as rules
from dataquality.models import SOURCE_OF_RUNS, Dataset, SuiteVersion
from dataquality.queries.suites import orphaned_findings
from mlscrum.lib.errors import Conflict, DomainError, FieldError

Expectation = Mapping[str, Any]


@dataclass(frozen=True)
class Copied:
    """What became of checks that were copied to another dataset, in words; `unfit` with why."""

    copied: Sequence[str]
    known: Sequence[str]
    unfit: Sequence[tuple[str, str]]


def save_suite(
    dataset: Dataset,
    expectations: Sequence[Expectation],
    *,
    actor: Actor,
    based_on: int | None = None,
) -> SuiteVersion:
    """Make these expectations the suite of the dataset; the same ones again change nothing.

    Raises DomainError with every problem at once, as `errors` with pointers such as
    `/expectations/3/kwargs/column`, and Conflict where `based_on` is no longer the number of the
    present suite.
    """
    problems = problems_of(dataset, expectations)
    if problems:
        raise DomainError(
            "bad_suite",
            "The suite was not saved: " + _count(len(problems)),
            errors=problems,
        )
    wanted = rules.tidy(expectations)
    with deed(dataset.product, actor, "suite.saved", subject=dataset.subject) as done:
        locked = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        present = locked.current_suite
        if based_on is not None and based_on != (present.number if present else 0):
            raise Conflict("suite_changed", "Somebody else has saved the suite meanwhile.")
        if present is not None and present.expectations == wanted:
            done.nothing_happened()
            return present
        saved = _store(dataset, wanted, actor=actor)
        done.data.update(suite=saved.number, checks=len(wanted))
        propose_obsolete(
            dataset.subject, orphaned_findings(dataset), source=SOURCE_OF_RUNS, actor=actor
        )
    return saved


def reread_suite(
    dataset: Dataset, before: Sequence[Mapping[str, Any]], *, actor: Actor
) -> list[str]:
    """Bring the suite from the schema before to the present one, within the caller's deed and
    lock: sets, bounds and conditions become of the type of their column. The changed checks, in
    words.

    Raises DomainError naming a check that can't follow.
    """
    present = present_expectations(dataset)
    known = {(problem.pointer, problem.code) for problem in rules.problems(present, before)}
    suite, unfit = rules.reread(present, _retyped(before, dataset.schema))
    unfit += [
        problem
        for problem in problems_of(dataset, suite)
        if (problem.pointer, problem.code) not in known
    ]
    if present and unfit:
        position = int(unfit[0].pointer.split("/")[2])
        raise DomainError(
            "suite_unfit",
            f"Nothing was changed, for check {position + 1} ({_named(present[position])}) would "
            f"fail on every value; change that check first.",
            errors=unfit,
        )
    changed = [_named(new) for old, new in zip(present, suite, strict=True) if new != old]
    if changed:
        _store(dataset, suite, actor=actor)
    return changed


def _retyped(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """The columns that are read as another type, and which."""
    types = {column["name"]: column["type"] for column in before}
    return {c["name"]: c["type"] for c in after if types.get(c["name"]) != c["type"]}


def _named(expectation: Expectation) -> str:
    columns = ", ".join(rules.columns_of(expectation["kwargs"]))
    words = rules.words(expectation)
    return f"{columns}: {words}" if columns else words


def _store(dataset: Dataset, wanted: list[dict[str, Any]], *, actor: Actor) -> SuiteVersion:
    """Write the next version of the suite; the caller holds the dataset's lock."""
    last = dataset.suite_versions.aggregate(last=Max("number"))["last"] or 0
    saved = SuiteVersion.objects.create(
        dataset=dataset,
        number=last + 1,
        expectations=wanted,
        saved_by=actor.user,
        needs_approval=dataset.suite_versions.filter(approved_at__isnull=False).exists(),
    )
    Dataset.objects.filter(pk=dataset.pk).update(current_suite=saved)
    dataset.current_suite = saved
    return saved


def retire(dataset: Dataset, orphans: Sequence[Finding], *, actor: Actor) -> int:
    """Mark these findings obsolete, whose checks stand in the suite no more; how many those
    were."""
    if not orphans:
        return 0
    gone = [finding.pk for finding in orphans]
    with deed(dataset.product, actor, "suite.findings_retired", subject=dataset.subject) as done:
        for finding in orphans:
            mark_obsolete(finding, actor=actor)
        done.data["findings"] = gone
    return len(gone)


def accept_suggestions(
    dataset: Dataset, positions: Collection[int] | None = None, *, actor: Actor
) -> SuiteVersion:
    """Add suggestions of the present profile to the suite, by position or all of them.

    What stands in the suite already is left alone. Raises DomainError where there is no such
    suggestion.
    """
    profile = getattr(dataset.current_version, "profile", None)
    suggested = profile.suggestions if profile is not None else []
    wanted = range(len(suggested)) if positions is None else sorted(set(positions))
    if not suggested or any(not 0 <= position < len(suggested) for position in wanted):
        raise DomainError(
            "no_suggestion", "There is no such suggestion; look at the profile again."
        )
    present = present_expectations(dataset)
    known = [rules.check_of(expectation) for expectation in present]
    fresh = [
        expectation
        for expectation in (suggested[position]["expectation"] for position in wanted)
        if rules.check_of(expectation) not in known
    ]
    return save_suite(dataset, [*present, *fresh], actor=actor)


def approve_suite(suite: SuiteVersion, *, actor: Actor) -> SuiteVersion:
    """Say that the suite in force was looked at and is right. From the first time on, gates of the
    dataset stay shut while its suite waits for approval.

    Raises Conflict for one that is not in force any more, and DomainError for whoever saved it.
    """
    dataset = suite.dataset
    with deed(dataset.product, actor, "suite.approved", subject=dataset.subject) as done:
        present = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        suite.refresh_from_db(fields=["approved_at", "approved_by"])
        if present.current_suite_id != suite.pk:
            raise Conflict(
                "suite_changed",
                f"Suite {suite.number} is not in force any more; look at what changed.",
            )
        if suite.saved_by_id is not None and suite.saved_by_id == getattr(actor.user, "pk", None):
            raise DomainError("own_suite", "Whoever saved a suite lets somebody else approve it.")
        if suite.approved_at is not None:
            done.nothing_happened()
            return suite
        suite.approved_at, suite.approved_by = done.at, actor.user
        suite.needs_approval = False
        suite.save(update_fields=["approved_at", "approved_by", "needs_approval"])
        done.data["suite"] = suite.number
    return suite


def bring_back(suite: SuiteVersion, *, actor: Actor, based_on: int | None = None) -> SuiteVersion:
    """Make the checks of an old suite the suite again, as a new version.

    Raises DomainError where the data has changed so that they fit no more.
    """
    return save_suite(suite.dataset, suite.expectations, actor=actor, based_on=based_on)


def copy_checks(
    source: Dataset,
    target: Dataset,
    positions: Collection[int] | None = None,
    *,
    actor: Actor,
) -> Copied:
    """Add checks of one dataset to the suite of another, by position or all of them.

    What the other has already stays as it is there; what does not fit its columns is left out.
    Raises DomainError where there is no such check.
    """
    checks = [of_another(expectation) for expectation in chosen_checks(source, positions)]
    return take_over(target, checks, actor=actor)


@dataclass(frozen=True)
class SortedOut:
    """Checks from elsewhere against a dataset: those that it would take, those that stand in its
    suite already, and those that do not fit its columns, with why."""

    fresh: Sequence[Expectation]
    known: Sequence[Expectation]
    unfit: Sequence[tuple[Expectation, str]]

    def as_copied(self) -> Copied:
        """The same in words."""
        return Copied(
            [_named(expectation) for expectation in self.fresh],
            [_named(expectation) for expectation in self.known],
            [(_named(expectation), why) for expectation, why in self.unfit],
        )


def chosen_checks(
    dataset: Dataset, positions: Collection[int] | None = None
) -> list[dict[str, Any]]:
    """Checks of its suite by position, in order, or all of them. Raises DomainError where there is
    no such check."""
    offered = present_expectations(dataset)
    wanted = range(len(offered)) if positions is None else sorted(set(positions))
    if not wanted or any(not 0 <= position < len(offered) for position in wanted):
        raise DomainError("no_check", "Choose checks that stand in the suite.")
    return [offered[position] for position in wanted]


def sorted_out(target: Dataset, checks: Sequence[Expectation]) -> SortedOut:
    """What a dataset would take of these checks; changes nothing."""
    known = [rules.check_of(expectation) for expectation in present_expectations(target)]
    fresh: list[Expectation] = []
    there: list[Expectation] = []
    unfit: list[tuple[Expectation, str]] = []
    for expectation in checks:
        if rules.check_of(expectation) in known:
            there.append(expectation)
        elif problems := problems_of(target, [expectation]):
            unfit.append((expectation, problems[0].detail))
        else:
            fresh.append(expectation)
    return SortedOut(fresh, there, unfit)


def take_over(target: Dataset, checks: Sequence[Expectation], *, actor: Actor) -> Copied:
    """Add to the suite of a dataset what it has not yet of these checks and what fits it."""
    found = sorted_out(target, checks)
    if found.fresh:
        number = target.current_suite.number if target.current_suite else 0
        suite = [*present_expectations(target), *found.fresh]
        save_suite(target, suite, actor=actor, based_on=number)
    return found.as_copied()


def of_another(expectation: Expectation) -> dict[str, Any]:
    """A check as it stands elsewhere: what a profile found there was about other rows, and a
    version to hold it against is one of the other dataset: there it is the version before."""
    meta = {name: value for name, value in expectation["meta"].items() if name != "suggested"}
    kwargs = {
        name: value
        for name, value in expectation["kwargs"].items()
        if not (name == "reference" and isinstance(value, int))
    }
    return {**expectation, "kwargs": kwargs, "meta": meta}


def present_expectations(dataset: Dataset) -> list[dict[str, Any]]:
    """The expectations in force, in order."""
    return list(dataset.current_suite.expectations) if dataset.current_suite else []


def problems_of(dataset: Dataset, expectations: Sequence[Expectation]) -> list[FieldError]:
    """Everything that is wrong with a suite for this dataset, before it is saved."""
    found = rules.problems(expectations, dataset.schema)
    return found or _problems_of_references(dataset, expectations)


def _problems_of_references(
    dataset: Dataset, expectations: Sequence[Expectation]
) -> list[FieldError]:
    """Versions that checks are to be held against, and that there are not."""
    named = {
        position: reference
        for position, expectation in enumerate(expectations)
        if isinstance(reference := (expectation.get("kwargs") or {}).get("reference"), int)
    }
    if not named:
        return []
    known = set(dataset.versions.filter(number__in=named.values()).values_list("number", flat=True))
    return [
        FieldError(
            f"/expectations/{position}/kwargs/reference",
            "no_version",
            f"There is no version {reference}.",
        )
        for position, reference in named.items()
        if reference not in known
    ]


def _count(number: int) -> str:
    return "one thing is wrong." if number == 1 else f"{number} things are wrong."
