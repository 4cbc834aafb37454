"""Pages of products: the list, a new one, its settings, members and tokens."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import (
    PersonRequest,
    ProductRequest,
    administrator_page,
    product_page,
    signed_in,
)
from backlog.forms.goals import AbandonForm, FulfilForm, GoalForm
from backlog.forms.people import (
    EvidencePolicyForm,
    MemberForm,
    NewProductForm,
    ProductForm,
    TokenForm,
)
from backlog.forms.refusals import put_errors
from backlog.models import Product, ProductGoal, Role
from backlog.queries.goals import goals_of
from backlog.queries.people import (
    find_invitation,
    find_member,
    find_token_of,
    member_rows,
    open_invitations,
    product_rows,
    token_rows,
)
from backlog.services.invitations import invite, revoke_invitation
from backlog.services.members import change_role, remove_member
from backlog.services.products import create_product, update_product
from backlog.services.tokens import create_token, revoke_token


@require_GET
@signed_in
def products(request: PersonRequest) -> HttpResponse:
    rows = product_rows(request.user)
    return render(request, "backlog/products.html", {"products": rows, "roles": dict(Role.choices)})


@administrator_page
def product_new(request: PersonRequest) -> HttpResponse:
    form = NewProductForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_product(owner=request.user, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{made.name} is there, and you are its product owner.")
            return redirect("backlog:backlog", made.key)
    status = 422 if form.errors else 200
    return render(request, "backlog/product_new.html", {"form": form}, status=status)


@require_GET
@product_page("product.view")
def product(request: ProductRequest, product: Product) -> HttpResponse:
    return redirect("backlog:backlog", product.key)


@product_page("product.view", post="product.edit")
def settings(request: ProductRequest, product: Product) -> HttpResponse:
    """What the product is, and what evidence may do to its backlog: two forms on one page."""
    about_evidence = "evidence" in request.POST
    # The forms write into rows of their own, so that the service sees what changed.
    posted = request.POST if request.method == "POST" else None
    form = ProductForm(
        None if about_evidence else posted, instance=Product.objects.get(pk=product.pk)
    )
    policy = EvidencePolicyForm(
        posted if about_evidence else None, instance=Product.objects.get(pk=product.pk)
    )
    sent = policy if about_evidence else form
    if request.method == "POST" and sent.is_valid():
        try:
            update_product(product, actor=request.actor, **sent.cleaned_data)
        except ValidationError as error:
            put_errors(sent, error)
        else:
            messages.success(request, "Saved.")
            return redirect("backlog:settings", product.key)
    return settings_page(request, product, form=form, policy=policy)


def settings_page(
    request: ProductRequest,
    product: Product,
    *,
    form: ProductForm | None = None,
    policy: EvidencePolicyForm | None = None,
    goal_form: Form | None = None,
    fulfil_form: Form | None = None,
    abandon_form: Form | None = None,
    status: int | None = None,
) -> HttpResponse:
    """The page of settings with forms as they were sent, and the others as the product is now."""
    goals = list(goals_of(product))
    active = next((goal for goal in goals if goal.state == ProductGoal.State.ACTIVE), None)
    form = form or ProductForm(instance=product)
    policy = policy or EvidencePolicyForm(instance=product)
    goal_form = goal_form or GoalForm(initial={"goal": active.text if active else ""})
    fulfil_form = fulfil_form or FulfilForm(auto_id="fulfil_%s")
    abandon_form = abandon_form or AbandonForm(auto_id="abandon_%s")
    may_edit = request.may("product.edit")
    if not may_edit:
        for field in (*form.fields.values(), *policy.fields.values()):
            field.disabled = True
    sent = (form, policy, goal_form, fulfil_form, abandon_form)
    return render(
        request,
        "backlog/settings.html",
        {
            "tab": "settings",
            "form": form,
            "policy": policy,
            "active_goal": active,
            "past_goals": [goal for goal in goals if goal != active],
            "goal_form": goal_form,
            "fulfil_form": fulfil_form,
            "abandon_form": abandon_form,
            "may_edit": may_edit,
            "is_read": not may_edit,
        },
        status=status or (422 if any(form.errors for form in sent) else 200),
    )


@product_page("member.view", post="member.edit")
def members(request: ProductRequest, product: Product) -> HttpResponse:
    """Who is in the product; POST invites somebody, and shows the link once."""
    form, link = MemberForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, link = invite(product, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            form = MemberForm()
    may_edit = request.may("member.edit")
    answer = render(
        request,
        "backlog/members.html",
        {
            "tab": "members",
            "form": form,
            "link": link,
            "members": member_rows(product),
            "invitations": open_invitations(product) if may_edit else [],
            "roles": Role.choices,
            "may_edit": may_edit,
        },
        status=422 if form.errors else 200,
    )
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@product_page("member.edit")
def invitation_revoke(
    request: ProductRequest, product: Product, invitation_id: int
) -> HttpResponse:
    revoke_invitation(find_invitation(product, invitation_id), actor=request.actor)
    messages.success(request, "The invitation is revoked; its link opens nothing any more.")
    return redirect("backlog:members", product.key)


@require_POST
@product_page("member.edit")
def member_role(request: ProductRequest, product: Product, member_id: int) -> HttpResponse:
    """Give a member another role; who gives up the own ownership is asked once."""
    member = find_member(product, member_id)
    role = request.POST.get("role", "")
    gives_up = member.user == request.user and role in Role.values and role != member.role
    if gives_up and "sure" not in request.POST:
        context = {"member": member, "role": role, "role_name": Role(role).label}
        return render(request, "backlog/member_role.html", context)
    try:
        change_role(member, role, actor=request.actor)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, f"{member.user} is {member.get_role_display()} now.")
    return redirect("backlog:members", product.key)


@require_POST
@product_page("member.edit")
def member_remove(request: ProductRequest, product: Product, member_id: int) -> HttpResponse:
    member = find_member(product, member_id)
    remove_member(member, actor=request.actor)
    messages.success(request, f"{member.user} is no member any more.")
    return redirect("backlog:products" if member.user == request.user else "backlog:members",
                    *([] if member.user == request.user else [product.key]))  # fmt: skip


@product_page("token.view", post="token.edit")
def tokens(request: ProductRequest, product: Product) -> HttpResponse:
    form, secret = TokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = create_token(actor=request.actor, product=product, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            form = TokenForm()
    answer = render(
        request,
        "backlog/tokens.html",
        {"tab": "tokens", "form": form, "secret": secret, "tokens": token_rows(product)},
        status=422 if form.errors else 200,
    )  # fmt: skip
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@product_page("token.edit")
def token_revoke(request: ProductRequest, product: Product, token_id: int) -> HttpResponse:
    token = find_token_of(product, token_id)
    revoke_token(token, actor=request.actor)
    messages.success(request, f"{token.name} is revoked; whatever uses it is refused from now on.")
    return redirect("backlog:tokens", product.key)
