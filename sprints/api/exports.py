"""The list of sprints as a file."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from backlog.api.exports import ExportView, exported
from backlog.models import Product
from mlscrum.web.tables import Table
from sprints.api.sprints import SprintFilters
from sprints.models import Sprint
from sprints.queries.sprints import sprints_of
from sprints.serializers.exports import sprint_table


class SprintsExportView(ExportView):
    permissions = {"list": "sprint.view"}
    queryset = Sprint.objects.all()
    filterset_class = SprintFilters

    @exported
    def list(self, request: Request, key: str) -> HttpResponseBase:
        """Sprints with their figures as CSV, JSON or Excel, by the filters of the list."""
        return super().list(request, key)

    def table(self, product: Product) -> Table:
        found = self.filter_queryset(sprints_of(product))
        return sprint_table(product, found.order_by("-backlog__starts_on", "-pk"))
