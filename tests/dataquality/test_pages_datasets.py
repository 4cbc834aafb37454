"""Pages of datasets: the list, registering good and bad files, settings that ask once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Product
from dataquality.models import Dataset, Result
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import (
    AGE_NOT_NULL,
    NUCLEI_IN_SET,
    PATIENTS,
    check,
    run_now,
    upload,
    work,
)

DATA = "/p/MED/data/"
NEW = f"{DATA}new/"
PAGE = f"{DATA}patients/"
ANSWERS = {"name": "Cells", "source": "upload", "personal_data": "no", "sample_policy": "values"}


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


def file(content: str | bytes, name: str = "cells.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# Registering ----------------------------------------------------------------------------------


def test_a_file_is_registered_and_its_profile_asked_for(product: Product, max_: Client) -> None:
    answer = max_.post(NEW, {**ANSWERS, "key_columns": "id", "file": file(PATIENTS)})
    assert answer["Location"] == f"{DATA}cells/profile/"
    dataset = Dataset.objects.get()
    assert (dataset.personal_data, dataset.key_columns) == (False, ["id"])
    work()
    assert "Suggested checks" in words_of(max_.get(answer["Location"]))


ODD = "na me,größe,a.b,`c`\n1,2,3,4\n"
BAD_FILES: list[tuple[bytes, str, str]] = [
    (b"", "empty.csv", "empty"),
    (b"a,b\n1,2\n3\n", "ragged.csv", "Line 3 has 1 field and"),
    ("a,b\n1,größe\n".encode("latin-1"), "latin.csv", "UTF-8"),
    (b"no parquet at all", "cells.parquet", "Parquet"),
    (b"a,a\n1,2\n", "twice.csv", "a"),
    (b"\x89PNG\r\n", "picture.png", "must end in .csv, .parquet or .jsonl"),
    (b'{"a": 1}\nnot json\n', "cells.jsonl", "ine 2"),
]


@pytest.mark.parametrize(("content", "name", "said"), BAD_FILES, ids=[f[1] for f in BAD_FILES])
def test_a_file_that_can_not_be_read_is_refused_at_its_field(
    product: Product,
    max_: Client,
    stored_files: Callable[[], list[str]],
    content: bytes,
    name: str,
    said: str,
) -> None:
    answer = max_.post(NEW, {**ANSWERS, "file": file(content, name)})
    assert answer.status_code == 422
    [error] = answer.context["form"].errors["file"]
    assert said in error
    assert not Dataset.objects.exists()
    assert stored_files() == []


def test_a_file_that_is_too_large_is_refused(product: Product, max_: Client, settings: Any) -> None:
    settings.UPLOAD_LIMIT_MB = 1
    answer = max_.post(NEW, {**ANSWERS, "file": file(b"a\n" + b"1\n" * 600_000)})
    assert answer.status_code in {413, 422}
    assert "larger than 1 MB" in words_of(answer)
    assert not Dataset.objects.exists()


def test_wide_files_and_odd_names_are_registered(product: Product, max_: Client) -> None:
    names = ",".join(f"c{number}" for number in range(200))
    wide = f"{names}\n{','.join(['1'] * 200)}\n"
    assert max_.post(NEW, {**ANSWERS, "file": file(wide)}).status_code == 302
    assert max_.post(NEW, {**ANSWERS, "name": "Odd", "file": file(ODD)}).status_code == 302
    work()
    for slug in ("cells", "odd"):
        page = words_of(max_.get(f"{DATA}{slug}/profile/"))
        assert "Suggested checks" in page
    assert "größe" in page


@pytest.fixture
def sources(settings: Any) -> Path:
    folder: Path = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    return folder


def test_a_path_on_the_server_is_registered_and_read_again(
    product: Product, max_: Client, sources: Path
) -> None:
    (sources / "cells.csv").write_text(PATIENTS)
    answer = max_.post(NEW, {**ANSWERS, "source": "path", "path": "cells.csv"})
    assert answer["Location"] == f"{DATA}cells/profile/"
    again = f"{DATA}cells/versions/read/"
    same = max_.post(again, follow=True)
    assert "This is the content of version 1; nothing new came in." in words_of(same)
    (sources / "cells.csv").write_text(PATIENTS + "21,41,1\n")
    assert "Version 2 is in, with 21 rows." in words_of(max_.post(again, follow=True))


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", "link.csv", "gone.csv", ""])
def test_a_path_that_leads_out_is_refused_at_its_field(
    product: Product, max_: Client, sources: Path, tmp_path: Path, path: str
) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text(PATIENTS)
    os.symlink(outside, sources / "link.csv")
    answer = max_.post(NEW, {**ANSWERS, "source": "path", "path": path})
    assert answer.status_code == 422
    assert "path" in answer.context["form"].errors
    assert not Dataset.objects.exists()


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"name": ""}, "name", ""),
        ({"name": "x" * 121}, "name", "120"),
        ({"personal_data": ""}, "personal_data", "Answer yes or no"),
        ({"key_columns": "gone"}, "key_columns", "There is no column gone."),
        ({"file": ""}, "file", "Choose a file."),
    ],
)
def test_a_wrong_answer_is_said_at_its_field(
    product: Product, max_: Client, change: dict[str, Any], field: str, said: str
) -> None:
    answer = max_.post(NEW, {**ANSWERS, "file": file(PATIENTS), **change})
    assert answer.status_code == 422
    assert said in answer.context["form"].errors[field][0]
    assert "maxlength" not in answer.content.decode()


def test_a_stakeholder_registers_nothing(product: Product, as_person: Any, cast: Cast) -> None:
    vera = as_person(cast.vera)
    assert vera.get(NEW).status_code == 403
    assert "The team registers datasets here." in words_of(vera.get(DATA))


# The list -------------------------------------------------------------------------------------


def test_datasets_of_one_name_are_told_apart(
    patients: Dataset, product: Product, max_: Client, max_acts: Actor
) -> None:
    assert "patients-2" not in words_of(max_.get(DATA))
    register_dataset(product, DatasetDraft(name="Patients"), upload("a\n1\n"), actor=max_acts)
    page = words_of(max_.get(DATA))
    assert '<span class="mono muted small">patients-2</span>' in page
    assert "v1 <span" in page


# Settings -------------------------------------------------------------------------------------


def answers(client: Client, **change: Any) -> dict[str, Any]:
    """What the settings form would send back, with something changed."""
    form = client.get(f"{PAGE}settings/").context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent["personal_data"] = "on" if sent["personal_data"] else ""
    return {name: value for name, value in {**sent, **change}.items() if value is not None}


def test_settings_are_saved(patients: Dataset, max_: Client) -> None:
    wanted = answers(max_, name="Patients of May", health_target="90", green_batches="2")
    assert max_.post(f"{PAGE}settings/", wanted)["Location"] == PAGE
    dataset = Dataset.objects.of(patients.product).get()
    assert (dataset.name, dataset.health_target, dataset.subject.green_batches) == (
        "Patients of May",
        90,
        2,
    )


def test_an_old_page_of_settings_takes_nothing_back(
    patients: Dataset, max_: Client, max_acts: Actor, cast: Cast
) -> None:
    page = max_.get(f"{PAGE}settings/").content.decode()
    sent = answers(max_, name="Patients of May", description="")
    before = {
        f"initial-{name}": "True" if value == "on" else value
        for name, value in answers(max_).items()
    }
    assert all(f'name="{name}"' in page for name in before if name != "initial-value_viewers")
    update_dataset(
        patients,
        actor=max_acts,
        sample_policy="none",
        description="One row per case.",
        value_viewers=[cast.vera],
    )
    assert max_.post(f"{PAGE}settings/", {**sent, **before}).status_code == 302
    dataset = Dataset.objects.of(patients.product).get()
    assert (dataset.name, dataset.description) == ("Patients of May", "One row per case.")
    assert dataset.sample_policy == "none"
    assert list(dataset.value_viewers.all()) == [cast.vera]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"health_target": "101"}, "health_target"),
        ({"green_batches": "0"}, "green_batches"),
        ({"key_columns": "gone"}, "key_columns"),
        ({"masked_columns": "gone"}, "masked_columns"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_bad_settings_are_refused_at_their_field(
    patients: Dataset, max_: Client, change: dict[str, str], field: str
) -> None:
    answer = max_.post(f"{PAGE}settings/", answers(max_, **change))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors


@pytest.mark.parametrize("change", [{"sample_policy": "keys"}, {"masked_columns": "nuclei"}])
def test_a_stricter_policy_asks_once_before_it_removes_values(
    with_suite: Dataset, max_: Client, max_acts: Actor, change: dict[str, str]
) -> None:
    run_now(with_suite, max_acts)
    wanted = answers(max_, **change)
    answer = max_.post(f"{PAGE}settings/", wanted)
    assert answer.status_code == 422
    assert "Remove kept values of 1 run for good" in words_of(answer)
    assert Result.objects.exclude(sample=[]).exists()
    assert max_.post(f"{PAGE}settings/", {**wanted, "sure": "on"}).status_code == 302
    kept = [row for result in Result.objects.all() for row in result.sample]
    assert not any("nuclei" in row for row in kept)


def test_a_stricter_policy_where_nothing_is_kept_asks_nothing(
    patients: Dataset, max_: Client
) -> None:
    assert max_.post(f"{PAGE}settings/", answers(max_, sample_policy="none")).status_code == 302


# Queries --------------------------------------------------------------------------------------


@contextmanager
def as_many(client: Client, path: str) -> Iterator[None]:
    """However much the block adds, the page takes the same number of queries."""
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        assert client.get(path).status_code == 200
    yield
    with CaptureQueriesContext(connection) as many:
        assert client.get(path).status_code == 200
    assert len(many) == len(few)


def test_the_list_takes_the_same_queries_for_many(
    with_suite: Dataset, product: Product, max_: Client, max_acts: Actor
) -> None:
    run_now(with_suite, max_acts)
    with as_many(max_, DATA):
        for name in ("Cells", "Scans", "Labs"):
            dataset = register_dataset(
                product, DatasetDraft(name=name), upload(PATIENTS), actor=max_acts
            )
            save_suite(dataset, [NUCLEI_IN_SET], actor=max_acts)
            run_now(dataset, max_acts)


@pytest.mark.parametrize("tab", ["", "runs/", "versions/"])
def test_pages_of_a_dataset_take_the_same_queries_for_many_runs_and_versions(
    with_suite: Dataset, max_: Client, max_acts: Actor, tab: str
) -> None:
    run_now(with_suite, max_acts)
    add_version(with_suite, upload(PATIENTS + "21,41,?\n"), actor=max_acts)
    run_now(with_suite, max_acts)
    run_now(with_suite, max_acts)
    with as_many(max_, f"{PAGE}{tab}"):
        for number in range(22, 25):
            add_version(with_suite, upload(f"{PATIENTS}{number},41,?\n"), actor=max_acts)
            run_now(with_suite, max_acts)
            run_now(with_suite, max_acts)


def test_suite_and_run_take_the_same_queries_for_many_checks(
    with_suite: Dataset, max_: Client, max_acts: Actor
) -> None:
    many = [
        check("column_values_to_be_between", column=name, max_value=bound)
        for name in ("id", "age")
        for bound in (1, 2)
    ]
    run = run_now(with_suite, max_acts)
    with as_many(max_, f"{PAGE}suite/"):
        save_suite(with_suite, [NUCLEI_IN_SET, AGE_NOT_NULL, *many], actor=max_acts)
    run = run_now(with_suite, max_acts)
    path = f"/p/MED/runs/{run.pk}/"
    max_.get(path)
    with CaptureQueriesContext(connection) as few:
        max_.get(path)
    other = [
        check("column_value_lengths_to_be_between", column="nuclei", max_value=0),
        check("column_values_to_be_null", column="age"),
        check("column_values_to_be_null", column="id"),
    ]
    save_suite(with_suite, [NUCLEI_IN_SET, AGE_NOT_NULL, *many, *other], actor=max_acts)
    larger = run_now(with_suite, max_acts)
    with CaptureQueriesContext(connection) as more:
        max_.get(f"/p/MED/runs/{larger.pk}/")
    assert len(more) == len(few)
