"""Forms of connections: add and change, a new secret, many datasets at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html_join

from backlog.forms.fields import WordsField
from backlog.models import Product, User
from dataquality.forms.datasets import POLICIES, PersonChoice, members_of
from dataquality.forms.schedules import TimesFields
from dataquality.models import Connection, ConnectionKind, SamplePolicy
from dataquality.services.connections import ConnectionDraft

MANIFEST_LIMIT_MB = 50
OPTIONS = ("endpoint", "region")


class SecretField(forms.CharField):
    """A secret: typed in, never shown again."""

    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=4000, strip=False, **kwargs)


ADDRESSES = {
    ConnectionKind.SQL.value: "postgresql://host:5432/database, mysql://host/database or "
    "sqlite:///file.sqlite3 in the product's folder of SOURCES_DIR; without a password.",
    ConnectionKind.S3.value: "s3://bucket/prefix.",
    ConnectionKind.HTTP.value: "https://host/folder/, without a password.",
}


# A file of the server belongs to one product.
OF_THE_INSTALLATION = ADDRESSES | {
    ConnectionKind.SQL.value: "postgresql://host:5432/database or mysql://host/database; without "
    "a password.",
}


class ConnectionForm(forms.Form):
    """A connection of a product; of one that is there the kind stays."""

    addresses: Mapping[str, str] = ADDRESSES

    name = forms.CharField(
        max_length=120,
        widget=forms.TextInput(attrs={"autofocus": True, "placeholder": "Clinic warehouse"}),
    )
    kind = forms.ChoiceField(
        choices=ConnectionKind.choices,
        initial=ConnectionKind.SQL,
        widget=forms.RadioSelect,
        label="What is it?",
    )
    address = forms.CharField(max_length=500)
    endpoint = forms.CharField(
        max_length=300,
        required=False,
        help_text="Of a store that is not at AWS, such as https://minio.example.org:9000.",
    )
    region = forms.CharField(max_length=60, required=False)
    login = forms.CharField(
        max_length=250,
        required=False,
        label="User or key",
        help_text="A user who may read and nothing else; of an object store the id of a key. "
        "A web address without one takes the secret as a token.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    secret = SecretField(required=False, label="Password or secret")
    ambient = forms.BooleanField(
        required=False,
        label="Use the credentials that the server has itself",
        help_text="Of its environment, its role in the cloud, or its password file.",
    )
    profile_cap = forms.IntegerField(
        min_value=1,
        max_value=20,
        initial=2,
        label="Profiles at once",
        help_text="So many datasets of it are profiled at the same time, to be kind to it.",
    )

    def __init__(self, *args: Any, connection: Connection | None = None, **kwargs: Any) -> None:
        if connection is not None:
            kwargs.setdefault("initial", _as_it_stands(connection))
        super().__init__(*args, **kwargs)
        self.fields["address"].help_text = format_html_join(
            " ", '<span class="of-{}">{}</span>', self.addresses.items()
        )
        if not settings.AMBIENT_CREDENTIALS and not (connection and connection.ambient):
            del self.fields["ambient"]
        if connection is None:
            self.fields["secret"].help_text = "It is kept encrypted, and never shown again."
            return
        del self.fields["kind"]
        addresses = self.addresses if connection.product_id else OF_THE_INSTALLATION
        self.fields["address"].help_text = addresses[connection.kind]
        del self.fields["name"].widget.attrs["autofocus"]  # its page is there to be read
        unused = {"endpoint", "region"} if connection.kind != ConnectionKind.S3 else set()
        for name in unused:
            del self.fields[name]
        self.fields["secret"].help_text = (
            "Leave it empty to keep the present one, as long as the address stays."
            if connection.has_secret
            else "It is kept encrypted, and never shown again."
        )

    def draft(self) -> ConnectionDraft:
        """The connection as the form describes it."""
        wanted = self.cleaned_data
        return ConnectionDraft(
            name=wanted["name"],
            kind=wanted["kind"],
            address=wanted["address"],
            login=wanted["login"],
            secret=wanted["secret"],
            ambient=wanted.get("ambient", False),
            options=self._options(),
            profile_cap=wanted["profile_cap"],
        )

    def changes(self) -> dict[str, Any]:
        """What the form says of a connection that is there."""
        wanted = {name: value for name, value in self.cleaned_data.items() if name not in OPTIONS}
        return wanted | ({"options": self._options()} if "endpoint" in self.fields else {})

    def _options(self) -> dict[str, str]:
        is_bucket = self.cleaned_data.get("kind", ConnectionKind.S3) == ConnectionKind.S3
        found = {name: self.cleaned_data.get(name, "") for name in OPTIONS}
        return {name: value for name, value in found.items() if value and is_bucket}


class ProductsField(WordsField):
    """Products by their keys, separated by commas."""

    def __init__(self) -> None:
        super().__init__(
            label="Products that may use it",
            help_text="Their keys, separated by commas, such as MED, SHOP.",
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
            error_messages={"required": "Name the products that may use it."},
        )

    def clean(self, value: Any) -> list[Product]:
        keys = list(dict.fromkeys(key.upper() for key in super().clean(value)))
        found = list(Product.objects.filter(key__in=keys).order_by("key"))
        unknown = sorted(set(keys) - {product.key for product in found})
        if unknown:
            raise forms.ValidationError(f"There is no product {', '.join(unknown)[:80]}.")
        return found


class SharedConnectionForm(ConnectionForm):
    """A connection of the installation, to be used by the products that are named."""

    addresses = OF_THE_INSTALLATION
    shared_with = ProductsField()

    field_order = ("name", "shared_with")


class ShareForm(forms.Form):
    """Which products may use a connection of the installation."""

    shared_with = ProductsField()


class RotateForm(forms.Form):
    """A new secret for a connection."""

    login = forms.CharField(max_length=250, required=False, label="User or key")
    secret = SecretField(
        label="New password or secret",
        error_messages={"required": "Enter the new secret."},
        help_text="The old one is gone at once.",
    )

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"login": connection.login})
        super().__init__(*args, **kwargs)


class ManyForm(TimesFields):
    """What is said of all that are registered at once."""

    personal_data = forms.ChoiceField(
        choices=[("yes", "Yes, or some of them"), ("no", "No, none of them")],
        widget=forms.RadioSelect,
        label="Do they hold personal data?",
        error_messages={"required": "Answer yes or no; it decides what is kept."},
    )
    sample_policy = forms.ChoiceField(
        choices=POLICIES,
        initial=SamplePolicy.NONE,
        widget=forms.RadioSelect,
        label="What of failing rows may be kept?",
    )
    owner = PersonChoice(queryset=User.objects.none(), required=False, label="Owner")

    field_order = ("personal_data", "sample_policy", "owner", "cron", "zone")

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = members_of(product)  # type: ignore[attr-defined]
        self.fields["cron"].label = "Check them at"


class ManifestForm(forms.Form):
    """The manifest of a dbt project."""

    manifest = forms.FileField(
        label="Manifest of dbt",
        help_text="target/manifest.json of the project.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json"}),
        error_messages={"required": "Choose target/manifest.json."},
    )

    def clean_manifest(self) -> Any:
        file: UploadedFile[bytes] = self.cleaned_data["manifest"]
        if (file.size or 0) > MANIFEST_LIMIT_MB * 1024 * 1024:
            raise forms.ValidationError(f"A manifest has up to {MANIFEST_LIMIT_MB} MB.")
        try:
            return json.loads(file.read())
        except (ValueError, RecursionError):
            raise forms.ValidationError("This file is no JSON; choose manifest.json.") from None


def _as_it_stands(connection: Connection) -> dict[str, Any]:
    own = ("name", "address", "login", "ambient", "profile_cap")
    return {name: getattr(connection, name) for name in own} | dict(connection.options)
