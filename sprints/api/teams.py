"""Calendars of teams."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.models import Team
from backlog.queries.resources import find_team
from sprints.models import TeamCalendar
from sprints.queries.calendars import calendar_of
from sprints.serializers.sprints import CalendarSerializer
from sprints.services.calendars import set_calendar


@extend_schema(tags=["products"])
class CalendarView(ProductViewSet):
    permissions = {"retrieve": "member.view", "update": "team.edit"}
    queryset = TeamCalendar.objects.all()
    serializer_class = CalendarSerializer

    def retrieve(self, request: Request, key: str, id: int) -> Response:
        """When a team works."""
        return _shown(self._team(key, id))

    @extend_schema(request=CalendarSerializer)
    def update(self, request: Request, key: str, id: int) -> Response:
        """Say when a team works; what is not named is as it was."""
        team = self._team(key, id)
        wanted = CalendarSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        set_calendar(team, actor=self.actor, **wanted.validated_data)
        return _shown(team)

    def _team(self, key: str, id: int) -> Team:
        product = self.find_product(key)
        self.require(product)
        return find_team(product, id)


def _shown(team: Team) -> Response:
    working = calendar_of(team)
    shown = {
        "zone": working.zone,
        "country": working.country,
        "subdivision": working.subdivision,
        "weekdays": sorted(working.weekdays),
        "sprint_days": working.sprint_days,
    }
    return Response(CalendarSerializer(shown).data)
