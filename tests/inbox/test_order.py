"""A new user sends an album of ten pictures and twenty quick messages, all at once, a hundred times on each kind of
channel: one conversation, every message once, in the provider's order where there is one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from threading import Thread as Worker

import pytest
from django.db import connection

from channels_ingest.drain import Drain
from channels_ingest.models import Channel, InboundEvent
from channels_ingest.registry import load_channels
from channels_ingest.sandbox.base import Written
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import draw_image
from channels_ingest.sandbox.registry import load_providers
from channels_ingest.services import create_channel
from inbox.models import Conversation, Message, MessageKey, Thread
from inbox.selectors.messages import list_messages
from oneview.accounts.models import Account
from oneview.common.days import keep_days
from oneview.common.scope import scope

pytestmark = pytest.mark.committed

USERS, PICTURES, TEXTS = 100, 10, 20
GAP = 0.03  # seconds between two messages of a user: quicker than a clock of whole seconds sees
# Its sequence, or a clock finer than the gap. WhatsApp has neither, on web chat the arrival is the order.
ORDERED = {"telegram", "messenger", "api"}


def connect(account: Account, kind: str) -> Channel:
    adapter = load_channels()[kind]
    credentials = {field.name: f"a secret of {kind}" for field in adapter.credentials if field.secret}
    with scope(account):
        return create_channel(account.id, kind=kind, name=kind, external_id="7100200300", credentials=credentials)


def store_at_once(account: Account, channel: Channel, *, begin: datetime) -> list[tuple[int, int, str]]:
    """Stores all webhooks in any order; (user, number, external id) of each message."""
    provider = load_providers()[channel.kind]
    connection = Connection(channel.kind, channel.external_id, channel.public_id, channel.credentials)
    picture = draw_image(1, 8)
    said, composed_all = [], []
    for user in range(USERS):
        for number in range(PICTURES + TEXTS):
            written = Written(
                who=str(7_000_000 + user),
                text=f"{number}",
                at=begin.timestamp() + number * GAP,
                id=str(100 + number) if channel.kind == "telegram" else f"id-{user}-{number}",
                picture=picture if number < PICTURES and channel.kind != "webchat" else None,
            )
            composed = provider.compose(connection, written)
            said.append((user, number, composed.external_id))
            composed_all.append(composed)
    random.Random(7).shuffle(composed_all)
    with scope(account):
        InboundEvent.objects.bulk_create(
            InboundEvent(
                account=account,
                channel=channel,
                headers=dict(composed.kept),
                body=composed.body,
                received_at=begin + timedelta(seconds=1.2, milliseconds=position / 4),
            )
            for position, composed in enumerate(composed_all)
        )
    return said


def drain_with(drains: int) -> None:
    def work() -> None:
        drain = Drain()
        while drain.work():
            pass
        connection.close()

    workers = [Worker(target=work) for _ in range(drains)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    work()  # what one left to the other


@pytest.mark.parametrize("kind", sorted(load_channels()))
def test_what_came_at_once_stands_once_and_in_order(acme: Account, kind: str) -> None:
    channel = connect(acme, kind)
    keep_days()
    with scope(acme) as now:
        begin = now - timedelta(minutes=5)
    said = store_at_once(acme, channel, begin=begin)
    drain_with(2)
    with scope(acme) as now:
        assert Conversation.objects.count() == Thread.objects.count() == USERS
        assert Message.objects.count() == len(said)
        message_of = dict(MessageKey.objects.values_list("external_id", "message_id"))
        thread_of = dict(Message.objects.values_list("id", "thread_id"))
        numbers: defaultdict[object, list[int]] = defaultdict(list)
        number_of = {message_of[external]: (user, number) for user, number, external in said}
        for id in sorted(thread_of):
            numbers[thread_of[id]].append(number_of[id][1])
        assert {len({number_of[id][0] for id in thread_of if thread_of[id] == thread}) for thread in numbers} == {1}
        for found in numbers.values():
            assert sorted(found) == list(range(PICTURES + TEXTS))
            if kind in ORDERED:
                assert found == sorted(found)
        conversation = Conversation.objects.values_list("id", flat=True)[0]
        shown = list_messages(acme.id, conversation, now=now, window=acme.window, limit=50).messages
        assert [message.id for message in shown] == sorted(message.id for message in shown)
