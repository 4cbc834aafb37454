"""Who opened values of a dataset, and what is kept of its rows."""

from __future__ import annotations

from django.db.models import QuerySet

from dataquality.models import Dataset, DatasetVersion, ValuesOpened


def openings_of(dataset: Dataset) -> QuerySet[ValuesOpened]:
    """Each time somebody opened values, newest first."""
    return dataset.values_opened.select_related("user", "token").order_by("-pk")


def versions_with_rows(dataset: Dataset) -> QuerySet[DatasetVersion]:
    """The versions whose rows lie here still."""
    return dataset.versions.exclude(file="")
