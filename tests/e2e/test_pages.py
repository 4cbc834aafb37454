"""Every page of the house in a real browser: for people with aids, and as wide as the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page

from tests.backlog.test_access_walk import doors, url_of, values  # noqa: F401  a fixture
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults, work

LOOKS = [(1440, "light"), (390, "light"), (1440, "dark")]
NOT_IN_THE_RESOLVER = ["/p/MED/nowhere/"]
# Third-party markup that we can't mend: Swagger UI nests buttons, and its greys are too light.
NOT_OURS = {"/api/v1/docs/": "#swagger-ui"}


def shown_to(client: Client, values: dict[str, Any]) -> list[str]:  # noqa: F811
    """The paths that answer this reader's GET with a page."""
    paths = []
    for path in sorted({url_of(door, values) for door in doors() if door.method == "get"}):
        answer = client.get(path, headers={"Accept": "text/html"})
        if answer.streaming and answer.is_async:
            continue  # a stream of events, which never ends
        if answer.streaming:
            list(answer.streaming_content)  # which closes its file
            continue
        is_html = answer.headers.get("Content-Type", "").startswith("text/html")
        # Parts of pages, such as rows of the backlog, are looked at where they stand.
        if answer.status_code == 200 and is_html and b"<html" in answer.content:
            paths.append(path)
    return paths


def faults_of(page: Page, path: str) -> list[str]:
    page.goto(path)
    page.wait_for_load_state()
    found = serious_faults(page, leaving_out=NOT_OURS.get(path))
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wider > 0:
        found.append(f"is {wider} px wider than the window")
    return [f"{path} {fault}" for fault in found]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_no_page_has_a_serious_fault_for_people_with_aids_or_scrolls_sideways(
    open_page: Callable[..., Page],
    values: dict[str, Any],  # noqa: F811
    cast: Cast,
    as_person: Any,
    width: int,
    theme: str,
) -> None:
    cast.olga.is_administrator = True
    cast.olga.save()
    work()
    look = {"viewport": {"width": width, "height": 900}, "color_scheme": theme}
    paths = shown_to(as_person(cast.olga), values)
    assert len(paths) >= 30
    page = open_page(cast.olga, **look)
    faults = [fault for path in [*paths, *NOT_IN_THE_RESOLVER] for fault in faults_of(page, path)]
    page.context.clear_cookies()
    faults += [fault for path in shown_to(Client(), values) for fault in faults_of(page, path)]
    assert not faults, "\n".join(faults)
