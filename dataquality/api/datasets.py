"""Datasets: register, read, change; their versions, suites, profiles and gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import prefetch_related_objects
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Product
from backlog.rules.severity import Severity
from backlog.serializers.links import page
from dataquality.api.scope import UNKEPT, DataView, choice_of, number_of
from dataquality.models import Dataset, DatasetVersion, Profile, Trigger
from dataquality.queries.datasets import find_dataset, find_version
from dataquality.queries.gates import dataset_gate
from dataquality.queries.history import RUNS_SHOWN, history_of
from dataquality.queries.profiles import contents_of, find_profile
from dataquality.queries.runs import find_run
from dataquality.queries.shared_data import products_to_share_with
from dataquality.queries.standings import standings
from dataquality.queries.suites import orphaned_findings
from dataquality.queries.thresholds import suggested_thresholds
from dataquality.queries.version_comparisons import comparison_of, versions_to_compare
from dataquality.serializers.badges import badge
from dataquality.serializers.datasets import (
    DatasetChangeSerializer,
    DatasetFormSerializer,
    DatasetSerializer,
    NewDatasetSerializer,
    NewVersionSerializer,
    SchemaPutSerializer,
    VersionFormSerializer,
    VersionSerializer,
)
from dataquality.serializers.runs import (
    LONGEST_WAIT_S,
    GateSerializer,
    HistorySerializer,
    ProfileSerializer,
    RunDetailSerializer,
    SuitePutSerializer,
    SuiteSerializer,
    ThresholdsSerializer,
    VersionComparisonSerializer,
)
from dataquality.services.datasets import (
    DatasetDraft,
    change_schema,
    register_dataset,
    update_dataset,
)
from dataquality.services.files import Source, Upload
from dataquality.services.origins import LiveRows, Wanted, source_of
from dataquality.services.profiles import request_profile
from dataquality.services.runs import request_run, require_suite
from dataquality.services.suites import present_expectations, save_suite
from dataquality.services.values import note_values_opened
from dataquality.services.versions import add_version, purge_version, read_again
from mlscrum.lib.numbers import whole_number
from mlscrum.web.parsers import StrictJSONParser
from mlscrum.web.problems import BadParameters

SEVERITIES = tuple(severity.value for severity in Severity)
FAIL_ON = OpenApiParameter("fail_on", enum=SEVERITIES, description="422 where the gate is shut.")
VERSION_OR_RUN = PolymorphicProxySerializer(
    component_name="VersionOrRun",
    serializers=[VersionSerializer, RunDetailSerializer],
    resource_type_field_name=None,
)
MOST_RUNS = 200
SECONDS_A_YEAR = 366 * 24 * 3600


@extend_schema(tags=["datasets"])
class DatasetsView(DataView):
    permissions = {"list": "dataset.view", "create": "dataset.register"}
    parser_classes = [StrictJSONParser, MultiPartParser]
    queryset = Dataset.objects.all()
    serializer_class = DatasetSerializer
    orderings = {"id": ("subject_id",), "-id": ("-subject_id",)}

    def list(self, request: Request, key: str) -> Response:
        """The datasets of a product."""
        product = self.find_product(key)
        self.require(product)
        found = self.paginate_queryset(Dataset.objects.of(product))
        return self.get_paginated_response(_shown(found))

    @extend_schema(
        request={
            "multipart/form-data": DatasetFormSerializer,
            "application/json": NewDatasetSerializer,
        },
        responses={201: DatasetSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Register a dataset with its first content; nothing is left of a refused one.

        A product's token registers files that it sends, never what lies elsewhere.
        """
        product = self.find_product(key)
        self.require(product)
        wanted = NewDatasetSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        if "source" in fields:
            self.require(product, "dataset.register_path")
        source = _source(product, fields)
        more = {name: fields.pop(name) for name in ("as_of", "context") if name in fields}

        def register() -> Response:
            dataset = register_dataset(
                product, DatasetDraft(**fields), source, actor=self.actor, **more
            )
            shown = _shown([find_dataset(product, dataset.slug)])[0]
            location = page("api-dataset", product.key, dataset.slug)
            return Response(shown, status=201, headers={"Location": location})

        return once(request, self.actor, register)


@extend_schema(tags=["datasets"])
class DatasetView(DataView):
    permissions = {"retrieve": "dataset.view", "partial_update": "dataset.edit"}
    queryset = Dataset.objects.all()
    serializer_class = DatasetSerializer

    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """A dataset."""
        return Response(_shown([self.dataset(key, slug)])[0])

    @extend_schema(request=DatasetChangeSerializer, responses=DatasetSerializer)
    def partial_update(self, request: Request, key: str, slug: str) -> Response:
        """Change what people say about it; a stricter sample policy removes what was kept."""
        dataset = self.dataset(key, slug)
        products = products_to_share_with(dataset, self.visible_products())
        wanted = DatasetChangeSerializer(
            data=request.data,
            partial=True,
            context={"product": dataset.product, "products": products},
        )
        wanted.is_valid(raise_exception=True)
        update_dataset(dataset, actor=self.actor, **wanted.validated_data)
        return Response(_shown([find_dataset(dataset.product, slug)])[0])


@extend_schema(tags=["datasets"])
class HistoryView(DataView):
    permissions = {"retrieve": "dataset.view"}
    query_parameters = {"retrieve": ("runs",)}
    queryset = Dataset.objects.all()
    serializer_class = HistorySerializer

    @extend_schema(
        parameters=[OpenApiParameter("runs", int, description="How many, up to 200; else 100.")]
    )
    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """Health, rows and each check over the last runs that count."""
        dataset = self.dataset(key, slug)
        runs = int(number_of(request, "runs", MOST_RUNS)) or RUNS_SHOWN
        found = history_of(dataset, with_values=self.sees_values(dataset), runs=runs)
        if any(check.holds_values for check in found.checks):
            note_values_opened(dataset, "history", actor=self.actor)
        return Response(HistorySerializer(found).data, headers=UNKEPT)


@extend_schema(tags=["datasets"])
class SchemaView(DataView):
    permissions = {"update": "dataset.edit"}
    queryset = Dataset.objects.all()
    serializer_class = DatasetSerializer

    @extend_schema(request=SchemaPutSerializer, responses=DatasetSerializer)
    def update(self, request: Request, key: str, slug: str) -> Response:
        """Say anew how columns are read: their type, and which words stand for missing."""
        dataset = self.dataset(key, slug)
        wanted = SchemaPutSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        columns = {
            column["name"]: {name: column[name] for name in column if name != "name"}
            for column in wanted.validated_data["columns"]
        }
        change_schema(dataset, actor=self.actor, columns=columns)
        return Response(_shown([find_dataset(dataset.product, slug)])[0])


@extend_schema(tags=["datasets"])
class VersionsView(DataView):
    permissions = {"list": "dataset.view", "create": "dataset.add_version"}
    query_parameters = {"create": ("run", "wait", "fail_on")}
    parser_classes = [StrictJSONParser, MultiPartParser]
    queryset = DatasetVersion.objects.all()
    serializer_class = VersionSerializer
    orderings = {"-number": ("-number",), "number": ("number",)}

    def list(self, request: Request, key: str, slug: str) -> Response:
        """Every content the dataset ever had."""
        versions = self.dataset(key, slug).versions.select_related("created_by")
        found = self.paginate_queryset(versions)
        return self.get_paginated_response(VersionSerializer(found, many=True).data)

    @extend_schema(
        request={
            "multipart/form-data": VersionFormSerializer,
            "application/json": NewVersionSerializer,
        },
        responses={
            200: VERSION_OR_RUN,
            201: VersionSerializer,
            202: RunDetailSerializer,
            422: RunDetailSerializer,
        },
        parameters=[
            OpenApiParameter("run", enum=["0", "1"], description="Check it in the same call."),
            OpenApiParameter("wait", float, description="Seconds to wait for the run, up to 60."),
            FAIL_ON,
            IDEMPOTENCY_KEY,
        ],
    )
    def create(self, request: Request, key: str, slug: str) -> Response:
        """A new content, or the source read again. The same content is the same version."""
        dataset = self.dataset(key, slug)
        runs = choice_of(request, "run", ("0", "1"), "0") == "1"
        fail_on = choice_of(request, "fail_on", SEVERITIES, None)
        wait_s = number_of(request, "wait", LONGEST_WAIT_S)
        if runs:
            self.require(dataset.product, "run.start", subject=dataset.subject)
            require_suite(dataset)
        elif useless := [name for name in ("wait", "fail_on") if name in request.query_params]:
            raise BadParameters(
                {name: ("invalid", f"{name} is about a run; send run=1 too.") for name in useless}
            )
        wanted = NewVersionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def deliver() -> Response:
            fields = dict(wanted.validated_data)
            file = fields.pop("file", None)
            if file is None:
                delivered = read_again(dataset, actor=self.actor, **fields)
            else:
                delivered = add_version(dataset, Upload.of(file), actor=self.actor, **fields)
            if not runs:
                shown = VersionSerializer(delivered.version).data
                return Response(shown, status=201 if delivered.created else 200)
            run = request_run(
                find_dataset(dataset.product, slug),
                actor=self.actor,
                trigger=Trigger.UPLOAD,
                version=delivered.version,
                context=fields.get("context"),
            )
            return Response({"id": run.pk}, status=202)

        # The key holds the run, not the wait: who asks again waits for the same run.
        answer = once(request, self.actor, deliver)
        if not runs:
            return answer
        run = find_run(dataset.product, answer.data["id"])
        return self.started(run, wait_s=wait_s, fail_on=fail_on)


@extend_schema(tags=["datasets"])
class PurgeView(DataView):
    permissions = {"purge": "dataset.purge"}
    queryset = DatasetVersion.objects.all()
    serializer_class = VersionSerializer

    @extend_schema(request=None, parameters=[OpenApiParameter("number", int, "path")])
    def purge(self, request: Request, key: str, slug: str, number: int) -> Response:
        """Delete its rows for good; checksum, counts and findings stay."""
        version = find_version(self.dataset(key, slug), number)
        return Response(VersionSerializer(purge_version(version, actor=self.actor)).data)


@extend_schema(tags=["datasets"])
class SuiteView(DataView):
    permissions = {"retrieve": "dataset.view", "update": "suite.edit"}
    queryset = Dataset.objects.all()
    serializer_class = SuiteSerializer

    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """The suite in force; version 0 is none yet."""
        return self._answer(self.dataset(key, slug))

    @extend_schema(request=SuitePutSerializer, responses=SuiteSerializer)
    def update(self, request: Request, key: str, slug: str) -> Response:
        """Make these the checks of the dataset; everything wrong is said at once."""
        dataset = self.dataset(key, slug)
        wanted = SuitePutSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        save_suite(
            dataset,
            wanted.validated_data["expectations"],
            actor=self.actor,
            based_on=wanted.validated_data.get("version"),
        )
        return self._answer(find_dataset(dataset.product, slug))

    def _answer(self, dataset: Dataset) -> Response:
        suite = dataset.current_suite
        shown = {
            "version": suite.number if suite else 0,
            "expectations": present_expectations(dataset),
            "orphaned": [finding.pk for finding in orphaned_findings(dataset)],
        }
        return Response(SuiteSerializer(shown).data)


@extend_schema(tags=["datasets"])
class ThresholdsView(DataView):
    permissions = {"retrieve": "dataset.view"}
    queryset = Dataset.objects.all()
    serializer_class = ThresholdsSerializer

    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """Limits for the checks of the suite that their past suggests, each with its interval."""
        dataset = self.dataset(key, slug)
        suite = dataset.current_suite
        values = self.sees_values(dataset)
        found = suggested_thresholds(dataset, with_values=values)
        if found and values:
            note_values_opened(dataset, "limits of checks", actor=self.actor)
        shown = {"suite_version": suite.number if suite else 0, "thresholds": found}
        return Response(ThresholdsSerializer(shown).data, headers=UNKEPT)


@extend_schema(tags=["datasets"])
class ProfileView(DataView):
    permissions = {"retrieve": "dataset.view", "create": "dataset.add_version"}
    query_parameters = {"retrieve": ("version",), "create": ("version",)}
    queryset = Profile.objects.all()
    serializer_class = ProfileSerializer

    @extend_schema(parameters=[OpenApiParameter("version", int, description="Else the newest.")])
    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """The profile of a version, as far as the caller may see it."""
        return self._answer(self.dataset(key, slug))

    @extend_schema(
        request=None,
        responses={202: ProfileSerializer},
        parameters=[OpenApiParameter("version", int, description="Else the newest.")],
    )
    def create(self, request: Request, key: str, slug: str) -> Response:
        """Compute it anew; read it again until its state is done."""
        dataset = self.dataset(key, slug)
        request_profile(dataset, actor=self.actor, version=self._version(dataset))
        return self._answer(dataset, status=202)

    def _version(self, dataset: Dataset) -> DatasetVersion | None:
        return self.version_of(dataset, _version_number(self.request))

    def _answer(self, dataset: Dataset, *, status: int = 200) -> Response:
        asked = self._version(dataset)
        version, profile = asked or dataset.current_version, find_profile(dataset, asked)
        values = self.sees_values(dataset)
        found = contents_of(profile, with_values=values)
        if version is not None and found is not None and values:
            note_values_opened(dataset, f"profile {version.number}", actor=self.actor)
        error = None
        if profile is not None and profile.error_code:
            error = {"code": profile.error_code, "detail": profile.error_detail}
        shown = {
            "state": profile.state if profile else "none",
            "progress": profile.job.progress if profile and profile.job else 0.0,
            "version": version.number if version else 0,
            "rows": found.data["rows"] if found else None,
            "columns": found.data["columns"] if found else [],
            "missing_together": found.data.get("missing_together", []) if found else [],
            "suggested_expectations": list(found.suggestions) if found else [],
            "error": error,
        }
        headers = {"Location": page("api-profile", dataset.product.key, dataset.slug)} | UNKEPT
        return Response(ProfileSerializer(shown).data, status=status, headers=headers)


@extend_schema(tags=["datasets"])
class ComparisonView(DataView):
    permissions = {"retrieve": "dataset.view"}
    query_parameters = {"retrieve": ("from", "to")}
    queryset = Profile.objects.all()
    serializer_class = VersionComparisonSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("from", int, description="A version, else the one before."),
            OpenApiParameter("to", int, description="A version, else the newest."),
        ]
    )
    def retrieve(self, request: Request, key: str, slug: str) -> Response:
        """Two versions side by side: columns added, removed and retyped, and how far values have
        moved. 422 where there are not two."""
        dataset = self.dataset(key, slug)
        numbers = [_version_number(request, name) for name in ("from", "to")]
        before, after = versions_to_compare(dataset, *numbers)
        values = self.sees_values(dataset)
        found = comparison_of(dataset, before, after, with_values=values)
        if values and found.holds_values:
            what = f"profiles {before.number} and {after.number}"
            note_values_opened(dataset, what, actor=self.actor)
        return Response(VersionComparisonSerializer(found).data, headers=UNKEPT)


@extend_schema(tags=["datasets"])
class GateView(DataView):
    permissions = {"retrieve": "dataset.view"}
    query_parameters = {
        "retrieve": ("fail_on", "version", "commit", "max_age_s", "strict", "format")
    }
    queryset = Dataset.objects.all()
    serializer_class = GateSerializer

    @extend_schema(
        parameters=[
            FAIL_ON,
            OpenApiParameter("version", int),
            OpenApiParameter("commit", str),
            OpenApiParameter("max_age_s", float, description="Instead of the freshness limit."),
            OpenApiParameter("strict", enum=["0", "1"], description="422 when not passed."),
            OpenApiParameter("format", enum=["json", "badge"], description="badge is an SVG."),
        ],
        responses={
            (200, "application/json"): GateSerializer,
            (200, "image/svg+xml"): OpenApiTypes.STR,
            (422, "application/json"): GateSerializer,
            (422, "image/svg+xml"): OpenApiTypes.STR,
        },
    )
    def retrieve(self, request: Request, key: str, slug: str) -> HttpResponseBase:
        """Whether the dataset is good enough now: one yes or no with its reasons."""
        dataset = self.dataset(key, slug)
        gate = dataset_gate(
            dataset,
            fail_on=choice_of(request, "fail_on", SEVERITIES, "critical") or "critical",
            version=self.version_of(dataset, _version_number(request)),
            commit=request.query_params.get("commit"),
            max_age_s=number_of(request, "max_age_s", SECONDS_A_YEAR)
            if "max_age_s" in request.query_params
            else None,
        )
        is_strict = choice_of(request, "strict", ("0", "1"), "0") == "1"
        status = 422 if is_strict and not gate.passed else 200
        if choice_of(request, "format", ("json", "badge"), "json") == "badge":
            return badge(dataset, gate, status=status)
        return Response(GateSerializer(gate, context={"dataset": dataset}).data, status=status)


def _shown(datasets: Sequence[Dataset]) -> list[dict[str, Any]]:
    context = {"standings": standings(datasets)}
    prefetch_related_objects(datasets, "shared_with")
    return list(DatasetSerializer(datasets, many=True, context=context).data)


def _source(product: Product, fields: dict[str, Any]) -> Source | LiveRows:
    if "source" in fields:
        return source_of(product, Wanted(**fields.pop("source")))
    return Upload.of(fields.pop("file"))


def _version_number(request: Request, name: str = "version") -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    number = whole_number(text, digits=9)
    if number is None:
        raise BadParameters({name: ("invalid", f"{name} is a whole number.")})
    return number
