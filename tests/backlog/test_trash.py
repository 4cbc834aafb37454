"""The page of the trash: who deleted what, until when it can come back, one or many at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Backlog, Item, Kind, Product
from backlog.services.items import (
    ItemDraft,
    comment,
    create_items,
    move_items,
    product_backlog,
    restore_item,
    trash_item,
    trash_items,
    update_item,
)
from backlog.services.ranks import Spot
from backlog.services.trash import empty_trash
from backlog.services.undo import undo_last
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast

PATH = "/p/MED/trash/"


@pytest.fixture
def deleted(product: Product, cast: Cast) -> list[Item]:
    """Four items, of which Max has deleted the first three."""
    drafts = [ItemDraft(title) for title in ("Scans", "Doses", "Ages", "Kept")]
    items = create_items(product, drafts, actor=Actor.system())
    return trash_items(product, items[:3], actor=Actor.person(cast.max))


def test_it_says_who_deleted_an_item_and_finds_it_by_its_words(
    deleted: list[Item], cast: Cast, as_person: Any
) -> None:
    page = as_person(cast.vera).get(PATH).content.decode()
    assert page.count("Max Berger, ") == 3
    assert "Kept" not in page
    assert "Restore" not in page
    found = as_person(cast.vera).get(PATH, {"q": "dos"}).content.decode()
    assert "Doses" in found
    assert "Scans" not in found
    assert "holds these words" in as_person(cast.vera).get(PATH, {"q": "x"}).content.decode()


def test_many_come_back_in_one_deed_in_the_order_of_the_page(
    product: Product, deleted: list[Item], cast: Cast, as_person: Any
) -> None:
    max_ = as_person(cast.max)
    answer = max_.post(f"{PATH}restore/", {"ref": ["MED-3", "MED-1", "MED-4"]}, follow=True)
    assert "2 items are back, at the top of the backlog." in answer.content.decode()
    assert 'form="undo"' in answer.content.decode()
    rows = product_backlog(product).items.alive().order_by("rank")
    assert [item.title for item in rows] == ["Ages", "Scans", "Kept"]
    assert Activity.objects.filter(kind="items.restored").count() == 1
    max_.post("/p/MED/undo/")
    assert [item.title for item in rows.all()] == ["Kept"]


def test_a_button_of_a_row_restores_that_one_whatever_is_ticked(
    product: Product, deleted: list[Item], cast: Cast, as_person: Any
) -> None:
    sent = {"only": "MED-2", "ref": ["MED-1", "MED-3"]}
    answer = as_person(cast.max).post(f"{PATH}restore/", sent, follow=True)
    assert "MED-2 is back" in answer.content.decode()
    assert product.items.alive().count() == 2
    nothing = as_person(cast.max).post(f"{PATH}restore/", follow=True).content.decode()
    assert "tick what you want to restore" in nothing
    assert as_person(cast.vera).post(f"{PATH}restore/", sent).status_code == 403


def test_the_number_of_queries_does_not_grow(
    product: Product, deleted: list[Item], cast: Cast, as_person: Any
) -> None:
    olga = as_person(cast.olga)
    olga.get(PATH)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            olga.get(PATH)
        return len(seen)

    before = asked()
    more = create_items(product, [ItemDraft(str(n)) for n in range(20)], actor=Actor.system())
    trash_items(product, more, actor=Actor.person(cast.olga))
    assert asked() == before


def test_open_tasks_follow_their_item_out_of_a_sprint_when_it_comes_back(
    product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    story, other = create_items(product, [ItemDraft("a"), ItemDraft("b")], actor=olga)
    drafts = [ItemDraft(f"task {n}", kind=Kind.TASK, parent=story) for n in "12"]
    tasks = create_items(product, drafts, actor=olga)
    sprint = product.backlogs.create(
        kind=Backlog.Kind.SPRINT,
        team=product.teams.get(),
        name="Sprint 1",
        starts_on="2026-03-25",
        ends_on="2026-04-07",
    )
    move_items(product, [story, other], actor=olga, spot=Spot.top(), to=sprint)
    finished = product.statuses.filter(category="done").get()
    update_item(Item.objects.get(pk=tasks[1].pk), actor=olga, status=finished)
    story = trash_item(Item.objects.get(pk=story.pk), actor=olga)
    restore_item(story, actor=olga)
    there = product_backlog(product).items.alive().order_by("rank")
    assert [item.title for item in there] == ["a", "task 1"]
    assert tasks[0].stays.get(left_at=None).backlog == product_backlog(product)
    assert {item.title for item in sprint.items.alive()} == {"b", "task 2"}
    undo_last(product, actor=olga)
    assert {item.title for item in sprint.items.alive()} == {"b", "task 1", "task 2"}


def test_after_30_days_nothing_comes_back_and_a_ref_and_a_title_remain(
    product: Product, cast: Cast, as_person: Any
) -> None:
    max_ = Actor.person(cast.max)
    draft = ItemDraft(
        "Scans",
        description="Of Mrs Weber",
        criteria=[("all of them", False)],
        external_source="jira",
        external_id="VIS-1",
    )
    item, young = create_items(product, [draft, ItemDraft("Doses")], actor=max_)
    comment(item, "She said so.", actor=max_)
    update_item(item, actor=max_, description="Of Mr Weber")
    stored = default_storage.save("attachments/note.txt", ContentFile(b"Weber"))
    item.attachments.create(
        name="note.txt", content_type="text/plain", bytes=5, sha256="0" * 64, file=stored
    )
    trash_items(product, [item, young], actor=max_)
    now = timezone.now()
    old = Item.objects.filter(pk=item.pk)
    old.update(deleted_at=now - timedelta(days=31))
    with pytest.raises(Conflict, match="more than 30 days ago"):
        restore_item(old.get(), actor=max_)
    assert empty_trash(now) == 1
    assert empty_trash(now) == 0
    left = old.get()
    assert (left.ref, left.title, left.description, left.criteria) == ("MED-1", "Scans", "", [])
    assert not left.comments.exists()
    assert not left.attachments.exists()
    kept = str(list(left.changes.values_list("before", "after")))
    assert "Weber" not in kept
    assert Item.objects.get(pk=young.pk).search_text.words
    page = as_person(cast.max).get("/p/MED/items/MED-1/").content.decode()
    assert "its ref and its title remain" in page
    assert "items/MED-1/restore/" not in page
    (again,) = create_items(product, [draft], actor=max_)
    assert again.ref == "MED-3"


def test_the_file_of_what_is_gone_is_deleted(
    product: Product, cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    (item,) = create_items(product, [ItemDraft("Scans")], actor=Actor.person(cast.max))
    stored = default_storage.save("attachments/note.txt", ContentFile(b"Weber"))
    item.attachments.create(
        name="note.txt", content_type="text/plain", bytes=5, sha256="0" * 64, file=stored
    )
    trash_items(product, [item], actor=Actor.person(cast.max))
    with django_capture_on_commit_callbacks(execute=True):
        empty_trash(timezone.now() + timedelta(days=31))
    assert not default_storage.exists(stored)
