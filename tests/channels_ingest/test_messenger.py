from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from channels_ingest.base import HttpResult, HttpStep, OutgoingFile, Permanent, Request, Response, Retryable, Sent
from channels_ingest.channels.messenger import CHANNEL
from channels_ingest.events import (
    Broken,
    Claim,
    DeliveryState,
    DeliveryUpdated,
    Event,
    MessageEchoed,
    MessageReceived,
    MessageType,
    Unknown,
)
from tests.channels_ingest.contract import drive, parse, send

PAGE, USER = "104500600700", "7700112233445566"
CREDENTIALS = {"app_secret": "app-secret-1", "verify_token": "our word", "page_access_token": "EAAB"}
KEY = "018f6e5c-0000-8000-8000-000000000001"
ACCEPTED = HttpResult(200, {}, b'{"recipient_id":"7700112233445566","message_id":"m_OUR1"}')
UPLOADED = HttpResult(200, {}, b'{"attachment_id":"77"}')
FILE = OutgoingFile("1", "ticket.jpg", "image/jpeg", MessageType.IMAGE, b"jpeg")
MESSAGES_URL = f"https://graph.facebook.com/v25.0/{PAGE}/messages"
LIMITS = [(1, 0), (2, 0), (4, 0), (17, 0), (32, 0), (613, 0), (1200, 0), (80006, 0)]
REFUSALS = [(10, 0), (10, 2018108), (100, 0), (100, 2018001), (200, 0), (368, 0), (551, 0), (551, 1545041)]
REFUSALS_TOO = [(10, 2018300), (10, 2018301), (100, 2018008), (100, 2018047), (100, 2018294)]
CLOSED = [(10, 2018278), (10, 2534022)]


def build_item(number: int, **body: Any) -> dict[str, Any]:
    return {"sender": {"id": USER}, "recipient": {"id": PAGE}, "timestamp": 1_780_000_000_000 + number, **body}


def build_text(number: int, text: str = "hola", **message: Any) -> dict[str, Any]:
    return build_item(number, message={"mid": f"m_{number}", "text": text, **message})


def read(*items: Any) -> list[Event | Broken]:
    entry = {"id": PAGE, "time": 1_780_000_000_900, "messaging": list(items)}
    return parse(CHANNEL, json.dumps({"object": "page", "entry": [entry]}).encode())


def read_message(**message: Any) -> MessageReceived:
    (event,) = read(build_item(1, message={"mid": "m_1", **message}))
    assert isinstance(event, MessageReceived)
    return event


class TestHandshake:
    def ask(self, **query: str) -> Response | None:
        given = {f"hub.{name}": value for name, value in query.items()}
        return CHANNEL.handshake(Request("GET", "https://inbox.example.com/", given, {}, b""), CREDENTIALS)

    def test_our_word_is_answered_with_the_bare_challenge(self) -> None:
        answer = self.ask(mode="subscribe", challenge="1158201444", verify_token="our word")
        assert answer == Response(200, b"1158201444", "text/plain")

    def test_anything_else_is_refused(self) -> None:
        assert self.ask(mode="subscribe", challenge="1", verify_token="their word") is None
        assert self.ask(mode="unsubscribe", challenge="1", verify_token="our word") is None
        assert self.ask(challenge="1", verify_token="our word") is None


class TestSignature:
    """One callback of an app gets the webhooks of all its products, so this one may come here too."""

    BODY = (
        rb'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":'
        rb'{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550001111","phone_number_id":"900"},'
        rb'"contacts":[{"profile":{"name":"Zo\u00eb"},"wa_id":"15557654321","user_id":"US.100200300"}],"messages":[{"from":'
        rb'"15557654321","from_user_id":"US.100200300","id":"wamid.T1","timestamp":"1780000000","type":"text","text":'
        rb'{"body":"h\u00e9 \ud83d\ude00"}}]}}]}]}'
    )
    SIGNATURE = "sha256=c48496e5a4e875e57610dd6bddc7874bd5fb7859bd23f93996e94604b9763f2c"

    def verify(self, body: bytes, signature: str) -> bool:
        request = Request("POST", "https://inbox.example.com/", {}, {"x-hub-signature-256": signature}, body)
        return CHANNEL.verify(request, CREDENTIALS)

    def test_the_known_vector_is_right(self) -> None:
        assert self.verify(self.BODY, self.SIGNATURE)
        assert [event.kind for event in parse(CHANNEL, self.BODY) if isinstance(event, Unknown)] == [
            "object:whatsapp_business_account"
        ]

    def test_it_covers_the_bytes_and_not_the_json(self) -> None:
        unescaped = json.dumps(json.loads(self.BODY), separators=(",", ":"), ensure_ascii=False).encode()
        assert not self.verify(unescaped, self.SIGNATURE)
        assert not self.verify(self.BODY + b"\n", self.SIGNATURE)


class TestBatches:
    def test_one_broken_update_among_a_thousand_costs_only_itself(self) -> None:
        items = [build_text(number) for number in range(1000)]
        del items[500]["message"]["mid"]
        events = read(*items)
        assert [isinstance(event, Broken) for event in events].index(True) == 500
        assert len({event.external_id for event in events if isinstance(event, MessageReceived)}) == 999

    def test_a_message_that_comes_again_is_the_same(self) -> None:
        """Postbacks of older versions and orders have no id of their own."""
        for body in ({"postback": {"title": "Prices", "payload": "PRICES"}}, {"order": {"note": "two, please"}}):
            first, again, later = read(build_item(1, **body), build_item(1, **body), build_item(2, **body))
            assert isinstance(first, MessageReceived)
            assert isinstance(later, MessageReceived)
            assert first == again
            assert first.external_id != later.external_id

    def test_long_ids_are_hashed_and_stay_distinct(self) -> None:
        events = read(*(build_item(1, message={"mid": "m" * 600 + end, "text": "hola"}) for end in "ab"))
        ids = [event.external_id for event in events if isinstance(event, MessageReceived)]
        assert len(set(ids)) == 2
        assert all(id.startswith("sha256:") for id in ids)


class TestEchoes:
    def echo(self, **message: Any) -> Event | Broken:
        said = {"mid": "m_E1", "is_echo": True, "text": "hi", **message}
        (event,) = read({**build_item(1, message=said), "sender": {"id": PAGE}, "recipient": {"id": USER}})
        return event

    def test_what_carries_our_key_settles_our_own_send(self) -> None:
        event = self.echo(metadata=KEY)
        assert isinstance(event, DeliveryUpdated)
        assert (event.external_id, event.message_id, event.state) == ("m_E1", KEY, DeliveryState.SENT)

    @pytest.mark.parametrize(
        "metadata", [None, "", "campaign-7", KEY.upper(), KEY + "0", KEY.replace("-8000-8", "-4000-8")]
    )
    def test_what_others_wrote_goes_into_the_timeline_of_the_user(self, metadata: str | None) -> None:
        event = self.echo(metadata=metadata)
        assert isinstance(event, MessageEchoed)
        assert (event.sender.value, event.sender.address) == (USER, {"id": USER})

    def test_a_user_cannot_settle_a_message_of_ours(self) -> None:
        assert read_message(text="hola", metadata=KEY).external_id == "m_1"


class TestAnswersToQuestions:
    @pytest.mark.parametrize(
        ("text", "claims"),
        [
            ("+12025550143", (Claim("typed", "phone", "+12025550143"),)),
            ("nora@example.com", (Claim("typed", "email", "nora@example.com"),)),
            ("12025550143", ()),
            ("Red", ()),
            ("nora@example", ()),
        ],
    )
    def test_a_phone_or_email_that_was_asked_for_is_typed_and_no_proof(
        self, text: str, claims: tuple[Claim, ...]
    ) -> None:
        assert read_message(text=text, quick_reply={"payload": text}).sender.claims == claims

    def test_what_is_only_said_claims_nothing(self) -> None:
        assert read_message(text="+12025550143").sender.claims == ()
        assert read_message(text="+12025550143", quick_reply={"payload": "PHONE"}).sender.claims == ()


class TestAttachments:
    def test_a_sticker_that_comes_twice_is_shown_once(self) -> None:
        twins = [
            {"type": type, "payload": {"url": "https://a/1.png", "sticker_id": 7}} for type in ("image", "sticker")
        ]
        other = {"type": "sticker", "payload": {"url": "https://a/2.png", "sticker_id": 8}}
        content = read_message(attachments=[*twins, other]).content
        assert [media.ref["url"] for media in content.media] == ["https://a/1.png", "https://a/2.png"]
        assert content.type == MessageType.STICKER

    def test_pictures_without_a_sticker_are_all_kept(self) -> None:
        same = {"type": "image", "payload": {"url": "https://a/1.png"}}
        assert len(read_message(attachments=[same, same]).content.media) == 2

    @pytest.mark.parametrize("payload", [None, {}, "", []])
    def test_a_link_without_a_payload_leaves_the_words(self, payload: Any) -> None:
        content = read_message(text="see example.com", attachments=[{"type": "fallback", "payload": payload}]).content
        assert (content.type, content.text) == (MessageType.TEXT, "see example.com")

    @pytest.mark.parametrize("url", ["http://[", "https://a/%00%ff", "https://a/"])
    def test_an_odd_address_of_a_file_costs_at_most_its_name(self, url: str) -> None:
        content = read_message(attachments=[{"type": "file", "payload": {"url": url}}]).content
        assert content.type == MessageType.FILE
        assert content.media[0].ref == {"url": url}

    def test_a_place_without_coordinates_is_said_to_be_none(self) -> None:
        for coordinates in ({}, {"lat": 1}, {"lat": "north", "long": "1"}, {"lat": "inf", "long": "1"}):
            attachment = {"type": "location", "payload": {"coordinates": coordinates}}
            assert read_message(attachments=[attachment]).content.type == MessageType.UNSUPPORTED


class TestSending:
    def deliver(self, *results: HttpResult, **message: Any) -> tuple[list[HttpStep], Any]:
        steps: tuple[list[HttpStep], Any] = send(CHANNEL, *results, credentials=CREDENTIALS, **{"key": KEY, **message})
        return steps

    def post(self, **message: Any) -> Any:
        (step,), sent = self.deliver(ACCEPTED, **message)
        assert sent == Sent("m_OUR1")
        assert (step.method, step.url, step.final) == ("POST", MESSAGES_URL, True)
        assert step.headers == {"authorization": "Bearer EAAB"}
        return step.json

    def test_a_text_goes_out_with_our_key(self) -> None:
        assert self.post(text="hola") == {
            "recipient": {"id": USER},
            "messaging_type": "RESPONSE",
            "message": {"text": "hola", "metadata": KEY},
        }

    def test_a_reply_names_what_it_answers(self) -> None:
        assert self.post(text="hola", reply_to="m_IN1")["reply_to"] == {"mid": "m_IN1"}

    @pytest.mark.parametrize(("emoji", "name"), [("❤️", "love"), ("❤", "love"), ("👍", "like"), ("😂", "smile")])
    def test_a_reaction_goes_by_its_name(self, emoji: str, name: str) -> None:
        assert self.post(reaction=("m_IN1", emoji)) == {
            "recipient": {"id": USER},
            "sender_action": "react",
            "payload": {"message_id": "m_IN1", "reaction": name},
        }

    def test_a_reaction_is_taken_back(self) -> None:
        document = self.post(reaction=("m_IN1", ""))
        assert (document["sender_action"], document["payload"]) == ("unreact", {"message_id": "m_IN1"})

    def test_a_reaction_that_messenger_does_not_know_is_refused(self) -> None:
        with pytest.raises(Permanent, match="👍"):
            self.deliver(reaction=("m_IN1", "🦄"))

    def test_without_an_address_nothing_is_sent(self) -> None:
        with pytest.raises(Permanent):
            self.deliver(text="hola", address={"to": "1"})

    def test_a_file_is_uploaded_first_and_only_the_message_is_final(self) -> None:
        (upload, message), sent = self.deliver(UPLOADED, ACCEPTED, files=(FILE,), reply_to="m_IN1")
        assert (upload.url, upload.final) == (f"https://graph.facebook.com/v25.0/{PAGE}/message_attachments", False)
        assert upload.data is not None
        assert json.loads(upload.data["message"]) == {"attachment": {"type": "image", "payload": {"is_reusable": True}}}
        assert upload.files == {"filedata": ("ticket.jpg", b"jpeg", "image/jpeg")}
        assert message.final
        assert message.json == {
            "recipient": {"id": USER},
            "messaging_type": "RESPONSE",
            "message": {"attachment": {"type": "image", "payload": {"attachment_id": "77"}}, "metadata": KEY},
            "reply_to": {"mid": "m_IN1"},
        }
        assert sent == Sent("m_OUR1")

    @pytest.mark.parametrize(
        ("kind", "type", "sent_as"),
        [
            (MessageType.IMAGE, "image/gif", "image"),
            (MessageType.IMAGE, "image/heic", "file"),
            (MessageType.STICKER, "image/png", "image"),
            (MessageType.STICKER, "image/webp", "file"),
            (MessageType.AUDIO, "audio/mp4; codecs=mp4a", "audio"),
            (MessageType.AUDIO, "audio/ogg", "file"),
            (MessageType.VIDEO, "video/webm", "video"),
            (MessageType.FILE, "image/png", "file"),
            (MessageType.FILE, "application/pdf", "file"),
        ],
    )
    def test_what_messenger_does_not_show_goes_as_a_file(self, kind: MessageType, type: str, sent_as: str) -> None:
        file = OutgoingFile("1", "a.bin", type, kind, b"x")
        (upload, message), _ = self.deliver(UPLOADED, ACCEPTED, files=(file,))
        assert upload.data is not None
        assert json.loads(upload.data["message"])["attachment"]["type"] == sent_as
        assert message.json["message"]["attachment"]["type"] == sent_as

    @pytest.mark.parametrize(("text", "files"), [("", (FILE, FILE)), ("words", (FILE,))], ids=["two files", "words"])
    def test_what_cannot_be_said_in_one_message_is_refused_before_anything_is_sent(self, text: str, files: Any) -> None:
        with pytest.raises(Permanent) as error:
            self.deliver(text=text, files=files)
        assert error.value.reason

    def test_a_failed_upload_sends_nothing(self) -> None:
        with pytest.raises(Retryable):
            self.deliver(HttpResult(500, {}, b""), files=(FILE,))
        with pytest.raises(Permanent):
            self.deliver(HttpResult(200, {}, b"{}"), files=(FILE,))

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"message_id":{}}'])
    def test_a_good_answer_that_cannot_be_read_counts_as_taken(self, body: bytes) -> None:
        assert self.deliver(HttpResult(200, {}, body), text="hola")[1] == Sent("")

    def test_no_address_holds_the_token(self) -> None:
        steps, _ = self.deliver(UPLOADED, ACCEPTED, files=(FILE,))
        assert not [step.url for step in steps if "EAAB" in step.url]


class TestRefusals:
    def refuse(self, code: int, subcode: int = 0, *, status: int = 400, wait: str = "") -> Permanent | Retryable:
        error = {"message": "(#1) Raw", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
        body = json.dumps({"error": error | ({"error_subcode": subcode} if subcode else {})}).encode()
        with pytest.raises((Permanent, Retryable)) as caught:
            send(CHANNEL, HttpResult(status, {"Retry-After": wait}, body), credentials=CREDENTIALS, text="hola")
        assert isinstance(caught.value, Permanent | Retryable)
        return caught.value

    @pytest.mark.parametrize(("code", "subcode"), [*LIMITS, *REFUSALS, *REFUSALS_TOO, *CLOSED, (190, 0)])
    def test_every_documented_code_has_words_of_its_own(self, code: int, subcode: int) -> None:
        error = self.refuse(code, subcode)
        assert "Raw" not in error.reason
        assert error.code == (f"{code}/{subcode}" if subcode else f"{code}")

    @pytest.mark.parametrize(("code", "subcode"), LIMITS)
    def test_limits_and_faults_pass(self, code: int, subcode: int) -> None:
        assert isinstance(self.refuse(code, subcode), Retryable)

    @pytest.mark.parametrize(("code", "subcode"), [*REFUSALS, *REFUSALS_TOO])
    def test_refusals_of_a_message_leave_the_channel_alone(self, code: int, subcode: int) -> None:
        error = self.refuse(code, subcode)
        assert isinstance(error, Permanent)
        assert (error.disconnects, error.window_closed) == (False, False)

    @pytest.mark.parametrize(("code", "subcode"), CLOSED)
    def test_a_closed_window_asks_for_another_way(self, code: int, subcode: int) -> None:
        error = self.refuse(code, subcode)
        assert isinstance(error, Permanent)
        assert (error.disconnects, error.window_closed) == (False, True)

    @pytest.mark.parametrize("subcode", [0, 460, 463, 467])
    def test_a_dead_token_disconnects_the_channel(self, subcode: int) -> None:
        error = self.refuse(190, subcode)
        assert isinstance(error, Permanent)
        assert error.disconnects

    def test_a_conversation_of_another_app_is_named_so(self) -> None:
        assert "Another app" in self.refuse(10, 2018300).reason

    def test_a_new_code_speaks_with_the_words_of_the_provider(self) -> None:
        assert self.refuse(139, 139001).reason == "Messenger says: (#1) Raw"

    def test_a_limit_says_how_long_to_wait(self) -> None:
        error = self.refuse(613, status=429, wait="12")
        assert isinstance(error, Retryable)
        assert error.retry_after == 12


class TestMedia:
    URL = "https://cdn.fbsbx.com/v/t59/1.mp4?oh=00_a"

    def fetch(self, result: HttpResult) -> tuple[list[HttpStep], Any]:
        return drive(CHANNEL.fetch_media({"url": self.URL}, CREDENTIALS, external_id=PAGE), result)

    def test_a_file_is_fetched_without_the_token(self) -> None:
        file = HttpResult(200, {"content-type": "video/mp4"}, b"mp4")
        (step,), result = self.fetch(file)
        assert result is file
        assert (step.method, step.url, dict(step.headers), step.final) == ("GET", self.URL, {}, False)

    @pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
    def test_a_file_whose_address_ran_out_is_given_up(self, status: int) -> None:
        with pytest.raises(Permanent, match="any more"):
            self.fetch(HttpResult(status, {}, b"URL signature expired"))

    def test_a_fault_is_tried_again(self) -> None:
        for status in (429, 500, 503):
            with pytest.raises(Retryable) as error:
                self.fetch(HttpResult(status, {"retry-after": "3"}, b""))
            assert error.value.retry_after == 3


def test_it_says_what_messenger_can_do() -> None:
    capabilities = CHANNEL.capabilities
    assert capabilities.window == timedelta(hours=24)
    assert capabilities.resolution == timedelta(milliseconds=1)
    assert (capabilities.text_limit, capabilities.caption_limit, capabilities.file_limit) == (2000, 0, 1)
    assert set(capabilities.media_limits.values()) == {25 * 1024 * 1024}
    assert (capabilities.templates, capabilities.returns_key, capabilities.replies) == (False, True, True)


def test_ids_are_scoped_by_the_page() -> None:
    assert CHANNEL.identity_scope(CREDENTIALS, external_id=PAGE) == PAGE
