"""One message and one user in a browser: what was known then, labels, redaction, writing to an address, blocking."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect

from inbox.models import Conversation, Thread
from inbox.services.contacts import join_contacts
from inbox.services.conversations import assign
from inbox.services.details import edit_contact
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import Open, answer_late
from tests.e2e.test_inbox_page import bubbles, count_violations
from tests.inbox.batches import ana, make_channel, message, take_in, user

SAID = "My card is 4111 1111 1111 1111"
BY_KEYBOARD_IN_LIGHT, BY_MOUSE_IN_DARK = ("light", "keyboard"), ("dark", "mouse")


@pytest.fixture
def conversation(acme: Account, bob: Membership) -> UUID:
    """Ana's, which Bob has. She is called Ana María since she wrote."""
    with scope(acme):
        channel = make_channel(acme)
    take_in(acme, channel, message(SAID, sender=ana()))
    actor = Agent(bob.user_id, "Bob")
    with scope(acme) as now:
        id = Conversation.objects.get().id
        assign(acme, id, actor=actor, assignee=bob.user_id, now=now)
        edit_contact(acme, id, actor=actor, changes={"name": "Ana María"}, now=now)
    return id


def choose(page: Page, opener: Locator, name: str) -> None:
    """An entry of the menu that a button opens."""
    opener.click()
    page.get_by_role("menuitem", name=name).click()


@pytest.mark.parametrize(("theme", "way"), [BY_KEYBOARD_IN_LIGHT, BY_MOUSE_IN_DARK])
def test_what_was_known_when_a_message_was_sent_stands_beside_what_is_known_now(
    bob: Membership, conversation: UUID, open_inbox: Open, theme: Any, way: str
) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/", color_scheme=theme)
    sent = bubbles(page, SAID)
    if way == "keyboard":
        sent.focus()
        page.keyboard.press("Enter")
    else:
        sent.locator(".msg-foot > time").click()
    section = page.get_by_role("region", name="When this was sent")
    expect(section).to_be_focused()
    changed = section.locator(".fact", has=page.locator(".since"))
    expect(changed).to_have_count(1)
    expect(changed.locator(".then")).to_have_text("Then: Ana Prieto")
    expect(changed.locator(".since")).to_have_text("Now: Ana María")
    section.get_by_label("New label").fill("card number")
    page.keyboard.press("Enter")
    expect(section.get_by_role("button", name="Remove the label card number")).to_be_visible()
    expect(sent.locator(".chip")).to_have_text("card number")
    assert count_violations(page) == []
    if way == "keyboard":
        page.keyboard.press("Escape")
        expect(sent).to_be_focused()
    else:
        section.get_by_role("button", name="Close").click()
    expect(section).to_have_count(0)


def test_what_changes_meanwhile_leaves_the_focus_where_it_is(
    acme: Account, bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/")
    bubbles(page, SAID).focus()
    page.keyboard.press("Enter")
    section = page.get_by_role("region", name="When this was sent")
    expect(section).to_be_focused()
    with scope(acme) as now:
        edit_contact(acme, conversation, actor=Agent(bob.user_id, "Bob"), changes={"name": "Anita"}, now=now)
    expect(section.locator(".since")).to_have_text("Now: Anita")
    expect(section).to_be_focused()
    page.keyboard.press("Escape")
    expect(section).to_have_count(0)


def test_it_has_the_focus_though_the_details_around_it_come_later(
    bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    page = open_inbox(bob, width=1024)
    answer_late(page, "**/panel/")
    page.locator(".row-link").click()
    bubbles(page, SAID).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="When this was sent")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_a_supervisor_redacts_is_gone_for_everybody_at_once(
    alice: Membership, bob: Membership, conversation: UUID, open_inbox: Open, theme: Any
) -> None:
    bobs, hers = (open_inbox(who, f"/inbox/c/{conversation}/", color_scheme=theme) for who in (bob, alice))
    sent = bubbles(hers, SAID)
    sent.hover()
    choose(hers, sent.get_by_role("button", name="More about this message"), "Redact…")
    dialog = hers.get_by_role("dialog", name="Redact this message?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert count_violations(hers) == []
    hers.keyboard.press("Tab")
    hers.keyboard.press("Enter")
    for page in (hers, bobs):
        expect(page.locator(".msg-gone")).to_contain_text("Redacted by Alice")
        expect(page.get_by_text(SAID)).to_have_count(0)
    bobs.get_by_role("button", name="More about this message").focus()
    expect(bobs.locator("#message-menu [data-do=redact]")).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_an_address_in_the_details_is_written_to(
    acme: Account, bob: Membership, conversation: UUID, open_inbox: Open, width: int
) -> None:
    with scope(acme):
        older = Thread.objects.get()
        another = make_channel(acme, external_id="900200")
    take_in(acme, another, message("From my new phone", sender=user("ES.77", name="Ana")))
    with scope(acme) as now:
        joined = Conversation.objects.exclude(id=conversation).get()
        join_contacts(acme, conversation, actor=Agent(bob.user_id, "Bob"), other=joined.id, now=now)
    page = open_inbox(bob, f"/inbox/c/{conversation}/", width=width)
    via = page.get_by_label("Channel of the reply")
    expect(via).not_to_have_value(str(older.id))
    if width < 1280:
        page.get_by_role("button", name="Details", exact=True).click()
    button = page.locator(f".panel-body:not([inert]) #write-{older.id}")
    expect(button).to_be_visible()
    button.focus()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(via).to_have_value(str(older.id))
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("Welcome")
    page.keyboard.press("Enter")
    expect(bubbles(page, "Welcome")).to_have_attribute("data-thread", str(older.id))
    expect(page.locator("#panel")).to_be_visible() if width == 1440 else expect(page.locator("#panel")).to_be_hidden()


def test_a_block_is_seen_by_all_and_lifted_by_a_supervisor(
    alice: Membership, bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    bobs, hers = (open_inbox(who, f"/inbox/c/{conversation}/") for who in (bob, alice))
    more = [page.get_by_role("button", name="More about this conversation") for page in (bobs, hers)]
    choose(bobs, more[0], "Block")
    for page in (bobs, hers):
        expect(page.locator("#banner")).to_contain_text("This contact is blocked.")
        expect(page.locator("#composer")).to_have_attribute("data-closed", "")
        expect(page.locator("#panel [data-do=write]")).to_be_disabled()
    more[0].click()
    expect(bobs.get_by_role("menuitem", name="Lift the block")).to_be_disabled()
    assert count_violations(bobs) == []
    choose(hers, more[1], "Lift the block")
    for page in (bobs, hers):
        expect(page.locator("#banner")).not_to_contain_text("blocked")
        expect(page.locator("#composer")).not_to_have_attribute("data-closed", "")
        expect(page.locator("#panel [data-do=write]")).to_be_enabled()
