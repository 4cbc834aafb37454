"""An import makes no item twice and loses none, and a revert is whole or nothing, whenever their
worker is killed: with real processes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import default_storage

from backlog.models import Actor, Import, Item, Product
from backlog.services.import_reverts import request_revert
from backlog.services.imports import request_import
from tests.backlog.imports import plain_file, sent
from tests.conftest import Cast
from tests.processes.conftest import House, until

ROWS = 3_000


@pytest.fixture
def storage(house: House, settings: Any) -> None:
    """The files where the workers look for them."""
    data = house.folder / "data"
    settings.DATA_DIR, settings.FILE_UPLOAD_TEMP_DIR = data, data / "tmp"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(data / "files"), "base_url": None},
        },
    }


def state_of(imported: Import) -> str:
    return Import.objects.get(pk=imported.pk).state


def test_an_import_whose_worker_is_killed_goes_on_without_a_double_and_so_does_its_revert(
    house: House, storage: None, product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    imported = sent(product, plain_file(ROWS), olga)
    assert default_storage.exists(imported.file)
    request_import(imported, actor=olga)
    house.start_broker()
    house.start("dispatch")
    for pieces in (1, 3):
        worker = house.start("worker")
        until(lambda: Item.objects.count() >= pieces * 500, f"{pieces} pieces are written")  # noqa: B023
        house.kill(worker)
        assert Item.objects.count() < ROWS
    worker = house.start("worker")
    until(lambda: state_of(imported) == "done", "the import is done", timeout_s=120)
    assert Item.objects.count() == ROWS
    assert Item.objects.values("external_id").distinct().count() == ROWS
    assert imported.lines.filter(outcome="new", row__gt=0).count() == ROWS
    house.kill(worker)
    asked = request_revert(Import.objects.get(pk=imported.pk), actor=olga)
    assert asked.revert_job
    worker = house.start("worker")
    until(lambda: is_running(asked), "the revert runs")
    house.kill(worker)
    assert Item.objects.alive().count() in {0, ROWS}
    house.start("worker")
    until(lambda: state_of(imported) == "reverted", "it is reverted", timeout_s=120)
    assert Item.objects.alive().count() == 0
    assert Import.objects.get(pk=imported.pk).reverted["deleted"] == ROWS


def is_running(asked: Import) -> bool:
    job = asked.revert_job
    assert job
    job.refresh_from_db()
    return bool(job.state != "queued")
