"""Pages of runs: started, watched, cancelled, decided on, and read."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from backlog.models import Actor, Finding, Item, Product
from dataquality.models import Run
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import save_suite
from tests.conftest import Cast
from tests.dataquality.conftest import (
    check,
    run_now,
    upload,
)


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
    content = ",".join(names) + "\n" + ",".join("x" for _ in names) + "\n"
    dataset = register_dataset(product, DatasetDraft(name="Wide"), upload(content), actor=max_acts)
    never = [check("column_values_to_be_in_set", column=name, value_set=["y"]) for name in names]
    save_suite(dataset, never, actor=max_acts)
    run = run_now(dataset, max_acts)
    assert run.awaiting == 7
    return run


@pytest.mark.parametrize("choice", ["file", "accept", "watch"])
def test_a_decision_on_nothing_is_refused(waiting: Run, max_: Client, choice: str) -> None:
    page = max_.post(url(waiting, "decide"), {"choice": choice}, follow=True)
    assert "Choose at least one finding." in page.content.decode()
    waiting.refresh_from_db()
    assert waiting.awaiting == 7
    assert not Item.objects.exists()
    assert not Finding.objects.filter(state="muted").exists()


def test_what_was_chosen_of_a_first_run_is_filed_and_the_rest_waits(
    waiting: Run, max_: Client
) -> None:
    page = max_.post(url(waiting, "decide"), {"choice": "file", "check": [0, 3]}, follow=True)
    assert "Decided on 2 findings." in page.content.decode()
    waiting.refresh_from_db()
    assert (waiting.awaiting, Item.objects.count()) == (5, 2)
    page = max_.post(url(waiting, "decide"), {"choice": "accept", "check": [1]}, follow=True)
    assert "Decided on 1 finding." in page.content.decode()
    assert Finding.objects.filter(state="muted").count() == 1


def test_a_stakeholder_decides_on_no_first_run(waiting: Run, vera: Client) -> None:
    assert vera.post(url(waiting, "decide"), {"choice": "file", "check": [0]}).status_code == 403
