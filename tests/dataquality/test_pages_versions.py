"""Pages of versions: uploads good and bad, path sources, downloads, the demo's cleaned file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backlog.models import Actor, Finding, Product
from backlog.services import demo
from dataquality.models import Dataset, Run
from dataquality.services.demo import CLEANED_FILES, add_patients
from tests.conftest import Cast
from tests.dataquality.conftest import CLEANED, work

VERSIONS = "/p/MED/data/patients/versions/"
OFFER, SECOND_OFFER = "The demo's cleaned file", "The demo's second cleaned file"


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


def file(content: str | bytes, name: str = "patients.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# The demo -------------------------------------------------------------------------------------


def test_the_five_minutes_of_the_readme_come_true(
    product: Product, max_: Client, max_acts: Actor
) -> None:
    product.is_demo = True
    product.save()
    add_patients(product, max_acts)
    max_.post("/p/MED/data/patients/runs/")
    work()
    assert set(Finding.objects.values_list("state", flat=True)) == {"open"}
    page = words_of(max_.get(VERSIONS))
    assert OFFER in page
    assert "SOURCES_DIR" not in words_of(max_.get("/p/MED/data/patients/"))
    started = max_.post(f"{VERSIONS}cleaned/")
    work()
    run = Run.objects.latest("pk")
    assert started["Location"] == f"/p/MED/runs/{run.pk}/"
    assert (run.state, run.version and run.version.number) == ("passed", 2)
    # One of two batches has passed: nothing resolves yet, and the pages say what is missing.
    assert set(Finding.objects.values_list("state", flat=True)) == {"open"}
    assert "items closed" not in words_of(max_.get(started["Location"]))
    page = words_of(max_.get(VERSIONS))
    assert OFFER not in page
    assert SECOND_OFFER in page
    again = max_.post(f"{VERSIONS}cleaned/", {"file": CLEANED_FILES[0]})  # by a page left open
    work()
    assert again.status_code == 302
    assert set(Finding.objects.values_list("state", flat=True)) == {"open"}
    started = max_.post(f"{VERSIONS}cleaned/", {"file": CLEANED_FILES[1]})
    work()
    run = Run.objects.latest("pk")
    assert (run.state, run.version and run.version.number) == ("passed", 3)
    assert set(Finding.objects.values_list("state", flat=True)) == {"resolved"}
    assert "items closed" in words_of(max_.get(started["Location"]))
    assert SECOND_OFFER not in words_of(max_.get(VERSIONS))


@pytest.mark.parametrize("others", [(), ("ours.csv",)])
def test_the_demo_leaves_no_file_behind(
    db: None,
    settings: Any,
    stored_files: Callable[[], list[str]],
    django_capture_on_commit_callbacks: Any,
    others: tuple[str, ...],
) -> None:
    demo.load(["MED"])
    folder: Path = settings.SOURCES_DIR / "MED"
    for name in others:
        (folder / name).write_text("ours")
    assert len(stored_files()) == 1
    assert all((folder / name).exists() for name in CLEANED_FILES)
    with django_capture_on_commit_callbacks(execute=True):
        demo.remove()
    assert stored_files() == []
    assert folder.exists() == bool(others)
    assert tuple(path.name for path in folder.glob("*")) == others


def test_only_the_demo_offers_a_cleaned_file(
    patients: Dataset, max_: Client, settings: Any
) -> None:
    folder: Path = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    (folder / CLEANED_FILES[0]).write_text(CLEANED)
    assert "cleaned file" not in words_of(max_.get(VERSIONS))
    refused = max_.post(f"{VERSIONS}cleaned/", follow=True)
    assert "There is no cleaned file of Patients." in words_of(refused)
    assert patients.versions.count() == 1
