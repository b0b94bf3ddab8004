"""Each kind of channel, the whole way: what a user writes is seen live, the answer arrives once, the tick rises as high
as the channel can tell; and one person over several channels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from channels_ingest.models import Channel, InboundEvent, InboundState
from channels_ingest.services import create_channel
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import Open, call
from tests.factories import make_account
from tests.inbox.visiting import Client, connect_chat, vouch, wait

pytestmark = pytest.mark.usefixtures("drain", "worker")

LONG = 20_000  # milliseconds: four processes on a busy machine
PROVIDERS: dict[str, tuple[str, dict[str, str], str, str]] = {
    # external id, credentials, a customer, the highest tick that the channel can tell
    "whatsapp": (
        "900100200300",
        {"app_secret": "s", "verify_token": "v", "access_token": "t", "base_url": "/sandbox/whatsapp/graph"},
        "34600111222",
        "read",
    ),
    "messenger": (
        "101202303404505",
        {"app_secret": "s", "verify_token": "v", "page_access_token": "t", "base_url": "/sandbox/messenger/graph"},
        "7712000345110021",
        "read",
    ),
    "telegram": (
        "7100200300",
        {"bot_token": "7100200300:token", "secret_token": "word", "base_url": "/sandbox/telegram/api"},
        "111222333",
        "sent",
    ),
    "api": ("erp", {"secret": "a plain secret of the system", "callback_url": ""}, "user-7", "read"),
}


def connect(account: Account, kind: str, *, live: str) -> Channel:
    external_id, credentials, _, _ = PROVIDERS[kind]
    if kind == "api":
        credentials = {**credentials, "callback_url": f"{live}/sandbox/api/callback/{external_id}/"}
    with scope(account):
        return create_channel(account.id, kind=kind, name="Shop line", external_id=external_id, credentials=credentials)


@pytest.fixture(autouse=True)
def drained(acme: Account) -> Iterator[None]:
    """The tables are emptied after a test: the drain has to be done by then."""
    yield
    with scope(acme):
        wait(lambda: not InboundEvent.objects.filter(state=InboundState.WAITING).exists())


def row_of(page: Page, text: str) -> Any:
    return page.locator("li.row", has_text=text)


def answer(page: Page, question: str, reply: str) -> Any:
    """Opens the conversation with the question and answers it; the reply in the timeline."""
    expect(row_of(page, question)).to_be_visible(timeout=LONG)
    row_of(page, question).locator("a").click()
    expect(page.locator("article.msg", has_text=question)).to_be_visible(timeout=LONG)
    page.fill("#text", reply)
    page.keyboard.press("Enter")
    return page.locator("article.msg-agent", has_text=reply)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_there_and_back_with_a_provider(live: str, acme: Account, bob: Membership, open_inbox: Open, kind: str) -> None:
    external_id, _, customer, highest = PROVIDERS[kind]
    connect(acme, kind, live=live)
    before = len(call(f"{live}/sandbox/{kind}/{external_id}/sent/")["results"])
    page = open_inbox(bob, "/inbox/?box=unassigned")
    written = call(
        f"{live}/sandbox/{kind}/{external_id}/messages/", {"from": customer, "name": "Ana", "text": "Hello?"}
    )
    assert 200 <= written["status"] < 300
    reply = answer(page, "Hello?", "It leaves today.")
    expect(page.locator("#name")).to_have_text("Ana", timeout=LONG)
    expect(reply.locator(f".tick-{highest}")).to_be_visible(timeout=LONG)
    expect(reply).to_have_count(1)
    time.sleep(1)
    sent = call(f"{live}/sandbox/{kind}/{external_id}/sent/")["results"][before:]
    assert [str(entry["body"]).count("It leaves today.") for entry in sent] == [1]
    expect(reply.locator(f".tick-{highest}")).to_be_visible()


# Web and mobile chat


class ShopPages(BaseHTTPRequestHandler):
    """A page of another site, that embeds the chat of `/?inbox=<address>&key=<public id>`."""

    def do_GET(self) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query))
        script = f'<script async src="{given.get("inbox")}/widget/loader.js" data-key="{given.get("key")}"></script>'
        body = f"<body><main><h1>Shop</h1></main>{script}</body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f'<!doctype html><html lang="en"><head><title>Shop</title></head>{body}</html>'.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    """On another port, which is another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ShopPages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def chat(acme: Account, shop_url: str) -> Channel:
    return connect_chat(acme, origin=shop_url)


@pytest.fixture
def open_shop(live: str, shop_url: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_shop(channel, ...)`: a page of the shop in a window of its own."""
    contexts = []

    def open_page(channel: Channel, *, width: int = 1440, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{shop_url}/?inbox={live}&key={channel.public_id}")
        page.wait_for_function("window.OneView")
        return page

    yield open_page
    for context in contexts:
        context.close()


def frame_of(page: Page) -> Frame:
    """The chat's frame, which lies in a closed root."""
    for _ in range(100):
        inner = (frame for frame in page.frames if frame != page.main_frame and "/widget/" in frame.url)
        if found := next(inner, None):
            found.wait_for_load_state()  # before its script has run, Enter is a new line
            return found
        page.wait_for_timeout(100)
    raise AssertionError("the chat has no frame")


def write_in_chat(page: Page, text: str) -> None:
    page.evaluate("OneView.open()")
    frame = frame_of(page)
    frame.fill("#text", text)
    frame.press("#text", "Enter")


def test_there_and_back_with_a_visitor_of_a_site(
    bob: Membership, chat: Channel, open_inbox: Open, open_shop: Callable[..., Page]
) -> None:
    """Read by the visitor's own client: delivered while the chat is closed, read once it is looked at."""
    page = open_inbox(bob, "/inbox/?box=unassigned")
    shop = open_shop(chat)
    write_in_chat(shop, "Do you ship to Menorca?")
    frame = frame_of(shop)
    expect(frame.locator("li.mine .bubble", has_text="Do you ship to Menorca?")).to_have_count(1, timeout=LONG)
    reply = answer(page, "Do you ship to Menorca?", "We do, in three days.")
    expect(frame.locator("li.message:not(.mine) .bubble")).to_have_text("We do, in three days.", timeout=LONG)
    expect(reply.locator(".tick-read")).to_be_visible(timeout=LONG)
    shop.evaluate("OneView.close()")
    page.fill("#text", "Anything else?")
    page.keyboard.press("Enter")
    later = page.locator("article.msg-agent", has_text="Anything else?")
    expect(later.locator(".tick-delivered")).to_be_visible(timeout=LONG)
    shop.evaluate("OneView.open()")
    expect(later.locator(".tick-read")).to_be_visible(timeout=LONG)
    expect(frame.locator("li.message:not(.mine) .bubble")).to_have_count(2)


def test_there_and_back_with_an_app(live: str, chat: Channel, bob: Membership, open_inbox: Open) -> None:
    app = Client(live, chat)
    app.begin(platform="ios", locale="en")
    page = open_inbox(bob, "/inbox/?box=unassigned")
    app.write("Where is my order?")
    reply = answer(page, "Where is my order?", "On its way.")
    expect(page.locator(".mark", has_text="Mobile chat").first).to_be_attached()
    expect(reply.locator(".tick-sent")).to_be_visible(timeout=LONG)
    heard = [message for message in app.wait_for(2) if message["author"]["kind"] == "agent"]
    assert [message["text"] for message in heard] == ["On its way."]
    app.list_messages(after=heard[0]["id"])
    expect(reply.locator(".tick-delivered")).to_be_visible(timeout=LONG)
    assert app.post(type="read", up_to=heard[0]["id"]) == 202
    expect(reply.locator(".tick-read")).to_be_visible(timeout=LONG)


def test_what_is_written_offline_is_sent_later(
    bob: Membership, chat: Channel, open_inbox: Open, open_shop: Callable[..., Page]
) -> None:
    page = open_inbox(bob, "/inbox/?box=unassigned")
    shop = open_shop(chat)
    write_in_chat(shop, "One")
    frame = frame_of(shop)
    expect(row_of(page, "One")).to_be_visible(timeout=LONG)
    shop.context.set_offline(True)
    write_in_chat(shop, "Two")
    expect(frame.locator("#bar")).to_have_text("You are offline. What you write is kept and sent later.")
    shop.context.set_offline(False)
    expect(row_of(page, "Two")).to_be_visible(timeout=LONG)
    expect(frame.locator("li.mine .bubble")).to_have_count(2)
    expect(frame.locator("#bar")).to_be_hidden(timeout=LONG)


def test_a_site_that_is_not_the_channels_cannot_show_the_chat(acme: Account, open_shop: Callable[..., Page]) -> None:
    shop = open_shop(connect_chat(acme, origin="https://another.example"))
    shop.evaluate("OneView.open()")
    shop.wait_for_timeout(1500)
    assert not any("/widget/" in frame.url and frame.query_selector("#composer") for frame in shop.frames)


# One person over channels


def test_a_signed_customer_and_a_whatsapp_user_with_the_same_proven_phone_become_one(
    live: str, acme: Account, bob: Membership, chat: Channel, open_inbox: Open, open_shop: Callable[..., Page]
) -> None:
    """Live, before the agent's eyes, with the reason; undone, what came in between goes to its own side."""
    connect(acme, "whatsapp", live=live)
    whatsapp = f"{live}/sandbox/whatsapp/900100200300/messages/"
    page = open_inbox(bob, "/inbox/?box=all")
    call(whatsapp, {"from": "34600111222", "name": "Ana Prieto", "text": "On WhatsApp"})
    shop = open_shop(chat)
    write_in_chat(shop, "On the web")
    expect(page.locator("li.row")).to_have_count(2, timeout=LONG)
    signed = vouch(chat, name="Ana Prieto", phone_number="+34600111222", phone_number_verified=True)
    shop.evaluate("token => OneView.identify({ token })", signed)
    expect(page.locator("li.row")).to_have_count(1, timeout=LONG)
    page.locator("li.row a").click()
    for text in ("On WhatsApp", "On the web"):
        expect(page.locator("article.msg", has_text=text)).to_be_visible(timeout=LONG)
    expect(page.locator("#via option")).to_have_count(2)
    line = "One user from here on: the same phone number, +34 600 11 12 22 (Web chat, WhatsApp)."
    expect(page.get_by_text(line)).to_be_visible(timeout=LONG)
    expect(page.locator(".identity", has_text="Signed by your own system.").first).to_be_visible()
    expect(page.locator(".identity", has_text="The same browser, before the user signed in.")).to_have_count(1)
    call(whatsapp, {"from": "34600111222", "name": "Ana Prieto", "text": "In between on WhatsApp"})
    write_in_chat(shop, "In between on the web")
    for text in ("In between on WhatsApp", "In between on the web"):
        expect(page.locator("article.msg", has_text=text)).to_be_visible(timeout=LONG)
    page.locator(".identity", has_text="WhatsApp").get_by_role("button", name="Undo").click()
    confirm = page.get_by_role("dialog").get_by_role("button", name="Undo")
    if confirm.count():
        confirm.click()
    expect(page.locator("li.row")).to_have_count(2, timeout=LONG)
    for mine, other in (("In between on WhatsApp", "In between on the web"), ("In between on the web", "On WhatsApp")):
        row_of(page, mine).locator("a").click()
        expect(page.locator("article.msg", has_text=mine)).to_be_visible(timeout=LONG)
        expect(page.locator("article.msg", has_text=other)).to_have_count(0)


def test_a_visitor_who_types_the_address_of_somebody_joins_nobody_and_sees_nothing(
    live: str, bob: Membership, chat: Channel, open_inbox: Open, open_shop: Callable[..., Page]
) -> None:
    victim = Client(live, chat)
    victim.begin()
    victim.identify(name="Ana Prieto", email="ana@example.com", email_verified=True)
    victim.write("My code is 1234")
    page = open_inbox(bob, "/inbox/?box=all")
    expect(row_of(page, "My code is 1234")).to_be_visible(timeout=LONG)
    shop = open_shop(chat)
    write_in_chat(shop, "Hello, it is Ana")
    frame = frame_of(shop)
    frame.fill("#email", "ana@example.com")
    frame.get_by_role("button", name="Save").click()
    expect(frame.locator("#bar")).to_have_text("Thank you. We will write there if you leave.", timeout=LONG)
    expect(row_of(page, "Hello, it is Ana")).to_be_visible(timeout=LONG)
    row_of(page, "Hello, it is Ana").locator("a").click()
    expect(page.locator(".fact", has_text="Claimed email")).to_contain_text("ana@example.com", timeout=LONG)
    expect(page.locator("li.row")).to_have_count(2)
    expect(frame.locator("li.message")).to_have_count(1)
    expect(frame.locator("body")).not_to_contain_text("1234")


def test_the_demos_shop_shows_what_is_written_before_and_after_signing_in(live: str, browser: Browser) -> None:
    """A page of ours: the site and the chat share one storage."""
    demo = make_account("demo")
    connect_chat(demo)
    context = browser.new_context(base_url=live)
    shop = context.new_page()
    shop.goto("/widget/demo/")
    shop.wait_for_function("window.OneView")
    write_in_chat(shop, "Is it fresh?")
    frame = frame_of(shop)
    expect(frame.locator("li.mine .note")).to_have_text("Delivered", timeout=LONG)
    shop.get_by_role("button", name="Sign in as Nora Fields").click()
    write_in_chat(shop, "It is Nora")
    expect(frame.locator("li.mine .bubble")).to_have_text(["Is it fresh?", "It is Nora"], timeout=LONG)
    shop.reload()
    shop.evaluate("OneView.open()")
    expect(frame_of(shop).locator("li.mine .bubble")).to_have_text(["Is it fresh?", "It is Nora"], timeout=LONG)
    context.close()
    with scope(demo):
        wait(lambda: not InboundEvent.objects.filter(state=InboundState.WAITING).exists())
