"""Pages of a person's own account: signing in and out, password, profile, theme, the start."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, public, signed_in
from backlog.forms.accounts import NewPasswordForm, ProfileForm, SignInForm
from backlog.forms.people import MyTokenForm
from backlog.forms.refusals import put_errors
from backlog.models import User
from backlog.queries.accounts import demo_people, product_to_begin_with
from backlog.queries.people import find_own_token, tokens_of
from backlog.services.accounts import choose_theme, update_profile
from backlog.services.tokens import create_token, revoke_token
from backlog.views.answers import back_to
from mlscrum.env import is_loopback
from mlscrum.lib.numbers import whole_number
from mlscrum.web.middleware import LAST_PRODUCT, client_ip
from mlscrum.web.throttling import may_try_to_sign_in

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    """The sign-in page; the demo people stand on it only where DEMO_LOGIN allows."""

    template_name = "registration/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_try_to_sign_in(client_ip(request)):
            return render(request, "registration/locked.html", status=429)
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        people = demo_people() if settings.DEMO_LOGIN else []
        unsaved = "unsaved" in self.request.GET or "unsaved" in self.request.POST
        return super().get_context_data(people=people, unsaved=unsaved, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        _say_what_was_lost(self.request)
        return answer


class PasswordChange(PasswordChangeView):
    """The old password, and the new one twice; other browsers are signed out by it."""

    template_name = "registration/password_change.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("profile")

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        messages.success(self.request, "Your password is changed. Other browsers are signed out.")
        return answer


sign_in = public(SignIn.as_view())
sign_out = public(LogoutView.as_view())
_change_password = PasswordChange.as_view()


@public
@never_cache
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign a demo person in by one click, where DEMO_LOGIN allows it and on this machine alone."""
    if not settings.DEMO_LOGIN or not is_loopback(client_ip(request)):
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    sent = whole_number(request.POST.get("person", ""))
    people = User.objects.filter(is_demo=True, is_active=True)
    person = people.filter(pk=sent).first() if sent is not None else None
    if person is None:
        raise Http404("There is no such demo person.")
    login(request, person, backend=MODEL_BACKEND)
    _say_what_was_lost(request)
    return back_to(request, settings.LOGIN_REDIRECT_URL)


@signed_in
def password_change(request: PersonRequest) -> Any:
    if not request.user.has_usable_password():
        messages.info(request, "You sign in without a password, so there is none to change.")
        return redirect("profile")
    return _change_password(request)


@signed_in
def profile(request: PersonRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            update_profile(request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, "Your profile is saved.")
            return redirect("profile")
    return render(
        request, "registration/profile.html", {"form": form}, status=422 if form.errors else 200
    )


@signed_in
def my_tokens(request: PersonRequest) -> HttpResponse:
    """One's own tokens with what became of them, and a new one, which acts as the person."""
    form, secret = MyTokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = create_token(actor=request.actor, user=request.user, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            form = MyTokenForm()
    answer = render(
        request,
        "registration/tokens.html",
        {"form": form, "secret": secret, "tokens": tokens_of(request.user)},
        status=422 if form.errors else 200,
    )
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@signed_in
def my_token_revoke(request: PersonRequest, token_id: int) -> HttpResponse:
    token = find_own_token(request.user, token_id)
    revoke_token(token, actor=request.actor)
    messages.success(request, f"{token.name} is revoked; whatever uses it is refused from now on.")
    return redirect("my-tokens")


@require_POST
@signed_in
def theme(request: PersonRequest) -> HttpResponse:
    try:
        choose_theme(request.user, request.POST.get("theme", ""))
    except ValidationError as error:
        messages.error(request, str(error.messages[0]))
    return back_to(request, settings.LOGIN_REDIRECT_URL)


@require_GET
@signed_in
def home(request: PersonRequest) -> HttpResponse:
    """To the backlog of the last or only product, else to the list of products."""
    product = product_to_begin_with(request.user, request.COOKIES.get(LAST_PRODUCT, ""))
    if product is None:
        return redirect("backlog:products")
    return redirect("backlog:backlog", key=product.key)


def _say_what_was_lost(request: HttpRequest) -> None:
    """To who was signed out in the middle of a form; a script puts back what it has kept of it."""
    if "unsaved" in request.POST:
        messages.warning(request, "You were signed out; nothing was saved.", extra_tags="unsaved")
