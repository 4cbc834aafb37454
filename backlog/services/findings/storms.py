"""Storms: many new findings at once come under one item, of which people are told once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from backlog.models import Actor, Backlog, Category, Finding, Item, Kind, Product, Storm, Subject
from backlog.rules.finding_life import STORM_IN_A_RUN, STORM_WINDOW, is_storm
from backlog.services.evidence_items import Parent, file_items
from backlog.services.items import edit_items


@dataclass(frozen=True)
class Gathered:
    """The item above the new findings of a report; new where the storm begins with it."""

    parent: Parent
    is_new: bool
    subject: Subject | None = None


def file_gathered(
    product: Product,
    subject: Subject | None,
    findings: Sequence[Finding],
    *,
    kind: str,
    actor: Actor,
    at: datetime,
    recurs_from: Mapping[int, Item],
    locked: Collection[int] = (),
) -> Gathered | None:
    """File items for the new findings of a report, under one more where they are a storm or go on
    with one. `locked` are the items that the report itself changes."""
    if not findings:
        return None
    gathered = gather(product, subject, findings, at=at)
    made = file_items(
        product,
        findings,
        kind=kind,
        actor=actor,
        recurs_from=recurs_from,
        parent=gathered.parent if gathered else None,
    )
    if gathered is None or not gathered.is_new:
        return gathered
    epic = made[0]
    Storm.objects.create(
        product=product, subject=gathered.subject, item=epic, began_at=at, last_at=at
    )
    if gathered.subject is None:
        _take_under(product, epic, actor=actor, at=at, locked=locked)
    return replace(gathered, parent=replace(gathered.parent, item=epic))


def gather(
    product: Product, subject: Subject | None, findings: Sequence[Finding], *, at: datetime
) -> Gathered | None:
    """Under what these new findings come, if they are a storm or go on with one.

    More than 20 of one report are, and what makes more than 50 of a product within an hour.
    """
    running = _running(product, subject, at)
    if running is not None:
        Storm.objects.filter(pk=running.pk).update(last_at=at)
        return Gathered(Parent(running.item.title, item=running.item), is_new=False)
    of_run = len(findings) > STORM_IN_A_RUN
    before = 0 if of_run else _filed_of_late(product, at).count()
    if not is_storm(len(findings), before):
        return None
    about = subject.name if subject and of_run else product.name
    when = "at once" if of_run else "within an hour"
    title = f"{about}: {len(findings) + before:,} checks turned red {when}"
    text = (
        f"Filed by evidence: all that turned red {when} stands under this. Each closes itself when"
        " its evidence turns green, and this with the last of them."
    )
    return Gathered(Parent(title, text), is_new=True, subject=subject if of_run else None)


def _running(product: Product, subject: Subject | None, at: datetime) -> Storm | None:
    """The storm that goes on: of this subject, or of the whole product."""
    storms = Storm.objects.filter(product=product, last_at__gte=at - STORM_WINDOW)
    return (
        storms.filter(Q(subject=None) | Q(subject=subject))
        .filter(item__deleted_at__isnull=True, item__product=product, item__kind=Kind.EPIC)
        .exclude(item__status__category=Category.DONE)
        .select_related("item__product", "item__backlog")
        .order_by("-last_at")
        .first()
    )


def _filed_of_late(product: Product, at: datetime) -> QuerySet[Finding]:
    since = at - STORM_WINDOW
    return Finding.objects.filter(product=product, first_seen__gt=since, item__isnull=False)


def _take_under(
    product: Product, epic: Item, *, actor: Actor, at: datetime, locked: Collection[int]
) -> None:
    """What came within the hour and nobody has taken up belongs to the storm as well."""
    early = (
        Item.objects.alive()
        .select_related("product", "status", "backlog")
        .filter(
            pk__in=_filed_of_late(product, at).values("item"),
            parent=None,
            backlog__kind=Backlog.Kind.INBOX,
        )
        .exclude(kind__in=[Kind.TASK, Kind.EPIC])
        .exclude(pk__in=list(locked))
    )
    edit_items(product, list(early), actor=actor, parent=epic)
