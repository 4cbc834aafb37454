"""Actions that are due soon, and what their owners were told of them."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse

from backlog.models import Category, Product, User
from backlog.queries.news import Told
from sprints.models import ActionNews, Notice, Outcome
from sprints.models.reminders import USUAL_DAYS

LATE = timedelta(days=1)  # what was due earlier was told of, or is no news any more


def notice_of(product: Product) -> Notice:
    """How long ahead the product reminds, as usual where nobody has said."""
    return Notice.objects.filter(product=product).first() or Notice(product=product)


def open_actions() -> QuerySet[Outcome, Outcome]:
    """Actions that somebody has still to do: not declined, nor an item that is done or in the
    trash."""
    actions = Outcome.objects.filter(kind=Outcome.Kind.ACTION)
    waits = Q(state__in=[Outcome.State.CAPTURED, Outcome.State.ACCEPTED])
    under_way = Q(state=Outcome.State.CONVERTED, item__isnull=False, item__deleted_at=None)
    return actions.filter(waits | under_way & ~Q(item__status__category=Category.DONE))


def due_actions(today: date) -> list[Outcome]:
    """Those whose owners are to be reminded of their days, and have not been yet."""
    found = open_actions().filter(owner__isnull=False, due_date__gte=today - LATE)
    days = dict(Notice.objects.values_list("product", "action_days"))
    due = []
    for action in found.select_related("ceremony").order_by("pk"):
        assert action.due_date is not None, "the query asks"
        ahead = days.get(action.ceremony.product_id, USUAL_DAYS)
        if ahead is None or action.reminded_for == action.due_date:
            continue
        if action.due_date - timedelta(days=ahead) <= today:
            due.append(action)
    return due


def unseen(person: User) -> list[Told]:
    """That actions are due, of those that are still to be done."""
    found = rows(person).select_related("outcome__ceremony__product").order_by("-at", "-pk")
    return [_told(one) for one in found]


def rows(person: User) -> QuerySet[ActionNews, ActionNews]:
    """What the person was told and has not seen, in products that they are a member of."""
    return ActionNews.objects.filter(
        user=person,
        read_at=None,
        outcome__in=open_actions(),
        outcome__ceremony__product__members__user=person,
    )


def _told(one: ActionNews) -> Told:
    ceremony = one.outcome.ceremony
    words = " ".join(one.outcome.text.split())
    short = words if len(words) <= 80 else f"{words[:79]}…"
    page = reverse("sprints:ceremony", args=[ceremony.product.key, ceremony.pk])
    return Told(
        words=f"Your action is due on {one.due_date.day} {one.due_date:%B}: {short}",
        product_key=ceremony.product.key,
        url=f"{page}#outcome-{one.outcome_id}",
        icon="calendar-due",
        at=one.at,
    )
