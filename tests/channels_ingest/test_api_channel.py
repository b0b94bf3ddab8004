"""The API channel: what only it promises, and what its documentation says. The contract suite has the rest."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from channels_ingest.base import HttpResult, HttpStep, OutgoingFile, Permanent, Request, Retryable, Sent
from channels_ingest.channels.api import CHANNEL
from channels_ingest.channels.api.adapter import MOST_BYTES, TOLERANCE_SECONDS
from channels_ingest.events import Broken, Event, MessageReceived, MessageType
from channels_ingest.models import OutboxMessage, OutboxState
from channels_ingest.outbox import deliver
from channels_ingest.services import create_channel, enqueue_message
from channels_ingest.signing import read_standard_key, sign_standard
from oneview.accounts.models import Account
from oneview.bootstrap import ROOT
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.channels_ingest.cases.api import sign
from tests.channels_ingest.contract import drive, parse, send
from tests.channels_ingest.provider import Provider, Say

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CREDENTIALS = {"secret": SECRET, "callback_url": "https://shop.example.com/replies"}
BODY = b'{"type": "message.deleted", "data": {"id": "m-1"}}'
DOCUMENT = (ROOT / "docs" / "channels" / "api.md").read_text()


def signed(**changes: str) -> Request:
    request = sign(BODY, SECRET)
    return Request(request.method, request.url, {}, {**request.headers, **changes}, request.body)


class TestSignatures:
    def test_they_are_those_of_standard_webhooks(self) -> None:
        """The signature is what the Python library of Standard Webhooks makes of the same."""
        given: dict[str, Any] = {
            "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "timestamp": "1614265330",
            "body": b'{"test": 2432232314}',
        }
        signature = sign_standard(read_standard_key(SECRET), **given)
        assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    @pytest.mark.parametrize("secret", [SECRET, "plain words", "clé secrète"])
    def test_a_secret_is_base64_after_its_prefix_or_plain_text(self, secret: str) -> None:
        assert CHANNEL.verify(sign(BODY, secret), {"secret": secret})

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", "whsec_abc"])
    def test_a_secret_that_cannot_be_read_opens_nothing(self, secret: str) -> None:
        requests = [sign(BODY, other) for other in ("whsec_", secret.removeprefix("whsec_") or " ")]
        assert not any(CHANNEL.verify(request, {"secret": secret}) for request in requests)
        with pytest.raises(Permanent) as error:
            send(CHANNEL, credentials={"secret": secret, "callback_url": "https://x.example"}, text="hello")
        assert error.value.disconnects

    @pytest.mark.parametrize(("late", "taken"), [(-10, False), (10, True)])
    @pytest.mark.parametrize("side", [-1, 1])
    def test_the_time_may_differ_by_five_minutes_either_way(self, side: int, late: int, taken: bool) -> None:
        at = time.time() - side * (TOLERANCE_SECONDS - late)
        assert CHANNEL.verify(sign(BODY, SECRET, at=at), CREDENTIALS) is taken

    def test_the_time_is_signed_too(self) -> None:
        later = str(int(time.time()) + 1)
        assert not CHANNEL.verify(signed(**{"webhook-timestamp": later}), CREDENTIALS)

    def test_one_right_signature_among_several_is_enough(self) -> None:
        right = signed().headers["webhook-signature"]
        several = f"v1,{base64.b64encode(b'x' * 32).decode()} {right} v1a,other"
        assert CHANNEL.verify(signed(**{"webhook-signature": several}), CREDENTIALS)
        assert not CHANNEL.verify(signed(**{"webhook-signature": right.replace("v1,", "v2,")}), CREDENTIALS)

    def test_the_time_of_the_signature_is_kept_and_the_signature_is_not(self) -> None:
        request = signed()
        assert CHANNEL.keep(request) == {"webhook-timestamp": request.headers["webhook-timestamp"]}


class TestReplies:
    def test_a_reply_is_one_signed_request(self) -> None:
        file = OutgoingFile("1", "label.pdf", "application/pdf", MessageType.FILE, b"%PDF")
        step, sent = reply(b'{"id": "srv-9"}', text="Tomorrow.", reply_to="m-1", files=(file,))
        assert (step.method, step.url, step.final) == ("POST", "https://shop.example.com/replies", True)
        assert json.loads(step.content or b"") == {
            "type": "message.created",
            "data": {
                "id": "018f6e5c-0000-7000-8000-000000000001",
                "user": {"id": "u-1001"},
                "text": "Tomorrow.",
                "attachments": [{"name": "label.pdf", "type": "application/pdf", "size": 4, "content": "JVBERg=="}],
                "reply_to": "m-1",
                "sent_at": "2024-05-12T19:51:14.176Z",
            },
        }
        assert step.headers["webhook-id"] == "018f6e5c-0000-7000-8000-000000000001"
        assert CHANNEL.verify(as_request(step), CREDENTIALS)
        assert sent == Sent("srv-9")

    def test_a_repeated_reply_has_the_same_id_and_body(self) -> None:
        first, second = (reply(b"{}", text="Tomorrow.")[0] for _ in range(2))
        assert (first.content, first.headers["webhook-id"]) == (second.content, second.headers["webhook-id"])

    @pytest.mark.parametrize("answer", [b"", b"OK", b"{}", b'{"id": null}', b"[]"])
    def test_a_receiver_that_names_no_id_keeps_ours(self, answer: bytes) -> None:
        assert reply(answer, text="Tomorrow.")[1] == Sent("018f6e5c-0000-7000-8000-000000000001")

    def test_a_reaction_names_its_message(self) -> None:
        step, _ = reply(b"{}", reaction=("m-1", "👍"))
        document = json.loads(step.content or b"")
        assert document["type"] == "reaction"
        assert (document["data"]["id"], document["data"]["emoji"]) == ("m-1", "👍")

    def test_while_a_secret_rotates_both_sign(self) -> None:
        step, _ = reply(b"{}", credentials=CREDENTIALS | {"secret": ["next", SECRET]}, text="Tomorrow.")
        for secret in ("next", SECRET):
            assert CHANNEL.verify(as_request(step), {"secret": secret})

    def test_without_a_callback_address_the_channel_only_receives(self) -> None:
        with pytest.raises(Permanent, match="only receives") as error:
            send(CHANNEL, credentials={"secret": SECRET}, text="Tomorrow.")
        assert not error.value.disconnects

    def test_what_is_too_large_is_not_sent(self) -> None:
        half = OutgoingFile("1", "a", "image/png", MessageType.IMAGE, b"x" * (MOST_BYTES // 2 + 1))
        with pytest.raises(Permanent, match="10 MB together"):
            send(CHANNEL, credentials=CREDENTIALS, files=(half, half))

    def test_the_receiver_ends_a_channel_with_410(self) -> None:
        with pytest.raises(Permanent) as error:
            reply(b"", status=410, text="Tomorrow.")
        assert error.value.disconnects

    def test_the_reason_of_a_refusal_is_the_receivers(self) -> None:
        with pytest.raises(Permanent, match="This user has left"):
            reply(b'{"reason": "This user has left."}', status=422, text="Tomorrow.")
        with pytest.raises(Permanent, match="leads on to another one"):
            reply(b"", status=302, text="Tomorrow.")


@pytest.mark.committed
def test_the_outbox_repeats_a_reply_whose_answer_was_lost_with_the_same_id(acme: Account) -> None:
    with Provider().running() as receiver:
        credentials = {"secret": SECRET, "callback_url": f"{receiver.url}/replies"}
        given: dict[str, Any] = {"thread_id": new_id(), "message_id": new_id()}
        content = {"address": {"id": "u-1001"}, "text": "Tomorrow."}
        with scope(acme) as now:
            channel = create_channel(acme.id, kind="api", name="Shop", external_id="shop", credentials=credentials)
            enqueue_message(acme.id, channel_id=channel.id, content=content, now=now, **given)
        receiver.next.extend([Say(cut=True), Say(body={"id": "srv-9"})])
        deliver(acme.id, given["thread_id"])
        with scope(acme) as now:
            assert OutboxMessage.objects.update(next_attempt_at=now) == 1
        deliver(acme.id, given["thread_id"])
    first, second = receiver.asked
    for asked in (first, second):
        assert (asked.path, asked.headers["webhook-id"]) == ("/replies", str(given["message_id"]))
        assert CHANNEL.verify(Request("POST", "", {}, asked.headers, asked.body), credentials)
    assert first.body == second.body
    with scope(acme):
        assert OutboxMessage.objects.get().state == OutboxState.SENT


class TestFiles:
    REF: Mapping[str, str] = {"url": "https://files.example.com/4711.jpg"}

    def fetch(self, status: int) -> Any:
        steps = CHANNEL.fetch_media(self.REF, CREDENTIALS, external_id="shop")
        return drive(steps, HttpResult(status, {}, b"file"))

    def test_they_are_fetched_from_their_address_without_any_secret(self) -> None:
        (step,), result = self.fetch(200)
        assert (step.method, step.url, step.headers) == ("GET", self.REF["url"], {})
        assert result.body == b"file"

    @pytest.mark.parametrize(
        ("status", "error"), [(404, Permanent), (403, Permanent), (429, Retryable), (503, Retryable)]
    )
    def test_one_that_is_not_there_says_so(self, status: int, error: type[Exception]) -> None:
        with pytest.raises(error, match=f"status {status}"):
            self.fetch(status)


class TestDocumentation:
    """The code and the documents of docs/channels/api.md do what they say."""

    @pytest.fixture
    def example(self) -> dict[str, Callable[..., Any]]:
        (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
        names: dict[str, Any] = {}
        exec(code, names)
        return names

    @pytest.mark.parametrize("secret", [SECRET, "plain words"])
    def test_its_signature_is_taken(self, example: dict[str, Callable[..., Any]], secret: str) -> None:
        headers = example["sign"](secret, "msg-1", BODY)
        assert CHANNEL.verify(Request("POST", "https://x.example/", {}, headers, BODY), {"secret": secret})
        assert not CHANNEL.verify(Request("POST", "https://x.example/", {}, headers, BODY + b" "), {"secret": secret})

    @pytest.mark.parametrize("secret", [SECRET, "plain words", ["next", SECRET]])
    def test_it_verifies_what_we_sign(self, example: dict[str, Callable[..., Any]], secret: Any) -> None:
        step, _ = reply(b"{}", credentials=CREDENTIALS | {"secret": secret}, text="Tomorrow.")
        mine = secret if isinstance(secret, str) else secret[1]
        assert example["is_from_oneview"](mine, step.headers, step.content)
        assert not example["is_from_oneview"]("another", step.headers, step.content)
        assert not example["is_from_oneview"](mine, step.headers, (step.content or b"") + b" ")

    def test_its_documents_are_those_we_read_and_write(self) -> None:
        incoming, outgoing = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL))
        (event,) = read(incoming)
        assert isinstance(event, MessageReceived)
        assert [(claim.rule, claim.kind) for claim in event.sender.claims] == [("signed", "phone"), ("typed", "email")]
        file = OutgoingFile("1", "label.pdf", "application/pdf", MessageType.FILE, b"%PDF")
        step, _ = reply(b"{}", text="Yes", files=(file,), reply_to="m-1")
        assert name_keys(json.loads(step.content or b"")) == name_keys(outgoing)


def reply(answer: bytes, *, status: int = 200, **message: Any) -> tuple[HttpStep, Sent]:
    given = {"credentials": CREDENTIALS, **message}
    (step,), sent = send(CHANNEL, HttpResult(status, {}, answer), **given)
    return step, sent


def as_request(step: HttpStep) -> Request:
    """What we send is signed as what we take."""
    return Request(step.method, step.url, {}, step.headers, step.content or b"")


def read(document: Any) -> list[Event | Broken]:
    return parse(CHANNEL, json.dumps(document).encode())


def name_keys(value: Any) -> Any:
    match value:
        case dict():
            return {key: name_keys(item) for key, item in value.items()}
        case list():
            return [name_keys(item) for item in value]
    return None
