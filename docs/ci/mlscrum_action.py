"""Posts results of Great Expectations checkpoints to ML Scrum. Copy this file into your project.

    from mlscrum_action import PostToMLScrum

    checkpoint = gx.Checkpoint(
        name="nightly",
        validation_definitions=[…],
        actions=[PostToMLScrum(name="ml-scrum", url="https://scrum.example.org", product="MED")],
    )

The token comes from the environment variable MLSCRUM_TOKEN: one of the product with the scope
`evidence`. Nothing but the standard library is needed beside great_expectations 1.x.

Values of your data stay with you: lists of failing values are taken out before anything is sent,
unless you set send_values. Branch, commit and job are taken from GitHub Actions and GitLab CI where
they run; results of pull requests change nothing in ML Scrum and answer what they would have done.

With fail_on="critical" the checkpoint raises GateShut where the gate is not passed.
"""

import json
import math
import os
import urllib.error
import urllib.request
from typing import Any, Literal, Optional

from great_expectations.checkpoint import ValidationAction

VALUES = (
    "partial_unexpected_list",
    "partial_unexpected_counts",
    "partial_unexpected_index_list",
    "unexpected_list",
    "unexpected_index_list",
    "unexpected_index_query",
    "details",
)


class GateShut(Exception):
    """The gate is not passed; its reasons are in the message."""


class PostToMLScrum(ValidationAction):
    """Posts all validation results of a checkpoint at once.

    dataset: the slug of the one dataset that all of it is about; else datasets are found by the
    names of their assets. create_missing: make those that nobody knows yet (the token then needs
    the scope `write`). external_id: the same again changes nothing.
    """

    type: Literal["ml_scrum"] = "ml_scrum"
    name: str = "ml-scrum"
    url: str
    product: str
    dataset: Optional[str] = None
    create_missing: bool = False
    source: str = "ci"
    fail_on: Optional[Literal["critical", "warning", "info"]] = None
    external_id: Optional[str] = None
    context: Optional[dict] = None
    send_values: bool = False
    token_variable: str = "MLSCRUM_TOKEN"
    timeout_s: float = 60

    def run(self, checkpoint_result: Any, action_context: Any = None) -> dict:
        results = [result.to_json_dict() for result in checkpoint_result.run_results.values()]
        if not self.send_values:
            for result in results:
                _take_values_out(result)
        posted = {
            "format": "gx",
            "result": _finite(results),
            "source": self.source,
            "create_missing": self.create_missing,
            "context": self.context if self.context is not None else context_of_job(),
        }
        for name in ("dataset", "external_id"):
            if getattr(self, name):
                posted[name] = getattr(self, name)
        answer = self._post(posted)
        if self.fail_on and not answer["gate"]["passed"]:
            reasons = "; ".join(reason["detail"] for reason in answer["gate"]["reasons"])
            raise GateShut(f"{answer['gate']['state']}: {reasons} {answer['gate']['url']}")
        return answer

    def _post(self, posted: dict) -> dict:
        address = f"{self.url.rstrip('/')}/api/v1/products/{self.product}/results/"
        if self.fail_on:
            address += f"?fail_on={self.fail_on}"
        request = urllib.request.Request(
            address,
            data=json.dumps(posted, allow_nan=False).encode(),
            headers={
                "Authorization": f"Bearer {os.environ[self.token_variable]}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                said = json.load(refused)
            if refused.code == 422 and "gate" in said:
                return said
            raise RuntimeError(f"ML Scrum refused the results: {said.get('detail')}") from None


def context_of_job() -> dict:
    """Branch, commit and job, as GitHub Actions and GitLab CI tell them."""
    env = os.environ
    if env.get("GITHUB_ACTIONS"):
        page = f"{env.get('GITHUB_SERVER_URL')}/{env.get('GITHUB_REPOSITORY')}"
        found = {
            "branch": env.get("GITHUB_HEAD_REF") or env.get("GITHUB_REF_NAME"),
            "commit": env.get("GITHUB_SHA"),
            "pull_request": env.get("GITHUB_HEAD_REF"),
            "job_url": f"{page}/actions/runs/{env.get('GITHUB_RUN_ID')}",
            "job_id": env.get("GITHUB_RUN_ID"),
        }
    elif env.get("GITLAB_CI"):
        found = {
            "branch": env.get("CI_COMMIT_REF_NAME"),
            "commit": env.get("CI_COMMIT_SHA"),
            "pull_request": env.get("CI_MERGE_REQUEST_IID"),
            "job_url": env.get("CI_JOB_URL"),
            "job_id": env.get("CI_JOB_ID"),
        }
    else:
        found = {}
    return {name: value for name, value in found.items() if value}


def _take_values_out(result: dict) -> None:
    for check in result["results"]:
        for name in VALUES:
            check.get("result", {}).pop(name, None)


def _finite(value: Any) -> Any:
    """NaN and infinities, which JSON does not know, as null."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
