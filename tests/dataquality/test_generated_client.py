"""A client that openapi-python-client makes of our schema works against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from backlog.models import Actor, Product, Scope
from backlog.services.tokens import create_token
from tests.conftest import Cast
from tests.dataquality.conftest import NUCLEI_IN_SET, PATIENTS, work

SCRIPT = '''
"""Registers a dataset, runs its checks, waits for them, and reads the gate."""

import io, json, os, sys, time

from client import AuthenticatedClient
from client.api.datasets import datasets_gate_retrieve, datasets_suite_update
from client.api.datasets import products_datasets_create
from client.api.items import products_items_create, products_items_list
from client.api.runs import datasets_runs_create, runs_retrieve
from client.models import AskRunRequest, DatasetFormRequest, NewItemRequest, Problem
from client.models import SuitePutRequest
from client.types import File

site = AuthenticatedClient(base_url=os.environ["MLSCRUM_URL"], token=os.environ["MLSCRUM_TOKEN"])
rows = File(payload=io.BytesIO(sys.stdin.buffer.read()), file_name="patients.csv")
form = DatasetFormRequest(name="Patients", file=rows, personal_data=False)
dataset = products_datasets_create.sync("MED", client=site, body=form)
suite = SuitePutRequest(expectations=json.loads(os.environ["CHECKS"]))
datasets_suite_update.sync("MED", dataset.slug, client=site, body=suite)
run = datasets_runs_create.sync("MED", dataset.slug, client=site, body=AskRunRequest())
while run.state in ("queued", "running"):
    time.sleep(0.2)
    run = runs_retrieve.sync(run.id, client=site)
gate = datasets_gate_retrieve.sync("MED", dataset.slug, client=site)
item = products_items_create.sync("MED", client=site, body=NewItemRequest(title="From a script"))
listed = products_items_list.sync("MED", client=site, q="script")
refused = products_items_create.sync("MED", client=site, body=NewItemRequest(title=""))
assert isinstance(refused, Problem)
print(json.dumps({
    "dataset": [dataset.slug, dataset.rows, dataset.personal_data],
    "run": [run.state, [result.outcome for result in run.results]],
    "gate": [gate.passed, [reason.code for reason in gate.reasons]],
    "items": [item.title, [found.ref for found in listed.results] == [item.ref]],
    "refused": [refused.status, refused.errors[0].pointer],
}))
'''


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a generated client; a warning of the generator is a fault of our schema."""
    folder = tmp_path_factory.mktemp("generated")
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    (folder / "schema.json").write_text(json.dumps(made, default=str))
    # The generator knows archives as plain bytes only.
    overrides = "content_type_overrides:\n  application/zip: application/octet-stream\n"
    (folder / "config.yml").write_text(f"post_hooks: []\n{overrides}")
    subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--path", "schema.json",
            "--config", "config.yml", "--meta", "none", "--output-path", "client",
            "--fail-on-warning",
        ],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return folder


def test_every_operation_is_in_the_client(client: Path) -> None:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    ids = {
        operation["operationId"]
        for operations in made["paths"].values()
        for operation in operations.values()
    }
    modules = {path.stem for path in (client / "client" / "api").glob("*/*.py")} - {"__init__"}
    assert modules == ids


@pytest.mark.django_db(transaction=True)
def test_it_registers_checks_waits_and_reads_the_gate(
    client: Path, live_server: Any, product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    _, secret = create_token(name="x", scopes=list(Scope), days=1, actor=olga, user=cast.olga)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=client,
        env={
            **os.environ,
            "MLSCRUM_URL": live_server.url,
            "MLSCRUM_TOKEN": secret,
            "CHECKS": json.dumps([NUCLEI_IN_SET]),
        },
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(PATIENTS.encode())
    process.stdin.close()
    process.stdin = None
    while process.poll() is None:
        work()
        time.sleep(0.1)
    said, faults = process.communicate()
    assert process.returncode == 0, faults.decode()
    assert json.loads(said) == {
        "dataset": ["patients", 20, False],
        "run": ["failed", ["failed", "passed"]],  # the second looks at the columns
        "gate": [False, ["failed", "open_finding"]],
        "items": ["From a script", True],
        "refused": [400, "/title"],
    }
