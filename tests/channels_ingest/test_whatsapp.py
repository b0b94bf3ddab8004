from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from channels_ingest.base import HttpResult, HttpStep, OutgoingFile, Permanent, Request, Response, Retryable, Sent
from channels_ingest.channels.whatsapp import CHANNEL
from channels_ingest.events import Broken, DeliveryState, DeliveryUpdated, MessageReceived, MessageType
from tests.channels_ingest.contract import drive, parse, send

CREDENTIALS = {"app_secret": "app-secret-1", "verify_token": "our word", "access_token": "EAAB"}
KEY = "018f6e5c-0000-7000-8000-000000000001"
ACCEPTED = HttpResult(200, {}, b'{"messages":[{"id":"wamid.OUR1","message_status":"accepted"}]}')
FILE = OutgoingFile("1", "ticket.jpg", "image/jpeg", MessageType.IMAGE, b"jpeg")
LIMITS = [4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 131064, 135000]
REFUSALS = [100, 368, 130472, 130497, 131008, 131009, 131021, 131026, 131030, 131031, 131037, 131042, 131045]
REFUSALS_TOO = [131049, 131050, 131051, 131052, 131053, 131062, 137000]
TEMPLATES = [132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016]
DISCONNECTING = [0, 3, 10, 190, 200, 250, 299]
MESSAGES_URL = "https://graph.facebook.com/v25.0/900100200300/messages"


def build_post(*messages: Any, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550001111", "phone_number_id": "900100200300"}
    change = {"field": "messages", "value": {"metadata": metadata, "messages": list(messages), **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def build_text(number: int, body: str = "hola", **fields: Any) -> dict[str, Any]:
    user = {"from": f"346{number:08}", "from_user_id": f"ES.{number}"}
    text = {"id": f"wamid.{number}", "timestamp": "1780000000", "type": "text", "text": {"body": body}}
    return {**user, **text, **fields}


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

    def test_it_covers_the_bytes_and_not_the_json(self) -> None:
        assert not self.verify(json.dumps(json.loads(self.BODY)).encode(), self.SIGNATURE)
        assert not self.verify(self.BODY + b"\n", self.SIGNATURE)

    def test_another_algorithm_is_refused(self) -> None:
        assert not self.verify(self.BODY, self.SIGNATURE.replace("sha256", "sha1"))
        assert not self.verify(self.BODY, self.SIGNATURE.removeprefix("sha256="))


class TestBatches:
    def test_one_broken_update_among_a_thousand_costs_only_itself(self) -> None:
        texts = [build_text(number) for number in range(1000)]
        del texts[500]["id"]
        events = parse(CHANNEL, json.dumps(build_post(*texts)).encode())
        assert [isinstance(event, Broken) for event in events].index(True) == 500
        assert json.loads(events[500].body) == texts[500]  # type: ignore[union-attr]
        assert len({event.external_id for event in events if isinstance(event, MessageReceived)}) == 999

    @pytest.mark.parametrize("poison", ["[" * 100_000 + "]" * 100_000, "9" * 5000, "NaN", '"\\ud800\\u0000"', "1e999"])
    def test_poison_in_one_update_leaves_its_neighbours_alone(self, poison: str) -> None:
        post = build_post(build_text(1), build_text(2, referral={"headline": "@@"}, text="@@"), build_text(3))
        events = parse(CHANNEL, json.dumps(post).replace('"@@"', poison).encode())
        ids = [event.external_id for event in events if isinstance(event, MessageReceived)]
        assert ids == ["wamid.1", "wamid.2", "wamid.3"]

    def test_a_post_may_be_full(self) -> None:
        contacts = [{"profile": {"name": f"Ana {n}"}, "wa_id": f"346{n:08}", "user_id": f"ES.{n}"} for n in range(1000)]
        texts = [build_text(n, "wörter 😀 " * 85, context={"id": "w.1"}, zz={"a": "x" * 600}) for n in range(1000)]
        body = json.dumps(build_post(*texts, contacts=contacts)).encode()
        assert 2_900_000 < len(body) < CHANNEL.capabilities.body_limit
        assert len(parse(CHANNEL, body)) == 1000

    def test_long_ids_are_hashed_and_stay_distinct(self) -> None:
        first, second = (build_text(1, id="w" * 600 + end) for end in "ab")
        events = parse(CHANNEL, json.dumps(build_post(first, second)).encode())
        ids = [event.external_id for event in events if isinstance(event, MessageReceived)]
        assert len(set(ids)) == 2
        assert all(id.startswith("sha256:") and len(id) == 71 for id in ids)

    def test_milliseconds_are_understood(self) -> None:
        seconds, milliseconds = (build_text(1, timestamp=stamp) for stamp in ("1780000000", 1780000000000))
        events = parse(CHANNEL, json.dumps(build_post(seconds, milliseconds)).encode())
        assert events[0] == events[1]


class TestFailures:
    def fail(self, code: int) -> DeliveryUpdated:
        error = {"code": code, "title": "Raw"}
        status = {"id": "wamid.OUR1", "status": "failed", "timestamp": "1780000000", "errors": [error]}
        (event,) = parse(CHANNEL, json.dumps(build_post(statuses=[status])).encode())
        assert isinstance(event, DeliveryUpdated)
        return event

    @pytest.mark.parametrize("code", [*LIMITS, *REFUSALS, *REFUSALS_TOO, *TEMPLATES, *DISCONNECTING, 131047])
    def test_every_documented_code_has_words_of_its_own(self, code: int) -> None:
        event = self.fail(code)
        assert (event.state, event.code) == (DeliveryState.FAILED, str(code))
        assert "Raw" not in event.reason

    def test_a_new_code_speaks_with_the_words_of_the_provider(self) -> None:
        assert self.fail(139999).reason == "WhatsApp says: Raw"


class TestSending:
    def deliver(self, *results: HttpResult, **message: Any) -> tuple[list[HttpStep], Any]:
        steps: tuple[list[HttpStep], Any] = send(CHANNEL, *results, credentials=CREDENTIALS, **message)
        return steps

    def post(self, **message: Any) -> Any:
        steps, sent = self.deliver(ACCEPTED, **message)
        assert sent == Sent("wamid.OUR1")
        assert (steps[0].method, steps[0].url, steps[0].headers) == (
            "POST",
            MESSAGES_URL,
            {"authorization": "Bearer EAAB"},
        )
        return steps[0].json

    def test_a_text_goes_out_with_our_key(self) -> None:
        assert self.post(text="hola") == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "34600111222",
            "biz_opaque_callback_data": KEY,
            "type": "text",
            "text": {"body": "hola", "preview_url": True},
        }

    def test_a_reply_names_what_it_answers(self) -> None:
        assert self.post(text="hola", reply_to="wamid.IN1")["context"] == {"message_id": "wamid.IN1"}

    def test_a_user_without_a_phone_is_reached_by_id(self) -> None:
        document = self.post(text="hola", address={"recipient": "ES.44"})
        assert document["recipient"] == "ES.44"
        assert "to" not in document

    def test_a_template_is_passed_on_as_it_is(self) -> None:
        template = {"name": "order_update", "language": {"code": "es_ES"}}
        document = self.post(template=template)
        assert (document["type"], document["template"]) == ("template", template)

    @pytest.mark.parametrize("emoji", ["👍", ""])
    def test_a_reaction_is_set_and_taken_back(self, emoji: str) -> None:
        document = self.post(reaction=("wamid.IN1", emoji))
        assert (document["type"], document["reaction"]) == ("reaction", {"message_id": "wamid.IN1", "emoji": emoji})

    def test_without_an_address_nothing_is_sent(self) -> None:
        with pytest.raises(Permanent):
            self.deliver(text="hola", address={"elsewhere": "1"})

    def test_a_file_is_uploaded_first_and_only_the_message_is_final(self) -> None:
        steps, sent = self.deliver(HttpResult(200, {}, b'{"id":"77"}'), ACCEPTED, text="ticket", files=(FILE,))
        upload, message = steps
        assert (upload.url, upload.final) == ("https://graph.facebook.com/v25.0/900100200300/media", False)
        assert upload.data == {"messaging_product": "whatsapp", "type": "image/jpeg"}
        assert upload.files == {"file": ("ticket.jpg", b"jpeg", "image/jpeg")}
        assert message.final
        assert message.json["image"] == {"id": "77", "caption": "ticket"}
        assert sent == Sent("wamid.OUR1")

    @pytest.mark.parametrize(
        ("kind", "type", "sent_as"),
        [
            (MessageType.IMAGE, "image/png", "image"),
            (MessageType.IMAGE, "image/heic", "document"),
            (MessageType.AUDIO, "audio/ogg; codecs=opus", "audio"),
            (MessageType.AUDIO, "audio/wav", "document"),
            (MessageType.VIDEO, "video/mp4", "video"),
            (MessageType.VIDEO, "video/webm", "document"),
            (MessageType.STICKER, "image/webp", "sticker"),
            (MessageType.FILE, "image/png", "document"),
            (MessageType.FILE, "application/pdf", "document"),
        ],
    )
    def test_what_whatsapp_does_not_show_goes_as_a_document(self, kind: MessageType, type: str, sent_as: str) -> None:
        file = OutgoingFile("1", "a.bin", type, kind, b"x")
        steps, _ = self.deliver(HttpResult(200, {}, b'{"id":"77"}'), ACCEPTED, files=(file,))
        assert steps[1].json["type"] == sent_as
        assert ("filename" in steps[1].json[sent_as]) == (sent_as == "document")

    @pytest.mark.parametrize(
        ("text", "files"),
        [
            ("", lambda: (FILE, FILE)),
            ("words", lambda: (OutgoingFile("1", "a.ogg", "audio/ogg", MessageType.AUDIO, b"x"),)),
            ("x" * 1025, lambda: (FILE,)),
        ],
        ids=["two files", "a sound with words", "a long caption"],
    )
    def test_what_cannot_be_said_in_one_message_is_refused_before_anything_is_sent(self, text: str, files: Any) -> None:
        with pytest.raises(Permanent) as error:
            self.deliver(text=text, files=files())
        assert error.value.reason

    def test_a_failed_upload_sends_nothing(self) -> None:
        with pytest.raises(Retryable):
            self.deliver(HttpResult(500, {}, b""), files=(FILE,))
        with pytest.raises(Permanent):
            self.deliver(HttpResult(200, {}, b"{}"), files=(FILE,))

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"messages":7}', b'{"messages":[{}]}'])
    def test_a_good_answer_that_cannot_be_read_counts_as_taken(self, body: bytes) -> None:
        assert self.deliver(HttpResult(200, {}, body), text="hola")[1] == Sent("")


class TestRefusals:
    def refuse(self, code: int, *, status: int = 400, **headers: str) -> Permanent | Retryable:
        body = json.dumps({"error": {"message": "(#1) Raw", "type": "OAuthException", "code": code}}).encode()
        with pytest.raises((Permanent, Retryable)) as error:
            send(CHANNEL, HttpResult(status, headers, body), credentials=CREDENTIALS, text="hola")
        assert isinstance(error.value, Permanent | Retryable)
        assert error.value.code == str(code)
        return error.value

    @pytest.mark.parametrize("code", LIMITS)
    def test_limits_and_faults_pass(self, code: int) -> None:
        assert isinstance(self.refuse(code), Retryable)

    @pytest.mark.parametrize("code", [*REFUSALS, *REFUSALS_TOO, *TEMPLATES])
    def test_refusals_of_a_message_leave_the_channel_alone(self, code: int) -> None:
        error = self.refuse(code)
        assert isinstance(error, Permanent)
        assert not error.disconnects
        assert not error.window_closed

    def test_a_closed_window_asks_for_another_way(self) -> None:
        error = self.refuse(131047)
        assert isinstance(error, Permanent)
        assert error.window_closed

    @pytest.mark.parametrize("code", DISCONNECTING)
    def test_dead_credentials_disconnect_the_channel(self, code: int) -> None:
        error = self.refuse(code, status=401)
        assert isinstance(error, Permanent)
        assert error.disconnects

    def test_an_error_may_come_with_a_good_status(self) -> None:
        assert isinstance(self.refuse(131056, status=200), Retryable)
        assert isinstance(self.refuse(131026, status=200), Permanent)

    def test_a_limit_says_how_long_to_wait(self) -> None:
        error = self.refuse(130429, status=429, **{"Retry-After": "12"})
        assert isinstance(error, Retryable)
        assert error.retry_after == 12

    def test_a_known_refusal_stays_one_whatever_the_status(self) -> None:
        assert isinstance(self.refuse(131026, status=500), Permanent)


class TestMedia:
    ABOUT = HttpResult(200, {}, b'{"url":"https://lookaside.fbsbx.com/a?mid=1","mime_type":"image/jpeg","id":"1003"}')

    def fetch(self, *results: HttpResult) -> tuple[list[HttpStep], Any]:
        return drive(CHANNEL.fetch_media({"id": "1003"}, CREDENTIALS, external_id="900100200300"), *results)

    def test_the_address_is_asked_for_and_both_calls_carry_the_token(self) -> None:
        file = HttpResult(200, {"content-type": "image/jpeg"}, b"jpeg")
        steps, result = self.fetch(self.ABOUT, file)
        assert result is file
        assert [step.url for step in steps] == [
            "https://graph.facebook.com/v25.0/1003?phone_number_id=900100200300",
            "https://lookaside.fbsbx.com/a?mid=1",
        ]
        assert all(step.headers == {"authorization": "Bearer EAAB"} and not step.final for step in steps)

    def test_an_address_that_ran_out_is_asked_for_anew(self) -> None:
        steps, result = self.fetch(self.ABOUT, HttpResult(404, {}, b""), self.ABOUT, HttpResult(200, {}, b"jpeg"))
        assert len(steps) == 4
        assert result.body == b"jpeg"

    @pytest.mark.parametrize(
        "results",
        [
            [HttpResult(404, {}, b"")],
            [HttpResult(200, {}, b"{}")],
            [ABOUT, HttpResult(404, {}, b""), ABOUT, HttpResult(404, {}, b"")],
            [ABOUT, HttpResult(302, {}, b"")],
        ],
        ids=["no such file", "no address", "gone twice", "elsewhere"],
    )
    def test_a_file_that_is_gone_is_given_up(self, results: list[HttpResult]) -> None:
        with pytest.raises(Permanent):
            self.fetch(*results)

    def test_a_fault_is_tried_again(self) -> None:
        with pytest.raises(Retryable):
            self.fetch(self.ABOUT, HttpResult(503, {}, b""))

    def test_an_id_cannot_leave_its_place_in_the_address(self) -> None:
        steps = CHANNEL.fetch_media({"id": "../../me?x="}, CREDENTIALS, external_id="900")
        assert next(steps).url == "https://graph.facebook.com/v25.0/..%2F..%2Fme%3Fx%3D?phone_number_id=900"


def test_it_says_what_whatsapp_can_do() -> None:
    capabilities = CHANNEL.capabilities
    assert capabilities.window == timedelta(hours=24)
    assert capabilities.resolution == timedelta(seconds=1)
    assert capabilities.body_limit > 3 * 1024 * 1024
    assert (capabilities.templates, capabilities.returns_key, capabilities.replies) == (True, True, True)


def test_ids_are_scoped_by_the_portfolio() -> None:
    assert CHANNEL.identity_scope({"portfolio_id": "900100"}, external_id="9") == "900100"
    assert CHANNEL.identity_scope({}, external_id="9") == ""
