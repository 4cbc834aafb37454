"""Files of results on their way in: read strictly, never kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from dataquality.ingest import formats
from dataquality.ingest.formats import Format
from dataquality.ingest.posted import PostedReport, wrong
from mlscrum.web.parsers import strict_json

BOM = b"\xef\xbb\xbf"


def reports_in(
    form: str, sent: UploadedFile[Any], *, manifest: Any = None, **said: Any
) -> Sequence[PostedReport]:
    """The reports in an uploaded file; raises what `formats.parse` raises, and what strict JSON
    does, naming the path."""
    raw = sent.read().removeprefix(BOM)
    if not raw.strip():
        raise wrong("/file", "empty", "The file is empty.")
    content = raw if form == Format.JUNIT else strict_json(raw)
    return reports_of(form, content, manifest=manifest, **said)


def reports_of(
    form: str, content: Any, *, manifest: Any = None, where: str = "", **said: Any
) -> Sequence[PostedReport]:
    """The reports in a document. A manifest may come as a file, and is only asked of dbt."""
    if manifest is not None and form != Format.DBT:
        raise wrong("/manifest", "unknown", "Only results of dbt have a manifest.")
    if isinstance(manifest, UploadedFile):
        manifest = strict_json(manifest.read().removeprefix(BOM))
    return formats.parse(form, content, manifest=manifest, where=where, **said)
