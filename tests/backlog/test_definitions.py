"""Definitions of ready and done: what they check, what they say, and what that costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Item, Product
from backlog.queries.definitions import (
    definition_of,
    definition_warnings,
    missing_for,
    preview_of,
)
from backlog.rules.definitions import (
    DONE_CHECKS,
    READY_CHECKS,
    Facts,
    answers,
    is_gate,
    lines_of,
    missing,
    warning,
)
from backlog.services.items import ItemDraft, create_item, create_items, update_item
from backlog.services.links import add_link
from backlog.services.products import update_product
from tests.backlog.evidence import see
from tests.conftest import Cast

FULL = Facts(
    kind="story", is_described=True, criteria=2, criteria_met=2, is_estimated=True, in_epic=True,
    people=1,
)  # fmt: skip


# Rules -------------------------------------------------------------------------------------
def test_a_whole_item_lacks_nothing() -> None:
    assert missing(FULL, "doing", list(READY_CHECKS)) == []
    assert missing(FULL, "done", list(DONE_CHECKS)) == []


@pytest.mark.parametrize(
    ("category", "check", "facts", "lack"),
    [
        ("doing", "described", {}, "no description"),
        ("doing", "criteria", {}, "no acceptance criteria"),
        ("doing", "estimated", {}, "not estimated"),
        ("doing", "unblocked", {"blocked_reason": "Waits for law"}, "blocked (Waits for law)"),
        ("doing", "unblocked", {"blockers": ["M-1", "M-2"]}, "blocked by M-1 and M-2"),
        ("doing", "data", {"data": ["M-3"]}, "data of M-3 isn't validated"),
        ("doing", "data", {"data": ["M-3", "M-4", "M-5"]},
         "data of M-3, M-4 and M-5 aren't validated"),
        ("doing", "in_epic", {}, "no epic"),
        ("doing", "assigned", {}, "nobody assigned"),
        ("done", "criteria_met", {"criteria": 3, "criteria_met": 1}, "2 acceptance criteria open"),
        ("done", "criteria_met", {"criteria": 1}, "1 acceptance criterion open"),
        ("done", "no_findings", {"findings": 1}, "1 finding open"),
        ("done", "tasks_done", {"under": 2}, "2 items under it open"),
    ],
)  # fmt: skip
def test_each_check_says_what_is_missing(
    category: str, check: str, facts: dict[str, Any], lack: str
) -> None:
    assert missing(Facts(kind="story", **facts), category, [check]) == [lack]
    assert missing(FULL, category, [check]) == []


def test_tasks_and_epics_are_spared_what_makes_no_sense_for_them() -> None:
    task, epic = Facts(kind="task"), Facts(kind="epic")
    assert missing(task, "doing", list(READY_CHECKS)) == ["nobody assigned"]
    lacks = missing(epic, "doing", list(READY_CHECKS))
    assert lacks == ["no description", "no acceptance criteria", "nobody assigned"]


def test_checks_that_are_no_more_are_passed_over() -> None:
    assert answers(FULL, "doing", ["moonlight"]) == []
    assert answers(FULL, "todo", list(READY_CHECKS)) == []


def test_pulling_and_finishing_are_the_moments() -> None:
    pairs = [(a, b) for a in ("todo", "doing", "done") for b in ("todo", "doing", "done")]
    assert [pair for pair in pairs if is_gate(*pair)] == [
        ("todo", "doing"), ("todo", "done"), ("doing", "done")
    ]  # fmt: skip


def test_the_lines_of_a_definition_lose_their_bullets() -> None:
    text = "## Before\n\n- [ ] **Estimated**\n* Data named\n2. Discussed\n- [x] Small\n\nand loved"
    assert lines_of(text) == [
        "Before", "**Estimated**", "Data named", "Discussed", "Small", "and loved"
    ]  # fmt: skip
    assert lines_of("- \n*emphasis* stays, and so does -5 %") == [
        "*emphasis* stays, and so does -5 %"
    ]


def test_few_items_are_told_of_one_by_one_and_many_together() -> None:
    assert warning({}, "doing") == []
    assert warning({"M-1": ["not estimated", "no epic"]}, "doing") == [
        "M-1 isn't ready: not estimated, no epic."
    ]
    assert warning({"M-1": ["1 finding open"]}, "done") == [
        "M-1 isn't done by your definition: 1 finding open."
    ]
    [told] = warning({f"M-{n}": ["no epic"] for n in range(5)}, "doing")
    assert told == "5 items aren't ready, such as M-0 (no epic), M-1 (no epic), M-2 (no epic)."


# What items lack ---------------------------------------------------------------------------
@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def strict(product: Product, olga_acts: Actor) -> Product:
    """MED with all checks, and words to read."""
    return update_product(
        product,
        actor=olga_acts,
        ready_checks=list(READY_CHECKS),
        done_checks=list(DONE_CHECKS),
        definition_of_ready="- The clinic has seen it",
        definition_of_done="- Reviewed\n- Explained",
    )


def again(item: Item) -> Item:
    found: Item = Item.objects.select_related("product", "status").get(pk=item.pk)
    return found


def test_an_item_lacks_what_its_rows_say(strict: Product, cast: Cast, olga_acts: Actor) -> None:
    epic = create_item(strict, ItemDraft("Epic", kind="epic"), actor=olga_acts)
    item, other, need = create_items(
        strict,
        [
            ItemDraft(
                "Item",
                description="Why",
                points=Decimal(3),
                parent=epic,
                assignees=[cast.max],
                criteria=[("Fast", True), ("Safe", False)],
            ),
            ItemDraft("Other"),
            ItemDraft("Need", kind="data_need"),
        ],
        actor=olga_acts,
    )
    create_item(strict, ItemDraft("Task", kind="task", parent=item), actor=olga_acts)
    assert missing_for([again(item)], "doing") == {}
    assert missing_for([again(item)], "done") == {
        item.pk: ["1 acceptance criterion open", "1 item under it open"]
    }
    blocking = add_link(other, "blocks", item, actor=olga_acts)
    needing = add_link(item, "needs_data", need, actor=olga_acts)
    assert (blocking.kind, needing.kind) == ("blocks", "needs_data")
    assert missing_for([again(item)], "doing")[item.pk] == [
        f"blocked by {other.ref}", f"data of {need.ref} isn't validated"
    ]  # fmt: skip
    done = strict.statuses.get(slug="done")
    for held_back in (other, need):
        update_item(held_back, actor=olga_acts, status=done)
    assert missing_for([again(item)], "doing") == {}
    assert missing_for([again(item)], "todo") == {}


def test_an_open_finding_keeps_an_item_from_being_done(strict: Product) -> None:
    [finding] = see(strict, "age")
    assert finding.item is not None
    assert "1 finding open" in missing_for([again(finding.item)], "done")[finding.item.pk]


def test_a_product_without_checks_asks_nothing(product: Product, olga_acts: Actor) -> None:
    item = create_item(product, ItemDraft("Bare"), actor=olga_acts)
    with CaptureQueriesContext(connection) as asked:
        assert missing_for([item], "doing") == {}
        assert definition_of(item) is None
        assert missing_for([], "doing") == {}
    assert len(asked) == 0


def test_many_items_are_checked_in_as_many_queries_as_few(
    strict: Product, olga_acts: Actor
) -> None:
    def asked(count: int) -> int:
        drafts = [ItemDraft(f"Item {n}") for n in range(count)]
        items = create_items(strict, drafts, actor=olga_acts)
        for item in items[1:]:
            add_link(items[0], "blocks", item, actor=olga_acts)
        rows = list(Item.objects.with_row().filter(pk__in=[item.pk for item in items]))
        with CaptureQueriesContext(connection) as seen:
            assert len(missing_for(rows, "doing")) == count
        return len(seen)

    assert asked(2) == asked(12) <= 4


def test_people_are_warned_when_they_pull_and_when_they_finish(
    strict: Product, olga_acts: Actor
) -> None:
    item = create_item(strict, ItemDraft("Bare", points=Decimal(1)), actor=olga_acts)
    doing, done = (strict.statuses.get(slug=slug) for slug in ("in-progress", "done"))
    assert definition_warnings([item], doing) == [
        "MED-1 isn't ready: no description, no acceptance criteria, no epic, nobody assigned."
    ]
    pulled = update_item(item, actor=olga_acts, status=doing)
    review = strict.statuses.get(slug="in-review")
    assert definition_warnings([pulled], review) == []
    assert definition_warnings([pulled], done) == [
        "MED-1 isn't done by your definition: nobody assigned."
    ]
    finished = update_item(pulled, actor=olga_acts, status=done)
    assert definition_warnings([finished], doing) == []


def test_an_item_shows_the_definition_that_it_meets_next(
    strict: Product, cast: Cast, olga_acts: Actor
) -> None:
    item = create_item(
        strict,
        ItemDraft("Item", points=Decimal(1), description="Why", assignees=[cast.max]),
        actor=olga_acts,
    )
    ready = definition_of(item)
    assert ready is not None
    assert (ready.name, ready.met, len(ready.answers)) == ("Ready", 5, 7)
    assert list(ready.lines) == ["The clinic has seen it"]
    pulled = update_item(item, actor=olga_acts, status=strict.statuses.get(slug="in-progress"))
    done = definition_of(pulled)
    assert done is not None
    assert (done.name, done.is_met, list(done.lines)) == ("Done", True, ["Reviewed", "Explained"])


def test_a_preview_tries_the_definitions_on_the_next_items(
    strict: Product, olga_acts: Actor
) -> None:
    create_items(strict, [ItemDraft(f"Item {n}") for n in range(8)], actor=olga_acts)
    strict.ready_checks = ["unblocked"]  # as typed, not saved
    ready, done = preview_of(strict)
    assert (ready.name, len(ready.items), ready.complete) == ("Ready", 5, 5)
    assert (done.name, done.items) == ("Done", [])


@pytest.mark.parametrize("wrong", [["moonlight"], "estimated", [["estimated"]], {"estimated": 1}])
def test_unknown_checks_are_refused(product: Product, olga_acts: Actor, wrong: Any) -> None:
    with pytest.raises(ValidationError, match="Choose among described, criteria"):
        update_product(product, actor=olga_acts, ready_checks=wrong)


def test_an_item_tells_of_its_definition_in_words(strict: Product, olga_acts: Actor) -> None:
    item = create_item(strict, ItemDraft("Bare", points=Decimal(1)), actor=olga_acts)
    context = {"definition": definition_of(item), "shell": {"product": strict}}
    told = " ".join(render_to_string("backlog/_definitions.html", context).split())
    for words in ("Ready?", "3 of 7", "It is estimated", "No acceptance criteria",
                  "The clinic has seen it"):  # fmt: skip
        assert words in told
    assert render_to_string("backlog/_definitions.html", {"definition": None}).strip() == ""
