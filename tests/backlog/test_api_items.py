"""REST: items, their versions, comments, activity, and moving them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Backlog, Comment, Finding, Item, Product, Scope
from backlog.queries.resources import with_row
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.serializers.items import ItemSerializer
from backlog.services import findings
from backlog.services.items import ItemDraft, create_items, inbox, trash_item, update_item
from backlog.services.members import remove_member
from tests.conftest import Cast
from tests.rest import V1, cursor_of, pointers, queries, walk

ITEMS = f"{V1}/products/MED/items/"
MOVE = f"{ITEMS}move/"
FIELDS = {
    "ref", "url", "kind", "title", "description", "status", "category", "points", "assignees",
    "parent", "children", "backlog", "sprint", "severity", "source", "findings", "version",
    "created_at", "updated_at", "done_at", "deleted_at", "criteria", "labels", "links", "blocked",
    "blocked_reason", "due_date", "gpu_hours", "fields", "external_source", "external_id",
    "external_url",
}  # fmt: skip


@pytest.fixture
def max_(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.max)


@pytest.fixture
def olga(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.olga)


@pytest.fixture
def abc(product: Product, cast: Cast) -> list[Item]:
    """MED-1, MED-2 and MED-3, called a, b and c."""
    drafts = [ItemDraft(title) for title in "abc"]
    return create_items(product, drafts, actor=Actor.person(cast.max))


def refs(answer: Any) -> list[str]:
    return [row["ref"] for row in answer.json()["results"]]


def red(product: Product, actor: Actor, name: str, **more: Any) -> Item:
    """An item that evidence filed."""
    see(product, actor, name, Outcome.FAILED, **more)
    item: Item = Item.objects.get(product=product, title=name)
    return item


def see(product: Product, actor: Actor, name: str, outcome: Outcome, **more: Any) -> None:
    seen = Observation(name, {}, name, outcome, fingerprint=name, **more)
    key = f"{name} {outcome}"
    report = findings.EvidenceReport(
        product, "ci", key, None, key, timezone.now(), observations=[seen]
    )
    findings.report(report, actor=actor)


# Create and read ---------------------------------------------------------------------------


def test_an_item_is_shown_as_its_serializer_declares(max_: Any, abc: list[Item]) -> None:
    """It is written by hand for speed, so the two could part."""
    sent = {
        "points": 3, "gpu_hours": 1.5, "status": "done", "due_date": "2026-12-01",
        "labels": ["ux", "Data"], "assignees": ["sina@example.org", "max@example.org"],
        "criteria": [{"text": "Doctors agree", "is_met": True}],
    }  # fmt: skip
    max_.patch(f"{V1}/items/MED-1/", sent)
    max_.post(f"{V1}/items/MED-1/links/", {"type": "blocks", "ref": "MED-2"})
    shown = max_.get(f"{V1}/items/MED-1/").json()
    fields = ItemSerializer().get_fields()
    assert list(shown) == list(fields)
    item = with_row(Item.objects.filter(number=1)).get()
    own = ["title", "points", "gpu_hours", "due_date", "criteria", "created_at", "done_at"]
    as_declared = {name: fields[name].to_representation(getattr(item, name)) for name in own}
    assert as_declared == {name: shown[name] for name in own}
    assert shown["assignees"] == ["max@example.org", "sina@example.org"]
    assert shown["labels"] == ["Data", "ux"]
    assert shown["links"] == [{"type": "blocks", "ref": "MED-2"}]
    assert max_.get(ITEMS).json()["results"][0] == shown


def test_an_item_is_created_with_all_its_fields(max_: Any, abc: list[Item]) -> None:
    epic = max_.post(ITEMS, {"title": "Epic", "kind": "epic"}).json()["ref"]
    answer = max_.post(
        ITEMS,
        {
            "title": " Read  the scans ",
            "kind": "data_need",
            "description": "# Why\n",
            "status": "in-progress",
            "points": 2.5,
            "assignees": ["SINA@example.org", "max@example.org", "max@example.org"],
            "parent": epic.lower(),
        },
    )
    made = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"http://testserver{V1}/items/{made['ref']}/"
    assert answer["ETag"] == '"1"'
    assert set(made) == FIELDS
    expected = {
        "ref": "MED-5", "title": "Read the scans", "kind": "data_need", "description": "# Why\n",
        "status": "in-progress", "category": "doing", "points": 2.5, "version": 1,
        "assignees": ["max@example.org", "sina@example.org"], "parent": epic, "children": [],
        "backlog": "product", "sprint": None, "severity": None, "source": None, "findings": [],
        "done_at": None, "deleted_at": None,
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected
    assert made["url"].endswith("/p/MED/items/MED-5/")
    assert made["created_at"].endswith("Z")
    assert max_.get(f"{V1}/items/{epic}/").json()["children"] == ["MED-5"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/title", "required"),
        ({"title": "   "}, "/title", "blank"),
        ({"title": "x" * 251}, "/title", "max_length"),
        ({"title": "a", "kind": "poem"}, "/kind", "invalid_choice"),
        ({"title": "a", "points": -1}, "/points", "min_value"),
        ({"title": "a", "points": 0.25}, "/points", "max_decimal_places"),
        ({"title": "a", "points": "many"}, "/points", "invalid"),
        ({"title": "a", "kind": "task", "points": 1}, "/points", "invalid"),
        ({"title": "a", "status": "nowhere"}, "/status", "no_status"),
        ({"title": "a", "assignees": ["sam@example.org"]}, "/assignees", "no_member"),
        ({"title": "a", "assignees": ["nobody"]}, "/assignees/0", "invalid"),
        ({"title": "a", "parent": "MED-99"}, "/parent", "no_item"),
        ({"title": "a", "parent": "SHOP-1"}, "/parent", "no_item"),
        ({"title": "a", "rank": "V"}, "/rank", "unknown_field"),
        ({"title": "a", "ref": "MED-7"}, "/ref", "unknown_field"),
    ],
)
def test_bad_fields_are_named(
    max_: Any, product: Product, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = max_.post(ITEMS, body)
    assert answer.status_code == 400
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert not Item.objects.exists()


def test_all_wrong_fields_are_named_at_once(max_: Any) -> None:
    answer = max_.post(ITEMS, {"kind": "poem", "colour": "red"})
    assert sorted(pointers(answer)) == ["/colour", "/kind", "/title"]


@pytest.mark.parametrize(
    "body", ['{"title": "a", "title": "b"}', '{"title": "a", "points": NaN}', "[1", "7", '"x"']
)
def test_what_is_no_plain_json_is_refused(max_: Any, body: str) -> None:
    answer = max_.generic("POST", ITEMS, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_list_where_an_object_belongs_is_refused(max_: Any) -> None:
    assert max_.post(ITEMS, [{"title": "a"}]).status_code == 400


def test_a_body_beyond_5_mb_is_413(max_: Any) -> None:
    answer = max_.post(ITEMS, {"title": "a", "description": "x" * (5 * 1024 * 1024)})
    assert answer.status_code == 413


def test_strangers_and_weak_roles(api: Any, cast: Cast, abc: list[Item]) -> None:
    sam, vera = api(cast.sam), api(cast.vera)
    for path in (ITEMS, f"{V1}/items/MED-1/", f"{V1}/items/MED-1/comments/"):
        assert sam.get(path).status_code == 404
        assert vera.get(path).status_code == 200
    assert sam.patch(f"{V1}/items/MED-1/", {"title": "x"}).status_code == 404
    assert vera.patch(f"{V1}/items/MED-1/", {"title": "x"}).status_code == 403
    assert vera.post(ITEMS, {"title": "x"}).status_code == 403
    assert vera.delete(f"{V1}/items/MED-1/").status_code == 403
    assert Item.objects.alive().count() == 3


def test_scopes_open_what_they_name(api: Any, cast: Cast, abc: list[Item]) -> None:
    read, evidence = (api(cast.max, scopes=(s,)) for s in (Scope.READ, Scope.EVIDENCE))
    assert read.get(ITEMS).status_code == 200
    assert read.post(ITEMS, {"title": "x"}).status_code == 403
    assert evidence.get(ITEMS).status_code == 403


@pytest.mark.parametrize("ref", ["MED-99", "MED-0", "MED-1000000001", "NONE-1", "MED-²", "MED"])
def test_an_item_that_is_not_there_is_404(max_: Any, abc: list[Item], ref: str) -> None:
    answer = max_.get(f"{V1}/items/{ref}/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


# Lists -------------------------------------------------------------------------------------


def test_the_list_stands_in_the_order_of_the_backlog(
    max_: Any, product: Product, cast: Cast, abc: list[Item]
) -> None:
    filed = create_items(
        product, [ItemDraft("filed")], actor=Actor.person(cast.max), backlog=inbox(product)
    )[0]
    assert refs(max_.get(ITEMS)) == ["MED-1", "MED-2", "MED-3", filed.ref]
    assert refs(max_.get(f"{ITEMS}?backlog=inbox")) == [filed.ref]
    assert refs(max_.get(f"{ITEMS}?ordering=-number&limit=2")) == [filed.ref, "MED-3"]


def test_filters_narrow_the_list(max_: Any, product: Product, cast: Cast, abc: list[Item]) -> None:
    a, b, c = abc
    actor = Actor.person(cast.max)
    done, doing = (product.statuses.get(slug=slug) for slug in ("done", "in-progress"))
    update_item(a, actor=actor, kind="bug", status=done, assignees=[cast.sina, cast.max])
    update_item(b, actor=actor, status=doing, assignees=[cast.sina])
    critical = red(product, actor, "null ages", severity=Severity.CRITICAL)
    warning = red(product, actor, "odd ages", severity=Severity.WARNING)
    for query, expected in {
        "kind=bug": [a],
        "kind=bug&kind=data_assessment": [a, critical, warning],
        "status=done": [a],
        "status=done&status=in-progress": [a, b],
        "status=nowhere": [],
        "category=todo": [c, critical, warning],
        "assignee=SINA@example.org": [a, b],
        "assignee=max@example.org&assignee=sina@example.org": [a, b],
        "assignee=vera@example.org": [],
        "source=ci": [critical, warning],
        "severity=critical": [critical],
        "severity=warning&severity=critical": [critical, warning],
        "category=todo&source=ci&severity=warning": [warning],
        "sprint=active": [],
        "sprint=1": [],
    }.items():
        assert refs(max_.get(f"{ITEMS}?{query}")) == [item.ref for item in expected], query
    shown = max_.get(f"{ITEMS}?severity=critical").json()["results"][0]
    assert (shown["severity"], shown["source"], len(shown["findings"])) == ("critical", "ci", 1)


def test_an_item_has_the_worst_severity_of_its_findings(
    max_: Any, product: Product, cast: Cast
) -> None:
    actor = Actor.person(cast.max)
    item = red(product, actor, "odd ages", severity=Severity.WARNING)
    red(product, actor, "null ages", severity=Severity.CRITICAL)
    Finding.objects.update(item=item)
    assert refs(max_.get(f"{ITEMS}?severity=critical")) == [item.ref]
    assert refs(max_.get(f"{ITEMS}?severity=warning")) == []


def test_updated_since_finds_what_changed_later(max_: Any, cast: Cast, abc: list[Item]) -> None:
    changed = update_item(abc[1], actor=Actor.person(cast.max), title="B")
    since = changed.updated_at.isoformat().replace("+00:00", "Z")
    assert refs(max_.get(f"{ITEMS}?updated_since={since}")) == ["MED-2"]
    assert refs(max_.get(f"{ITEMS}?ordering=-updated_at"))[0] == "MED-2"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("colour=red", "colour"),
        ("kind=poem", "kind"),
        ("severity=worst", "severity"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=9999-12-31T23:59:59-23:00", "updated_since"),
        ("ordering=title", "ordering"),
        ("sprint=1&sprint=2", "sprint"),
        ("status=%00", "status"),
        ("due=someday", "due"),
    ],
)
def test_a_wrong_parameter_is_named(max_: Any, query: str, parameter: str) -> None:
    answer = max_.get(f"{ITEMS}?{query}")
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_parameters_belong_to_their_path(max_: Any, abc: list[Item]) -> None:
    assert max_.get(f"{V1}/items/MED-1/?kind=bug").status_code == 400
    assert max_.post(f"{ITEMS}?kind=bug", {"title": "x"}).status_code == 400


@pytest.mark.parametrize("ordering", ["rank", "-updated_at", "updated_at", "number", "-number"])
def test_pages_hold_every_item_once_in_each_order_and_direction(
    max_: Any, product: Product, cast: Cast, ordering: str
) -> None:
    actor = Actor.person(cast.max)
    create_items(product, [ItemDraft(f"i{n}") for n in range(7)], actor=actor)
    create_items(product, [ItemDraft("x"), ItemDraft("y")], actor=actor, backlog=inbox(product))
    Item.objects.update(updated_at=product.created_at)  # a deed on many gives all the same time
    path = f"{ITEMS}?ordering={ordering}"
    whole = refs(max_.get(path))
    pages = walk(max_, f"{path}&limit=2")
    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert [row["ref"] for page in pages for row in page] == whole
    last = max_.get(f"{path}&limit=2")
    while last.json()["next"]:
        last = max_.get(last.json()["next"])
    back = walk(max_, last.json()["previous"], backwards=True)
    assert [row["ref"] for page in reversed(back) for row in page] == whole[:-1]


def test_pages_neither_lose_nor_repeat_while_items_come_in(
    max_: Any, product: Product, cast: Cast
) -> None:
    actor = Actor.person(cast.max)
    first = create_items(product, [ItemDraft(f"i{n}") for n in range(9)], actor=actor)
    for ordering in ("rank", "-number", "-updated_at"):
        seen, url = [], f"{ITEMS}?limit=2&ordering={ordering}"
        while url:
            page = max_.get(url).json()
            seen += [row["ref"] for row in page["results"]]
            create_items(product, [ItemDraft("new")], actor=actor)
            url = page["next"] if len(seen) < 100 else None
        assert len(seen) == len(set(seen))
        assert {item.ref for item in first} <= set(seen)


def test_a_cursor_of_another_order_or_hand_is_refused(max_: Any, abc: list[Item]) -> None:
    url = max_.get(f"{ITEMS}?limit=1").json()["next"]
    assert max_.get(f"{url}&ordering=number").status_code == 400
    odd = [cursor_of(ITEMS, "rank", 0, *values) for values in ((None, None), ("a", 1), (1,), ())]
    for cursor in ("", "x", "W10", "é", *odd):
        assert max_.get(ITEMS, {"cursor": cursor}).status_code == 400


def test_the_list_takes_the_same_queries_however_long(
    max_: Any, product: Product, cast: Cast, abc: list[Item]
) -> None:
    actor = Actor.person(cast.max)
    red(product, actor, "r0")
    parent = create_items(product, [ItemDraft("epic", kind="epic")], actor=actor)[0]
    create_items(product, [ItemDraft("first", parent=parent)], actor=actor)
    before = queries(max_, ITEMS)
    create_items(
        product,
        [ItemDraft(f"i{n}", parent=parent, assignees=[cast.max, cast.sina]) for n in range(9)],
        actor=actor,
    )
    for number in range(4):
        red(product, actor, f"r{number + 1}")
    assert queries(max_, ITEMS) == before


# Edit --------------------------------------------------------------------------------------


def test_an_edit_changes_what_it_names(max_: Any, abc: list[Item]) -> None:
    answer = max_.patch(
        f"{V1}/items/MED-1/",
        {"title": "A", "points": 3, "status": "done", "assignees": ["max@example.org"]},
    )
    changed = answer.json()
    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    assert (changed["title"], changed["points"], changed["category"]) == ("A", 3.0, "done")
    assert changed["done_at"] and changed["version"] == 2
    cleared = max_.patch(f"{V1}/items/MED-1/", {"points": None, "assignees": []}).json()
    assert (cleared["points"], cleared["assignees"], cleared["title"]) == (None, [], "A")


def test_a_stale_if_match_is_412_and_changes_nothing(max_: Any, abc: list[Item]) -> None:
    path = f"{V1}/items/MED-1/"
    etag = max_.get(path)["ETag"]
    assert max_.patch(path, {"title": "A"}, headers={"If-Match": etag}).status_code == 200
    for stale in (etag, 'W/"2"', '"x"', "2", ""):
        answer = max_.patch(path, {"points": 1}, headers={"If-Match": stale})
        assert (answer.status_code, answer.json()["code"]) == (412, "stale"), stale
    assert max_.delete(path, headers={"If-Match": etag}).status_code == 412
    assert max_.get(path).json()["points"] is None
    for good in ('"2"', '"2", "3"', "*"):
        assert max_.patch(path, {"points": 1}, headers={"If-Match": good}).status_code == 200


def test_a_version_in_the_body_merges_other_fields(max_: Any, abc: list[Item]) -> None:
    path = f"{V1}/items/MED-1/"
    max_.patch(path, {"title": "A"})
    merged = max_.patch(path, {"points": 2, "version": 1}).json()
    assert (merged["title"], merged["points"], merged["version"]) == ("A", 2.0, 3)


def test_the_same_field_changed_twice_is_a_conflict_with_all_values(
    max_: Any, abc: list[Item]
) -> None:
    path = f"{V1}/items/MED-1/"
    max_.patch(path, {"title": "theirs", "status": "done"})
    answer = max_.patch(path, {"title": "mine", "status": "in-progress", "points": 2, "version": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "edit_conflict")
    assert sorted(answer.json()["conflicts"], key=lambda c: str(c["field"])) == [
        {"field": "status", "base": "to-do", "theirs": "done", "yours": "in-progress"},
        {"field": "title", "base": "a", "theirs": "theirs", "yours": "mine"},
    ]
    assert max_.get(path).json()["points"] is None


def test_an_edit_in_the_trash_is_a_conflict(max_: Any, cast: Cast, abc: list[Item]) -> None:
    trash_item(abc[0], actor=Actor.person(cast.max))
    answer = max_.patch(f"{V1}/items/MED-1/", {"title": "A"})
    assert (answer.status_code, answer.json()["code"]) == (409, "deleted")


def test_deleting_is_soft_and_can_be_taken_back(max_: Any, abc: list[Item]) -> None:
    path = f"{V1}/items/MED-2/"
    assert max_.delete(path).status_code == 204
    assert max_.delete(path).status_code == 404
    assert refs(max_.get(ITEMS)) == ["MED-1", "MED-3"]
    assert max_.get(path).json()["deleted_at"]
    restored = max_.post(f"{path}restore/").json()
    assert restored["deleted_at"] is None
    assert refs(max_.get(ITEMS)) == ["MED-2", "MED-1", "MED-3"]


def test_deleting_says_what_becomes_of_the_findings(
    max_: Any, product: Product, cast: Cast
) -> None:
    actor = Actor.person(cast.max)
    muted, resolved = red(product, actor, "one"), red(product, actor, "two")
    path = f"{V1}/items/{muted.ref}/"
    assert max_.delete(f"{path}?findings=forget").status_code == 400
    assert max_.delete(f"{path}?findings=mute&until=2100-01-01T00:00:00Z").status_code == 204
    answer = max_.delete(f"{V1}/items/{resolved.ref}/?findings=resolve")
    assert (answer.status_code, pointers(answer)) == (400, ["/reason"])
    fixed = f"{V1}/items/{resolved.ref}/?findings=resolve&reason=fixed"
    assert max_.delete(fixed).status_code == 204
    states = Finding.objects.order_by("pk").values_list("state", "muted_until__year")
    assert list(states) == [("muted", 2100), ("resolved", None)]


# Comments and activity ---------------------------------------------------------------------


def test_stakeholders_comment(api: Any, cast: Cast, abc: list[Item]) -> None:
    vera, path = api(cast.vera), f"{V1}/items/MED-1/comments/"
    said = vera.post(path, {"text": "Why **this**?"})
    assert (said.status_code, said.json()["author"]) == (201, "vera@example.org")
    assert pointers(vera.post(path, {"text": " "})) == ["/text"]
    vera.post(path, {"text": "And when?"})
    assert [c["text"] for c in vera.get(path).json()["results"]] == ["Why **this**?", "And when?"]


def test_evidence_comments_without_an_author_and_people_in_their_name(
    max_: Any, product: Product, cast: Cast
) -> None:
    one, two = (red(product, Actor.person(cast.max), name) for name in ("one", "two"))
    see(product, Actor.person(cast.max), "one", Outcome.PASSED)
    max_.post(f"{V1}/findings/{two.findings.get().pk}/resolve/", {"reason": "fixed"})
    said = [
        (comment["author"], comment["text"])
        for item in (one, two)
        for comment in max_.get(f"{V1}/items/{item.ref}/comments/").json()["results"]
    ]
    assert said == [
        (None, "Green again: one"),
        ("max@example.org", "Resolved (Fixed): two"),
    ]


def test_the_activity_says_who_changed_what(max_: Any, as_person: Any, cast: Cast) -> None:
    max_.post(ITEMS, {"title": "a"})
    as_person(cast.sina).patch(f"{V1}/items/MED-1/", {"points": 2}, content_type="application/json")
    edited, created = max_.get(f"{V1}/items/MED-1/activity/").json()["results"]
    assert edited["actor"] == {"kind": "person", "user": "sina@example.org", "token": None}
    assert edited["changes"] == [{"field": "points", "before": None, "after": 2.0, "version": 2}]
    assert created["actor"] == {"kind": "token", "user": "max@example.org", "token": "test"}
    assert edited["seq"] > created["seq"]


def test_the_activity_of_an_item_holds_deeds_on_many(
    olga: Any, max_: Any, product: Product, cast: Cast, abc: list[Item]
) -> None:
    kinds = [row["kind"] for row in max_.get(f"{V1}/items/MED-2/activity/").json()["results"]]
    assert kinds == ["item.created"]
    before = queries(max_, f"{V1}/items/MED-2/activity/")
    for number in range(5):
        update_item(abc[1], actor=Actor.person(cast.max), points=Decimal(number))
    assert queries(max_, f"{V1}/items/MED-2/activity/") == before


def test_comments_take_the_same_queries_however_many(max_: Any, abc: list[Item]) -> None:
    path = f"{V1}/items/MED-1/comments/"
    max_.post(path, {"text": "one"})
    before = queries(max_, path)
    for _ in range(5):
        max_.post(path, {"text": "more"})
    assert queries(max_, path) == before


# Move --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ({"refs": ["MED-3"], "to": "top"}, "cab"),
        ({"refs": ["MED-1"], "to": "bottom"}, "bca"),
        ({"refs": ["med-3"], "before": "med-2"}, "acb"),
        ({"refs": ["MED-3", "MED-1"], "after": "MED-2"}, "bca"),
        ({"refs": ["MED-3", "MED-3"], "to": "top"}, "cab"),
    ],
)
def test_moves_by_intent(olga: Any, abc: list[Item], move: dict[str, Any], expected: str) -> None:
    answer = olga.post(MOVE, move)
    assert answer.status_code == 200
    moved = {ref.upper() for ref in move["refs"]}
    assert {item["ref"] for item in answer.json()["items"]} == moved
    titles = [row["title"] for row in olga.get(ITEMS).json()["results"]]
    assert "".join(titles) == expected


def test_a_move_sets_a_status_in_the_same_deed(olga: Any, abc: list[Item]) -> None:
    before = Activity.objects.count()
    answer = olga.post(MOVE, {"refs": ["MED-3"], "to": "top", "status": "in-progress"})
    moved = answer.json()["items"][0]
    assert (moved["status"], moved["version"]) == ("in-progress", 2)
    assert Activity.objects.count() == before + 1


def test_the_inbox_is_taken_into_the_backlog(
    olga: Any, product: Product, cast: Cast, abc: list[Item]
) -> None:
    item = red(product, Actor.person(cast.max), "filed")
    assert (
        olga.post(MOVE, {"refs": [item.ref], "to": "top"}).json()["items"][0]["backlog"] == "inbox"
    )
    taken = olga.post(MOVE, {"refs": [item.ref], "to": "top", "sprint": None}).json()["items"]
    assert (taken[0]["backlog"], taken[0]["sprint"]) == ("product", None)


def test_a_sprint_is_named_by_id_or_as_active(olga: Any, product: Product, abc: list[Item]) -> None:
    sprint = Backlog.objects.create(
        product=product, kind="sprint", name="Sprint 1", team=product.teams.get()
    )
    moved = olga.post(MOVE, {"refs": ["MED-1"], "to": "top", "sprint": sprint.pk})
    assert moved.json()["items"][0]["sprint"] == sprint.pk
    moved = olga.post(MOVE, {"refs": ["MED-2"], "after": "MED-1", "sprint": "active"})
    assert moved.json()["items"][0]["sprint"] == sprint.pk
    assert refs(olga.get(f"{ITEMS}?sprint=active")) == ["MED-1", "MED-2"]
    assert refs(olga.get(f"{ITEMS}?sprint={sprint.pk}")) == ["MED-1", "MED-2"]
    missing = olga.post(MOVE, {"refs": ["MED-1"], "to": "top", "sprint": "999"})
    assert pointers(missing) == ["/sprint"]


def test_an_anchor_that_has_left_is_409_with_the_present_neighbours(
    olga: Any, product: Product, cast: Cast, abc: list[Item]
) -> None:
    trash_item(abc[1], actor=Actor.person(cast.max))
    answer = olga.post(MOVE, {"refs": ["MED-3"], "before": "MED-2"})
    assert (answer.status_code, answer.json()["code"]) == (409, "anchor_left")
    assert answer.json()["neighbours"] == ["MED-1", "MED-3"]


def test_an_anchor_that_moves_along_is_no_place(olga: Any, abc: list[Item]) -> None:
    answer = olga.post(MOVE, {"refs": ["MED-1", "MED-2"], "before": "MED-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "anchor_moves")
    assert "choose another place" in answer.json()["detail"]


def test_reads_and_deeds_of_one_item_keep_to_their_statements(
    olga: Any, abc: list[Item], django_assert_max_num_queries: Any
) -> None:
    """As many as a token, the right, the lock, the deed and the answer take; see `make bench`."""
    olga.get(ITEMS)  # the token is noted as used, once in five minutes

    def takes(most: int, method: str, path: str, *body: Any) -> None:
        with django_assert_max_num_queries(most):
            assert getattr(olga, method)(path, *body).status_code < 300

    takes(8, "get", f"{ITEMS}?limit=30")
    takes(8, "get", f"{V1}/items/MED-1/")
    takes(25, "post", ITEMS, {"title": "d"})
    takes(22, "patch", f"{V1}/items/MED-1/", {"title": "e"})
    takes(19, "post", MOVE, {"refs": ["MED-3"], "before": "MED-2"})


def test_a_move_writes_the_row_of_what_moves_alone(olga: Any, abc: list[Item]) -> None:
    def written() -> dict[int, tuple[Any, ...]]:
        return {row[0]: row for row in Item.objects.values_list("number", "rank", "version")}

    before = written()
    olga.post(MOVE, {"refs": ["MED-3"], "before": "MED-2"})
    after = written()
    assert [number for number in before if before[number] != after[number]] == [3]
    assert [number for number, *_ in sorted(after.values(), key=lambda row: row[1])] == [1, 3, 2]


def test_a_move_takes_the_same_queries_however_many_items(
    olga: Any, product: Product, cast: Cast
) -> None:
    def taken(count: int) -> int:
        drafts = [ItemDraft(f"{n}") for n in range(count)]
        home = product.backlogs.get(kind="inbox")
        items = create_items(product, drafts, actor=Actor.person(cast.olga), backlog=home)
        move = {"refs": [i.ref for i in items], "to": "top", "sprint": None, "status": "done"}
        with CaptureQueriesContext(connection) as seen:
            assert olga.post(MOVE, move).status_code == 200
        return len(seen)

    taken(1)
    assert taken(40) == taken(2)


def test_a_version_from_the_future_is_refused(max_: Any, abc: list[Item]) -> None:
    answer = max_.patch(f"{V1}/items/MED-1/", {"title": "x", "version": 9})
    assert (answer.status_code, pointers(answer)) == (400, ["/version"])


@pytest.mark.parametrize(
    ("move", "pointer"),
    [
        ({}, "/refs"),
        ({"refs": []}, "/refs"),
        ({"refs": ["MED-1"]}, ""),
        ({"refs": ["MED-1"], "to": "top", "before": "MED-2"}, ""),
        ({"refs": ["MED-1"], "to": "middle"}, "/to"),
        ({"refs": ["MED-1", "MED-99"], "to": "top"}, "/refs/1"),
        ({"refs": ["MED-1"], "after": "MED-99"}, "/after"),
        ({"refs": ["MED-1"], "to": "top", "status": "nowhere"}, "/status"),
        ({"refs": ["MED-1"], "to": "top", "rank": "V"}, "/rank"),
        ({"refs": ["MED-1"] * 501, "to": "top"}, "/refs"),
    ],
)
def test_bad_moves_are_refused_by_field(
    olga: Any, abc: list[Item], move: dict[str, Any], pointer: str
) -> None:
    answer = olga.post(MOVE, move)
    assert (answer.status_code, pointers(answer)) == (400, [pointer])


def test_the_order_is_the_product_owner_s(api: Any, cast: Cast, abc: list[Item]) -> None:
    body = {"refs": ["MED-1"], "to": "bottom"}
    for name in ("max", "sina", "dora", "vera"):
        assert api(cast[name]).post(MOVE, body).status_code == 403
    assert api(cast.sam).post(MOVE, body).status_code == 404


def test_a_comment_of_a_file_names_who_said_it_there(max_: Any, abc: list[Item]) -> None:
    Comment.objects.create(item=abc[0], text="From Jira", said_by="Ann Other")
    (said,) = max_.get(f"{V1}/items/MED-1/comments/").json()["results"]
    assert (said["author"], said["said_by"]) == (None, "Ann Other")
    path = f"{V1}/items/MED-1/comments/"
    assert max_.post(path, {"text": "Mine", "said_by": "Ann"}).status_code == 400


def test_points_go_with_a_kind_that_bears_none(max_: Any) -> None:
    max_.post(ITEMS, {"title": "Read twice", "points": 5})
    refused = max_.patch(f"{V1}/items/MED-1/", {"kind": "epic", "points": 5})
    assert (refused.status_code, pointers(refused)) == (400, ["/points"])
    changed = max_.patch(f"{V1}/items/MED-1/", {"kind": "epic"}).json()
    assert (changed["kind"], changed["points"]) == ("epic", None)


def test_an_item_can_be_sent_back_as_it_was_read_when_an_assignee_has_left(
    product: Product, cast: Cast, abc: list[Item], member: Any, olga: Any
) -> None:
    acts = Actor.person(cast.olga)
    path = f"{V1}/items/MED-1/"
    update_item(abc[0], actor=acts, assignees=[cast.sina, cast.max])
    remove_member(member("sina"), actor=acts)
    names = olga.get(path).json()["assignees"]
    assert cast.sina.email in names
    sent = {"assignees": names, "title": "Another"}
    assert olga.patch(path, sent, format="json").status_code == 200
    assert set(abc[0].assignees.all()) == {cast.sina, cast.max}
    assert olga.patch(path, {"assignees": [cast.max.email]}, format="json").status_code == 200
    assert olga.patch(path, {"assignees": names}, format="json").status_code == 400
    other = olga.patch(f"{V1}/items/MED-2/", {"assignees": names}, format="json")
    assert pointers(other) == ["/assignees"]
