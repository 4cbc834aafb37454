"""Results of other tools become plain checks; whatever else is sent is refused by its path."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataquality.ingest import dbt, formats, generic, gx, junit
from dataquality.rules.excess import excess
from mlscrum.lib.errors import DomainError, Invalid
from tests.dataquality.posted import (
    ACCEPTED,
    JUNIT,
    MANIFEST,
    MEAN,
    MISSING_COLUMN,
    NOT_NULL,
    RELATED,
    UNIQUE,
    dbt_result,
    described,
    expectation,
    outside_bounds,
    run_results,
    too_many_nulls,
    validation,
)


def outcomes(reports: Any) -> list[str]:
    return [check.outcome for report in reports for check in report.checks]


# Great Expectations ------------------------------------------------------------------------------


def test_a_validation_result_becomes_checks_with_outcome_severity_and_excess() -> None:
    [report] = gx.parse(
        validation(too_many_nulls(87), outside_bounds(300, -1, 130, 999), MEAN, MISSING_COLUMN)
    )
    nulls, bounds, mean, missing = report.checks
    assert (report.name, report.names) == ("patients", ["pd.patients", "patients"])
    assert report.checked_at == datetime(2026, 3, 14, 6, 0, 0, 250_000, UTC)
    assert (nulls.outcome, nulls.severity, nulls.column) == ("failed", "critical", "age")
    assert nulls.excess == pytest.approx(6.7)
    assert "batch_id" not in nulls.kwargs
    assert (bounds.severity, bounds.unexpected_count) == ("warning", 4)
    assert [row["age"] for row in bounds.sample] == [300, -1, 130, 999]
    assert (mean.outcome, mean.observed_value) == ("passed", 121.4)
    assert missing.outcome == "errored"
    assert missing.error_code == "invalid_metric_accessor_domain_kwargs_key_error"


def test_a_batch_is_told_by_its_parameters_and_else_by_nothing() -> None:
    of_month: Any = {"active_batch_definition": {"data_asset_name": "t", "batch_identifiers": {
        "year": 2019, "month": 3, "path": "a.csv"}}}  # fmt: skip
    [report] = gx.parse(validation(MEAN, **of_month))
    assert report.batch == '{"month":3,"year":2019}'
    assert gx.parse(validation(MEAN))[0].batch == ""


def test_success_on_nothing_is_vacuous() -> None:
    empty = [
        expectation("column_values_to_be_unique", success=True, column="a",
                    result={"element_count": 0}),
        expectation("column_values_to_be_unique", success=True, column="a",
                    result={"element_count": 9, "missing_count": 9}),
        expectation("column_mean_to_be_between", success=False, column="a", min_value=1,
                    result={"observed_value": None}),
    ]  # fmt: skip
    assert outcomes(gx.parse(validation(*empty))) == ["vacuous"] * 3


def test_what_describe_says_is_read_without_severity_and_exceptions() -> None:
    [report] = gx.parse(described(too_many_nulls(87), MEAN))
    assert [check.severity for check in report.checks] == ["critical", "critical"]
    assert outcomes([report]) == ["failed", "passed"]
    assert (report.name, report.checked_at) == ("", None)


def test_results_of_old_versions_are_read() -> None:
    old = validation(too_many_nulls(87))
    [result] = old["results"]
    result["expectation_config"]["expectation_type"] = result["expectation_config"].pop("type")
    del result["expectation_config"]["severity"]
    old["meta"] = {
        "batch_kwargs": {"data_asset_name": "patients"},
        "run_id": {"run_name": "nightly", "run_time": "2019-03-14T06:00:00+00:00"},
    }
    checkpoint = {"run_results": {"ValidationResultIdentifier::x": {"validation_result": old}}}
    for document in (old, [old], checkpoint):
        [report] = gx.parse(document)
        assert report.name == "patients"
        assert report.checks[0].type == "expect_column_values_to_not_be_null"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ""),
        ([], ""),
        ("text", ""),
        ([validation(MEAN), {"results": [{}]}], "/1/results/0"),
        ({"results": [{"success": "yes"}]}, "/results/0"),
        ({"validation_results": [{}]}, "/validation_results/0"),
    ],
)
def test_what_is_no_result_is_refused_by_its_path(document: Any, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        gx.parse(document, "/result")
    assert refused.value.errors[0].pointer == f"/result{path}"


def test_more_than_2000_results_are_refused() -> None:
    with pytest.raises(DomainError, match="2,000") as refused:
        gx.parse([validation(*[MEAN] * 1001)] * 2)
    assert refused.value.status == 413


def test_excess_is_what_goes_beyond_the_limit() -> None:
    assert excess({"mostly": 0.98}, percent=8.7, observed=None) == pytest.approx(6.7)
    assert excess({"mostly": 0.9}, percent=8.7, observed=None) == 0
    assert excess({"min_value": 0, "max_value": 50}, percent=None, observed=60) == 20
    assert excess({"max_value": 10}, percent=None, observed=15) == 50
    assert excess({"max_value": 0}, percent=None, observed=15) == 100
    assert excess({"min_value": 10}, percent=None, observed=5, is_of_table=True) == 100
    assert excess({}, percent=None, observed=None) == 100


# dbt ---------------------------------------------------------------------------------------------


def test_tests_of_dbt_are_told_by_model_with_what_the_manifest_says() -> None:
    orders, customers = dbt.parse(
        run_results(
            dbt_result(NOT_NULL, "fail", 87, "Got 87 results, configured to fail if != 0"),
            dbt_result(ACCEPTED, "warn", 3, "Got 3 results, configured to warn if != 0"),
            dbt_result(RELATED, "pass", 0),
            dbt_result(UNIQUE, "error", None, "Database Error: invalid input: 'Jane Roe'"),
        ),
        MANIFEST,
    )
    assert list(orders.names) == ["model.shop.orders", '"prod"."main"."orders"']
    assert [(c.type, c.column, c.outcome, c.severity, c.unexpected_count) for c in orders.checks] \
        == [
            ("dbt_not_null", "id", "failed", "critical", 87),
            ("dbt_accepted_values", "status", "failed", "warning", 3),
            ("dbt_relationships", "customer_id", "passed", "critical", 0),
        ]  # fmt: skip
    assert (customers.bare, outcomes([customers])) == ("customers", ["errored"])
    assert orders.checks[0].identity == {"unique_id": NOT_NULL}
    assert orders.checked_at == datetime(2026, 3, 14, 6, 0, 9, 188_765, UTC)


def test_what_was_skipped_was_not_run() -> None:
    [report] = dbt.parse(run_results(dbt_result(NOT_NULL, "skipped"), dbt_result(RELATED, "pass")),
                         MANIFEST)  # fmt: skip
    assert [check.type for check in report.checks] == ["dbt_relationships"]
    with pytest.raises(Invalid, match="Nothing of this was run"):
        formats.parse("dbt", run_results(dbt_result(NOT_NULL, "skipped")), manifest=MANIFEST)


def test_a_model_that_can_not_be_built_is_errored() -> None:
    [report] = dbt.parse(run_results(dbt_result("model.shop.orders", "error"),
                                     dbt_result(NOT_NULL, "skipped")), MANIFEST)  # fmt: skip
    assert outcomes([report]) == ["errored"]


def test_without_a_manifest_the_dataset_has_to_be_named() -> None:
    results = run_results(dbt_result(NOT_NULL, "fail", 1))
    with pytest.raises(Invalid, match="Send the manifest too"):
        dbt.parse(results)
    [report] = dbt.parse(results, is_of_one=True)
    assert report.checks[0].words == "Not null orders id"


@pytest.mark.parametrize(
    "document",
    [{}, [], MANIFEST, {"results": [{}]}, {"results": [{"unique_id": "test.a", "status": "odd"}]}],
)
def test_what_is_no_file_of_dbt_is_refused(document: Any) -> None:
    with pytest.raises(Invalid):
        dbt.parse(document, MANIFEST)


# JUnit -------------------------------------------------------------------------------------------


def test_test_cases_fail_err_and_pass() -> None:
    [report] = junit.parse(JUNIT)
    ages, file, ids = report.checks
    assert outcomes([report]) == ["failed", "errored", "passed"]
    assert ages.identity == {"classname": "tests.test_patients", "name": "test_ages"}
    assert ages.words == "tests.test_patients: test_ages"
    assert (file.error_code, file.severity) == ("connection_error", "critical")
    assert report.checked_at == datetime(2026, 3, 14, 6, 0, 0, 500_000, UTC)
    assert ids.message == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no xml",
        b"<testsuite>",
        b"<html/>",
        b"<testsuite><testcase/></testsuite>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>',
        b'<?xml version="1.0" encoding="klingon"?><testsuite/>',
    ],
)
def test_bad_xml_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        junit.parse(raw)


def test_a_traceback_is_cut_to_its_last_4_kb() -> None:
    text = "x" * 10_000 + " the end"
    raw = f'<testsuite><testcase name="a"><error>{text}</error></testcase></testsuite>'
    [report] = junit.parse(raw.encode())
    assert len(report.checks[0].message) == 4096
    assert report.checks[0].message.endswith("the end")


# Our own words -----------------------------------------------------------------------------------


def test_results_in_our_own_words_are_taken_one_or_many() -> None:
    one = {"fingerprint": "volume", "title": "Half as many rows", "outcome": "failed"}
    for document in (one, [one], {"checks": [one]}):
        [report] = generic.parse(document)
        [check] = report.checks
        assert (check.fingerprint, check.severity, check.excess) == ("volume", "warning", 100.0)


@pytest.mark.parametrize(
    ("check", "path"),
    [
        ({"title": "t", "outcome": "failed"}, "/fingerprint"),
        ({"fingerprint": "f", "title": "t", "outcome": "odd"}, "/outcome"),
        ({"fingerprint": "f", "title": "t", "outcome": "failed", "severity": []}, "/severity"),
        ({"fingerprint": "f" * 65, "title": "t", "outcome": "failed"}, "/fingerprint"),
        ({"fingerprint": "f", "title": "t", "outcome": "failed", "excess": -1}, "/excess"),
        ({"fingerprint": "f", "title": "t", "outcome": "failed", "rows": []}, "/rows"),
        ({"fingerprint": "f", "title": "t", "outcome": "failed",
          "evidence": {"rows": [{"name": "Jane Roe"}]}}, "/evidence"),
        ({"fingerprint": "f", "title": "t", "outcome": "passed", "element_count": 1.5},
         "/element_count"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_check_is_said_by_its_path(check: Any, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        generic.parse({"checks": [check]}, "/result")
    assert refused.value.errors[0].pointer == f"/result/checks/0{path}"


# Whatever comes ----------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "results", "expectation_config", "kwargs", "type", "success", "result", "meta",
            "column",
            "exception_info", "raised_exception", "element_count", "unexpected_percent", "mostly",
            "validation_results", "expectations", "run_results", "unique_id", "status", "metadata",
            "checks", "fingerprint", "title", "outcome", "severity", "partial_unexpected_list",
            "active_batch_definition", "batch_identifiers", "value_set", "min_value", "run_id",
        ]),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values, st.sampled_from(["gx", "dbt", "generic"]))
def test_nothing_that_is_sent_breaks_a_parser(document: Any, form: str) -> None:
    try:
        reports = formats.parse(form, document, manifest={}, is_of_one=True)
    except DomainError as refused:
        assert refused.message
    else:
        assert json.dumps([check.outcome for report in reports for check in report.checks])


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader_of_xml(raw: bytes) -> None:
    with pytest.raises(DomainError):
        formats.parse("junit", raw)
