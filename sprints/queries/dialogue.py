"""What the ceremonies of sprints gave: coverage of roles, conversion, days from insight to item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backlog.models import Product, Role, Team
from backlog.queries.agendas import Facts, Reader
from sprints.models import BlockVersion, Ceremony, GuestLink, Outcome, Sprint
from sprints.rules.dialogue import Dialogue, InsightFact, dialogue

MOST_SPRINTS = 20
HOSTS = (Role.PRODUCT_OWNER, Role.SCRUM_MASTER)  # they invite; their role counts once they speak
ContestedOf = Callable[[Product], int]
_contested: list[ContestedOf] = []


def provide_contested(contested_of: ContestedOf) -> None:
    """Tell how many terms of a product are contested."""
    _contested[:] = [contested_of]


def contested_terms(product: Product) -> int:
    """How many words the people of the product do not agree on now."""
    return sum(contested_of(product) for contested_of in _contested)


@dataclass(frozen=True)
class SprintDialogue:
    """A sprint with the figures of its ceremonies, and how many were held."""

    sprint: Sprint
    held: int
    figures: Dialogue


def dialogue_of(sprint: Sprint) -> Dialogue:
    """The figures of one sprint, from its ceremonies that were opened."""
    product = sprint.backlog.product
    return _figures(product, [sprint])[sprint.pk].figures


def dialogues_of(product: Product, *, team: Team | None = None) -> list[SprintDialogue]:
    """The last sprints that held ceremonies, the newest first; in a fixed number of queries."""
    found = Sprint.objects.select_related("backlog__team", "backlog__product").filter(
        backlog__product=product, ceremonies__opened_at__isnull=False
    )
    if team is not None:
        found = found.filter(backlog__team=team)
    sprints = list(found.distinct().order_by("-backlog__starts_on", "-pk")[:MOST_SPRINTS])
    figures = _figures(product, sprints)
    return [figures[sprint.pk] for sprint in sprints]


def _figures(product: Product, sprints: Sequence[Sprint]) -> dict[int, SprintDialogue]:
    held = Ceremony.objects.filter(sprint__in=sprints, opened_at__isnull=False)
    sprint_of = dict(held.values_list("pk", "sprint_id"))
    held_roles = product.members.exclude(role__in=HOSTS).values_list("role", flat=True)
    roles = {str(Role(role).label) for role in held_roles.distinct()}
    invited: dict[int, set[str]] = defaultdict(lambda: set(roles))
    contributed: dict[int, set[str]] = defaultdict(set)
    insights: dict[int, list[InsightFact]] = defaultdict(list)
    links = GuestLink.objects.filter(ceremony__in=sprint_of, is_observer=False, revoked_at=None)
    for ceremony, trade in links.exclude(trade="").values_list("ceremony", "trade"):
        invited[sprint_of[ceremony]].add(trade)
    wrote = BlockVersion.objects.filter(block__ceremony__in=sprint_of, written_by__isnull=False)
    for ceremony, trade in wrote.values_list("block__ceremony", "written_by__trade").distinct():
        contributed[sprint_of[ceremony]].add(trade)
    for outcome in Outcome.objects.filter(ceremony__in=sprint_of).select_related("said_by"):
        sprint = sprint_of[outcome.ceremony_id]
        role = outcome.said_by.trade if outcome.said_by else ""
        if role:
            contributed[sprint].add(role)
        if outcome.kind == Outcome.Kind.INSIGHT:
            insights[sprint].append(_fact(outcome, role))
    contested = contested_terms(product)
    return {
        sprint.pk: SprintDialogue(
            sprint,
            sum(of == sprint.pk for of in sprint_of.values()),
            dialogue(
                insights[sprint.pk],
                invited=invited[sprint.pk],
                contributed=contributed[sprint.pk],
                contested_terms=contested,
            ),
        )
        for sprint in sprints
    }


def _fact(outcome: Outcome, role: str) -> InsightFact:
    return InsightFact(
        role,
        outcome.created_at,
        outcome.converted_at,
        became_item=outcome.into == Outcome.Into.ITEM,
        is_declined=outcome.state == Outcome.State.DECLINED,
    )


def facts(ceremony: Ceremony, reader: Reader) -> Facts | None:
    """For the agenda of a review: how the sprint's ceremonies were used so far."""
    if ceremony.sprint is None:
        return None
    figures = dialogue_of(ceremony.sprint)
    return {"figures": figures} if figures.insights or figures.contributed else None


def words(ceremony: Ceremony) -> str:
    """For the minutes."""
    if ceremony.sprint is None:
        return ""
    found = dialogue_of(ceremony.sprint)
    if not found.insights:
        return ""
    lines = [
        f"Insights: {found.insights}, of them {found.converted} became work"
        f" and {found.declined} {'was' if found.declined == 1 else 'were'} declined",
        f"Roles that contributed: {len(found.contributed)} of {len(found.invited)}",
    ]
    if found.median_days is not None:
        lines.append(f"Median from insight to item: {found.median_days:.1f} days")
    return "\n".join(f"- {line}" for line in lines)
