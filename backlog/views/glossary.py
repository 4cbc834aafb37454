"""The glossary of a product: its words, one word with its talk, and files of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.access.terms import may_change, may_delete, refuse_unless
from backlog.forms.glossary import (
    AgreeForm,
    ColumnForm,
    ContestForm,
    FileForm,
    ProposeForm,
    RemarkForm,
    TermForm,
)
from backlog.forms.refusals import put_errors
from backlog.importers.terms import write_terms
from backlog.models import Product, Role, Term
from backlog.queries.subjects import address_of
from backlog.queries.terms import (
    columns_to_choose,
    commonest_trades,
    explainer_of,
    find_remark,
    find_term,
    glossary_of,
    rows_of,
    synonyms_of,
    talk_of,
    uses_of,
    versions_of,
)
from backlog.rules.terms import may_become
from backlog.services.term_imports import import_terms, plan_import
from backlog.services.term_news import mark_seen
from backlog.services.terms import (
    agree_term,
    contest_term,
    delete_remark,
    delete_term,
    edit_remark,
    propose_term,
    redefine,
    say,
)
from backlog.views.answers import counted
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.explained import explained
from mlscrum.web.limits import takes_files

State = Term.State
PREVIEWED = 200  # rows of a file


@product_page("term.view", post="term.propose")
def glossary(request: ProductRequest, product: Product) -> HttpResponse:
    """The words; POST proposes one."""
    form = ProposeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            term = propose_term(product, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(
                request, f"“{term.word}” is proposed. Say what it means to each trade."
            )
            return redirect("backlog:term", product.key, term.pk)
    state = request.GET.get("state", "")
    query = request.GET.get("q", "").strip()
    shown = glossary_of(
        product,
        query=query,
        state=state if state in State.values else "",
        page=request.GET.get("page"),
    )
    tabs = [("", "All", shown.total)]
    tabs += [(each.value, each.label, shown.counts.get(each.value, 0)) for each in State]
    context = {
        "product": product,
        "glossary": shown,
        "page": shown.page,
        "tabs": tabs,
        "state": state,
        "query": query,
        "form": form,
        "may_propose": request.may("term.propose"),
        "may_import": request.may("term.agree"),
    }
    return render(request, "backlog/glossary.html", context, status=422 if form.errors else 200)


@require_GET
@product_page("term.view")
def term(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """One word: what it means, to whom, where it stands, and what is said about it."""
    found = find_term(product, term_id)
    mark_seen(request.user, found)
    return _page(request, found)


@require_GET
@product_page("term.view")
def term_card(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """What a reader is told of a word where it stands in a text."""
    return render(request, "backlog/_term_card.html", {"term": find_term(product, term_id)})


@product_page("term.propose")
def term_edit(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """Change what a word says; who comes second sees both."""
    found = find_term(product, term_id)
    is_allowed = may_change(found, request.actor, request.may)
    if request.method == "GET" and not is_allowed:
        messages.info(request, "Only those who agree on words change this one; you can contest it.")
        return redirect("backlog:term", product.key, found.pk)
    refuse_unless(is_allowed)
    form = TermForm.of(found, request.POST if request.method == "POST" else None)
    conflicts: list[Mapping[str, Any]] = []
    if form.is_bound and form.is_valid():
        try:
            changed = redefine(found, actor=request.actor, **form.cleaned_data)
        except Conflict as error:
            put_errors(form, error)
            conflicts = error.extra.get("conflicts", [])  # type: ignore[assignment]
            # Whoever saves again has seen what the others wrote.
            seen = str(error.extra.get("version", ""))
            form.data = {**request.POST.dict(), "over": seen}
        except (DomainError, ValidationError) as error:
            put_errors(form, error, names={"meanings": "trade_0"})
        else:
            messages.success(request, f"“{changed.word}” is saved.")
            return redirect("backlog:term", product.key, found.pk)
    context = {
        "product": product,
        "term": found,
        "form": form,
        "conflicts": [_told(conflict) for conflict in conflicts],
        "trades": list(dict.fromkeys([*commonest_trades(product), *_roles()])),
    }
    status = 409 if conflicts else 422 if form.errors else 200
    return render(request, "backlog/term_edit.html", context, status=status)


@require_POST
@product_page("term.agree")
def term_agree(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """Agree on a word, with a new definition where the form has one."""
    found = find_term(product, term_id)
    form = AgreeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, agree_form=form, status=422)
    try:
        agreed = agree_term(found, actor=request.actor, **form.cleaned_data)
    except (DomainError, ValidationError) as error:
        return _refused(request, found, form, error, "agree_form")
    messages.success(request, f"“{agreed.word}” is agreed.")
    return redirect("backlog:term", product.key, found.pk)


@require_POST
@product_page("term.propose")
def term_contest(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """Contest a word; the reason opens the talk."""
    found = find_term(product, term_id)
    form = ContestForm(request.POST)
    if not form.is_valid():
        return _page(request, found, contest_form=form, status=422)
    try:
        contest_term(found, actor=request.actor, **form.cleaned_data)
    except (DomainError, ValidationError) as error:
        return _refused(request, found, form, error, "contest_form")
    messages.success(request, f"“{found.word}” is contested; the talk is open.")
    return redirect(f"{_address(found)}#talk")


@require_POST
@product_page("term.propose")
def term_delete(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """Take a word out of the glossary."""
    found = find_term(product, term_id)
    refuse_unless(may_delete(found, request.actor, request.may))
    delete_term(found, actor=request.actor)
    messages.success(request, f"“{found.word}” is deleted.")
    return redirect("backlog:glossary", product.key)


@require_POST
@product_page("term.propose")
def term_columns(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """Say that a word describes a column, or that it does no longer."""
    found = find_term(product, term_id)
    refuse_unless(may_change(found, request.actor, request.may))
    present = [(each.subject, each.column) for each in found.columns.all()]
    if "remove" in request.POST:
        kept = [each for each in present if f"{each[0].slug}:{each[1]}" != request.POST["remove"]]
        redefine(found, actor=request.actor, version=found.version, columns=kept)
        return redirect(f"{_address(found)}#columns")
    form = ColumnForm(columns_to_choose(product), request.POST)
    if not form.is_valid():
        return _page(request, found, column_form=form, status=422)
    try:
        wanted = [*present, form.chosen()]
        redefine(found, actor=request.actor, version=found.version, columns=wanted)
    except (DomainError, ValidationError) as error:
        return _refused(request, found, form, error, "column_form")
    return redirect(f"{_address(found)}#columns")


@require_POST
@product_page("term.propose")
def term_say(request: ProductRequest, product: Product, term_id: int) -> HttpResponse:
    """Say something about a word."""
    found = find_term(product, term_id)
    form = RemarkForm(request.POST)
    if not form.is_valid():
        return _page(request, found, remark_form=form, status=422)
    remark = say(found, form.cleaned_data["text"], actor=request.actor)
    return redirect(f"{_address(found)}#remark-{remark.pk}")


@require_POST
@product_page("term.propose")
def remark_edit(
    request: ProductRequest, product: Product, term_id: int, remark_id: int
) -> HttpResponse:
    """Say differently what one has said oneself."""
    found = find_term(product, term_id)
    remark = find_remark(found, remark_id)
    form = RemarkForm(request.POST)
    if not form.is_valid():
        return _page(request, found, editing={"pk": remark_id, "form": form}, status=422)
    edit_remark(remark, form.cleaned_data["text"], actor=request.actor)
    return redirect(f"{_address(found)}#remark-{remark_id}")


@require_POST
@product_page("term.propose")
def remark_delete(
    request: ProductRequest, product: Product, term_id: int, remark_id: int
) -> HttpResponse:
    """Take back what one has said oneself."""
    found = find_term(product, term_id)
    delete_remark(find_remark(found, remark_id), actor=request.actor)
    messages.success(request, "Your remark is gone.")
    return redirect(f"{_address(found)}#talk")


@require_GET
@product_page("term.view")
def glossary_export(request: ProductRequest, product: Product) -> HttpResponseBase:
    """All words as a CSV file, which the import reads again."""
    trades = commonest_trades(product)

    def lines() -> Iterator[str]:
        yield "\ufeff"  # spreadsheets take the file for Windows-1252 else
        yield from write_terms(rows_of(product), trades)

    answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{product.key}-glossary.csv"'
    return answer


@takes_files
@product_page("term.agree")
def glossary_import(request: ProductRequest, product: Product) -> HttpResponse:
    """A file comes in, is shown with what it would do, and then does it, all or nothing."""
    form, plan, text = FileForm(), None, ""
    if request.method == "POST" and "text" in request.POST:
        text = request.POST["text"]
        try:
            done = import_terms(product, text, actor=request.actor)
        except DomainError as error:
            messages.error(request, f"Nothing was imported: {error.message}")
            plan = plan_import(product, text)
        else:
            said = f"{counted(done.new, 'word')} new, {counted(done.changed, 'word')} changed."
            messages.success(request, said)
            return redirect("backlog:glossary", product.key)
    elif request.method == "POST":
        form = FileForm(request.POST, request.FILES)
        if form.is_valid():
            text = form.cleaned_data["file"]
            try:
                plan = plan_import(product, text)
            except DomainError as error:
                put_errors(form, error, field="file")
    context = {
        "product": product,
        "form": form,
        "plan": plan,
        "text": text,
        "shown": plan.rows[:PREVIEWED] if plan else [],
        "problems": plan.problems[:PREVIEWED] if plan else [],
    }
    is_wrong = bool(form.errors or (plan and plan.problems))
    return render(request, "backlog/glossary_import.html", context, status=422 if is_wrong else 200)


def _page(request: ProductRequest, found: Term, *, status: int = 200, **shown: Any) -> HttpResponse:
    product = found.product
    may_edit = may_change(found, request.actor, request.may)
    seen = {"version": found.version}

    def tell(text: str) -> SafeString:
        """Other words are explained; that which the page is about is not."""
        return explained(text, explainer_of(product, without=found))

    columns = [{"row": each, "address": address_of(each.subject)} for each in found.columns.all()]
    context = {
        "product": product,
        "term": found,
        "definition": tell(found.definition),
        "meanings": [(each.trade, tell(each.text)) for each in found.meanings.all()],
        "synonyms": synonyms_of(found),
        "columns": columns,
        "talk": talk_of(found),
        "versions": versions_of(found),
        "uses": uses_of(found),
        "agree_form": AgreeForm(initial={**seen, "definition": found.definition}),
        "contest_form": ContestForm(initial=seen),
        "remark_form": RemarkForm(),
        "column_form": ColumnForm(columns_to_choose(product)) if may_edit else None,
        "may_edit": may_edit,
        "may_agree": request.may("term.agree") and may_become(found.state, State.AGREED),
        "may_contest": request.may("term.propose") and may_become(found.state, State.CONTESTED),
        "may_talk": request.may("term.propose"),
        "may_delete": may_delete(found, request.actor, request.may),
        **shown,
    }
    return render(request, "backlog/term.html", context, status=status)


def _refused(
    request: ProductRequest,
    found: Term,
    form: Any,
    error: DomainError | ValidationError,
    name: str,
) -> HttpResponse:
    """The page as it is by now, with what was typed; who saves again has seen it."""
    put_errors(form, error)
    fresh = find_term(found.product, found.pk)
    if "version" in form.fields:
        form.data = {**request.POST.dict(), "version": str(fresh.version)}
    status = error.status if isinstance(error, DomainError) else 422
    return _page(request, fresh, status=status, **{name: form})


def _told(conflict: Mapping[str, Any]) -> dict[str, str]:
    """A conflict in words."""
    return {
        "field": str(conflict["field"]),
        "base": _plain(conflict["base"]),
        "theirs": _plain(conflict["theirs"]),
    }


def _plain(value: Any) -> str:
    if isinstance(value, list):
        parts = (": ".join(part) if isinstance(part, list) else str(part) for part in value)
        return "; ".join(parts) or "nothing"
    return str(value) if value is not None else "nothing"


def _roles() -> list[str]:
    return [str(role.label).lower() for role in Role]


def _address(found: Term) -> str:
    return reverse("backlog:term", args=[found.product.key, found.pk])
