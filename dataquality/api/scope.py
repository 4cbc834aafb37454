"""What the REST views of data share: finding a dataset or a run, values, and waiting for a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.access.roles import may
from backlog.serializers.links import page
from dataquality.models import Dataset, DatasetVersion, Run
from dataquality.queries.datasets import find_dataset, find_version, may_see_values
from dataquality.queries.gates import dataset_gate
from dataquality.queries.overviews import run_details
from dataquality.queries.runs import find_run
from dataquality.serializers.runs import GateSerializer, ResultSerializer, RunSerializer
from dataquality.services.values import note_values_opened
from mlscrum.web.problems import BadParameters

POLL_S = 0.2
UNKEPT = {"Cache-Control": "no-store, private"}  # of answers that may hold values


class DataView(ProductViewSet):
    """A resource of one dataset, or of one run."""

    def dataset(self, key: str, slug: str) -> Dataset:
        """The dataset, if the action may be done to it."""
        dataset = find_dataset(self.find_product(key), slug)
        self.require(dataset.product, subject=dataset.subject)
        return dataset

    def run_of(self, id: int) -> Run:
        """The run, if the action may be done to it."""
        run = Run.objects.filter(
            pk=id, dataset__subject__product__in=self.visible_products()
        ).select_related("dataset__subject__product").first()  # fmt: skip
        if run is None:
            raise Http404(f"There is no run {id}.")
        self.require(run.dataset.product, subject=run.dataset.subject)
        return find_run(run.dataset.product, id)

    def version_of(self, dataset: Dataset, number: int | None) -> DatasetVersion | None:
        return find_version(dataset, number) if number is not None else None

    def sees_values(self, dataset: Dataset) -> bool:
        """Whether this principal may see raw values; a token of evidence alone never does."""
        allowed = may(self.actor, "data.values", dataset.product, subject=dataset.subject)
        if self.actor.token is not None and not allowed:
            return False
        return may_see_values(dataset, self.actor, allowed=allowed)

    def run_answer(self, run: Run, *, fail_on: str | None = None, status: int = 200) -> Response:
        """The run with results and gate; 422 where `fail_on` was given and the gate is shut."""
        dataset = run.dataset
        details = run_details(run, with_values=self.sees_values(dataset))
        if details.shows_values:
            note_values_opened(dataset, f"run {run.pk}", actor=self.actor)
        gate = dataset_gate(dataset, fail_on=fail_on or "critical", version=run.version, run=run)
        shown: dict[str, Any] = dict(RunSerializer(run).data)
        shown["results"] = ResultSerializer(
            details.lines, many=True, context={"shows_values": self.sees_values(dataset)}
        ).data
        shown["findings"] = [
            line.result.finding_id for line in details.lines if line.result.finding_id
        ]
        shown["gate"] = GateSerializer(gate, context={"dataset": dataset}).data
        if fail_on and run.is_finished and not gate.passed:
            status = 422
        headers = {} if run.is_finished else {"Location": page("api-run", run.pk)}
        return Response(shown, status=status, headers=headers | UNKEPT)

    def started(self, run: Run, *, wait_s: float, fail_on: str | None) -> Response:
        """202 with the run's Location, or the finished run if it ends within the wait."""
        deadline = time.monotonic() + wait_s
        while not run.is_finished and time.monotonic() < deadline:
            time.sleep(POLL_S)
            run.refresh_from_db(fields=["state", "finished_at"])
        fresh = find_run(run.dataset.product, run.pk)
        return self.run_answer(fresh, fail_on=fail_on, status=200 if fresh.is_finished else 202)


def number_of(request: Request, name: str, most: float) -> float:
    """A query parameter as a number from 0 to `most`, 0 where absent; else 400 naming it."""
    text = request.query_params.get(name, "0")
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise BadParameters({name: ("invalid", f"{name} is a number from 0 to {most:.15g}.")})
    return number


def choice_of(
    request: Request, name: str, choices: Mapping[str, Any] | tuple[str, ...], default: str | None
) -> str | None:
    """A query parameter that is one of the choices; else 400 naming it."""
    value = request.query_params.get(name, default)
    if value is not None and value not in choices:
        raise BadParameters({name: ("invalid", f"{name} is one of {', '.join(choices)}.")})
    return value
