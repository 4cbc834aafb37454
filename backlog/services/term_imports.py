"""Bringing a glossary in from a file: what it would do, and doing it, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.core.exceptions import ValidationError

from backlog.importers.parsed import Level, RowProblem
from backlog.importers.terms import TermRow, read_terms
from backlog.models import Actor, Product, Term, TermRemark
from backlog.rules.terms import fold, may_become
from backlog.services.deeds import deed
from backlog.services.terms import (
    READ_WHOLE,
    Wording,
    Written,
    checked_wording,
    taken_names,
    wording_of,
    write_terms,
)
from mlscrum.lib.errors import DomainError, FieldError, Invalid

LONGEST_FILE = 2_000_000  # characters
CONTESTED = "Contested in a file that was imported."
State = Term.State


@dataclass(frozen=True)
class Planned:
    """What a row of the file would do to the term: `deed` is new, changed or same."""

    row: TermRow
    deed: str
    said: Wording
    term: Term | None
    state: str


@dataclass(frozen=True)
class Plan:
    """What a file would do, and what is wrong with it; it does nothing unless all is well."""

    rows: Sequence[Planned]
    problems: Sequence[RowProblem]

    def count(self, deed: str) -> int:
        return sum(row.deed == deed for row in self.rows)

    @property
    def new(self) -> int:
        return self.count("new")

    @property
    def changed(self) -> int:
        return self.count("changed")

    @property
    def same(self) -> int:
        return self.count("same")


def plan_import(product: Product, text: str) -> Plan:
    """What the file would do. Raises DomainError for what is no glossary; see `read_terms`."""
    if len(text) > LONGEST_FILE:
        raise DomainError("too_long", "The file is longer than 2 MB; split it.", status=413)
    file = read_terms(text)
    problems, planned = list(file.problems), []
    present = {term.folded: term for term in product.terms.prefetch_related(*READ_WHOLE).order_by()}
    for row in file.rows:
        try:
            planned.append(_planned(product, row, present.get(fold(row.word))))
        except ValidationError as error:
            problems += _problems(row, error)
    said = [(row.term, row.said) for row in planned]
    for place, fault in taken_names(product, said):
        problems += _problems(planned[place].row, fault)
    return Plan(planned, sorted(problems, key=lambda problem: problem.row))


def import_terms(product: Product, text: str, *, actor: Actor) -> Plan:
    """Do what the file says, in one deed. Words that the glossary has are changed by it: what the
    file leaves out stays. Raises Invalid, with each row that is wrong, and then nothing is done."""
    with deed(product, actor, "term.imported") as done:
        Product.objects.select_for_update(no_key=True).get(pk=product.pk)
        plan = plan_import(product, text)
        if plan.problems:
            raise Invalid(
                *(
                    FieldError(f"/rows/{each.row}/{each.column}", each.code, each.message)
                    for each in plan.problems
                )
            )
        written = []
        for row in plan.rows:
            if row.deed == "same":
                continue
            term = row.term or Term(product=product, proposed_by=actor.user, proposed_at=done.at)
            if row.state != term.state:
                _bring_into(term, row.state, actor, done.at)
            written.append(Written(term, row.said, "imported"))
        if not written:
            done.nothing_happened()
            return plan
        write_terms(product, written, actor=actor, at=done.at)
        TermRemark.objects.bulk_create(
            TermRemark(term=each.term, author=actor.user, text=CONTESTED, created_at=done.at)
            for each in written
            if each.term.contested_at == done.at
        )
        done.data |= {"new": plan.new, "changed": plan.changed}
    return plan


def _bring_into(term: Term, state: str, actor: Actor, at: datetime) -> None:
    term.state = state
    term.reason = CONTESTED if state == State.CONTESTED else ""
    if state == State.AGREED:
        term.agreed_by, term.agreed_at = actor.user, at
    if state == State.CONTESTED:
        term.contested_by, term.contested_at = actor.user, at


def _planned(product: Product, row: TermRow, term: Term | None) -> Planned:
    if term is None:
        meanings = {trade: text for trade, text in row.meanings.items() if text}
        wanted = Wording(row.word, row.definition, row.synonyms or (), meanings)
        return Planned(row, "new", checked_wording(wanted, product), None, row.state or "proposed")
    before = wording_of(term)
    wanted = replace(
        before,
        word=row.word,
        definition=row.definition or before.definition,
        synonyms=before.synonyms if row.synonyms is None else row.synonyms,
        meanings=_merged(before.meanings, row.meanings),
    )
    said = checked_wording(wanted, product)
    state = row.state or term.state
    if state != term.state and not may_become(term.state, state):
        why = f"The word is {term.state}; it does not become {state} again."
        raise ValidationError({"state": why})
    is_same = said.kept() == before.kept() and state == term.state
    return Planned(row, "same" if is_same else "changed", said, term, state)


def _merged(before: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """The meanings of before, but for the trades that the file has a column for."""
    merged = {fold(trade): (trade, text) for trade, text in before.items()}
    for trade, text in sent.items():
        name = merged.get(fold(trade), (trade, ""))[0]
        merged[fold(trade)] = (name, text)
    return {trade: text for trade, text in merged.values() if text}


def _problems(row: TermRow, error: ValidationError) -> list[RowProblem]:
    return [
        RowProblem(row.number, name, Level.ERROR, fault.code or "invalid", " ".join(fault.messages))
        for name, faults in error.error_dict.items()
        for fault in faults
    ]
