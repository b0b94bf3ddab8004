"""A tenant's own system in a real web process: its events reach our door, it takes what our adapter signs."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from channels_ingest.base import HttpResult, HttpStep, Outgoing, OutgoingFile, Permanent, Retryable, Sent
from channels_ingest.channels.api import CHANNEL
from channels_ingest.events import (
    Broken,
    Claim,
    DeliveryState,
    DeliveryUpdated,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
    Unknown,
)
from channels_ingest.models import Channel, InboundEvent
from channels_ingest.sandbox.providers.api import PROVIDER
from channels_ingest.sandbox.store import get_store
from channels_ingest.services import create_channel
from oneview.accounts.models import Account
from oneview.common.http import OutcomeUnknown, fetch, send_request
from oneview.common.ids import new_id
from oneview.common.scope import scope

pytestmark = pytest.mark.committed

SECRET = "whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLXNob3A="
FILE = OutgoingFile("1", "ticket.jpg", "image/jpeg", MessageType.IMAGE, b"\xff\xd8jpeg")


class Sandbox:
    """One channel, from both sides: the system's and ours."""

    def __init__(self, url: str, channel: Channel) -> None:
        self.url = f"{url}/sandbox"
        self.channel = channel
        self.credentials: dict[str, Any] = {"secret": SECRET, "base_url": f"{self.url}/api/callback"}
        self.client = httpx2.Client(base_url=self.url, timeout=20)

    def post(self, path: str, document: Any) -> Any:
        return self.client.post(f"/{path}", json=document).raise_for_status().json()

    def write(self, **message: Any) -> Any:
        return self.post("api/shop/messages/", message)

    def play(self, scene: str) -> Any:
        return self.post(f"scenes/{scene}/", {"kind": "api", "channel": "shop"})

    def list_sent(self) -> list[dict[str, Any]]:
        return list(self.client.get("/api/shop/sent/").raise_for_status().json()["results"])

    def script(self, *faults: str) -> None:
        self.client.put("/faults/", json={"kind": "api", "next": list(faults)}).raise_for_status()

    def send(self, **message: Any) -> Sent:
        """Our side: the step of the adapter over real HTTP."""
        outgoing = Outgoing(**{"key": str(new_id()), "address": {"id": "u-2041"}, **message})
        steps = CHANNEL.send(outgoing, self.credentials, external_id="shop")
        step: HttpStep = next(steps)
        answer = send_request(step.method, step.url, headers=step.headers, content=step.content, timeout=10)
        with pytest.raises(StopIteration) as stop:
            steps.send(HttpResult(answer.status, answer.headers, answer.body))
        sent: Sent = stop.value.value
        return sent

    def list_events(self) -> list[Event | Broken]:
        """What our door took in, as the adapter reads it."""
        with scope(self.channel.account_id):
            rows = InboundEvent.objects.order_by("id").values_list("body", "headers")
            return [event for body, headers in rows if body for event in CHANNEL.parse(bytes(body), headers)]

    def list_states(self, id: str) -> list[DeliveryState]:
        updates = [event for event in self.list_events() if isinstance(event, DeliveryUpdated)]
        return [update.state for update in updates if update.external_id == id]

    def wait_for_states(self, id: str, *states: DeliveryState) -> None:
        wait_until(lambda: self.list_states(id) == list(states))


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def sandbox(live: str, acme: Account) -> Iterator[Sandbox]:
    store = get_store()
    for key in store._client.scan_iter(f"{store._prefix}:*"):
        store._client.delete(key)
    with scope(acme):
        channel = create_channel(acme.id, kind="api", name="Shop", external_id="shop", credentials={"secret": SECRET})
    sandbox = Sandbox(live, channel)
    yield sandbox
    sandbox.client.close()


class TestUsers:
    def test_a_message_goes_through_our_door(self, sandbox: Sandbox) -> None:
        given = {"from": "u-7", "name": "Ana", "text": "hola 😀", "at": "2026-11-01T10:00:00Z", "phone": "+34600111222"}
        answer = sandbox.write(**given)
        assert answer["status"] == 200
        (event,) = sandbox.list_events()
        assert isinstance(event, MessageReceived)
        assert (event.external_id, event.content.text) == (answer["external_id"], "hola 😀")
        assert (event.sender.value, event.sender.name) == ("u-7", "Ana")
        assert event.sender.claims == (Claim("signed", "phone", "+34600111222"),)
        assert event.at.isoformat() == "2026-11-01T10:00:00+00:00"

    def test_every_scene_is_understood(self, sandbox: Sandbox) -> None:
        written = 0
        for name in PROVIDER.scenes:
            answer = sandbox.play(name)
            assert {result["status"] for result in answer["results"]} == {200}, name
            written += len(answer["results"])
        events = sandbox.list_events()
        assert len(events) == written
        assert not [event for event in events if isinstance(event, Broken | Unknown)]
        assert {type(event) for event in events} == {MessageReceived, MessageEdited, MessageDeleted, ReactionChanged}

    def test_a_reply_quotes_what_we_sent(self, sandbox: Sandbox) -> None:
        ours = sandbox.send(text="Which one?").external_id
        sandbox.play("reply")
        (quote,) = [event for event in sandbox.list_events() if isinstance(event, MessageReceived)]
        assert quote.content.reply_to == ours

    def test_files_of_users_can_be_fetched(self, sandbox: Sandbox) -> None:
        sandbox.play("media")
        for event in sandbox.list_events():
            assert isinstance(event, MessageReceived)
            (media,) = event.content.media
            step = next(CHANNEL.fetch_media(media.ref, sandbox.credentials, external_id="shop"))
            answer = fetch(step.url)
            assert answer.headers["content-type"] == media.type
            assert len(answer.body) > 100


class TestReplies:
    def test_what_we_send_is_kept_as_it_came(self, sandbox: Sandbox) -> None:
        first = sandbox.send(text="one")
        second = sandbox.send(text="two", reply_to="m-1", files=(FILE,))
        entries = sandbox.list_sent()
        assert [entry["id"] for entry in entries] == [first.external_id, second.external_id]
        data = entries[1]["body"]["data"]
        assert (data["text"], data["reply_to"], data["user"]) == ("two", "m-1", {"id": "u-2041"})
        (attachment,) = data["attachments"]
        assert base64.b64decode(attachment["content"]) == FILE.content

    def test_a_repeated_reply_is_taken_once(self, sandbox: Sandbox) -> None:
        key = str(new_id())
        sandbox.script("cut_after_accept")
        with pytest.raises(OutcomeUnknown):
            sandbox.send(text="one", key=key)
        again = sandbox.send(text="one", key=key)
        assert [entry["id"] for entry in sandbox.list_sent()] == [again.external_id]

    def test_receipts_come_by_themselves(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="hola").external_id
        sandbox.wait_for_states(id, DeliveryState.DELIVERED, DeliveryState.READ)

    def test_a_receipt_may_come_before_the_answer(self, sandbox: Sandbox) -> None:
        sandbox.script("receipt_first")
        id = sandbox.send(text="hola").external_id
        assert sandbox.list_states(id) == [DeliveryState.DELIVERED]
        sandbox.wait_for_states(id, DeliveryState.DELIVERED, DeliveryState.READ)

    def test_a_receipt_by_hand_ends_those_by_themselves(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="hola").external_id
        assert sandbox.post("api/shop/receipts/", {"id": id, "status": "failed", "code": 7}) == {"status": 200}
        time.sleep(2)
        assert sandbox.list_states(id)[-1] == DeliveryState.FAILED
        unknown = {"id": "srv-nothing", "status": "read"}
        assert sandbox.client.post("/api/shop/receipts/", json=unknown).status_code == 404

    def test_the_message_after_the_failing_scene_fails(self, sandbox: Sandbox) -> None:
        sandbox.play("failed-send")
        sandbox.wait_for_states(sandbox.send(text="are you there?").external_id, DeliveryState.FAILED)

    def test_faults_pass_and_an_end_does_not(self, sandbox: Sandbox) -> None:
        sandbox.script("429", "500", "410")
        with pytest.raises(Retryable) as limit:
            sandbox.send(text="one")
        assert limit.value.retry_after == 1
        with pytest.raises(Retryable):
            sandbox.send(text="one")
        with pytest.raises(Permanent) as end:
            sandbox.send(text="one")
        assert end.value.disconnects
        assert sandbox.list_sent() == []

    def test_a_wrong_signature_is_refused(self, sandbox: Sandbox) -> None:
        sandbox.credentials["secret"] = "another secret"
        with pytest.raises(Permanent):
            sandbox.send(text="one")
        assert sandbox.list_sent() == []

    def test_while_the_secret_changes_either_one_verifies(self, sandbox: Sandbox) -> None:
        sandbox.credentials["secret"] = ["the next secret", SECRET]
        assert sandbox.send(text="one").external_id
