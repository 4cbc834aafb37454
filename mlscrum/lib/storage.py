"""Where files are kept: one folder, or an S3-compatible store that several hosts share."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from whitenoise.storage import CompressedManifestStaticFilesStorage


class AssetStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no stubs
    """Static files under names that change with their content."""

    # Imports between our own modules are rewritten; those in packages name files that aren't ours.
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )
    # Each pass brings a changed name one import further, and our longest chain has eight.
    max_post_process_passes = 20
    manifest_strict = False  # a page must not die for a picture that was not built


def storage_backend(url: str) -> dict[str, Any]:
    """The entry of Django's STORAGES for a STORAGE_URL.

    `file:///srv/files` is a folder. `s3://bucket/prefix?region=eu-central-1` is a bucket at AWS
    with the credentials of the environment; `s3+https://key:secret@host:9000/bucket/prefix` one
    at any other S3-compatible store.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if not parts.path.startswith("/") or parts.netloc:
            raise ImproperlyConfigured("STORAGE_URL for a folder looks like file:///srv/files.")
        folder = Path(unquote(parts.path))
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder, "base_url": None, "file_permissions_mode": 0o600},
        }
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme == "s3":
        bucket, prefix, endpoint = parts.netloc, parts.path.strip("/"), None
    else:
        bucket, _, prefix = parts.path.strip("/").partition("/")
        port = f":{parts.port}" if parts.port else ""
        endpoint = f"{parts.scheme.removeprefix('s3+')}://{parts.hostname}{port}"
    if not bucket:
        raise ImproperlyConfigured("STORAGE_URL names no bucket, as in s3://bucket/prefix.")
    if endpoint and not parts.hostname:
        raise ImproperlyConfigured("STORAGE_URL names no host, as in s3+https://host/bucket.")
    if bool(parts.username) != bool(parts.password):
        raise ImproperlyConfigured(
            "STORAGE_URL has half of the credentials; give key and secret, as in "
            "s3+https://key:secret@host/bucket, or neither."
        )
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "location": prefix,
            "endpoint_url": endpoint,
            "region_name": query.get("region"),
            "access_key": unquote(parts.username) if parts.username else None,
            "secret_key": unquote(parts.password) if parts.password else None,
            "file_overwrite": False,
            "default_acl": None,
        },
    }
