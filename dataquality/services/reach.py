"""What lies behind a connection, as drivers and clients take it, after everything that must be
refused was refused: our own house, private networks, drivers that nobody has allowed."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection as own_database

from backlog.models import Product
from dataquality.models import Connection, ConnectionKind
from dataquality.services.files import resolved
from mlscrum.lib import outbound
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt

FILES = frozenset({"sqlite", "duckdb"})  # databases that are a file of the server
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "redis": 6379, "rediss": 6379}
ALIASES = {"postgres": "postgresql"}
CONNECT_TIMEOUT_S = 10
TEST_TIMEOUT_S = 15
READ_TIMEOUT_S = 60
# Of the answers of object stores; whatever else they say is said as it is named.
REFUSALS = {
    "AccessDenied": ("not_allowed", "{where} does not let these credentials read that."),
    "InvalidAccessKeyId": ("wrong_password", "{where} does not know this key; enter it anew."),
    "SignatureDoesNotMatch": ("wrong_password", "{where} does not accept the secret of this key."),
    "NoSuchBucket": ("no_such_bucket", "{where} does not exist; check its name."),
    "NoSuchKey": ("no_such_file", "{where} holds no such object."),
    "403": ("wrong_password", "{where} does not let these credentials in."),
    "404": ("no_such_file", "{where} holds no such object."),
}


@dataclass(frozen=True)
class Database:
    """A database as the engine takes it: a URL with its password, and options of the session."""

    url: str
    options: Mapping[str, Any]

    def __repr__(self) -> str:
        return "Database(…)"


@dataclass(frozen=True)
class Bucket:
    """A bucket with a client for it; used within `bucket_of` alone."""

    client: Any
    name: str
    prefix: str


def require_running(connection: Connection) -> None:
    """Raise DomainError `paused` where people have paused the connection."""
    if connection.is_paused:
        raise DomainError(
            "paused",
            f"The connection {connection.name} is paused; nothing is read through it until it is "
            "resumed.",
        )


def database_of(
    connection: Connection, product: Product | None, *, statement_timeout_s: float | None = None
) -> Database:
    """The database of a connection, for this product or for none, which has no files; raises
    DomainError where it may not be called."""
    import sqlalchemy as sa  # noqa: PLC0415  pages without databases do without

    try:
        url = sa.make_url(connection.address)
    except (sa.exc.ArgumentError, ValueError):
        raise DomainError(
            "bad_url", "Give an address such as postgresql://user@host/database."
        ) from None
    backend = backend_of(url.drivername)
    options: dict[str, Any] = {"connect_timeout_s": CONNECT_TIMEOUT_S}
    if statement_timeout_s is not None:
        options["statement_timeout_s"] = statement_timeout_s
    if backend in FILES:
        if product is None:
            raise of_a_product()
        place = resolved(url.database or "", product)
        return Database(url.set(database=str(place)).render_as_string(False), options)
    if not url.host:
        raise DomainError("bad_url", "Name the host of the database in its address.")
    port = url.port or PORTS.get(backend, 0)
    addresses = outbound.checked(url.host, port)
    require_not_ours(addresses, port, url.database or "")
    if connection.login:
        url = url.set(username=connection.login)
    if connection.secret:
        url = url.set(password=decrypt(connection.secret))
    if backend == "postgresql":
        # The name stays for certificates; the address is the one that was looked at.
        options["connect_args"] = {"hostaddr": addresses[0]}
        if not connection.ambient:
            options["connect_args"]["passfile"] = "/dev/null"
    elif backend in {"mysql", "mariadb"}:
        url = url.set(host=addresses[0])
    return Database(url.render_as_string(hide_password=False), options)


def of_a_product() -> DomainError:
    return DomainError("of_a_product", "A database file belongs to one product.")


def backend_of(drivername: str) -> str:
    """The database that a URL begins with; raises DomainError for one that nobody has allowed."""
    name = drivername.partition("+")[0].lower()
    name = ALIASES.get(name, name)
    if name not in settings.SQL_DRIVERS:
        allowed = ", ".join(settings.SQL_DRIVERS)
        raise DomainError(
            "driver_not_allowed",
            f"Databases of kind {name[:30]} are not allowed here; an administrator can add them to "
            f"SQL_DRIVERS, which names {allowed}.",
        )
    return name


def require_not_ours(addresses: list[str], port: int, database: str) -> None:
    """Raise DomainError for the database and the broker of this installation."""
    ours = own_database.settings_dict
    if own_database.vendor == "postgresql":
        own_port = int(ours.get("PORT") or PORTS["postgresql"])
        own_host = str(ours.get("HOST") or "127.0.0.1")
        is_same_server = port == own_port and _share(own_host, own_port, addresses)
        if is_same_server and database in {"", ours["NAME"], settings.DATABASES["default"]["NAME"]}:
            raise _ours()
    for broker in (settings.CELERY_BROKER_URL, settings.REDIS_URL):
        parts = urlsplit(broker)
        if parts.scheme not in PORTS or not parts.hostname:
            continue
        own_port = parts.port or PORTS[parts.scheme]
        if port == own_port and _share(parts.hostname, own_port, addresses):
            raise _ours()


@contextmanager
def bucket_of(connection: Connection) -> Iterator[Bucket]:
    """The bucket of a connection, for as long as the block lasts: whatever is called within is
    looked at by the guard. Raises DomainError for what the store refuses."""
    import boto3  # noqa: PLC0415  pages without object stores do without
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        IncompleteReadError,
        ResponseStreamingError,
    )

    name, _, prefix = connection.address.removeprefix("s3://").partition("/")
    endpoint = connection.options.get("endpoint") or None
    _require_not_our_storage(name)
    has_keys = bool(connection.login and connection.secret)
    keys: dict[str, Any] = {}
    if has_keys:
        keys = {
            "aws_access_key_id": connection.login,
            "aws_secret_access_key": decrypt(connection.secret),
        }
    session = boto3.session.Session(**keys)
    if connection.ambient:
        session.get_credentials()  # asked for outside of the guard: they may come from within
    more = {} if has_keys or connection.ambient else {"signature_version": UNSIGNED}
    client = session.client(
        "s3",
        endpoint_url=endpoint,
        region_name=connection.options.get("region") or "us-east-1",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": 2},
            s3={"addressing_style": "path" if endpoint else "auto"},
            ignore_configured_endpoint_urls=True,
            **more,
        ),
    )
    where = f"The bucket {name}"
    try:
        with outbound.guarded():
            yield Bucket(client, name, prefix)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        kind, words = REFUSALS.get(code, ("cannot_connect", "{where} answered: " + code[:60]))
        raise DomainError(kind, words.format(where=where)) from None
    except (IncompleteReadError, ResponseStreamingError):
        raise DomainError("broken_off", f"{where} broke off an object; try again.") from None
    except (BotoCoreError, OSError):
        raise DomainError(
            "cannot_connect",
            f"{where} can't be reached; see that address, endpoint and region are right.",
        ) from None
    finally:
        client.close()


def web_headers(connection: Connection | None) -> dict[str, str]:
    """What a request through this connection carries: a user's password, or a token."""
    if connection is None or not connection.secret:
        return {}
    secret = decrypt(connection.secret)
    if not connection.login:
        return {"authorization": f"Bearer {secret}"}
    pair = b64encode(f"{connection.login}:{secret}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def try_out(connection: Connection) -> str:
    """Reach what lies behind the connection and read nothing of it: what answered, in words.

    Raises DomainError that says what is wrong, without the secret.
    """
    if connection.kind == ConnectionKind.SQL:
        from dataquality.engine import sql  # noqa: PLC0415

        database = database_of(connection, connection.product, statement_timeout_s=TEST_TIMEOUT_S)
        return sql.try_out(database.url, database.options)
    if connection.kind == ConnectionKind.S3:
        with bucket_of(connection) as bucket:
            found = bucket.client.list_objects_v2(
                Bucket=bucket.name, Prefix=bucket.prefix, MaxKeys=1
            )
        return "The bucket answers." if found.get("KeyCount") else "The bucket is empty there."
    with outbound.open(
        connection.address, headers=web_headers(connection), timeout_s=TEST_TIMEOUT_S
    ) as answer:
        require_welcome(answer, connection.address, is_test=True)
        return f"It answers with status {answer.status}."


def require_welcome(answer: outbound.Answer, url: str, *, is_test: bool = False) -> None:
    """Raise DomainError for the status of a refusal. Of a test, that there is no such page is
    fine: the files lie below."""
    status = answer.status
    host = urlsplit(url).hostname or "The server"
    if status == 401 and answer.is_elsewhere:
        raise DomainError(
            "bad_redirect",
            f"{host} redirects to another address, which wants credentials of its own (status "
            "401).",
        )
    if status == 401:
        raise DomainError(
            "wrong_password", f"{host} does not let these credentials in (status 401)."
        )
    if status == 403:
        raise DomainError(
            "not_allowed", f"{host} does not let these credentials read that (status 403)."
        )
    if status == 404 and not is_test:
        raise DomainError("no_such_file", f"{host} has no such file (status 404).")
    if status >= 500 or (status >= 400 and not is_test) or status == 304:
        raise DomainError("cannot_read", f"{host} answered with status {status}, not with a file.")


def _share(host: str, port: int, addresses: list[str]) -> bool:
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port)}
    except OSError:
        return False
    return bool(found & set(addresses))


def _ours() -> DomainError:
    return DomainError(
        "our_own",
        "This is the database or the broker of ML Scrum itself, which no dataset may read.",
    )


def _require_not_our_storage(bucket: str) -> None:
    ours = settings.STORAGES["default"].get("OPTIONS", {}).get("bucket_name")
    if ours and bucket == ours:
        raise DomainError(
            "our_own",
            "A bucket of this name is the storage of ML Scrum itself, which no dataset may read.",
        )
