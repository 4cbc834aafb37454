"""Templates of suites: those of a product and those that come with us, and one applied."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dataquality.api.scope import DataView
from dataquality.models import SuiteTemplate
from dataquality.queries.datasets import find_dataset
from dataquality.queries.templates import find_own_template, find_template, templates_of
from dataquality.serializers.runs import CopiedSerializer
from dataquality.serializers.templates import (
    ApplyTemplateSerializer,
    NewTemplateSerializer,
    TemplateSerializer,
    TemplatesSerializer,
)
from dataquality.services.templates import (
    apply_template,
    preview_template,
    remove_template,
    save_template,
)

TEMPLATE = OpenApiParameter("template", str, "path", description="The slug of a template.")


@extend_schema(tags=["datasets"])
class TemplatesView(DataView):
    permissions = {"retrieve": "dataset.view", "create": "suite.edit"}
    queryset = SuiteTemplate.objects.all()
    serializer_class = TemplatesSerializer

    def retrieve(self, request: Request, key: str) -> Response:
        """All of them, the product's own first: it keeps a hundred at most."""
        product = self.find_product(key)
        self.require(product)
        return Response(TemplatesSerializer({"templates": templates_of(product)}).data)

    @extend_schema(request=NewTemplateSerializer, responses={201: TemplateSerializer})
    def create(self, request: Request, key: str) -> Response:
        """Keep checks of a dataset as a template: each of their columns becomes a place."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewTemplateSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given: dict[str, Any] = wanted.validated_data
        dataset = find_dataset(product, given["dataset"])
        saved = save_template(
            dataset, given["name"], given.get("checks"), actor=self.actor,
            about=given.get("about", ""),
        )  # fmt: skip
        shown = TemplateSerializer(find_template(product, saved.slug)).data
        return Response(shown, status=201)


@extend_schema(tags=["datasets"], parameters=[TEMPLATE])
class TemplateView(DataView):
    permissions = {"destroy": "suite.edit"}
    queryset = SuiteTemplate.objects.all()
    serializer_class = TemplateSerializer

    def destroy(self, request: Request, key: str, template: str) -> Response:
        """Remove one of the product's own; suites that were made of it stay."""
        product = self.find_product(key)
        self.require(product)
        remove_template(find_own_template(product, template), actor=self.actor)
        return Response(status=204)


@extend_schema(tags=["datasets"])
class ApplyTemplateView(DataView):
    permissions = {"apply": "suite.edit"}
    queryset = SuiteTemplate.objects.all()
    serializer_class = CopiedSerializer

    @extend_schema(request=ApplyTemplateSerializer, responses=CopiedSerializer)
    def apply(self, request: Request, key: str, slug: str) -> Response:
        """Add the checks of a template to the suite, with these columns in its places; with
        `dry_run` only say what that would do."""
        dataset = self.dataset(key, slug)
        wanted = ApplyTemplateSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given: dict[str, Any] = wanted.validated_data
        template = find_template(dataset.product, given["template"])
        if given["dry_run"]:
            found = preview_template(dataset, template, given["columns"])
        else:
            found = apply_template(dataset, template, given["columns"], actor=self.actor)
        suite = dataset.current_suite
        shown = {
            "version": suite.number if suite else 0,
            "copied": found.copied,
            "known": found.known,
            "unfit": [{"check": check, "detail": why} for check, why in found.unfit],
        }
        return Response(CopiedSerializer(shown).data)
