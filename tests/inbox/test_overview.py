"""What supervisors see first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Handover, Message, Thread
from inbox.selectors.overview import Overview, read_overview
from inbox.services.conversations import assign, set_status
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


def ask(account: Account, channel: ChannelInfo, name: str, *, minutes: int) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    take_in(account, channel, message(f"from {name}", sender=user(f"ES.{name}", name=name), at=at))


def find(account: Account, name: str) -> Conversation:
    return Conversation.objects.get(account=account, id=Message.objects.get(text=f"from {name}").thread.conversation_id)


def read(account: Account) -> Overview:
    with scope(account) as now:
        return read_overview(account.pk, now=now, window=account.window)


def test_those_who_wait_stand_by_how_long(acme: Account, channel: ChannelInfo, bob: Membership) -> None:
    for name, minutes in (("Ana", 10), ("Ben", 30), ("Cleo", 20), ("Dan", 5), ("Eve", 40)):
        ask(acme, channel, name, minutes=minutes)
    ask(acme, channel, "Ben", minutes=1)
    author, agent = Author("agent", bob.user_id, "Bob"), Agent(bob.user_id, "Bob")
    with scope(acme) as now:
        send_reply(acme, find(acme, "Dan").id, Draft("1", "here"), author=author, now=now)
        set_status(acme, find(acme, "Eve").id, actor=agent, status="resolved", now=now)
        assign(acme, find(acme, "Cleo").id, actor=agent, assignee=bob.user_id, now=now)
    overview = read(acme)
    assert [(each.name, each.assignee) for each in overview.waiting] == [("Ben", ""), ("Cleo", "Bob"), ("Ana", "")]
    assert overview.waiting_count == 3
    assert overview.longest
    assert timedelta(minutes=29) < datetime.now(UTC) - overview.longest < timedelta(minutes=32)


def test_whom_a_bot_answers_does_not_wait_for_people(acme: Account, channel: ChannelInfo) -> None:
    ask(acme, channel, "Ana", minutes=10)
    with scope(acme):
        Thread.objects.update(turn="bot")
        Conversation.objects.update(turn="bot")
    overview = read(acme)
    assert overview.waiting == ()
    assert [(load.open, load.with_bot) for load in overview.channels] == [(1, 1)]


def test_agents_are_shown_with_what_they_have(acme: Account, channel: ChannelInfo, bob: Membership) -> None:
    ask(acme, channel, "Ana", minutes=10)
    Membership.objects.filter(pk=bob.pk).update(is_away=True, capacity=4)
    with scope(acme) as now:
        assign(acme, find(acme, "Ana").id, actor=Agent(bob.user_id, "Bob"), assignee=bob.user_id, now=now)
    [load] = read(acme).agents
    assert (load.name, load.open, load.unread, load.is_away, load.capacity) == ("Bob", 1, 1, True, 4)


def test_what_was_not_sent_and_what_nobody_took_over_is_told(
    acme: Account, channel: ChannelInfo, bob: Membership
) -> None:
    ask(acme, channel, "Ana", minutes=10)
    with scope(acme) as now:
        conversation = find(acme, "Ana")
        send_reply(acme, conversation.id, Draft("1", "x"), author=Author("agent", bob.user_id, "Bob"), now=now)
        Message.objects.filter(text="x").update(status="failed", status_reason="No such number.")
        thread = Thread.objects.get()
        Handover.objects.create(account=acme, thread=thread, bot="Helper", reason="Wants a person", at=now)
        Handover.objects.create(account=acme, thread=thread, bot="Helper", reason="Was taken", at=now, claimed_at=now)
    overview = read(acme)
    assert [(each.name, each.reason) for each in overview.failed] == [("Ana", "No such number.")]
    assert [(each.conversation, each.reason) for each in overview.handovers] == [(conversation.id, "Wants a person")]


def test_a_window_that_closes_soon_is_counted(acme: Account, channel: ChannelInfo) -> None:
    ask(acme, channel, "Ana", minutes=24 * 60 - 30)
    ask(acme, channel, "Ben", minutes=60)
    ask(acme, channel, "Cleo", minutes=24 * 60 + 30)
    assert read(acme).closing == 1


def test_the_number_of_statements_does_not_grow(acme: Account, channel: ChannelInfo) -> None:
    def measure() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            read(acme)
        return len(queries)

    ask(acme, channel, "Ana", minutes=1)
    before = measure()
    for number in range(12):
        ask(acme, channel, f"User {number}", minutes=number)
    assert measure() == before < 20


def test_the_page_is_for_supervisors_and_of_their_own_account(
    acme: Account, channel: ChannelInfo, alice: Membership, bob: Membership, charlie: Membership
) -> None:
    ask(acme, channel, "Ana Canary", minutes=10)
    page = sign_in(alice).get("/admin/overview/")
    assert "Ana Canary" in page.content.decode()
    fragment = sign_in(alice).get("/admin/overview/", headers={"X-Fragment": "overview"}).content.decode()
    assert "Ana Canary" in fragment
    assert "<html" not in fragment
    theirs = sign_in(charlie).get("/admin/overview/")
    assert theirs.status_code == 200
    assert "Ana Canary" not in theirs.content.decode()
    assert sign_in(bob).get("/admin/overview/", follow=True).status_code == 403
