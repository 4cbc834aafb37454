"""Velocity and forecast: what past sprints say of the next ones."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductView
from backlog.models import Product, Team
from mlscrum.lib.numbers import whole_number
from mlscrum.web.problems import BadParameters
from sprints.queries.forecasts import Asked, forecast_of
from sprints.queries.overviews import past_sprints
from sprints.rules.velocity import velocity_range
from sprints.serializers.sprints import ForecastSerializer, VelocitySerializer

TEAM = OpenApiParameter(
    "team", int, description="The id of a team; needed where several work on the product."
)


class VelocityView(ProductView):
    permissions = {"get": "sprint.view"}
    query_parameters = {"get": ("team",)}

    @extend_schema(
        operation_id="velocity", responses=VelocitySerializer, parameters=[TEAM], tags=["sprints"]
    )
    def get(self, request: Request, key: str) -> Response:
        """The closed sprints as their reports hold them, and the range of the last six."""
        product = self.find_product(key)
        self.require(product)
        past = past_sprints(product, team=team_of(request, product))
        found = velocity_range([sprint.completed for sprint in past])
        shown = {
            "sprints": [
                {
                    "id": sprint.id,
                    "name": sprint.name,
                    "committed": float(sprint.committed),
                    "completed": float(sprint.completed),
                    "added": float(sprint.added),
                    "removed": float(sprint.removed),
                    "carried_over": float(sprint.carried_over),
                }
                for sprint in past
            ],
            "range": [float(n) for n in (found.low, found.median, found.high)] if found else None,
        }
        return Response(VelocitySerializer(shown).data)


class ForecastView(ProductView):
    permissions = {"get": "sprint.view"}
    query_parameters = {"get": ("team", "points", "refs", "until")}

    @extend_schema(
        operation_id="forecast",
        responses=ForecastSerializer,
        parameters=[
            TEAM,
            OpenApiParameter("points", float, description="When will so many be done?"),
            OpenApiParameter("refs", str, description="When will these items be done? By commas."),
            OpenApiParameter("until", str, description="How many points will be done by this day?"),
        ],
        tags=["sprints"],
    )
    def get(self, request: Request, key: str) -> Response:
        """Dates by which so many points, or these items, are done; or how many by a day.

        Drawn 10,000 times from the past sprints, with a seed, so that the same past says the same.
        """
        product = self.find_product(key)
        self.require(product)
        team = team_of(request, product)
        asked = Asked.read(product, request.query_params.dict())
        return Response(ForecastSerializer(forecast_of(product, asked, team=team)).data)


def team_of(request: Request, product: Product) -> Team:
    """The team that is asked about, or the only one: sprints of two teams are no sequence of one.

    400 for a team that the product lacks, and where several work on it and none is named.
    """
    text = request.query_params.get("team")
    if text is None:
        first, *others = product.teams.all()[:2]
        if others:
            why = "Several teams work on this product; say which one you mean."
            raise BadParameters({"team": ("team_needed", why)})
        return first
    number = whole_number(text, digits=18)
    team = product.teams.filter(pk=number).first() if number is not None else None
    if team is None:
        raise BadParameters({"team": ("no_team", "There is no such team in this product.")})
    return team
