"""Writing to somebody first, where the channel allows it."""

from __future__ import annotations

from typing import Any

import pytest

from channels_ingest.models import Channel, OutboxMessage
from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Message, Thread
from inbox.services.blocking import block_contact
from inbox.shapes import Agent
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import locked_scope, scope
from tests.inbox.api import Caller, agent_caller, bot_caller, problem_of
from tests.inbox.batches import make_channel, message, take_in

pytestmark = pytest.mark.django_db

TEMPLATE = {"name": "order_ready", "language": {"code": "es"}}


@pytest.fixture
def shop(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def line(acme: Account) -> str:
    """A second number, which Ana has not written to."""
    with scope(acme):
        return str(make_channel(acme, external_id="900200").id)


@pytest.fixture
def ana(acme: Account, shop: ChannelInfo) -> str:
    take_in(acme, shop, message("hola"))
    with scope(acme):
        Thread.objects.update(status="resolved")
        Conversation.objects.update(status="resolved")
        return str(Conversation.objects.get().id)


@pytest.fixture
def bob_calls(bob: Membership) -> Caller:
    return agent_caller(bob)


def start(calls: Caller, contact: str, channel: object, **content: Any) -> Any:
    body = {"contact": contact, "channel": str(channel), "client_id": "c1", **content}
    return calls.post("conversations/", body)


def test_a_template_may_be_the_first_message(
    acme: Account, ana: str, line: str, bob: Membership, bob_calls: Caller
) -> None:
    answer = start(bob_calls, ana, line, template=TEMPLATE)
    told = answer.json()
    assert (answer.status_code, told["id"], told["status"], told["turn"]) == (201, ana, "open", "human")
    assert told["assignee"]["id"] == bob.user_id
    assert start(bob_calls, ana, line, template=TEMPLATE).status_code == 200
    with scope(acme):
        (outbox,) = OutboxMessage.objects.all()
        content = outbox.content or {}
        assert (str(outbox.channel_id), content["template"]) == (line, TEMPLATE)
        assert content["address"] == {"recipient": "ES.44"}
        written = Message.objects.get(id=outbox.message_id)
        assert (written.type, written.text) == ("template", "order_ready")
        entry = AuditEntry.objects.get(action="conversation.start")
        assert (entry.actor_name, entry.new) == ("Bob", {"channel": line})


def test_free_text_may_not_where_the_window_is_closed(acme: Account, ana: str, line: str, bob_calls: Caller) -> None:
    assert problem_of(start(bob_calls, ana, line, text="Hola Ana")) == (422, "window_closed")
    with scope(acme):
        assert Thread.objects.count() == 1


def test_where_there_is_a_thread_it_goes_on(acme: Account, ana: str, shop: ChannelInfo, bob_calls: Caller) -> None:
    assert start(bob_calls, ana, shop.id, text="Hola Ana").status_code == 201
    with scope(acme):
        assert Thread.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "credentials"),
    [("telegram", {"bot_token": "1:a", "secret_token": "s"}), ("webchat", {"jwt_secret": "s", "allowed_origins": "x"})],
)
def test_who_has_to_write_first_can_not_be_written_to(
    acme: Account, ana: str, bob_calls: Caller, kind: str, credentials: dict[str, str]
) -> None:
    with scope(acme):
        channel = Channel.objects.create(
            account=acme, kind=kind, name=kind, external_id=f"{kind}-1", credentials=credentials
        )
    refused = start(bob_calls, ana, channel.id, text="Hola")
    assert problem_of(refused) == (422, "not_possible")
    assert refused.json()["reason"] == "They have to write to this channel first."


def test_a_blocked_contact_is_not_written_to(acme: Account, ana: str, line: str, bob_calls: Caller) -> None:
    with locked_scope(acme) as now:
        block_contact(acme, Conversation.objects.get().id, actor=Agent(1, "Bob"), now=now)
    assert problem_of(start(bob_calls, ana, line, template=TEMPLATE)) == (422, "not_possible")


def test_bots_start_nothing_and_nobody_starts_for_another_account(
    acme: Account, ana: str, line: str, charlie: Membership, bob_calls: Caller
) -> None:
    assert problem_of(start(bot_caller(acme), ana, line, template=TEMPLATE)) == (403, "forbidden")
    assert problem_of(start(agent_caller(charlie), ana, line, template=TEMPLATE)) == (404, "not_found")
    with scope(charlie.account):
        theirs = make_channel(charlie.account, external_id="theirs")
    assert problem_of(start(bob_calls, ana, theirs.id, template=TEMPLATE)) == (400, "validation")
    assert problem_of(start(bob_calls, ana, line)) == (400, "validation")
    assert problem_of(start(bob_calls, ana, line, template={"language": "es"})) == (400, "validation")
    assert problem_of(start(bob_calls, ana, line, template={**TEMPLATE, "components": ["\x00"]})) == (
        400,
        "validation",
    )
