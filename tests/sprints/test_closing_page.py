"""The page that closes a sprint: what it shows, what it asks, and what it never loses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Backlog, Item, Kind, Measurement, Product, Subject, Team
from backlog.services.items import (
    ItemDraft,
    create_item,
    create_items,
    move_items,
    product_backlog,
    update_item,
)
from backlog.services.ranks import Spot
from backlog.services.teams import create_team
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Sprint
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import create_sprint, start_sprint, update_sprint
from tests.conftest import Cast
from tests.sprints.conftest import fresh, in_order

Travel = Callable[[str], datetime]


@pytest.fixture
def following(team: Team, running: Sprint, olga: Actor) -> Sprint:
    return create_sprint(team, actor=olga, goal="The rest.")


@pytest.fixture
def client(cast: Cast, as_person: Any) -> Client:
    found: Client = as_person(cast.sina)
    return found


def page_of(sprint: Sprint) -> str:
    return f"/p/MED/sprints/{sprint.pk}/close/"


def sent(items: list[Item], **choices: Any) -> dict[str, Any]:
    """What the page sends about the first three items, which are not done."""
    return {"seen": ",".join(str(item.pk) for item in items[:3]), **choices}


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_three_items_go_three_ways_and_the_report_is_next(
    running: Sprint, following: Sprint, items: list[Item], product: Product, client: Client
) -> None:
    one, two, _ = items[:3]
    choices = sent(items, goal_met="partly", goal_reason="The clinics answered late.",
                   next_sprint=following.pk, otherwise="backlog")  # fmt: skip
    choices |= {f"fate_{one.pk}": "split", f"done_{one.pk}": "3", f"fate_{two.pk}": "next"}
    answer = client.post(page_of(running), choices)
    assert answer.status_code == 302
    assert answer["Location"] == f"/p/MED/sprints/{running.pk}/report/"
    assert said(answer) == ["Sprint 1 is closed. This is its report, and it stays so."]
    assert in_order(running.backlog) == [1]
    assert in_order(following.backlog) == [2]
    assert in_order(product_backlog(product)) == [3, 5, 4]  # 5 is the rest of 1
    closed = Sprint.objects.get(pk=running.pk)
    assert closed.closed_by is not None
    assert (closed.goal_met, closed.closed_by.name) == ("partly", "Sina Rahimi")


def test_the_page_shows_both_lists_with_their_tasks(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any, client: Client
) -> None:
    for parent in items[:2]:
        title = f"Task of {parent.ref}"
        create_item(product, ItemDraft(title, kind=Kind.TASK, parent=parent), actor=olga)
    finish(items[0])
    answer = client.get(page_of(running))
    assert [item.ref for item, *_ in answer.context["rows"]] == ["MED-2", "MED-3"]
    assert [item.ref for item, _ in answer.context["done"]] == ["MED-1"]
    shown = words_of(answer)
    assert "Task of MED-1" in shown
    assert "Task of MED-2" in shown
    assert "1 item, 8 points stay in the sprint as done" in shown
    assert "2 items, 8 points go to the top of the backlog" in shown
    assert "1 open task of what is done or elsewhere goes after it" in shown
    assert "Say whether the goal was met" in shown


def test_what_is_typed_stays_when_it_is_refused(
    running: Sprint, items: list[Item], client: Client
) -> None:
    one = items[0]
    choices = sent(items, goal_met="no", goal_reason="", override="Because.", otherwise="next")
    choices |= {f"fate_{one.pk}": "split", f"done_{one.pk}": "8"}
    answer = client.post(page_of(running), choices)
    assert answer.status_code == 422
    form = answer.context["form"]
    assert form["goal_met"].value() == "no"
    assert (form[f"fate_{one.pk}"].value(), form[f"done_{one.pk}"].value()) == ("split", "8")
    assert form.errors[f"done_{one.pk}"] == ["MED-1: of its 8 points some, not all, are done."]
    assert form.errors["goal_reason"] == ["Say why the goal was not met in full."]
    assert form.errors["next_sprint"] == ["Say which sprint is the next, or plan one."]
    assert 'value="8"' in answer.content.decode()
    assert "MED-1 is split: say how many of its points are done" in words_of(answer)
    assert "2 items, 8 points go on in the next sprint" in words_of(answer)
    assert Backlog.objects.get(pk=running.pk).state == Backlog.State.ACTIVE


def test_points_that_are_no_number_are_said_at_their_item(
    running: Sprint, items: list[Item], client: Client
) -> None:
    one = items[0]
    choices = sent(items, goal_met="yes")
    choices |= {f"fate_{one.pk}": "split", f"done_{one.pk}": "three"}
    answer = client.post(page_of(running), choices)
    assert answer.status_code == 422
    assert f"done_{one.pk}" in answer.context["form"].errors
    assert 'value="three"' in answer.content.decode()


def test_who_comes_second_sees_that_it_is_closed_and_by_whom(
    running: Sprint, items: list[Item], olga: Actor, client: Client
) -> None:
    close_sprint(running, Closing("yes"), actor=olga)
    deeds = Activity.objects.count()
    answer = client.post(page_of(running), sent(items, goal_met="no", goal_reason="Too late."))
    assert answer["Location"] == f"/p/MED/sprints/{running.pk}/report/"
    assert said(answer) == [
        "Sprint 1 was closed by Olga Kuznetsova. This is its report. Your choices were not used."
    ]
    assert Activity.objects.count() == deeds
    assert Sprint.objects.get(pk=running.pk).goal_met == "yes"
    assert client.get(page_of(running))["Location"].endswith("/report/")
    ahead = client.post(f"{page_of(running)}ahead/", sent(items))
    assert "Olga Kuznetsova closed it" in words_of(ahead)


def test_one_that_closes_in_the_same_second_is_told_as_well(
    running: Sprint, items: list[Item], olga: Actor, client: Client, monkeypatch: Any
) -> None:
    def late(sprint: Sprint, closing: Closing, *, actor: Actor) -> Sprint:
        close_sprint(Sprint.objects.get(pk=sprint.pk), Closing("yes"), actor=olga)
        return close_sprint(sprint, closing, actor=actor)

    monkeypatch.setattr("sprints.views.closing.close_sprint", late)
    answer = client.post(page_of(running), sent(items, goal_met="yes"))
    assert answer["Location"] == f"/p/MED/sprints/{running.pk}/report/"
    assert "closed by Olga Kuznetsova" in said(answer)[0]


def test_nobody_decides_about_a_list_that_has_changed_meanwhile(
    running: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    finish: Any,
    client: Client,
) -> None:
    old = sent(items, goal_met="yes")
    finish(items[0])
    move_items(product, [items[3]], actor=olga, spot=Spot.bottom(), to=running.backlog)
    answer = client.post(page_of(running), old)
    assert answer.status_code == 422
    assert answer.context["form"].non_field_errors() == [
        "Since you opened this page MED-4 came in or is open again and an item was finished or"
        " left the sprint. Look again, then close."
    ]
    now = re.search(r'name="seen" value="([0-9,]*)"', answer.content.decode())
    assert now is not None
    again = client.post(page_of(running), {"goal_met": "yes", "seen": now.group(1)})
    assert again.status_code == 302


def test_a_list_that_changes_as_it_closes_is_shown_anew_with_what_was_typed(
    running: Sprint, items: list[Item], finish: Any, client: Client, monkeypatch: Any
) -> None:
    def late(sprint: Sprint, closing: Closing, *, actor: Actor) -> Sprint:
        finish(items[0])
        return close_sprint(sprint, closing, actor=actor)

    monkeypatch.setattr("sprints.views.closing.close_sprint", late)
    choices = sent(items, goal_met="partly", goal_reason="Late.")
    answer = client.post(page_of(running), choices)
    assert answer.status_code == 409
    form = answer.context["form"]
    assert form.non_field_errors() == [
        "Since you opened this page an item was finished or left the sprint."
        " Look again, then close."
    ]
    assert form["goal_reason"].value() == "Late."
    assert form.present == f"{items[1].pk},{items[2].pk}"
    assert Backlog.objects.get(pk=running.pk).state == Backlog.State.ACTIVE


@pytest.mark.parametrize(
    ("error", "status"),
    [(Conflict("late", "Look again."), 409), (DomainError("no", "Look again."), 422)],
)
def test_a_refusal_of_the_whole_is_said_above_the_form(
    running: Sprint, items: list[Item], client: Client, monkeypatch: Any,
    error: DomainError, status: int,
) -> None:  # fmt: skip
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("sprints.views.closing.close_sprint", refuse)
    answer = client.post(page_of(running), sent(items, goal_met="yes"))
    assert answer.status_code == status
    assert answer.context["form"].non_field_errors() == ["Look again."]
    assert "Look again." in words_of(answer)


@pytest.mark.parametrize("seen", ["\0", "9" * 5000, "²", "-1"])
def test_a_list_that_no_page_sends_is_one_that_has_changed(
    running: Sprint, client: Client, seen: str
) -> None:
    answer = client.post(page_of(running), {"seen": seen, "goal_met": "yes"})
    assert answer.status_code == 422
    assert "MED-1, MED-2 and MED-3 came in or are open again" in words_of(answer)
    assert client.post(f"{page_of(running)}ahead/", {"seen": seen}).status_code == 200


def test_the_next_sprint_is_planned_once_and_what_is_chosen_stays(
    running: Sprint, items: list[Item], client: Client
) -> None:
    assert b"Plan the next sprint" in client.get(page_of(running)).content
    choices = sent(items, goal_met="partly", goal_reason="Late.", otherwise="next", plan_next="1")
    for told in ("is planned; give it a goal", "was planned already"):
        answer = client.post(page_of(running), choices)
        assert answer.status_code == 200
        assert told in words_of(answer)
        form = answer.context["form"]
        assert (form["goal_reason"].value(), form["otherwise"].value()) == ("Late.", "next")
    planned = Sprint.objects.get(backlog__state=Backlog.State.PLANNED)
    assert form["next_sprint"].value() == str(planned.pk)
    assert "Sprint 2 · 8 Apr" in words_of(answer)  # the only team needs no name
    assert "3 items, 16 points go on in Sprint 2" in words_of(answer)
    del choices["plan_next"]
    choices["next_sprint"] = planned.pk
    assert client.post(page_of(running), choices).status_code == 302
    assert in_order(planned.backlog) == [1, 2, 3]


def test_the_next_sprint_is_the_own_teams_and_another_is_named_with_its_team(
    running: Sprint, items: list[Item], product: Product, client: Client, olga: Actor
) -> None:
    lab = create_team(product, "Lab", actor=olga)
    others = create_sprint(lab, actor=olga, goal="The lab's.")
    page = client.get(page_of(running))
    assert page.context["form"]["next_sprint"].value() is None
    shown = words_of(page)
    assert "Plan the next sprint" in shown
    assert "Sprint 1 · Lab ·" in shown
    choices = sent(items, goal_met="yes", otherwise="next", next_sprint=others.pk)
    ahead = words_of(client.post(f"{page_of(running)}ahead/", choices))
    assert "go on in Sprint 1 of Lab" in ahead
    planned = client.post(page_of(running), choices | {"plan_next": "1"})
    own = Sprint.objects.exclude(pk__in=[running.pk, others.pk]).get()
    assert planned.context["form"]["next_sprint"].value() == str(own.pk)
    assert client.get(page_of(running)).context["form"]["next_sprint"].value() == own.pk
    assert client.post(page_of(running), choices).status_code == 302
    assert in_order(others.backlog) == [1, 2, 3]


def test_the_outlook_follows_what_is_chosen_and_writes_nothing(
    running: Sprint, following: Sprint, items: list[Item], client: Client
) -> None:
    deeds = Activity.objects.count()
    one = items[0]
    choices = sent(items, goal_met="yes", otherwise="next", next_sprint=following.pk)
    choices |= {f"fate_{one.pk}": "split", f"done_{one.pk}": "3"}
    answer = client.post(f"{page_of(running)}ahead/", choices)
    shown = words_of(answer)
    assert "2 items, 8 points go on in Sprint 2" in shown
    assert "MED-1 is done with 3 points; the other 5 become a new item" in shown
    assert "Before it can close" not in shown
    assert Activity.objects.count() == deeds
    choices[f"done_{one.pk}"] = ""
    assert "Before it can close" in words_of(client.post(f"{page_of(running)}ahead/", choices))


def test_one_of_something_is_said_as_one(
    running: Sprint, items: list[Item], olga: Actor, client: Client
) -> None:
    one, two, three = items[:3]
    for item, points in ((one, 3), (two, 1), (three, 1)):
        update_item(fresh(item), actor=olga, points=Decimal(points))
    choices = sent(items, goal_met="yes", otherwise="next")
    choices |= {f"fate_{one.pk}": "split", f"done_{one.pk}": "2", f"fate_{two.pk}": "backlog"}
    shown = words_of(client.post(f"{page_of(running)}ahead/", choices))
    assert "1 item, 1 point goes to the top of the backlog" in shown
    assert "1 item, 1 point goes on in the next sprint" in shown
    assert "MED-1 is done with 2 points; the other 1 becomes a new item" in shown


def test_a_reason_is_asked_for_and_not_called_optional(running: Sprint, client: Client) -> None:
    shown = words_of(client.get(page_of(running)))
    assert "Asked for where the goal was not met in full." in shown
    assert "optional" not in shown


def test_what_nobody_foresaw_is_said_above_the_form(
    running: Sprint, items: list[Item], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise ValidationError({"criteria": "An item has at most 50 criteria."})

    monkeypatch.setattr("sprints.views.closing.close_sprint", refuses)
    answer = client.post(page_of(running), sent(items, goal_met="yes"))
    assert answer.status_code == 422
    assert "An item has at most 50 criteria." in words_of(answer)


def test_failing_gates_are_named_and_need_a_reason(
    planned: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    client: Client,
    monkeypatch: Any,
) -> None:
    from backlog.queries import gates  # noqa: PLC0415  its registry is what is filled here

    model = Subject.objects.create(
        product=product, kind=Subject.Kind.MODEL, slug="reader", name="Second reader"
    )
    monkeypatch.setitem(
        gates._checks,
        Subject.Kind.MODEL,
        lambda subjects: [
            gates.GateReason(s, "below", f"{s} is below its target.") for s in subjects
        ],
    )
    update_sprint(planned, actor=olga, subjects=[model])
    running = start_sprint(planned, actor=olga)
    choices = sent(items, goal_met="yes")
    refused = client.post(page_of(running), choices)
    assert refused.status_code == 422
    assert "Say why it closes all the same." in refused.context["form"].errors["override"][0]
    assert "Second reader is below its target." in words_of(refused)
    choices["override"] = "The doctors have seen it."
    assert client.post(page_of(running), choices).status_code == 302
    report = words_of(client.get(f"/p/MED/sprints/{running.pk}/report/"))
    assert "Second reader is below its target." in report
    assert "Closed all the same: The doctors have seen it." in report


def test_the_goal_of_a_data_assessment_can_not_be_met_while_its_exit_fails(
    team: Team, product: Product, olga: Actor, travel: Travel, client: Client
) -> None:
    patients = Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients"
    )
    sprint = create_sprint(
        team, actor=olga, goal="Clean ages.", kind="data_assessment", target_health=95.0,
        subjects=[patients],
    )  # fmt: skip
    sprint = start_sprint(sprint, actor=olga)
    shown = words_of(client.get(page_of(sprint)))
    assert "The goal can’t be called met while the exit fails." in shown
    assert "Patients has not reached a health of 95 % on its last batch." in shown
    refused = client.post(page_of(sprint), {"seen": "", "goal_met": "yes"})
    assert refused.status_code == 422
    assert "The goal can't be called met yet" in refused.context["form"].errors["goal_met"][0]
    now = timezone.now()
    Measurement.objects.create(
        subject=patients, batch_key="a", batch_at=now, measured_at=now, health=96.0,
        executed=4, total=4,
    )  # fmt: skip
    assert "may be called met" in words_of(client.get(page_of(sprint)))
    assert client.post(page_of(sprint), {"seen": "", "goal_met": "yes"}).status_code == 302


def test_a_sprint_that_has_not_started_leads_to_its_plan(planned: Sprint, client: Client) -> None:
    answer = client.get(page_of(planned))
    assert answer["Location"] == f"/p/MED/sprints/{planned.pk}/plan/"


def test_developers_close_nothing(running: Sprint, cast: Cast, as_person: Any) -> None:
    assert as_person(cast.max).get(page_of(running)).status_code == 403
    assert as_person(cast.max).post(f"{page_of(running)}ahead/").status_code == 403


def test_the_page_asks_as_often_for_forty_items_as_for_three(
    running: Sprint, items: list[Item], product: Product, cast: Cast, olga: Actor, client: Client
) -> None:
    client.get(page_of(running))
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(page_of(running))
    drafts = [ItemDraft(f"More {n}", points=Decimal(1), assignees=[cast.max]) for n in range(20)]
    more = create_items(product, drafts, actor=olga)
    move_items(product, more, actor=olga, spot=Spot.bottom(), to=running.backlog)
    tasks = [ItemDraft(f"Task {n}", kind=Kind.TASK, parent=item) for n, item in enumerate(more)]
    create_items(product, tasks, actor=olga)
    with CaptureQueriesContext(connection) as many:
        answer = client.get(page_of(running))
    assert len(answer.context["rows"]) == 23
    assert len(many) <= len(few)
    assert len(many) <= 20
