"""The troubles of connections: each is one finding, however many datasets meet it, until a run gets
through again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from backlog.models import Actor, Finding
from backlog.rules.evidence import Observation, Outcome
from backlog.services import findings
from backlog.services.findings import EvidenceReport
from dataquality.models import SOURCE_OF_RUNS, Connection, Dataset
from dataquality.queries.connections import troubles_of
from dataquality.rules.connections import (
    OF_A_CONNECTION,
    OF_A_DATABASE,
    SAID_BY_A_DATABASE,
    fingerprints,
    trouble,
)


def is_of_connection(dataset: Dataset, code: str) -> bool:
    """Whether an error is one of the connection that the dataset is read through."""
    if dataset.connection is None:
        return False
    return code in OF_A_CONNECTION or (dataset.is_live and code in OF_A_DATABASE)


def has_answered(dataset: Dataset, code: str) -> bool:
    """Whether an error says that the connection of the dataset let something through."""
    return dataset.connection is not None and dataset.is_live and code in SAID_BY_A_DATABASE


def report_unreached(
    dataset: Dataset,
    code: str,
    message: str,
    *,
    key: str,
    trigger: str = "",
    context: Mapping[str, Any] | None = None,
) -> None:
    """Say of the connection of a dataset that it let nothing through, by the report `key`.

    `message` holds no values.
    """
    connection = _connection_of(dataset)
    readers = Dataset.objects.filter(connection=connection, subject__product=dataset.product)
    observation = trouble(
        connection.slug,
        code,
        f"{connection.name}: {message}",
        Outcome.FAILED,
        {
            "url": reverse("dataquality:connection", args=[dataset.product.key, connection.slug]),
            "message": message,
            "readers": readers.count(),
        },
    )
    _report(dataset, [observation], key=key, at=timezone.now(), trigger=trigger, context=context)


def report_reached(
    dataset: Dataset, *, key: str, at: datetime, context: Mapping[str, Any] | None = None
) -> None:
    """Say of the connection of a dataset that it let something through which was begun `at` that
    time: what it was said to suffer from is over, or closer to it where several must get through.
    Where it was well nothing is said."""
    if dataset.connection is None:
        return
    codes = fingerprints(dataset.connection.slug)
    over = [
        trouble(
            dataset.connection.slug, codes[finding.fingerprint], finding.title, Outcome.PASSED, {}
        )
        for finding in troubles_of(dataset.product, dataset.connection)
        if finding.state == Finding.State.OPEN or finding.last_outcome == Outcome.FAILED
    ]
    if over:
        _report(dataset, over, key=f"{key}:reached", at=at, context=context)


def _report(
    dataset: Dataset,
    observations: Sequence[Observation],
    *,
    key: str,
    at: datetime,
    trigger: str = "",
    context: Mapping[str, Any] | None = None,
) -> None:
    connection = _connection_of(dataset)
    findings.report(
        EvidenceReport(
            product=dataset.product,
            source=SOURCE_OF_RUNS,
            key=key,
            subject=None,
            batch_key=f"connection {connection.slug}:{at.isoformat()}",
            batch_at=at,
            trigger=trigger,
            context=context or {},
            observations=observations,
            is_whole=False,
        ),
        actor=Actor.system(),
    )


def _connection_of(dataset: Dataset) -> Connection:
    if dataset.connection is None:
        raise ValueError(f"{dataset} is read through no connection.")
    return dataset.connection
