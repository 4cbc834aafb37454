"""Deeds on the glossary: propose a word, change it, agree on it, contest it, talk about it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import (
    Actor,
    Product,
    Subject,
    Term,
    TermColumn,
    TermMeaning,
    TermName,
    TermRemark,
    TermVersion,
)
from backlog.rules.search import indexed_words
from backlog.rules.terms import fold, may_become
from backlog.services.deeds import deed
from backlog.services.term_news import tell_of_contest
from mlscrum.lib.errors import Conflict, DomainError, Refused

MOST_TERMS = 5_000
MOST_SYNONYMS = 30
MOST_MEANINGS = 20
MOST_COLUMNS = 200
LONGEST_FOLDED = 250
State = Term.State
# What a term is made of, as versions keep it and conflicts name it.
PARTS = ("word", "definition", "synonyms", "meanings", "columns")
READ_WHOLE = ("names", "meanings", "columns__subject")  # what `wording_of` reads
Column = tuple[Subject, str]
ColumnsChanged = Callable[[Collection[int]], None]

_told_of_columns: list[ColumnsChanged] = []


def tell_of_columns(told: ColumnsChanged) -> None:
    """Let a floor know of which subjects, by their ids, words describe other columns than before:
    `told(subjects)` is called in the deed that made it so."""
    if told not in _told_of_columns:
        _told_of_columns.append(told)


@dataclass(frozen=True)
class Wording:
    """What a term says: its word, what it means at all and to each trade, its synonyms, and the
    columns of datasets that it describes."""

    word: str
    definition: str
    synonyms: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The word and its synonyms."""
        return (self.word, *self.synonyms)

    def kept(self) -> dict[str, Any]:
        """As a version keeps it, of plain values."""
        return {
            "word": self.word,
            "definition": self.definition,
            "synonyms": list(self.synonyms),
            "meanings": [[trade, text] for trade, text in self.meanings.items()],
            "columns": [[subject.slug, column] for subject, column in self.columns],
        }


def propose_term(
    product: Product,
    word: str,
    definition: str,
    *,
    actor: Actor,
    meanings: Mapping[str, str] | None = None,
    synonyms: Iterable[str] = (),
    columns: Iterable[Column] = (),
) -> Term:
    """A new word of the glossary, proposed.

    `meanings` has what it means by trade. Raises ValidationError by field: for a word or synonym
    that the glossary explains already, and for what is missing or too long.
    """
    said = checked_wording(
        Wording(word, definition, tuple(synonyms), dict(meanings or {}), tuple(columns)), product
    )
    with deed(product, actor, "term.proposed") as done:
        _lock(product)
        _refuse_taken(product, [(None, said)])
        _refuse_too_many(product, 1)
        term = Term(product=product, proposed_by=actor.user, proposed_at=done.at)
        _write(product, [Written(term, said, "proposed")], actor, done.at)
        done.data |= {"term": term.pk, "word": term.word}
    return term


def redefine(
    term: Term,
    *,
    actor: Actor,
    version: int | None = None,
    over: int | None = None,
    word: str | None = None,
    definition: str | None = None,
    synonyms: Iterable[str] | None = None,
    meanings: Mapping[str, str] | None = None,
    columns: Iterable[Column] | None = None,
) -> Term:
    """The term as these parts make it; what is None stays. Its state stays too: whoever changes
    what an agreed word means has agreed on that.

    `version` is the one that the actor began with: Conflict, with what both said, where somebody
    has changed the same part since. `over` is the one of the others that the actor has been shown
    by that, and puts their own in place of. Raises ValidationError as `propose_term`.
    """
    parts = {
        "word": word,
        "definition": definition,
        "synonyms": None if synonyms is None else tuple(synonyms),
        "meanings": None if meanings is None else dict(meanings),
        "columns": None if columns is None else tuple(columns),
    }
    sent = {name: value for name, value in parts.items() if value is not None}
    product = term.product
    with deed(product, actor, "term.changed") as done:
        _lock(product)
        fresh = _fresh(term)
        before = wording_of(fresh)
        said = checked_wording(replace(before, **sent), product)  # type: ignore[arg-type]
        if version is not None and version != fresh.version:
            said = _beside_others(fresh, version, over, before, said, sent)
        if said.kept() == before.kept():
            done.nothing_happened()
            return fresh
        _refuse_taken(product, [(fresh, said)])
        if fresh.state == State.AGREED and said.definition != before.definition:
            fresh.agreed_by, fresh.agreed_at = actor.user, done.at
        _write(product, [Written(fresh, said, "changed")], actor, done.at)
        done.data |= {"term": fresh.pk, "word": fresh.word, **_difference(before, said)}
    return fresh


def agree_term(
    term: Term, *, actor: Actor, definition: str | None = None, version: int | None = None
) -> Term:
    """The word is agreed, with the definition that it has or a new one.

    `version` is the one that the actor saw: Conflict where the term was changed since, and where it
    is agreed already.
    """
    product = term.product
    with deed(product, actor, "term.agreed") as done:
        _lock(product)
        fresh = _in_its_turn(term, State.AGREED, version)
        before = wording_of(fresh)
        said = before
        if definition is not None:
            said = checked_wording(replace(before, definition=definition), product)
        fresh.state, fresh.reason = State.AGREED, ""
        fresh.agreed_by, fresh.agreed_at = actor.user, done.at
        _write(product, [Written(fresh, said, "agreed")], actor, done.at)
        done.data |= {"term": fresh.pk, "word": fresh.word, **_difference(before, said)}
    return fresh


def contest_term(term: Term, reason: str, *, actor: Actor, version: int | None = None) -> Term:
    """The word is contested; the reason opens the talk, and those who have had a hand in what it
    means are told.

    Raises ValidationError without a reason, and Conflict as `agree_term`.
    """
    reason = _plain(reason)
    if not reason:
        raise ValidationError({"reason": "Say what is wrong with it; the talk begins with that."})
    _at("reason", lambda: _refuse_long(reason, _field(Term, "reason").max_length))
    product = term.product
    with deed(product, actor, "term.contested") as done:
        _lock(product)
        fresh = _in_its_turn(term, State.CONTESTED, version)
        fresh.state, fresh.reason = State.CONTESTED, reason
        fresh.contested_by, fresh.contested_at = actor.user, done.at
        _write(product, [Written(fresh, wording_of(fresh), "contested")], actor, done.at)
        tell_of_contest(fresh, actor=actor, at=done.at)
        TermRemark.objects.create(term=fresh, author=actor.user, text=reason, created_at=done.at)
        done.data |= {"term": fresh.pk, "word": fresh.word, "reason": reason}
    return fresh


def delete_term(term: Term, *, actor: Actor) -> None:
    """The word is no longer of the glossary; the activity keeps what it meant."""
    product = term.product
    with deed(product, actor, "term.deleted") as done:
        _lock(product)
        fresh = _fresh(term)
        said = wording_of(fresh)
        done.data |= {"term": fresh.pk, **said.kept(), "state": fresh.state}
        fresh.delete()
        _columns_changed({subject.pk for subject, _ in said.columns})
        _stamp(product)


def say(term: Term, text: str, *, actor: Actor) -> TermRemark:
    """Say something about a term. Raises ValidationError for an empty or too long text."""
    product = term.product
    with deed(product, actor, "term.said") as done:
        remark = TermRemark.objects.create(
            term=term, author=actor.user, text=_said(text), created_at=done.at
        )
        done.data |= {"term": term.pk, "word": term.word, "remark": remark.pk}
    return remark


def edit_remark(remark: TermRemark, text: str, *, actor: Actor) -> TermRemark:
    """Say it differently. Raises Refused for the words of others, ValidationError as `say`."""
    _refuse_strangers(remark, actor)
    before, term = remark.text, remark.term
    remark.text = _said(text)
    if remark.text == before:
        return remark
    with deed(term.product, actor, "term.remark_edited") as done:
        remark.edited_at = done.at
        remark.save(update_fields=["text", "edited_at"])
        done.data |= {"term": term.pk, "remark": remark.pk, "before": before, "after": remark.text}
    return remark


def delete_remark(remark: TermRemark, *, actor: Actor) -> None:
    """Take it back; the activity keeps what was said. Raises Refused for the words of others."""
    _refuse_strangers(remark, actor)
    term = remark.term
    with deed(term.product, actor, "term.remark_deleted") as done:
        done.data |= {"term": term.pk, "remark": remark.pk, "before": remark.text}
        remark.delete()


def wording_of(term: Term) -> Wording:
    """What the term says now."""
    return Wording(
        word=term.word,
        definition=term.definition,
        synonyms=tuple(name.name for name in term.names.all() if not name.is_word),
        meanings={meaning.trade: meaning.text for meaning in term.meanings.all()},
        columns=tuple((each.subject, each.column) for each in term.columns.all()),
    )


@dataclass(frozen=True)
class Written:
    """A term to write, what it says from now on, and the deed that made it so."""

    term: Term
    said: Wording
    deed: str


def write_terms(
    product: Product, written: Sequence[Written], *, actor: Actor, at: datetime
) -> None:
    """Write many terms in a deed that is under way, at a number of statements that does not grow
    with each; refuses what `propose_term` refuses, as ValidationError by the word."""
    _lock(product)
    checked = [replace(each, said=checked_wording(each.said, product)) for each in written]
    _refuse_taken(
        product, [(None if each.term._state.adding else each.term, each.said) for each in checked]
    )
    _refuse_too_many(product, sum(each.term._state.adding for each in checked))
    _write(product, checked, actor, at)


def _write(product: Product, written: Sequence[Written], actor: Actor, at: datetime) -> None:
    """The terms as they say from now on, each with its next version."""
    new = [each.term for each in written if each.term._state.adding]
    old = [each.term for each in written if not each.term._state.adding]
    columns_before = set(
        TermColumn.objects.filter(term__in=old).values_list("term", "subject", "column")
    )
    for each in written:
        term, said = each.term, each.said
        term.version = 1 if term._state.adding else term.version + 1
        term.word, term.folded, term.definition = said.word, fold(said.word), said.definition
        term.changed_at = at
        texts = [said.word, *said.synonyms, said.definition, *said.meanings.values()]
        term.words = f" {indexed_words([*texts, *said.meanings])}"
    Term.objects.bulk_create(new, batch_size=500)
    if old:
        TermName.objects.filter(term__in=old).delete()
        TermMeaning.objects.filter(term__in=old).delete()
        TermColumn.objects.filter(term__in=old).delete()
        # bulk_update builds an expression for each field of each row: seconds for 2,000 terms.
        Term.objects.bulk_create(
            old, update_conflicts=True, unique_fields=["id"], update_fields=_CHANGED, batch_size=500
        )
    _write_parts(product, written)
    columns_now = {
        (each.term.pk, subject.pk, column)
        for each in written
        for subject, column in each.said.columns
    }
    _columns_changed({subject for _, subject, _ in columns_before ^ columns_now})
    TermVersion.objects.bulk_create(
        [
            TermVersion(
                term=each.term,
                number=each.term.version,
                deed=each.deed,
                state=each.term.state,
                reason=each.term.reason,
                by=actor.user,
                at=at,
                **each.said.kept(),
            )
            for each in written
        ],
        batch_size=500,
    )
    _stamp(product)


def _columns_changed(subjects: Collection[int]) -> None:
    if subjects:
        for told in _told_of_columns:
            told(subjects)


_CHANGED = (
    *("word", "folded", "definition", "words", "state", "reason", "version", "changed_at"),
    *("agreed_by", "agreed_at", "contested_by", "contested_at"),
)


def _write_parts(product: Product, written: Sequence[Written]) -> None:
    names, meanings, columns = [], [], []
    for each in written:
        term, said = each.term, each.said
        names += [
            TermName(term=term, product=product, name=name, folded=fold(name), is_word=not place)
            for place, name in enumerate(said.names)
        ]
        meanings += [
            TermMeaning(term=term, trade=trade, folded=fold(trade), text=text)
            for trade, text in said.meanings.items()
        ]
        columns += [
            TermColumn(term=term, subject=subject, column=column)
            for subject, column in said.columns
        ]
        prefetched: dict[str, Any] = term.__dict__.get("_prefetched_objects_cache", {})
        prefetched.clear()  # what was read of it before holds no longer
    TermName.objects.bulk_create(names, batch_size=500)
    TermMeaning.objects.bulk_create(meanings, batch_size=500)
    TermColumn.objects.bulk_create(columns, batch_size=500)


def _lock(product: Product) -> None:
    """Nobody else changes the names of this glossary meanwhile."""
    Product.objects.select_for_update(no_key=True).get(pk=product.pk)


def _stamp(product: Product) -> None:
    """Let what was made of the names be made anew; see `Product.glossary_stamp`."""
    has_terms = product.term_names.exists()
    product.glossary_stamp = uuid.uuid4().hex if has_terms else ""
    product.save(update_fields=["glossary_stamp"])


def _fresh(term: Term) -> Term:
    found = Term.objects.prefetch_related(*READ_WHOLE).filter(pk=term.pk).first()
    if found is None:
        raise Conflict("deleted", f"“{term.word}” was deleted meanwhile.")
    found.product = term.product
    return found


def _in_its_turn(term: Term, wanted: State, version: int | None) -> Term:
    """The term as it is now, which may come into this state."""
    fresh = _fresh(term)
    if not may_become(fresh.state, wanted):
        why = f"“{fresh.word}” is {fresh.state} already."
        raise Conflict(f"already_{wanted}", why, version=fresh.version, state=fresh.state)
    if version is not None and version != fresh.version:
        why = f"“{fresh.word}” was changed meanwhile: read what it means now before you decide."
        raise Conflict(
            "term_changed",
            why,
            version=fresh.version,
            state=fresh.state,
            definition=fresh.definition,
        )
    return fresh


def _beside_others(
    fresh: Term,
    version: int,
    over: int | None,
    now: Wording,
    said: Wording,
    sent: Collection[str],
) -> Wording:
    """What is said by somebody who saw an earlier version: the parts that they changed.

    Conflict where others have changed one of these since, unless it is `over` that change.
    """
    seen = fresh.versions.filter(number=version).first()
    base = {name: getattr(seen, name) for name in PARTS} if seen is not None else {}
    theirs, yours = now.kept(), said.kept()
    touched = [name for name in PARTS if name in sent and yours[name] != base.get(name)]
    conflicts = [
        {"field": name, "base": base.get(name), "theirs": theirs[name], "yours": yours[name]}
        for name in touched
        if theirs[name] not in (base.get(name), yours[name])
    ]
    if conflicts and over != fresh.version:
        parts = " and ".join(str(conflict["field"]) for conflict in conflicts)
        why = f"Somebody has changed the {parts} of “{fresh.word}” meanwhile; both stand here."
        raise Conflict("term_changed", why, conflicts=conflicts, version=fresh.version)
    return replace(now, **{name: getattr(said, name) for name in touched})


def _difference(before: Wording, after: Wording) -> dict[str, Any]:
    was, now = before.kept(), after.kept()
    changed = [name for name in PARTS if was[name] != now[name]]
    return (
        {"changes": [{"field": name, "before": was[name], "after": now[name]} for name in changed]}
        if changed
        else {}
    )


def checked_wording(said: Wording, product: Product) -> Wording:
    """The same as it is kept. Raises ValidationError by part for what can't be."""
    faults: dict[str, list[str]] = {}

    def part(name: str, clean: Callable[[], Any]) -> Any:
        try:
            return clean()
        except ValidationError as error:
            faults[name] = error.messages
            return None

    word = part("word", lambda: _name(said.word))
    kept = Wording(
        word=word,
        definition=part("definition", lambda: _text(said.definition, "definition", Term)),
        synonyms=part("synonyms", lambda: _synonyms(said.synonyms, said.word)),
        meanings=part("meanings", lambda: _meanings(said.meanings)),
        columns=part("columns", lambda: _columns(said.columns, product)),
    )
    if faults:
        raise ValidationError(faults)
    return kept


def _name(name: str) -> str:
    plain = " ".join(name.replace("\0", "").split())
    folded = fold(plain)
    if not folded:
        raise ValidationError("Give a word: letters, digits or signs.")
    if len(folded) > LONGEST_FOLDED:
        raise ValidationError("This is too long for a word; shorten it.")
    _clean(plain, TermName, "name")
    return plain


def _text(text: str, name: str, model: Any) -> str:
    plain = _plain(text)
    if not plain:
        raise ValidationError("Say what it means.")
    _refuse_long(plain, _field(model, name).max_length)
    return plain


def _refuse_long(text: str, most: int) -> None:
    """Django keeps the length of short texts only, and says it in other words."""
    if len(text) > most:
        raise ValidationError(f"This may have {most:,} characters; it has {len(text):,}.")


def _synonyms(names: Iterable[str], word: str) -> tuple[str, ...]:
    """Each once, without the word itself, in their order."""
    found: dict[str, str] = {}
    for name in names:
        if name.strip():
            plain = _name(name)
            found.setdefault(fold(plain), plain)
    found.pop(fold(word), None)
    if len(found) > MOST_SYNONYMS:
        raise ValidationError(f"A word has at most {MOST_SYNONYMS} synonyms.")
    return tuple(found.values())


def _meanings(meanings: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, tuple[str, str]] = {}
    for trade, text in meanings.items():
        name = " ".join(trade.replace("\0", "").split())
        if not _plain(text):
            continue
        if not fold(name):
            raise ValidationError("Name the trade that this is the meaning for.")
        _clean(name, TermMeaning, "trade")
        if fold(name) in found:
            raise ValidationError(f"A trade has one meaning; {name} has two.")
        found[fold(name)] = (name, _text(text, "text", TermMeaning))
    if len(found) > MOST_MEANINGS:
        raise ValidationError(f"A word has meanings for at most {MOST_MEANINGS} trades.")
    return dict(found.values())


def _columns(columns: Iterable[Column], product: Product) -> tuple[Column, ...]:
    found: dict[tuple[int, str], Column] = {}
    for subject, column in columns:
        name = column.strip()
        if subject.product_id != product.pk:
            raise ValidationError("Choose a dataset of this product.")
        if not name:
            raise ValidationError("Name the column.")
        _clean(name, TermColumn, "column")
        found.setdefault((subject.pk, name), (subject, name))
    if len(found) > MOST_COLUMNS:
        raise ValidationError(f"A word describes at most {MOST_COLUMNS} columns.")
    return tuple(found.values())


def _clean(name: str, model: Any, field: str) -> None:
    _refuse_long(name, _field(model, field).max_length)
    _field(model, field).clean(name, None)


def _field(model: Any, name: str) -> Any:
    return model._meta.get_field(name)


def _said(text: str) -> str:
    plain = _plain(text)
    if not plain:
        raise ValidationError({"text": "Say something first."})
    _at("text", lambda: _refuse_long(plain, _field(TermRemark, "text").max_length))
    return plain


def _at(name: str, check: Callable[[], None]) -> None:
    """What the check refuses concerns this field."""
    try:
        check()
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from None


def _refuse_taken(product: Product, said: Sequence[tuple[Term | None, Wording]]) -> None:
    for _, error in taken_names(product, said):
        raise error


def taken_names(
    product: Product, said: Sequence[tuple[Term | None, Wording]]
) -> list[tuple[int, ValidationError]]:
    """Which of the terms to write have a name that means another one already, of the glossary or of
    these; by their places, with the reason."""
    faults: list[tuple[int, ValidationError]] = []
    wanted: dict[str, int] = {}
    written = {term.pk for term, _ in said if term is not None}
    for place, (_, wording) in enumerate(said):
        for name in wording.names:
            other = wanted.setdefault(fold(name), place)
            if other != place:
                faults.append((place, _taken(wording, name, said[other][1].word)))
    for folded, word, owner in _present_names(product, wanted):
        if owner not in written:
            wording = said[wanted[folded]][1]
            name = next(name for name in wording.names if fold(name) == folded)
            faults.append((wanted[folded], _taken(wording, name, word)))
    return faults


def _present_names(product: Product, wanted: Collection[str]) -> Iterable[tuple[str, str, int]]:
    """Which of the folded names the glossary has, with the word and id of their terms."""
    names = product.term_names.order_by("pk")
    if len(wanted) <= 200:  # else all of them are read at once
        names = names.filter(folded__in=list(wanted))
    rows = names.values_list("folded", "term__word", "term_id")
    return [row for row in rows if row[0] in wanted]


def _taken(wording: Wording, name: str, owner: str) -> ValidationError:
    why = (
        f"The glossary explains “{owner}” already: contest that, or change it."
        if fold(name) == fold(owner)
        else f"“{name}” is a synonym of “{owner}” already."
    )
    part = "word" if fold(name) == fold(wording.word) else "synonyms"
    return ValidationError({part: ValidationError(why, code="taken")})


def _refuse_too_many(product: Product, more: int) -> None:
    if more and product.terms.count() + more > MOST_TERMS:
        raise DomainError("too_many_terms", f"A glossary holds at most {MOST_TERMS:,} words.")


def _refuse_strangers(remark: TermRemark, actor: Actor) -> None:
    if actor.user is None or remark.author_id != actor.user.pk:
        raise Refused("not_yours", "Only who said it can change it; answer it instead.")


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\0", "").strip()
