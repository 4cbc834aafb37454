"""Actions that are due soon, and what their owners were told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from backlog.models import Category, Member, Product, User
from backlog.queries.news import Told
from sprints.models import ActionNews, Notice, Outcome
from sprints.models.reminders import MOST_DAYS, USUAL_DAYS

LATE = timedelta(days=1)  # what was due earlier was told of, or is no news any more


@dataclass(frozen=True)
class Due:
    """An action, the day that it is due on, and the people who are still to be told of that."""

    action: Outcome
    day: date
    people: list[User]


def notice_of(product: Product) -> Notice:
    """How long ahead the product reminds, as usual where nobody has said."""
    return Notice.objects.filter(product=product).first() or Notice(product=product)


def open_actions() -> QuerySet[Outcome, Outcome]:
    """Actions that somebody has still to do: not declined, nor an item that is done or in the
    trash. Once an action is an item, that says who does it, and until when; see `on_day`."""
    actions = Outcome.objects.filter(kind=Outcome.Kind.ACTION)
    waits = Q(state__in=[Outcome.State.CAPTURED, Outcome.State.ACCEPTED])
    under_way = Q(state=Outcome.State.CONVERTED, item__isnull=False, item__deleted_at=None)
    return actions.filter(waits | under_way & ~Q(item__status__category=Category.DONE))


def on_day(day: Any, lookup: str = "exact") -> Q:
    """Whether an action is due on a day, or on one that the lookup finds."""
    own = Q(item=None, **{f"due_date__{lookup}": day})
    return own | Q(**{f"item__due_date__{lookup}": day})


def due_actions(today: date) -> list[Due]:
    """Those that somebody is to be told of by now, and has not been yet."""
    days = dict(Notice.objects.values_list("product", "action_days"))
    due = []
    window = (today - LATE, today + timedelta(days=MOST_DAYS))
    for one in untold(open_actions().filter(on_day(window, "range"))):
        ahead = days.get(one.action.ceremony.product_id, USUAL_DAYS)
        if ahead is not None and one.day - timedelta(days=ahead) <= today:
            due.append(one)
    return due


def untold(actions: QuerySet[Outcome, Outcome]) -> list[Due]:
    """Of `open_actions`, those with people of the product who were not told of their day."""
    found = list(
        actions.select_related("ceremony__product", "owner", "item__product")
        .prefetch_related("item__assignees", "news")
        .order_by("pk")
    )
    products = {action.ceremony.product_id for action in found}
    here = Member.objects.filter(product__in=products, user__is_active=True)
    members = set(here.values_list("product_id", "user_id"))
    due = []
    for action in found:
        day = action.item.due_date if action.item else action.due_date
        if day is None:
            continue
        told = {one.user_id for one in action.news.all() if one.due_date == day}
        who = action.item.assignees.all() if action.item else [action.owner]
        people = [
            person
            for person in who
            if person and (action.ceremony.product_id, person.pk) in members
            and person.pk not in told
        ]  # fmt: skip
        if people:
            due.append(Due(action, day, people))
    return due


def unseen(person: User) -> list[Told]:
    """That actions are due, of those that are still to be done."""
    found = rows(person).select_related("outcome__ceremony__product").order_by("-at", "-pk")
    return [_told(one) for one in found]


def rows(person: User) -> QuerySet[ActionNews, ActionNews]:
    """What the person was told and has not seen, in products that they are a member of, of what is
    still theirs and still due on that day."""
    theirs = open_actions().filter(Q(item=None, owner=person) | Q(item__assignees=person))
    return ActionNews.objects.filter(
        Exists(theirs.filter(on_day(OuterRef("due_date")), pk=OuterRef("outcome"))),
        user=person,
        read_at=None,
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
