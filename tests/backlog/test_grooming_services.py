"""Labels, links, files, fields of the product, views and news: what holds after each deed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage

from backlog.models import (
    Activity,
    Actor,
    Attachment,
    Comment,
    Item,
    Label,
    Link,
    Notification,
    Product,
    SavedView,
)
from backlog.services import notifications
from backlog.services.attachments import Incoming, add_attachment, remove_attachment, tidy_name
from backlog.services.comments import delete_comment, edit_comment
from backlog.services.extra_fields import (
    create_field,
    delete_field,
    move_field,
    update_field,
)
from backlog.services.extra_values import extra_of
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    edit_items,
    trash_item,
)
from backlog.services.labels import (
    create_label,
    delete_label,
    labels_named,
    merge_labels,
    update_label,
)
from backlog.services.links import add_link, remove_link
from backlog.services.saved_views import save_view
from mlscrum.lib.errors import Conflict, DomainError
from tests.conftest import Cast

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 60


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def three(product: Product, olga_acts: Actor) -> list[Item]:
    return create_items(
        product, [ItemDraft(title=title) for title in ("First", "Second", "Third")], actor=olga_acts
    )


def last_activity(product: Product) -> Activity:
    activity: Activity = product.activities.order_by("seq").last()
    return activity


# Labels ------------------------------------------------------------------------------------
def test_a_label_has_a_name_of_its_own_whatever_the_case(
    product: Product, olga_acts: Actor
) -> None:
    create_label(product, "  data   quality ", actor=olga_acts, hue="teal")
    assert Label.objects.get().name == "data quality"
    assert last_activity(product).kind == "label.created"
    with pytest.raises(ValidationError, match="already a label"):
        create_label(product, "Data Quality", actor=olga_acts)


@pytest.mark.parametrize("name", ["", "a,b", "#tag", "-not", "x" * 41])
def test_bad_names_of_labels_are_refused(product: Product, olga_acts: Actor, name: str) -> None:
    with pytest.raises(ValidationError):
        create_label(product, name, actor=olga_acts)


def test_labels_are_found_by_name_and_made_where_missing(
    product: Product, olga_acts: Actor
) -> None:
    ux = create_label(product, "UX", actor=olga_acts)
    found = labels_named(product, ["ux", "data", "Data"], actor=olga_acts)
    assert [label.name for label in found] == ["UX", "Data"]
    assert found[0] == ux


def test_a_label_that_goes_leaves_its_items(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    label = update_label(
        create_label(product, "ux", actor=olga_acts), actor=olga_acts, name="design"
    )
    for item in three[:2]:
        item.labels.add(label)
    trash_item(three[1], actor=olga_acts)
    delete_label(label, actor=olga_acts)
    assert [item.version for item in Item.objects.order_by("pk")] == [2, 3, 1]
    for item in three[:2]:
        assert not item.labels.exists()
        change = item.changes.get(field="labels")
        assert (change.before, change.after) == (["design"], [])
        assert change.activity == last_activity(product)
    assert last_activity(product).kind == "label.deleted"
    assert not product.labels.exists()


def test_items_of_a_merged_label_bear_the_other_one(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    old, new = (create_label(product, name, actor=olga_acts) for name in ("data", "Data quality"))
    for item in three:
        item.labels.add(old)
    three[1].labels.add(new)
    trash_item(three[2], actor=olga_acts)
    before = product.activities.count()
    assert merge_labels(old, new, actor=olga_acts) == 2
    assert all(list(item.labels.all()) == [new] for item in three)
    assert list(product.labels.all()) == [new]
    for item in (three[0], three[2]):
        change = item.changes.get(field="labels")
        assert (change.before, change.after) == (["data"], ["Data quality"])
    assert product.activities.count() == before + 1
    assert last_activity(product).kind == "label.merged"


def test_a_label_is_merged_into_another_one_of_its_product(
    product: Product, other_product: Product, olga_acts: Actor
) -> None:
    label = create_label(product, "ux", actor=olga_acts)
    theirs = create_label(other_product, "ux", actor=olga_acts)
    for wrong in (label, theirs):
        with pytest.raises(ValidationError, match="another label of this product"):
            merge_labels(label, wrong, actor=olga_acts)


def test_what_does_not_change_leaves_no_activity(product: Product, olga_acts: Actor) -> None:
    label = create_label(product, "ux", actor=olga_acts)
    field = create_field(product, "Risk", "text", actor=olga_acts)
    before = product.activities.count()
    update_label(label, actor=olga_acts, name="ux", hue="grey")
    update_field(field, actor=olga_acts, name="Risk")
    move_field(field, before=None, actor=olga_acts)
    assert product.activities.count() == before


# Links -------------------------------------------------------------------------------------
def test_a_link_stands_in_the_history_of_both_items(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    first, second, _ = three
    link = add_link(first, "blocks", second, actor=olga_acts)
    assert add_link(first, "blocks", second, actor=olga_acts) == link
    assert first.changes.get(field="links").after == f"blocks {second.ref}"
    assert second.changes.get(field="links").after == f"is blocked by {first.ref}"
    remove_link(link, actor=olga_acts)
    assert not Link.objects.exists()
    befores = second.changes.filter(field="links").values_list("before", flat=True)
    assert f"is blocked by {first.ref}" in befores


def test_links_refuse_circles_and_show_the_way(three: list[Item], olga_acts: Actor) -> None:
    first, second, third = three
    add_link(first, "blocks", second, actor=olga_acts)
    add_link(third, "needs_data", second, actor=olga_acts)  # so second comes before third
    with pytest.raises(Conflict) as refused:
        add_link(third, "blocks", first, actor=olga_acts)
    assert refused.value.code == "circle"
    assert f"{first.ref} → {second.ref} → {third.ref}" in refused.value.message
    add_link(third, "relates", first, actor=olga_acts)
    add_link(first, "relates", third, actor=olga_acts)
    assert Link.objects.filter(kind="relates").count() == 1


def test_links_stay_within_a_product_and_out_of_the_trash(
    three: list[Item], other_product: Product, olga_acts: Actor
) -> None:
    elsewhere = create_item(other_product, ItemDraft(title="Elsewhere"), actor=Actor.system())
    for target, sentence in ((elsewhere, "two products"), (three[0], "to itself")):
        with pytest.raises(ValidationError, match=sentence):
            add_link(three[0], "blocks", target, actor=olga_acts)
    trash_item(three[1], actor=olga_acts)
    three[1].refresh_from_db()
    with pytest.raises(ValidationError, match="in the trash"):
        add_link(three[0], "blocks", three[1], actor=olga_acts)


# Attachments -------------------------------------------------------------------------------
@pytest.fixture
def own_files(settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files"), "base_url": None},
        },
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../x", "x"),
        ("C:\\fakepath\\report.pdf", "report.pdf"),
        ("a\nb\0c.txt", "abc.txt"),
        ("..", "file"),
        ("", "file"),
        ("\u202egpj.exe", "gpj.exe"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
    ],
)
def test_names_of_files_lead_nowhere(given: str, name: str) -> None:
    assert tidy_name(given) == name


def test_a_file_is_what_its_content_says(
    own_files: None, three: list[Item], olga_acts: Actor
) -> None:
    picture = add_attachment(three[0], Incoming("a.png", [PNG]), actor=olga_acts)
    assert (picture.content_type, picture.is_picture) == ("image/png", True)
    svg = add_attachment(
        three[0], Incoming("b.svg", [b"<svg onload='alert(1)'/>"]), actor=olga_acts
    )
    assert not svg.is_picture
    with default_storage.open(picture.file) as kept:
        assert kept.read() == PNG
    assert three[0].changes.filter(field="attachments").count() == 2


def test_what_is_refused_is_not_kept(
    own_files: None, three: list[Item], olga_acts: Actor, settings: Any, tmp_path: Path
) -> None:
    settings.ATTACHMENT_LIMIT_MB = 1
    for incoming, sentence in (
        (Incoming("a.png", [b"<script>"]), "no PNG picture"),
        (Incoming("a.txt", [b""]), "is empty"),
        (Incoming("a.bin", [b"x" * 600_000] * 2), "larger than 1 MB"),
    ):
        with pytest.raises(DomainError, match=sentence):
            add_attachment(three[0], incoming, actor=olga_acts)
    assert not Attachment.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_removed_is_gone(
    own_files: None, three: list[Item], olga_acts: Actor
) -> None:
    attachment = add_attachment(three[0], Incoming("a.txt", [b"hello"]), actor=olga_acts)
    key = attachment.file
    remove_attachment(attachment, actor=olga_acts)
    assert not default_storage.exists(key)


# Fields of the product -----------------------------------------------------------------------
def test_fields_of_a_product_hold_what_fits(product: Product, olga_acts: Actor) -> None:
    create_field(product, "Customer value", "number", actor=olga_acts)
    risk = create_field(product, "Risk", "choice", actor=olga_acts, choices=["low", " high ", ""])
    (held,) = extra_of(product, [{"customer_value": "3,5", "risk": "high"}])
    assert held == {"customer_value": 3.5, "risk": "high"}
    assert extra_of(product, [{"risk": None}], present=held) == [{"customer_value": 3.5}]
    with pytest.raises(ValidationError) as refused:
        extra_of(product, [{"risk": "none", "speed": 1}], present=held)
    assert set(refused.value.message_dict) == {"fields.risk", "fields.speed"}
    update_field(risk, actor=olga_acts, choices=["low", "high", "none"])
    assert extra_of(product, [{"risk": "none"}], present=held)[0]["risk"] == "none"


def test_a_field_that_goes_takes_its_values_along(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    field = create_field(product, "Risk", "text", actor=olga_acts)
    trash_item(three[1], actor=olga_acts)
    Item.objects.filter(pk__in=[three[0].pk, three[1].pk]).update(extra={"risk": "x", "other": 1})
    delete_field(field, actor=olga_acts)
    assert [item.version for item in Item.objects.order_by("pk")] == [2, 3, 1]
    for item in three[:2]:
        item.refresh_from_db()
        assert item.extra == {"other": 1}
        change = item.changes.get(field="fields.risk")
        assert (change.before, change.after) == ("x", None)
        assert change.activity == last_activity(product)
    assert last_activity(product).kind == "field.deleted"


def test_a_hundred_items_lose_a_field_and_a_label_in_few_statements(
    product: Product, olga_acts: Actor, django_assert_max_num_queries: Any
) -> None:
    field = create_field(product, "Risk", "text", actor=olga_acts)
    label = create_label(product, "ux", actor=olga_acts)
    draft = ItemDraft("Read", labels=[label])
    items = create_items(product, [draft] * 100, actor=olga_acts)
    with django_assert_max_num_queries(30):
        edit_items(product, items, actor=olga_acts, extra={"risk": "high"})
    with django_assert_max_num_queries(30):
        delete_field(field, actor=olga_acts)
    with django_assert_max_num_queries(30):
        delete_label(label, actor=olga_acts)
    assert Item.objects.filter(version=4, labels=None, extra={}).count() == 100


def test_nothing_is_done_on_what_lies_in_the_trash(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    said = comment(three[0], "Why?", actor=olga_acts)
    link = add_link(three[0], "relates", three[1], actor=olga_acts)
    file = add_attachment(three[0], Incoming("a.txt", [b"x"]), actor=olga_acts)
    gone = trash_item(three[0], actor=olga_acts)
    before = product.activities.count()
    for late in (
        lambda: comment(gone, "Late", actor=olga_acts),
        lambda: edit_comment(Comment.objects.get(pk=said.pk), "Late", actor=olga_acts),
        lambda: delete_comment(Comment.objects.get(pk=said.pk), actor=olga_acts),
        lambda: add_attachment(gone, Incoming("b.txt", [b"x"]), actor=olga_acts),
        lambda: remove_attachment(Attachment.objects.get(pk=file.pk), actor=olga_acts),
        lambda: remove_link(Link.objects.get(pk=link.pk), actor=olga_acts),
    ):
        with pytest.raises(Conflict, match="MED-1 is in the trash; restore it first"):
            late()
    assert product.activities.count() == before


def test_fields_change_places(product: Product, olga_acts: Actor) -> None:
    first, second, third = (
        create_field(product, name, "text", actor=olga_acts) for name in ("A", "B", "C")
    )
    move_field(third, before=first, actor=olga_acts)
    assert list(product.extra_fields.all()) == [third, first, second]
    move_field(third, before=None, actor=olga_acts)
    assert list(product.extra_fields.all()) == [first, second, third]
    assert last_activity(product).kind == "field.moved"
    delete_field(first, actor=olga_acts)
    with pytest.raises(Conflict, match="no longer there"):
        move_field(second, before=first, actor=olga_acts)


def test_a_field_has_a_name_of_its_own(product: Product, olga_acts: Actor) -> None:
    create_field(product, "Risk", "text", actor=olga_acts)
    with pytest.raises(ValidationError, match="already a field of this name"):
        create_field(product, " risk ", "number", actor=olga_acts)


def test_a_choice_needs_choices(product: Product, olga_acts: Actor) -> None:
    with pytest.raises(ValidationError, match="choices"):
        create_field(product, "Risk", "choice", actor=olga_acts, choices=["only one"])


# Views and news ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "is_shared", "why"),
    [
        ("kind=bug", True, "“Mine” already, which shows something else. Nothing was saved.$"),
        ("assignee=me", False, "“Mine” already. .* it is no longer shared with the team.$"),
    ],
)
def test_a_view_of_the_same_name_is_replaced_only_where_that_is_meant(
    product: Product, cast: Cast, query: str, is_shared: bool, why: str
) -> None:
    save_view(product, cast.olga, "Mine", "assignee=me", is_shared=True)
    save_view(product, cast.olga, "Mine", "assignee=me", is_shared=True)  # loses nothing
    with pytest.raises(Conflict, match=why):
        save_view(product, cast.olga, " Mine ", query, is_shared=is_shared)
    view = SavedView.objects.get()
    assert (view.query, view.is_shared) == ("assignee=me", True)
    save_view(product, cast.olga, "Mine", query, is_shared=is_shared, replaces=True)
    view.refresh_from_db()
    assert (view.query, view.is_shared) == (query, is_shared)


def test_members_are_mentioned_by_name_and_strangers_never(product: Product, cast: Cast) -> None:
    found = notifications.people_mentioned(product, "@dora and @MAX, but not @sam or @nobody")
    assert found == [cast.dora, cast.max]


def test_nobody_is_told_of_the_own_deeds(
    product: Product, three: list[Item], cast: Cast, olga_acts: Actor
) -> None:
    news = [
        notifications.News(three[0], person, "mention")
        for person in (cast.olga, cast.max, cast.sam)
    ]
    notifications.tell(product, news, actor=olga_acts, at=three[0].created_at)
    told = Notification.objects.get()
    assert told.user == cast.max
    assert notifications.mark_read(cast.max, item=three[1]) == 0
    assert notifications.mark_read(cast.max) == 1
