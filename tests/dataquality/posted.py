"""Results as Great Expectations 1.24.1, dbt and test runners write them."""

from __future__ import annotations

from typing import Any

CHECKED_AT = "2026-03-14T06:00:00.250000+00:00"
NESTED = "MetricConfigurationID(metric_name='column_values.unique.condition', metric_value_kwargs)"


def expectation(
    kind: str,
    *,
    success: bool,
    severity: str | None = "critical",
    result: dict[str, Any] | None = None,
    exception: dict[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "type": f"expect_{kind}",
        "kwargs": {"batch_id": "pd-patients", **kwargs},
        "meta": {},
        "id": "f98925f6-2238-42c0-8382-7b5d104b01b8",
    }
    if severity:
        config["severity"] = severity
    calm = {"raised_exception": False, "exception_traceback": None, "exception_message": None}
    return {
        "success": success,
        "expectation_config": config,
        "result": result or {},
        "meta": {},
        "exception_info": exception or calm,
    }


def too_many_nulls(missing: int, rows: int = 1000) -> dict[str, Any]:
    """Age is to be there in 98 % of rows."""
    percent = 100 * missing / rows
    return expectation(
        "column_values_to_not_be_null",
        success=percent <= 2,
        column="age",
        mostly=0.98,
        result={
            "element_count": rows,
            "unexpected_count": missing,
            "unexpected_percent": percent,
            "partial_unexpected_list": [None] * min(missing, 20),
        },
    )


def outside_bounds(*values: Any) -> dict[str, Any]:
    return expectation(
        "column_values_to_be_between",
        success=False,
        severity="warning",
        column="age",
        min_value=0,
        max_value=120,
        result={
            "element_count": 1000,
            "missing_count": 87,
            "unexpected_count": len(values),
            "unexpected_percent": 100 * len(values) / 913,
            "partial_unexpected_list": list(values),
            "partial_unexpected_index_list": list(range(len(values))),
        },
    )


MEAN = expectation(
    "column_mean_to_be_between",
    success=True,
    severity="info",
    column="systolic",
    min_value=90,
    max_value=150,
    result={"observed_value": 121.4},
)
MISSING_COLUMN = expectation(
    "column_values_to_be_unique",
    success=False,
    column="nope",
    exception={
        NESTED: {
            "raised_exception": True,
            "exception_message": 'Error: The column "nope" in BatchData does not exist.',
            "exception_traceback": "Traceback (most recent call last):\n  File …\n"
            "great_expectations.exceptions.exceptions.InvalidMetricAccessorDomainKwargsKeyError: "
            'Error: The column "nope" in BatchData does not exist.\n\n'
            "great_expectations.exceptions.exceptions.MetricResolutionError: Error: …\n",
        }
    },
)


def validation(*results: dict[str, Any], asset: str = "patients", **meta: Any) -> dict[str, Any]:
    return {
        "success": all(result["success"] for result in results),
        "results": list(results),
        "suite_name": "clinic",
        "statistics": {"evaluated_expectations": len(results)},
        "meta": {
            "great_expectations_version": "1.24.1",
            "active_batch_definition": {
                "datasource_name": "pd",
                "data_connector_name": "fluent",
                "data_asset_name": asset,
                "batch_identifiers": {"dataframe": "<DATAFRAME>"},
            },
            "run_id": {"run_name": None, "run_time": CHECKED_AT},
            "validation_time": CHECKED_AT,
            **meta,
        },
        "id": None,
    }


def described(*results: dict[str, Any]) -> dict[str, Any]:
    """As CheckpointResult.describe() says it, which lacks severity and exceptions."""
    return {
        "success": False,
        "statistics": {"evaluated_validations": 1},
        "validation_results": [
            {
                "success": False,
                "statistics": {},
                "expectations": [
                    {
                        "expectation_type": result["expectation_config"]["type"],
                        "success": result["success"],
                        "kwargs": result["expectation_config"]["kwargs"],
                        "result": result["result"],
                    }
                    for result in results
                ],
            }
        ],
    }


def dbt_result(test: str, status: str, failures: int | None = None, message: str | None = None):
    return {
        "status": status,
        "timing": [],
        "thread_id": "Thread-1",
        "execution_time": 0.02,
        "adapter_response": {},
        "message": message,
        "failures": failures,
        "unique_id": test,
        "compiled": True,
        "relation_name": None,
    }


def run_results(*results: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "dbt_version": "1.9.4",
            "generated_at": "2026-03-14T06:00:09.188765Z",
            "invocation_id": "ec5a7e06-e5f5-4066-82b2-6496aa933dfd",
            "env": {},
        },
        "results": list(results),
        "elapsed_time": 5.6,
        "args": {},
    }


NOT_NULL = "test.shop.not_null_orders_id.cf6c17daed"
ACCEPTED = "test.shop.accepted_values_orders_status__placed__shipped.be6b5b5ec3"
RELATED = "test.shop.relationships_orders_customer_id__id__ref_customers_.c6ec7f58f2"
UNIQUE = "test.shop.unique_customers_id.c5af1ff4b1"


def _model(name: str) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "relation_name": f'"prod"."main"."{name}"',
    }


def _test(kind: str, column: str, model: str, *depends: str, severity: str = "ERROR"):
    return {
        "resource_type": "test",
        "name": kind,
        "column_name": column,
        "attached_node": f"model.shop.{model}",
        "depends_on": {"nodes": [f"model.shop.{name}" for name in (*depends, model)]},
        "test_metadata": {"name": kind, "kwargs": {}},
        "config": {"severity": severity},
    }


MANIFEST = {
    "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
    "nodes": {
        "model.shop.orders": _model("orders"),
        "model.shop.customers": _model("customers"),
        NOT_NULL: _test("not_null", "id", "orders"),
        ACCEPTED: _test("accepted_values", "status", "orders", severity="WARN"),
        RELATED: _test("relationships", "customer_id", "orders", "customers"),
        UNIQUE: _test("unique", "id", "customers"),
    },
    "sources": {},
}

JUNIT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4"
             timestamp="2026-03-14T06:00:00.5+00:00" hostname="runner-7">
    <testcase classname="tests.test_patients" name="test_ages" time="0.1">
      <failure message="assert 300 &lt; 9">assert 300 &lt; 9, 'Jane Roe'</failure>
    </testcase>
    <testcase classname="tests.test_patients" name="test_file" time="0.1">
      <error message="boom" type="builtins.ConnectionError">ConnectionError:
        can't reach postgres://bob:hunter2@db/x</error>
    </testcase>
    <testcase classname="tests.test_patients" name="test_later"><skipped/></testcase>
    <testcase classname="tests.test_patients" name="test_ids" time="0.2"/>
  </testsuite>
</testsuites>
"""
