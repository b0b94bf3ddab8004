"""A window in which somebody is signed in. It ends with a check: an empty console, nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from oneview.accounts.models import Membership
from tests.fixtures import sign_in

Open = Callable[..., Page]

expect.set_options(timeout=20_000)  # milliseconds: a browser and four processes on a small machine

# What the browser itself says of a connection that a test cut or an answer that a test refused.
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection to", "Failed to load resource")


@pytest.fixture
def open_inbox(live: str, browser: Browser) -> Iterator[Open]:
    """`open_inbox(member, path, width=, ...)`: a page of a new window, its socket connected."""
    contexts: list[BrowserContext] = []
    pending: set[Request] = set()
    complaints: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(expected in message.text for expected in EXPECTED):
            complaints.append(message.text)

    def note_request(request: Request) -> None:
        pending.add(request)
        if not request.url.startswith((live, live.replace("http", "ws", 1), "data:", "blob:")):
            complaints.append(f"fetched {request.url}")

    def open_page(
        member: Membership, path: str = "/inbox/", *, width: int = 1440, height: int = 900, **options: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=live, **options)
        contexts.append(context)
        session = sign_in(member).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live}])
        page = context.new_page()
        page.on("console", note_console)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", note_request)
        page.on("requestfinished", lambda request: pending.discard(request))  # Playwright takes no bound built-in
        page.on("requestfailed", lambda request: pending.discard(request))
        page.goto(path)
        page.wait_for_selector("body[data-link=on]", state="attached")
        return page

    yield open_page
    for context in contexts:
        wait_for_answers(context, pending)
        context.close()
    assert complaints == []


def wait_for_answers(context: BrowserContext, pending: set[Request]) -> None:
    """The tables are emptied after a test: a request that is still being answered would meet that in a deadlock. What
    just changed is asked for a moment later.
    """
    context.set_offline(False)
    page, quiet = context.pages[0], 0
    for _ in range(50):
        page.wait_for_timeout(100)
        quiet = 0 if pending else quiet + 1
        if quiet == 6:
            break
