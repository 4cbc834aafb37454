"""Run results of dbt with its manifest, or the slice of it that tests need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backlog.rules.evidence import Outcome
from backlog.rules.severity import Severity
from dataquality.ingest.posted import (
    LONGEST_NAME,
    LONGEST_TEXT,
    LONGEST_TYPE,
    PostedCheck,
    PostedReport,
    count,
    limited,
    mapping,
    moment,
    text,
    wrong,
)

OUTCOMES = {
    "pass": Outcome.PASSED,
    "success": Outcome.PASSED,
    "fail": Outcome.FAILED,
    "warn": Outcome.FAILED,
    "error": Outcome.ERRORED,
    "runtime error": Outcome.ERRORED,
    "partial success": Outcome.ERRORED,
}
NOT_RUN = frozenset({"skipped", "no-op"})
TESTS = ("test.", "unit_test.")
BUILT = ("model.", "seed.", "snapshot.")
WITHOUT_MODEL = "no_manifest"


def parse(
    document: Any, manifest: Any = None, *, is_of_one: bool = False, where: str = ""
) -> list[PostedReport]:
    """One report per model that was tested or built; what was skipped is in none.

    The model, column and severity of a test stand only in the manifest: without one, all results
    have to be of one dataset (`is_of_one`). Raises Invalid where it is none of dbt's files.
    """
    found = mapping(document)
    metadata = mapping(found.get("metadata"))
    schema = text(metadata.get("dbt_schema_version"))
    results = found.get("results")
    if not isinstance(results, list) or (schema and "run-results" not in schema):
        raise wrong(where, "not_dbt", "This is no run_results.json of dbt.")
    if manifest is None and not is_of_one:
        raise wrong(
            where, WITHOUT_MODEL,
            "Send the manifest too, or name the dataset: which model a test is of stands only in "
            "manifest.json.",
        )  # fmt: skip
    limited(len(results))
    nodes = _Nodes(mapping(manifest))
    checks: dict[str, list[PostedCheck]] = {}
    for place, result in enumerate(results):
        said = _said(mapping(result), f"{where}/results/{place}", nodes)
        if said is not None:
            model, check = said
            checks.setdefault("" if is_of_one else model, []).append(check)
    checked_at = moment(metadata.get("generated_at"))
    return [
        PostedReport(
            checks=of_model,
            names=nodes.names(model),
            bare=nodes.bare(model),
            checked_at=checked_at,
        )
        for model, of_model in checks.items()
    ]


class _Nodes:
    """What the manifest says of models and tests, by their ids."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        parts = [mapping(manifest.get(name)) for name in ("nodes", "sources", "unit_tests")]
        self.all = {key: mapping(node) for part in parts for key, node in part.items()}

    def get(self, unique_id: str) -> Mapping[str, Any]:
        return self.all.get(unique_id, {})

    def names(self, model: str) -> list[str]:
        relation = text(self.get(model).get("relation_name"))
        return [name for name in (model, relation) if name]

    def bare(self, model: str) -> str:
        node = self.get(model)
        return (
            text(node.get("alias") or node.get("identifier") or node.get("name"))
            or (model.split(".")[-1])
        )

    def model_of(self, test: str) -> str:
        """The model that a test is of; of several, the one whose file declares the test."""
        node = self.get(test)
        attached = text(node.get("attached_node"))
        if attached:
            return attached
        depends = mapping(node.get("depends_on")).get("nodes")
        needed = [name for name in depends if isinstance(name, str)] if depends else []
        declared = text(node.get("file_key_name")).partition(".")[2] or text(node.get("model"))
        for name in needed:
            if declared and name.split(".")[-1] == declared:
                return name
        return needed[0] if needed else ""


def _said(result: Mapping[str, Any], where: str, nodes: _Nodes) -> tuple[str, PostedCheck] | None:
    """Model and check of a result; None where nothing was run, or nothing that can be judged."""
    unique_id = text(result.get("unique_id"), 1000)
    status = text(result.get("status")).lower()
    if not unique_id or (status not in OUTCOMES and status not in NOT_RUN):
        raise wrong(where, "not_dbt", "A result of dbt has a unique_id and a status.")
    if status in NOT_RUN or not unique_id.startswith((*TESTS, *BUILT)):
        return None
    outcome = OUTCOMES[status]
    errored: dict[str, Any] = {}
    if outcome == Outcome.ERRORED:
        errored = {"error_code": "dbt_error"}
    message = text(result.get("message"), 1_000_000)[-LONGEST_TEXT:]
    if outcome == Outcome.PASSED:
        message = ""
    if unique_id.startswith(BUILT):
        return unique_id, PostedCheck(
            type="dbt_build",
            words="Can be built",
            outcome=outcome.value,
            severity=Severity.CRITICAL.value,
            check="dbt",
            identity={"unique_id": unique_id},
            message=message,
            **errored,
        )
    node = nodes.get(unique_id)
    name = text(mapping(node.get("test_metadata")).get("name"))
    words = name or text(node.get("name")) or unique_id.split(".")[2 if "." in unique_id else 0]
    failures = count(result.get("failures"))
    return nodes.model_of(unique_id), PostedCheck(
        type=(f"dbt_{name}" if name else "dbt_test")[:LONGEST_TYPE],
        words=_sentence(words),
        outcome=outcome.value,
        severity=_severity(status, node),
        check="dbt",
        identity={"unique_id": unique_id},
        column=text(node.get("column_name"), LONGEST_NAME),
        unexpected_count=failures if outcome != Outcome.ERRORED else None,
        message=message,
        **errored,
    )


def _severity(status: str, node: Mapping[str, Any]) -> str:
    """dbt knows error and warn, and says by the status which of them it was."""
    said = text(mapping(node.get("config")).get("severity")).lower()
    is_mild = status == "warn" or (status != "fail" and said == "warn")
    return (Severity.WARNING if is_mild else Severity.CRITICAL).value


def _sentence(name: str) -> str:
    words = re.sub(r"[_\s]+", " ", name).strip()
    return (words[:1].upper() + words[1:])[:LONGEST_NAME]
