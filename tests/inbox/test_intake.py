"""Batches of events become messages, threads and conversations; in any order, any number of times, to the same end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, permutations
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ingest.events import (
    Content,
    DeliveryState,
    DeliveryUpdated,
    Event,
    MediaRef,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
)
from channels_ingest.models import MediaObject
from channels_ingest.sink import ChannelInfo
from identity.models import Evidence
from inbox.models import Conversation, LiveEvent, Message, PendingEffect, Thread
from inbox.reach import EVERYTHING
from inbox.selectors.conversations import get_conversation, list_conversations
from inbox.selectors.messages import list_messages
from inbox.services.contacts import undo_link
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account
from oneview.common.scope import scope
from tests.inbox.batches import ana, echo, make_channel, message, take_in, user

pytestmark = pytest.mark.django_db

BOB = Agent(1, "Bob")
WINDOW = timedelta(days=30)


@pytest.fixture
def account() -> Account:
    return Account.objects.create(slug="acme", name="Acme")


@pytest.fixture
def channel(account: Account) -> Iterator[ChannelInfo]:
    with scope(account):
        yield make_channel(account)


def conversations(account: Account) -> list[UUID]:
    with scope(account) as now:
        return [
            row.id
            for row in list_conversations(account.id, now=now, window=WINDOW, reach=EVERYTHING, status="all").rows
        ]


def texts(account: Account, conversation: UUID) -> list[str]:
    with scope(account) as now:
        return [shape.text for shape in list_messages(account.id, conversation, now=now, window=WINDOW).messages]


def test_a_message_makes_a_contact_a_thread_and_a_conversation(account: Account, channel: ChannelInfo) -> None:
    intake = take_in(account, channel, message("hola"))
    assert intake.messages == 1
    (conversation,) = conversations(account)
    with scope(account) as now:
        shape = get_conversation(account.id, conversation, now=now, window=WINDOW, reach=EVERYTHING)
    assert (shape.name, shape.status, shape.unread) == ("Ana Prieto", "open", 1)
    assert shape.last_message is not None
    assert shape.last_message.text == "hola"
    assert texts(account, conversation) == ["hola"]


def test_the_same_events_again_change_nothing(account: Account, channel: ChannelInfo) -> None:
    event = message("hola", id="wamid.1")
    take_in(account, channel, event, event)
    again = take_in(account, channel, event)
    assert (again.messages, again.duplicates) == (0, 1)
    assert Message.objects.count() == 1
    assert Conversation.objects.get().unread == 1


def test_a_message_older_than_the_window_is_not_stored(account: Account, channel: ChannelInfo) -> None:
    old = datetime.now(UTC) - timedelta(days=30, seconds=5)
    intake = take_in(account, channel, message("too late", at=old))
    assert (intake.messages, intake.expired) == (0, 1)
    assert not Message.objects.exists()


def test_messages_stand_in_the_order_of_the_provider(account: Account, channel: ChannelInfo) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    written = [message(str(n), at=start + timedelta(seconds=2 * n)) for n in range(4)]
    take_in(account, channel, written[2], written[0])
    take_in(account, channel, written[3])
    take_in(account, channel, written[1])
    (conversation,) = conversations(account)
    assert texts(account, conversation) == ["0", "1", "2", "3"]


def test_effects_come_to_the_same_in_any_order(account: Account) -> None:
    """Edits, a deletion, reactions and their taking back, before, between and after their message."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

    def at(minutes: int) -> datetime:
        return start + timedelta(minutes=minutes)

    def events(id: str) -> list[Event]:
        return [
            message("first", id=id, at=at(0)),
            MessageEdited("900100", at(2), id, Content(MessageType.TEXT, "second")),
            MessageEdited("900100", at(4), id, Content(MessageType.TEXT, "third")),
            ReactionChanged("900100", at(5), id, ana(), "👍"),
            ReactionChanged("900100", at(6), id, ana(), ""),
        ]

    outcomes = set()
    with scope(account):
        channel = make_channel(account)
    for number, order in enumerate(islice(permutations(range(5)), 0, None, 7)):
        id = f"wamid.{number}"
        batch = events(id)
        for position in order:
            take_in(account, channel, batch[position])
        with scope(account):
            row = Message.objects.get(external_id=id)
        revisions = tuple((revision["text"], revision["at"]) for revision in row.revisions)
        outcomes.add((row.text, row.edited_at, revisions, tuple(reaction["emoji"] for reaction in row.reactions)))
    ((text, edited_at, revisions, emojis),) = outcomes
    assert (text, edited_at) == ("third", at(4))
    assert [revision for revision, _ in revisions] == ["first", "second"]
    assert emojis == ("",)
    with scope(account):
        assert not PendingEffect.objects.exists()


def test_a_deleted_message_shows_no_text(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, message("oops", id="wamid.1"))
    take_in(account, channel, MessageDeleted("900100", datetime.now(UTC), "wamid.1"))
    (conversation,) = conversations(account)
    with scope(account) as now:
        (shape,) = list_messages(account.id, conversation, now=now, window=WINDOW).messages
        row = get_conversation(account.id, conversation, now=now, window=WINDOW, reach=EVERYTHING)
    assert (shape.text, shape.deleted_at is not None) == ("", True)
    assert row.last_message is not None
    assert (row.last_message.text, row.last_message.deleted) == ("", True)


def test_receipts_only_rise_and_wait_for_their_message(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, message("hola"))
    (conversation,) = conversations(account)
    with scope(account) as now:
        shape, _ = send_reply(account, conversation, Draft("c1", "hello"), author=Author("agent", 1, "Bob"), now=now)

    def report(state: DeliveryState, *, key: str = "wamid.OUT", own: str | None = None) -> DeliveryUpdated:
        return DeliveryUpdated("900100", datetime.now(UTC), key, state, message_id=own)

    take_in(account, channel, report(DeliveryState.READ))  # before the send's own answer
    take_in(account, channel, report(DeliveryState.SENT, own=str(shape.id)))
    assert Message.objects.get(id=shape.id).status == "read"
    take_in(account, channel, report(DeliveryState.DELIVERED))
    row = Message.objects.get(id=shape.id)
    assert (row.status, row.external_id) == ("read", "wamid.OUT")


def test_a_repeated_reply_is_sent_once(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, message("hola"))
    (conversation,) = conversations(account)
    with scope(account) as now:
        first, created = send_reply(
            account, conversation, Draft("c1", "hello"), author=Author("agent", 1, "Bob"), now=now
        )
        second, again = send_reply(
            account, conversation, Draft("c1", "hello"), author=Author("agent", 1, "Bob"), now=now
        )
    assert (created, again, first.id) == (True, False, second.id)
    row = Conversation.objects.get()
    assert (row.unread, row.status) == (0, "open")


def test_an_echo_reads_what_came_before_it(account: Account, channel: ChannelInfo) -> None:
    start = datetime.now(UTC) - timedelta(minutes=10)
    take_in(account, channel, message("one", at=start), message("two", at=start + timedelta(minutes=1)))
    take_in(account, channel, echo("from the phone", at=start + timedelta(minutes=2)))
    take_in(account, channel, message("three", at=start + timedelta(minutes=3)))
    assert Conversation.objects.get().unread == 1
    take_in(account, channel, echo("late", at=start + timedelta(seconds=90)))
    assert Conversation.objects.get().unread == 1


def test_a_file_is_a_placeholder_until_it_is_fetched(account: Account, channel: ChannelInfo) -> None:
    content = Content(MessageType.IMAGE, "look", (MediaRef({"id": "1003"}, "image/jpeg"),))
    take_in(account, channel, MessageReceived("900100", datetime.now(UTC), ana(), "wamid.1", content))
    (conversation,) = conversations(account)
    with scope(account) as now:
        (shape,) = list_messages(account.id, conversation, now=now, window=WINDOW).messages
    (attachment,) = shape.attachments
    assert (attachment.state, attachment.url, attachment.type) == ("wanted", "", "image/jpeg")
    assert MediaObject.objects.get().message_id == shape.id


def test_people_who_share_a_proven_phone_become_one_and_part_again(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, message("as one id", sender=user("ES.1", phone="34600111222")))
    take_in(account, channel, message("as another", sender=user("ES.2", phone="34600111222")))
    (joined,) = conversations(account)
    assert texts(account, joined) == ["as one id", "as another"]
    with scope(account) as now:
        evidence = Evidence.objects.exclude(a=joined).exclude(b=joined).get()
        parts = undo_link(account, joined, actor=BOB, evidence=evidence.id, now=now)
    assert len(parts) == 2
    assert {tuple(texts(account, part)) for part in parts} == {("as one id",), ("as another",)}
    assert LiveEvent.objects.filter(type="conversation.moved").count() == 1
    take_in(account, channel, message("again", sender=user("ES.2", phone="34600111222")))
    assert len(conversations(account)) == 2


def test_a_batch_of_any_size_takes_the_same_number_of_queries(account: Account, channel: ChannelInfo) -> None:
    counts = []
    for size in (2, 40):
        events = [message("x", sender=user(f"ES.{size}{n}", phone=f"3460{size:02d}1{n:04d}")) for n in range(size)]
        with CaptureQueriesContext(connection) as queries:
            assert take_in(account, channel, *events).messages == size
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 45
    assert Thread.objects.count() == 42
