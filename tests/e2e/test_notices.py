"""Notifications of a tab that is hidden behind another one, which is when people need them."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, Request, expect

from channels_ingest.events import DeliveryState, DeliveryUpdated
from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation
from inbox.services.conversations import assign
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, Membership
from oneview.common.ids import new_id
from oneview.common.scope import scope
from oneview.embedded.process import die_with_parent
from tests.conftest import CHROMIUM_OPTIONS
from tests.e2e.conftest import wait_for_answers
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in, user
from tests.inbox.visiting import wait

# The browser shows them; a test sees which.
KEEP = """
  window.told = [];
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      told.push(this);
    }
  };"""
TOLD = "told.map(({ title, body }) => [title, body])"


@pytest.fixture
def desk(playwright: Playwright, chromium: str, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with tabs: one is in front and the others are hidden. In those that Playwright starts by itself all
    believe that they are looked at.
    """
    options = ["--headless", *CHROMIUM_OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
    with subprocess.Popen(
        [chromium, *options], stderr=subprocess.DEVNULL, preexec_fn=die_with_parent(signal.SIGTERM)
    ) as child:
        browser = playwright.chromium.connect_over_cdp(wait_for_address(tmp_path), no_defaults=True)
        yield browser.contexts[0]
        browser.close()
        child.terminate()


def wait_for_address(home: Path) -> str:
    """Where a browser that has just been started is steered."""
    told, deadline = home / "DevToolsActivePort", time.monotonic() + 60
    while not (told.exists() and "/" in told.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return f"http://127.0.0.1:{told.read_text().split()[0]}"


@pytest.fixture
def open_tab(live: str, desk: BrowserContext, bob: Membership) -> Iterator[Callable[[], Page]]:
    """Bob's inbox, in front, in a browser in which he may be notified."""
    pending: set[Request] = set()
    desk.grant_permissions(["notifications"], origin=live)
    desk.add_cookies([{"name": "sessionid", "value": sign_in(bob).cookies["sessionid"].value, "url": live}])

    def open_page() -> Page:
        page = desk.new_page()
        page.add_init_script(KEEP)
        page.on("request", lambda request: pending.add(request))  # Playwright takes no bound built-in
        page.on("requestfinished", lambda request: pending.discard(request))
        page.on("requestfailed", lambda request: pending.discard(request))
        page.bring_to_front()
        page.goto(f"{live}/inbox/?box=all")
        page.wait_for_selector("body[data-link=on]", state="attached")
        return page

    yield open_page
    wait_for_answers(desk, pending)


@pytest.fixture
def page(open_tab: Callable[[], Page], ana: UUID, omar: UUID) -> Page:
    """Bob has switched notifications on."""
    page = open_tab()
    page.locator(".nav-profile").click()
    page.get_by_role("menuitemcheckbox", name="Notify me").click()
    expect(page.get_by_role("menuitemcheckbox", name="Notify me")).to_be_checked()
    page.keyboard.press("Escape")
    return page


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


def write(account: Account, channel: ChannelInfo, name: str, text: str) -> UUID:
    """The conversation of a user who writes."""
    take_in(account, channel, message(text, sender=user(f"ES.{name}", name=name)))
    with scope(account):
        return Conversation.objects.latest("last_message_id").id


@pytest.fixture
def omar(acme: Account, channel: ChannelInfo) -> UUID:
    """Nobody's."""
    return write(acme, channel, "Omar", "Hello from Omar")


@pytest.fixture
def ana(acme: Account, bob: Membership, channel: ChannelInfo) -> UUID:
    """Bob's."""
    id = write(acme, channel, "Ana", "Hello from Ana")
    give(acme, id, bob)
    return id


def give(account: Account, conversation: UUID, member: Membership) -> None:
    with scope(account) as now:
        assign(account, conversation, actor=Agent(0, "Alice"), assignee=member.user_id, now=now)


def fail_to_send(account: Account, channel: ChannelInfo, conversation: UUID, author: Author) -> None:
    """A reply, and what the provider said of it."""
    with scope(account) as now:
        sent, _ = send_reply(account, conversation, Draft(str(new_id()), "On its way"), author=author, now=now)
    told = DeliveryUpdated("900100", datetime.now(UTC), "", DeliveryState.FAILED, "No", message_id=str(sent.id))
    take_in(account, channel, told)


def hide(page: Page) -> None:
    page.context.new_page().bring_to_front()
    wait(lambda: page.evaluate("document.hidden && !document.hasFocus()"))


def wait_for(page: Page, *told: list[str]) -> None:
    wait(lambda: page.evaluate("told.length") >= len(told), seconds=20)
    assert page.evaluate(TOLD) == list(told)


def test_a_message_for_whom_it_is_assigned_to(acme: Account, channel: ChannelInfo, page: Page) -> None:
    """Not one for others or nobody."""
    hide(page)
    write(acme, channel, "Omar", "Is nobody there?")
    write(acme, channel, "Ana", "Are you there?")
    wait_for(page, ["Ana", "Are you there?"])


def test_without_names_and_text(acme: Account, channel: ChannelInfo, page: Page) -> None:
    page.locator(".nav-profile").click()
    page.get_by_role("menuitemcheckbox", name="Notify without names and text").click()
    hide(page)
    write(acme, channel, "Ana", "Are you there?")
    wait_for(page, ["Acme", "New message"])


def test_a_conversation_that_is_assigned(
    acme: Account, alice: Membership, bob: Membership, page: Page, omar: UUID
) -> None:
    hide(page)
    give(acme, omar, alice)
    give(acme, omar, bob)
    wait_for(page, ["Omar", "Assigned to you"])


def test_a_message_of_theirs_that_could_not_be_sent(
    acme: Account, alice: Membership, bob: Membership, channel: ChannelInfo, page: Page, ana: UUID, omar: UUID
) -> None:
    hide(page)
    fail_to_send(acme, channel, omar, Author("agent", alice.user_id, "Alice"))
    fail_to_send(acme, channel, ana, Author("agent", bob.user_id, "Bob"))
    wait_for(page, ["Ana", "Not sent."])


def test_a_note_that_calls_them(acme: Account, alice: Membership, page: Page, omar: UUID) -> None:
    hide(page)
    with scope(acme) as now:
        author = Author("agent", alice.user_id, "Alice")
        send_reply(acme, omar, Draft(str(new_id()), "@Bob?", private=True), author=author, now=now)
    wait_for(page, ["Omar", "Somebody called you in a note"])


def test_who_looks_needs_none_and_a_click_opens_the_conversation(
    acme: Account, channel: ChannelInfo, page: Page
) -> None:
    page.bring_to_front()
    write(acme, channel, "Ana", "You see this")
    expect(page.locator(".row", has_text="Ana")).to_contain_text("You see this")
    hide(page)
    write(acme, channel, "Ana", "And not this")
    wait_for(page, ["Ana", "And not this"])
    page.evaluate("told[0].dispatchEvent(new Event('click'))")
    page.bring_to_front()
    expect(page.locator("#name")).to_have_text("Ana")


def test_one_of_several_tabs(acme: Account, channel: ChannelInfo, page: Page, open_tab: Callable[[], Page]) -> None:
    """That which was looked at last."""
    other = open_tab()
    page.bring_to_front()
    wait(lambda: page.evaluate("document.hasFocus()"))
    hide(page)
    write(acme, channel, "Ana", "Are you there?")
    wait_for(page, ["Ana", "Are you there?"])
    assert other.evaluate("[document.hidden, told.length]") == [True, 0]
