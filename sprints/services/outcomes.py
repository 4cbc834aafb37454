"""What comes of a ceremony: insights, decisions and actions, and the work that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.urls import reverse

from backlog.models import Actor, Category, Item, Kind, Member, Product, Term, User
from backlog.queries.terms import find_by_name
from backlog.rules.criteria import parsed
from backlog.services.conversions import Origin
from backlog.services.criteria import change_criteria
from backlog.services.deeds import Deed, deed
from backlog.services.items import ItemDraft, create_item, inbox, product_backlog, trash_item
from backlog.services.ranks import Spot
from backlog.services.terms import contest_term, propose_term, say
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Block, Ceremony, Outcome, Participant
from sprints.queries.outcomes import OPEN, address_of, said_by
from sprints.services.ceremony_locks import locked, refuse_stale

TITLE = 120  # letters of an insight that the title of its item keeps
LONGEST = 2000  # letters
CHANGEABLE = ("text", "sort", "owner", "due_date")
CAN_TAKE_BACK = (Outcome.Into.ITEM, Outcome.Into.CRITERION)


@dataclass(frozen=True)
class OutcomeDraft:
    """Something that came up: an insight with its sort, a decision, or an action with who does it
    until when."""

    kind: str
    text: str
    sort: str = ""
    block: Block | None = None
    owner: User | None = None
    due_date: date | None = None


def add_outcome(
    ceremony: Ceremony, draft: OutcomeDraft, *, actor: Actor, seat: Participant | None
) -> Outcome:
    """Write down what somebody said. `seat` is None for a token that speaks for nobody.

    Raises ValidationError for bad fields, and Conflict where the ceremony was deleted meanwhile.
    """
    with deed(ceremony.product, actor, "ceremony.outcome_added", ceremony=ceremony.pk) as done:
        locked(ceremony)
        outcome = Outcome(
            ceremony=ceremony,
            block=draft.block,
            kind=draft.kind,
            sort=draft.sort if draft.kind == Outcome.Kind.INSIGHT else "",
            text=_plain(draft.text),
            owner=draft.owner,
            due_date=draft.due_date,
            said_by=seat,
            created_at=done.at,
        )
        _check(outcome)
        outcome.save()
        _about(done, outcome, seat)
    return outcome


def change_outcome(
    outcome: Outcome,
    *,
    actor: Actor,
    seat: Participant | None = None,
    base_version: int | None = None,
    **fields: Any,
) -> Outcome:
    """Word it anew: CHANGEABLE. Raises Conflict for one that has become work already, and for one
    that is no longer of `base_version`, where that is given."""
    if unknown := set(fields) - set(CHANGEABLE):
        raise ValidationError(dict.fromkeys(unknown, "This can't be changed."))
    with _deed_on(outcome, actor, "ceremony.outcome_changed", seat) as done:
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        refuse_stale(fresh.version, base_version)
        if "text" in fields:
            fields["text"] = _plain(fields["text"])
        changed = [name for name, value in fields.items() if getattr(fresh, name) != value]
        if not changed:
            done.nothing_happened()
            return fresh
        for name in changed:
            setattr(fresh, name, fields[name])
        _check(fresh)
        _save(fresh, *changed)
    return fresh


def remove_outcome(outcome: Outcome, *, actor: Actor, seat: Participant | None = None) -> None:
    """Take away what was written by mistake. Raises Conflict once it has become work."""
    with _deed_on(outcome, actor, "ceremony.outcome_removed", seat):
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        fresh.delete()


def accept(outcome: Outcome, *, actor: Actor) -> Outcome:
    """Something is to be made of it."""
    return _set_state(outcome, Outcome.State.ACCEPTED, actor=actor)


def decline(outcome: Outcome, reason: str, *, actor: Actor) -> Outcome:
    """Nothing is made of it, and why. Raises ValidationError without a reason."""
    reason = " ".join(reason.split())
    if not reason:
        raise ValidationError({"reason": "Say why: whoever said it will ask."})
    return _set_state(outcome, Outcome.State.DECLINED, actor=actor, reason=reason)


def reconsider(outcome: Outcome, *, actor: Actor) -> Outcome:
    """Back to how it was captured, from accepted or declined."""
    return _set_state(outcome, Outcome.State.CAPTURED, actor=actor)


def convert_to_item(
    outcome: Outcome, *, actor: Actor, to_top: bool = False, kind: str = Kind.STORY
) -> Item:
    """An item in the inbox, or at the top of the product backlog, with who said it and where; an
    action's owner has it. Twice at once makes one: the other gets Conflict."""
    product = outcome.ceremony.product
    with _deed_on(outcome, actor, "ceremony.outcome_converted") as done:
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        title, rest = _title_of(fresh.text)
        owner = _present(product, fresh.owner)
        draft = ItemDraft(
            title,
            kind=kind,
            description=_description(fresh, rest),
            assignees=[owner] if owner else [],
            due_date=fresh.due_date,
        )
        home = product_backlog(product) if to_top else inbox(product)
        spot = Spot.top() if to_top else Spot.bottom()
        item = create_item(product, draft, actor=actor, backlog=home, spot=spot)
        _become(fresh, Outcome.Into.ITEM, done, item=item, target={"version": item.version})
    return item


def convert_to_criterion(outcome: Outcome, item: Item, *, actor: Actor) -> Item:
    """An acceptance criterion at the end of those of an item of the same product.

    Raises ValidationError for a text that can't be one, and where the item has too many.
    """
    if item.product_id != outcome.ceremony.product_id:
        raise DomainError("other_product", "That item is of another product.")
    with _deed_on(outcome, actor, "ceremony.outcome_converted") as done:
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        text = " ".join(fresh.text.split())
        read = parsed(text)
        if not read:
            raise ValidationError({"criteria": "There is nothing to check in it; word it anew."})
        if any(row["text"] == read[0][0] for row in item.criteria):
            raise Conflict("criterion_there", f"{item.ref} has this criterion already.")
        changed = change_criteria(item, "add", actor=actor, text=text)
        kept = changed.criteria[-1]["text"]
        _become(fresh, Outcome.Into.CRITERION, done, item=changed, target={"criterion": kept})
    return changed


def convert_to_term(outcome: Outcome, word: str, *, actor: Actor) -> Term:
    """A word of the glossary, proposed with what was said as its definition; where the glossary
    explains the word already, what was said contests it and stands first in its talk.

    Raises ValidationError for a word that can't be one.
    """
    product = outcome.ceremony.product
    with _deed_on(outcome, actor, "ceremony.outcome_converted") as done:
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        known = find_by_name(product, word)
        if known is None:
            term = propose_term(product, word, fresh.text, actor=actor)
        elif known.state == Term.State.CONTESTED:
            say(known, fresh.text, actor=actor)
            term = known
        else:
            term = contest_term(known, fresh.text, actor=actor)
        url = reverse("backlog:term", args=[product.key, term.pk])
        _become(fresh, Outcome.Into.TERM, done, target={"words": term.word, "url": url})
    return term


def note_conversion(
    outcome: Outcome, into: str, target: Mapping[str, Any], *, actor: Actor
) -> Outcome:
    """Another page made something of it: `target` has the "words" and the "url" of that."""
    with _deed_on(outcome, actor, "ceremony.outcome_converted") as done:
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        _become(fresh, into, done, target=dict(target))
    return fresh


def take_back_conversion(outcome: Outcome, *, actor: Actor) -> Outcome:
    """The insight waits again, accepted: its item goes to the trash, its criterion is removed.

    Raises Conflict where somebody has gone on from there, and for what another page made.
    """
    with _deed_on(outcome, actor, "ceremony.outcome_taken_back") as done:
        fresh = _locked(outcome)
        if fresh.state != Outcome.State.CONVERTED:
            raise Conflict("not_converted", "It has not become anything.")
        if fresh.into not in CAN_TAKE_BACK:
            raise Conflict("made_elsewhere", "Take it back where it was made.")
        item = fresh.item
        if item is not None and item.deleted_at is None:
            if fresh.into == Outcome.Into.CRITERION:
                change_criteria(item, "remove", actor=actor, was=fresh.target["criterion"])
            elif item.status.category != Category.TODO or item.version != fresh.target["version"]:
                why = f"Somebody works with {item.ref} already; delete it there if it has to go."
                raise Conflict("item_in_use", why)
            else:
                trash_item(item, actor=actor)
        fresh.state, fresh.converted_at = Outcome.State.ACCEPTED, None
        fresh.into, fresh.item, fresh.target = "", None, {}
        _save(fresh, "state", "converted_at", "into", "item", "target")
        done.data["to"] = fresh.state
    return fresh


def find_origin(product: Product, outcome_id: int) -> Origin | None:
    """An insight that can become something on another page."""
    found = (
        Outcome.objects.select_related("ceremony__product", "said_by")
        .filter(pk=outcome_id, ceremony__product=product, state__in=OPEN)
        .first()
    )
    if found is None:
        return None
    return Origin(found.pk, found.text, said_by(found), address_of(found))


def note_made(
    product: Product, outcome_id: int, into: str, target: Mapping[str, Any], actor: Actor
) -> None:
    """As `note_conversion`, by the id, where it still waits for that."""
    found = (
        Outcome.objects.select_related("ceremony__product")
        .filter(pk=outcome_id, ceremony__product=product, state__in=OPEN)
        .first()
    )
    if found is not None:
        note_conversion(found, into, target, actor=actor)


# ------------------------------------------------------------------------------------------------


def _deed_on(outcome: Outcome, actor: Actor, kind: str, seat: Participant | None = None) -> Any:
    ceremony = outcome.ceremony
    data: dict[str, Any] = {"ceremony": ceremony.pk, "outcome": outcome.pk}
    if seat is not None:
        data["participant"] = seat.pk
    return deed(ceremony.product, actor, kind, **data)


def _about(done: Deed, outcome: Outcome, seat: Participant | None) -> None:
    done.data |= {"outcome": outcome.pk, "of": outcome.kind}
    if seat is not None:
        done.data["participant"] = seat.pk


def _locked(outcome: Outcome) -> Outcome:
    fresh = (
        Outcome.objects.select_for_update(no_key=True, of=("self",))
        .select_related(
            "ceremony__product",
            "ceremony__sprint__backlog",
            "said_by",
            "owner",
            "item__product",
            "item__status",
            "item__backlog",
        )  # fmt: skip
        .filter(pk=outcome.pk)
        .first()
    )
    if fresh is None:
        raise Conflict("outcome_gone", "This was taken away meanwhile.")
    return fresh


def _set_state(outcome: Outcome, state: str, *, actor: Actor, reason: str = "") -> Outcome:
    with _deed_on(outcome, actor, f"ceremony.outcome_{state}") as done:
        fresh = _locked(outcome)
        _refuse_converted(fresh)
        if (fresh.state, fresh.reason) == (state, reason):
            done.nothing_happened()
            return fresh
        fresh.state, fresh.reason = state, reason
        fresh.clean_fields(exclude=NOT_TYPED)
        _save(fresh, "state", "reason")
    return fresh


def _become(
    outcome: Outcome,
    into: str,
    done: Deed,
    *,
    item: Item | None = None,
    target: dict[str, Any],
) -> None:
    outcome.state, outcome.converted_at = Outcome.State.CONVERTED, done.at
    outcome.into, outcome.item, outcome.target, outcome.reason = into, item, target, ""
    _save(outcome, "state", "converted_at", "into", "item", "target", "reason")
    done.data["into"] = into
    if item is not None:
        done.data["item"] = item.ref


def _save(outcome: Outcome, *names: str) -> None:
    outcome.version += 1
    outcome.save(update_fields=[*names, "version"])


NOT_TYPED = ("ceremony", "block", "said_by", "owner", "due_date", "item", "target", "created_at",
             "converted_at")  # fmt: skip


def _check(outcome: Outcome) -> None:
    if not outcome.text:
        raise ValidationError({"text": "Say it in a sentence."})
    if len(outcome.text) > LONGEST:
        raise ValidationError({"text": f"Say it in at most {LONGEST:,} letters; notes hold more."})
    if outcome.kind == Outcome.Kind.INSIGHT and not outcome.sort:
        raise ValidationError({"sort": "Say what sort of insight it is."})
    if outcome.kind != Outcome.Kind.ACTION and (outcome.owner or outcome.due_date):
        raise ValidationError({"owner": "Only an action has somebody who does it, and a date."})
    if outcome.owner and not _present(outcome.ceremony.product, outcome.owner):
        raise ValidationError({"owner": "Only members of the product own an action."})
    if outcome.block and outcome.block.ceremony_id != outcome.ceremony_id:
        raise ValidationError({"block": "That point is of another ceremony."})
    outcome.clean_fields(exclude=NOT_TYPED)


def _refuse_converted(outcome: Outcome) -> None:
    if outcome.state == Outcome.State.CONVERTED:
        what = f" {outcome.item.ref}" if outcome.item else ""
        raise Conflict("converted", f"It has become work already{what and ':'}{what}.")


def _present(product: Product, user: User | None) -> User | None:
    """The person, if they are a member still."""
    is_there = user is not None and Member.objects.filter(product=product, user=user).exists()
    return user if is_there else None


def _plain(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()


def _title_of(text: str) -> tuple[str, str]:
    """The title of the item, and the whole text where the title does not hold it."""
    plain = " ".join(text.split())
    if len(plain) <= TITLE:
        return plain, ""
    cut = plain[: TITLE - 1]
    short = cut[: cut.rfind(" ")] if " " in cut else cut
    return f"{short}…", text


def _description(outcome: Outcome, rest: str) -> str:
    quoted = "\n".join(f"> {line}" for line in (rest or outcome.text).splitlines())
    return f"{quoted}\n\n— {said_by(outcome)}, {outcome.ceremony.title}"
