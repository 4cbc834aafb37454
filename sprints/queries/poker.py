"""Planning poker as a page shows it: the items, the vote under way, and what matters to whom.

Of a vote under way only who has voted is read, and the reader's own card: what others hold up is
not fetched before it is revealed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, Q, QuerySet, Value, When

from backlog.models import Backlog, Category, Item, Kind, Product
from backlog.queries.agendas import Reader
from backlog.queries.search import best_of
from backlog.rules.trees import bears_points
from sprints.models import (
    Ceremony,
    ImportanceVote,
    Participant,
    Pick,
    PokerScale,
    PokerVote,
    Round,
)
from sprints.rules.plain_words import in_line
from sprints.rules.poker import (
    COFFEE,
    UNSURE,
    USUAL_SCALE,
    Importance,
    Spread,
    importance_of,
    label_of,
    said,
    spread_of,
)

SUGGESTED = 6
FOUND = 10
BEARERS = [kind for kind in Kind.values if bears_points(kind)]


@dataclass(frozen=True)
class Card:
    """A card that can be held up; `points` is None for "?" and coffee."""

    value: str
    label: str
    is_mine: bool = False

    @property
    def is_coffee(self) -> bool:
        return self.value == COFFEE

    @property
    def is_unsure(self) -> bool:
        return self.value == UNSURE


@dataclass(frozen=True)
class Held:
    """Somebody in a vote, and after the reveal what they hold up."""

    seat: Participant
    has_voted: bool
    is_me: bool
    card: Card | None = None
    is_low: bool = False
    is_high: bool = False


@dataclass(frozen=True)
class Outlook:
    """What the votes of one round said, with names."""

    number: int
    spread: Spread
    lowest: Sequence[Participant]
    highest: Sequence[Participant]
    accepted: Decimal | None = None


@dataclass(frozen=True)
class Talk:
    """The round on the table: `outlook` is None until it is revealed."""

    round: Round
    item: Item
    held: Sequence[Held]
    cards: Sequence[Card]
    outlook: Outlook | None
    before: Sequence[Outlook]
    choices: Sequence[tuple[str, str, bool]]

    @property
    def voted(self) -> int:
        return sum(each.has_voted for each in self.held)

    @property
    def is_voting(self) -> bool:
        return self.round.state == Round.State.VOTING

    @property
    def is_revealed(self) -> bool:
        return self.round.state == Round.State.REVEALED


@dataclass(frozen=True)
class PickRow:
    """An item that the ceremony talks about, and what matters about it."""

    item: Item
    last: Round | None
    is_current: bool
    importance: Importance | None  # None while the reader has to say first
    mine: int | None
    weighed: int
    by_role: Sequence[tuple[str, Decimal | None]]  # means, in the order of the roles of the view

    @property
    def state(self) -> str:
        return self.last.state if self.last else ""


@dataclass(frozen=True)
class Poker:
    """All of it, for one reader."""

    ceremony: Ceremony
    picks: Sequence[PickRow]
    weights: Sequence[PickRow]
    roles: Sequence[str]
    talk: Talk | None
    suggestions: Sequence[Item]
    may_vote: bool
    may_lead: bool
    may_accept: bool
    values: Sequence[int] = (1, 2, 3, 4, 5)


def scale_of(product: Product) -> list[str]:
    """The numbers of the product's own scale, else the usual ones."""
    own = PokerScale.objects.filter(product=product).first()
    return list(own.cards if own else USUAL_SCALE)


def facts(ceremony: Ceremony, reader: Reader) -> Mapping[str, Any]:
    return {"poker": poker_of(ceremony, reader)}


def poker_of(ceremony: Ceremony, reader: Reader) -> Poker:
    """Planning poker of a ceremony as this reader may see it, in a fixed number of statements."""
    is_open = not ceremony.is_over
    seat = reader.participant
    may_vote = (
        is_open
        and reader.may("ceremony.contribute")
        and not (seat is not None and seat.is_observer)
    )
    may_lead = is_open and reader.may("ceremony.edit")
    picks = list(ceremony.picks.select_related("item__status", "item__product"))
    rounds = list(ceremony.rounds.select_related("item__status", "item__product"))
    current = _current(rounds)
    rows, roles = _rows(ceremony, picks, rounds, current, seat, hides=may_vote)
    return Poker(
        ceremony=ceremony,
        picks=rows,
        weights=sorted(rows, key=_by_disagreement),
        roles=roles,
        talk=_talk(ceremony, current, rounds, seat) if current else None,
        suggestions=suggestions(ceremony) if may_lead else [],
        may_vote=may_vote,
        may_lead=may_lead,
        may_accept=is_open and reader.may("item.edit"),
    )


def picks_of(ceremony: Ceremony) -> QuerySet[Pick, Pick]:
    """What the ceremony talks about, with what deeds ask of the items."""
    return Pick.objects.filter(ceremony=ceremony).select_related(
        "item__product", "item__backlog", "item__status"
    )


def rows_of(ceremony: Ceremony, picks: Sequence[Pick], seat: Participant | None) -> list[PickRow]:
    """These picks for REST, as somebody on this seat may see them, in a fixed number of statements:
    what matters to others is read by those who have said what matters to them, by observers and,
    once the ceremony is over, by all."""
    rounds = list(ceremony.rounds.select_related("item__status", "item__product"))
    hides = not ceremony.is_over and not (seat is not None and seat.is_observer)
    rows, _ = _rows(ceremony, picks, rounds, _current(rounds), seat, hides=hides)
    return rows


def suggestions(ceremony: Ceremony) -> list[Item]:
    """What to talk about: from the top of the product backlog, items without an estimate first."""
    open_items = _estimable(ceremony).lying_in(ceremony.product, Backlog.Kind.PRODUCT)
    bears = Case(When(points__isnull=True, then=Value(0)), default=Value(1))
    return list(open_items.select_related("product", "status").order_by(bears, "rank")[:SUGGESTED])


def found_for(ceremony: Ceremony, query: str) -> list[Item]:
    """Items of the product that could be picked, by ref or words, the best first."""
    best, _ = best_of(ceremony.product, query, limit=4 * FOUND)
    picked = set(ceremony.picks.values_list("item_id", flat=True))
    return [item for item in best if item.pk not in picked and item.kind in BEARERS][:FOUND]


def words(ceremony: Ceremony) -> str:
    """For the minutes: what was estimated by which votes and, once it is over, what matters to
    whom."""
    rounds = list(ceremony.rounds.select_related("item__product"))
    if not ceremony.is_over:
        rounds = [found for found in rounds if found.state != Round.State.VOTING]
    votes = _revealed_votes(Q(round__in=[found.pk for found in rounds]))
    lines = []
    for found in rounds:
        if found.state == Round.State.VOTING:
            lines.append(f"- {_named(found.item)}: round {found.number} was never revealed")
            continue
        spread = spread_of({seat.pk: card for seat, card in votes[found.pk].items()})
        line = f"- {_named(found.item)}: {_spread_in_words(spread)} in round {found.number}"
        settled = f", accepted **{said(found.points)}**" if found.points is not None else ""
        lines.append(line + settled)
    # Until the end nobody reads here what others gave before they have given their own.
    weighed = _weighed(ceremony) if ceremony.is_over else {}
    items = Item.objects.select_related("product").in_bulk(list(weighed))
    for pk, rows in weighed.items():
        importance = importance_of((trade, value) for trade, _, value in rows)
        means = ", ".join(f"{in_line(role)} {mean:.1f}" for role, mean in importance.means.items())
        first = ", talk first" if importance.talk_first else ""
        lines.append(f"- Importance of {_named(items[pk])}: {means}{first}")
    return "\n".join(lines)


def _spread_in_words(spread: Spread) -> str:
    if spread.low is None or spread.high is None or spread.median is None:
        return "no estimate"
    if spread.low == spread.high:
        return f"{spread.estimates} × {said(spread.low)}"
    return f"{said(spread.low)} to {said(spread.high)}, median {said(spread.median)}"


def _named(item: Item) -> str:
    return f"{item.ref} {in_line(item.title)}"


def _estimable(ceremony: Ceremony) -> Any:
    return (
        Item.objects.alive()
        .filter(product=ceremony.product, kind__in=BEARERS)
        .exclude(status__category=Category.DONE)
        .exclude(pk__in=ceremony.picks.values("item_id"))
    )


def _current(rounds: Sequence[Round]) -> Round | None:
    """The round on the table: the one under way, else the last one."""
    voting = (found for found in rounds if found.state == Round.State.VOTING)
    return next(voting, rounds[-1] if rounds else None)


def _talk(
    ceremony: Ceremony, current: Round, rounds: Sequence[Round], seat: Participant | None
) -> Talk:
    is_voting = current.state == Round.State.VOTING
    revealed = _revealed_votes(Q(round__ceremony=ceremony, round__item=current.item_id))
    voted = set(PokerVote.objects.filter(round=current).values_list("participant_id", flat=True))
    mine = (
        PokerVote.objects.filter(round=current, participant=seat)
        .values_list("card", flat=True)
        .first()
        if seat
        else None
    )
    outlooks = [
        _outlook(found, revealed[found.pk])
        for found in rounds
        if found.item_id == current.item_id and found.state != Round.State.VOTING
    ]
    outlook = None if is_voting else outlooks.pop()
    scale = scale_of(ceremony.product)
    suggested = outlook.spread.suggested if outlook else None
    return Talk(
        round=current,
        item=current.item,
        held=_held(ceremony, voted, revealed.get(current.pk, {}), outlook, seat),
        cards=[
            Card(value, label_of(value), is_mine=value == mine)
            for value in (*scale, UNSURE, COFFEE)
        ],
        outlook=outlook,
        before=outlooks,
        choices=[(card, label_of(card), Decimal(card) == suggested) for card in scale],
    )


def _revealed_votes(which: Q) -> dict[int, dict[Participant, str]]:
    """The cards of rounds that are revealed, by round."""
    votes: dict[int, dict[Participant, str]] = defaultdict(dict)
    shown = PokerVote.objects.filter(which).exclude(round__state=Round.State.VOTING)
    for vote in shown.select_related("participant").order_by("participant__name", "pk"):
        votes[vote.round_id][vote.participant] = vote.card
    return votes


def _outlook(found: Round, votes: Mapping[Participant, str]) -> Outlook:
    spread = spread_of({seat.pk: card for seat, card in votes.items()})
    seats = {seat.pk: seat for seat in votes}
    return Outlook(
        number=found.number,
        spread=spread,
        lowest=[seats[pk] for pk in spread.lowest],
        highest=[seats[pk] for pk in spread.highest],
        accepted=found.points,
    )


def _held(
    ceremony: Ceremony,
    voted: set[int],
    cards: Mapping[Participant, str],
    outlook: Outlook | None,
    me: Participant | None,
) -> list[Held]:
    """Who is there or has voted, by name; after the reveal the lowest card first."""
    there = ceremony.participants.filter(Q(is_present=True, is_observer=False) | Q(pk__in=voted))
    low = {seat.pk for seat in outlook.lowest} if outlook else set()
    high = {seat.pk for seat in outlook.highest} if outlook else set()
    held = [
        Held(
            seat=seat,
            has_voted=seat.pk in voted,
            is_me=me is not None and me.pk == seat.pk,
            card=Card(cards[seat], label_of(cards[seat])) if seat in cards else None,
            is_low=seat.pk in low,
            is_high=seat.pk in high,
        )
        for seat in there
    ]
    return sorted(held, key=_by_card) if outlook else held


def _by_card(held: Held) -> tuple[int, Decimal]:
    if held.card is None:
        return (2, Decimal(0))
    wordless = held.card.is_coffee or held.card.is_unsure
    return (1, Decimal(0)) if wordless else (0, Decimal(held.card.value))


def _rows(
    ceremony: Ceremony,
    picks: Sequence[Any],
    rounds: Sequence[Round],
    current: Round | None,
    seat: Participant | None,
    *,
    hides: bool,
) -> tuple[list[PickRow], list[str]]:
    """The items with their importance; `hides` it while the reader, who may, has not said it."""
    last = {found.item_id: found for found in rounds}
    weighed = _weighed(ceremony)
    roles = sorted({trade for rows in weighed.values() for trade, _, _ in rows})
    found = []
    for pick in picks:
        votes = weighed.get(pick.item_id, [])
        mine = next((value for _, pk, value in votes if seat and pk == seat.pk), None)
        shows = mine is not None or not hides
        importance = importance_of((trade, value) for trade, _, value in votes) if shows else None
        found.append(
            PickRow(
                item=pick.item,
                last=last.get(pick.item_id),
                is_current=current is not None and current.item_id == pick.item_id,
                importance=importance,
                mine=mine,
                weighed=len(votes),
                by_role=[
                    (role, importance.means.get(role) if importance else None) for role in roles
                ],
            )
        )
    return found, roles


def _weighed(ceremony: Ceremony) -> dict[int, list[tuple[str, int, int]]]:
    """Role, participant and value of each vote on importance, by item in the order of the picks."""
    rows: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    votes = ImportanceVote.objects.filter(ceremony=ceremony).order_by("item_id", "pk")
    for item, trade, seat, value in votes.values_list(
        "item_id", "participant__trade", "participant_id", "value"
    ):
        rows[item].append((trade, seat, value))
    return rows


def _by_disagreement(row: PickRow) -> tuple[bool, Decimal]:
    apart = row.importance.disagreement if row.importance else None
    return (apart is None, -(apart or Decimal(0)))
