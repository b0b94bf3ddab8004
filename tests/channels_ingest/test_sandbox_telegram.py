"""Telegram's side of the sandbox in a real web process: updates reach our door, the Bot API takes what we send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from channels_ingest.base import HttpResult, Outgoing, OutgoingFile, Permanent, Retryable, Sent
from channels_ingest.channels.telegram import CHANNEL
from channels_ingest.drain import Drain
from channels_ingest.events import (
    Broken,
    ConsentChanged,
    Event,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
    Unknown,
)
from channels_ingest.media import fetch, list_due_media
from channels_ingest.models import Channel, InboundEvent, MediaObject
from channels_ingest.outbox import deliver
from channels_ingest.sandbox.base import Written
from channels_ingest.sandbox.connections import find_connection
from channels_ingest.sandbox.providers.telegram.scenes import MARA, SCENES
from channels_ingest.sandbox.registry import load_providers
from channels_ingest.sandbox.store import get_store
from channels_ingest.services import create_channel, update_channel
from inbox.models import Message, Thread
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Account
from oneview.common.http import OutcomeUnknown
from oneview.common.scope import scope
from tests.channels_ingest.contract import drive, perform

BOT = "710002000"
CREDENTIALS = {"bot_token": f"{BOT}:AAF-secret_word", "secret_token": "Say-Friend_1"}
FILE = OutgoingFile("1", "ticket.png", "image/png", MessageType.IMAGE, b"\x89PNG\r\n\x1a\npicture")

pytestmark = pytest.mark.committed


class Sandbox:
    """One bot, from both sides: the customer's and ours."""

    def __init__(self, url: str, channel: Channel) -> None:
        self.channel = channel
        self.credentials: dict[str, Any] = {**CREDENTIALS, "base_url": f"{url}/sandbox/telegram/api"}
        self.client = httpx2.Client(base_url=f"{url}/sandbox", timeout=30)

    def write(self, **message: Any) -> Any:
        return self.client.post(f"/telegram/{BOT}/messages/", json=message).raise_for_status().json()

    def play(self, name: str) -> list[Any]:
        scene = {"kind": "telegram", "channel": BOT}
        return list(self.client.post(f"/scenes/{name}/", json=scene).raise_for_status().json()["results"])

    def script(self, *faults: str) -> None:
        self.client.put("/faults/", json={"kind": "telegram", "next": list(faults)}).raise_for_status()

    def list_sent(self) -> list[dict[str, Any]]:
        return list(self.client.get(f"/telegram/{BOT}/sent/").raise_for_status().json()["results"])

    def send(self, *, to: int = 111222333, **message: Any) -> Sent:
        """Our side: the steps of the adapter over real HTTP."""
        outgoing = Outgoing(**{"key": "key-1", "address": {"chat_id": str(to)}, **message})
        sent = perform(CHANNEL.send(outgoing, self.credentials, external_id=BOT))
        assert isinstance(sent, Sent)
        return sent

    def fetch(self, ref: Any) -> HttpResult:
        result = perform(CHANNEL.fetch_media(ref, self.credentials, external_id=BOT))
        assert isinstance(result, HttpResult)
        return result

    def list_events(self) -> list[Event | Broken]:
        """What our door took in, as the adapter reads it."""
        with scope(self.channel.account_id):
            rows = InboundEvent.objects.order_by("id").values_list("body", "headers")
            return [event for body, headers in rows if body for event in CHANNEL.parse(bytes(body), headers)]

    def list_messages(self) -> list[MessageReceived]:
        return [event for event in self.list_events() if isinstance(event, MessageReceived)]


@pytest.fixture
def sandbox(live: str, acme: Account) -> Iterator[Sandbox]:
    store = get_store()
    for key in store._client.scan_iter(f"{store._prefix}:*"):
        store._client.delete(key)
    with scope(acme):
        channel = create_channel(acme.id, kind="telegram", name="Bot", external_id=BOT, credentials=CREDENTIALS)
    sandbox = Sandbox(live, channel)
    yield sandbox
    sandbox.client.close()


class TestCustomers:
    def test_a_message_goes_through_our_door(self, sandbox: Sandbox) -> None:
        given = {"from": "111222333", "name": "Ana Prieto", "text": "hola 😀", "at": "2026-11-01T10:00:00Z"}
        answer = sandbox.write(**given)
        assert answer["status"] == 200
        (event,) = sandbox.list_messages()
        assert (event.external_id, event.content.text) == (answer["external_id"], "hola 😀")
        assert (event.sender.value, event.sender.name) == ("111222333", "Ana Prieto")
        assert event.sender.claims == ()
        assert event.at.isoformat() == "2026-11-01T10:00:00+00:00"

    def test_messages_of_a_chat_are_numbered_in_their_order(self, sandbox: Sandbox) -> None:
        sandbox.write(**{"from": "111222333", "text": "one"})
        ours = sandbox.send(text="two")
        sandbox.write(**{"from": "111222333", "text": "three"})
        first, third = (event.sequence for event in sandbox.list_messages())
        assert first < int(ours.external_id.rpartition(":")[2]) < third < 2**31

    def test_a_message_may_come_twice(self, sandbox: Sandbox) -> None:
        first, second = (sandbox.write(**{"from": "111222333", "text": "a", "id": "111222333:7"}) for _ in range(2))
        assert first == second == {"status": 200, "external_id": "111222333:7"}
        assert [event.external_id for event in sandbox.list_messages()] == ["111222333:7"] * 2

    def test_another_word_than_ours_stays_outside(self, sandbox: Sandbox) -> None:
        with scope(sandbox.channel.account_id):
            sandbox.channel.credentials = CREDENTIALS | {"secret_token": "Changed"}
            sandbox.channel.save(update_fields=["credentials"])
        url = f"/webhooks/telegram/{sandbox.channel.public_id}/"
        host = str(sandbox.client.base_url).removesuffix("/sandbox/")
        for word, status in (("Say-Friend_1", 401), ("changed", 401), ("Changed", 200)):
            headers = {"x-telegram-bot-api-secret-token": word}
            assert httpx2.post(f"{host}{url}", content=b'{"update_id":1,"x":{}}', headers=headers).status_code == status


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
        assert {type(event) for event in events} == {MessageReceived, MessageEdited, ReactionChanged, ConsentChanged}

    def test_what_the_door_was_told_is_what_the_adapter_reads(self, sandbox: Sandbox) -> None:
        for name in ("text", "button", "reaction", "edit"):
            told = [result["external_id"] for result in sandbox.play(name)]
            read = [getattr(event, "external_id", "") for event in sandbox.list_events()[-len(told) :]]
            assert told == read, name

    def test_an_album_of_ten_hangs_together(self, sandbox: Sandbox) -> None:
        sandbox.play("album")
        pictures = sandbox.list_messages()
        assert len({picture.external_id for picture in pictures}) == 10
        assert len({picture.content.data["media_group_id"] for picture in pictures}) == 1
        assert [picture.content.text for picture in pictures] == ["This is what came", *[""] * 9]

    def test_files_of_customers_can_be_fetched(self, sandbox: Sandbox) -> None:
        sandbox.play("media")
        signs = [b"\x89PNG", b"RIFF", b"%PDF", b"\x89PNG"]
        for event, sign in zip(sandbox.list_messages(), signs, strict=True):
            (media,) = event.content.media
            body = sandbox.fetch(media.ref).body
            assert body.startswith(sign)
            assert len(body) == media.size

    def test_a_card_of_their_own_tells_the_phone(self, sandbox: Sandbox) -> None:
        sandbox.play("card")
        own, other = sandbox.list_messages()
        assert [claim.value for claim in own.sender.claims] == ["+12025550143"]
        assert other.sender.claims == ()
        assert other.content.data["contacts"][0]["name"] == "Ivo Marsh"

    def test_a_reply_and_a_reaction_name_what_we_sent(self, sandbox: Sandbox) -> None:
        ours = sandbox.send(to=MARA.id, text="Which one?").external_id
        sandbox.play("reply")
        sandbox.play("reaction")
        events = sandbox.list_events()
        assert [event.content.reply_to for event in events if isinstance(event, MessageReceived)] == [ours]
        reactions = [event for event in events if isinstance(event, ReactionChanged)]
        assert {event.external_id for event in reactions} == {ours}
        assert [event.emoji for event in reactions] == ["👍", "❤", ""]

    def test_a_pressed_button_came_when_it_was_pressed(self, sandbox: Sandbox) -> None:
        sandbox.play("button")
        (event,) = sandbox.list_messages()
        assert event.content.text == "Yes, please"
        assert event.content.data["button"]["data"] == "again:yes"
        assert abs(event.at.timestamp() - time.time()) < 60

    def test_a_deep_link_hands_its_payload_over(self, sandbox: Sandbox) -> None:
        sandbox.play("start")
        assert sandbox.list_messages()[0].content.data["start"] == "order_4711"

    def test_who_blocks_the_bot_is_not_reached_until_they_come_back(self, sandbox: Sandbox) -> None:
        sandbox.play("blocked")
        with pytest.raises(Permanent) as error:
            sandbox.send(to=MARA.id, text="Please")
        assert "blocked" in error.value.reason
        assert sandbox.send(text="somebody else").external_id
        sandbox.play("text")
        assert sandbox.send(to=MARA.id, text="Hello again").external_id
        granted = [event.granted for event in sandbox.list_events() if isinstance(event, ConsentChanged)]
        assert granted == [False, True]


class TestApi:
    def test_what_we_send_is_kept_as_it_came(self, sandbox: Sandbox) -> None:
        first, second = sandbox.send(text="one"), sandbox.send(text="two", reply_to="111222333:7")
        entries = sandbox.list_sent()
        assert [entry["id"] for entry in entries] == [first.external_id, second.external_id]
        assert [entry["body"]["method"] for entry in entries] == ["sendMessage", "sendMessage"]
        assert entries[1]["body"]["reply_parameters"] == {"message_id": 7, "allow_sending_without_reply": True}

    def test_a_file_arrives_with_its_words_and_its_quote(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="ticket", files=(FILE,), reply_to="111222333:7").external_id
        (entry,) = sandbox.list_sent()
        body = entry["body"]
        assert (entry["id"], body["method"], body["caption"]) == (id, "sendPhoto", "ticket")
        assert body["reply_parameters"]["message_id"] == 7
        assert get_store().get_content(body["photo"][0]["file_id"]) == FILE.content

    def test_a_reaction_arrives(self, sandbox: Sandbox) -> None:
        sandbox.send(reaction=("111222333:7", "👍"))
        (entry,) = sandbox.list_sent()
        assert (entry["id"], entry["body"]["method"]) == ("111222333:7", "setMessageReaction")
        assert entry["body"]["reaction"] == [{"type": "emoji", "emoji": "👍"}]

    def test_a_wrong_token_disconnects(self, sandbox: Sandbox) -> None:
        for token in (f"{BOT}:other", "5:AAF", "nothing"):
            sandbox.credentials["bot_token"] = token
            with pytest.raises(Permanent) as error:
                sandbox.send(text="hola")
            assert error.value.disconnects
        assert sandbox.list_sent() == []

    def test_what_telegram_would_refuse_is_refused(self, sandbox: Sandbox) -> None:
        for message in ({"text": ""}, {"text": "x" * 4097}, {"text": "hola", "to": -5}):
            with pytest.raises(Permanent) as error:
                sandbox.send(**message)
            assert "Telegram says" not in error.value.reason
        assert sandbox.list_sent() == []

    def test_a_file_that_is_too_large_or_gone_is_not_handed_over(self, sandbox: Sandbox) -> None:
        get_store().put_file("big", name="", type="", content=b"x")
        get_store().put("file", "big", {"name": "", "type": "", "size": 20 * 1024 * 1024 + 1})
        get_store().put("path", "big", {"path": "videos/big"})
        for id, words in (("big", "20 MB"), ("none", "not at Telegram")):
            with pytest.raises(Permanent) as error:
                sandbox.fetch({"id": id})
            assert words in error.value.reason


class TestFaults:
    def test_limits_and_faults_pass(self, sandbox: Sandbox) -> None:
        sandbox.script("429", "500")
        with pytest.raises(Retryable) as limit:
            sandbox.send(text="one")
        assert (limit.value.code, limit.value.retry_after) == ("429", 1)
        with pytest.raises(Retryable):
            sandbox.send(text="one")
        assert sandbox.list_sent() == []
        assert sandbox.send(text="one").external_id

    def test_an_answer_that_is_cut_leaves_the_outcome_open(self, sandbox: Sandbox) -> None:
        sandbox.script("cut_after_accept")
        with pytest.raises(OutcomeUnknown):
            sandbox.send(text="one")
        assert [entry["body"]["text"] for entry in sandbox.list_sent()] == ["one"]

    def test_it_may_be_slow(self, sandbox: Sandbox) -> None:
        sandbox.script("slow:0.5")
        start = time.monotonic()
        sandbox.send(text="one")
        assert 0.5 <= time.monotonic() - start < 5

    def test_one_send_may_be_blocked(self, sandbox: Sandbox) -> None:
        sandbox.script("blocked")
        with pytest.raises(Permanent):
            sandbox.send(text="one")
        assert sandbox.send(text="one").external_id


class TestConversation:
    """The whole way: door, drain, inbox, outbox, and back."""

    def test_an_answer_quotes_and_is_quoted(self, sandbox: Sandbox, acme: Account) -> None:
        with scope(acme):
            update_channel(acme.id, sandbox.channel.id, name="Bot", credentials=sandbox.credentials)
        sandbox.play("text")
        question = drain(acme)[0]
        with scope(acme) as now:
            thread = Thread.objects.get()
            draft = Draft("c1", "On Tuesday", reply_to=question.id)
            send_reply(acme, thread.conversation_id, draft, author=Author("agent", 1, "Bob"), now=now)
        deliver(acme.id, thread.id)
        (entry,) = sandbox.list_sent()
        assert entry["body"]["text"] == "On Tuesday"
        assert f"{MARA.id}:{entry['body']['reply_parameters']['message_id']}" == question.external_id
        sandbox.play("reply")
        sandbox.play("reaction")
        answer, quote = drain(acme)[-2:]
        assert (answer.status, answer.external_id) == ("sent", entry["id"])
        assert quote.reply_to == answer.external_id
        assert [reaction["emoji"] for reaction in answer.reactions] == [""]

    def test_files_of_an_album_are_stored(self, sandbox: Sandbox, acme: Account) -> None:
        with scope(acme):
            update_channel(acme.id, sandbox.channel.id, name="Bot", credentials=sandbox.credentials)
        sandbox.play("album")
        assert len(drain(acme)) == 10
        for account, id in list_due_media(20):
            fetch(account, id)
        with scope(acme):
            files = list(MediaObject.objects.values_list("state", "type"))
        assert files == [("stored", "image/png")] * 10


def drain(account: Account) -> list[Message]:
    """Takes in what the door stored; the messages there are now."""
    worker = Drain()
    while worker.work():
        pass
    with scope(account):
        return list(Message.objects.order_by("id"))


def test_a_customer_may_send_a_picture(sandbox: Sandbox) -> None:

    connection = find_connection("telegram", BOT)
    assert connection is not None
    composed = load_providers()["telegram"].compose(connection, Written("Ana", "look", picture=b"\x89PNG"))
    (event,) = CHANNEL.parse(composed.body, {})
    assert isinstance(event, MessageReceived)
    assert (event.external_id, event.content.text, event.content.type) == (composed.external_id, "look", "image")
    assert sandbox.fetch(event.content.media[0].ref).body == b"\x89PNG"


class TestCheck:
    def test_a_good_token_says_whose_bot_it_is(self, sandbox: Sandbox) -> None:
        assert perform(CHANNEL.check(sandbox.credentials, external_id=BOT)) == "@oneview_bot"

    def test_a_token_that_was_taken_back_is_told(self, sandbox: Sandbox) -> None:
        with pytest.raises(Permanent, match="token"):
            perform(CHANNEL.check(sandbox.credentials | {"bot_token": f"{BOT}:old"}, external_id=BOT))

    def test_the_token_of_another_bot_is_told(self, sandbox: Sandbox) -> None:
        with pytest.raises(Permanent, match="another bot"):
            perform(CHANNEL.check(sandbox.credentials, external_id="7"))


def test_a_bot_that_posts_nowhere_is_told_and_so_is_its_last_trouble() -> None:
    me = HttpResult(200, {}, b'{"ok":true,"result":{"id":7,"username":"shop_bot"}}')
    nowhere = HttpResult(200, {}, b'{"ok":true,"result":{"url":""}}')
    trouble = b'{"ok":true,"result":{"url":"https://x","last_error_message":"Connection refused"}}'
    with pytest.raises(Permanent, match="setWebhook"):
        drive(CHANNEL.check(CREDENTIALS, external_id="7"), me, nowhere)
    _, words = drive(CHANNEL.check(CREDENTIALS, external_id="7"), me, HttpResult(200, {}, trouble))
    assert words == "@shop_bot, Telegram's last trouble: Connection refused"
