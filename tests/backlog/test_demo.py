"""The demo comes and goes, and takes nothing along that people have made their own."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from backlog.models import Actor, Product, Role, User
from backlog.services import demo
from backlog.services.members import add_member
from tests.conftest import Cast


@pytest.fixture
def loaded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Product:
    monkeypatch.setattr(demo, "_chapters", {})
    monkeypatch.setattr(demo, "_take_aways", {})
    (product,) = demo.load(["MED"])
    return product


def test_the_demo_is_loaded_once_and_removed_with_its_people(loaded: Product, cast: Cast) -> None:
    assert demo.load(["MED"]) == []
    told = StringIO()
    call_command("demo", "--remove", stdout=told)
    assert told.getvalue() == "Demo products removed: MED.\n"
    assert not Product.objects.exists()
    assert not User.objects.filter(is_demo=True).exists()
    assert User.objects.filter(pk=cast.olga.pk).exists()


def test_a_chapter_takes_away_what_it_added(loaded: Product) -> None:
    taken: list[str] = []
    demo.register_chapter("MED", lambda product, actor: None, lambda p: taken.append(p.key))
    demo.register_chapter("MED", lambda product, actor: None)
    demo.remove()
    assert taken == ["MED"]


def test_a_product_that_people_use_is_kept_with_its_people(loaded: Product, cast: Cast) -> None:
    taken: list[str] = []
    demo.register_chapter("MED", lambda product, actor: None, lambda p: taken.append(p.key))
    olga = Actor.person(User.objects.get(email="olga@demo.example"))
    add_member(loaded, cast.sam, Role.DEVELOPER, actor=olga)
    told = StringIO()
    call_command("demo", "--remove", stdout=told)
    assert "MED is kept" in told.getvalue()
    assert Product.objects.get() == loaded
    assert loaded.members.filter(role=Role.PRODUCT_OWNER).exists()
    assert taken == []
