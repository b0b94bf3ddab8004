from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from channels_ingest.base import HttpResult, HttpStep, Outgoing, OutgoingFile, Permanent, Request, Retryable, Sent
from channels_ingest.calls import Calls, download
from channels_ingest.channels.telegram import CHANNEL
from channels_ingest.events import (
    Broken,
    ConsentChanged,
    Event,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
)
from oneview.common.http import NotSent, OutcomeUnknown
from oneview.common.ids import new_id
from tests.channels_ingest.contract import drive, parse, send

TOKEN = "710002000:AAF-secret_word"
CREDENTIALS = {"bot_token": TOKEN, "secret_token": "Say-Friend_1"}
BOT_URL = f"https://api.telegram.org/bot{TOKEN}"
ACCEPTED = HttpResult(200, {}, b'{"ok":true,"result":{"message_id":90,"date":1780000000,"chat":{"id":111222333}}}')
ANA = {"id": 111222333, "is_bot": False, "first_name": "Ana"}
CHAT = {"id": 111222333, "type": "private", "first_name": "Ana"}
BUSINESS = {"chat_id": "111222333", "business_connection_id": "bc1"}
CAME = {"x-received": "1780000900"}


def build_message(number: int = 51, **fields: Any) -> dict[str, Any]:
    return {"message_id": number, "from": ANA, "chat": CHAT, "date": 1_780_000_000, **fields}


def read(kind: str = "message", **part: Any) -> Event | Broken:
    """The one event of an update."""
    (event,) = parse(CHANNEL, json.dumps({"update_id": 1, kind: part}).encode(), CAME)
    return event


def receive(**message: Any) -> MessageReceived:
    event = read(**build_message(**message))
    assert isinstance(event, MessageReceived)
    return event


def make_file(kind: MessageType, type: str, content: bytes = b"x") -> OutgoingFile:
    return OutgoingFile("1", "a.bin", type, kind, content)


class TestSecret:
    def verify(self, word: str, secret: Any = "Say-Friend_1") -> bool:
        headers = {"x-telegram-bot-api-secret-token": word}
        request = Request("POST", "https://inbox.example.com/", {}, headers, b"{}")
        return CHANNEL.verify(request, {"secret_token": secret})

    def test_the_word_is_the_proof(self) -> None:
        assert self.verify("Say-Friend_1")
        assert not self.verify("say-friend_1")
        assert not self.verify(TOKEN)

    def test_both_words_count_while_it_is_changed(self) -> None:
        assert self.verify("new", ["new", "old"])
        assert self.verify("old", ["new", "old"])
        assert not self.verify("older", ["new", "old"])

    def test_what_is_kept_beside_the_body_is_only_when_it_came(self) -> None:
        headers = {"x-telegram-bot-api-secret-token": "Say-Friend_1"}
        kept = CHANNEL.keep(Request("POST", "https://inbox.example.com/", {}, headers, b"{}"))
        assert list(kept) == ["x-received"]
        assert kept["x-received"].isdigit()


class TestWhoWrote:
    def test_a_phone_is_claimed_by_ones_own_card_only(self) -> None:
        own = {"phone_number": "34600111222", "first_name": "Ana", "user_id": 111222333}
        for card, phones in [
            (own, ["+34600111222"]),
            (own | {"phone_number": "+34600111222"}, ["+34600111222"]),
            (own | {"user_id": 5}, []),
            ({"phone_number": "34600111222", "first_name": "Ana"}, []),
            (own | {"phone_number": "call me"}, []),
        ]:
            event = receive(contact=card)
            assert event.content.type == MessageType.CONTACT
            assert [claim.value for claim in event.sender.claims] == phones

    def test_a_card_of_nobody_is_not_that_of_a_nameless_sender(self) -> None:
        nameless = build_message(contact={"phone_number": "34600111222", "first_name": "Ana"})
        del nameless["from"]
        event = read(**nameless)
        assert isinstance(event, MessageReceived)
        assert event.sender.claims == ()

    def test_a_card_claims_nothing_for_a_sender_without_id(self) -> None:
        assert isinstance(read(**build_message(contact={"phone_number": "34600111222"}) | {"from": {"a": 1}}), Broken)

    def test_the_owner_of_a_business_account_writes_for_us(self) -> None:
        owner = build_message(8, text="Yes", business_connection_id="bc1") | {"from": {"id": 999, "first_name": "Olga"}}
        event = read("business_message", **owner)
        assert isinstance(event, MessageEchoed)
        assert (event.sender.value, event.sender.name, event.sender.address) == ("111222333", "Ana", BUSINESS)

    def test_chats_of_a_business_account_number_their_messages_themselves(self) -> None:
        with_bot = receive(text="a")
        with_owner = read("business_message", **build_message(text="a"), business_connection_id="b")
        assert isinstance(with_owner, MessageReceived)
        assert (with_bot.external_id, with_owner.external_id) == ("111222333:51", "b:111222333:51")
        assert with_bot.sender.value == with_owner.sender.value

    def test_a_business_message_without_its_connection_cannot_be_placed(self) -> None:
        assert isinstance(read("business_message", **build_message(text="a")), Broken)


class TestWhatHappened:
    def test_an_album_is_one_message_a_picture_with_one_group(self) -> None:
        picture = [{"file_id": "small", "width": 1}, {"file_id": "large", "width": 9}]
        album = [receive(number=number, media_group_id="9", photo=picture) for number in range(51, 61)]
        assert {message.content.data["media_group_id"] for message in album} == {"9"}
        assert [message.sequence for message in album] == list(range(51, 61))
        assert {message.content.media[0].ref["id"] for message in album} == {"large"}

    def test_a_size_that_no_file_has_is_not_believed(self) -> None:
        sizes = [receive(document={"file_id": "a", "file_size": size}).content.media[0].size for size in (9, 0, 2**70)]
        assert sizes == [9, None, None]

    def test_a_deep_link_hands_its_payload_over(self) -> None:
        for text, start in [
            ("/start ref-42", "ref-42"),
            ("/start@shop_bot ref-42", "ref-42"),
            ("/start", None),
            ("/started x", None),
            ("see /start x", None),
        ]:
            assert receive(text=text).content.data.get("start") == start

    def test_a_button_counts_when_it_is_pressed_not_when_it_was_sent(self) -> None:
        message = build_message(60) | {"from": {"id": 7, "is_bot": True}}
        event = read("callback_query", id="4382", **{"from": ANA}, message=message, data="btn:7")
        assert isinstance(event, MessageReceived)
        assert event.at.timestamp() == 1_780_000_900
        assert (event.external_id, event.content.reply_to) == ("callback:4382", "111222333:60")
        assert event.content.data["button"] == {"text": "", "data": "btn:7"}

    def test_all_reactions_of_a_user_replace_those_before(self) -> None:
        for new, emoji in [(["👍"], "👍"), (["👍", "🔥"], "👍🔥"), ([], "")]:
            event = read(
                "message_reaction",
                chat=CHAT,
                message_id=60,
                user=ANA,
                date=1_780_000_000,
                old_reaction=[{"type": "emoji", "emoji": "❤"}],
                new_reaction=[{"type": "emoji", "emoji": each} for each in new],
            )
            assert isinstance(event, ReactionChanged)
            assert (event.external_id, event.emoji) == ("111222333:60", emoji)

    def test_an_edit_changes_the_message_of_that_number(self) -> None:
        event = read("edited_message", **build_message(text="new", edit_date=1_780_000_050))
        assert isinstance(event, MessageEdited)
        assert (event.external_id, event.content.text) == ("111222333:51", "new")
        assert event.at.timestamp() == 1_780_000_050

    def test_deleted_messages_are_named_one_by_one(self) -> None:
        deleted = {"business_connection_id": "bc1", "chat": CHAT, "message_ids": [7, 8, 9]}
        events = parse(CHANNEL, json.dumps({"update_id": 1, "deleted_business_messages": deleted}).encode(), CAME)
        assert all(isinstance(event, MessageDeleted) and event.at.timestamp() == 1_780_000_900 for event in events)
        assert [getattr(event, "external_id", "") for event in events] == [f"bc1:111222333:{n}" for n in (7, 8, 9)]

    def test_who_blocks_the_bot_takes_their_consent_back(self) -> None:
        for status, granted in [("kicked", False), ("member", True)]:
            change = {"chat": CHAT, "from": ANA, "date": 1_780_000_000, "new_chat_member": {"status": status}}
            event = read("my_chat_member", **change)
            assert isinstance(event, ConsentChanged)
            assert (event.category, event.granted) == ("messages", granted)


class TestSending:
    def deliver(self, *results: HttpResult, **message: Any) -> tuple[HttpStep, Sent]:
        (step,), sent = send(CHANNEL, *results or (ACCEPTED,), credentials=CREDENTIALS, **message)
        return step, sent

    def test_a_text_is_sent_and_named_as_replies_will_name_it(self) -> None:
        step, sent = self.deliver(text="hola")
        assert (step.method, step.url, step.final) == ("POST", f"{BOT_URL}/sendMessage", True)
        assert step.json == {"chat_id": "111222333", "text": "hola"}
        answer = receive(number=52, text="yes", reply_to_message=build_message(90))
        assert sent == Sent("111222333:90") == Sent(answer.content.reply_to or "")

    def test_a_reply_quotes_the_message_if_it_is_still_there(self) -> None:
        quote = {"message_id": 51, "allow_sending_without_reply": True}
        assert self.deliver(text="hola", reply_to="111222333:51")[0].json["reply_parameters"] == quote

    @pytest.mark.parametrize("other", ["callback:4382", "999:51", "bc1:111222333:51", "111222333:x", "51"])
    def test_what_is_no_message_of_the_chat_is_not_quoted(self, other: str) -> None:
        assert "reply_parameters" not in self.deliver(text="hola", reply_to=other)[0].json

    def test_a_customer_of_a_business_account_is_answered_there(self) -> None:
        step, sent = self.deliver(text="hola", address=BUSINESS, reply_to="bc1:111222333:51")
        assert step.json["business_connection_id"] == "bc1"
        assert step.json["reply_parameters"]["message_id"] == 51
        assert sent == Sent("bc1:111222333:90")

    @pytest.mark.parametrize(("emoji", "reaction"), [("👍", [{"type": "emoji", "emoji": "👍"}]), ("", [])])
    def test_a_reaction_is_set_and_taken_back(self, emoji: str, reaction: list[Any]) -> None:
        step, sent = self.deliver(HttpResult(200, {}, b'{"ok":true,"result":true}'), reaction=("111222333:51", emoji))
        assert step.url == f"{BOT_URL}/setMessageReaction"
        assert step.json == {"chat_id": "111222333", "message_id": 51, "reaction": reaction}
        assert sent == Sent("")

    @pytest.mark.parametrize(
        ("address", "target"), [({"chat_id": "111222333"}, "callback:4382"), (BUSINESS, "bc1:111222333:51")]
    )
    def test_where_bots_cannot_react_the_agent_is_told(self, address: dict[str, str], target: str) -> None:
        with pytest.raises(Permanent) as error:
            self.deliver(address=address, reaction=(target, "👍"))
        assert "react" in error.value.reason

    @pytest.mark.parametrize(
        ("kind", "type", "method", "part"),
        [
            (MessageType.IMAGE, "image/jpeg", "sendPhoto", "photo"),
            (MessageType.IMAGE, "image/gif", "sendAnimation", "animation"),
            (MessageType.IMAGE, "image/heic", "sendDocument", "document"),
            (MessageType.VIDEO, "video/mp4", "sendVideo", "video"),
            (MessageType.VIDEO, "video/webm", "sendDocument", "document"),
            (MessageType.AUDIO, "audio/ogg; codecs=opus", "sendVoice", "voice"),
            (MessageType.AUDIO, "audio/mpeg", "sendAudio", "audio"),
            (MessageType.AUDIO, "audio/wav", "sendDocument", "document"),
            (MessageType.STICKER, "image/webp", "sendSticker", "sticker"),
            (MessageType.FILE, "image/png", "sendDocument", "document"),
        ],
    )
    def test_a_file_is_shown_as_what_it_is(self, kind: MessageType, type: str, method: str, part: str) -> None:
        step, _ = self.deliver(files=(make_file(kind, type),))
        assert step.url == f"{BOT_URL}/{method}"
        assert step.files == {part: ("a.bin", b"x", type)}
        assert step.final

    def test_a_file_goes_with_its_words_and_its_quote_in_one_form(self) -> None:
        file = make_file(MessageType.IMAGE, "image/jpeg")
        step, _ = self.deliver(text="ticket", files=(file,), reply_to="bc1:111222333:51", address=BUSINESS)
        assert step.json is None
        assert step.data is not None
        assert json.loads(step.data["reply_parameters"])["message_id"] == 51
        assert {name: text for name, text in step.data.items() if name != "reply_parameters"} == {
            "chat_id": "111222333",
            "business_connection_id": "bc1",
            "caption": "ticket",
        }

    def test_a_picture_too_large_to_be_shown_goes_as_a_document(self) -> None:
        step, _ = self.deliver(files=(make_file(MessageType.IMAGE, "image/png", b"x" * (10 * 1024 * 1024 + 1)),))
        assert step.url.endswith("/sendDocument")

    @pytest.mark.parametrize(
        ("text", "files"),
        [
            ("", [(MessageType.IMAGE, "image/png", 1), (MessageType.IMAGE, "image/png", 1)]),
            ("words", [(MessageType.STICKER, "image/webp", 1)]),
            ("x" * 1025, [(MessageType.IMAGE, "image/png", 1)]),
            ("", [(MessageType.FILE, "application/zip", 50 * 1024 * 1024 + 1)]),
        ],
        ids=["two files", "a sticker with words", "a long caption", "a large file"],
    )
    def test_what_cannot_be_said_in_one_message_is_refused_before_anything_is_sent(
        self, text: str, files: list[tuple[MessageType, str, int]]
    ) -> None:
        made = tuple(make_file(kind, type, b"x" * size) for kind, type, size in files)
        with pytest.raises(Permanent) as error:
            next(send_steps(text=text, files=made))
        assert "Telegram" in error.value.reason

    def test_without_an_address_nothing_is_sent(self) -> None:
        with pytest.raises(Permanent):
            self.deliver(text="hola", address={"to": "1"})

    def test_without_a_token_the_channel_is_disconnected(self) -> None:
        with pytest.raises(Permanent) as error:
            send(CHANNEL, ACCEPTED, credentials={"secret_token": "x"}, text="hola")
        assert error.value.disconnects

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"ok":true}', b'{"ok":true,"result":{}}'])
    def test_a_good_answer_that_cannot_be_read_counts_as_taken(self, body: bytes) -> None:
        assert self.deliver(HttpResult(200, {}, body), text="hola")[1] == Sent("")


def send_steps(**message: Any) -> Any:
    outgoing = Outgoing(key="1", address={"chat_id": "111222333"}, **message)
    return CHANNEL.send(outgoing, CREDENTIALS, external_id="710002000")


class TestRefusals:
    def refuse(self, code: int, description: str = "", *, status: int = 0, **parameters: Any) -> Any:
        document = {"ok": False, "error_code": code, "description": description, "parameters": parameters}
        answer = HttpResult(status or code, {}, json.dumps(document).encode())
        with pytest.raises((Permanent, Retryable)) as error:
            send(CHANNEL, answer, credentials=CREDENTIALS, text="hola")
        return error.value

    @pytest.mark.parametrize(
        ("code", "description", "words"),
        [
            (403, "Forbidden: bot was blocked by the user", "blocked"),
            (403, "Forbidden: user is deactivated", "no longer exists"),
            (403, "Forbidden: bot can't initiate conversation with a user", "write first"),
            (400, "Bad Request: chat not found", "write to the bot first"),
            (400, "Bad Request: message is too long", "too long"),
            (400, "Bad Request: message caption is too long", "beside the file"),
            (400, "Bad Request: message to be replied not found", "quoted"),
            (400, "Bad Request: REACTION_INVALID", "reaction"),
            (400, "Bad Request: VOICE_MESSAGES_FORBIDDEN", "voice"),
            (400, "Bad Request: BUSINESS_PEER_INVALID", "24 hours"),
            (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", "picture"),
            (413, "Request Entity Too Large", "too large"),
        ],
    )
    def test_a_refusal_is_told_in_words_and_leaves_the_channel_alone(
        self, code: int, description: str, words: str
    ) -> None:
        error = self.refuse(code, description)
        assert isinstance(error, Permanent)
        assert words in error.reason
        assert "Telegram says" not in error.reason
        assert not error.disconnects

    def test_a_new_refusal_speaks_with_the_words_of_telegram(self) -> None:
        assert self.refuse(400, "Bad Request: no such thing").reason == "Telegram says: Bad Request: no such thing"

    @pytest.mark.parametrize(("code", "description"), [(401, "Unauthorized"), (404, "Not Found")])
    def test_a_dead_token_disconnects_the_channel(self, code: int, description: str) -> None:
        assert self.refuse(code, description).disconnects

    def test_a_limit_says_how_long_to_wait(self) -> None:
        error = self.refuse(429, "Too Many Requests: retry after 5", retry_after=5)
        assert isinstance(error, Retryable)
        assert error.retry_after == 5

    def test_a_fault_of_telegrams_own_passes(self) -> None:
        assert isinstance(self.refuse(502, "Bad Gateway"), Retryable)

    def test_an_error_may_come_with_a_good_status(self) -> None:
        assert isinstance(self.refuse(429, status=200), Retryable)
        assert isinstance(self.refuse(400, "chat not found", status=200), Permanent)


class TestMedia:
    ABOUT = HttpResult(200, {}, b'{"ok":true,"result":{"file_id":"A1","file_path":"photos/file 1.jpg"}}')
    FILE = HttpResult(200, {"content-type": "image/jpeg"}, b"jpeg")
    GONE = HttpResult(404, {}, b'{"ok":false,"error_code":404,"description":"Not Found"}')

    def fetch(self, *results: HttpResult) -> tuple[list[HttpStep], Any]:
        return drive(CHANNEL.fetch_media({"id": "A1"}, CREDENTIALS, external_id="710002000"), *results)

    def test_the_path_is_asked_for_and_then_the_file(self) -> None:
        steps, result = self.fetch(self.ABOUT, self.FILE)
        assert result is self.FILE
        assert [step.url for step in steps] == [
            f"{BOT_URL}/getFile?file_id=A1",
            f"https://api.telegram.org/file/bot{TOKEN}/photos/file%201.jpg",
        ]

    def test_a_path_that_ran_out_is_asked_for_anew(self) -> None:
        steps, result = self.fetch(self.ABOUT, self.GONE, self.ABOUT, self.FILE)
        assert len(steps) == 4
        assert result.body == b"jpeg"

    def test_a_file_that_telegram_keeps_back_is_given_up_with_the_reason(self) -> None:
        body = b'{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}'
        with pytest.raises(Permanent) as error:
            self.fetch(HttpResult(400, {}, body))
        assert "20 MB" in error.value.reason

    @pytest.mark.parametrize(
        "results",
        [
            [HttpResult(200, {}, b'{"ok":true,"result":{}}')],
            [ABOUT, GONE, ABOUT, GONE],
            [ABOUT, HttpResult(302, {}, b"")],
        ],
        ids=["no path", "gone twice", "elsewhere"],
    )
    def test_a_file_that_is_gone_is_given_up(self, results: list[HttpResult]) -> None:
        with pytest.raises(Permanent) as error:
            self.fetch(*results)
        assert not error.value.disconnects

    def test_a_fault_is_tried_again(self) -> None:
        with pytest.raises(Retryable):
            self.fetch(self.ABOUT, HttpResult(503, {}, b""))

    def test_an_id_cannot_leave_its_place_in_the_address(self) -> None:
        steps = CHANNEL.fetch_media({"id": "../../me?x=&y"}, CREDENTIALS, external_id="710002000")
        assert next(steps).url == f"{BOT_URL}/getFile?file_id=..%2F..%2Fme%3Fx%3D%26y"


class TestTheTokenInEveryAddress:
    """It is in the path of each call; none of what is kept or said of a call may repeat it."""

    CREDENTIALS = CREDENTIALS | {"base_url": "http://127.0.0.1:9"}

    def list_steps(self) -> list[HttpStep]:
        credentials: Any = self.CREDENTIALS
        message = Outgoing(key="1", address={"chat_id": "1"}, text="hola")
        fetch = CHANNEL.fetch_media({"id": "A1"}, credentials, external_id="710002000")
        sent = CHANNEL.send(message, credentials, external_id="710002000")
        return [next(sent), next(fetch), fetch.send(TestMedia.ABOUT)]

    def test_a_step_does_not_show_it(self) -> None:
        for step in self.list_steps():
            assert TOKEN in step.url
            assert TOKEN not in repr(step)

    def test_neither_does_a_call_that_failed_nor_what_is_kept_of_it(self) -> None:
        calls = Calls()
        for step in self.list_steps():
            for call in (calls.perform, lambda step: download(step, limit=100)):
                with pytest.raises((NotSent, OutcomeUnknown)) as error:
                    call(step)
                assert "secret_word" not in f"{error.value!r} {error.value.__cause__!r}"
        attempts = calls.list_attempts(1, new_id())
        assert {attempt.outcome for attempt in attempts} == {"POST 127.0.0.1: not sent", "GET 127.0.0.1: not sent"}


def test_it_says_what_telegram_can_do() -> None:
    capabilities = CHANNEL.capabilities
    assert (capabilities.sequence, capabilities.replies, capabilities.receipts) == (True, True, "sent")
    assert capabilities.window is None
    assert capabilities.resolution == timedelta(seconds=1)
    assert (capabilities.text_limit, capabilities.caption_limit, capabilities.file_limit) == (4096, 1024, 1)


def test_a_user_is_the_same_for_every_bot() -> None:
    assert CHANNEL.identity_scope(CREDENTIALS, external_id="710002000") == ""
