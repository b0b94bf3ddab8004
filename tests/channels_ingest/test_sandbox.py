"""The local provider in a real web process: what it posts reaches our door, it takes what our adapter sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx2
import pytest

from channels_ingest.base import Outgoing, OutgoingFile, Permanent, Retryable, Sent
from channels_ingest.channels.whatsapp import CHANNEL
from channels_ingest.events import (
    AddressChanged,
    Broken,
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
from channels_ingest.sandbox.later import Later
from channels_ingest.sandbox.providers.whatsapp.scenes import SCENES
from channels_ingest.sandbox.store import Store, get_store
from oneview.accounts.models import Account
from oneview.common.http import OutcomeUnknown
from oneview.common.scope import scope
from tests.channels_ingest.contract import perform
from tests.channels_ingest.webhooks import CREDENTIALS, connect

FILE = OutgoingFile("1", "ticket.jpg", "image/jpeg", MessageType.IMAGE, b"\xff\xd8jpeg")


class Sandbox:
    """One channel, from both sides: the customer's and ours."""

    def __init__(self, url: str, channel: Channel) -> None:
        self.url = f"{url}/sandbox"
        self.channel = channel
        self.credentials = {**CREDENTIALS, "base_url": f"{self.url}/whatsapp/graph"}
        self.client = httpx2.Client(base_url=self.url, timeout=20)

    def post(self, path: str, document: Any) -> Any:
        return self.client.post(f"/{path}", json=document).raise_for_status().json()

    def write(self, **message: Any) -> Any:
        return self.post(f"whatsapp/{self.channel.external_id}/messages/", message)

    def list_sent(self, after: int = 0) -> list[dict[str, Any]]:
        answer = self.client.get(f"/whatsapp/{self.channel.external_id}/sent/", params={"after": after})
        return list(answer.raise_for_status().json()["results"])

    def script(self, *faults: str) -> None:
        self.client.put("/faults/", json={"kind": "whatsapp", "next": list(faults)}).raise_for_status()

    def send(self, **message: Any) -> Sent:
        """Our side: the steps of the adapter over real HTTP."""
        outgoing = Outgoing(**{"key": "key-1", "address": {"to": "34600111222"}, **message})
        steps = CHANNEL.send(outgoing, self.credentials, external_id=self.channel.external_id)
        return perform(steps)  # type: ignore[no-any-return]

    def list_events(self) -> list[Event | Broken]:
        """What our door took in, as the adapter reads it."""
        with scope(self.channel.account_id):
            rows = InboundEvent.objects.order_by("id").values_list("body", flat=True)
            return [event for body in rows if body for event in CHANNEL.parse(bytes(body), {})]

    def wait_for(self, found: Callable[[list[Event | Broken]], Any]) -> Any:
        deadline = time.monotonic() + 10
        while not (value := found(events := self.list_events())):
            assert time.monotonic() < deadline, events
            time.sleep(0.05)
        return value

    def wait_for_states(self, id: str, *states: DeliveryState) -> None:
        def reached(events: list[Event | Broken]) -> bool:
            found = [e.state for e in events if isinstance(e, DeliveryUpdated) and e.external_id == id]
            return found == list(states)

        self.wait_for(reached)


@pytest.fixture
def sandbox(live: str, acme: Account) -> Iterator[Sandbox]:
    forget_all()
    sandbox = Sandbox(live, connect(acme))
    yield sandbox
    sandbox.client.close()


def forget_all() -> None:
    store = get_store()
    for key in store._client.scan_iter(f"{store._prefix}:*"):
        store._client.delete(key)


@pytest.mark.committed
class TestCustomers:
    def test_a_message_goes_through_our_door(self, sandbox: Sandbox) -> None:
        given = {"from": "34600111222", "name": "Ana", "text": "hola 😀", "at": "2026-11-01T10:00:00Z"}
        answer = sandbox.write(**given)
        assert answer["status"] == 200
        (event,) = sandbox.list_events()
        assert isinstance(event, MessageReceived)
        assert (event.external_id, event.content.text) == (answer["external_id"], "hola 😀")
        assert (event.sender.value, event.sender.name) == ("34600111222", "Ana")
        assert event.at.isoformat() == "2026-11-01T10:00:00+00:00"

    def test_a_user_with_a_username_may_keep_the_phone(self, sandbox: Sandbox) -> None:
        sandbox.write(**{"from": "ES.77", "text": "hola"})
        sandbox.write(**{"from": "ES.77", "text": "hola", "phone": "+34600111222"})
        hidden, told = (event.sender for event in sandbox.list_events() if isinstance(event, MessageReceived))
        assert (hidden.value, hidden.claims) == ("ES.77", ())
        assert (told.value, [claim.value for claim in told.claims]) == ("ES.77", ["+34600111222"])

    def test_a_message_may_come_twice(self, sandbox: Sandbox) -> None:
        first, second = (sandbox.write(**{"from": "34600111222", "text": "hola", "id": "wamid.1"}) for _ in range(2))
        assert first == second == {"status": 200, "external_id": "wamid.1"}
        assert len(sandbox.list_events()) == 2

    def test_half_a_message_is_refused(self, sandbox: Sandbox) -> None:
        path = f"/whatsapp/{sandbox.channel.external_id}/messages/"
        halves: list[Any] = [{}, [], {"from": "1"}, {"from": "1", "text": 7}, {"from": "1", "text": "x", "at": "soon"}]
        assert [sandbox.client.post(path, json=half).status_code for half in halves] == [400] * 5
        assert sandbox.client.post("/whatsapp/7/messages/", json={"from": "1", "text": "x"}).status_code == 404
        assert sandbox.list_events() == []


@pytest.mark.committed
class TestScenes:
    def test_every_scene_is_understood(self, sandbox: Sandbox) -> None:
        written = 0
        for name in SCENES:
            answer = sandbox.post(f"scenes/{name}/", {"channel": sandbox.channel.external_id})
            assert {result["status"] for result in answer["results"]} == {200}, name
            written += len(answer["results"])
        events = sandbox.list_events()
        assert len(events) == written
        assert not [event for event in events if isinstance(event, Broken | Unknown)]
        assert {type(event) for event in events} == {
            MessageReceived,
            MessageEdited,
            MessageDeleted,
            ReactionChanged,
            AddressChanged,
        }
        assert sandbox.client.post("/scenes/nothing/", json={}).status_code == 404

    def test_a_reply_quotes_what_we_sent(self, sandbox: Sandbox) -> None:
        ours = sandbox.send(text="Which one?", address={"to": "12025550143"}).external_id
        sandbox.post("scenes/reply/", {})
        (quote,) = [event for event in sandbox.list_events() if isinstance(event, MessageReceived)]
        assert quote.content.reply_to == ours

    def test_files_of_customers_can_be_fetched(self, sandbox: Sandbox) -> None:
        sandbox.post("scenes/media/", {})
        for event in sandbox.list_events():
            assert isinstance(event, MessageReceived)
            (media,) = event.content.media
            steps = CHANNEL.fetch_media(media.ref, sandbox.credentials, external_id=sandbox.channel.external_id)
            result = perform(steps)
            assert result.headers["content-type"] == media.type
            assert len(result.body) > 100

    def test_the_message_after_the_failing_scene_fails(self, sandbox: Sandbox) -> None:
        sandbox.post("scenes/failed-send/", {})
        sandbox.wait_for_states(sandbox.send(text="are you there?").external_id, DeliveryState.FAILED)


@pytest.mark.committed
class TestGraph:
    def test_what_we_send_is_kept_as_it_came(self, sandbox: Sandbox) -> None:
        first = sandbox.send(text="one")
        second = sandbox.send(text="two", reply_to="wamid.IN1")
        entries = sandbox.list_sent()
        assert [entry["id"] for entry in entries] == [first.external_id, second.external_id]
        assert entries[1]["body"]["text"]["body"] == "two"
        assert entries[1]["body"]["context"] == {"message_id": "wamid.IN1"}
        assert sandbox.list_sent(after=entries[0]["seq"]) == entries[1:]

    def test_receipts_rise_like_those_of_a_phone_and_bring_our_key(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="hola", key="key-7").external_id
        sandbox.wait_for_states(id, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)
        assert {event.message_id for event in sandbox.list_events() if isinstance(event, DeliveryUpdated)} == {"key-7"}

    def test_a_receipt_by_hand_ends_those_by_themselves(self, sandbox: Sandbox) -> None:
        id = sandbox.send(text="hola").external_id
        receipt = {"id": id, "status": "failed", "code": 131047}
        assert sandbox.post(f"whatsapp/{sandbox.channel.external_id}/receipts/", receipt) == {"status": 200}
        time.sleep(2)
        states = [event for event in sandbox.list_events() if isinstance(event, DeliveryUpdated)]
        assert (states[-1].state, states[-1].code) == (DeliveryState.FAILED, "131047")
        unknown = {"id": "wamid.nothing", "status": "read"}
        path = f"/whatsapp/{sandbox.channel.external_id}/receipts/"
        assert sandbox.client.post(path, json=unknown).status_code == 404
        assert sandbox.client.post(path, json={"id": id, "status": "eaten"}).status_code == 400

    def test_a_file_is_uploaded_and_then_sent(self, sandbox: Sandbox) -> None:
        sandbox.send(text="ticket", files=(FILE,))
        body = sandbox.list_sent()[0]["body"]
        assert body["image"]["caption"] == "ticket"
        content = get_store().get_content(body["image"]["id"])
        assert content == FILE.content

    def test_it_says_what_our_number_is_called(self, sandbox: Sandbox) -> None:
        given: dict[str, Any] = {"external_id": sandbox.channel.external_id}
        assert perform(CHANNEL.check(sandbox.credentials, **given)) == "Sandbox, +15550001111"
        with pytest.raises(Permanent) as error:
            perform(CHANNEL.check(sandbox.credentials | {"access_token": "token-2"}, **given))
        assert error.value.disconnects

    def test_a_wrong_token_is_refused(self, sandbox: Sandbox) -> None:
        sandbox.credentials["access_token"] = "token-2"
        for message in ({"text": "hola"}, {"files": (FILE,)}):
            with pytest.raises(Permanent) as error:
                sandbox.send(**message)
            assert error.value.disconnects
        assert sandbox.list_sent() == []

    def test_what_meta_would_refuse_is_refused(self, sandbox: Sandbox) -> None:
        messages: list[Any] = [{"text": ""}, {"text": "x" * 4097}, {"template": {"name": "a"}}]
        for message in messages:
            with pytest.raises(Permanent):
                sandbox.send(**message)
        assert sandbox.list_sent() == []


@pytest.mark.committed
class TestFaults:
    def test_limits_and_faults_pass(self, sandbox: Sandbox) -> None:
        sandbox.script("429", "500")
        with pytest.raises(Retryable) as limit:
            sandbox.send(text="one")
        assert (limit.value.code, limit.value.retry_after) == ("130429", 1)
        with pytest.raises(Retryable):
            sandbox.send(text="one")
        assert sandbox.list_sent() == []
        assert sandbox.send(text="one").external_id

    def test_an_answer_that_is_cut_leaves_the_outcome_open(self, sandbox: Sandbox) -> None:
        sandbox.script("cut_after_accept")
        with pytest.raises(OutcomeUnknown):
            sandbox.send(text="one")
        (entry,) = sandbox.list_sent()
        sandbox.wait_for_states(entry["id"], DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)

    def test_a_receipt_may_come_before_the_answer(self, sandbox: Sandbox) -> None:
        sandbox.script("receipt_first")
        id = sandbox.send(text="one").external_id
        assert [event.external_id for event in sandbox.list_events() if isinstance(event, DeliveryUpdated)] == [id]
        sandbox.wait_for_states(id, DeliveryState.DELIVERED, DeliveryState.READ)

    def test_it_may_be_slow(self, sandbox: Sandbox) -> None:
        sandbox.script("slow:0.5")
        start = time.monotonic()
        sandbox.send(text="one")
        assert 0.5 <= time.monotonic() - start < 5

    def test_a_fault_nobody_knows_is_refused(self, sandbox: Sandbox) -> None:
        for faults in ("429", ["slow:soon"], ["failed"], ["404"], [7]):
            assert sandbox.client.put("/faults/", json={"kind": "whatsapp", "next": faults}).status_code == 400
        assert sandbox.client.put("/faults/", json={"kind": "fax", "next": []}).status_code == 400


class TestMemory:
    def test_another_process_knows_the_same(self) -> None:
        forget_all()
        mine, other = get_store(), Store(get_store()._client, get_store()._prefix)
        assert mine.add_sent("whatsapp:1", {"id": "a"}) < other.add_sent("whatsapp:1", {"id": "b"})
        assert [entry["id"] for entry in mine.list_sent("whatsapp:1", after=0, limit=9)] == ["a", "b"]
        mine.set_faults("whatsapp", ["429", "500"])
        assert [store.take_fault("whatsapp") for store in (other, mine, other)] == ["429", "500", ""]

    def test_everything_is_forgotten_in_the_end(self) -> None:
        forget_all()
        store = get_store()
        store.add_sent("whatsapp:1", {"id": "a"})
        store.set_faults("whatsapp", ["429"])
        store.put_file("1", name="a", type="text/plain", content=b"a")
        keys = list(store._client.scan_iter(f"{store._prefix}:*"))
        assert len(keys) == 5
        assert min(int(store._client.ttl(key)) for key in keys) > 3600


def test_later_calls_are_made_in_the_order_of_their_times() -> None:
    calls: list[int] = []
    later = Later()

    def fail() -> None:
        raise ValueError

    later.call(0.01, fail)
    for number in (3, 1, 2):
        later.call(number / 4, partial(calls.append, number))
    done = threading.Event()
    later.call(1, done.set)
    assert done.wait(20)
    assert calls == [1, 2, 3]
