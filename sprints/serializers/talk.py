"""Planning poker and retrospectives, as they are read and sent."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.serializers.links import page
from mlscrum.web.serializers import StrictSerializer
from sprints.models import PokerVote, Retro, Round
from sprints.queries.poker import PickRow
from sprints.queries.retros import CardView, Group, RetroView
from sprints.queries.rounds import RoundView
from sprints.rules.poker import LEAST, MOST, MOST_PICKS, Importance, Spread

LONGEST_CARD, LONGEST_TITLE = 500, 120

# Planning poker -----------------------------------------------------------------------------------


class VoteSerializer(serializers.Serializer[PokerVote]):
    """What somebody held up: a number of the product's scale, `?` or `coffee`."""

    by = serializers.CharField(source="participant.name")
    role = serializers.CharField(source="participant.trade")
    card = serializers.CharField()


class SpreadSerializer(serializers.Serializer[Spread]):
    """What the votes say; `suggested` is the upper of the middle votes."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    median = serializers.FloatField(allow_null=True)
    suggested = serializers.FloatField(allow_null=True)
    agreed = serializers.BooleanField(source="is_agreed")


class RoundSerializer(serializers.Serializer[RoundView]):
    """A vote on one item. `votes` and `spread` are null until it is revealed; `mine` is what the
    caller holds up, and `points` the estimate that was accepted."""

    id = serializers.IntegerField(source="round.pk")
    ceremony = serializers.IntegerField(source="round.ceremony_id")
    item = serializers.CharField(source="round.item.ref")
    number = serializers.IntegerField(source="round.number")
    state = serializers.ChoiceField(choices=Round.State.choices, source="round.state")
    voted = serializers.IntegerField()
    mine = serializers.CharField(allow_null=True)
    votes = VoteSerializer(many=True, allow_null=True)
    spread = SpreadSerializer(allow_null=True)
    points = serializers.FloatField(source="round.points", allow_null=True)
    started_at = serializers.DateTimeField(source="round.started_at")
    revealed_at = serializers.DateTimeField(source="round.revealed_at", allow_null=True)


class NewRoundSerializer(StrictSerializer[Any]):
    """The item to vote on, by its ref."""

    item = serializers.CharField(max_length=30)


class NewVoteSerializer(StrictSerializer[Any]):
    """A card of the product's scale, `?` or `coffee`."""

    card = serializers.CharField(max_length=10)


class AcceptSerializer(StrictSerializer[Any]):
    """The estimate to write onto the item: the number of a card."""

    points = serializers.DecimalField(max_digits=6, decimal_places=1)


class ImportanceSerializer(serializers.Serializer[Importance]):
    """The mean of each role, of 1 to 5, and how far the roles are apart: null with less than two.
    `overall` is the mean of the means; with `talk_first` the disagreement is 2 or more."""

    means = serializers.DictField(child=serializers.FloatField())
    overall = serializers.FloatField(allow_null=True)
    disagreement = serializers.FloatField(allow_null=True)
    talk_first = serializers.BooleanField()


class PickSerializer(serializers.Serializer[PickRow]):
    """An item that a ceremony talks about. `state` is that of its last round, null before the
    first. `my_importance` is what the caller gave, and `importance` null until they gave theirs,
    or the ceremony is over; `weighed` counts who did."""

    item = serializers.CharField(source="item.ref")
    title = serializers.CharField(source="item.title")
    points = serializers.FloatField(source="item.points", allow_null=True)
    state = serializers.SerializerMethodField()
    weighed = serializers.IntegerField()
    my_importance = serializers.IntegerField(source="mine", allow_null=True)
    importance = ImportanceSerializer(allow_null=True)

    @extend_schema_field(serializers.ChoiceField(choices=Round.State.choices, allow_null=True))
    def get_state(self, row: PickRow) -> str | None:
        return row.state or None


class NewPicksSerializer(StrictSerializer[Any]):
    """The items to talk about too, by their refs."""

    items = serializers.ListField(
        child=serializers.CharField(max_length=30), min_length=1, max_length=MOST_PICKS
    )


class NewImportanceSerializer(StrictSerializer[Any]):
    """How much the item matters to the caller."""

    importance = serializers.IntegerField(min_value=LEAST, max_value=MOST)


# Retrospectives -----------------------------------------------------------------------------------


class CardSerializer(serializers.Serializer[CardView]):
    """A card of nobody's name; `mine` says to its writer that it is theirs, while the ceremony
    runs. `column` is its place among the columns, from 0, and `group` the first card of its group.
    """

    id = serializers.UUIDField(source="card.pk")
    column = serializers.IntegerField(source="card.column")
    text = serializers.CharField(source="card.text")
    mine = serializers.BooleanField(source="is_mine")
    group = serializers.SerializerMethodField()

    @extend_schema_field(serializers.UUIDField())
    def get_group(self, view: CardView) -> str:
        return str(view.card.under_id or view.card.pk)


class GroupSerializer(serializers.Serializer[Group]):
    """Cards that belong together; `votes` is null until the vote is over, `my_votes` are the
    caller's own."""

    id = serializers.UUIDField(source="head.card.pk")
    column = serializers.IntegerField(source="head.card.column")
    title = serializers.CharField()
    cards = serializers.SerializerMethodField()
    votes = serializers.IntegerField(allow_null=True)
    my_votes = serializers.IntegerField(source="mine")

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_cards(self, group: Group) -> list[str]:
        return [str(each.card.pk) for each in group.cards]


class RetroSerializer(serializers.Serializer[RetroView]):
    """How a retrospective stands. `cards` counts all of them, those too that the caller can't see
    yet; `groups` are of the cards that the caller can see, by votes once these are shown."""

    ceremony = serializers.IntegerField(source="ceremony.pk")
    format = serializers.ChoiceField(choices=Retro.Format.choices, source="retro.format")
    columns = serializers.ListField(child=serializers.CharField(), source="retro.columns")
    votes_each = serializers.IntegerField(source="retro.votes_each")
    phase = serializers.ChoiceField(choices=Retro.Phase.choices, source="retro.phase")
    cards = serializers.IntegerField(source="total")
    votes_left = serializers.IntegerField()
    groups = GroupSerializer(many=True, source="ranked")
    url = serializers.SerializerMethodField()

    def get_url(self, retro: RetroView) -> str:
        return page("sprints:ceremony", retro.ceremony.product.key, retro.ceremony.pk)


class RetroEditSerializer(StrictSerializer[Any]):
    """The columns, by a format or as `own` with their names, and the votes of each person."""

    format = serializers.ChoiceField(choices=Retro.Format.choices, required=False)
    columns = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50
    )
    votes_each = serializers.IntegerField(required=False, min_value=0, max_value=1000)


class PhaseSerializer(StrictSerializer[Any]):
    """The phase to go to, one on or one back, and the one that the caller has `seen`."""

    phase = serializers.ChoiceField(choices=Retro.Phase.choices)
    seen = serializers.ChoiceField(choices=Retro.Phase.choices)


class NewCardSerializer(StrictSerializer[Any]):
    """What to write, and in which column, from 0."""

    column = serializers.IntegerField(min_value=0, max_value=100)
    text = serializers.CharField(max_length=LONGEST_CARD)


class OfCardSerializer(StrictSerializer[Any]):
    """The card that is meant."""

    card = serializers.UUIDField()


class CardEditSerializer(OfCardSerializer):
    """An own card and what it says from now on."""

    text = serializers.CharField(max_length=LONGEST_CARD)


class OntoSerializer(OfCardSerializer):
    """A card and the one whose group it comes into; null takes it out of its group."""

    onto = serializers.UUIDField(allow_null=True)


class TitleSerializer(OfCardSerializer):
    """A card and the title of its group; an empty one takes it away."""

    title = serializers.CharField(max_length=LONGEST_TITLE, allow_blank=True)
