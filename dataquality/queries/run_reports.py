"""A finished run as other tools read it: JUnit XML, and Markdown. Neither holds any value."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from xml.sax.xmlreader import AttributesImpl

from django.utils.xmlutils import SimplerXMLGenerator

from backlog.rules.evidence import Outcome
from dataquality.models import Result, Run, RunState
from dataquality.queries.runs import check_words, results_of
from mlscrum.lib.errors import Conflict

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
MARKS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "**failed**",
    Outcome.ERRORED: "**could not run**",
    Outcome.VACUOUS: "nothing to judge",
}


def junit_of(run: Run) -> str:
    """The run as a test suite: each check a case, whose failure says how many rows and which item.

    Raises Conflict while the run is under way.
    """
    _require_end(run)
    results = results_of(run)
    counts = _counts(run, results)
    out = io.StringIO()
    xml = SimplerXMLGenerator(out, "utf-8")
    xml.startDocument()
    numbers = {name: str(count) for name, count in counts.items()}
    suite = {
        "name": _text(run.dataset.slug),
        "tests": str(max(1, len(results))),
        **numbers,
        "time": f"{run.duration_s or 0:.3f}",
        "timestamp": f"{run.finished_at:%Y-%m-%dT%H:%M:%S}",
    }
    xml.startElement("testsuites", AttributesImpl({}))
    xml.startElement("testsuite", AttributesImpl(suite))
    for result in results:
        _case(xml, run, result)
    if not results:
        about = {"classname": _text(run.dataset.slug), "name": "the run"}
        xml.startElement("testcase", AttributesImpl(about))
        xml.addQuickElement("error", None, {"message": _text(_end_of(run))})
        xml.endElement("testcase")
    xml.endElement("testsuite")
    xml.endElement("testsuites")
    xml.endDocument()
    return out.getvalue()


def markdown_of(run: Run) -> str:
    """The run as a table, for the page of a build or a pull request.

    Raises Conflict while the run is under way.
    """
    _require_end(run)
    return "\n".join(_lines(run)) + "\n"


def _lines(run: Run) -> Iterator[str]:
    health = f", health {run.health:.1f} %" if run.health is not None else ""
    yield f"### {_cell(run.dataset.name)}: run {run.pk} {run.state}{health}"
    yield ""
    results = results_of(run)
    if not results:
        yield _cell(_end_of(run))
        return
    yield "| check | severity | outcome | item |"
    yield "|---|---|---|---|"
    for result in results:
        item = result.finding.item if result.finding else None
        told = f"{MARKS[Outcome(result.outcome)]} {_rows_of(result)}".rstrip()
        words = _cell(check_words(result, with_values=False))
        yield f"| {words} | {result.severity} | {told} | {item.ref if item else ''} |"


def _case(xml: SimplerXMLGenerator, run: Run, result: Result) -> None:
    words = check_words(result, with_values=False)
    xml.startElement(
        "testcase",
        AttributesImpl(
            {
                "classname": _text(f"{run.dataset.slug}.{result.column or 'table'}"),
                "name": _text(f"{result.position + 1}. {words}"),
            }
        ),
    )
    item = result.finding.item if result.finding else None
    about = {"type": result.severity, "message": _text(_rows_of(result) or str(result.outcome))}
    where = f"Filed as {item.ref}." if item else None
    match result.outcome:
        case Outcome.FAILED:
            xml.addQuickElement("failure", where, about)
        case Outcome.ERRORED:
            xml.addQuickElement("error", where, about)
        case Outcome.VACUOUS:
            xml.addQuickElement("skipped", None, {"message": "There was nothing to judge."})
    xml.endElement("testcase")


def _counts(run: Run, results: Sequence[Result]) -> dict[str, int]:
    outcomes = [Outcome(result.outcome) for result in results]
    return {
        "failures": outcomes.count(Outcome.FAILED),
        "errors": outcomes.count(Outcome.ERRORED) + (0 if results else 1),
        "skipped": outcomes.count(Outcome.VACUOUS),
    }


def _rows_of(result: Result) -> str:
    """How many rows are not as they should be; empty where that is not what a check counts."""
    if not result.unexpected_count or not result.element_count:
        return ""
    percent = result.unexpected_percent
    share = f" ({percent:.3g} %)" if percent is not None else ""
    return f"{result.unexpected_count:,} of {result.element_count:,} rows{share}"


def _end_of(run: Run) -> str:
    if run.state == RunState.ERRORED:
        return run.error_detail or "It could not be carried out."
    return f"It was {run.state} before any check was made."


def _require_end(run: Run) -> None:
    if not run.is_finished:
        raise Conflict("run_under_way", f"Run {run.pk} is still under way; ask when it is over.")


def _text(text: str) -> str:
    return CONTROLS.sub("", text)


def _cell(text: str) -> str:
    """A text within a table of Markdown: no sign of it does anything."""
    plain = " ".join(_text(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|#@!])", r"\\\1", plain)
