"""A number that changes hands: whose messages are whose does not depend on when we hear of the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from channels_ingest.events import AddressChanged, Event, ReactionChanged
from channels_ingest.models import OutboxMessage
from channels_ingest.sink import ChannelInfo
from identity.models import Contact, Evidence, Identity
from inbox.models import Conversation, LiveEvent, Message, Snapshot, Thread
from inbox.selectors.messages import list_messages
from inbox.services.contacts import undo_link
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account
from oneview.common.scope import scope
from tests.factories import make_account, make_member
from tests.inbox.batches import echo, make_channel, message, take_in, user

pytestmark = pytest.mark.django_db

OLD, NEW = "34600111220", "34600999888"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def channel(account: Account) -> Iterator[ChannelInfo]:
    with scope(account):
        yield make_channel(account)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


ana = user(OLD, phone=OLD, name="Ana")
ana_later = user(NEW, phone=NEW)
stranger = user(OLD, phone=OLD, name="Bruno")

hello = message("hello from Ana", sender=ana, id="wamid.1", at=at(0))
answer = echo("answer to Ana", sender=user(OLD, phone=OLD), id="wamid.2", at=at(10))
change = AddressChanged("900100", at(20), "wamid.3", previous=user(OLD, phone=OLD), current=ana_later)
moved = message("my new number", sender=ana_later, id="wamid.4", at=at(30))
wrong = message("who are you?", sender=stranger, id="wamid.5", at=at(40))
again = message("hello?", sender=stranger, id="wamid.6", at=at(50))
thumb = ReactionChanged("900100", at(55), "wamid.5", stranger, "👍")
regret = echo("sorry, wrong number", sender=user(OLD, phone=OLD), id="wamid.7", at=at(45))


def describe(account: Account) -> dict[str, Any]:
    """All that agents can see, without what tells of the order of arrival: ids, and lines of what was joined when."""
    with scope(account) as now:
        texts = dict(Message.objects.values_list("id", "text"))
        threads = [
            (
                str(thread.identity),
                thread.identity.epoch,
                thread.conversation_id,
                thread.status,
                thread.unread,
                thread.address,
                thread.last_inbound_at,
                thread.last_message_id and texts[thread.last_message_id],
                thread.read_up_to and texts[thread.read_up_to],
            )
            for thread in Thread.objects.select_related("identity")
        ]
        return {
            "timelines": {
                row.id: [
                    (shape.text, shape.author.name, [(each.emoji, each.author.name) for each in shape.reactions])
                    for shape in list_messages(account.id, row.id, now=now, window=account.window).messages
                    if shape.author.kind != "system"
                ]
                for row in Conversation.objects.all()
            },
            "conversations": sorted(Conversation.objects.values_list("id", "status", "unread")),
            "contacts": sorted(Contact.objects.values_list("id", "name", "attributes__phone")),
            "identities": sorted(Identity.objects.values_list("id", "contact_id", "first_seen", "raw_value")),
            "threads": sorted(threads),
        }


def take_in_orders(
    account: Account, channel: ChannelInfo, orders: Sequence[Sequence[Sequence[Event]]]
) -> dict[str, Any]:
    """What all orders come to; each is a sequence of batches and starts from nothing."""
    outcomes = []
    for order in orders:
        with transaction.atomic():
            for batch in order:
                take_in(account, channel, *batch)
            with scope(account):
                connection.check_constraints()
            outcomes.append(describe(account))
            transaction.set_rollback(True)
    assert all(outcome == outcomes[0] for outcome in outcomes)
    return outcomes[0]


def find_conversation(account: Account, text: str) -> UUID:
    with scope(account):
        return Thread.objects.get(id=Message.objects.get(text=text).thread_id).conversation_id


def texts(outcome: dict[str, Any]) -> set[tuple[str, ...]]:
    return {tuple(text for text, _, _ in timeline) for timeline in outcome["timelines"].values()}


def test_a_number_change_comes_to_the_same_in_every_order(account: Account, channel: ChannelInfo) -> None:
    orders = [[[event] for event in order] for order in permutations([hello, change, moved, wrong])]
    outcome = take_in_orders(account, channel, orders)
    assert texts(outcome) == {("hello from Ana", "my new number"), ("who are you?",)}
    assert {(name, phone) for _, name, phone in outcome["contacts"]} == {("Ana", f"+{NEW}"), ("Bruno", f"+{OLD}")}


def test_a_number_change_comes_to_the_same_in_batches_of_any_size(account: Account, channel: ChannelInfo) -> None:
    random = Random(7)
    orders = []
    for _ in range(50):
        events = [hello, answer, change, moved, wrong, again, thumb, regret, random.choice([change, wrong, regret])]
        random.shuffle(events)
        cuts = sorted(random.sample(range(len(events) + 1), random.randint(0, 4)))
        orders.append([events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)])
    outcome = take_in_orders(account, channel, orders)
    timelines = [*outcome["timelines"].values()]
    assert sorted(timelines) == [
        [("hello from Ana", "Ana", []), ("answer to Ana", "WhatsApp app", []), ("my new number", "Ana", [])],
        [
            ("who are you?", "Bruno", [("👍", "Bruno")]),
            ("sorry, wrong number", "WhatsApp app", []),
            ("hello?", "Bruno", []),
        ],
    ]
    assert [unread for _, _, unread in outcome["conversations"]] == [1, 1]


def test_who_has_the_number_next_never_joins_who_had_it_before(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, hello, change, moved)
    take_in(account, channel, wrong)
    take_in(account, channel, message("and once more", sender=stranger, at=at(60)))
    outcome = describe(account)
    assert texts(outcome) == {("hello from Ana", "my new number"), ("who are you?", "and once more")}


def test_a_number_may_change_hands_twice(account: Account, channel: ChannelInfo) -> None:
    third = user(OLD, phone=OLD, name="Carla")
    back = AddressChanged("900100", at(60), "wamid.8", previous=stranger, current=user("34600777666"))
    events = [hello, change, wrong, back, message("Carla here", sender=third, id="wamid.9", at=at(70))]
    orders = [[[event] for event in order] for order in list(permutations(events))[::8]]
    outcome = take_in_orders(account, channel, orders)
    assert texts(outcome) == {("hello from Ana",), ("who are you?",), ("Carla here",)}


def test_what_hangs_on_a_message_goes_along(account: Account, channel: ChannelInfo) -> None:
    """Our answer to it, its delivery, how far the work is; not what belongs to the user from before."""
    take_in(account, channel, hello, wrong)
    joined = find_conversation(account, "hello from Ana")
    with scope(account) as now:
        Thread.objects.update(assignee=make_member(account, "Bob").user, labels=["vip"])
        send_reply(account, joined, Draft("c1", "whom do you look for?"), author=Author("agent", 1, "Bob"), now=now)
        seq = LiveEvent.objects.latest("seq").seq
    take_in(account, channel, change)
    apart = find_conversation(account, "who are you?")
    assert apart != joined
    with scope(account):
        was, thread = (
            Thread.objects.get(conversation_id=conversation, identity__value=OLD) for conversation in (joined, apart)
        )
        reply = Message.objects.get(text="whom do you look for?")
        assert reply.thread_id == OutboxMessage.objects.get().thread_id == thread.id
        assert thread.assignee_id == was.assignee_id is not None
        assert (thread.labels, was.labels) == ([], ["vip"])
        assert (thread.read_up_to, thread.unread, was.read_up_to, was.unread) == (reply.id, 0, None, 1)
        context = Snapshot.objects.get(
            id__in=Message.objects.filter(text="who are you?").values("snapshot_id")
        ).document
        assert context["user"]["name"] == "Bruno"
        told = {(event.type, event.conversation_id) for event in LiveEvent.objects.filter(seq__gt=seq)}
        (move,) = LiveEvent.objects.filter(seq__gt=seq, type="conversation.moved", conversation_id=apart)
    assert move.detail == {"from": [str(joined)], "to": str(apart)}
    assert {("conversation.updated", joined), ("conversation.updated", apart), ("contact.updated", apart)} <= told


def test_a_thread_without_a_message_is_removed(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, wrong)
    take_in(account, channel, change)
    with scope(account):
        (thread,) = Thread.objects.all()
        assert thread.identity.epoch == int(at(20).timestamp())
        assert list(Conversation.objects.values_list("id", flat=True)) == [thread.conversation_id]


def test_messages_stay_on_their_own_side_when_a_link_is_undone(account: Account, channel: ChannelInfo) -> None:
    one, other = user("ES.1", phone="34600111222"), user("ES.2", phone="34600111222")
    take_in(account, channel, message("one", sender=one, at=at(1)), message("other", sender=other, at=at(2)))
    take_in(
        account, channel, message("one, joined", sender=one, at=at(3)), echo("to the other", sender=other, at=at(4))
    )
    joined = find_conversation(account, "one")
    with scope(account) as now:
        evidence = Evidence.objects.exclude(a=joined).exclude(b=joined).get()
        undo_link(account, joined, actor=Agent(1, "Bob"), evidence=evidence.id, now=now)
    assert texts(describe(account)) == {("one", "one, joined"), ("other", "to the other")}
