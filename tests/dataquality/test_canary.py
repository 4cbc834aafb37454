"""Planted values of a personal dataset: nothing of a row is found beyond the sample policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models

from backlog.models import Finding, Item, Product, Scope
from dataquality.engine import reading, running
from dataquality.models import Dataset, Profile, Result, Run
from tests.conftest import Cast
from tests.dataquality.conftest import check, work

DATASETS = "/api/v1/products/MED/datasets/"
URL = "/api/v1/datasets/MED/people/"
KEY, NAME, NOTE = "K-7391-zebra", "Canary Meyer", "quokka 5550199"
PLANTED = (KEY, NAME, NOTE)
ROWS = 30
SUITE = [
    check("column_values_to_be_in_set", column="name", value_set=["Nobody"]),
    check("column_values_to_not_match_regex", column="note", regex="5550"),
    check("column_distinct_values_to_be_in_set", column="name", value_set=["Nobody"]),
    check("column_distinct_values_to_contain_set", column="note", value_set=["Nobody"]),
    check("column_most_common_value_to_be_in_set", column="note", value_set=["Nobody"]),
    check("column_max_to_be_between", column="name", max_value="2024-01-01"),
    check("column_pair_values_to_be_equal", column_A="key", column_B="name"),
    check("column_values_to_match_strftime_format", column="note", strftime_format="%Y"),
    check("column_values_to_be_json_parseable", column="name"),
    check("column_values_to_be_between", column="age", min_value=0, max_value=1),
    check(
        "column_values_to_not_be_null",
        column="age",
        row_condition={
            "type": "comparison",
            "column": {"name": "age"},
            "operator": ">",
            "parameter": 500,
        },
    ),
]


def people(age: str = "40") -> SimpleUploadedFile:
    rows = "".join(f"{KEY},{NAME},{NOTE},{age}\n" for _ in range(ROWS))
    return SimpleUploadedFile("people.csv", f"key,name,note,age\n{rows}".encode())


def walk(client: Any, product: Product, *, rest: bool) -> Iterator[tuple[str, str]]:
    """Every answer that a reader may get about data."""
    run_ids = list(Run.objects.values_list("pk", flat=True))
    if rest:
        paths = [URL, DATASETS, *(f"{URL}{part}/" for part in ("versions", "suite", "profile",
                 "runs", "gate"))]  # fmt: skip
        paths += [f"/api/v1/runs/{pk}/" for pk in run_ids]
        paths += ["/api/v1/products/MED/runs/", "/api/v1/products/MED/findings/"]
        paths += [f"/api/v1/products/MED/{noun}/export/?format=json"
                  for noun in ("findings", "runs")]  # fmt: skip
    else:
        data = "/p/MED/data/"
        paths = [data, *(f"{data}people/{part}" for part in ("", "versions/", "suite/",
                 "suite/json/", "profile/", "runs/"))]  # fmt: skip
        paths += [f"/p/MED/runs/{pk}/" for pk in run_ids]
        items = list(Item.objects.values_list("number", flat=True))
        assert items
        paths += [f"/p/MED/items/MED-{number}/" for number in items]
        paths += [f"/p/MED/findings/{pk}/" for pk in Finding.objects.values_list("pk", flat=True)]
        paths += ["/p/MED/findings/", "/p/MED/backlog/", f"{data}people/runs/export/"]
        paths += ["/p/MED/findings/export/", "/p/MED/backlog/export/", "/p/MED/sprints/export/"]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        yield path, answer.getvalue().decode()


def stored_texts() -> Iterator[tuple[str, str]]:
    """Every text and JSON of every row, by table and column."""
    kinds = (models.CharField, models.TextField, models.JSONField)
    for model in apps.get_models():
        names = [field.attname for field in model._meta.concrete_fields if isinstance(field, kinds)]
        if not names:
            continue
        for row in model._default_manager.values_list(*names):
            for name, value in zip(names, row, strict=True):
                yield f"{model.__name__}.{name}", json.dumps(value, default=str, ensure_ascii=False)


def leaks(texts: Iterator[tuple[str, str]], planted: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(where, value) for where, text in texts for value in planted if value in text}


@pytest.fixture
def lived(api: Any, cast: Cast, product: Product, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A dataset of people under a policy, with runs that failed, crashed and could not read."""

    def live(policy: str, masked: list[str]) -> None:
        max_ = api(cast.max)
        wanted = {
            "name": "People",
            "sample_policy": policy,
            "key_columns": '["key"]',
            "masked_columns": json.dumps(masked),
            "file": people(),
        }
        answer = max_.post(DATASETS, wanted, format="multipart")
        assert answer.status_code == 201, answer.content
        work()
        saved = max_.put(f"{URL}suite/", {"expectations": SUITE})
        assert saved.status_code == 200, saved.content
        max_.post(f"{URL}runs/", {})
        work()
        assert (
            max_.post(f"/api/v1/runs/{Run.objects.get().pk}/file/", {"all": True}).status_code
            == 200
        )
        max_.post(f"{URL}versions/?run=1", {"file": people(NAME)}, format="multipart")
        work()
        with monkeypatch.context() as patched:

            def crash(*args: Any) -> None:
                raise ValueError(f"Out of bounds: {NAME} {NOTE} {KEY}")

            patched.setattr(reading, "read", crash)
            patched.setattr(running, "opened", crash)
            max_.post(f"{URL}runs/", {"version": 1})
            max_.post(f"{URL}profile/")
            work()
        bad = SimpleUploadedFile("people.csv", f"key,name\n{KEY},{NAME},{NOTE}\n".encode())
        assert max_.post(f"{URL}versions/", {"file": bad}, format="multipart").status_code == 422
        states = list(Run.objects.order_by("pk").values_list("state", "error_code"))
        assert states == [("failed", ""), ("errored", "does_not_fit"), ("errored", "internal")]

    return live


@pytest.mark.parametrize(
    ("policy", "masked", "kept"),
    [
        ("none", [], set()),
        ("keys", [], {KEY}),
        ("values", [], {KEY, NAME, NOTE}),
        ("values", ["name"], {KEY, NOTE}),
        ("values", ["name", "key", "note"], set()),
    ],
)
def test_planted_values_are_found_nowhere_beyond_the_policy(
    lived: Any,
    api: Any,
    as_person: Any,
    cast: Cast,
    product: Product,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    policy: str,
    masked: list[str],
    kept: set[str],
) -> None:
    caplog.set_level("DEBUG")
    lived(policy, masked)

    places = {"Result.sample", "Result.observed_value", "Profile.data", "Profile.suggestions"}
    found = leaks(stored_texts(), PLANTED)
    assert {place for place, _ in found} <= places
    assert {value for _, value in found} == kept
    assert Result.objects.exists()
    assert Profile.objects.exists()

    versions = Dataset.objects.get().versions.values_list("file", flat=True)
    known = {Path(settings.DATA_DIR) / "files" / key for key in versions}
    for path in Path(settings.DATA_DIR).rglob("*"):
        if path.is_file() and path not in known:
            assert not any(value.encode() in path.read_bytes() for value in PLANTED), path

    out, err = capfd.readouterr()
    for words in (
        caplog.text,
        out,
        err,
        *(message.message().as_string() for message in mail.outbox),
    ):
        assert not any(value in words for value in PLANTED)

    ci = api(product=product, scopes=(Scope.EVIDENCE,))
    assert leaks(walk(ci, product, rest=True), PLANTED) == set()
    assert leaks(walk(api(cast.vera), product, rest=True), PLANTED) == set()
    assert leaks(walk(as_person(cast.vera), product, rest=False), PLANTED) == set()
    seen = {value for _, value in leaks(walk(api(cast.max), product, rest=True), PLANTED)}
    assert seen == kept
