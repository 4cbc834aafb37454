"""Ceremonies of a product, and the seats, points and notes in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from backlog.models import Product, Role, User
from backlog.queries.agendas import Reader, part_of
from mlscrum.lib import clock
from sprints.models import (
    Block,
    BlockVersion,
    Ceremony,
    GuestLink,
    Outcome,
    Participant,
    RetroCard,
    Round,
    Sprint,
)

PAST = 30
STILL_NEXT = timedelta(hours=12)  # whoever is late opens it still


def ceremonies_of(product: Product) -> QuerySet[Ceremony, Ceremony]:
    """The ceremonies of a product, the newest first."""
    return Ceremony.objects.filter(product=product).select_related(
        "product", "sprint__backlog__team"
    )


def guest_seat(key: str, ceremony_id: int, participant_id: int) -> Participant | None:
    """The seat of a guest whose link still opens this ceremony; None once it has expired or was
    revoked, and for any other ceremony."""
    open_links = Q(link__revoked_at=None, link__expires_at__gt=timezone.now())
    return (
        Participant.objects.filter(open_links, pk=participant_id, user=None)
        .filter(ceremony=ceremony_id, ceremony__product__key=key.upper())
        .select_related(
            "ceremony__product__activitycounter", "ceremony__sprint__backlog__team", "link"
        )
        .first()
    )


# The list ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """The ceremonies of a product as their list shows them: each with `insights` and `actions`."""

    running: Sequence[Ceremony]
    coming: Sequence[Ceremony]
    missed: Sequence[Ceremony]
    past: Page[Any]


def listed(product: Product, number: str | None) -> Listed:
    """What runs, what comes next in its order, what was never opened, and what is over, the last
    first."""
    found = ceremonies_of(product).annotate(
        insights=Count("outcomes", filter=Q(outcomes__kind=Outcome.Kind.INSIGHT)),
        actions=Count("outcomes", filter=Q(outcomes__kind=Outcome.Kind.ACTION)),
    )
    past = found.filter(state=Ceremony.State.OVER).order_by("-starts_at", "-pk")
    page: Page[Any] = Paginator(past, PAST).get_page(number)
    planned = found.filter(state=Ceremony.State.PLANNED)
    since = clock.now() - STILL_NEXT
    return Listed(
        running=list(found.filter(state=Ceremony.State.RUNNING).order_by("starts_at", "pk")),
        coming=list(planned.filter(starts_at__gte=since).order_by("starts_at", "pk")),
        missed=list(planned.filter(starts_at__lt=since).order_by("-starts_at", "-pk")[:PAST]),
        past=page,
    )


def of_sprint(sprint: Sprint) -> QuerySet[Ceremony, Ceremony]:
    """The ceremonies of one sprint in the order of their days."""
    return (
        Ceremony.objects.filter(sprint=sprint)
        .select_related("product", "sprint__backlog")
        .order_by("starts_at", "pk")
    )


# One page ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """Who is in a ceremony: those who are there, those who were and are no more, and roles of which
    nobody is."""

    present: Sequence[Participant]
    away: Sequence[Participant]
    absent_roles: Sequence[str]


def people_of(ceremony: Ceremony) -> People:
    """In three queries."""
    seats = list(ceremony.participants.select_related("user", "link"))
    present = [seat for seat in seats if seat.is_present]
    here = {seat.trade.casefold() for seat in present if not seat.is_observer}
    return People(
        present=present,
        away=[
            seat for seat in once_each([*present, *seats]) if seat.joined_at and not seat.is_present
        ],
        absent_roles=[role for role in invited_roles(ceremony) if role.casefold() not in here],
    )


def once_each(seats: Iterable[Participant]) -> list[Participant]:
    """The first seat of each person: a guest who comes by another browser takes one more."""
    found: dict[Any, Participant] = {}
    for seat in seats:
        guest = (seat.name.casefold(), seat.trade.casefold())
        found.setdefault(guest if seat.is_guest else seat.pk, seat)
    return list(found.values())


def invited_roles(ceremony: Ceremony) -> list[str]:
    """The roles that the product has members in, in the order of the roles, and the trades that
    links invite to take part."""
    held = set(ceremony.product.members.values_list("role", flat=True))
    roles = [str(role.label) for role in Role if role in held]
    links = ceremony.guest_links.filter(is_observer=False, revoked_at=None).exclude(trade="")
    for trade in links.values_list("trade", flat=True):
        if trade.casefold() not in {role.casefold() for role in roles}:
            roles.append(trade)
    return roles


@dataclass(frozen=True)
class Shown:
    """A point of the agenda as one reader sees it: `template` and `facts` of its evidence, if its
    slot has any to show."""

    block: Block
    template: str
    facts: Mapping[str, Any] | None
    writer: Participant | None
    follows: str = ""


def shown_blocks(ceremony: Ceremony, reader: Reader) -> list[Shown]:
    """The agenda in its order."""
    found = ceremony.blocks.select_related("held_by")
    return [shown_block(ceremony, block, reader) for block in found]


def shown_block(ceremony: Ceremony, block: Block, reader: Reader) -> Shown:
    """One point of it."""
    block.ceremony = ceremony
    part = part_of(block.slot) if block.slot else None
    facts = part.facts(ceremony, reader) if part else None
    return Shown(
        block,
        part.template if part and facts is not None else "",
        facts,
        writer_of(block, reader),
        follows=part.follows if part else "",
    )


def writer_of(block: Block, reader: Reader) -> Participant | None:
    """Somebody else who writes in it now."""
    is_held = block.held_until is not None and block.held_until > clock.now()
    mine = reader.participant is not None and block.held_by_id == reader.participant.pk
    return block.held_by if is_held and not mine else None


def find_block(ceremony: Ceremony, block_id: int) -> Block:
    """The point of this ceremony, or 404."""
    block = ceremony.blocks.select_related("held_by").filter(pk=block_id).first()
    if block is None:
        raise Http404("There is no such point on the agenda.")
    block.ceremony = ceremony
    return block


def versions_of(block: Block) -> list[BlockVersion]:
    """What a point said, the last first."""
    return list(block.versions.select_related("written_by"))


def find_version(block: Block, number: int) -> BlockVersion:
    """One of them, or 404."""
    version = block.versions.filter(version=number).first()
    if version is None:
        raise Http404("There is no such version.")
    version.block = block
    return version


def find_outcome(ceremony: Ceremony, outcome_id: int) -> Outcome:
    """What came of this ceremony, or 404."""
    outcome = (
        ceremony.outcomes.select_related("said_by", "owner", "item__product", "item__status")
        .filter(pk=outcome_id)
        .first()
    )
    if outcome is None:
        raise Http404("There is no such outcome.")
    outcome.ceremony = ceremony
    return outcome


def guest_links_of(ceremony: Ceremony) -> list[GuestLink]:
    """The links into it, those revoked too, each with how many `came` by it."""
    found = ceremony.guest_links.select_related("created_by")
    return list(found.annotate(came=Count("guests")).order_by("-pk"))


def find_guest_link(ceremony: Ceremony, link_id: int) -> GuestLink:
    """One of them, or 404."""
    link = ceremony.guest_links.filter(pk=link_id).first()
    if link is None:
        raise Http404("There is no such link.")
    link.ceremony = ceremony
    return link


# Soon -------------------------------------------------------------------------------------------


def upcoming_of(person: User, product: Product, *, since: datetime) -> QuerySet[Ceremony, Ceremony]:
    """What a calendar of the person shows of a product: everything from some time back."""
    found = ceremonies_of(product).filter(starts_at__gte=since)
    return found.filter(product__members__user=person).order_by("starts_at", "pk")


def ends_at(ceremony: Ceremony) -> datetime:
    """When its time box is over."""
    return ceremony.starts_at + timedelta(minutes=ceremony.minutes)


def holding_words(ceremonies: QuerySet[Ceremony, Ceremony]) -> QuerySet[Ceremony, Ceremony]:
    """Those in which anything was written: notes, outcomes, cards, or rounds of an estimation."""
    of_it = {"ceremony": OuterRef("pk")}
    noted = Block.objects.filter(~Q(text="") | Q(versions__isnull=False), **of_it)
    return ceremonies.filter(
        Exists(noted)
        | Exists(Outcome.objects.filter(**of_it))
        | Exists(RetroCard.objects.filter(retro=OuterRef("pk")))
        | Exists(Round.objects.filter(**of_it))
    )


def ceremonies_gone_with(sprint: Sprint) -> QuerySet[Ceremony, Ceremony]:
    """What a planned sprint takes along as it is deleted: what was not held, and holds no words."""
    planned = Ceremony.objects.filter(sprint=sprint, state=Ceremony.State.PLANNED)
    return planned.exclude(pk__in=holding_words(planned).values("pk"))
