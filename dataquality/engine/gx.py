"""Great Expectations itself: the one module that imports it, which takes seconds and 150 MB.

Only workers do, before they fork; everybody else works with plain values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

from dataquality.engine.running import OF_CONDITION, refused

VERSION = str(gx.__version__)
SAMPLE_ROWS = 20
# SUMMARY gives the positions of the first failing rows; naming index columns instead would make
# one dict per failing row, in millions of rows too.
RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_ROWS}


class Validator:
    """One batch in one context of its own: a shared context grows with every run."""

    def __init__(self, frame: pd.DataFrame) -> None:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(
            globally=False, metric_calculations=False
        )
        definition = (
            context.data_sources.add_pandas("frame")
            .add_dataframe_asset("frame")
            .add_batch_definition_whole_dataframe("frame")
        )
        self.batch = definition.get_batch({"dataframe": frame})

    def validate(self, expectations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What GX says of each expectation (`type`, `kwargs`), in the order given, as plain JSON.

        GX answers in an order of its own and answers equal expectations once; a number in `meta`
        puts them back. One that it can't build is answered as errored.

        Raises ValueError for a condition, whatever its form: GX makes a text of it, which pandas
        then runs as code. Rows are chosen before (`conditions`).
        """
        if any(OF_CONDITION & set(expectation["kwargs"]) for expectation in expectations):
            raise ValueError("A condition must not reach Great Expectations.")
        suite = gx.ExpectationSuite(name="suite")
        firsts: dict[str, int] = {}
        found: dict[int, dict[str, Any]] = {}
        for position, expectation in enumerate(expectations):
            first = firsts.setdefault(_text(expectation), position)
            if first != position:
                continue
            try:
                # Built one by one: the constructor of a suite logs and drops what it can't build.
                suite.add_expectation(_built(expectation, position))
            except ValidationError as error:
                found[position] = refused(error)
        if suite.expectations:
            answered = self.batch.validate(suite, result_format=RESULT_FORMAT)
            for result in answered.results:
                said: dict[str, Any] = dict(result.to_json_dict())
                found[said["expectation_config"]["meta"]["position"]] = said
        return [found[firsts[_text(expectation)]] for expectation in expectations]


def _built(expectation: Mapping[str, Any], position: int) -> Any:
    return ExpectationConfiguration(
        type=expectation["type"],
        kwargs=dict(expectation["kwargs"]),
        meta={"position": position},
    ).to_domain_obj()


def _text(expectation: Mapping[str, Any]) -> str:
    return json.dumps([expectation["type"], expectation["kwargs"]], sort_keys=True, default=str)


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of every core expectation, by type."""
    return {
        name: json.loads(get_expectation_impl(name).schema_json())
        for name in sorted(list_registered_expectation_implementations())
    }
