"""The public contract: names that scripts rely on are in the OpenAPI document, and are answered."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

FIELDS = {
    "Me": "kind product scopes expires_at version time",
    "Product": "key name goal statuses",
    "Status": "slug name category wip_limit",
    "Item": "ref url kind title description criteria status category points assignees labels "
    "parent children links sprint blocked blocked_reason due_date gpu_hours fields "
    "external_source external_id external_url severity source findings version created_at "
    "updated_at done_at deleted_at",
    "MoveRequest": "refs before after to sprint status",
    "BulkRequest": "items text refs set atomic",
    "Sprint": "id name goal kind team start_date end_date state capacity_points "
    "capacity_gpu_hours goal_met goal_reason committed completed added removed datasets "
    "target_health exit url",
    "CloseRequest": "goal_met goal_reason unfinished next_sprint override dry_run",
    "Velocity": "sprints range",
    "Forecast": "p50 p85 p95 seed based_on",
    "Finding": "id source fingerprint title severity priority state marks first_seen last_seen "
    "occurrences evidence dataset run item resolution muted_until url",
    "SeenRequest": "source fingerprint title severity outcome evidence context",
    "EvidenceWantedRequest": "url status metrics commit context",
    "ResultsRequest": "format payload dataset create_missing manifest context external_id",
    "Insight": "kind text by role state outcome",
    "Term": "name meanings synonyms state columns",
    "Dataset": "uid slug name description source connection owner steward personal_data "
    "key_columns masked_columns sample_policy batch schedule freshness_limit_h health_target "
    "green_batches version rows columns health last_run gate shared_with url",
    "Version": "number sha256 bytes rows columns as_of created_at created_by context purged_at",
    "RunDetail": "id dataset version batch suite_version engine trigger context tracked state "
    "progress requested_at started_at finished_at statistics results findings error gate url "
    "awaiting",
    "Result": "type column kwargs severity outcome observed_value element_count "
    "unexpected_count unexpected_percent sample message finding item",
    "Gate": "passed state reasons run version commit checked_at age_s health url",
    "AskRunRequest": "wait version batch fail_on context",
    "NewVersionRequest": "file as_of context",
}


@pytest.fixture(scope="module")
def components() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    schemas: dict[str, Any] = found["components"]["schemas"]
    return schemas


@pytest.mark.parametrize("resource", FIELDS)
def test_the_document_holds_the_main_fields(components: dict[str, Any], resource: str) -> None:
    missing = set(FIELDS[resource].split()) - set(components[resource]["properties"])
    assert not missing
