"""Where the content of a dataset comes from, beside uploads and paths: the web, object stores and
databases; and how each version is read again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from django.conf import settings

from backlog.models import Product
from dataquality.engine.sources import Source as EngineSource
from dataquality.models import (
    Connection,
    ConnectionKind,
    Dataset,
    DatasetVersion,
    FileFormat,
    SourceKind,
)
from dataquality.rules import partitions
from dataquality.services.files import (
    CHUNK_BYTES,
    MEGABYTE,
    SUFFIXES,
    ServerPath,
    Source,
    Upload,
    as_engine_reads,
    format_of,
    local_copy,
    too_large,
)
from dataquality.services.reach import (
    bucket_of,
    database_of,
    require_running,
    require_welcome,
    web_headers,
)
from mlscrum.lib import outbound
from mlscrum.lib.errors import DomainError, FieldError

MOST_OBJECTS = 100_000  # that are looked at to find the folders of a prefix
MOST_FILES = 1_000  # of one folder
# What a server calls a file whose address has no suffix.
SUFFIX_OF_TYPE = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "application/vnd.apache.parquet": ".parquet",
    "application/parquet": ".parquet",
    "application/x-parquet": ".parquet",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "application/x-jsonlines": ".jsonl",
}
KINDS_OF_CONNECTION = {
    SourceKind.URL: ConnectionKind.HTTP,
    SourceKind.S3: ConnectionKind.S3,
    SourceKind.SQL_TABLE: ConnectionKind.SQL,
    SourceKind.SQL_QUERY: ConnectionKind.SQL,
}


@dataclass(frozen=True)
class WebFile:
    """A file at a URL; with a connection one below its address, reached with its credentials."""

    url: str
    connection: Connection | None = None

    kind = SourceKind.URL

    @property
    def source(self) -> dict[str, Any]:
        return {"url": self.url}

    @contextmanager
    def opened(self, product: Product, folder: Path) -> Iterator[Upload]:
        """The file as it comes in, up to DOWNLOAD_LIMIT_MB and within DOWNLOAD_TIMEOUT_S."""
        if self.connection is not None:
            require_running(self.connection)
            _require_below(self.url, self.connection.address)
        limit_mb = int(settings.DOWNLOAD_LIMIT_MB)
        with outbound.open(
            self.url,
            headers=web_headers(self.connection),
            max_bytes=limit_mb * MEGABYTE,
            timeout_s=settings.DOWNLOAD_TIMEOUT_S,
        ) as answer:
            require_welcome(answer, self.url)
            name = _name_of(self.url, answer.url, answer.headers)
            yield Upload(name, answer.chunks(), limit_mb=limit_mb)


@dataclass(frozen=True)
class BucketFile:
    """An object of a bucket, or with stars in its path the objects of one folder of many."""

    connection: Connection
    path: str
    partition: str = ""  # without one the newest, which is the last by name

    kind = SourceKind.S3

    @property
    def source(self) -> dict[str, Any]:
        return {"path": self.path}

    @property
    def key(self) -> str:
        """The path within the bucket, whether it was given so or as s3://bucket/path."""
        home = self.connection.address.removeprefix("s3://")
        name, _, prefix = home.partition("/")
        given = self.path.strip()
        if given.startswith("s3://"):
            bucket, _, key = given.removeprefix("s3://").partition("/")
            if bucket != name:
                raise DomainError(
                    "other_bucket", f"{self.connection.name} leads to the bucket {name} alone."
                )
        else:
            key = "/".join(part for part in (prefix.strip("/"), given.lstrip("/")) if part)
        if prefix and not key.startswith(f"{prefix.strip('/')}/"):
            raise DomainError(
                "other_bucket",
                f"{self.connection.name} leads to {self.connection.address} alone.",
            )
        return key

    def partitions(self) -> dict[str, list[str]]:
        """The folders that the path means, oldest first, with their objects."""
        require_running(self.connection)
        with bucket_of(self.connection) as bucket:
            pages = bucket.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket.name, Prefix=partitions.prefix_of(self.key)
            )
            keys: list[str] = []
            for page in pages:
                keys += [str(one["Key"]) for one in page.get("Contents", [])]
                if len(keys) > MOST_OBJECTS:
                    raise DomainError(
                        "too_many_objects",
                        f"More than {MOST_OBJECTS:,} objects begin like this; name more of the "
                        "path before its first star.",
                    )
        return partitions.batches_of(self.key, keys)

    def newest(self) -> BucketFile:
        """The same with its newest folder named, where the path is divided."""
        if self.partition or not partitions.is_divided(self.path):
            return self
        found = self.partitions()
        if not found:
            raise DomainError("no_such_file", "No object of the bucket fits this path.")
        return BucketFile(self.connection, self.path, list(found)[-1])

    @contextmanager
    def opened(self, product: Product, folder: Path) -> Iterator[Upload]:
        """The object as it comes in, or those of one folder put together, within the limit."""
        require_running(self.connection)
        limit_mb = int(settings.DOWNLOAD_LIMIT_MB)
        if not partitions.is_divided(self.path):
            format_of(self.key)
            with bucket_of(self.connection) as bucket:
                found = bucket.client.get_object(Bucket=bucket.name, Key=self.key)
                yield Upload(
                    PurePosixPath(self.key).name,
                    found["Body"].iter_chunks(CHUNK_BYTES),
                    found.get("ContentLength"),
                    limit_mb,
                )
            return
        keys = self.partitions().get(self.partition or self.newest().partition)
        if not keys:
            raise DomainError("no_such_file", f"There is no folder {self.partition} any more.")
        whole = self._put_together(keys, folder, limit_mb * MEGABYTE)
        with whole.open("rb") as file:
            chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
            yield Upload(whole.name, chunks, whole.stat().st_size, limit_mb)

    def _put_together(self, keys: Sequence[str], folder: Path, limit: int) -> Path:
        suffixes = {PurePosixPath(key).suffix.lower() for key in keys}
        formats = {SUFFIXES.get(suffix) for suffix in suffixes}
        if len(formats) != 1 or None in formats:
            raise DomainError(
                "unknown_format",
                "The objects of one folder must all end in .csv, .parquet or .jsonl.",
            )
        if len(keys) > MOST_FILES:
            raise DomainError(
                "too_many_objects", f"One folder holds more than {MOST_FILES:,} objects."
            )
        parts, size = [], 0
        with bucket_of(self.connection) as bucket:
            for number, key in enumerate(keys):
                part = folder / f"part-{number}"
                with part.open("wb") as out:
                    body = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"]
                    for chunk in body.iter_chunks(CHUNK_BYTES):
                        size += len(chunk)
                        if size > limit:
                            raise too_large(limit // MEGABYTE)
                        out.write(chunk)
                parts.append(part)
        name = (self.partition or "content").replace("/", "-")
        file_format = formats.pop()
        whole = folder / f"{name}.{file_format}"
        if file_format == FileFormat.PARQUET:
            _join_parquet(parts, whole)
        else:
            _join_lines(parts, whole, has_header=file_format == FileFormat.CSV)
        for part in parts:
            part.unlink()
        return whole


@dataclass(frozen=True)
class DatabaseRows:
    """A table or a query of a database, of which nothing is kept."""

    connection: Connection
    table: str = ""
    schema: str = ""
    query: str = ""

    @property
    def kind(self) -> SourceKind:
        return SourceKind.SQL_QUERY if self.query else SourceKind.SQL_TABLE

    @property
    def source(self) -> dict[str, Any]:
        if self.query:
            return {"query": self.query}
        return {"table": self.table} | ({"schema": self.schema} if self.schema else {})

    def as_engine_reads(
        self, product: Product, schema: Sequence[Mapping[str, Any]] = ()
    ) -> EngineSource:
        """The rows as the engine takes them. Raises DomainError where the connection is paused or
        may not be called."""
        require_running(self.connection)
        database = database_of(self.connection, product)
        wanted = {"query": self.query} if self.query else dict(self.source)
        return EngineSource("sql", database.url, schema, {**database.options, **wanted})


@dataclass(frozen=True)
class SparkTable:
    """A table of the Spark that SPARK_URL names, of which nothing is kept: one of the database
    that is called as the key of its product, so that no product reads those of another."""

    table: str

    kind = SourceKind.SPARK_TABLE
    connection: ClassVar[None] = None

    @property
    def source(self) -> dict[str, Any]:
        return {"table": self.table}

    def as_engine_reads(
        self, product: Product, schema: Sequence[Mapping[str, Any]] = ()
    ) -> EngineSource:
        """The rows as the engine takes them. Raises DomainError where there is no Spark."""
        if not settings.SPARK_URL:
            raise DomainError(
                "no_spark",
                "Tables of Spark are read once an administrator has set SPARK_URL.",
            )
        wanted = {"schema": product.key.lower(), "table": self.table}
        return EngineSource("spark", settings.SPARK_URL, schema, wanted)


LiveRows = DatabaseRows | SparkTable
Reachable = WebFile | BucketFile | LiveRows


@dataclass(frozen=True)
class Wanted:
    """A source as somebody describes it: `kind` and what belongs to it."""

    kind: str
    path: str = ""
    url: str = ""
    connection: str = ""
    table: str = ""
    schema: str = ""
    query: str = ""


def source_of(product: Product, wanted: Wanted) -> Source | LiveRows:
    """The source that is described; raises DomainError for what is missing, naming the field in
    its `errors`."""
    kind = SourceKind(wanted.kind)
    if kind == SourceKind.PATH:
        return ServerPath(_given(wanted, "path"))
    if kind == SourceKind.URL:
        reached_by = connection_of(product, wanted.connection, kind) if wanted.connection else None
        return WebFile(_url_of(_given(wanted, "url"), reached_by), reached_by)
    if kind == SourceKind.SPARK_TABLE:
        return SparkTable(_given(wanted, "table"))
    connection = connection_of(product, _given(wanted, "connection"), kind)
    if kind == SourceKind.S3:
        return BucketFile(connection, _given(wanted, "path")).newest()
    if kind == SourceKind.SQL_TABLE:
        return DatabaseRows(connection, table=_given(wanted, "table"), schema=wanted.schema.strip())
    return DatabaseRows(connection, query=_given(wanted, "query"))


def connection_of(product: Product, slug: str, kind: str | None = None) -> Connection:
    """The connection that a product may use under this slug, its own before a shared one."""
    found = list(Connection.objects.usable_in(product).filter(slug=slug))
    if not found:
        raise _field_error("connection", f"There is no connection {slug[:80]}.")
    connection = min(found, key=lambda one: one.product_id is None)
    needed = KINDS_OF_CONNECTION[SourceKind(kind)] if kind else None
    if needed and connection.kind != needed:
        raise _field_error(
            "connection", f"{connection.name} is no {ConnectionKind(needed).label.lower()}."
        )
    return connection


def origin_of(dataset: Dataset, partition: str = "") -> Source | LiveRows | None:
    """Where the dataset's content is read from again; None where people upload it."""
    kind, source, connection = dataset.source_kind, dataset.source, dataset.connection
    if kind == SourceKind.PATH:
        return ServerPath(dataset.path)
    if kind == SourceKind.URL:
        return WebFile(source["url"], connection)
    if kind == SourceKind.SPARK_TABLE:
        return SparkTable(source["table"])
    if connection is None:
        return None
    if kind == SourceKind.S3:
        return BucketFile(connection, source["path"], partition).newest()
    return DatabaseRows(
        connection,
        table=source.get("table", ""),
        schema=source.get("schema", ""),
        query=source.get("query", ""),
    )


@contextmanager
def readable(
    version: DatasetVersion, schema: Sequence[Mapping[str, Any]] | None = None
) -> Iterator[EngineSource]:
    """A version as the engine reads it, by the schema of its dataset or by another: a copy of its
    file, gone afterwards, or the database as it is now."""
    dataset = version.dataset
    columns = dataset.schema if schema is None else schema
    if dataset.is_live:
        rows = origin_of(dataset)
        if not isinstance(rows, LiveRows):
            raise DomainError("no_source", f"{dataset.name} has no connection any more.")
        yield rows.as_engine_reads(dataset.product, columns)
        return
    with local_copy(version) as path:
        yield as_engine_reads(path, dataset.format, columns)


def _given(wanted: Wanted, name: str) -> str:
    value = str(getattr(wanted, name)).strip()
    if not value:
        raise _field_error(name, f"Give the {name} of the source.")
    return value


def _field_error(name: str, message: str) -> DomainError:
    return DomainError(
        "bad_source", message, errors=[FieldError(f"/source/{name}", "invalid", message)]
    )


def _url_of(url: str, connection: Connection | None) -> str:
    if connection is not None and "://" not in url:
        url = f"{connection.address.rstrip('/')}/{url.lstrip('/')}"
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise _field_error(
            "url", "Leave user and password out of the address, and make a connection of them."
        )
    return url


def _require_below(url: str, home: str) -> None:
    """Credentials go nowhere but to the address of their connection."""
    begins = home.rstrip("/")
    if ".." in unquote(urlsplit(url).path).split("/"):
        raise DomainError("other_address", "The address must not hold “..”.")
    if url != begins and not url.startswith(f"{begins}/") and not url.startswith(f"{begins}?"):
        raise DomainError("other_address", f"The address must begin with {begins}/.")


def _name_of(asked: str, final: str, headers: Mapping[str, str]) -> str:
    """What the file is called: as its address ends, else by the type that the server names."""
    names = [PurePosixPath(unquote(urlsplit(url).path)).name for url in (asked, final)]
    for name in names:
        if PurePosixPath(name).suffix.lower() in SUFFIXES:
            return name
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    suffix = SUFFIX_OF_TYPE.get(kind)
    if suffix is None:
        raise DomainError(
            "unknown_format",
            "The address must end in .csv, .parquet or .jsonl, or the server must say what kind of "
            f"file it is; it says {kind[:60] or 'nothing'}.",
        )
    return f"{names[0] or 'content'}{suffix}"


def _join_parquet(parts: Sequence[Path], whole: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415  pages without object stores do without
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        schema = pq.read_schema(parts[0])
        with pq.ParquetWriter(whole, schema) as writer:
            for part in parts:
                with pq.ParquetFile(part) as file:
                    for group in range(file.num_row_groups):
                        writer.write_table(file.read_row_group(group).cast(schema))
    except (pa.ArrowException, ValueError):
        raise DomainError(
            "other_columns",
            "The objects of one folder can't be put together: one is no Parquet file, or has "
            "other columns.",
        ) from None


def _join_lines(parts: Sequence[Path], whole: Path, *, has_header: bool) -> None:
    header: bytes | None = None
    with whole.open("wb") as out:
        for part in parts:
            with part.open("rb") as file:
                if has_header:
                    first = file.readline()
                    if header is None:
                        header = first.rstrip(b"\r\n")
                        out.write(header + b"\n")
                    elif first.rstrip(b"\r\n") != header:
                        raise DomainError(
                            "other_columns", "The objects of one folder have different columns."
                        )
                shutil.copyfileobj(file, out, CHUNK_BYTES)
                if part.stat().st_size:
                    file.seek(-1, 2)
                    if file.read(1) != b"\n":
                        out.write(b"\n")
