"""A number that changes hands: whose messages are whose does not depend on when we hear of the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from channels_ingest.events import AddressChanged, Event, ReactionChanged
from channels_ingest.sink import ChannelInfo
from identity.models import Contact, Identity
from inbox.models import Conversation, Message, Thread
from inbox.selectors.messages import list_messages
from oneview.accounts.models import Account
from oneview.common.scope import scope
from tests.factories import make_account
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
    """All that agents can see, without ids that are given in order of arrival."""
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
                texts.get(thread.last_message_id),
                texts.get(thread.read_up_to),
            )
            for thread in Thread.objects.select_related("identity")
        ]
        return {
            "timelines": {
                row.id: [
                    (shape.text, shape.author.name, [(each.emoji, each.author.name) for each in shape.reactions])
                    for shape in list_messages(account.id, row.id, now=now, window=account.window).messages
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


def test_a_number_change_comes_to_the_same_in_every_order(account: Account, channel: ChannelInfo) -> None:
    events = [hello, answer, change, moved, wrong]
    outcome = take_in_orders(account, channel, [[[event] for event in order] for order in permutations(events)])
    timelines = {tuple(text for text, _, _ in timeline) for timeline in outcome["timelines"].values()}
    assert timelines == {("hello from Ana", "answer to Ana", "my new number"), ("who are you?",)}
    assert {name for _, name, _ in outcome["contacts"]} == {"Ana", "Bruno"}


def test_a_number_change_comes_to_the_same_in_batches_of_any_size(account: Account, channel: ChannelInfo) -> None:
    random = Random(7)
    orders = []
    for _ in range(60):
        events = [hello, answer, change, moved, wrong, again, thumb, regret, random.choice([change, wrong, regret])]
        random.shuffle(events)
        cuts = sorted(random.sample(range(len(events) + 1), random.randint(0, 4)))
        orders.append([events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)])
    outcome = take_in_orders(account, channel, orders)
    (stranger_row,) = [
        row for row in outcome["conversations"] if len(outcome["timelines"][row[0]]) == 3 and row[2] == 1
    ]
    assert outcome["timelines"][stranger_row[0]] == [
        ("who are you?", "Bruno", [("👍", "Bruno")]),
        ("sorry, wrong number", "WhatsApp app", []),
        ("hello?", "Bruno", []),
    ]
