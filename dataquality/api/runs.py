"""Runs: start, follow, cancel, try again, and decide on what waits."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.rules.severity import Severity
from dataquality.api.filters import RunFilters
from dataquality.api.scope import UNKEPT, DataView, choice_of
from dataquality.models import Run, Trigger
from dataquality.queries.comparisons import compare_runs, find_comparable, run_before
from dataquality.queries.datasets import find_batch
from dataquality.queries.run_reports import junit_of, markdown_of
from dataquality.queries.runs import find_run, runs_of
from dataquality.rules.batches import NEWEST
from dataquality.serializers.runs import (
    AskRunSerializer,
    ComparisonSerializer,
    FileSerializer,
    RunDetailSerializer,
    RunSerializer,
)
from dataquality.services.runs import cancel_run, file_awaiting, request_run, retry_run
from dataquality.services.values import note_values_opened
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.problems import BadParameters

SEVERITIES = tuple(severity.value for severity in Severity)
REPORTS = {"junit": (junit_of, "application/xml"), "markdown": (markdown_of, "text/markdown")}


@extend_schema(tags=["runs"])
class ProductRunsView(DataView):
    permissions = {"list": "dataset.view"}
    queryset = Run.objects.all()
    serializer_class = RunSerializer
    filterset_class = RunFilters
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str) -> Response:
        """The runs of all datasets, newest first."""
        product = self.find_product(key)
        self.require(product)
        found = self.paginate_queryset(self.filter_queryset(runs_of(product)))
        return self.get_paginated_response(RunSerializer(found, many=True).data)


@extend_schema(tags=["runs"])
class DatasetRunsView(DataView):
    permissions = {"list": "dataset.view", "create": "run.start"}
    queryset = Run.objects.all()
    serializer_class = RunSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str, slug: str) -> Response:
        """The runs of a dataset, newest first."""
        dataset = self.dataset(key, slug)
        found = self.paginate_queryset(runs_of(dataset.product, dataset=dataset))
        return self.get_paginated_response(RunSerializer(found, many=True).data)

    @extend_schema(
        request=AskRunSerializer,
        responses={200: RunDetailSerializer, 202: RunDetailSerializer, 422: RunDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str, slug: str) -> Response:
        """Start a run: 202 with its Location, or with `wait` the finished run."""
        dataset = self.dataset(key, slug)
        asked = AskRunSerializer(data=request.data, context={"dataset": dataset})
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        version = self.version_of(dataset, wanted.get("version"))
        if dataset.is_live and version is not None:
            raise DomainError(
                "no_file", f"{dataset.name} is read from a database, and always as it is now."
            )
        batch = NEWEST
        if "batch" in wanted and dataset.batch:
            batch = wanted["batch"].removeprefix(f"{dataset.slug}:")
        elif "batch" in wanted:
            version = find_batch(dataset, wanted["batch"])

        def start() -> Response:
            run = request_run(
                dataset,
                actor=self.actor,
                trigger=Trigger.API,
                version=version,
                context=wanted.get("context"),
                batch=batch,
            )
            return Response({"id": run.pk}, status=202)

        # The key holds the run, not the wait: who asks again waits for the same run.
        answer = once(request, self.actor, start)
        run = find_run(dataset.product, answer.data["id"])
        return self.started(run, wait_s=wanted["wait"], fail_on=wanted.get("fail_on"))


@extend_schema(tags=["runs"])
class RunView(DataView):
    permissions = {
        "retrieve": "dataset.view",
        "cancel": "run.start",
        "retry": "run.start",
        "file": "finding.triage",
        "comparison": "dataset.view",
        "report": "dataset.view",
    }
    query_parameters = {
        "retrieve": ("fail_on",),
        "comparison": ("with",),
        "report": ("format",),
    }
    queryset = Run.objects.all()
    serializer_class = RunDetailSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "fail_on",
                enum=SEVERITIES,
                description="422 with the same body where it is over and its gate is shut.",
            )
        ],
        responses={200: RunDetailSerializer, 422: RunDetailSerializer},
    )
    def retrieve(self, request: Request, id: int) -> Response:
        """A run with what each check said."""
        fail_on = choice_of(request, "fail_on", SEVERITIES, None)
        return self.run_answer(self.run_of(id), fail_on=fail_on)

    @extend_schema(
        responses=ComparisonSerializer,
        parameters=[
            OpenApiParameter("with", int, description="An earlier run; absent: the one before.")
        ],
    )
    def comparison(self, request: Request, id: int) -> Response:
        """What fails now and did not in another run of the dataset, and what else differs."""
        run = self.run_of(id)
        dataset = run.dataset
        if not run.is_finished:
            raise Conflict("run_under_way", f"Run {id} is still under way.")
        wanted = request.query_params.get("with")
        before = find_comparable(dataset, whole_number(wanted)) if wanted else run_before(run)
        if before is None:
            raise Http404(f"There is no finished run before run {id}.")
        if before.pk >= run.pk:
            raise BadParameters({"with": ("invalid", f"Give a run before run {id}.")})
        sees = self.sees_values(dataset)
        found = compare_runs(before, run, with_values=sees)
        if found.shows_values:
            what = f"runs {before.pk} and {run.pk}"
            note_values_opened(dataset, what, actor=self.actor)
        shown = ComparisonSerializer(found, context={"shows_values": sees}).data
        return Response(shown, headers=UNKEPT)

    @extend_schema(
        parameters=[OpenApiParameter("format", enum=list(REPORTS), required=True)],
        responses={
            (200, "application/xml"): OpenApiTypes.STR,
            (200, "text/markdown"): OpenApiTypes.STR,
        },
    )
    def report(self, request: Request, id: int) -> HttpResponse:
        """A finished run as JUnit XML, or as a table in Markdown; without any value."""
        run = self.run_of(id)
        wanted = choice_of(request, "format", tuple(REPORTS), "") or ""
        made, content_type = REPORTS[wanted]
        return HttpResponse(made(run), content_type=f"{content_type}; charset=utf-8")

    @extend_schema(request=None)
    def cancel(self, request: Request, id: int) -> Response:
        """Stop it: at once where it waits, soon where it runs."""
        return self.run_answer(cancel_run(self.run_of(id), actor=self.actor))

    @extend_schema(
        request=None,
        responses={200: RunDetailSerializer, 202: RunDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def retry(self, request: Request, id: int) -> Response:
        """A new run on the same version, by the present suite."""
        old = self.run_of(id)

        def start() -> Response:
            run = retry_run(old, actor=self.actor, trigger=Trigger.API)
            return Response({"id": run.pk}, status=202)

        answer = once(request, self.actor, start)
        run = find_run(old.dataset.product, answer.data["id"])
        return self.run_answer(run, status=200 if run.is_finished else 202)

    @extend_schema(request=FileSerializer)
    def file(self, request: Request, id: int) -> Response:
        """File what a first run found and what waits for a yes."""
        run = self.run_of(id)
        asked = FileSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        file_awaiting(run, actor=self.actor, checks=asked.validated_data.get("checks"))
        return self.run_answer(find_run(run.dataset.product, id))
