"""Bots and people in one conversation, and people who may not do the same: the whole way, in a browser."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from inbox.models import Conversation, RefusedReply
from inbox.services.conversations import assign
from inbox.services.turns import hand_over
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.common.scope import scope
from tests.e2e.conftest import Open, call, list_sent
from tests.e2e.test_inbox_page import bubbles, count_violations
from tests.factories import make_member
from tests.inbox.batches import make_channel, message, take_in

# A page posts what its own controls would not let it.
FORGE = """async ([path, fields]) => {
  const conf = JSON.parse(document.querySelector("#conf").textContent);
  const headers = { "X-CSRFToken": conf.csrf, "X-Account": conf.account.id };
  return (await fetch(path, { method: "POST", headers, body: new URLSearchParams(fields) })).status;
}"""


@pytest.fixture
def helper(acme: Account) -> str:
    """The token of a bot that answers on every channel."""
    return create_token(acme, bot="Helper")


@pytest.fixture
def ana(acme: Account) -> UUID:
    """The conversation of Ana, who wrote; nobody's."""
    with scope(acme):
        channel = make_channel(acme)
    take_in(acme, channel, message("My lamp is broken"))
    with scope(acme):
        return Conversation.objects.get().id


@pytest.mark.usefixtures("drain", "worker")
def test_a_bot_answers_hands_over_and_is_heard_again_when_people_give_back(
    live: str, acme: Account, bob: Membership, helper: str, customer: Callable[..., Any], open_inbox: Open
) -> None:
    """What it says while a person answers is refused, kept, and never reaches the provider."""
    page = open_inbox(bob, "/inbox/?box=all")
    customer("My lamp is broken")
    page.locator(".row", has_text="Ana Prieto").locator("a").click()
    expect(page.locator("#banner")).to_contain_text("Helper is answering")
    [conversation] = call(f"{live}/api/v1/conversations/", token=helper)["results"]
    address = f"{live}/api/v1/conversations/{conversation['id']}"

    def say(text: str) -> None:
        call(f"{address}/messages/", {"client_id": text, "text": text}, token=helper)

    say("Which lamp is it?")
    expect(page.locator(".msg-bot", has_text="Which lamp is it?").locator(".tick-read")).to_be_visible()
    customer("I want my money back")
    expect(bubbles(page, "I want my money back")).to_be_visible()
    call(f"{address}/handover/", {"reason": "Wants a refund", "summary": "The lamp of order 4711"}, token=helper)
    card = page.locator(".msg-handover", has_text="Helper handed this over: Wants a refund")
    expect(card).to_contain_text("The lamp of order 4711")
    expect(page.locator("#banner")).not_to_contain_text("is answering")
    card.get_by_role("button", name="Take over").click()
    expect(card).to_contain_text("Taken by Bob")

    with pytest.raises(urllib.error.HTTPError) as refused:
        say("A refund takes a year")
    with refused.value as answer:
        assert (answer.code, json.load(answer)["code"]) == (409, "turn_taken")
    with scope(acme):
        kept = RefusedReply.objects.get()
        assert (kept.bot, kept.text, kept.code) == ("Helper", "A refund takes a year", "turn_taken")
    page.fill("#text", "You have it back today.")
    page.press("#text", "Enter")
    expect(page.locator(".msg-agent", has_text="back today").locator(".tick-read")).to_be_visible()
    expect(bubbles(page, "A refund takes a year")).to_have_count(0)

    page.click(".head-assignee")
    page.get_by_role("menuitem", name="Hand back to Helper").click()
    expect(page.locator("#banner")).to_contain_text("Helper is answering")
    say("Anything else?")
    expect(page.locator(".msg-bot", has_text="Anything else?").locator(".tick-read")).to_be_visible()
    assert list_sent(live) == ["Which lamp is it?", "You have it back today.", "Anything else?"]


def test_details_are_edited_by_whose_the_conversation_is(
    acme: Account, bob: Membership, ana: UUID, open_inbox: Open
) -> None:
    """A colleague reads why not, a forged request is refused, and both see who changed what."""
    with scope(acme) as now:
        assign(acme, ana, actor=Agent(bob.user_id, "Bob"), assignee=bob.user_id, now=now)
    dora = make_member(acme, "Dora")
    bobs, doras = (open_inbox(who, f"/inbox/c/{ana}/") for who in (bob, dora))
    expect(doras.locator("#panel")).to_contain_text("Assign the conversation to yourself to edit.")
    expect(doras.locator(".fact-edit")).to_have_count(0)
    forged = {"name": "name", "value": "Mallory", "before": "Ana Prieto"}
    assert doras.evaluate(FORGE, [f"/inbox/c/{ana}/panel/field/", forged]) == 403
    assert bobs.evaluate(FORGE, [f"/inbox/c/{ana}/panel/field/", {**forged, "value": "Anita"}]) == 200
    expect(doras.locator(".panel-person")).to_contain_text("Anita")
    doras.get_by_role("heading", name="History").click()
    expect(doras.locator(".change")).to_contain_text(["Bob"])
    expect(doras.get_by_role("button", name="Put back")).to_have_count(0)


def test_a_supervisor_looks_without_a_trace(
    acme: Account, alice: Membership, bob: Membership, ana: UUID, open_inbox: Open
) -> None:
    """What they look at is not even called read, whatever happens in it; once it is theirs it is."""
    page = open_inbox(alice, f"/inbox/c/{ana}/?box=all")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.url.endswith("/read/") else None)
    row = page.locator(".row", has_text="Ana Prieto")
    for assignee in (bob.user_id, None):
        page.wait_for_timeout(1_300)
        with scope(acme) as now:
            assign(acme, ana, actor=Agent(bob.user_id, "Bob"), assignee=assignee, now=now)
    expect(bubbles(page, "gave this back to everybody")).to_be_visible()
    page.wait_for_timeout(1_300)
    assert posted == []
    expect(row.locator(".badge")).to_contain_text("1")
    expect(page.locator("#badge")).to_contain_text("1")
    page.locator("#timeline").press("i")
    expect(row.locator(".badge")).to_have_count(0)
    expect(page.locator("#badge")).to_be_hidden()
    assert len(posted) == 1


def test_who_works_for_two_accounts_changes_between_them(
    bob: Membership, zenith: Account, ana: UUID, open_inbox: Open
) -> None:
    """A page that is still open on the other account shows nothing of this one."""
    Membership.objects.create(account=zenith, user=bob.user, role=bob.role)
    page = open_inbox(bob, "/inbox/?box=all")
    other = page.context.new_page()
    other.goto(f"/inbox/c/{ana}/")
    expect(bubbles(other, "My lamp is broken")).to_be_visible()
    page.get_by_role("button", name="Acme").click()
    expect(page.get_by_role("menuitemradio", name="Zenith")).to_be_visible()
    assert look(page) == ([], 0)
    page.get_by_role("menuitemradio", name="Zenith").click()
    expect(page.get_by_role("button", name="Zenith")).to_be_visible()
    expect(page.locator(".row")).to_have_count(0)
    expect(other.get_by_role("button", name="Zenith")).to_be_visible()
    expect(bubbles(other, "My lamp is broken")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_bot_that_answers_and_one_that_handed_over_can_be_read_by_everybody(
    acme: Account, bob: Membership, helper: str, ana: UUID, open_inbox: Open, width: int, theme: str
) -> None:
    page = open_inbox(bob, f"/inbox/c/{ana}/", width=width, color_scheme=theme)
    expect(page.locator("#banner")).to_contain_text("Helper is answering")
    assert look(page) == ([], 0)
    with scope(acme) as now:
        words = "Ana wants her money back. " * 12
        hand_over(acme, ana, bot="Helper", reason="Wants a refund", summary=words, now=now)
    expect(page.locator(".msg-handover")).to_contain_text("Waiting for somebody to take over")
    assert look(page) == ([], 0)
    page.locator(".msg-handover").get_by_role("button", name="Take over").click()
    expect(page.locator(".msg-handover")).to_contain_text("Taken by Bob")
    assert look(page) == ([], 0)


def look(page: Page) -> tuple[list[str], int]:
    """What axe has to say, and how far the page goes sideways."""
    return count_violations(page), page.evaluate("document.documentElement.scrollWidth - innerWidth")
