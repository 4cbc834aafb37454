"""Browser tests of ceremonies share guests, and parts brought up to date as live pages do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from backlog.models import Actor
from sprints.models import Ceremony
from sprints.services.seats import be_present, come_as_guest, make_guest_link


@pytest.fixture
def open_as_guest(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """A page of a guest of a ceremony, who came by a link of this trade."""
    contexts = []

    def opened(ceremony: Ceremony, by: Actor, name: str = "Pia Planner") -> Page:
        link, _ = make_guest_link(ceremony, actor=by, trade="Urban planner")
        seat = come_as_guest(link, name)
        be_present(seat, actor=Actor.guest())
        session: Any = Client().session
        session["seats"] = {str(ceremony.pk): seat.pk}
        session.save()
        context = browser.new_context(base_url=site, viewport={"width": 390, "height": 844})
        contexts.append(context)
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "url": site, "value": session.session_key}]
        )
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


def bring_up(page: Page, part: str) -> None:
    """Fetch the part anew into its place, as happens when somebody else has done something."""
    page.evaluate(
        """part => {
            const place = document.getElementById(part);
            return htmx.ajax("GET", place.dataset.liveUrl, {target: place, swap: "outerMorph"});
        }""",
        part,
    )
