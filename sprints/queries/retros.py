"""A retrospective as a page shows it: own cards until the reveal, then all, and votes at the end.

Until the cards are revealed, the words of others are not fetched, only how many there are; and so
are the totals of votes until the vote is over. One that was closed earlier shows both: nobody can
reveal them any more.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from backlog.models import Member, User
from backlog.queries.agendas import Reader
from sprints.models import Ceremony, Outcome, Participant, Retro, RetroCard, RetroVote
from sprints.rules.plain_words import in_line
from sprints.rules.retros import FORMATS, mark_of


@dataclass(frozen=True)
class CardView:
    """A card as the reader may see it."""

    card: RetroCard
    is_mine: bool


@dataclass
class Group:
    """A card with those under it. `votes` is None while hidden, `mine` are the reader's."""

    head: CardView
    others: list[CardView] = field(default_factory=list)
    votes: int | None = None
    mine: int = 0

    @property
    def title(self) -> str:
        return self.head.card.title

    @property
    def is_group(self) -> bool:
        return bool(self.others)

    @property
    def name(self) -> str:
        """What menus call it."""
        text = self.title or self.head.card.text
        return " ".join(text.split())[:60]

    @property
    def cards(self) -> list[CardView]:
        return [self.head, *self.others]


@dataclass(frozen=True)
class Column:
    """A column with its groups; `hidden` counts the cards of others that the reader can't see."""

    number: int
    name: str
    groups: Sequence[Group]
    hidden: int


@dataclass(frozen=True)
class Step:
    value: str
    label: str
    is_now: bool
    is_past: bool
    is_next: bool


@dataclass(frozen=True)
class RetroView:
    """All of it, for one reader; `ranked` are the groups by votes, once these are shown."""

    ceremony: Ceremony
    retro: Retro
    columns: Sequence[Column]
    groups: Sequence[Group]
    ranked: Sequence[Group]
    steps: Sequence[Step]
    total: int
    votes_left: int
    votes_given: int
    actions: Sequence[Outcome]
    people: Sequence[User]
    may_write: bool
    may_lead: bool
    may_item: bool

    @property
    def is_writing(self) -> bool:
        return not self.ceremony.is_over and self.retro.phase == Retro.Phase.WRITE

    @property
    def is_grouping(self) -> bool:
        return not self.ceremony.is_over and self.retro.phase == Retro.Phase.GROUP

    @property
    def is_voting(self) -> bool:
        return not self.ceremony.is_over and self.retro.phase == Retro.Phase.VOTE

    @property
    def is_talking(self) -> bool:
        return _shows_votes(self.retro)

    @property
    def before(self) -> Step | None:
        places = [place for place, step in enumerate(self.steps) if step.is_now and place]
        return self.steps[places[0] - 1] if places else None

    @property
    def after(self) -> Step | None:
        return next((step for step in self.steps if step.is_next), None)

    @property
    def formats(self) -> list[tuple[str, str, str]]:
        """Value, label and columns of each format."""
        return [
            (str(value), str(label), " · ".join(FORMATS.get(str(value), ["one a line"])))
            for value, label in Retro.Format.choices
        ]

    @property
    def own_lines(self) -> str:
        return "\n".join(self.retro.columns) if self.retro.format == Retro.Format.OWN else ""


def facts(ceremony: Ceremony, reader: Reader) -> Mapping[str, Any]:
    return {"retro": retro_of(ceremony, reader)}


def slots_of(retro: Retro, seat: Participant) -> list[str]:
    """The marks of all votes that a person may give; none once the secret is dropped."""
    secret = retro.ceremony.secret
    if not secret:
        return []
    return [
        mark_of(secret, settings.SECRET_KEY, "vote", seat.pk, number)
        for number in range(retro.votes_each)
    ]


def retro_of(ceremony: Ceremony, reader: Reader) -> RetroView:
    """A retrospective as this reader may see it, in a fixed number of statements."""
    retro = Retro.objects.filter(ceremony=ceremony).first() or Retro(ceremony=ceremony)
    retro.ceremony = ceremony
    seat, is_open = reader.participant, not ceremony.is_over
    looks_only = seat is not None and seat.is_observer
    may_write = is_open and reader.may("ceremony.contribute") and not looks_only
    may_lead = is_open and reader.may("ceremony.edit")
    shown, counts = _cards(retro, seat)
    groups = _groups(shown)
    slots = slots_of(retro, seat) if seat else []
    given = _votes(retro, groups, slots)
    steps = _steps(retro.phase)
    return RetroView(
        ceremony=ceremony,
        retro=retro,
        columns=[
            Column(
                number=number,
                name=name,
                groups=[group for group in groups if group.head.card.column == number],
                hidden=counts[number] - sum(v.card.column == number for v in shown),
            )
            for number, name in enumerate(retro.columns)
        ],
        groups=groups,
        ranked=sorted(groups, key=lambda group: -(group.votes or 0)),
        steps=steps,
        total=sum(counts.values()),
        votes_left=retro.votes_each - given,
        votes_given=given,
        actions=_actions(ceremony),
        people=_people(ceremony) if may_lead else [],
        may_write=may_write,
        may_lead=may_lead,
        may_item=reader.may("item.edit"),
    )


def words(ceremony: Ceremony) -> str:
    """For the minutes: the cards by group with their votes, of nobody's name."""
    retro = Retro.objects.filter(ceremony=ceremony).first()
    if retro is None:
        return ""
    retro.ceremony = ceremony
    if not _shows_cards(retro):
        return ""
    groups = _groups([CardView(card, is_mine=False) for card in retro.cards.all()])
    _votes(retro, groups, [])
    lines = []
    for number, name in enumerate(retro.columns):
        here = [group for group in groups if group.head.card.column == number]
        if not here:
            continue
        lines += [f"**{in_line(name)}**", ""]
        for group in sorted(here, key=lambda group: -(group.votes or 0)):
            votes = f" ({_counted(group.votes, 'vote')})" if group.votes is not None else ""
            if not group.title and not group.is_group:
                lines.append(f"- {in_line(group.head.card.text)}{votes}")
                continue
            lines.append(f"- {in_line(group.title or 'Together')}{votes}")
            lines += [f"  - {in_line(each.card.text)}" for each in group.cards]
        lines.append("")
    return "\n".join(lines).strip()


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shows_cards(retro: Retro) -> bool:
    return retro.ceremony.is_over or retro.phase != Retro.Phase.WRITE


def _shows_votes(retro: Retro) -> bool:
    return retro.ceremony.is_over or retro.phase == Retro.Phase.TALK


def _cards(retro: Retro, seat: Participant | None) -> tuple[list[CardView], Counter[int]]:
    """The cards that the reader may see, in their random order, and how many each column has."""
    cards = RetroCard.objects.filter(retro=retro.ceremony_id)
    counts = Counter({row["column"]: row["n"] for row in cards.order_by().values("column")
                      .annotate(n=Count("pk"))})  # fmt: skip
    keys = cards.values_list("pk", "mark")
    mine = {pk for pk, mark in keys if seat and _is_of(retro.ceremony, seat, pk, mark)}
    seen = cards if _shows_cards(retro) else cards.filter(pk__in=mine)
    return [CardView(card, is_mine=card.pk in mine) for card in seen], counts


def _is_of(ceremony: Ceremony, seat: Participant, card_id: Any, mark: str) -> bool:
    if not ceremony.secret:
        return False
    own = mark_of(ceremony.secret, settings.SECRET_KEY, "card", seat.pk, card_id)
    return hmac.compare_digest(mark, own)


def _groups(views: Sequence[CardView]) -> list[Group]:
    """Each card under the first one of its group, save where the reader can't see that one."""
    shown = {each.card.pk for each in views}
    heads = {v.card.pk: Group(v) for v in views if v.card.under_id not in shown}
    for each in views:
        if each.card.under_id in heads:
            heads[each.card.under_id].others.append(each)
    return list(heads.values())


def _votes(retro: Retro, groups: Sequence[Group], slots: Sequence[str]) -> int:
    """Put votes to groups: the reader's own while people vote, all once they talk; how many are the
    reader's."""
    shows = _shows_votes(retro)
    which = Q() if shows else Q(mark__in=slots)
    votes = list(
        RetroVote.objects.filter(which, card__retro=retro.ceremony_id).values_list(
            "mark", "card_id"
        )
    )
    mine = Counter(card for mark, card in votes if mark in slots)
    totals = Counter(card for _, card in votes)
    for group in groups:
        keys = [each.card.pk for each in group.cards]
        group.mine = sum(mine[key] for key in keys)
        group.votes = sum(totals[key] for key in keys) if shows else None
    return sum(mine.values())


def _steps(phase: str) -> list[Step]:
    values = list(Retro.Phase)
    now = values.index(Retro.Phase(phase))
    return [
        Step(
            value=value.value,
            label=str(value.label),
            is_now=place == now,
            is_past=place < now,
            is_next=place == now + 1,
        )
        for place, value in enumerate(values)
    ]


def _actions(ceremony: Ceremony) -> list[Outcome]:
    return list(
        ceremony.outcomes.filter(kind=Outcome.Kind.ACTION).select_related(
            "owner", "item__product", "item__status"
        )
    )


def _people(ceremony: Ceremony) -> list[User]:
    members = Member.objects.filter(product=ceremony.product).select_related("user")
    return [member.user for member in members.order_by("user__name")]
