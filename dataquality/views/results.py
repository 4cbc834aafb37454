"""The page that takes results which were made elsewhere, after a trial that changes nothing."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from rest_framework.exceptions import APIException

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Product
from dataquality.forms.results import ResultsForm
from dataquality.services.ingest import FILED, Posted, Posting, post_results
from dataquality.services.posted_files import reports_in
from mlscrum.lib.errors import DomainError
from mlscrum.web.limits import takes_files

WOULD = {
    "created": "Would be filed",
    "updated": "Seen again",
    "reopened": "Would come back",
    "resolved": "Would be closed",
    "errored": "Could not run",
}
DID = {
    "created": "Filed",
    "updated": "Seen again",
    "reopened": "Came back",
    "resolved": "Closed",
    "errored": "Could not run",
}


@takes_files
@product_page("finding.report")
def results(request: ProductRequest, product: Product) -> HttpResponse:
    """Try a file, then take it. The trial answers in place where scripts run, so that the file
    stays chosen; elsewhere it has to be chosen again."""
    form = ResultsForm(
        request.POST or None,
        request.FILES or None,
        product=product,
        may_register=request.may("dataset.register"),
    )
    is_trial = "take" not in request.POST
    posted: Posted | None = None
    if request.method == "POST" and form.is_valid():
        try:
            posted = post_results(product, _posting(form), actor=request.actor, dry_run=is_trial)
        except DomainError as error:
            faults = [f"{fault.pointer} {fault.detail}".strip() for fault in error.errors]
            for said in faults or [error.message]:
                form.add_error("file", said)
        except ValidationError as error:
            put_errors(form, error)
        except APIException as error:  # of a file that is no JSON
            form.add_error("file", str(error.detail))
        else:
            if not is_trial and posted.run is not None:
                messages.success(request, "The results are taken.")
                return redirect("dataquality:run", product.key, posted.run.pk)
    part = "_results_answer" if request.htmx else "results"  # type: ignore[attr-defined]
    return render(
        request,
        f"dataquality/{part}.html",
        {
            "form": form,
            "posted": posted,
            "is_trial": is_trial,
            "changes": _changes(posted, is_trial=is_trial) if posted else [],
        },
        status=422 if form.errors else 200,
    )


def _changes(posted: Posted, *, is_trial: bool) -> list[tuple[str, list[str]]]:
    """What becomes of items, in words, without what becomes of none."""
    words = WOULD if is_trial else DID
    return [(words[name], refs) for name in FILED if (refs := posted.refs(name))]


def _posting(form: ResultsForm) -> Posting:
    wanted = form.cleaned_data
    dataset = form.chosen()
    reports = reports_in(
        wanted["format"],
        wanted["file"],
        manifest=wanted["manifest"],
        is_of_one=dataset is not None,
    )
    return Posting(
        form=wanted["format"],
        reports=reports,
        dataset=dataset,
        create_missing=wanted.get("create_missing", False),
        context=form.context(),
        source="by-hand",
    )
