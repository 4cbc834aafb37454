"""Datasets for tests: small files, a registered dataset, and jobs carried out on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.storage import default_storage

from backlog.models import Actor, Job, Product
from backlog.services import jobs
from dataquality.models import Connection, Dataset, Run, SuiteVersion
from dataquality.queries.runs import find_run
from dataquality.services.connections import ConnectionDraft, add_connection
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import Upload
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from tests.conftest import Cast
from tests.dataquality.servers import Web, bucket_in, object_store, web_server

PATIENTS = "id,age,nuclei\n" + "".join(
    f"{number},{20 + number},{'?' if number in (3, 7) else number % 10 + 1}\n"
    for number in range(1, 21)
)
CLEANED = "\n".join(line for line in PATIENTS.splitlines() if "?" not in line) + "\n"
ONE_TO_TEN = [str(number) for number in range(1, 11)]
Check = dict[str, Any]


def check(kind: str, severity: str = "critical", **kwargs: Any) -> Check:
    """An expectation as a suite holds it; `kind` without its 'expect_'."""
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {}}


NUCLEI_IN_SET = check("column_values_to_be_in_set", column="nuclei", value_set=ONE_TO_TEN)
AGE_NOT_NULL = check("column_values_to_not_be_null", "warning", column="age")


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Files of a test go to a folder of its own."""
    settings.DATA_DIR, settings.SOURCES_DIR = tmp_path / "var", tmp_path / "sources"
    settings.SOURCES_DIR.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = settings.DATA_DIR / "tmp"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "var" / "files"), "base_url": None},
        },
    }
    yield


@pytest.fixture
def stored_files(settings: Any) -> Callable[[], list[str]]:
    """The files that storage holds now."""

    def names() -> list[str]:
        root = Path(default_storage.location)
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    return names


def upload(content: str | bytes, name: str = "patients.csv") -> Upload:
    data = content.encode() if isinstance(content, str) else content
    return Upload(name, [data], len(data))


@pytest.fixture
def web(settings: Any) -> Iterator[Web]:
    """A web server on loopback, allowed by name."""
    with web_server() as pages:
        settings.OUTBOUND_ALLOW = [pages["home"].removeprefix("http://")]
        yield pages


@pytest.fixture(scope="session")
def store() -> Iterator[str]:
    """An S3-compatible store on loopback: its endpoint."""
    with object_store() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(store: str, settings: Any) -> Iterator[Any]:
    """An empty bucket called lake, in a store that is allowed by name."""
    settings.OUTBOUND_ALLOW = [store.removeprefix("http://")]
    with bucket_in(store, "lake") as client:
        yield client


def parquet(tmp_path: Path, **columns: list[Any]) -> bytes:
    """A Parquet file of these columns."""
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    return (tmp_path / "x.parquet").read_bytes()


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def lake(product: Product, olga_acts: Actor, bucket: Any, store: str) -> Connection:
    """A connection to the bucket."""
    wanted = ConnectionDraft(
        "Lake", "s3", "s3://lake", login="key", secret="secret", options={"endpoint": store}
    )
    return add_connection(product, wanted, actor=olga_acts)


@pytest.fixture
def max_acts(cast: Cast) -> Actor:
    return Actor.person(cast.max)


@pytest.fixture
def patients(product: Product, max_acts: Actor) -> Dataset:
    """Twenty patients, two of them with `?` nuclei; values of failing rows may be kept."""
    draft = DatasetDraft(name="Patients", sample_policy="values", key_columns=["id"])
    return register_dataset(product, draft, upload(PATIENTS), actor=max_acts)


@pytest.fixture
def with_suite(patients: Dataset, max_acts: Actor) -> Dataset:
    save_suite(patients, [NUCLEI_IN_SET, AGE_NOT_NULL], actor=max_acts)
    return patients


def work() -> None:
    """Carry out every job that waits, as a worker would."""
    for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
        jobs.run(job.pk)


def with_checks(dataset: Dataset, checks: list[Check]) -> Dataset:
    """The dataset with these as its suite, unchecked: what an older suite may still hold."""
    last = dataset.suite_versions.count()
    dataset.current_suite = SuiteVersion.objects.create(
        dataset=dataset, number=last + 1, expectations=checks
    )
    dataset.save(update_fields=["current_suite"])
    return dataset


def run_now(dataset: Dataset, actor: Actor, **options: Any) -> Run:
    """A finished run."""
    run = request_run(dataset, actor=actor, **options)
    assert run.job is not None
    jobs.run(run.job.pk)
    run.refresh_from_db()
    return run


def awaiting(run: Run) -> int:
    """How many findings of a run wait for a yes now."""
    return int(find_run(run.dataset.product, run.pk).awaiting)
