"""Deeds on ceremonies: schedule, change, open, time, close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db.models import F
from django.db.models.functions import Least

from backlog.models import Actor, Product
from backlog.services import jobs
from backlog.services.deeds import deed
from mlscrum.lib import clock
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Block, Ceremony, Sprint
from sprints.queries.ceremonies import holding_words
from sprints.queries.minutes import words_of
from sprints.queries.reminders import notice_of
from sprints.services.agendas import make_blocks
from sprints.services.ceremony_locks import locked, refuse_stale

REMIND_KIND = "ceremony.remind"
MOST_AT_ONCE = 60
YEARS = range(2000, 2101)  # in which a ceremony begins; a calendar counts on from there
GUESTS_STAY = timedelta(days=1)  # after the end, to read what came of it
CHANGEABLE = ("title", "starts_at", "minutes", "place", "remind_minutes", "sprint")
NOT_TYPED = ("product", "sprint", "created_by", "opened_at", "closed_at", "timer_ends_at",
             "timer_left_s", "reminded_for")  # fmt: skip
TIMER_DEEDS = ("start", "pause", "reset", "add")


@dataclass(frozen=True)
class CeremonyDraft:
    """A ceremony as somebody wants it; without a title it is called by its kind, and "usual" is to
    remind of it as long ahead as the product does; None for not at all."""

    kind: str
    starts_at: datetime
    minutes: int
    title: str = ""
    sprint: Sprint | None = None
    place: str = ""
    remind_minutes: int | Literal["usual"] | None = "usual"


def schedule(product: Product, draft: CeremonyDraft, *, actor: Actor) -> Ceremony:
    """One ceremony with the agenda for its kind. Raises ValidationError for bad fields."""
    return schedule_all(product, [draft], actor=actor)[0]


def schedule_all(
    product: Product, drafts: Sequence[CeremonyDraft], *, actor: Actor
) -> list[Ceremony]:
    """Ceremonies with the agendas for their kinds: all or none, in one deed.

    Raises ValidationError for bad fields, and for a sprint of another product.
    """
    if not drafts:
        return []
    if len(drafts) > MOST_AT_ONCE:
        raise ValidationError(f"At most {MOST_AT_ONCE} ceremonies are scheduled at once.")
    with deed(product, actor, "ceremony.scheduled") as done:
        made = []
        for draft in drafts:
            ceremony = _drafted(product, draft, actor)
            ceremony.save()
            make_blocks(ceremony)
            _remind_of(ceremony)
            made.append(ceremony)
        done.data["ceremony"] = made[0].pk
        done.data["ceremonies"] = [ceremony.pk for ceremony in made]
    return made


def change(
    ceremony: Ceremony, *, actor: Actor, base_version: int | None = None, **fields: Any
) -> Ceremony:
    """Change what a ceremony is: CHANGEABLE. Raises Conflict for one that is over, and for one that
    is no longer of `base_version`, where that is given."""
    if unknown := set(fields) - set(CHANGEABLE):
        raise ValidationError(dict.fromkeys(unknown, "This can't be changed."))
    with deed(ceremony.product, actor, "ceremony.changed", ceremony=ceremony.pk) as done:
        fresh = locked(ceremony)
        _refuse_over(fresh)
        refuse_stale(fresh.version, base_version)
        before = {name: getattr(fresh, name) for name in fields}
        for name, value in fields.items():
            setattr(fresh, name, value)
        fresh.title = _title(fresh.title, fresh.kind)
        changed = [name for name in fields if getattr(fresh, name) != before[name]]
        if not changed:
            done.nothing_happened()
            return fresh
        _check(fresh)
        fresh.version += 1
        fresh.save(update_fields=[*changed, "version"])
        if {"starts_at", "remind_minutes"} & set(changed):
            _remind_of(fresh)
        done.data["fields"] = changed
    return fresh


def delete(ceremony: Ceremony, *, actor: Actor) -> None:
    """Throw away a ceremony that has not begun. Raises Conflict for another, and for one in which
    something was written before the start: it is the record of what was said."""
    with deed(ceremony.product, actor, "ceremony.deleted", ceremony=ceremony.pk) as done:
        fresh = locked(ceremony)
        if fresh.state != Ceremony.State.PLANNED:
            raise Conflict("ceremony_begun", "It has begun, so it stays as the record of it.")
        if holding_words(Ceremony.objects.filter(pk=fresh.pk)).exists():
            why = "Something was written in it already; open it and close it, so that it stays."
            raise Conflict("ceremony_has_words", why)
        done.data["title"] = fresh.title
        fresh.delete()


def open_ceremony(ceremony: Ceremony, *, actor: Actor) -> Ceremony:
    """Let it run from now on, with the clock of its time box; one that runs stays as it is."""
    with deed(ceremony.product, actor, "ceremony.opened", ceremony=ceremony.pk) as done:
        fresh = locked(ceremony)
        _refuse_over(fresh)
        if fresh.state == Ceremony.State.RUNNING:
            done.nothing_happened()
            return fresh
        fresh.state, fresh.opened_at = Ceremony.State.RUNNING, done.at
        fresh.timer_ends_at = done.at + timedelta(minutes=fresh.minutes)
        fresh.timer_left_s = None
        fresh.save(update_fields=["state", "opened_at", "timer_ends_at", "timer_left_s"])
    return fresh


def close(ceremony: Ceremony, *, actor: Actor) -> Ceremony:
    """End a ceremony that runs: its minutes keep what its evidence says now, who said what
    anonymously can be told no more, and guests can look for a day and then are out.

    Raises Conflict where it is over already, or has not begun.
    """
    with deed(ceremony.product, actor, "ceremony.closed", ceremony=ceremony.pk) as done:
        fresh = locked(ceremony)
        _refuse_over(fresh)
        if fresh.state != Ceremony.State.RUNNING:
            raise Conflict("not_begun", "It has not begun; open it first, or delete it.")
        fresh.state, fresh.closed_at, fresh.secret = Ceremony.State.OVER, done.at, ""
        fresh.timer_ends_at = fresh.timer_left_s = None
        fresh.save(update_fields=["state", "closed_at", "secret", "timer_ends_at", "timer_left_s"])
        Block.objects.filter(ceremony=fresh).update(held_by=None, held_until=None)
        _keep_evidence(fresh)
        fresh.guest_links.update(expires_at=Least(F("expires_at"), done.at + GUESTS_STAY))
    return fresh


def set_timer(
    ceremony: Ceremony, deed_on_it: str, *, actor: Actor, minutes: int | None = None
) -> Ceremony:
    """`start` it (again, or anew with `minutes`), `pause` it, `reset` it to the time box (or to
    `minutes`), or `add` minutes. Raises Conflict unless the ceremony runs."""
    if deed_on_it not in TIMER_DEEDS:
        raise DomainError("bad_deed", "A timer is started, paused, reset, or given minutes.")
    if minutes is not None and not 1 <= minutes <= 600:
        raise ValidationError({"minutes": "Say 1 to 600 minutes."})
    with deed(ceremony.product, actor, "ceremony.timer_set", ceremony=ceremony.pk) as done:
        fresh = locked(ceremony)
        if fresh.state != Ceremony.State.RUNNING:
            raise Conflict("not_running", "The clock goes while the ceremony runs.")
        left = _left_s(fresh, done.at)
        goes = fresh.timer_ends_at is not None
        if deed_on_it == "start":
            left = minutes * 60 if minutes else (left or fresh.minutes * 60)
            goes = True
        elif deed_on_it == "pause":
            goes = False
        elif deed_on_it == "reset":
            left, goes = (minutes or fresh.minutes) * 60, False
        else:
            left += (minutes or 5) * 60
        fresh.timer_ends_at = done.at + timedelta(seconds=left) if goes else None
        fresh.timer_left_s = None if goes else left
        fresh.save(update_fields=["timer_ends_at", "timer_left_s"])
    return fresh


def _keep_evidence(ceremony: Ceremony) -> None:
    for block in ceremony.blocks.exclude(slot=""):
        block.evidence = words_of(ceremony, block)
        block.save(update_fields=["evidence"])


def _left_s(ceremony: Ceremony, at: datetime) -> int:
    if ceremony.timer_ends_at is not None:
        return max(0, round((ceremony.timer_ends_at - at).total_seconds()))
    return ceremony.timer_left_s or 0


def _drafted(product: Product, draft: CeremonyDraft, actor: Actor) -> Ceremony:
    ceremony = Ceremony(
        product=product,
        sprint=draft.sprint,
        kind=draft.kind,
        title=_title(draft.title, draft.kind),
        starts_at=draft.starts_at,
        minutes=draft.minutes,
        place=draft.place.strip(),
        created_by=actor.user,
    )
    if draft.remind_minutes == "usual":
        ceremony.remind_minutes = notice_of(product).ceremony_minutes
    else:
        ceremony.remind_minutes = draft.remind_minutes
    _check(ceremony)
    return ceremony


def _title(title: str, kind: str) -> str:
    plain = " ".join(title.split())
    return plain or dict(Ceremony.Kind.choices).get(kind, kind)


def _check(ceremony: Ceremony) -> None:
    sprint = ceremony.sprint
    if sprint is not None and sprint.backlog.product_id != ceremony.product_id:
        raise ValidationError({"sprint": "There is no such sprint in this product."})
    if ceremony.starts_at.year not in YEARS:
        why = f"A ceremony begins in the years {YEARS[0]} to {YEARS[-1]}."
        raise ValidationError({"starts_at": why})
    unset = [] if ceremony.remind_minutes is not None else ["remind_minutes"]
    ceremony.clean_fields(exclude=[*NOT_TYPED, *unset])


def _refuse_over(ceremony: Ceremony) -> None:
    if ceremony.is_over:
        raise Conflict("ceremony_over", "This ceremony is over; somebody has closed it.")


def _remind_of(ceremony: Ceremony) -> None:
    """Ask for the reminder; a job of an earlier start finds that it is not meant any more."""
    if ceremony.remind_minutes is None or ceremony.starts_at <= clock.now():
        return
    jobs.enqueue(
        ceremony.product,
        REMIND_KIND,
        {"ceremony": ceremony.pk, "starts_at": ceremony.starts_at.isoformat()},
        run_after=ceremony.starts_at - timedelta(minutes=ceremony.remind_minutes),
    )
