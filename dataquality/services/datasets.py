"""Deeds on datasets: register one, edit it, say anew how its columns are read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from backlog.models import Actor, Product, Subject, User
from backlog.services.deeds import deed
from dataquality.engine import reading, sources
from dataquality.models import Dataset, FileFormat, SamplePolicy, SourceKind
from dataquality.queries.known_names import known_datasets, normal
from dataquality.rules.batches import batch_fault
from dataquality.services.files import (
    ServerPath,
    Source,
    as_engine_reads,
    kept,
    received,
)
from dataquality.services.origins import BucketFile, LiveRows, Reachable, readable
from dataquality.services.profiles import request_profile
from dataquality.services.schedules import ScheduleDraft, remove_schedule, set_schedule
from dataquality.services.shared_data import Shared, share_with, tell_products
from dataquality.services.suites import reread_suite
from dataquality.services.values import forget_values, keeps_less
from dataquality.services.versions import Delivery, first_reading, store_version

RESERVED_SLUGS = frozenset({"new"})  # a page of its own stands under this path
OF_SUBJECT = ("name", "owner", "steward", "green_batches")
OF_DATASET = (
    "description",
    "personal_data",
    "sample_policy",
    "key_columns",
    "masked_columns",
    "freshness_limit_h",
    "health_target",
    "known_as",
    "batch",
)
NAMING_COLUMNS = frozenset({"key_columns", "masked_columns", "batch"})
MOST_NAMES = 20
LONGEST_NAME_ELSEWHERE = 250


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
    known_as: Sequence[str] = ()
    batch: Mapping[str, str] | None = None
    schedule: ScheduleDraft | None = None


def register_dataset(
    product: Product,
    draft: DatasetDraft,
    source: Source | LiveRows,
    *,
    actor: Actor,
    as_of: datetime | None = None,
    context: Mapping[str, Any] | None = None,
    profile: bool = True,
) -> Dataset:
    """A dataset with its schema and first version; a profile of it is asked for, unless the caller
    does.

    All or nothing: what is refused leaves neither rows nor files. Raises DomainError for a file
    that can't be read or fetched, and ValidationError for bad fields.
    """
    slug = _slug(product, draft)
    if isinstance(source, LiveRows):
        return _register_rows(product, draft, slug, source, actor=actor, profile=profile)
    with received(source, product) as content:
        found = sources.inspect(as_engine_reads(content.path, content.format))
        with (
            kept(content, product, slug) as key,
            deed(product, actor, "dataset.registered", name=draft.name) as done,
        ):
            dataset = _dataset(product, draft, slug, actor)
            if isinstance(source, ServerPath):
                dataset.source_kind, dataset.path = SourceKind.PATH, source.path
            elif isinstance(source, Reachable):
                _reached_by(dataset, source)
            dataset.format = content.format
            dataset.schema = [column.as_dict() for column in found.columns]
            _save_new(dataset)
            columns = [{"name": c.name, "type": c.type} for c in found.columns]
            partition = source.partition if isinstance(source, BucketFile) else ""
            delivery = Delivery(
                content, found.rows, columns, key, as_of, dict(context or {}), partition
            )
            store_version(dataset, delivery, actor=actor)
            _keep_time(dataset, draft.schedule, actor=actor)
            if profile:
                request_profile(dataset, actor=actor)
            done.subject = dataset.subject
            done.data["rows"] = found.rows
    return dataset


def register_without_data(product: Product, draft: DatasetDraft, *, actor: Actor) -> Dataset:
    """A dataset that is checked elsewhere: no content of it is here, until somebody uploads one.

    Raises ValidationError for bad fields.
    """
    slug = _slug(product, draft)
    with deed(product, actor, "dataset.registered", name=draft.name) as done:
        dataset = _dataset(product, draft, slug, actor)
        dataset.format = FileFormat.CSV
        _save_new(dataset)
        done.subject = dataset.subject
    return dataset


def _register_rows(
    product: Product,
    draft: DatasetDraft,
    slug: str,
    source: LiveRows,
    *,
    actor: Actor,
    profile: bool,
) -> Dataset:
    """A dataset of a database: its columns and rows as they are now, and nothing kept."""
    found = sources.inspect(source.as_engine_reads(product))
    with deed(product, actor, "dataset.registered", name=draft.name) as done:
        dataset = _dataset(product, draft, slug, actor)
        _reached_by(dataset, source)
        dataset.schema = [column.as_dict() for column in found.columns]
        _save_new(dataset)
        first_reading(dataset, found, actor=actor)
        _keep_time(dataset, draft.schedule, actor=actor)
        if profile:
            request_profile(dataset, actor=actor)
        done.subject = dataset.subject
        done.data["rows"] = found.rows
    return dataset


def _reached_by(dataset: Dataset, source: Reachable) -> None:
    dataset.source_kind, dataset.source = source.kind, source.source
    dataset.connection = source.connection


def update_dataset(dataset: Dataset, *, actor: Actor, **fields: Any) -> Dataset:
    """Change what people say about a dataset: any field of its draft but the slug,
    `value_viewers`, and `shared_with`, the other products that may read how it stands. Without a
    schedule (None) it is checked by hand and by CI alone.

    Gives the dataset as it stands then, with what others changed meanwhile. A stricter sample
    policy also removes the values that were kept before. Raises ValidationError for bad or
    unknown fields.
    """
    known = {*OF_SUBJECT, *OF_DATASET, "value_viewers", "shared_with", "schedule"}
    if unknown := set(fields) - known:
        raise ValidationError(dict.fromkeys(sorted(unknown), "This can't be changed."))
    product = dataset.product
    shared = Shared()
    with deed(product, actor, "dataset.updated", subject=dataset.subject) as done:
        before = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        present: Dataset = Dataset.objects.of(product).get(pk=dataset.pk)
        of_subject = [name for name in OF_SUBJECT if name in fields]
        of_dataset = [name for name in OF_DATASET if name in fields]
        for name in of_subject:
            setattr(present.subject, name, _plain(fields[name]))
        for name in of_dataset:
            setattr(present, name, _plain(fields[name]))
        _check(present)
        viewers = fields.get("value_viewers")
        if viewers is not None:
            _check_members(product, {"value_viewers": viewers})
            present.value_viewers.set(viewers)
        if "shared_with" in fields:
            shared = share_with(present, fields["shared_with"])
        present.subject.save(update_fields=of_subject)
        if NAMING_COLUMNS & set(of_dataset):  # so that columns which are gone are looked for anew
            present.judged_version = 0
        present.save(update_fields=[*of_dataset, "judged_version"])
        if "schedule" in fields and fields["schedule"] is None:
            remove_schedule(present, actor=actor)
        _keep_time(present, fields.get("schedule"), actor=actor)
        if keeps_less(before, present):
            forget_values(present)
            if present.current_version is not None and present.current_version.file:
                request_profile(present, actor=actor)
        done.data["fields"] = sorted(fields)
        done.data |= shared.as_data()
    tell_products(present, shared, actor=actor)
    return present


@dataclass(frozen=True)
class Reread:
    """A dataset whose columns are read anew, and the checks that were changed with them, in
    words."""

    dataset: Dataset
    checks: Sequence[str]


def change_schema(
    dataset: Dataset, *, actor: Actor, columns: Mapping[str, Mapping[str, Any]]
) -> Reread:
    """Say anew how columns are read: `{"age": {"type": "integer", "null_words": ["?"]}}`.

    Gives the dataset as it stands then, other columns as others have set them meanwhile. Every
    version is read so from now on, the values of checks on these columns become of their type,
    and a new profile is asked for. Raises ValidationError for unknown columns or types and
    DomainError where the current content or a check does not fit.
    """
    schema = _changed_schema(dataset, columns)
    if dataset.current_version is not None and dataset.current_version.can_be_read:
        dataset.current_version.dataset = dataset
        with readable(dataset.current_version, schema) as source:
            sources.require_fit(source)
    with deed(dataset.product, actor, "dataset.schema_changed", subject=dataset.subject) as done:
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        present: Dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
        before, present.schema = present.schema, _changed_schema(present, columns)
        present.save(update_fields=["schema"])
        checks = reread_suite(present, before, actor=actor)
        request_profile(present, actor=actor)
        done.data["columns"] = sorted(columns)
    return Reread(present, checks)


def _dataset(product: Product, draft: DatasetDraft, slug: str, actor: Actor) -> Dataset:
    owner = draft.owner
    if owner is None and actor.user is not None and _are_members(product, [actor.user]):
        owner = actor.user
    subject = Subject(
        product=product,
        kind=Subject.Kind.DATASET,
        slug=slug,
        name=_plain(draft.name),
        owner=owner,
        steward=draft.steward,
        green_batches=draft.green_batches,
    )
    return Dataset(subject=subject, **{name: _plain(getattr(draft, name)) for name in OF_DATASET})


def _keep_time(dataset: Dataset, schedule: ScheduleDraft | None, *, actor: Actor) -> None:
    """Set the schedule where one is given; its faults are said of the field `schedule`."""
    if schedule is None:
        return
    try:
        set_schedule(dataset, schedule, actor=actor)
    except ValidationError as error:
        raise ValidationError({"schedule": error.messages}) from None


def _save_new(dataset: Dataset) -> None:
    _check(dataset)
    try:
        with transaction.atomic():
            dataset.subject.save(force_insert=True)
    except IntegrityError:
        raise ValidationError({"slug": "There is already a dataset of this name."}) from None
    dataset.subject_id = dataset.subject.pk
    dataset.save(force_insert=True)


def _check(dataset: Dataset) -> None:
    """Raise ValidationError with every bad field at once."""
    errors: dict[str, Any] = {}
    subject = dataset.subject
    checked = {"green_batches", "name", *OF_DATASET}
    for thing in (subject, dataset):
        try:
            thing.clean_fields(exclude={f.name for f in thing._meta.fields} - checked)
        except ValidationError as error:
            errors |= error.error_dict
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in subject.name):
        errors["name"] = "The name holds characters that can't be shown."
    for name in ("key_columns", "masked_columns"):
        missing = [c for c in getattr(dataset, name) if c not in dataset.column_names]
        if missing:
            errors[name] = f"There is no column {', '.join(missing)}."
    errors |= _name_errors(dataset)
    types = {str(column["name"]): str(column["type"]) for column in dataset.schema}
    if dataset.batch is not None and (fault := batch_fault(dataset.batch, types)):
        errors["batch"] = fault
    for name, user in (("owner", subject.owner), ("steward", subject.steward)):
        if user is not None and not _are_members(dataset.product, [user]):
            errors[name] = "Choose a member of the product."
    if errors:
        raise ValidationError(errors)


def _name_errors(dataset: Dataset) -> dict[str, str]:
    """What is wrong with the names that tools elsewhere use: each means one dataset."""
    names = dataset.known_as
    if len(names) > MOST_NAMES or not all(
        isinstance(name, str) and 1 <= len(name) <= LONGEST_NAME_ELSEWHERE for name in names
    ):
        return {"known_as": f"Send up to {MOST_NAMES} names of up to 250 characters."}
    others = known_datasets(dataset.product, but=dataset).by_name
    for name in names:
        other = others.get(normal(name))
        if other is not None:
            return {"known_as": f"{name} is what {other.name} is known as."}
    return {}


def _changed_schema(
    dataset: Dataset, columns: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    errors: dict[str, str] = {}
    for name, change in columns.items():
        if name not in dataset.column_names:
            errors[name] = f"There is no column {name}."
        elif change.get("type", reading.TYPES[0]) not in reading.TYPES:
            errors[name] = f"A type is one of {', '.join(reading.TYPES)}."
        elif not all(isinstance(word, str) and word for word in change.get("null_words", [])):
            errors[name] = "Null words are texts, such as ? or NA."
    if errors:
        raise ValidationError(errors)
    return [
        {**column, **{k: v for k, v in columns.get(column["name"], {}).items() if k in column}}
        for column in dataset.schema
    ]


def _slug(product: Product, draft: DatasetDraft) -> str:
    """The slug that was asked for, or a free one made of the name."""
    taken = set(
        Subject.objects.filter(product=product, kind=Subject.Kind.DATASET).values_list(
            "slug", flat=True
        )
    )
    if draft.slug:
        if draft.slug != slugify(draft.slug) or len(draft.slug) > 80:
            raise ValidationError({"slug": "A slug is lower case letters, digits and hyphens."})
        if draft.slug in taken | RESERVED_SLUGS:
            raise ValidationError({"slug": "There is already a dataset with this slug."})
        return draft.slug
    base = slugify(draft.name)[:70] or "dataset"
    slug, number = base, 2
    while slug in taken | RESERVED_SLUGS:
        slug, number = f"{base}-{number}", number + 1
    return slug


def _check_members(product: Product, people: Mapping[str, Iterable[User]]) -> None:
    errors = {
        field: "Choose members of the product."
        for field, users in people.items()
        if not _are_members(product, users)
    }
    if errors:
        raise ValidationError(errors)


def _are_members(product: Product, users: Iterable[User]) -> bool:
    wanted = {user.pk for user in users}
    return product.members.filter(user__in=wanted).count() == len(wanted)


def _plain(value: Any) -> Any:
    """Texts without stray blanks, and lists for JSON."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | list) else value
