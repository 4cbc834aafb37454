"""The list of runs as a file."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from backlog.api.exports import ExportView, exported
from backlog.models import Product
from dataquality.api.filters import RunFilters
from dataquality.models import Run
from dataquality.queries.runs import runs_of
from dataquality.serializers.exports import run_table
from mlscrum.web.tables import Table


class RunsExportView(ExportView):
    permissions = {"list": "dataset.view"}
    queryset = Run.objects.all()
    filterset_class = RunFilters

    @exported
    def list(self, request: Request, key: str) -> HttpResponseBase:
        """Runs as CSV, JSON or Excel, by the filters of the list: figures, never a row of data."""
        return super().list(request, key)

    def table(self, product: Product) -> Table:
        return run_table(product, self.filter_queryset(runs_of(product)).order_by("-pk"))
