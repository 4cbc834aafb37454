"""Evidence files the work: the one way in which a machine touches the backlog."""

from __future__ import annotations

from dataclasses import asdict, replace

from backlog.models import (
    Actor,
    ActorKind,
    Category,
    EvidenceSource,
    Finding,
    Item,
    KnownCheck,
    StoredReport,
)
from backlog.rules import evidence as rules
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.finding_life import Batch, Standing, Step, greens_needed, next_step
from backlog.rules.severity import Priority, priority
from backlog.services import alerts
from backlog.services.deeds import Deed, deed
from backlog.services.evidence_items import (
    bring_back,
    follow_green,
    item_title,
    lock_items_of,
    retitle,
    say,
)
from backlog.services.finding_history import Stood, note_transitions, standing_now
from backlog.services.findings.families import Family, families_of
from backlog.services.findings.keeping import remember_checks, store_report, write_occurrences
from backlog.services.findings.news import News, news_for_channels, tell_of_report
from backlog.services.findings.reading import Reading, is_answer
from backlog.services.findings.reports import EvidenceReport, Filed
from backlog.services.findings.standing import (
    closers_of,
    items_to_finish,
    mute_over_in_words,
    set_obsolete,
    set_open,
    set_resolved,
    settle_flapping,
    standing_of,
    write_findings,
)
from backlog.services.findings.storms import file_gathered
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
        self.reading = Reading(report)
        self.prints, self.judged = self.reading.prints, self.reading.judged
        self.own = self.reading.seen  # by fingerprint, under the names of this source
        self.seen = dict(self.own)  # by finding: what is merged speaks as one
        self.rows: dict[str, Finding] = {}  # of this source, by fingerprint
        self.families: dict[str, Family] = {}
        self.obsolete: set[str] = set()
        self.found: dict[str, Finding] = {}
        self.stood: dict[int, Stood] = {}
        self.items: dict[int, Item] = {}
        self.steps: dict[str, Step] = {}
        self.to_file: list[Finding] = []
        self.to_bring_back: list[Finding] = []
        self.to_finish: list[Item] = []
        self.comments: list[tuple[Item, str]] = []
        self.titled: list[tuple[Item, str]] = []
        self.news = News(report.subject.name if report.subject else report.source)

    def take(self) -> Filed:
        self._look_up()
        self._note_outcomes()
        self._decide()
        self._apply()
        self._follow()
        if self.filed.tracked:
            self._carry_out()
        else:
            self._would_have()
        return self.filed

    def _carry_out(self) -> None:
        """Write what was decided."""
        touched = self._touched()
        Finding.objects.bulk_create(f for f in touched if f._state.adding)
        bring_back(self.product, self._coming_back(), self.done)
        retitle(self.titled, self.done)
        self._file()
        follow_green(self.product, self.to_finish, self.done)
        write_findings(touched)
        note_transitions(touched, self.done.at, before=self.stood)
        say(self.comments)
        self.filed.findings = [self._stands_for(print_) for print_ in self.prints]
        stored = store_report(self.report, self.filed, self.done.at)
        write_occurrences(stored, self._witnesses())
        remember_checks(self.product, self.report.source, self.own)
        tell_of_report(
            self.product, self.report.subject, self.news, actor=self.actor, at=self.done.at
        )
        new = [self.found[print_] for print_, step in self.steps.items() if step == Step.FILE]
        alerts.tell(
            self.product,
            stored,
            self.report.subject,
            news_for_channels(self.news, new),
            next((str(finding.evidence.get("url") or "") for finding in touched), ""),
            at=self.done.at,
        )

    def _would_have(self) -> None:
        """Store what was seen, and touch nothing else."""
        for finding in self.to_file:
            self._told_of(finding).append(finding.title)
        self.filed.findings = [self._stands_for(print_) for print_ in self.prints]
        store_report(self.report, self.filed, self.done.at, prints=self.prints)

    # What it is about ------------------------------------------------------------------------

    def _look_up(self) -> None:
        """The findings of these checks, and open execution findings that may have passed."""
        mine = Finding.objects.filter(product=self.product, source=self.report.source)
        silent = mine.filter(
            subject=self.report.subject, is_execution=True, state=Finding.State.OPEN
        ).exclude(fingerprint__in=list(self.own))
        for finding in silent:
            judged = self.judged.intersection(finding.errored_checks)
            if not judged and not self._has_lost(finding):
                continue
            if not judged:
                self.obsolete.add(finding.fingerprint)
            self.own[finding.fingerprint] = self.seen[finding.fingerprint] = Observation(
                check=rules.EXECUTION,
                identity={},
                title=finding.title,
                outcome=Outcome.PASSED,
                fingerprint=finding.fingerprint,
            )
        unlocked = {f.pk: f for f in mine.filter(fingerprint__in=list(self.own))}
        merged = families_of(self.product, unlocked)
        relatives = {pk for family in merged.values() for pk in family}
        unlocked |= Finding.objects.in_bulk(relatives - set(unlocked)) if merged else {}
        self.items = lock_items_of(self.product, unlocked.values(), has_backlogs=True)
        rows = list(
            Finding.objects.filter(pk__in=list(unlocked))
            .select_for_update(no_key=True, of=("self",))
            .select_related("subject__owner")
            .order_by("fingerprint", "pk")
        )
        for finding in rows:
            if finding.item_id in self.items:
                finding.item = self.items[finding.item_id]
        self.stood = standing_now(rows)
        self.rows = {f.fingerprint: f for f in rows if f.source == self.report.source}
        self.rows = {print_: f for print_, f in self.rows.items() if print_ in self.own}
        self.found = dict(self.rows)
        by_id = {finding.pk: finding for finding in rows}
        for root, family in merged.items():
            self._unite(Family(by_id[root], [by_id[pk] for pk in family]))

    def _unite(self, family: Family) -> None:
        """Let what is merged speak as one; its rows keep their own counts."""
        for member in family.members:
            if self.rows.get(member.fingerprint) is member:
                del self.found[member.fingerprint], self.seen[member.fingerprint]
        heard = {
            member.pk: self.own[member.fingerprint]
            for member in family.members
            if self.rows.get(member.fingerprint) is member
        }
        key = f"{family.root.source}:{family.root.fingerprint}"
        self.families[key], self.found[key] = family, family.root
        self.seen[key] = family.says(heard, self.batch.at)

    def _stands_for(self, print_: str) -> int | None:
        """The id of the finding that speaks for this fingerprint."""
        finding = self.rows.get(print_)
        return None if finding is None else finding.merged_into_id or finding.pk

    def _witnesses(self) -> list[tuple[Finding, Observation]]:
        """Each finding that the report has an answer of under the finding's own name."""
        return [
            (self.rows[print_], observation)
            for print_, observation in self.own.items()
            if print_ in self.rows and is_answer(observation)
        ]

    def _note_outcomes(self) -> None:
        """What the newest batch says, and how often that has turned of late."""
        for finding, observation in self._witnesses():
            if self.batch.at < finding.last_batch_at:
                continue
            turned = finding.last_outcome not in {"", observation.outcome}
            if turned and self.batch.key != finding.last_batch_key:
                finding.flips = [*finding.flips, self.done.at.isoformat()]
            finding.last_outcome = observation.outcome
            speaker = finding
            for family in self.families.values():
                if finding in family.members:
                    speaker = family.root
                    speaker.flips = sorted({*speaker.flips, *finding.flips})
            is_new = settle_flapping(speaker, self.done.at)
            if is_new and speaker.state in {Finding.State.OPEN, Finding.State.RESOLVED}:
                self.news.flapping.append(speaker)

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
            self._standing(print_, finding, item) if finding else None,
            observation.outcome,
            self.batch,
            excess=observation.excess,
            green_batches=greens_needed(
                1 if finding and finding.is_execution else self.green_batches,
                flapping=finding is not None and finding.flapping,
            ),
        )
        if step == Step.RESOLVE and finding and self._still_errored(finding):
            return Step.GREEN
        return step

    def _standing(self, key: str, finding: Finding, item: Item | None) -> Standing:
        standing = standing_of(finding, item)
        # Each of a family is older or newer than the batch by itself, which it has seen to.
        return replace(standing, last_batch_at=self.batch.at) if key in self.families else standing

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
        return self.report.is_whole and not self.reading.reported.intersection(
            finding.errored_checks
        )

    def _still_errored(self, finding: Finding) -> list[str]:
        """The checks that an execution finding waits for, once this report is taken: those that
        it did not judge, unless it is whole and they are asked no more."""
        waiting = [
            check
            for check in finding.errored_checks
            if check not in self.judged
            and (check in self.reading.reported or not self.report.is_whole)
        ]
        errored = self.reading.errored_checks.get(finding.fingerprint, [])
        return list(dict.fromkeys([*waiting, *errored]))

    # What it does --------------------------------------------------------------------------

    def _apply(self) -> None:
        """Take each step in memory, and note which findings are to be filed or brought back."""
        awaiting = self._awaiting()
        for family in self.families.values():
            family.count(self.own, self.rows)
        for print_, step in self.steps.items():
            observation = self.seen[print_]
            if step == Step.FILE:
                self.found[print_] = self.rows[print_] = self._new_finding(print_, observation)
        for witness, seen in self._witnesses():
            self._count(witness, seen)
        for print_, step in self.steps.items():
            observation = self.seen[print_]
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
        self.filed.awaiting = self.news.awaiting = len(awaiting)

    def _count(self, finding: Finding, observation: Observation) -> None:
        """One occurrence more, whatever follows from it."""
        finding.last_seen = self.done.at
        finding.stale = finding.obsolete_proposed = False
        if observation.outcome == Outcome.FAILED:
            finding.occurrence_count += 1
            finding.last_failed_at = self.done.at
        if self.batch.at >= finding.last_batch_at:
            finding.last_batch_key, finding.last_batch_at = self.batch.key, self.batch.at

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
            fingerprint_inputs=self.reading.inputs[print_],
            subject=self.report.subject,
            check_name=observation.check,
            title=observation.title[:250],
            is_execution=is_execution,
            severity=observation.severity,
            priority=Priority.P4,
            first_seen=self.done.at,
            last_seen=self.done.at,
            last_batch_key=self.batch.key,
            last_batch_at=self.batch.at,
            last_failed_at=self.done.at,
            last_outcome=observation.outcome,
        )

    def _on_red(self, finding: Finding, observation: Observation, step: Step) -> None:
        if step == Step.COUNT:
            return
        item = self.items.get(finding.item_id or 0)
        # A title that differs is somebody's own.
        follows = item is not None and item.title == item_title(finding.title)
        urgency = finding.priority
        self._refresh(finding, observation)
        if step == Step.OCCUR and finding.priority < urgency and not finding.flapping:
            self.news.risen.append(finding)
        if item is not None and follows and step != Step.RECUR:
            self.titled.append((item, item_title(finding.title)))
        finding.green_batch_keys = []
        finding.recovered = False
        if step in {Step.REOPEN, Step.RECUR}:
            finding.regressed = step == Step.REOPEN
            finding.awaiting_evidence = False
        if step == Step.UNMUTE:
            self.news.unmuted.append(finding)
            if item is not None:
                self.comments.append((item, mute_over_in_words(finding, self.done.at)))
        if step in {Step.REOPEN, Step.RECUR, Step.UNMUTE}:
            set_open(finding)
        if step == Step.REOPEN and not finding.flapping:
            self.news.regressed.append(finding)
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
        if step == Step.COUNT:
            return
        finding.errored_checks = self._still_errored(finding)
        finding.green_batch_keys = sorted({*finding.green_batch_keys, self.batch.key})
        if step == Step.RESOLVE and finding.fingerprint in self.obsolete:
            set_obsolete(finding, self.done.at)
        elif step == Step.RESOLVE:
            set_resolved(finding, Finding.Reason.GREEN, self.done.at)
            finding.resolved_batch_at = self.batch.at

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
        self.news.filed = findings
        self.news.gathered = file_gathered(
            self.product,
            self.report.subject,
            findings,
            kind=self.report.item_kind,
            actor=self.actor,
            at=self.done.at,
            recurs_from=former,
            locked=list(self.items),
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

    def _touched(self) -> list[Finding]:
        moved = [self.found[print_] for print_, step in self.steps.items() if step != Step.NOTHING]
        counted = [finding for finding, _ in self._witnesses()]
        spoken = [family.root for family in self.families.values()]
        return list({id(finding): finding for finding in (*moved, *counted, *spoken)}.values())
