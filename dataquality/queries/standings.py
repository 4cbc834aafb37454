"""How datasets stand now: health, last run and gate, in a number of queries that is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataquality.models import Dataset, Run
from dataquality.queries.datasets import last_counted
from dataquality.queries.gates import Gate, dataset_gates


@dataclass(frozen=True)
class Standing:
    """One dataset: its last run that counts, and its gate."""

    last_run: Run | None
    gate: Gate

    @property
    def health(self) -> float | None:
        """0 to 100, None before the first run that counts and where nothing was judged."""
        return self.last_run.health if self.last_run else None


def standings(datasets: Sequence[Dataset]) -> dict[int, Standing]:
    """How each of the datasets stands, by id."""
    runs, gates = last_counted(datasets), dataset_gates(datasets)
    return {dataset.pk: Standing(runs.get(dataset.pk), gates[dataset.pk]) for dataset in datasets}
