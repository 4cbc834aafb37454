"""Registering many datasets at once: what lies behind a connection, and a job that takes it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import Actor, Job, Product, User
from backlog.services import jobs
from backlog.services.deeds import deed
from dataquality.models import Connection, ConnectionKind, Dataset, Registration, SamplePolicy
from dataquality.queries.connections import known_sources, source_key
from dataquality.rules import partitions
from dataquality.rules.manifests import relations_of
from dataquality.rules.schedules import plain
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import SUFFIXES
from dataquality.services.origins import MOST_OBJECTS, Wanted, source_of
from dataquality.services.profiles import request_profile
from dataquality.services.reach import bucket_of, database_of, require_running
from dataquality.services.schedules import ScheduleDraft, check_times
from mlscrum.lib.errors import DomainError

JOB_KIND = "register_many"
BROWSE_TIMEOUT_S = 20
OF_SOURCE = ("schema", "table", "query", "path", "url")


@dataclass(frozen=True)
class Offer:
    """Something behind a connection that can be registered; `dataset` is the slug of the one that
    reads it already."""

    source: Mapping[str, str]
    name: str
    kind: str
    dataset: str | None = None
    description: str = ""

    @property
    def where(self) -> str:
        """Where it lies, in words."""
        parts = (self.source.get("schema"), self.source.get("table") or self.source.get("path"))
        return ".".join(part for part in parts if part)


def browse(connection: Connection, product: Product) -> list[Offer]:
    """The tables of a database, or the files and divided folders of a bucket.

    Raises DomainError for what can't be reached, and for the web, which has no list.
    """
    require_running(connection)
    known = known_sources(product, connection)
    if connection.kind == ConnectionKind.SQL:
        from dataquality.engine import sql  # noqa: PLC0415  web processes do without

        database = database_of(connection, product, statement_timeout_s=BROWSE_TIMEOUT_S)
        seen = sql.browse(database.url, database.options)
        return [
            _offer({"schema": one.schema, "table": one.name}, one.name, one.kind, known)
            for one in seen
        ]
    if connection.kind == ConnectionKind.S3:
        return [
            _offer({"path": path}, _name_of(path), "folders" if "*" in path else "file", known)
            for path in partitions.offers_of(_keys(connection), SUFFIXES)
        ]
    raise DomainError(
        "no_list", "A web address has no list of its files; register each by its URL."
    )


def offers_of_manifest(connection: Connection, product: Product, manifest: Any) -> list[Offer]:
    """The tables that a dbt manifest lists, to be read through this connection."""
    if connection.kind != ConnectionKind.SQL:
        raise DomainError("no_database", "The tables of dbt are read through a database.")
    known = known_sources(product, connection)
    found = relations_of(manifest)
    if not found:
        raise DomainError(
            "no_manifest", "This is no manifest of dbt with tables; it is target/manifest.json."
        )
    return [
        _offer(
            {"schema": one.schema, "table": one.table} if one.schema else {"table": one.table},
            one.table,
            one.kind,
            known,
            one.description,
        )
        for one in found
    ]


def request_registration(
    connection: Connection,
    product: Product,
    entries: Sequence[Mapping[str, Any]],
    *,
    actor: Actor,
    owner: User | None = None,
    personal_data: bool = True,
    sample_policy: str = SamplePolicy.NONE,
    schedule: ScheduleDraft | None = None,
) -> Registration:
    """Ask for these to be registered, by a worker: each is `{"table", "schema"}`, `{"path"}`,
    `{"query"}` or `{"url"}` with optional `name`, `slug` and `description`. With a `schedule` all
    of them are checked by themselves."""
    require_running(connection)
    wanted = [_entry(connection, entry) for entry in entries]
    if not wanted:
        raise ValidationError({"entries": "Choose at least one."})
    if schedule is not None:
        check_times(plain(schedule.cron), schedule.zone)
    if owner is not None and not product.members.filter(user=owner).exists():
        raise ValidationError({"owner": "Choose a member of the product."})
    with deed(product, actor, "connection.registering", connection=connection.slug) as done:
        registration = Registration.objects.create(
            connection=connection,
            product=product,
            owner=owner,
            personal_data=personal_data,
            sample_policy=sample_policy,
            schedule={"cron": schedule.cron, "zone": schedule.zone} if schedule else None,
            entries=wanted,
            requested_by=actor.user,
        )
        registration.job = jobs.enqueue(product, JOB_KIND, {"registration": registration.pk})
        registration.save(update_fields=["job"])
        done.data["datasets"] = len(wanted)
    return registration


def register_many(lease: jobs.Lease) -> None:
    """Carry out a registration: each dataset by itself, so that one which is refused keeps none of
    the others. Profiles follow, no more at once than the connection may take."""
    registration = Registration.objects.select_related(
        "connection__product", "product", "owner", "requested_by"
    ).get(pk=lease.job.args["registration"])
    user = registration.requested_by
    actor = Actor.person(user) if user else Actor.system()
    entries = registration.entries
    for number, entry in enumerate(entries):
        lease.progress(number / len(entries), f"{number} of {len(entries)}")
        if entry.get("dataset") or entry.get("error"):
            continue  # an earlier worker came so far
        try:
            dataset = _register(registration, entry, actor)
            entry["dataset"] = dataset.slug
        except DomainError as error:
            entry["error"] = error.message
        except ValidationError as error:
            entry["error"] = " ".join(error.messages)
        registration.save(update_fields=["entries"])
    with lease.finish():
        pass


def _register(registration: Registration, entry: Mapping[str, Any], actor: Actor) -> Dataset:
    connection, product = registration.connection, registration.product
    known = known_sources(product, connection).get(source_key(entry["source"]))
    if known is not None:
        present: Dataset = Dataset.objects.of(product).get(subject__slug=known)
        return present
    source = source_of(
        product,
        Wanted(kind=_kind_of(connection, entry["source"]), connection=connection.slug,
               **entry["source"]),
    )  # fmt: skip
    draft = DatasetDraft(
        name=entry["name"],
        slug=entry.get("slug", ""),
        description=entry.get("description", ""),
        personal_data=registration.personal_data,
        sample_policy=registration.sample_policy,
        owner=registration.owner,
        schedule=ScheduleDraft(**registration.schedule) if registration.schedule else None,
    )
    dataset = register_dataset(product, draft, source, actor=actor, profile=False)
    request_profile(Dataset.objects.of(product).get(pk=dataset.pk), actor=actor)
    return dataset


def registration_failed(job: Job, code: str, message: str) -> None:
    """The job ended badly: what was not tried says why."""
    registration = Registration.objects.filter(job=job).first()
    if registration is None:
        return
    for entry in registration.entries:
        if not entry.get("dataset"):
            entry.setdefault("error", message)
    registration.save(update_fields=["entries"])


def _entry(connection: Connection, entry: Mapping[str, Any]) -> dict[str, Any]:
    source = {name: str(entry[name]).strip() for name in OF_SOURCE if entry.get(name)}
    kind = _kind_of(connection, source)
    needed = {"sql_table": "table", "sql_query": "query", "s3": "path", "url": "url"}[kind]
    if not source.get(needed):
        raise ValidationError({"entries": f"Each entry needs a {needed}."})
    name = str(entry.get("name") or "").strip() or _name_of(source[needed])
    more = {key: str(entry[key]) for key in ("slug", "description") if entry.get(key)}
    return {"source": source, "name": name[:120], **more}


def _kind_of(connection: Connection, source: Mapping[str, str]) -> str:
    if connection.kind == ConnectionKind.SQL:
        return "sql_query" if source.get("query") else "sql_table"
    return "s3" if connection.kind == ConnectionKind.S3 else "url"


def _offer(
    source: dict[str, str], name: str, kind: str, known: Mapping[str, str], description: str = ""
) -> Offer:
    return Offer(source, name, kind, known.get(source_key(source)), description)


def _name_of(path: str) -> str:
    """What a file or a divided folder is called: orders/dt=*/*.parquet is orders."""
    parts = [part for part in path.split("/") if part]
    plain = [part for part in parts if "*" not in part]
    name = (plain or parts or ["data"])[-1]
    return name.rpartition(".")[0] or name


def _keys(connection: Connection) -> list[str]:
    """The objects of a bucket below the connection's prefix, named from there."""
    with bucket_of(connection) as bucket:
        home = f"{bucket.prefix.strip('/')}/" if bucket.prefix.strip("/") else ""
        keys: list[str] = []
        pages = bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket.name, Prefix=home
        )
        for page in pages:
            keys += [str(one["Key"]).removeprefix(home) for one in page.get("Contents", [])]
            if len(keys) > MOST_OBJECTS:
                raise DomainError(
                    "too_many_objects",
                    f"The bucket holds more than {MOST_OBJECTS:,} objects; make a connection to "
                    "a prefix of it.",
                )
    return keys
