"""Members of a product, and its API tokens."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ANYONE_KNOWN, ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import ApiToken, Member, Product, Scope
from backlog.queries.people import tokens_of, with_people
from backlog.serializers.people import MemberSerializer, NewMemberSerializer, RoleSerializer
from backlog.serializers.tokens import FreshTokenSerializer, NewTokenSerializer, TokenSerializer
from backlog.services.members import add_member, change_role, remove_member
from backlog.services.tokens import create_token, revoke_token


@extend_schema(tags=["members"])
class MembersView(ProductViewSet):
    permissions = {"list": "member.view", "create": "member.edit"}
    queryset = Member.objects.all()
    serializer_class = MemberSerializer
    orderings = {"id": ("id",)}

    def list(self, request: Request, key: str) -> Response:
        """The members of a product with their roles."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(product.members.select_related("user"))
        return self.get_paginated_response(MemberSerializer(page, many=True).data)

    @extend_schema(
        request=NewMemberSerializer,
        responses={201: MemberSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Make a person with an account a member."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewMemberSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user, role = wanted.validated_data["email"], wanted.validated_data["role"]

        def add() -> Response:
            member = add_member(product, user, role, actor=self.actor)
            location = request.build_absolute_uri(f"{user.email}/")
            return Response(
                MemberSerializer(member).data, status=201, headers={"Location": location}
            )

        return once(request, self.actor, add)


@extend_schema(tags=["members"])
class MemberView(ProductViewSet):
    permissions = {"partial_update": "member.edit", "destroy": "member.edit"}
    queryset = Member.objects.all()
    serializer_class = MemberSerializer

    @extend_schema(request=RoleSerializer, responses=MemberSerializer)
    def partial_update(self, request: Request, key: str, email: str) -> Response:
        """Give a member another role."""
        member = self._member(key, email)
        wanted = RoleSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        change_role(member, wanted.validated_data["role"], actor=self.actor)
        return Response(MemberSerializer(member).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, email: str) -> Response:
        """End a membership; what the person did stays."""
        remove_member(self._member(key, email), actor=self.actor)
        return Response(status=204)

    def _member(self, key: str, email: str) -> Member:
        product = self.find_product(key)
        self.require(product)
        member: Member | None = (
            product.members.select_related("user", "product")
            .filter(user__email__iexact=email)
            .first()
        )
        if member is None:
            raise Http404(f"{email} is no member of {product.key}.")
        return member


@extend_schema(tags=["tokens"])
class TokensView(ProductViewSet):
    permissions = {"list": "token.view", "create": "token.edit"}
    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer

    def list(self, request: Request, key: str) -> Response:
        """The tokens that are bound to a product, newest first; never their secrets.

        Those that were revoked or have ended stay listed, with who made and who revoked them.
        """
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(_tokens(product))
        return self.get_paginated_response(TokenSerializer(page, many=True).data)

    @extend_schema(request=NewTokenSerializer, responses={201: FreshTokenSerializer})
    def create(self, request: Request, key: str) -> Response:
        """Create a token of the product. Its secret stands in this answer alone, which for that
        reason is never kept for an Idempotency-Key."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewTokenSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        self._refuse_more_than_own(fields["scopes"])
        token, secret = create_token(product=product, actor=self.actor, **fields)
        shown = {**TokenSerializer(token).data, "token": secret}
        location = request.build_absolute_uri(f"{token.pk}/")
        return Response(
            shown, status=201, headers={"Location": location, "Cache-Control": "no-store"}
        )

    def _refuse_more_than_own(self, scopes: Sequence[str]) -> None:
        """A token makes no token that may do more than itself."""
        own = self.actor.token
        more = [scope for scope in scopes if own is not None and not own.allows(Scope(scope))]
        if more:
            raise PermissionDenied(f"This token itself lacks the scope {', '.join(more)}.")


@extend_schema(tags=["tokens"])
class TokenView(ProductViewSet):
    permissions = {"destroy": "token.edit"}
    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, id: int) -> Response:
        """Revoke a token at once."""
        product = self.find_product(key)
        self.require(product)
        token = _tokens(product).filter(pk=id).first()
        if token is None:
            raise Http404("There is no such token.")
        revoke_token(token, actor=self.actor)
        return Response(status=204)


@extend_schema(tags=["me"])
class MyTokensView(ProductViewSet):
    permissions = {"list": ANYONE_KNOWN}
    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer

    def list(self, request: Request) -> Response:
        """One's own tokens, newest first; never their secrets. Takes the scope admin.

        A token that is narrowed to a product lists those of the same product.
        """
        self.require_scope(Scope.ADMIN)
        user, token = self.actor.user, self.actor.token
        if user is None:
            raise PermissionDenied("A token of a product is nobody's; see the product's tokens.")
        found = tokens_of(user)
        if token is not None and token.product_id is not None:
            found = found.filter(product=token.product_id)
        page = self.paginate_queryset(found)
        return self.get_paginated_response(TokenSerializer(page, many=True).data)


def _tokens(product: Product) -> QuerySet[ApiToken]:
    return with_people(product.tokens.all())
