"""Deeds on rows of the backlog: cells, selections, the trash, pasted lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from backlog.models import Activity, Actor, Item, Kind, Product
from backlog.services.extra_fields import create_field
from backlog.services.items import ItemDraft, create_items, update_item
from backlog.services.labels import create_label
from tests.conftest import Cast

URL = "/p/MED/backlog/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def abc(product: Product, acts: Actor) -> list[Item]:
    return create_items(product, [ItemDraft(title) for title in "abc"], actor=acts)


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


def fresh(item: Item) -> Item:
    found: Item = Item.objects.get(pk=item.pk)
    return found


@pytest.mark.parametrize(
    ("sent", "field", "value"),
    [
        ({"title": " A better   title "}, "title", "A better title"),
        ({"kind": "bug"}, "kind", "bug"),
        ({"points": "2.5"}, "points", Decimal("2.5")),
        ({"points": ""}, "points", None),
        ({"due_date": "2026-12-24"}, "due_date", "2026-12-24"),
        ({"gpu_hours": "120"}, "gpu_hours", Decimal(120)),
        ({"blocked_reason": "waits"}, "blocked_reason", "waits"),
    ],
)
def test_a_cell_changes_its_field_and_brings_the_row_back(
    abc: list[Item], max_: Client, sent: dict[str, str], field: str, value: Any
) -> None:
    answer = max_.post(f"{URL}edit/", {"refs": "MED-1", "version": "1", **sent})
    assert answer.status_code == 200
    found = getattr(fresh(abc[0]), field)
    assert (found.isoformat() if field == "due_date" else found) == value
    assert 'data-ref="MED-1"' in answer.json()["rows"]


def test_cells_of_sets_add_and_remove(
    product: Product, abc: list[Item], max_: Client, cast: Cast
) -> None:
    sent = {"refs": ["MED-1", "MED-2"], "add_label": "New One", "add_assignee": cast.dora.email}
    assert max_.post(f"{URL}edit/", sent).status_code == 200
    max_.post(f"{URL}edit/", {"refs": "MED-2", "remove_label": "new one"})
    max_.post(f"{URL}edit/", {"refs": "MED-2", "add_assignee": cast.max.email})
    max_.post(f"{URL}edit/", {"refs": "MED-2", "remove_assignee": cast.dora.email})
    one, two = fresh(abc[0]), fresh(abc[1])
    assert [label.name for label in one.labels.all()] == ["New One"]
    assert (list(one.assignees.all()), list(two.labels.all())) == ([cast.dora], [])
    assert list(two.assignees.all()) == [cast.max]
    assert product.labels.count() == 1


def test_a_selection_is_changed_in_one_deed_or_not_at_all(
    product: Product, abc: list[Item], max_: Client, acts: Actor
) -> None:
    before = Activity.objects.count()
    answer = max_.post(f"{URL}edit/", {"refs": ["MED-1", "MED-2", "MED-3"], "points": "3"})
    assert answer.json()["said"] == "3 items: points changed."
    assert Activity.objects.count() == before + 1
    update_item(abc[2], actor=acts, points=None, kind=Kind.EPIC)
    sent = {"refs": ["MED-1", "MED-3"], "points": "5", "add_label": "never"}
    answer = max_.post(f"{URL}edit/", sent)
    assert answer.status_code == 400
    assert "MED-3" in answer.json()["errors"][0]["detail"]
    assert fresh(abc[0]).points == 3
    assert not product.labels.exists()  # nothing is half-done


def test_fields_of_the_product_are_called_by_their_names(
    product: Product, abc: list[Item], max_: Client, acts: Actor
) -> None:
    create_field(product, "Signed off", "text", actor=acts)
    sent = {"refs": "MED-3", "fields.signed_off": "x", "gpu_hours": "8"}
    said = max_.post(f"{URL}edit/", sent).json()["said"]
    assert said == "MED-3: GPU-hours and Signed off changed."


def test_what_is_so_already_is_said(abc: list[Item], max_: Client) -> None:
    max_.post(f"{URL}edit/", {"refs": "MED-1", "points": "3"})
    again = max_.post(f"{URL}edit/", {"refs": ["MED-1", "MED-2"], "points": "3"}).json()
    assert again["said"] == "1 item: points changed; 1 item was so already."
    third = max_.post(f"{URL}edit/", {"refs": "MED-1", "points": "3"}).json()
    assert (third["said"], third["undoable"]) == ("Nothing to change: it is so already.", False)


def test_the_second_of_two_people_sees_both_values(
    abc: list[Item], max_: Client, acts: Actor
) -> None:
    update_item(abc[0], actor=acts, title="Hers")
    other = max_.post(f"{URL}edit/", {"refs": "MED-1", "version": "1", "points": "5"})
    assert other.status_code == 200  # another field: both win
    same = max_.post(f"{URL}edit/", {"refs": "MED-1", "version": "1", "title": "His"})
    assert same.status_code == 409
    [conflict] = same.json()["conflicts"]
    assert (conflict["theirs"], conflict["yours"]) == ("Hers", "His")
    assert fresh(abc[0]).title == "Hers"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"refs": "MED-1", "title": ""}, 400),
        ({"refs": "MED-1", "title": "x" * 251}, 400),
        ({"refs": "MED-1", "status": "nonsense"}, 400),
        ({"refs": "MED-1", "parent": "MED-99"}, 400),
        ({"refs": "MED-1", "parent": "MED-1"}, 400),
        ({"refs": "MED-1", "points": "-1"}, 400),
        ({"refs": "MED-1", "due_date": "someday"}, 400),
        ({"refs": "MED-1", "fields.none-such": "x"}, 422),
        ({"refs": "MED-1", "add_assignee": "stranger@example.org"}, 400),
        ({"refs": "MED-1", "add_label": "#bad"}, 400),
        ({"refs": "MED-99", "points": "1"}, 422),
        ({"points": "1"}, 422),
    ],
)
def test_a_bad_value_is_refused_with_words(
    abc: list[Item], max_: Client, sent: dict[str, Any], status: int
) -> None:
    answer = max_.post(f"{URL}edit/", sent)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert fresh(abc[0]).version == 1


def test_a_selection_goes_into_the_trash_at_once(
    product: Product, abc: list[Item], max_: Client
) -> None:
    answer = max_.post(f"{URL}delete/", {"refs": ["MED-1", "MED-3"]})
    assert answer.json()["said"] == "2 items went into the trash, for 30 days."
    assert [item.ref for item in product.items.alive()] == ["MED-2"]
    again = max_.post(f"{URL}delete/", {"refs": ["MED-2", "MED-3"]})
    assert again.status_code == 422  # one is gone: none goes
    assert [item.ref for item in product.items.alive()] == ["MED-2"]


def test_stakeholders_and_strangers_change_nothing(
    abc: list[Item], as_person: Any, cast: Cast
) -> None:
    for name, status in (("vera", 403), ("dora", 403), ("sam", 404)):
        client = as_person(cast[name])
        for door in ("edit/", "delete/", "paste/"):
            answer = client.post(f"{URL}{door}", {"refs": "MED-1", "points": "1"})
            assert answer.status_code == status
    assert fresh(abc[0]).version == 1


# Pasting ----------------------------------------------------------------------------------------

LINES = "- [ ] Clean the ages (5) #data @dora\n    look at outliers\n* [x] Old one (3)\n"


def test_lines_are_shown_before_they_are_made(product: Product, max_: Client) -> None:
    answer = max_.post(f"{URL}paste/", {"text": LINES, "kind": "story", "to": "bottom"})
    html = answer.content.decode()
    assert "Clean the ages" in html
    assert "3 items" in html
    assert not Item.objects.exists()


def test_lines_become_items(product: Product, abc: list[Item], as_person: Any, cast: Cast) -> None:
    olga = as_person(cast.olga)
    create_label(product, "data", actor=Actor.person(cast.olga))
    sent = {"text": LINES, "kind": "story", "to": "top", "create": "1"}
    assert olga.post(f"{URL}paste/", sent).status_code == 302
    made = list(product.items.order_by("rank").values_list("title", "kind", "points"))
    assert made[:3] == [
        ("Clean the ages", "story", Decimal(5)),
        ("look at outliers", "task", None),
        ("Old one", "story", Decimal(3)),
    ]
    assert [person.email for person in Item.objects.get(title="Clean the ages").assignees.all()] \
        == [cast.dora.email]  # fmt: skip


def test_who_orders_nothing_adds_at_the_bottom(
    product: Product, abc: list[Item], max_: Client
) -> None:
    assert "Where they go" not in max_.get(f"{URL}paste/").content.decode()
    max_.post(f"{URL}paste/", {"text": "d", "kind": "story", "to": "top", "create": "1"})
    assert [item.title for item in product.items.order_by("rank")] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste some lines first."),
        ("fine\nstranger @nobody", "Nobody here is called @nobody."),
        ("x" * 251, "The title is longer than 250 signs."),
        ("a\n" * 5001, "These are 5,001 lines; paste at most 5,000 at once."),
        ("y" * 1_000_001, "more than 1 MB"),
    ],
)
def test_lines_that_cannot_be_made_are_named_and_nothing_is(
    product: Product, max_: Client, text: str, said: str
) -> None:
    sent = {"text": text, "kind": "story", "to": "bottom", "create": "1"}
    answer = max_.post(f"{URL}paste/", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Item.objects.exists()


def test_a_label_with_a_null_character_is_refused(product: Product, max_: Client) -> None:
    max_.post("/p/MED/backlog/", {"title": "One", "kind": "story"})
    answer = max_.post("/p/MED/backlog/edit/", {"refs": ["MED-1"], "add_label": ["a\0"]})
    assert answer.status_code == 400
    assert not product.labels.exists()


def test_the_preview_comes_as_a_fragment(product: Product, max_: Client) -> None:
    sent = {"text": "<b>bold</b> (2)", "kind": "bug", "to": "bottom"}
    html = max_.post(f"{URL}paste/", sent, headers=HTMX).content.decode()
    assert html.strip().startswith("<section")
    assert "&lt;b&gt;bold" in html
