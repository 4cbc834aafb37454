"""Test results as JUnit XML, which every test runner writes in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from backlog.rules.evidence import Outcome
from backlog.rules.severity import Severity
from dataquality.ingest.posted import (
    LONGEST_NAME,
    LONGEST_TEXT,
    PostedCheck,
    PostedReport,
    error_code,
    limited,
    moment,
    wrong,
)

ROOTS = frozenset({"testsuites", "testsuite"})


def parse(
    raw: bytes, *, severity: str = Severity.CRITICAL.value, where: str = ""
) -> list[PostedReport]:
    """One report of all test cases; those that were skipped are not in it.

    Raises Invalid where it is no JUnit XML, or declares a document type: XML bombs are made of
    those, and reports need none.
    """
    try:
        root = ElementTree.fromstring(raw, forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        raise wrong(
            where, "bad_xml", f"This is no XML: line {line}, column {column + 1}."
        ) from None
    except (DefusedXmlException, ValueError, LookupError):
        raise wrong(
            where, "bad_xml", "Send XML without a document type and entities, in UTF-8."
        ) from None
    if _tag(root) not in ROOTS:
        raise wrong(where, "not_junit", "JUnit XML begins with <testsuites> or <testsuite>.")
    cases = [case for case in root.iter() if _tag(case) == "testcase"]
    limited(len(cases))
    started = [at for suite in root.iter() if (at := moment(suite.get("timestamp"))) is not None]
    return [
        PostedReport(
            checks=[check for case in cases for check in _check(case, severity, where)],
            checked_at=max(started, default=None),
        )
    ]


def _check(case: Element, severity: str, where: str) -> Iterator[PostedCheck]:
    """What a case said; nothing where it was skipped."""
    name = (case.get("name") or "").strip()
    if not name:
        raise wrong(where, "not_junit", "A test case has a name.")
    found = {_tag(child): child for child in reversed(case)}
    if "skipped" in found or case.get("status") in {"notrun", "disabled"}:
        return
    group = (case.get("classname") or case.get("class") or "").strip()
    common: dict[str, Any] = {
        "type": "junit",
        "words": f"{group}: {name}"[:LONGEST_NAME] if group else name[:LONGEST_NAME],
        "severity": severity,
        "check": "junit",
        "identity": {"classname": group, "name": name},
    }
    if "error" in found:
        told = _told(found["error"])
        yield PostedCheck(
            outcome=Outcome.ERRORED.value,
            message=told,
            error_code=error_code(told, (found["error"].get("type") or "").strip()),
            **common,
        )
    elif "failure" in found:
        yield PostedCheck(outcome=Outcome.FAILED.value, message=_told(found["failure"]), **common)
    else:
        yield PostedCheck(outcome=Outcome.PASSED.value, **common)


def _told(element: Element) -> str:
    whole = (element.text or "").strip() or (element.get("message") or "").strip()
    return whole[-LONGEST_TEXT:]


def _tag(element: Element) -> str:
    """Its name without a namespace; comments and instructions have none."""
    tag: Any = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
