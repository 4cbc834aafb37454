"""Validation results of Great Expectations: 1.x, 0.x, lists of them, and what describe() says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from backlog.rules.evidence import Outcome, canonical
from backlog.rules.severity import Severity
from dataquality.ingest.posted import (
    LONGEST_NAME,
    LONGEST_TEXT,
    LONGEST_TYPE,
    SAMPLE_ROWS,
    PostedCheck,
    PostedReport,
    count,
    error_code,
    limited,
    mapping,
    moment,
    number,
    text,
    wrong,
)
from dataquality.rules.excess import excess

WANTED = (
    "Send validation_result.to_json_dict(), a list of them, or what CheckpointResult.describe() "
    "writes."
)
# Batch identifiers that say nothing about which part of the data it was.
WHOLE = frozenset({"dataframe", "path", "batch_data", "default_identifier_name"})
OF_TABLE = re.compile(r"expect_table_|expect_column_to_exist$")
LEFT_OUT = frozenset({"batch_id", "result_format", "catch_exceptions"})
LISTS = frozenset({"value_set", "column_list", "column_set"})
NAMES = frozenset({"column", "column_A", "column_B"})
BOUNDS = frozenset({"min_value", "max_value"})
COUNTS = re.compile(r"expect_table_(row|column)_count|expect_column_(unique_value_|proportion_of)")
FIGURE = re.compile(r"expect_column_(?!values_|value_).+_to_be_between$")


def parse(document: Any, where: str = "") -> list[PostedReport]:
    """One report per validation result. Raises Invalid where it is none, naming the path."""
    results = list(_results(document, where))
    limited(sum(len(found["results"]) for _, found in results))
    return [_report(found, at) for at, found in results]


def _results(document: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Validation results, all in the form of 1.x."""
    if isinstance(document, list):
        if not document:
            raise wrong(where, "empty", f"There is no result in this list. {WANTED}")
        for place, inner in enumerate(document):
            yield from _results(inner, f"{where}/{place}")
        return
    found = mapping(document)
    if isinstance(found.get("results"), list):
        yield where, found
    elif isinstance(found.get("validation_results"), list):  # describe()
        for place, inner in enumerate(found["validation_results"]):
            at = f"{where}/validation_results/{place}"
            said = mapping(inner).get("expectations")
            if not isinstance(said, list):
                raise wrong(at, "not_gx", WANTED)
            yield at, {"results": said, "meta": {}}
    elif isinstance(found.get("run_results"), Mapping):  # a CheckpointResult of 0.x
        for name, inner in found["run_results"].items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            nested = mapping(inner).get("validation_result", inner)
            yield from _results(nested, f"{where}/run_results/{step}")
    else:
        raise wrong(where, "not_gx", f"This is no result of Great Expectations. {WANTED}")


def _report(found: Mapping[str, Any], where: str) -> PostedReport:
    meta = mapping(found.get("meta"))
    batch = mapping(meta.get("active_batch_definition"))
    asset = text(batch.get("data_asset_name")) or text(
        mapping(meta.get("batch_kwargs")).get("data_asset_name")
    )
    identifiers = {
        **mapping(batch.get("batch_identifiers")),
        **mapping(meta.get("batch_parameters")),
    }
    parts = {name: value for name, value in identifiers.items() if name not in WHOLE}
    checked_at = (
        moment(meta.get("validation_time"))
        or moment(mapping(meta.get("run_id")).get("run_time"))
        or moment(mapping(meta.get("batch_markers")).get("ge_load_time"))
    )
    source = text(batch.get("datasource_name"))
    return PostedReport(
        checks=[
            _check(mapping(result), f"{where}/results/{place}")
            for place, result in enumerate(found["results"])
        ],
        names=[name for name in (f"{source}.{asset}" if source and asset else "", asset) if name],
        bare=asset,
        batch=canonical(parts) if parts else "",
        checked_at=checked_at,
    )


def _check(result: Mapping[str, Any], where: str) -> PostedCheck:
    # describe() has type and kwargs beside the result, results have them in their config.
    config = mapping(result.get("expectation_config")) or result
    kind = text(config.get("type") or config.get("expectation_type"), LONGEST_TYPE)
    success = result.get("success")
    if not kind or not isinstance(success, bool):
        raise wrong(where, "not_gx", f"This is no result of an expectation. {WANTED}")
    kwargs = {
        name: value
        for name, value in mapping(config.get("kwargs")).items()
        if name not in LEFT_OUT and value is not None and _is_as_it_should_be(kind, name, value)
    }
    said = mapping(result.get("result"))
    given = text(config.get("severity")).lower()
    common: dict[str, Any] = {
        "type": kind,
        "words": "",
        "severity": given if given in set(Severity) else Severity.CRITICAL.value,
        "check": kind,
        "identity": {},  # by the rule of suites
        "column": _columns(kwargs),
        "kwargs": kwargs,
        "meta": {
            name: value
            for name, value in mapping(config.get("meta")).items()
            if name in {"check_key", "fingerprint"} and isinstance(value, str)
        },
        "element_count": count(said.get("element_count")),
    }
    raised = _raised(mapping(result.get("exception_info")))
    if raised is not None:
        traceback = text(raised.get("exception_traceback"), 1_000_000)
        told = text(raised.get("exception_message"), LONGEST_TEXT)
        # The end of a traceback says what happened.
        whole = traceback[-LONGEST_TEXT:] or told
        return PostedCheck(
            outcome=Outcome.ERRORED.value,
            message=whole,
            error_code=error_code(traceback or told),
            **common,
        )
    observed = said.get("observed_value")
    if COUNTS.match(kind) and number(observed) is None:
        observed = None  # which is kept whatever the policy says, so it has to be a count
    if _saw_nothing(kind, said, observed):
        return PostedCheck(outcome=Outcome.VACUOUS.value, **common)
    percent = number(said.get("unexpected_percent"))
    counts: dict[str, Any] = {
        "observed_value": observed,
        "unexpected_count": count(said.get("unexpected_count")),
        "unexpected_percent": percent,
    }
    if success:
        return PostedCheck(outcome=Outcome.PASSED.value, **counts, **common)
    return PostedCheck(
        outcome=Outcome.FAILED.value,
        excess=excess(
            kwargs, percent=percent, observed=observed, is_of_table=bool(OF_TABLE.match(kind))
        ),
        sample=_sample(said, common["column"]),
        **counts,
        **common,
    )


def _is_as_it_should_be(kind: str, name: str, value: Any) -> bool:
    """Whether a kwarg is of the kind that whoever puts checks into words relies on."""
    if name in LISTS:
        return isinstance(value, list)
    if name in NAMES:
        return isinstance(value, str)
    if name == "mostly" or (name in BOUNDS and "count" in kind):
        return number(value) is not None
    return True


def _columns(kwargs: Mapping[str, Any]) -> str:
    listed = kwargs.get("column_list")
    named = [kwargs.get(name) for name in ("column", "column_A", "column_B")]
    named += listed if isinstance(listed, list) else []
    return ", ".join(name for name in named if isinstance(name, str))[:LONGEST_NAME]


def _saw_nothing(kind: str, said: Mapping[str, Any], observed: Any) -> bool:
    """Whether there was no row, or no value, that the check could judge."""
    elements, missing = count(said.get("element_count")), count(said.get("missing_count"))
    if elements == 0 or (elements is not None and elements == missing):
        return True
    return bool(FIGURE.match(kind)) and observed is None and elements is None


def _raised(info: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The exception of a check, flat or under the id of a metric, as 1.24.1 nests it."""
    if info.get("raised_exception") is True:
        return info
    for inner in info.values():
        if isinstance(inner, Mapping) and inner.get("raised_exception") is True:
            return inner
    return None


def _sample(said: Mapping[str, Any], column: str) -> list[Mapping[str, Any]]:
    """Failing rows by column name, where the result names keys, else failing values."""
    rows = said.get("unexpected_index_list") or said.get("partial_unexpected_index_list")
    if isinstance(rows, list) and rows and all(isinstance(row, Mapping) for row in rows):
        return [dict(row) for row in rows[:SAMPLE_ROWS]]
    values = said.get("partial_unexpected_list")
    if not isinstance(values, list) or not column or all(value is None for value in values):
        return []
    return [
        dict(value) if isinstance(value, Mapping) else {column: value}
        for value in values[:SAMPLE_ROWS]
    ]
