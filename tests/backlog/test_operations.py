"""What administrators do by hand: rotate keys, and start a release on a database that fits it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder

from backlog.management import schema
from backlog.models import AlertChannel, Product, Webhook, WebhookSecret
from dataquality.models import Connection
from mlscrum.lib.secrets import decrypt, encrypt


@pytest.fixture
def kept(product: Product, settings: Any) -> tuple[AlertChannel, WebhookSecret, Connection]:
    """A secret of each kind, under the old key."""
    settings.SECRETS_KEYS = ["old"]
    channel = AlertChannel.objects.create(
        product=product, name="#data", service="Slack", address=encrypt("slack://x")
    )
    hook = Webhook.objects.create(product=product, name="CI", url="https://example.org")
    secret = WebhookSecret.objects.create(webhook=hook, secret=encrypt("whsec_x"))
    connection = Connection.objects.create(
        product=product, slug="lake", name="Lake", kind="sql", address="postgresql://db/x",
        secret=encrypt("pass word"),
    )  # fmt: skip
    return channel, secret, connection


def test_all_secrets_are_written_anew_with_the_first_key(
    kept: tuple[AlertChannel, WebhookSecret, Connection], settings: Any
) -> None:
    settings.SECRETS_KEYS = ["new", "old"]
    out = StringIO()
    call_command("rotatekeys", stdout=out)
    settings.SECRETS_KEYS = ["new"]
    channel, hook, connection = kept
    for row, field, secret in (
        (channel, "address", "slack://x"), (hook, "secret", "whsec_x"),
        (connection, "secret", "pass word"),
    ):  # fmt: skip
        row.refresh_from_db()
        assert decrypt(getattr(row, field)) == secret
    assert out.getvalue().count(": 1 written anew") == 3


def test_what_no_key_reads_is_named_and_left(
    kept: tuple[AlertChannel, WebhookSecret, Connection], settings: Any
) -> None:
    settings.SECRETS_KEYS = ["new"]
    before = kept[1].secret
    with pytest.raises(CommandError, match=f"webhook secret secret of row {kept[1].pk}"):
        call_command("rotatekeys", stdout=StringIO())
    kept[1].refresh_from_db()
    assert kept[1].secret == before


@pytest.mark.parametrize("command", ["prepare", "web", "worker", "dispatch"])
def test_no_process_starts_on_the_database_of_a_newer_release(db: None, command: str) -> None:
    MigrationRecorder.Migration.objects.create(app="backlog", name="9999_of_tomorrow")
    with pytest.raises(CommandError, match="newer release of ML Scrum .it has backlog.9999_of_tom"):
        call_command(command)


def test_the_database_of_this_release_and_one_out_of_reach_are_fine(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.refuse_newer_schema()

    def refuse(*args: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(schema, "MigrationLoader", refuse)
    schema.refuse_newer_schema()
