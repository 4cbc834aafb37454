"""The guards of pages: each view declares who may open it, and what declares nothing is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from backlog.access.roles import may
from backlog.models import Actor, Member, Product, Role, Subject, User

View = Callable[..., HttpResponseBase]


class MayAsk(Protocol):
    """Whether this member holds a permission, of a subject if one is given."""

    def __call__(self, permission: str, subject: Subject | None = None) -> bool: ...


class PersonRequest(HttpRequest):
    """A request of a person who has signed in."""

    user: User
    actor: Actor


class ProductRequest(PersonRequest):
    """A request of a member, within one product."""

    product: Product
    role: Role
    may: MayAsk
    seq: int  # of the last deed before this request looked


def public(view: View) -> View:
    """Declare that anybody may open this page."""
    view.declares = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Let in people who have signed in; send others to the sign-in page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        person = cast(PersonRequest, request)
        person.actor = Actor.person(person.user)
        return view(person, *args, **kwargs)

    guarded.declares = "signed-in"  # type: ignore[attr-defined]
    return guarded


def administrator_page(view: View) -> View:
    """Let in administrators of the installation; others can't tell that the page exists."""

    @wraps(view)
    def checked(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_administrator:
            raise Http404
        return view(request, *args, **kwargs)

    guarded = signed_in(checked)
    guarded.declares = "administrator"  # type: ignore[attr-defined]
    return guarded


def product_page(permission: str, *, post: str | None = None) -> Callable[[View], View]:
    """Let in members of the product `key` who hold the permission.

    The view gets `(request, product, ...)` without the key. Strangers get 404, weak roles 403.
    `post` names the permission for POST where reading takes less. Buttons ask
    `request.may(permission)` whether to show at all.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: PersonRequest, key: str, **kwargs: Any) -> HttpResponseBase:
            member = _membership(request.user, key)
            inside = cast(ProductRequest, request)
            inside.product, inside.role = member.product, Role(member.role)
            inside.seq = member.product.activitycounter.seq

            def asked(permission: str, subject: Subject | None = None) -> bool:
                return may(
                    inside.actor, permission, inside.product, role=inside.role, subject=subject
                )

            inside.may = asked
            _refuse_unless(inside, permission, post)
            return view(inside, inside.product, **kwargs)

        return _declaring(signed_in(checked), permission, post)

    return decorate


def subject_page(
    permission: str,
    find: Callable[[Product, Any], Any],
    *,
    post: str | None = None,
    named: str = "slug",
) -> Callable[[View], View]:
    """As `product_page`, for a page about one subject, whose keepers hold more rights.

    `find(product, slug)` returns the thing (with `.subject`) or raises 404; the view gets
    `(request, thing, ...)`. `named` is what the address calls the slug.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: ProductRequest, product: Product, **kwargs: Any) -> HttpResponseBase:
            thing = find(product, kwargs.pop(named))
            _refuse_unless(request, permission, post, thing.subject)
            return view(request, thing, **kwargs)

        return _declaring(product_page("product.view")(checked), permission, post)

    return decorate


def _refuse_unless(
    request: ProductRequest, permission: str, post: str | None, subject: Subject | None = None
) -> None:
    reads = request.method in {"GET", "HEAD"}
    if not request.may(permission if reads or post is None else post, subject):
        raise PermissionDenied("Your role in this product doesn't allow this.")


def _declaring(guarded: View, permission: str, post: str | None) -> View:
    guarded.declares = f"{permission}, {post}" if post else permission  # type: ignore[attr-defined]
    return guarded


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """To the sign-in page and back here; what was sent is lost, so back to where it was typed."""
    if request.method in {"GET", "HEAD"}:
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    typed_on = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(typed_on, {request.get_host()}, request.is_secure())
    page = urlsplit(typed_on)
    back = urlunsplit(("", "", page.path, page.query, "")) if ours else "/"
    query = urlencode({REDIRECT_FIELD_NAME: back, "unsaved": "1"})
    return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query}")


def _membership(user: User, key: str) -> Member:
    member = (
        Member.objects.select_related("product__activitycounter")
        .filter(user=user, product__key=key.upper(), user__is_active=True)
        .first()
    )
    if member is None:
        raise Http404("There is no such product, or you are not a member of it.")
    return member
