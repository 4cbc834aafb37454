"""The activity alone tells where every item stands, whatever brought it there or took it away."""

from __future__ import annotations

from backlog.models import Activity, Actor, Item, Product
from backlog.services.items import ItemDraft, create_item, trash_item
from backlog.services.products import create_product
from backlog.services.transfer import move_to_product
from tests.backlog.imports import brought, jira_file
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.replay import replayed


def order_of(product: Product) -> list[int]:
    living = Item.objects.alive().filter(product=product)
    return list(living.order_by("backlog", "rank").values_list("pk", flat=True))


def test_imports_and_transfers_tell_where_items_stand(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga)
    create_item(shop, ItemDraft("There already"), actor=olga)
    brought(product, jira_file(), olga)
    nuclei, slides = (product.items.get(external_id=ref) for ref in ("VIS-2", "VIS-3"))
    trash_item(slides, actor=olga)
    move_to_product(nuclei, shop, actor=olga)
    brought(product, jira_file(), olga)  # which restores one and makes another anew
    for each in (product, shop):
        assert replayed(each) == order_of(each)
    left = Activity.objects.get(product=product, kind="item.left")
    assert [row[:2] + row[4:] for row in left.data["moved"]][0] == [
        nuclei.pk, nuclei.backlog_id, None, None
    ]  # fmt: skip
