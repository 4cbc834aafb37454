"""A code host by key alone: it is added, its pull request moves an item, and its log says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Product
from backlog.services.items import ItemDraft, create_item
from tests.backlog.code_hosts import Sender
from tests.conftest import Cast

SETTINGS = "/p/MED/settings"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_code_host_is_added_heard_and_removed_by_keyboard(
    product: Product, cast: Cast, open_page: Callable[..., Page], width: int
) -> None:
    create_item(product, ItemDraft("Second reading"), actor=Actor.person(cast.olga))
    page = open_page(cast.olga, viewport={"width": width, "height": 900})
    page.goto(f"{SETTINGS}/webhooks/")
    page.get_by_role("main").get_by_role("link", name="code hosts", exact=True).press("Enter")
    page.get_by_label("Name").press_sequentially("Clinic")
    page.get_by_label("When a pull request that fixes an item is opened").select_option("In review")
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Clinic is added")
    host = product.code_hosts.get()
    sender = Sender(host, page.locator("#secret").inner_text())
    expect(page.locator("#address")).to_contain_text(f"/hooks/{host.address}/")

    assert sender.pull_request(body="Fixes MED-1").json() == {"state": "taken"}
    page.get_by_role("link", name="To Clinic").press("Enter")
    log = page.get_by_role("region", name="Messages")
    expect(log).to_contain_text("MED-1: clinic/diagnosis/pull/7 is open; set to In review")
    sender.push("MED-1 Read twice")  # a name of a run that is longer than a phone is wide
    page.goto("/p/MED/items/MED-1/")
    runs = page.get_by_role("region", name="Experiments, builds and pull requests")
    pull_request = runs.get_by_role("link", name="github clinic/diagnosis/pull/7")
    expect(pull_request).to_have_attribute("href", "https://github.com/clinic/diagnosis/pull/7")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    page.goto(f"{SETTINGS}/code-hosts/{host.pk}/")
    page.get_by_text("New secret", exact=True).press("Enter")
    box = page.get_by_role("button", name="Make a new secret").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= width - box["width"]
    page.get_by_label("Remove the code host").press("Enter")
    page.get_by_role("button", name="Remove it").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Clinic is gone")
    assert sender.pull_request(body="Fixes MED-1", state="merged").status_code == 404
