"""Databases that a machine may have, for tests of sources."""

from __future__ import annotations

import os

import psycopg2
import sqlalchemy as sa

LOCAL = (
    "postgresql+psycopg2://postgres@127.0.0.1:5432/postgres",
    "postgresql+psycopg2://postgres:postgres@127.0.0.1:5432/postgres",
)


def postgresql_url() -> str | None:
    """A PostgreSQL server that answers, as the tests' own settings name it or on this machine."""
    named = os.environ.get("DATABASE_URL", "")
    own = [f"postgresql+psycopg2://{named.partition('://')[2]}"] if "postgres" in named else []
    for address in [*own, *LOCAL]:
        url = sa.make_url(address)
        try:
            psycopg2.connect(
                host=url.host, port=url.port, user=url.username, password=url.password,
                dbname="postgres", connect_timeout=3,
            ).close()  # fmt: skip
        except psycopg2.OperationalError:
            continue
        return url.set(database="postgres").render_as_string(hide_password=False)
    return None


def mysql_url() -> str | None:
    """A MySQL or MariaDB server that answers, at MYSQL_URL or on this machine."""
    address = os.environ.get("MYSQL_URL") or "mysql://root@127.0.0.1:3306"
    url = sa.make_url(address).set(drivername="mysql+pymysql", database=None)
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3})
    try:
        engine.connect().close()
    except sa.exc.OperationalError:
        return None
    finally:
        engine.dispose()
    return url.render_as_string(hide_password=False)
