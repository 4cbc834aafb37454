"""Pages of runs: started, watched, cancelled, decided on, and read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Finding, Item, Product
from dataquality.models import Dataset, Run
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from dataquality.services.files import Upload
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import CLEANED, awaiting, check, run_now, upload, work


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


def url(run: Run, deed: str = "") -> str:
    return f"/p/MED/runs/{run.pk}/" + (f"{deed}/" if deed else "")


def text_of(client: Client, path: str) -> str:
    """The words of a page, blanks squeezed."""
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# A first run of many --------------------------------------------------------------------------


@pytest.fixture
def waiting(product: Product, max_acts: Actor) -> Run:
    """A first run with seven findings that wait for a yes."""
    names = [f"c{number}" for number in range(7)]
    dataset = register_dataset(product, DatasetDraft(name="Wide"), wide(names), actor=max_acts)
    never = [check("column_values_to_be_in_set", column=name, value_set=[2]) for name in names]
    save_suite(dataset, never, actor=max_acts)
    run = run_now(dataset, max_acts)
    assert awaiting(run) == 7
    return run


@pytest.mark.parametrize("choice", ["file", "accept", "watch"])
def test_a_decision_on_nothing_is_refused(waiting: Run, max_: Client, choice: str) -> None:
    page = max_.post(url(waiting, "decide"), {"choice": choice}, follow=True)
    assert "Choose at least one finding." in page.content.decode()
    waiting.refresh_from_db()
    assert awaiting(waiting) == 7
    assert not Item.objects.exists()
    assert not Finding.objects.filter(state="muted").exists()


def test_what_was_chosen_of_a_first_run_is_filed_and_the_rest_waits(
    waiting: Run, max_: Client
) -> None:
    page = max_.post(url(waiting, "decide"), {"choice": "file", "check": [0, 3]}, follow=True)
    assert "Decided on 2 findings." in page.content.decode()
    waiting.refresh_from_db()
    assert (awaiting(waiting), Item.objects.count()) == (5, 2)
    page = max_.post(url(waiting, "decide"), {"choice": "accept", "check": [1]}, follow=True)
    assert "Decided on 1 finding." in page.content.decode()
    assert Finding.objects.filter(state="muted").count() == 1


def test_a_stakeholder_decides_on_no_first_run(waiting: Run, vera: Client) -> None:
    assert vera.post(url(waiting, "decide"), {"choice": "file", "check": [0]}).status_code == 403


# What a run says ------------------------------------------------------------------------------


def test_a_run_is_started_watched_and_read(with_suite: Dataset, max_: Client) -> None:
    started = max_.post("/p/MED/data/patients/runs/")
    run = Run.objects.get()
    assert started["Location"] == url(run)
    assert "It starts as soon as a worker is free." in text_of(max_, url(run))
    work()
    page = text_of(max_, url(run))
    assert "2 of 20" in page
    assert "1 item filed:" in page
    assert page.index("In {1, 2") < page.index("Not null")  # the red one first


def test_a_run_under_way_is_cancelled(with_suite: Dataset, max_: Client, max_acts: Actor) -> None:
    run = request_run(with_suite, actor=max_acts)
    page = max_.post(url(run, "cancel"), follow=True).content.decode()
    assert "It was cancelled before it found anything." in page
    again = max_.post(url(run, "cancel"), follow=True).content.decode()
    assert "has ended; there is nothing to cancel" in again


def test_a_run_that_found_something_is_repeated_on_its_version(
    with_suite: Dataset, max_: Client, max_acts: Actor
) -> None:
    run = run_now(with_suite, max_acts)
    add_version(with_suite, upload(CLEANED), actor=max_acts)
    max_.post(url(run, "retry"))
    assert Run.objects.filter(version__number=1).latest("pk") == Run.objects.latest("pk")


def test_a_green_run_says_what_it_closed(
    with_suite: Dataset, max_: Client, max_acts: Actor
) -> None:
    red = run_now(with_suite, max_acts)
    add_version(with_suite, upload(CLEANED), actor=max_acts)
    green = run_now(with_suite, max_acts)
    page = text_of(max_, url(green))
    assert "1 finding resolved" in page
    assert "1 item closed:" in page
    assert 'class="ref data-ref is-done"' in page
    assert 'title="Priority' not in page
    overview = text_of(max_, "/p/MED/data/patients/")
    assert "1 finding resolved" in overview
    old = text_of(max_, url(red))
    assert "On version 1, which is not the current one." in old


def test_a_run_on_an_old_version_changes_nothing_and_says_so(
    with_suite: Dataset, max_: Client, max_acts: Actor
) -> None:
    first = run_now(with_suite, max_acts)
    add_version(with_suite, upload(CLEANED), actor=max_acts)
    run_now(with_suite, max_acts)
    old = run_now(with_suite, max_acts, version=first.version)
    said = "On version 1, which is not the current one: nothing was filed or reopened."
    assert said in text_of(max_, url(old))
    overview = text_of(max_, "/p/MED/data/patients/")
    assert f"Run {old.pk}" not in overview
    assert ">100</span> <small>of 100" in overview


def test_the_overview_says_that_the_newest_version_was_never_checked(
    with_suite: Dataset, max_: Client, max_acts: Actor
) -> None:
    first = run_now(with_suite, max_acts)
    add_version(with_suite, upload(CLEANED), actor=max_acts)
    overview = text_of(max_, "/p/MED/data/patients/")
    assert "Version 2 has not been checked yet; this is how version 1 was." in overview
    assert f"Run {first.pk}" in overview
    assert "of 100 on version 1" in overview


def test_an_overview_without_a_run_claims_nothing(with_suite: Dataset, max_: Client) -> None:
    overview = text_of(max_, "/p/MED/data/patients/")
    assert "No run yet." in overview
    assert "The checks have never run on this data." in overview


@pytest.mark.parametrize(
    ("policy", "keys", "said"),
    [
        ("none", ["id"], "policy is “nothing but counts”"),
        ("keys", [], "policy is “keys” and it names no key columns"),
    ],
)
def test_a_red_run_says_why_no_rows_are_kept(
    with_suite: Dataset,
    as_person: Any,
    cast: Cast,
    max_acts: Actor,
    policy: str,
    keys: list[str],
    said: str,
) -> None:
    update_dataset(with_suite, actor=max_acts, sample_policy=policy, key_columns=keys)
    run = run_now(with_suite, max_acts)
    for name, may_change in (("olga", True), ("vera", False)):
        page = text_of(as_person(cast[name]), url(run))
        assert f"Failing rows are not kept: this dataset's {said}" in page.replace("&#x27;", "'")
        assert ("Change what is kept" in page) is may_change


def test_percent_and_count_are_of_the_same_values(
    product: Product, max_: Client, max_acts: Actor
) -> None:
    rows = [f"{number},{'' if number < 8 else 200 + number}" for number in range(20)]
    content = upload("id,age\n" + "\n".join(rows) + "\n")
    dataset = register_dataset(product, DatasetDraft(name="Ages"), content, actor=max_acts)
    bounds = check("column_values_to_be_between", column="age", min_value=0, max_value=120)
    not_null = check("column_values_to_not_be_null", column="age")
    save_suite(dataset, [bounds, not_null], actor=max_acts)
    page = text_of(max_, url(run_now(dataset, max_acts)))
    assert "12 of 12 values" in page
    assert "8 of 20 " in page


def test_columns_are_compared_in_words(product: Product, max_: Client, max_acts: Actor) -> None:
    names = [f"c{number}" for number in range(30)]
    draft = DatasetDraft(name="Wide", sample_policy="values")
    dataset = register_dataset(product, draft, wide(names), actor=max_acts)
    columns = check("table_columns_to_match_set", column_set=names)
    values = check("column_distinct_values_to_be_in_set", column="c1", value_set=[1, 2])
    save_suite(dataset, [columns, values], actor=max_acts)
    page = text_of(max_, url(run_now(dataset, max_acts)))
    assert "30 of 30 columns" in page
    assert "[1" not in page
    add_version(dataset, wide([*names[1:], "d"]), actor=max_acts)
    page = text_of(max_, url(run_now(dataset, max_acts)))
    assert "missing: c0; extra: d" in page


def wide(names: Sequence[str]) -> Upload:
    return upload(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")


def test_the_fragment_that_ends_a_run_brings_the_rooms_with_their_figures(
    with_suite: Dataset, max_: Client, max_acts: Actor
) -> None:
    run = request_run(with_suite, actor=max_acts)
    under_way = max_.get(url(run), headers={"HX-Request": "true"}).content.decode()
    assert 'hx-swap-oob="true"' not in under_way
    work()
    ended = max_.get(url(run), headers={"HX-Request": "true"}).content.decode()
    assert 'id="rooms"' in ended
    assert 'hx-swap-oob="true"' in ended
    assert 'hx-swap-oob="true"' not in max_.get(url(run)).content.decode()


def test_runs_leave_as_a_file_without_a_row_of_data(
    product: Product, max_acts: Actor, vera: Client, api: Any, cast: Cast
) -> None:
    dataset = register_dataset(product, DatasetDraft(name="Wide"), wide(["a"]), actor=max_acts)
    save_suite(
        dataset, [check("column_values_to_be_in_set", column="a", value_set=[2])], actor=max_acts
    )
    run = run_now(dataset, max_acts)
    caller = api(cast.vera)
    for client, path in (
        (vera, "/p/MED/data/wide/runs/export/"),
        (caller, "/api/v1/products/MED/runs/export/?dataset=wide&state=failed"),
    ):
        answer: Any = client.get(path)
        head, row = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
        assert "sample" not in head and "observed" not in head
        assert row.startswith(f"{run.pk},wide,1,1,failed,yes,")
    assert "/p/MED/data/wide/runs/export/?format=csv" in text_of(vera, "/p/MED/data/wide/runs/")
    answer = caller.get("/api/v1/products/MED/runs/export/?state=passed")
    assert len(b"".join(answer.streaming_content).splitlines()) == 1


@pytest.mark.parametrize(
    "path", ["/p/MED/data/wide/runs/export/", "/api/v1/products/MED/runs/export/"]
)
def test_twenty_runs_ask_the_database_no_more_often_than_two(
    product: Product, max_acts: Actor, vera: Client, api: Any, cast: Cast, path: str
) -> None:
    client = api(cast.vera) if path.startswith("/api") else vera
    dataset = register_dataset(product, DatasetDraft(name="Wide"), wide(["a"]), actor=max_acts)
    save_suite(
        dataset, [check("column_values_to_be_in_set", column="a", value_set=[2])], actor=max_acts
    )
    first = run_now(dataset, max_acts)

    def another(number: int) -> None:
        """A run of a version and a suite of its own; by REST, of a dataset of its own too."""
        data = upload(f"a\n{number + 2}\n")
        if path.startswith("/api"):
            of = register_dataset(product, DatasetDraft(name=f"W{number}"), data, actor=max_acts)
        else:
            of = dataset
            add_version(of, data, actor=max_acts)
        values = check("column_values_to_be_in_set", column="a", value_set=[number])
        save_suite(of, [values], actor=max_acts)
        of.refresh_from_db()
        Run.objects.create(
            dataset=of, version=of.versions.latest("pk"), suite_version=of.current_suite,
            state="errored", error_code="lost", finished_at=timezone.now(),
        )  # fmt: skip

    def asked() -> tuple[int, list[dict[str, str]]]:
        with CaptureQueriesContext(connection) as seen:
            answer: Any = client.get(path)
            text = b"".join(answer.streaming_content).decode("utf-8-sig")
        return len(seen), list(csv.DictReader(io.StringIO(text)))

    another(0)
    asked()  # notes when the token was used
    few, rows = asked()
    assert [row["state"] for row in rows] == ["errored", "failed"]
    assert (rows[1]["id"], rows[1]["awaiting"]) == (str(first.pk), str(awaiting(first)))
    for number in range(1, 19):
        another(number)
    many, rows = asked()
    assert [many, len(rows)] == [few, 20]
    assert len({(row["dataset"], row["version"]) for row in rows}) == 20
