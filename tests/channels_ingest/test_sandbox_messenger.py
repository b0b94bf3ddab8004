"""Meta's side of a page in a real web process: webhooks reach our door, the Graph API takes what we send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from channels_ingest.base import HttpResult, Outgoing, OutgoingFile, Permanent, Retryable, Sent
from channels_ingest.channels.messenger import CHANNEL
from channels_ingest.drain import Drain
from channels_ingest.events import (
    Broken,
    ChannelNotice,
    Claim,
    DeliveredUpTo,
    DeliveryState,
    DeliveryUpdated,
    Event,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
    Unknown,
)
from channels_ingest.models import Channel, InboundEvent
from channels_ingest.outbox import deliver
from channels_ingest.profiles import fetch_profile
from channels_ingest.sandbox.base import Written
from channels_ingest.sandbox.connections import find_connection
from channels_ingest.sandbox.files import draw_image
from channels_ingest.sandbox.providers.messenger.scenes import NORA, SCENES
from channels_ingest.sandbox.registry import load_providers
from channels_ingest.sandbox.store import get_store
from channels_ingest.services import create_channel
from identity.models import Contact
from inbox.models import Message, Thread
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Account
from oneview.common.http import OutcomeUnknown
from oneview.common.scope import scope
from tests.channels_ingest.contract import perform

PAGE, USER = "104500600700", "7700112233445566"
KEY = "018f6e5c-0000-8000-8000-000000000001"
CREDENTIALS = {
    "app_secret": "app-secret-1",
    "verify_token": "say-friend",
    "page_access_token": "token-1",
    "base_url": "/sandbox/messenger/graph",
}
FILE = OutgoingFile("1", "ticket.png", "image/png", MessageType.IMAGE, b"\x89PNG\r\n\x1a\npicture")

pytestmark = pytest.mark.committed


class Sandbox:
    """One page, from both sides: the customer's and ours."""

    def __init__(self, url: str, channel: Channel) -> None:
        self.channel = channel
        self.credentials: dict[str, Any] = {**CREDENTIALS, "base_url": f"{url}/sandbox/messenger/graph"}
        self.client = httpx2.Client(base_url=f"{url}/sandbox", timeout=30)

    def post(self, path: str, document: Any) -> httpx2.Response:
        return self.client.post(path, json=document)

    def write(self, **message: Any) -> Any:
        return self.post(f"/messenger/{PAGE}/messages/", message).raise_for_status().json()

    def play(self, name: str) -> list[Any]:
        scene = {"kind": "messenger", "channel": PAGE}
        return list(self.post(f"/scenes/{name}/", scene).raise_for_status().json()["results"])

    def script(self, *faults: str) -> None:
        self.client.put("/faults/", json={"kind": "messenger", "next": list(faults)}).raise_for_status()

    def list_sent(self) -> list[dict[str, Any]]:
        return list(self.client.get(f"/messenger/{PAGE}/sent/").raise_for_status().json()["results"])

    def send(self, *, to: str = USER, **message: Any) -> Sent:
        """Our side: the steps of the adapter over real HTTP."""
        outgoing = Outgoing(**{"key": KEY, "address": {"id": to}, **message})
        sent = perform(CHANNEL.send(outgoing, self.credentials, external_id=PAGE))
        assert isinstance(sent, Sent)
        return sent

    def fetch(self, ref: Any) -> HttpResult:
        result = perform(CHANNEL.fetch_media(ref, self.credentials, external_id=PAGE))
        assert isinstance(result, HttpResult)
        return result

    def list_events(self) -> list[Event | Broken]:
        """What our door took in, as the adapter reads it."""
        with scope(self.channel.account_id):
            rows = InboundEvent.objects.order_by("id").values_list("body", flat=True)
            return [event for body in rows if body for event in CHANNEL.parse(bytes(body), {})]

    def list_messages(self) -> list[MessageReceived]:
        return [event for event in self.list_events() if isinstance(event, MessageReceived)]

    def wait_for(self, found: Callable[[list[Event | Broken]], bool]) -> list[Event | Broken]:
        deadline = time.monotonic() + 10
        while not found(events := self.list_events()):
            assert time.monotonic() < deadline, events
            time.sleep(0.05)
        return events

    def wait_until_read(self) -> list[Event | Broken]:
        return self.wait_for(lambda events: any(is_read(event) for event in events))


def is_read(event: Event | Broken) -> bool:
    return isinstance(event, DeliveredUpTo) and event.state == DeliveryState.READ


def drain(account: Account) -> list[Message]:
    """The timeline, after everything that came has been taken in."""
    worker = Drain()
    while worker.work():
        pass
    with scope(account):
        return list(Message.objects.order_by("id"))


@pytest.fixture
def sandbox(live: str, acme: Account) -> Iterator[Sandbox]:
    store = get_store()
    for key in store._client.scan_iter(f"{store._prefix}:*"):
        store._client.delete(key)
    with scope(acme):
        channel = create_channel(acme.id, kind="messenger", name="Page", external_id=PAGE, credentials=CREDENTIALS)
    sandbox = Sandbox(live, channel)
    yield sandbox
    sandbox.client.close()


class TestCustomers:
    def test_a_message_goes_through_our_door(self, sandbox: Sandbox) -> None:
        answer = sandbox.write(**{"from": USER, "text": "hola 😀", "at": "2026-11-01T10:00:00.250Z"})
        assert answer["status"] == 200
        (event,) = sandbox.list_messages()
        assert (event.external_id, event.content.text) == (answer["external_id"], "hola 😀")
        assert (event.recipient, event.sender.value, event.sender.name) == (PAGE, USER, None)
        assert event.at.isoformat() == "2026-11-01T10:00:00.250000+00:00"

    def test_a_message_may_come_twice(self, sandbox: Sandbox) -> None:
        first, second = (sandbox.write(**{"from": USER, "text": "hola", "id": "m_7"}) for _ in range(2))
        assert first == second == {"status": 200, "external_id": "m_7"}
        assert [event.external_id for event in sandbox.list_messages()] == ["m_7"] * 2

    def test_a_picture_comes_along(self, sandbox: Sandbox, live: str) -> None:
        connection = find_connection("messenger", PAGE)
        assert connection is not None
        load_providers()["messenger"].write(connection, Written(USER, "Look", picture=draw_image(1)))
        (event,) = sandbox.list_messages()
        assert (event.content.type, event.content.text) == (MessageType.IMAGE, "Look")
        assert sandbox.fetch(event.content.media[0].ref).body == draw_image(1)


class TestScenes:
    def test_every_scene_is_understood(self, sandbox: Sandbox) -> None:
        written = 0
        for name in SCENES:
            results = sandbox.play(name)
            assert {result["status"] for result in results} == {200}, name
            written += len(results)
        events = sandbox.list_events()
        assert len(events) == written
        assert not [event for event in events if isinstance(event, Broken | Unknown)]
        assert {type(event) for event in events} == {
            MessageReceived,
            MessageEchoed,
            MessageEdited,
            MessageDeleted,
            ReactionChanged,
            ChannelNotice,
        }

    def test_what_the_door_was_told_is_what_the_adapter_reads(self, sandbox: Sandbox) -> None:
        for name in ("text", "postback", "reaction", "edit", "delete", "echo", "standby"):
            told = [result["external_id"] for result in sandbox.play(name)]
            read = [getattr(event, "external_id", "") for event in sandbox.list_events()[-len(told) :]]
            assert told == read, name

    def test_an_album_is_one_message_with_ten_pictures(self, sandbox: Sandbox) -> None:
        sandbox.play("album")
        (event,) = sandbox.list_messages()
        bodies = [sandbox.fetch(media.ref).body for media in event.content.media]
        assert len(set(bodies)) == 10
        assert all(body.startswith(b"\x89PNG") for body in bodies)

    def test_files_of_customers_can_be_fetched_until_they_run_out(self, sandbox: Sandbox) -> None:
        sandbox.play("media")
        for event, sign in zip(sandbox.list_messages(), (b"\x89PNG", b"RIFF", b"%PDF"), strict=True):
            (media,) = event.content.media
            assert sandbox.fetch(media.ref).body.startswith(sign)
        assert media.name == "invoice 4711.pdf"
        with pytest.raises(Permanent, match="any more"):
            sandbox.fetch({"url": media.ref["url"].replace("/files/", "/files/0")})

    def test_a_reply_and_a_reaction_name_what_we_sent(self, sandbox: Sandbox) -> None:
        ours = sandbox.send(to=NORA, text="Which one?").external_id
        sandbox.play("reply")
        sandbox.play("reaction")
        events = sandbox.list_events()
        assert [event.content.reply_to for event in events if isinstance(event, MessageReceived)] == [ours]
        reactions = [event for event in events if isinstance(event, ReactionChanged)]
        assert {event.external_id for event in reactions} == {ours}
        assert [event.emoji for event in reactions] == ["👍", "", "❤️"]

    def test_what_another_app_hears_first_is_marked(self, sandbox: Sandbox) -> None:
        sandbox.play("standby")
        said, answered = sandbox.list_events()
        assert isinstance(said, MessageReceived)
        assert isinstance(answered, MessageEchoed)
        assert said.content.data["standby"] is answered.content.data["standby"] is True
        assert said.sender.value == answered.sender.value == NORA

    def test_a_phone_that_was_asked_for_is_typed(self, sandbox: Sandbox) -> None:
        sandbox.play("phone")
        assert sandbox.list_messages()[0].sender.claims == (Claim("typed", "phone", "+12025550143"),)


class TestGraph:
    def test_what_we_send_is_kept_as_it_came(self, sandbox: Sandbox) -> None:
        first, second = sandbox.send(text="one"), sandbox.send(text="two", reply_to="m_IN1")
        entries = sandbox.list_sent()
        assert [entry["id"] for entry in entries] == [first.external_id, second.external_id]
        assert entries[1]["body"]["message"]["text"] == "two"
        assert entries[1]["body"]["reply_to"] == {"mid": "m_IN1"}

    def test_the_echo_brings_our_key_then_it_is_delivered_and_read(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="hola").external_id
        echo, delivered, up_to, read = sandbox.wait_until_read()
        assert isinstance(echo, DeliveryUpdated)
        assert (echo.external_id, echo.message_id, echo.state) == (id, KEY, DeliveryState.SENT)
        assert isinstance(delivered, DeliveryUpdated)
        assert (delivered.external_id, delivered.state) == (id, DeliveryState.DELIVERED)
        assert isinstance(up_to, DeliveredUpTo)
        assert isinstance(read, DeliveredUpTo)
        assert (up_to.state, read.state) == (DeliveryState.DELIVERED, DeliveryState.READ)
        assert echo.at <= up_to.until <= read.until

    def test_what_the_page_sends_elsewhere_is_told_to_us_too(self, sandbox: Sandbox) -> None:
        sandbox.send(text="hola", key="campaign-7")
        echo = sandbox.wait_until_read()[0]
        assert isinstance(echo, MessageEchoed)
        assert (echo.sender.value, echo.content.text) == (USER, "hola")

    def test_a_receipt_by_hand_ends_those_by_themselves(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="hola").external_id
        path = f"/messenger/{PAGE}/receipts/"
        assert sandbox.post(path, {"id": id, "status": "read"}).json() == {"status": 200}
        time.sleep(2)
        assert len([event for event in sandbox.list_events() if is_read(event)]) == 1
        assert sandbox.post(path, {"id": "m_nothing", "status": "read"}).status_code == 404
        assert sandbox.post(path, {"id": id, "status": "failed"}).status_code == 400

    def test_a_file_is_uploaded_and_then_sent(self, sandbox: Sandbox) -> None:
        sandbox.send(files=(FILE,))
        attachment = sandbox.list_sent()[0]["body"]["message"]["attachment"]
        assert attachment["type"] == "image"
        assert get_store().get_content(attachment["payload"]["attachment_id"]) == FILE.content

    def test_a_reaction_is_no_message(self, sandbox: Sandbox) -> None:
        assert sandbox.send(reaction=("m_IN1", "👍")) == Sent("")
        (entry,) = sandbox.list_sent()
        assert entry["body"]["payload"] == {"message_id": "m_IN1", "reaction": "like"}

    def test_a_wrong_token_disconnects(self, sandbox: Sandbox) -> None:
        sandbox.credentials["page_access_token"] = "token-2"
        messages: list[Any] = [{"text": "hola"}, {"files": (FILE,)}]
        for message in messages:
            with pytest.raises(Permanent) as error:
                sandbox.send(**message)
            assert error.value.disconnects
        assert sandbox.list_sent() == []

    def test_what_meta_would_refuse_is_refused(self, sandbox: Sandbox) -> None:
        for text in ("", "x" * 2001):
            with pytest.raises(Permanent):
                sandbox.send(text=text)
        assert sandbox.list_sent() == []


class TestFaults:
    def test_limits_and_faults_pass(self, sandbox: Sandbox) -> None:
        sandbox.script("429", "500")
        with pytest.raises(Retryable) as limit:
            sandbox.send(text="one")
        assert (limit.value.code, limit.value.retry_after) == ("613", 1)
        with pytest.raises(Retryable):
            sandbox.send(text="one")
        assert sandbox.list_sent() == []
        assert sandbox.send(text="one").external_id

    def test_an_answer_that_is_cut_leaves_the_outcome_open_until_the_echo_comes(self, sandbox: Sandbox) -> None:
        sandbox.script("cut_after_accept")
        with pytest.raises(OutcomeUnknown):
            sandbox.send(text="one")
        (entry,) = sandbox.list_sent()
        echo = sandbox.wait_until_read()[0]
        assert isinstance(echo, DeliveryUpdated)
        assert (echo.external_id, echo.message_id) == (entry["id"], KEY)

    def test_the_echo_may_come_before_the_answer(self, sandbox: Sandbox) -> None:
        sandbox.script("receipt_first")
        id = sandbox.send(text="one").external_id
        assert [event.external_id for event in sandbox.list_events() if isinstance(event, DeliveryUpdated)] == [id]
        assert len(sandbox.wait_until_read()) == 4

    def test_it_may_be_slow(self, sandbox: Sandbox) -> None:
        sandbox.script("slow:0.5")
        start = time.monotonic()
        sandbox.send(text="one")
        assert 0.5 <= time.monotonic() - start < 5

    def test_a_send_may_fail_at_once(self, sandbox: Sandbox) -> None:
        sandbox.script("failed:2018278", "failed:551", "failed:2018300")
        errors = []
        for _ in range(3):
            with pytest.raises(Permanent) as error:
                sandbox.send(text="one")
            errors.append((error.value.code, error.value.window_closed))
        assert errors == [("10/2018278", True), ("551", False), ("10/2018300", False)]
        assert sandbox.list_sent() == []


class TestConversation:
    """The whole way: door, drain, inbox, outbox, and back."""

    def answer(self, account: Account, *, client_id: str = "c1", reply_to: Any = None) -> None:
        with scope(account) as now:
            thread = Thread.objects.get()
            draft = Draft(client_id, "It leaves today", reply_to=reply_to)
            send_reply(account, thread.conversation_id, draft, author=Author("agent", 1, "Bob"), now=now)
        deliver(account.id, thread.id)

    def test_an_answer_is_one_message_and_is_read(self, sandbox: Sandbox, acme: Account) -> None:
        sandbox.play("text")
        self.answer(acme, reply_to=drain(acme)[0].id)
        sandbox.wait_until_read()
        *questions, answer = drain(acme)
        assert len(questions) == 2
        (entry,) = sandbox.list_sent()
        assert entry["body"]["reply_to"] == {"mid": questions[0].external_id}
        assert (answer.external_id, answer.status) == (entry["id"], "read")

    def test_an_answer_nobody_confirmed_is_resolved_by_its_echo(self, sandbox: Sandbox, acme: Account) -> None:
        sandbox.play("text")
        drain(acme)
        sandbox.script("cut_after_accept")
        self.answer(acme)
        sandbox.wait_until_read()
        (entry,) = sandbox.list_sent()
        answer = drain(acme)[-1]
        assert (answer.external_id, answer.status) == (entry["id"], "read")

    def test_a_colleague_on_facebook_is_seen_in_the_timeline(self, sandbox: Sandbox, acme: Account) -> None:
        sandbox.play("echo")
        assert [message.direction for message in drain(acme)] == ["inbound", "outbound"]


def test_a_good_token_says_what_the_page_is_called_and_another_is_told(sandbox: Sandbox) -> None:
    assert perform(CHANNEL.check(sandbox.credentials, external_id=PAGE)) == "Sandbox page"
    with pytest.raises(Permanent) as refused:
        perform(CHANNEL.check(sandbox.credentials | {"page_access_token": "old"}, external_id=PAGE))
    assert "token" in refused.value.reason


class TestProfile:
    def test_the_name_is_asked_of_the_platform_after_the_first_message(self, sandbox: Sandbox, acme: Account) -> None:
        sandbox.write(**{"from": USER, "name": "Nora Fields", "text": "Hello"})
        drain(acme)
        with scope(acme):
            assert Contact.objects.get().name == f"Messenger …{USER[-4:]}"
            Channel.objects.update(credentials=sandbox.credentials)
        assert fetch_profile(acme.id, sandbox.channel.id, USER)
        with scope(acme):
            assert Contact.objects.get().name == "Nora Fields"

    def test_a_person_who_cannot_be_looked_up_stays_without_a_name(self, sandbox: Sandbox, acme: Account) -> None:
        sandbox.write(**{"from": USER, "text": "Hello"})
        drain(acme)
        with scope(acme):
            Channel.objects.update(credentials=sandbox.credentials)
        assert fetch_profile(acme.id, sandbox.channel.id, USER)
        with scope(acme):
            assert Contact.objects.get().name == f"Messenger …{USER[-4:]}"
