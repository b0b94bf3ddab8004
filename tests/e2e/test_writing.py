"""Writing in a browser: canned replies that are filled in, and people who are called in private notes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from inbox.models import AttributeDefinition, Conversation, Mention
from inbox.services.canned import save_canned
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Account, Membership
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.e2e.conftest import Open, answer_late
from tests.e2e.test_inbox_page import bubbles, count_violations, focused, written
from tests.inbox.batches import make_channel, message, take_in


@pytest.fixture
def ana(acme: Account) -> None:
    """Ana wrote, and nobody has her conversation."""
    with scope(acme):
        channel = make_channel(acme)
    take_in(acme, channel, message("Where is my lamp?"))


@pytest.fixture
def replies(acme: Account, bob: Membership) -> None:
    """Three canned replies of Bob's; the company of a contact is never known."""
    with scope(acme):
        AttributeDefinition.objects.create(account=acme, name="company", label="Company")
        for shortcut, title, text in (
            ("hello", "Greeting", "Hello {{ contact.first_name }}, this is {{ agent.name }}."),
            ("firm", "Firm", "Does {{ contact.company }} pay for it?"),
            ("later", "Later", "We come back to you."),
        ):
            save_canned(acme, owner=bob.user, shortcut=shortcut, title=title, text=text, actor=bob.user)


def options(page: Page) -> list[str]:
    return page.locator("#suggestions [role=option] b").all_inner_texts()


def type_in(page: Page, text: str) -> None:
    page.locator("#text").press_sequentially(text)


@pytest.fixture
def page(bob: Membership, ana: None, replies: None, open_inbox: Open) -> Page:
    opened = open_inbox(bob, "/inbox/?box=all")
    expect(bubbles(opened, "Where is my lamp?")).to_be_visible()
    opened.focus("#text")
    return opened


class TestCannedReplies:
    def test_a_slash_finds_one_and_enter_puts_it_in(self, acme: Account, page: Page) -> None:
        type_in(page, "Hi! /hel")
        expect(page.locator("#suggestions [aria-selected=true]")).to_contain_text("Greeting")
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_have_value("Hi! Hello Ana, this is Bob.")
        expect(page.locator("#suggest")).to_be_hidden()
        page.keyboard.press("Enter")
        expect(page.locator(".msg[data-id]", has_text="Hi! Hello Ana, this is Bob.")).to_be_visible()
        assert written(acme) == ["Hi! Hello Ana, this is Bob."]

    def test_a_shortcut_and_enter_in_one_go_send_no_shortcut(self, acme: Account, page: Page) -> None:
        type_in(page, "/")
        expect(page.locator("#suggestions [role=option]")).to_have_count(3)
        type_in(page, "late")
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_have_value("We come back to you.")
        assert written(acme) == []

    def test_what_is_missing_is_marked_and_sending_asks_once(self, acme: Account, page: Page) -> None:
        type_in(page, "/firm")
        page.locator("#suggestions [role=option]").click()
        expect(page.locator("#text")).to_have_value("Does ⟦contact.company⟧ pay for it?")
        assert page.evaluate("window.getSelection().toString()") == "⟦contact.company⟧"
        expect(page.locator("#gaps")).to_contain_text("Not filled in yet: contact.company")
        page.press("#text", "End")
        page.press("#text", "Enter")
        expect(page.locator("#gaps")).to_contain_text("Send without contact.company?")
        page.keyboard.press("Enter")  # "Go on writing" has the focus
        assert (focused(page), written(acme)) == ("text", [])
        page.press("#text", "Enter")
        page.get_by_role("button", name="Send anyway").click()
        expect(page.locator("#gaps")).to_be_hidden()
        expect(page.locator(".msg[data-id]", has_text="Does ⟦contact.company⟧ pay for it?")).to_be_visible()

    def test_escape_closes_and_leaves_the_slash(self, page: Page) -> None:
        type_in(page, "/")
        expect(page.locator("#suggestions [role=option]")).to_have_count(3)
        page.keyboard.press("Escape")
        expect(page.locator("#suggest")).to_be_hidden()
        assert (focused(page), page.input_value("#text")) == ("text", "/")
        type_in(page, "he")
        page.wait_for_timeout(400)
        expect(page.locator("#suggest")).to_be_hidden()

    def test_no_list_opens_inside_of_a_word_or_an_address(self, page: Page) -> None:
        type_in(page, "and/or https://example.com/hel")
        page.wait_for_timeout(400)
        expect(page.locator("#suggest")).to_be_hidden()

    def test_arrows_choose_and_what_is_chosen_is_named(self, page: Page) -> None:
        type_in(page, "/")
        expect(page.locator("#suggestions [role=option]")).to_have_count(3)
        names = options(page)
        page.keyboard.press("ArrowDown")
        expect(page.locator("#suggestions [aria-selected=true] b")).to_have_text(names[1])
        chosen = page.get_attribute("#text", "aria-activedescendant")
        assert page.locator(f"#{chosen} b").inner_text() == names[1]
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(page.locator("#suggestions [aria-selected=true] b")).to_have_text(names[2])
        expect(page.locator("#suggestion-preview")).to_be_visible()

    def test_keys_of_an_input_method_are_left_to_it(self, page: Page) -> None:
        type_in(page, "/")
        expect(page.locator("#suggestions [role=option]")).to_have_count(3)
        page.evaluate(
            """document.querySelector("#text").dispatchEvent(
              new KeyboardEvent("keydown", {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))"""
        )
        expect(page.locator("#suggest")).to_be_visible()
        assert page.input_value("#text") == "/"

    def test_it_works_by_touch_on_a_phone(self, bob: Membership, ana: None, replies: None, open_inbox: Open) -> None:
        page = open_inbox(bob, "/inbox/?box=all", width=390, height=844, has_touch=True, is_mobile=True)
        page.locator(".row-link").tap()
        page.get_by_role("button", name="Canned replies").tap()
        expect(page.locator("#suggestions [role=option]")).to_have_count(3)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("#suggestions [role=option]", has_text="Later").tap()
        expect(page.locator("#text")).to_have_value("We come back to you.")
        page.fill("#text", "")
        page.get_by_role("button", name="Canned replies").tap()
        expect(page.locator("#suggest")).to_be_visible()
        page.locator("#timeline").tap()
        expect(page.locator("#text")).to_have_value("")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_everybody_can_use_the_list(
        self, scheme: str, bob: Membership, ana: None, replies: None, open_inbox: Open
    ) -> None:
        page = open_inbox(bob, "/inbox/?box=all", color_scheme=scheme)
        page.focus("#text")
        type_in(page, "/")
        expect(page.locator("#suggestions [role=option]")).to_have_count(3)
        assert count_violations(page) == []
        page.keyboard.press("Escape")
        page.fill("#text", "Does ⟦contact.company⟧ pay?")
        page.press("#text", "Enter")
        assert count_violations(page) == []


class TestMentions:
    @pytest.fixture
    def of_alice(self, acme: Account, alice: Membership, bob: Membership, ana: None, open_inbox: Open) -> Page:
        page = open_inbox(alice, "/inbox/?box=all")
        page.get_by_role("button", name="Private note").click()
        return page

    def test_at_offers_colleagues_in_notes_alone(self, of_alice: Page) -> None:
        type_in(of_alice, "Do you know it, @bo")
        expect(of_alice.locator("#suggestions [role=option]")).to_have_text(["Bob"])
        assert count_violations(of_alice) == []
        of_alice.keyboard.press("Tab")
        expect(of_alice.locator("#text")).to_have_value("Do you know it, @Bob ")
        of_alice.get_by_role("button", name="Reply", exact=True).click()
        type_in(of_alice, "@bo")
        of_alice.wait_for_timeout(400)
        expect(of_alice.locator("#suggest")).to_be_hidden()

    def test_who_is_called_sees_it_at_once_until_they_look(
        self, acme: Account, bob: Membership, of_alice: Page, open_inbox: Open
    ) -> None:
        theirs = open_inbox(bob, "/inbox/?box=mentions")
        expect(theirs.get_by_role("heading", name="Nobody has called you.")).to_be_visible()
        type_in(of_alice, "@b")
        expect(of_alice.locator("#suggestions [role=option]")).to_have_text(["Bob"])
        of_alice.keyboard.press("Enter")
        expect(of_alice.locator("#text")).to_have_value("@Bob ")
        type_in(of_alice, "please look")
        of_alice.keyboard.press("Enter")
        expect(of_alice.locator(".msg-note .called")).to_have_text("@Bob")
        expect(theirs.locator(".row .chip-called")).to_be_visible()
        expect(theirs.locator(".boxes [data-box=mentions] span")).to_have_text("1")
        theirs.bring_to_front()
        theirs.locator(".row-link").click()
        expect(theirs.locator(".msg-note .called")).to_be_visible()
        theirs.mouse.move(900, 400)
        expect(theirs.locator(".boxes [data-box=mentions] span")).to_have_text("0")
        with scope(acme):
            assert Mention.objects.get().seen_at is not None


class TestNotices:
    TOLD = """
      window.Notification = class extends EventTarget {
        static permission = "default";
        static requestPermission = async () => { Notification.permission = ANSWER; };
        constructor(title, { body, tag }) { super(); document.body.dataset.told = [title, body, tag]; }
        close() {}
      };"""

    def open_with_notices(self, open_inbox: Open, bob: Membership, *, answer: str) -> Page:
        """Bob has switched them on; the browser itself, which a test can't answer, is played."""
        page = open_inbox(bob)
        answer_late(page, "**/later/notify*.js")  # no click is lost before it is there
        page.add_init_script(self.TOLD.replace("ANSWER", f'"{answer}"'))
        page.reload()
        page.wait_for_selector("body[data-link=on]", state="attached")
        page.locator(".nav-profile").click()
        page.get_by_role("menuitemcheckbox", name="Notify me").click()
        return page

    def test_who_asked_for_it_is_told_when_they_are_called(
        self, acme: Account, alice: Membership, bob: Membership, ana: None, open_inbox: Open
    ) -> None:
        page = self.open_with_notices(open_inbox, bob, answer="granted")
        page.get_by_role("menuitemcheckbox", name="Notify without names and text").click()
        expect(page.get_by_role("menuitemcheckbox", name="Notify me")).to_be_checked()
        call(acme, alice, "@Bob?")
        with scope(acme):
            told = f"Acme,Somebody called you in a note,{Conversation.objects.get().id}"
        expect(page.locator("body")).to_have_attribute("data-told", told)

    def test_nobody_is_told_who_did_not_ask(
        self, acme: Account, alice: Membership, bob: Membership, ana: None, open_inbox: Open
    ) -> None:
        page = self.open_with_notices(open_inbox, bob, answer="granted")
        page.get_by_role("menuitemcheckbox", name="Notify me").click()
        call(acme, alice, "@Bob?")
        expect(page.locator(".boxes [data-box=mentions] span")).to_have_text("1")
        assert page.get_attribute("body", "data-told") is None

    def test_a_browser_that_refuses_is_explained(self, bob: Membership, ana: None, open_inbox: Open) -> None:
        page = self.open_with_notices(open_inbox, bob, answer="denied")
        expect(page.locator("#notices-refused")).to_be_visible()
        assert count_violations(page) == []


def call(account: Account, member: Membership, text: str) -> None:
    with scope(account) as now:
        conversation = Conversation.objects.get().id
        author = Author("agent", member.user_id, "Alice")
        send_reply(account, conversation, Draft(str(new_id()), text, private=True), author=author, now=now)
