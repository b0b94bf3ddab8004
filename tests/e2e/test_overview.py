"""The supervisors' overview in a browser: it follows what happens, on every screen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import Open
from tests.inbox.batches import make_channel, message, take_in, user

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def channel(acme: Account, alice: Membership) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


def ask(account: Account, channel: ChannelInfo, name: str, *, minutes: int = 0) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    take_in(account, channel, message(f"from {name}", sender=user(f"ES.{name}", name=name), at=at))


def test_it_follows_what_happens(acme: Account, alice: Membership, channel: ChannelInfo, open_inbox: Open) -> None:
    """Nobody reloads: who writes appears, who is answered goes; a second look at the same link keeps the focus."""
    ask(acme, channel, "Ana Prieto", minutes=12)
    page = open_inbox(alice, "/admin/overview/")
    waiting = page.locator("section", has=page.get_by_role("heading", name="Waiting, the longest first"))
    expect(waiting.get_by_role("link")).to_have_text(["Ana Prieto"])
    waiting.get_by_role("link", name="Ana Prieto").focus()
    ask(acme, channel, "Omar Haddad")
    expect(waiting.get_by_role("link")).to_have_text(["Ana Prieto", "Omar Haddad"])
    expect(page.locator(".figures b").first).to_have_text("2")
    expect(page.locator(":focus")).to_have_text("Ana Prieto")
    with scope(acme) as now:
        ana = Conversation.objects.order_by("last_message_id")[0]
        author = Author("agent", alice.user_id, "Alice")
        send_reply(acme, ana.id, Draft("1", "On its way"), author=author, now=now)
    expect(waiting.get_by_role("link")).to_have_text(["Omar Haddad"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_and_axe_has_nothing_to_say(
    acme: Account, alice: Membership, channel: ChannelInfo, open_inbox: Open, width: int, scheme: str
) -> None:
    ask(acme, channel, "Ana Prieto", minutes=12)
    page = open_inbox(alice, "/admin/overview/", width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    found = Axe().run(page, context="#content", options={"runOnly": RULES, "preload": False})
    assert [violation["id"] for violation in found.response["violations"]] == []
