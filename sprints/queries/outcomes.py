"""What came of ceremonies, as pages show it and planning asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.urls import reverse

from backlog.models import Category, Item, Product
from sprints.models import Ceremony, Outcome

OPEN = (Outcome.State.CAPTURED, Outcome.State.ACCEPTED)  # nobody has made or declined it yet


def outcomes_of(ceremony: Ceremony) -> QuerySet[Outcome, Outcome]:
    """All that came of a ceremony in the order in which it was said, with what rows show."""
    return _with_all(ceremony.outcomes.all())


def outcomes_from(product: Product) -> QuerySet[Outcome, Outcome]:
    """All that came of the ceremonies of a product."""
    return _with_all(Outcome.objects.filter(ceremony__product=product))


def outcomes_on(item: Item) -> QuerySet[Outcome, Outcome]:
    """What the item, or one of its criteria, was made of."""
    return _with_all(Outcome.objects.filter(item=item))


def waiting_insights(product: Product, *, before: Ceremony | None = None) -> list[Outcome]:
    """The insights of the last review that the team held, those first that still wait to become
    work, then what the others became; declined ones are answered."""
    last = _earlier(product, Ceremony.Kind.REVIEW, before).first()
    if last is None:
        return []
    found = (
        outcomes_of(last).filter(kind=Outcome.Kind.INSIGHT).exclude(state=Outcome.State.DECLINED)
    )
    return sorted(found, key=lambda outcome: outcome.state == Outcome.State.CONVERTED)


def last_actions(product: Product, *, before: Ceremony | None = None) -> list[Outcome]:
    """The actions of the last retrospective that the team held, with the states of their items;
    then older ones that nobody has decided on or whose items are not done yet, the newest first."""
    earlier = _earlier(product, Ceremony.Kind.RETROSPECTIVE, before)
    last = earlier.first()
    if last is None:
        return []
    undone = [category for category in Category if category != Category.DONE]
    is_left = Q(state__in=OPEN) | Q(item__deleted_at=None, item__status__category__in=undone)
    found = (
        outcomes_from(product)
        .filter(Q(ceremony=last) | (is_left & Q(ceremony__in=earlier.order_by())))
        .filter(kind=Outcome.Kind.ACTION)
        .exclude(state=Outcome.State.DECLINED)
    )
    return list(found.order_by("-ceremony__starts_at", "-ceremony_id", "created_at", "pk"))


def said_by(outcome: Outcome) -> str:
    """Who said it, and for which trade: "Dora Anyango (Domain expert)"."""
    seat = outcome.said_by
    return f"{seat.name} ({seat.trade})" if seat else "Nobody by name"


def address_of(outcome: Outcome) -> str:
    """The path of the page where it stands."""
    ceremony = outcome.ceremony
    page = reverse("sprints:ceremony", args=[ceremony.product.key, ceremony.pk])
    return f"{page}#outcome-{outcome.pk}"


@dataclass(frozen=True)
class Sorted:
    """The outcomes of a ceremony by what they are."""

    insights: list[Outcome]
    decisions: list[Outcome]
    actions: list[Outcome]

    @property
    def count(self) -> int:
        return len(self.insights) + len(self.decisions) + len(self.actions)

    @property
    def groups(self) -> list[tuple[str, str, str, list[Outcome]]]:
        """The kind, its picture, its heading, and the rows."""
        return [
            ("insight", "message-report", "Insights", self.insights),
            ("decision", "check", "Decisions", self.decisions),
            ("action", "checklist", "Actions", self.actions),
        ]


def sorted_outcomes(ceremony: Ceremony) -> Sorted:
    """In one query."""
    found = list(outcomes_of(ceremony))

    def of(kind: str) -> list[Outcome]:
        return [outcome for outcome in found if outcome.kind == kind]

    return Sorted(of(Outcome.Kind.INSIGHT), of(Outcome.Kind.DECISION), of(Outcome.Kind.ACTION))


def _with_all(found: QuerySet[Outcome, Outcome]) -> QuerySet[Outcome, Outcome]:
    return found.select_related(
        "said_by", "owner", "block", "item__product", "item__status", "ceremony__product"
    )


def _earlier(product: Product, kind: str, before: Ceremony | None) -> QuerySet[Ceremony, Ceremony]:
    """Those of a kind that were held or run, before the start of another, the last one first: in
    sprints of its team, or in none."""
    found = Ceremony.objects.filter(product=product, kind=kind, opened_at__isnull=False)
    if before is not None:
        found = found.filter(starts_at__lt=before.starts_at).exclude(pk=before.pk)
        if before.sprint is not None:
            team = before.sprint.backlog.team_id
            found = found.filter(Q(sprint=None) | Q(sprint__backlog__team=team))
    return found.order_by("-starts_at", "-pk")
