"""What comes late costs nothing: a script that is loaded after the page, an answer that what it tells has overtaken."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import expect

from inbox.services.redaction import redact_message
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import ANA, LIN, OMAR, Held, Open, answer_late
from tests.e2e.test_inbox_page import bubbles, row


def test_an_answer_that_was_overtaken_takes_nothing_back(
    acme: Account, bob: Membership, three: dict[str, UUID], open_inbox: Open
) -> None:
    """The page asks for a message; what happens to it meanwhile is told before the answer comes."""
    page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
    held = Held(page, "**/messages/?ids=*")
    id = bubbles(page, "Hello from Ana").get_attribute("data-id")
    page.evaluate("id => void import('/static/js/timeline.js').then((it) => it.fetchMessages([id]))", id)
    held.wait()
    with scope(acme) as now:
        redact_message(acme, UUID(id), actor=Agent(bob.user_id, "Bob"), now=now)
    expect(page.locator(".msg-gone")).to_have_count(1)
    held.release()
    page.wait_for_timeout(500)
    expect(page.locator(".msg-gone")).to_have_count(1)


def test_a_list_that_was_overtaken_shows_what_came_meanwhile(
    bob: Membership, three: dict[str, UUID], say: Callable[..., None], open_inbox: Open
) -> None:
    page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
    held = Held(page, "**/inbox/list/*")
    page.click(".boxes [data-box=all]")
    held.wait()
    page.mouse.move(900, 400)
    page.focus("#text")
    say(LIN, "Meanwhile")
    expect(row(page, LIN)).to_contain_text("Meanwhile")
    held.release()
    expect(page.locator(".boxes [data-box=all]")).to_have_attribute("aria-current", "true")
    expect(page.locator(".row").first).to_contain_text("Meanwhile")


def test_no_letter_is_lost_while_the_list_is_searched(
    bob: Membership, three: dict[str, UUID], open_inbox: Open
) -> None:
    page = open_inbox(bob)
    held = Held(page, "**/inbox/list/*")
    page.keyboard.press("/")
    page.keyboard.type("oma")
    held.wait()
    page.keyboard.type("r")
    held.release()
    expect(page).to_have_url(re.compile(r"q=omar"))
    expect(page.locator("#search")).to_have_value("omar")
    expect(page.locator("#search")).to_be_focused()


def test_the_focus_stays_in_a_list_that_is_loaded_anew(
    bob: Membership, three: dict[str, UUID], open_inbox: Open
) -> None:
    page = open_inbox(bob)
    held = Held(page, "**/inbox/list/*")
    page.keyboard.press("/")
    page.keyboard.type("omar")
    held.wait()
    page.keyboard.press("Escape")
    held.release()
    expect(page.locator(".row")).to_have_count(1)
    expect(row(page, OMAR).locator(".row-link")).to_be_focused()


def test_details_that_could_not_be_loaded_come_with_the_connection(
    bob: Membership, three: dict[str, UUID], open_inbox: Open
) -> None:
    page = open_inbox(bob)
    page.route("**/later/panel*.js", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "/later/panel" in request.url):
        page.goto(f"/inbox/c/{three[ANA]}/")
    page.unroute("**/later/panel*.js")
    page.context.set_offline(True)
    page.context.set_offline(False)
    page.locator(".fact[data-field=name] .fact-edit").click()
    expect(page.locator(".fact-form .input")).to_be_focused()


def test_no_click_is_lost_while_the_menu_gets_ready(bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
    page = open_inbox(bob)
    answer_late(page, "**/later/away*.js")
    page.reload(wait_until="commit")
    page.wait_for_selector("body[data-link=on]", state="attached")
    page.click("[popovertarget=profile]")
    page.get_by_role("menuitemcheckbox", name="Away").click()
    expect(page.locator("#away")).to_be_visible()
