"""Lists ask the database as often for many rows as for few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Product, Scope, User
from backlog.services.invitations import invite
from backlog.services.items import ItemDraft, create_items, trash_item
from backlog.services.members import add_member
from backlog.services.products import create_product
from backlog.services.tokens import create_token
from tests.backlog.evidence import see
from tests.conftest import Cast

More = Callable[[Product, User, str], None]


def more_items(product: Product, olga: User, mark: str) -> None:
    drafts = [ItemDraft(f"{mark}{n}", assignees=[olga]) for n in range(3)]
    create_items(product, drafts, actor=Actor.person(olga))
    product.file_from = "P1"
    product.save()
    see(product, f"{mark}filed")
    see(product, f"{mark}minor", excess=0.4)


def more_trash(product: Product, olga: User, mark: str) -> None:
    drafts = [ItemDraft(f"{mark}{n}") for n in range(3)]
    for item in create_items(product, drafts, actor=Actor.person(olga)):
        trash_item(item, actor=Actor.person(olga))


def more_people(product: Product, olga: User, mark: str) -> None:
    for n in range(3):
        user = User.objects.create_user(f"{mark}{n}@example.org", f"{mark} {n}", "pw")
        add_member(product, user, "developer", actor=Actor.person(olga))
        invite(product, f"{mark}{n}@example.com", "developer", actor=Actor.person(olga))


def more_tokens(product: Product, olga: User, mark: str) -> None:
    for n in range(3):
        create_token(
            name=f"{mark}{n}",
            scopes=(Scope.READ,),
            days=1,
            actor=Actor.person(olga),
            product=product,
        )


def more_products(product: Product, olga: User, mark: str) -> None:
    for n in range(3):
        made = create_product(
            key=f"{mark}{n}", name=f"{mark}{n}", owner=olga, actor=Actor.person(olga)
        )
        create_items(made, [ItemDraft("a"), ItemDraft("b")], actor=Actor.person(olga))


def more_occurrences(product: Product, olga: User, mark: str) -> None:
    for _ in range(3):
        see(product, "age")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/p/MED/backlog/", more_items),
        ("/p/MED/findings/", more_items),
        ("/p/MED/trash/", more_trash),
        ("/p/MED/members/", more_people),
        ("/p/MED/tokens/", more_tokens),
        ("/products/", more_products),
        ("/people/", more_people),
        ("/p/MED/findings/{finding}/", more_occurrences),
    ],
)
def test_a_list_asks_no_more_for_more_rows(
    product: Product, cast: Cast, as_person: Any, path: str, more: More
) -> None:
    cast.olga.is_administrator = True
    cast.olga.save()
    client = as_person(cast.olga)
    [age] = see(product, "age")
    path = path.format(finding=age.pk)
    more(product, cast.olga, "few")
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)
    more(product, cast.olga, "many")
    with CaptureQueriesContext(connection) as many:
        assert client.get(path).status_code == 200
    assert len(many) == len(few)
