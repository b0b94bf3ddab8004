"""The web chat in a site's page: what a visitor sees in each state, on each screen, and what the site can and cannot do
to it. Every page here sends a strict content security policy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Frame, Page, Route, expect

from channels_ingest.models import Channel, InboundEvent, InboundState
from inbox.models import Message
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import Open
from tests.inbox.test_visitors import PIXEL, reply
from tests.inbox.visiting import connect_chat, vouch, wait

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("drain")]

Shop = Callable[..., Page]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "WebSocket connection to", "Failed to load resource", "ERR_FAILED")
MINE, THEIRS = "li.mine .bubble", "li.message:not(.mine) .bubble"

# The button lies in a closed root: a page's script cannot see it. A test has it made in an open one.
OPEN_ROOT = """const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) { return attach.call(this, { ...options, mode: "open" }); };"""
NO_STORAGE = (
    """Object.defineProperty(window, "localStorage", { get() { throw new DOMException("", "SecurityError"); } });"""
)
KEEP_SOCKETS = """const Socket = WebSocket;
window.sockets = [];
window.WebSocket = class extends Socket {
  constructor(url, ...rest) { super(url + (window.refused ? "nowhere/" : ""), ...rest); window.sockets.push(this); }
};"""
EXPIRE = """() => { const [[key, value]] = Object.entries(localStorage);
  localStorage[key] = JSON.stringify({ ...JSON.parse(value), token: "no.such.token" }); }"""
FORGE = """([origin, t]) =>
  dispatchEvent(new MessageEvent("message", { origin, source: SOURCE, data: { oneview: { t } } }))"""
SMALL_TARGETS = """() => [...document.querySelectorAll("button, label.icon, textarea, .details input")]
  .filter((each) => each.checkVisibility()).map((each) => [each.id || each.className, each.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 44 || height < 44).map(([name]) => name)"""
WIDE = """() => [document.documentElement, document.querySelector("main")]
  .map((each) => each.scrollWidth - each.clientWidth)"""


class ShopPages(BaseHTTPRequestHandler):
    """`/?inbox=&key=`, and `lang`, `dir`, `times` that the loader is included, `color`, `label`."""

    def do_GET(self) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query))
        inbox, key = given["inbox"], given["key"]
        looks = "".join(f' data-{name}="{given[name]}"' for name in ("color", "label") if name in given)
        script = f'<script src="{inbox}/widget/loader.js" data-key="{key}"{looks}></script>' * int(
            given.get("times", "1")
        )
        language, direction = given.get("lang", "en"), given.get("dir", "ltr")
        page = (
            f'<!doctype html><html lang="{language}" dir="{direction}"><head><title>Shop</title>'
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>'
            f"<body><main><h1>Shop</h1><p>Coffee</p></main>{script}</body></html>"
        )
        policy = f"default-src 'none'; script-src {inbox}; frame-src {inbox}; require-trusted-types-for 'script'"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), ShopPages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def chat(acme: Account, shop_url: str) -> Iterator[Channel]:
    yield connect_chat(acme, origin=shop_url)
    with scope(acme):
        wait(lambda: not InboundEvent.objects.filter(state=InboundState.WAITING).exists())


@pytest.fixture
def open_shop(live: str, shop_url: str, chat: Channel, browser: Browser) -> Iterator[Shop]:
    """`open_shop(width=, context=, script=, query={}, ...)`. It ends with a check of consoles and addresses."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(url: str) -> None:
        if not url.startswith((live, live.replace("http", "ws", 1), shop_url)) or "eyJ" in url:
            complaints.append(f"fetched {url}")

    def open_page(
        *,
        width: int = 1440,
        height: int = 900,
        context: BrowserContext | None = None,
        script: str = "",
        query: dict[str, str] | None = None,
        **options: Any,
    ) -> Page:
        if context is None:
            context = browser.new_context(viewport={"width": width, "height": height}, **options)
            contexts.append(context)
            context.add_init_script(OPEN_ROOT + script)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: note(request.url))
        page.on("websocket", lambda opened: note(opened.url))
        pairs = "".join(f"&{name}={value}" for name, value in (query or {}).items())
        page.goto(f"{shop_url}/?inbox={live}&key={chat.public_id}{pairs}")
        page.wait_for_function("window.OneView")
        return page

    yield open_page
    for context in contexts:
        context.set_offline(False)
        context.pages[0].wait_for_timeout(200)
        context.close()
    assert [each for each in complaints if not any(expected in each for expected in EXPECTED)] == []


def button_of(page: Page) -> Any:
    return page.locator("oneview-chat button")


def watch(page: Page, find: Callable[[], Any]) -> Any:
    """What `find` finds at last; the browser goes on meanwhile."""
    for _ in range(200):
        if found := find():
            return found
        page.wait_for_timeout(50)
    raise AssertionError("It never came.")


def frame_of(page: Page) -> Frame:
    found: Frame = watch(page, lambda: next((each for each in page.frames if "/widget/" in each.url), None))
    found.wait_for_selector("#bar", state="attached")
    return found


def open_chat(page: Page) -> Frame:
    page.evaluate("OneView.open()")
    frame = frame_of(page)
    expect(frame.locator("#text")).to_be_focused()
    return frame


def write(frame: Frame, text: str) -> None:
    frame.fill("#text", text)
    frame.press("#text", "Enter")


def talk(page: Page, text: str = "Hello") -> Frame:
    """Written, and arrived in the inbox."""
    frame = open_chat(page)
    write(frame, text)
    expect(frame.locator("li.mine .note", has_text="Delivered")).to_be_visible()
    return frame


def refuse(page: Page, path: str, status: int, *, always: bool = False, wait: str = "0") -> None:
    """The next request there, or each; that somebody types is passed on."""
    refused: list[str] = []

    def answer(route: Route) -> None:
        if (refused and not always) or '"typing"' in (route.request.post_data or ""):
            route.fallback()
        else:
            refused.append(route.request.url)
            headers = {"Retry-After": wait, "Content-Type": "application/problem+json"}
            route.fulfill(status=status, headers=headers, body="{}")

    page.route(path, answer)


class TestButton:
    def test_it_opens_closes_and_gives_the_focus_back(self, open_shop: Shop) -> None:
        page = open_shop()
        button = button_of(page)
        expect(button).to_have_attribute("aria-haspopup", "dialog")
        expect(button).to_have_attribute("aria-expanded", "false")
        assert page.locator("oneview-chat iframe").count() == 0  # nothing is loaded for who wants no chat
        button.focus()
        page.keyboard.press("Enter")
        frame = frame_of(page)
        expect(frame.locator("#text")).to_be_focused()
        expect(button).to_have_attribute("aria-expanded", "true")
        frame.press("#text", "Escape")
        expect(page.locator("oneview-chat iframe")).to_be_hidden()
        expect(button).to_be_focused()
        expect(button).to_have_attribute("aria-expanded", "false")

    def test_what_came_while_it_was_closed_is_in_its_name(
        self, open_shop: Shop, acme: Account, bob: Membership
    ) -> None:
        page = open_shop()
        frame = talk(page)
        page.evaluate("OneView.close(); OneView.on('unread', (count) => { window.counted = count; })")
        reply(acme, bob, "One")
        reply(acme, bob, "Two")
        button = button_of(page)
        expect(button).to_have_attribute("aria-label", "Chat. Unread messages: 2")
        expect(button.locator("i")).to_have_text("2")
        assert page.evaluate("counted") == 2
        button.click()
        expect(frame.locator(THEIRS)).to_have_count(2)
        expect(button).to_have_attribute("aria-label", "Chat")
        expect(button.locator("i")).to_be_hidden()

    def test_the_loader_included_twice_makes_one(self, open_shop: Shop) -> None:
        page = open_shop(query={"times": "2"})
        expect(page.locator("oneview-chat")).to_have_count(1)

    def test_it_is_not_printed(self, open_shop: Shop) -> None:
        page = open_shop()
        page.emulate_media(media="print")
        expect(button_of(page)).to_be_hidden()

    @pytest.mark.parametrize(("colour", "sign"), [("ffd54a", "oklch(0 0 0)"), ("3b1f6b", "oklch(1 0 0)")])
    def test_its_sign_can_be_seen_on_the_colour_of_the_site(self, open_shop: Shop, colour: str, sign: str) -> None:
        page = open_shop(query={"color": f"%23{colour}"})
        assert button_of(page).evaluate("button => getComputedStyle(button).color") == sign

    @pytest.mark.parametrize(("direction", "side"), [("ltr", "right"), ("rtl", "left")])
    def test_it_stands_where_a_line_ends(self, open_shop: Shop, direction: str, side: str) -> None:
        page = open_shop(query={"dir": direction, "lang": "ar"})
        box = button_of(page).bounding_box()
        assert (box["x"] > 720) == (side == "right")
        assert open_chat(page).get_attribute("html", "dir") == direction

    @pytest.mark.parametrize(
        ("language", "spoken", "words"),
        [("de-AT", "de", "Ihre Nachricht"), ("fr", "fr", "Votre message"), ("ar", "en", "Your message")],
    )
    def test_it_speaks_as_the_site_does(self, open_shop: Shop, language: str, spoken: str, words: str) -> None:
        frame = open_chat(open_shop(query={"lang": language}))
        assert frame.get_attribute("html", "lang") == spoken
        expect(frame.get_by_role("textbox")).to_have_accessible_name(words)


class TestWriting:
    def test_each_step_is_told(self, open_shop: Shop, acme: Account) -> None:
        page = open_shop()
        frame = open_chat(page)
        expect(frame.locator("li.message")).to_have_count(0)
        page.context.set_offline(True)
        write(frame, "Offline")
        expect(frame.locator("li.mine .note")).to_have_text("Will be sent when you are connected again")
        expect(frame.locator("#bar")).to_have_text("You are offline. What you write is kept and sent later.")
        page.context.set_offline(False)
        expect(frame.locator("li.mine .note")).to_have_text(["Delivered"])
        expect(frame.locator("#bar")).to_be_hidden()
        write(frame, "Again")
        expect(frame.locator("li.mine .note")).to_have_text(["Delivered"])
        expect(frame.locator(MINE)).to_have_text(["Offline", "Again"])
        with scope(acme):
            assert Message.objects.count() == 2

    def test_what_was_refused_can_be_sent_again(self, open_shop: Shop) -> None:
        page = open_shop()
        frame = talk(page)
        refuse(page, "**/webhooks/webchat/**", 400)
        write(frame, "Refused")
        expect(frame.locator("#news")).to_have_text("Not sent. Try again")
        frame.get_by_role("button", name="Not sent. Try again").click()
        expect(frame.locator("li.mine .note")).to_have_text(["Delivered"])
        expect(frame.locator(MINE)).to_have_text(["Hello", "Refused"])
        expect(frame.locator("#text")).to_be_focused()

    def test_too_many_messages_wait_as_long_as_they_are_told(self, open_shop: Shop) -> None:
        page = open_shop()
        frame = talk(page)
        refuse(page, "**/webhooks/webchat/**", 429, wait="2")
        write(frame, "Quick")
        expect(frame.locator("#bar")).to_have_text("Too many messages. It goes on in a moment.")
        expect(frame.locator("li.mine .note")).to_have_text(["Delivered"])
        expect(frame.locator("#bar")).to_be_hidden()

    def test_a_session_that_ended_begins_anew_and_nothing_is_lost(self, open_shop: Shop) -> None:
        page = open_shop()
        frame = talk(page, "Before")
        frame.evaluate(EXPIRE)
        frame.fill("#text", "After")
        frame.press("#text", "Enter")
        expect(frame.locator(MINE)).to_have_text(["Before", "After"])
        expect(frame.locator("li.mine .note")).to_have_text(["Delivered"])
        assert frame.evaluate("!Object.values(localStorage)[0].includes('no.such.token')")

    def test_a_chat_that_is_gone_says_so(self, open_shop: Shop, acme: Account, chat: Channel) -> None:
        page = open_shop()
        refuse(page, "**/session/", 404, always=True)
        frame = open_chat(page)
        write(frame, "Anybody?")
        expect(frame.locator("#bar")).to_have_text("This chat is not available any more.")
        expect(frame.locator("#composer")).to_be_hidden()
        expect(frame.locator(MINE)).to_have_text("Anybody?")

    def test_the_button_of_a_chat_that_was_removed_can_still_be_closed(self, open_shop: Shop, chat: Channel) -> None:
        page = open_shop(query={"key": "nothing"}, width=390, height=844)
        page.evaluate("OneView.open()")
        frame = frame_of(page)
        expect(frame.locator("#bar")).to_have_text("This chat is not available any more.")
        frame.get_by_role("button", name="Close the chat").click()
        expect(page.locator("oneview-chat iframe")).to_be_hidden()

    def test_a_connection_that_is_lost_comes_back_with_what_was_missed(
        self, open_shop: Shop, acme: Account, bob: Membership
    ) -> None:
        page = open_shop(script=KEEP_SOCKETS)
        frame = talk(page)
        frame.evaluate("refused = true; sockets.forEach((each) => each.close())")
        expect(frame.locator("#bar")).to_have_text("Connecting…")
        reply(acme, bob, "Missed")
        frame.evaluate("refused = false")
        expect(frame.locator(THEIRS)).to_have_text("Missed")
        expect(frame.locator("#bar")).to_be_hidden()

    @pytest.mark.parametrize("hours", [-50_000, 50_000])
    def test_a_wrong_clock_changes_no_order(self, open_shop: Shop, acme: Account, bob: Membership, hours: int) -> None:
        page = open_shop(script=f"const now = Date.now; Date.now = () => now() + {hours} * 3_600_000;")
        frame = talk(page)
        reply(acme, bob, "Answer")
        expect(frame.locator(THEIRS)).to_have_text("Answer")
        write(frame, "Thanks")
        expect(frame.locator(".bubble")).to_have_text(["Hello", "Answer", "Thanks"])

    def test_words_of_users_are_words(self, open_shop: Shop, acme: Account, bob: Membership) -> None:
        page = open_shop()
        frame = talk(page, "<img src=x onerror=alert(1)> javascript:alert(1)")
        expect(frame.locator(".bubble img, .bubble a")).to_have_count(0)
        reply(acme, bob, "See https://shop.example/a?b=1. <b>Bye</b>")
        link = frame.locator(".bubble a")
        expect(link).to_have_attribute("href", "https://shop.example/a?b=1")
        expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        expect(frame.locator(".bubble b")).to_have_count(0)


class TestFiles:
    def choose(self, frame: Frame, name: str, content: bytes, kind: str) -> None:
        frame.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})

    def test_a_picture_is_sent_and_shown(self, open_shop: Shop) -> None:
        page = open_shop()
        frame = open_chat(page)
        self.choose(frame, "cup.png", PIXEL, "image/png")
        expect(frame.locator("#files li")).to_have_text("cup.png×")
        frame.press("#text", "Enter")
        expect(frame.get_by_role("img", name="cup.png")).to_be_visible()
        assert wait(lambda: frame.evaluate("document.querySelector('.bubble img').naturalWidth")) == 1
        expect(frame.locator("#files li")).to_have_count(0)

    def test_enter_while_it_uploads_sends_both_when_it_is_done(self, open_shop: Shop) -> None:
        page = open_shop()
        frame = open_chat(page)
        held: list[Route] = []
        page.route("**/files/", lambda route: held.append(route))  # Playwright takes no bound built-in
        self.choose(frame, "cup.png", PIXEL, "image/png")
        expect(frame.locator("#files li")).to_contain_text("Uploading…")
        write(frame, "Broken")
        expect(frame.locator("#text")).to_have_value("Broken")
        watch(page, lambda: held)
        held[0].continue_()
        expect(frame.locator(MINE)).to_have_text("Broken")
        expect(frame.get_by_role("img", name="cup.png")).to_be_visible()

    @pytest.mark.parametrize(
        ("status", "words"),
        [(400, "This file was not accepted."), (413, "A file can have at most 25 MB."), (502, "Not uploaded.")],
    )
    def test_why_it_was_not_taken(self, open_shop: Shop, status: int, words: str) -> None:
        page = open_shop()
        frame = open_chat(page)
        refuse(page, "**/files/", status)
        self.choose(frame, "cup.png", PIXEL, "image/png")
        expect(frame.locator("#files li.bad")).to_contain_text(words)
        expect(frame.locator("#news")).to_contain_text(words)
        frame.get_by_role("button", name="Remove cup.png").click()
        expect(frame.locator("#text")).to_be_focused()


class TestMemory:
    def test_history_is_there_after_a_reload(self, open_shop: Shop, acme: Account, bob: Membership) -> None:
        page = open_shop()
        frame = talk(page)
        reply(acme, bob, "Answer")
        expect(frame.locator(THEIRS)).to_have_text("Answer")
        page.reload()
        frame = open_chat(page)
        expect(frame.locator(".bubble")).to_have_text(["Hello", "Answer"])

    def test_two_tabs_share_a_session_and_a_queue(self, open_shop: Shop, acme: Account) -> None:
        one = open_shop()
        here = open_chat(one)
        other = open_shop(context=one.context)
        there = open_chat(other)
        talk(one, "Here")
        expect(there.locator(MINE)).to_have_text("Here")
        one.context.set_offline(True)
        write(here, "First")
        write(there, "Second")
        for frame in (here, there):
            expect(frame.locator(MINE)).to_have_text(["Here", "First", "Second"])
        one.context.set_offline(False)
        for frame in (here, there):
            expect(frame.locator("li.mine .note")).to_have_text(["Delivered"])
            expect(frame.locator(MINE)).to_have_count(3)
        with scope(acme):
            assert Message.objects.count() == 3

    def test_who_signs_out_takes_what_was_said_with_them(self, open_shop: Shop, chat: Channel) -> None:
        page = open_shop()
        frame = talk(page)
        other = open_shop(context=page.context)
        there = open_chat(other)
        expect(there.locator(MINE)).to_have_text("Hello")
        page.evaluate("token => OneView.identify({ token })", vouch(chat, name="Ana Prieto"))
        expect(frame.locator("#details")).to_be_hidden()
        write(frame, "Signed in")
        expect(there.locator(MINE).last).to_have_text("Signed in")
        frame.fill("#text", "Half a sen")
        page.evaluate("OneView.logout()")
        for each in (frame, there):
            expect(each.locator("li.message")).to_have_count(0)
        expect(frame.locator("#text")).to_have_value("")
        talk(page, "Somebody else")
        expect(frame.locator(MINE)).to_have_count(1)

    def test_a_browser_without_storage_can_chat(self, open_shop: Shop) -> None:
        page = open_shop(script=NO_STORAGE)
        frame = talk(page)
        write(frame, "Again")
        expect(frame.locator(MINE)).to_have_text(["Hello", "Again"])


class TestTrust:
    def test_only_the_frame_is_obeyed_by_the_page(self, open_shop: Shop, live: str) -> None:
        page = open_shop()
        frame = open_chat(page)
        page.evaluate("postMessage({ oneview: { t: 'unread', count: 7, words: 'x' } }, '*')")
        page.evaluate(FORGE.replace("SOURCE", "window"), [live, "close"])
        page.wait_for_timeout(300)
        expect(button_of(page).locator("i")).to_be_hidden()
        expect(frame.locator("#text")).to_be_visible()

    def test_only_the_page_around_is_obeyed_by_the_frame(self, open_shop: Shop, shop_url: str) -> None:
        page = open_shop()
        frame = talk(page)
        frame.evaluate(FORGE.replace("SOURCE", "parent"), ["https://another.example", "logout"])
        frame.evaluate(FORGE.replace("SOURCE", "window"), [shop_url, "logout"])
        page.wait_for_timeout(300)
        expect(frame.locator(MINE)).to_have_text("Hello")

    def test_a_wrong_signature_changes_nobody(self, open_shop: Shop) -> None:
        page = open_shop()
        frame = talk(page)
        page.evaluate("OneView.identify({ token: 'no.such.token' })")
        write(frame, "Still me")
        expect(frame.locator(MINE)).to_have_text(["Hello", "Still me"])


def show_everything(page: Page, frame: Frame) -> None:
    """A conversation in which each kind of thing is drawn, said by the socket."""
    author = {"kind": "agent", "name": "Bob"}
    long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenhersteller"
    base: dict[str, Any] = {"attachments": [], "reply_to": None, "client_id": "", "edited_at": None, "deleted_at": None}
    at = "2031-05-04T10:00:00Z"
    messages = [
        {"author": {"kind": "bot", "name": "Robin"}, "text": "I am a bot. Somebody comes soon."},
        {"author": author, "text": f"{long} – https://shop.example/{long.lower()}", "edited_at": at},
        {"author": author, "text": "", "deleted_at": at},
        {"author": author, "text": "مرحبا بك في متجرنا"},
    ]
    for number, message in enumerate(messages):
        shown = {**base, "id": f"ffffffff-0000-7000-8000-00000000000{number}", "sent_at": at, **message}
        frame.evaluate("data => sockets.at(-1).onmessage({ data })", json.dumps({"t": "message", "message": shown}))
    refuse(page, "**/webhooks/webchat/**", 400)
    write(frame, "Not taken")
    expect(frame.get_by_role("button", name="Not sent. Try again")).to_be_visible()
    frame.evaluate("data => sockets.at(-1).onmessage({ data })", json.dumps({"t": "typing", "on": True}))


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (720, 450)], ids=["wide", "small", "zoomed"])
def test_it_fits_and_axe_has_nothing_to_say(
    open_shop: Shop, size: tuple[int, int], scheme: str, direction: str
) -> None:
    width, height = size
    query = {"dir": direction, "lang": "en" if direction == "ltr" else "ar"}
    page = open_shop(width=width, height=height, color_scheme=scheme, script=KEEP_SOCKETS, query=query)
    frame = talk(page)
    show_everything(page, frame)
    expect(frame.locator(".author", has_text="Robin · Bot")).to_be_visible()
    expect(frame.locator("li.gone .bubble")).to_have_text("Message deleted")
    expect(frame.locator(".note", has_text="edited")).to_be_visible()
    expect(frame.locator("#typing")).to_be_visible()
    assert frame.evaluate(WIDE) == [0, 0]
    assert frame.evaluate(SMALL_TARGETS) == []
    assert frame.evaluate("getComputedStyle(text).fontSize") == "16px"
    found = Axe().run(page, options={"runOnly": RULES, "preload": False}).response["violations"]
    assert [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]] == []
    if size[1] < 900:  # the whole screen: its own button closes it
        expect(button_of(page)).to_be_hidden()


def test_what_a_supervisor_redacts_goes_out_of_the_chat_at_once(
    open_shop: Shop, open_inbox: Open, alice: Membership
) -> None:
    frame = talk(open_shop(), "My card is 4111 1111 1111 1111")
    page = open_inbox(alice, "/inbox/?box=all")
    page.locator(".row-link").click()
    sent = page.locator(".msg-in")
    sent.hover()
    sent.get_by_role("button", name="More about this message").click()
    page.get_by_role("menuitem", name="Redact…").click()
    page.get_by_role("button", name="Redact", exact=True).click()
    expect(page.locator(".msg-gone")).to_contain_text("Redacted by Alice")
    expect(page.locator(".row-preview")).not_to_contain_text("4111")
    expect(frame.locator("li.gone .bubble")).to_have_text("Message deleted")
    expect(frame.get_by_text("4111")).to_have_count(0)


def test_nothing_moves_for_who_wants_no_motion(open_shop: Shop) -> None:
    page = open_shop(reduced_motion="reduce", script=KEEP_SOCKETS)
    frame = talk(page)
    show_everything(page, frame)
    assert frame.evaluate("document.getAnimations().length") == 0


def test_forced_colours_leave_edges_to_see(open_shop: Shop) -> None:
    page = open_shop(forced_colors="active", script=KEEP_SOCKETS)
    assert button_of(page).evaluate("button => getComputedStyle(button).borderTopStyle") == "solid"
    frame = talk(page)
    show_everything(page, frame)
    edges = "getComputedStyle(document.querySelector('li.mine .bubble')).borderTopColor"
    assert frame.evaluate(edges) != "rgba(0, 0, 0, 0)"
