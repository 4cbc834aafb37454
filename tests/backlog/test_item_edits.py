"""Editing an item in place: one door for every field, choices, and what hangs on the item."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Attachment, Comment, Item, Kind, Link, Notification, Product
from backlog.queries import item_pages
from backlog.queries.item_pages import under
from backlog.queries.items import Total, totals_under
from backlog.services import attachments
from backlog.services.attachments import Incoming, add_attachment
from backlog.services.comments import delete_comment, edit_comment
from backlog.services.criteria import change_criteria
from backlog.services.extra_fields import create_field
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    trash_item,
    update_item,
)
from backlog.services.labels import create_label
from backlog.services.links import add_link
from backlog.services.notifications import watch
from mlscrum.lib.errors import Conflict, Refused
from tests.conftest import Cast
from tests.rest import V1

URL = "/p/MED/items/MED-1/"
HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 60
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
ZIP = b"PK\x03\x04" + b"\0" * 100


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files"), "base_url": None},
        },
    }


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def story(product: Product, olga_acts: Actor) -> Item:
    draft = ItemDraft("Second reading", description="For **doctors**.", points=Decimal(3))
    return create_item(product, draft, actor=olga_acts)


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


def htmx(client: Client, path: str, data: dict[str, Any]) -> Any:
    return client.post(f"{URL}{path}", data, headers=HTMX)


# The fragment ---------------------------------------------------------------------------------
def test_htmx_gets_the_item_alone_and_others_its_page(story: Item, vera: Client) -> None:
    whole, part = vera.get(URL), vera.get(URL, headers=HTMX)
    assert "<html" in whole.content.decode()
    html = part.content.decode()
    assert "<html" not in html
    assert html.count('id="item"') == 1
    assert 'data-ref="MED-1"' in html
    assert "HX-Request" in whole["Vary"]
    assert "HX-Request" in part["Vary"]
    assert "/set/" not in html  # stakeholders read


def test_a_deed_brings_the_item_back_and_says_what_was_done(story: Item, max_: Client) -> None:
    answer = htmx(max_, "set/", {"points": "5", "version": "1"})
    html = answer.content.decode()
    assert answer.status_code == 200
    assert 'data-version="2"' in html
    assert "MED-1: 5 points." in html
    assert "undoable" in html
    assert "<html" not in html


def test_queries_stay_the_same_however_much_hangs_on_an_item(
    product: Product, story: Item, max_: Client, olga_acts: Actor, cast: Cast
) -> None:
    epic = create_item(product, ItemDraft("E", kind=Kind.EPIC), actor=olga_acts)
    others = create_items(
        product, [ItemDraft(f"o{n}", parent=epic) for n in range(6)], actor=olga_acts
    )
    update_item(story, actor=olga_acts, parent=epic)

    def hang_on(number: int) -> None:
        add_link(story, "blocks", others[number], actor=olga_acts)
        add_attachment(story, Incoming(f"{number}.png", [PNG]), actor=olga_acts)
        comment(story, f"@max and @dora, see {number}", actor=olga_acts)
        change_criteria(story, "add", actor=olga_acts, text=f"c{number}")
        label = create_label(product, f"l{number}", actor=olga_acts)
        create_field(product, f"F{number}", "text", actor=olga_acts)
        fresh = Item.objects.select_related("product").get(pk=story.pk)
        update_item(
            fresh,
            actor=olga_acts,
            labels=[*fresh.labels.all(), label],
            description=f"text {number}",
            extra={f"f{number}": "x"},
        )
        create_item(product, ItemDraft("t", kind=Kind.TASK, parent=story), actor=olga_acts)

    hang_on(0)
    for path in (URL, "/p/MED/items/MED-2/"):
        max_.get(path)
    with CaptureQueriesContext(connection) as few:
        max_.get(URL)
    with CaptureQueriesContext(connection) as few_under:
        max_.get("/p/MED/items/MED-2/")
    for number in range(1, 6):
        hang_on(number)
    watch((story, person) for person in (cast.vera, cast.sina))
    with CaptureQueriesContext(connection) as many:
        max_.get(URL)
    with CaptureQueriesContext(connection) as many_under:
        max_.get("/p/MED/items/MED-2/")
    assert (len(many), len(many_under)) == (len(few), len(few_under))
    assert len(many) < 45


# Each field -----------------------------------------------------------------------------------
def test_every_field_is_set_by_one_door(
    product: Product, story: Item, max_: Client, olga_acts: Actor, cast: Cast
) -> None:
    create_item(product, ItemDraft("E", kind=Kind.EPIC), actor=olga_acts)
    create_label(product, "ux", actor=olga_acts)
    create_field(product, "Risk", "choice", actor=olga_acts, choices=["low", "high"])
    create_field(product, "Legal", "checkbox", actor=olga_acts)
    sent: list[tuple[dict[str, Any], str, Any]] = [
        ({"title": "  Third   reading "}, "title", "Third reading"),
        ({"kind": "bug"}, "kind", "bug"),
        ({"points": "0.5"}, "points", Decimal("0.5")),
        ({"parent": "med-2 E"}, "parent_id", Item.objects.get(number=2).pk),
        ({"due_date": "2026-12-01"}, "due_date", None),
        ({"gpu_hours": "12.5"}, "gpu_hours", Decimal("12.5")),
        ({"blocked_reason": " ethics  board "}, "blocked_reason", "ethics board"),
        ({"description": "a\r\nb\r\n"}, "description", "a\nb\n"),
        ({"external_url": "https://x.example/1"}, "external_url", "https://x.example/1"),
        ({"criteria": "[x] a\n[ ] b"}, "criteria", None),
        ({"fields.risk": "high"}, "extra", {"risk": "high"}),
        ({"set": "fields.legal", "fields.legal": "on"}, "extra", {"risk": "high", "legal": True}),
        ({"set": "fields.legal"}, "extra", {"risk": "high", "legal": False}),
        ({"fields.risk": ""}, "extra", {"legal": False}),
    ]
    for data, name, value in sent:
        answer = htmx(max_, "set/", data)
        assert answer.status_code == 200, answer.content.decode()
        story.refresh_from_db()
        if value is not None:
            assert getattr(story, name) == value
    assert str(story.due_date) == "2026-12-01"
    assert story.criteria == [{"text": "a", "is_met": True}, {"text": "b", "is_met": False}]
    assert "overdue" not in max_.get(URL).content.decode()
    htmx(max_, "set/", {"set": "labels", "labels": ["ux"], "new_labels": "data quality, UX"})
    assert {label.name for label in story.labels.all()} == {"ux", "data quality"}
    htmx(max_, "set/", {"set": "labels"})
    assert not story.labels.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": " "}, "Give it a title."),
        ({"title": "x" * 251}, "250 characters"),
        ({"points": "-1"}, "from 0 to 9999"),
        ({"due_date": "tomorrow"}, "give a date such as"),
        ({"gpu_hours": "1e99"}, "GPU-hours: give a number"),
        ({"parent": "MED-99"}, "There is no item MED-99"),
        ({"parent": "MED-1"}, "stand under itself"),
        ({"kind": "epic", "points": "3"}, "leave this empty"),
        ({"description": "x" * 1_000_000}, "may have 100,000 characters; this has 1,000,000"),
        ({"description": "a\0b"}, "can&#x27;t be stored"),
        ({"external_url": "javascript:alert(1)"}, "https://example.org"),
        ({"set": "labels", "new_labels": "#bad"}, "does not begin with #"),
        ({"set": "assignees", "assignees": "sam@example.org"}, "choose from what is offered"),
        ({"criteria": "x" * 501}, "1 to 500 signs"),
        ({"fields.risk": "none"}, "Choose one of low, high"),
    ],
)
def test_a_bad_value_is_said_at_its_field_and_stays_typed(
    product: Product,
    story: Item,
    max_: Client,
    olga_acts: Actor,
    wrong: dict[str, Any],
    said: str,
) -> None:
    create_field(product, "Risk", "choice", actor=olga_acts, choices=["low", "high"])
    answer = htmx(max_, "set/", wrong)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert said in html
    note = html.partition('class="field-error"')[2].partition("</div>")[0]
    assert note.count("<p>") == 1
    story.refresh_from_db()
    assert story.version == 1
    assert not story.labels.exists()
    plain = max_.post(f"{URL}set/", wrong)
    assert plain.status_code == 422
    assert "<html" in plain.content.decode()


def test_nothing_of_this_item_is_refused(story: Item, max_: Client) -> None:
    answer = htmx(max_, "set/", {"colour": "red", "fields.nothing": "x"})
    assert answer.status_code == 422
    assert "reload the page" in answer.content.decode()


def test_scripts_in_texts_are_text(story: Item, max_: Client) -> None:
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)> ‮"
    htmx(max_, "set/", {"description": evil, "title": "<b>t</b>"})
    htmx(max_, "comments/", {"text": evil})
    htmx(max_, "criteria/", {"deed": "add", "text": evil})
    html = max_.get(URL).content.decode()
    for bad in ("<script>alert", 'href="javascript', "<img src=x", "<b>t</b>"):
        assert bad not in html
    preview = max_.post("/p/MED/markdown/", {"description": evil}).content.decode()
    assert "&lt;script&gt;" in preview


def test_a_text_longer_than_any_item_holds_is_not_previewed(product: Product, max_: Client) -> None:
    answer = max_.post(
        "/p/MED/markdown/", {"description": "a" * 100_001}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 413
    assert "100,000" in answer.content.decode()


def test_saving_without_a_change_changes_nothing(story: Item, max_: Client) -> None:
    same = {"title": "Second reading", "description": "For **doctors**.", "points": "3.0"}
    answer = htmx(max_, "set/", {**same, "version": "1"})
    assert answer.status_code == 200
    assert "undoable" not in answer.content.decode()
    story.refresh_from_db()
    assert story.version == 1


# Two at once ----------------------------------------------------------------------------------
def test_other_fields_of_others_stay(story: Item, max_: Client, olga_acts: Actor) -> None:
    update_item(story, actor=olga_acts, points=Decimal(8))
    answer = htmx(max_, "set/", {"title": "Mine", "version": "1"})
    assert answer.status_code == 200
    story.refresh_from_db()
    assert (story.title, story.points) == ("Mine", 8)


def test_the_same_field_shows_both_and_the_others_are_saved(
    story: Item, max_: Client, olga_acts: Actor
) -> None:
    update_item(story, actor=olga_acts, title="Theirs", description="Their text")
    mine = {"title": "Mine", "description": "My text", "points": "5", "version": "1"}
    answer = htmx(max_, "set/", mine)
    html = answer.content.decode()
    assert answer.status_code == 409
    for word in ("Theirs", "Mine", "Their text", "My text", "Olga Kuznetsova changed the same"):
        assert word in html
    assert "MED-1: points saved." in html or "MED-1: 5 points." in html
    story.refresh_from_db()
    assert (story.title, story.points) == ("Theirs", 5)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"gpu_hours": "8", "title": "T"}, "MED-1: title, GPU-hours saved."),
        ({"fields.signed_off": "x"}, "MED-1: Signed off saved."),
        ({"points": "1234.5"}, "MED-1: 1234.5 points."),
        ({"points": "10"}, "MED-1: 10 points."),
    ],
)
def test_what_was_saved_is_called_what_people_call_it(
    product: Product,
    story: Item,
    max_: Client,
    olga_acts: Actor,
    sent: dict[str, str],
    said: str,
) -> None:
    create_field(product, "Signed off", "text", actor=olga_acts)
    assert said in htmx(max_, "set/", sent).content.decode()


@pytest.mark.parametrize(("keep", "title"), [("theirs", "Theirs"), ("yours", "Mine")])
def test_the_choice_holds(
    story: Item, max_: Client, olga_acts: Actor, keep: str, title: str
) -> None:
    update_item(story, actor=olga_acts, title="Theirs")
    chosen = {"set": "title", "title": "Mine", "version": "2", "keep": keep}
    assert htmx(max_, "set/", chosen).status_code == 200
    story.refresh_from_db()
    assert story.title == title


def test_sets_are_chosen_between_too(
    product: Product, story: Item, max_: Client, olga_acts: Actor, cast: Cast
) -> None:
    label = create_label(product, "ux", actor=olga_acts)
    update_item(story, actor=olga_acts, labels=[label], assignees=[cast.dora])
    sent = {"set": ["labels", "assignees"], "new_labels": "mine", "assignees": cast.max.email}
    answer = htmx(max_, "set/", {**sent, "version": "1"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert 'name="new_labels" value="mine"' in html
    assert f'name="assignees" value="{cast.max.email}"' in html
    assert list(story.assignees.all()) == [cast.dora]


def test_who_ticks_another_line_does_not_collide(story: Item, olga_acts: Actor, cast: Cast) -> None:
    change_criteria(story, "add", actor=olga_acts, text="a\nb")
    stale = Item.objects.select_related("product").get(pk=story.pk)
    change_criteria(stale, "tick", actor=olga_acts, place=0, was="a")
    change_criteria(stale, "tick", actor=Actor.person(cast.max), place=1, was="b")
    story.refresh_from_db()
    assert [row["is_met"] for row in story.criteria] == [True, True]
    with pytest.raises(Conflict, match="“gone”"):
        change_criteria(stale, "remove", actor=olga_acts, place=0, was="gone")


# What hangs on it -----------------------------------------------------------------------------
def test_criteria_are_added_ticked_edited_and_removed(story: Item, max_: Client) -> None:
    htmx(max_, "criteria/", {"deed": "add", "text": "It works"})
    html = htmx(
        max_, "criteria/", {"deed": "tick", "place": "0", "was": "It works"}
    ).content.decode()
    assert "1/1" in html
    htmx(max_, "criteria/", {"deed": "edit", "place": "0", "was": "It works", "text": "It runs"})
    story.refresh_from_db()
    assert story.criteria == [{"text": "It runs", "is_met": True}]
    max_.post(f"{URL}criteria/", {"deed": "remove", "place": "0", "was": "It runs"})
    story.refresh_from_db()
    assert story.criteria == []
    for wrong, said in (
        ({"deed": "add", "text": " "}, "Write what has to hold."),
        ({"deed": "add", "text": "x" * 501}, "1 to 500 signs"),
        ({"deed": "tick", "place": "0", "was": "It runs"}, "meanwhile"),
        ({"deed": "explode"}, "can&#x27;t be read"),
    ):
        answer = htmx(max_, "criteria/", wrong)
        assert answer.status_code == 422
        assert said in answer.content.decode()


def test_links_are_made_both_ways_and_a_circle_is_explained(
    product: Product, story: Item, max_: Client, olga_acts: Actor
) -> None:
    create_item(product, ItemDraft("Other"), actor=olga_acts)
    html = htmx(max_, "links/", {"kind": "back:blocks", "ref": "med-2 Other"}).content.decode()
    assert "Is blocked by" in html
    assert "waits for it" in html
    link = Link.objects.get()
    assert (link.source.number, link.target.number) == (2, 1)
    answer = htmx(max_, "links/", {"kind": "blocks", "ref": "MED-2"})
    assert answer.status_code == 422
    assert "MED-2 already comes before MED-1" in answer.content.decode()
    for ref, said in (("MED-9", "no item MED-9"), ("MED-1", "to itself"), ("", "by its ref")):
        assert said in htmx(max_, "links/", {"kind": "blocks", "ref": ref}).content.decode()
    htmx(max_, f"links/{link.pk}/remove/", {})
    assert not Link.objects.exists()
    assert htmx(max_, f"links/{link.pk}/remove/", {}).status_code == 200


def test_a_link_takes_words_where_one_item_alone_has_them(
    product: Product, story: Item, max_: Client, olga_acts: Actor
) -> None:
    create_items(
        product, [ItemDraft("Story three"), ItemDraft("Story three and four")], actor=olga_acts
    )
    for words, said in (
        ("stor", "Several items fit “stor”: MED-3, MED-2. Choose one from the list."),
        ("nothing such", "has the words “nothing such”; give a ref such as MED-1."),
    ):
        answer = htmx(max_, "links/", {"kind": "blocks", "ref": words})
        assert (answer.status_code, said in answer.content.decode()) == (422, True)
    htmx(max_, "links/", {"kind": "blocks", "ref": "story  THREE"})
    htmx(max_, "links/", {"kind": "relates", "ref": "four"})
    links = Link.objects.order_by("pk").values_list("kind", "target__number")
    assert list(links) == [("blocks", 2), ("relates", 3)]


def test_a_parent_takes_words_too(
    product: Product, story: Item, max_: Client, olga_acts: Actor
) -> None:
    create_item(product, ItemDraft("Fewer false alarms"), actor=olga_acts)
    epic = create_item(product, ItemDraft("No false alarms", kind=Kind.EPIC), actor=olga_acts)
    assert htmx(max_, "set/", {"parent": "false alarms"}).status_code == 200
    story.refresh_from_db()
    assert story.parent == epic


def test_the_sum_of_an_epic_counts_the_middle_and_says_what_is_missing(
    product: Product, olga_acts: Actor, max_: Client
) -> None:
    epic = create_item(product, ItemDraft("E", kind=Kind.EPIC), actor=olga_acts)
    drafts = [ItemDraft("a", parent=epic, points=Decimal(5)), ItemDraft("b", parent=epic)]
    first, _ = create_items(product, drafts, actor=olga_acts)
    create_item(product, ItemDraft("t", kind=Kind.TASK, parent=first), actor=olga_acts)
    html = max_.get(URL).content.decode()
    assert "Σ 5" in " ".join(html.split())
    assert "+1 unestimated" in html
    assert "0 of 2 done" in html


def test_what_lacks_an_estimate_is_counted_while_it_is_open_in_list_and_item_alike(
    product: Product, olga_acts: Actor, max_: Client
) -> None:
    epic = create_item(product, ItemDraft("E", kind=Kind.EPIC), actor=olga_acts)
    done = product.statuses.get(category="done")
    drafts = [
        ItemDraft("a", parent=epic, points=Decimal(5)),
        ItemDraft("b", parent=epic),
        ItemDraft("c", parent=epic, status=done),
        ItemDraft("d", parent=epic, status=done, points=Decimal(2)),
    ]
    create_items(product, drafts, actor=olga_acts)
    assert totals_under([epic])[epic.pk] == Total(Decimal(7), Decimal(2), unestimated=1)
    figures = under(epic)
    assert (figures.total, figures.done, figures.sum) == (4, 2, totals_under([epic])[epic.pk])
    html = " ".join(max_.get(URL).content.decode().split())
    assert "2 of 4 done · 2 of 7 points" in html
    assert "+1 unestimated" in html


def test_many_comments_and_children_are_shown_in_part_with_the_way_to_all(
    product: Product,
    story: Item,
    olga_acts: Actor,
    max_: Client,
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(item_pages, "COMMENTS_SHOWN", 2)
    monkeypatch.setattr(item_pages, "CHILDREN_SHOWN", 2)
    said = [comment(story, f"word {n}", actor=Actor.person(cast.max)) for n in range(2)]
    tasks = [ItemDraft(f"t{n}", kind=Kind.TASK, parent=story) for n in range(2)]
    create_items(product, tasks, actor=olga_acts)
    assert "Show all" not in max_.get(URL).content.decode()
    said.append(comment(story, "word 2", actor=olga_acts))
    create_item(product, ItemDraft("t2", kind=Kind.TASK, parent=story), actor=olga_acts)

    html = max_.get(URL, headers=HTMX).content.decode()
    assert f'href="{URL}?comments=all#comments">Show all 3<' in html
    assert [n for n in range(3) if f"<p>word {n}</p>" in html] == [1, 2]
    assert 'href="/p/MED/backlog/?parent=MED-1&amp;done=1">Show all 3 in the backlog<' in html
    assert ("t1" in html, "MED-4" in html) == (True, False)
    assert "0 of 3 done" in html
    listed = max_.get("/p/MED/backlog/?parent=MED-1&done=1").content.decode()
    assert all(f'data-ref="MED-{n}"' in listed for n in (2, 3, 4))

    whole = max_.get(f"{URL}?comments=all").content.decode()
    assert "<p>word 0</p>" in whole
    assert "Show all 3<" not in whole
    # A deed on the page that shows all, and an edit that is refused, show all again.
    here = {**HTMX, "HX-Current-URL": f"http://testserver{URL}?comments=all"}
    after = max_.post(f"{URL}comments/", {"text": "word 3"}, headers=here).content.decode()
    assert "<p>word 0</p>" in after
    edit = max_.post(f"{URL}comments/{said[0].pk}/edit/", {"text": " "})
    assert f'id="comment-{said[0].pk}-text"' in edit.content.decode()


def test_suggestions_fit_what_is_asked_for(
    product: Product, story: Item, max_: Client, olga_acts: Actor
) -> None:
    create_item(product, ItemDraft("Trust of doctors", kind=Kind.EPIC), actor=olga_acts)
    create_item(product, ItemDraft("Trust the executor"), actor=olga_acts)
    parents = max_.get(f"{URL}suggestions/?parent=trus").content.decode()
    assert "MED-2" in parents
    assert "MED-3" not in parents
    links = max_.get(f"{URL}suggestions/?ref=trus").content.decode()
    assert "MED-2" in links
    assert "MED-3" in links


def test_people_watch_and_see_who_else_does(story: Item, vera: Client, cast: Cast) -> None:
    html = vera.post(f"{URL}watch/", {"watch": "1"}, headers=HTMX).content.decode()
    assert "Stop watching" in html
    assert "Vera Novak" in html
    assert cast.vera in story.watchers.all()
    vera.post(f"{URL}watch/", {"watch": "0"})
    assert cast.vera not in story.watchers.all()


def test_an_item_in_the_trash_is_read_only(story: Item, max_: Client, olga_acts: Actor) -> None:
    said = comment(story, "x", actor=olga_acts)
    file = add_attachment(story, Incoming("a.txt", [b"hello"]), actor=olga_acts)
    trash_item(story, actor=olga_acts)
    upload = SimpleUploadedFile("b.txt", b"x")
    for path, data in (
        ("set/", {"title": "x"}),
        ("criteria/", {"deed": "add", "text": "x"}),
        ("comments/", {"text": "x"}),
        ("attachments/", {"file": upload}),
        (f"attachments/{file.pk}/remove/", {}),
    ):
        answer = htmx(max_, path, data)
        assert answer.status_code == 409, path
        assert "restore it first" in answer.content.decode()
    content = max_.get(f"{URL}attachments/{file.pk}/")
    assert b"".join(content.streaming_content) == b"hello"
    assert "/set/" not in max_.get(URL).content.decode()
    assert Comment.objects.get() == said


# Comments -------------------------------------------------------------------------------------
def test_own_comments_are_edited_and_deleted_and_the_history_keeps_it(
    story: Item, max_: Client, cast: Cast
) -> None:
    said = comment(story, "First words", actor=Actor.person(cast.max))
    htmx(max_, f"comments/{said.pk}/edit/", {"text": "Better words, @dora"})
    said.refresh_from_db()
    assert said.edited_at is not None
    assert Notification.objects.get(user=cast.dora).kind == "mention"
    assert "Delete your comment?" in max_.get(URL).content.decode()
    html = htmx(max_, f"comments/{said.pk}/delete/", {}).content.decode()
    assert not Comment.objects.exists()
    assert 'data-notice="undoable' in html
    assert "edited a comment" in html
    assert "deleted a comment" in html
    changes = story.changes.filter(field="comment").values_list("before", "after")
    assert list(changes) == [
        ("First words", "Better words, @dora"),
        ("Better words, @dora", None),
    ]


def test_comments_of_others_stay(story: Item, max_: Client, olga_acts: Actor, cast: Cast) -> None:
    said = comment(story, "Olga's", actor=olga_acts)
    for path in ("edit/", "delete/"):
        answer = htmx(max_, f"comments/{said.pk}/{path}", {"text": "Mine"})
        assert answer.status_code == 403
    assert f"comments/{said.pk}/edit/" not in max_.get(URL).content.decode()
    with pytest.raises(Refused):
        edit_comment(said, "x", actor=Actor.system())
    with pytest.raises(Refused):
        delete_comment(said, actor=Actor.person(cast.vera))
    answer = max_.post(f"/p/MED/items/MED-1/comments/{said.pk + 9}/edit/", {"text": "x"})
    assert answer.status_code == 404


def test_an_empty_edit_keeps_the_comment_open(story: Item, max_: Client, cast: Cast) -> None:
    said = comment(story, "First", actor=Actor.person(cast.max))
    answer = htmx(max_, f"comments/{said.pk}/edit/", {"text": " "})
    assert answer.status_code == 422
    assert "Write something first" in answer.content.decode()
    long = htmx(max_, f"comments/{said.pk}/edit/", {"text": "x" * 1_000_000})
    assert "may have 20,000 characters" in long.content.decode()


# Files ----------------------------------------------------------------------------------------
def test_files_are_shown_named_and_given_back_as_data(story: Item, max_: Client) -> None:
    files = [
        SimpleUploadedFile("../../x", b"hello"),
        SimpleUploadedFile("a.png", PNG),
        SimpleUploadedFile("evil.svg", SVG, content_type="image/svg+xml"),
        SimpleUploadedFile("bomb.zip", ZIP),
        SimpleUploadedFile("no.png", b"<script>"),
        SimpleUploadedFile("none.txt", b""),
    ]
    html = htmx(max_, "attachments/", {"file": files}).content.decode()
    assert "MED-1: 4 files attached." in html
    assert "no.png is no PNG picture" in html
    assert "none.txt: The file is empty" in html
    kept = {file.name: file for file in Attachment.objects.all()}
    assert set(kept) == {"x", "a.png", "evil.svg", "bomb.zip"}
    for name, file in kept.items():
        answer = max_.get(f"{URL}attachments/{file.pk}/")
        assert b"".join(answer.streaming_content) in {b"hello", PNG, SVG, ZIP}
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        is_picture = name == "a.png"
        assert answer["Content-Disposition"].startswith("inline" if is_picture else "attachment")
        kind = "image/png" if is_picture else "application/octet-stream"
        assert answer["Content-Type"] == kind
    answer = max_.get(f"{URL}attachments/{kept['a.png'].pk}/?download")
    assert answer["Content-Disposition"].startswith("attachment")
    list(answer.streaming_content)
    page = max_.get(URL).content.decode()
    assert page.count("<img ") == 1


def test_a_file_that_is_too_large_says_so(story: Item, max_: Client, settings: Any) -> None:
    settings.ATTACHMENT_LIMIT_MB = 1
    large = SimpleUploadedFile("a.bin", b"x" * 1_100_000)
    html = htmx(max_, "attachments/", {"file": large}).content.decode()
    assert "a.bin: The file is larger than 1 MB; link to it instead." in html
    assert not Attachment.objects.exists()
    assert "Choose a file first" in htmx(max_, "attachments/", {}).content.decode()


def test_files_of_one_item_are_not_found_at_another(
    product: Product, story: Item, max_: Client, vera: Client, olga_acts: Actor
) -> None:
    other = create_item(product, ItemDraft("Other"), actor=olga_acts)
    file = add_attachment(other, Incoming("a.txt", [b"hello"]), actor=olga_acts)
    assert max_.get(f"{URL}attachments/{file.pk}/").status_code == 404
    assert max_.post(f"{URL}attachments/{file.pk}/remove/").status_code == 404
    removal = f"/p/MED/items/MED-2/attachments/{file.pk}/remove/"
    assert vera.post(removal).status_code == 403
    assert max_.post(removal).status_code == 302
    assert not Attachment.objects.exists()


def test_a_file_that_the_storage_has_lost_is_said(
    story: Item, max_: Client, olga_acts: Actor
) -> None:
    file = add_attachment(story, Incoming("a.txt", [b"hello"]), actor=olga_acts)
    Attachment.objects.update(file="attachments/MED/gone")
    answer = max_.get(f"{URL}attachments/{file.pk}/")
    assert answer.status_code == 404
    assert "not in the storage any more" in answer.content.decode()


# REST -----------------------------------------------------------------------------------------
def test_files_by_rest(story: Item, api: Any, cast: Cast) -> None:
    client, files = api(cast.max), f"{V1}/items/MED-1/attachments/"
    made = client.post(files, {"file": SimpleUploadedFile("../../x.svg", SVG)}, format="multipart")
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["name"], body["bytes"], body["added_by"]) == ("x.svg", len(SVG), cast.max.email)
    assert client.get(files).json()["results"] == [body]
    one = f"{files}{body['id']}/"
    assert made["Location"].endswith(one)
    assert client.get(one).json() == body
    content = client.get(f"{one}file/")
    assert b"".join(content.streaming_content) == SVG
    assert content["Content-Disposition"].startswith("attachment")
    assert "sandbox" in content["Content-Security-Policy"]
    assert api(cast.vera).delete(one).status_code == 403
    assert api(cast.sam).get(f"{one}file/").status_code == 404
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (SimpleUploadedFile("a.png", b"<script>"), 422),
        (SimpleUploadedFile("a.txt", b""), 400),
        (SimpleUploadedFile("a.bin", b"x" * 1_100_000), 413),
        (None, 400),
    ],
)
def test_bad_files_are_refused_by_rest(
    story: Item, api: Any, cast: Cast, settings: Any, file: Any, status: int
) -> None:
    settings.ATTACHMENT_LIMIT_MB = 1
    sent = {"file": file} if file is not None else {}
    answer = api(cast.max).post(f"{V1}/items/MED-1/attachments/", sent, format="multipart")
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not Attachment.objects.exists()


def test_own_comments_by_rest(story: Item, api: Any, cast: Cast, olga_acts: Actor) -> None:
    client = api(cast.max)
    said = client.post(f"{V1}/items/MED-1/comments/", {"text": "a"}).json()
    assert said["edited_at"] is None
    one = f"{V1}/items/MED-1/comments/{said['id']}/"
    changed = client.patch(one, {"text": "b"}).json()
    assert changed["text"] == "b"
    assert changed["edited_at"] is not None
    assert client.patch(one, {"text": ""}).status_code == 400
    assert api(cast.olga).patch(one, {"text": "c"}).status_code == 403
    assert client.delete(one).status_code == 204
    assert client.delete(one).status_code == 404


def test_a_storage_out_of_reach_is_said_and_no_fault_of_ours(
    story: Item, max_: Client, olga_acts: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = add_attachment(story, Incoming("a.txt", [b"hello"]), actor=olga_acts)

    class OutOfReach:
        def open(self, name: str) -> Any:
            raise ConnectionError("no route to s3.secret.example")

    monkeypatch.setattr(attachments, "default_storage", OutOfReach())
    answer = max_.get(f"{URL}attachments/{file.pk}/")
    html = answer.content.decode()
    assert answer.status_code == 503
    assert "The storage of files is out of reach, and a.txt with it; try again" in html
    assert "secret" not in html
