"""The panels about data that items show on their page."""

from __future__ import annotations

from backlog.models import Actor, Item
from backlog.queries.panels import May, Panel
from dataquality.queries.datasets import may_see_values
from dataquality.queries.evidence import evidence_of, newest_results
from dataquality.queries.lineage import data_of
from dataquality.services.values import note_values_opened


def failing_rows(item: Item, may: May, actor: Actor) -> Panel | None:
    """The failing rows of the item's findings; who may see them is noted as having done so."""
    results = newest_results(item)
    if not results:
        return None
    datasets = {result.run.dataset_id: result.run.dataset for result in results}
    sees = {
        pk: may_see_values(dataset, actor, allowed=may("data.values", dataset.subject))
        for pk, dataset in datasets.items()
    }
    evidence = evidence_of(results, sees)
    opened = {e.line.result.run_id: e.dataset for e in evidence if e.line.shows_values}
    for run_id, dataset in opened.items():
        note_values_opened(dataset, f"run {run_id}", actor=actor)
    return Panel("dataquality/_item_panel.html", {"evidence": evidence, "item": item})


def data_it_needs(item: Item, may: May, actor: Actor) -> Panel | None:
    """The datasets that the item depends on, and how they stand."""
    rows = data_of(item)
    return Panel("dataquality/_item_data.html", {"needed": rows, "item": item}) if rows else None
