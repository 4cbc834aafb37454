"""What Prometheus reads: with a token alone, without names of people or of what they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from backlog.models import Job, Product
from backlog.services import jobs
from backlog.services.heartbeats import beat
from backlog.services.webhooks import JOB_KIND
from backlog.views import health

TOKEN = "5550199"


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def read(client: Any) -> dict[str, dict[str, float]]:
    """The figures by name, each by its labels."""
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[" ".join(sample.labels.values())] = sample.value
    return found


def test_without_the_token_there_is_nothing_to_read(client: Any, settings: Any) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer 555"}).status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer é"}).status_code == 401
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_requests_are_counted_by_view_and_status(client: Any, db: None) -> None:
    before = read(client).get("mlscrum_requests_total", {})
    client.get("/healthz")
    client.get("/nowhere")
    client.generic("BREW", "/healthz")
    after = read(client)["mlscrum_requests_total"]
    grown = {labels for labels, count in after.items() if count == before.get(labels, 0) + 1}
    assert {"GET 200 healthz", "GET 404 unknown", "unknown 200 healthz"} <= grown
    assert read(client)["mlscrum_request_seconds_count"]["page"] > 0


def test_queues_and_signs_of_life(client: Any, product: Product) -> None:
    jobs.enqueue(product, JOB_KIND, {"webhook": 0})
    Job.objects.update(run_after=timezone.now() - timedelta(seconds=90))
    beat("worker")
    found = read(client)
    assert found["mlscrum_jobs"]["webhooks queued"] == 1
    assert found["mlscrum_jobs"]["default running"] == 0
    assert found["mlscrum_webhook_messages"] == {"waiting": 0, "failed": 0}
    assert 90 <= found["mlscrum_job_wait_seconds"]["webhooks"] < 150
    assert 0 <= found["mlscrum_silence_seconds"]["worker"] < 60


def test_the_database_is_asked_a_fixed_number_of_questions(
    client: Any, product: Product, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(6):
        read(client)


def test_without_a_database_it_says_what_it_counted(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> bytes:
        raise OperationalError

    monkeypatch.setattr(health, "exposition", refuse)
    found = read(client)
    assert "mlscrum_request_seconds_count" in found
    assert "mlscrum_jobs" not in found
