"""Backups: what goes in comes out again, and what doesn't fit is refused before it is written."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from backlog.models import Activity, Actor, Attachment, Heartbeat, Item, Job, Product, User
from backlog.services import backups, jobs
from backlog.services.attachments import Incoming, add_attachment, remove_attachment
from backlog.services.items import ItemDraft, comment, create_item
from dataquality.models import Connection
from mlscrum.lib.secrets import decrypt, encrypt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def story(product: Product, cast: Any) -> Item:
    """An item with a file and a comment, beside a connection with a secret."""
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft(title="Sort the worklist ½ — ü"), actor=olga)
    add_attachment(item, Incoming("a.txt", [b"hello"]), actor=olga)
    comment(item, "Said once.", actor=olga)
    Connection.objects.create(
        product=product, slug="lake", name="Lake", kind="sql", address="postgresql://db/x",
        secret=encrypt("pass word"),
    )  # fmt: skip
    return item


@pytest.fixture
def path(story: Item, tmp_path: Path) -> Path:
    path = tmp_path / "all.zip"
    call_command("backup", str(path), stdout=StringIO())
    return path


def manifest(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as packed:
        read: dict[str, Any] = json.loads(packed.read("manifest.json"))
    return read


def forged(path: Path, **facts: Any) -> Path:
    """The archive with a manifest that says something else."""
    other = path.with_name("forged.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = json.dumps(manifest(path) | facts).encode()
            new.writestr(name, content)
    return other


def restored(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("restore", str(path), *options, stdout=out)
    return out.getvalue()


def test_everything_comes_back_and_a_second_backup_is_equal(path: Path, story: Item) -> None:
    file = Attachment.objects.get()
    default_storage.delete(file.file)
    User.objects.all().update(name="somebody else")
    Item.objects.filter(pk=story.pk).update(title="changed")

    assert "and 1 files" in restored(path, "--replace")

    assert Item.objects.get().title == "Sort the worklist ½ — ü"
    with default_storage.open(Attachment.objects.get().file) as content:
        assert content.read() == b"hello"
    again = path.with_name("again.zip")
    backups.back_up(again)
    assert manifest(again)["parts"] == manifest(path)["parts"]


def test_people_go_on_working_after_it(path: Path, story: Item) -> None:
    Product.objects.get().activities.filter(kind="item.commented").delete()
    restored(path, "--replace")
    product = Product.objects.get()
    before = Activity.objects.count()
    item = create_item(product, ItemDraft(title="The next"), actor=Actor.system())
    assert item.number == story.number + 1
    assert item.pk > story.pk
    assert Activity.objects.count() == before + 1


def test_an_installation_that_is_not_empty_is_left_alone(path: Path, story: Item) -> None:
    with pytest.raises(CommandError, match="has people or products already.*--replace"):
        restored(path)
    assert Item.objects.get().title == story.title


def test_files_of_what_was_replaced_go_and_others_stay(path: Path, story: Item, cast: Any) -> None:
    olga = Actor.person(cast.olga)
    kept = Attachment.objects.get().file
    later = add_attachment(story, Incoming("b.txt", [b"later"]), actor=olga).file
    restored(path, "--replace")
    assert default_storage.exists(kept)
    assert not default_storage.exists(later)


def test_a_file_whose_place_is_taken_gets_another(path: Path, story: Item) -> None:
    key = Attachment.objects.get().file
    default_storage.delete(key)
    from django.core.files.base import ContentFile

    default_storage.save(key, ContentFile(b"of somebody else"))
    restored(path, "--replace")
    now = Attachment.objects.get().file
    assert now != key
    with default_storage.open(now) as content:
        assert content.read() == b"hello"


def test_a_damaged_one_changes_nothing(path: Path, story: Item) -> None:
    other = path.with_name("damaged.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            is_items = name == "rows/backlog.item.jsonl"
            new.writestr(name, old.read(name).replace(b"worklist", b"wurklist")
                         if is_items else old.read(name))  # fmt: skip
    Item.objects.filter(pk=story.pk).update(title="still here")
    with pytest.raises(CommandError, match="backlog.item.jsonl is not what its checksum says"):
        restored(other, "--replace")
    assert Item.objects.get().title == "still here"


def test_rows_that_the_database_refuses_change_nothing(
    path: Path, story: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of an archive that somebody made by hand, with checksums that fit."""
    Item.objects.filter(pk=story.pk).update(title="still here")
    files = set(default_storage.listdir(f"attachments/{story.product.key}")[1])
    default_storage.delete(Attachment.objects.get().file)
    known = backups.row_copies.write_lines

    def without_people(model: Any, columns: Any, lines: Any, rewrite: Any = None) -> Any:
        return known(model, columns, [] if model is User else lines, rewrite)

    monkeypatch.setattr(backups.row_copies, "write_lines", without_people)
    with pytest.raises(CommandError, match="refused rows of the archive, so it is as it was"):
        restored(path, "--replace")
    assert Item.objects.get().title == "still here"
    left = set(default_storage.listdir(f"attachments/{story.product.key}")[1])
    assert len(left) == len(files) - 1, "what was put into the storage is gone again"


def test_one_of_a_newer_release_is_refused_in_one_line(path: Path) -> None:
    known = manifest(path)["migrations"]
    newer = known | {"sprints": [*known["sprints"], "9999_of_tomorrow"]}
    with pytest.raises(CommandError, match="newer release.*it has sprints.9999_of_tomorrow") as why:
        restored(forged(path, migrations=newer), "--replace")
    assert "\n" not in str(why.value)


def test_one_of_an_older_release_says_where_it_can_be_restored(path: Path) -> None:
    known = manifest(path)["migrations"]
    older = known | {"sprints": known["sprints"][:-1]}
    with pytest.raises(CommandError, match="older release.*a database without tables"):
        restored(forged(path, migrations=older), "--replace")


def test_without_the_key_it_is_refused_and_says_which(path: Path, settings: Any) -> None:
    settings.SECRETS_KEYS = ["another"]
    with pytest.raises(CommandError, match="encrypted with another key. Set SECRETS_KEYS"):
        restored(path, "--replace")
    restored(path, "--replace", "--any-key")
    settings.SECRETS_KEYS = [settings.SECRET_KEY]
    assert decrypt(Connection.objects.get().secret) == "pass word"


def test_it_waits_for_workers_to_be_stopped(path: Path) -> None:
    Heartbeat.objects.create(name="worker x", kind="worker", beat_at=timezone.now())
    with pytest.raises(CommandError, match="stop them and the web server"):
        restored(path, "--replace")
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    restored(path, "--replace")
    assert not Heartbeat.objects.exists()


def test_sessions_end_and_jobs_under_way_begin_again(
    story: Item, tmp_path: Path, as_person: Any, cast: Any
) -> None:
    as_person(cast.olga)
    job = jobs.enqueue(story.product, "import", {"import": 1})
    assert jobs.claim(job.pk, "a worker") is not None
    ended = jobs.enqueue(story.product, "import", {"import": 2})
    Job.objects.filter(pk=ended.pk).update(state="done", message="well", attempts=1)
    backups.back_up(tmp_path / "x.zip")
    restored(tmp_path / "x.zip", "--replace")
    assert not Session.objects.exists()
    job.refresh_from_db()
    assert (job.state, job.lease_owner, job.attempts, job.lease_until) == ("queued", "", 0, None)
    ended.refresh_from_db()
    assert (ended.state, ended.message, ended.attempts) == ("done", "well", 1)


def test_a_file_that_the_storage_has_lost_is_named(story: Item, tmp_path: Path) -> None:
    key = Attachment.objects.get().file
    default_storage.delete(key)
    errors = StringIO()
    call_command("backup", str(tmp_path / "x.zip"), stdout=StringIO(), stderr=errors)
    assert errors.getvalue() == f"The storage has lost {key}, so it is not in the backup.\n"


def test_no_backup_is_left_where_it_can_not_be_whole(
    story: Item, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups.archives.Writer, "add_file", fail)
    with pytest.raises(CommandError, match="can't be written: No space left on device"):
        call_command("backup", str(tmp_path / "x.zip"))
    assert list(tmp_path.iterdir()) == []


def test_secrets_travel_encrypted(path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        rows = packed.read("rows/dataquality.connection.jsonl")
    assert b"pass word" not in rows
    assert b"gAAAAA" in rows


def test_every_row_is_in_it_and_rows_of_a_moment_are_not(path: Path) -> None:
    tables = set(manifest(path)["tables"])
    assert {"backlog.change", "sprints.sprint", "dataquality.run", "backlog.item_labels"} <= tables
    assert not tables & {"backlog.heartbeat", "sessions.session", "axes.accessattempt"}
    lines = {name: part["lines"] for name, part in manifest(path)["parts"].items()}
    assert lines["rows/backlog.activity.jsonl"] == Activity.objects.count()
    assert lines["rows/backlog.user.jsonl"] == User.objects.count()


def test_an_attachment_that_is_taken_off_later_comes_back(
    path: Path, story: Item, cast: Any
) -> None:
    remove_attachment(Attachment.objects.get(), actor=Actor.person(cast.olga))
    restored(path, "--replace")
    with default_storage.open(Attachment.objects.get().file) as content:
        assert content.read() == b"hello"
