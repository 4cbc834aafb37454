"""The past of suites: their versions, approval, and checks copied to another dataset."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dataquality.api.scope import DataView
from dataquality.models import SuiteVersion
from dataquality.queries.datasets import find_dataset
from dataquality.queries.suites import find_suite
from dataquality.serializers.runs import (
    CopiedSerializer,
    CopyChecksSerializer,
    SuiteVersionSerializer,
)
from dataquality.services.suites import approve_suite, copy_checks


@extend_schema(tags=["datasets"])
class SuiteVersionsView(DataView):
    permissions = {"list": "dataset.view"}
    queryset = SuiteVersion.objects.all()
    serializer_class = SuiteVersionSerializer
    orderings = {"-number": ("-number",), "number": ("number",)}

    def list(self, request: Request, key: str, slug: str) -> Response:
        """Every suite the dataset ever had, by default the newest first."""
        suites = self.dataset(key, slug).suite_versions.select_related("saved_by", "approved_by")
        found = self.paginate_queryset(suites)
        return self.get_paginated_response(SuiteVersionSerializer(found, many=True).data)


@extend_schema(tags=["datasets"])
class ApproveSuiteView(DataView):
    permissions = {"approve": "suite.approve"}
    queryset = SuiteVersion.objects.all()
    serializer_class = SuiteVersionSerializer

    @extend_schema(request=None, parameters=[OpenApiParameter("number", int, "path")])
    def approve(self, request: Request, key: str, slug: str, number: int) -> Response:
        """Say that the suite in force is right; whoever saved it leaves that to somebody else.

        409 for a suite that is not in force any more.
        """
        suite = find_suite(self.dataset(key, slug), number)
        return Response(SuiteVersionSerializer(approve_suite(suite, actor=self.actor)).data)


@extend_schema(tags=["datasets"])
class CopyChecksView(DataView):
    permissions = {"copy": "dataset.view"}  # and to edit the suite of the other dataset
    queryset = SuiteVersion.objects.all()
    serializer_class = CopiedSerializer

    @extend_schema(request=CopyChecksSerializer, responses=CopiedSerializer)
    def copy(self, request: Request, key: str, slug: str) -> Response:
        """Add checks to the suite of another dataset, as far as they fit its columns.

        What that has already stays as it is there.
        """
        source = self.dataset(key, slug)
        wanted = CopyChecksSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        target = find_dataset(source.product, wanted.validated_data["to"])
        self.require(target.product, "suite.edit", subject=target.subject)
        found = copy_checks(source, target, wanted.validated_data.get("checks"), actor=self.actor)
        suite = target.current_suite
        return Response(
            CopiedSerializer(
                {
                    "version": suite.number if suite else 0,
                    "copied": found.copied,
                    "known": found.known,
                    "unfit": [{"check": check, "detail": why} for check, why in found.unfit],
                }
            ).data
        )
