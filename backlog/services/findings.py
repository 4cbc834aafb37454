"""Evidence files the work: the one way in which a machine touches the backlog, and what people
decide about its findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import (
    Actor,
    ActorKind,
    Backlog,
    Category,
    Change,
    EvidenceSource,
    Finding,
    Item,
    Kind,
    KnownCheck,
    Occurrence,
    OnGreen,
    Product,
    StoredReport,
    Subject,
)
from backlog.rules import evidence as rules
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.finding_life import Batch, Standing, Step, next_step
from backlog.rules.severity import UNKNOWN_EXCESS, Priority, priority
from backlog.services.deeds import Deed, deed
from backlog.services.evidence_items import (
    FINISHED_BY_EVIDENCE,
    bring_back,
    file_items,
    follow_green,
    item_title,
    lock_items_of,
    retitle,
    say,
)
from backlog.services.finding_history import Stood, note_transitions, standing_now
from backlog.services.items import move_items, product_backlog, trash_item, update_item
from backlog.services.ranks import Spot, lock_all_backlogs
from mlscrum.lib.errors import Conflict, DomainError, Refused

UNTRACKED_LIFE = timedelta(days=30)
FIELDS_WRITTEN = [
    "title", "severity", "excess", "score", "priority", "state", "regressed", "awaiting_evidence",
    "awaiting_decision", "recovered", "last_seen", "last_batch_key", "last_batch_at",
    "last_failed_at", "green_batch_keys", "occurrence_count", "evidence", "item", "resolved_at",
    "resolved_reason", "resolved_by", "resolved_note", "resolved_batch_at", "muted_until",
    "muted_cap", "muted_with_item", "errored_checks",
]  # fmt: skip


@dataclass(frozen=True)
class EvidenceReport:
    """All that one source saw of one subject at once.

    `key` names the report within its source: the same key again changes nothing. `batch_key` and
    `batch_at` say which data was looked at; `item_kind` what its findings become. `is_whole`: it
    says all that the source has to say, as a run of a suite does; else only single checks.
    """

    product: Product
    source: str
    key: str
    subject: Subject | None
    batch_key: str
    batch_at: datetime
    observations: Sequence[Observation]
    trigger: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    item_kind: str = Kind.DATA_ASSESSMENT
    is_whole: bool = True


@dataclass
class Filed:
    """What a report did, as refs of items; where it is not tracked, what it would have done, with
    the titles of what it would have filed.

    `findings` has one entry per observation of the report: the id of its finding, or None.
    """

    tracked: bool = True
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    errored: list[str] = field(default_factory=list)
    awaiting: int = 0
    findings: list[int | None] = field(default_factory=list)


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
        _write(self._touched())
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
                _reopened(finding)
                self.steps[print_] = self._next(print_)

    def _next(self, print_: str) -> Step:
        observation, finding = self.seen[print_], self.found.get(print_)
        item = self.items.get(finding.item_id or 0) if finding else None
        step = next_step(
            _standing(finding, item) if finding else None,
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
        closers = _closers(coming_back)
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
        self.to_finish = _finished(
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
            _reopened(finding)
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
            _obsolete(finding, self.done.at)
        elif step == Step.RESOLVE:
            _resolved(finding, Finding.Reason.GREEN, self.done.at)
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


# What people decide ------------------------------------------------------------------------


def file_findings(findings: Sequence[Finding], *, actor: Actor) -> list[Item]:
    """File items for findings that wait in triage or for the yes to a first run."""
    waiting = [finding for finding in findings if finding.item_id is None]
    if not waiting:
        return []
    product = waiting[0].product
    with deed(product, actor, "finding.filed", findings=[f.pk for f in waiting]) as done:
        lock_items_of(product, waiting)
        locked = [
            f for f in _locked(waiting) if f.item_id is None and f.state == Finding.State.OPEN
        ]
        if not locked:
            done.nothing_happened()
        for finding in locked:
            finding.awaiting_decision = False
        items = file_items(product, locked, kind=Kind.DATA_ASSESSMENT, actor=actor)
        _write(locked)
    return items


def mute(
    finding: Finding,
    *,
    actor: Actor,
    until: datetime | None = None,
    cap: float | None = None,
    with_item: bool = False,
) -> Finding:
    """Count it silently: until a time, or until its excess passes the cap (percentage points).

    `with_item`: because its item goes into the trash; restoring the item takes the mute back.
    Raises Conflict for a finding that is resolved or obsolete.
    """
    if until is not None and until <= timezone.now():
        raise ValidationError({"until": "Choose a time in the future."})
    with _deed_on(finding, actor, "finding.muted") as (locked, done):
        if locked.state not in {Finding.State.OPEN, Finding.State.MUTED}:
            raise Conflict(
                "not_open", f"This finding is {locked.state}; reopen it before you mute it."
            )
        locked.state = Finding.State.MUTED
        locked.awaiting_decision = False
        locked.muted_until, locked.muted_cap, locked.muted_with_item = until, cap, with_item
        done.data["until"] = until.isoformat() if until else None
    return locked


def accept_level(findings: Sequence[Finding], *, actor: Actor) -> list[Finding]:
    """Accept today's level: mute each until it gets worse than it is now."""
    if not findings:
        return []
    together = [finding.pk for finding in findings]
    with deed(findings[0].product, actor, "finding.level_accepted", findings=together):
        return [mute(finding, actor=actor, cap=_level(finding)) for finding in findings]


def watch_only(findings: Sequence[Finding], *, actor: Actor) -> list[Finding]:
    """Only count them: mute without an end."""
    if not findings:
        return []
    together = [finding.pk for finding in findings]
    with deed(findings[0].product, actor, "finding.watched", findings=together):
        return [mute(finding, actor=actor) for finding in findings]


def resolve(finding: Finding, *, reason: str, actor: Actor, note: str = "") -> Finding:
    """Resolve by hand, with a reason; its item follows as when the evidence turns green.

    Raises ValidationError for a reason that people can't give.
    """
    if reason not in set(Finding.Reason) - {Finding.Reason.GREEN, Finding.Reason.ACCEPTED}:
        raise ValidationError(
            {"reason": "Choose fixed, false_positive, duplicate or upstream; mute what you accept."}
        )
    with _deed_on(finding, actor, "finding.resolved") as (locked, done):
        if locked.state == Finding.State.RESOLVED:
            done.nothing_happened()
            return locked
        _resolved(locked, reason, done.at)
        locked.resolved_by, locked.resolved_note = actor.user, note
        locked.resolved_batch_at = done.at
        _item_follows(locked, done)
    return locked


def reopen(finding: Finding, *, actor: Actor) -> Finding:
    """Take back a mute or a settlement; a finished item comes back with what was settled."""
    with _deed_on(finding, actor, "finding.reopened") as (locked, done):
        if locked.state == Finding.State.OPEN:
            done.nothing_happened()
            return locked
        was_muted = locked.state == Finding.State.MUTED
        _reopened(locked)
        if not was_muted and locked.item is not None:
            bring_back(locked.product, [locked.item], done)
    return locked


def set_priority(finding: Finding, urgency: str, *, actor: Actor) -> Finding:
    """A person's own priority, which later evidence leaves alone."""
    if urgency not in set(Priority):
        raise ValidationError({"priority": "Choose P1, P2, P3 or P4."})
    with _deed_on(finding, actor, "finding.prioritised") as (locked, _):
        locked.priority, locked.priority_set_by = urgency, actor.user
    return locked


def mark_obsolete(finding: Finding, *, actor: Actor) -> Finding:
    """Its rule is gone, and a person says so; its item follows as when the evidence turns green."""
    with _deed_on(finding, actor, "finding.obsolete") as (locked, done):
        if locked.state == Finding.State.OBSOLETE:
            done.nothing_happened()
            return locked
        was_resolved = locked.state == Finding.State.RESOLVED
        _obsolete(locked, done.at)
        if not was_resolved:
            _item_follows(locked, done)
    return locked


def confirm_done(item: Item, *, actor: Actor) -> Item:
    """Say yes to *recovered?*: the item is done."""
    product = item.product
    if not item.findings.filter(recovered=True).exists():
        raise DomainError("not_recovered", f"The evidence of {item.ref} has not recovered.")
    done_status = product.statuses.filter(category=Category.DONE).order_by("position").first()
    with deed(product, actor, "item.confirmed_done", item=item):
        updated = update_item(item, actor=actor, status=done_status)
        item.findings.update(recovered=False)
    return updated


def delete_item(
    item: Item,
    *,
    actor: Actor,
    findings: str = "keep",
    until: datetime | None = None,
    reason: str = "",
    exact_version: int | None = None,
) -> Item:
    """Put an item into the trash and say what becomes of its open findings.

    `keep`: the next red restores the item. `mute`: silent, until a time if one is given.
    `resolve`: with a reason. With `exact_version`, any later change raises status 412.
    """
    if findings not in {"keep", "mute", "resolve"}:
        raise ValidationError({"findings": "Choose keep, mute or resolve."})
    with deed(item.product, actor, "item.deleted", item=item):
        lock_items_of(item.product, item.findings.all())
        # First out of the backlog, so that nothing finishes the item on its way.
        trashed = trash_item(item, actor=actor, exact_version=exact_version)
        for finding in item.findings.filter(state=Finding.State.OPEN):
            if findings == "mute":
                mute(finding, actor=actor, until=until, with_item=True)
            elif findings == "resolve":
                resolve(finding, actor=actor, reason=reason)
    return trashed


def take(items: Sequence[Item], *, actor: Actor, spot: Spot | None = None) -> list[Item]:
    """Take filed items from the inbox into the product backlog, by default to its top."""
    if not items:
        return []
    product = items[0].product
    waiting = [item for item in items if item.backlog.kind == Backlog.Kind.INBOX]
    return move_items(
        product, waiting, actor=actor, spot=spot or Spot.top(), to=product_backlog(product)
    )


def forget_untracked(now: datetime) -> int:
    """Delete untracked evidence older than 30 days; how many reports went."""
    old = StoredReport.objects.filter(tracked=False, reported_at__lt=now - UNTRACKED_LIFE)
    return old.delete()[0]


# Within ------------------------------------------------------------------------------------


def _standing(finding: Finding, item: Item | None) -> Standing:
    return Standing(
        state=finding.state,
        last_batch_at=finding.last_batch_at,
        green_batch_keys=finding.green_batch_keys,
        resolved_at=finding.resolved_at,
        fixed_at=finding.resolved_batch_at,
        done_by_hand_at=item.done_at if item and finding.awaiting_evidence else None,
        muted_until=finding.muted_until,
        muted_cap=finding.muted_cap,
    )


def _resolved(finding: Finding, reason: str, at: datetime) -> None:
    finding.state, finding.resolved_reason, finding.resolved_at = (
        Finding.State.RESOLVED,
        reason,
        at,
    )
    finding.resolved_by, finding.resolved_note = None, ""
    _settled(finding)


def _obsolete(finding: Finding, at: datetime) -> None:
    finding.state, finding.resolved_at = Finding.State.OBSOLETE, at
    _settled(finding)


def _settled(finding: Finding) -> None:
    """Nothing is to be waited for any more."""
    finding.regressed = finding.awaiting_evidence = finding.awaiting_decision = False
    finding.errored_checks = []
    _unmuted(finding)


def _reopened(finding: Finding) -> None:
    finding.state = Finding.State.OPEN
    finding.resolved_at = finding.resolved_batch_at = finding.resolved_by = None
    finding.resolved_reason = finding.resolved_note = ""
    finding.recovered = False
    _unmuted(finding)


def _unmuted(finding: Finding) -> None:
    finding.muted_until = finding.muted_cap = None
    finding.muted_with_item = False


def _level(finding: Finding) -> float:
    return UNKNOWN_EXCESS if finding.excess is None else finding.excess


def _item_follows(finding: Finding, done: Deed) -> None:
    """Do to the item what follows when a person has settled its finding."""
    comments: list[tuple[Item, str]] = []
    items = {finding.item.pk: finding.item} if finding.item else {}
    finished = _finished(finding.product, [finding], items, comments, known=[finding])
    follow_green(finding.product, finished, done)
    say(comments, author=done.actor.user)


def _finished(
    product: Product,
    resolved: Sequence[Finding],
    items: Mapping[int, Item],
    comments: list[tuple[Item, str]],
    *,
    known: Sequence[Finding],
) -> list[Item]:
    """The items that follow, since their last open finding is settled; where the product wants to
    be asked instead, the finding says so. Adds what is to be said.

    `known` findings stand as they do in memory, all others as in the database.
    """
    mine = {finding.item_id for finding in resolved if finding.item_id in items}
    if not mine:
        return []
    still_open = set(
        Finding.objects.filter(item__in=mine, state=Finding.State.OPEN)
        .exclude(pk__in=[finding.pk for finding in known if finding.pk])
        .values_list("item_id", flat=True)
    ) | {finding.item_id for finding in known if finding.state == Finding.State.OPEN}
    finished: dict[int, Item] = {}
    for finding in resolved:
        item = items.get(finding.item_id or 0)
        if item is None or item.deleted_at is not None:
            continue
        comments.append((item, _farewell(finding)))
        if item.pk in still_open or item.status.category == Category.DONE:
            continue
        if _follows_green(product, item):
            finished[item.pk] = item
        else:
            finding.recovered = True
    return list(finished.values())


def _follows_green(product: Product, item: Item) -> bool:
    """Whether the item moves by itself when its evidence turns green, or the team is asked."""
    if product.on_green == OnGreen.STATUS:
        return True
    return product.on_green == OnGreen.DONE and item.kind in FINISHED_BY_EVIDENCE


def _farewell(finding: Finding) -> str:
    if finding.state == Finding.State.OBSOLETE:
        return f"Obsolete, for its check is gone: {finding.title}"
    if finding.resolved_reason == Finding.Reason.GREEN:
        return f"Green again: {finding.title}"
    told = f"Resolved ({finding.get_resolved_reason_display()}): {finding.title}"
    return f"{told}\n\n{finding.resolved_note}" if finding.resolved_note else told


def _closers(items: Sequence[Item]) -> dict[int, str]:
    """Who set the items that are done to it by hand, where somebody did; one query for all."""
    ids = [item.pk for item in items if item.status.category == Category.DONE]
    by_hand = Change.objects.filter(item__in=ids, field="status", activity__user__isnull=False)
    last = by_hand.select_related("activity__user").order_by("id") if ids else []
    return {change.item_id: str(change.activity.user) for change in last}


def _locked(findings: Sequence[Finding]) -> list[Finding]:
    return list(
        Finding.objects.select_for_update(no_key=True, of=("self",))
        .select_related("product", "subject__owner", "item__product", "item__status")
        .select_related("item__backlog")
        .filter(pk__in=[finding.pk for finding in findings])
        .order_by("fingerprint")
    )


@contextmanager
def _deed_on(finding: Finding, actor: Actor, kind: str) -> Iterator[tuple[Finding, Deed]]:
    with deed(
        finding.product,
        actor,
        kind,
        item=finding.item,
        subject=finding.subject,
        finding=finding.pk,
    ) as done:
        lock_items_of(finding.product, [finding])
        locked = _locked([finding])[0]
        stood = standing_now([locked])
        yield locked, done
        locked.save()
        note_transitions([locked], done.at, before=stood)


def _write(findings: Sequence[Finding]) -> None:
    """All fields that reports and people change, in one statement however many rows."""
    if findings:
        Finding.objects.bulk_create(
            findings,
            update_conflicts=True,
            unique_fields=["product", "source", "fingerprint"],
            update_fields=FIELDS_WRITTEN,
        )
