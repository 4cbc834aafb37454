"""What tools say of the work on items, as pages show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import Http404

from backlog.models import Actor, Item, ItemEvidence
from backlog.queries.panels import May, Panel
from backlog.rules.item_evidence import tone_of

SHOWN = 20


@dataclass(frozen=True)
class EvidenceRow:
    """One run of a tool, and how its word for its state is meant."""

    evidence: ItemEvidence
    tone: str


@dataclass(frozen=True)
class ItemRuns:
    """The newest runs of an item, of `total`."""

    rows: Sequence[EvidenceRow]
    total: int

    @property
    def has_more(self) -> bool:
        return self.total > len(self.rows)


def evidence_of(item: Item) -> ItemRuns:
    """What tools said of an item, the newest first."""
    rows = [_row(one) for one in item.evidence.select_related("by", "token")[: SHOWN + 1]]
    total = len(rows) if len(rows) <= SHOWN else item.evidence.count()
    return ItemRuns(rows[:SHOWN], total)


def panel_of(item: Item, may: May, actor: Actor) -> Panel | None:
    """The panel of an item's page; none where no tool has said anything."""
    runs = evidence_of(item)
    if not runs.total:
        return None
    return Panel(
        "backlog/_item_evidence.html",
        {"runs": runs, "item": item, "may_remove": may("item.edit") and item.deleted_at is None},
    )


def find_evidence(item: Item, tool: str, run_id: str) -> ItemEvidence:
    """What a tool said of a run, or 404."""
    found = ItemEvidence.objects.filter(item=item, tool=tool.casefold(), run_id=run_id).first()
    if found is None:
        raise Http404(f"{item.ref} has no run {run_id} of {tool}.")
    found.item = item
    return found


def newest_of(items: Iterable[Item], *, most: int) -> Mapping[int, list[EvidenceRow]]:
    """The newest runs of each of these items, by the item's key, in one query."""
    place = Window(
        RowNumber(), partition_by=F("item"), order_by=[F("updated_at").desc(), F("pk").desc()]
    )
    rows = ItemEvidence.objects.filter(item__in=[item.pk for item in items])
    found: dict[int, list[EvidenceRow]] = {}
    for one in rows.annotate(place=place).filter(place__lte=most):
        found.setdefault(one.item_id, []).append(_row(one))
    return found


def _row(evidence: ItemEvidence) -> EvidenceRow:
    return EvidenceRow(evidence, tone_of(evidence.status))
