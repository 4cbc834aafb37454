"""Deeds on datasets: register one, edit it, say anew how its columns are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from backlog.models import Actor, Product, Subject, User
from backlog.services.deeds import deed
from dataquality import engine
from dataquality.models import Dataset, FileFormat, Result, SamplePolicy, SourceKind
from dataquality.services.files import ServerPath, Source, kept, received
from dataquality.services.profiles import request_profile
from dataquality.services.versions import Delivery, store_version
from mlscrum.lib.errors import DomainError

RESERVED_SLUGS = frozenset({"new"})
OF_SUBJECT = ("name", "owner", "steward", "green_batches")
OF_DATASET = (
    "description",
    "personal_data",
    "sample_policy",
    "key_columns",
    "masked_columns",
    "freshness_limit_h",
    "health_target",
)


@dataclass(frozen=True)
class DatasetDraft:
    """A dataset as somebody wants it. Without an answer it holds personal data."""

    name: str
    slug: str = ""
    description: str = ""
    personal_data: bool = True
    sample_policy: str = SamplePolicy.NONE
    key_columns: Sequence[str] = ()
    masked_columns: Sequence[str] = ()
    owner: User | None = None
    steward: User | None = None
    freshness_limit_h: int | None = None
    health_target: float = 95.0
    green_batches: int = 1


def register_dataset(
    product: Product,
    draft: DatasetDraft,
    source: Source,
    *,
    actor: Actor,
    as_of: datetime | None = None,
    context: Mapping[str, Any] | None = None,
) -> Dataset:
    """A dataset with its schema and first version; a profile of it is asked for.

    All or nothing: what is refused leaves neither rows nor files. Raises DomainError for a file
    that can't be read and ValidationError for bad fields.
    """
    slug = _slug(product, draft)
    with received(source, product) as content:
        inspected = engine.inspect(content.path, content.format)
        with kept(content, product, slug) as key, deed(product, actor, "dataset.registered") as done:
            dataset = Dataset(
                subject=_subject(product, draft, slug, actor),
                source_kind=SourceKind.PATH if isinstance(source, ServerPath) else SourceKind.UPLOAD,
                path=source.path if isinstance(source, ServerPath) else "",
                format=content.format,
                schema=[column.as_dict() for column in inspected.columns],
                **{name: _plain(getattr(draft, name)) for name in OF_DATASET},
            )
            _check(dataset)
            dataset.save(force_insert=True)
            store_version(
                dataset,
                Delivery(content, inspected, key, as_of, dict(context or {})),
                actor=actor,
            )
            request_profile(dataset, actor=actor)
            done.subject = dataset.subject
            done.data.update(name=dataset.name, rows=inspected.rows)
    return dataset
