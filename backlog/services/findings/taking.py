"""Evidence files the work: the one way in which a machine touches the backlog."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from backlog.models import (
    Actor,
    ActorKind,
    Category,
    EvidenceSource,
    Finding,
    Item,
    KnownCheck,
    Occurrence,
    StoredReport,
)
from backlog.rules import evidence as rules
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.finding_life import Batch, Step, next_step
from backlog.rules.severity import Priority, priority
from backlog.services.deeds import Deed, deed
from backlog.services.evidence_items import (
    bring_back,
    file_items,
    follow_green,
    item_title,
    lock_items_of,
    retitle,
    say,
)
from backlog.services.finding_history import Stood, note_transitions, standing_now
from backlog.services.findings.reports import EvidenceReport, Filed
from backlog.services.findings.standing import (
    closers_of,
    items_to_finish,
    set_obsolete,
    set_open,
    set_resolved,
    standing_of,
    write_findings,
)
from backlog.services.ranks import lock_all_backlogs
from mlscrum.lib.errors import Refused


def report(report: EvidenceReport, *, actor: Actor) -> Filed:
    """Take a whole report in one transaction: each trouble becomes, or stays, one finding.

    Afterwards findings, their items and occurrences stand as the life table of a finding says.
    Evidence that is not tracked is stored and touches nothing. Raises Refused where the actor
    doesn't speak for the source.
    """
    product = report.product
    with deed(product, actor, "evidence.reported", subject=report.subject) as done:
        # Two deliveries of one report wait for each other here, before anything is read.
        lock_all_backlogs(product)
        _refuse_other_voices(report, actor)
        known = StoredReport.objects.filter(
            product=product, source=report.source, key=report.key
        ).first()
        if known is not None:
            done.nothing_happened()
            return Filed(**known.filed)
        taking = _Taking(report, actor, done)
        filed = taking.take()
        done.data.update(
            source=report.source,
            **{name: value for name, value in asdict(filed).items() if name != "findings"},
        )
        return filed


def _refuse_other_voices(report: EvidenceReport, actor: Actor) -> None:
    """Let only those who speak for a source report in its name: nobody else's word turns its
    findings green.

    A person's source is theirs alone. All tokens of the product speak with one voice, so that
    they can be renewed, and take over what a person began.
    """
    if report.source in rules.OUR_SOURCES or actor.kind == ActorKind.SYSTEM:
        return
    source, _ = EvidenceSource.objects.get_or_create(
        product=report.product, name=report.source, defaults={"user": actor.user}
    )
    if source.user == actor.user:
        return
    if actor.user is not None:
        raise Refused(
            "not_your_source",
            f"Others report as {report.source} here; choose a source name of your own, or use a "
            "token of the product.",
        )
    source.user = None
    source.save(update_fields=["user"])


class _Taking:
    """One report on its way in."""

    def __init__(self, report: EvidenceReport, actor: Actor, done: Deed) -> None:
        self.report, self.actor, self.done = report, actor, done
        self.product = report.product
        self.batch = Batch(report.batch_key, report.batch_at, done.at)
        self.green_batches = report.subject.green_batches if report.subject else 1
        self.filed = Filed(
            tracked=rules.is_tracked(
                report.context, self.product.tracked_environments, self.product.tracked_branches
            )
        )
        self.inputs: dict[str, list[Any]] = {}
        self.errored_checks: dict[str, list[str]] = {}
        self.seen = self._seen()
        self.obsolete: set[str] = set()
        self.judged = {
            print_
            for print_, observation in self.seen.items()
            if observation.check != rules.EXECUTION
            and observation.outcome in {Outcome.PASSED, Outcome.FAILED}
        }
        self.found: dict[str, Finding] = {}
        self.stood: dict[int, Stood] = {}
        self.items: dict[int, Item] = {}
        self.steps: dict[str, Step] = {}
        self.to_file: list[Finding] = []
        self.to_bring_back: list[Finding] = []
        self.to_finish: list[Item] = []
        self.comments: list[tuple[Item, str]] = []
        self.titled: list[tuple[Item, str]] = []

    def take(self) -> Filed:
        self._look_up()
        self._decide()
        self._apply()
        self._follow()
        if self.filed.tracked:
            self._carry_out()
        else:
            self._would_have()
        self.filed.findings = [
            self.found[print_].pk if print_ in self.found else None for print_ in self.prints
        ]
        self.stored.filed, self.stored.awaiting = asdict(self.filed), self.filed.awaiting
        self.stored.save(update_fields=["filed", "awaiting"])
        return self.filed

    def _carry_out(self) -> None:
        """Write what was decided."""
        self.stored = self._store()
        Finding.objects.bulk_create(f for f in self._touched() if f._state.adding)
        bring_back(self.product, self._coming_back(), self.done)
        retitle(self.titled, self.done)
        self._file()
        follow_green(self.product, self.to_finish, self.done)
        write_findings(self._touched())
        note_transitions(self._touched(), self.done.at, before=self.stood)
        say(self.comments)
        self._write_occurrences()
        self._remember_checks()

    def _would_have(self) -> None:
        """Store what was seen, and touch nothing else."""
        self.stored = self._store()
        for finding in self.to_file:
            self._told_of(finding).append(finding.title)

    # What the report says ------------------------------------------------------------------

    def _seen(self) -> dict[str, Observation]:
        """One observation per fingerprint: twins merged, checks that could not run grouped."""
        groups: dict[str, list[Observation]] = {}
        self.prints: list[str] = []
        observations = self.report.observations
        for observation in observations:
            print_ = self._print(observation)
            self.prints.append(print_)
            groups.setdefault(print_, []).append(observation)
        self.reported = frozenset(groups)
        seen = {print_: rules.merged(twins) for print_, twins in groups.items()}
        errored = [o for o in observations if o.outcome == Outcome.ERRORED]
        name = self.report.subject.name if self.report.subject else self.report.source
        for failure in rules.execution_failures(errored, name):
            code_print = self._print(failure)
            seen[code_print] = failure
            for position, observation in enumerate(observations):
                code = str(observation.evidence.get("error_code", "error"))
                if observation.outcome == Outcome.ERRORED and code == failure.identity["code"]:
                    self.errored_checks.setdefault(code_print, []).append(self.prints[position])
                    self.prints[position] = code_print
        return seen

    def _print(self, observation: Observation) -> str:
        subject = self.report.subject
        inputs = rules.fingerprint_inputs(
            subject.kind if subject else "", subject.slug if subject else "", observation
        )
        print_ = rules.fingerprint(inputs)
        self.inputs[print_] = inputs
        return print_

    def _look_up(self) -> None:
        """The findings of these checks, and open execution findings that may have passed."""
        mine = Finding.objects.filter(product=self.product, source=self.report.source)
        silent = mine.filter(
            subject=self.report.subject, is_execution=True, state=Finding.State.OPEN
        ).exclude(fingerprint__in=list(self.seen))
        for finding in silent:
            judged = self.judged.intersection(finding.errored_checks)
            if not judged and not self._has_lost(finding):
                continue
            if not judged:
                self.obsolete.add(finding.fingerprint)
            self.seen[finding.fingerprint] = Observation(
                check=rules.EXECUTION,
                identity={},
                title=finding.title,
                outcome=Outcome.PASSED,
                fingerprint=finding.fingerprint,
            )
        unlocked = list(mine.filter(fingerprint__in=list(self.seen)))
        self.items = lock_items_of(self.product, unlocked)
        rows = (
            mine.filter(fingerprint__in=list(self.seen))
            .select_for_update(no_key=True, of=("self",))
            .select_related("subject__owner")
            .order_by("fingerprint")
        )
        self.found = {finding.fingerprint: finding for finding in rows}
        self.stood = standing_now(self.found.values())
        for finding in self.found.values():
            if finding.item_id in self.items:
                finding.item = self.items[finding.item_id]

    def _decide(self) -> None:
        self.steps = {print_: self._next(print_) for print_ in self.seen}
        restored = self._restored()
        for print_, finding in self.found.items():
            if finding.muted_with_item and finding.item_id in restored:
                set_open(finding)
                self.steps[print_] = self._next(print_)

    def _next(self, print_: str) -> Step:
        observation, finding = self.seen[print_], self.found.get(print_)
        item = self.items.get(finding.item_id or 0) if finding else None
        step = next_step(
            standing_of(finding, item) if finding else None,
            observation.outcome,
            self.batch,
            excess=observation.excess,
            green_batches=1 if finding and finding.is_execution else self.green_batches,
        )
        if step == Step.RESOLVE and finding and self._still_errored(finding):
            return Step.GREEN
        return step

    def _restored(self) -> set[int]:
        """The items that come back from the trash."""
        return {
            item.pk
            for print_, finding in self.found.items()
            if (item := self.items.get(finding.item_id or 0)) is not None
            and item.deleted_at is not None
            and self._comes_back(finding, self.steps[print_])
        }

    def _has_lost(self, finding: Finding) -> bool:
        """Whether the checks of an execution finding are asked no more: their rules are gone."""
        return self.report.is_whole and not self.reported.intersection(finding.errored_checks)

    def _still_errored(self, finding: Finding) -> list[str]:
        """The checks that an execution finding waits for, once this report is taken: those that
        it did not judge, unless it is whole and they are asked no more."""
        waiting = [
            check
            for check in finding.errored_checks
            if check not in self.judged and (check in self.reported or not self.report.is_whole)
        ]
        return list(dict.fromkeys([*waiting, *self.errored_checks.get(finding.fingerprint, [])]))

    # What it does --------------------------------------------------------------------------

    def _apply(self) -> None:
        """Take each step in memory, and note which findings are to be filed or brought back."""
        awaiting = self._awaiting()
        for print_, step in self.steps.items():
            observation = self.seen[print_]
            if step == Step.FILE:
                self.found[print_] = self._new_finding(print_, observation)
            finding = self.found.get(print_)
            if finding is None or step == Step.NOTHING:
                continue
            if observation.outcome == Outcome.FAILED:
                self._on_red(finding, observation, step)
                if print_ in awaiting:
                    finding.awaiting_decision = True
                elif self._comes_back(finding, step):
                    self.to_bring_back.append(finding)
                elif self._wants_item(finding, step):
                    self.to_file.append(finding)
            else:
                self._on_green(finding, step)
        self.filed.awaiting = len(awaiting)

    def _follow(self) -> None:
        """Note what follows for the items that are there, and what is said on them."""
        coming_back = self._coming_back()
        closers = closers_of(coming_back)
        for finding in self.to_bring_back:
            item = self.items[finding.item_id or 0]
            closer = closers.get(item.pk)
            mark = ", regressed" if finding.regressed else ""
            told = f" {closer} had set it to done." if closer else ""
            self.comments.append((item, f"Red again{mark}: {finding.title}.{told}"))
        self.filed.reopened = [item.ref for item in coming_back]
        resolved = [
            self.found[print_] for print_, step in self.steps.items() if step == Step.RESOLVE
        ]
        self.to_finish = items_to_finish(
            self.product, resolved, self.items, self.comments, known=list(self.found.values())
        )
        self.filed.resolved = [item.ref for item in self.to_finish]

    def _coming_back(self) -> list[Item]:
        ids = dict.fromkeys(finding.item_id or 0 for finding in self.to_bring_back)
        return [self.items[pk] for pk in ids]

    def _awaiting(self) -> set[str]:
        """Fingerprints of new checks that wait for a yes, since too many would be filed at once."""
        fresh = [
            print_
            for print_, step in self.steps.items()
            if step == Step.FILE and self.seen[print_].check != rules.EXECUTION
        ]
        known = set(
            KnownCheck.objects.filter(
                product=self.product, source=self.report.source, fingerprint__in=fresh
            ).values_list("fingerprint", flat=True)
        )
        new = {
            print_
            for print_ in fresh
            if print_ not in known and self._is_filed_from(priority(self.seen[print_].score))
        }
        return new if len(new) > self.product.first_run_limit else set()

    def _is_filed_from(self, urgency: str) -> bool:
        return urgency <= self.product.file_from

    def _comes_back(self, finding: Finding, step: Step) -> bool:
        """Whether the finding's item returns: from done, or from the trash."""
        item = self.items.get(finding.item_id or 0)
        if item is None:
            return False
        if step == Step.REOPEN:
            return True
        if item.deleted_at is not None:
            return step in {Step.OCCUR, Step.UNMUTE}
        return step == Step.UNMUTE and item.status.category == Category.DONE

    def _wants_item(self, finding: Finding, step: Step) -> bool:
        if step == Step.RECUR:
            return True
        return (
            finding.item_id is None
            and step in {Step.FILE, Step.OCCUR, Step.REOPEN, Step.UNMUTE}
            and not finding.awaiting_decision
            and (finding.is_execution or self._is_filed_from(finding.priority))
        )

    def _new_finding(self, print_: str, observation: Observation) -> Finding:
        is_execution = observation.check == rules.EXECUTION
        return Finding(
            product=self.product,
            source=self.report.source,
            fingerprint=print_,
            fingerprint_inputs=self.inputs[print_],
            subject=self.report.subject,
            check_name=observation.check,
            title=observation.title[:250],
            is_execution=is_execution,
            severity=observation.severity,
            priority=Priority.P4,
            first_seen=self.done.at,
            last_seen=self.done.at,
            last_batch_at=self.batch.at,
            last_failed_at=self.done.at,
        )

    def _on_red(self, finding: Finding, observation: Observation, step: Step) -> None:
        finding.occurrence_count += 1
        finding.last_seen = finding.last_failed_at = self.done.at
        self._note_batch(finding)
        if step == Step.COUNT:
            return
        item = self.items.get(finding.item_id or 0)
        # A title that differs is somebody's own.
        follows = item is not None and item.title == item_title(finding.title)
        self._refresh(finding, observation)
        if item is not None and follows and step != Step.RECUR:
            self.titled.append((item, item_title(finding.title)))
        finding.green_batch_keys = []
        finding.recovered = False
        if step in {Step.REOPEN, Step.RECUR}:
            finding.regressed = step == Step.REOPEN
            finding.awaiting_evidence = False
        if step in {Step.REOPEN, Step.RECUR, Step.UNMUTE}:
            set_open(finding)
        if item is not None and step == Step.OCCUR:
            self.filed.updated.append(item.ref)
            if item.backlog.is_running_sprint:
                self.comments.append((item, f"Still red: {finding.title}"))

    def _refresh(self, finding: Finding, observation: Observation) -> None:
        finding.title = observation.title[:250]
        finding.severity, finding.excess = observation.severity, observation.excess
        finding.score = observation.score
        if finding.priority_set_by_id is None:
            finding.priority = priority(finding.score)
        finding.evidence = {**observation.evidence, "context": dict(self.report.context)}
        finding.errored_checks = self._still_errored(finding)

    def _on_green(self, finding: Finding, step: Step) -> None:
        finding.last_seen = self.done.at
        self._note_batch(finding)
        if step == Step.COUNT:
            return
        finding.errored_checks = self._still_errored(finding)
        finding.green_batch_keys = sorted({*finding.green_batch_keys, self.batch.key})
        if step == Step.RESOLVE and finding.fingerprint in self.obsolete:
            set_obsolete(finding, self.done.at)
        elif step == Step.RESOLVE:
            set_resolved(finding, Finding.Reason.GREEN, self.done.at)
            finding.resolved_batch_at = self.batch.at

    def _note_batch(self, finding: Finding) -> None:
        if self.batch.at >= finding.last_batch_at:
            finding.last_batch_key, finding.last_batch_at = self.batch.key, self.batch.at

    # What is kept --------------------------------------------------------------------------

    def _file(self) -> None:
        findings = self.to_file
        former = {
            finding.pk: self.items[finding.item_id]
            for finding in findings
            if finding.item_id in self.items
        }
        for finding in findings:
            finding.awaiting_decision = False
        file_items(
            self.product,
            findings,
            kind=self.report.item_kind,
            actor=self.actor,
            recurs_from=former,
        )
        by_finding = {finding.pk: finding for finding in findings}
        for pk, old in former.items():
            new = by_finding[pk].item
            if new is not None:
                self.comments.append((old, f"Red again after more than 30 days: see {new.ref}."))
        for finding in findings:
            if finding.item is not None:
                self._told_of(finding).append(finding.item.ref)

    def _told_of(self, finding: Finding) -> list[str]:
        return self.filed.errored if finding.is_execution else self.filed.created

    def _store(self) -> StoredReport:
        return StoredReport.objects.create(
            product=self.product,
            source=self.report.source,
            key=self.report.key,
            subject=self.report.subject,
            batch_key=self.batch.key,
            batch_at=self.batch.at,
            reported_at=self.done.at,
            trigger=self.report.trigger,
            context=dict(self.report.context),
            tracked=self.filed.tracked,
            observations=[] if self.filed.tracked else self._as_seen(),
        )

    def _as_seen(self) -> list[dict[str, Any]]:
        return [
            {
                "fingerprint": print_,
                "check": observation.check,
                "title": observation.title,
                "outcome": observation.outcome,
                "severity": observation.severity,
                "excess": observation.excess,
                "score": observation.score,
                "evidence": dict(observation.evidence),
            }
            for print_, observation in zip(self.prints, self.report.observations, strict=True)
        ]

    def _touched(self) -> list[Finding]:
        return [self.found[print_] for print_, step in self.steps.items() if step != Step.NOTHING]

    def _write_occurrences(self) -> None:
        Occurrence.objects.bulk_create(
            Occurrence(
                finding=self.found[print_],
                report=self.stored,
                outcome=self.seen[print_].outcome,
                severity=self.seen[print_].severity,
                excess=self.seen[print_].excess,
                score=self.seen[print_].score,
                evidence=dict(self.seen[print_].evidence),
                item=self.found[print_].item,
                batch_key=self.batch.key,
                batch_at=self.batch.at,
                seen_at=self.done.at,
            )
            for print_, step in self.steps.items()
            if step != Step.NOTHING
        )

    def _remember_checks(self) -> None:
        KnownCheck.objects.bulk_create(
            (
                KnownCheck(product=self.product, source=self.report.source, fingerprint=print_)
                for print_, observation in self.seen.items()
                if observation.outcome in {Outcome.PASSED, Outcome.FAILED}
            ),
            ignore_conflicts=True,
        )
