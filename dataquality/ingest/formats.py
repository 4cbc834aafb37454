"""The formats that results are posted in, and the one door to their parsers."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from backlog.rules.severity import Severity
from dataquality.ingest import dbt, generic, gx, junit
from dataquality.ingest.posted import PostedReport, wrong


class Format(StrEnum):
    GX = "gx"
    DBT = "dbt"
    JUNIT = "junit"
    GENERIC = "generic"


def parse(
    form: str,
    content: Any,
    *,
    manifest: Any = None,
    is_of_one: bool = False,
    severity: str = Severity.CRITICAL.value,
    where: str = "",
) -> Sequence[PostedReport]:
    """The reports in a document, or in the bytes of a JUnit file.

    `is_of_one`: whoever posts says which dataset all of it is about. `severity` is that of test
    cases, which have none. Raises Invalid with the path of what can't be read, and DomainError
    `no_results` where nothing of it was run.
    """
    match form:
        case Format.GX:
            reports = gx.parse(content, where)
        case Format.DBT:
            reports = dbt.parse(content, manifest, is_of_one=is_of_one, where=where)
        case Format.JUNIT:
            raw = content.encode(errors="replace") if isinstance(content, str) else content
            if not isinstance(raw, bytes):
                raise wrong(where, "not_junit", "Send the XML as a text.")
            reports = junit.parse(raw, severity=severity, where=where)
        case _:
            reports = generic.parse(content, where)
    found = [report for report in reports if report.checks]
    if not found:
        raise wrong(where, "no_results", "Nothing of this was run, so there is nothing to take.")
    return found


def guess(filename: str, content: Any) -> Format | None:
    """Which format a file is of, as far as it shows; content is bytes where it is no JSON."""
    if isinstance(content, bytes):
        return Format.JUNIT if content.lstrip()[:1] == b"<" else None
    found = content[0] if isinstance(content, list) and content else content
    if not isinstance(found, dict):
        return None
    results = found.get("results")
    if isinstance(results, list) and any(
        isinstance(result, dict) and "unique_id" in result for result in results[:1]
    ):
        return Format.DBT
    if isinstance(results, list) or "validation_results" in found or "run_results" in found:
        return Format.GX
    return Format.GENERIC if "checks" in found or "fingerprint" in found else None
