"""Findings: list, read, report what any tool saw, and what people decide."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.filters import FindingFilters
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Finding, Product
from backlog.queries.finding_figures import finding_figures
from backlog.queries.resources import findings_in
from backlog.rules.evidence import Observation, Outcome, canonical
from backlog.rules.severity import Severity
from backlog.serializers.findings import (
    DecideSerializer,
    FiguresQuerySerializer,
    FindingFiguresSerializer,
    FindingSerializer,
    MergeSerializer,
    MuteSerializer,
    ResolveSerializer,
    SeenSerializer,
    SplitSerializer,
    ToldSerializer,
)
from backlog.services import findings
from backlog.services.findings import Choice, EvidenceReport, Filed


@extend_schema(tags=["findings"])
class FindingsView(ProductViewSet):
    permissions = {"list": "finding.view", "create": "finding.report"}
    queryset = Finding.objects.all()
    serializer_class = FindingSerializer
    filterset_class = FindingFilters
    orderings = {
        "priority": ("priority", "-id"),
        "-last_seen": ("-last_seen", "-id"),
        "last_seen": ("last_seen", "id"),
        "-id": ("-id",),
        "id": ("id",),
    }

    def list(self, request: Request, key: str) -> Response:
        """The findings of a product, the most urgent first."""
        product = self.find_product(key)
        self.require(product)
        found = findings_in([product])
        page = self.paginate_queryset(self.filter_queryset(found))
        return self.get_paginated_response(FindingSerializer(page, many=True).data)

    @extend_schema(
        request=SeenSerializer,
        responses={
            200: OpenApiResponse(ToldSerializer, "A known finding, or nothing to find."),
            201: OpenApiResponse(ToldSerializer, "A new finding."),
        },
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Report what any tool saw: the same fingerprint again is the same finding.

        With an `external_id`, exactly the same report again changes nothing.
        """
        product = self.find_product(key)
        self.require(product)
        wanted = SeenSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)
        report = _report(product, wanted.validated_data)
        return once(request, self.actor, lambda: self._take(report))

    def _take(self, report: EvidenceReport) -> Response:
        filed = findings.report(report, actor=self.actor)
        finding = findings_in([report.product]).filter(pk__in=_ids(filed)).first()
        told = {**vars(filed), "finding": finding}
        outcome = report.observations[0].outcome
        is_red = outcome in {Outcome.FAILED, Outcome.ERRORED}
        is_new = finding is not None and is_red and finding.times_seen == 1
        return Response(ToldSerializer(told).data, status=201 if is_new else 200)


@extend_schema(tags=["findings"])
class FindingFiguresView(ProductViewSet):
    permissions = {"retrieve": "finding.view"}
    query_parameters = {"retrieve": ("days", "dataset")}
    queryset = Finding.objects.all()
    serializer_class = FindingFiguresSerializer

    @extend_schema(
        parameters=[FiguresQuerySerializer],
        responses=inline_serializer(
            "FiguresOfFindings", {"results": FindingFiguresSerializer(many=True)}
        ),
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Time to resolve, reopen rate and flips: first of all, then of each dataset."""
        product = self.find_product(key)
        self.require(product)
        wanted = FiguresQuerySerializer(
            data=request.query_params.dict(), context={"product": product}
        )
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        found = finding_figures(product, days=asked["days"], subject=asked.get("dataset"))
        return Response({"results": FindingFiguresSerializer(found, many=True).data})


@extend_schema(tags=["findings"])
class FindingsDecideView(ProductViewSet):
    permissions = {"create": "finding.view"}
    queryset = Finding.objects.all()
    serializer_class = DecideSerializer

    @extend_schema(
        request=DecideSerializer,
        responses={
            200: inline_serializer(
                "Decided",
                {
                    "findings": FindingSerializer(many=True),
                    "items": serializers.ListField(child=serializers.CharField()),
                },
            )
        },
    )
    def create(self, request: Request, key: str) -> Response:
        """Do the same to several findings: all or none. `items` are the refs of those filed."""
        product = self.find_product(key)
        self.require(product)
        wanted = DecideSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)
        asked = dict(wanted.validated_data)
        chosen, name = asked.pop("findings"), asked.pop("choice")
        for subject in {found.subject_id: found.subject for found in chosen}.values():
            self.require(product, "finding.triage", subject=subject)
        items = findings.decide(chosen, Choice(name, **asked), actor=self.actor)
        after = findings_in([product]).filter(pk__in=[found.pk for found in chosen])
        return Response(
            {
                "findings": FindingSerializer(after, many=True).data,
                "items": [item.ref for item in items],
            }
        )


@extend_schema(tags=["findings"])
class FindingView(ProductViewSet):
    permissions = {
        "retrieve": "finding.view",
        "mute": "finding.triage",
        "resolve": "finding.triage",
        "reopen": "finding.triage",
        "merge": "finding.triage",
        "split": "finding.triage",
        "obsolete": "finding.triage",
        "keep": "finding.triage",
    }
    queryset = Finding.objects.all()
    serializer_class = FindingSerializer

    def retrieve(self, request: Request, id: int) -> Response:
        """A finding with its last evidence."""
        return self._answer(self._finding(id))

    @extend_schema(request=MuteSerializer, responses=FindingSerializer)
    def mute(self, request: Request, id: int) -> Response:
        """Count it silently from now on."""
        finding = self._finding(id)
        wanted = MuteSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return self._answer(findings.mute(finding, actor=self.actor, **wanted.validated_data))

    @extend_schema(request=ResolveSerializer, responses=FindingSerializer)
    def resolve(self, request: Request, id: int) -> Response:
        """Resolve it by hand: fixed, false_positive, upstream; accepted mutes it until a time, and
        a duplicate of another is merged into that, which is answered."""
        finding = self._finding(id)
        wanted = ResolveSerializer(data=request.data, context={"product": finding.product})
        wanted.is_valid(raise_exception=True)
        return self._answer(findings.resolve(finding, actor=self.actor, **wanted.validated_data))

    @extend_schema(request=None, responses=FindingSerializer)
    def reopen(self, request: Request, id: int) -> Response:
        """Take back a mute or a resolution."""
        return self._answer(findings.reopen(self._finding(id), actor=self.actor))

    @extend_schema(request=MergeSerializer, responses=FindingSerializer)
    def merge(self, request: Request, id: int) -> Response:
        """Make it an alias of another, to which its evidence reports from now on; answers that
        one."""
        finding = self._finding(id)
        wanted = MergeSerializer(data=request.data, context={"product": finding.product})
        wanted.is_valid(raise_exception=True)
        into = wanted.validated_data["into"]
        self.require(finding.product, subject=into.subject)
        return self._again(findings.merge(finding, into, actor=self.actor))

    @extend_schema(request=SplitSerializer, responses=FindingSerializer)
    def split(self, request: Request, id: int) -> Response:
        """Take a merge back: both are counted as before. Answers the one that was split off."""
        finding = self._finding(id)
        wanted = SplitSerializer(data=request.data, context={"finding": finding})
        wanted.is_valid(raise_exception=True)
        alias = wanted.validated_data["alias"]
        return self._again(findings.split(alias, actor=self.actor))

    @extend_schema(request=None, responses=FindingSerializer)
    def obsolete(self, request: Request, id: int) -> Response:
        """Say that its rule is gone for good."""
        return self._answer(findings.mark_obsolete(self._finding(id), actor=self.actor))

    @extend_schema(request=None, responses=FindingSerializer)
    def keep(self, request: Request, id: int) -> Response:
        """Say that it is not obsolete, though its rule is gone."""
        return self._answer(findings.keep_watching(self._finding(id), actor=self.actor))

    def _again(self, finding: Finding) -> Response:
        """As it stands now, with its aliases."""
        return self._answer(findings_in([finding.product]).get(pk=finding.pk))

    def _finding(self, id: int) -> Finding:
        finding = findings_in(self.visible_products()).filter(pk=id).first()
        if finding is None:
            raise Http404(f"There is no finding {id}.")
        self.require(finding.product, subject=finding.subject)
        return finding

    def _answer(self, finding: Finding) -> Response:
        shown: Any = FindingSerializer(finding).data
        return Response(shown)


def _report(product: Product, seen: Mapping[str, Any]) -> EvidenceReport:
    context = dict(seen.get("context") or {})
    name = seen.get("external_id") or f"post:{uuid4().hex}"
    return EvidenceReport(
        product=product,
        source=seen["source"],
        key=f"{name}:{_digest(seen)}",
        subject=seen.get("dataset"),
        batch_key=context.get("commit") or name,
        batch_at=seen.get("as_of") or timezone.now(),
        trigger="api",
        context=context,
        observations=[
            Observation(
                check="posted",
                identity={},
                title=seen["title"],
                outcome=Outcome(seen["outcome"]),
                severity=Severity(seen["severity"]),
                excess=seen.get("excess"),
                evidence=seen.get("evidence") or {},
                fingerprint=seen["fingerprint"],
            )
        ],
        is_whole=False,
    )


def _digest(seen: Mapping[str, Any]) -> str:
    """One job reports many findings, so its id alone names no report: all that it says does."""
    said = canonical({**seen, "dataset": seen["dataset"].slug if seen.get("dataset") else None})
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _ids(filed: Filed) -> list[int]:
    return [found for found in filed.findings if found is not None]
