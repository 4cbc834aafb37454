"""Results of checks that ran elsewhere: taken as evidence, each report once."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Product
from dataquality.api.scope import DataView, choice_of
from dataquality.models import Dataset, Run
from dataquality.queries.datasets import find_dataset
from dataquality.rules.gates import State
from dataquality.serializers.results import (
    PostedSerializer,
    ResultsFormSerializer,
    ResultsSerializer,
    answer_of,
)
from dataquality.serializers.runs import SEVERITIES
from dataquality.services.ingest import Posting, post_results
from dataquality.services.posted_files import reports_in, reports_of
from mlscrum.web.parsers import StrictJSONParser

CHOICES = tuple(value for value, _ in SEVERITIES)


@extend_schema(tags=["results"])
class ResultsView(DataView):
    permissions = {"create": "finding.report"}
    query_parameters = {"create": ("fail_on", "dry_run")}
    parser_classes = [StrictJSONParser, MultiPartParser]
    queryset = Run.objects.all()
    serializer_class = PostedSerializer

    @extend_schema(
        request={
            "application/json": ResultsSerializer,
            "multipart/form-data": ResultsFormSerializer,
        },
        responses={200: PostedSerializer, 422: PostedSerializer},
        parameters=[
            OpenApiParameter(
                "fail_on", enum=CHOICES, description="422 with the same body where it is breached."
            ),
            OpenApiParameter("dry_run", enum=["0", "1"], description="Change nothing."),
            IDEMPOTENCY_KEY,
        ],
    )
    def create(self, request: Request, key: str) -> Response:
        """Take results of Great Expectations, dbt, JUnit or any tool; say what they did.

        The same report again changes nothing. Making datasets takes the right to register them.
        """
        product = self.find_product(key)
        self.require(product)
        fail_on = choice_of(request, "fail_on", CHOICES, None)
        dry_run = choice_of(request, "dry_run", ("0", "1"), "0") == "1"
        wanted = ResultsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        if fields["create_missing"]:
            self.require(product, "dataset.register")
        posting = self._posting(product, fields, fail_on or "critical")

        def take() -> Response:
            posted = post_results(product, posting, actor=self.actor, dry_run=dry_run)
            shown = answer_of(product.key, posted, dry_run=dry_run, now=timezone.now())
            breached = bool(fail_on) and posted.state != State.PASSED
            return Response(shown, status=422 if breached else 200)

        return take() if dry_run else once(request, self.actor, take)

    def _posting(self, product: Product, fields: dict[str, Any], fail_on: str) -> Posting:
        slug = fields.get("dataset", "")
        dataset = self._dataset(product, slug, may_be_new=fields["create_missing"])
        common: dict[str, Any] = {
            "is_of_one": bool(slug),
            "severity": fields["severity"],
            "manifest": fields.get("manifest"),
        }
        form = fields["format"]
        sent: UploadedFile[Any] | None = fields.get("file")
        if sent is not None:
            reports = reports_in(form, sent, **common)
        else:
            name = "payload" if "payload" in fields else "result"
            reports = reports_of(form, fields[name], where=f"/{name}", **common)
        return Posting(
            form=form,
            reports=reports,
            source=fields["source"],
            dataset=dataset,
            new_name=slug if dataset is None else "",
            create_missing=fields["create_missing"],
            context=fields.get("context") or {},
            external_id=fields.get("external_id", ""),
            batch=fields.get("batch", ""),
            as_of=fields.get("as_of"),
            fail_on=fail_on,
        )

    def _dataset(self, product: Product, slug: str, *, may_be_new: bool) -> Dataset | None:
        if not slug:
            return None
        found = Dataset.objects.of(product).filter(subject__slug=slug).first()
        if found is None and may_be_new:
            return None
        return found or find_dataset(product, slug)
