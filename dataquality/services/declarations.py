"""Connections and datasets as a file in git declares them: made where they are new, changed where
they differ, left alone where nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import Actor, Product
from backlog.services.deeds import deed
from dataquality.models import Connection, Dataset, SourceKind
from dataquality.services.connections import (
    ConnectionDraft,
    add_connection,
    change_connection,
    rotate_secret,
    share_connection,
    share_with,
)
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from dataquality.services.files import ServerPath, Upload
from dataquality.services.origins import Wanted, source_of
from dataquality.services.schedules import is_as_wanted
from dataquality.services.versions import read_again
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt

OF_CONNECTION = ("name", "address", "login", "ambient", "options", "profile_cap")


@dataclass(frozen=True)
class Declared:
    """What became of one declaration: `made`, `changed` or `same`."""

    slug: str
    outcome: str
    problem: str = ""


def declare_connection(product: Product, fields: Mapping[str, Any], *, actor: Actor) -> Declared:
    """Make or change the connection of this slug. What is not said of one that is there stays.

    Raises ValidationError and DomainError as the deeds on connections do. `problem` says what its
    test found.
    """
    fields = dict(fields)
    slug = str(fields["slug"])
    products: list[Product] = fields.pop("shared_with", [])
    of_whom = {"product": None} if products else {"product": product}
    present = Connection.objects.filter(**of_whom, slug=slug).first()
    if present is None and products:
        made = share_connection(ConnectionDraft(**fields), products, actor=actor)
        return Declared(slug, "made", made.test_error)
    if present is None:
        made = add_connection(product, ConnectionDraft(**fields), actor=actor)
        return Declared(slug, "made", made.test_error)
    if present.kind != fields["kind"]:
        raise ValidationError({"kind": "The kind of a connection stays; choose another slug."})
    changes = {
        name: fields[name]
        for name in OF_CONNECTION
        if name in fields and fields[name] != getattr(present, name)
    }
    is_shared_anew = bool(products) and set(present.shared_with.all()) != set(products)
    if is_shared_anew:
        share_with(present, products, actor=actor)
    secret = str(fields.get("secret") or "")
    is_new_secret = bool(secret) and (not present.secret or decrypt(present.secret) != secret)
    if changes:
        changed = change_connection(
            present, actor=actor, **changes, **({"secret": secret} if secret else {})
        )
    elif is_new_secret:
        changed = rotate_secret(present, actor=actor, secret=secret)
    else:
        outcome = "changed" if is_shared_anew else "same"
        return Declared(slug, outcome, present.test_error)
    return Declared(slug, "changed", changed.test_error)


def declare_dataset(product: Product, fields: Mapping[str, Any], *, actor: Actor) -> Declared:
    """Register or change the dataset of this slug. What is not said of one that is there stays.

    Raises ValidationError and DomainError as the deeds on datasets do.
    """
    wanted = dict(fields)
    slug = str(wanted.pop("slug"))
    source = source_of(product, Wanted(**wanted.pop("source")))
    present = Dataset.objects.of(product).filter(subject__slug=slug).first()
    if present is None:
        register_dataset(product, DatasetDraft(slug=slug, **wanted), source, actor=actor)
        return Declared(slug, "made")
    if isinstance(source, Upload):
        raise DomainError("no_source", "A file that people upload is not declared.")
    if isinstance(source, ServerPath):
        where: dict[str, Any] = {
            "source_kind": SourceKind.PATH, "path": source.path, "source": {}, "connection": None,
        }  # fmt: skip
    else:
        where = {
            "source_kind": source.kind, "path": "", "source": source.source,  # type: ignore[union-attr]
            "connection": source.connection,  # type: ignore[union-attr]
        }  # fmt: skip
    moved = any(getattr(present, name) != value for name, value in where.items())
    if moved:
        _move(present, where, actor=actor)
    schedule = {"schedule": wanted.pop("schedule")} if "schedule" in wanted else {}
    of_subject = {"name", "owner", "steward", "green_batches"}
    changes = {
        name: value
        for name, value in wanted.items()
        if value != getattr(present.subject if name in of_subject else present, name)
    }
    if schedule and not is_as_wanted(present.timing, schedule["schedule"]):
        changes |= schedule
    if changes:
        update_dataset(present, actor=actor, **changes)
    return Declared(slug, "changed" if moved or changes else "same")


def _move(dataset: Dataset, where: Mapping[str, Any], *, actor: Actor) -> None:
    """Let a dataset be read from elsewhere, and read it there at once: all or nothing."""
    was_live = dataset.is_live
    with deed(dataset.product, actor, "dataset.moved", subject=dataset.subject):
        for name, value in where.items():
            setattr(dataset, name, value)
        if dataset.is_live != was_live:
            raise DomainError(
                "other_source",
                f"{dataset.name} can't change between files and a database; give the new source "
                "a slug of its own.",
            )
        dataset.save(update_fields=list(where))
        read_again(dataset, actor=actor)
