"""A channel's page in the admin, in a browser: its address is copied, its credentials are checked while one looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from channels_ingest.models import Channel
from channels_ingest.services import create_channel
from oneview.accounts.models import Membership
from oneview.common.scope import scope
from tests.fixtures import sign_in

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("worker")]

CREDENTIALS = {
    "app_secret": ["new", "former"],
    "verify_token": "v",
    "access_token": "t",
    "base_url": "/sandbox/whatsapp/graph",
}
SERIOUS = ("error", "warning")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = [(1440, 900), (390, 844)]


@pytest.fixture
def channel(alice: Membership) -> Channel:
    with scope(alice.account):
        return create_channel(
            alice.account_id, kind="whatsapp", name="Shop line", external_id="900100", credentials=CREDENTIALS
        )


@pytest.fixture
def open_page(live: str, browser: Browser, alice: Membership, channel: Channel) -> Iterator[Callable[..., Page]]:
    """The channel's page in a window of its own. It ends with a check of its console."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(size: tuple[int, int] = SIZES[0], *, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            base_url=live,
            color_scheme="dark" if scheme == "dark" else "light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        session = sign_in(alice).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in SERIOUS else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"/admin/channels_ingest/channel/{channel.pk}/change/", wait_until="networkidle")
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


def test_the_address_is_copied_with_the_keyboard(open_page: Callable[..., Page], channel: Channel, live: str) -> None:
    page = open_page()
    page.get_by_label("Webhook address").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{live}/webhooks/whatsapp/{channel.public_id}/"


def test_a_check_is_followed_and_what_is_being_typed_stays(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.get_by_role("button", name="Check now").click()
    page.get_by_label("Name:").fill("Being typed")
    expect(page.locator("#channel-panel")).to_contain_text(re.compile("Good, checked .*Sandbox, \\+15550001111"))
    expect(page.get_by_label("Name:")).to_have_value("Being typed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=["wide", "small"])
def test_it_fits_and_axe_has_nothing_to_say(open_page: Callable[..., Page], size: tuple[int, int], scheme: str) -> None:
    page = open_page(size, scheme=scheme)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    found = Axe().run(page, context="#channel-panel", options={"runOnly": RULES, "preload": False})
    assert [violation["id"] for violation in found.response["violations"]] == []
