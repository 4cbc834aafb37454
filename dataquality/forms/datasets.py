"""Forms of datasets: register, settings, a new version."""

from __future__ import annotations

from copy import copy
from itertools import chain
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from backlog.forms.fields import RowsField, WordsField
from backlog.models import Product, User
from dataquality.forms.schedules import TimesFields
from dataquality.models import Connection, ConnectionKind, Dataset, SamplePolicy, SourceKind
from dataquality.queries.runs import runs_with_values
from dataquality.services.datasets import DatasetDraft
from dataquality.services.files import Source, Upload
from dataquality.services.origins import LiveRows, Wanted, source_of
from dataquality.services.values import keeps_less
from mlscrum.lib.errors import DomainError

FIELDS_OF_SOURCE = {
    SourceKind.UPLOAD: ("file",),
    SourceKind.PATH: ("path",),
    SourceKind.URL: ("connection", "url"),
    SourceKind.S3: ("connection", "object"),
    SourceKind.SQL_TABLE: ("connection", "namespace", "table"),
    SourceKind.SQL_QUERY: ("connection", "query"),
    SourceKind.SPARK_TABLE: ("table",),
}
POLICIES = [
    (
        SamplePolicy.NONE,
        "Nothing but counts — no value of a failing row is kept; where the data is personal,"
        " results and profile hold none either.",
    ),
    (SamplePolicy.KEYS, "Keys — of up to 20 failing rows, the key columns."),
    (SamplePolicy.VALUES, "Values — of up to 20 failing rows, the keys and the failing value."),
]


class PersonChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # no generic at runtime
    """A member of the product, by name."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.email})"


class SourceFields(forms.Form):
    """A file to upload."""

    file = forms.FileField(
        allow_empty_file=True,
        label="File",
        error_messages={"required": "Choose a file."},
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.parquet,.pq,.jsonl,.ndjson"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = settings.UPLOAD_LIMIT_MB
        self.fields["file"].help_text = f"CSV, Parquet or JSON lines, up to {limit:,} MB."
        self.fields["file"].widget.attrs["data-limit-mb"] = limit


class RegisterForm(SourceFields, TimesFields):
    """A new dataset. Whether it holds personal data has to be answered."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autofocus": True}))
    source = forms.ChoiceField(
        choices=SourceKind.choices,
        initial=SourceKind.UPLOAD,
        required=False,
        widget=forms.RadioSelect,
        label="Where is the data?",
    )
    path = forms.CharField(
        max_length=500,
        label="Path",
        error_messages={"required": "Say which file on the server."},
    )
    connection = forms.ChoiceField(
        choices=[],
        label="Connection",
        help_text="Product owners add them under Data, Connections.",
        error_messages={"required": "Choose the connection that leads there."},
    )
    url = forms.CharField(
        max_length=2000,
        label="Address",
        help_text="https://… ending in .csv, .parquet or .jsonl; with a connection, the path below "
        "its address will do.",
        error_messages={"required": "Give the address of the file."},
    )
    object = forms.CharField(
        max_length=500,
        label="Object",
        help_text="Such as exports/patients.parquet; or orders/dt=*/*.parquet, where each folder "
        "is a batch and the newest is read.",
        error_messages={"required": "Say which object of the bucket."},
    )
    namespace = forms.CharField(
        max_length=250,
        required=False,
        label="Schema",
        help_text="Of the table; empty takes the database's own choice.",
    )
    table = forms.CharField(
        max_length=250,
        label="Table or view",
        error_messages={"required": "Say which table."},
    )
    query = forms.CharField(
        max_length=20_000,
        label="Query",
        help_text="One SELECT; it runs in a session that can only read.",
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        error_messages={"required": "Write the query."},
    )
    personal_data = forms.ChoiceField(
        choices=[("yes", "Yes"), ("no", "No")],
        widget=forms.RadioSelect,
        label="Does it hold personal data?",
        help_text="Anything about a person who can be told apart, patients and customers included.",
        error_messages={"required": "Answer yes or no; it decides what is kept."},
    )
    sample_policy = forms.ChoiceField(
        choices=POLICIES,
        initial=SamplePolicy.NONE,
        widget=forms.RadioSelect,
        label="What of failing rows may be kept?",
        help_text="Members who may edit see it, and it is noted who opened it.",
    )
    key_columns = WordsField(
        required=False,
        label="Key columns",
        help_text="They name a row, such as sample_id; separated by commas.",
    )
    owner = PersonChoice(queryset=User.objects.none(), required=False, label="Owner")
    description = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2})
    )

    field_order = ("name", "source", "file", "path", "connection", "url", "object", "namespace",
                   "table", "query", "personal_data", "sample_policy",
                   "key_columns", "owner", "cron", "zone", "description")  # fmt: skip

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = members_of(product)  # type: ignore[attr-defined]
        self.fields["path"].help_text = (
            f"Within the folder {product.key} of SOURCES_DIR, such as patients.csv. "
            "Each reading keeps a copy, so that old contents can be read again."
        )

        if settings.SPARK_URL:
            self.fields[
                "table"
            ].help_text = (
                f"Of Spark one of its database {product.key.lower()}, without that name before it."
            )
        else:
            self.fields["source"].choices = [  # type: ignore[attr-defined]
                (kind, label)
                for kind, label in SourceKind.choices
                if kind != SourceKind.SPARK_TABLE
            ]
        self.product = product
        self.connections = list(Connection.objects.usable_in(product))
        self.fields["connection"].choices = [  # type: ignore[attr-defined]
            ("", "None"),
            *(
                (kind.label, own)
                for kind in ConnectionKind
                if (own := [(c.slug, c.name) for c in self.connections if c.kind == kind])
            ),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # Of all of these the page shows, and this needs, those of the source that was chosen.
        needed = FIELDS_OF_SOURCE[self.source_kind()]
        for name in {*chain.from_iterable(FIELDS_OF_SOURCE.values())} - set(needed):
            self.errors.pop(name, None)
        if self.source_kind() == SourceKind.URL and not self.data.get("connection"):
            self.errors.pop("connection", None)
        return cleaned

    def draft(self) -> DatasetDraft:
        """The dataset as the form describes it."""
        wanted = self.cleaned_data
        return DatasetDraft(
            name=wanted["name"],
            description=wanted["description"],
            personal_data=wanted["personal_data"] == "yes",
            sample_policy=wanted["sample_policy"],
            key_columns=wanted["key_columns"],
            owner=wanted["owner"],
            schedule=self.schedule(),
        )

    def source_kind(self) -> SourceKind:
        """Where the data is said to lie."""
        return SourceKind(self.cleaned_data.get("source") or SourceKind.UPLOAD)

    def field_of(self, error: DomainError | ValidationError) -> str:
        """The field that is wrong where the source can't be read: the one that is named, else the
        one that says what is read."""
        of_source = FIELDS_OF_SOURCE[self.source_kind()]
        faults = error.errors if isinstance(error, DomainError) else ()
        named = [fault.pointer.rpartition("/")[2] for fault in faults]
        return next((name for name in named if name in of_source), of_source[-1])

    def chosen_source(self) -> Source | LiveRows:
        """Where the content comes from; raises DomainError for what is missing."""
        kind, given = self.source_kind(), self.cleaned_data
        if kind == SourceKind.UPLOAD:
            return Upload.of(given["file"])
        names = {"object": "path", "namespace": "schema"}
        wanted = {names.get(name, name): given.get(name) or "" for name in FIELDS_OF_SOURCE[kind]}
        return source_of(self.product, Wanted(kind=kind, **wanted))


class VersionForm(SourceFields):
    """A new content of a dataset."""

    as_of = forms.DateTimeField(
        required=False,
        label="As of",
        help_text="When the data was true, if that was not just now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    run = forms.BooleanField(required=False, initial=True, label="Run the checks on it")


BATCH_FIELDS = {"batch_by", "batch_column"}


class DatasetForm(forms.Form):
    """What can be said anew about a dataset; before kept values are removed it asks once."""

    name = forms.CharField(max_length=120)
    description = forms.CharField(
        required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2})
    )
    owner = PersonChoice(queryset=User.objects.none(), required=False)
    steward = PersonChoice(queryset=User.objects.none(), required=False)
    personal_data = forms.BooleanField(required=False, label="It holds personal data")
    sample_policy = forms.ChoiceField(
        choices=POLICIES,
        widget=forms.RadioSelect,
        label="What of failing rows may be kept?",
        help_text="A stricter answer also removes what was kept before.",
    )
    key_columns = WordsField(required=False, help_text="They name a row; separated by commas.")
    masked_columns = WordsField(
        required=False, help_text="Never kept, whatever the answer above; separated by commas."
    )
    value_viewers = RowsField(
        queryset=User.objects.none(),
        required=False,
        label="Who else may see values",
        help_text="Besides product owner, scrum masters, developers, owner and steward.",
    )
    known_as = forms.CharField(
        required=False,
        label="Known elsewhere as",
        help_text="What dbt or Great Expectations call it, one name a line: model.shop.orders, "
        "prod.shop.orders. Their results then find it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    health_target = forms.FloatField(min_value=0, max_value=100)
    freshness_limit_h = forms.IntegerField(
        min_value=1,
        required=False,
        label="Freshness limit in hours",
        help_text="New content is expected at least so often: where it is late, a finding is "
        "filed; where the last run is older, the gate is not passed.",
    )
    green_batches = forms.IntegerField(
        min_value=1,
        max_value=20,
        label="Green batches",
        help_text="So many different contents in a row must pass before a finding resolves.",
    )
    batch_by = forms.ChoiceField(
        choices=[("", "All rows"), ("month", "One month"), ("day", "One day"),
                 ("value", "One value of a column")],
        required=False,
        label="A run looks at",
        help_text="Of a dataset that grows, the newest month or day may be enough.",
    )  # fmt: skip
    batch_column = forms.CharField(max_length=250, required=False, label="By the column")
    shared_with = RowsField(
        queryset=Product.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Shared with",
        help_text="Members of these products see health, gate, last run and columns in their own "
        "room of data, no row and no finding, and can say which of their items depend on it.",
    )

    def __init__(
        self, *args: Any, dataset: Dataset, products: QuerySet[Product], **kwargs: Any
    ) -> None:
        """`products` are those that it may be shared with."""
        kwargs.setdefault("initial", _as_it_stands(dataset))
        super().__init__(*args, **kwargs)
        self.dataset = dataset
        if products:
            self.fields["shared_with"].queryset = products  # type: ignore[attr-defined]
        else:
            del self.fields["shared_with"]
        for field in self.fields.values():
            field.show_hidden_initial = True
        for name in ("owner", "steward", "value_viewers"):
            self.fields[name].queryset = members_of(dataset.product)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        changes = self.changes()
        wanted = copy(self.dataset)
        for name in ("sample_policy", "masked_columns", "key_columns", "personal_data"):
            setattr(wanted, name, changes.get(name, getattr(wanted, name)))
        runs = runs_with_values(self.dataset) if keeps_less(self.dataset, wanted) else 0
        if runs:
            label = f"Remove kept values of {runs} run{'' if runs == 1 else 's'} for good"
            self.fields["sure"] = forms.BooleanField(required=False, label=label)
            if not self.data.get("sure"):
                self.add_error("sure", "This keeps less than before. Tick the box to go on.")
        return cleaned

    def clean_known_as(self) -> list[str]:
        lines = self.cleaned_data["known_as"].splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def changes(self) -> dict[str, Any]:
        """What the person changed of the page as it was shown; all of it where the answer does
        not say how that was. So a page that is old takes back nothing that others have set."""
        wanted = dict(self.cleaned_data)
        if self.add_initial_prefix("name") in self.data:
            changed = set(self.changed_data)
            if changed & BATCH_FIELDS:
                changed |= BATCH_FIELDS
            wanted = {name: value for name, value in wanted.items() if name in changed}
        by, column = (wanted.pop(name, None) for name in ("batch_by", "batch_column"))
        if by is not None:
            wanted["batch"] = {"by": by, "column": column} if by else None
        return wanted

    def shown_before(self) -> list[str]:
        """How the fields stood when the page was shown, as hidden fields."""
        return [self[name].as_hidden(only_initial=True) for name in self.fields]


def members_of(product: Product) -> QuerySet[User]:
    """The people of a product, by name."""
    return User.objects.filter(memberships__product=product).order_by("name", "email")


def _as_it_stands(dataset: Dataset) -> dict[str, Any]:
    own = ("description", "personal_data", "sample_policy", "key_columns", "masked_columns",
           "health_target", "freshness_limit_h")  # fmt: skip
    subject = dataset.subject
    return {name: getattr(dataset, name) for name in own} | {
        "name": subject.name,
        "owner": subject.owner,
        "steward": subject.steward,
        "green_batches": subject.green_batches,
        "known_as": "\n".join(dataset.known_as),
        "batch_by": (dataset.batch or {}).get("by", ""),
        "batch_column": (dataset.batch or {}).get("column", ""),
        "value_viewers": list(dataset.value_viewers.all()),
        "shared_with": list(dataset.shared_with.all()),
    }
