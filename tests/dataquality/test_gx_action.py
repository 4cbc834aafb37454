"""The Action that people copy, in a real checkpoint of Great Expectations."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from backlog.models import Finding, Product, Scope
from dataquality.models import Dataset, Run
from tests.conftest import Cast

FILE = Path(__file__).parents[2] / "docs" / "ci" / "mlscrum_action.py"
CANARY = "Canary Meyer"


@pytest.fixture(scope="session")
def action() -> Any:
    """The module as somebody has copied it; it registers its class once."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    spec = importlib.util.spec_from_file_location("mlscrum_action", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mlscrum_action"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def posts(
    monkeypatch: pytest.MonkeyPatch, api: Any, product: Product, action: Any
) -> Iterator[list[dict[str, Any]]]:
    """What the action sends reaches our REST API as urllib would carry it."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    caller = api(product=product, scopes=(Scope.EVIDENCE, Scope.WRITE))
    token = caller._credentials["HTTP_AUTHORIZATION"]
    monkeypatch.setenv("MLSCRUM_TOKEN", token.removeprefix("Bearer "))
    caller.credentials()
    sent: list[dict[str, Any]] = []

    def urlopen(request: Request, timeout: float) -> BytesIO:
        assert isinstance(request.data, bytes)
        sent.append(json.loads(request.data))
        answer = caller.generic(
            "POST",
            request.full_url.removeprefix("https://scrum.example.org"),
            request.data,
            content_type=request.headers["Content-type"],
            HTTP_AUTHORIZATION=request.headers["Authorization"],
        )
        body = BytesIO(answer.content)
        if answer.status_code >= 400:
            raise HTTPError(request.full_url, answer.status_code, "", request.headers, body)  # type: ignore[arg-type]
        return body

    monkeypatch.setattr(action.urllib.request, "urlopen", urlopen)
    yield sent


def checkpoint(action: Any, missing: int, **options: Any) -> Any:
    """A checkpoint on 100 patients, so many of them without an age."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd
    from great_expectations.expectations.metadata_types import FailureSeverity

    context = gx.get_context(mode="ephemeral")
    frame = pd.DataFrame(
        {"age": [None] * missing + [40.0] * (100 - missing), "name": [CANARY] * 100}
    )
    batch = (
        context.data_sources.add_pandas("clinic")
        .add_dataframe_asset("patients")
        .add_batch_definition_whole_dataframe("all")
    )
    suite = context.suites.add(
        gx.ExpectationSuite(
            name="clinic",
            expectations=[
                gxe.ExpectColumnValuesToNotBeNull(column="age", mostly=0.98),
                gxe.ExpectColumnValuesToBeInSet(
                    column="name", value_set=["Nobody"], severity=FailureSeverity.INFO
                ),
                gxe.ExpectColumnValuesToBeUnique(column="nope", severity=FailureSeverity.WARNING),
                gxe.ExpectColumnStdevToBeBetween(column="age", max_value=5),
            ],
        )
    )
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name="patients", data=batch, suite=suite)
    )
    post = action.PostToMLScrum(url="https://scrum.example.org/", product="MED", **options)
    made = context.checkpoints.add(
        gx.Checkpoint(name="nightly", validation_definitions=[definition], actions=[post])
    )
    return lambda: made.run(batch_parameters={"dataframe": frame})


def test_a_checkpoint_of_great_expectations_posts_its_results(
    action: Any, posts: list[dict[str, Any]]
) -> None:
    run = checkpoint(action, 9, create_missing=True)
    run()
    [sent] = posts
    assert CANARY not in json.dumps(sent)
    dataset, taken = Dataset.objects.get(), Run.objects.get()
    assert dataset.slug == "patients"
    assert dataset.known_as == ["clinic.patients", "patients"]
    outcomes = dict(taken.results.values_list("type", "outcome"))
    assert outcomes == {
        "expect_column_values_to_not_be_null": "failed",
        "expect_column_values_to_be_in_set": "failed",
        "expect_column_values_to_be_unique": "errored",
        "expect_column_stdev_to_be_between": "passed",
    }
    nulls = taken.results.get(type="expect_column_values_to_not_be_null")
    assert (nulls.severity, nulls.unexpected_count, nulls.excess) == (
        "critical", 9, pytest.approx(7),
    )  # fmt: skip
    assert Finding.objects.filter(is_execution=True).count() == 1


def test_a_gate_that_is_shut_fails_the_checkpoint(action: Any, posts: list[dict[str, Any]]) -> None:
    with pytest.raises(action.GateShut, match="age: Not null, at least 98 % failed"):
        checkpoint(action, 9, create_missing=True, fail_on="critical")()
    assert Run.objects.count() == 1


def test_what_is_refused_is_said(action: Any, posts: list[dict[str, Any]], cast: Cast) -> None:
    with pytest.raises(RuntimeError, match="There is no dataset trips"):
        checkpoint(action, 0, dataset="trips")()


@pytest.mark.parametrize(
    ("env", "branch", "pull_request"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_SHA": "abc",
          "GITHUB_HEAD_REF": ""}, "main", None),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "7/merge", "GITHUB_SHA": "abc",
          "GITHUB_HEAD_REF": "fix"}, "fix", "fix"),
        ({"GITLAB_CI": "true", "CI_COMMIT_REF_NAME": "fix", "CI_COMMIT_SHA": "abc",
          "CI_MERGE_REQUEST_IID": "7"}, "fix", "7"),
    ],
)  # fmt: skip
def test_branch_and_commit_come_from_the_job(
    action: Any,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    branch: str,
    pull_request: str | None,
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found = action.context_of_job()
    assert (found["branch"], found["commit"]) == (branch, "abc")
    assert found.get("pull_request") == pull_request
