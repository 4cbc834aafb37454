"""A real browser on a real server: uvicorn in a process of its own, on the test's database."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect, sync_playwright

from backlog.models import Job, User
from backlog.services import jobs
from tests.chromium import ARGUMENTS, chromium_path
from tests.dataquality.servers import object_store
from tests.e2e import UNDER_WAY
from tests.processes.conftest import ROOT, database_url, until

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            # A browser on a busy machine may miss a beat; the summary names what was tried again.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright runs a loop in this thread, which Django else takes for a reason to refuse.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield opened
        opened.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's files: `data` and `sources`, both empty as each test begins."""
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="session")
def store_port() -> int:
    """The one port on loopback that the server may call: that of `store`."""
    return _free_port()


@pytest.fixture(scope="session")
def store(store_port: int) -> Iterator[str]:
    """An S3-compatible store: its endpoint."""
    with object_store(store_port) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def server(django_db_setup: None, house: Path, store_port: int) -> Iterator[str]:
    """The address of a server that serves all tests of this process, for a start takes seconds."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(house / "data"),
        "SOURCES_DIR": str(house / "sources"),
        "SECRET_KEY": settings.SECRET_KEY,
        "BASE_URL": address,
        "OUTBOUND_ALLOW": f"127.0.0.1:{store_port}",
    }
    command = [sys.executable, "-m", "uvicorn", "tests.e2e.asgi:application", "--port", str(port)]
    log = house / "web.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        _wait_for(f"{address}/healthz", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def site(
    browser: Browser, transactional_db: None, server: str, house: Path, settings: Any
) -> Iterator[str]:
    """The address of a running site without any files in it."""
    data, sources = house / "data", house / "sources"
    for folder in (data / "files", sources):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    settings.DATA_DIR, settings.SOURCES_DIR = data, sources
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(data / "files"), "base_url": None},
        },
    }
    yield server
    # The database is emptied next, which must not meet a statement half way.
    until(lambda: _read(f"{server}{UNDER_WAY}") == b"0", "the server has answered everything", 20)


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """A page of a person who has signed in; whatever the browser complains of fails the test, but
    what is `tolerated`, a pattern."""
    contexts, complaints = [], []

    def opened(
        user: User, *, tolerated: str = "the server responded with a status of 4", **options: Any
    ) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = browser.new_context(base_url=site, **options)
        contexts.append(context)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "url": site,
                              "value": _session_of(user)}])  # fmt: skip
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type == "error" and not re.search(tolerated, said.text)
                else None
            ),
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def serious_faults(page: Page, *, leaving_out: str | None = None) -> list[str]:
    """What axe-core calls serious or critical on the page that is open, outside of a selector."""
    # bypass_csp would hide faults of ours; evaluate runs outside of the page's policy.
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "exclude => axe.run({include: [document], exclude}, {resultTypes: ['violations']})",
        [leaving_out] if leaving_out else [],
    )
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def work() -> None:
    """Carry out every job that waits, as a worker would."""
    for job in Job.objects.filter(state=Job.State.QUEUED).order_by("pk"):
        jobs.run(job.pk)


def _session_of(user: User) -> str:
    from django.test import Client  # noqa: PLC0415  after the settings of the test

    client = Client()
    client.force_login(user)
    assert client.session[SESSION_KEY]
    return str(client.session.session_key)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            _read(url)
        except OSError:  # refused, or slow on a busy machine
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the site does not answer:\n{log.read_text()}")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  ours
        body: bytes = answer.read()
        return body


def without_news(page: Page) -> None:
    """What others do does not come to the page."""
    silence = {"content_type": "text/event-stream", "body": "retry: 600000\n\n"}
    page.route("**/live/?*", lambda route: route.fulfill(**silence))


def drag(
    page: Page,
    what: Locator,
    onto: Locator,
    *,
    at: tuple[int, int] = (60, 14),
    to: tuple[int, int] | None = None,
    held: Callable[[], None] = lambda: None,
) -> None:
    """By the hand: slowly enough for the drag to begin; `held` is what happens before it does.

    `at` is where what is dragged is held, and `to` where it is dropped, in px from the left upper
    corners; else low in the middle.
    """
    start, end = _box(page, what), _box(page, onto)
    x, y = start["x"] + at[0], start["y"] + at[1]
    page.mouse.move(x, y)
    page.mouse.down()
    held()
    page.mouse.move(x + 6, y + 8, steps=4)
    x, y = to or (end["width"] / 2, end["height"] * 0.7)
    page.mouse.move(end["x"] + x, end["y"] + y, steps=12)
    page.wait_for_timeout(250)  # while others make room, the drag sees no place there
    page.mouse.move(end["x"] + x + 2, end["y"] + y + 1, steps=2)
    page.mouse.up()
    expect(page.locator(".sortable-chosen")).to_have_count(0)


def _box(page: Page, what: Locator) -> FloatRect:
    """Where something is, once it has come to rest there."""
    expect(what).to_be_visible()
    what.evaluate("element => element.scrollIntoView({ block: 'nearest' })")
    before = None
    for _ in range(40):
        box = what.bounding_box()
        if box is not None and box == before:
            return box
        before = box
        page.wait_for_timeout(50)
    raise AssertionError(f"{what} does not come to rest")
