"""Owners are reminded of actions that are due, as long ahead as the product says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Job, Product, User
from backlog.queries.notifications import unread_count
from backlog.services import jobs
from backlog.services.items import update_item
from sprints.models import ActionNews, Ceremony, Notice, Outcome, Sprint
from sprints.queries.reminders import due_actions, notice_of, unseen
from sprints.services.action_reminders import REMIND_KIND, ask_for_reminders, set_notice
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import (
    OutcomeDraft,
    add_outcome,
    change_outcome,
    convert_to_item,
    decline,
)
from tests.conftest import Cast
from tests.rest import V1

DUE = date(2026, 4, 10)
Travel = Callable[[str], datetime]


@pytest.fixture
def retro(product: Product, olga: Actor, travel: Travel) -> Ceremony:
    travel("2026-04-03 12:00+00:00")
    draft = CeremonyDraft("retrospective", timezone.now(), 60, "Looking back")
    return schedule(product, draft, actor=olga)


@pytest.fixture
def action(retro: Ceremony, cast: Cast, olga: Actor) -> Outcome:
    draft = OutcomeDraft("action", "Count bikes on the bridge", owner=cast.max, due_date=DUE)
    return add_outcome(retro, draft, actor=olga, seat=None)


def remind_all() -> list[Job]:
    """What the dispatcher asks for within an hour, carried out."""
    ask_for_reminders(timezone.now())
    asked = list(Job.objects.filter(kind=REMIND_KIND, state=Job.State.QUEUED))
    for job in asked:
        jobs.run(job.pk)
    return asked


def told(person: User) -> list[str]:
    return [one.words for one in unseen(person)]


def test_the_owner_is_reminded_once_here_and_by_mail(
    action: Outcome, cast: Cast, as_person: Any, travel: Travel
) -> None:
    travel("2026-04-08 12:00+00:00")
    assert remind_all() == []
    travel("2026-04-09 12:00+00:00")
    assert len(remind_all()) == 1
    assert remind_all() == []
    assert told(cast.max) == ["Your action is due on 10 April: Count bikes on the bridge"]
    assert (unread_count(cast.max), told(cast.olga)) == (1, [])
    [message] = mail.outbox
    assert message.to == [cast.max.email]
    assert message.subject == "MED: your action is due on 10 April"
    page = f"/p/MED/ceremonies/{action.ceremony_id}/"
    assert f"{page}#outcome-{action.pk}" in message.body
    assert Activity.objects.get(kind="ceremony.action_reminded").user is None
    client = as_person(cast.max)
    assert f"{page}#outcome-{action.pk}" in client.get("/notifications/").content.decode()
    client.get(page)
    assert (told(cast.max), unread_count(cast.max)) == ([], 0)


def test_another_day_is_reminded_of_anew(action: Outcome, travel: Travel) -> None:
    travel("2026-04-09 12:00+00:00")
    remind_all()
    Outcome.objects.update(due_date=date(2026, 4, 20))
    assert remind_all() == []
    travel("2026-04-19 12:00+00:00")
    assert len(remind_all()) == 1
    assert ActionNews.objects.count() == 2


def test_whoever_takes_an_action_over_is_told_and_the_former_owner_no_more(
    action: Outcome, cast: Cast, olga: Actor, travel: Travel
) -> None:
    travel("2026-04-09 12:00+00:00")
    remind_all()
    change_outcome(action, actor=olga, owner=cast.dora)
    assert (told(cast.max), unread_count(cast.max)) == ([], 0)
    assert len(remind_all()) == 1
    assert len(told(cast.dora)) == 1
    assert [message.to for message in mail.outbox] == [[cast.max.email], [cast.dora.email]]
    assert remind_all() == []


def test_a_day_that_was_put_off_is_no_news_any_more(
    action: Outcome, cast: Cast, olga: Actor, travel: Travel
) -> None:
    travel("2026-04-09 12:00+00:00")
    remind_all()
    change_outcome(action, actor=olga, due_date=date(2026, 4, 20))
    assert (told(cast.max), unread_count(cast.max)) == ([], 0)


def test_an_item_says_itself_who_does_it_until_when(
    action: Outcome, cast: Cast, olga: Actor, travel: Travel
) -> None:
    item = convert_to_item(action, actor=olga)
    update_item(item, actor=olga, assignees=[cast.dora, cast.sina], due_date=date(2026, 5, 10))
    travel("2026-04-09 12:00+00:00")
    assert remind_all() == []
    travel("2026-05-09 12:00+00:00")
    assert len(remind_all()) == 1
    assert (told(cast.max), len(told(cast.sina))) == ([], 1)
    assert told(cast.dora) == ["Your action is due on 10 May: Count bikes on the bridge"]
    assert sorted(message.to for message in mail.outbox) == [[cast.dora.email], [cast.sina.email]]
    update_item(item, actor=olga, assignees=[cast.max], due_date=date(2026, 5, 10))
    assert told(cast.dora) == []
    assert len(remind_all()) == 1
    assert len(told(cast.max)) == 1


def test_a_reminder_that_could_not_be_asked_for_is_asked_for_later(
    action: Outcome, cast: Cast, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    travel("2026-04-09 12:00+00:00")

    def gone(*of_any: object) -> Job:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "enqueue", gone)
        with pytest.raises(OperationalError):
            ask_for_reminders(timezone.now())
    ask_for_reminders(timezone.now())
    ask_for_reminders(timezone.now())  # another dispatcher, before a worker has come to it
    assert len(remind_all()) == 1
    assert len(told(cast.max)) == 1


def test_asking_reads_only_what_may_be_due_and_costs_the_same_for_more(
    action: Outcome, retro: Ceremony, cast: Cast, olga: Actor, travel: Travel
) -> None:
    convert_to_item(action, actor=olga)
    travel("2026-04-09 12:00+00:00")
    with CaptureQueriesContext(connection) as few:
        assert [due.action for due in due_actions(timezone.localdate())] == [action]
    for day in (9, 10):
        draft = OutcomeDraft("action", "More", owner=cast.dora, due_date=date(2026, 4, day))
        convert_to_item(add_outcome(retro, draft, actor=olga, seat=None), actor=olga)
    with CaptureQueriesContext(connection) as many:
        assert len(due_actions(timezone.localdate())) == 3
    assert len(many) == len(few)
    assert "2026-05-09" in many.captured_queries[1]["sql"]  # the last day that can be told of


@pytest.mark.parametrize("what", ["done", "declined", "left", "nobody", "long ago", "never"])
def test_nobody_is_reminded_of_what_needs_no_reminder(
    action: Outcome, product: Product, cast: Cast, olga: Actor, travel: Travel, what: str
) -> None:
    travel("2026-04-09 12:00+00:00")
    if what == "done":
        item = convert_to_item(action, actor=olga)
        update_item(item, actor=olga, status=product.statuses.get(slug="done"))
    elif what == "declined":
        decline(action, "No bikes", actor=olga)
    elif what == "left":
        product.members.filter(user=cast.max).delete()
    elif what == "nobody":
        Outcome.objects.update(owner=None)
    elif what == "long ago":
        travel("2026-05-09 12:00+00:00")
    else:
        set_notice(product, actor=olga, ceremony_minutes=15, action_days=None)
    remind_all()
    assert (mail.outbox, list(ActionNews.objects.all())) == ([], [])


def test_an_item_under_way_is_still_an_action(
    action: Outcome, cast: Cast, olga: Actor, travel: Travel
) -> None:
    item = convert_to_item(action, actor=olga)
    travel("2026-04-10 12:00+00:00")
    remind_all()
    assert len(told(cast.max)) == 1
    update_item(item, actor=olga, status=item.product.statuses.get(slug="done"))
    assert told(cast.max) == []  # done: there is nothing to be told of any more


def test_the_product_says_how_long_ahead(
    action: Outcome, product: Product, cast: Cast, as_person: Any, travel: Travel
) -> None:
    page, sent = "/p/MED/agendas/", {"kind": "notice", "ceremony_minutes": "", "action_days": "5"}
    assert as_person(cast.vera).post(page, sent).status_code == 403
    client = as_person(cast.olga)
    wrong = client.post(page, {**sent, "action_days": "31"})
    assert (wrong.status_code, Notice.objects.count()) == (422, 0)
    assert client.post(page, sent).status_code == 302
    assert b'value="5"' in client.get(page).content
    travel("2026-04-05 12:00+00:00")
    assert len(remind_all()) == 1
    form = client.get("/p/MED/ceremonies/new/").context["form"]
    assert form["remind_minutes"].value() is None


def test_ceremonies_begin_with_the_notice_of_the_product(
    api: Any, cast: Cast, planned: Sprint, olga: Actor
) -> None:
    product = planned.backlog.product
    set_notice(product, actor=olga, ceremony_minutes=60, action_days=1)
    sent = {"kind": "review", "starts_at": "2026-04-07T13:00:00Z"}
    url = f"{V1}/sprints/{planned.pk}/ceremonies/"
    assert api(cast.max).post(url, sent, format="json").json()["remind_minutes"] == 60
    draft = CeremonyDraft("daily", timezone.now(), 15)
    assert schedule(product, draft, actor=olga).remind_minutes == 60
    silent = CeremonyDraft("daily", timezone.now(), 15, remind_minutes=None)
    assert schedule(product, silent, actor=olga).remind_minutes is None
    set_notice(product, actor=olga, ceremony_minutes=60, action_days=1)
    assert Activity.objects.filter(kind="ceremony.notice_set").count() == 1
    with pytest.raises(ValidationError):
        set_notice(product, actor=olga, ceremony_minutes=60, action_days=31)
    assert notice_of(product).action_days == 1
