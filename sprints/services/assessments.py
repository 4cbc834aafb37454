"""Making a data-assessment sprint of what evidence found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backlog.models import Actor, Finding, Item, Subject, Team
from backlog.services.deeds import deed
from backlog.services.evidence_items import lock_items_of
from backlog.services.findings import file_findings
from backlog.services.items import move_items
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict
from sprints.models import Sprint
from sprints.queries.assessments import MOST_FINDINGS, open_findings, why_it_stays
from sprints.services.sprints import create_sprint


@dataclass(frozen=True)
class Assessment:
    """A planned data assessment: its items in their order, those among them that were filed for
    it, and those that stayed where they are, each with why."""

    sprint: Sprint
    items: Sequence[Item]
    filed: Sequence[Item]
    left: Sequence[tuple[Item, str]]


def plan_assessment(
    team: Team,
    subjects: Sequence[Subject],
    findings: Sequence[Finding],
    *,
    actor: Actor,
    **fields: Any,
) -> Assessment:
    """Plan a sprint that assesses the datasets, with the items of the findings that are still
    open, the most urgent first: all of it or nothing.

    A finding without an item gets one. Items of another sprint, of the trash and of other products
    stay. `fields` are those of `create_sprint`. Raises Conflict where nothing is open any more or
    all of it is cared for elsewhere, and whatever `create_sprint` raises.
    """
    product = team.product
    with deed(product, actor, "sprint.created") as done:
        sprint = create_sprint(
            team,
            actor=actor,
            subjects=subjects,
            kind=Sprint.Kind.DATA_ASSESSMENT,
            **fields,
        )
        lock_items_of(product, findings)
        wanted = open_findings(subjects).filter(pk__in=[finding.pk for finding in findings])
        still_open = list(wanted[:MOST_FINDINGS])
        if not still_open:
            why = "None of these findings is open any more; look at the dataset again."
            raise Conflict("nothing_open", why)
        filed = file_findings(still_open, actor=actor)
        items, left = _sorted_out(open_findings(subjects), still_open, sprint)
        if not items:
            told = " ".join(f"{item.ref} {why}." for item, why in left)
            raise Conflict("nothing_to_take", f"No item can come along: {told}")
        move_items(product, items, actor=actor, spot=Spot.bottom(), to=sprint.backlog)
        done.data |= {
            "sprint": sprint.pk,
            "name": sprint.backlog.name,
            "subjects": [subject.slug for subject in subjects],
            "filed": [item.ref for item in filed],
        }
    return Assessment(sprint, items, filed, left)


def _sorted_out(
    found: Any, chosen: Sequence[Finding], sprint: Sprint
) -> tuple[list[Item], list[tuple[Item, str]]]:
    """The items of the chosen findings, each once: those that can come, and those that stay."""
    items: dict[int, Item] = {}
    left: dict[int, tuple[Item, str]] = {}
    for finding in found.filter(pk__in=[finding.pk for finding in chosen]):
        item = finding.item
        if item is None:
            continue
        why = why_it_stays(item, sprint.backlog.product)
        if why:
            left[item.pk] = (item, why)
        else:
            items[item.pk] = item
    return list(items.values()), list(left.values())
