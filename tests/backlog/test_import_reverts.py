"""Taking back an import: what it did goes, what people did stays and is said, all of it at once."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from backlog.models import Activity, Actor, Comment, Import, Item, Job, Link, Product
from backlog.queries.imports import find_import
from backlog.services import import_reverts, imported_items, jobs
from backlog.services.import_reverts import request_revert
from backlog.services.imports import cancel_import, request_import
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    move_items,
    restore_item,
    trash_item,
)
from backlog.services.items import update_item as update
from backlog.services.ranks import Spot
from mlscrum.lib.errors import DomainError
from tests.backlog.imports import (
    brought,
    carried_out,
    csv_file,
    jira_file,
    jira_rows,
    plain_file,
    sent,
    taken_back,
)
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.e2e.conftest import work
from tests.rest import V1

BACKLOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "backlogs"
HEADER = ["key", "title", "points", "labels"]


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def max_(cast: Cast) -> Actor:
    return Actor.person(cast.max)


def item_of(product: Product, external_id: str) -> Item:
    item: Item = Item.objects.get(product=product, external_id=external_id)
    return item


def alive(product: Product) -> set[str]:
    return set(Item.objects.alive().filter(product=product).values_list("external_id", flat=True))


def outcomes(imported: Import) -> Counter[str]:
    return Counter(imported.lines.filter(row__gt=0).values_list("outcome", flat=True))


def kept(imported: Import) -> dict[int, list[str]]:
    """What the rows say of what was left alone."""
    said = {
        line.row: [each["message"] for each in line.problems if each["code"] == "kept"]
        for line in imported.lines.all()
    }
    return {row: sentences for row, sentences in said.items() if sentences}


def refused(code: str, work: Any, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(DomainError) as error:
        work(*args, **kwargs)
    assert error.value.code == code


# What it made ----------------------------------------------------------------------------------
def test_what_an_import_made_goes_into_the_trash_and_can_come_back(
    product: Product, olga: Actor
) -> None:
    create_item(product, ItemDraft("There before"), actor=olga)
    done = taken_back(brought(product, jira_file(), olga), olga)
    assert done.state == Import.State.REVERTED
    assert alive(product) == {""}
    assert done.reverted == {
        "deleted": 8,
        "given_back": 0,
        "kept": 0,
        "sprints": 0,
        "said": [],
        "more": 0,
    }
    assert done.reverter == olga.user
    [deed] = Activity.objects.filter(kind="import.reverted")
    assert (deed.user, deed.data["import"], deed.data["deleted"]) == (olga.user, done.pk, 8)
    restore_item(item_of(product, "VIS-2"), actor=olga)
    assert alive(product) == {"", "VIS-2"}


def test_importing_again_afterwards_brings_everything_back(product: Product, olga: Actor) -> None:
    taken_back(brought(product, jira_file(), olga), olga)
    again = brought(product, jira_file(), olga)
    assert outcomes(again) == {"updated": 8}
    assert len(alive(product)) == 8
    assert Comment.objects.count() == 2
    assert Link.objects.count() == 1
    done = taken_back(again, olga)
    assert done.reverted["deleted"] == 8


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        (lambda item, who: update(item, actor=who, title="Other"), "Max Berger has worked on it"),
        (lambda item, who: comment(item, "Look!", actor=who), "Max Berger has worked on it"),
        (lambda item, who: trash_and_back(item, who), "Max Berger has worked on it"),
        (lambda item, who: hang_below(item, who), "stands under it"),
    ],
)
def test_what_somebody_has_touched_since_stays_and_says_why(
    product: Product, olga: Actor, max_: Actor, deed: Any, why: str
) -> None:
    imported = brought(product, plain_file(3), olga)
    deed(item_of(product, "K-2"), max_)
    done = taken_back(imported, olga)
    assert "K-2" in alive(product)
    assert alive(product) & {"K-1", "K-3"} == set()
    [sentence] = kept(done)[3]
    assert why in sentence
    assert done.reverted["said"] == [sentence]
    assert (done.reverted["deleted"], done.reverted["kept"]) == (2, 1)


def trash_and_back(item: Item, who: Actor) -> None:
    trash_item(item, actor=who)
    restore_item(Item.objects.get(pk=item.pk), actor=who)


def hang_below(item: Item, who: Actor) -> None:
    create_item(item.product, ItemDraft("Below", kind="task", parent=item), actor=who)


def test_even_who_imported_it_has_touched_it(product: Product, olga: Actor) -> None:
    imported = brought(product, plain_file(2), olga)
    update(item_of(product, "K-1"), actor=olga, points=Decimal(13))
    done = taken_back(imported, olga)
    assert alive(product) == {"K-1"}
    assert "Olga" in kept(done)[2][0]


def test_another_place_in_the_list_is_no_change(product: Product, olga: Actor) -> None:
    imported = brought(product, plain_file(3), olga)
    move_items(product, [item_of(product, "K-3")], actor=olga, spot=Spot.top())
    taken_back(imported, olga)
    assert alive(product) == set()


def test_an_epic_stays_above_what_stays(product: Product, olga: Actor, max_: Actor) -> None:
    rows = [["key", "title", "type", "parent"], ["E-1", "Epic", "epic", ""],
            ["K-1", "Story", "story", "E-1"], ["K-2", "Task", "task", "K-1"]]  # fmt: skip
    imported = brought(product, csv_file(rows), olga)
    update(item_of(product, "K-2"), actor=max_, title="Task of Max")
    done = taken_back(imported, olga)
    assert alive(product) == {"E-1", "K-1", "K-2"}
    assert sorted(kept(done)) == [2, 3, 4]


# What it changed -------------------------------------------------------------------------------
def first_and_second(product: Product, olga: Actor, *, between: Any = None) -> Import:
    """An import that makes two items, and one that changes both."""
    brought(product, csv_file([HEADER, ["K-1", "One", "1", "a"], ["K-2", "Two", "2", ""]]), olga)
    if between:
        between()
    return brought(
        product,
        csv_file([HEADER, ["K-1", "Uno", "8", "a,b"], ["K-2", "Due", "", "c"]]),
        olga,
    )


def values(product: Product, external_id: str) -> tuple[str, Decimal | None, set[str]]:
    item = item_of(product, external_id)
    return item.title, item.points, {label.name for label in item.labels.all()}


def test_fields_hold_what_they_held_before(product: Product, olga: Actor) -> None:
    second = first_and_second(product, olga)
    assert values(product, "K-1") == ("Uno", Decimal(8), {"a", "b"})
    done = taken_back(second, olga)
    assert values(product, "K-1") == ("One", Decimal(1), {"a"})
    assert values(product, "K-2") == ("Two", Decimal(2), set())
    assert done.reverted == {
        "deleted": 0,
        "given_back": 2,
        "kept": 0,
        "sprints": 0,
        "said": [],
        "more": 0,
    }


def test_fields_that_somebody_has_changed_since_stay_by_themselves(
    product: Product, olga: Actor, max_: Actor
) -> None:
    second = first_and_second(product, olga)
    update(item_of(product, "K-1"), actor=max_, title="Eins")
    done = taken_back(second, olga)
    assert values(product, "K-1") == ("Eins", Decimal(1), {"a"})
    assert kept(done) == {2: [f"{item_of(product, 'K-1').ref} keeps its title: "
                              "Max Berger has changed it since."]}  # fmt: skip
    assert done.reverted["kept"] == 1


def test_the_same_file_is_news_again_but_for_what_was_left_alone(
    product: Product, olga: Actor, max_: Actor
) -> None:
    second = first_and_second(product, olga)
    update(item_of(product, "K-1"), actor=max_, title="Eins")
    taken_back(second, olga)
    third = brought(
        product,
        csv_file([HEADER, ["K-1", "Uno", "8", "a,b"], ["K-2", "Due", "", "c"]]),
        olga,
    )
    assert outcomes(third) == {"updated": 2}
    assert values(product, "K-1") == ("Eins", Decimal(8), {"a", "b"})
    assert values(product, "K-2") == ("Due", None, {"c"})


def test_what_people_had_made_before_an_import_holds_against_the_first_file_again(
    product: Product, olga: Actor, max_: Actor
) -> None:
    def rename() -> None:
        update(item_of(product, "K-1"), actor=max_, title="Eins")

    taken_back(first_and_second(product, olga, between=rename), olga)
    assert item_of(product, "K-1").title == "Eins"
    first = csv_file([HEADER, ["K-1", "One", "1", "a"], ["K-2", "Two", "2", ""]])
    assert outcomes(brought(product, first, olga)) == {"unchanged": 2}
    assert item_of(product, "K-1").title == "Eins"


def test_imports_are_reverted_one_behind_the_other(product: Product, olga: Actor) -> None:
    second = first_and_second(product, olga)
    first = product.imports.order_by("pk")[0]
    untimely = taken_back(first, olga)
    assert alive(product) == {"K-1", "K-2"}
    assert "another import has worked on it" in kept(untimely)[2][0]
    refused("reverted_before", request_revert, untimely, actor=olga)
    taken_back(second, olga)
    assert values(product, "K-1") == ("One", Decimal(1), {"a"})


def test_a_later_import_that_was_reverted_holds_up_nothing(product: Product, olga: Actor) -> None:
    second = first_and_second(product, olga)
    taken_back(second, olga)
    done = taken_back(product.imports.order_by("pk")[0], olga)
    assert alive(product) == set()
    assert done.reverted["deleted"] == 2


def test_comments_and_links_go_off_what_was_there_before(product: Product, olga: Actor) -> None:
    for key, title in (("K-1", "One"), ("K-2", "Two")):
        draft = ItemDraft(title, external_source="csv", external_id=key)
        create_item(product, draft, actor=olga)
    comment(item_of(product, "K-1"), "By Olga", actor=olga)
    header = ["key", "title", "blocks", "comment"]
    file = csv_file([header, ["K-1", "One", "K-2", "By the file"], ["K-2", "Two", "", ""]])
    imported = brought(product, file, olga)
    assert Comment.objects.count() == 2
    assert Link.objects.count() == 1
    done = taken_back(imported, olga)
    assert [said.text for said in Comment.objects.all()] == ["By Olga"]
    assert not Link.objects.exists()
    assert done.reverted["given_back"] == 2
    again = brought(product, file, olga)
    assert (Comment.objects.count(), Link.objects.count()) == (2, 1)
    assert outcomes(again) == {"updated": 1, "unchanged": 1}


def test_status_kind_and_parent_go_back_and_so_does_the_day_it_was_done(
    product: Product, olga: Actor
) -> None:
    header = ["key", "title", "type", "status", "parent", "done at"]
    first = csv_file([header, ["E-1", "Epic", "epic", "", "", ""],
                      ["K-1", "One", "story", "done", "E-1", "2024-05-02"]])  # fmt: skip
    brought(product, first, olga)
    was = item_of(product, "K-1")
    second = csv_file([header, ["E-1", "Epic", "epic", "", "", ""],
                       ["K-1", "One", "bug", "To do", "", ""]])  # fmt: skip
    imported = brought(product, second, olga)
    changed = item_of(product, "K-1")
    assert (changed.kind, changed.status.category, changed.parent) == ("bug", "todo", None)
    taken_back(imported, olga)
    back = item_of(product, "K-1")
    assert (back.kind, back.status, back.parent) == (was.kind, was.status, was.parent)
    assert back.done_at == was.done_at


def test_what_came_back_from_the_trash_goes_there_again(product: Product, olga: Actor) -> None:
    brought(product, plain_file(2), olga)
    trash_item(item_of(product, "K-1"), actor=olga)
    again = brought(product, plain_file(2), olga)
    assert alive(product) == {"K-1", "K-2"}
    taken_back(again, olga)
    assert alive(product) == {"K-2"}


# When it can't be ------------------------------------------------------------------------------
def test_what_is_under_way_or_has_not_begun_can_not_be_reverted(
    product: Product, olga: Actor
) -> None:
    imported = sent(product, plain_file(1), olga)
    refused("not_imported", request_revert, imported, actor=olga)
    asked = request_import(imported, actor=olga)
    refused("under_way", request_revert, asked, actor=olga)
    cancel_import(find_import(product, imported.pk), actor=olga)
    refused("nothing_imported", request_revert, find_import(product, imported.pk), actor=olga)
    done = carried_out(imported, olga)
    asked = request_revert(done, actor=olga)
    refused("under_way", request_revert, asked, actor=olga)
    assert asked.revert_job
    jobs.run(asked.revert_job.pk)
    refused("reverted_before", request_revert, find_import(product, done.pk), actor=olga)


def test_half_an_import_is_reverted_and_its_file_goes(
    product: Product,
    olga: Actor,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(imported_items, "AT_ONCE", 10)
    imported = sent(product, plain_file(25), olga)
    asked = request_import(imported, actor=olga)
    assert asked.job
    write = imported_items.write

    def then_cancel(*args: Any, **kwargs: Any) -> None:
        write(*args, **kwargs)
        cancel_import(find_import(product, imported.pk), actor=olga)

    monkeypatch.setattr("backlog.services.imports.write", then_cancel)
    jobs.run(asked.job.pk)
    assert len(alive(product)) == 10
    with django_capture_on_commit_callbacks(execute=True):
        done = taken_back(find_import(product, imported.pk), olga)
    assert (alive(product), done.file) == (set(), "")
    assert not [path for path in Path(default_storage.location).rglob("*") if path.is_file()]
    refused("reverted_before", request_import, done, actor=olga)


def test_a_revert_that_fails_leaves_everything_as_it_was(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = brought(product, plain_file(3), olga)
    last = import_reverts._Reverting._say

    def broken(_: Any) -> None:
        raise DomainError("no", "The disk is full.")

    monkeypatch.setattr(import_reverts._Reverting, "_say", broken)
    failed = taken_back(imported, olga)
    assert (failed.state, len(alive(product))) == (Import.State.DONE, 3)
    assert failed.failed_revert
    assert failed.failed_revert.message == "The disk is full."
    monkeypatch.setattr(import_reverts._Reverting, "_say", last)
    assert taken_back(failed, olga).state == Import.State.REVERTED


def test_a_revert_asks_again_whether_its_actor_may(
    product: Product, cast: Cast, olga: Actor
) -> None:
    from backlog.services.members import remove_member

    imported = brought(product, plain_file(1), olga)
    asked = request_revert(imported, actor=Actor.person(cast.sina))
    remove_member(product.members.get(user=cast.sina), actor=olga)
    assert asked.revert_job
    jobs.run(asked.revert_job.pk)
    assert Job.objects.get(pk=asked.revert_job.pk).error_code == "not_allowed"
    assert alive(product) == {"K-1"}


# Doors -----------------------------------------------------------------------------------------
def test_the_report_has_the_button_and_says_what_became_of_it(
    product: Product, cast: Cast, as_person: Any, olga: Actor, max_: Actor
) -> None:
    imported = brought(product, plain_file(2), olga)
    update(item_of(product, "K-2"), actor=max_, title="Other")
    here = f"/p/MED/imports/{imported.pk}/"
    assert "Revert this import" not in as_person(cast.max).get(here).content.decode()
    assert as_person(cast.max).post(f"{here}revert/").status_code == 403
    client = as_person(cast.sina)
    assert "Revert this import" in client.get(here).content.decode()
    assert client.post(f"{here}revert/").headers["Location"] == here
    assert "being reverted" in client.get(here).content.decode()
    work()
    html = client.get(here).content.decode()
    assert "1 item deleted" in " ".join(html.split())
    assert "Max Berger has worked on it since." in html
    assert "Revert this import" not in html
    report = b"".join(client.get(f"{here}report/").streaming_content).decode()
    assert "kept" in report
    assert "reverted" in client.get("/p/MED/imports/").content.decode()


def test_rest_reverts_and_says_so_the_second_time(
    product: Product, cast: Cast, api: Any, olga: Actor
) -> None:
    imported = brought(product, plain_file(2), olga)
    here = f"{V1}/products/MED/imports/{imported.pk}/"
    client = api(cast.olga)
    assert client.get(here).json()["reverted"] is None
    answer = client.post(f"{here}revert/")
    assert (answer.status_code, answer.json()["state"]) == (202, "reverting")
    work()
    shown = client.get(here).json()
    assert (shown["state"], shown["reverted"]["deleted"]) == ("reverted", 2)
    again = client.post(f"{here}revert/")
    assert (again.status_code, again.json()["code"]) == (409, "reverted_before")


# Real backlogs ---------------------------------------------------------------------------------
@pytest.mark.skipif(not BACKLOGS.is_dir(), reason="the shared backlogs are not here")
@pytest.mark.parametrize(("name", "rows"), [("mesos", 1680), ("moodle", 1166), ("springxd", 3526)])
def test_real_backlogs_come_in_stay_and_go(
    product: Product, olga: Actor, settings: Any, name: str, rows: int
) -> None:
    settings.JOB_LEASE_S = 600  # the test's transaction would hold up the heartbeat
    content = (BACKLOGS / f"{name}.csv").read_bytes()
    first = brought(product, content, olga)
    assert outcomes(first) == {"new": rows}
    again = brought(product, content, olga)
    assert outcomes(again) == {"unchanged": rows}
    assert taken_back(again, olga).reverted["deleted"] == 0
    done = taken_back(first, olga)
    assert (done.reverted["deleted"], alive(product)) == (rows, set())


def test_the_number_of_queries_does_not_grow_with_the_rows(
    product: Product, olga: Actor, django_assert_max_num_queries: Any
) -> None:
    asked = request_revert(brought(product, plain_file(400), olga), actor=olga)
    assert asked.revert_job
    with django_assert_max_num_queries(60):
        jobs.run(asked.revert_job.pk)


def test_files_changed_by_hundreds_go_back_in_as_few_queries(
    product: Product, olga: Actor, django_assert_max_num_queries: Any
) -> None:
    brought(product, plain_file(300), olga)
    changed = [["key", "title"], *([f"K-{n}", f"New {n}"] for n in range(1, 301))]
    second = brought(product, csv_file(changed), olga)
    asked = request_revert(second, actor=olga)
    assert asked.revert_job
    with django_assert_max_num_queries(70):
        jobs.run(asked.revert_job.pk)
    assert Item.objects.filter(title__startswith="New").count() == 0


def test_jira_rows_that_changed_go_back_with_all_their_fields(
    product: Product, olga: Actor
) -> None:
    brought(product, jira_file(), olga)
    names = [*values_of_fields()]
    before = {item.external_id: shown(item, names) for item in product.items.all()}
    rows = jira_rows()
    for row in rows:
        row[0] = f"{row[0]}!"
        row[4] = "Done"
        row[6] = "Low"
        row[10] = "01/Jun/24"
        row[14] = "Another text"
    second = brought(product, jira_file(rows=rows), olga)
    assert outcomes(second) == {"updated": 8}
    taken_back(second, olga)
    assert {item.external_id: shown(item, names) for item in product.items.all()} == before


def values_of_fields() -> tuple[str, ...]:
    from backlog.queries.items import PLAIN, SETS

    return (*PLAIN, *SETS)


def shown(item: Item, names: list[str]) -> dict[str, Any]:
    from backlog.queries.items import values_of

    return {**values_of(item, names), "extra": item.extra}
