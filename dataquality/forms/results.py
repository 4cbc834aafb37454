"""A form of results that were made elsewhere."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from backlog.models import Product
from dataquality.ingest.formats import Format
from dataquality.models import Dataset
from mlscrum.web.parsers import LIMIT, LIMIT_MB

FORMATS = [
    (Format.GX.value, "Great Expectations — a validation result, or what describe() wrote"),
    (Format.DBT.value, "dbt — run_results.json, with its manifest"),
    (Format.JUNIT.value, "JUnit XML — of any test runner"),
    (Format.GENERIC.value, "Checks in our own words — JSON"),
]


class ResultsForm(forms.Form):
    """A file of results, and what it is about."""

    format = forms.ChoiceField(
        choices=FORMATS, initial=Format.GX.value, widget=forms.RadioSelect, label="Made by"
    )
    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        help_text=f"JSON or XML, up to {LIMIT_MB} MB. It is read and not kept.",
        error_messages={"required": "Choose a file."},
        widget=forms.ClearableFileInput(attrs={"accept": ".json,.xml", "data-limit-mb": LIMIT_MB}),
    )
    manifest = forms.FileField(
        required=False,
        label="Manifest",
        help_text="Of dbt alone: which model and column a test is of stands only there.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json", "data-limit-mb": LIMIT_MB}),
    )
    dataset = forms.ChoiceField(
        required=False,
        label="About",
        help_text="Else results are matched by the name of their asset, model or relation.",
    )
    create_missing = forms.BooleanField(
        required=False, label="Make datasets for names that nobody knows yet"
    )
    branch = forms.CharField(
        required=False,
        max_length=250,
        help_text="Results of other branches than the main one change nothing here.",
    )

    def __init__(self, *args: Any, product: Product, may_register: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.datasets = {dataset.slug: dataset for dataset in Dataset.objects.of(product)}
        self.fields["dataset"].choices = [  # type: ignore[attr-defined]
            ("", "Whatever it names"),
            *((slug, dataset.name) for slug, dataset in self.datasets.items()),
        ]
        if not may_register:
            del self.fields["create_missing"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        sizes = [file.size for name in ("file", "manifest") if (file := cleaned.get(name))]
        if sum(sizes) > LIMIT:
            raise ValidationError(f"Both files hold up to {LIMIT_MB} MB together.")
        return cleaned

    def chosen(self) -> Dataset | None:
        """The dataset that all of it is about."""
        return self.datasets.get(self.cleaned_data["dataset"])

    def context(self) -> dict[str, str]:
        branch = self.cleaned_data["branch"]
        return {"branch": branch} if branch else {}
