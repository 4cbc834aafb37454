"""Templates of suites: those that come with us fit, those of a product are made of its suites."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Activity, Actor, Product
from dataquality.engine import suites
from dataquality.models import Dataset, SuiteTemplate
from dataquality.queries.templates import find_template, templates_of
from dataquality.rules.templates import SHIPPED, Slot, Template, filled
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import present_expectations
from dataquality.services.templates import apply_template, preview_template, save_template
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, check, run_now, upload, work
from tests.rest import V1

TEMPLATES = f"{V1}/products/MED/suite-templates/"
APPLY = f"{V1}/datasets/MED/patients/suite/template/"
SUITE = "/p/MED/data/patients/suite/"
COLUMNS = [
    {"name": "id", "type": "integer", "null_words": []},
    {"name": "seen_at", "type": "datetime", "null_words": []},
    {"name": "born", "type": "date", "null_words": []},
    {"name": "figure", "type": "number", "null_words": []},
    {"name": "label", "type": "text", "null_words": []},
    {"name": "note", "type": "text", "null_words": []},
]


@pytest.mark.parametrize("template", SHIPPED, ids=lambda template: template.slug)
def test_what_comes_with_us_fits_columns_of_the_types_that_it_asks_for(template: Template) -> None:
    chosen = {
        slot.key: slot.fitting(COLUMNS)[: 2 if slot.is_many else 1] for slot in template.slots
    }
    assert all(chosen.values())
    checks = filled(template, chosen)
    assert len(checks) >= len(template.expectations)
    assert suites.problems(checks, COLUMNS) == []
    assert not any("{" in str(check["kwargs"].get("column", "")) for check in checks)


def test_a_check_stands_once_for_each_column_and_not_at_all_without_one() -> None:
    template = Template(
        "t", "T", "", [Slot("key", "Key"), Slot("more", "More", is_many=True)],
        [
            check("column_values_to_be_unique", column="{key}"),
            check("column_values_to_not_be_null", column="{more}"),
            check("compound_columns_to_be_unique", column_list=["{key}", "{more}"]),
        ],
    )  # fmt: skip
    assert filled(template, {}) == []
    assert [one["kwargs"] for one in filled(template, {"more": ["a", "b"]})] == [
        {"column": "a"}, {"column": "b"}
    ]  # fmt: skip
    both = filled(template, {"key": ["id"], "more": ["a", "b"]})
    assert [one["kwargs"] for one in both][-2:] == [
        {"column_list": ["id", "a"]}, {"column_list": ["id", "b"]}
    ]  # fmt: skip


def test_a_template_is_previewed_and_then_added_to_what_stands_there(
    with_suite: Dataset, product: Product, max_acts: Actor
) -> None:
    template = find_template(product, "tabular-basics")
    chosen = {"key": ["id"], "needed": ["age", "id"], "steady": ["nuclei"]}
    shown = preview_template(with_suite, template, chosen)
    assert len(present_expectations(with_suite)) == 2
    added = apply_template(with_suite, template, chosen, actor=max_acts)
    assert shown == added
    # The suite has a check of age already; of id the critical one is enough.
    assert added.known == ["age: Not null, at least 95 %"]
    assert [words.partition(":")[0] for words in added.copied] == ["id", "id", "nuclei"]
    kinds = [one["type"] for one in present_expectations(with_suite)]
    assert kinds[:2] == ["expect_column_values_to_be_in_set", "expect_column_values_to_not_be_null"]
    assert len(kinds) == 5
    work()
    assert run_now(with_suite, max_acts).state in {"passed", "failed"}


def test_wrong_columns_are_left_out_and_said(
    patients: Dataset, product: Product, max_acts: Actor
) -> None:
    template = find_template(product, "tabular-basics")
    found = preview_template(patients, template, {"key": ["nothing"]})
    assert found.copied == []
    assert {why for _, why in found.unfit} == {"There is no column nothing."}
    for chosen in ({}, {"key": ["id", "age"]}, {"keys": ["id"]}):
        with pytest.raises(DomainError):
            preview_template(patients, template, chosen)


def test_a_suite_becomes_a_template_for_other_columns(
    with_suite: Dataset, product: Product, max_acts: Actor
) -> None:
    saved = save_template(with_suite, "Clinic  basics", actor=max_acts)
    assert (saved.slug, saved.name) == ("clinic-basics", "Clinic basics")
    assert [slot["label"] for slot in saved.slots] == ["nuclei", "age"]
    assert "nuclei" not in str(saved.expectations)
    renamed = PATIENTS.replace("id,age,nuclei", "id,years,kernels")
    visits = register_dataset(product, DatasetDraft("Visits"), upload(renamed), actor=max_acts)
    template = find_template(product, "clinic-basics")
    chosen = {"c1": ["kernels"], "c2": ["years"]}
    assert len(apply_template(visits, template, chosen, actor=max_acts).copied) == 2
    assert [one["kwargs"]["column"] for one in present_expectations(visits)] == ["kernels", "years"]
    for name in ("Clinic basics", "Tabular basics", " "):
        with pytest.raises(ValidationError):
            save_template(with_suite, name, actor=max_acts)
    assert Activity.objects.filter(kind="suite_template.saved").count() == 1


def test_templates_by_rest(
    with_suite: Dataset, product: Product, other_product: Product, cast: Cast, api: Any
) -> None:
    max_ = api(cast.max)
    made = max_.post(TEMPLATES, {"dataset": "patients", "name": "Ages", "checks": [1]})
    assert (made.status_code, made.json()["slug"], made.json()["own"]) == (201, "ages", True)
    listed = max_.get(TEMPLATES).json()["templates"]
    assert [one["slug"] for one in listed] == ["ages", *(one.slug for one in SHIPPED)]
    wanted = {"template": "tabular-basics", "columns": {"key": ["id"]}}
    dry = max_.post(APPLY, {**wanted, "dry_run": True}, format="json").json()
    assert (dry["version"], len(dry["copied"])) == (1, 2)
    done = max_.post(APPLY, wanted, format="json").json()
    assert (done["version"], done["copied"]) == (2, dry["copied"])
    assert max_.post(APPLY, {**wanted, "template": "none"}, format="json").status_code == 404
    vera, sam = api(cast.vera), api(cast.sam)
    assert vera.get(TEMPLATES).status_code == 200
    assert vera.post(APPLY, wanted, format="json").status_code == 403
    assert vera.post(TEMPLATES, {"dataset": "patients", "name": "Mine"}).status_code == 403
    assert sam.get(TEMPLATES).status_code == 404
    own = sam.get(f"{V1}/products/SHOP/suite-templates/").json()["templates"]
    assert "ages" not in {one["slug"] for one in own}
    assert max_.delete(f"{TEMPLATES}tabular-basics/").status_code == 404
    assert max_.delete(f"{TEMPLATES}ages/").status_code == 204
    assert len(templates_of(product)) == len(SHIPPED)


def test_pages_lead_from_the_choice_to_the_checks(
    with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.max)
    assert "Tabular basics" in client.get(f"{SUITE}templates/").content.decode()
    page = f"{SUITE}templates/tabular-basics/"
    asked = client.get(page)
    assert asked.context["form"]["key"].value() == "id"
    preview = client.get(page, {"preview": "1", "key": "id", "needed": ["age"]})
    told = preview.content.decode()
    assert "Add 2 checks" in told
    assert "there" in told
    assert SuiteTemplate.objects.count() == 0
    done = client.post(page, {"key": "id", "needed": ["age"]}, follow=True)
    assert "2 checks were added to Patients." in done.content.decode()
    nothing = client.post(page, {"key": ""})
    assert nothing.status_code == 422
    assert "Choose columns" in nothing.content.decode()
    assert client.post(page, {"key": "nowhere"}).status_code == 422
    saved = client.post(f"{SUITE}as-template/", {"name": "Ours", "checks": ["0"]}, follow=True)
    assert "Ours is a template now." in saved.content.decode()
    assert client.post(f"{SUITE}as-template/", {"name": "Ours", "checks": ["0"]}).status_code == 422
    assert as_person(cast.vera).get(f"{SUITE}templates/").status_code == 403
    client.post(f"{SUITE}templates/ours/remove/")
    assert not SuiteTemplate.objects.exists()


def test_a_name_that_somebody_takes_meanwhile_is_refused_as_taken(
    with_suite: Dataset, product: Product, max_acts: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_else_saves(template: SuiteTemplate, exclude: Any = None) -> None:
        SuiteTemplate.objects.create(product=product, slug=template.slug, name=template.name)

    monkeypatch.setattr(SuiteTemplate, "clean_fields", somebody_else_saves)
    with pytest.raises(ValidationError, match="already a template"):
        save_template(with_suite, "Vitals", actor=max_acts)
