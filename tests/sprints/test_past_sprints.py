"""Sprints that imports bring along: with figures as if they had run here, once, and away again.

THE WORKED EXAMPLE, by hand. Sprint 1 of Taiga, Monday 2 to Friday 13 March 2026, closed:

  story  points  what happened
  1      8       made on 20 February, finished on 5 March
  2      5       made on 20 February, finished on 12 March
  3      3       made on 4 March, so added; finished on 10 March
  4      2       made on 20 February, still in progress: carried over

  committed  8 + 5 + 2 = 15 of three items
  added      3
  completed  8 + 5 + 3 = 16 of three items
  remaining  2
  15 + 3 = 18 = 16 + 2

  left as the days end: 15 from Monday 2; 18 on Wednesday 4 with story 3; 10 on Thursday 5, story 1
  being done; 7 on Tuesday 10, story 3; 2 from Thursday 12 on, story 2

Sprint 2, Friday 13 to Friday 27 March, closed as its last story was finished, on Monday 30 March:

  6      3       finished on 30 March
  7      none    done, nobody says when: as the sprint ended

  committed and completed 3 of two items, one of them without an estimate

Task 5 of story 1 is done and counts nowhere. Sprint 3 is open and holds story 8.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from backlog.models import Activity, Actor, Backlog, Category, Import, Item, Job, Product, Stay
from backlog.queries.imports import find_import, said_of_file
from backlog.services import jobs
from backlog.services.imports import map_import, mapping_from, request_import
from backlog.services.items import ItemDraft, comment, create_item, move_items, update_item
from backlog.services.ranks import Spot
from sprints.models import Sprint
from sprints.queries.overviews import past_sprints
from sprints.services import past_sprints as services
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.sprints import create_sprint
from tests.backlog.evidence import see
from tests.backlog.imports import brought, carried_out, jira_file, sent, taken_back, tried
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.sprints.conftest import home_of, in_order, status_of

DATA = Path(__file__).parents[1] / "backlog" / "data"
NOW = "2026-05-04 09:00+00:00"
Travel = Callable[[str], datetime]


def story(
    ref: int,
    points: int | None,
    sprint: str,
    *,
    made: str = "2026-02-20T08:00:00+0000",
    finished: str | None = None,
    status: str = "",
) -> dict[str, Any]:
    given = [] if points is None else [{"role": "Back", "points": str(points)}]
    return {
        "ref": ref, "subject": f"Story {ref}", "status": status or ("Done" if finished else "New"),
        "role_points": given, "milestone": sprint, "backlog_order": ref, "created_date": made,
        "finish_date": finished,
    }  # fmt: skip


def milestone(name: str, first: str, last: str, *, closed: bool = True) -> dict[str, Any]:
    return {
        "name": name, "slug": name.lower().replace(" ", "-"), "estimated_start": first,
        "estimated_finish": last, "closed": closed,
    }  # fmt: skip


def dump() -> dict[str, Any]:
    """The worked example."""
    return {
        "name": "Triage", "slug": "triage",
        "points": [{"name": str(n), "value": n} for n in (2, 3, 5, 8)],
        "us_statuses": [
            {"name": "New", "is_closed": False}, {"name": "In progress", "is_closed": False},
            {"name": "Done", "is_closed": True},
        ],
        "task_statuses": [{"name": "Done", "is_closed": True}],
        "user_stories": [
            story(1, 8, "Sprint 1", finished="2026-03-05T10:00:00+0000"),
            story(2, 5, "Sprint 1", finished="2026-03-12T10:00:00+0000"),
            story(3, 3, "Sprint 1", made="2026-03-04T10:00:00+0000",
                  finished="2026-03-10T10:00:00+0000"),
            story(4, 2, "Sprint 1", status="In progress"),
            story(6, 3, "Sprint 2", finished="2026-03-30T10:00:00+0000"),
            story(7, None, "Sprint 2", status="Done"),
            story(8, 5, "Sprint 3"),
        ],
        "tasks": [{"ref": 5, "subject": "Task 5", "status": "Done", "user_story": 1,
                   "milestone": "Sprint 1", "finished_date": "2026-03-04T10:00:00+0000"}],
        "milestones": [
            milestone("Sprint 2", "2026-03-13", "2026-03-27"),
            milestone("Sprint 1", "2026-03-02", "2026-03-13"),
            milestone("Sprint 3", "2026-04-27", "2026-05-08", closed=False),
            milestone("Empty", "2026-04-06", "2026-04-17"),
        ],
    }  # fmt: skip


def content(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode()


@pytest.fixture
def now(travel: Travel) -> datetime:
    return travel(NOW)


@pytest.fixture
def done(product: Product, olga: Actor, now: datetime) -> Import:
    """The worked example, imported."""
    return brought(product, content(dump()), olga)


def item(product: Product, ref: int) -> Item:
    found: Item = product.items.get(external_id=f"triage#{ref}")
    return found


def sprint_named(name: str) -> Sprint:
    found: Sprint = Sprint.objects.select_related("backlog").get(backlog__name=name)
    return found


def refs(product: Product, *numbers: int) -> list[int]:
    return [item(product, number).number for number in numbers]


def said(imported: Import) -> dict[str, str]:
    """What is said of the file as a whole, by codes."""
    return {each["code"]: each["message"] for each in said_of_file(imported)}


def state_of(product: Product) -> list[Any]:
    """All that a second import of the same must leave alone."""
    stays = Stay.objects.filter(item__product=product).order_by("pk")
    steps = product.items.filter(transitions__isnull=False).order_by("pk", "transitions__pk")
    return [
        list(Sprint.objects.order_by("pk").values_list("pk", "report")),
        list(stays.values_list("pk", "backlog", "entered_at", "left_at", "outcome")),
        list(steps.values_list("pk", "transitions__pk", "transitions__at", "done_at", "backlog")),
    ]


# Along they come -------------------------------------------------------------------------------
def test_a_closed_sprint_has_the_figures_of_the_worked_example(
    product: Product, done: Import
) -> None:
    assert done.state == Import.State.DONE, done.job
    sprint = sprint_named("Sprint 1")
    backlog = sprint.backlog
    assert (backlog.state, backlog.starts_on, backlog.ends_on, backlog.team) == (
        "closed", date(2026, 3, 2), date(2026, 3, 13), product.teams.get(),
    )  # fmt: skip
    assert sprint.report is not None
    figures = sprint.report["figures"]
    assert figures["committed"] == {"points": 15, "items": 3, "unestimated": 0}
    assert figures["added"] == {"points": 3, "items": 1, "unestimated": 0}
    assert figures["removed"]["items"] == figures["reestimated"] == 0
    assert figures["completed"] == {"points": 16, "items": 3, "unestimated": 0}
    assert figures["remaining"] == {"points": 2, "items": 1, "unestimated": 0}
    left = {day["day"][-2:]: day["remaining"] for day in sprint.report["days"]}
    assert [left[day] for day in ("02", "04", "05", "10", "12", "13")] == [15, 18, 10, 7, 2, 2]
    fates = {row["title"]: (row["done"], row["fate"]) for row in sprint.report["items"]}
    assert fates == {
        "Story 1": (True, ""), "Story 2": (True, ""), "Story 3": (True, ""),
        "Story 4": (False, "backlog"),
    }  # fmt: skip


def test_one_that_was_closed_late_ends_with_its_last_story(product: Product, done: Import) -> None:
    sprint = sprint_named("Sprint 2")
    late = datetime.fromisoformat("2026-03-30T10:00:00+00:00")
    assert sprint.backlog.closed_at == late
    assert sprint.report is not None
    assert sprint.report["figures"]["completed"] == {"points": 3, "items": 2, "unestimated": 1}
    undated = item(product, 7)
    assert undated.done_at == late
    assert [step.category for step in undated.transitions.order_by("at")] == ["todo", "done"]


def test_velocity_knows_them_from_the_first_day(product: Product, done: Import) -> None:
    past = [(each.name, each.committed, each.completed) for each in past_sprints(product)]
    assert past == [("Sprint 1", 15, 16), ("Sprint 2", 3, 3)]


def test_what_was_done_lies_there_and_all_else_waits_in_the_product_backlog(
    product: Product, done: Import
) -> None:
    first = sprint_named("Sprint 1").backlog
    assert set(in_order(first)) == set(refs(product, 1, 2, 3, 5))
    assert home_of(item(product, 4)).kind == home_of(item(product, 8)).kind == "product"
    [stay] = item(product, 1).stays.all()
    assert (stay.backlog, stay.entered_at, stay.left_at, stay.outcome) == (
        first, first.started_at, first.closed_at, "done",
    )  # fmt: skip
    carried, since = item(product, 4).stays.order_by("entered_at")
    assert (carried.backlog, carried.outcome) == (first, "carried")
    assert (since.entered_at, since.left_at) == (first.closed_at, None)


def test_each_sprint_is_one_deed_of_who_imported(
    product: Product, done: Import, cast: Cast
) -> None:
    deeds = Activity.objects.filter(product=product, kind="sprint.imported").order_by("seq")
    assert [each.data["name"] for each in deeds] == ["Sprint 1", "Sprint 2"]
    assert {(each.user, each.data["import"]) for each in deeds} == {(cast.olga, done.pk)}
    assert done.found["sprints"] == ["Sprint 1", "Sprint 2"]


def test_an_open_sprint_is_not_started_and_an_empty_one_is_none(
    product: Product, done: Import
) -> None:
    assert set(said(done)) == {"sprints_open"}
    assert said(done)["sprints_open"].startswith("Sprint 3: not closed in the file")
    assert product.backlogs.filter(kind=Backlog.Kind.SPRINT).count() == 2


def test_the_dry_run_says_it_and_writes_nothing(
    product: Product, olga: Actor, now: datetime
) -> None:
    checked = tried(sent(product, content(dump()), olga), olga)
    assert checked.found["sprints"] == ["Sprint 1", "Sprint 2"]
    assert set(said(checked)) == {"sprints_open"}
    assert not Sprint.objects.exists()
    done = carried_out(checked, olga)
    assert done.found["sprints"] == ["Sprint 1", "Sprint 2"]


def test_who_leaves_the_sprint_out_of_the_mapping_gets_none(
    product: Product, olga: Actor, now: datetime
) -> None:
    imported = sent(product, content(dump()), olga)
    choices = {"columns": [{"name": "Sprint", "target": "drop"}]}
    map_import(imported, mapping_from(imported, choices), actor=olga)
    assert carried_out(imported, olga).found["sprints"] == []
    assert not Sprint.objects.exists()


def test_findings_of_today_are_none_of_a_past_without_them(
    product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-09 09:00+00:00")
    see(product, "age")
    travel("2026-04-10 09:00+00:00")
    see(product, "height")
    travel(NOW)
    brought(product, content(dump()), olga)
    reports = [each.report["findings"] for each in Sprint.objects.order_by("pk") if each.report]
    assert reports == [
        {"opened": 1, "closed": 0, "open": 1}, {"opened": 0, "closed": 0, "open": 1},
    ]  # fmt: skip


# Once -------------------------------------------------------------------------------------------
def test_the_same_file_again_changes_nothing(
    product: Product, done: Import, olga: Actor, travel: Travel
) -> None:
    before = state_of(product)
    travel("2026-05-05 09:00+00:00")
    again = brought(product, content(dump()), olga)
    assert set(again.lines.filter(row__gt=0).values_list("outcome", flat=True)) == {"unchanged"}
    assert again.found["sprints"] == []
    assert state_of(product) == before


def test_a_sprint_that_closes_meanwhile_comes_with_the_next_import(
    product: Product, done: Import, olga: Actor, travel: Travel
) -> None:
    told = dump()
    told["user_stories"][6] |= {"status": "Done", "finish_date": "2026-05-07T10:00:00+0000"}
    told["milestones"][2]["closed"] = True
    travel("2026-05-11 09:00+00:00")
    again = brought(product, content(told), olga)
    assert again.found["sprints"] == ["Sprint 3"]
    sprint = sprint_named("Sprint 3")
    assert sprint.report is not None
    assert sprint.report["figures"]["completed"]["points"] == 5
    # It came to the product backlog here on 4 May, when it was in the sprint already.
    [within] = item(product, 8).stays.all()
    assert (within.backlog, within.outcome) == (sprint.backlog, "done")
    travel("2026-05-12 09:00+00:00")
    gone = taken_back(again, olga)
    assert (gone.reverted["sprints"], gone.reverted["deleted"]) == (1, 0)
    eight = item(product, 8)
    assert (eight.status.category, home_of(eight).kind) == ("todo", "product")
    assert eight.stays.filter(left_at=None).count() == 1
    assert [past.name for past in past_sprints(product)] == ["Sprint 1", "Sprint 2"]


def test_what_such_a_sprint_left_over_is_in_the_product_backlog_since_it_ended(
    product: Product, done: Import, olga: Actor, travel: Travel
) -> None:
    told = dump()
    told["milestones"][2]["closed"] = True
    travel("2026-05-11 09:00+00:00")
    again = brought(product, content(told), olga)
    assert again.found["sprints"] == ["Sprint 3"]
    sprint = sprint_named("Sprint 3")
    assert sprint.report is not None
    figures = sprint.report["figures"]
    assert (figures["committed"]["points"], figures["remaining"]["points"]) == (5, 5)
    stays = item(product, 8).stays.exclude(left_at=F("entered_at"))
    within, since = stays.order_by("entered_at")
    assert (within.outcome, within.left_at) == ("carried", sprint.backlog.closed_at)
    assert (since.backlog.kind, since.entered_at) == ("product", sprint.backlog.closed_at)


def test_a_killed_import_goes_on_with_the_next_sprint(
    product: Product, olga: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = services._made
    names = []

    def killed(team: Any, told: Any, source: str) -> Sprint:
        names.append(told.name)
        if told.name == "Sprint 2" and names.count("Sprint 2") == 1:
            raise KeyboardInterrupt  # nothing catches it, as with a kill
        return made(team, told, source)

    monkeypatch.setattr(services, "_made", killed)
    asked = request_import(sent(product, content(dump()), olga), actor=olga)
    assert asked.job
    with pytest.raises(KeyboardInterrupt):
        jobs.run(asked.job.pk)
    assert [each.backlog.name for each in Sprint.objects.all()] == ["Sprint 1"]
    Job.objects.filter(pk=asked.job.pk).update(lease_until=now - timedelta(seconds=1))
    jobs.run(asked.job.pk)
    done = find_import(product, asked.pk)
    assert done.found["sprints"] == ["Sprint 1", "Sprint 2"]
    assert names == ["Sprint 1", "Sprint 2", "Sprint 2"]


# Of other tools ---------------------------------------------------------------------------------
def issue(ref: int, finished: str | None, **milestone: Any) -> dict[str, Any]:
    return {
        "number": ref, "title": f"Issue {ref}", "created_at": "2026-02-20T08:00:00Z",
        "html_url": f"https://github.com/clinic/triage/issues/{ref}",
        "state": "closed" if finished else "open", "closed_at": finished,
        "milestone": milestone or None,
    }  # fmt: skip


def test_githubs_milestones_last_from_when_they_were_made_to_when_they_were_closed(
    product: Product, olga: Actor, now: datetime
) -> None:
    first = {"number": 1, "title": "v1", "state": "closed", "created_at": "2026-03-02T08:00:00Z",
             "due_on": "2026-03-13T08:00:00Z", "closed_at": "2026-03-12T15:00:00Z"}  # fmt: skip
    undue = first | {"number": 2, "title": "v2", "created_at": "2026-03-16T08:00:00Z",
                     "due_on": None, "closed_at": "2026-03-27T15:00:00Z"}  # fmt: skip
    running = first | {"number": 3, "title": "v3", "state": "open", "closed_at": None}
    told = [
        issue(1, "2026-03-05T10:00:00Z", **first),
        issue(2, None, **first),
        issue(3, "2026-03-20T10:00:00Z", **undue),
        issue(4, None, **running),
        issue(5, "2026-03-20T10:00:00Z", number=4, title="v4", dueOn="2026-03-30T07:00:00Z"),
    ]
    done = brought(product, json.dumps(told).encode(), olga)
    assert done.found["sprints"] == ["v1", "v2"]
    assert set(said(done)) == {"sprints_open", "sprints_undated"}
    assert said(done)["sprints_undated"].startswith("v4: ")
    days = product.backlogs.filter(kind=Backlog.Kind.SPRINT).order_by("starts_on")
    assert list(days.values_list("external_id", "starts_on", "ends_on", "closed_at")) == [
        ("clinic/triage/milestone/1", date(2026, 3, 2), date(2026, 3, 13),
         datetime.fromisoformat("2026-03-12T15:00:00+00:00")),
        ("clinic/triage/milestone/2", date(2026, 3, 16), date(2026, 3, 27),
         datetime.fromisoformat("2026-03-27T15:00:00+00:00")),
    ]  # fmt: skip
    reports = [each.report["items"] for each in Sprint.objects.order_by("pk") if each.report]
    shown = [[(row["title"], row["done"]) for row in rows] for rows in reports]
    assert shown == [[("Issue 1", True), ("Issue 2", False)], [("Issue 3", True)]]
    again = brought(product, json.dumps(told).encode(), olga)
    assert (again.found["sprints"], Sprint.objects.count()) == ([], 2)


def test_linears_cycles_end_as_the_next_begins(
    product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-05-12 09:00+00:00")
    file = (DATA / "linear.csv").read_bytes()
    done = brought(product, file, olga)
    assert done.found["sprints"] == ["Cycle 1"]
    assert said(done)["sprint_ahead"].startswith("Cycle 2: its end is still to come")
    cycle = sprint_named("Cycle 1")
    assert (cycle.backlog.starts_on, cycle.backlog.ends_on) == (
        date(2026, 4, 20), date(2026, 5, 3),
    )  # fmt: skip
    assert cycle.report is not None
    assert cycle.report["figures"]["completed"]["points"] == 3
    travel("2026-05-19 09:00+00:00")
    assert brought(product, file, olga).found["sprints"] == ["Cycle 2"]


def test_jiras_sprints_have_no_days_and_stay_words(
    product: Product, olga: Actor, now: datetime
) -> None:
    done = brought(product, jira_file(), olga)
    assert said(done)["sprints_undated"].startswith("Sprint 2: without a first and last day")
    assert (done.found["sprints"], Sprint.objects.exists()) == ([], False)


# Not along --------------------------------------------------------------------------------------
def changed(place: int, **what: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        told["milestones"][place] |= what

    return change


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        (changed(0, estimated_start="2026-03-12"), "sprint_overlaps", ["Sprint 1"]),
        (changed(0, estimated_start="2026-04-27"), "sprint_turned", ["Sprint 1"]),
        (changed(0, estimated_start=None), "sprints_undated", ["Sprint 1"]),
        (changed(0, estimated_finish="soon"), "sprints_undated", ["Sprint 1"]),
        (changed(0, estimated_start="2025-03-13"), "sprint_too_long", ["Sprint 1"]),
        (changed(0, estimated_finish="2026-05-08"), "sprint_ahead", ["Sprint 1"]),
        (changed(3, name="Sprint 2"), "sprint_twice", ["Sprint 1"]),
        (lambda told: told.pop("milestones"), "sprints_undated", []),
    ],
)
def test_what_can_not_be_stays_a_word_and_is_said(
    product: Product,
    olga: Actor,
    now: datetime,
    change: Callable[[dict[str, Any]], None],
    code: str,
    names: list[str],
) -> None:
    told = deepcopy(dump())
    change(told)
    imported = tried(sent(product, content(told), olga), olga)
    assert code in said(imported)
    assert said(imported)[code].startswith("Sprint 2" if names else "Sprint 1, Sprint 2, Sprint 3")
    assert imported.found["sprints"] == names
    done = carried_out(imported, olga)
    assert (said(done), done.found["sprints"]) == (said(imported), names)
    assert [each.backlog.name for each in Sprint.objects.all()] == names
    assert item(product, 6).extra["former_sprint"] == "Sprint 2"
    assert home_of(item(product, 6)).kind == "product"


def test_a_sprint_of_the_team_at_that_time_stands_in_the_way(
    product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-01 09:00+00:00")
    create_sprint(
        product.teams.get(), actor=olga, starts_on=date(2026, 3, 9), ends_on=date(2026, 3, 20)
    )
    travel(NOW)
    done = brought(product, content(dump()), olga)
    assert done.found["sprints"] == []
    both = [each["message"] for each in said_of_file(done) if each["code"] == "sprint_overlaps"]
    assert [text[:8] for text in both] == ["Sprint 1", "Sprint 2"]
    assert all("Sprint 1 has some of its days (2026-03-09 to 2026-03-20)" in each for each in both)


def test_items_that_went_into_a_sprint_here_keep_their_own_history(
    product: Product, olga: Actor, now: datetime
) -> None:
    told = dump()
    for each in told["milestones"]:
        each["closed"] = False
    brought(product, content(told), olga)
    planned = create_sprint(product.teams.get(), actor=olga)
    four = item(product, 4)
    move_items(product, [four], actor=olga, spot=Spot.top(), to=planned.backlog)
    imported = tried(sent(product, content(dump()), olga), olga)
    assert imported.found["sprints"] == ["Sprint 2"]
    assert said(imported)["sprint_of_others"].startswith(f"Sprint 1: {four.ref} went into")
    assert carried_out(imported, olga).found["sprints"] == ["Sprint 2"]
    assert home_of(four) == planned.backlog


# Doors ------------------------------------------------------------------------------------------
def test_the_page_of_the_import_says_how_many_come_and_came(
    product: Product, cast: Cast, olga: Actor, as_person: Any, now: datetime
) -> None:
    client = as_person(cast.olga)

    def words(imported: Import) -> str:
        html = client.get(f"/p/MED/imports/{imported.pk}/").content.decode()
        return " ".join(html.split())

    checked = tried(sent(product, content(dump()), olga), olga)
    assert "2 closed sprints come along as history, with what was done in them" in words(checked)
    assert "Sprint 3: not closed in the file" in words(checked)
    done = carried_out(checked, olga)
    assert "2 closed sprints came along as history" in words(done)
    assert "Sprint 1, Sprint 2." in words(done)
    assert "2 sprints taken away" in words(taken_back(done, olga))


def test_rest_names_them(product: Product, done: Import, cast: Cast, as_person: Any) -> None:
    answer = as_person(cast.olga).get(f"/api/v1/products/MED/imports/{done.pk}/")
    assert answer.json()["sprints"] == ["Sprint 1", "Sprint 2"]


def test_the_command_names_them(product: Product, tmp_path: Path, now: datetime) -> None:
    path, out = tmp_path / "triage.json", StringIO()
    path.write_bytes(content(dump()))
    call_command("importitems", "MED", str(path), "--dry-run", stdout=out)
    assert "2 closed sprints would be brought along: Sprint 1, Sprint 2." in out.getvalue()
    call_command("importitems", "MED", str(path), stdout=out)
    assert "2 closed sprints brought along: Sprint 1, Sprint 2." in out.getvalue()


@pytest.mark.parametrize(
    "page",
    ["sprints/", "sprints/{}/", "sprints/{}/report/", "sprints/{}/board/", "reports/",
     "reports/velocity/", "reports/flow/", "reports/forecast/", "reports/cycle-time/"],
)  # fmt: skip
def test_their_pages_open_like_those_of_any_other(
    product: Product, done: Import, cast: Cast, as_person: Any, page: str
) -> None:
    here = f"/p/MED/{page.format(sprint_named('Sprint 1').pk)}"
    assert as_person(cast.vera).get(here, follow=True).status_code == 200


# Away again -------------------------------------------------------------------------------------
def test_a_revert_takes_them_away_with_their_stays(
    product: Product, done: Import, olga: Actor
) -> None:
    create_item(product, ItemDraft("There before"), actor=olga)
    gone = taken_back(done, olga)
    assert gone.reverted == {
        "deleted": 8, "given_back": 0, "kept": 0, "sprints": 2, "said": [], "more": 0,
    }  # fmt: skip
    assert not Sprint.objects.exists()
    assert not product.backlogs.filter(kind=Backlog.Kind.SPRINT).exists()
    assert not Item.objects.alive().filter(product=product).exclude(title="There before").exists()
    assert past_sprints(product) == []


def test_after_a_revert_they_come_again_with_the_same_figures(
    product: Product, done: Import, olga: Actor, travel: Travel
) -> None:
    def figures() -> list[Any]:
        found = Sprint.objects.order_by("backlog__starts_on").values_list("report", flat=True)
        return [(each["figures"], each["days"], each["items"]) for each in found if each]

    before = figures()
    taken_back(done, olga)
    travel("2026-05-05 09:00+00:00")
    again = brought(product, content(dump()), olga)
    assert again.found["sprints"] == ["Sprint 1", "Sprint 2"]
    assert figures() == before
    for each in Item.objects.alive().filter(product=product):
        stays = list(each.stays.order_by("entered_at", "pk"))
        ends = [stay.left_at for stay in stays[:-1]]
        following = [stay.entered_at for stay in stays[1:]]
        assert all(end and end <= at for end, at in zip(ends, following, strict=True))


def test_what_somebody_has_worked_on_outlives_its_sprint(
    product: Product, done: Import, olga: Actor, cast: Cast, travel: Travel
) -> None:
    travel("2026-05-05 09:00+00:00")
    comment(item(product, 2), "It broke again.", actor=Actor.person(cast.max))
    gone = taken_back(done, olga)
    two = item(product, 2)
    assert gone.reverted["said"] == [f"{two.ref} stays: {cast.max} has worked on it since."]
    assert (gone.reverted["sprints"], gone.reverted["kept"]) == (2, 1)
    assert not Sprint.objects.exists()
    assert (home_of(two).kind, two.stays.filter(left_at=None).count()) == ("product", 1)


def test_an_older_import_keeps_what_a_later_one_put_into_a_sprint(
    product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-05-01 09:00+00:00")
    told = dump()
    for each in told["milestones"]:
        each["closed"] = False
    first = brought(product, content(told), olga)
    travel(NOW)
    assert brought(product, content(dump()), olga).found["sprints"] == ["Sprint 1", "Sprint 2"]
    before = {each.pk: each.stays.count() for each in Item.objects.alive().filter(product=product)}
    gone = taken_back(first, olga)
    held = Stay.objects.filter(backlog__kind="sprint").values("item")
    kept = Item.objects.filter(pk__in=held)
    assert not kept.exclude(deleted_at=None).exists()
    assert gone.reverted["kept"] >= kept.count() > 0
    assert all(each.stays.count() == before[each.pk] for each in kept)


def test_a_sprint_that_has_its_report_is_not_told_anew_by_a_later_file(
    product: Product, done: Import, olga: Actor
) -> None:
    """The third story of Sprint 1 was carried over there; a later file has it in Sprint 3."""
    carried = Stay.objects.filter(backlog__name="Sprint 1", outcome="carried").first()
    assert carried is not None
    was = Stay.objects.filter(backlog__name="Sprint 1").order_by("pk").values()
    before = list(was)
    told = dump()
    told["milestones"][2]["closed"] = True
    for each in told["user_stories"]:
        if f"#{each['ref']}" in str(carried.item.external_id):
            each["milestone"] = told["milestones"][2]["name"]
    brought(product, content(told), olga)
    assert list(was) == before


def test_a_sprint_stays_where_people_talked_about_it_since(
    product: Product, done: Import, olga: Actor, now: datetime
) -> None:
    draft = CeremonyDraft(kind="review", starts_at=now, minutes=60, sprint=sprint_named("Sprint 2"))
    schedule(product, draft, actor=olga)
    gone = taken_back(done, olga)
    assert gone.reverted["said"] == ["Sprint 2 stays: people have written in it since."]
    assert [each.backlog.name for each in Sprint.objects.all()] == ["Sprint 2"]


def test_items_of_an_earlier_import_go_back_to_the_product_backlog(
    product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-05-01 09:00+00:00")
    told = dump()
    for each in told["milestones"]:
        each["closed"] = False
    brought(product, content(told), olga)
    travel(NOW)
    later = brought(product, content(dump()), olga)
    assert later.found["sprints"] == ["Sprint 1", "Sprint 2"]
    travel("2026-05-05 09:00+00:00")
    gone = taken_back(later, olga)
    assert (gone.reverted["deleted"], gone.reverted["sprints"]) == (0, 2)
    assert not Sprint.objects.exists()
    for each in Item.objects.alive().filter(product=product):
        assert home_of(each).kind == "product"
        assert each.stays.filter(left_at=None).count() == 1


def test_what_is_taken_up_again_leaves_the_past_as_ever(
    product: Product, done: Import, olga: Actor
) -> None:
    report = sprint_named("Sprint 1").report
    update_item(item(product, 1), actor=olga, status=status_of(product, Category.DOING))
    assert home_of(item(product, 1)).kind == "product"
    assert sprint_named("Sprint 1").report == report
