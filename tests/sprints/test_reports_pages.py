"""The report of a sprint, which stays as it was, and the room of charts."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Item, Kind, Product, Subject, Team
from backlog.queries.charts import Chart
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services.findings import EvidenceReport, report
from backlog.services.items import (
    ItemDraft,
    create_item,
    create_items,
    move_items,
    product_backlog,
    restore_item,
    trash_item,
    update_item,
)
from backlog.services.ranks import Spot
from sprints.models import Sprint, TeamCalendar
from sprints.queries.flow import Window, flow_of
from sprints.rules.days import all_days
from sprints.rules.flow import cumulative_flow
from sprints.services.closing import Closing, Fate, close_sprint
from sprints.services.sprints import cancel_sprint, create_sprint, start_sprint
from tests.conftest import Cast
from tests.sprints.conftest import FIRST, LAST, fresh, status_of

Travel = Callable[[str], datetime]
PARTLY = ("partly", "The clinics answered late.")


@pytest.fixture
def client(cast: Cast, as_person: Any) -> Client:
    """Vera's: a stakeholder reads all of it."""
    found: Client = as_person(cast.vera)
    return found


def report_of(sprint: Sprint) -> str:
    return f"/p/MED/sprints/{sprint.pk}/report/"


def part_of(answer: Any) -> str:
    """The report itself, without the shell around it."""
    page = answer.content.decode()
    return str(page[page.index('<div id="report">') : page.index("</main>")])


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def lines_of(answer: Any) -> list[list[str]]:
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))


@pytest.fixture
def closed(
    running: Sprint, items: list[Item], product: Product, olga: Actor, travel: Travel, finish: Any
) -> Sprint:
    """Of 8, 5 and 3 points the 8 are done, the 5 were taken out for the 2, and the 3 carried."""
    travel("2026-03-27 10:00+00:00")
    move_items(product, [items[3]], actor=olga, spot=Spot.bottom(), to=running.backlog)
    move_items(product, [fresh(items[1])], actor=olga, spot=Spot.top(), to=product_backlog(product))
    travel("2026-04-01 10:00+00:00")
    finish(items[0])
    travel("2026-04-07 16:00+00:00")
    return close_sprint(running, Closing(*PARTLY), actor=olga)


def test_a_report_stays_the_same_to_the_letter_whatever_comes_later(
    closed: Sprint,
    items: list[Item],
    olga: Actor,
    travel: Travel,
    client: Client,
    team: Team,
    cast: Cast,
) -> None:
    page = report_of(closed)
    files = [f"{page}{name}" for name in ("items.csv", "days.csv", "report.json")]

    def all_of_it() -> list[Any]:
        burndown = client.get(f"/api/v1/sprints/{closed.pk}/burndown/").content
        return [part_of(client.get(page)), burndown, *(client.get(file).content for file in files)]

    before = all_of_it()
    travel("2026-05-20 10:00+00:00")
    client.force_login(cast.vera)  # the old sign-in has run out meanwhile
    update_item(items[0], actor=olga, points=Decimal(40), title="Another title")
    update_item(fresh(items[0]), actor=olga, status=status_of(closed.backlog.product, "todo"))
    update_item(fresh(items[2]), actor=olga, kind=Kind.BUG, points=Decimal(1))
    trash_item(fresh(items[3]), actor=olga)
    team.name = "Readers"
    team.save()
    TeamCalendar.objects.create(team=team, zone="Asia/Tokyo", weekdays=[5, 6])
    assert all_of_it() == before


def test_a_report_tells_what_came_of_each_item(closed: Sprint, client: Client) -> None:
    answer = client.get(report_of(closed))
    groups = {
        name: [(line.ref, line.came, line.outcome) for line in lines]
        for name, lines in answer.context["page"].groups
    }
    assert groups == {
        "Done": [("MED-1", "committed", "done")],
        "Not done": [
            ("MED-3", "committed", "back to the backlog"),
            ("MED-4", "added", "back to the backlog"),
        ],
        "Removed before the end": [("MED-2", "committed", "removed")],
    }
    tiles = {tile.name: (tile.points, tile.note) for tile in answer.context["page"].tiles}
    assert tiles == {
        "Committed": (16.0, "3 items"),
        "Added": (2.0, "1 item"),
        "Removed": (5.0, "1 item"),
        "Done": (8.0, "1 item"),
        "Carried over": (5.0, "2 items"),
    }
    shown = words_of(answer)
    assert "Added +2 points" in shown
    assert "Removed −5 points" in shown
    assert "Goal partly met" in shown
    assert "The clinics answered late." in shown
    assert "closed Tue 7 Apr 2026, 16:00 UTC by Olga Kuznetsova" in shown
    assert "So far" not in shown


def test_a_running_sprint_shows_the_same_so_far(
    running: Sprint, items: list[Item], travel: Travel, finish: Any, client: Client
) -> None:
    travel("2026-03-26 12:00+00:00")
    finish(items[0])
    answer = client.get(report_of(running))
    shown = words_of(answer)
    assert "So far" in shown
    assert "8 of 16 points remain" in shown
    assert [name for name, _ in answer.context["page"].groups] == ["Done", "Not done yet"]
    finish(items[1])
    assert "3 of 16 points remain" in words_of(client.get(report_of(running)))


def test_a_report_from_before_findings_were_drawn_is_shown_as_it_is(
    closed: Sprint, client: Client
) -> None:
    assert closed.report is not None
    for point in (closed.report["opening"], *closed.report["days"]):
        del point["findings_open"], point["findings_score"]
    closed.report["version"] = 1
    closed.save(update_fields=["report"])
    assert client.get(report_of(closed)).status_code == 200
    assert len(lines_of(client.get(f"{report_of(closed)}days.csv"))) == 16
    drawn = client.get(f"/api/v1/sprints/{closed.pk}/burndown/").json()
    assert {point["findings_open"] for point in drawn["days"]} == {None}


def test_a_split_names_where_the_rest_went(
    running: Sprint, olga: Actor, client: Client, travel: Travel, cast: Cast
) -> None:
    travel("2026-04-07 16:00+00:00")
    client.force_login(cast.vera)
    fates = {"MED-1": Fate("split", Decimal(3))}
    close_sprint(running, Closing(*PARTLY, fates=fates), actor=olga)
    answer = client.get(report_of(running))
    assert "split, the rest is MED-5" in words_of(answer)
    assert words_of(answer).count("As it closed, 5 points left it in new items.") == 2
    # Of 8 + 5 + 3 three are done: 5 + 3 as they were and 5 of the 8 are carried over.
    page = answer.context["page"]
    tiles = {tile.name: (tile.points, tile.note) for tile in page.tiles}
    assert tiles["Carried over"] == (13.0, "3 items")
    assert (tiles["Done"], page.done_share, page.reestimated) == ((3.0, "1 item"), 100 * 3 / 16, 0)
    left = [
        (line.ref, line.title, line.points, line.outcome) for line in dict(page.groups)["Not done"]
    ]
    assert left == [
        ("MED-2", "Story 5", 5.0, "back to the backlog"),
        ("MED-3", "Story 3", 3.0, "back to the backlog"),
        ("MED-5", "Story 8 (rest)", 5.0, "rest of MED-1, back to the backlog"),
    ]
    _, *rows = lines_of(client.get(f"{report_of(running)}items.csv"))
    assert [row[0] for row in rows] == ["MED-1", "MED-5", "MED-2", "MED-3"]
    assert rows[1][1:4] == ["Story 8 (rest)", "story", "5.0"]
    assert sum(Decimal(row[3]) for row in rows) == 16
    titles = {chart.name: chart.title for chart in page.charts}
    assert titles["burndown"] == "13 of 16 points were left"
    assert titles["burn-up"] == "3 of 16 points were done"
    chart = chart_named(client.get("/p/MED/reports/velocity/"), "scope")
    assert numbers_of(chart, "Carried over") == [13.0]
    sprint = client.get(f"/api/v1/sprints/{running.pk}/").json()
    assert sprint["split_off"] == {"points": 5.0, "items": 1, "unestimated": 0}
    past = client.get("/api/v1/products/MED/velocity/").json()["sprints"]
    assert past[0]["carried_over"] == 13.0


def test_a_report_from_before_splits_were_kept_reads_as_if_there_were_none(
    running: Sprint, olga: Actor, client: Client, travel: Travel, cast: Cast
) -> None:
    travel("2026-04-07 16:00+00:00")
    client.force_login(cast.vera)
    fates = {"MED-1": Fate("split", Decimal(3))}
    closed = close_sprint(running, Closing(*PARTLY, fates=fates), actor=olga)
    assert closed.report is not None
    del closed.report["figures"]["split_off"]
    for item in closed.report["items"]:
        del item["rest_points"]
    closed.report["version"] = 2
    closed.save(update_fields=["report"])
    answer = client.get(report_of(running))
    tiles = {tile.name: tile.points for tile in answer.context["page"].tiles}
    assert tiles["Carried over"] == 8.0
    assert "and what splits left over, changed the points by -5" in words_of(answer)
    sprint = client.get(f"/api/v1/sprints/{running.pk}/").json()
    assert sprint["split_off"] == {"points": 0.0, "items": 0, "unestimated": 0}
    burndown = client.get(f"/api/v1/sprints/{running.pk}/burndown/").json()
    assert burndown["figures"]["split_off"]["items"] == 0


def test_before_the_start_there_is_no_report_yet(
    planned: Sprint, olga: Actor, client: Client
) -> None:
    assert "has not started" in words_of(client.get(report_of(planned)))
    assert lines_of(client.get(f"{report_of(planned)}days.csv")) == []
    assert client.get(f"{report_of(planned)}report.json").json() is None
    cancel_sprint(planned, actor=olga, reason="Pointless.")
    assert "cancelled before it started" in words_of(client.get(report_of(planned)))


def test_a_sprint_that_was_cancelled_says_so_and_why(
    running: Sprint, olga: Actor, client: Client
) -> None:
    cancel_sprint(running, actor=olga, reason="The clinic has closed.")
    shown = words_of(client.get(report_of(running)))
    assert "Cancelled" in shown
    assert "The clinic has closed." in shown
    assert "Goal not met" not in shown
    assert "by Olga Kuznetsova" in shown


def test_downloads_hold_what_the_page_shows(closed: Sprint, client: Client) -> None:
    rows = lines_of(client.get(f"{report_of(closed)}items.csv"))
    assert rows[0] == [
        "Item", "Title", "Kind", "Points", "Part of", "Assignees", "Came in", "Outcome",
    ]  # fmt: skip
    assert rows[1:3] == [
        ["MED-1", "Story 8", "story", "8.0", "", "", "committed", "done"],
        ["MED-2", "Story 5", "story", "5.0", "", "", "committed", "removed"],
    ]
    days = lines_of(client.get(f"{report_of(closed)}days.csv"))
    assert days[0] == ["day", "is_working", "scope", "done", "remaining", "ideal"]
    assert days[1] == ["start", "True", "16.0", "0.0", "16.0", "16.0"]
    assert days[-1] == ["2026-04-07", "True", "13.0", "8.0", "5.0", "0.0"]
    whole = client.get(f"{report_of(closed)}report.json")
    assert json.loads(whole.content) == Sprint.objects.get(pk=closed.pk).report
    assert whole["Content-Disposition"] == f'attachment; filename="MED-sprint-{closed.pk}.json"'


def test_no_spreadsheet_takes_a_title_for_a_formula(
    running: Sprint, product: Product, olga: Actor, client: Client
) -> None:
    item = create_item(product, ItemDraft("=1+1", points=Decimal(1)), actor=olga)
    move_items(product, [item], actor=olga, spot=Spot.top(), to=running.backlog)
    rows = lines_of(client.get(f"{report_of(running)}items.csv"))
    assert [row[1] for row in rows if row[0] == item.ref] == ["'=1+1"]


# The room of charts -------------------------------------------------------------------------------


def chart_named(answer: Any, name: str) -> Chart:
    charts: dict[str, Chart] = {}
    for context in answer.context or []:
        charts |= {
            chart.name: chart
            for key in ("chart", "charts")
            if key in context
            for chart in ([context[key]] if key == "chart" else context[key])
            if isinstance(chart, Chart)
        }
    return charts[name]


def numbers_of(chart: Chart, name: str) -> list[float | None]:
    return next(list(series.values) for series in chart.series if series.name == name)


def test_burn_up_and_burndown_cross_a_weekend_and_a_change_of_clocks(
    running: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    travel: Travel,
    finish: Any,
    team: Team,
    client: Client,
) -> None:
    """By hand, in London, whose clocks change on Sunday 29 March 2026:

    Wed 25  16 points committed
    Fri 27  8 done at 23:30 UTC, 23:30 in London: still Friday
    Sun 29  2 added at 22:30 UTC, 23:30 in London: still Sunday
    Mon 30  5 done at 22:59 UTC, 23:59 in London: still Monday
    The ideal line rises on the ten working days alone, 1.6 points each.
    """
    TeamCalendar.objects.create(team=team, zone="Europe/London")
    Sprint.objects.filter(pk=running.pk).update(zone="Europe/London")
    travel("2026-03-27 23:30+00:00")
    finish(items[0])
    travel("2026-03-29 22:30+00:00")
    move_items(product, [items[3]], actor=olga, spot=Spot.top(), to=running.backlog)
    travel("2026-03-30 22:59+00:00")
    finish(items[1])
    answer = client.get("/p/MED/reports/")
    ((_, ((down, url), (up, _))),) = answer.context["shown"]
    days = ["Start", "Wed 25 Mar", "Thu 26 Mar", "Fri 27 Mar", "Sat 28 Mar", "Sun 29 Mar",
            "Mon 30 Mar"]  # fmt: skip
    assert list(up.labels[:7]) == days
    assert len(up.labels) == 15
    to_come = [None] * 8
    assert numbers_of(up, "Done") == [0, 0, 0, 8, 8, 8, 13, *to_come]
    assert numbers_of(up, "Scope") == [16, 16, 16, 16, 16, 18, 18, *to_come]
    assert numbers_of(up, "Ideal")[:7] == [0, 1.6, 3.2, 4.8, 4.8, 4.8, 6.4]
    assert numbers_of(down, "Remaining") == [16, 16, 16, 8, 8, 10, 5, *to_come]
    assert [up.labels[place] for place in up.off] == [
        "Sat 28 Mar", "Sun 29 Mar", "Sat 4 Apr", "Sun 5 Apr",
    ]  # fmt: skip
    assert (down.title, up.title) == (
        "5 of 18 points remain, 5 below the ideal line",
        "13 of 18 points are done",
    )
    assert url == f"{report_of(running)}days.csv"


def test_velocity_and_scope_speak_of_closed_sprints(closed: Sprint, client: Client) -> None:
    answer = client.get("/p/MED/reports/velocity/")
    velocity, scope = chart_named(answer, "velocity"), chart_named(answer, "scope")
    assert velocity.title == "One sprint is closed; the range begins with the second"
    assert [(s.name, list(s.values)) for s in velocity.series] == [
        ("Committed", [16.0]),
        ("Completed", [8.0]),
    ]
    # 2 added and 5 removed of 16; 16 + 2 - 5 = 13 in scope, of which 5 were not done.
    assert [(s.name, list(s.values)) for s in scope.series] == [
        ("Added", [2.0]),
        ("Removed", [5.0]),
        ("Carried over", [5.0]),
    ]
    assert scope.rows == [("Sprint 1", ["44 %", "38 %"], [2.0, 5.0, 5.0])]
    rows = lines_of(client.get("/p/MED/reports/scope/numbers.csv"))
    assert rows == [
        ["Sprint", "Scope changed", "Not done", "Added", "Removed", "Carried over"],
        ["Sprint 1", "44 %", "38 %", "2.0", "5.0", "5.0"],
    ]


@pytest.fixture
def four_closed(
    team: Team, product: Product, olga: Actor, travel: Travel, finish: Any
) -> list[Sprint]:
    """Four sprints in a row that completed 10, 20, 30 and 20 points, each the whole of it."""
    found = []
    for number, points in enumerate((10, 20, 30, 20)):
        first = date(2026, 1, 5 + 7 * number)
        travel(f"{first} 08:00+00:00")
        item = create_item(product, ItemDraft("Work", points=Decimal(points)), actor=olga)
        sprint = create_sprint(team, actor=olga, goal="Go.", starts_on=first, ends_on=first)
        move_items(product, [item], actor=olga, spot=Spot.top(), to=sprint.backlog)
        sprint = start_sprint(sprint, actor=olga)
        finish(fresh(item))
        travel(f"{first} 18:00+00:00")
        found.append(close_sprint(sprint, Closing("yes"), actor=olga))
    return found


def test_a_range_needs_two_sprints_and_a_forecast_three(
    four_closed: list[Sprint], client: Client, product: Product, olga: Actor
) -> None:
    chart = chart_named(client.get("/p/MED/reports/velocity/"), "velocity")
    assert chart.title == "Between 10 and 30 points a sprint, 20 in the middle"
    assert [(mark.name, mark.value) for mark in chart.marks] == [
        ("best", 30.0),
        ("middle", 20.0),
        ("worst", 10.0),
    ]
    answer = client.get("/p/MED/reports/forecast/")
    past = chart_named(answer, "forecasts")
    # Only the fourth has three before it; of 10, 20 and 30 the middle 80 % are all of them.
    assert past.rows == [("Sprint 4", ["yes"], [10.0, 30.0, 20.0])]
    assert past.title == "1 of 1 sprint came within what was forecast"
    assert "Nothing that is estimated waits" in words_of(answer)
    create_item(product, ItemDraft("More", points=Decimal(50)), actor=olga)
    create_item(product, ItemDraft("Who knows"), actor=olga)
    shown = words_of(client.get("/p/MED/reports/forecast/"))
    assert "50 points , all that is estimated and not done (1 more have no estimate)" in shown


def test_of_a_long_past_the_last_sprints_are_drawn_and_the_download_holds_all(
    four_closed: list[Sprint], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sprints.views.reports.MOST_SPRINTS", 3)
    answer = client.get("/p/MED/reports/velocity/")
    for name in ("velocity", "scope"):
        chart = chart_named(answer, name)
        assert list(chart.labels) == ["Sprint 2", "Sprint 3", "Sprint 4"]
        assert chart.note.endswith("Drawn are the last 3 of 4 sprints; the CSV holds all.")
        assert len(lines_of(client.get(f"/p/MED/reports/{name}/numbers.csv"))) == 5
    assert chart_named(answer, "velocity").title.startswith("Between 10 and 30")


@pytest.mark.parametrize("room", ["velocity", "forecast"])
def test_the_past_is_read_once(four_closed: list[Sprint], client: Client, room: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        client.get(f"/p/MED/reports/{room}/", {"points": "40"})
    oldest_first = '"closed_at" ASC'
    assert sum(oldest_first in one["sql"] for one in asked.captured_queries) == 1


def test_a_forecast_answers_what_is_asked_and_says_what_it_can_not_read(
    four_closed: list[Sprint], client: Client, travel: Travel
) -> None:
    travel("2026-02-02 09:00+00:00")
    room = "/p/MED/reports/forecast/"
    answer = client.get(room, {"points": "20"}).context["answer"]
    same = client.get("/api/v1/products/MED/forecast/", {"points": "20"}).json()
    assert [(chance, str(day)) for chance, day in answer.days] == [
        (50, same["p50"]), (85, same["p85"]), (95, same["p95"]),
    ]  # fmt: skip
    by = client.get(room, {"until": "2026-02-15"}).context["answer"]
    assert [chance for chance, _ in by.amounts] == [50, 85, 95]
    assert "Counted from 2 Feb 2026 on." in words_of(client.get(room, {"until": "2026-02-15"}))
    for asked, words in (
        ({"points": "many"}, "Write the points as a number such as 40."),
        ({"refs": "MED-999"}, "There is no item MED-999 here."),
        ({"until": "soon"}, "Write the day as 2026-12-31."),
    ):
        refused = client.get(room, asked)
        assert refused.status_code == 200
        (name,) = asked
        assert refused.context["wrong"] == name
        assert words in words_of(refused)
        assert f'value="{asked[name]}"' in refused.content.decode()


def test_a_past_too_short_is_said(product: Product, items: list[Item], client: Client) -> None:
    shown = words_of(client.get("/p/MED/reports/forecast/"))
    assert "A forecast needs at least three closed sprints" in shown


def test_flow_counts_items_by_category_and_by_status(
    closed: Sprint, items: list[Item], product: Product, olga: Actor, travel: Travel, client: Client
) -> None:
    travel("2026-04-08 10:00+00:00")
    review = product.statuses.get(slug="in-review")
    update_item(fresh(items[1]), actor=olga, status=review)
    answer = client.get("/p/MED/reports/flow/", {"days": 30})
    flow = chart_named(answer, "flow")
    assert len(flow.labels) == 30
    assert flow.keys[-1] == "2026-04-08"
    assert flow.title == "1 item in progress now, 1 more than 30 days ago"
    # Made on 20 March; MED-1 done on 1 April and, closed with its sprint, done ever after.
    at = {key: place for place, key in enumerate(flow.keys)}
    found = {
        day: [numbers_of(flow, name)[at[day]] for name in ("To do", "In progress", "Done")]
        for day in ("2026-03-19", "2026-03-20", "2026-04-01", "2026-04-08")
    }
    assert found == {
        "2026-03-19": [0, 0, 0],
        "2026-03-20": [4, 0, 0],
        "2026-04-01": [3, 0, 1],
        "2026-04-08": [2, 1, 1],
    }
    other = client.get("/p/MED/reports/flow/", {"days": "30", "by": "status"})
    by_status = chart_named(other, "flow")
    assert numbers_of(by_status, review.name)[-1] == 1
    assert by_status.title == flow.title
    done = chart_named(answer, "product-burn-up")
    assert (numbers_of(done, "Done")[-1], numbers_of(done, "Scope")[-1]) == (8.0, 18.0)
    assert chart_named(other, "product-burn-up").rows == done.rows


def test_what_is_thrown_away_after_its_sprint_flows_no_more(
    closed: Sprint, items: list[Item], olga: Actor, travel: Travel, client: Client
) -> None:
    travel("2026-04-10 10:00+00:00")
    trash_item(fresh(items[0]), actor=olga)  # done, in the closed sprint
    travel("2026-04-12 10:00+00:00")
    for span in ("30", "90"):
        answer = client.get("/p/MED/reports/flow/", {"days": span})
        flow, burnup = (chart_named(answer, name) for name in ("flow", "product-burn-up"))
        assert numbers_of(flow, "Done")[-4:] == [1, 0, 0, 0]
        assert numbers_of(burnup, "Done")[-4:] == [8.0, 0.0, 0.0, 0.0]
        assert numbers_of(burnup, "Scope")[-4:] == [18.0, 10.0, 10.0, 10.0]
    restore_item(fresh(items[0]), actor=olga)
    again = chart_named(client.get("/p/MED/reports/flow/"), "flow")
    assert numbers_of(again, "Done")[-1] == 1


def test_what_is_taken_up_again_flows_through_its_team_no_more(
    closed: Sprint, items: list[Item], team: Team, olga: Actor, travel: Travel
) -> None:
    product = closed.backlog.product
    travel("2026-04-10 10:00+00:00")
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "todo"))
    travel("2026-04-13 10:00+00:00")
    for span, expected in ((5, [1, 0, 0, 0, 0]), (3, [0, 0, 0])):
        days = flow_of(product, Window.last(span, team), team=team)
        assert [sum(day.items.values()) for day in days] == expected


@pytest.mark.parametrize("by", ["category", "status"])
@pytest.mark.parametrize("of_a_team", [False, True])
def test_a_short_window_tells_of_its_days_what_a_long_one_tells(
    closed: Sprint, items: list[Item], product: Product, olga: Actor, travel: Travel,
    monkeypatch: pytest.MonkeyPatch, by: str, of_a_team: bool,
) -> None:  # fmt: skip
    team = closed.backlog.team
    assert team is not None
    travel("2026-04-08 00:00+00:00")  # as a window begins
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "doing"))
    travel("2026-04-09 10:00+00:00")
    sprint = create_sprint(team, actor=olga, goal="Again.")
    move_items(product, [fresh(items[0]), fresh(items[1])], actor=olga, spot=Spot.top(),
               to=sprint.backlog)  # fmt: skip
    start_sprint(sprint, actor=olga)
    travel("2026-04-10 10:00+00:00")
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=product_backlog(product))
    update_item(fresh(items[1]), actor=olga, status=status_of(product, "done"))
    travel("2026-04-11 10:00+00:00")
    trash_item(fresh(items[3]), actor=olga)
    close_sprint(sprint, Closing("yes"), actor=olga)
    travel("2026-04-12 10:00+00:00")
    restore_item(fresh(items[3]), actor=olga)
    update_item(fresh(items[2]), actor=olga, points=Decimal(13))
    travel("2026-04-13 10:00+00:00")
    trash_item(fresh(items[1]), actor=olga)
    days = all_days(date(2026, 3, 18), date(2026, 4, 15))
    asked: dict[str, Any] = {"team": team if of_a_team else None, "by": by}
    whole = flow_of(product, Window(days, "UTC"), **asked)  # from before there was anything
    assert any(day.items for day in whole)
    read: list[int] = []

    def counting(stays: Any, steps: Any, **more: Any) -> Any:
        stays, steps = list(stays), list(steps)
        read.append(len(stays) + len(steps))
        return cumulative_flow(stays, steps, **more)

    monkeypatch.setattr("sprints.queries.flow.cumulative_flow", counting)
    for place in range(1, len(days)):
        assert flow_of(product, Window(days[place:], "UTC"), **asked) == whole[place:], days[place]
    assert read[-1] == 0  # nothing happened on the last day: the database counts what is there
    assert read == sorted(read, reverse=True)


def test_cycle_times_stand_by_the_day_of_their_end(
    product: Product,
    items: list[Item],
    olga: Actor,
    travel: Travel,
    finish: Any,
    client: Client,
    cast: Cast,
) -> None:
    doing = status_of(product, "doing")
    for item, end in zip(items, ("03-24", "03-25", "03-28", "04-02"), strict=True):
        travel("2026-03-23 09:00+00:00")
        update_item(item, actor=olga, status=doing)
        travel(f"2026-{end} 09:00+00:00")
        finish(fresh(item))
    straight = create_item(product, ItemDraft("At once"), actor=olga)
    finish(straight)
    chart = chart_named(client.get("/p/MED/reports/cycle-time/"), "cycle-time")
    assert [(row[0], row[1][1], row[2]) for row in chart.rows] == [
        ("MED-1", "2026-03-24", [1.0]),
        ("MED-2", "2026-03-25", [2.0]),
        ("MED-3", "2026-03-28", [5.0]),
        ("MED-4", "2026-04-02", [10.0]),
    ]
    # Of four each is a quarter: 0.5 x 4 = 2, the second; 0.85 x 4 = 3.4, the fourth.
    assert [(mark.name, mark.value) for mark in chart.marks] == [
        ("50 %", 2.0), ("85 %", 10.0), ("95 %", 10.0),
    ]  # fmt: skip
    assert "1 item went to done without being in progress." in chart.note
    travel("2026-05-01 09:00+00:00")
    client.force_login(cast.vera)
    later = chart_named(client.get("/p/MED/reports/cycle-time/", {"days": 30}), "cycle-time")
    assert list(later.labels) == ["MED-4"]


def test_each_team_has_charts_of_its_own(
    closed: Sprint, product: Product, items: list[Item], olga: Actor, client: Client
) -> None:
    other = Team.objects.create(product=product, name="Night readers")
    first = closed.backlog.team
    assert first is not None
    both = client.get("/p/MED/reports/flow/")
    assert {"All teams", "Night readers"} <= set(
        re.findall(r">([^<>]+)</a>", both.content.decode())
    )
    assert numbers_of(chart_named(both, "flow"), "Done")[-1] == 1
    theirs = client.get("/p/MED/reports/flow/", {"team": first.pk})
    # Of the first team only what came into its sprint and did not leave: the done one.
    assert sum(series.values[-1] or 0 for series in chart_named(theirs, "flow").series) == 1
    assert client.get("/p/MED/reports/flow/", {"team": other.pk}).context["charts"] == []
    assert client.get("/p/MED/reports/velocity/", {"team": other.pk}).context["charts"] == []
    assert client.get("/p/MED/reports/velocity/", {"team": "x"}).context["charts"] != []


ROOMS = ("", "velocity/", "flow/", "cycle-time/", "forecast/")


def test_each_room_says_what_to_do_while_it_is_empty(product: Product, client: Client) -> None:
    for room in ROOMS:
        answer = client.get(f"/p/MED/reports/{room}")
        assert answer.status_code == 200
        assert 'class="empty"' in answer.content.decode(), room
        assert "<canvas" not in answer.content.decode()
    assert client.get("/p/MED/reports/nothing/numbers.csv").status_code == 404
    assert lines_of(client.get("/p/MED/reports/velocity/numbers.csv")) == []


def test_rooms_and_reports_ask_as_often_for_many_items_as_for_few(
    closed: Sprint, product: Product, team: Team, olga: Actor, cast: Cast, travel: Travel,
    finish: Any, client: Client,
) -> None:  # fmt: skip
    travel("2026-04-09 09:00+00:00")
    drafts = [
        ItemDraft(f"More {n}", points=Decimal(2), assignees=[cast.max, cast.dora])
        for n in range(24)
    ]
    more = create_items(product, drafts, actor=olga)
    sprint = create_sprint(team, actor=olga, goal="More.")
    move_items(product, more[:2], actor=olga, spot=Spot.top(), to=sprint.backlog)
    start_sprint(sprint, actor=olga)
    pages = [*(f"/p/MED/reports/{room}" for room in ROOMS), report_of(sprint), report_of(closed)]

    def counts() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(connection) as asked:
                assert client.get(page).status_code == 200
            found.append(len(asked))
        return found

    counts()
    few = counts()
    move_items(product, more[2:], actor=olga, spot=Spot.top(), to=sprint.backlog)
    for item in more[2:12]:
        finish(fresh(item))
    assert counts() == few
    assert max(few) <= 22, dict(zip(pages, few, strict=True))


def test_a_data_assessment_burns_down_its_findings_beside_points(
    team: Team, product: Product, olga: Actor, travel: Travel, client: Client
) -> None:
    """By hand: a P1 of 9 is red before the start on Wednesday, green on Thursday; one of 2 is red
    from Thursday on."""
    patients = Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients"
    )

    def reported(key: str, at: str, *seen: Observation) -> None:
        moment = travel(at)
        report(EvidenceReport(product, "gx", key, patients, key, moment, seen), actor=olga)

    def age(outcome: Outcome) -> Observation:
        return Observation("age", {}, "age is missing", outcome, Severity.CRITICAL, 8.0)

    reported("a", "2026-03-24 08:00+00:00", age(Outcome.FAILED))
    travel("2026-03-25 09:00+00:00")
    sprint = create_sprint(
        team, actor=olga, goal="Clean ages.", kind="data_assessment", target_health=95.0,
        subjects=[patients], starts_on=FIRST, ends_on=LAST,
    )  # fmt: skip
    sprint = start_sprint(sprint, actor=olga)
    height = Observation("height", {}, "height is odd", Outcome.FAILED, Severity.WARNING, 0.5)
    reported("b", "2026-03-26 08:00+00:00", age(Outcome.PASSED), height)
    travel("2026-03-27 08:00+00:00")
    answer = client.get(report_of(sprint))
    chart = answer.context["page"].charts[0]
    to_come = [None] * 11
    assert numbers_of(chart, "Score") == [9, 9, 2, 2, *to_come]
    assert numbers_of(chart, "Open findings") == [1, 1, 1, 1, *to_come]
    assert chart.title == "1 open finding with a score of 2, 9 at the start"
    days = lines_of(client.get(f"{report_of(sprint)}days.csv"))
    assert days[0][-2:] == ["findings_open", "findings_score"]
    assert [day[-2:] for day in days[1:5]] == [["1", "9"], ["1", "9"], ["1", "2"], ["1", "2"]]
    drawn = client.get(f"/api/v1/sprints/{sprint.pk}/burndown/").json()
    for point in (drawn["opening"], drawn["days"][0]):
        assert (point["findings_open"], point["findings_score"]) == (1, 9)
    closed = close_sprint(sprint, Closing("no", "The ages came late."), actor=olga)
    before = client.get(f"/api/v1/sprints/{sprint.pk}/burndown/").content
    reported("c", "2026-03-28 08:00+00:00", age(Outcome.FAILED))
    assert client.get(f"/api/v1/sprints/{closed.pk}/burndown/").content == before
