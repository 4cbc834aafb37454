"""Deeds on what tools say of the work on an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import Actor, Item, ItemEvidence
from backlog.rules.item_evidence import TOOL, fault_of_metrics, fault_of_run
from backlog.rules.posted import without_credentials
from backlog.services.deeds import deed
from backlog.services.items import refuse_trashed
from mlscrum.lib.errors import DomainError

MOST_ON_ITEM = 500


@dataclass(frozen=True)
class EvidenceDraft:
    """What a tool says of one of its runs; what it leaves out is empty."""

    status: str
    url: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    commit: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


def put_evidence(
    item: Item, tool: str, run_id: str, draft: EvidenceDraft, *, actor: Actor
) -> tuple[ItemEvidence, bool]:
    """Keep what a tool says of a run for an item, in the place of what it said before; and whether
    it is new. The same again changes nothing.

    Raises ValidationError by field, and DomainError for an item in the trash or with too many.
    """
    refuse_trashed(item)
    name = tool.strip().casefold()
    _check(name, run_id, draft)
    said = {**asdict(draft), "url": without_credentials(draft.url)}
    with deed(item.product, actor, "item.evidence_put", item=item, tool=name, run=run_id) as done:
        # Two that come at once wait for each other, so that the later one finds the first.
        Item.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
        found = ItemEvidence.objects.filter(item=item, tool=name, run_id=run_id).first()
        if found is None and item.evidence.count() >= MOST_ON_ITEM:
            raise DomainError(
                "too_many", f"{item.ref} has {MOST_ON_ITEM} runs; remove some, or split the item."
            )
        before = {key: getattr(found, key) for key in said} if found else None
        if before == said:
            assert found is not None
            done.nothing_happened()
            return found, False
        evidence = found or ItemEvidence(item=item, tool=name, run_id=run_id, created_at=done.at)
        for key, value in said.items():
            setattr(evidence, key, value)
        evidence.by, evidence.token, evidence.updated_at = actor.user, actor.token, done.at
        evidence.save()
        done.data["status"] = draft.status
        # A tool that tells its figures at each step would else fill the item's history.
        done.data["only_figures"] = before is not None and before["status"] == draft.status
    return evidence, found is None


def remove_evidence(evidence: ItemEvidence, *, actor: Actor) -> None:
    """Take away what a tool said of a run."""
    item = evidence.item
    with deed(
        item.product, actor, "item.evidence_removed", item=item, tool=evidence.tool,
        run=evidence.run_id,
    ):  # fmt: skip
        evidence.delete()


def _check(tool: str, run_id: str, draft: EvidenceDraft) -> None:
    errors: dict[str, str] = {}
    if not TOOL.match(tool):
        errors["tool"] = "Name the tool by letters, digits, dots and hyphens, such as mlflow."
    if fault := fault_of_run(run_id):
        errors["run_id"] = fault
    if not draft.status.strip():
        errors["status"] = "Say how it stands, such as passed, failed or running."
    if fault := fault_of_metrics(draft.metrics):
        errors["metrics"] = fault
    if errors:
        raise ValidationError(errors)
