"""The board as a page: what it shows, how it is looked at, how little it asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from backlog.models import Actor, Backlog, Finding, Item, Kind, Product, Team
from backlog.services.items import ItemDraft, create_item, create_items, move_items, update_item
from backlog.services.labels import create_label
from backlog.services.links import add_link
from backlog.services.ranks import Spot
from backlog.services.undo import undo_last
from backlog.services.workflow import add_status, delete_status
from sprints.models import Sprint
from sprints.queries import boards
from sprints.queries.boards import Board, Card, board_of
from sprints.services.closing import Closing, Fate, close_sprint
from sprints.services.sprints import cancel_sprint, create_sprint, start_sprint
from tests.backlog.evidence import see
from tests.conftest import Cast
from tests.sprints.conftest import fresh, home_of, in_order, status_of

Travel = Callable[[str], datetime]


@pytest.fixture
def board(running: Sprint) -> Callable[[], Board]:
    """The board as it is now."""

    def read() -> Board:
        found = Sprint.objects.select_related("backlog__product", "backlog__team__calendar")
        return board_of(found.get(pk=running.pk))

    return read


@pytest.fixture
def move(running: Sprint, as_person: Any) -> Callable[..., Any]:
    """Post a move as a person."""

    def post(user: Any, **fields: str) -> Any:
        client: Client = as_person(user)
        url = f"/p/MED/sprints/{running.pk}/board/move/"
        return client.post(url, fields, headers={"Accept": "application/json"})

    return post


def card(board: Board, number: int) -> Card:
    every = [*board.cards, *(task for card in board.cards for task in card.tasks)]
    return next(card for card in every if card.number == number)


def column_of(board: Board, slug: str) -> Any:
    return next(head for head in board.heads if head.column.slug == slug)


# What it shows -----------------------------------------------------------------------------------


def test_the_board_leads_to_the_running_sprint(running: Sprint, cast: Cast, as_person: Any) -> None:
    answer = as_person(cast.vera).get("/p/MED/board/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/p/MED/sprints/{running.pk}/board/"
    text = answer.content.decode()
    assert "Doctors see why." in text
    assert 'data-ref="MED-1"' in text
    assert 'data-ref="MED-4"' not in text  # not in the sprint
    assert "data-move" not in text  # a stakeholder only reads
    assert re.search(r'aria-current="page"[^>]*>\s*<svg[^>]*>.*?</svg>\s*<span>Board', text)


def test_without_a_running_sprint_the_page_says_what_to_do(
    planned: Sprint, cast: Cast, as_person: Any
) -> None:
    text = as_person(cast.sina).get("/p/MED/board/").content.decode()
    assert "Plan and start it" in text
    assert f"/p/MED/sprints/{planned.pk}/plan/" in text
    text = as_person(cast.max).get("/p/MED/board/").content.decode()
    assert "See its plan" in text
    answer = as_person(cast.max).get(f"/p/MED/sprints/{planned.pk}/board/")
    assert "No sprint runs now" in answer.content.decode()


def test_a_sprint_that_was_cancelled_before_its_start_has_no_board(
    planned: Sprint, olga: Actor, cast: Cast, as_person: Any
) -> None:
    cancel_sprint(planned, actor=olga, reason="Nobody is there.")
    answer = as_person(cast.max).get(f"/p/MED/sprints/{planned.pk}/board/")
    assert answer.url == "/p/MED/sprints/"


def test_several_teams_switch_between_their_boards(
    running: Sprint, olga: Actor, product: Product, cast: Cast, as_person: Any, member: Any
) -> None:
    other = Team.objects.create(product=product, name="Imaging")
    other.members.add(member("max"))
    member("max").teams.remove(*product.teams.exclude(pk=other.pk))
    second = start_sprint(create_sprint(other, actor=olga, goal="See more."), actor=olga)
    max_, sina = as_person(cast.max), as_person(cast.sina)
    assert max_.get("/p/MED/board/").url == f"/p/MED/sprints/{second.pk}/board/"  # his team
    text = max_.get(f"/p/MED/sprints/{running.pk}/board/").content.decode()
    assert f'href="/p/MED/sprints/{second.pk}/board/"' in text
    # The one looked at last is the one to come back to.
    assert max_.get("/p/MED/board/").url == f"/p/MED/sprints/{running.pk}/board/"
    assert sina.get("/p/MED/board/").url == f"/p/MED/sprints/{running.pk}/board/"


def test_columns_count_the_middle_level_and_tell_their_limits(
    running: Sprint, items: list[Item], product: Product, olga: Actor, board: Any
) -> None:
    product.statuses.filter(slug="to-do").update(wip_limit=3)
    for title in ("One step", "Another"):
        create_item(product, ItemDraft(title, kind=Kind.TASK, parent=items[0]), actor=olga)
    head = column_of(board(), "to-do")
    assert (head.items, head.points, head.wip) == (3, Decimal(16), "at")
    late = create_item(product, ItemDraft("Late"), actor=olga)
    move_items(product, [late], actor=olga, spot=Spot.top(), to=running.backlog)
    head = column_of(board(), "to-do")
    assert (head.items, head.unestimated, head.wip) == (4, 1, "over")
    assert head.wip_words == "1 over the limit"


def test_a_card_says_how_long_it_has_had_its_status(
    running: Sprint, items: list[Item], product: Product, olga: Actor, board: Any, travel: Travel
) -> None:
    travel("2026-03-26 09:00+00:00")
    doing = status_of(product, "doing")
    update_item(items[0], actor=olga, status=doing)
    travel("2026-03-30 10:00+00:00")
    update_item(items[0], actor=olga, points=Decimal(9))  # no new status
    found = card(board(), 1)
    assert (found.age, found.is_old) == ("4 d", False)
    travel("2026-03-31 10:00+00:00")
    found = card(board(), 1)
    assert (found.age, found.is_old) == ("5 d", True)
    assert not card(board(), 2).is_old  # it waits, and nobody works on it


def test_a_card_says_what_hangs_on_it(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, board: Any
) -> None:
    data = create_label(product, name="data", hue="teal", actor=olga)
    update_item(items[0], actor=olga, assignees=[cast.max, cast.dora], labels=[data],
                blocked_reason="no consent")  # fmt: skip
    add_link(items[3], "blocks", items[0], actor=olga)
    add_link(items[0], "needs_data", items[1], actor=olga)
    found = card(board(), 1)
    assert found.emails == "dora@example.org,max@example.org"
    assert [label.name for label in found.labels] == ["data"]
    assert found.blocked == "no consent; waits for MED-2, MED-4"
    update_item(items[3], actor=olga, status=status_of(product, "done"))
    update_item(items[1], actor=olga, status=status_of(product, "done"))
    assert card(board(), 1).blocked == "no consent"


def test_evidence_is_told_on_its_card(
    running: Sprint, product: Product, olga: Actor, board: Any
) -> None:
    see(product, "age")
    item = Item.objects.select_related("product", "backlog").latest("number")
    move_items(product, [item], actor=olga, spot=Spot.top(), to=running.backlog)
    badge = card(board(), item.number).evidence
    assert badge is not None
    assert badge.is_open
    assert badge.findings == 1


def test_the_head_tells_points_days_and_changes_of_scope(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast,
    as_person: Any, travel: Travel,
) -> None:  # fmt: skip
    travel("2026-03-27 09:00+00:00")  # Friday
    update_item(items[0], actor=olga, status=status_of(product, "done"))
    move_items(product, [items[3]], actor=olga, spot=Spot.top(), to=running.backlog)
    text = as_person(cast.max).get(f"/p/MED/sprints/{running.pk}/board/").content.decode()
    said = re.sub(r"<[^>]+>|\s+", " ", text)
    said = re.sub(r"\s+", " ", said)
    assert "8 of 18 points" in said
    assert "1 of 4 items done · 1 added since the start" in said
    assert "8 working days left" in said  # 27 and 30, 31 March, 1 to 3, 6 and 7 April
    assert "<polyline" in text


def test_a_status_that_comes_or_goes_while_the_board_is_read_breaks_nothing(
    items: list[Item], product: Product, olga: Actor, board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile: list[Callable[[], Any]] = []

    def between(name: str) -> None:
        read = getattr(boards, name)

        def first_happens(*args: Any) -> Any:
            if meanwhile:
                meanwhile.pop()()
            return read(*args)

        monkeypatch.setattr(boards, name, first_happens)

    between("_hangings")

    def hold() -> None:
        made = add_status(product, "On hold", "doing", actor=olga)
        update_item(fresh(items[0]), actor=olga, status=made)

    meanwhile.append(hold)
    assert card(board(), 1).column.slug == "on-hold"
    monkeypatch.undo()
    between("_frame")
    made, to_do = fresh(items[0]).status, status_of(product, "todo")
    meanwhile.append(lambda: delete_status(made, actor=olga, items_to=to_do))
    assert card(board(), 1).column.slug == "to-do"


def test_what_is_done_shows_the_last_first_and_folds_when_long(
    running: Sprint, product: Product, olga: Actor, board: Any, travel: Travel
) -> None:
    drafts = [ItemDraft(f"Many {n}") for n in range(12)]
    many = create_items(product, drafts, actor=olga)
    move_items(product, many, actor=olga, spot=Spot.bottom(), to=running.backlog)
    done = status_of(product, "done")
    for hour, item in enumerate(many):
        travel(f"2026-03-26 {hour:02}:00+00:00")
        update_item(item, actor=olga, status=done)
    [lane] = board().lanes("none")
    cell = lane.cells[-1]
    assert [found.title for found in cell.cards][:2] == ["Many 11", "Many 10"]
    assert (len(cell.cards), len(cell.folded)) == (8, 4)


# How it is looked at -----------------------------------------------------------------------------


def test_lanes_lie_by_story_epic_assignee_and_kind(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, board: Any
) -> None:
    create_item(product, ItemDraft("Step", kind=Kind.TASK, parent=items[0]), actor=olga)
    epic = create_item(product, ItemDraft("Trust", kind=Kind.EPIC), actor=olga)
    update_item(items[1], actor=olga, parent=epic, assignees=[cast.max])
    update_item(items[2], actor=olga, kind=Kind.BUG)

    def told(by: str) -> list[tuple[str, list[int]]]:
        return [
            (lane.title, [card.number for cell in lane.cells for card in cell.cards])
            for lane in board().lanes(by)
        ]

    assert told("none") == [("", [1, 2, 3])]
    assert told("story") == [("Story 8", [1, 5]), ("Without tasks", [2, 3])]
    assert told("epic") == [("Trust", [2]), ("Without an epic", [1, 3])]
    assert told("assignee") == [("Max Berger", [2]), ("Nobody yet", [1, 3])]
    assert told("kind") == [("Story", [1, 2]), ("Bug", [3])]


def test_lanes_and_only_mine_stand_in_the_address_and_are_remembered(
    running: Sprint, items: list[Item], olga: Actor, cast: Cast, as_person: Any
) -> None:
    update_item(items[0], actor=olga, assignees=[cast.max])
    client = as_person(cast.max)
    url = f"/p/MED/sprints/{running.pk}/board/"
    client.get(f"{url}?lanes=assignee&mine=1")
    text = client.get(url).content.decode()
    assert "Swimlanes" in text
    assert ": assignee</span>" in text
    assert re.search(r'data-ref="MED-2"[^>]* hidden', text)
    assert not re.search(r'data-ref="MED-1"[^>]* hidden', text)
    text = client.get(f"{url}?lanes=none&mine=0").content.decode()
    assert ": none</span>" in text
    assert ": none</span>" in as_person(cast.sina).get(url).content.decode()
    assert client.get(f"{url}?lanes=nonsense").status_code == 200


def test_a_filter_by_text_hides_cards_without_a_script_too(
    running: Sprint, cast: Cast, as_person: Any
) -> None:
    url = f"/p/MED/sprints/{running.pk}/board/?q=story+5"
    text = as_person(cast.max).get(url).content.decode()
    assert re.search(r'data-ref="MED-1"[^>]* hidden', text)
    assert not re.search(r'data-ref="MED-2"[^>]* hidden', text)
    assert "16 pts" in text  # the columns count all the same


def test_a_card_is_found_by_the_words_it_names_and_those_of_its_tasks(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, board: Any
) -> None:
    step = ItemDraft("Write <it>", kind=Kind.TASK, parent=items[0], assignees=[cast.max])
    create_item(product, step, actor=olga)

    def shown(text: str) -> list[int]:
        now = board()
        now.filter(words=text.lower().split())
        every = [*now.cards, *(task for each in now.cards for task in each.tasks)]
        return [each.number for each in every if each.shows]

    assert shown("max <it>") == [1, 5]
    assert shown("MED-1 story") == [1, 5]  # a task is found by its story
    assert shown("MED-1 nothing") == []
    assert card(board(), 5).words == "med-5 write <it> med-1 story 8 max berger "


@pytest.mark.parametrize("lanes", ["none", "story", "assignee"])
def test_two_hundred_cards_cost_twelve_statements(
    running: Sprint, product: Product, olga: Actor, cast: Cast, as_person: Any, lanes: str,
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    label = create_label(product, name="data", hue="teal", actor=olga)
    drafts = [
        ItemDraft(f"Card {n}", assignees=[cast.max], labels=[label], points=Decimal(n % 8))
        for n in range(200)
    ]
    many = create_items(product, drafts, actor=olga)
    move_items(product, many, actor=olga, spot=Spot.bottom(), to=running.backlog)
    tasks = [ItemDraft(f"Step of {item}", kind=Kind.TASK, parent=item) for item in many[:20]]
    create_items(product, tasks, actor=olga)
    client = as_person(cast.olga)
    url = f"/p/MED/sprints/{running.pk}/board/?lanes={lanes}"
    client.get(url)
    with django_assert_num_queries(12):
        text = client.get(url).content.decode()
    assert text.count('class="card-item') >= 203


# What is done on it ------------------------------------------------------------------------------


def test_a_developer_moves_a_card_to_a_column_and_takes_it_back(
    running: Sprint, items: list[Item], cast: Cast, move: Any, product: Product
) -> None:
    answer = move(cast.max, ref="MED-1", status="in-progress", after="MED-2")
    assert answer.json() == {"said": "MED-1: In progress.", "undoable": True}
    assert fresh(items[0]).status.slug == "in-progress"
    assert in_order(running.backlog) == [2, 1, 3]
    undone = undo_last(
        product, actor=Actor.person(cast.max), may=lambda needed: needed == "item.edit"
    )
    assert "MED-1" in undone.refs
    assert fresh(items[0]).status.slug == "to-do"
    assert in_order(running.backlog) == [1, 2, 3]


def test_a_board_that_shows_an_older_status_overrules_nobody(
    running: Sprint, items: list[Item], cast: Cast, move: Any
) -> None:
    assert move(cast.olga, ref="MED-1", status="done", seen="to-do").status_code == 200
    late = move(cast.max, ref="MED-1", status="in-review", seen="to-do")
    assert late.status_code == 409
    assert "Somebody brought MED-1 to Done meanwhile" in late.json()["detail"]
    assert fresh(items[0]).status.slug == "done"
    again = move(cast.max, ref="MED-1", status="done", seen="to-do")  # the same wish
    assert again.status_code == 200
    assert move(cast.max, ref="MED-1", status="in-review", seen="done").status_code == 200


def test_a_place_that_has_gone_is_refused_and_nothing_changes(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, move: Any
) -> None:
    home = product.backlogs.get(kind=Backlog.Kind.PRODUCT)
    move_items(product, [fresh(items[2])], actor=olga, spot=Spot.top(), to=home)
    answer = move(cast.max, ref="MED-1", status="in-progress", before="MED-3")
    assert answer.status_code == 409
    assert "MED-3" in answer.json()["detail"]
    assert fresh(items[0]).status.slug == "to-do"
    answer = move(cast.max, ref="MED-3", status="in-progress")
    assert answer.status_code == 409
    assert answer.json()["code"] == "moved_on"
    faults: list[tuple[dict[str, str], int, str]] = [
        ({"status": "nowhere"}, 404, "There is no such column any more"),
        ({"status": "\0"}, 404, "There is no such column any more"),
        ({}, 422, "Say where the card goes"),
        ({"to_backlog": "7000"}, 422, "That sprint is gone"),
        ({"to_backlog": "\0"}, 422, "That sprint is gone"),
        ({"to_backlog": str(running.pk)}, 422, "MED-1 is in Sprint 1 already"),
    ]
    for wrong, status, said in faults:
        answer = move(cast.olga, ref="MED-1", **wrong)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), wrong
    assert home_of(items[0]) == running.backlog


def test_a_sprint_that_has_not_started_takes_nothing_from_a_board(
    planned: Sprint, items: list[Item], cast: Cast, as_person: Any
) -> None:
    client, url = as_person(cast.olga), f"/p/MED/sprints/{planned.pk}/board/"
    for path, fields in (("move/", {"ref": "MED-2", "to": "top"}),
                         ("task/", {"parent": "MED-1", "title": "Write it"})):  # fmt: skip
        answer = client.post(f"{url}{path}", fields, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (409, "sprint_planned")
    assert in_order(planned.backlog) == [1, 2, 3]


def test_only_who_runs_the_sprint_takes_a_card_out(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, move: Any
) -> None:
    step = create_item(product, ItemDraft("Step", kind=Kind.TASK, parent=items[0]), actor=olga)
    assert move(cast.max, ref="MED-1", to_backlog="backlog").status_code == 403
    answer = move(cast.sina, ref="MED-1", to_backlog="backlog")
    assert answer.json()["said"] == "MED-1 went to the top of the backlog with 1 task."
    assert home_of(items[0]).kind == home_of(step).kind == Backlog.Kind.PRODUCT
    undo_last(product, actor=Actor.person(cast.sina),
              may=lambda needed: needed in {"item.edit", "sprint.run"})  # fmt: skip
    assert home_of(items[0]) == running.backlog


def test_a_card_goes_to_another_sprint(
    running: Sprint, items: list[Item], team: Team, olga: Actor, cast: Cast, move: Any
) -> None:
    following = create_sprint(team, actor=olga)
    answer = move(cast.olga, ref="MED-2", to_backlog=str(following.pk))
    assert answer.json()["said"] == f"MED-2 went to {following}."
    assert home_of(items[1]) == following.backlog


def test_what_enters_done_is_asked_for_by_the_definition_once(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, move: Any
) -> None:
    product.definition_of_done = "- Reviewed\n- Tests <pass>"
    product.done_checks = ["assigned"]
    product.save()
    asked = move(cast.max, ref="MED-1", status="done").json()["asks"]
    assert "Tests &lt;pass&gt;" in asked
    assert "nobody assigned" in asked
    assert "Move to Done anyway" in asked
    assert fresh(items[0]).status.slug == "to-do"
    answer = move(cast.max, ref="MED-1", status="done", confirmed="1").json()
    assert answer["said"] == "MED-1: Done."
    assert fresh(items[0]).status.slug == "done"
    # To another status of the same category, and back out, nobody is asked.
    add_status(product, "Released", "done", actor=olga)
    answer = move(cast.max, ref="MED-1", status="released").json()
    assert answer["said"] == "MED-1: Released."
    assert move(cast.max, ref="MED-1", status="to-do").json()["said"] == "MED-1: To do."


def test_tasks_are_spared_the_words_of_the_definition(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, move: Any
) -> None:
    product.definition_of_done = "- Reviewed"
    product.save()
    create_item(product, ItemDraft("Step", kind=Kind.TASK, parent=items[0]), actor=olga)
    assert move(cast.max, ref="MED-5", status="done").json()["said"] == "MED-5: Done."


def test_a_task_is_added_under_an_item_of_the_sprint(
    running: Sprint, items: list[Item], cast: Cast, as_person: Any
) -> None:
    url = f"/p/MED/sprints/{running.pk}/board/task/"
    answer = as_person(cast.max).post(url, {"parent": "MED-1", "title": " Write  it "})
    assert answer.json()["said"] == "MED-5 added under MED-1."
    step = Item.objects.get(number=5)
    assert (step.title, step.parent, step.backlog) == ("Write it", items[0], running.backlog)
    for wrong in ({"parent": "MED-1", "title": " "}, {"parent": "MED-5", "title": "x"},
                  {"parent": "MED-4", "title": "x"}):  # fmt: skip
        assert as_person(cast.max).post(url, wrong).status_code in {400, 409, 422}
    assert as_person(cast.vera).post(url, {}).status_code == 403


def test_an_item_whose_tasks_are_all_done_is_offered_and_never_moved(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast, as_person: Any,
    board: Any,
) -> None:  # fmt: skip
    done = status_of(product, "done")
    steps = [
        create_item(product, ItemDraft(title, kind=Kind.TASK, parent=items[0]), actor=olga)
        for title in ("One", "Two")
    ]
    update_item(steps[0], actor=olga, status=done)
    client = as_person(cast.max)
    assert not card(board(), 1).is_offered
    assert "All tasks are done." not in client.get("/p/MED/items/MED-1/").content.decode()
    update_item(steps[1], actor=olga, status=done)
    assert card(board(), 1).is_offered
    assert fresh(items[0]).status.slug == "to-do"
    text = client.get(f"/p/MED/sprints/{running.pk}/board/").content.decode()
    assert "All tasks done: move to Done" in text
    text = client.get("/p/MED/items/MED-1/").content.decode()
    assert "Move MED-1 to Done" in text
    assert "Move MED-1" not in as_person(cast.vera).get("/p/MED/items/MED-1/").content.decode()
    client.post("/p/MED/items/MED-1/set/", {"status": "done", "version": fresh(items[0]).version})
    assert fresh(items[0]).status.slug == "done"
    assert not card(board(), 1).is_offered
    assert "Move MED-1 to" not in client.get("/p/MED/items/MED-1/").content.decode()


def test_the_board_of_a_closed_sprint_shows_its_past_and_refuses_all(
    running: Sprint, items: list[Item], product: Product, olga: Actor, cast: Cast,
    as_person: Any, move: Any,
) -> None:  # fmt: skip
    update_item(items[0], actor=olga, status=status_of(product, "done"))
    close_sprint(running, Closing("partly", goal_reason="Half of it."), actor=olga)
    text = as_person(cast.olga).get(f"/p/MED/sprints/{running.pk}/board/").content.decode()
    assert 'data-ref="MED-1"' in text
    assert 'data-ref="MED-2"' not in text
    assert "closed, read only" in text
    assert "data-move" not in text
    assert "8</b> of" in text
    answer = move(cast.olga, ref="MED-1", status="to-do")
    assert answer.status_code == 409
    assert answer.json()["code"] == "sprint_closed"
    assert fresh(items[0]).status.slug == "done"


def test_what_was_split_off_stays_in_the_scope_of_the_closed_board(
    running: Sprint, board: Callable[[], Board], olga: Actor
) -> None:
    before = board().progress
    close_sprint(
        running,
        Closing("partly", goal_reason="Half of it.", fates={"MED-1": Fate("split", Decimal(3))}),
        actor=olga,
    )
    after = board().progress
    assert before is not None
    assert after is not None
    assert (before.scope, before.done) == (after.scope, 0)
    assert after.done == 3


def test_the_menus_offer_members_and_labels_to_who_may_edit(
    running: Sprint, product: Product, olga: Actor, cast: Cast, as_person: Any
) -> None:
    create_label(product, name="data", hue="teal", actor=olga)
    url = f"/p/MED/sprints/{running.pk}/board/choices/"
    offered = as_person(cast.max).get(url).json()
    assert offered["me"] == "max@example.org"
    assert "dora@example.org" in {person["value"] for person in offered["assignee"]}
    assert [label["value"] for label in offered["label"]] == ["data"]
    assert as_person(cast.vera).get(url).status_code == 403


def test_a_recovered_item_is_confirmed_on_its_card(
    running: Sprint, items: list[Item], product: Product, cast: Cast, as_person: Any
) -> None:
    product.on_green = "ask"
    product.save()
    see(product, "age")
    Finding.objects.update(item=items[0])
    see(product, "age", outcome="passed")
    url = f"/p/MED/sprints/{running.pk}/board/?q=story"
    confirm = "/p/MED/items/MED-1/confirm-done/"
    shown = as_person(cast.max).get(url).content.decode()
    assert "recovered?" in shown
    assert shown.count(confirm) == 1
    assert f'name="next" value="{url}"' in re.sub(r"\s+", " ", shown)
    assert confirm not in as_person(cast.vera).get(url).content.decode()
    by_script = {"Accept": "application/json"}
    assert as_person(cast.vera).post(confirm, headers=by_script).status_code == 403
    told = as_person(cast.max).post(confirm, headers=by_script)
    assert told.json() == {"said": "MED-1 is done."}
    assert fresh(items[0]).status.category == "done"
    again = as_person(cast.max).post(confirm, headers=by_script)
    assert again.status_code == 422
    assert again.json()["detail"] == "The evidence of MED-1 has not recovered."
    assert confirm not in as_person(cast.max).get(url).content.decode()
