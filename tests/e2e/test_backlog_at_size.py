"""The backlog at the size of real ones: thousands of items by REST, then groomed in a browser.

Each step waits for what a person sees; how long that took is printed (`pytest -s`), never judged.
"""

from __future__ import annotations

import csv
import json
import random
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from backlog.models import Actor, Product, Scope
from backlog.services.tokens import create_token
from tests.conftest import Cast
from tests.processes.conftest import ROOT

REAL = ROOT.parent / "shared" / "data" / "backlogs"
ITEMS = 6372
AT_ONCE = 500
OpenPage = Callable[..., Page]
# From the click to when what fills most of the window was painted, here rows: in ms.
LARGEST_PAINT = """new Promise((said) => {
    new PerformanceObserver((seen) => said(seen.getEntries().at(-1).startTime))
        .observe({ type: "largest-contentful-paint", buffered: true });
})"""


def texts() -> list[dict[str, Any]]:
    """The real items where they are at hand, else as many that look like them."""
    files = sorted(REAL.glob("*.csv"))
    if not files:
        choice = random.Random(1)
        words = ["executor", "slave", "master", "scheduler", "reads", "drops", "row", "container"]
        return [
            {
                "title": f"{' '.join(choice.sample(words, 6))} {n}",
                "points": choice.choice([1, 3, 8]),
            }
            for n in range(ITEMS)
        ]
    rows: list[dict[str, Any]] = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            rows += [
                {
                    "title": row["title"][:250],
                    "description": row["description"][:20_000],
                    "points": float(row["storypoint"]),
                }
                for row in csv.DictReader(lines)
            ]
    return rows


def bring(site: str, token: str, items: list[dict[str, Any]]) -> None:
    for start in range(0, len(items), AT_ONCE):
        body = json.dumps({"items": items[start : start + AT_ONCE]}).encode()
        request = urllib.request.Request(  # noqa: S310  ours
            f"{site}/api/v1/products/MED/items/bulk/",
            data=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  ours
            assert answer.status == 201


def wait_until_quiet(page: Page) -> None:
    """Until nothing has been fetched for a second: a load state that was reached once says it at
    once ever after."""
    fetched = "performance.getEntriesByType('resource').length"
    before = -1
    while before != (now := page.evaluate(fetched)):
        before = now
        page.wait_for_timeout(1000)


@contextmanager
def step(page: Page, name: str, shows: str) -> Iterator[None]:
    """Say how long it takes from what is done within until JavaScript finds that it `shows`,
    when nothing of the step before is under way any more."""
    wait_until_quiet(page)
    begun = time.perf_counter()
    yield
    page.wait_for_function(shows, polling="raf")
    print(f"{name}: {(time.perf_counter() - begun) * 1000:.0f} ms")


def test_a_backlog_of_thousands_is_groomed_in_a_browser(
    product: Product, cast: Cast, site: str, open_page: OpenPage
) -> None:
    olga = Actor.person(cast.olga)
    _, token = create_token(
        name="ci", scopes=[Scope.READ, Scope.WRITE], days=1, actor=olga, product=product
    )
    items = texts()
    bring(site, token, items)
    assert product.items.count() == len(items)

    page = open_page(cast.olga)
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.goto("/p/MED/backlog/")  # the server reads its templates
    page.goto("/p/MED/epics/")
    page.locator("#rooms").get_by_role("link", name="Backlog").click()
    expect(page.locator("#backlog [data-ref=MED-1]")).to_be_visible()
    expect(page.locator("#backlog-counts")).to_contain_text(f"{len(items):,} items")
    print(f"open: {page.evaluate(LARGEST_PAINT):.0f} ms")
    weight = page.evaluate("document.querySelectorAll('*').length")

    last = f"MED-{len(items)}"
    with step(page, "scroll to the end", f"() => document.querySelector('[data-ref={last}]')"):
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator(f"#backlog [data-ref={last}]")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 6 * weight

    page.keyboard.press("/")
    first = "document.querySelector('#backlog [data-list] [data-ref]')"
    chosen = "document.getElementById('backlog').dataset.query.includes('q=executor')"
    with step(page, "search", f"() => {chosen} && {first}"):
        page.locator("#q").fill("executor")
    expect(page.locator("#backlog-counts")).to_contain_text("shown")
    page.locator("summary", has_text="Kind").click()
    page.get_by_label("Story", exact=True).check()
    with step(page, "filter", "() => document.querySelectorAll('.chip-pair').length === 1"):
        page.locator("details[open]").get_by_role("button", name="Apply").click()
    expect(page.locator("#backlog-counts")).to_contain_text("shown")
    page.keyboard.press("Escape")

    page.keyboard.press("j")
    page.keyboard.press("x")
    for _ in range(49):
        page.keyboard.press("Shift+J")
    expect(page.locator("#selection")).to_contain_text("50 selected")
    refs = page.locator("#backlog .is-selected").evaluate_all("all => all.map(r => r.dataset.ref)")
    page.keyboard.press("l")
    page.keyboard.type("seen")
    labelled = "document.querySelectorAll('#backlog [data-cell=label][data-value=seen]').length"
    with step(page, "label 50", f"() => {labelled} === 50"):
        page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    toasts = "document.getElementById('toasts').textContent"
    with step(page, "move 50 to the top", f"() => {toasts}.includes('50 items moved.')"):
        page.keyboard.press("Enter")
    ranked = product.items.order_by("rank")
    assert [item.ref for item in ranked[:50]] == refs
    with step(page, "undo", f"() => {toasts}.includes('back where they were')"):
        page.keyboard.press("Control+z")
    assert [item.number for item in ranked[:3]] == [1, 2, 3]
