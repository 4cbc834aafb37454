"""Conditions that once ran a shell command: by every door, they run nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Product
from dataquality.engine import gx
from dataquality.models import Dataset, Run
from dataquality.services.datasets import DatasetDraft, register_dataset
from tests.conftest import Cast
from tests.dataquality.conftest import Check, check, run_now, upload, with_checks, work

SUITE = "/api/v1/datasets/MED/people/suite/"
RUNS = "/api/v1/datasets/MED/people/runs/"
EDITOR = "/p/MED/data/people/suite/json/"
COMMAND = "@pd.io.common.os.system('touch {marker}')"
# A name of a column, and a value between two others, that end the text which GX would write and
# go on as code.
BY_NAME, BY_VALUE = "a name of a column", "a value"


def compares(column: str, parameter: Any) -> dict[str, Any]:
    return {
        "type": "comparison",
        "column": {"name": column},
        "operator": "==",
        "parameter": parameter,
    }


class Trap:
    """A dataset with a condition of a check on it, and the file that the command would make."""

    def __init__(self, product: Product, actor: Actor, way: str, folder: Path) -> None:
        self.marker = folder / "marker"
        command = COMMAND.format(marker=self.marker)
        if way == BY_NAME:
            name = f"a` == {command} == `b"
            content = f"a,b,{name}\n1,1,1\n2,2,2\n"
            condition = compares(name, 1)
        else:
            content = "a,my col\n1,1\nx,y\n"
            condition = {
                "type": "and",
                "conditions": [
                    compares("a", "\\"),
                    compares("a", "`"),
                    compares("my col", f"') == {command} #\""),
                ],
            }
        self.checks: list[Check] = [
            check("column_values_to_not_be_null", column="a", row_condition=condition)
        ]
        self.dataset: Dataset = register_dataset(
            product, DatasetDraft(name="People"), upload(content), actor=actor
        )

    def ran_nothing(self) -> bool:
        """Whether a run was carried out and the command was not."""
        run = Run.objects.latest("pk")
        assert run.is_finished
        assert run.results.filter(guard=False, outcome__in=["passed", "vacuous"]).count() == 1
        return not self.marker.exists()


@pytest.fixture(params=[BY_NAME, BY_VALUE])
def trap(request: Any, product: Product, max_acts: Actor, tmp_path: Path) -> Trap:
    return Trap(product, max_acts, request.param, tmp_path)


def test_a_condition_that_came_by_rest_runs_nothing(trap: Trap, api: Any, cast: Cast) -> None:
    rest = api(cast.max)
    assert rest.put(SUITE, {"expectations": trap.checks}).status_code == 200
    assert rest.post(RUNS, {}).status_code == 202
    work()
    assert trap.ran_nothing()


def test_a_condition_that_came_by_the_editor_runs_nothing(
    trap: Trap, as_person: Any, cast: Cast
) -> None:
    browser = as_person(cast.max)
    assert browser.post(EDITOR, {"suite": json.dumps(trap.checks)}).status_code == 302
    assert browser.post("/p/MED/data/people/runs/").status_code == 302
    work()
    assert trap.ran_nothing()


def test_a_condition_that_was_stored_before_runs_nothing(trap: Trap, max_acts: Actor) -> None:
    run_now(with_checks(trap.dataset, trap.checks), max_acts)
    assert trap.ran_nothing()


@pytest.mark.parametrize("name", ["row_condition", "condition_parser"])
def test_great_expectations_is_never_given_a_condition(name: str) -> None:
    expectation = check("column_values_to_not_be_null", column="a", **{name: "pandas"})
    with pytest.raises(ValueError, match="condition"):
        gx.FrameValidator.__new__(gx.FrameValidator).validate([expectation])
