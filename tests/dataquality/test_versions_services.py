"""Versions: the same content is the same version, and its time is that of its last delivery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from backlog.models import Activity, Actor, Finding, Product
from dataquality.engine import sources
from dataquality.engine.reading import Inspected
from dataquality.engine.sources import Source
from dataquality.models import Dataset
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import ServerPath
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version, purge_version, read_again
from tests.dataquality.conftest import CLEANED, NUCLEI_IN_SET, PATIENTS, run_now, upload

PULL_REQUEST = {"pull_request": 5}


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


def deliver(dataset: Dataset, content: str, actor: Actor, **more: Any) -> str:
    """The state of the one finding after a delivery and its run."""
    add_version(dataset, upload(content), actor=actor, **more)
    dataset.refresh_from_db()
    run_now(dataset, actor)
    return str(Finding.objects.get().state)


@pytest.mark.parametrize("days", [(1, 2, 3), (1, 2, None), (None, None, None)])
def test_known_dirt_that_comes_back_is_a_regression(
    with_suite: Dataset, max_acts: Actor, days: tuple[int | None, ...]
) -> None:
    times = [{"as_of": day(number)} if number else {} for number in days]
    assert deliver(with_suite, PATIENTS + "21,9,?\n", max_acts, **times[0]) == "open"
    assert deliver(with_suite, CLEANED, max_acts, **times[1]) == "resolved"
    assert deliver(with_suite, PATIENTS + "21,9,?\n", max_acts, **times[2]) == "open"
    assert Finding.objects.get().regressed
    assert with_suite.versions.count() == 3


def test_a_delivery_of_the_present_content_moves_its_time_only_where_it_says_one(
    patients: Dataset, max_acts: Actor
) -> None:
    Activity.objects.all().delete()
    for as_of, shown in ((None, None), (day(2), day(2)), (None, day(2)), (day(3), day(3))):
        version = add_version(patients, upload(PATIENTS), actor=max_acts, as_of=as_of).version
        assert (version.number, version.as_of) == (1, shown)
    assert Activity.objects.count() == 2


def test_a_first_content_of_a_pull_request_counts_once_main_delivers_it(
    product: Product, max_acts: Actor
) -> None:
    draft = DatasetDraft(name="Patients")
    dataset = register_dataset(
        product, draft, upload(PATIENTS), actor=max_acts, context=PULL_REQUEST
    )
    save_suite(dataset, [NUCLEI_IN_SET], actor=max_acts)
    assert not run_now(dataset, max_acts).tracked
    delivered = add_version(dataset, upload(PATIENTS), actor=max_acts, context={"branch": "main"})
    assert (delivered.created, delivered.version.tracked) == (False, True)
    dataset.refresh_from_db()
    run = run_now(dataset, max_acts)
    assert (run.tracked, run.context) == (True, {"branch": "main"})


def test_a_path_is_read_again_as_of_a_time(
    product: Product, max_acts: Actor, settings: Any
) -> None:
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    (folder / "p.csv").write_text(PATIENTS)
    draft = DatasetDraft(name="Patients")
    dataset = register_dataset(product, draft, ServerPath("p.csv"), actor=max_acts)
    assert read_again(dataset, actor=max_acts, as_of=day(2)).version.as_of == day(2)


def test_a_purged_content_that_comes_back_is_of_its_new_time(
    patients: Dataset, max_acts: Actor
) -> None:
    first = patients.versions.get()
    add_version(patients, upload(CLEANED), actor=max_acts)
    purge_version(first, actor=max_acts)
    add_version(patients, upload(PATIENTS), actor=max_acts, context=PULL_REQUEST)
    patients.refresh_from_db()
    assert patients.current_version is not None
    assert patients.current_version.number == 2
    add_version(patients, upload(PATIENTS), actor=max_acts, as_of=day(9))
    patients.refresh_from_db()
    assert patients.current_version == first
    assert patients.current_version.as_of == day(9)


def test_of_two_that_bring_the_same_content_at_once_the_second_finds_it_known(
    patients: Dataset,
    max_acts: Actor,
    monkeypatch: pytest.MonkeyPatch,
    stored_files: Callable[[], list[str]],
) -> None:
    measure = sources.measure

    def while_another_brings_it(source: Source) -> Inspected:
        monkeypatch.setattr(sources, "measure", measure)
        add_version(Dataset.objects.of(patients.product).get(), upload(CLEANED), actor=max_acts)
        return measure(source)

    monkeypatch.setattr(sources, "measure", while_another_brings_it)
    delivered = add_version(patients, upload(CLEANED), actor=max_acts)
    assert (delivered.created, delivered.version.number) == (False, 2)
    assert patients.versions.count() == len(stored_files()) == 2
