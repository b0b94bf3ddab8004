"""The agents' page in a browser, on a real web process: live, by keyboard, cut off, small, and for everybody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from channels_ingest.sink import ChannelInfo
from inbox.models import Message
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import ANA, LIN, OMAR, Open
from tests.inbox.batches import message, take_in, user

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALL_TARGETS = """() => {
  const controls = [...document.querySelectorAll("button, a, input, select, summary, textarea")];
  return controls.filter((element) => {
    const { width, height } = element.getBoundingClientRect();
    const isSeen = width > 1 && height > 1 && getComputedStyle(element).visibility !== "hidden";
    return isSeen && !element.closest(".msg-text") && (width < 24 || height < 24);
  }).map((element) => element.outerHTML.slice(0, 120));
}"""


def row(page: Page, name: str) -> Locator:
    return page.locator(".row", has_text=name)


def bubbles(page: Page, text: str) -> Locator:
    return page.locator(".msg", has_text=text)


def focused(page: Page) -> str:
    """The id of what has the focus, or its first class."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.classList[0] || ''"))


def written(account: Account) -> list[str]:
    with scope(account):
        return list(Message.objects.filter(author_kind="agent").order_by("id").values_list("text", flat=True))


def wait_until_still(page: Page) -> None:
    """What moves or fades has other colours and another place for a moment; what moves for ever is not waited for."""
    page.evaluate(
        """Promise.allSettled(document.getAnimations()
            .filter(each => each.effect.getTiming().iterations !== Infinity).map(each => each.finished))"""
    )


def count_violations(page: Page) -> list[str]:
    wait_until_still(page)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


class Wire:
    """Stands in the socket's way: cuts it, and says what a server would say."""

    def __init__(self, page: Page) -> None:
        self.routes: list[WebSocketRoute] = []
        self.is_cut = False
        page.route_web_socket(re.compile("/ws/inbox/"), self.meet)

    def meet(self, route: WebSocketRoute) -> None:
        if self.is_cut:
            route.close(code=1012)
            return
        route.connect_to_server()
        self.routes.append(route)

    def cut(self) -> None:
        self.is_cut = True
        self.routes[-1].close(code=4000)

    def mend(self) -> None:
        self.is_cut = False

    def tell(self, frame: dict[str, Any]) -> None:
        self.routes[-1].send(json.dumps(frame))


class TestLive:
    def test_what_a_user_writes_appears_by_itself(
        self, bob: Membership, three: dict[str, UUID], say: Callable[..., None], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        expect(bubbles(page, "Hello from Ana")).to_be_visible()
        say(ANA, "Are you there?")
        expect(bubbles(page, "Are you there?")).to_be_visible()
        say(LIN, "Me too")
        page.mouse.move(900, 400)
        page.focus("#text")
        expect(page.locator(".row").first).to_contain_text("Me too")
        expect(page).to_have_title(re.compile(r"^\(\d\) Ana Prieto"))

    def test_an_answer_is_there_at_once_and_only_once(
        self, acme: Account, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.fill("#text", "On its way")
        page.press("#text", "Enter")
        expect(bubbles(page, "On its way")).to_have_count(1)
        expect(page.locator(".msg[data-id]", has_text="On its way")).to_have_count(1)
        expect(page.locator("#text")).to_have_value("")
        assert written(acme) == ["On its way"]

    def test_a_colleague_sees_the_answer_and_that_somebody_is_there(
        self, bob: Membership, alice: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        address = f"/inbox/c/{three[ANA]}/"
        colleague, page = open_inbox(alice, address), open_inbox(bob, address)
        expect(colleague.locator("#presence")).to_contain_text("Bob")
        page.fill("#text", "I have it")
        page.press("#text", "Enter")
        expect(bubbles(colleague, "I have it")).to_contain_text("Bob")

    def test_a_hole_in_the_connection_leaves_no_hole(
        self, bob: Membership, three: dict[str, UUID], say: Callable[..., None], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        wire = Wire(page)
        page.goto(f"/inbox/c/{three[ANA]}/")
        page.wait_for_selector("body[data-link=on]", state="attached")
        wire.cut()
        say(ANA, "Said meanwhile")
        expect(page.locator("#strip")).to_contain_text("Reconnecting")
        wire.mend()
        page.dispatch_event("#strip button", "click")  # seen or not: by now it may have come back by itself
        expect(bubbles(page, "Said meanwhile")).to_have_count(1)
        expect(page.locator("#strip")).to_contain_text("Back online")

    def test_what_is_written_offline_is_sent_later(
        self, acme: Account, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.context.set_offline(True)
        page.fill("#text", "Written in a tunnel")
        page.press("#text", "Enter")
        expect(page.locator("#strip")).to_contain_text("You are offline")
        expect(page.locator(".msg:not([data-id])")).to_contain_text("Written in a tunnel")
        assert written(acme) == []
        page.context.set_offline(False)
        expect(page.locator(".msg[data-id]", has_text="Written in a tunnel")).to_have_count(1)
        assert written(acme) == ["Written in a tunnel"]

    def test_what_passes_the_window_leaves_the_page(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        wire = Wire(page)
        page.goto(f"/inbox/c/{three[ANA]}/")
        page.wait_for_selector("body[data-link=on]", state="attached")
        expect(bubbles(page, "Hello from Ana")).to_be_visible()
        cutoff = (timezone.now() - timedelta(minutes=15)).isoformat()
        wire.tell({"t": "beat", "seq": 0, "cutoff": cutoff})
        expect(row(page, LIN)).to_have_count(0)
        expect(bubbles(page, "Hello from Ana")).to_be_visible()
        wire.tell({"t": "beat", "seq": 0, "cutoff": timezone.now().isoformat()})
        expect(page.locator(".msg")).to_have_count(0)

    def test_who_was_signed_out_is_asked_to_sign_in_and_keeps_the_draft(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.fill("#text", "Half a sentence")
        Session.objects.all().delete()
        row(page, OMAR).click()
        expect(page.locator("#session")).to_be_visible()
        page.click("#sign-in")
        expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))
        page.fill("[name=login]", bob.user.email)
        page.fill("[name=password]", "correct horse battery")
        page.click("button[type=submit]")
        page.wait_for_selector("body[data-link=on]", state="attached")
        row(page, ANA).click()
        expect(page.locator("#text")).to_have_value("Half a sentence")


class TestReading:
    def test_a_message_in_view_is_read(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob)
        expect(page.locator("#badge")).to_contain_text("3")
        with page.expect_response(lambda answer: answer.request.headers.get("x-fragment") == "bar"):
            row(page, OMAR).click()
            expect(page.locator("#name")).to_have_text(OMAR)
            page.evaluate("document.querySelector('#head').isTheSame = true")
            expect(page.locator("#badge")).to_contain_text("2")
        expect(row(page, OMAR).locator(".badge")).to_have_count(0)
        assert page.evaluate("document.querySelector('#head').isTheSame")  # a click on it does not miss

    def test_nothing_is_replaced_under_a_pressed_button(
        self, bob: Membership, three: dict[str, UUID], say: Callable[..., None], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        row(page, OMAR).hover()
        page.mouse.down()
        say(OMAR, "Just now")
        page.wait_for_timeout(1_000)
        page.mouse.up()
        expect(page.locator("#name")).to_have_text(OMAR)
        expect(bubbles(page, "Just now")).to_be_visible()

    def test_looking_at_the_first_row_unasked_reads_nothing(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        expect(page.locator("#name")).to_have_text(ANA)
        page.wait_for_timeout(1_500)
        expect(page.locator("#badge")).to_contain_text("3")

    def test_the_list_stands_still_under_the_pointer(
        self, bob: Membership, three: dict[str, UUID], say: Callable[..., None], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        row(page, OMAR).hover()
        say(LIN, "Up")
        expect(page.locator("#news")).to_have_text("1 update")
        expect(page.locator(".row").first).to_contain_text(ANA)
        page.click("#news")
        expect(page.locator(".row").first).to_contain_text(LIN)

    @pytest.mark.parametrize(("box", "has_chips"), [("all", True), ("mine", False)])
    def test_the_tools_of_a_row_leave_its_number_whole(
        self,
        bob: Membership,
        three: dict[str, UUID],
        say: Callable[..., None],
        open_inbox: Open,
        box: str,
        has_chips: bool,
    ) -> None:
        """They stand over the time, all of it, whether the row has two lines or three."""
        say(LIN, "Just now")
        page = open_inbox(bob, f"/inbox/?box={box}")
        expect(row(page, LIN).locator(".badge")).to_have_text("2 unread")
        assert row(page, LIN).locator(".chip").count() == has_chips
        row(page, LIN).hover()
        expect(row(page, LIN).locator(".row-tools")).to_be_visible()
        tools, time, number = (
            row(page, LIN).locator(part).bounding_box() for part in (".row-tools", ".row-time", ".badge")
        )
        assert tools
        assert time
        assert number
        end = tools["y"] + tools["height"]
        assert tools["y"] <= time["y"]
        assert time["y"] + time["height"] <= end <= number["y"]

    def test_a_conversation_opens_where_the_unread_begins(
        self, bob: Membership, three: dict[str, UUID], say: Callable[..., None], open_inbox: Open
    ) -> None:
        for number in range(12):
            say(OMAR, f"Number {number}. " + "Many words. " * 40)
        page = open_inbox(bob, f"/inbox/c/{three[OMAR]}/")
        expect(page.locator(".between-new")).to_be_in_viewport()
        expect(bubbles(page, "Number 11.")).not_to_be_in_viewport()
        page.click("#latest")
        expect(bubbles(page, "Number 11.")).to_be_in_viewport()

    def test_a_long_conversation_is_a_window_of_300(
        self, acme: Account, bob: Membership, whatsapp: ChannelInfo, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        start = timezone.now() - timedelta(hours=5)
        sender = user(f"ES.{ANA}", phone=f"346001112{len(ANA)}", name=ANA)
        texts = [message(f"Number {n}.", sender=sender, at=start + timedelta(seconds=n)) for n in range(420)]
        take_in(acme, whatsapp, *texts)
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.wait_for_function(
            """() => {
              const timeline = document.querySelector("#timeline");
              timeline.scrollTop = 200;
              return timeline.dataset.before === "";
            }""",
            polling=60,
        )
        expect(bubbles(page, "Number 0.")).to_have_count(1)
        ids = page.locator(".msg").evaluate_all("all => all.map(message => message.dataset.id)")
        assert ids == sorted(set(ids))
        assert len(ids) <= 300
        page.click("#latest")
        expect(bubbles(page, "Hello from Ana")).to_be_visible()


class TestKeyboard:
    def test_a_walk(self, acme: Account, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob)
        press = page.keyboard.press
        press("j")
        expect(page.locator("#name")).to_have_text(OMAR)
        press("k")
        expect(page.locator("#name")).to_have_text(ANA)
        assert focused(page) == "row-link"
        press("r")
        assert focused(page) == "text"
        page.keyboard.type("Draft e r n j")  # single keys are letters here
        press("Alt+ArrowDown")
        expect(page.locator("#name")).to_have_text(OMAR)
        expect(row(page, ANA)).to_contain_text("Draft: Draft e r n j")
        press("Alt+ArrowUp")
        expect(page.locator("#text")).to_have_value("Draft e r n j")
        press("Escape")
        assert focused(page) == "timeline"
        press("n")
        expect(page.locator("#composer")).to_have_attribute("data-mode", "note")
        page.keyboard.type("For us")
        press("Enter")
        expect(page.locator(".msg-note", has_text="For us")).to_be_visible()
        press("Escape")
        press("e")
        expect(row(page, ANA)).to_have_count(0)
        page.locator("#toasts .link").click()
        expect(row(page, ANA)).to_have_count(1)

    def test_panes_search_and_the_list_of_keys(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob)
        press = page.keyboard.press
        page.focus("#timeline")
        press("F6")
        assert focused(page) == "panel"
        press("F6")
        assert focused(page) == "row-link"
        press("?")
        expect(page.locator("#shortcuts")).to_be_visible()
        press("Escape")
        press("/")
        page.keyboard.type("omar")
        expect(page.locator(".row")).to_have_count(1)
        expect(page).to_have_url(re.compile(r"q=omar"))
        press("Escape")
        assert focused(page) == "row-link"

    def test_single_keys_can_be_switched_off(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.keyboard.press("?")
        with page.expect_response("**/preferences/"):
            page.uncheck("#single-keys")
        page.keyboard.press("Escape")
        page.reload()
        page.keyboard.press("j")
        page.wait_for_timeout(300)
        expect(page.locator("#name")).to_have_text(ANA)

    def test_a_detail_is_edited_in_place(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        email = page.locator(".fact[data-field=email]")
        email.get_by_role("button").click()
        page.keyboard.type("nonsense")
        page.keyboard.press("Enter")
        expect(email.locator(".fact-error")).to_be_visible()
        email.locator("input").fill("ana@example.com")
        page.keyboard.press("Enter")
        expect(email).to_contain_text("ana@example.com")
        assert focused(page) == "fact-edit"
        page.locator(".fact[data-field=name] button").click()
        page.keyboard.press("Control+A")
        page.keyboard.type("Ana P.")
        page.keyboard.press("Tab")
        expect(page.locator("#name")).to_have_text("Ana P.")
        expect(page.locator(".fact[data-field=phone] input")).to_be_focused()


class TestDetails:
    def test_a_link_is_undone_and_the_page_follows(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        expect(page.locator(".identity")).to_have_count(2)
        page.locator("[data-undo]").click()
        expect(page.locator("#toasts")).to_contain_text("The link was undone")
        expect(page.locator(".identity")).to_have_count(1)
        expect(bubbles(page, "Hello from Ana")).to_be_visible()

    def test_a_message_is_quoted(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        bubble = bubbles(page, "Hello from Ana")
        bubble.hover()
        bubble.get_by_role("button", name="Reply to this message").click()
        expect(page.locator("#replying")).to_contain_text("Hello from Ana")
        page.keyboard.type("This one")
        page.keyboard.press("Enter")
        expect(bubbles(page, "This one").locator(".quote")).to_contain_text("Hello from Ana")

    def test_a_refused_reply_is_given_back(
        self, acme: Account, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.fill("#text", "x" * 5_000)  # WhatsApp takes 4,096
        page.press("#text", "Enter")
        expect(page.locator("#toasts")).to_contain_text("Not sent.")
        expect(page.locator("#text")).to_have_value("x" * 5_000)
        assert written(acme) == []


class TestStates:
    def test_a_closed_window_offers_a_note(
        self, acme: Account, bob: Membership, say: Callable[..., None], open_inbox: Open
    ) -> None:
        say(ANA, "Long ago", ago=timedelta(hours=30))
        page = open_inbox(bob, "/inbox/?box=unassigned")
        expect(page.locator("#closed")).to_contain_text("24 hours have passed")
        expect(page.locator("#text")).to_be_hidden()
        page.get_by_role("button", name="Write a private note").click()
        expect(page.locator("#text")).to_be_focused()

    def test_a_pane_that_fails_leaves_the_others(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, f"/inbox/c/{three[ANA]}/")
        page.route(f"**/c/{three[LIN]}/", lambda route: route.fulfill(status=500, body="{}"))
        row(page, LIN).click()
        expect(page.locator("#middle")).to_contain_text("This could not be loaded.")
        page.unroute(f"**/c/{three[LIN]}/")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#name")).to_have_text(LIN)

    def test_filters_are_in_the_address(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob)
        page.click(".boxes [data-box=all]")
        expect(page).to_have_url(re.compile(r"\?box=all$"))
        expect(page.locator(".boxes [data-box=all]")).to_have_attribute("aria-current", "true")
        page.click("[popovertarget=statuses]")
        page.get_by_role("menuitemradio", name="Resolved").click()
        expect(page.locator("#rows")).to_contain_text("No conversations match.")
        page.reload()
        expect(page.locator("#rows")).to_contain_text("No conversations match.")
        page.get_by_role("link", name="Clear filters").click()
        expect(page.locator(".row")).to_have_count(3)

    def test_a_phone_shows_one_pane_at_a_time(self, bob: Membership, three: dict[str, UUID], open_inbox: Open) -> None:
        page = open_inbox(bob, width=390, height=844, has_touch=True, is_mobile=True)
        expect(page.locator("#middle")).to_be_hidden()
        row(page, OMAR).tap()
        expect(page.locator("#list")).to_be_hidden()
        expect(page.locator("#name")).to_be_focused()
        page.tap("#details")
        expect(page.locator("#panel")).to_be_visible()
        page.tap("[data-do=undetail]")
        page.go_back()
        expect(page.locator("#list")).to_be_visible()


class TestForEverybody:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    @pytest.mark.parametrize("width", [1440, 1024, 390])
    def test_nothing_for_axe_to_say(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open, width: int, theme: str
    ) -> None:
        page = open_inbox(bob, width=width, color_scheme=theme)
        expect(page.locator(".row")).to_have_count(3)
        found = {"list": count_violations(page)}
        row(page, ANA).click()
        expect(page.locator("#name")).to_have_text(ANA)
        found["conversation"] = count_violations(page)
        page.click(".modes [data-mode=note]")
        found["note"] = count_violations(page)
        page.click(".head-assignee")
        expect(page.locator("#assign-menu")).to_be_visible()
        found["menu"] = count_violations(page)
        page.keyboard.press("Escape")
        if width < 1280:
            page.click("#details")
            expect(page.locator(".panel-body")).to_be_visible()
            found["details"] = count_violations(page)
        page.evaluate("document.querySelector('#shortcuts').showModal()")
        found["shortcuts"] = count_violations(page)
        assert {state: complaints for state, complaints in found.items() if complaints} == {}

    @pytest.mark.parametrize("state", ["?box=mine&q=nobody", "?box=unassigned"])
    def test_nor_of_an_empty_list(self, bob: Membership, three: dict[str, UUID], open_inbox: Open, state: str) -> None:
        page = open_inbox(bob, f"/inbox/{state}")
        expect(page.locator("#rows .state")).to_be_visible()
        assert count_violations(page) == []

    def test_a_very_small_screen_needs_no_sideways_scrolling(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob, width=320, height=640)
        for step in ("list", "conversation", "details"):
            wait_until_still(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), step
            assert page.evaluate(SMALL_TARGETS) == [], step
            if step == "list":
                row(page, ANA).click()
                expect(page.locator("#name")).to_be_visible()
            elif step == "conversation":
                page.click("#details")
                expect(page.locator(".panel-body")).to_be_visible()

    def test_the_first_paint_has_the_theme_of_the_agent(
        self, bob: Membership, three: dict[str, UUID], open_inbox: Open
    ) -> None:
        page = open_inbox(bob)
        page.click("[popovertarget=profile]")
        with page.expect_response("**/preferences/"):
            page.get_by_role("menuitemradio", name="Dark").click()
        page.reload(wait_until="commit")
        page.wait_for_selector("html[data-theme=dark]", state="attached")
