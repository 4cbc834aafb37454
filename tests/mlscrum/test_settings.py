"""Settings as a fresh process reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from mlscrum.lib.storage import storage_backend

ROOT = Path(__file__).resolve().parents[2]


def start(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` with this environment and nothing of the tests' own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(tmp_path / "data"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_clone_starts_without_any_setting_and_keeps_its_secret(tmp_path: Path) -> None:
    assert start(tmp_path, "check").returncode == 0
    secret = tmp_path / "data" / "secret-key"
    first = secret.read_text()
    assert secret.stat().st_mode & 0o077 == 0
    assert start(tmp_path, "check").returncode == 0
    assert secret.read_text() == first


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"DATABASE_URL": "mysql://root@host/db"}, "DATABASE_URL must start with"),
        ({"UPLOAD_LIMIT_MB": "0"}, "UPLOAD_LIMIT_MB must be 1"),
        ({"DEMO_LOGIN": "1", "BASE_URL": "https://scrum.example.org"}, "DEMO_LOGIN=1 lets anyone"),
        ({"DEMO_LOGIN": "1", "HOST": "0.0.0.0"}, "DEMO_LOGIN=1 lets anyone"),
        ({"DEMO_LOGIN": "1", "ALLOWED_HOSTS": "*"}, "DEMO_LOGIN=1 lets anyone"),
        ({"EMAIL_URL": "mail.example.org"}, "EMAIL_URL must start with"),
        ({"BASE_URL": "scrum.example.org"}, "BASE_URL must start with"),
        ({"STORAGE_URL": "ftp://host"}, "STORAGE_URL must start with"),
        ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES"),
        ({"RUN_TIME_LIMIT_S": "3600"}, "RUN_TIME_LIMIT_S must be less than JOB_TIME_LIMIT_S"),
        ({"RUN_MEMORY_MB": "512"}, "RUN_MEMORY_MB must be 0 or more than DUCKDB_MEMORY_MB"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    refused = start(tmp_path, "check", **environment)
    assert refused.returncode != 0
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("environment", "run_mb", "process_mb"),
    [
        ({}, 2048, 2560),
        ({"DUCKDB_MEMORY_MB": "4096", "RUN_MEMORY_MB": ""}, 8192, 8704),
        ({"DUCKDB_MEMORY_MB": "64", "RUN_MEMORY_MB": "200"}, 200, 712),
    ],
)
def test_a_run_may_take_more_than_its_database_and_its_process_more_than_a_run(
    tmp_path: Path, environment: dict[str, str], run_mb: int, process_mb: int
) -> None:
    told = (
        "from django.conf import settings; "
        "print(settings.RUN_MEMORY_MB, settings.CELERY_WORKER_MAX_MEMORY_PER_CHILD // 1024)"
    )
    said = start(tmp_path, "shell", "-v", "0", "-c", told, **environment)
    assert said.stdout.split() == [str(run_mb), str(process_mb)], said.stderr


def test_nobody_else_on_the_machine_reads_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    assert start(tmp_path, "check").returncode == 0
    assert data.stat().st_mode & 0o077 == 0


def test_a_demo_is_not_served_to_the_network(tmp_path: Path) -> None:
    refused = start(tmp_path, "web", "--host", "0.0.0.0", DEMO_LOGIN="1")
    assert refused.returncode != 0
    assert "DEMO_LOGIN=1 lets anyone in" in refused.stderr


def test_sources_may_not_lie_in_our_own_house(tmp_path: Path) -> None:
    refused = start(tmp_path, "check", SOURCES_DIR=str(tmp_path / "data" / "sources"))
    assert "must not lie within each other" in refused.stderr


def test_a_demo_is_refused_on_a_public_host(tmp_path: Path) -> None:
    refused = start(tmp_path, "check", "--deploy", DEMO="1", BASE_URL="https://scrum.example.org")
    assert refused.returncode != 0
    assert "mlscrum.E001" in refused.stderr


def test_a_storage_url_names_a_folder_or_a_bucket() -> None:
    folder = storage_backend("file:///srv/files")
    assert str(folder["OPTIONS"]["location"]) == "/srv/files"
    aws = storage_backend("s3://bucket/some/prefix?region=eu-central-1")["OPTIONS"]
    assert (aws["bucket_name"], aws["location"], aws["region_name"]) == (
        "bucket",
        "some/prefix",
        "eu-central-1",
    )
    other = storage_backend("s3+https://key:s%2Fcret@store.example:9000/bucket")["OPTIONS"]
    assert other["endpoint_url"] == "https://store.example:9000"
    assert (other["access_key"], other["secret_key"], other["location"]) == ("key", "s/cret", "")
    for half, word in (
        ("s3:///prefix", "bucket"),
        ("s3+https:///bucket", "host"),
        ("s3+https://key@store.example/bucket", "half of the credentials"),
        ("s3+https://:secret@store.example/bucket", "half of the credentials"),
    ):
        with pytest.raises(ImproperlyConfigured, match=word):
            storage_backend(half)
