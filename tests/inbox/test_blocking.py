"""Whoever is blocked can write, and nobody is called by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Handover, Message, Thread
from inbox.selectors.overview import read_overview
from inbox.selectors.waiting import list_waiting, recheck_waiting
from inbox.services.blocking import block_contact, unblock_contact
from inbox.services.contacts import join_contacts, part_identity
from inbox.services.conversations import assign, set_status
from inbox.services.escalations import escalate_handovers, relieve_silent_bots
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, AuditEntry, Membership, Team
from oneview.common.errors import NotPossible
from oneview.common.scope import locked_scope, scope
from tests.fixtures import sign_in
from tests.inbox.api import agent_caller, problem_of
from tests.inbox.batches import make_channel, message, take_in, user

pytestmark = [pytest.mark.django_db, pytest.mark.committed]

BOB = Agent(2, "Bob")


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def ana(acme: Account, channel: ChannelInfo) -> Conversation:
    take_in(acme, channel, message("buy my lamps"))
    return read(acme)


def read(account: Account, **which: Any) -> Conversation:
    with scope(account):
        return Conversation.objects.get(**which)


def block(account: Account, conversation: Conversation, *, spam: bool = False) -> None:
    with locked_scope(account) as now:
        block_contact(account, conversation.id, actor=BOB, spam=spam, now=now)


def unblock(account: Account, conversation: Conversation) -> None:
    with locked_scope(account) as now:
        unblock_contact(account, conversation.id, actor=BOB, now=now)


def post(client: Client, conversation: Conversation, part: str, **content: Any) -> Any:
    return client.post(f"/inbox/c/{conversation.id}/{part}/", content, headers={"X-Fragment": "answer"})


def test_what_a_blocked_user_writes_is_kept_and_opens_nothing(
    acme: Account, channel: ChannelInfo, ana: Conversation
) -> None:
    assert ana.unread == 1
    block(acme, ana)
    with scope(acme) as now:
        set_status(acme, ana.id, actor=BOB, status="resolved", now=now)
    assert take_in(acme, channel, message("buy them now")).messages == 1
    after = read(acme)
    assert (after.status, after.unread) == ("resolved", 0)
    assert after.last_message_id > ana.last_message_id
    with scope(acme):
        assert Message.objects.filter(text="buy them now").exists()


def test_neither_does_a_first_message_on_another_channel(
    acme: Account, channel: ChannelInfo, ana: Conversation
) -> None:
    block(acme, ana, spam=True)
    with scope(acme):
        another = make_channel(acme, external_id="another")
    take_in(acme, another, message("buy them here"))
    after = read(acme)
    assert (after.status, after.unread, len(after.channels)) == ("resolved", 0, 2)


def test_a_reply_to_a_blocked_user_is_refused_and_says_why(acme: Account, ana: Conversation, bob: Membership) -> None:
    block(acme, ana)
    with scope(acme) as now, pytest.raises(NotPossible):
        send_reply(acme, ana.id, Draft("c1", "no thanks"), author=Author("agent", 2, "Bob"), now=now)
    calls = agent_caller(bob)
    refused = calls.post(f"conversations/{ana.id}/messages/", {"client_id": "c2", "text": "no thanks"})
    assert problem_of(refused) == (422, "not_possible")
    (allowed,) = calls.get(f"conversations/{ana.id}/").json()["allowed"]
    assert (allowed["can"], allowed["reason"]) == ("nothing", "This contact is blocked.")


def test_after_the_block_is_lifted_new_messages_count_again(
    acme: Account, channel: ChannelInfo, ana: Conversation
) -> None:
    block(acme, ana, spam=True)
    assert read(acme).labels == ["spam"]
    take_in(acme, channel, message("sorry"))
    unblock(acme, ana)
    assert (read(acme).labels, read(acme).unread) == ([], 0)
    take_in(acme, channel, message("may I ask something?"))
    after = read(acme)
    assert (after.status, after.unread) == ("open", 1)


def test_a_block_follows_joins_and_partings(acme: Account, channel: ChannelInfo, ana: Conversation) -> None:
    take_in(acme, channel, message("hello", sender=user("ES.77", name="Bruno")))
    with scope(acme):
        bruno = Conversation.objects.exclude(id=ana.id).get()
        identity = Thread.objects.get(conversation_id=bruno.id).identity_id
    block(acme, bruno)
    with locked_scope(acme) as now:
        join_contacts(acme, ana.id, actor=BOB, other=bruno.id, now=now)
    take_in(acme, channel, message("from the other address"))
    assert read(acme).unread == 0
    with locked_scope(acme) as now:
        part_identity(acme, ana.id, actor=BOB, identity=identity, now=now)
    take_in(acme, channel, message("me again"), message("me too", sender=user("ES.77", name="Bruno")))
    with scope(acme):
        unread = dict(Conversation.objects.values_list("id", "unread"))
    assert unread == {ana.id: 1, bruno.id: 0}


def test_the_assignee_blocks_and_a_supervisor_lifts_it(
    acme: Account, ana: Conversation, alice: Membership, bob: Membership
) -> None:
    agent, supervisor = sign_in(bob), sign_in(alice)
    assert problem_of(post(agent, ana, "block")) == (403, "forbidden")
    with scope(acme) as now:
        assign(acme, ana.id, actor=BOB, assignee=bob.user_id, now=now)
    assert post(agent, ana, "block", spam="true").status_code == 204
    assert problem_of(post(agent, ana, "unblock")) == (403, "forbidden")
    assert post(supervisor, ana, "unblock").status_code == 204
    with scope(acme):
        actions = list(AuditEntry.objects.order_by("id").values_list("actor_name", "action"))
    assert actions[-2:] == [("Bob", "contact.mark_spam"), ("Alice", "contact.unblock")]
    page = agent.get(f"/inbox/c/{ana.id}/messages/", headers={"X-Fragment": "part"}).content.decode()
    assert "Bob marked this as spam and blocked the user." in page
    assert "Alice lifted the block." in page


def test_over_the_api_the_contact_says_so(acme: Account, ana: Conversation, alice: Membership, bob: Membership) -> None:
    supervisor = agent_caller(alice)
    assert problem_of(agent_caller(bob).post(f"contacts/{ana.id}/block/", {})) == (403, "forbidden")
    assert supervisor.post(f"contacts/{ana.id}/block/", {}).json()["blocked"] is True
    assert supervisor.get(f"contacts/{ana.id}/").json()["blocked"] is True
    assert supervisor.post(f"contacts/{ana.id}/unblock/", {}).json()["blocked"] is False


def test_who_is_blocked_while_a_team_gives_out_is_given_to_nobody(acme: Account, ana: Conversation) -> None:
    with scope(acme):
        team = Team.objects.create(account=acme, name="Orders", routing=Team.Routing.ROUND_ROBIN)
        Thread.objects.update(team=team)
        Conversation.objects.update(team=team)
    with scope(acme) as now:
        waiting = list_waiting(acme.id, teams=[team.id], now=now, window=acme.window)
    assert [each.id for each in waiting] == [ana.id]
    block(acme, ana)
    with scope(acme):
        assert recheck_waiting(acme.id, waiting, teams=[team.id]) == []


def test_no_supervisor_is_called_to_a_handover_of_a_blocked_user(
    acme: Account, ana: Conversation, alice: Membership
) -> None:
    with scope(acme) as now:
        Handover.objects.create(account=acme, thread=Thread.objects.get(), bot="Helper", reason="Wants more", at=now)
    block(acme, ana)
    with scope(acme) as now:
        assert escalate_handovers(acme, now=now + timedelta(hours=1)) == 0
        assert read_overview(acme.id, now=now, window=acme.window).handovers == ()
    unblock(acme, ana)
    with scope(acme) as now:
        assert len(read_overview(acme.id, now=now, window=acme.window).handovers) == 1
        assert escalate_handovers(acme, now=now + timedelta(hours=1)) == 1


def test_a_bot_that_is_silent_to_a_blocked_user_calls_no_people(acme: Account, ana: Conversation) -> None:
    with scope(acme):
        Thread.objects.update(turn="bot")
        Conversation.objects.update(turn="bot")
    block(acme, ana)
    with scope(acme) as now:
        assert relieve_silent_bots(acme, now=now + timedelta(hours=1)) == 0
    unblock(acme, ana)
    with scope(acme) as now:
        assert relieve_silent_bots(acme, now=now + timedelta(hours=1)) == 1


def test_a_block_costs_a_batch_one_statement_at_most(acme: Account, channel: ChannelInfo, ana: Conversation) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            take_in(acme, channel, message("again"))
        return len(queries)

    before = count()
    block(acme, ana)
    assert count() <= before + 1
