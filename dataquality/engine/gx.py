"""Great Expectations itself: the one module that imports it, which takes seconds and 150 MB.

Only workers do, before they fork; everybody else works with plain values.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
import sqlalchemy as sa
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.core.batch import Batch
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine.execution_engine import MetricComputationConfiguration
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator as GraphValidator

from dataquality.engine.answers import OF_CONDITION, refused

VERSION = str(gx.__version__)
SAMPLE_ROWS = 20
# SUMMARY gives the positions of the first failing rows; naming index columns instead would make
# one dict per failing row, in millions of rows too.
WITH_PLACES = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_ROWS}
# In a database the failing rows are fetched apart, and only where a check has failed.
COUNTS_ALONE = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}
COUNT, VALUES = ".unexpected_count", ".unexpected_values"
Expectation = Mapping[str, Any]


class Validator(ABC):
    """One batch."""

    def validate(self, expectations: Sequence[Expectation]) -> list[dict[str, Any]]:
        """What GX says of each expectation (`type`, `kwargs`), in the order given, as plain JSON.

        GX answers in an order of its own and answers equal expectations once; a number in `meta`
        puts them back. One that it can't build is answered as errored.

        Raises ValueError for a condition, whatever its form: GX makes a text of it, which pandas
        then runs as code. Rows are chosen before (`conditions`, `clauses`).
        """
        return self._answers(expectations)

    def _answers(self, expectations: Sequence[Expectation], **options: Any) -> list[dict[str, Any]]:
        if any(OF_CONDITION & set(expectation["kwargs"]) for expectation in expectations):
            raise ValueError("A condition must not reach Great Expectations.")
        firsts: dict[str, int] = {}
        found: dict[int, dict[str, Any]] = {}
        built: list[ExpectationConfiguration] = []
        for position, expectation in enumerate(expectations):
            first = firsts.setdefault(_text(expectation), position)
            if first != position:
                continue
            try:
                # Built one by one: the constructor of a suite logs and drops what it can't build.
                built.append(_built(expectation, position))
            except ValidationError as error:
                found[position] = refused(error)
        for result in self._ask(built, **options) if built else ():
            said: dict[str, Any] = dict(result.to_json_dict())
            found[said["expectation_config"]["meta"]["position"]] = said
        return [found[firsts[_text(expectation)]] for expectation in expectations]

    @abstractmethod
    def _ask(self, built: Sequence[ExpectationConfiguration], **options: Any) -> Sequence[Any]:
        """What GX says, in its own order."""


class FrameValidator(Validator):
    """A table in memory, checked by pandas, in a context of its own: a shared one grows with every
    run."""

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

    def _ask(self, built: Sequence[ExpectationConfiguration], **options: Any) -> Sequence[Any]:
        suite = gx.ExpectationSuite(name="suite")
        for configuration in built:
            suite.add_expectation(configuration.to_domain_obj())
        found: Sequence[Any] = self.batch.validate(suite, result_format=WITH_PLACES).results
        return found


class _Placed(Validator):
    """Rows that stay where they are; those that fail are fetched apart."""

    validator: GraphValidator

    def samples(
        self, expectations: Sequence[Expectation], columns: Sequence[str]
    ) -> list[dict[str, Any]]:
        """As `validate`, with up to 20 failing rows of each, by these columns and its own."""
        chosen = {
            **WITH_PLACES,
            "unexpected_index_column_names": list(columns),
            "return_unexpected_index_query": False,
        }
        return self._answers(expectations, result_format=chosen)

    def _ask(self, built: Sequence[ExpectationConfiguration], **options: Any) -> Sequence[Any]:
        chosen = options.get("result_format", COUNTS_ALONE)
        found: Sequence[Any] = self.validator.graph_validate(
            configurations=list(built), runtime_configuration={"result_format": chosen}
        )
        return found


class SqlValidator(_Placed):
    """Rows of a database, checked there; `rows` has the columns given, name by type. `known` holds
    what was counted of the same rows already, and gets what is counted now."""

    def __init__(
        self,
        engine: sa.Engine,
        rows: sa.Select[Any],
        columns: Mapping[str, Any],
        known: dict[Any, Any],
    ) -> None:
        execution = _Execution(engine, columns, known)
        data = SqlAlchemyBatchData(
            execution_engine=execution,
            selectable=rows,
            create_temp_table=False,
            source_table_name=sa.sql.quoted_name("rows", quote=True),
        )
        self.validator = _Quiet(execution_engine=execution, batches=[Batch(data=data)])  # type: ignore[arg-type]


class SparkValidator(_Placed):
    """Rows of a table of Spark, checked there."""

    def __init__(self, session: Any, frame: Any) -> None:
        execution = SparkDFExecutionEngine(spark=session, persist=False)
        self.validator = _Quiet(execution_engine=execution, batches=[Batch(data=frame)])


class _Quiet(GraphValidator):
    """GX without a context, which is where it looks whether to show progress bars."""

    def _determine_progress_bars(self) -> bool:
        return False


class _Execution(SqlAlchemyExecutionEngine):
    """GX on an engine of ours, which it neither describes nor closes, and with fewer scans."""

    def __init__(
        self, engine: sa.Engine, columns: Mapping[str, Any], known: dict[Any, Any]
    ) -> None:
        super().__init__(engine=engine, create_temp_table=False)
        self._described = _Described(columns)
        self._known = known

    def _process_direct_and_bundled_metric_computation_configurations(
        self,
        metric_fn_direct_configurations: list[MetricComputationConfiguration],
        metric_fn_bundle_configurations: list[MetricComputationConfiguration],
    ) -> dict[Any, Any]:
        """As far as it goes now; GX asks again for what is left.

        It would compute the figures that are ready beside what others still wait for, one scan
        after the other. Here they wait until all are, and one scan computes them.
        """
        direct, bundled = metric_fn_direct_configurations, metric_fn_bundle_configurations
        given = {
            wanted.metric_configuration.id: value
            for wanted in [*direct, *bundled]
            if (value := self._given(wanted.metric_configuration)) is not None
        }
        direct, bundled = (
            [wanted for wanted in group if wanted.metric_configuration.id not in given]
            for group in (direct, bundled)
        )
        found = super()._process_direct_and_bundled_metric_computation_configurations(
            metric_fn_direct_configurations=direct,
            metric_fn_bundle_configurations=[] if direct else bundled,
        )
        computed = [wanted.metric_configuration for wanted in direct or bundled]
        self._known |= {
            metric.id: found[metric.id]
            for metric in computed
            if not direct or metric.metric_name.endswith(COUNT)
        }
        return {**found, **given}

    def _given(self, metric: MetricConfiguration) -> Any:
        """What needs no query: a figure that is known, and no values where none are wanted."""
        chosen = metric.metric_value_kwargs.get("result_format") or {}
        if metric.metric_name.endswith(VALUES) and chosen.get("partial_unexpected_count") == 0:
            return []
        return self._known.get(metric.id)

    def get_inspector(self) -> Any:
        return self._described

    def close(self) -> None:
        pass


class _Described:
    """The columns of chosen rows, which stand in no catalogue of the database."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = [{"name": name, "type": kind} for name, kind in columns.items()]

    def get_columns(self, table_name: str, schema: str | None = None) -> list[dict[str, Any]]:
        return self._columns

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> dict[str, Any]:
        return {"constrained_columns": []}

    @property
    def dialect(self) -> Any:
        return sa.engine.default.DefaultDialect()


def _built(expectation: Expectation, position: int) -> ExpectationConfiguration:
    configuration = ExpectationConfiguration(
        type=expectation["type"],
        kwargs=dict(expectation["kwargs"]),
        meta={"position": position},
    )
    configuration.to_domain_obj()
    return configuration


def _text(expectation: Expectation) -> str:
    return json.dumps([expectation["type"], expectation["kwargs"]], sort_keys=True, default=str)


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of every core expectation, by type."""
    return {
        name: json.loads(get_expectation_impl(name).schema_json())
        for name in sorted(list_registered_expectation_implementations())
    }
