"""The glossary over REST: words, what may become of them, and the talk about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import CharFilter, MultipleChoiceFilter
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.access.roles import may
from backlog.access.terms import may_change, may_delete, refuse_unless
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.forms.filters import MomentFilter
from backlog.models import Product, Subject, Term, TermRemark
from backlog.queries.terms import find_remark, find_term, holding, with_parts
from backlog.serializers.terms import (
    AgreeSerializer,
    ContestSerializer,
    NewRemarkSerializer,
    NewTermSerializer,
    RemarkSerializer,
    TermEditSerializer,
    TermSerializer,
)
from backlog.services.terms import (
    Column,
    agree_term,
    contest_term,
    delete_remark,
    delete_term,
    edit_remark,
    propose_term,
    redefine,
    say,
)
from mlscrum.lib.errors import FieldError, Invalid


class TermFilters(FilterSet):
    """Of the words of a product."""

    q = CharFilter(method="of_words", help_text="Words of names, definitions and meanings.")
    state = MultipleChoiceFilter(choices=Term.State.choices, distinct=False)
    updated_since = MomentFilter(field_name="changed_at", lookup_expr="gte")

    def of_words(self, found: QuerySet[Term], name: str, value: str) -> QuerySet[Term]:
        return holding(found, value)


class TermScope(ProductViewSet):
    """What the views of words share."""

    queryset = Term.objects.all()
    serializer_class = TermSerializer

    def permitted(self, key: str) -> Product:
        product = self.find_product(key)
        self.require(product)
        return product

    def holds(self, product: Product, permission: str) -> bool:
        return may(self.actor, permission, product)

    def answer(self, product: Product, term: Term, status: int = 200) -> Response:
        return Response(TermSerializer(find_term(product, term.pk)).data, status=status)


@extend_schema(tags=["glossary"])
class TermsView(TermScope):
    permissions = {"list": "term.view", "create": "term.propose"}
    filterset_class = TermFilters
    orderings = {
        "name": ("folded", "pk"),
        "updated_at": ("changed_at", "pk"),
        "-updated_at": ("-changed_at", "-pk"),
    }

    def list(self, request: Request, key: str) -> Response:
        """The words of a product."""
        terms = self.filter_queryset(with_parts(self.permitted(key).terms.all()))
        page = self.paginate_queryset(terms)
        return self.get_paginated_response(TermSerializer(page, many=True).data)

    @extend_schema(
        request=NewTermSerializer, responses={201: TermSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request, key: str) -> Response:
        """Propose a word. 400 where the glossary explains it, or a synonym of it, already."""
        product = self.permitted(key)
        wanted = NewTermSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = _parts(product, wanted.validated_data)

        def make() -> Response:
            with _as_named():
                term = propose_term(product, actor=self.actor, **fields)
            return self.answer(product, term, 201)

        return once(request, self.actor, make)


@extend_schema(tags=["glossary"])
class TermView(TermScope):
    permissions = {
        "retrieve": "term.view",
        "partial_update": "term.propose",
        "destroy": "term.propose",
        "agree": "term.agree",
        "contest": "term.propose",
    }

    def retrieve(self, request: Request, key: str, id: int) -> Response:
        """One word."""
        product = self.permitted(key)
        return Response(TermSerializer(find_term(product, id)).data)

    @extend_schema(request=TermEditSerializer, responses=TermSerializer)
    def partial_update(self, request: Request, key: str, id: int) -> Response:
        """Change a word: whoever may agree on words, and its proposer as long as it is a proposal.

        With the `version` that was seen, 409 with `conflicts` where the same part was changed.
        """
        product = self.permitted(key)
        term = find_term(product, id)
        refuse_unless(may_change(term, self.actor, lambda asked: self.holds(product, asked)))
        wanted = TermEditSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with _as_named():
            redefine(term, actor=self.actor, **_parts(product, wanted.validated_data))
        return self.answer(product, term)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, id: int) -> Response:
        """Delete a word: a product owner, and its proposer as long as it is a proposal."""
        product = self.permitted(key)
        term = find_term(product, id)
        refuse_unless(may_delete(term, self.actor, lambda asked: self.holds(product, asked)))
        delete_term(term, actor=self.actor)
        return Response(status=204)

    @extend_schema(request=AgreeSerializer, responses=TermSerializer)
    def agree(self, request: Request, key: str, id: int) -> Response:
        """Agree on a word, as it is or with a new definition; 409 where it is agreed already."""
        product = self.permitted(key)
        term = find_term(product, id)
        wanted = AgreeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        agree_term(term, actor=self.actor, **wanted.validated_data)
        return self.answer(product, term)

    @extend_schema(request=ContestSerializer, responses=TermSerializer)
    def contest(self, request: Request, key: str, id: int) -> Response:
        """Contest a word; the reason opens the talk. 409 where it is contested already."""
        product = self.permitted(key)
        term = find_term(product, id)
        wanted = ContestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        contest_term(term, actor=self.actor, **wanted.validated_data)
        return self.answer(product, term)


@extend_schema(tags=["glossary"])
class TermTalkView(ProductViewSet):
    permissions = {
        "list": "term.view",
        "create": "term.propose",
        "partial_update": "term.propose",
        "destroy": "term.propose",
    }
    queryset = TermRemark.objects.all()
    serializer_class = RemarkSerializer
    orderings = {"created_at": ("created_at", "pk")}

    def list(self, request: Request, key: str, term_id: int) -> Response:
        """What was said about a word, the oldest first."""
        page = self.paginate_queryset(self._term(key, term_id).talk.select_related("author"))
        return self.get_paginated_response(RemarkSerializer(page, many=True).data)

    @extend_schema(
        request=NewRemarkSerializer,
        responses={201: RemarkSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str, term_id: int) -> Response:
        """Say something about a word."""
        term = self._term(key, term_id)
        text = self._said(request)

        def make() -> Response:
            return Response(RemarkSerializer(say(term, text, actor=self.actor)).data, status=201)

        return once(request, self.actor, make)

    @extend_schema(request=NewRemarkSerializer, responses=RemarkSerializer)
    def partial_update(self, request: Request, key: str, term_id: int, id: int) -> Response:
        """Say differently what one has said oneself."""
        remark = find_remark(self._term(key, term_id), id)
        changed = edit_remark(remark, self._said(request), actor=self.actor)
        return Response(RemarkSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, term_id: int, id: int) -> Response:
        """Take back what one has said oneself."""
        delete_remark(find_remark(self._term(key, term_id), id), actor=self.actor)
        return Response(status=204)

    def _term(self, key: str, term_id: int) -> Term:
        product = self.find_product(key)
        self.require(product)
        return find_term(product, term_id)

    def _said(self, request: Request) -> str:
        wanted = NewRemarkSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return str(wanted.validated_data["text"])


def _parts(product: Product, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent as the services call it. Raises Invalid for a dataset that is not there."""
    parts = {("word" if name == "name" else name): value for name, value in sent.items()}
    if "columns" in parts:
        parts["columns"] = _columns(product, parts["columns"])
    return parts


def _columns(product: Product, sent: list[Mapping[str, str]]) -> list[Column]:
    slugs = {each["dataset"] for each in sent}
    datasets = product.subjects.filter(kind=Subject.Kind.DATASET, slug__in=slugs)
    found = {subject.slug: subject for subject in datasets}
    missing = [
        FieldError(
            f"/columns/{place}/dataset",
            "no_dataset",
            f"There is no dataset {each['dataset']} in {product.key}.",
        )
        for place, each in enumerate(sent)
        if each["dataset"] not in found
    ]
    if missing:
        raise Invalid(*missing)
    return [(found[each["dataset"]], each["column"]) for each in sent]


@contextmanager
def _as_named() -> Iterator[None]:
    """The service says `word` where REST says `name`."""
    try:
        yield
    except ValidationError as error:
        faults = dict(error.error_dict)
        if "word" in faults:
            faults["name"] = faults.pop("word")
        raise ValidationError(faults) from None
