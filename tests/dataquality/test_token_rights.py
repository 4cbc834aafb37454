"""What a token of a product may do with datasets: deliver content, never say how it is judged."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from backlog.models import Product
from dataquality.models import Dataset
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS

DATASETS = "/api/v1/products/MED/datasets/"
PATIENTS_URL = "/api/v1/datasets/MED/patients/"


@pytest.fixture
def ci(api: Any, product: Product) -> Any:
    """A product's token with every scope."""
    return api(product=product)


@pytest.fixture
def on_the_server(product: Product) -> dict[str, Any]:
    """A dataset that is a file among the product's sources."""
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir(parents=True)
    (folder / "patients.csv").write_text(PATIENTS)
    return {"name": "Patients", "source": {"kind": "path", "path": "patients.csv"}}


def test_a_product_s_token_registers_a_file_and_adds_versions(ci: Any) -> None:
    sent = {"name": "Patients", "file": SimpleUploadedFile("p.csv", PATIENTS.encode())}
    assert ci.post(DATASETS, sent, format="multipart").status_code == 201
    again = {"file": SimpleUploadedFile("p.csv", f"{PATIENTS}21,41,3\n".encode())}
    assert ci.post(f"{PATIENTS_URL}versions/", again, format="multipart").status_code == 201


def test_a_product_s_token_registers_no_path(
    ci: Any, api: Any, cast: Cast, on_the_server: dict[str, Any]
) -> None:
    assert ci.post(DATASETS, on_the_server).status_code == 403
    assert not Dataset.objects.exists()
    assert api(cast.max).post(DATASETS, on_the_server).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"sample_policy": "values"},
        {"personal_data": False},
        {"freshness_limit_h": 9999},
        {"health_target": 1},
    ],
)
def test_a_product_s_token_leaves_the_policy_of_a_dataset_alone(
    ci: Any, api: Any, cast: Cast, on_the_server: dict[str, Any], change: dict[str, Any]
) -> None:
    api(cast.max).post(DATASETS, on_the_server)
    assert ci.patch(PATIENTS_URL, change).status_code == 403
    columns = {"columns": [{"name": "nuclei", "type": "number"}]}
    assert ci.put(f"{PATIENTS_URL}schema/", columns).status_code == 403
    assert api(cast.max).patch(PATIENTS_URL, change).status_code == 200
