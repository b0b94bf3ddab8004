"""A window in which somebody is signed in, which ends with a check: an empty console, nothing fetched from elsewhere.
And a number on the sandbox's WhatsApp.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from channels_ingest.models import Channel
from channels_ingest.services import create_channel
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.fixtures import sign_in

Open = Callable[..., Page]

expect.set_options(timeout=20_000)  # milliseconds: a browser and four processes on a small machine

# What the browser itself says of a connection that a test cut or an answer that a test refused.
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection to", "Failed to load resource")

NUMBER_ID = "900100200300"
CREDENTIALS = {
    "app_secret": "journey-secret",
    "verify_token": "v",
    "access_token": "journey-token",
    "base_url": "/sandbox/whatsapp/graph",
}


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


@pytest.fixture
def shop_line(acme: Account) -> Channel:
    with scope(acme):
        return create_channel(
            acme.id, kind="whatsapp", name="Shop line", external_id=NUMBER_ID, credentials=CREDENTIALS
        )


@pytest.fixture
def customer(live: str, shop_line: Channel) -> Callable[..., dict[str, Any]]:
    """`customer("text", sender=, name=, at=)`: somebody writes to the shop line on the sandbox's WhatsApp."""

    def write(text: str, *, sender: str = "34600111222", name: str = "Ana Prieto", **more: Any) -> dict[str, Any]:
        given = {"from": sender, "name": name, "text": text, **more}
        answer = call(f"{live}/sandbox/whatsapp/{NUMBER_ID}/messages/", given)
        assert answer["status"] == 200
        return answer

    return write


def call(url: str, document: dict[str, Any] | None = None, *, token: str = "") -> dict[str, Any]:
    """What a program is answered; urllib raises what is no success."""
    body = None if document is None else json.dumps(document).encode()
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        result: dict[str, Any] = json.load(answer)
    return result


def list_sent(live: str) -> list[str]:
    """The texts that arrived at the provider."""
    results = call(f"{live}/sandbox/whatsapp/{NUMBER_ID}/sent/?after=0")["results"]
    return [entry["body"]["text"]["body"] for entry in results]
