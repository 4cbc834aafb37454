"""Rounds of planning poker one by one, for REST: what was held up only of those revealed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from sprints.models import Ceremony, Participant, PokerVote, Round
from sprints.rules.poker import Spread, spread_of


@dataclass(frozen=True)
class RoundView:
    """A round as one reader may see it: `votes` and `spread` are None until it is revealed, `voted`
    counts who holds up a card, `mine` is the reader's own."""

    round: Round
    voted: int
    mine: str | None
    votes: Sequence[PokerVote] | None
    spread: Spread | None


def rounds_of(ceremony: Ceremony) -> QuerySet[Round, Round]:
    """The rounds of a ceremony, with what deeds ask of their items."""
    return Round.objects.filter(ceremony=ceremony).select_related(
        "item__product", "item__backlog", "item__status"
    )


def find_round(ceremony: Ceremony, round_id: int) -> Round:
    """One of them, or 404."""
    found = rounds_of(ceremony).filter(pk=round_id).first()
    if found is None:
        raise Http404(f"There is no round {round_id} in this ceremony.")
    found.ceremony = ceremony
    return found


def views_of(rounds: Sequence[Round], seat: Participant | None) -> list[RoundView]:
    """These rounds as somebody on this seat may see them, in a fixed number of statements. What is
    held up in a round under way is not fetched, but for the reader's own card."""
    votes = PokerVote.objects.filter(round__in=[found.pk for found in rounds])
    counts = dict(
        votes.order_by().values("round").annotate(n=Count("pk")).values_list("round", "n")
    )
    own = Q(participant=seat) if seat is not None else Q(pk__in=())
    mine = dict(votes.filter(own).values_list("round", "card"))
    shown: dict[int, list[PokerVote]] = defaultdict(list)
    revealed = votes.exclude(round__state=Round.State.VOTING).select_related("participant")
    for vote in revealed.order_by("participant__name", "pk"):
        shown[vote.round_id].append(vote)
    return [
        RoundView(
            round=found,
            voted=counts.get(found.pk, 0),
            mine=mine.get(found.pk),
            votes=None if found.state == Round.State.VOTING else shown[found.pk],
            spread=None
            if found.state == Round.State.VOTING
            else spread_of({vote.participant_id: vote.card for vote in shown[found.pk]}),
        )
        for found in rounds
    ]
