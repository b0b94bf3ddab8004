"""A window in which somebody is signed in, which ends with a check: an empty console, nothing fetched from elsewhere.
Three people who wrote, and a number on the sandbox's WhatsApp.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from playwright.sync_api import APIResponse, Browser, BrowserContext, ConsoleMessage, Page, Request, Route, expect

from channels_ingest.models import Channel
from channels_ingest.services import create_channel
from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation
from inbox.services import conversations
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in, user

Open = Callable[..., Page]

expect.set_options(timeout=20_000)  # milliseconds: a browser and four processes on a small machine

# What the browser itself says of a connection that a test cut or an answer that a test refused.
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection to", "Failed to load resource")

ANA, OMAR, LIN = "Ana Prieto", "Omar Haddad", "Lin Wei"
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


def answer_late(page: Page, path: str) -> None:
    """What is asked for there comes a second later."""

    def wait(route: Route) -> None:
        page.wait_for_timeout(1_000)
        route.continue_()

    page.route(path, wait)


class Held:
    """Answers that the server has given and that are on their way to the page until `release()`."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.answers: list[tuple[Route, APIResponse]] = []
        self.is_over = False
        page.route(path, self.hold)

    def hold(self, route: Route) -> None:
        if self.is_over:
            route.fallback()
        else:
            self.answers.append((route, route.fetch()))

    def wait(self) -> None:
        """Until there is one."""
        while not self.answers:
            self.page.wait_for_timeout(20)

    def release(self) -> None:
        self.is_over = True
        for route, answer in self.answers:
            route.fulfill(response=answer)


@pytest.fixture
def whatsapp(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def say(acme: Account, whatsapp: ChannelInfo) -> Callable[..., None]:
    """`say("Ana Prieto", "Hello")`: a user writes."""

    def write(name: str, text: str, *, ago: timedelta = timedelta()) -> None:
        sender = user(f"ES.{name}", phone=f"346001112{len(name)}", name=name)
        take_in(acme, whatsapp, message(text, sender=sender, at=timezone.now() - ago))

    return write


@pytest.fixture
def three(acme: Account, bob: Membership, say: Callable[..., None]) -> dict[str, UUID]:
    """Three people wrote, Ana last; Bob has all of them."""
    for name, minutes in ((LIN, 30), (OMAR, 20), (ANA, 10)):
        say(name, f"Hello from {name}", ago=timedelta(minutes=minutes))
    ids: dict[str, UUID] = {}
    with scope(acme) as now:
        for conversation in Conversation.objects.order_by("-last_message_id"):
            ids[(ANA, OMAR, LIN)[len(ids)]] = conversation.id
            actor = Agent(bob.user_id, "Bob")
            conversations.assign(acme, conversation.id, actor=actor, assignee=bob.user_id, now=now)
    return ids


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
