"""The sprints that depend on a subject."""

from __future__ import annotations

from django.urls import reverse

from backlog.models import Backlog, Product, Subject
from backlog.queries.lineage import MOST_READ, Dependent, Part, part_of
from sprints.models import SprintSubject


def sprints_about(subject: Subject, product: Product) -> Part:
    """The planned and active sprints that can't be closed before the subject is good enough."""
    rows = (
        SprintSubject.objects.filter(
            subject=subject,
            sprint__backlog__product=product,
            sprint__backlog__state__in=[Backlog.State.PLANNED, Backlog.State.ACTIVE],
        )
        .select_related("sprint__backlog")
        .defer("sprint__report")
        .order_by("sprint__backlog__starts_on", "sprint_id")
    )
    return part_of(
        [
            Dependent(
                name=row.sprint.backlog.name,
                how="closes by its gate",
                url=reverse("sprints:sprint", args=[product.key, row.sprint_id]),
                state=row.sprint.backlog.state,
            )
            for row in rows[:MOST_READ]
        ]
    )
