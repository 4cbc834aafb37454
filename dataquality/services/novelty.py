"""Whether a source holds something new, found without reading it whole."""

from __future__ import annotations

import hashlib

from dataquality.engine import sources
from dataquality.models import Dataset
from dataquality.rules import partitions
from dataquality.services.files import ServerPath, resolved
from dataquality.services.origins import BucketFile, LiveRows, WebFile, origin_of
from dataquality.services.reach import bucket_of, require_running, require_welcome, web_headers
from mlscrum.lib import outbound
from mlscrum.lib.errors import DomainError

HEAD_TIMEOUT_S = 30


def state_of(dataset: Dataset, watch_column: str = "") -> str:
    """What tells the present state of the source from others: 64 hex digits, the same as long as
    nothing new is seen; empty where the source says nothing without being read.

    A file is known by size and time of change, an object by its ETag, a web address by ETag or
    Last-Modified, a database by its number of rows and the newest time in `watch_column`. Raises
    DomainError for what can't be reached.
    """
    source = origin_of(dataset)
    if source is None:  # people upload it
        version = dataset.current_version
        return version.sha256 if version else ""
    if isinstance(source, ServerPath):
        found = resolved(source.path, dataset.product).stat()
        return _digest(str(found.st_size), str(found.st_mtime_ns))
    if isinstance(source, WebFile):
        return _of_web(source)
    if isinstance(source, BucketFile):
        return _of_bucket(source)
    if isinstance(source, LiveRows):
        return _of_rows(source, dataset, watch_column)
    raise TypeError(f"Nobody knows how to look at {source!r}.")


def _of_web(source: WebFile) -> str:
    if source.connection is not None:
        require_running(source.connection)
    with outbound.open(
        source.url,
        method="HEAD",
        headers=web_headers(source.connection),
        timeout_s=HEAD_TIMEOUT_S,
    ) as answer:
        if answer.status in {405, 501}:
            return ""  # it answers GET alone
        require_welcome(answer, source.url)
        said = [answer.headers.get(name, "") for name in ("etag", "last-modified")]
        length = answer.headers.get("content-length", "")
    return _digest(*said, length) if any(said) else ""


def _of_bucket(source: BucketFile) -> str:
    """By the objects of the newest folder, or the one object."""
    require_running(source.connection)
    with bucket_of(source.connection) as bucket:
        if not partitions.is_divided(source.path):
            found = bucket.client.head_object(Bucket=bucket.name, Key=source.key)
            return _digest(source.key, found["ETag"], str(found["ContentLength"]))
        keys = source.partitions().get(source.partition, [])
        if not keys:
            raise DomainError("no_such_file", f"There is no folder {source.partition} any more.")
        prefix = keys[0].rpartition("/")[0]
        pages = bucket.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket.name, Prefix=f"{prefix}/" if prefix else ""
        )
        tags = {
            str(one["Key"]): str(one["ETag"]) for page in pages for one in page.get("Contents", [])
        }
    return _digest(source.partition, *(f"{key} {tags.get(key, '')}" for key in keys))


def _of_rows(source: LiveRows, dataset: Dataset, watch_column: str) -> str:
    read = source.as_engine_reads(dataset.product, dataset.schema)
    rows = sources.measure(read).rows
    newest = sources.newest(read, watch_column) if watch_column else None
    return _digest(str(rows), newest.isoformat() if newest else "")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
