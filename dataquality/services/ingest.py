"""Results of checks that ran elsewhere: matched to datasets, kept as runs, reported as evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Item, Kind, Measurement, Product, StoredReport
from backlog.rules.evidence import (
    OUR_SOURCES,
    Observation,
    canonical,
    fingerprint,
    fingerprint_inputs,
    is_tracked,
)
from backlog.rules.evidence import Outcome as Verdict
from backlog.rules.posted import without_credentials
from backlog.rules.severity import Severity
from backlog.services import findings
from backlog.services.deeds import deed
from backlog.services.findings import EvidenceReport, Filed
from dataquality.engine import redact, suites, titles
from dataquality.engine.running import CheckResult
from dataquality.ingest.formats import Format
from dataquality.ingest.posted import PostedCheck, PostedReport, limited
from dataquality.models import UNNAMED, Dataset, Result, Run, RunState, Trigger
from dataquality.queries.gates import Gate, dataset_gate, gate_of_checks
from dataquality.queries.known_names import Known, known_datasets
from dataquality.rules import gates, health
from dataquality.services.datasets import DatasetDraft, register_without_data
from dataquality.services.values import policy_of
from mlscrum.lib.errors import Conflict, DomainError

USUAL_SOURCE = "ci"
CLOCKS_DIFFER_BY = timedelta(minutes=5)
FILED = ("created", "updated", "reopened", "resolved", "errored")


@dataclass(frozen=True)
class Posting:
    """What somebody posts: reports of one format, and what they say about them.

    All is about `dataset` where one is named; else each report is matched by its names, and with
    `create_missing` datasets are made for those that match none. `batch` and `as_of` take the
    place of what the reports say. `commit` and the like stand in `context`.
    """

    form: str
    reports: Sequence[PostedReport]
    source: str = USUAL_SOURCE
    dataset: Dataset | None = None
    new_name: str = ""
    create_missing: bool = False
    context: Mapping[str, Any] = field(default_factory=dict)
    external_id: str = ""
    batch: str = ""
    as_of: datetime | None = None
    fail_on: str = Severity.CRITICAL.value


@dataclass(frozen=True)
class Taken:
    """What became of one report: its run (None where it is about no dataset), gate and effects.
    `is_new` is false where it had been taken before."""

    dataset: Dataset | None
    run: Run | None
    gate: Gate
    filed: Filed
    is_new: bool = True


@dataclass
class Posted:
    """What became of a posting. `unmatched` are names that no dataset here is known by, each with
    the number of its results; `made` are datasets that were made for it."""

    taken: list[Taken] = field(default_factory=list)
    unmatched: list[tuple[str, int]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    @property
    def run(self) -> Run | None:
        """The one run, where there is one."""
        runs = [taken.run for taken in self.taken if taken.run is not None]
        return runs[0] if len(runs) == 1 else None

    @property
    def tracked(self) -> bool:
        return all(taken.filed.tracked for taken in self.taken)

    @property
    def awaiting(self) -> int:
        return sum(taken.filed.awaiting for taken in self.taken)

    def refs(self, name: str) -> list[str]:
        """`created`, `updated`, `reopened`, `resolved` or `errored` over all of it."""
        found = [ref for taken in self.taken for ref in getattr(taken.filed, name)]
        return list(dict.fromkeys(found))

    @property
    def state(self) -> str:
        """That of all gates together: the worst."""
        states = {taken.gate.state for taken in self.taken}
        for worst in (gates.State.FAILED, gates.State.UNKNOWN):
            if worst in states:
                return worst
        return gates.State.PASSED


def post_results(
    product: Product, posting: Posting, *, actor: Actor, dry_run: bool = False
) -> Posted:
    """Take what was posted: each report in one transaction of its own, by the one path of evidence.

    The same report again changes nothing and answers what it answered then. With `dry_run` nothing
    is changed at all, and new items are told by their titles. Raises DomainError where a name is
    nobody's, a time lies in the future, an external id stood for other content, or others speak
    for the source; Refused and ValidationError as the services below do.
    """
    _check(posting)
    limited(sum(len(report.checks) for report in posting.reports))
    if not dry_run:
        return _post(product, posting, actor)
    with transaction.atomic():
        posted = _post(product, posting, actor)
        posted.taken = [_as_forecast(product, taken) for taken in posted.taken]
        transaction.set_rollback(True)
    return posted


def _check(posting: Posting) -> None:
    if posting.source in OUR_SOURCES:
        raise DomainError(
            "our_source", f"{posting.source} is the source of our own runs; choose another name."
        )
    latest = timezone.now() + CLOCKS_DIFFER_BY
    times = [posting.as_of, *(report.checked_at for report in posting.reports)]
    if any(at is not None and at > latest for at in times):
        raise DomainError("future", "These results are of a time to come; check the clock there.")


def _post(product: Product, posting: Posting, actor: Actor) -> Posted:
    posted = Posted()
    known = known_datasets(product)
    seen: dict[int, int] = {}
    for report in posting.reports:
        dataset = posting.dataset or _matched(product, posting, report, known, posted, actor)
        if dataset is None and _is_about_data(posting):
            continue
        place = 0
        if dataset is not None:
            place = seen.get(dataset.pk, 0)
            seen[dataset.pk] = place + 1
        taking = _Taking(product, posting, report, dataset, place, actor)
        posted.taken.append(taking.take())
    if not posted.taken:
        names = ", ".join(name for name, _ in posted.unmatched[:5])
        raise DomainError(
            "no_dataset",
            f"No dataset here is known as {names or 'what these results are about'}. Name one in "
            "dataset, add the name in the settings of one, or send create_missing.",
            unmatched=[{"name": name, "results": number} for name, number in posted.unmatched],
        )
    return posted


def _is_about_data(posting: Posting) -> bool:
    """Tests and results in our own words may be about the product as a whole."""
    return posting.form in {Format.GX, Format.DBT} or bool(posting.new_name)


def _matched(
    product: Product,
    posting: Posting,
    report: PostedReport,
    known: Known,
    posted: Posted,
    actor: Actor,
) -> Dataset | None:
    name = posting.new_name or report.name
    is_ambiguous = sum(other.bare == report.bare for other in posting.reports) > 1
    is_one_asset = posting.form == Format.GX
    bare = report.bare if is_one_asset or not is_ambiguous else ""
    dataset = None if posting.new_name else known.find(report.names, bare)
    if dataset is not None or not _is_about_data(posting):
        return dataset
    if not (posting.create_missing and name):
        posted.unmatched.append((name or "no name", len(report.checks)))
        return None
    dataset = register_without_data(
        product,
        DatasetDraft(name=name[:120], known_as=[name[:250] for name in report.names]),
        actor=actor,
    )
    known.add(dataset)
    posted.made.append(dataset.slug)
    return dataset


class _Taking:
    """One report on its way in."""

    def __init__(
        self,
        product: Product,
        posting: Posting,
        report: PostedReport,
        dataset: Dataset | None,
        place: int,
        actor: Actor,
    ) -> None:
        self.product, self.posting, self.report = product, posting, report
        self.dataset, self.actor = dataset, actor
        self.context = dict(posting.context)
        self.is_tracked = is_tracked(
            self.context, product.tracked_environments, product.tracked_branches
        )
        self.now = timezone.now()
        self.checked_at = min(report.checked_at or posting.as_of or self.now, self.now)
        self.batch_at = posting.as_of or self.checked_at
        self.digest = self._digest()
        self.key = self._key(place)

    def take(self) -> Taken:
        return self._of_product() if self.dataset is None else self._of_dataset(self.dataset)

    def _of_dataset(self, dataset: Dataset) -> Taken:
        with deed(self.product, self.actor, "evidence.reported", subject=dataset.subject) as done:
            # The sample policy may become stricter meanwhile, and the same may come twice.
            dataset = (
                Dataset.objects.select_for_update(no_key=True, of=("self",))
                .select_related("subject__product")
                .get(pk=dataset.pk)
            )
            known = self._known_run()
            if known is not None:
                done.nothing_happened()
                return self._again(dataset, known)
            run, filed = self._written(dataset)
            done.data["run"] = run.pk
        return Taken(dataset, run, self._gate(dataset, run), filed)

    def _of_product(self) -> Taken:
        """Results that are about no dataset: findings of the product, without a run."""
        observations = [
            _observation(self.product.name, result, self._links(), given)
            for result, given in zip(self._results(), self.report.checks, strict=True)
        ]
        known = StoredReport.objects.filter(
            product=self.product, source=self.posting.source, key=self.key
        ).exists()
        filed = self._reported(observations, None)
        state = health.run_state([observation.outcome for observation in observations])
        gate = gate_of_checks(
            state,
            [
                gates.Check(o.outcome, o.severity, result.title, finding)
                for o, result, finding in zip(
                    observations, self._results(), filed.findings, strict=True
                )
            ],
            fail_on=self.posting.fail_on,
            commit=self.context.get("commit"),
        )
        return Taken(None, None, gate, filed, is_new=not known)

    # What is written ---------------------------------------------------------------------------

    def _written(self, dataset: Dataset) -> tuple[Run, Filed]:
        results = self._kept(self._results(), dataset)
        statistics = health.statistics([(r.outcome, r.severity) for r in results])
        state = health.run_state([r.outcome for r in results])
        is_errored = state == RunState.ERRORED
        run = Run.objects.create(
            dataset=dataset,
            source=self.posting.source,
            engine=self.posting.form,
            trigger=Trigger.INGEST,
            batch_key=self._batch_key(dataset),
            batch_at=self.batch_at,
            external_id=self.posting.external_id,
            digest=self.digest,
            context=self.context,
            tracked=self.is_tracked,
            state=state,
            requested_by=self.actor.user,
            finished_at=self.checked_at,
            statistics=statistics.as_dict(),
            health=statistics.health,
            error_code="nothing_judged" if is_errored else "",
            error_detail="No check could say anything." if is_errored else "",
        )
        links = self._links() | {
            "url": reverse("dataquality:run", args=[self.product.key, run.pk]),
            "run": run.pk,
            "dataset": dataset.slug,
        }
        observations = [
            _observation(dataset.name, result, links, given)
            for result, given in zip(results, self.report.checks, strict=True)
        ]
        filed = self._reported(observations, dataset)
        subject = dataset.subject
        prints = [
            fingerprint(fingerprint_inputs(subject.kind, subject.slug, seen))
            for seen in observations
        ]
        Result.objects.bulk_create(
            _row(run, result, print_, finding if filed.tracked else None)
            for result, print_, finding in zip(results, prints, filed.findings, strict=True)
        )
        run.report = StoredReport.objects.get(
            product=self.product, source=self.posting.source, key=self.key
        )
        run.save(update_fields=["report"])
        if run.tracked and dataset.current_suite_id is None:
            Measurement.objects.create(
                subject=subject,
                batch_key=run.batch_key,
                batch_at=self.batch_at,
                measured_at=self.checked_at,
                health=statistics.health,
                executed=statistics.passed + statistics.failed,
                total=statistics.total,
                open_critical_errors=sum(
                    r.outcome == Verdict.ERRORED and r.severity == Severity.CRITICAL
                    for r in results
                ),
            )
        return run, filed

    def _reported(self, observations: Sequence[Observation], dataset: Dataset | None) -> Filed:
        return findings.report(
            EvidenceReport(
                product=self.product,
                source=self.posting.source,
                key=self.key,
                subject=dataset.subject if dataset else None,
                batch_key=self._batch_key(dataset),
                batch_at=self.batch_at,
                trigger=Trigger.INGEST,
                context=self.context,
                observations=observations,
                item_kind=Kind.DATA_ASSESSMENT if dataset else Kind.BUG,
                # Others may check other parts of the same data under this name.
                is_whole=False,
            ),
            actor=self.actor,
        )

    def _results(self) -> list[CheckResult]:
        return [_result(position, check) for position, check in enumerate(self.report.checks)]

    def _kept(self, results: Sequence[CheckResult], dataset: Dataset) -> list[CheckResult]:
        """The results as they may be stored."""
        policy = policy_of(dataset)
        return [
            replace(kept, message=redact.told(raw.message, policy))
            for kept, raw in zip(redact.results(results, policy), results, strict=True)
        ]

    def _links(self) -> dict[str, Any]:
        job = self.context.get("job_url")
        return {"url": job} if job else {}

    # What tells it from others -----------------------------------------------------------------

    def _digest(self) -> str:
        said = canonical(
            {
                "form": self.posting.form,
                "report": asdict(self.report),
                "context": self.context,
                "batch": self.posting.batch,
                "as_of": self.posting.as_of,
            }
        )
        return hashlib.sha256(said.encode()).hexdigest()

    def _key(self, place: int) -> str:
        slug = self.dataset.slug if self.dataset else ""
        if self.posting.external_id and self.dataset:
            return f"{self.posting.external_id}:{slug}" + (f":{place}" if place else "")
        if self.posting.external_id:
            return f"{self.posting.external_id}:{self.digest[:32]}"
        # Without a time of its own, the same content may well be of another day.
        has_time = self.report.checked_at is not None or self.posting.as_of is not None
        return f"{UNNAMED}{self.digest[:32] if has_time else uuid4().hex}:{slug}"

    def _batch_key(self, dataset: Dataset | None) -> str:
        """Dataset and the part of it that was looked at; of the whole, when that was."""
        part = self.posting.batch or self.report.batch
        if not part and self.posting.as_of is None and self.report.checked_at is None:
            part = self.posting.external_id or self.key
        part = part or self.batch_at.isoformat()
        whole = f"{dataset.slug}:{part}" if dataset else part
        return whole if len(whole) <= 200 else f"{whole[:160]}…{self.digest[:32]}"  # noqa: PLR2004

    def _known_run(self) -> Run | None:
        found: Run | None = (
            Run.objects.with_row()
            .select_related("report")
            .filter(
                report__product=self.product,
                report__source=self.posting.source,
                report__key=self.key,
            )
            .first()
        )
        return found

    def _again(self, dataset: Dataset, run: Run) -> Taken:
        if run.digest != self.digest:
            raise Conflict(
                "external_id_taken",
                f"Other results came as {self.posting.external_id} before (run {run.pk}); choose "
                "another external_id, such as the id of the job with that of its attempt.",
            )
        filed = Filed(**run.report.filed) if run.report else Filed()
        return Taken(dataset, run, self._gate(dataset, run), filed, is_new=False)

    def _gate(self, dataset: Dataset, run: Run) -> Gate:
        return dataset_gate(dataset, fail_on=self.posting.fail_on, run=run)


def _result(position: int, check: PostedCheck) -> CheckResult:
    """A posted check as a result of the engine, on its way to `redact`."""
    expectation = {"type": check.type, "kwargs": check.kwargs, "meta": check.meta}
    kind, identity = check.check, dict(check.identity)
    meta = dict(check.meta)
    if check.words:
        title = check.words
        meta["words"] = check.words
    else:
        kind, identity = suites.check_of(expectation)
        title = titles.of_check(expectation, {})
        if check.outcome == Verdict.FAILED:
            counts = {
                "unexpected_count": check.unexpected_count,
                "unexpected_percent": check.unexpected_percent,
                "element_count": check.element_count,
                "observed_value": check.observed_value,
            }
            # What others send may lack what a title is made of, such as the column.
            with suppress(KeyError, TypeError, ValueError):
                title = titles.of_failure(expectation, counts)
    return CheckResult(
        position=position,
        type=check.type,
        column=check.column,
        kwargs=check.kwargs,
        meta=meta,
        severity=check.severity,
        outcome=check.outcome,
        check=kind,
        identity=identity,
        title=title,
        observed_value=check.observed_value,
        element_count=check.element_count,
        unexpected_count=check.unexpected_count,
        unexpected_percent=check.unexpected_percent,
        excess=check.excess,
        sample=[dict(row) for row in check.sample],
        message=check.message,
        error_code=check.error_code,
    )


def _observation(
    about: str, result: CheckResult, links: Mapping[str, Any], given: PostedCheck
) -> Observation:
    """What the finding says: counts, names and links; the text of an error may quote values."""
    evidence: dict[str, Any] = {
        **given.evidence,
        **links,
        "column": result.column,
        "check": result.type,
        "element_count": result.element_count,
        "unexpected_count": result.unexpected_count,
        "unexpected_percent": result.unexpected_percent,
    }
    if result.outcome == Verdict.ERRORED:
        evidence["error_code"] = result.error_code
    where = f"{result.column}: " if result.column and given.words else ""
    return Observation(
        check=result.check,
        identity=result.identity,
        title=without_credentials(f"{about}: {where}{result.title}")[:250],
        outcome=Verdict(result.outcome),
        severity=Severity(result.severity),
        excess=result.excess,
        evidence=evidence,
        fingerprint=given.fingerprint or suites.given_name({"meta": result.meta}),
    )


def _row(run: Run, result: CheckResult, fingerprint: str, finding: int | None) -> Result:
    copied = (
        "position", "type", "column", "kwargs", "meta", "severity", "outcome", "observed_value",
        "element_count", "unexpected_count", "unexpected_percent", "excess", "sample", "message",
    )  # fmt: skip
    copies = {name: getattr(result, name) for name in copied}
    return Result(run=run, finding_id=finding, fingerprint=fingerprint, **copies)


def _as_forecast(product: Product, taken: Taken) -> Taken:
    """What would happen, without names of what will not be: new items by their titles."""
    new = [*taken.filed.created, *taken.filed.errored]
    if not taken.is_new or not taken.filed.tracked:
        new = []
    numbers = [int(ref.rpartition("-")[2]) for ref in new]
    named = Item.objects.filter(product=product, number__in=numbers).select_related("product")
    words = {item.ref: item.title for item in named}
    filed = replace(
        taken.filed,
        created=[words.get(ref, ref) for ref in taken.filed.created],
        errored=[words.get(ref, ref) for ref in taken.filed.errored],
        findings=[],
    )
    reasons = [
        replace(reason, finding=None, item=None)
        if reason.item in words or (taken.is_new and reason.finding in set(taken.filed.findings))
        else reason
        for reason in taken.gate.reasons
    ]
    run = taken.run if not taken.is_new else None
    gate = replace(taken.gate, reasons=reasons, run=run)
    return Taken(taken.dataset, run, gate, filed, is_new=taken.is_new)
