"""Several findings at once: one choice, one transaction, one deed that can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from backlog.models import Actor, Finding, Item, User
from backlog.services.deeds import deed
from backlog.services.findings.deciding import (
    accept_level,
    confirm_done,
    file_findings,
    keep_watching,
    mark_obsolete,
    mute,
    reopen,
    resolve,
    set_priority,
    watch_only,
)
from backlog.services.findings.joining import merge, split
from backlog.services.items import edit_items
from mlscrum.lib.errors import Conflict


@dataclass(frozen=True)
class Choice:
    """What becomes of findings, with all that some choices need."""

    name: str
    until: datetime | None = None
    cap: float | None = None
    reason: str = ""
    note: str = ""
    into: Finding | None = None
    person: User | None = None
    priority: str = ""


Way = Callable[[Sequence[Finding], Choice, Actor], list[Item]]


def decide(findings: Sequence[Finding], choice: Choice, *, actor: Actor) -> list[Item]:
    """Do the same to each of these findings of one product: all or none, in one deed.

    Returns the items that it made or changed by name. Raises ValidationError or Conflict for the
    first that it can't be done to.
    """
    if not findings:
        return []
    act = _WAYS.get(choice.name)
    if act is None:
        raise ValidationError({"choice": f"Choose one of {', '.join(_WAYS)}."})
    product = findings[0].product
    if any(finding.product_id != product.pk for finding in findings):
        raise ValidationError({"finding": "Findings of two products can't be decided at once."})
    together = [finding.pk for finding in findings]
    with deed(product, actor, "findings.decided") as done:
        items = act(findings, choice, actor)
        # Each deed within has written its own here.
        done.data.update(findings=together, choice=choice.name)
    return items


def _each(act: Callable[[Finding, Choice, Actor], object]) -> Way:
    def all_of(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
        for finding in findings:
            act(finding, choice, actor)
        return []

    return all_of


def _file(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    items = file_findings(findings, actor=actor)
    if not items:
        raise Conflict("already_filed", "Somebody has filed them already.")
    return items


def _merge(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    """Into the one that is named, else the one that has an item, else the most urgent."""
    into = choice.into
    if into is None:
        if len(findings) < 2:
            raise ValidationError({"into": "Choose of which it is a duplicate."})
        into = min(findings, key=lambda f: (f.item_id is None, f.priority, f.first_seen, f.pk))
    for finding in findings:
        if finding.pk != into.pk:
            merge(finding, into, actor=actor)
    return []


def _assign(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    """To a person, or to nobody; what has no item is filed first."""
    file_findings(findings, actor=actor)
    fresh = Finding.objects.filter(pk__in=[finding.pk for finding in findings])
    items = {f.item.pk: f.item for f in fresh.select_related("item__product") if f.item}
    people = [choice.person] if choice.person else []
    changed = edit_items(findings[0].product, list(items.values()), actor=actor, assignees=people)
    return changed or list(items.values())


def _confirm(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    items = {f.item.pk: f.item for f in findings if f.item is not None}
    if not items:
        raise Conflict("not_recovered", "None of these asks whether its item is done.")
    return [confirm_done(item, actor=actor) for item in items.values()]


def _keep(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    asking = [finding for finding in findings if finding.obsolete_proposed]
    if not asking:
        raise Conflict("not_asked", "None of these asks whether it is obsolete.")
    for finding in asking:
        keep_watching(finding, actor=actor)
    return []


def _accept(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    accept_level(findings, actor=actor)
    return []


def _watch(findings: Sequence[Finding], choice: Choice, actor: Actor) -> list[Item]:
    watch_only(findings, actor=actor)
    return []


_WAYS: dict[str, Way] = {
    "file": _file,
    "accept": _accept,
    "watch": _watch,
    "merge": _merge,
    "assign": _assign,
    "confirm": _confirm,
    "mute": _each(lambda f, c, actor: mute(f, actor=actor, until=c.until, cap=c.cap)),
    "resolve": _each(
        lambda f, c, actor: resolve(
            f, reason=c.reason, note=c.note, until=c.until, duplicate_of=c.into, actor=actor
        )
    ),
    "priority": _each(lambda f, c, actor: set_priority(f, c.priority, actor=actor)),
    "obsolete": _each(lambda f, c, actor: mark_obsolete(f, actor=actor)),
    "keep": _keep,
    "reopen": _each(lambda f, c, actor: reopen(f, actor=actor)),
    "split": _each(lambda f, c, actor: split(f, actor=actor)),
}
CHOICES = tuple(_WAYS)
