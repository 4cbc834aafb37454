"""The triage with the hands on the keyboard: choose, decide, take back, and see others do so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Finding, Product
from backlog.rules.severity import Severity
from backlog.services import findings
from tests.backlog.evidence import see
from tests.conftest import Cast

OpenPage = Callable[..., Page]
TRIAGE = "/p/MED/findings/triage/"


@pytest.fixture
def waiting(product: Product) -> list[Finding]:
    """Five findings that the product files no items of."""
    Product.objects.filter(pk=product.pk).update(file_from="P1")
    product.refresh_from_db()
    return see(product, "a", "b", "c", "d", "e", severity=Severity.INFO, excess=0.5)


def test_one_is_filed_two_are_merged_and_the_merge_is_taken_back(
    waiting: list[Finding], cast: Cast, open_page: OpenPage
) -> None:
    page = open_page(cast.max)
    page.goto(TRIAGE)
    found = page.locator("#triage [data-row]")
    expect(found).to_have_count(5)

    page.keyboard.press("j")
    expect(found.nth(0).locator(".triage-title")).to_be_focused()
    page.keyboard.press("f")
    expect(page.locator("#toasts")).to_contain_text("Filed MED-1.")
    expect(found).to_have_count(4)

    expect(found.nth(0).locator(".triage-title")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-chosen]")).to_have_text("2 chosen")
    page.keyboard.press("d")
    expect(page.locator("#id_into")).to_be_focused()
    page.keyboard.press("Enter")
    expect(found).to_have_count(3)
    assert Finding.objects.filter(merged_into__isnull=False).count() == 1

    page.keyboard.press("u")
    expect(found).to_have_count(4)
    assert not Finding.objects.filter(merged_into__isnull=False).exists()


def test_one_is_muted_up_to_a_level_and_another_resolved(
    waiting: list[Finding], cast: Cast, open_page: OpenPage
) -> None:
    page = open_page(cast.max)
    page.goto(TRIAGE)
    found = page.locator("#triage [data-row]")
    page.keyboard.press("j")
    page.keyboard.press("m")
    page.locator("#id_cap").fill("7.5")
    page.keyboard.press("Enter")
    expect(found).to_have_count(4)
    assert Finding.objects.get(state="muted").muted_cap == 7.5

    page.keyboard.press("r")
    page.locator("#id_reason").select_option("upstream")
    page.locator("#decide .menu[open]").get_by_role("button", name="Resolve").click()
    expect(found).to_have_count(3)
    assert Finding.objects.get(state="resolved").resolved_reason == "upstream"


def test_what_others_decide_is_seen_at_once(
    waiting: list[Finding], cast: Cast, open_page: OpenPage
) -> None:
    page = open_page(cast.max)
    page.goto(TRIAGE)
    found = page.locator("#triage [data-row]")
    expect(found).to_have_count(5)
    findings.mute(waiting[0], actor=Actor.person(cast.olga))
    expect(found).to_have_count(4)
