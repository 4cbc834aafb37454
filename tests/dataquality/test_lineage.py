"""What depends on a dataset: said in one list, of each product its own; and what columns break."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from backlog.models import Activity, Actor, Finding, Item, Product, Scope
from backlog.queries.lineage import Dependent, lineage_of, register
from backlog.services.items import ItemDraft, create_item, trash_item
from backlog.services.terms import delete_term, propose_term, redefine
from dataquality.models import Dataset, Dependence, Schedule
from dataquality.queries.lineage import dataset_lineage
from dataquality.rules.columns import named_columns, with_columns
from dataquality.services import columns
from dataquality.services.columns import accept_columns, report_columns
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from dataquality.services.lineage import depend_on
from dataquality.services.schedules import remove_schedule
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from mlscrum.lib.errors import DomainError
from sprints.services.sprints import create_sprint
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, NUCLEI_IN_SET, PATIENTS, run_now, upload, work
from tests.dataquality.test_shared_data import shop as shop  # noqa: PLC0414  a fixture
from tests.rest import V1, queries

LINEAGE = f"{V1}/datasets/MED/patients/lineage/"
SHARED = f"{V1}/products/SHOP/shared-datasets/MED/patients/lineage/"
WITHOUT_AGE = "id,nuclei,weight\n" + "".join(f"{n},{n % 10 + 1},{50 + n}.5\n" for n in range(1, 21))


@pytest.fixture
def item(product: Product, cast: Cast) -> Item:
    return create_item(product, ItemDraft("Train the model"), actor=Actor.person(cast.olga))


def names(dataset: Dataset) -> dict[str, list[str]]:
    return {
        group.kind: [one.ref or one.name for one in group.dependents]
        for group in dataset_lineage(dataset).groups
    }


def test_each_floor_says_what_of_its_own_depends_on_a_dataset(
    with_suite: Dataset, item: Item, product: Product, cast: Cast, max_acts: Actor
) -> None:
    run_now(with_suite, max_acts)
    filed = Finding.objects.filter(item__isnull=False).first()
    assert filed is not None
    assert filed.item is not None
    depend_on(item, with_suite, actor=max_acts)
    create_sprint(
        product.teams.get(), actor=Actor.person(cast.sina), name="Clean", kind="data_assessment",
        subjects=[with_suite.subject],
    )  # fmt: skip
    propose_term(product, "Age", "In years.", actor=max_acts, columns=[(with_suite.subject, "age")])
    dataset = Dataset.objects.of(product).get()
    found = names(dataset)
    assert list(found) == ["item", "sprint", "check", "term", "setting"]
    assert found["item"][0] in {item.ref, filed.item.ref}
    assert item.ref in found["item"]
    assert (found["sprint"], found["term"], found["setting"]) == (["Clean"], ["Age"], ["Key"])
    checks = next(g for g in dataset_lineage(dataset).groups if g.kind == "check")
    assert [one.columns for one in checks.dependents] == [["nuclei"], ["age"]]


def test_a_later_floor_adds_its_kind_and_one_thing_is_listed_once(
    patients: Dataset, item: Item, product: Product, max_acts: Actor, monkeypatch: Any
) -> None:
    monkeypatch.setattr("backlog.queries.lineage._kinds", {})
    page = f"/p/MED/items/{item.ref}/"
    register("model", "Models", 5, lambda subject, product: [Dependent("Reader", "learns of it")])
    register("item", "Items", 10, lambda subject, product: [Dependent("A", "mends it", url=page)])
    register("item", "Items", 10, lambda subject, product: [
        Dependent("A", "depends on it", url=page, by_hand=True)
    ])  # fmt: skip
    models, items = lineage_of(patients.subject, product)
    assert (models.kind, items.kind) == ("model", "item")
    (one,) = items.dependents
    assert (one.how, one.by_hand) == ("mends it, depends on it", True)


def test_what_is_cut_says_so_and_what_people_said_comes_first(
    patients: Dataset, cast: Cast, product: Product, max_acts: Actor, api: Any, as_person: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    olga = Actor.person(cast.olga)
    filed = [create_item(product, ItemDraft(f"Mend {n}"), actor=olga) for n in range(3)]
    for number, item in enumerate(filed):
        red = Finding.objects.create(
            product=product, source="ci", fingerprint=str(number), subject=patients.subject,
            severity="warning", priority="P3", item=item, first_seen=item.created_at,
            last_seen=item.created_at, last_batch_at=item.created_at,
            last_failed_at=item.created_at,
        )  # fmt: skip
        assert red.state == "open"
    said = create_item(product, ItemDraft("Train"), actor=olga)
    depend_on(said, patients, actor=max_acts)
    monkeypatch.setattr("backlog.queries.lineage.SHOWN_ON_A_PAGE", 2)
    page = "/p/MED/data/patients/"

    (items,) = [one for one in dataset_lineage(patients).groups if one.kind == "item"]
    assert (items.dependents[0].ref, items.count, items.rest) == (said.ref, "4", "and 2 more")
    assert not api(cast.max).get(LINEAGE).json()["more"]
    monkeypatch.setattr("backlog.queries.lineage.MOST_SHOWN", 2)
    answer = api(cast.max).get(LINEAGE).json()
    (sent,) = [one for one in answer["groups"] if one["kind"] == "item"]
    assert (len(sent["dependents"]), sent["more"], answer["more"]) == (3, True, True)
    told = as_person(cast.max).get(page).content.decode()
    assert "and 1+ more" in told
    assert '<span class="muted">3+</span>' in told
    # What people have said they can take back, however much it is.
    for item in filed[:2]:
        depend_on(item, patients, actor=max_acts)
    monkeypatch.setattr("backlog.queries.lineage.SHOWN_ON_A_PAGE", 1)
    monkeypatch.setattr("backlog.queries.lineage.MOST_SHOWN", 100)
    told = as_person(cast.max).get(page).content.decode()
    assert told.count('class="lineage-remove"') == 3


def test_people_say_by_rest_what_depends_on_it(
    with_suite: Dataset, item: Item, cast: Cast, api: Any
) -> None:
    max_ = api(cast.max)
    for _ in range(2):
        answer = max_.post(LINEAGE, {"item": item.ref})
        assert answer.status_code == 200, answer.content
    (items,) = [group for group in answer.json()["groups"] if group["kind"] == "item"]
    assert [one["ref"] for one in items["dependents"]] == [item.ref]
    assert Activity.objects.filter(kind="item.depends_on_data").count() == 1
    assert max_.post(LINEAGE, {"item": "SHOP-1"}).status_code == 400
    assert api(cast.vera).post(LINEAGE, {"item": item.ref}).status_code == 403
    assert api(cast.vera).get(LINEAGE).status_code == 200
    assert api(cast.sam).get(LINEAGE).status_code == 404
    assert max_.delete(f"{LINEAGE}{item.ref}/").status_code == 204
    assert not Dependence.objects.exists()


def test_pages_show_it_and_take_items(
    with_suite: Dataset, item: Item, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.max)
    page = "/p/MED/data/patients/"
    assert client.post(f"{page}dependents/", {"ref": str(item.number)}).status_code == 302
    told = client.get(page).content.decode()
    assert item.title in told
    assert "depends on it" in told
    assert "Data it depends on" in client.get(f"/p/MED/items/{item.ref}/").content.decode()
    wrong = client.post(f"{page}dependents/", {"ref": "MED-999"}, follow=True)
    assert "There is no item MED-999 here" in wrong.content.decode()
    client.post(f"{page}dependents/{item.ref}/remove/")
    assert not Dependence.objects.exists()


def test_the_other_product_says_it_of_its_own_items_and_the_owner_counts_them(
    with_suite: Dataset, shop: Product, cast: Cast, api: Any, as_person: Any, max_acts: Actor
) -> None:
    theirs = create_item(shop, ItemDraft("Secret recommender"), actor=Actor.person(cast.sam))
    with pytest.raises(DomainError):
        depend_on(theirs, with_suite, actor=max_acts)
    update_dataset(with_suite, actor=max_acts, shared_with=[shop])
    sam = api(cast.sam)
    answer = sam.post(SHARED, {"item": theirs.ref}).json()
    assert [group["kind"] for group in answer["groups"]] == ["item"]
    assert answer["groups"][0]["dependents"][0]["ref"] == theirs.ref
    assert answer["column_changes"] == {"gone": [], "new": []}
    browser = as_person(cast.sam)
    assert (
        "shared by Diagnosis model" in browser.get(f"/p/SHOP/items/{theirs.ref}/").content.decode()
    )
    own = api(cast.olga).get(LINEAGE)
    readers = next(group for group in own.json()["groups"] if group["kind"] == "product")
    assert readers["dependents"][0]["name"] == "Recommender"
    assert readers["dependents"][0]["how"] == "1 item depends on it"
    assert b"Secret" not in own.content
    # Shared no more, nothing of it is left on either side.
    update_dataset(with_suite, actor=max_acts, shared_with=[])
    assert sam.get(SHARED).status_code == 404
    told = browser.get(f"/p/SHOP/items/{theirs.ref}/").content.decode()
    assert "Patients" not in told.partition("History")[0]
    kinds = [group["kind"] for group in api(cast.olga).get(LINEAGE).json()["groups"]]
    assert "product" not in kinds


@pytest.mark.parametrize(("scope", "told"), [(Scope.EVIDENCE, 403), (Scope.READ, 200)])
def test_a_token_of_evidence_alone_reads_no_titles_of_items(
    with_suite: Dataset, product: Product, shop: Product, max_acts: Actor, api: Any,
    scope: Scope, told: int,
) -> None:  # fmt: skip
    update_dataset(with_suite, actor=max_acts, shared_with=[shop])
    assert api(product=product, scopes=(scope,)).get(LINEAGE).status_code == told
    assert api(product=shop, scopes=(scope,)).get(SHARED).status_code == told


def test_items_in_the_trash_depend_on_nothing(
    patients: Dataset, item: Item, max_acts: Actor, cast: Cast
) -> None:
    depend_on(item, patients, actor=max_acts)
    trash_item(item, actor=Actor.person(cast.olga))
    assert "item" not in names(patients)


def test_a_column_in_use_that_is_gone_is_a_finding_until_it_is_back(
    with_suite: Dataset, product: Product, max_acts: Actor
) -> None:
    save_suite(with_suite, [AGE_NOT_NULL], actor=max_acts)
    assert report_columns(timezone.now()) == 1
    assert report_columns(timezone.now()) == 0
    add_version(with_suite, upload(WITHOUT_AGE), actor=max_acts)
    assert report_columns(timezone.now()) == 1
    finding = Finding.objects.get(source="schema")
    assert finding.title == "Patients: the column age is gone, and in use"
    assert (finding.state, finding.severity, finding.priority) == ("open", "critical", "P1")
    assert finding.evidence["used_by"] == ["a check"]
    assert finding.item is not None
    add_version(with_suite, upload(PATIENTS), actor=max_acts)
    report_columns(timezone.now())
    finding.refresh_from_db()
    assert (finding.state, finding.resolved_reason) == ("resolved", "green")


@pytest.mark.parametrize("used_as", ["key", "mask", "term"])
def test_keys_masks_and_words_are_uses_too(
    patients: Dataset, product: Product, max_acts: Actor, used_as: str
) -> None:
    if used_as == "term":
        propose_term(
            product, "Age", "In years.", actor=max_acts, columns=[(patients.subject, "age")]
        )
    else:
        name = "key_columns" if used_as == "key" else "masked_columns"
        update_dataset(patients, actor=max_acts, **{name: ["id", "age"]})
    add_version(patients, upload(WITHOUT_AGE), actor=max_acts)
    report_columns(timezone.now())
    finding = Finding.objects.get(source="schema")
    wanted = {"key": "its key", "mask": "its mask", "term": "the term Age"}
    assert finding.evidence["used_by"] == [wanted[used_as]]


def test_what_nothing_names_any_more_is_said_no_more(
    with_suite: Dataset, product: Product, max_acts: Actor
) -> None:
    add_version(with_suite, upload(WITHOUT_AGE), actor=max_acts)
    report_columns(timezone.now())
    assert Finding.objects.get(source="schema").state == "open"
    dataset = Dataset.objects.of(product).get()
    save_suite(dataset, [NUCLEI_IN_SET], actor=max_acts)
    report_columns(timezone.now())
    assert Finding.objects.get(source="schema").state == "resolved"


def test_a_column_that_nothing_names_makes_no_finding(patients: Dataset, max_acts: Actor) -> None:
    add_version(patients, upload(WITHOUT_AGE), actor=max_acts)
    report_columns(timezone.now())
    assert not Finding.objects.filter(source="schema").exists()


@pytest.mark.parametrize("taken_away", ["its column", "the word"])
def test_a_word_that_names_a_gone_column_is_a_use_as_long_as_it_does(
    patients: Dataset, product: Product, max_acts: Actor, taken_away: str
) -> None:
    add_version(patients, upload(WITHOUT_AGE), actor=max_acts)
    assert report_columns(timezone.now()) == 1
    term = propose_term(
        product, "Age", "In years.", actor=max_acts, columns=[(patients.subject, "age")]
    )
    assert report_columns(timezone.now()) == 1
    finding = Finding.objects.get(source="schema")
    assert (finding.state, finding.evidence["used_by"]) == ("open", ["the term Age"])
    redefine(term, definition="In full years.", actor=max_acts)
    assert report_columns(timezone.now()) == 0
    if taken_away == "its column":
        redefine(term, columns=[], actor=max_acts)
    else:
        delete_term(term, actor=max_acts)
    assert report_columns(timezone.now()) == 1
    finding.refresh_from_db()
    assert finding.state == "resolved"


def test_a_schedule_that_watches_a_gone_column_is_a_use_as_long_as_it_is_set(
    patients: Dataset, max_acts: Actor
) -> None:
    Schedule.objects.create(dataset=patients, cron="@daily", zone="UTC", watch_column="age")
    add_version(patients, upload(WITHOUT_AGE), actor=max_acts)
    report_columns(timezone.now())
    finding = Finding.objects.get(source="schema")
    assert (finding.state, finding.evidence["used_by"]) == ("open", ["its schedule"])
    remove_schedule(patients, actor=max_acts)
    report_columns(timezone.now())
    finding.refresh_from_db()
    assert finding.state == "resolved"


def test_a_dataset_that_can_not_be_judged_keeps_no_other_from_it(
    with_suite: Dataset, product: Product, max_acts: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = with_suite
    other = register_dataset(product, DatasetDraft(name="Other"), upload(PATIENTS), actor=max_acts)
    save_suite(other, [AGE_NOT_NULL], actor=max_acts)
    add_version(other, upload(WITHOUT_AGE), actor=max_acts)
    judge = columns.column_changes

    def fail(dataset: Dataset, uses: Any) -> Any:
        if dataset.pk == spoilt.pk:
            raise KeyError("name")
        return judge(dataset, uses)

    monkeypatch.setattr(columns, "column_changes", fail)
    monkeypatch.setattr(columns, "AT_ONCE", 1)
    assert [report_columns(timezone.now()) for _ in range(3)] == [1, 1, 0]
    assert Finding.objects.get(source="schema").subject == other.subject
    # Its new content is looked at, and a database that is away is nobody's fault.
    add_version(spoilt, upload(WITHOUT_AGE), actor=max_acts)
    assert report_columns(timezone.now()) == 1

    def cut_off(dataset: Dataset, uses: Any) -> Any:
        raise OperationalError("the database is away")

    monkeypatch.setattr(columns, "column_changes", cut_off)
    Dataset.objects.update(judged_version=0)
    with pytest.raises(OperationalError):
        report_columns(timezone.now())
    assert set(Dataset.objects.values_list("judged_version", flat=True)) == {0}


def test_the_newest_columns_are_taken_over_as_far_as_nothing_breaks(
    with_suite: Dataset, product: Product, cast: Cast, api: Any, as_person: Any, max_acts: Actor
) -> None:
    add_version(with_suite, upload(WITHOUT_AGE.replace("nuclei", "kernels")), actor=max_acts)
    save_suite(Dataset.objects.of(product).get(), [AGE_NOT_NULL], actor=max_acts)
    changes = api(cast.max).get(LINEAGE).json()["column_changes"]
    assert changes["gone"] == [
        {"name": "age", "used_by": ["a check"]}, {"name": "nuclei", "used_by": []}
    ]  # fmt: skip
    assert changes["new"] == [
        {"name": "kernels", "type": "integer"}, {"name": "weight", "type": "number"}
    ]  # fmt: skip
    told = as_person(cast.max).get("/p/MED/data/patients/").content.decode()
    assert "breaks a check" in told
    accept = f"{V1}/datasets/MED/patients/schema/accept/"
    assert api(cast.vera).post(accept).status_code == 403
    assert api(cast.max).post(accept).status_code == 200
    dataset = Dataset.objects.of(product).get()
    assert dataset.column_names == ["id", "age", "kernels", "weight"]
    with pytest.raises(DomainError):
        accept_columns(dataset, actor=max_acts)


def test_before_a_column_is_read_anew_the_profile_says_what_names_it(
    with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    work()
    told = as_person(cast.max).get("/p/MED/data/patients/profile/").content.decode()
    assert told.count("named by a check") == 2
    assert told.count("named by its key") == 1


def test_the_page_takes_as_many_queries_for_many_as_for_one(
    with_suite: Dataset, product: Product, cast: Cast, as_person: Any, api: Any, max_acts: Actor
) -> None:
    def more() -> None:
        made = create_item(product, ItemDraft("Train"), actor=Actor.person(cast.olga))
        depend_on(made, with_suite, actor=max_acts)
        propose_term(
            product, f"Age {made.number}", "In years.", actor=max_acts,
            columns=[(with_suite.subject, "age")],
        )  # fmt: skip

    more()
    few = (queries(as_person(cast.max), "/p/MED/data/patients/"), queries(api(cast.max), LINEAGE))
    for _ in range(3):
        more()
    assert few == (
        queries(as_person(cast.max), "/p/MED/data/patients/"),
        queries(api(cast.max), LINEAGE),
    )


def test_columns_are_found_and_renamed_wherever_a_check_names_them() -> None:
    condition = {
        "type": "and",
        "conditions": [
            {"type": "nullity", "column": {"name": "d"}, "is_null": False},
            {"type": "comparison", "column": {"name": "a"}, "operator": ">", "parameter": 1},
        ],
    }
    kwargs = {"column_A": "a", "column_B": "b", "column_list": ["c"], "row_condition": condition}
    assert named_columns(kwargs) == ["a", "b", "c", "d"]
    renamed = with_columns(kwargs, str.upper)
    assert named_columns(renamed) == ["A", "B", "C", "D"]
    assert renamed["row_condition"]["conditions"][1]["parameter"] == 1
    assert named_columns(kwargs) == ["a", "b", "c", "d"]
