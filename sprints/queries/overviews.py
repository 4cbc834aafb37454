"""Sprints with their figures, as lists and pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backlog.models import Backlog, Product, Team
from sprints.models import Sprint
from sprints.queries.exits import Standing, chosen_of, standings_of
from sprints.queries.reports import AMOUNTS, kept_figures, shown_figures
from sprints.queries.sprints import amounts_of, sprints_of
from sprints.rules.velocity import Past


@dataclass(frozen=True)
class SprintView:
    """A sprint with its amounts, as of now or of its closing; None before it starts."""

    sprint: Sprint
    figures: dict[str, Any]
    datasets: Sequence[str]
    standing: Standing | None

    @property
    def exit(self) -> dict[str, Any] | None:
        if self.standing is not None and self.standing.has_exit:
            return {"met": self.standing.exit_met, "reasons": list(self.standing.exit_reasons)}
        kept = _kept(self.sprint, "exit")
        if kept is not None and self.sprint.kind == Sprint.Kind.DATA_ASSESSMENT:
            return {"met": not kept, "reasons": kept}
        return None

    def __getattr__(self, name: str) -> Any:
        if name in {*AMOUNTS, "split_off"}:
            return self.figures.get(name)
        raise AttributeError(name)


def sprint_view(sprint: Sprint) -> SprintView:
    """A sprint with its figures: a closed one speaks from its report alone."""
    return sprint_views([sprint])[0]


def sprint_views(sprints: Sequence[Sprint]) -> list[SprintView]:
    """The same of several sprints, in their order; only those that run ask for figures one by
    one, and of these a team has one."""
    standings = standings_of([sprint for sprint in sprints if not _is_over(sprint)])
    return [
        SprintView(
            sprint,
            _figures(sprint),
            [row.subject.slug for row in chosen_of(sprint)],
            standings.get(sprint.pk),
        )
        for sprint in sprints
    ]


def _is_over(sprint: Sprint) -> bool:
    return sprint.backlog.state == Backlog.State.CLOSED


def _figures(sprint: Sprint) -> dict[str, Any]:
    kept: dict[str, Any] | None = _kept(sprint, "figures")
    if kept is not None:
        return kept_figures(kept)
    if sprint.backlog.started_at is None:
        return {}
    return shown_figures(amounts_of(sprint))


def _kept(sprint: Sprint, name: str) -> Any:
    """A part of the report: as `sprints_of` read it alone, else of the whole; None without one."""
    if hasattr(sprint, f"kept_{name}"):
        return getattr(sprint, f"kept_{name}")
    return sprint.report[name] if sprint.report else None


def past_sprints(product: Product, *, team: Team | None = None) -> list[Past]:
    """The closed sprints that ran to their end, oldest first, as their reports hold them."""
    found = sprints_of(product, state=Backlog.State.CLOSED, team=team).filter(
        backlog__cancelled=False, report__isnull=False
    )
    rows = found.order_by("backlog__closed_at", "pk").values_list(
        "pk", "backlog__name", "report__figures"
    )
    return [
        Past(
            id=pk,
            name=name,
            **{
                key: Decimal(str(figures[key]["points"]))
                for key in ("committed", "completed", "added", "removed")
            },
            reestimated=Decimal(str(figures["reestimated"])),
            split_off=Decimal(str(kept_figures(figures)["split_off"]["points"])),
        )
        for pk, name, figures in rows
    ]
