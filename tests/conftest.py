"""The cast and what every test may use."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient

from backlog.models import Actor, Member, Product, Role, Scope, User
from backlog.services.members import add_member
from backlog.services.products import create_product
from backlog.services.tokens import create_token

# A machine that is busy with other tests says nothing about the code.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

CAST = {
    "olga": ("Olga Kuznetsova", Role.PRODUCT_OWNER),
    "max": ("Max Berger", Role.DEVELOPER),
    "sina": ("Sina Rahimi", Role.SCRUM_MASTER),
    "dora": ("Dora Anyango", Role.DOMAIN_EXPERT),
    "vera": ("Vera Novak", Role.STAKEHOLDER),
    "sam": ("Sam Stranger", None),
}


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Passwords in tests need no strength; the real hasher would cost a second a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class Cast:
    """The people of all tests, by their first names."""

    olga: User
    max: User
    sina: User
    dora: User
    vera: User
    sam: User

    def __getitem__(self, name: str) -> User:
        person: User = getattr(self, name)
        return person


def pytest_configure() -> None:
    """Runs beside one another empty no cache but their own: each has a Redis database."""
    runner = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    server = urlsplit(settings.REDIS_URL)
    if runner and server.scheme in {"redis", "rediss"}:
        path = f"/{int(server.path.strip('/') or 0) + runner}"
        settings.CACHES["default"]["LOCATION"] = server._replace(path=path).geturl()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """SQLite in a file, which the processes and servers of a test can open too."""
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        test = settings.DATABASES["default"].setdefault("TEST", {})
        test["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture
def cast(db: None) -> Cast:
    people = Cast()
    for name, (full_name, _) in CAST.items():
        setattr(people, name, User.objects.create_user(f"{name}@example.org", full_name, "pw"))
    return people


@pytest.fixture
def product(cast: Cast) -> Product:
    """MED, with the whole cast but Sam as members."""
    olga = Actor.person(cast.olga)
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    for name, (_, role) in CAST.items():
        if role and name != "olga":
            add_member(product, cast[name], role, actor=olga)
    return product


@pytest.fixture
def other_product(cast: Cast) -> Product:
    """SHOP, which Sam alone belongs to."""
    return create_product(
        key="SHOP", name="Recommender", owner=cast.sam, actor=Actor.person(cast.sam)
    )


@pytest.fixture
def as_person() -> Any:
    """Sign a person in and return the browser."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def api() -> Any:
    """A REST client with a new token of a person, or of a product."""

    def client(
        user: User | None = None,
        *,
        product: Product | None = None,
        scopes: tuple[Scope, ...] = tuple(Scope),
    ) -> APIClient:
        actor = Actor.person(user) if user else Actor.system()
        _, secret = create_token(
            name="test", scopes=scopes, days=1, actor=actor, user=user, product=product
        )
        caller = APIClient()
        caller.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return caller

    return client


@pytest.fixture
def member(product: Product, cast: Cast) -> Any:
    """The membership of one of the cast in MED."""

    def find(name: str) -> Member:
        return product.members.get(user=cast[name])

    return find
